"""The worker process: everything that happens because something happened, or because it is time.

One queue per lane of work; each lane's rows are claimed so that any number of workers may run. What the lanes do is
written where they belong; this module only says which there are.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog
import uvloop

from polus import children, installation
from polus.base import log
from polus.base.settings import Settings
from polus.channels.email import submission
from polus.channels.email.deliveries import Deliveries
from polus.channels.email.mailboxes import Mailboxes
from polus.channels.email.notices import Notices
from polus.channels.email.receive import Receiver
from polus.channels.email.relay import Letter
from polus.channels.http.lines import Lines
from polus.channels.sending import Errand, Sender
from polus.channels.shops.journal import Arrivals
from polus.channels.texts import deliveries as texts
from polus.channels.texts.journal import Arrivals as TextArrivals
from polus.channels.voice.orders import Orders
from polus.chores import Chores, all_chores
from polus.desk.accounts import Book
from polus.due import TASKS, Due
from polus.reactions import table as reactions
from polus.reactions.jobs import Jobs
from polus.reactions.outbox import Outbox
from polus.reactions.outside import Outside
from polus.store.database import Database
from polus.store.presence import Presence
from polus.store.queue import Lane, Precedence, Queue

PATIENCE = 20.0  # seconds that work at hand may take when the worker stops
CONNECTIONS = 16

logger = structlog.get_logger(__name__)


class Worker:
    """The lanes of one process, and the queues that work through them."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._database = database
        self._chores = Chores(database, all_chores(database))
        self.presence = Presence(database)
        book = Book(database, settings.base_url)
        host = urlsplit(settings.base_url).hostname or "localhost"

        post = submission.courier(database, settings.relay(), host)

        def mailed(errand: Errand[Letter]) -> Lane:
            return Sender(database, book, self.presence, errand, post).lane()

        def texted(errand: Errand[texts.Letter], *, once: bool = False) -> Lane:
            carry = texts.courier(database.allowed, once=once)
            # One provider that is slow leaves places to the others.
            return Sender(database, book, self.presence, errand, carry).lane(width=16)

        words = Precedence()
        self._lines = Lines(database, book, self.presence)
        self._mailboxes = Mailboxes(database, book, self.presence)
        self.lanes = (
            *(Outbox(database, several, book).lane(precedence=words) for several in reactions.lanes()),
            Receiver(database, book).lane(),
            mailed(Deliveries()),
            mailed(Notices()),
            TextArrivals(database, book, self.presence).lane(),
            texted(texts.Deliveries()),
            texted(texts.Tests(), once=True),
            self._lines.lane(),
            self._mailboxes.lane(),
            Arrivals(database, book).lane(),
            Orders(database, book).lane(),
            Jobs(database, book).lane(),
            Outside(database, book, self.presence).lane(),
            *(Due(database, book, name).lane() for name in TASKS),
            self._chores.lane(),
        )
        turns = asyncio.Lock()
        self._queues = [Queue(database, lane, turns) for lane in self.lanes]
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Start working."""
        await self._chores.open()
        await self.presence.open()
        await self._lines.open()
        self._tasks = [asyncio.create_task(queue.work()) for queue in self._queues]

    async def close(self) -> None:
        """Take nothing new and finish what runs."""
        self._mailboxes.close()
        await asyncio.gather(*(queue.stop(PATIENCE) for queue in self._queues))
        await asyncio.gather(*self._tasks)
        await self._lines.close()
        await self.presence.close()


@asynccontextmanager
async def working(settings: Settings, database: Database) -> AsyncIterator[Worker]:
    """A worker for the time of a block."""
    reactions.subscribe()
    worker = Worker(settings, database)
    await worker.open()
    try:
        yield worker
    finally:
        await worker.close()


async def run(settings: Settings, *, by_parent: bool) -> None:
    """The process, until it is told to stop."""
    async with (
        installation.opened(settings, "polus worker", CONNECTIONS) as database,
        working(settings, database),
    ):
        if by_parent:
            children.ready()
        await children.stop_asked(by_parent=by_parent)
        logger.info("the worker stops")


def main() -> None:
    """A child of `processes`."""
    order = children.received()
    log.configure()
    uvloop.run(run(order.settings, by_parent=True))
    log.flush()


if __name__ == "__main__":
    main()
