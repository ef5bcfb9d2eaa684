"""Mailboxes at servers that do what Dovecot never does: withhold a mail, list a huge one, answer without end."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from polus.channels.email import imap, listener, mailboxes
from polus.store import queue
from tests import waits
from tests.channels.email import fetching
from tests.channels.email import office as offices
from tests.channels.email.fetching import Post
from tests.channels.email.office import mail
from tests.channels.email.peers import Dovecot
from tests.world import World

RAW = mail(message_id="<3@customer.example>")


@dataclass
class Odd:
    """A folder with three mails: of the first the server says no, the second is huge, the third is good. No IDLE."""

    port: int = 0
    floods: bool = False
    asked: list[str] = field(default_factory=list)
    top: int = 0
    _server: Any = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* OK here\r\n")
        try:
            while line := (await reader.readline()).decode().strip():
                tag, _, command = line.partition(" ")
                self.asked.append(command)
                for said in self._said(command):
                    writer.write(said + b"\r\n")
                writer.write(tag.encode() + self._ending(command) + b"\r\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    def _ending(self, command: str) -> bytes:
        withheld = command.startswith("UID FETCH 1 (BODY.PEEK[])")
        return b" NO [SERVERBUG] This one is broken" if withheld else b" OK done"

    def _said(self, command: str) -> list[bytes]:
        if command == "CAPABILITY":
            return [b"* CAPABILITY IMAP4rev1"]
        if command.startswith("EXAMINE"):
            next_uid = b"* OK [UIDNEXT %d] next" % (self.top + 1)
            return [b"* %d EXISTS" % self.top, b"* OK [UIDVALIDITY 7] valid", next_uid]
        if command.startswith("UID SEARCH"):
            return [b"* SEARCH 1 2 3"]  # more than was asked for
        if sizes := re.fullmatch(r"UID FETCH ([0-9,]+) \(RFC822.SIZE INTERNALDATE\)", command):
            known = {1: 100, 2: listener.SIZE + 1, 3: len(RAW)}
            asked = [int(one) for one in sizes[1].split(",")]
            return [b"* %d FETCH (UID %d RFC822.SIZE %d)" % (one, one, known[one]) for one in asked]
        if command.startswith("UID FETCH 2 (BODY.PEEK[HEADER])"):
            return [literal(2, b"BODY[HEADER]", b"From: big@customer.example\r\n\r\n")]
        if command.startswith("UID FETCH 3"):
            size = imap.MOST_BYTES + 1 if self.floods else len(RAW)
            return [b"* 3 FETCH (UID 3 BODY[] {%d}" % size] if self.floods else [literal(3, b"BODY[]", RAW)]
        return [b"* BYE"] if command == "LOGOUT" else []


def literal(number: int, part: bytes, content: bytes) -> bytes:
    return b"* %d FETCH (UID %d %s {%d}\r\n%s)" % (number, number, part, len(content), content)


@pytest.fixture
async def odd() -> AsyncIterator[Odd]:
    made = Odd()
    await made.open()
    yield made
    made._server.close()


async def test_mails_that_cannot_be_fetched_are_noted_and_hold_nobody_up(
    world: World, odd: Odd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.database, "allowed", fetching.LOOPBACK)
    monkeypatch.setattr(mailboxes, "BACKOFF", (0.01,))
    monkeypatch.setattr(queue, "POLL", 0.05)
    post = Post(await offices.opened(world), Dovecot(None, odd.port, 0, 0, 0), "shop")  # type: ignore[arg-type]
    await post.save()
    async with fetching.worker(world):
        await post.looked()
    odd.top = 3
    odd.floods = True

    async def troubled() -> Any:
        state = await post.state()
        return state["state"] == "trouble" and "more than was asked for" in (state["error"] or "")

    async with fetching.worker(world):
        await waits.until(troubled)
        assert [row["state"] for row in await post.mails()] == ["parked"], (
            "what came before is kept, and no more"
        )
        odd.floods = False
        found = await post.fetched(3)

        async def taken() -> list[Any]:
            return await post.mails("delivered")

        await waits.until(taken)
    withheld, huge, good = found
    assert withheld["reason"].startswith("the mail server does not hand over mail 1 of folder INBOX: ")
    assert huge["reason"] == "larger than 30 MB; it is still in the mailbox, in folder INBOX"
    assert (huge["envelope_from"], bytes(huge["raw"])) == (
        "big@customer.example",
        b"From: big@customer.example\r\n\r\n",
    )
    assert (withheld["state"], huge["state"], bytes(good["raw"])) == ("parked", "parked", RAW)
    assert sum(command.startswith("UID FETCH 1 (BODY") for command in odd.asked) >= 3
    await world.rows("delete from mail_servers where account_id = $1 returning 1")
