"""The workspace behind a real server, with the API beside it as in the composition, and a browser."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

import aiohttp
import pytest
import uvicorn
import yarl
from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Page, async_playwright, expect

from polus.api.app import Api
from polus.api.downloads import Downloads
from polus.api.table import OPERATIONS
from polus.base import crypto
from polus.desk import integrations, sessions
from polus.desk.accounts import Book
from polus.due import Due
from polus.oauth.door import Door
from polus.store.database import Database
from polus.store.queue import Queue
from polus.store.work import SYSTEM, writing
from polus.web.site import Site
from tests import world as worlds

# The shell is the same engine without the windows around it: four tenths less work.
INSTALLED = ("/usr/lib/chromium/chromium-headless-shell", "/usr/bin/chromium")
EXECUTABLE = os.environ.get("POLUS_TEST_CHROMIUM") or next(filter(os.path.exists, INSTALLED), INSTALLED[-1])
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
Enter = Callable[..., Awaitable[Page]]
# Patience costs nothing when all is well, and a busy machine is no fault of the page.
expect.set_options(timeout=40_000)
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
async def house(database: Database) -> AsyncIterator[tuple[str, Site]]:
    """The address of a server that serves workspace and API, and the workspace itself."""
    site, api, downloads = Site(database), Api(database, OPERATIONS, rate_limit=0), Downloads(database)  # fmt: skip
    oauth = Door(database)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"]
        door: Any = api if path.startswith("/api/") else downloads if path.startswith("/files/") else site
        door = oauth if oauth.owns(path) else door
        await door(scope, receive, send)

    listener = socket.create_server(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", http="httptools"))
    task = asyncio.create_task(running.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    worlds.applications[url] = app
    yield url, site
    del worlds.applications[url]
    site.close()
    running.should_exit = True
    await task


@pytest.fixture
async def shop(database: Database, http: Any, house: tuple[str, Site]) -> worlds.World:
    """A shop of this test's own on the server with the workspace; `ada` and `oda` have a password."""
    made = await worlds.make(database, http, house[0])
    await made.rows("delete from buckets where key like 'login from %' and $1 > 0 returning key")
    hashed = await crypto.hash_password(PASSWORD)
    for client in (made.ada, made.oda):
        await made.rows("update users set password_hash = $3 where account_id = $1 and id = $2 returning id", client.user_id, hashed)  # fmt: skip
    return made


async def addressed(shop: worlds.World) -> str:
    """The shop has an e-mail address, from which mails of the helpdesk itself go out."""
    address = f"help@{shop.account.domain}.example"
    async with writing(shop.database, shop.account, SYSTEM) as work:
        await integrations.add_email(work, address, "Help")
    return address


async def send_planned(shop: worlds.World) -> None:
    """What waits to be sent is due now, and the worker does it."""
    await shop.rows("update planned set due_datetime = now() where account_id = $1 returning id")
    await Queue(shop.database, Due(shop.database, Book(shop.database, ""), "planned").lane()).drain()


@dataclass
class Reply:
    """What a browser without script got."""

    status: int
    headers: Any
    text: str
    cookies: SimpleCookie
    raw: bytes = b""


class Browser:
    """A browser without script: follows nothing, keeps cookies by hand so that tests see them."""

    def __init__(self, http: aiohttp.ClientSession, url: str, host: str) -> None:
        self.http, self.url, self.host = http, url, host
        self.cookies: dict[str, str] = {}

    async def send(self, method: str, path: str, form: Any = None, **headers: str) -> Reply:
        sent = {"Host": self.host} | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with self.http.request(method, yarl.URL(self.url + path, encoded=True), data=form, headers=sent, allow_redirects=False) as response:  # fmt: skip
            for name, cookie in response.cookies.items():
                self.cookies[name] = cookie.value
                if cookie["max-age"] == "0":
                    del self.cookies[name]
            raw = await response.read()
            return Reply(
                response.status, response.headers, raw.decode("utf-8", "replace"), response.cookies, raw
            )

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.send("GET", path, **headers)

    async def post(self, path: str, form: dict[str, Any] | None = None, **headers: str) -> Reply:
        return await self.send("POST", path, form or {}, **headers)

    async def token(self, path: str = "/inbox/open") -> str:
        """The token of the forms on a page."""
        page = (await self.get(path)).text
        return page.split('name="csrf" value="')[1].split('"')[0]

    async def log_in(self, email: str, password: str = PASSWORD, **fields: str) -> Reply:
        token = await self.token("/login")
        return await self.post("/login", {"csrf": token, "email": email, "password": password} | fields)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Connections that keep no cookies of their own."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


@pytest.fixture
def browser(http: aiohttp.ClientSession, house: tuple[str, Site], shop: worlds.World) -> Browser:
    """Somebody who is not logged in yet."""
    return Browser(http, house[0], shop.ada.host)


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Chromium]:
    if not os.path.exists(EXECUTABLE):
        pytest.skip("needs Chromium: apt-get install chromium, or name one in POLUS_TEST_CHROMIUM")
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=EXECUTABLE, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def enter(chromium: Chromium, shop: worlds.World) -> AsyncIterator[Enter]:
    """Opens browsers in which somebody has logged in. At the end none has said a word to its console."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def heard(text: str) -> None:
        # That a test has pulled the plug is the browser's to say.
        if "ERR_INTERNET_DISCONNECTED" not in text:
            said.append(text)

    async def open(email: str = "", at: str = "/inbox/open", **options: Any) -> Page:
        context = await chromium.new_context(**{"viewport": {"width": 1440, "height": 900}} | options)
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(40_000)
        page.on("console", lambda message: heard(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        async with writing(shop.database, shop.account, SYSTEM) as work:
            person = await sessions.candidate(work, email or shop.ada.email)
            assert person
            token = await sessions.open(work, person)
        await context.add_cookies([{"name": "polus", "value": token, "url": f"http://{shop.ada.host}/"}])
        await page.goto(f"http://{shop.ada.host}{at}")
        if options.get("java_script_enabled", True) and at.startswith("/inbox"):
            await expect(page.locator("#live")).to_be_visible()
        return page

    yield open
    for context in contexts:
        await context.close()
    assert not said, "\n".join(said)
