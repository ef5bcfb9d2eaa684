"""What the address of a page of statistics asks for: a period and filters; what cannot be read of it is the usual."""

import datetime
from dataclasses import dataclass
from urllib.parse import urlencode

from polus.desk.statistics.asked import Asked
from polus.desk.statistics.conditions import Filter
from polus.desk.statistics.reports import Zone
from polus.web.visits import Visit

PERIODS = (7, 30, 90, 365)
USUAL = 30
MOST_DAYS = 366
YEARS = (1970, 9000)
# What stands in the address, and which member of facts it narrows.
MEMBERS = {"agent": "agentId", "team": "teamId", "store": "storeId", "tag": "tags"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to see, as the address says it. `days` is 0 for dates of his own; `problem`: why these are
    not what is shown (`order`, `long`, `from`)."""

    asked: Asked
    days: int
    chosen: dict[str, str]
    step: str
    first: datetime.date
    last: datetime.date
    problem: str = ""

    @property
    def query(self) -> str:
        """The same for the addresses of other pages."""
        return urlencode({name: value for name, value in self.chosen.items() if value})


def wish(visit: Visit) -> Wish:
    """What the address asks for; what cannot be read is the usual."""
    given, zone = visit.request.query_params, visit.here(view="").zone
    names = ("days", "from", "to", "channel", "field", *MEMBERS)
    chosen = {name: given.get(name, "")[:64].replace("\0", "") for name in names}
    today = datetime.datetime.now(zone).date()
    if chosen["days"] and "was" in given and chosen["days"] != given["was"]:
        # The period was chosen last: dates that stand in the form are from before.
        chosen |= {"from": "", "to": ""}
    days = int(chosen["days"]) if chosen["days"] in map(str, PERIODS) else USUAL
    first, last = _date(chosen["from"]), _date(chosen["to"]) or today
    problem = _problem(chosen, first, last)
    if first is None or problem:
        first, last = today - datetime.timedelta(days=days - 1), today
    else:
        days = 0
    begin, end = (
        datetime.datetime.combine(day, datetime.time(), zone).astimezone(datetime.UTC)
        for day in (first, last + datetime.timedelta(days=1))
    )
    length = (last - first).days
    step = "hour" if length < 2 else "day" if length < 93 else "week"
    asked = Asked(begin, end, Zone(zone.key, zone), _filters(chosen))
    return Wish(asked, days, chosen, step, first, last, problem)


def _problem(chosen: dict[str, str], first: datetime.date | None, last: datetime.date) -> str:
    if first is None:
        return "from" if chosen["from"] or chosen["to"] else ""
    if last < first:
        return "order"
    return "long" if (last - first).days >= MOST_DAYS else ""


def _date(written: str) -> datetime.date | None:
    try:
        day = datetime.date.fromisoformat(written)
    except ValueError:
        return None
    # Beyond, there is no local time for the period before or the next day.
    return day if YEARS[0] <= day.year <= YEARS[1] else None


def _filters(chosen: dict[str, str]) -> tuple[Filter, ...]:
    found = [Filter("channel", "one-of", (chosen["channel"],))] if chosen["channel"] else []
    for name, member in MEMBERS.items():
        if chosen[name].isascii() and chosen[name].isdigit() and len(chosen[name]) < 19:
            found.append(Filter(member, "one-of", (int(chosen[name]),)))
    return tuple(found)
