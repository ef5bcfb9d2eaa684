"""A shop's mailbox at a real server, fetched by a worker's lane that the test starts and stops; and a wire that is cut."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec

from polus.base.outbound import Allowed
from polus.channels.email import submission
from polus.channels.email.deliveries import Deliveries
from polus.channels.email.mailboxes import Mailboxes
from polus.channels.email.receive import Receiver
from polus.channels.sending import Sender
from polus.desk import mail_servers
from polus.desk.accounts import Book
from polus.desk.mail_servers import Wanted
from polus.reactions import table as reactions
from polus.reactions.outbox import Outbox
from polus.store.presence import Presence
from polus.store.queue import Queue
from polus.store.work import SYSTEM, writing
from tests import waits
from tests.channels.email.office import Office
from tests.channels.email.peers import PASSWORD, Dovecot
from tests.world import World

LOOPBACK = Allowed(("127.0.0.0/8", "::1/128"))

PASSWORDS = Wanted(
    host="127.0.0.1", port=1, security="none", username="", auth="password", secret={"password": PASSWORD},
    folders=("INBOX",),
)  # fmt: skip


@dataclass
class Post:
    """An office with a mailbox."""

    office: Office
    dovecot: Dovecot
    user: str

    @property
    def world(self) -> World:
        return self.office.world

    async def save(self, way: str = "in", **changes: Any) -> None:
        """The settings, as the page keeps them."""
        wanted = msgspec.structs.replace(
            PASSWORDS, **{"username": self.user, "port": self.dovecot.imap, **changes}
        )
        async with writing(self.world.database, self.world.account, SYSTEM) as work:
            await mail_servers.save(work, self.office.integration_id, way, wanted)

    def put(self, *mails: bytes, **more: Any) -> None:
        self.dovecot.put(self.user, *mails, **more)

    async def state(self, way: str = "in") -> Any:
        rows = await self.world.rows(
            "select * from mail_servers where account_id = $1 and integration_id = $2 and way = $3",
            self.office.integration_id,
            way,
        )
        return rows[0]

    async def folder(self, name: str = "INBOX") -> Any:
        rows = await self.world.rows(
            "select * from mail_folders where account_id = $1 and integration_id = $2 and name = $3",
            self.office.integration_id,
            name,
        )
        return rows[0]

    async def mails(self, state: str = "") -> list[Any]:
        return await self.world.rows(
            "select * from mails where account_id = $1 and ($2 = '' or state = $2) order by id", state
        )

    async def fetched(self, count: int) -> list[Any]:
        """The journal, when it holds so many mails."""

        async def enough() -> Any:
            found = await self.mails()
            return found if len(found) >= count else None

        return await waits.until(enough)  # type: ignore[no-any-return]

    async def looked(self) -> None:
        """Until the folders were looked at for the first time."""

        async def well() -> bool:
            return (await self.state())["state"] == "well"

        await waits.until(well)


@contextlib.asynccontextmanager
async def worker(world: World, *, receives: bool = True) -> AsyncIterator[Mailboxes]:
    """The lanes of mailboxes and of the journal, as a worker has them."""
    database, book = world.database, Book(world.database, "http://helpdesk.example")
    presence = Presence(database)
    await presence.open()
    mailboxes = Mailboxes(database, book, presence)
    queues = [Queue(database, mailboxes.lane())]
    if receives:
        queues.append(Queue(database, Receiver(database, book).lane()))
    tasks = [asyncio.create_task(queue.work()) for queue in queues]
    try:
        yield mailboxes
    finally:
        mailboxes.close()
        await asyncio.gather(*(queue.stop(10) for queue in queues))
        await asyncio.gather(*tasks)
        await presence.close()


async def react(post: Post) -> None:
    """Until answers wait to be sent."""
    database, book = post.world.database, Book(post.world.database, "http://helpdesk.example")
    await Queue(database, Outbox(database, reactions.REACTIONS, book).lane()).drain()


async def send(post: Post) -> None:
    """What a worker does to send what is due."""
    await react(post)
    database, book = post.world.database, Book(post.world.database, "http://helpdesk.example")
    presence = Presence(database)
    await presence.open()
    courier = submission.courier(database, None, "helpdesk.example")
    await Queue(database, Sender(database, book, presence, Deliveries(), courier).lane()).drain()
    await presence.close()


async def process(url: str) -> asyncio.subprocess.Process:
    """A process that fetches, as a worker does, from the database at that address; it is at work when this returns."""
    found = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.channels.email.fetcher", url, stdout=asyncio.subprocess.PIPE
    )
    assert found.stdout is not None
    assert await found.stdout.readline() == b"here\n"
    return found
