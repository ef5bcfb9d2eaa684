"""A process that fetches mailboxes and does nothing else, to be killed: `python -m tests.channels.email.fetcher URL`."""

import asyncio
import signal
import sys

from polus.channels.email.mailboxes import Mailboxes
from polus.desk.accounts import Book
from polus.store import database as databases
from polus.store.presence import Presence
from polus.store.queue import Queue


async def main(url: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with databases.opened(url, secret_key="k" * 32, outbound_allow=("127.0.0.0/8",)) as database:
        presence = Presence(database)
        await presence.open()
        mailboxes = Mailboxes(database, Book(database, "http://helpdesk.example"), presence)
        queue = Queue(database, mailboxes.lane())
        working = asyncio.create_task(queue.work())
        sys.stdout.write("here\n")
        sys.stdout.flush()
        await stop.wait()
        mailboxes.close()
        await queue.stop(5)
        await working
        await presence.close()


asyncio.run(main(sys.argv[1]))
