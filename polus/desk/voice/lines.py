"""Calls as they go on: begun, waiting, ringing, talking, ended. Each step counts once, also when it is told twice or late.

Who says what happens next is `channels.voice`; reading and listing calls is `desk.calls`.
"""

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk.tickets import messages, tickets
from polus.store.work import Work

PROVIDER = "twilio"
# An order that the provider has not named yet.
UNNAMED = "order-"

# The wire's status of each state.
STATUS = {
    "begun": "ringing",
    "closed": "in-progress",
    "waiting": "queued",
    "ringing": "ringing",
    "talking": "in-progress",
    "voicemail": "in-progress",
    "dialling": "initiated",
    "bridging": "connected",
}
# What also stands in the account's log; all of it is in the call's own.
TOLD = frozenset(
    (
        "incoming-phone-call", "outgoing-phone-call", "phone-call-answered", "missed-phone-call", "declined-phone-call",
        "completed-phone-call", "voicemail-recording", "call-recording", "phone-call-dial-failed",
    )
)  # fmt: skip

INSERT = """
with call as (
  insert into voice_calls (account_id, integration_id, queue_id, ticket_id, message_id, external_id, provider, status,
    direction, phone_number_source, phone_number_destination, country_source, country_destination, customer_id,
    initiated_by_agent_id, has_voicemail, has_call_recording, created_datetime, started_datetime, updated_datetime)
  values ($1, $2::bigint, case when $8::text = 'inbound' then $2::bigint end, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
    coalesce($13, (select sender_id from messages where account_id = $1 and id = $4)), $14, false, false, $15, $15, $15)
  returning id
)
insert into voice_lines (account_id, call_id, integration_id, state, agent_id, since, heard_datetime)
select $1, id, $2, $16, $14, $15, $15 from call returning call_id
"""
# First the lock, then the look: a statement that waits for a row sees what is joined to it as it was before.
_LOCK = "select id from voice_calls where account_id = $1 and integration_id = $2"
LOCK_NAMED = _LOCK + " and provider = $3 and external_id = $4 for update"
LOCK = _LOCK + " and id = $3 for update"
READ = """
select c.id as call_id, c.integration_id, c.external_id, c.direction, c.status, c.ticket_id, c.message_id, c.customer_id,
  case c.direction when 'inbound' then c.phone_number_source else c.phone_number_destination end as theirs,
  case c.direction when 'inbound' then c.phone_number_destination else c.phone_number_source end as ours,
  c.created_datetime, c.initiated_by_agent_id, c.last_answered_by_agent_id, c.termination_status, c.duration,
  c.has_voicemail, l.state, l.agent_id, l.since, l.queued_datetime
from voice_calls c left join voice_lines l on l.account_id = c.account_id and l.call_id = c.id
where c.account_id = $1 and c.id = $2
"""
CALLER = "select initiated_by_agent_id from voice_calls where account_id = $1 and id = $2"
OF_CALL = "select integration_id from voice_calls where account_id = $1 and id = $2"

HEARD = "update voice_lines set heard_datetime = $3 where account_id = $1 and call_id = $2"
NAME = """
update voice_calls set external_id = $3 where account_id = $1 and id = $2 and external_id like 'order-%'
"""
MOVE = """
with line as (
  update voice_lines set state = $3, agent_id = $4, since = $5, heard_datetime = $5,
    queued_datetime = case when $3 = 'waiting' then coalesce(queued_datetime, $5) else queued_datetime end
  where account_id = $1 and call_id = $2
)
update voice_calls set status = $6, updated_datetime = $5,
  last_rang_agent_id = case when $3 = 'ringing' then $4 else last_rang_agent_id end,
  status_in_queue = case when $3 = 'waiting' then coalesce(status_in_queue, 'waiting') else status_in_queue end
where account_id = $1 and id = $2
"""
HAPPENED = """
insert into voice_call_events (account_id, type, call_id, user_id, customer_id, meta, created_datetime, key)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (account_id, call_id, key) where key is not null do nothing returning id
"""
ANSWERED = """
update voice_calls set updated_datetime = $3, status_in_queue = case when direction = 'inbound' then 'answered' end,
  last_answered_by_agent_id = case when direction = 'inbound' then $4 else last_answered_by_agent_id end,
  termination_status = case when $5 then 'answered' end, status = case when $5 then 'completed' else status end
where account_id = $1 and id = $2
"""
CLOSE = "delete from voice_lines where account_id = $1 and call_id = $2"
END = """
update voice_calls set status = $3, termination_status = $4, duration = $5, updated_datetime = $6,
  status_in_queue = case when status_in_queue = 'waiting' then $7 else status_in_queue end
where account_id = $1 and id = $2
"""
LENGTH = "update voice_calls set duration = $3, updated_datetime = $4 where account_id = $1 and id = $2 and duration is null"

# Who waits is asked again every few seconds, and a talk ends after four hours: the provider is told so.
SILENT = """
select account_id, call_id from voice_lines
where heard_datetime < $1::timestamptz - case when state in ('talking', 'bridging') then interval '4 hours 10 minutes'
  else interval '10 minutes' end
order by heard_datetime limit $2
"""


class Line(msgspec.Struct, kw_only=True):
    """A call, locked. `theirs` is the customer's number, `ours` that of the integration; `state` None: it has ended."""

    call_id: int
    integration_id: int
    external_id: str
    direction: str
    status: str
    ticket_id: int | None
    message_id: int | None
    customer_id: int | None
    theirs: str | None
    ours: str | None
    created_datetime: datetime.datetime
    initiated_by_agent_id: int | None
    last_answered_by_agent_id: int | None
    termination_status: str | None
    duration: int | None
    has_voicemail: bool | None
    state: str | None
    agent_id: int | None
    since: datetime.datetime | None
    queued_datetime: datetime.datetime | None

    @property
    def inbound(self) -> bool:
        return self.direction == "inbound"


class Begun(msgspec.Struct, kw_only=True, frozen=True):
    """What a call begins with. `agent_id`: who calls. No `customer_id`: the sender of the message."""

    integration_id: int
    external_id: str
    direction: str
    source: str
    destination: str
    ticket_id: int
    message_id: int
    customer_id: int | None = None
    country_source: str | None = None
    country_destination: str | None = None
    agent_id: int | None = None


async def begin(work: Work, begun: Begun) -> Line:
    """A new call. Events incoming-phone-call or outgoing-phone-call."""
    state = "begun" if begun.direction == "inbound" else "dialling"
    call_id = await work.db.fetchval(
        INSERT,
        work.account.id,
        begun.integration_id,
        begun.ticket_id,
        begun.message_id,
        begun.external_id,
        PROVIDER,
        "ringing" if state == "begun" else "queued",
        begun.direction,
        begun.source,
        begun.destination,
        begun.country_source,
        begun.country_destination,
        begun.customer_id,
        begun.agent_id,
        work.now,
        state,
    )
    line = await by_id(work, begun.integration_id, call_id)
    assert line is not None
    kind = "incoming-phone-call" if line.inbound else "outgoing-phone-call"
    await happened(work, line, kind, key="begun", user_id=begun.agent_id)
    return line


async def find(work: Work, integration_id: int, external_id: str) -> Line | None:
    """The call that the provider calls so, locked."""
    return await _read(
        work, await work.db.fetchval(LOCK_NAMED, work.account.id, integration_id, PROVIDER, external_id)
    )


async def by_id(work: Work, integration_id: int, call_id: int) -> Line | None:
    """The call of that number of ours, locked."""
    return await _read(work, await work.db.fetchval(LOCK, work.account.id, integration_id, call_id))


async def _read(work: Work, call_id: int | None) -> Line | None:
    if call_id is None:
        return None
    return Line(**await work.db.fetchrow(READ, work.account.id, call_id))


async def named(work: Work, line: Line, external_id: str) -> None:
    """The provider has given the ordered call this name; the first one stays."""
    if external_id and line.external_id.startswith(UNNAMED):
        await work.db.execute(NAME, work.account.id, line.call_id, external_id)
        line.external_id = external_id


async def heard(work: Work, line: Line) -> None:
    """The provider still knows of it."""
    await work.db.execute(HEARD, work.account.id, line.call_id, work.now)


async def happened(
    work: Work,
    line: Line,
    kind: str,
    *,
    key: str | None = None,
    at: datetime.datetime | None = None,
    user_id: int | None = None,
    meta: Mapping[str, Any] | None = None,
) -> bool:
    """Write down what happened in a call; False when it was there, by its key. The more telling ones are also events of
    the account, about the call's ticket. `at` is held between the call's beginning and now."""
    moment = min(max(at or work.now, line.created_datetime), work.now)
    told = None if meta is None else wire.encode(meta)
    customer_id = line.customer_id
    values = (kind, line.call_id, user_id, customer_id, told, moment, key)
    event_id = await work.db.fetchval(HAPPENED, work.account.id, *values)
    if event_id is None:
        return False
    if kind in TOLD and line.ticket_id is not None:
        data = {"call_id": line.call_id, "direction": line.direction, "agent_id": user_id}
        work.record(kind, "Ticket", line.ticket_id, data, ticket_id=line.ticket_id)
    return True


async def move(work: Work, line: Line, state: str, agent_id: int | None = None) -> None:
    """The call is in that state from now on. Nothing happens to one that has ended."""
    if line.state is None:
        return
    status = STATUS[state]
    await work.db.execute(MOVE, work.account.id, line.call_id, state, agent_id, work.now, status)
    line.state, line.agent_id, line.since, line.status = state, agent_id, work.now, status
    if state == "waiting":
        line.queued_datetime = line.queued_datetime or work.now
    if line.ticket_id is not None:
        work.ring("ticket", work.account.id, line.ticket_id)


async def answered(work: Work, line: Line, user_id: int | None, at: datetime.datetime | None = None) -> None:
    """The agent and the customer talk; said once. The ticket is his, unless it is somebody's.

    Also when the call has ended meanwhile, for the provider's news may come in any order.
    """
    if not await happened(
        work, line, "phone-call-answered", key=f"answered {user_id}", at=at, user_id=user_id
    ):
        return
    if line.queued_datetime is not None:
        await happened(work, line, "phone-call-dequeued", key="dequeued", at=at, user_id=user_id)
    await happened(
        work, line, "phone-call-conversation-started", key=f"talk {user_id}", at=at, user_id=user_id
    )
    over = line.state is None
    await move(work, line, "talking", user_id)
    await work.db.execute(ANSWERED, work.account.id, line.call_id, work.now, user_id, over)
    if line.inbound:
        line.last_answered_by_agent_id = user_id
        await _take(work, line, user_id)


async def _take(work: Work, line: Line, user_id: int | None) -> None:
    """Give the ticket to who answered."""
    ticket_id = line.ticket_id
    while ticket_id is not None:
        try:
            if (await tickets.lock(work, ticket_id))["assignee_user_id"] is None:
                await tickets.update(work, ticket_id, {"assignee_user_id": user_id})
            return
        except errors.Merged as merged:
            ticket_id = merged.survivor_id
        except errors.Refusal:  # deleted, or the agent has gone: the talk goes on
            return


async def end(
    work: Work,
    line: Line,
    *,
    at: datetime.datetime | None = None,
    duration: int | None = None,
    outcome: str = "",
) -> None:
    """The call is over; a second time only its length is filled in. `outcome`: the provider's word for how.

    Events missed-phone-call for one that came in and nobody took, completed-phone-call.
    """
    if line.state is None:
        if duration is not None:
            await work.db.execute(LENGTH, work.account.id, line.call_id, duration, work.now)
        return
    status, termination = ending(line, outcome)
    reached = {"abandoned": "abandoned", "missed": "timed-out"}.get(termination or "", termination)
    await work.db.execute(CLOSE, work.account.id, line.call_id)
    await work.db.execute(
        END, work.account.id, line.call_id, status, termination, duration, work.now, reached
    )
    line.state, line.status, line.termination_status = None, status, termination
    agent_id = line.last_answered_by_agent_id or line.initiated_by_agent_id
    if line.inbound and termination != "answered":
        await happened(work, line, "missed-phone-call", key="missed", at=at)
    await happened(work, line, "completed-phone-call", key="completed", at=at, user_id=agent_id)
    if line.queued_datetime is not None:
        work.ring("work", "voice")


def ending(line: Line, outcome: str) -> tuple[str, str | None]:
    """Status and termination of a call that ends in its present state."""
    if line.state == "talking":
        return "completed", "answered"
    if line.inbound:
        if line.last_answered_by_agent_id is not None:
            return "completed", "answered"
        if line.state in ("closed", "voicemail"):
            return "missed", "missed"
        if outcome == "failed":
            return "failed", None
        return ("canceled", "cancelled") if line.state == "begun" else ("missed", "abandoned")
    if outcome == "failed":
        return "failed", None
    if line.state == "bridging" and outcome in ("busy", "no-answer"):
        return outcome, "missed"
    # The agent did not pick up, or hung up before his customer did.
    return ("no-answer" if outcome in ("busy", "no-answer") else "canceled"), "cancelled"


async def fail(work: Work, line: Line, said: str) -> None:
    """The provider did not make the ordered call; `said`, which is HTML, tells the agent why.

    Events phone-call-dial-failed, completed-phone-call and ticket-message-failed.
    """
    meta = {"agent_id": line.initiated_by_agent_id}
    await happened(
        work, line, "phone-call-dial-failed", key="failed", user_id=line.initiated_by_agent_id, meta=meta
    )
    await end(work, line, outcome="failed")
    if line.message_id is not None:
        await messages.failed(work, line.message_id, said, retriable=False)


async def silent(db: Any, now: datetime.datetime, most: int) -> list[tuple[int, int]]:
    """Calls, of all accounts, of which the provider has long said nothing."""
    return [(row[0], row[1]) for row in await db.fetch(SILENT, now, most)]


async def give_up(work: Work, call_id: int) -> bool:
    """End such a call; False when it is gone."""
    integration_id = await work.db.fetchval(OF_CALL, work.account.id, call_id)
    line = await by_id(work, integration_id, call_id)
    if line is None or line.state is None:
        return False
    await end(work, line)
    return True


async def caller(work: Work, call_id: int) -> int | None:
    """The agent who ordered the call."""
    return await work.db.fetchval(CALLER, work.account.id, call_id)  # type: ignore[no-any-return]
