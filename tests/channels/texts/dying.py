"""A worker of its own process that sends or takes texts, until somebody kills it: `python -m tests.channels.texts.dying`."""

import asyncio
import sys

from polus.base.outbound import Allowed
from polus.channels.sending import Sender
from polus.channels.texts import deliveries
from polus.channels.texts.journal import Arrivals
from polus.desk.accounts import Book
from polus.store import database as databases
from polus.store import files
from polus.store.presence import Presence
from polus.store.queue import Queue


async def main(url: str, folder: str, what: str) -> None:
    """Work through one lane."""
    async with databases.opened(
        url, name="dying", files=files.opened(folder), secret_key="k" * 32
    ) as database:
        database.allowed = Allowed(["127.0.0.1/32"])
        presence = Presence(database)
        await presence.open()
        book = Book(database, "https://desk.example")
        if what == "send":
            carry = deliveries.courier(database.allowed)
            lane = Sender(database, book, presence, deliveries.Deliveries(), carry).lane()
        else:
            lane = Arrivals(database, book, presence).lane()
        await Queue(database, lane).drain()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
