"""Splitting: messages that are about something else become a ticket of their own."""

from collections.abc import Sequence
from typing import Any

from polus.base import errors
from polus.desk.tickets import happenings, messages, tickets
from polus.store.work import Work

MOST = 100
ALL = "At least one message stays."

CHOSEN = """
select m.id, (select count(*) from messages where account_id = $1 and ticket_id = $2) as all_
from messages m where m.account_id = $1 and m.ticket_id = $2 and m.id = any($3::bigint[])
order by m.created_datetime, m.id for update of m
"""
# The new one is the oldest message's: its sender's when a customer wrote it, its channel, its subject. Who works on the
# old ticket gets it too.
OPEN = """
insert into tickets (account_id, status, priority, channel, via, from_agent, spam, customer_id, assignee_user_id,
  assignee_team_id, language, subject, unread_datetime, created_datetime, processed_datetime, updated_datetime,
  split_from)
select t.account_id, 'open', t.priority, m.channel, m.via, m.from_agent, t.spam,
  coalesce((select coalesce(c.merged_into_id, c.id) from customers c where c.account_id = m.account_id
    and c.id = m.sender_id and not m.from_agent and c.deleted_datetime is null), t.customer_id),
  t.assignee_user_id, t.assignee_team_id, t.language, coalesce(m.subject, t.subject), $4, $4, $4, $4, t.id
from tickets t join messages m on m.account_id = t.account_id and m.id = $3
where t.account_id = $1 and t.id = $2 returning id, assignee_user_id, assignee_team_id
"""
# With the calls that they stand for.
MOVE = """
with moved as (
  update messages set ticket_id = $3 where account_id = $1 and ticket_id = $2 and id = any($4::bigint[]) returning id
)
update voice_calls set ticket_id = $3 where account_id = $1 and message_id in (select id from moved)
"""
# What tickets repeat of their messages besides what `messages.resummarise` does.
RECOUNT = """
update tickets t set updated_datetime = $3,
  last_message_datetime = (select max(m.created_datetime) from messages m where m.account_id = $1
    and m.ticket_id = t.id and m.public and not (m.from_agent and m.channel = 'phone')),
  last_received_message_datetime = (select max(m.created_datetime) from messages m where m.account_id = $1
    and m.ticket_id = t.id and not m.from_agent),
  integration_ids = array(select distinct m.integration_id from messages m where m.account_id = $1
    and m.ticket_id = t.id and m.integration_id is not null order by 1)
where t.account_id = $1 and t.id = any($2::bigint[])
"""


async def split(work: Work, ticket_id: int, message_ids: Sequence[int]) -> int:
    """Take messages out of a ticket into a new one; its id. 404, 301; 400 when they are not its own, or all of it.

    Events: ticket-created, ticket-split and what its assignees call for; ticket-updated on the old one.
    """
    await tickets.lock(work, ticket_id)
    rows = await work.db.fetch(CHOSEN, work.account.id, ticket_id, list(message_ids))
    missing = set(message_ids) - {row["id"] for row in rows}
    if missing:
        at = {str(place): [errors.MISSING_OBJECT] for place, one in enumerate(message_ids) if one in missing}
        raise errors.Invalid({"message_ids": at})
    if rows[0]["all_"] == len(rows):
        raise errors.one("message_ids", ALL)
    ids = [row["id"] for row in rows]
    made = await work.db.fetchrow(OPEN, work.account.id, ticket_id, ids[0], work.now)
    await work.db.execute(MOVE, work.account.id, ticket_id, made["id"], ids)
    await work.db.execute(RECOUNT, work.account.id, [ticket_id, made["id"]], work.now)
    for one in (ticket_id, made["id"]):
        await messages.resummarise(work, one)
    _tell(work, ticket_id, made)
    return made["id"]  # type: ignore[no-any-return]


def _tell(work: Work, ticket_id: int, made: Any) -> None:
    happenings.record(work, made["id"], "ticket-created")
    happenings.record(work, made["id"], "ticket-split", {"split_from": ticket_id})
    for field, kind in (
        ("assignee_user_id", "ticket-assigned"),
        ("assignee_team_id", "ticket-team-assigned"),
    ):
        if made[field] is not None:
            happenings.record(work, made["id"], kind, {field: made[field]})
    happenings.record(work, ticket_id, "ticket-updated")
