"""The tickets behind figures: of a whole, of one group, of one bucket."""

import datetime
from dataclasses import dataclass, replace
from itertools import pairwise

from polus.base import errors
from polus.desk.statistics import facts, reports
from polus.desk.statistics.aggregates import ONLY
from polus.desk.statistics.reports import Query
from polus.store.work import Work

# Facts that have a value of their own.
VALUED = frozenset(
    """surveys resolved messages_of_closed handled first_responses first_human_responses responses""".split()
)


@dataclass(frozen=True, slots=True)
class Part:
    """Of a figure: one group (a dimension and its value as text, None: nothing), one bucket (its begin as rows have it)."""

    by: str = ""
    group: str | None = None
    bucket: str = ""


WHOLE = Part()


async def tickets(work: Work, query: Query, most: int, part: Part = WHOLE) -> list[tuple[int, float | None]]:
    """The tickets behind the figures of a query, `most` at most: each with its own value, where facts have one.

    404 for a part that there is not. Without a bucket the query's time dimension means nothing here.
    """
    begin, end = await _bucket(work, query, part.bucket) if part.bucket else (query.begin, query.end)
    # What is open at the end of a bucket does not begin in it.
    asked = replace(query, time=None, end=end if query.scope.facts == "open" else query.end)
    conditions = reports.given(work, asked)
    if part.by:
        conditions.put(_group(asked, part.by) + " is not distinct from $?::text", part.group)
    if part.bucket and asked.scope.facts != "open":
        conditions.put("f.moment >= $? and f.moment < $?", begin, end)
    only = {ONLY[measure.how] for measure in asked.measures if measure.how in ONLY}
    texts = ["f.ticket_id is not null", *conditions.texts]
    texts += (
        ["(" + " or ".join(sorted(only)) + ")"] if len(only) == len({m.how for m in asked.measures}) else []
    )
    timed = any("time" in measure.how for measure in asked.measures)
    value = "round(max(f.value) / 1000000.0, 2)" if timed else "max(f.value)"
    statement = (
        facts.TYPES
        + ", f as ("
        + reports.FACTS[asked.kind]
        + ") select f.ticket_id, "
        + (value if asked.kind in VALUED else "null")
        + " from f where "
        + " and ".join(texts)
        + " group by f.ticket_id order by f.ticket_id limit "
        + str(most)
    )
    found = await reports.fetch(work, statement, conditions.parameters)
    return [(row[0], reports.plain(row[1], asked.zone.info)) for row in found]


def _group(query: Query, name: str) -> str:
    if name not in query.scope.dimensions:
        raise errors.NotFound
    text = reports.dimension(query, name)
    return "(" + text + (")#>>'{}'" if reports.is_told(query, name) else ")::text")


async def _bucket(work: Work, query: Query, name: str) -> tuple[datetime.datetime, datetime.datetime]:
    starts = await reports.buckets(work, query)
    for begin, end in pairwise([*starts, query.end]):
        if reports.plain(begin, query.zone.info) == name:
            return max(begin, query.begin), end
    raise errors.NotFound
