"""Seeding an account: a shop with years of tickets in it, in batches of one transaction each, beside a running helpdesk.

Rows go in by COPY, with everything that the verbs would have computed. Events are not written: nothing happened.
"""

import asyncio
import datetime
import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import tags
from polus.desk.statistics import rebuilding
from polus.seeding import shops
from polus.seeding.shops import Shop
from polus.seeding.tickets import COLUMNS, MESSAGES, Author, Ids
from polus.store import pool
from polus.store.database import Database
from polus.store.work import SYSTEM, Account, writing

BATCH = 1_000  # tickets

BUSY = "The account is being seeded already."
LOCK = "select pg_try_advisory_lock(7062029, $1::int)"
# An account that is being deleted would leave what is written meanwhile behind.
HOLD = "select 1 from accounts where id = $1 for key share"
# Foreign keys need not be looked up row by row, because what is written was made to fit; superusers may say so.
MAY_TRUST = "select has_parameter_privilege('session_replication_role', 'set')"
TRUST = "set local session_replication_role = replica"

PEOPLE = "select nextval('person_id') from generate_series(1, $1::int)"
TICKET_IDS = "select nextval(pg_get_serial_sequence('tickets', 'id')) from generate_series(1, $1::int)"
MESSAGE_IDS = "select nextval(pg_get_serial_sequence('messages', 'id')) from generate_series(1, $1::int)"

# Else every statement about the new tickets would be planned as if there were none.
ANALYZE = "analyze " + ", ".join(COLUMNS)


class Seeded(msgspec.Struct, frozen=True):
    """What was made; `seconds` were spent on it."""

    account: str
    seed: int
    until: datetime.datetime
    tickets: int
    messages: int
    customers: int
    seconds: float


async def sow(
    database: Database,
    account: Account,
    count: int,
    *,
    seed: int,
    until: datetime.datetime,
    told: Callable[[int], None],
) -> Seeded:
    """Put `count` tickets into the account, the newest at `until`; `told` hears how many are there.

    What is cut off leaves whole batches. 409 while the account is being seeded by somebody else.
    """
    began = time.perf_counter()
    async with _alone(database, account) as db:
        async with writing(database, account, SYSTEM) as work:
            shop = await shops.furnish(work)
        customers = await _write(db, shop, Author(shop, count, seed, until), count, told)
        seconds = time.perf_counter() - began
        await tags.recount(db)
        await db.execute(ANALYZE)
        await db.execute(rebuilding.TIDY)
    database.ring(("everything",))
    return Seeded(account.domain, seed, until, count, count * MESSAGES, customers, seconds)


@asynccontextmanager
async def _alone(database: Database, account: Account) -> AsyncIterator[Any]:
    """A connection of our own, which holds the lock for as long as it lives."""
    db = await pool.connect(database.url, "polus seed")
    try:
        if not await db.fetchval(LOCK, account.id):
            raise errors.Conflict(msg=BUSY)
        yield db
    finally:
        await db.close()


async def _write(db: Any, shop: Shop, author: Author, count: int, told: Callable[[int], None]) -> int:
    """Write all batches, each made while the one before is written; how many customers there are now."""
    trusted = await db.fetchval(MAY_TRUST)
    customers = written = 0
    sizes = [BATCH] * (count // BATCH) + [count % BATCH] * (count % BATCH > 0)
    made = None
    for size in [*sizes, 0]:
        newcomers = author.newcomers(size) if size else []
        customers += sum(newcomers)
        ids = await _ids(db, size, sum(newcomers))
        following = asyncio.create_task(asyncio.to_thread(author.batch, newcomers, ids))
        if made is not None:
            await _copy(db, shop, made, trusted=trusted)
            written += len(made["tickets"])
            told(written)
        made = await following
    return customers


async def _ids(db: Any, tickets: int, people: int) -> Ids:
    asked = ((PEOPLE, people), (TICKET_IDS, tickets), (MESSAGE_IDS, tickets * MESSAGES))
    return Ids(*[iter([row[0] for row in await db.fetch(sql, count)]) for sql, count in asked])


async def _copy(db: Any, shop: Shop, made: dict[str, list[str]], *, trusted: bool) -> None:
    async with db.transaction():
        await db.execute(HOLD, shop.account_id)
        if trusted:
            await db.execute(TRUST)
        for table, rows in made.items():
            source = io.BytesIO("".join(rows).encode())
            await db.copy_to_table(table, source=source, columns=COLUMNS[table], format="text")
        await rebuilding.make(db, shop.account_id, [int(line.split("\t")[1]) for line in made["tickets"]])
