"""Figures of several scopes that read the same facts, by one statement: what a page shows at once costs one reading.

The facts and the aggregates are those of `facts` and `aggregates`, said for one table at a time; a test holds both
together. Where a filter means something else in each scope (channels and integrations of messages) nobody asks here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from polus.desk.statistics import facts, repeats, reports
from polus.desk.statistics.aggregates import FINISHED, median, middles
from polus.desk.statistics.reports import Query
from polus.store.work import Work

_OF_TICKET = "ticket_id, agent_id, team_id, channel, integration_id, store_id, created, moment, "
CLOSES = (
    "select "
    + _OF_TICKET
    + "received, sent, resolution from fact_closes"
    + " where account_id = $1 and moment >= $2 and moment < $3 and ends >= $3"
)
ANSWERS = (
    "select "
    + _OF_TICKET
    + "message_channel, response, first_response, human_response, previous, previous_own from fact_messages"
    + " where account_id = $1 and moment >= $2 and moment < $3 and not incoming"
)
QUESTIONS = ANSWERS.replace("and not incoming", "and incoming")
_TIMES = "array_agg(f.{column}) filter (where f.{column} is not null)"
# kind of facts and aggregate -> the table's facts, and the same aggregate of them.
FIGURES: dict[tuple[str, str], tuple[str, str]] = {
    ("created", "tickets"): (facts.CREATED, "count(*)"),
    ("received", "rows"): (QUESTIONS, "count(*)"),
    ("closed", "tickets"): (CLOSES, "count(*)"),
    ("one_touch", "tickets"): (CLOSES, "count(*) filter (where f.sent = 1)"),
    ("zero_touch", "tickets"): (CLOSES, "count(*) filter (where f.sent = 0 and f.received > 0)"),
    ("resolved", "median_time"): (CLOSES, _TIMES.replace("{column}", "resolution")),
    ("messages_of_closed", "average"): (CLOSES, "round(avg(f.received + f.sent), 2)"),
    ("sent", "rows"): (ANSWERS, "count(*)"),
    ("replied", "tickets"): (ANSWERS, repeats.ALL),
    ("responses", "median_time"): (ANSWERS, _TIMES.replace("{column}", "response")),
    ("first_responses", "median_time"): (ANSWERS, _TIMES.replace("{column}", "first_response")),
    ("first_human_responses", "median_time"): (ANSWERS, _TIMES.replace("{column}", "human_response")),
}
APART = frozenset(("channel", "integrationId"))
# What facts are listed by, and of what type that is; the channel of messages is not the ticket's.
LISTED = {"channel": "text", "agentId": "bigint"}
OF_MESSAGES = frozenset(("sent", "received"))
MEDIAN = "median_time"


def of(query: Query) -> str | None:
    """The facts that the query's only measure can be computed from together with others; None: it must be asked alone."""
    (measure,) = query.measures
    known = FIGURES.get((query.kind, measure.how))
    if known is None or any(one.member in APART for one in query.filters):
        return None
    # Tickets that are collected do not add up.
    adding = known[1] != repeats.ALL or repeats.first((), query.filters, "$2") is not None
    return known[0] if adding else None


def adds(query: Query) -> bool:
    """Whether the figure is a count whose facts each lie in one bucket: a ticket that was answered lies in several."""
    return query.measures[0].how in ("tickets", "rows") and query.kind != "replied"


@dataclass
class Cells:
    """Figures in their order: of the period, of its buckets (by their begin), and of what they are listed by."""

    total: list[Any] = field(default_factory=list)
    buckets: dict[str, list[Any]] = field(default_factory=dict)
    groups: dict[Any, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cut:
    """How the facts of a family are cut into cells: by a dimension (of which figures it is wanted), by the buckets."""

    by: str
    listed: Sequence[bool]
    drawn: bool

    @property
    def bucketed(self) -> bool:
        """Channels are few, agents may be many: by agents and buckets there would be too many cells."""
        return self.drawn and self.by != "agentId"


# Facts are read once, into cells; those are put together. Of an average of cells there is none here.
_CELLS = """, c as materialized ({cut}){middles} select 'total', null::{type}, null, {figures} from c"""
_CUT = "select {keys}{measures} from f{where}{grouped}"
# Each bucket is a stretch of the index: reading one after the other costs half of looking up the bucket of each fact.
_CUT_BY_BUCKETS = """select x.*, s.d from (
  select d, coalesce(lead(d) over (order by d), 'infinity') as until from unnest($7) as d
) s cross join lateral (select {keys}{measures} from f{where}{grouped}) x"""
_IN_BUCKET = ("f.moment >= s.d", "f.moment < s.until")
_BUCKETS = " union all select 'bucket', null, d, {figures} from c group by d"
_GROUPS = " union all select '{key}', {key}, null, {figures} from c group by {key}"
_HALF = "round(({median})::numeric / 1000000, 2)".replace(
    "{median}",
    median("select unnest(x.{m}) as v from c x", "(select sum(cardinality(x.{m}))::bigint from c x)"),
)
# Of medians that are listed: both values in the middle of each group.
_MIDDLES = (
    ", {m}_of as materialized (select g.{k}, {middles} as m from (select distinct {k} from c) g)".replace(
        "{middles}",
        middles(
            "select unnest(x.{m}) as v from c x where x.{k} is not distinct from g.{k}",
            "(select sum(cardinality(x.{m}))::bigint from c x where x.{k} is not distinct from g.{k})",
        ),
    )
)
_HALF_OF_GROUP = """(select round((o.m[1] + o.m[2])::numeric / 2 / 1000000, 2) from {m}_of o
  where o.{k} is not distinct from c.{k})"""
# The values in the middle of all lie between the least and the greatest of those: only what lies there is sorted.
_HALF_OF_ALL = """(select round((s.l[(s.n + 1) / 2 - s.below] + s.l[s.n / 2 + 1 - s.below])::numeric / 2 / 1000000, 2)
from (
  select t.n, t.below, (select array_agg(v order by v) from unnest(t.near) as v) as l from (
    select count(*) as n, count(*) filter (where v < b.least) as below,
      array_agg(v) filter (where v between b.least and b.greatest) as near
    from (select unnest(x.{m}) as v from c x) x cross join (
      select min(o.m[1]) as least, max(o.m[2]) as greatest from {m}_of o
    ) b
  ) t
) s)"""
_SUM = "coalesce(sum({m}), 0)"
# What is not there is not listed, as when it is asked alone.
_SUM_OF_GROUP = "nullif(sum({m}), 0)"


async def cells(work: Work, queries: Sequence[Query], cut: Cut) -> Cells:
    """Figures of queries of one family with the same filters and buckets. Medians of buckets are not told."""
    starts = await reports.buckets(work, queries[0]) if cut.bucketed else []
    conditions = reports.given(work, queries[0], starts)
    source = FIGURES[queries[0].kind, queries[0].measures[0].how][0]
    statement = (
        facts.TYPES + ", f as not materialized (" + source + ")" + _cut(queries, cut, conditions.texts)
    )
    found = Cells()
    for kind, group, begin, *told in await reports.fetch(work, statement, conditions.parameters):
        plain = [reports.plain(value, queries[0].zone.info) for value in told]
        if kind == "total":
            found.total = plain
        elif kind == "bucket":
            found.buckets[reports.plain(begin, queries[0].zone.info)] = plain
        else:
            known = found.groups.setdefault(group, [None] * len(plain))
            found.groups[group] = [old if new is None else new for old, new in zip(known, plain, strict=True)]
    return found


def _cut(queries: Sequence[Query], cut: Cut, narrowed: Sequence[str]) -> str:
    """What follows the facts `f`: the cells `c`, and what is made of them."""
    keys = [_key(query, cut.by) if listed else "" for query, listed in zip(queries, cut.listed, strict=True)]
    columns = list(dict.fromkeys(key for key in keys if key))
    names = {key: "k" + str(place) for place, key in enumerate(columns)}
    named = [key + " as " + name for key, name in names.items()]
    where = [*narrowed, *(_IN_BUCKET if cut.bucketed else ())]
    made, totals, buckets, middles_of = [], [], [], []
    groups: dict[str, list[str]] = {key: [] for key in columns}
    for place, (query, key) in enumerate(zip(queries, keys, strict=True)):
        name, is_median = "m" + str(place), query.measures[0].how == MEDIAN
        made.append(_figure(query, "") + " as " + name)
        if is_median and key:
            middles_of.append(_MIDDLES.replace("{m}", name).replace("{k}", names[key]))
        half = _HALF_OF_ALL if key else _HALF
        totals.append((half if is_median else _SUM).replace("{m}", name))
        buckets.append(_SUM.replace("{m}", name) if adds(query) else "null")
        if key and _figure(query, cut.by) != _figure(query, ""):
            name += "g"
            made.append(_figure(query, cut.by) + " as " + name)
        of_group = _HALF_OF_GROUP if is_median else _SUM_OF_GROUP
        for other, told in groups.items():
            told.append(of_group.replace("{m}", name).replace("{k}", names[key]) if other == key else "null")
    text = _CELLS.replace("{figures}", ", ".join(totals))
    text = text.replace("{cut}", _CUT_BY_BUCKETS if cut.bucketed else _CUT)
    text += _BUCKETS.replace("{figures}", ", ".join(buckets)) if cut.bucketed else ""
    for key, told in groups.items():
        text += _GROUPS.replace("{key}", names[key]).replace("{figures}", ", ".join(told))
    places = ", ".join(str(place + 1) for place in range(len(named)))
    parts = {
        "{middles}": "".join(middles_of), "{keys}": "".join(one + ", " for one in named), "{measures}": ", ".join(made),
        "{where}": " where " + " and ".join(where) if where else "",
        "{grouped}": " group by " + places if places else "", "{type}": LISTED.get(cut.by, "text"),
    }  # fmt: skip
    for part, told_ in parts.items():
        text = text.replace(part, told_)
    return text


def _key(query: Query, by: str) -> str:
    if by == "channel" and query.kind in OF_MESSAGES:
        return "f.message_channel"
    return reports.DIMENSIONS[by]


def _figure(query: Query, by: str) -> str:
    """The aggregate of a cell; `by`: of tickets that count once, once for each of those."""
    figure = FIGURES[query.kind, query.measures[0].how][1]
    if figure != repeats.ALL:
        return figure
    first = repeats.first((by,) if by else (), query.filters, "$2")
    return "count(*) filter (where " + str(first) + ")"


async def values(work: Work, queries: Sequence[Query]) -> list[Any]:
    """The figures of queries of one family over one period, with the same filters."""
    conditions = reports.given(work, queries[0])
    made, names = [], []
    for place, query in enumerate(queries):
        how = query.measures[0].how
        names.append("m" + str(place))
        figure = FIGURES[query.kind, how][1]
        made.append((repeats.count(query.filters) if figure == repeats.ALL else figure) + " as " + names[-1])
    finished = [
        FINISHED.get(query.measures[0].how, "{}").replace("{}", name)
        for query, name in zip(queries, names, strict=True)
    ]
    source = FIGURES[queries[0].kind, queries[0].measures[0].how][0]
    statement = facts.TYPES + ", f as (" + source + ") select " + ", ".join(finished) + " from (select "
    statement += ", ".join(made) + " from f"
    statement += (" where " + " and ".join(conditions.texts) if conditions.texts else "") + ") s"
    (row,) = await reports.fetch(work, statement, conditions.parameters)
    return [reports.plain(value, queries[0].zone.info) for value in row]
