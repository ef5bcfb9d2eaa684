"""Every guide in docs/guides is followed to its end, and what it promises has happened."""

import asyncio
import re
import socket
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from polus.base import clock
from polus.channels.http import requests as calls
from polus.channels.http.dialling import Caller
from polus.channels.http.lines import Lines
from polus.desk.accounts import Book
from polus.desk.apps import reviews
from polus.desk.scopes import SCOPES
from polus.reactions import table
from polus.reactions.outbox import Outbox
from polus.store.presence import Presence
from polus.store.queue import Queue
from polus.store.work import SYSTEM, writing
from tests import installs, make
from tests.channels.http.receiver import loopback
from tests.guides.conftest import GUIDES, Guide
from tests.installs import App
from tests.web.conftest import Browser
from tests.world import World

Setting = Callable[..., None]


async def test_overview(shop: World, setting: Setting) -> None:
    await make.ticket(shop, subject="A parcel")
    setting()
    guide = Guide("overview.md")
    await guide.follow()
    assert guide.said[0] == "I am Ada Agent and my role is admin"
    assert guide.said[1].endswith("open A parcel")
    assert guide.said[-1].startswith("400 {'msg': 'Failed to create tag', 'data': {'name': ['Missing data")
    guide.close()


async def test_private_app(shop: World, setting: Setting) -> None:
    hurried = await make.ticket(shop, subject="URGENT: my parcel")
    await make.ticket(shop, subject="No hurry at all")
    await make.ticket(shop, subject="Urgent, and closed", status="closed")
    setting(POLUS_EMAIL=shop.lia.email, POLUS_KEY=shop.lia.key)
    guide = Guide("private-app.md")
    await guide.follow()
    assert guide.said == [f"In a hurry: [{hurried['id']}]", "Again: []"]
    ticket = (await shop.lia.get(f"/api/tickets/{hurried['id']}")).json
    assert [tag["name"] for tag in ticket["tags"]] == ["hurry"]
    assert [message["channel"] for message in ticket["messages"]] == ["email", "internal-note"]
    guide.close()


async def test_scopes(shop: World, setting: Setting) -> None:
    text = (GUIDES / "scopes.md").read_text()
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([^`]+)`", row)} == set(SCOPES)
    app = await installs.register(shop)
    setting(ACCESS_TOKEN=(await installs.connect(shop, app, "tags:read"))["access_token"])
    guide = Guide("scopes.md")
    await guide.follow()
    assert guide.said == [
        "200",
        "403 The access token does not have the required scope: tags:write.",
        "Ask for: ['tags:write']",
        shop.ada.email,
    ]
    guide.close()


async def consent(browser: Browser, address: str) -> str:
    """Where the browser of somebody who is logged in is sent when he presses Connect."""
    path = "/oauth/authorize?" + urlsplit(address).query
    assert (await browser.get(path)).status == 200
    given = {"csrf": await browser.token(path), "request": urlsplit(path).query, "decision": "allow"}
    return str((await browser.post("/oauth/authorize", given)).headers["Location"])


async def test_oauth2(shop: World, browser: Browser, setting: Setting) -> None:
    app = await installs.register(shop)
    setting(CLIENT_ID=app.id, CLIENT_SECRET=app.secret, REDIRECT_URL=installs.CALLBACK)
    await browser.log_in(shop.ada.email)
    loop = asyncio.get_running_loop()

    def person(_question: str) -> str:
        address = guide.said[-1].removeprefix("Open ")
        return asyncio.run_coroutine_threadsafe(consent(browser, address), loop).result(60)

    guide = Guide("oauth2.md", person)
    await guide.follow()
    assert guide.said[1:] == [
        "Bearer openid email offline tags:read for 86400 seconds",
        "5 tags",
        f"Connected by {shop.ada.email} for account {shop.account.id}",
        "Ada Agent",
        "200",
        "401",
    ]
    guide.close()


async def test_good_app(shop: World, setting: Setting) -> None:
    text = " ".join((GUIDES / "good-app.md").read_text().split())
    for point in reviews.CHECKLIST.values():
        assert f"**{point}**" in text
    setting()
    guide = Guide("good-app.md")
    await guide.follow()
    assert guide.said[0].startswith("200 ")
    moment = int(clock.now().timestamp())
    signature = calls.signatures("secret", b"{}", moment)["X-Polus-Signature"]
    genuine = guide.at["is_genuine"]
    assert genuine("secret", b"{}", signature)
    assert not genuine("secret", b"{ }", signature)
    assert not genuine("other", b"{}", signature)
    assert not genuine("secret", b"{}", signature, moment + 301)
    guide.close()


async def test_tickets_per_channel(shop: World, setting: Setting) -> None:
    address = f"help@{shop.account.domain}.example"
    await make.address(shop, address)
    setting(HELP_ADDRESS=address)
    guide = Guide("tickets-per-channel.md")
    await guide.follow()
    made = await shop.rows("select channel, status from tickets where account_id = $1 order by id")
    assert [row["channel"] for row in made] == [
        "email", "email", "api", "chat", "phone", "sms", "contact_form", "help-center", "facebook",
        "instagram-direct-message", "twitter", "whatsapp", "yotpo-review", "aircall", "my-forum", "internal-note",
        "email",
    ]  # fmt: skip
    people = await shop.rows("select distinct customer_id from tickets where account_id = $1")
    assert len(people) == 1, "all of them Mia"
    assert guide.said[-1] == "2024-05-06T07:08:09+00:00 closed"
    sent = [guide.at[name]["messages"][0]["sent_datetime"] for name in ("mail", "outgoing", "old")]
    assert [moment is None for moment in sent] == [False, True, False], "one is on its way out"
    guide.close()


async def test_messages_and_notes(shop: World, setting: Setting) -> None:
    address = f"help@{shop.account.domain}.example"
    await make.address(shop, address)
    setting(HELP_ADDRESS=address)
    guide = Guide("messages-and-notes.md")
    await guide.follow()
    assert guide.said[:4] == [
        "Ada Agent writes to mia@example.com",
        "2026-01-05T10:00:00+00:00",
        "mia@example.com open",
        f"False {shop.ada.email}",
    ]
    assert "'sender'" in guide.said[4]
    assert guide.said[5] == "label.txt"
    assert sorted(line.split(" · ")[0] for line in guide.said[6:]) == ["agent"] * 4 + ["customer"] * 2
    guide.close()


async def test_integrations_and_widgets(shop: World, setting: Setting) -> None:
    app = await installs.register(shop)
    token = await installs.connect(shop, app, "integrations:read integrations:write customers:write")
    setting(ACCESS_TOKEN=token["access_token"])
    guide = Guide("integrations-and-widgets.md")
    await guide.follow()
    assert guide.said[0].endswith(" belongs to " + app.id)
    assert guide.said[2:] == [f"202 {app.id}", "1 there"]
    rows = await shop.rows("select external_data, data from customers where account_id = $1")
    assert "gold" in str([tuple(row) for row in rows])
    guide.close()


@pytest.fixture
def port() -> int:
    """One that nobody uses at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def test_receive_events(shop: World, setting: Setting, port: int, subscribed: None) -> None:
    setting(HOOK_SECRET="not told", HOOK_PORT=str(port), HOOK_URL=f"http://hooks.test:{port}/")
    guide = Guide("receive-events.md")
    while not guide.pieces[0].startswith("for delivery"):
        await guide.step()
    await deliver(shop)
    await guide.follow()
    number = guide.at["created"]["id"]
    assert sorted(guide.said[:2]) == [
        f"ticket-created ticket {number} · Where is order 1001?",
        f"ticket-message-created ticket {number} · Where is order 1001?",
    ]
    assert guide.said[2:] == ["[{'number': 1001, 'status': 'on its way'}]", "2 deliveries"]
    guide.close()


async def test_new_channel(
    shop: World, browser: Browser, setting: Setting, port: int, subscribed: None
) -> None:
    """Both directions of a forum: nothing twice, an agent's answer from the workspace, one that the forum refuses."""
    setting(HOOK_SECRET="not told", HOOK_PORT=str(port), HOOK_URL=f"http://hooks.test:{port}/")
    guide = Guide("new-channel.md")
    known = await shop.lia.post("/api/customers", {"email": "mia@example.com", "name": "Mia Meyer"})
    while not guide.pieces[0].startswith("deliver()"):
        await guide.step()
    assert guide.said == ["hat-forum 2 messages of Mia Meyer"]
    number = guide.at["ticket"]["id"]
    # An agent answers where the customer wrote.
    await browser.log_in(shop.ada.email)
    page = (await browser.get(f"/inbox/all/{number}")).text
    assert '<option value="hat-forum"' in page or 'name="channel" value="hat-forum"' in page
    form = {
        "csrf": await browser.token("/settings"),
        "mode": "reply",
        "channel": "hat-forum",
        "body": "Anything else?",
    }
    assert (await browser.post(f"/tickets/{number}/messages", form)).status < 400
    note = {"channel": "internal-note", "from_agent": True, "body_text": "A good customer."}
    assert (await shop.lia.post(f"/api/tickets/{number}/messages", note)).status == 201
    await deliver(shop)
    await guide.step()
    assert guide.said[-1] == "['Anything else?', 'Yes, in blue and in 58.']"
    await guide.step()
    await deliver(shop)
    await guide.follow()
    assert guide.said[2:] == [
        "False p1 ", "False p2 ", "True p100 ", "True p101 ", "True None ", "True None failed",
    ]  # fmt: skip
    ticket = (await shop.ada.get(f"/api/tickets/{number}")).json
    assert (await shop.ada.get("/api/tickets")).json["data"][0]["last_sent_message_not_delivered"] is True
    assert ticket["messages"][3]["source"] == {
        "type": "hat-forum", "to": [{"name": "mia_m", "address": "mia_m"}], "from": {"name": "Hat forum", "address": "t77"},
    }  # fmt: skip
    customer = (await shop.ada.get(f"/api/customers/{known.json['id']}")).json
    assert sorted(one["type"] for one in customer["channels"]) == ["email", "hat-forum"]
    guide.close()


async def deliver(shop: World) -> None:
    """What the worker does with what has happened."""
    database = shop.database
    book = Book(database, "http://d.example")
    presence = Presence(database)
    await presence.open()
    lines = Lines(database, book, presence, Caller(database.allowed, loopback))
    await lines.open()
    await Queue(database, Outbox(database, table.REACTIONS, book).lane()).drain()
    await Queue(database, lines.lane()).drain()
    await lines.close()
    await presence.close()


async def test_public_app(shop: World, browser: Browser, setting: Setting, port: int) -> None:
    """Registered, run, previewed and handed in, as the page says; then everybody finds it."""
    await browser.log_in(shop.ada.email)
    here = f"http://127.0.0.1:{port}"
    fields = {
        "name": "Tagger",
        "app_url": here + "/",
        "redirect_urls": here + "/back",
        "description": "Tags.",
    }
    made = await browser.post("/settings/developers/new", {"csrf": await browser.token("/settings")} | fields)
    app = App(*(re.findall(pattern, made.text)[0] for pattern in (r"<code>([0-9a-f]{24})<", r'id="client-secret">(\w+)<')))  # fmt: skip
    helpdesks = "http://{account}.localhost:" + shop.ada.host.rsplit(":", 1)[1]
    setting(CLIENT_ID=app.id, CLIENT_SECRET=app.secret, APP_URL=here, HELPDESKS=helpdesks)
    guide = Guide("public-app.md")
    await guide.follow()
    page = (await browser.get(f"/settings/developers/{app.id}")).text
    preview = re.findall(rf'href="({here}/\?account=[^"]+)"', page)[0]
    asked = await asyncio.to_thread(first_step, preview)
    back = await consent(browser, asked)
    assert back.startswith(here + "/back?")
    assert (await asyncio.to_thread(fetch, back)) == "Ready. You may close this page."
    assert "from-the-app" in [tag["name"] for tag in (await shop.ada.get("/api/tags")).json["data"]]
    form = [("csrf", await browser.token("/settings")), ("test_instructions", "Press Preview.")]
    form += [("checklist", point) for point in reviews.CHECKLIST]
    assert (await browser.send("POST", f"/settings/developers/{app.id}/submit", form)).status == 303
    assert await shop.rows("select 1 from app_versions v join apps a on a.id = v.app_id where a.account_id = $1 and v.status = 'submitted'")  # fmt: skip
    async with writing(shop.database, shop.account, SYSTEM) as work:
        await reviews.approve(work, app.id)
    gallery = (await browser.get("/settings/apps/gallery")).text
    assert f'href="{preview}"' in gallery
    guide.at["server"].shutdown()
    guide.at["server"].server_close()
    assert list(guide.at["connected"]) == [shop.account.domain]


def first_step(address: str) -> str:
    """Where the app's own page sends the browser."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_arguments: Any) -> None:
            """Not followed."""

    try:
        urllib.request.build_opener(Stay).open(address, timeout=30)
    except urllib.error.HTTPError as redirect:
        with redirect:
            return str(redirect.headers["Location"])
    raise AssertionError("no redirect")


def fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return str(answer.read().decode())


def test_every_guide_is_listed_and_followed() -> None:
    pages = {page.name for page in GUIDES.glob("*.md")} - {"README.md"}
    listed = set(re.findall(r"\]\(([a-z0-9-]+\.md)\)", (GUIDES / "README.md").read_text()))
    followed = {
        name.removeprefix("test_").replace("_", "-") + ".md" for name in globals() if name.startswith("test_")
    }
    assert pages == listed
    assert pages <= followed
