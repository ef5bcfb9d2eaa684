"""Answers a checked query of reporting: facts, narrowed, grouped, measured; then whole, in order."""

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec

from polus.base import errors
from polus.desk.statistics import call_facts, comparisons, facts, recorded, repeats, sweeps
from polus.desk.statistics.aggregates import AGGREGATES, FINISHED
from polus.desk.statistics.conditions import Conditions, Filter
from polus.desk.statistics.scopes import Measure, Scope
from polus.store.work import Work

Row = dict[str, Any]

MOST_GROUPS = 100_000
SECONDS = 30.0
TOO_MANY = "The query returns too many rows."
TOO_SLOW = "The query takes too long. Use a shorter period."

FACTS = {**facts.FACTS, **call_facts.FACTS, **recorded.FACTS}
# Of which more is known, as JSON.
TOLD = frozenset((*call_facts.FACTS, *recorded.FACTS, "promised"))
# What has several facts of one ticket in a group, of which one is to be counted.
REPEATED = frozenset(("replied", "tagged"))
IN_SECONDS = "round(f.value / 1000000.0, 2)"
DIMENSIONS: dict[str, str] = {
    "ticketId": "f.ticket_id",
    "agentId": "f.agent_id",
    "channel": "f.channel",
    "integrationId": "f.integration_id",
    "storeId": "f.store_id",
    "storeIntegrationId": "f.store_id",
    "surveyScore": "f.value",
    "resolutionTime": IN_SECONDS,
    "firstResponseTime": IN_SECONDS,
    "handleTime": IN_SECONDS,
    "messagesCount": "f.value",
    "tagId": "f.item",
    "customFieldValue": "f.item",
    # Of the older statistics only.
    "surveyId": "f.item",
    "taggedWith": "tagged.tag_id",
    "macro": "used.macro_id",
    "filteringAgentId": "rung.who",
}
COLUMNS_OF_CALLS = frozenset(
    ("ticketId", "agentId", "channel", "integrationId", "storeId", "storeIntegrationId", "filteringAgentId")
)
JOINS: dict[str, str] = {
    "taggedWith": " join ticket_tags tagged on tagged.account_id = $1 and tagged.ticket_id = f.ticket_id",
    "macro": " cross join lateral unnest(f.macro_ids) as used (macro_id)",
    # Everybody who called, answered or was rung.
    "filteringAgentId": """ left join lateral (select distinct who from (
    select e.user_id from voice_call_events e where e.account_id = $1 and e.call_id = f.item and e.type in (
      'phone-call-ringing', 'phone-call-answered', 'phone-call-agent-dialed', 'declined-phone-call')
    union all select unnest(f.agents)) as r (who) where who is not null) rung on true""",
}
BUCKET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d(:\d\d)?")
BUCKETS = """
select begins from generate_series(date_trunc($1, $2::timestamptz, $3), $4::timestamptz - interval '1 microsecond',
  ('1 ' || $1)::interval, $3) as begins
"""
# Which bucket a moment of the period lies in: looked up, which is ten times as fast as the calendar's arithmetic.
PLACED = "$7[width_bucket(f.moment, $7)]"
# The facts, each with its bucket. That nothing is added to them keeps the planner from expecting as many groups as there
# are moments, for which it would use one process only: of what comes from a union it expects few different values.
PLACED_FACTS = """, g as not materialized ({facts}), f as (
  select *, $7[width_bucket(moment, $7)] as bucket from g union all select *, null from g where false)"""


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

    @property
    def kind(self) -> str:
        """Which facts it reads."""
        kind, each = self.scope.facts, self.time is not None and self.places
        if each and kind == "open":
            return "open_in_period"
        if kind == "uses" and any(one.member == "customFieldId" for one in self.filters):
            return "uses_by_value"
        return "present_per_bucket" if each and kind == "present" else kind


async def rows(work: Work, query: Query) -> list[Row]:
    """All rows of the answer, in order. 400 when it takes too long or there are too many groups."""
    found = await _grouped(work, query) if query.scope.facts else []
    if query.time is None and not query.dimensions:
        found = found or [{measure.name: measure.empty for measure in query.measures}]
    elif query.time is not None and not query.dimensions and query.places:
        found = await _without_gaps(work, query, found)
    return _ordered(query, found)


async def _grouped(work: Work, query: Query) -> list[Row]:
    starts = await buckets(work, query) if query.time and query.places else []
    statement, parameters = _statement(work, query, starts)
    compares = query.measures[0].how in comparisons.COMPARISONS
    found = await fetch(work, statement, parameters, ROOM_TO_COMPARE if compares else ROOM)
    if len(found) > MOST_GROUPS:
        raise errors.Invalid({}, TOO_MANY)
    keys = _keys(query)
    told = frozenset(name for name in query.dimensions if is_told(query, name))
    return [
        {key: plain(value, query.zone.info, key in told) for key, value in zip(keys, row, strict=True)}
        for row in found
    ]


# Groups are fewer than the planner expects: handing them to the other process costs less than it thinks. And a statement
# is planned for its own period: a plan for any period would be one for a short one.
ROOM = """
select set_config('work_mem', '64MB', true), set_config('parallel_tuple_cost', '0.01', true),
  set_config('plan_cache_mode', 'force_custom_plan', true)"""
# It expects too that two lists of values for each of those groups have no room: it would sort all facts instead.
ROOM_TO_COMPARE = ROOM + ", set_config('hash_mem_multiplier', '8', true)"


async def fetch(work: Work, statement: str, parameters: Sequence[Any], room: str = ROOM) -> list[Any]:
    """Rows of a statement over facts, with room to sort and group them in. 400 when it takes too long."""
    try:
        async with work.db.transaction():
            await work.db.execute(room)
            return await work.db.fetch(statement, *parameters, timeout=SECONDS)  # type: ignore[no-any-return]
    except (TimeoutError, asyncpg.QueryCanceledError):
        raise errors.Invalid({}, TOO_SLOW) from None


def is_told(query: Query, name: str) -> bool:
    """Whether the dimension is one of the further things that are known of a fact, which are JSON."""
    return query.kind in TOLD and name not in COLUMNS_OF_CALLS


def _keys(query: Query) -> list[str]:
    times = [query.time_key] if query.time else []
    return [*query.dimensions, *times, *(measure.name for measure in query.measures)]


def given(work: Work, query: Query, starts: Sequence[datetime.datetime] = ()) -> Conditions:
    """The parameters that all statements over facts have, and the query's filters."""
    granularity = query.time[1] if query.time else "day"
    end = max(min(query.end, work.now), query.begin)
    parameters = [work.account.id, query.begin, end, query.zone.name, granularity, work.now, list(starts)]
    conditions = Conditions(parameters)
    for one in query.filters:
        conditions.add(one)
    return conditions


def _compared(work: Work, query: Query, starts: Sequence[datetime.datetime]) -> tuple[str, list[Any]]:
    """The statement of shares and differences."""
    hows = [measure.how for measure in query.measures]
    common, alone = comparisons.split(query.filters)
    conditions = given(work, replace(query, filters=tuple(common)), starts)
    if comparisons.at_once(hows, query.dimensions, query.filters):
        groups = [dimension(query, name) for name in query.dimensions] + (["f.bucket"] if query.time else [])
        facts_ = recorded.AT_ONCE.get(query.kind, FACTS[query.kind])
        placed = PLACED_FACTS if query.time else ", f as not materialized ({facts})"
        rest = comparisons.once(hows, groups, conditions.texts)
        source = facts.TYPES + placed.replace("{facts}", facts_)
        return source + rest + " limit " + str(MOST_GROUPS + 1), conditions.parameters
    where, conditions.texts = conditions.texts, []
    for one in alone:
        conditions.add(one)
    groups_ = [(dimension(query, name), comparisons.apart(name, hows[0])) for name in query.dimensions]
    groups_ += [(PLACED, False)] if query.time else []
    rest = comparisons.statement(hows, groups_, where, conditions.texts)
    source = facts.TYPES + ", f as not materialized (" + FACTS[query.kind] + ")"
    return source + rest + " limit " + str(MOST_GROUPS + 1), conditions.parameters


def _statement(work: Work, query: Query, starts: Sequence[datetime.datetime]) -> tuple[str, list[Any]]:
    if query.measures[0].how in comparisons.COMPARISONS:
        return _compared(work, query, starts)
    conditions = given(work, query, starts)
    groups = [dimension(query, name) for name in query.dimensions]
    first = _first(query)
    texts = [*conditions.texts, *([first] if first else [])]
    where = " where " + " and ".join(texts) if texts else ""
    placed = bool(query.time and query.places) and query.kind != "open_in_period"
    source = facts.TYPES + _facts(query.kind, placed=placed)
    if query.kind == "open_in_period":
        swept = sweeps.statement(groups, len(query.measures), where)
        return source + swept + str(MOST_GROUPS + 1), conditions.parameters
    if query.time:
        groups.append("f.bucket" if placed else "date_trunc($5, " + _moment(query) + ", $4)")
    rest = " from f" + "".join(JOINS.get(name, "") for name in query.dimensions) + _resources(query) + where
    places = ", ".join(str(place + 1) for place in range(len(groups)))
    if query.kind in REPEATED and "tagId" not in query.dimensions and first is None:
        rest = " from (select distinct " + ", ".join([*groups, "f.ticket_id as counted"]) + rest + ") d"
        groups = [str("c" + str(place)) for place in range(len(groups))]
        named = ", ".join([*groups, "counted"])
        rest += " (" + named + ")"
    measures = [AGGREGATES[m.how] if m.how else _empty(m) for m in query.measures]
    selected = " select " + ", ".join([*groups, *measures]) + rest + (" group by " + places if groups else "")
    selected += " limit " + str(MOST_GROUPS + 1)
    if any(measure.how in FINISHED for measure in query.measures):
        selected = _finished(query, len(groups), selected)
    return source + selected, conditions.parameters


def _facts(kind: str, *, placed: bool) -> str:
    """`f`; `placed`: each with its bucket."""
    if placed and kind in facts.FACTS:
        return PLACED_FACTS.replace("{facts}", FACTS[kind])
    bucket = "select *, " + PLACED + " as bucket from (" + FACTS[kind] + ") f" if placed else FACTS[kind]
    return ", f as (" + bucket + ")"


# What tells the first one of the facts of a ticket that counts once.
FIRST = {"replied": repeats.first, "tagged": repeats.first_tag}


def _first(query: Query) -> str | None:
    """The condition that a fact is the one that counts for its ticket; None: they are collected, or there is one each."""
    if query.kind not in FIRST:
        return None
    begin = "greatest(f.bucket, $2)" if query.time and query.places else "$2"
    return FIRST[query.kind](query.dimensions, query.filters, begin)


def _finished(query: Query, groups: int, selected: str) -> str:
    """What is computed of each group once there are groups."""
    names = ["c" + str(place) for place in range(groups + len(query.measures))]
    made = [
        FINISHED.get(measure.how, "{}").replace("{}", name)
        for measure, name in zip(query.measures, names[groups:], strict=True)
    ]
    return (
        " select "
        + ", ".join([*names[:groups], *made])
        + " from ("
        + selected
        + ") s ("
        + ", ".join(names)
        + ")"
    )


def _empty(measure: Measure) -> str:
    # Aggregates, so that there is one row, not one for each fact.
    return "count(null)" if measure.kind in ("count", "sum") else "max(null::numeric)"


# What an interaction was made from: there may be several, or nothing.
RESOURCES = {
    "resourceSourceId": "r->'source_id' as source_id",
    "resourceSourceSetId": "r->'source_set_id' as source_set_id",
}


def _resources(query: Query) -> str:
    wanted = [text for name, text in RESOURCES.items() if name in query.dimensions]
    if not wanted or query.kind in ("uses", "uses_by_value"):
        return ""
    listed = "select distinct " + ", ".join(wanted) + " from jsonb_array_elements(f.more->'resources') r"
    return " left join lateral (" + listed + ") used on true"


def dimension(query: Query, name: str) -> str:
    """What a dimension is of a fact `f`."""
    if name in RESOURCES and query.kind not in ("uses", "uses_by_value"):
        return "used." + RESOURCES[name].rpartition(" ")[2]
    return "f.more->'" + name + "'" if is_told(query, name) else DIMENSIONS.get(name, "null::text")


def _moment(query: Query) -> str:
    name = query.time[0] if query.time else ""
    return "f.sent" if name == "sentDatetime" else "f.created"


def plain(value: Any, zone: datetime.tzinfo, is_json: bool = False) -> Any:
    """As it stands in a row: numbers plain, the begin of a bucket in local time."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.datetime):
        return value.astimezone(zone).isoformat()
    return msgspec.json.decode(value) if is_json and value is not None else value


async def buckets(work: Work, query: Query) -> list[datetime.datetime]:
    """The begins of all buckets of the period; with `plain` as rows have them."""
    granularity = query.time[1] if query.time else "day"
    found = await work.db.fetch(BUCKETS, granularity, query.begin, query.zone.name, query.end)
    return [row[0] for row in found]


async def days(work: Work, query: Query) -> list[str]:
    """The same as rows have them."""
    return [plain(begin, query.zone.info) for begin in await buckets(work, query)]


async def _without_gaps(work: Work, query: Query, found: Sequence[Row]) -> list[Row]:
    key = query.time_key
    known = {row[key]: row for row in found}
    empty = {measure.name: measure.empty for measure in query.measures}
    return [known.get(begin, {key: begin, **empty}) for begin in await days(work, query)]


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
