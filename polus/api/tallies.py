"""Counts the requests of each credential in memory and hands the sums to `desk.usage` every few seconds."""

import asyncio
import contextlib
from collections.abc import Iterator

import structlog

from polus.api.limits import TooMany
from polus.base import clock
from polus.desk import usage
from polus.desk.usage import Count
from polus.store.database import Database
from polus.store.pool import AWAY

EVERY = 5.0
MOST_WAITING = 10_000

log = structlog.get_logger(__name__)


class Tallies:
    """The tallies of one process."""

    def __init__(self, database: Database, every: float = EVERY) -> None:
        self._database = database
        self._every = every
        self._requests: dict[tuple[int, str], int] = {}
        self._refused: dict[tuple[int, str], int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    @contextlib.contextmanager
    def counted(self, account_id: int, credential: str) -> Iterator[None]:
        """Count one request; also as refused when the block finds that it is one too many."""
        key = (account_id, credential)
        if key in self._requests or len(self._requests) < MOST_WAITING:
            self._requests[key] = self._requests.get(key, 0) + 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._due)
        try:
            yield
        except TooMany:
            if key in self._requests:
                self._refused[key] = self._refused.get(key, 0) + 1
            raise

    def _due(self) -> None:
        task = asyncio.create_task(self.write())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def write(self) -> None:
        """Hand over what was counted since the last time; kept for the next time while the database is away."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        requests, refused, now = self._requests, self._refused, clock.now()
        self._requests, self._refused = {}, {}
        counts = [
            Count(account_id, credential, now.date(), number, refused.get((account_id, credential), 0), now)
            for (account_id, credential), number in requests.items()
        ]
        if not counts:
            return
        try:
            await usage.add(self._database, counts)
        except AWAY as error:
            log.warning("usage could not be written", error=repr(error))
            for key, number in requests.items():
                self._requests[key] = self._requests.get(key, 0) + number
            for key, number in refused.items():
                self._refused[key] = self._refused.get(key, 0) + number
