"""The queue that all lanes share: bounded, woken, patient with a database that is away, never busy for nothing."""

import asyncio
from typing import Any

import asyncpg
import pytest

from polus.store import queue as queues
from polus.store.database import Database
from polus.store.queue import Key, Lane, Precedence, Queue


class Table:
    """A lane whose rows are numbers in memory."""

    def __init__(self, *numbers: int) -> None:
        self.rows = list(numbers)
        self.running: set[int] = set()
        self.most = 0
        self.looks = 0
        self.done = asyncio.Event()

    async def look(self, _db: Any, most: int) -> list[Key]:
        self.looks += 1
        return [(number,) for number in self.rows[:most]]

    async def run(self, key: Key) -> bool:
        (number,) = key
        assert number not in self.running
        self.running.add(number)
        self.most = max(self.most, len(self.running))
        for _ in range(3):
            await asyncio.sleep(0)
        self.running.discard(number)
        self.rows.remove(number)
        if not self.rows:
            self.done.set()
        return True

    def lane(self, width: int = 3) -> Lane:
        return Lane("test table", self.look, self.run, width)


async def test_so_many_run_at_a_time_and_each_once(database: Database) -> None:
    table = Table(*range(100))
    await Queue(database, table.lane()).drain()
    assert table.rows == []
    assert table.most == 3
    assert table.looks < 20


async def test_while_what_goes_first_has_work_the_rest_does_one_at_a_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "SLOW", 3600.0)
    words, rest = Table(1), Table(*range(50))
    precedence = Precedence()
    first = Lane("test words", words.look, words.run, 3, goes_first=precedence)
    after = Lane("test rest", rest.look, rest.run, 3, stands_back=precedence)
    await Queue(database, first).drain()
    monkeypatch.setattr(queues, "PRESSING", 3600.0)
    precedence.press()
    await Queue(database, after).drain()
    assert (rest.rows, rest.most) == ([], 1)
    # What takes long does not hold up the others, and when nothing presses any more all places are used.
    for setting, value, most in (("SLOW", -1.0, 3), ("PRESSING", -1.0, 3)):
        monkeypatch.setattr(queues, "SLOW", 3600.0)
        monkeypatch.setattr(queues, setting, value)
        precedence.press()
        rest.rows, rest.most = list(range(50)), 0
        await Queue(database, after).drain()
        assert (rest.rows, rest.most) == ([], most)


async def test_a_ring_wakes_it(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "POLL", 60.0)
    table = Table()
    queue = Queue(database, table.lane())
    working = asyncio.create_task(queue.work())
    while not table.looks:
        await asyncio.sleep(0)
    table.rows.append(1)
    database.ring(("work", "test table"))
    await asyncio.wait_for(table.done.wait(), 30)
    await queue.stop(1)
    await working


async def test_it_looks_by_itself_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "POLL", 0.01)
    table = Table()
    queue = Queue(database, table.lane())
    working = asyncio.create_task(queue.work())
    while not table.looks:
        await asyncio.sleep(0)
    table.rows.append(1)
    await asyncio.wait_for(table.done.wait(), 30)
    await queue.stop(1)
    await working


async def test_what_another_process_has_is_not_asked_for_again_and_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "POLL", 60.0)
    asked = 0

    async def elsewhere(_key: Key) -> bool:
        nonlocal asked
        asked += 1
        return False

    table = Table(1)
    queue = Queue(database, Lane("test table", table.look, elsewhere, 3))
    await queue.drain()
    await queue.drain()
    assert asked == 1


async def test_it_outlives_a_database_that_is_away_and_jobs_that_fail(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "AGAIN", 0.0)
    monkeypatch.setattr(queues, "POLL", 0.0)
    table, troubles = Table(1), [
        asyncpg.CannotConnectNowError("starting"), ConnectionRefusedError(), asyncpg.InterfaceError("closed"),
        RuntimeError("a mistake"),
    ]  # fmt: skip

    async def look(db: Any, most: int) -> list[Key]:
        if len(troubles) > 2:
            raise troubles.pop(0)
        return await table.look(db, most)

    async def run(key: Key) -> bool:
        if troubles:
            raise troubles.pop(0)
        return await table.run(key)

    queue = Queue(database, Lane("test table", look, run, 3))
    working = asyncio.create_task(queue.work())
    await asyncio.wait_for(table.done.wait(), 30)
    assert queue.well
    await queue.stop(1)
    await working


async def test_stopping_cuts_off_what_takes_too_long(database: Database) -> None:
    begun, cut_off = asyncio.Event(), asyncio.Event()

    async def endless(_key: Key) -> bool:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cut_off.set()
        return True

    queue = Queue(database, Lane("test table", Table(1).look, endless, 3))
    working = asyncio.create_task(queue.work())
    await begun.wait()
    await queue.stop(0.0)
    assert cut_off.is_set()
    await working
