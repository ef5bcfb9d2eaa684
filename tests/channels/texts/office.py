"""A shop with numbers, their providers on loopback, and the lanes that texts come and go by, for tests."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from polus.api.text_door import TextDoor
from polus.base import clock
from polus.base.outbound import Allowed
from polus.channels import twilio
from polus.channels.sending import Sender
from polus.channels.texts import deliveries, numbers
from polus.channels.texts.journal import Arrivals
from polus.channels.texts.numbers import Given
from polus.channels.texts.providers import Settings
from polus.desk.accounts import Book
from polus.reactions import table as reactions
from polus.reactions.outbox import Outbox
from polus.store.presence import Presence
from polus.store.queue import Queue
from polus.store.work import SYSTEM, reading, writing
from tests import direct
from tests.world import World

SID = "AC" + "f" * 32
TOKEN = "2f1a9d0c7b6e4f3a8d5c2b1a0f9e8d7c"
SECRET = "a shared secret of the gateway and us"
BASE = "https://desk.example"
OURS, THEIRS = "+14155550100", "+14155550123"
# A page in PNG of one pixel.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@dataclass
class Got:
    """One request that a provider was sent."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    def all(self, name: str) -> list[str]:
        return [value for key, value in parse_qsl(self.body.decode()) if key == name]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Peer:
    """Twilio's API, a shop's gateway and a place of files. `answer(got)`: a response, or `cut` or `hold` for none."""

    got: list[Got] = field(default_factory=list)
    answer: Callable[[Got], Any] | None = None
    files: dict[str, Callable[[], Any]] = field(default_factory=dict)
    fetched: list[Got] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def post(self, request: web.Request) -> web.StreamResponse:
        got = Got(request.path, dict(request.headers), await request.read())
        self.got.append(got)
        told = self.answer(got) if self.answer else None
        if told == "cut":  # it was taken, and nobody hears of it
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if told == "hold":
            await self.released.wait()
        if isinstance(told, web.StreamResponse):
            return told
        number = len(self.got)
        if request.path.startswith("/gate"):
            return web.json_response({"id": f"g{number}", "state": "sent"})
        return web.json_response(
            {"sid": f"SM{number:032x}", "status": "queued", "error_code": None}, status=201
        )

    async def get(self, request: web.Request) -> web.StreamResponse:
        self.fetched.append(Got(request.path, dict(request.headers), b""))
        made = self.files[request.path]()
        return await made if asyncio.iscoroutine(made) else made


def refusal(code: int, message: str, status: int = 400) -> Callable[[Got], web.Response]:
    """An error as Twilio's API answers it."""
    told = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return lambda _got: web.json_response(told, status=status)


@dataclass
class Texts:
    """The shop. `work()` lets everything happen that is due."""

    world: World
    peer: Peer
    presence: Presence
    door: TextDoor
    ids: dict[str, int] = field(default_factory=dict)

    async def number(self, key: str = "sms", **more: Any) -> int:
        """Connect a number; its id."""
        if more.get("provider") == "http":
            settings = Settings(url=self.peer.url + "/gate", **more.pop("settings", {}))
            given = Given(settings=settings, **{"secret": SECRET, "address": OURS, **more})
        else:
            settings = Settings(account_sid=SID, api=self.peer.url, **more.pop("settings", {}))
            given = Given(settings=settings, **{"secret": TOKEN, "address": OURS, **more})
        async with writing(self.world.database, self.world.account, SYSTEM) as work:
            self.ids[key] = await numbers.add(work, given)
        return self.ids[key]

    def path(self, name: str = "sms") -> str:
        token = numbers.token_of(self.world.database, self.world.account.id, self.ids[name])
        return numbers.PREFIX + token

    async def hook(self, key: str = "sms") -> str:
        """The number's whole address, as the worker knows it."""
        account = await self._book.account(self.world.account.id)
        return account.base_url + self.path(key)

    async def twilio(
        self, form: dict[str, str], name: str = "sms", *, about: str = "", token: str = TOKEN, signature: str | None = None,
        base: str = BASE,
    ) -> direct.Reply:  # fmt: skip
        """Post a webhook of Twilio's."""
        path, given = self.path(name) + about, {"AccountSid": SID, "ApiVersion": "2010-04-01", **form}
        signed = twilio.signature(token, base + path, list(given.items())) if signature is None else signature
        headers = {"content-type": twilio.FORM, "x-twilio-signature": signed, "host": "10.1.2.3:8000"}
        return await direct.ask(self.door, headers, "POST", path, body=urlencode(given).encode())

    async def gateway(
        self, told: Any, name: str = "gate", *, secret: str = SECRET, age: int = 0
    ) -> direct.Reply:
        """Post a webhook of the shop's own gateway."""
        body = json.dumps(told).encode()
        moment = int(clock.now().timestamp()) - age
        mac = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-polus-signature": f"t={moment},v1={mac}"}
        return await direct.ask(self.door, headers, "POST", self.path(name), body=body)

    @property
    def _book(self) -> Book:
        return Book(self.world.database, BASE)

    async def take(self, presence: Presence | None = None) -> None:
        await Queue(self.world.database, self.arrivals(presence).lane()).drain()

    def arrivals(self, presence: Presence | None = None) -> Arrivals:
        return Arrivals(self.world.database, self._book, presence or self.presence)

    def sender(self, presence: Presence | None = None) -> Sender[deliveries.Letter]:
        carry = deliveries.courier(self.world.database.allowed)
        return Sender(
            self.world.database, self._book, presence or self.presence, deliveries.Deliveries(), carry
        )

    async def react(self) -> None:
        await Queue(
            self.world.database, Outbox(self.world.database, reactions.REACTIONS, self._book).lane()
        ).drain()

    async def work(self) -> None:
        await self.take()
        await self.react()
        await Queue(self.world.database, self.sender().lane()).drain()

    async def test(self) -> None:
        carry = deliveries.courier(self.world.database.allowed, once=True)
        sender = Sender(self.world.database, self._book, self.presence, deliveries.Tests(), carry)
        await Queue(self.world.database, sender.lane()).drain()

    async def hurry(self, table: str = "text_deliveries") -> None:
        await self.world.rows(
            f"update {table} set due_datetime = now() where account_id = $1 and due_datetime is not null returning 1"
        )

    async def say(self, text: str = "Where is my order?", sid: str = "SM" + "1" * 32, **more: str) -> int:
        """A customer's text, taken; its ticket."""
        answer = await self.twilio(
            {"MessageSid": sid, "From": THEIRS, "To": OURS, "Body": text, "NumMedia": "0", **more}
        )
        assert answer.status == 200
        await self.take()
        rows = await self.world.rows(
            "select ticket_id from messages where account_id = $1 and message_id = $2", sid
        )
        return rows[0]["ticket_id"]  # type: ignore[no-any-return]

    async def answer(self, ticket_id: int, **more: Any) -> Any:
        """An agent's message; as it is stored at once."""
        body = {
            "channel": "sms", "via": "helpdesk", "from_agent": True, "body_text": "On its way.",
            "sender": {"id": self.world.leo.user_id}, **more,
        }  # fmt: skip
        made = await self.world.leo.post(f"/api/tickets/{ticket_id}/messages", body)
        assert made.status == 201, made.raw
        return made.json

    async def message(self, made: Any) -> Any:
        return (await self.world.leo.get(f"/api/tickets/{made['ticket_id']}/messages/{made['id']}")).json

    async def states(self, ticket_id: int) -> Sequence[str]:
        async with reading(self.world.database, self.world.account, SYSTEM) as work:
            return list((await deliveries.states(work, ticket_id)).values())

    async def shown(self, name: str = "sms") -> numbers.Shown:
        async with reading(self.world.database, self.world.account, SYSTEM) as work:
            return await numbers.get(work, self.ids[name])


@asynccontextmanager
async def opened(world: World) -> AsyncIterator[Texts]:
    """A shop whose providers listen; nothing of other tests waits."""
    database = world.database
    peer = Peer()
    app = web.Application(client_max_size=30_000_000)
    app.router.add_post("/{path:.*}", peer.post)
    app.router.add_get("/{path:.*}", peer.get)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    before, database.allowed = database.allowed, Allowed(["127.0.0.1/32"])
    for table in ("outbox", "text_deliveries", "text_arrivals"):
        await world.rows(f"delete from {table} where $1 > 0 returning 1")
    presence = Presence(database)
    await presence.open()
    try:
        yield Texts(world, peer, presence, TextDoor(database, BASE))
    finally:
        peer.released.set()
        database.allowed = before
        await presence.close()
        await runner.cleanup()
