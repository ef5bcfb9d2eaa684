"""Sends what waits to leave the house, until it is sent or has failed for good, whatever dies in between.

A row is claimed for a worker in one statement, because sending may take minutes and a transaction must not. What the
outside said is written down before anything else happens; while the database is away the worker waits with it.
What goes to one person goes in the order it was written: rows of one line do not overtake each other (`Errand.line`).
"""

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import structlog

from polus.base import figures
from polus.desk import accounts
from polus.store.database import Database
from polus.store.pool import BROKEN
from polus.store.presence import FREE, Presence
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, Account, Work, reading

# What stands before it in its line goes first: while it is being sent, is due, or was not tried since this became due,
# and for this one's first ten minutes in any case. Afterwards one that fails again and again holds nobody up any more.
DUE = (
    """
select d.account_id, coalesce(h.id, d.{id}) from {table} d
left join lateral (
  select b.{id} as id, b.worker is not null or b.due_datetime <= now() or b.claimed_datetime is null
    or b.claimed_datetime < d.due_datetime as turn
  from {table} b where b.account_id = d.account_id and {line} and b.{id} < d.{id}
    and (b.worker is not null or b.due_datetime <= now() or b.claimed_datetime is null
      or b.claimed_datetime < d.due_datetime or d.created_datetime > now() - interval '10 minutes')
  order by b.{id} limit 1
) h on true
where d.due_datetime <= now() and (h.id is null or h.turn) and """
    + FREE
    + " order by d.due_datetime, d.{id} limit $1"
)

# Due, or because what stands behind it is: `early`. Or it was being sent by one who died.
CLAIM = (
    """
update {table} set worker = $3, claimed_datetime = clock_timestamp() where ctid = (
  select d.ctid from {table} d where d.account_id = $1 and d.{id} = $2
    and not exists (select from {table} b where b.account_id = d.account_id and {line} and b.{id} < d.{id}
      and b.worker is not null)
    and (d.worker is not null or d.due_datetime <= now() or exists (select from {table} b
      where b.account_id = d.account_id and {line} and b.{id} > d.{id} and b.due_datetime <= now()
      and (d.claimed_datetime is null or d.claimed_datetime < b.due_datetime)))
    and """
    + FREE
    + """ for update skip locked)
returning attempts, due_datetime > now() as early
"""
)

LET_GO = """
update {table} set worker = null, claimed_datetime = null where account_id = $1 and {id} = $2 and worker = $3
"""

MINE = "select 1 from {table} where account_id = $1 and {id} = $2 and worker = $3 for update"

# `claimed_datetime` stays: since when it was tried.
LATER = """
update {table} set worker = null, attempts = attempts + 1, error = $3, due_datetime = now() + make_interval(secs => $4)
where account_id = $1 and {id} = $2
"""
# Its own time is still to come, and does not count as spent.
STILL = "update {table} set worker = null, error = $3 where account_id = $1 and {id} = $2"

DONE = "delete from {table} where account_id = $1 and {id} = $2"

# Seconds to the next attempt; after the last one, about three days in all, it has failed.
BACKOFF = (60.0, 300.0, 1800.0, 7200.0, 14400.0, 28800.0, 43200.0, 86400.0, 86400.0)

log = structlog.get_logger(__name__)

Letter = TypeVar("Letter", covariant=True)
Sent = TypeVar("Sent")


class Outcome(msgspec.Struct, frozen=True):
    """`sent`: the outside took it, but for those in `never` (refused for good) and in `later`.

    Not sent: everybody is in `never` or `later`, and `said` tells why.
    """

    sent: bool
    said: str = ""
    never: tuple[str, ...] = ()
    later: tuple[str, ...] = ()


class Errand(Protocol[Letter]):
    """One table of things to be sent, and what each outcome means for them. `work` is a transaction, but for `letter`."""

    table: str
    id: str
    # SQL: whether rows `b` and `d` are of one line; "false" when each row stands alone.
    line: str

    async def letter(self, work: Work, key: Key) -> Letter:
        """What to send; the same bytes at each call. Raises ValueError with what is told when it cannot be made."""

    async def sent(self, work: Work, key: Key, outcome: Outcome) -> None:
        """The outside took it, at least for some."""

    async def failed(self, work: Work, key: Key, said: str, *, retriable: bool) -> None:
        """It was given up."""

    async def remaining(self, work: Work, key: Key, recipients: tuple[str, ...]) -> None:
        """Only these are left to be tried again."""


class Sender(Generic[Sent]):
    """The lane of one errand. `courier` hands one letter over and never raises for what the outside does; a text in its
    place, or as its answer, is why nothing can be sent."""

    def __init__(
        self,
        database: Database,
        book: accounts.Book,
        presence: Presence,
        errand: Errand[Sent],
        courier: Callable[[Sent], Awaitable[Outcome | str]] | str,
    ) -> None:
        self._database = database
        self._book = book
        self._presence = presence
        self._errand = errand
        self._courier = courier
        texts = (DUE, CLAIM, LET_GO, MINE, LATER, STILL, DONE)
        self._due, self._claim, self._let_go, self._mine, self._later, self._still, self._done = (
            text.replace("{table}", errand.table).replace("{id}", errand.id).replace("{line}", errand.line)
            for text in texts
        )

    def lane(self, width: int = 4) -> Lane:
        """For `store.queue`."""
        return Lane(self._errand.table, self.look, self.run, width)

    async def look(self, db: Any, most: int) -> list[Key]:
        """What is due and nobody's, each line by what stands first in it."""
        return list(dict.fromkeys(tuple(row) for row in await db.fetch(self._due, most)))

    async def run(self, key: Key) -> bool:
        """One attempt."""
        # Who cannot be seen to live must not claim: others would take it for dead and send as well.
        if not self._presence.here.is_set():
            return False
        account = await self._book.account(key[0])
        async with self._presence.claiming(self._let_go, *key):
            async with self._database.pool.acquire() as db:
                claimed = await db.fetchrow(self._claim, *key, self._presence.number)
            if claimed is None:
                return False
            outcome = await self._attempt(account, key)
        attempts = None if claimed["early"] else claimed["attempts"]

        async def settle(work: Work) -> None:
            # Deleted meanwhile, with its message or ticket: there is nothing to be told.
            if await work.db.fetchval(self._mine, *key, self._presence.number):
                await self._settle(work, key, attempts, outcome)

        await self._presence.write_down(account, settle, table=self._errand.table, id=key[1])
        return True

    async def _attempt(self, account: Account, key: Key) -> Outcome | str:
        """The outcome, or why it cannot even be tried."""
        if isinstance(self._courier, str):
            return self._courier
        try:
            async with reading(self._database, account, SYSTEM) as work:
                letter = await self._errand.letter(work, key)
        except ValueError as error:
            return str(error)
        except BROKEN:
            # That is not the letter's fault, and nothing was sent: it is let go and comes again at once.
            raise
        except Exception as error:
            log.exception("letter not made", table=self._errand.table, id=key[1])
            return Outcome(False, f"{type(error).__name__}", later=("",))
        return await self._courier(letter)

    async def _settle(self, work: Work, key: Key, attempts: int | None, outcome: Outcome | str) -> None:
        if isinstance(outcome, str):
            await self._give_up(work, key, outcome, retriable=True)
            return
        if outcome.sent:
            await self._errand.sent(work, key, outcome)
            figures.deliveries.labels("sent").inc()
        if outcome.later and (attempts is None or attempts < len(BACKOFF)):
            if outcome.sent or outcome.never:
                await self._errand.remaining(work, key, outcome.later)
            if attempts is None:
                await work.db.execute(self._still, *key, outcome.said)
            else:
                await work.db.execute(self._later, *key, outcome.said, BACKOFF[attempts])
            figures.deliveries.labels("put off").inc()
            log.info("sending put off", table=self._errand.table, id=key[1], said=outcome.said)
        elif outcome.later or outcome.never:
            await self._give_up(work, key, outcome.said, retriable=not outcome.never)
        else:
            await work.db.execute(self._done, *key)

    async def _give_up(self, work: Work, key: Key, said: str, *, retriable: bool) -> None:
        await self._errand.failed(work, key, said, retriable=retriable)
        await work.db.execute(self._done, *key)
        figures.deliveries.labels("failed").inc()
        log.info("sending failed", table=self._errand.table, id=key[1], said=said)
