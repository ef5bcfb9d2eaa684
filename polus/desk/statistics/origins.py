"""The tickets behind what pages tell beside measures: runs of a rule, uses of a macro, closes of bots, callers, assigned."""

from dataclasses import replace

from polus.base import errors
from polus.desk.statistics import asked as asking
from polus.desk.statistics import boards, facts, present, reports
from polus.desk.statistics.asked import Asked
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


async def tickets(work: Work, asked: Asked, part: str, group: str, most: int) -> list[int]:
    """The tickets behind one group of a part, or behind a part that has none; 404 for a part that there is not."""
    if part not in ORIGINS:
        raise errors.NotFound
    scope, source, one = ORIGINS[part]
    if part == "rules":
        asked = present.whoever(asked)
    asked = boards.narrowed(asked, scope) if scope else replace(asked, filters=())
    measure = "messagesCount" if part == "macros" else "ticketCount"
    conditions = reports.given(work, asking.query(asked, scope or "tickets-open", measure))
    conditions.texts.append("f.ticket_id is not null")
    if one:
        conditions.put(one, group)
    statement = facts.TYPES + source + " select distinct f.ticket_id from f where "
    statement += " and ".join(conditions.texts) + " order by 1 limit " + str(most)
    return [row[0] for row in await reports.fetch(work, statement, conditions.parameters)]
