"""Work that lies in tables, done in the background: found, run a bounded number at a time, until told to stop.

A job is the row that says what must happen. Running it locks that row in the job's own transaction: the lock ends with
the process, however it ends, and the next worker goes on. Which tables there are and what to do with a row is said by
the lanes (reactions, mails, deliveries). Why no queue library: docs/decisions/0010-queue.md.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog

from polus.store.bell import Ring
from polus.store.database import Database
from polus.store.pool import AWAY

POLL = 1.0  # seconds after which a lane looks although nobody rang: rings may be lost, retries come due
GATHER = 0.01  # seconds from one look to the next: what rings or ends meanwhile is looked for together
AGAIN = 0.5  # seconds between attempts to reach a database that is away
SLOW = 0.25  # seconds after which a job that stands back no longer holds up the next: it waits for something
PRESSING = 1.0  # seconds for which work that goes first is taken to go on
AHEAD = 8  # keys fetched per free place: looking once for many rows is what makes small jobs cheap

log = structlog.get_logger(__name__)

Key = tuple[Any, ...]


class Precedence:
    """What people wait for goes before what follows from it: shared by a lane that goes first and those that stand back.

    While the first has work the others do one job at a time, so that a burst of words is said before the machine does
    all that the words lead to; what was put off is done when there is room.
    """

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def pressing(self) -> bool:
        """Whether the lane that goes first had work within the last second."""
        return time.monotonic() < self._until

    def press(self) -> None:
        """It has work now."""
        self._until = time.monotonic() + PRESSING


class Lane(msgspec.Struct, frozen=True):
    """One kind of work. `look(db, most)` gives keys that are due, most urgent first, those at work included;
    `run(key)` does one of them in transactions of its own and writes down its own failure; it says False when the
    row is locked or gone, because another process has it. `width` jobs run at a time. A ring of `("work", name)`
    makes it look at once. `goes_first`: its work presses those that stand back, see `Precedence`."""

    name: str
    look: Callable[[Any, int], Awaitable[Sequence[Key]]]
    run: Callable[[Key], Awaitable[bool]]
    width: int = 4
    goes_first: Precedence | None = None
    stands_back: Precedence | None = None


class Queue:
    """Works through one lane. Several processes may each have one for the same lane.

    Queues that share `turns` look one after the other: an idle worker then needs one connection and not one per lane.
    """

    def __init__(self, database: Database, lane: Lane, turns: asyncio.Lock | None = None) -> None:
        self._database = database
        self._lane = lane
        self._turns = turns or asyncio.Lock()
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._began: dict[Key, float] = {}
        # Jobs that another process has, and until when not to ask again: its long job must not make us spin.
        self._elsewhere: dict[Key, float] = {}
        self._wake = asyncio.Event()
        self._stop = asyncio.Event()
        self._well = True

    @property
    def well(self) -> bool:
        """False while its last look at the table failed."""
        return self._well

    async def work(self) -> None:
        """Until `stop`. Outlives any failure of a job or of the database."""
        deaf = self._database.bell.listen(self._heard)
        try:
            while not self._stop.is_set():
                # Cleared before looking: whatever rings or ends from here on asks for another look.
                self._wake.clear()
                looked = time.monotonic()
                if not await self._round():
                    await self._wait(POLL)
                await asyncio.sleep(max(0.0, looked + GATHER - time.monotonic()))
        finally:
            deaf()

    async def stop(self, patience: float) -> None:
        """Take nothing new; wait for what runs; cut off what has not ended after `patience` seconds."""
        self._stop.set()
        self._wake.set()
        running = list(self._running.values())
        if running:
            _, late = await asyncio.wait(running, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def drain(self) -> None:
        """Work until nothing is due any more; for commands and tests."""
        while await self._round() or self._running:
            if self._running:
                await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED)

    def _heard(self, rings: list[Ring]) -> None:
        if any(ring == ("work", self._lane.name) or ring[0] == "everything" for ring in rings):
            self._wake.set()

    async def _round(self) -> bool:
        """Look once and start what was found as places become free; False when there was nothing to start."""
        keys = await self._look()
        for key in keys:
            while not self._has_place():
                await asyncio.wait(self._running.values(), return_when=asyncio.FIRST_COMPLETED, timeout=SLOW)
            if self._stop.is_set():
                break
            if key not in self._running:
                self._start(key)
        return bool(keys)

    def _has_place(self) -> bool:
        """Whether one more may begin."""
        if len(self._running) >= self._lane.width:
            return False
        back = self._lane.stands_back
        if back is None or not back.pressing:
            return True
        now = time.monotonic()
        return all(now - began > SLOW for began in self._began.values())

    async def _look(self) -> list[Key]:
        now = time.monotonic()
        self._elsewhere = {key: until for key, until in self._elsewhere.items() if until > now}
        most = len(self._running) + len(self._elsewhere) + self._lane.width * AHEAD
        try:
            async with self._turns, self._database.pool.acquire() as db:
                found = await self._lane.look(db, most)
        except AWAY as error:
            if self._well:
                log.warning("the database is away", lane=self._lane.name, error=repr(error))
            self._well = False
            await self._pause()
            return []
        self._well = True
        if found and self._lane.goes_first is not None:
            self._lane.goes_first.press()
        return [key for key in found if key not in self._running and key not in self._elsewhere]

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), AGAIN)
        except TimeoutError:
            self._wake.set()

    def _start(self, key: Key) -> None:
        task = asyncio.create_task(self._run(key))
        self._running[key], self._began[key] = task, time.monotonic()
        task.add_done_callback(lambda _: self._ended(key))

    def _ended(self, key: Key) -> None:
        self._running.pop(key, None)
        self._began.pop(key, None)
        # What stood behind it in its line may be due now.
        self._wake.set()

    async def _run(self, key: Key) -> None:
        try:
            if not await self._lane.run(key):
                self._elsewhere[key] = time.monotonic() + POLL
        except AWAY as error:
            log.warning("work was cut off", lane=self._lane.name, job=key, error=repr(error))
            await self._pause()
        except Exception:
            # A lane writes its jobs' failures down itself; this one could not, so the row is as it was.
            log.exception("work failed", lane=self._lane.name, job=key)
            await self._pause()

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
