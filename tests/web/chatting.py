"""A shop's page that talks to the chat, and what tests of the chat do on the agents' side."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import uvicorn

from polus.channels.chat import chats
from polus.channels.chat.chats import Look
from polus.desk.accounts import Book
from polus.reactions import deliver, surveys
from polus.reactions.outbox import Outbox
from polus.reactions.table import Reaction
from polus.store import work as works
from polus.store.queue import Queue
from polus.store.work import SYSTEM, Subscription, writing
from polus.web.site import Site
from tests import world as worlds

ON = ("ticket-message-created",)


@dataclass
class Visitor:
    """A page of a shop that talks to the chat as a browser does."""

    http: aiohttp.ClientSession
    url: str
    host: str
    key: str
    token: str = ""
    origin: str = "https://shop.example"

    async def send(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        headers = {"Host": self.host, "Origin": self.origin, **more.pop("headers", {})}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        address = f"{self.url}/chat/{self.key}{path}"
        async with self.http.request(method, address, data=data, headers=headers, **more) as answer:
            raw = await answer.read()
            return answer.status, json.loads(raw) if raw else None

    async def arrive(self, **person: str) -> Any:
        status, told = await self.send("POST", "/visitors", person)
        assert status == 201, told
        self.token = told["token"]
        return told

    async def say(self, text: str, id: str = "line-0001", **more: Any) -> Any:
        status, line = await self.send("POST", "/lines", {"id": id, "text": text, **more})
        assert status == 201, line
        return line

    async def lines(self) -> list[Any]:
        status, told = await self.send("GET", "/lines")
        assert status == 200, told
        return [(line["mine"], line["text"]) for line in told["lines"]]


@pytest.fixture
async def visitor(
    http: aiohttp.ClientSession,
    house: tuple[str, Site],
    shop: worlds.World,
) -> AsyncIterator[Visitor]:
    await shop.rows(
        "delete from account_settings where account_id = $1 and type = 'business-hours' returning id"
    )
    yield Visitor(http, house[0], shop.ada.host, await chat(shop))
    await shop.rows("delete from buckets where key like 'chat %' and $1 > 0 returning key")


@pytest.fixture
def subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents' messages lead to their delivery, as in a running helpdesk, and closed tickets to the question."""
    for kind in surveys.ON:
        monkeypatch.setitem(works.subscriptions, kind, (Subscription("surveys"),))
    for kind in ON:
        monkeypatch.setitem(works.subscriptions, kind, (Subscription("deliver", told),))


def told(data: Any) -> bool:
    return bool(data.get("from_agent"))


async def chat(shop: worlds.World, **look: Any) -> str:
    async with writing(shop.database, shop.account, SYSTEM) as work:
        await chats.add(work, "Shop chat", Look(**look))
        return (await chats.KIND.all_of(work))[-1].key


async def delivered(shop: worlds.World) -> None:
    """What a worker does of it."""
    listed = [Reaction("deliver", ON, deliver.run, when=told), Reaction("surveys", surveys.ON, surveys.run)]
    book = Book(shop.database, "http://x.example")
    await Queue(shop.database, Outbox(shop.database, listed, book).lane()).drain()


async def answer(shop: worlds.World, ticket_id: int, text: str) -> int:
    body = {
        "channel": "chat",
        "via": "helpdesk",
        "from_agent": True,
        "body_text": text,
        "sender": {"id": shop.leo.user_id},
    }
    made = await shop.leo.post(f"/api/tickets/{ticket_id}/messages", body)
    assert made.status == 201, made.raw
    await delivered(shop)
    return made.json["id"]  # type: ignore[no-any-return]


async def tickets(shop: worlds.World) -> list[Any]:
    return (await shop.ada.get("/api/tickets")).json["data"]  # type: ignore[no-any-return]


@contextlib.asynccontextmanager
async def pages(html: str) -> AsyncIterator[str]:
    """A shop's own server, another origin."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            # A strict shop: only what the widget really needs.
            (
                b"content-security-policy",
                b"default-src 'none'; script-src http:; connect-src http:; img-src http: data:",
            ),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": html.encode()})

    listener = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    task = asyncio.create_task(running.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        running.should_exit = True
        await task
        listener.close()


def shop_page(host: str, key: str) -> str:
    """A shop's page with the chat of the helpdesk at `host`."""
    return (
        "<!doctype html><html lang=en><link rel=icon href=data:,><title>Shop</title><h1>Hats</h1>"
        f'<script src="http://{host}/chat/widget.js" data-key="{key}" async></script>'
    )
