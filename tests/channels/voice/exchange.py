"""A shop with a telephone number, and its provider on loopback: it calls our addresses, signed, and answers our requests.

Its forms have the fields of Twilio's published examples of voice requests and status callbacks.
"""

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree.ElementTree import Element, fromstring

from aiohttp import web

from polus.api.voice_door import VoiceDoor
from polus.base import clock
from polus.base.outbound import Allowed
from polus.channels import twilio
from polus.channels.voice import numbers
from polus.channels.voice.numbers import Account, Look, Number
from polus.channels.voice.orders import Orders
from polus.desk import presence
from polus.desk.accounts import Book
from polus.desk.voice import phones
from polus.store.queue import Queue
from polus.store.work import Actor, writing
from tests import direct
from tests.world import Client, World

BASE = "https://help.example"
SID = "AC" + "a1" * 16
TOKEN = "12345"
OURS, MIA = "+4930901820", "+491701234567"
AUDIO = b"ID3" + bytes(range(256)) * 8


@dataclass
class Peer:
    """The provider's API."""

    url: str = ""
    got: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    status: int = 0
    said: str = "Authenticate"
    audio: bytes = AUDIO
    sid: str = "CA" + "0f" * 16
    voice_url: str = ""

    async def answer(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"].startswith("Basic ")
        path = request.path.removeprefix(f"/2010-04-01/Accounts/{SID}/")
        self.got.append((request.method, path, dict(parse_qsl(await request.text()))))
        if self.status:
            return web.json_response({"code": 20003, "message": self.said}, status=self.status)
        if path == "Calls.json":
            return web.json_response({"sid": self.sid, "status": "queued"}, status=201)
        if path == "IncomingPhoneNumbers.json":
            return web.json_response(
                {"incoming_phone_numbers": [{"phone_number": OURS, "voice_url": self.voice_url}]}
            )
        if request.method == "DELETE":
            return web.Response(status=204)
        return web.Response(body=self.audio, content_type="audio/mpeg")


@dataclass
class Exchange:
    """The number, and all that the provider does with it."""

    world: World
    number: Number
    base_url: str
    peer: Peer
    door: VoiceDoor
    calls: int = 0
    greeted: list[str] = field(default_factory=list)
    children: dict[int, str] = field(default_factory=dict)

    def sid(self) -> str:
        self.calls += 1
        return f"CA{self.calls:032x}"

    def child(self, dial: Element) -> str:
        """The provider's name for the leg that this asked for."""
        return self.children.setdefault(id(dial), self.sid())

    async def post(
        self, target: str, given: dict[str, str], *, token: str = TOKEN, headers: dict[str, str] | None = None
    ) -> direct.Reply:
        """One signed request to an address of ours, or to a step of the number."""
        if not target.startswith("http"):
            target = self.number.address(self.base_url, target)
        parts = urlsplit(target)
        sent = {
            "Host": parts.netloc,
            "Content-Type": twilio.FORM,
            "X-Twilio-Signature": twilio.signature(token, target, list(given.items())),
        }
        body = urlencode(given).encode()
        return await direct.ask(self.door, sent | (headers or {}), "POST", parts.path, parts.query, body)

    async def ask(self, target: str, given: dict[str, str]) -> Element:
        """The answer to it, as the provider reads it."""
        reply = await self.post(target, given)
        assert reply.status == 200, reply.status
        assert reply.headers["Content-Type"].startswith("text/xml")
        return fromstring(reply.body)

    def form(self, sid: str, status: str, **more: str) -> dict[str, str]:
        """The fields that every voice request has."""
        return {
            "AccountSid": SID, "ApiVersion": "2010-04-01", "CallSid": sid, "CallStatus": status, "Direction": "inbound",
            "From": MIA, "FromCountry": "DE", "To": OURS, "ToCountry": "DE", "Called": OURS, "Caller": MIA, **more,
        }  # fmt: skip

    async def call(self, sid: str, **more: str) -> Element:
        """Somebody calls the number; what he hears after the greeting."""
        first = await self.ask("incoming", self.form(sid, "ringing", **more))
        if [verb.tag for verb in first][-2:] == ["Say", "Redirect"]:
            self.greeted = [verb.text or "" for verb in first.iter("Say")]
            return await self.ask(first.findtext("Redirect") or "", self.form(sid, "in-progress", **more))
        return first

    async def leg(self, dial: Element, sid: str, status: str, **more: str) -> None:
        """How the telephone at the other end fares."""
        child = self.child(dial)
        number = dial.find("Number")
        assert number is not None
        form = self.form(
            child, status, ParentCallSid=sid, Direction="outbound-dial", To=number.text or "", **more
        )
        await self.ask(number.attrib["statusCallback"], form)

    async def pick_up(self, dial: Element, sid: str, digit: str = "1") -> Element:
        """The agent picks up and presses a key; what he is told then."""
        await self.leg(dial, sid, "ringing", SequenceNumber="1")
        child = self.child(dial)
        number = dial.find("Number")
        assert number is not None
        told = await self.ask(number.attrib["url"], self.form(child, "in-progress"))
        gather = told.find("Gather")
        assert gather is not None
        return await self.ask(gather.attrib["action"], self.form(child, "in-progress", Digits=digit))

    async def over(self, dial: Element, sid: str, outcome: str, **more: str) -> Element:
        """The other end does not ring or talk any more."""
        form = self.form(sid, more.pop("CallStatus", "in-progress"), DialCallStatus=outcome, **more)
        return await self.ask(dial.attrib["action"], form | {"DialCallSid": self.child(dial)})

    async def hang_up(self, sid: str, seconds: int = 42, status: str = "completed", **more: str) -> None:
        """The provider tells that the call is over."""
        form = self.form(
            sid, status, CallDuration=str(seconds), Timestamp=format_datetime(clock.now()), **more
        )
        await self.ask("status", form)

    async def look(self, **changed: Any) -> None:
        """Other settings."""
        look = Look(**{"greeting": "Welcome to the shop.", **changed})
        async with writing(self.world.database, self.world.account, Actor("user", None, "admin")) as work:
            await numbers.change(work, self.number, "Shop", look, Account(account_sid=SID, api=self.peer.url))

    async def at_work(self, *people: Client) -> None:
        """They sit there, each with a telephone of his own."""
        for client in people:
            await presence.seen(self.world.database, self.world.account.id, client.user_id, clock.now())
            async with writing(self.world.database, self.world.account, Actor("system")) as work:
                await phones.choose(work, client.user_id, f"+4930{1000000 + client.user_id}")

    def telephone(self, client: Client) -> str:
        return f"+4930{1000000 + client.user_id}"

    async def earlier(self, seconds: int) -> None:
        """So much time goes by for the calls that there are."""
        back = datetime.timedelta(seconds=seconds)
        for table, columns in (
            ("voice_lines", ("since", "queued_datetime", "heard_datetime")),
            ("voice_call_events", ("created_datetime",)),
            ("voice_calls", ("created_datetime", "started_datetime")),
            ("voice_orders", ("due_datetime", "created_datetime")),
        ):
            settings = ", ".join(f"{column} = {column} - $2::interval" for column in columns)
            await self.world.rows(f"update {table} set {settings} where account_id = $1", back)

    async def work(self) -> None:
        """The worker does what is ordered."""
        database = self.world.database
        await Queue(database, Orders(database, Book(database, BASE)).lane()).drain()

    async def the_call(self) -> Any:
        """The newest call as the API shows it."""
        return (await self.world.leo.get("/api/phone/voice-calls")).json["data"][0]

    async def events(self, call_id: int) -> list[tuple[str, int | None]]:
        """What happened in it, as the API shows it."""
        listed = await self.world.leo.get("/api/phone/voice-call-events", call_id=call_id, limit=100)
        return [(event["type"], event["user_id"]) for event in listed.json["data"]]

    async def kinds(self, call_id: int) -> list[str]:
        return [kind for kind, _ in await self.events(call_id)]


@asynccontextmanager
async def opened(world: World) -> AsyncIterator[Exchange]:
    """A connected number; our server may reach the provider on loopback."""
    peer, database, before = Peer(), world.database, world.database.allowed
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", peer.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    peer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    database.allowed = Allowed(["127.0.0.1/32"])
    await world.rows(
        "update account_settings set data = '{}' where account_id = $1 and type = 'business-hours'"
    )
    try:
        given = Account(account_sid=SID, auth_token=TOKEN, api=peer.url)
        async with writing(database, world.account, Actor("user", world.ada.user_id, "admin")) as work:
            number_id = await numbers.add(work, "Shop", "+49 30 901820", given)
            number = await numbers.get(work, number_id)
        base_url = (await Book(database, BASE).account(world.account.id)).base_url
        exchange = Exchange(world, number, base_url, peer, VoiceDoor(database, BASE))
        await exchange.look()
        yield exchange
    finally:
        database.allowed = before
        await runner.cleanup()
