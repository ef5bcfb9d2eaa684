"""What strangers try at the open doors, beside what the tests of each door promise already."""

import asyncio
import io
import re
import time

import aiohttp
import pytest

from polus.desk.accounts import Book
from polus.desk.hosts import Hosts
from polus.web.site import Site
from tests import make
from tests import world as worlds
from tests.web.chatting import Visitor, tickets, visitor
from tests.web.conftest import Browser, addressed
from tests.web.test_contact import form, token

__all__ = ["visitor"]


@pytest.fixture
async def at_home(
    house: tuple[str, Site], shop: worlds.World, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    """The server knows its address; that of the shop, and a host name that a stranger calls it by."""
    hosts = Hosts(shop.database, "https://desk.example")
    monkeypatch.setattr(house[1], "hosts", hosts)
    monkeypatch.setattr(house[1].chat, "_hosts", hosts)
    known = await Book(shop.database, "https://desk.example").account(shop.account.id)
    return known.base_url, f"{shop.account.domain}.evil.example"


async def test_a_link_to_a_new_password_leads_home_whatever_host_a_stranger_names(
    browser: Browser, shop: worlds.World, at_home: tuple[str, str]
) -> None:
    home, browser.host = at_home
    await addressed(shop)
    page = "/login/forgotten"
    sent = await browser.post(page, {"csrf": await browser.token(page), "email": shop.ada.email})
    assert sent.status == 200
    [[mail]] = await shop.rows("select body_text from notices where account_id = $1")
    assert re.findall(r"https?://[^/\s]+", mail) == [home + ".", home]


async def test_files_of_strangers_are_stored_under_our_own_address(
    browser: Browser, shop: worlds.World, visitor: Visitor, at_home: tuple[str, str]
) -> None:
    """Programs fetch attachments with their API key: an address of the stranger's would get it."""
    home, browser.host = at_home
    visitor.host = browser.host
    body, key = aiohttp.FormData(), await form(shop)
    for name, value in (("token", await token(shop, key)), ("email", "mia@example.com"), ("text", "See.")):
        body.add_field(name, value)
    body.add_field("files", b"hello", filename="hat.txt", content_type="text/plain")
    assert (await browser.send("POST", f"/forms/{key}", body)).status == 200
    await visitor.arrive()
    _, made = await visitor.send("POST", "/files?name=hat.txt", b"hello")
    url = made["url"].replace(visitor.host, "thief.example")
    said = [await visitor.say("See.", files=[url]) for _ in range(2)]
    for line in said:
        line.pop("files")  # their addresses are signed anew each time
    assert said[0] == said[1]
    stored = [file["url"] for ticket in await tickets(shop) for file in
        (await shop.ada.get(f"/api/tickets/{ticket['id']}")).json["messages"][0]["attachments"]]  # fmt: skip
    assert [one.startswith(f"{home}/api/attachment/download/") for one in stored] == [True, True]


async def test_addresses_that_the_database_could_not_read(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    for page in ("/customers?search=mi%00a", "/settings/users?search=%0%0000", "/survey/x?score=%00"):
        assert (await browser.get(page)).status < 500
    browser.host = "[::1"
    assert (await browser.get("/login")).status < 500


async def test_a_form_of_nothing_but_marks_is_refused_at_once(browser: Browser, shop: worlds.World) -> None:
    key = await form(shop)
    for page in ("/login", f"/forms/{key}"):
        begun = time.process_time()
        sent = await browser.send(
            "POST", page, io.BytesIO(b"&" * 20_000_000), Content_Type="application/x-www-form-urlencoded"
        )
        assert sent.status == 400
        assert time.process_time() - begun < 3, "a microsecond for each mark would be more than ten seconds"


async def test_an_answer_goes_where_the_customer_asked_for_it(browser: Browser, shop: worlds.World) -> None:
    """Forms of shops write themselves and name the customer in Reply-To."""
    await make.address(shop)
    mail = make.mail(meta={"reply_to": "kim@example.com"})
    given = {"messages": [mail], "customer": {"email": "kim@example.com"}}
    ticket = (await shop.ada.post("/api/tickets", given)).json["id"]
    await browser.log_in(shop.ada.email)
    to = (await browser.get(f"/inbox/all/{ticket}")).text.split('name="to"')[1].split(">")[0]
    assert "kim@example.com" in to
    assert "mia@example.com" not in to


async def test_an_answer_that_is_sent_twice_at_once_is_one(browser: Browser, shop: worlds.World) -> None:
    """Without script nothing keeps a hand from a second click."""
    await make.address(shop)
    given = {"messages": [make.mail()], "customer": {"email": "mia@example.com"}}
    ticket = (await shop.ada.post("/api/tickets", given)).json["id"]
    await browser.log_in(shop.ada.email)
    page = (await browser.get(f"/inbox/all/{ticket}")).text
    fields = {name: page.split(f'name="{name}" value="')[1].split('"')[0] for name in ("csrf", "seen")}
    fields |= {"mode": "reply", "channel": "email", "to": "mia@example.com", "view": "all"}
    sent = [browser.post(f"/tickets/{ticket}/messages", fields | {"body": "It left."}) for _ in range(2)]
    assert [one.status for one in await asyncio.gather(*sent)] == [303, 303]
    other = await browser.post(f"/tickets/{ticket}/messages", fields | {"body": "It left yesterday."})
    assert other.status == 303
    told = (await shop.ada.get(f"/api/tickets/{ticket}")).json["messages"]
    assert [one["body_text"] for one in told if one["from_agent"]] == ["It left.", "It left yesterday."]
