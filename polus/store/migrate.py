"""Brings a database forward to the schema of this version, and tells whether it is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import text

from polus.store import pool

# Any number; two processes that start at once migrate one after the other.
LOCK = 7_062_026


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """The newest revision this version of Polus knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


async def forward(url: str) -> str:
    """Run every migration that the database at `url` lacks; returns the revision it is at now.

    Safe to call from several processes at once. Each migration is one transaction.
    """
    async with _connected(url) as connection:
        await connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
        await connection.commit()
        await connection.run_sync(_upgrade)
        await connection.commit()
        return head()


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def current(url: str) -> str | None:
    """The revision the database is at; None when it was never migrated."""
    async with _connected(url) as connection:
        return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[AsyncConnection]:
    # Looked at first: the pool knows what a database is that cannot be reached, and says so with a cure.
    await (await pool.open(url, name="polus migrate", most=1)).close()
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()
