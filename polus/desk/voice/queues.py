"""Who takes a call that waits: agents who are there, have a telephone and do not talk, in the order of their team."""

import datetime
from typing import Any

import msgspec

from polus.desk import presence
from polus.desk.voice.lines import Line
from polus.store.work import Work

# After so long somebody who did not pick up is tried again.
REST = datetime.timedelta(seconds=45)

# Two calls at once must not find the same agent free.
TURN = "select pg_advisory_xact_lock(hashtextextended('voice', $1))"
AGENTS = (
    """
select u.id, u.name, p.number, tried.times, tried.last, tried.declined,
  exists (select from voice_lines l where l.account_id = u.account_id and l.agent_id = u.id) as busy
from users u join user_phones p on p.account_id = u.account_id and p.user_id = u.id
left join team_members m on m.account_id = u.account_id and m.user_id = u.id and m.team_id = $3
cross join lateral (
  select count(*) filter (where e.type = 'phone-call-agent-dialed') as times, max(e.created_datetime) as last,
    coalesce(bool_or(e.type = 'declined-phone-call'), false) as declined
  from voice_call_events e where e.account_id = u.account_id and e.call_id = $4 and e.user_id = u.id
    and e.type in ('phone-call-agent-dialed', 'declined-phone-call', 'missed-phone-call')
) tried
where u.account_id = $1 and u.active and u.deleted_datetime is null
  and u.role in ('admin', 'agent', 'basic-agent', 'lite-agent') and ($3::bigint is null or m.user_id is not null)
  and """
    + presence.AVAILABLE.replace("{now}", "$2")
    + " order by tried.times, m.position, u.id"
)
ONE = """
select u.id, u.name, p.number from users u join user_phones p on p.account_id = u.account_id and p.user_id = u.id
where u.account_id = $1 and u.id = $2
"""
# Those who waited longer are served first; a call of which nothing was heard for a while is none.
AHEAD = """
select count(*) from voice_lines where account_id = $1 and integration_id = $2 and state = 'waiting' and call_id <> $3
  and (queued_datetime, call_id) < ($4::timestamptz, $3) and heard_datetime > $5::timestamptz - interval '2 minutes'
"""


class Agent(msgspec.Struct, frozen=True):
    """Who can be rung, and where."""

    id: int
    name: str
    number: str


class Turn(msgspec.Struct, frozen=True):
    """`agent`: who is to be rung now. `anybody`: whether it is of use to wait at all."""

    agent: Agent | None
    anybody: bool


async def turn(work: Work, line: Line, team_id: int | None) -> Turn:
    """Whose telephone is to ring for the waiting call; held until the transaction ends, so he is found once."""
    await work.db.execute(TURN, work.account.id)
    rows = await work.db.fetch(AGENTS, work.account.id, work.now, team_id, line.call_id)
    free = [row for row in rows if not row["busy"] and not row["declined"] and _rested(row, work.now)]
    # Who declined does not want this call: waiting for him is of no use.
    anybody = any(not row["declined"] for row in rows)
    ahead = await work.db.fetchval(
        AHEAD, work.account.id, line.integration_id, line.call_id, line.queued_datetime or work.now, work.now
    )
    if ahead >= len(free):
        return Turn(None, anybody)
    chosen = free[0]
    return Turn(Agent(chosen["id"], chosen["name"], chosen["number"]), anybody)


async def agent(work: Work, user_id: int) -> Agent | None:
    """Somebody who can be rung; None when he has no telephone."""
    row = await work.db.fetchrow(ONE, work.account.id, user_id)
    return None if row is None else Agent(**row)


def _rested(row: Any, now: datetime.datetime) -> bool:
    return row["last"] is None or now - row["last"] > REST
