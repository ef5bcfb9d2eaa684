"""The older, ready-made statistics by name: metrics, lines and tables, made of what reporting counts."""

import datetime
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from polus.base import errors
from polus.desk.statistics import asked as asking
from polus.desk.statistics import revenues
from polus.desk.statistics.asked import P90, Asked
from polus.store.work import Work

Told = dict[str, Any]
Figure = float | None

MOST_TAGS, MOST_SURVEYS = 1000, 100
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

NAMES: dict[str, str] = {
    "user": "select id, name from users where account_id = $1 and id = any($2::bigint[])",
    "tag": "select id, name from tags where account_id = $1 and id = any($2::bigint[])",
    "macro": "select id, name from macros where account_id = $1 and id = any($2::bigint[])",
}
LATEST = """
select s.id, s.ticket_id, c.name, s.score, s.body_text, wire(s.scored_datetime) as scored
from satisfaction_surveys s left join customers c on c.account_id = s.account_id and c.id = s.customer_id
where s.account_id = $1 and s.id = any($2::bigint[]) order by s.scored_datetime desc, s.id desc limit $3
"""


class Metric(NamedTuple):
    """One figure: what it is called, where reporting has it, and of what type it is."""

    label: str
    scope: str
    measure: str
    type: str = "number"


METRICS: dict[str, Metric] = {
    "total-tickets-created": Metric("Tickets created", "tickets-created", "ticketCount"),
    "total-tickets-replied": Metric("Tickets replied", "tickets-replied", "ticketCount"),
    "total-tickets-closed": Metric("Tickets closed", "tickets-closed", "ticketCount"),
    "total-messages-sent": Metric("Messages sent", "messages-sent", "messagesCount"),
    "total-messages-received": Metric("Messages received", "messages-received", "messagesCount"),
    "median-first-response-time": Metric(
        "Median first response time", "first-response-time", "medianFirstResponseTime", "duration"
    ),
    "median-resolution-time": Metric(
        "Median resolution time", "resolution-time", "medianResolutionTime", "duration"
    ),
    "total-one-touch-tickets": Metric("One-touch tickets", "one-touch-tickets", "ticketCount"),
}
SURVEYS: dict[str, Metric] = {
    "surveys-sent": Metric("Surveys sent", "satisfaction-surveys", "sentSurveysCount"),
    "response-rate": Metric("Response rate", "satisfaction-surveys", "responseRate", "percent"),
    "average-rating": Metric("Average rating", "satisfaction-surveys", "averageSurveyScore"),
}


def _rounded(value: float) -> float:
    """Two decimals, half away from zero."""
    exact = Decimal(repr(value)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def share(part: float, whole: float) -> Figure:
    """`part` in percent of `whole`; null of nothing."""
    return _rounded(100 * part / whole) if whole else None


def delta(value: Figure, before: Figure) -> Figure:
    """By how many percent a figure has grown."""
    return None if value is None or not before else _rounded(100 * (value - before) / before)


async def _figure(work: Work, asked: Asked, metric: Metric) -> tuple[Figure, Figure]:
    (now,) = await asking.rows(work, asked, metric.scope, metric.measure)
    (before,) = await asking.rows(work, asked.before, metric.scope, metric.measure)
    return now[metric.measure], delta(now[metric.measure], before[metric.measure])


async def metric(work: Work, asked: Asked, name: str) -> Told:
    """One figure and its growth."""
    value, growth = await _figure(work, asked, METRICS[name])
    return {"data": {"value": value, "delta": growth}, "label": METRICS[name].label}


async def overview(work: Work, asked: Asked, name: str) -> Told:
    """The eight figures at once."""
    return {"data": await _several(work, asked, METRICS), "label": "Overview"}


async def _several(work: Work, asked: Asked, metrics: Mapping[str, Metric]) -> list[Told]:
    told = []
    for name, one in metrics.items():
        value, growth = await _figure(work, asked, one)
        told.append({"name": name, "type": one.type, "value": value, "delta": growth})
    return told


async def surveys(work: Work, asked: Asked, name: str) -> Told:
    """Surveys sent and answered, and how the scores are spread."""
    told = await _several(work, asked, SURVEYS)
    now, before = await _spread(work, asked), await _spread(work, asked.before)
    for score in range(1, 6):
        value = share(now.get(score, 0), sum(now.values()))
        growth = delta(value, share(before.get(score, 0), sum(before.values())))
        told.append({"name": str(score), "type": "percent", "value": value, "delta": growth})
    return {"data": told, "label": "Satisfaction surveys"}


async def _spread(work: Work, asked: Asked) -> dict[int, int]:
    found = await asking.rows(work, asked, "satisfaction-surveys", "scoredSurveysCount", by=["surveyScore"])
    return {row["surveyScore"]: row["scoredSurveysCount"] for row in found if row["surveyScore"] is not None}


def _line(days: Sequence[str], lines: Sequence[Told], label: str, x: str, y: str) -> Told:
    midnights = [int(datetime.datetime.fromisoformat(day).timestamp()) for day in days]
    data = {"axes": {"x": midnights, "y": []}, "lines": list(lines)}
    return {"data": data, "label": label, "legend": {"axes": {"x": x, "y": y}}}


async def volume(work: Work, asked: Asked, name: str) -> Told:
    """Tickets created, replied and closed, day by day."""
    lines = []
    for line in ("created", "replied", "closed"):
        found = await asking.rows(work, asked, "tickets-" + line, "ticketCount", step="day")
        lines.append({"name": line, "data": [row["ticketCount"] for row in found]})
    days = await asking.days(work, asked)
    return _line(days, lines, "Support volume", "Creation date", "Number of tickets")


async def times(work: Work, asked: Asked, name: str) -> Told:
    """The median and the 90th percentile of a time in seconds, day by day."""
    label, x = {
        "resolution-time": ("Resolution time", "Date of the last close"),
        "first-response-time": ("First response time", "Date of the first reply"),
    }[name]
    median = "median" + "".join(word.title() for word in name.split("-"))
    found = await asking.rows(work, asked, name, median, step="day", more=[P90])
    lines = [
        {"name": line, "data": [row[key] for row in found]} for line, key in (("50%", median), ("90%", "p90"))
    ]
    return _line(await asking.days(work, asked), lines, label, x, "Seconds")


async def per_day(work: Work, asked: Asked, name: str) -> Told:
    """One line of tickets per channel or per agent."""
    scope, by, label, x = {
        "tickets-created-per-channel-per-day": (
            "tickets-created", "channel", "Tickets created per channel", "Creation date"),
        "tickets-closed-per-agent-per-day": (
            "tickets-closed", "agentId", "Tickets closed per agent", "Date of the last close"),
    }[name]  # fmt: skip
    days = await asking.days(work, asked)
    found = await asking.rows(work, asked, scope, "ticketCount", by=[by], step="day")
    groups: dict[Any, dict[str, int]] = {}
    for row in found:
        groups.setdefault(row[by], {})[row["periodStart"]] = row["ticketCount"]
    names = await _names(work, "user", list(groups)) if by == "agentId" else {}
    lines = [
        {"name": names.get(group) if by == "agentId" else group, "data": [counts.get(day, 0) for day in days]}
        for group, counts in groups.items()
    ]
    return _line(days, lines, label, x, "Number of tickets")


async def revenue(work: Work, asked: Asked, name: str) -> Told:
    """Order totals per day, a line for each currency; without a shop there are none."""
    days = await asking.days(work, asked)
    sold = await revenues.per_day(work, asked)
    lines = [
        {"name": currency, "data": [totals.get(day, 0) for day in days]} for currency, totals in sold.items()
    ]
    return _line(days, lines, "Revenue per day", "Order date", "Revenue")


def _table(columns: Sequence[tuple[str, str]], lines: Sequence[Sequence[Any]], label: str) -> Told:
    cells = [
        [{"value": value, "type": kind} for value, (_, kind) in zip(line, columns, strict=True)]
        for line in lines
    ]
    axes = {"x": [{"name": name, "type": kind} for name, kind in columns]}
    return {"data": {"axes": axes, "lines": cells}, "label": label}


async def _names(work: Work, kind: str, ids: Sequence[int | None]) -> dict[Any, str]:
    known = [number for number in ids if number is not None]
    return dict(await work.db.fetch(NAMES[kind], work.account.id, known))


class Ranking(NamedTuple):
    """A table of groups, the largest first, with their share in all."""

    label: str
    scope: str
    measure: str
    by: str
    column: str
    type: str
    total: str


RANKINGS: dict[str, Ranking] = {
    "tickets-per-tag": Ranking(
        "Tickets per tag", "tickets-created", "ticketCount", "taggedWith", "tag", "tag", "total"
    ),
    "tickets-created-per-channel": Ranking(
        "Tickets created per channel",
        "tickets-created",
        "ticketCount",
        "channel",
        "channel",
        "string",
        "total",
    ),
    "tickets-closed-per-agent": Ranking(
        "Tickets closed per agent", "tickets-closed", "ticketCount", "agentId", "agent", "user", "closed"
    ),
    "messages-sent-per-macro": Ranking(
        "Messages sent per macro", "messages-sent", "messagesCount", "macro", "macro", "macro", "messages"
    ),
}


async def ranking(work: Work, asked: Asked, name: str) -> Told:
    """Groups by size."""
    wanted = RANKINGS[name]
    (everything,) = await asking.rows(work, asked, wanted.scope, wanted.measure)
    found = await asking.rows(work, asked, wanted.scope, wanted.measure, by=[wanted.by])
    found = sorted(found, key=lambda row: -row[wanted.measure])[:MOST_TAGS]
    names = (
        await _names(work, wanted.type, [row[wanted.by] for row in found]) if wanted.type in NAMES else None
    )
    lines = []
    for row in found:
        group, count = row[wanted.by], row[wanted.measure]
        shown = group if names is None else {"id": group, "name": names.get(group)}
        lines.append((shown, count, share(count, everything[wanted.measure])))
    columns = ((wanted.column, wanted.type), (wanted.total, "number"), ("percentage", "percent"))
    return _table(columns, lines, wanted.label)


async def weekdays(work: Work, asked: Asked, name: str) -> Told:
    """Tickets created by weekday and hour."""
    counts = [[0] * 24 for _ in WEEKDAYS]
    for row in await asking.rows(work, asked, "tickets-created", "ticketCount", step="hour"):
        begin = datetime.datetime.fromisoformat(row["periodStart"])
        counts[begin.weekday()][begin.hour] += row["ticketCount"]
    columns = (("weekday", "string"), *((str(hour), "number") for hour in range(24)))
    lines = [(day, *counted) for day, counted in zip(WEEKDAYS, counts, strict=True)]
    return _table(columns, lines, "Tickets created per hour and weekday")


async def latest(work: Work, asked: Asked, name: str) -> Told:
    """The newest ratings with what was said."""
    found = await asking.rows(
        work, asked, "satisfaction-surveys", "scoredSurveysCount", by=["surveyId", "agentId"]
    )
    agents = {row["surveyId"]: row["agentId"] for row in found if row["scoredSurveysCount"]}
    surveys_of = await work.db.fetch(LATEST, work.account.id, list(agents), MOST_SURVEYS)
    names = await _names(work, "user", list(agents.values()))
    lines = [
        (
            row["ticket_id"],
            row["name"],
            {"id": agents[row["id"]], "name": names.get(agents[row["id"]])},
            row["score"],
            row["body_text"],
            row["scored"],
        )
        for row in surveys_of
    ]
    columns = (("ticket_id", "number"), ("customer", "string"), ("agent", "user"), ("score", "number"),
               ("comment", "string"), ("scored_datetime", "date"))  # fmt: skip
    return _table(columns, lines, "Latest satisfaction surveys")


STATISTICS: dict[str, Callable[[Work, Asked, str], Awaitable[Told]]] = {
    "overview": overview,
    **dict.fromkeys(METRICS, metric),
    "support-volume": volume,
    "resolution-time": times,
    "first-response-time": times,
    "tickets-created-per-hour-per-weekday": weekdays,
    "tickets-per-tag": ranking,
    "tickets-created-per-channel": ranking,
    "tickets-created-per-channel-per-day": per_day,
    "tickets-closed-per-agent": ranking,
    "tickets-closed-per-agent-per-day": per_day,
    "messages-sent-per-macro": ranking,
    "satisfaction-surveys": surveys,
    "latest-satisfaction-surveys": latest,
    "revenue-per-day": revenue,
}


async def get(work: Work, name: str, filters: Mapping[str, Any]) -> tuple[Told, Asked]:
    """The statistic's data and what was asked; 400 for an unknown name."""
    compute = STATISTICS.get(name)
    if compute is None:
        raise errors.Invalid({}, f'Statistic "{name}" does not exist')
    asked = asking.read(work, filters)
    return await compute(work, asked, name), asked
