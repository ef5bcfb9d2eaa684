"""The live stream: who hears what, and when it ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from polus.web.site import Site
from tests import make
from tests import world as worlds
from tests.web.conftest import Browser

PATIENCE = 30.0  # costs nothing when all is well; a busy machine is no fault of the stream


@asynccontextmanager
async def listening(browser: Browser) -> AsyncIterator[Any]:
    """An open stream, past its greeting."""
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    async with browser.http.get(
        browser.url + "/live", headers={"Host": browser.host, "Cookie": cookie}
    ) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        yield stream.content


async def heard(stream: Any, kind: str) -> Any:
    """The data of the next event, which is of that kind."""
    async with asyncio.timeout(PATIENCE):
        while True:
            line = (await stream.readline()).decode().strip()
            if line.startswith("event: "):
                assert line == f"event: {kind}"
            if line.startswith("data: "):
                return json.loads(line[6:])


async def greeted(stream: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while await stream.readline() != b": hello\n":
            pass


async def test_changes_are_told_to_the_shop_alone(browser: Browser, shop: worlds.World, database: Any, http: Any, house: tuple[str, Site]) -> None:  # fmt: skip
    other = await worlds.make(database, http, house[0])
    await browser.log_in(shop.ada.email)
    async with listening(browser) as stream:
        await greeted(stream)
        await make.ticket(other)
        ticket = await make.ticket(shop)
        assert await heard(stream, "ticket") == {"id": ticket["id"]}


async def test_reading_is_told_to_the_reader_alone(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    other = Browser(browser.http, browser.url, browser.host)
    await other.log_in(shop.oda.email)
    ticket = await make.ticket(shop)
    async with listening(browser) as ada, listening(other) as oda:
        await greeted(ada)
        await greeted(oda)
        await browser.get(f"/inbox/open/{ticket['id']}")
        assert await heard(ada, "list") == {}
        await shop.ada.put(f"/api/tickets/{ticket['id']}", {"priority": "high"})
        assert await heard(oda, "ticket") == {"id": ticket["id"]}, "and nothing before it"


async def test_the_stream_ends_with_the_session(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    token = await browser.token()
    async with listening(browser) as stream:
        await greeted(stream)
        await browser.post("/logout", {"csrf": token})
        assert await heard(stream, "bye") == {}
        assert await stream.read() == b"\n"


async def test_a_stranger_is_told_to_log_in(browser: Browser) -> None:
    async with listening(browser) as stream:
        assert await heard(stream, "bye") == {}


@pytest.mark.parametrize("rings", [[("everything",)], [("ticket", 0, n) for n in range(600)]])
async def test_what_may_have_been_missed_is_fetched_anew(browser: Browser, shop: worlds.World, house: tuple[str, Site], rings: Any) -> None:  # fmt: skip
    await browser.log_in(shop.ada.email)
    async with listening(browser) as stream:
        await greeted(stream)
        mine = [(ring[0], shop.account.id, *ring[2:]) if len(ring) > 1 else ring for ring in rings]
        house[1].database.ring(*mine)
        assert await heard(stream, "everything") == {}
