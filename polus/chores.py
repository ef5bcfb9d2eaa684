"""Tasks that return by the clock, done once however many workers there are: each is a row that says when it is due.

Doing one and writing down when it is due again is one transaction, so a task that was cut off is due at once.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from polus.base import clock
from polus.channels.chat import visitors
from polus.channels.email import journal
from polus.channels.texts import journal as texts
from polus.desk import consents, credentials, events, files, tags, usage
from polus.desk.apps import keys, tokens
from polus.desk.hooks import deliveries
from polus.desk.shops import shops
from polus.store.database import Database
from polus.store.queue import Key, Lane

ENSURE = """
insert into chores (name, due_datetime) select name, $2 from unnest($1::text[]) as c (name) on conflict do nothing
"""
DUE = "select name from chores where due_datetime <= $1 and name = any($2) order by due_datetime"
TAKE = "select 1 from chores where name = $1 and due_datetime <= $2 for update skip locked"
DONE = "update chores set due_datetime = $2, done_datetime = $3, error = null where name = $1"
FAILED = "update chores set due_datetime = $2, error = $3 where name = $1"

AFTER_FAILURE = 60  # seconds


class Chore(msgspec.Struct, frozen=True):
    """`run(db, now)` does one batch of a task and returns how much; 0 means that it is done for `every` seconds."""

    name: str
    every: int
    run: Callable[[Any, Any], Awaitable[int]]


async def count_tags(db: Any, _now: Any) -> int:
    """All at once."""
    await tags.recount(db)
    return 0


def all_chores(database: Database) -> tuple[Chore, ...]:
    """What has to be done now and then."""

    async def remove_unused_files(db: Any, now: Any) -> int:
        return await files.remove_unused(db, database.files, now)

    async def remove_stray_bytes(db: Any, now: Any) -> int:
        return await files.remove_strays(db, database.files, now)

    async def rotate_signing_keys(db: Any, now: Any) -> int:
        await keys.rotate(db, database.vault, now)
        return 0

    return (
        *CHORES,
        Chore("remove unused files", 3600, remove_unused_files),
        Chore("remove stray bytes", files.SWEEP_SECONDS, remove_stray_bytes),
        Chore("rotate signing keys", 3600, rotate_signing_keys),
    )


CHORES = (
    Chore("count tags", 600, count_tags),
    Chore("remove old events", 3600, events.remove_old),
    Chore("remove old calls", 600, deliveries.remove_old),
    Chore("remove old news of shops", 3600, shops.remove_old),
    Chore("remove old texts", 3600, texts.remove_old),
    Chore("remove old mails", 3600, journal.remove_old),
    Chore("forget chat visitors", 3600, visitors.remove_old),
    Chore("remove expired sessions", 3600, credentials.remove_expired),
    Chore("forget who was at a provider", 3600, consents.remove_expired),
    Chore("remove expired tokens", 3600, tokens.remove_expired),
    Chore("remove old usage", 86400, usage.remove_old),
)

log = structlog.get_logger(__name__)


class Chores:
    """The lane of the periodic tasks."""

    def __init__(self, database: Database, chores: Sequence[Chore]) -> None:
        self._database = database
        self._chores = {chore.name: chore for chore in chores}

    def lane(self) -> Lane:
        """For `store.queue`. One at a time: none is urgent, and some are heavy."""
        return Lane("chores", self.look, self.run, width=1)

    async def open(self) -> None:
        """Make the rows of tasks that are new."""
        async with self._database.pool.acquire() as db:
            await db.execute(ENSURE, list(self._chores), clock.now())

    async def look(self, db: Any, _most: int) -> list[Key]:
        """The tasks that are due."""
        return [(row["name"],) for row in await db.fetch(DUE, clock.now(), list(self._chores))]

    async def run(self, key: Key) -> bool:
        """One batch of one task."""
        chore = self._chores[key[0]]
        try:
            async with self._database.pool.acquire() as db, db.transaction():
                now = clock.now()
                if not await db.fetchval(TAKE, chore.name, now):
                    return False
                more = await chore.run(db, now)
                due = now if more else now + timedelta(seconds=chore.every)
                await db.execute(DONE, chore.name, due, now)
        except Exception as error:
            async with self._database.pool.acquire() as db:
                later = clock.now() + timedelta(seconds=AFTER_FAILURE)
                await db.execute(FAILED, chore.name, later, f"{type(error).__name__}: {error}"[:500])
            log.exception("chore failed", chore=chore.name)
        return True
