"""Connections to PostgreSQL, embedded or by URL, set up the one way the whole package relies on.

JSON travels as text, times are UTC, nothing is sent when a connection goes back to the pool. Who opens
transactions is left to the doors.
"""

from typing import Any

import asyncpg

from polus.base.settings import Misconfigured

OLDEST = 16  # major version of PostgreSQL

# What asyncpg makes of a connection that breaks, and of a PostgreSQL that stops or starts. The last: the server has said
# that it ends this connection, which was idle, and its end has not been seen yet ("another operation is in progress").
BROKEN = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,
)
AWAY = (*BROKEN, OSError, TimeoutError)
"""What a database that is restarting or unreachable makes of any call."""


async def open(url: str, *, name: str = "polus", least: int = 1, most: int = 10) -> asyncpg.Pool:
    """A pool whose connections answer to `name` in pg_stat_activity. Raises Misconfigured when there is none.

    Session settings (SET, advisory session locks) are not undone when a connection is given back: use their
    transaction-local forms. Open transactions and listeners are.
    """
    try:
        return await asyncpg.create_pool(
            url,
            min_size=least,
            max_size=most,
            max_queries=1_000_000,
            # Each costs PostgreSQL some 15 MB; those that a busy minute needed are let go of after a quiet one.
            max_inactive_connection_lifetime=60,
            init=_check,
            reset=_keep,
            statement_cache_size=500,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=64 * 1024,
            timeout=30,
            server_settings=_session(name),
        )
    except (OSError, asyncpg.PostgresError, asyncpg.ClientConfigurationError) as error:
        raise Misconfigured(
            "database-unreachable",
            f"PostgreSQL cannot be reached: {type(error).__name__}: {error}.",
            "Check POLUS_DATABASE_URL, and that this server runs and knows the user and the database.",
        ) from error


async def connect(url: str, name: str, **more: str) -> Any:
    """One connection outside any pool, for listening and for holding session locks; `more`: settings of its session."""
    return await asyncpg.connect(url, timeout=30, server_settings=_session(name) | more)


def _session(name: str) -> dict[str, str]:
    return {
        "application_name": name,
        "timezone": "UTC",
        "jit": "off",
        # A door that hangs must not hold its locks for ever.
        "idle_in_transaction_session_timeout": "60s",
    }


async def _check(connection: asyncpg.Connection) -> None:
    found = connection.get_server_version().major
    if found < OLDEST:
        raise Misconfigured(
            "database-too-old",
            f"The database is PostgreSQL {found}; Polus needs {OLDEST} or newer.",
            "Upgrade it, or leave POLUS_DATABASE_URL empty to use the embedded one.",
        )


async def _keep(connection: asyncpg.Connection) -> None:
    """Instead of asyncpg's reset query, which costs as much as half a small select."""
