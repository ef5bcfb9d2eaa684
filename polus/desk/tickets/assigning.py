"""Tickets that belong to a team but to nobody in it find their agent, as the setting `ticket-assignment` says.

The available member with the fewest open tickets gets it, unless he has as many as the setting allows; then it waits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import presence, settings
from polus.desk.tickets import tickets
from polus.store.work import Work

# What `max_user_chat_ticket` counts; `max_user_non_chat_ticket` counts all others.
CHATS = ("chat", "custom-chat")

SETTING = "select data from account_settings where account_id = $1 and type = 'ticket-assignment'"
# Two that look for the least loaded at once would both find the same one.
TURN = "select pg_advisory_xact_lock(hashtextextended('assign', $1))"

WAITING = (
    "t.status = 'open' and t.assignee_user_id is null and t.assignee_team_id is not null and not t.spam"
    " and t.trashed_datetime is null and t.merged_into_id is null"
)

# Members at work, with what they hold. `$2` is now, `$3` the chat channels.
MEMBERS = """
select m.team_id, u.id, m.position, held.chats, held.others
from team_members m join users u on u.account_id = m.account_id and u.id = m.user_id
cross join lateral (
  select count(*) filter (where t.channel = any($3::text[])) as chats,
    count(*) filter (where t.channel <> all($3::text[])) as others
  from tickets t where t.account_id = u.account_id and t.assignee_user_id = u.id and t.status = 'open'
    and not t.spam and t.trashed_datetime is null and t.merged_into_id is null) held
where m.account_id = $1 and u.active and u.deleted_datetime is null
  and u.role in ('admin', 'agent', 'basic-agent', 'lite-agent') and """ + presence.AVAILABLE.replace(
    "{now}", "$2"
)

CHOOSE = (
    "select id from ("
    + MEMBERS
    + """) member
where team_id = $4
  and ($6 or case when $5 then chats else others end < coalesce($7::bigint, 9223372036854775807))
order by case when $5 then chats else others end >= coalesce($7::bigint, 9223372036854775807), chats + others,
  position, id limit 1
"""
)

# Tickets that somebody has room for, the most urgent first, then the oldest.
PLACEABLE = (
    "with member as ("
    + MEMBERS
    + """), free as (
  select team_id, bool_or($5 or chats < coalesce($6::bigint, 9223372036854775807)) as chats,
    bool_or($5 or others < coalesce($7::bigint, 9223372036854775807)) as others
  from member group by team_id
)
select t.id from tickets t join free f on f.team_id = t.assignee_team_id
where t.account_id = $1 and """
    + WAITING
    + """ and t.imported is not true and t.channel = any($4::text[])
  and case when t.channel = any($3::text[]) then f.chats else f.others end
order by t.priority desc, t.created_datetime, t.id limit $8
"""
)

# Accounts that give tickets to agents and have one waiting.
ACCOUNTS = (
    """
select s.account_id from account_settings s
where s.type = 'ticket-assignment' and s.data->>'auto_assign_to_teams' = 'true'
  and exists (select from tickets t where t.account_id = s.account_id and """
    + WAITING
    + ") limit 100"
)


class Wishes(msgspec.Struct, frozen=True):
    """The setting, with what it leaves out filled in."""

    auto_assign_to_teams: bool
    assignment_channels: list[str]
    can_exceed_max_agent_capacity: bool
    max_user_chat_ticket: int | None
    max_user_non_chat_ticket: int | None


async def _wishes(work: Work) -> Wishes:
    data = await work.db.fetchval(SETTING, work.account.id)
    given: Mapping[str, Any] = {} if data is None else msgspec.json.decode(data)
    return msgspec.convert({**settings.FIRST["ticket-assignment"], **given}, Wishes)


async def accounts(db: Any, _now: Any) -> Sequence[int]:
    """The accounts that may have something to do."""
    return [row["account_id"] for row in await db.fetch(ACCOUNTS)]


async def offer(work: Work, ticket_id: int) -> bool:
    """Give the ticket to an agent of its team if it waits for one and one has room; whether it was given.

    Events ticket-updated, ticket-assigned. One after the other within an account.
    """
    wishes = await _wishes(work)
    if not wishes.auto_assign_to_teams:
        return False
    await work.db.execute(TURN, work.account.id)
    return await _offer(work, wishes, ticket_id)


async def place(work: Work, most: int = 50) -> int:
    """Give tickets that wait to agents who have room for them; how many."""
    wishes = await _wishes(work)
    if not wishes.auto_assign_to_teams:
        return 0
    await work.db.execute(TURN, work.account.id)
    waiting = await work.db.fetch(
        PLACEABLE,
        work.account.id,
        work.now,
        CHATS,
        wishes.assignment_channels,
        wishes.can_exceed_max_agent_capacity,
        wishes.max_user_chat_ticket,
        wishes.max_user_non_chat_ticket,
        most,
    )
    return sum([await _offer(work, wishes, row["id"]) for row in waiting])


async def _offer(work: Work, wishes: Wishes, ticket_id: int) -> bool:
    try:
        old = await tickets.lock(work, ticket_id)
    except (errors.NotFound, errors.Merged):
        return False
    team = old["assignee_team_id"]
    gone = old["status"] != "open" or old["spam"] or old["trashed_datetime"] is not None or old["imported"]
    if team is None or old["assignee_user_id"] is not None or gone:
        return False
    if old["channel"] not in wishes.assignment_channels:
        return False
    chat = old["channel"] in CHATS
    user_id = await work.db.fetchval(
        CHOOSE,
        work.account.id,
        work.now,
        CHATS,
        team,
        chat,
        wishes.can_exceed_max_agent_capacity,
        wishes.max_user_chat_ticket if chat else wishes.max_user_non_chat_ticket,
    )
    if user_id is None:
        return False
    return await tickets.write(work, ticket_id, old, {**old, "assignee_user_id": user_id})
