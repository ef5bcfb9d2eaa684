"""Tasks by the clock: done once over all workers, again when it is time, and soon after a failure."""

import asyncio
import datetime
from collections.abc import AsyncIterator
from typing import Any

import pytest

from polus.base import clock
from polus.chores import AFTER_FAILURE, Chore, Chores, all_chores
from polus.store.database import Database
from polus.store.queue import Queue
from tests.world import World

HOUR = datetime.timedelta(hours=1)


@pytest.fixture
async def name(database: Database) -> AsyncIterator[str]:
    yield "test chore"
    async with database.pool.acquire() as db:
        await db.execute("delete from chores")


async def _drain(database: Database, *chores: Chore) -> None:
    lane = Chores(database, chores)
    await lane.open()
    await Queue(database, lane.lane()).drain()


async def test_each_is_done_when_it_is_due_in_as_many_batches_as_it_needs(
    database: Database, name: str
) -> None:
    left = 3

    async def run(_db: Any, _now: Any) -> int:
        nonlocal left
        left -= 1
        return max(left, 0)

    chore = Chore(name, 3600, run)
    await _drain(database, chore)
    assert left == 0
    await _drain(database, chore)
    assert left == 0
    with clock.turned(by=HOUR):
        await _drain(database, chore)
    assert left == -1


async def test_two_workers_do_it_once(database: Database, name: str) -> None:
    times = 0

    async def run(db: Any, _now: Any) -> int:
        nonlocal times
        times += 1
        await db.execute("select pg_sleep(0.01)")
        return 0

    await asyncio.gather(*(_drain(database, Chore(name, 3600, run)) for _ in range(3)))
    assert times == 1


async def test_a_failure_is_noted_undone_and_tried_again_soon(database: Database, name: str) -> None:
    async def run(db: Any, _now: Any) -> int:
        await db.execute("insert into chores (name, due_datetime) values ('half done', 'infinity')")
        raise RuntimeError("broken")

    await _drain(database, Chore(name, 3600, run))
    async with database.pool.acquire() as db:
        rows = await db.fetch("select * from chores")
    assert [(row["name"], row["error"]) for row in rows] == [(name, "RuntimeError: broken")]
    wait = rows[0]["due_datetime"] - clock.now()
    assert datetime.timedelta(0) < wait <= datetime.timedelta(seconds=AFTER_FAILURE)


async def test_all_that_polus_has_run(database: Database, world: World, name: str) -> None:
    await world.ada.post("/api/tags", {"name": "late"})
    await world.rows("update tags set usage = 7 where account_id = $1 returning 1")
    await world.rows(
        "insert into sessions (account_id, hash, user_id, csrf, created_datetime, expires_datetime)"
        " values ($1, 'x', $2, 'y', now(), now() - interval '1 minute') returning 1",
        world.ada.user_id,
    )
    await _drain(database, *all_chores(database))
    async with database.pool.acquire() as db:
        rows = await db.fetch("select * from chores")
    assert {row["name"] for row in rows} == {chore.name for chore in all_chores(database)}
    assert all(row["error"] is None and row["done_datetime"] for row in rows)
    assert await world.rows("select 1 from tags where account_id = $1 and usage > 0") == []
    assert await world.rows("select 1 from sessions where account_id = $1") == []
