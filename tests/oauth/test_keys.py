"""The keys that sign tokens: published before they sign, kept as long as tokens need them, sealed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from polus import chores
from polus.base import clock
from polus.desk.apps import keys
from polus.store import database as databases
from polus.store.database import Database

DAY = timedelta(days=1)


@pytest.fixture
async def fresh(fresh_url: str) -> AsyncIterator[Database]:
    """An installation without keys; they are nobody's but the installation's."""
    async with databases.opened(fresh_url, most=4, secret_key="k" * 32) as opened:
        yield opened


async def look(database: Database) -> keys.Keys:
    async with database.pool.acquire() as db, db.transaction():
        return await keys.current(db, database.vault, clock.now())


async def rotate(database: Database) -> None:
    [chore] = [chore for chore in chores.all_chores(database) if chore.name == "rotate signing keys"]
    async with database.pool.acquire() as db, db.transaction():
        assert await chore.run(db, clock.now()) == 0


def kids(found: keys.Keys) -> list[Any]:
    return [key["kid"] for key in found.published["keys"]]


async def test_a_key_and_its_successor(fresh: Database) -> None:
    first = await look(fresh)
    assert kids(first) == [first.signing.kid]
    assert set(first.published["keys"][0]) == {"kty", "n", "e", "kid", "use", "alg"}
    with clock.turned(by=89 * DAY):
        await rotate(fresh)
        assert kids(await look(fresh)) == kids(first)
    with clock.turned(by=91 * DAY):
        await rotate(fresh)
        both = await look(fresh)
        assert (len(kids(both)), kids(both)[0]) == (2, first.signing.kid)
        assert both.signing.kid == first.signing.kid, "known to all before it signs"
    with clock.turned(by=91 * DAY + keys.SETTLING):
        assert (await look(fresh)).signing.kid == kids(both)[1]
    with clock.turned(by=93 * DAY):
        await rotate(fresh)
        assert kids(await look(fresh)) == kids(both), "tokens of the old one may still be about"
    with clock.turned(by=95 * DAY):
        await rotate(fresh)
        assert kids(await look(fresh)) == kids(both)[1:]


async def test_another_secret_means_other_keys(fresh: Database, fresh_url: str) -> None:
    first = await look(fresh)
    async with databases.opened(fresh_url, most=4, secret_key="other" * 8) as moved:
        second = await look(moved)
    assert not set(kids(first)) & set(kids(second))
    async with fresh.pool.acquire() as db:
        stored = str(await db.fetch("select * from signing_keys"))
    assert "PRIVATE" not in stored
