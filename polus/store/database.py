"""The one PostgreSQL: its pool of connections and its bell, opened once per process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from polus.store import pool
from polus.store.bell import Bell, Ring


class Database:
    """What every door holds: `pool` for statements, `bell` to wake other processes."""

    def __init__(self, url: str, connections: Any) -> None:
        self.url = url
        self.pool = connections
        self.bell = Bell(lambda: pool.connect(url, "polus bell"))

    def ring(self, *rings: Ring) -> None:
        """Tell other processes, soon; see `store.bell`."""
        self.bell.ring(*rings)


@asynccontextmanager
async def opened(url: str, *, name: str = "polus", most: int = 10) -> AsyncIterator[Database]:
    """The database at `url`, closed at the end. The schema is not looked at: see `store.migrate`."""
    async with await pool.open(url, name=name, most=most) as connections:
        database = Database(url, connections)
        await database.bell.open()
        try:
            yield database
        finally:
            await database.bell.close()
