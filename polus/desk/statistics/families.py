"""Figures of several scopes that read the same facts, by one statement: what a page shows at once costs one reading.

The facts and the aggregates are those of `facts` and `aggregates`, said for one table at a time; a test holds both
together. Where a filter means something else in each scope (channels and integrations of messages) nobody asks here.
"""

from collections.abc import Sequence
from typing import Any

from polus.desk.statistics import facts, reports
from polus.desk.statistics.aggregates import FINISHED
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
    + "response, first_response, human_response from fact_messages"
    + " where account_id = $1 and moment >= $2 and moment < $3 and not incoming"
)
_TIMES = "array_agg(f.{column}) filter (where f.{column} is not null)"
# kind of facts and aggregate -> the table's facts, and the same aggregate of them.
FIGURES: dict[tuple[str, str], tuple[str, str]] = {
    ("closed", "tickets"): (CLOSES, "count(*)"),
    ("one_touch", "tickets"): (CLOSES, "count(*) filter (where f.sent = 1)"),
    ("zero_touch", "tickets"): (CLOSES, "count(*) filter (where f.sent = 0 and f.received > 0)"),
    ("resolved", "median_time"): (CLOSES, _TIMES.replace("{column}", "resolution")),
    ("messages_of_closed", "average"): (CLOSES, "round(avg(f.received + f.sent), 2)"),
    ("sent", "rows"): (ANSWERS, "count(*)"),
    ("replied", "tickets"): (ANSWERS, "count(distinct f.ticket_id)"),
    ("responses", "median_time"): (ANSWERS, _TIMES.replace("{column}", "response")),
    ("first_responses", "median_time"): (ANSWERS, _TIMES.replace("{column}", "first_response")),
    ("first_human_responses", "median_time"): (ANSWERS, _TIMES.replace("{column}", "human_response")),
}
APART = frozenset(("channel", "integrationId"))


def of(query: Query) -> str | None:
    """The facts that the query's only measure can be computed from together with others; None: it must be asked alone."""
    (measure,) = query.measures
    known = FIGURES.get((query.kind, measure.how))
    return None if known is None or any(one.member in APART for one in query.filters) else known[0]


async def values(work: Work, queries: Sequence[Query]) -> list[Any]:
    """The figures of queries of one family over one period, with the same filters."""
    conditions = reports.given(work, queries[0])
    made, names = [], []
    for place, query in enumerate(queries):
        how = query.measures[0].how
        names.append("m" + str(place))
        made.append(FIGURES[query.kind, how][1] + " as " + names[-1])
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
