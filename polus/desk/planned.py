"""Messages that wait for their moment: for the seconds in which sending can be undone, or for a time that was chosen.

Nothing of a planned message has happened yet: taking it back gives the draft back as it was. The worker sends what is
due (`due`), as the agent who wrote it.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import composing, unfinished
from polus.desk.composing import Composed, Follows
from polus.desk.tickets import tickets
from polus.desk.tickets.bulk import said
from polus.store.work import Actor, Work

UNDO = datetime.timedelta(seconds=10)
FARTHEST = datetime.timedelta(days=366)
MOST = 100
"""Planned messages of one ticket."""

PAST = "Must be in the future."
TOO_FAR = "At most one year ahead."
TOO_MANY = "Too many planned messages in this ticket."
GONE = "It was sent or taken back already."
# Why a message was stopped: `moved`, somebody wrote meanwhile; `nobody`, its writer has gone; else a sentence.
MOVED, NOBODY = "moved", "nobody"

COUNT = "select count(*) from planned where account_id = $1 and ticket_id = $2"
INSERT = """
insert into planned (account_id, ticket_id, user_id, content, follows, snooze_datetime, chosen, due_datetime,
  created_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id
"""
LIST = """
select p.id, p.user_id, u.name, p.content, p.follows, p.snooze_datetime, p.chosen, p.due_datetime, p.stopped
from planned p join users u on u.account_id = p.account_id and u.id = p.user_id
where p.account_id = $1 and p.ticket_id = $2 order by p.due_datetime, p.id
"""
TAKE_BACK = "delete from planned where account_id = $1 and id = $2 and ticket_id = $3 returning content"
HURRY = """
update planned set due_datetime = $4, stopped = null, chosen = false
where account_id = $1 and id = $2 and ticket_id = $3 returning id
"""
DUE = """
select account_id, id from planned where due_datetime <= now() and stopped is null order by due_datetime limit $1
"""
TAKE = """
select p.id, p.ticket_id, p.user_id, p.content, p.follows, p.snooze_datetime, p.chosen, u.role,
  u.active and u.deleted_datetime is null as active
from planned p join users u on u.account_id = p.account_id and u.id = p.user_id
where p.account_id = $1 and p.id = $2 and p.due_datetime <= now() and p.stopped is null for update of p skip locked
"""
DONE = "delete from planned where account_id = $1 and id = $2"
STOP = "update planned set stopped = $3 where account_id = $1 and id = $2"


class Planned(msgspec.Struct, frozen=True):
    """A message that waits. `stopped`: why it was not sent when its moment came."""

    id: int
    user_id: int
    name: str
    composed: Composed
    follows: Follows
    chosen: bool
    due_datetime: datetime.datetime
    stopped: str | None


async def plan(
    work: Work,
    ticket_id: int,
    composed: Composed,
    follows: Follows,
    at: datetime.datetime | None = None,
    *,
    anyway: bool = False,
) -> int:
    """Send it `at` that time, or when it can no longer be undone; the plan's id. Refuses as `composing.send` does.

    The actor's draft goes.
    """
    if at is not None and at <= work.now:
        raise errors.one("then", PAST)
    if at is not None and at > work.now + FARTHEST:
        raise errors.one("then", TOO_FAR)
    await tickets.lock(work, ticket_id)
    await composing.checked(work, ticket_id, composed, anyway=anyway)
    if await work.db.fetchval(COUNT, work.account.id, ticket_id) >= MOST:
        raise errors.Conflict(None, TOO_MANY)
    plan_id: int = await work.db.fetchval(
        INSERT,
        work.account.id,
        ticket_id,
        work.actor.user_id,
        wire.encode(msgspec.to_builtins(composed)),
        follows.change,
        follows.until,
        at is not None,
        at or work.now + UNDO,
        work.now,
    )
    await unfinished.forget(work, ticket_id)
    work.ring("ticket", work.account.id, ticket_id)
    return plan_id


async def of_ticket(work: Work, ticket_id: int) -> list[Planned]:
    """What waits in a ticket, in the order of time."""
    return [
        Planned(
            row["id"],
            row["user_id"],
            row["name"],
            msgspec.json.decode(row["content"], type=Composed),
            Follows(row["follows"], row["snooze_datetime"]),
            row["chosen"],
            row["due_datetime"],
            row["stopped"],
        )
        for row in await work.db.fetch(LIST, work.account.id, ticket_id)
    ]


async def take_back(work: Work, ticket_id: int, plan_id: int) -> Composed:
    """It is not sent, and is the actor's draft again, exactly as it was; 409 when it was sent meanwhile."""
    content = await work.db.fetchval(TAKE_BACK, work.account.id, plan_id, ticket_id)
    if content is None:
        await tickets.require(work, ticket_id)
        raise errors.Conflict(None, GONE)
    composed = msgspec.json.decode(content, type=Composed)
    await unfinished.save(work, ticket_id, composed)
    work.ring("ticket", work.account.id, ticket_id)
    return composed


async def hurry(work: Work, ticket_id: int, plan_id: int) -> None:
    """Send it now, also when it was stopped; 409 when it is gone."""
    if await work.db.fetchval(HURRY, work.account.id, plan_id, ticket_id, work.now) is None:
        await tickets.require(work, ticket_id)
        raise errors.Conflict(None, GONE)
    work.ring("work", "planned")
    work.ring("ticket", work.account.id, ticket_id)


async def due(db: Any, _now: Any, most: int) -> Sequence[tuple[int, int]]:
    """(account, plan) of what is to be sent, of all accounts."""
    return [(row["account_id"], row["id"]) for row in await db.fetch(DUE, most)]


async def send(work: Work, plan_id: int) -> bool:
    """Send one that is due, as who wrote it; False when somebody else has it, or it is gone.

    One whose time was chosen is stopped when the ticket has moved on since it was written.
    """
    row = await work.db.fetchrow(TAKE, work.account.id, plan_id)
    if row is None:
        return False
    composed = msgspec.json.decode(row["content"], type=Composed)
    work.actor = Actor("user", row["user_id"], row["role"])
    stopped = None if row["active"] else NOBODY
    if stopped is None:
        try:
            async with work.attempt():
                await composing.send(
                    work,
                    row["ticket_id"],
                    composed,
                    Follows(row["follows"], _still(work, row["snooze_datetime"])),
                    anyway=not row["chosen"],
                )
        except composing.Outdated:
            stopped = MOVED
        except errors.Merged as merged:
            stopped = "Ticket #" + str(merged.survivor_id)
        except errors.Refusal as refusal:
            stopped = said(refusal)
    if stopped is None:
        await work.db.execute(DONE, work.account.id, plan_id)
    else:
        await work.db.execute(STOP, work.account.id, plan_id, stopped[:500])
    work.ring("ticket", work.account.id, row["ticket_id"])
    return True


def _still(work: Work, until: datetime.datetime | None) -> datetime.datetime | None:
    """A moment to snooze until; one that has passed while the message waited wakes the ticket at once."""
    return None if until is None else max(until, work.now + datetime.timedelta(minutes=1))
