"""The tickets behind figures: of a whole, of one group, of one bucket; and how the figure is made of them."""

import datetime
from dataclasses import dataclass, replace
from itertools import pairwise

from polus.base import errors
from polus.desk.statistics import facts, reports
from polus.desk.statistics.aggregates import AGGREGATES, ONLY
from polus.desk.statistics.conditions import Conditions
from polus.desk.statistics.reports import Query
from polus.store.work import Work

# Facts that have a value of their own.
VALUED = frozenset(
    """surveys resolved messages_of_closed handled first_responses first_human_responses responses""".split()
)


# Counts of tickets: each is one.
OF_TICKETS = frozenset(("", "tickets", "distinct_tickets"))
# Of times that are added up, a ticket's own sum.
SUMMED = frozenset(("time", "time_per_ticket"))


@dataclass(frozen=True, slots=True)
class Part:
    """Of a figure: one group (a dimension and its value as text, None: nothing), one bucket (its begin as rows have it)."""

    by: str = ""
    group: str | None = None
    bucket: str = ""


WHOLE = Part()


@dataclass(frozen=True, slots=True)
class Behind:
    """What is behind a figure: tickets, each with its own value or with how much of the figure it is; how many there are in
    all, listed or not. Of a figure that counts something else than tickets: `counted`, all of it, and `beside`, what of it
    belongs to no ticket. Values of tickets and what is beside add up to what is counted, which is the figure."""

    tickets: list[tuple[int, float | None]]
    all: int
    counted: int | None = None
    beside: int = 0


# One row for each ticket; without one, first, for what has none.
_LISTED = """
select f.ticket_id, {value} as value from f where {where} group by 1
"""
LISTED = """, b as ({listed})
select ticket_id, value, count(ticket_id) over () as tickets, {sum} as counted from b
order by ticket_id nulls first limit {most}
"""


async def behind(work: Work, query: Query, most: int, part: Part = WHOLE) -> Behind:
    """What is behind the figures of a query, `most` tickets at most.

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
    hows = {measure.how for measure in asked.measures}
    only = {ONLY[how] for how in hows if how in ONLY}
    if len(only) == len(hows):
        conditions.texts.append("(" + " or ".join(sorted(only)) + ")")
    counts = counted(asked)
    value = AGGREGATES[asked.measures[0].how] if counts else _value(asked)
    source = facts.TYPES + ", f as (" + reports.FACTS[asked.kind] + ")"
    return await listed(work, source, conditions, value, most, counts=counts)


def counted(query: Query) -> bool:
    """Whether the query's only measure counts something of which a ticket may have several, or which has none."""
    (measure, *more) = query.measures
    return not more and measure.kind == "count" and measure.how not in OF_TICKETS


def _value(query: Query) -> str:
    if any(measure.how in SUMMED for measure in query.measures):
        return "round(sum(f.value) / 1000000.0, 2)"
    if query.kind not in VALUED:
        return "null::numeric"
    timed = any("time" in measure.how for measure in query.measures)
    return "round(max(f.value) / 1000000.0, 2)" if timed else "max(f.value)"


async def listed(
    work: Work, source: str, conditions: Conditions, value: str, most: int, *, counts: bool
) -> Behind:
    """The tickets of the facts `f` that `source` ends with, narrowed, each with the value of its facts."""
    texts = conditions.texts if counts else ["f.ticket_id is not null", *conditions.texts]
    grouped = _LISTED.replace("{where}", " and ".join(texts) or "true")
    grouped = (grouped + ("having {value} > 0" if counts else "")).replace("{value}", value)
    statement = source + LISTED.replace("{listed}", grouped).replace("{most}", str(most + 1))
    statement = statement.replace("{sum}", "sum(value) over ()" if counts else "null")
    found = await reports.fetch(work, statement, conditions.parameters)
    rows = [(row["ticket_id"], reports.plain(row["value"], datetime.UTC)) for row in found]
    beside = rows.pop(0)[1] if rows and rows[0][0] is None else 0
    total = found[0]["counted"] if found else 0
    return Behind(
        rows[:most], found[0]["tickets"] if found else 0, int(total) if counts else None, beside or 0
    )


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
