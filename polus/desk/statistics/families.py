"""Figures of several scopes that read the same facts, by one statement: what a page shows at once costs one reading.

The facts and the aggregates are those of `facts` and `aggregates`, said for one table at a time; a test holds both
together. Where a filter means something else in each scope (channels and integrations of messages) nobody asks here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from polus.desk.statistics import facts, repeats, reports
from polus.desk.statistics.aggregates import FINISHED, median
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
    + "response, first_response, human_response, previous, previous_own from fact_messages"
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
# Facts whose channel is not the ticket's.
OF_MESSAGES = frozenset(("sent", "received"))
MEDIAN = "median_time"


def of(query: Query) -> str | None:
    """The facts that the query's only measure can be computed from together with others; None: it must be asked alone."""
    (measure,) = query.measures
    known = FIGURES.get((query.kind, measure.how))
    return None if known is None or any(one.member in APART for one in query.filters) else known[0]


def adds(query: Query) -> bool:
    """Whether the figure is a count whose facts each lie in one bucket: a ticket that was answered lies in several."""
    return query.measures[0].how in ("tickets", "rows") and query.kind != "replied"


@dataclass
class Cells:
    """Figures in their order: of the period, of its buckets (by their begin), and of the tickets' channels."""

    total: list[Any] = field(default_factory=list)
    buckets: dict[str, list[Any]] = field(default_factory=dict)
    channels: dict[Any, list[Any]] = field(default_factory=dict)


# Facts are read once, into cells; those are put together. Of an average of cells there is none here.
_CELLS = """, c as materialized (select f.channel as b, f.bucket as d, {measures} from f{where} group by 1, 2)
select 'total', null, null, {total} from c
union all select 'bucket', null, d, {bucket} from c group by d
union all select 'channel', b, null, {channel} from c group by b
"""
_HALF = "round(({median})::numeric / 1000000, 2)".replace(
    "{median}",
    median("select unnest(x.{m}) as v from c x{of}", "(select sum(cardinality(x.{m}))::bigint from c x{of})"),
)
_SUM = "coalesce(sum({m}), 0)"


async def cells(work: Work, queries: Sequence[Query], listed: Sequence[bool]) -> Cells:
    """Figures of queries of one family with the same filters and buckets. Medians of buckets are not told; `listed`: of
    which ones channels are."""
    starts = await reports.buckets(work, queries[0])
    conditions = reports.given(work, queries[0], starts)
    made, total, bucket, channel = [], [], [], []
    for place, query in enumerate(queries):
        how, name = query.measures[0].how, "m" + str(place)
        figure = FIGURES[query.kind, how][1]
        made.append((repeats.count(query.filters) if figure == repeats.ALL else figure) + " as " + name)
        half = _HALF.replace("{m}", name)
        total.append(half.replace("{of}", "") if how == MEDIAN else _SUM.replace("{m}", name))
        of_channel = (
            half.replace("{of}", " where x.b is not distinct from c.b")
            if how == MEDIAN
            else _SUM.replace("{m}", name)
        )
        channel.append(of_channel if listed[place] else "null")
        bucket.append(_SUM.replace("{m}", name) if adds(query) else "null")
    parts = {
        "{measures}": ", ".join(made),
        "{where}": " where " + " and ".join(conditions.texts) if conditions.texts else "",
        "{total}": ", ".join(total),
        "{bucket}": ", ".join(bucket),
        "{channel}": ", ".join(channel),
    }
    source = FIGURES[queries[0].kind, queries[0].measures[0].how][0]
    statement = facts.TYPES + reports.PLACED_FACTS.replace("{facts}", source) + _CELLS
    for name, part in parts.items():
        statement = statement.replace(name, part)
    found = Cells()
    for kind, group, begin, *told in await reports.fetch(work, statement, conditions.parameters):
        plain = [reports.plain(value, queries[0].zone.info) for value in told]
        if kind == "total":
            found.total = plain
        elif kind == "bucket":
            found.buckets[reports.plain(begin, queries[0].zone.info)] = plain
        else:
            found.channels[group] = plain
    return found


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
