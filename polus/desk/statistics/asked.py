"""What the older statistics are asked: a period at the caller's offset and six kinds of filters, as reporting has them."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from polus.base import clock, errors
from polus.desk.statistics import reports, scopes
from polus.desk.statistics.conditions import Filter
from polus.desk.statistics.reports import Query, Row, Zone
from polus.desk.statistics.scopes import Measure, Scope
from polus.store.work import Work

USUAL = datetime.timedelta(days=7)
# An order that soon after an answer is counted for it.
AFTER_ANSWER = datetime.timedelta(days=5)
LAST_YEAR = 9998
LONGEST = datetime.timedelta(days=366)
TOO_LONG = "Maximum allowed period size is 366 days"
BACKWARDS = "Must be after start_datetime."
MEMBERS = {
    "agents": "agentId",
    "channels": "channel",
    "tags": "tags",
    "integrations": "integrationId",
    "campaigns": "campaigns",
    "score": "score",
}
# The longest tail, which reporting does not tell.
P90 = Measure("p90", "median", "p90")


@dataclass(frozen=True, slots=True)
class Asked:
    """A period, its end not included, in the zone of its offset, and the filters."""

    begin: datetime.datetime
    end: datetime.datetime
    zone: Zone
    filters: tuple[Filter, ...]

    @property
    def before(self) -> "Asked":
        """The same for the period of equal length just before."""
        return replace(self, begin=self.begin - (self.end - self.begin), end=self.begin)

    def meta(self) -> dict[str, str]:
        """The two periods, at the offset of the request."""
        moments = {
            "start_datetime": self.begin,
            "end_datetime": self.end,
            "previous_start_datetime": self.before.begin,
            "previous_end_datetime": self.begin,
        }
        return {name: moment.astimezone(self.zone.info).isoformat() for name, moment in moments.items()}


def read(work: Work, given: Mapping[str, Any]) -> Asked:
    """What a body's filters ask; 400."""
    period = given.get("period")
    if period is None:
        begin, end, zone = work.now - USUAL, work.now, _zone(datetime.timedelta())
    else:
        begin, offset = _moment(period["start_datetime"], "start_datetime")
        end, _ = _moment(period["end_datetime"], "end_datetime")
        zone = _zone(offset)
    if end <= begin:
        raise errors.Invalid({"filters": {"period": {"end_datetime": [BACKWARDS]}}})
    if end - begin > LONGEST:
        raise errors.Invalid({}, TOO_LONG)
    filters = [
        Filter(MEMBERS[name], "one-of", tuple(values))
        for name, values in given.items()
        if name != "period" and values
    ]
    return Asked(begin, end, zone, tuple(filters))


def _moment(written: str, name: str) -> tuple[datetime.datetime, datetime.timedelta]:
    try:
        moment = clock.parse(written)
        offset = datetime.datetime.fromisoformat(written).utcoffset() or datetime.timedelta()
        # A later year may, in local time, lie beyond what a datetime holds.
        if moment.year > LAST_YEAR:
            raise ValueError
    except ValueError:
        raise errors.Invalid({"filters": {"period": {name: [errors.NOT_DATETIME]}}}) from None
    return moment, offset


def _zone(offset: datetime.timedelta) -> Zone:
    """A zone of one offset. PostgreSQL reads such names as POSIX does: what is east of Greenwich is negative there."""
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    shown = f"{hours:02}:{rest:02}"
    ahead, posix = ("+", "-") if minutes >= 0 else ("-", "+")
    return Zone(f"<{ahead}{shown.replace(':', '')}>{posix}{shown}", datetime.timezone(offset))


def placing(scope: Scope) -> str:
    """The time dimension that is the moment which places a fact in the period."""
    return "periodStart" if "periodStart" in scope.times else scope.times[0]


def query(
    asked: Asked,
    scope: str,
    *measures: str,
    by: Sequence[str] = (),
    step: str = "",
    more: Sequence[Measure] = (),
) -> Query:
    """A query of reporting for the period and filters that were asked; `step`: granularity."""
    found = scopes.table()[scope]
    chosen = (*(found.measures[name] for name in measures), *more)
    time = (placing(found), step) if step else None
    return Query(found, chosen, asked.begin, asked.end, asked.zone, tuple(by), time, asked.filters)


async def rows(work: Work, asked: Asked, scope: str, *measures: str, **more: Any) -> list[Row]:
    """The rows of such a query."""
    return await reports.rows(work, query(asked, scope, *measures, **more))


async def days(work: Work, asked: Asked) -> list[str]:
    """The begins of all days of the period, as rows have them."""
    return await reports.days(work, query(asked, "tickets-created", "ticketCount", step="day"))
