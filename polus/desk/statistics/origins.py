"""The tickets behind what pages tell beside measures: runs of a rule, uses of a macro, closes of bots, callers, assigned."""

from dataclasses import replace

from polus.base import errors
from polus.desk.statistics import asked as asking
from polus.desk.statistics import boards, facts, present, reports, sources
from polus.desk.statistics.asked import Asked
from polus.desk.statistics.sources import Behind
from polus.store.work import Work

CALLS = """
, f as (select c.ticket_id from voice_lines l join voice_calls c on c.account_id = l.account_id and c.id = l.call_id
  where l.account_id = $1 and l.queued_datetime is not null and l.state in ('waiting', 'ringing'))
"""
# What is so now, as the page counts it.
ASSIGNED = """
, f as (select id as ticket_id from tickets where account_id = $1 and status = 'open' and not spam
  and trashed_datetime is null and merged_into_id is null and assignee_user_id is not null)
"""
USED = ", f as (" + facts.FACTS["sent"] + ")"
# part of a page -> the scope whose filters narrow it, its facts, and what tells one group of them.
ORIGINS: dict[str, tuple[str, str, str]] = {
    "rules": ("tickets-created", present.RUNS, "f.rule_id::text = $?::text"),
    "macros": ("messages-sent", USED, "$?::text = any(f.macro_ids::text[])"),
    "bots": ("tickets-closed", present.BOTS, "f.channel = $?::text"),
    "calls": ("", CALLS, ""),
    "assigned": ("", ASSIGNED, ""),
}


# Of which a ticket may have several.
SEVERAL = frozenset(("rules", "macros", "calls"))


async def behind(work: Work, asked: Asked, part: str, group: str, most: int) -> Behind:
    """The tickets behind one group of a part, or behind a part that has none, each with how many runs, messages or calls it
    has; 404 for a part that there is not."""
    if part not in ORIGINS:
        raise errors.NotFound
    scope, source, one = ORIGINS[part]
    if part == "rules":
        asked = present.whoever(asked)
    asked = boards.narrowed(asked, scope) if scope else replace(asked, filters=())
    measure = "messagesCount" if part == "macros" else "ticketCount"
    conditions = reports.given(work, asking.query(asked, scope or "tickets-open", measure))
    if one:
        conditions.put(one, group)
    counts = part in SEVERAL
    value = "count(*)" if counts else "null::numeric"
    return await sources.listed(work, facts.TYPES + source, conditions, value, most, counts=counts)
