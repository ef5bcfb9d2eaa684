"""The lane of jobs: takes some steps of one job at a time, and writes down what a step could not do.

A step's size follows how long the last ones took, so that nobody waits long for a row that a job has locked.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
import structlog

from polus.base import errors
from polus.desk.accounts import Book
from polus.desk.jobs import running
from polus.desk.jobs.running import Done
from polus.store.database import Database
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, Account, writing

# Items: to begin with, and at most. A step never does more than twice as many as the one before.
FIRST, MOST = 10, 250
AIM = 0.025  # seconds that a step should take
TURN = 0.5  # seconds after which another job may have the place
# One that takes longer hangs.
LONGEST = 120.0

log = structlog.get_logger(__name__)


class Jobs:
    """Steps of jobs of all accounts; each has the place for `turn` seconds, and for one step at least."""

    def __init__(self, database: Database, book: Book, turn: float = TURN) -> None:
        self._database = database
        self._turn = turn
        self._book = book
        # Of jobs whose steps this process has run.
        self._sizes: dict[Key, int] = {}

    def lane(self, width: int = 2) -> Lane:
        """For `store.queue`."""
        return Lane("jobs", self.look, self.run, width)

    async def look(self, db: Any, most: int) -> Sequence[Key]:
        """The jobs that can go on."""
        return await running.due(db, most)

    async def run(self, key: Key) -> bool:
        """Some steps of one job."""
        account, begun = await self._book.account(key[0]), time.monotonic()
        try:
            while True:
                async with asyncio.timeout(LONGEST):
                    done = await self._step(account, key)
                if done.over or not done.items or time.monotonic() - begun > self._turn:
                    return done.taken
        except errors.Refusal as refusal:
            async with writing(self._database, account, SYSTEM) as work:
                await running.fatal(work, key[1], running.reason(refusal))
        except asyncpg.DeadlockDetectedError:
            log.info("a step met somebody else's and comes again", job=key)
        except Exception:
            # When it is the database that is away, this raises too, and the row stays as it was.
            async with writing(self._database, account, SYSTEM) as work:
                again = await running.failed(work, key[1])
            log.exception("a job failed", job=key, again=again)
        return True

    async def _step(self, account: Account, key: Key) -> Done:
        size, begun = self._sizes.get(key, FIRST), time.monotonic()
        async with writing(self._database, account, SYSTEM) as work:
            done = await running.advance(work, key[1], size)
        if done.over:
            self._sizes.pop(key, None)
        elif done.items:
            wanted = int(done.items * AIM / max(time.monotonic() - begun, 0.001))
            self._sizes[key] = min(max(wanted, done.least), size * 2, MOST)
        return done
