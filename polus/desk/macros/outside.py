"""Actions of macros that go to the outside: taken, settled, and what an agent decides about one that failed.

The call itself is made by `channels.calls`, outside of any transaction and of any request. A call may move money, so
it is made at most once: one whose worker died on the way counts as failed, and an agent says what is to become of it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from polus.base import errors, wire
from polus.desk.actions import Outcome
from polus.desk.macros import applying
from polus.desk.macros.applying import PENDING, Cause, Step
from polus.desk.tickets import drafts, messages
from polus.store.presence import FREE
from polus.store.work import SYSTEM, Work

# With those whose worker died: they are not made again, but somebody must be told.
DUE = (
    "select account_id, id from outside_actions where due_datetime <= now() and "
    + FREE
    + " order by due_datetime limit $1"
)
# A ticket that was merged meanwhile is the one that it became part of.
ROW = """
select o.id, coalesce(t.merged_into_id, t.id) as ticket_id, o.message_id, o.user_id, o.macro_id, o.job_id, o.close,
  o.actions::text as actions, o.worker
from outside_actions o join tickets t on t.account_id = o.account_id and t.id = o.ticket_id
where o.account_id = $1
"""
TAKE = ROW + " and o.id = $2 and o.due_datetime <= now() and " + FREE + " for update of o skip locked"
CLAIM = """
update outside_actions set worker = $3, claimed_datetime = clock_timestamp() where account_id = $1 and id = $2
"""
LET_GO = "update outside_actions set worker = null where account_id = $1 and id = $2 and worker = $3"
MINE = ROW + " and o.id = $2 and o.worker = $3 for update of o"
# On a message an agent decides; without one nobody can, and what was told as an event is the end of it.
SETTLE = """
update outside_actions set actions = $3, worker = null, claimed_datetime = null,
  due_datetime = case when $4 then 'infinity' else $5::timestamptz end
where account_id = $1 and id = $2
"""
OF_MESSAGE = (
    ROW
    + """ and o.message_id = $3 and exists (select from messages m
  where m.account_id = $1 and m.id = $3 and m.ticket_id = $2) for update of o"""
)
DONE = "delete from outside_actions where account_id = $1 and id = $2"
# What no channel delivers counts as sent as soon as it no longer waits.
RELEASE = """
update messages set held = false,
  sent_datetime = case when public and channel = any($3::text[]) then sent_datetime
    else coalesce(sent_datetime, $4) end
where account_id = $1 and id = $2 and held returning channel, from_agent
"""

NOT_CONNECTED = Outcome("error", "not connected")
INTERRUPTED = Outcome("error", "interrupted: whether the call arrived is not known")
FORCED = Outcome("skipped", "failed, and skipped by an agent")


class Errand(NamedTuple):
    """One call to be made: where its action stands, and its filled arguments."""

    place: int
    arguments: dict[str, Any]


async def due(db: Any, most: int) -> list[tuple[Any, ...]]:
    """(account, id) of what can go on."""
    return [tuple(row) for row in await db.fetch(DUE, most)]


async def take(work: Work, id_: int, worker: int) -> Errand | bool:
    """Claim the next call of an application; True when that was all there was to do, False when somebody else has it."""
    row = await work.db.fetchrow(TAKE, work.account.id, id_)
    if row is None:
        return False
    steps = _steps(row)
    step = _next(steps)
    if row["worker"] is not None and step is not None:
        await _settled(work, id_, row, steps, step, INTERRUPTED, None)
        return True
    if step is not None and step.key != "http":
        # Shops are reached through a connector, and none is installed.
        await _settled(work, id_, row, steps, step, NOT_CONNECTED, None)
        return True
    if step is not None:
        await work.db.execute(CLAIM, work.account.id, id_, worker)
        return Errand(step.place, step.arguments)
    await _resume(work, id_, row, steps)
    return True


async def settle(
    work: Work, id_: int, worker: int, place: int, outcome: Outcome, response: dict[str, Any] | None
) -> None:
    """Write down what the outside said. After an error nothing goes on before an agent decides."""
    row = await work.db.fetchrow(MINE, work.account.id, id_, worker)
    if row is None:
        return
    steps = _steps(row)
    step = next(one for one in steps if one.place == place)
    await _settled(work, id_, row, steps, step, outcome, response)


async def _settled(
    work: Work, id_: int, row: Any, steps: list[Step], step: Step, outcome: Outcome, response: Any
) -> None:
    _act(work, row)
    step.end(outcome)
    step.response = response
    failed = outcome.status == "error"
    if failed and row["message_id"] is None:
        cause = _cause(row)
        applying.tell(work, row["ticket_id"], step.name, step.arguments, outcome, cause)
        await work.db.execute(DONE, work.account.id, id_)
        return
    await work.db.execute(SETTLE, work.account.id, id_, wire.encode(steps), failed, work.now)
    await applying.mark(work, row["message_id"], steps)
    work.ring("ticket", work.account.id, row["ticket_id"])
    work.ring("work", "outside_actions")


async def _resume(work: Work, id_: int, row: Any, steps: Sequence[Step]) -> None:
    """All calls are through: the message may go, and the other actions are done."""
    _act(work, row)
    await work.db.execute(DONE, work.account.id, id_)
    if row["message_id"] is not None:
        released = await work.db.fetchrow(
            RELEASE, work.account.id, row["message_id"], list(drafts.DELIVERED), work.now
        )
        if released is not None:
            data = {"ticket_id": row["ticket_id"], **dict(released)}
            work.record(
                "ticket-message-updated",
                "TicketMessage",
                row["message_id"],
                data,
                ticket_id=row["ticket_id"],
            )
    await applying.finish(work, row["ticket_id"], steps, _cause(row), close=row["close"])


def _act(work: Work, row: Any) -> None:
    """It is done for whoever applied the macro."""
    work.actor = msgspec.structs.replace(SYSTEM, user_id=row["user_id"])


def _cause(row: Any) -> Cause:
    return Cause(macro_id=row["macro_id"], message_id=row["message_id"], job_id=row["job_id"])


def _steps(row: Any) -> list[Step]:
    return msgspec.json.decode(row["actions"], type=list[Step])


def _next(steps: Sequence[Step]) -> Step | None:
    """The call that is to be made; calls come first, in order."""
    return next((step for step in steps if step.external and step.status == PENDING), None)


async def decide(work: Work, ticket_id: int, message_id: int, action: str) -> bool:
    """What an agent says about a call that failed; False, and nothing happens, when none has.

    `retry` makes it once more, `force` goes on without it, `cancel` deletes the message. 403. Event ticket-message-deleted.
    """
    row = await work.db.fetchrow(OF_MESSAGE, work.account.id, ticket_id, message_id)
    if row is None or row["worker"] is not None:
        return False
    steps = _steps(row)
    failed = [step for step in steps if step.external and step.status == "error"]
    if not failed:
        return False
    if action == "retry":
        work.actor.require("basic-agent")
    if action == "cancel":
        await messages.delete(work, ticket_id, message_id)
        return True
    if action not in ("retry", "force"):
        raise errors.one("action", errors.NOT_CHOICE)
    for step in failed:
        step.end(Outcome(PENDING) if action == "retry" else FORCED)
        if action == "retry":
            step.response = None
    await work.db.execute(SETTLE, work.account.id, row["id"], wire.encode(steps), False, work.now)
    await applying.mark(work, message_id, steps)
    work.ring("work", "outside_actions")
    return True
