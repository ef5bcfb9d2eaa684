"""What a database that ends or is away makes of a call: each of it is known as such, none passes for a fault of the caller."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from polus.store import cluster as clusters
from polus.store import pool
from polus.store.bell import Bell
from polus.store.database import Database
from polus.store.pool import BROKEN
from polus.store.server import Server
from tests.store.wires import Ending

END = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1"


async def test_a_connection_that_was_told_of_its_end_and_has_not_seen_it(
    server: Server, database: Database
) -> None:
    wire = Ending(server.host, 5)
    await wire.open()
    url = clusters.url(wire.folder, urlsplit(database.url).path[1:])
    connections = [await pool.connect(url, "ending") for _ in range(4)]
    bell = Bell(lambda: pool.connect(url, "ending"))
    await bell.open()
    await database.pool.execute(END, "ending")
    await wire.told.wait()
    # By the time that others were answered, what was told has been heard.
    for _ in range(3):
        await database.pool.fetchval("select 1")
    asks: tuple[Any, ...] = (
        lambda one: one.fetchval("select 1"),
        lambda one: one.fetchval("select $1::int", 1),
        lambda one: one.execute("select 1"),
        lambda one: one.transaction().start(),
    )
    for connection, ask in zip(connections, asks, strict=True):
        with pytest.raises(BROKEN):
            await ask(connection)
    # A ring that cannot be told is lost, and the bell outlives it.
    bell.ring(("work", "mails"))
    assert bell._flush is not None
    await bell._flush
    assert bell._flush.exception() is None
    for connection in connections:
        connection.terminate()
    bell._connection.terminate()  # type: ignore[union-attr]
    await bell.close()
    await wire.close()
