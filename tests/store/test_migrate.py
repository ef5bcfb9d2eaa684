"""Migrations run forward from nothing, once, and say where a database stands."""

import asyncio

import asyncpg

from polus.store import migrate


async def test_an_empty_database_is_brought_to_the_head(empty_url: str) -> None:
    assert await migrate.current(empty_url) is None
    assert await migrate.forward(empty_url) == migrate.head()
    assert await migrate.current(empty_url) == migrate.head()


async def test_processes_that_start_at_once_migrate_once(empty_url: str) -> None:
    assert len(set(await asyncio.gather(*(migrate.forward(empty_url) for _ in range(3))))) == 1


async def test_a_fresh_database_belongs_to_one_test(fresh_url: str) -> None:
    assert await migrate.current(fresh_url) == migrate.head()
    connection = await asyncpg.connect(fresh_url)
    assert await connection.fetchval("SELECT count(*) FROM accounts") == 0
    await connection.close()
