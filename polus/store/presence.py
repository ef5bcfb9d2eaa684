"""Which workers live, as the database sees it: each holds an advisory lock on a connection of its own.

The lock ends with the process, at once and however it ends. So a claim that outlives one transaction (a mail being
sent) names the worker that has it, and is free again as soon as that worker is gone; no lease has to run out.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import structlog

from polus.store import pool
from polus.store.database import Database
from polus.store.pool import AWAY
from polus.store.work import SYSTEM, Account, Work, writing

CLASS = 7_062_027
AGAIN = 0.2  # seconds between attempts to reach a database that is away
LONGEST = 60.0  # seconds between attempts to write down what it refuses

HOLD = "select pg_advisory_lock($1, $2)"

_LOCKS = """
pg_locks l where l.locktype = 'advisory' and l.granted and l.classid = 7062027 and l.objsubid = 2
  and l.database = (select oid from pg_database where datname = current_database())
"""

ANYBODY = "select exists (select from " + _LOCKS + ")"

# Whether a claim by `worker` at `claimed_datetime` holds no more. When PostgreSQL itself was restarted since, the
# living get five seconds to come back.
FREE = (
    """
(worker is null or (not exists (select from """
    + _LOCKS
    + """ and l.objid = worker::oid)
  and (claimed_datetime > pg_postmaster_start_time()
    or now() - pg_postmaster_start_time() > interval '5 seconds')))
"""
)

log = structlog.get_logger(__name__)


class Presence:
    """This process as a worker. `number` names it in claims; `here` is set while the database knows it is alive."""

    def __init__(self, database: Database) -> None:
        self.number = secrets.randbelow(2**31 - 1) + 1
        self.here = asyncio.Event()
        self._database = database
        self._lost = asyncio.Event()
        self._connection: Any = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Take the lock, and take it again whenever the connection is lost."""
        await self._hold()
        self._task = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Let everybody see that this worker is gone."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close()

    @contextlib.asynccontextmanager
    async def claiming(self, let_go: str, *key: Any) -> AsyncIterator[None]:
        """Around making a claim. One that is lost with the database may be committed all the same, and a claim of the
        living holds for ever: so it is let go, by a statement about the key and this worker, before the error goes on.
        """
        try:
            yield
        except AWAY:
            await self.let_go(let_go, *key)
            raise

    async def let_go(self, statement: str, *key: Any, more: Sequence[Any] = ()) -> None:
        """Run a statement about a key, this worker's number and what more there is, however long the database is away."""
        while True:
            try:
                async with self._database.pool.acquire() as db:
                    await db.execute(statement, *key, self.number, *more)
            except AWAY:
                await asyncio.sleep(AGAIN)
            else:
                return

    async def write_down(
        self, account: Account, write: Callable[[Work], Awaitable[None]], **about: Any
    ) -> None:
        """Write down what was done outside, in one transaction, and try until it is written: what was done must not be
        done again because of the database. `about`: what the log says of it.
        """
        wait = AGAIN
        while True:
            try:
                async with writing(self._database, account, SYSTEM) as work:
                    await write(work)
                return
            except (*AWAY, asyncpg.DeadlockDetectedError) as error:
                log.warning("an outcome waits for the database", error=repr(error), **about)
                wait = AGAIN
            except Exception:
                # To raise would leave the claim with a worker that lives, and so for ever, without a word.
                log.exception("an outcome cannot be written down yet", **about)
                wait = min(wait * 2, LONGEST)
            await asyncio.sleep(wait)

    async def _hold(self) -> None:
        self._lost.clear()
        connection = await pool.connect(self._database.url, "polus worker")
        connection.add_termination_listener(lambda _: self._lose())
        # Nobody else has this number; at most our own lost connection lingers, and this waits for its end.
        await connection.execute(HOLD, CLASS, self.number)
        self._connection = connection
        self.here.set()

    def _lose(self) -> None:
        self.here.clear()
        self._lost.set()

    async def _keep(self) -> None:
        while True:
            await self._lost.wait()
            try:
                await self._hold()
            except (*AWAY, asyncpg.PostgresError) as error:
                log.debug("presence lost", error=repr(error))
                self._lost.set()
                await asyncio.sleep(AGAIN)


async def anybody(db: Any) -> bool:
    """Whether any worker lives."""
    return await db.fetchval(ANYBODY)  # type: ignore[no-any-return]
