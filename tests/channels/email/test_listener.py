"""SMTP as a stranger's mail server speaks it: what is taken is in the journal, what is refused is told why."""

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiosmtplib
import asyncpg
import pytest

from polus.channels.email import listener as listeners
from polus.channels.email.listener import Listener
from polus.desk import integrations
from polus.store.work import SYSTEM, writing
from tests import certificates
from tests import world as worlds
from tests.world import World

MAILS = "select * from mails where account_id = $1 order by id"


class Wire:
    """One raw SMTP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, text: str | bytes) -> str:
        """Send a line (bytes: as they are) and return the whole reply."""
        self.writer.write(text if isinstance(text, bytes) else text.encode() + b"\r\n")
        return await self.reply()

    async def reply(self) -> str:
        lines = []
        while True:
            line = (await asyncio.wait_for(self.reader.readline(), 30)).decode()
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                return "\n".join(lines)

    async def hello(self) -> str:
        assert (await self.reply()).startswith("220 ")
        return await self.say("EHLO client.example")

    async def deliver(self, address: str, raw: bytes, sender: str = "<jane@customer.example>") -> str:
        assert (await self.say(f"MAIL FROM:{sender}")).startswith("250")
        reply = await self.say(f"RCPT TO:<{address}>")
        if not reply.startswith("250"):
            return reply
        assert (await self.say("DATA")).startswith("354")
        return await self.say(raw)


class Post:
    """A shop with an address and a listener of its own."""

    def __init__(self, world: World, address: str, listener: Listener, port: int) -> None:
        self.world = world
        self.address = address
        self.listener = listener
        self.port = port
        self.wires: list[Wire] = []

    async def connect(self) -> Wire:
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port))
        self.wires.append(wire)
        return wire

    async def mails(self) -> list[Any]:
        return await self.world.rows(MAILS)


def _listening() -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    return listening


async def _post(world: World, **options: Any) -> AsyncIterator[Post]:
    address = f"Help@{world.account.domain}.example"
    async with writing(world.database, world.account, SYSTEM) as work:
        await integrations.add_email(work, address, "Support")
    listener = Listener(world.database, "mx.helpdesk.example", **options)
    listening = _listening()
    await listener.open([listening])
    post = Post(world, address, listener, listening.getsockname()[1])
    yield post
    for wire in post.wires:
        wire.writer.close()
    await listener.close()


@pytest.fixture
async def another(database: Any, http: Any, url: str) -> World:
    return await worlds.make(database, http, url)


@pytest.fixture
async def post(world: World) -> AsyncIterator[Post]:
    async for post in _post(world, size=100_000):
        yield post


@pytest.fixture
async def secure(world: World, tmp_path: Path) -> AsyncIterator[Post]:
    cert, key = certificates.make(tmp_path, "mx.helpdesk.example")
    async for post in _post(world, tls=listeners.tls_context(cert, key)):
        yield post


async def test_a_mail_is_in_the_journal_when_250_is_said(post: Post) -> None:
    wire = await post.connect()
    features = await wire.hello()
    assert "250-SIZE 100000" in features
    assert "AUTH" not in features
    assert features.splitlines()[-1].startswith("250 ")
    raw = b"Subject: Hi\r\n\r\nFirst\r\n..dot\r\n" + b"x" * 5_000 + b"\r\nlone\nlf\n.\nhere\r\n.\r\n"
    assert (await wire.deliver(post.address, raw)).startswith("250 2.0.0 Kept as ")
    (row,) = await post.mails()
    assert row["raw"] == b"Subject: Hi\r\n\r\nFirst\r\n.dot\r\n" + b"x" * 5_000 + b"\r\nlone\nlf\n.\nhere\r\n"
    assert (row["state"], row["envelope_from"], row["envelope_to"]) == (
        "received", "jane@customer.example", [post.address],
    )  # fmt: skip
    assert row["size"] == len(row["raw"])
    assert datetime.datetime.now(datetime.UTC) - row["received_datetime"] < datetime.timedelta(minutes=1)
    assert (await wire.say("QUIT")).startswith("221")


async def test_one_connection_delivers_many_also_empty_ones_and_bounces(post: Post) -> None:
    wire = await post.connect()
    await wire.hello()
    assert (await wire.deliver(post.address, b".\r\n")).startswith("250")
    assert (await wire.deliver(post.address, b"\r\n.\r\n", sender="<>")).startswith("250")
    assert (await wire.deliver(post.address, b"a: b\r\n.\r\n")).startswith("250")
    assert [(row["raw"], row["envelope_from"]) for row in await post.mails()] == [
        (b"", "jane@customer.example"),
        (b"\r\n", ""),
        (b"a: b\r\n", "jane@customer.example"),
    ]


@pytest.mark.parametrize(
    "form", ["{local}@{domain}", "{local}+token.abc@{domain}", "{LOCAL}@{DOMAIN}", '"{local}"@{domain}']
)
async def test_case_and_plus_part_do_not_matter(post: Post, form: str) -> None:
    local, _, domain = post.address.partition("@")
    address = form.format(local=local, domain=domain, LOCAL=local.upper(), DOMAIN=domain.upper())
    wire = await post.connect()
    await wire.hello()
    await wire.say("MAIL FROM:<a@b.example>")
    assert (await wire.say(f"RCPT TO:<{address}>")).startswith("250" if '"' not in form else ("250", "550"))


async def test_one_row_for_each_account_concerned(post: Post, world: World, another: World) -> None:
    async with writing(world.database, another.account, SYSTEM) as work:
        await integrations.add_email(work, f"one@{another.account.domain}.example", "Other")
        await integrations.add_email(work, f"two@{another.account.domain}.example", "Other")
    wire = await post.connect()
    await wire.hello()
    await wire.say("MAIL FROM:<a@b.example>")
    theirs = [f"one@{another.account.domain}.example", f"two@{another.account.domain}.example"]
    for address in (theirs[0], post.address, theirs[1]):
        assert (await wire.say(f"RCPT TO:<{address}>")).startswith("250")
    await wire.say("DATA")
    assert (await wire.say(b"x: y\r\n\r\n.\r\n")).startswith("250")
    (mine,) = await post.mails()
    (other,) = await another.rows(MAILS)
    assert mine["envelope_to"] == [post.address]
    assert other["envelope_to"] == theirs


async def test_an_unknown_mailbox_is_refused_and_nobody_may_try_many(post: Post) -> None:
    wire = await post.connect()
    await wire.hello()
    await wire.say("MAIL FROM:<a@b.example>")
    for number in range(int(listeners.UNKNOWN)):
        reply = await wire.say(f"RCPT TO:<no{number}@{post.world.account.domain}.example>")
        assert reply.startswith("550 5.1.1 ")
    assert (await wire.say(f"RCPT TO:<{post.address}>")).startswith("421 4.7.0 ")
    assert await wire.reader.read() == b""


async def test_switched_off_addresses_are_unknown(post: Post) -> None:
    await post.world.rows(
        "update integrations set deactivated_datetime = now() where account_id = $1 returning 1"
    )
    wire = await post.connect()
    await wire.hello()
    assert (await wire.deliver(post.address, b".\r\n")).startswith("550 5.1.1 ")


async def test_a_mail_too_large_is_refused_and_the_connection_lives(post: Post) -> None:
    wire = await post.connect()
    await wire.hello()
    assert (await wire.say("MAIL FROM:<a@b.example> SIZE=100001")).startswith("552")
    for raw in (b"x" * 100_050 + b"\r\n.\r\n", b"y\r\n" * 35_000 + b".\r\n"):
        assert (await wire.deliver(post.address, raw)).startswith("552 5.3.4 ")
    assert (await wire.deliver(post.address, b"x" * 99_990 + b"\r\n.\r\n")).startswith("250")
    assert len(await post.mails()) == 1
    assert post.listener._held == 0


async def pour(writer: asyncio.StreamWriter) -> None:
    for _ in range(200):
        writer.write(b"z" * 100_000)
        await writer.drain()


async def test_an_endless_mail_is_cut_off(post: Post) -> None:
    wire = await post.connect()
    await wire.hello()
    await wire.say("MAIL FROM:<a@b.example>")
    await wire.say(f"RCPT TO:<{post.address}>")
    await wire.say("DATA")
    with pytest.raises(ConnectionError):
        await pour(wire.writer)
    assert post.listener._held == 0
    again = await post.connect()
    await again.hello()
    assert (await again.deliver(post.address, b".\r\n")).startswith("250")


async def test_more_recipients_than_a_mail_may_have_come_later(post: Post) -> None:
    wire = await post.connect()
    await wire.hello()
    await wire.say("MAIL FROM:<a@b.example>")
    local, _, domain = post.address.partition("@")
    for number in range(listeners.RECIPIENTS):
        assert (await wire.say(f"RCPT TO:<{local}+{number}@{domain}>")).startswith("250")
    assert (await wire.say(f"RCPT TO:<{post.address}>")).startswith("452 4.5.3 ")
    await wire.say("DATA")
    assert (await wire.say(b".\r\n")).startswith("250")
    (row,) = await post.mails()
    assert len(row["envelope_to"]) == listeners.RECIPIENTS


async def test_too_many_connections_of_one_peer_are_sent_away(post: Post) -> None:
    wires = [await post.connect() for _ in range(listeners.PEER_CONNECTIONS)]
    for wire in wires:
        assert (await wire.reply()).startswith("220")
    late = await post.connect()
    assert (await late.reply()).startswith("421 4.7.0 ")
    assert await late.reader.read() == b""
    assert (await wires[0].say("QUIT")).startswith("221")
    assert await wires[0].reader.read() == b""
    again = await post.connect()
    assert (await again.reply()).startswith("220")


async def test_too_many_mails_of_one_peer_are_put_off(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post.listener, "_mails", listeners.Buckets(2, 0.0))
    wire = await post.connect()
    await wire.hello()
    replies = [(await wire.deliver(post.address, b".\r\n"))[:3] for _ in range(3)]
    assert replies == ["250", "250", "450"]


async def test_nonsense_is_answered_and_never_stops_the_listener(post: Post) -> None:
    wire = await post.connect()
    await wire.hello()
    for line in (
        b"\xff\xfe\x00\r\n", b"DATA\r\n", b"RCPT TO:<x@y.example>\r\n", b"MAIL FROM:<" + b"a" * 600 + b"@b>\r\n",
        b"MAIL FROM:\r\n", b"\r\n", b"z" * 300_000 + b"\r\n", b"AUTH PLAIN AAAA\r\n", b"STARTTLS\r\n",
    ):  # fmt: skip
        assert (await wire.say(line))[0] in "45", line[:30]
    gone = await post.connect()
    await gone.hello()
    await gone.say("MAIL FROM:<a\x00\xed@b.example>")
    await gone.say(f"RCPT TO:<{post.address}>")
    await gone.say("DATA")
    gone.writer.write(b"half a mail")
    gone.writer.transport.abort()
    fine = await post.connect()
    await fine.hello()
    assert (await fine.deliver(post.address, b"\xff\x00\r\n.\r\n", '"\xed"@b.example')).startswith("250")
    assert [row["raw"] for row in await post.mails()] == [b"\xff\x00\r\n"]


async def test_without_a_database_senders_are_asked_to_come_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def acquire(self, **_: Any) -> Any:
            raise asyncpg.CannotConnectNowError("starting up")

    wire = await post.connect()
    await wire.hello()
    await wire.say("MAIL FROM:<a@b.example>")
    await wire.say(f"RCPT TO:<{post.address}>")
    with monkeypatch.context() as patch:
        patch.setattr(post.world.database, "pool", Away())
        assert (await wire.say(f"RCPT TO:<{post.address}>")).startswith("451 4.3.0 ")
        await wire.say("DATA")
        assert (await wire.say(b".\r\n")).startswith("451 4.3.0 ")
    assert await post.mails() == []
    assert (await wire.deliver(post.address, b".\r\n")).startswith("250")


async def test_starttls(secure: Post, tmp_path: Path) -> None:
    client = aiosmtplib.SMTP(
        hostname="127.0.0.1",
        port=secure.port,
        start_tls=True,
        tls_context=certificates.trusting(tmp_path / "cert.pem"),
    )
    async with client:
        assert client.get_transport_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3")
        await client.sendmail("a@b.example", [secure.address], b"Subject: safe\r\n\r\n" + b"x" * 400_000)
    (row,) = await secure.mails()
    assert row["size"] == 400_019


async def test_old_tls_is_refused(secure: Post) -> None:
    wire = await secure.connect()
    assert "STARTTLS" in await wire.hello()
    assert (await wire.say("STARTTLS")).startswith("220")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await wire.writer.start_tls(old)


async def test_closing_lets_a_mail_at_hand_be_answered(post: Post) -> None:
    wire = await post.connect()
    await wire.hello()
    assert post.listener.listens
    answer = asyncio.create_task(wire.deliver(post.address, b"x: y\r\n\r\n.\r\n"))
    while not post.listener._taking and not answer.done():
        await asyncio.sleep(0)
    await post.listener.close()
    assert (await answer).startswith("250")
    assert not post.listener.listens
    with pytest.raises(OSError):  # noqa: PT011 - whichever way the system says it
        await post.connect()
