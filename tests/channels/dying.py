"""A worker of its own process that works through one lane, until somebody kills it: `python -m tests.channels.dying`."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from polus.base.outbound import Allowed
from polus.channels.email import submission
from polus.channels.email.deliveries import Deliveries as Mails
from polus.channels.sending import Sender
from polus.channels.texts import deliveries
from polus.channels.texts.journal import Arrivals
from polus.channels.voice.orders import Orders
from polus.desk.accounts import Book
from polus.store import database as databases
from polus.store import files
from polus.store.database import Database
from polus.store.presence import Presence
from polus.store.queue import Lane, Queue

ROOT = Path(__file__).parents[2]
DYING = """
select pid from pg_stat_activity
where datname = current_database() and application_name in ('dying', 'polus worker')
"""


def _texts(database: Database, book: Book, presence: Presence) -> Lane:
    carry = deliveries.courier(database.allowed)
    return Sender(database, book, presence, deliveries.Deliveries(), carry).lane()


def _mails(database: Database, book: Book, presence: Presence) -> Lane:
    carry = submission.courier(database, None, "helpdesk.example")
    return Sender(database, book, presence, Mails(), carry).lane()


LANES: dict[str, Callable[[Database, Book, Presence], Lane]] = {
    "text_deliveries": _texts,
    "text_arrivals": lambda database, book, presence: Arrivals(database, book, presence).lane(),
    "deliveries": _mails,
    "voice_orders": lambda database, book, _presence: Orders(database, book).lane(),
}


async def killed(database: Database, lane: str, until: asyncio.Event) -> None:
    """A worker process of its own, killed in the middle of what it does, and PostgreSQL has heard of it."""
    async with database.pool.acquire() as db:
        before = await db.fetch(DYING)
    folder = Path(str(database.files._store.prefix)).as_uri()  # type: ignore[attr-defined]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.channels.dying", database.url, folder, lane, cwd=ROOT
    )
    try:
        await asyncio.wait_for(until.wait(), 30)
    finally:
        process.kill()
        await process.wait()
    async with database.pool.acquire() as db:
        while any(row not in before for row in await db.fetch(DYING)):
            await asyncio.sleep(0.01)


async def main(url: str, folder: str, lane: str) -> None:
    """Work through one lane."""
    place = files.opened(folder)
    async with databases.opened(url, name="dying", files=place, secret_key="k" * 32) as database:
        database.allowed = Allowed(["127.0.0.1/32"])
        presence = Presence(database)
        await presence.open()
        await Queue(database, LANES[lane](database, Book(database, "https://desk.example"), presence)).drain()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
