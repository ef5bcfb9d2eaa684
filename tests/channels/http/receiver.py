"""Another system on loopback that HTTP integrations call, and the lane that calls it, for tests."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from polus.channels.http.dialling import Caller
from polus.channels.http.lines import Lines
from polus.desk.accounts import Book
from polus.reactions import table
from polus.reactions.outbox import Outbox
from polus.store.presence import Presence
from polus.store.queue import Queue
from tests.world import World

HOST = "hooks.test"  # allowed by the tests' database


@dataclass
class Got:
    """One call as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers as `answers` says for each call; keeps all calls."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    choose: Callable[[Got], int] | None = None
    gate: asyncio.Event | None = None
    at_once: int = 0
    most_at_once: int = 0

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    async def answer(self, request: web.Request) -> web.Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            got = Got(request.method, request.raw_path, dict(request.headers), await request.read())
            self.got.append(got)
            if self.gate is not None:
                await self.gate.wait()
            status = self.choose(got) if self.choose else self.status
            return web.Response(status=status, body=self.body, headers=self.headers)
        finally:
            self.at_once -= 1


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncIterator[Receiver]:
    """The receiver on a port of loopback."""
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", receiver.port)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def loopback(host: str, port: int) -> list[str]:
    """The tests' resolver."""
    if host != HOST:
        raise OSError("no such name")
    return ["127.0.0.1"]


@dataclass
class Shop:
    """A shop with a receiver, and the worker that calls it."""

    world: World
    receiver: Receiver
    lines: Lines

    async def connect(self, *triggers: str, **http: Any) -> int:
        """An integration that posts the whole context after these triggers; its id."""
        given = {
            "url": self.receiver.url + "/hook",
            "method": "POST",
            "form": "{{context}}",
            "triggers": dict.fromkeys(triggers, True),
            **http,
        }
        body = {"name": "Orders", "type": "http", "http": given}
        made = await self.world.ada.post("/api/integrations", body)
        assert made.status == 201, made.raw
        return made.json["id"]  # type: ignore[no-any-return]

    async def react(self) -> None:
        """Put the calls in line."""
        database = self.world.database
        await Queue(
            database, Outbox(database, table.REACTIONS, Book(database, "http://d.example")).lane()
        ).drain()

    async def call(self) -> None:
        """All calls that are due."""
        await Queue(self.world.database, self.lines.lane()).drain()

    async def run(self) -> None:
        """React, and call."""
        await self.react()
        await self.call()

    async def rows(self, columns: str = "*") -> list[Any]:
        """The deliveries."""
        return await self.world.rows(
            "select " + columns + " from http_deliveries where account_id = $1 order by id"
        )


@asynccontextmanager
async def opened(world: World) -> AsyncIterator[Shop]:
    """A shop whose receiver listens."""
    database = world.database
    presence = Presence(database)
    await presence.open()
    lines = Lines(database, Book(database, "http://d.example"), presence, Caller(database.allowed, loopback))
    await lines.open()
    try:
        async with listening(Receiver()) as receiver:
            yield Shop(world, receiver, lines)
    finally:
        await lines.close()
        await presence.close()
