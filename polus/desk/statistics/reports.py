"""Answers a checked query of reporting: facts, narrowed, grouped, measured; then whole, in order."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec

from polus.base import errors
from polus.desk.statistics import facts
from polus.desk.statistics.conditions import Conditions, Filter
from polus.desk.statistics.scopes import Measure, Scope
from polus.store.work import Work

Row = dict[str, Any]

MOST_GROUPS = 100_000
SECONDS = 30.0
TOO_MANY = "The query returns too many rows."
TOO_SLOW = "The query takes too long. Use a shorter period."

DIMENSIONS: dict[str, str] = {
    "ticketId": "f.ticket_id",
    "agentId": "f.agent_id",
    "channel": "f.channel",
    "integrationId": "f.integration_id",
    "storeId": "null::bigint",
    "storeIntegrationId": "null::bigint",
    "surveyScore": "f.value",
    "resolutionTime": "round(f.value, 2)",
    "firstResponseTime": "round(f.value, 2)",
    "messagesCount": "f.value",
    "handleTime": "null::numeric",
    "tagId": "f.item",
    "customFieldValue": "f.item",
    # Of the older statistics only.
    "surveyId": "f.item",
    "taggedWith": "tagged.tag_id",
    "macro": "(used.value->>'id')::bigint",
}
OF_CALLS = frozenset(("ticketId", "agentId", "channel", "integrationId", "storeId", "storeIntegrationId"))
JOINS: dict[str, str] = {
    "taggedWith": " join ticket_tags tagged on tagged.account_id = $1 and tagged.ticket_id = f.ticket_id",
    "macro": " join messages said on said.account_id = $1 and said.id = f.message_id"
    " cross join lateral jsonb_array_elements(said.macros) used",
}
BUCKET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d(:\d\d)?")
BUCKETS = """
select begins from generate_series(date_trunc($1, $2::timestamptz, $3), $4::timestamptz - interval '1 microsecond',
  ('1 ' || $1)::interval, $3) as begins
"""


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone by its name in the database, and as Python has it."""

    name: str
    info: datetime.tzinfo


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, all checked. `time`: time dimension and granularity."""

    scope: Scope
    measures: tuple[Measure, ...]
    begin: datetime.datetime
    end: datetime.datetime
    zone: Zone
    dimensions: tuple[str, ...] = ()
    time: tuple[str, str] | None = None
    filters: tuple[Filter, ...] = ()
    order: tuple[tuple[str, str], ...] = ()

    @property
    def time_key(self) -> str:
        """The bucket's key in a row."""
        name, granularity = self.time or ("", "")
        return name + "." + granularity if name in self.dimensions else name

    @property
    def places(self) -> bool:
        """Whether the time dimension is the moment that places a fact in the period."""
        name = self.time[0] if self.time else ""
        # Scopes with free time dimensions know one moment only.
        created = name == "createdDatetime" and "eventDatetime" not in self.scope.times
        return not (created and self.scope.facts != "created") and not (
            name == "sentDatetime" and self.scope.facts == "surveys"
        )


async def rows(work: Work, query: Query) -> list[Row]:
    """All rows of the answer, in order. 400 when it takes too long or there are too many groups."""
    found = await _grouped(work, query) if query.scope.facts else []
    if query.time is None and not query.dimensions:
        found = found or [{measure.name: measure.empty for measure in query.measures}]
    elif query.time is not None and not query.dimensions and query.places:
        found = await _without_gaps(work, query, found)
    return _ordered(query, found)


async def _grouped(work: Work, query: Query) -> list[Row]:
    statement, parameters = _statement(work, query)
    try:
        found = await work.db.fetch(statement, *parameters, timeout=SECONDS)
    except (TimeoutError, asyncpg.QueryCanceledError):
        raise errors.Invalid({}, TOO_SLOW) from None
    if len(found) > MOST_GROUPS:
        raise errors.Invalid({}, TOO_MANY)
    keys = _keys(query)
    told = frozenset(name for name in query.dimensions if _is_told(query, name))
    return [
        {key: _value(value, query.zone.info, key in told) for key, value in zip(keys, row, strict=True)}
        for row in found
    ]


def _is_told(query: Query, name: str) -> bool:
    """Whether the dimension is one of the further things that are known of a call, which are JSON."""
    return query.scope.facts == "calls" and name not in OF_CALLS


def _keys(query: Query) -> list[str]:
    times = [query.time_key] if query.time else []
    return [*query.dimensions, *times, *(measure.name for measure in query.measures)]


def _statement(work: Work, query: Query) -> tuple[str, list[Any]]:
    granularity = query.time[1] if query.time else ""
    kind = query.scope.facts
    if kind == "open" and query.time and query.places:
        kind = "open_per_bucket"
    end = min(query.end, work.now)
    given = [work.account.id, query.begin, max(end, query.begin), query.zone.name, granularity, work.now]
    conditions = Conditions(given)
    for one in query.filters:
        conditions.add(one)
    groups = [_dimension(query, name) for name in query.dimensions]
    if query.time:
        groups.append("date_trunc($5, " + _moment(query) + ", $4)")
    measures = [facts.AGGREGATES[m.how] if m.how else _empty(m) for m in query.measures]
    return (
        facts.TYPES
        + facts.FACTS[kind]
        + ") select "
        + ", ".join([*groups, *measures])
        + " from f"
        + "".join(JOINS.get(name, "") for name in query.dimensions)
        + (" where " + " and ".join(conditions.texts) if conditions.texts else "")
        + (" group by " + ", ".join(str(place + 1) for place in range(len(groups))) if groups else "")
        + " limit "
        + str(MOST_GROUPS + 1),
        conditions.parameters,
    )


def _empty(measure: Measure) -> str:
    return "0" if measure.kind in ("count", "sum") else "null::numeric"


def _dimension(query: Query, name: str) -> str:
    return "f.more->'" + name + "'" if _is_told(query, name) else DIMENSIONS.get(name, "null::text")


def _moment(query: Query) -> str:
    name = query.time[0] if query.time else ""
    if query.places:
        return "f.moment"
    return "f.sent" if name == "sentDatetime" else "f.created"


def _value(value: Any, zone: datetime.tzinfo, is_json: bool = False) -> Any:
    """As it stands in a row: numbers plain, the begin of a bucket in local time."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(zone).isoformat()
    return msgspec.json.decode(value) if is_json and value is not None else value


async def buckets(work: Work, query: Query) -> list[str]:
    """The begins of all buckets of the period, as rows have them."""
    granularity = query.time[1] if query.time else "day"
    found = await work.db.fetch(BUCKETS, granularity, query.begin, query.zone.name, query.end)
    return [_value(row[0], query.zone.info) for row in found]


async def _without_gaps(work: Work, query: Query, found: Sequence[Row]) -> list[Row]:
    key = query.time_key
    known = {row[key]: row for row in found}
    empty = {measure.name: measure.empty for measure in query.measures}
    return [known.get(begin, {key: begin, **empty}) for begin in await buckets(work, query)]


def _ordered(query: Query, found: list[Row]) -> list[Row]:
    """By bucket and dimensions, then as asked; what has no value comes last, whichever way."""
    times = [query.time_key] if query.time else []
    for name in reversed([*times, *query.dimensions]):
        _sort(found, name, descending=False)
    for name, way in reversed(query.order):
        _sort(found, name, descending=way == "desc")
    return found


def _sort(found: list[Row], name: str, *, descending: bool) -> None:
    some = [row for row in found if row[name] is not None]
    none = [row for row in found if row[name] is None]
    found[:] = [*sorted(some, key=lambda row: _rank(row[name]), reverse=descending), *none]


def _rank(value: Any) -> tuple[bool, float, str]:
    """Numbers by their size, begins of buckets by time (an hour comes twice in autumn), texts as they are."""
    if isinstance(value, (int, float)):
        return (False, value, "")
    if BUCKET.fullmatch(value):
        return (True, datetime.datetime.fromisoformat(value).timestamp(), "")
    return (True, 0.0, value)
