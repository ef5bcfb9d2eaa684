"""Runs the reactions that events still owe: each in one transaction with its done-mark, a ticket's one after another.

The outbox row is the job. Taking it deletes it, inside the reaction's transaction: done and marked are one commit,
and a process that is killed leaves the row as if it had never been touched.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from polus.base import figures
from polus.desk import accounts
from polus.reactions.event import Event
from polus.reactions.table import Reaction
from polus.store.database import Database
from polus.store.pool import BROKEN
from polus.store.queue import Key, Lane
from polus.store.work import DEEPEST, SYSTEM, Account, Cause, writing

# One ticket's reactions run in the order of its events. One that failed and waits for its next attempt (f) holds up
# only its own kind: a broken rule must not keep the answer from being sent. Reactions that this version does not know are
# left to the version that does: while one is replaced by the other, both are at work.
DUE = """
select account_id, event_id, reaction from outbox o
where due_datetime <= now() and reaction = any($2) and not exists (
  select from outbox e
  where e.account_id = o.account_id and e.ticket_id = o.ticket_id and e.reaction = any($2)
    and (e.event_id, e.reaction) < (o.event_id, o.reaction)
    and e.due_datetime < 'infinity'
    and (e.reaction = o.reaction or not exists (
      select from outbox f
      where f.account_id = e.account_id and f.ticket_id = e.ticket_id and f.reaction = e.reaction
        and f.event_id <= e.event_id and f.attempts > 0 and f.due_datetime < 'infinity')))
order by due_datetime, event_id limit $1
"""

TAKE = """
with taken as (
  delete from outbox where ctid = (
    select ctid from outbox where account_id = $1 and event_id = $2 and reaction = $3 for update skip locked)
  returning account_id, event_id
)
select e.id, e.context, e.type, e.object_id, e.ticket_id, e.user_id, e.depth, e.data::text as data,
  e.created_datetime
from taken t left join events e on e.account_id = t.account_id and e.id = t.event_id
"""

FAILED = """
update outbox set attempts = attempts + 1, error = $4,
  due_datetime = coalesce(now() + make_interval(secs => ($5::float8[])[attempts + 1]), 'infinity')
where account_id = $1 and event_id = $2 and reaction = $3
returning due_datetime = 'infinity'
"""

# Seconds until the next attempt. After the last one the row stays, for people to see.
BACKOFF = [1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 10800.0, 21600.0]
# A reaction only works in our own database; one that takes longer hangs.
LONGEST = 50.0
MOST_ERROR = 2_000

log = structlog.get_logger(__name__)


class Outbox:
    """The lane of the reactions."""

    def __init__(self, database: Database, reactions: Sequence[Reaction], book: accounts.Book) -> None:
        self._database = database
        self._reactions: Mapping[str, Reaction] = {reaction.name: reaction for reaction in reactions}
        self._book = book

    def lane(self, width: int = 4) -> Lane:
        """For `store.queue`."""
        return Lane("outbox", self.look, self.run, width)

    async def look(self, db: Any, most: int) -> list[Key]:
        """The reactions that are due, at most one of each ticket."""
        return [tuple(row) for row in await db.fetch(DUE, most, list(self._reactions))]

    async def run(self, key: Key) -> bool:
        """Do one reaction; its failure is written into its row and it comes again later."""
        account_id, event_id, name = key
        account = await self._book.account(account_id)
        try:
            async with asyncio.timeout(LONGEST):
                done = await self._react(account, key)
            if done:
                figures.reactions.labels(name, "done").inc()
            return done
        except BROKEN:
            # That is not the reaction's fault: the row stays as it was.
            raise
        except Exception as error:
            # When it is the database that is away, this raises too, and the row stays as it was.
            given_up = await self._failed(key, error)
            figures.reactions.labels(name, "failed").inc()
            log.exception("reaction failed", reaction=name, event_id=event_id, given_up=given_up)
            return True

    async def _react(self, account: Account, key: Key) -> bool:
        async with writing(self._database, account, SYSTEM) as work:
            row = await work.db.fetchrow(TAKE, *key)
            if row is None:
                return False
            reaction = self._reactions[str(key[2])]
            if row["id"] is None:
                log.warning("the event is past its retention", reaction=reaction.name, event_id=key[1])
            elif row["depth"] >= DEEPEST and not reaction.last:
                log.warning("a chain of causes ends here", reaction=reaction.name, event_id=key[1])
            else:
                work.follow(Cause(row["id"], row["context"], row["depth"] + 1))
                await reaction.run(work, _event(row))
        return True

    async def _failed(self, key: Key, error: Exception) -> bool:
        text = f"{type(error).__name__}: {error}"[:MOST_ERROR].replace("\0", "")
        async with self._database.pool.acquire() as db:
            return bool(await db.fetchval(FAILED, *key, text, BACKOFF))


def _event(row: Any) -> Event:
    data = None if row["data"] is None else msgspec.json.decode(row["data"])
    return Event(
        row["id"],
        row["type"],
        row["object_id"],
        row["ticket_id"],
        row["user_id"],
        row["depth"],
        data,
        row["created_datetime"],
    )
