"""One PostgreSQL, one migrated database and one HTTP server per test process; a shop of its own per test."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import asyncpg
import pytest

from polus.desk import events
from polus.reactions import table as reactions
from polus.store import cluster as clusters
from polus.store import database as databases
from polus.store import files, migrate
from polus.store import server as servers
from polus.store import work as works
from polus.store.database import Database
from polus.store.server import Server
from tests import places
from tests import world as worlds

# What the process counted is written now and then by itself; a connection that meets an array for the first time asks
# what it is made of.
NOT_OURS = ("api_usage", "typeinfo_tree", "current_setting('jit')")
# No two things have the same id: one that is looked for among another kind's, or is told of, is seen.
APART = """
select setval(format('%I.%I', schemaname, sequencename), 100000 * row_number() over (order by sequencename)) from pg_sequences
where schemaname = 'public'
"""
# A crash of the machine costs a test run nothing.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}


# What takes seconds by its nature: a browser, Polus as a program of its own, mail servers.
SLOW = frozenset(("enter", "chromium", "empty_url", "dovecot"))


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are cores: a quarter of the time, tests wait for programs to start and for browsers."""
    return (os.cpu_count() or 1) + 1


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tests of what is slow are slow."""
    if SLOW.intersection(getattr(item, "fixturenames", ())):
        item.add_marker("slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The slow ones first, in any order: else one process ends with one of them while the others have nothing to do.

    pytest-xdist cuts the list into as many pieces as there are processes: each piece begins with some slow modules.
    """
    slow = [item for item in items if item.get_closest_marker("slow")]
    rest = [item for item in items if not item.get_closest_marker("slow")]
    modules = list(dict.fromkeys(item.path for item in slow))
    count = int(getattr(config, "workerinput", {}).get("workercount", 1))
    total, ordered = len(items), []
    for piece in range(count):
        own = [item for item in slow if modules.index(item.path) % count == piece]
        room = max(0, (total - len(ordered)) // (count - piece) - len(own))
        ordered += own + rest[:room]
        del rest[:room]
    items[:] = ordered + rest


@pytest.fixture(scope="session")
async def server(worker_id: str) -> AsyncIterator[Server]:
    """A running PostgreSQL; all processes of one test run share it."""
    running = await servers.start(places.SERVER, overrides=FAST)
    yield running
    await running.stop()
    if running.pid is None:
        shutil.rmtree(places.SERVER, ignore_errors=True)
        shutil.rmtree(places.PAGES, ignore_errors=True)


@pytest.fixture(scope="session")
async def database_url(server: Server, worker_id: str) -> str:
    """A migrated database of this test process's own, shared by all its tests that live in an account."""
    name = "polus_" + worker_id
    connection = await asyncpg.connect(server.url)
    await connection.execute('create database "' + name + '"')
    await connection.close()
    url = clusters.url(server.host, name)
    await migrate.forward(url)
    connection = await asyncpg.connect(url)
    await connection.execute(APART)
    await connection.close()
    return url


@pytest.fixture(autouse=True)
def subscriptions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What events lead to ends with the test that says so: commands and workers in this process subscribe, too."""
    monkeypatch.setattr(works, "subscriptions", dict(works.subscriptions))


@pytest.fixture
async def empty_url(server: Server, worker_id: str) -> AsyncIterator[str]:
    """An empty database of this test's own, without any table; 0.3 s. Rather use `world` where it will do."""
    name = "polus_empty_" + worker_id
    connection = await asyncpg.connect(server.url)
    await connection.execute('create database "' + name + '"')
    yield clusters.url(server.host, name)
    await connection.execute('drop database "' + name + '" with (force)')
    await connection.close()


@pytest.fixture
async def fresh_url(empty_url: str) -> str:
    """The same, migrated: for commands and processes that take the whole installation; 0.5 s."""
    await migrate.forward(empty_url)
    return empty_url


@pytest.fixture(scope="session")
async def database(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """The same, opened, with a folder for the bytes of files."""
    place = files.opened(tmp_path_factory.mktemp("files").as_uri())
    async with databases.opened(
        database_url, files=place, secret_key="k" * 32, outbound_allow=("hooks.test", "10.9.0.0/16")
    ) as opened:
        yield opened
        # Closing waits for every connection that is in use; what a test left behind must not hang the run.
        opened.pool.terminate()


@pytest.fixture(scope="session")
async def url(database: Database) -> AsyncIterator[str]:
    """The address of a running HTTP server; limits are off unless a test asks for them."""
    async with worlds.served(database) as address:
        yield address


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """The client side's connections."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def world(database: Database, http: Any, url: str) -> AsyncIterator[worlds.World]:
    """A shop of this test's own; see `tests.world`. Whatever happened in it is of a known kind."""
    made = await worlds.make(database, http, url)
    yield made
    for kind, object_type in await made.rows(
        "select distinct type, object_type from events where account_id = $1"
    ):
        assert kind in events.KINDS, kind
        assert object_type == events.KINDS[kind].object_type, kind


@pytest.fixture
async def statements(database: Database) -> AsyncIterator[list[str]]:
    """The SQL that is sent meanwhile, without begin and commit; clear it after the first call of a client, which
    also looks up who calls."""
    seen: list[str] = []

    def note(query: Any) -> None:
        text = query.query
        if not text.startswith(("BEGIN", "COMMIT", "ROLLBACK")) and not any(one in text for one in NOT_OURS):
            seen.append(text)

    for connection in await _all_connections(database):
        connection.add_query_logger(note)
    yield seen
    for connection in await _all_connections(database):
        connection.remove_query_logger(note)


async def _all_connections(database: Database) -> list[Any]:
    """Of the pool, also those in use: waiting until none is would wait for ever for a task that needs two."""
    for holder in database.pool._holders:
        if holder._con is None:
            await holder.connect()
    return [holder._con for holder in database.pool._holders]


@pytest.fixture
async def other(database: Database, http: Any, url: str) -> worlds.World:
    """A second shop in the same installation."""
    return await worlds.make(database, http, url)


@pytest.fixture
def subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens is followed by reactions, as in a running helpdesk."""
    monkeypatch.setattr(works, "subscriptions", {})
    reactions.subscribe()
