"""The chat of a shop's pages: what a visitor says becomes a ticket, what agents answer comes back, and nobody else sees it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from playwright.async_api import Browser as Chromium
from playwright.async_api import expect
from structlog.testing import capture_logs

from polus.base import clock
from polus.channels.chat import chats, visitors
from polus.desk.accounts import Book
from polus.due import Due
from polus.store.queue import Queue
from polus.store.work import SYSTEM, reading
from polus.web import site as sites
from tests import make
from tests import world as worlds
from tests.web.chatting import (
    Visitor,
    answer,
    chat,
    delivered,
    pages,
    shop_page,
    subscribed,
    tickets,
    visitor,
)
from tests.web.conftest import Browser

__all__ = ["subscribed", "visitor"]
pytestmark = pytest.mark.usefixtures("subscribed")

HOSTILE = "<img src=x onerror=\"document.title='owned'\"> https://shop.example/a"


async def test_words_become_a_ticket_and_answers_come_back(shop: worlds.World, visitor: Visitor) -> None:
    told = await visitor.arrive()
    assert told["visitor"] == {"name": None, "email": None, "vouched": False}
    line = await visitor.say("Do you ship to Malta?", page="https://shop.example/hat")
    assert (line["mine"], line["text"], line["files"]) == (True, "Do you ship to Malta?", [])
    assert await visitor.say("Do you ship to Malta?", page="https://shop.example/hat") == line
    (ticket,) = await tickets(shop)
    assert (ticket["channel"], ticket["via"], ticket["subject"]) == ("chat", "chat", "Do you ship to Malta?")
    whole = (await shop.ada.get(f"/api/tickets/{ticket['id']}")).json
    (message,) = whole["messages"]
    assert message["source"]["type"] == "chat"
    assert message["meta"] == {"current_page": "https://shop.example/hat"}
    assert whole["customer"]["channels"][0]["type"] == "chat"
    assert [event[0] for event in await shop.events("ticket-created", "ticket-message-created")] == [
        "ticket-created",
        "ticket-message-created",
    ]

    message_id = await answer(shop, ticket["id"], "Yes, in three days.")
    assert await visitor.lines() == [(True, "Do you ship to Malta?"), (False, "Yes, in three days.")]
    (sent,) = await shop.rows("select * from messages where account_id = $1 and id = $2", message_id)
    assert sent["sent_datetime"] is not None
    assert sent["opened_datetime"] is None
    _, told = await visitor.send("GET", "/lines?after=" + str(line["id"]))
    assert [one["author"] for one in told["lines"]] == ["Leo"]
    assert (await visitor.send("POST", "/read", {"line": told["lines"][0]["id"]}))[0] == 204
    (seen,) = await shop.rows("select * from messages where account_id = $1 and id = $2", message_id)
    assert seen["opened_datetime"] is not None

    await visitor.say("Thank you!", id="line-0002")
    assert [one["messages_count"] for one in await tickets(shop)] == [3]


async def test_notes_and_mails_of_the_ticket_never_reach_the_visitor(
    shop: worlds.World, visitor: Visitor
) -> None:
    await visitor.arrive(email="mia@example.com", name="Mia")
    await visitor.say("Hello?")
    (ticket,) = await tickets(shop)
    note = {"channel": "internal-note", "from_agent": True, "body_text": "A difficult one."}
    assert (await shop.leo.post(f"/api/tickets/{ticket['id']}/messages", note)).status == 201
    await make.address(shop)
    by_mail = await shop.leo.post(f"/api/tickets/{ticket['id']}/messages", make.answer("By mail."))
    assert by_mail.status == 201
    await delivered(shop)
    # The database is shared: tests that send mails would find it.
    assert len(await shop.rows("delete from deliveries where account_id = $1 returning message_id")) == 1
    assert await visitor.lines() == [(True, "Hello?")]


async def test_who_claims_anothers_address_sees_only_his_own_words(
    shop: worlds.World, visitor: Visitor
) -> None:
    """Even when agents merge the two tickets, believing them to be one person's."""
    await visitor.arrive(email="mia@example.com")
    await visitor.say("My card ends in 4242.")
    thief = Visitor(visitor.http, visitor.url, visitor.host, visitor.key)
    await thief.arrive(email="mia@example.com", name="Mia")
    assert await thief.lines() == []
    await thief.say("What did I say?", id="thief-001")
    assert await thief.lines() == [(True, "What did I say?")]
    for ticket in await tickets(shop):
        await answer(shop, ticket["id"], "We see.")
    assert await visitor.lines() == [(True, "My card ends in 4242."), (False, "We see.")]


async def test_who_claims_anothers_address_gets_no_answer_of_his_by_auto_merge(
    shop: worlds.World, visitor: Visitor
) -> None:
    """Whoever spoke last in a chat's ticket is answered."""
    on = {"type": "auto-merge", "data": {"tickets": {"enabled": True, "merging_window_days": 5}}}
    [held] = [one for one in (await shop.ada.get("/api/account/settings")).json["data"] if one["type"] == "auto-merge"]  # fmt: skip
    assert (await shop.ada.put(f"/api/account/settings/{held['id']}", on)).status == 200
    await visitor.arrive(email="mia@example.com")
    await visitor.say("Where is my order?")
    [ticket] = await tickets(shop)
    thief = Visitor(visitor.http, visitor.url, visitor.host, visitor.key)
    await thief.arrive(email="mia@example.com")
    await thief.say("And?", id="thief-001")
    await answer(shop, ticket["id"], "On its way to Elm Street 5.")
    assert await thief.lines() == [(True, "And?")]
    assert (False, "On its way to Elm Street 5.") in await visitor.lines()


async def test_answers_that_nobody_saw_go_on_by_mail_once(shop: worlds.World, visitor: Visitor) -> None:
    await make.address(shop)
    await visitor.arrive(email="mia@example.com")
    await visitor.say("Hello?")
    (ticket,) = await tickets(shop)
    await answer(shop, ticket["id"], "Here we are.")
    await answer(shop, ticket["id"], "Are you there?")
    lane = Queue(shop.database, Due(shop.database, Book(shop.database, "http://x.example"), "chats").lane())
    await lane.drain()
    asked = "select recipient, body_text, ticket_id from notices where account_id = $1"
    assert await shop.rows(asked) == []
    with clock.turned(by=timedelta(minutes=4)):
        await lane.drain()
        await lane.drain()
    (notice,) = await shop.rows(asked)
    assert (notice["recipient"], notice["ticket_id"]) == ("mia@example.com", ticket["id"])
    assert notice["body_text"].startswith("Here we are.\n\nAre you there?\n\n-- ")


async def test_what_was_read_is_not_mailed(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive(email="mia@example.com")
    await visitor.say("Hello?")
    (ticket,) = await tickets(shop)
    await answer(shop, ticket["id"], "Here we are.")
    told = (await visitor.send("GET", "/lines"))[1]
    await visitor.send("POST", "/read", {"line": told["lines"][-1]["id"]})
    assert await shop.rows("select id from chat_visitors where account_id = $1 and mail_due_datetime is not null") == []  # fmt: skip


async def test_an_answer_without_a_visitor_fails_and_says_why(shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    message_id = await answer(shop, ticket["id"], "Anybody?")
    told = (await shop.ada.get(f"/api/tickets/{ticket['id']}/messages/{message_id}")).json
    assert told["failed_datetime"] is not None
    assert "no chat visitor" in told["last_sending_error"]["error"]
    assert [event[0] for event in await shop.events("ticket-message-failed")] == ["ticket-message-failed"]


async def test_the_shop_vouches_for_its_customers(shop: worlds.World, visitor: Visitor) -> None:
    async with reading(shop.database, shop.account, SYSTEM) as work:
        secret = chats.secret(shop.database, shop.account.id, await chats.KIND.find(work, visitor.key))
    claims = {"email": "mia@example.com", "name": "Mia", "external_id": "S-1"}

    def signed(by: str = secret, **more: Any) -> str:
        return jwt.encode({"alg": "HS256"}, {**claims, **more}, OctKey.import_key(by))

    until = int(clock.now().timestamp()) + 60
    for wrong in (signed(), signed("x" * 64, exp=until), signed(exp=until - 3600), "a.b.c", ""):
        status, told = await visitor.send("POST", "/visitors", {"identity": wrong or "?"})
        assert (status, list(told["error"]["data"])) == (400, ["identity"])
    told = await visitor.arrive(identity=signed(exp=until))
    assert told["visitor"] == {"name": "Mia", "email": "mia@example.com", "vouched": True}
    status, told = await visitor.send("POST", "/person", {"email": "other@example.com"})
    assert (status, told["visitor"]["email"]) == (200, "mia@example.com")
    await visitor.say("Hello?")
    (ticket,) = await tickets(shop)
    customer = (await shop.ada.get(f"/api/customers/{ticket['customer']['id']}")).json
    assert (customer["external_id"], customer["email"]) == ("S-1", "mia@example.com")


async def test_files_of_visitors(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive()
    status, made = await visitor.send("POST", "/files?name=..%2Fhat.html", b"<script>alert(1)</script>")
    assert (status, made["name"]) == (201, "hat.html")
    line = await visitor.say("", files=[made["url"]])
    assert [file["name"] for file in line["files"]] == ["hat.html"]
    async with visitor.http.get(line["files"][0]["url"].replace(visitor.host, visitor.url.split("//")[1]), headers={"Host": visitor.host}) as got:  # fmt: skip
        assert got.status == 200
        assert "sandbox" in got.headers["content-security-policy"]
        assert got.headers["content-disposition"].startswith("attachment")
    status, told = await visitor.send("POST", "/lines", {"id": "line-0009", "files": [made["url"] + "x"]})
    assert (status, told["error"]["data"]) == (400, {"files": ["No such file."]})


@pytest.mark.parametrize(
    "method, path, body, status",
    [
        ("GET", "/lines", None, 401),
        ("POST", "/lines", {"id": "line-0001", "text": "x"}, 401),
        ("POST", "/visitors", {"email": "nonsense"}, 400),
        ("POST", "/visitors", [1], 400),
        ("POST", "/visitors", b"\xff", 400),
        ("POST", "/visitors", b"x" * 70_000, 413),
        ("GET", "/nothing", None, 404),
        ("GET", "/stream", None, 401),
    ],
)
async def test_refusals_to_strangers(
    visitor: Visitor, method: str, path: str, body: Any, status: int
) -> None:
    assert (await visitor.send(method, path, body))[0] == status


async def test_refusals_to_visitors(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive()
    for wrong in ({"id": "short", "text": "x"}, {"id": "line-0001"}, {"id": "line-0001", "text": "x" * 5001}):
        assert (await visitor.send("POST", "/lines", wrong))[0] == 400
    assert (await visitor.send("POST", "/lines", {"id": "line-0001", "text": "x" * 5000}))[0] == 201
    assert (await visitor.send("GET", "/lines?after=-1"))[0] == 400
    other = Visitor(visitor.http, visitor.url, visitor.host, await chat(shop), visitor.token)
    assert (await other.send("GET", "/lines"))[0] == 401
    assert (await visitor.send("GET", "", headers={"Origin": "https://evil.example"}))[0] == 200
    closed = Visitor(
        visitor.http, visitor.url, visitor.host, await chat(shop, origins=["https://SHOP.example/x"])
    )
    assert (await closed.send("GET", ""))[0] == 200
    assert (await closed.send("GET", "", headers={"Origin": "https://evil.example"}))[0] == 403
    await shop.rows("update integrations set deactivated_datetime = now() where account_id = $1 returning id")
    assert (await visitor.send("GET", ""))[0] == 404
    assert await tickets(shop) != []


async def test_too_many_words_and_too_many_visitors(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive()
    # The bucket leaks while the test runs, so a few more than the limit may fit.
    assert await accepted(visitor, "/lines", 2 * visitors.MOST_LINES) >= visitors.MOST_LINES
    visitor.token = ""
    assert await accepted(visitor, "/visitors", 2 * visitors.MOST_NEW) >= visitors.MOST_NEW - 1


async def accepted(visitor: Visitor, path: str, most: int) -> int:
    """How many requests were taken before the first that was too many."""
    for n in range(most):
        status, _ = await visitor.send("POST", path, {"id": f"line-{n:04}", "text": "x"})
        if status == 429:
            return n
    raise AssertionError("never too many")


async def test_when_nobody_is_there_an_address_is_needed(shop: worlds.World, visitor: Visitor) -> None:
    # The day after tomorrow only.
    hours = {"days": str((clock.now().isoweekday() + 1) % 7 + 1), "from_time": "10:00", "to_time": "11:00"}
    setting = {"type": "business-hours", "data": {"timezone": "UTC", "business_hours": [hours]}}
    made = await shop.ada.post("/api/account/settings", setting)
    assert made.status == 201, made.raw
    assert (await visitor.send("GET", ""))[1]["open"] is False
    await visitor.arrive()
    status, told = await visitor.send("POST", "/lines", {"id": "line-0001", "text": "Anybody?"})
    assert (status, list(told["error"]["data"])) == (400, ["email"])
    await visitor.send("POST", "/person", {"email": "mia@example.com"})
    await visitor.say("Anybody?")
    (ticket,) = await tickets(shop)
    whole = (await shop.ada.get(f"/api/tickets/{ticket['id']}")).json
    assert whole["messages"][0]["source"]["type"] == "chat-offline-capture"


async def test_lines_arrive_while_the_page_is_open(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive()
    await visitor.say("Hello?")
    (ticket,) = await tickets(shop)
    headers = {"Host": visitor.host, "Authorization": "Bearer " + visitor.token}
    async with visitor.http.get(f"{visitor.url}/chat/{visitor.key}/stream?after=0", headers=headers) as told:
        assert (told.status, told.headers["content-type"]) == (200, "text/event-stream")
        await answer(shop, ticket["id"], "Here we are.")
        text = ""
        async with asyncio.timeout(30):
            while "Here we are." not in text:
                text += (await told.content.readany()).decode()
    assert text.index("Hello?") < text.index("Here we are.")


async def test_old_visitors_are_forgotten(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive()
    await visitor.say("Hello?")
    async with shop.database.pool.acquire() as db, db.transaction():
        assert await visitors.remove_old(db, clock.now() + timedelta(days=181)) >= 1
    assert (await visitor.send("GET", "/lines"))[0] == 401
    assert len(await tickets(shop)) == 1


async def test_who_goes_in_the_middle_of_his_words_is_no_failure_of_ours(
    shop: worlds.World, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await visitor.arrive()
    ended = asyncio.Event()
    statuses: list[int] = []

    def noted(method: str, path: str, status: int, *_: Any) -> None:
        if path.endswith("/lines"):
            statuses.append(status)
            ended.set()

    monkeypatch.setattr(sites, "access", noted)
    with capture_logs() as logged:
        host, port = visitor.url.split("//")[1].split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        head = (
            f"POST /chat/{visitor.key}/lines HTTP/1.1\r\nHost: {visitor.host}\r\nOrigin: {visitor.origin}\r\n"
            f"Authorization: Bearer {visitor.token}\r\nContent-Length: 500\r\n\r\n"
        )
        writer.write(head.encode() + b'{"id": "line-')
        await writer.drain()
        writer.close()
        await asyncio.wait_for(ended.wait(), 30)
    assert statuses == [400]
    assert [line for line in logged if line["log_level"] == "error"] == []
    assert await tickets(shop) == []


@pytest.mark.slow
async def test_a_visitor_in_a_real_browser(chromium: Chromium, shop: worlds.World, visitor: Visitor) -> None:
    said: list[str] = []
    async with pages(shop_page(shop.ada.host, visitor.key)) as url:
        context = await chromium.new_context(viewport={"width": 900, "height": 700})
        page = await context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        await page.goto(url)
        await page.get_by_role("button", name="Chat with us").click()
        dialog = page.get_by_role("dialog", name="Shop chat")
        await dialog.get_by_label("Write a message").fill(HOSTILE)
        await page.keyboard.press("Enter")
        await expect(dialog.locator(".line.mine:not(.wait)")).to_contain_text("<img src=x")
        (ticket,) = await tickets(shop)
        await dialog.get_by_label("Your e-mail address").fill("mia@example.com")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_text("We will answer to mia@example.com")).to_be_visible()
        await answer(shop, ticket["id"], HOSTILE)
        await expect(dialog.locator(".line:not(.mine)").last).to_contain_text("<img src=x")

        # Without a connection nothing is lost, and nothing is said twice.
        await context.set_offline(True)
        await dialog.get_by_label("Write a message").fill("Still there?")
        await page.keyboard.press("Enter")
        await expect(dialog.locator(".line.wait")).to_have_count(1)
        await context.set_offline(False)
        await expect(dialog.locator(".line.wait")).to_have_count(0)
        # Keys belong to the chat at once, also while it asks what was said before.
        asked, told = asyncio.Event(), asyncio.Event()

        async def late(route: Any) -> None:
            asked.set()
            await told.wait()
            await route.continue_()

        await page.route("**/lines", late)
        await page.reload()
        await page.get_by_role("button", name="Chat with us").click()
        await asked.wait()
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await page.get_by_role("button", name="Chat with us").click()
        told.set()
        await expect(dialog.locator(".line.mine")).to_have_count(2)
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        assert await page.title() == "Shop"
        bridge = "GorgiasBridge.init().then(b => b.createCartAttributes().map(a => a.key).join())"
        assert await page.evaluate(bridge) == "gorgias.guest_id,gorgias.session_id"
        await context.close()
    rows = await shop.rows(
        "select body_text from messages where account_id = $1 and not from_agent order by id"
    )
    assert [row[0] for row in rows] == [HOSTILE, "Still there?"]
    assert [one for one in said if "ERR_INTERNET_DISCONNECTED" not in one] == []


async def test_an_administrator_sets_a_chat_up(shop: worlds.World, browser: Browser) -> None:
    await browser.log_in(shop.ada.email)
    token = await browser.token("/settings/chats")
    made = await browser.post("/settings/chats", {"csrf": token, "name": "Shop chat"})
    assert made.status == 303
    page = (await browser.get(made.headers["location"])).text
    assert "/chat/widget.js&#34; data-key=" in page or '/chat/widget.js" data-key=' in page
    given = {"csrf": token, "name": "Hats", "colour": "#112233", "side": "left", "ask_email": "first"}
    wrong = await browser.post(
        made.headers["location"], {**given, "origins": "nonsense", "greeting": "x" * 501}
    )
    assert wrong.status == 422
    assert wrong.text.count('role="alert"') >= 2
    saved = await browser.post(made.headers["location"], {**given, "origins": "https://Shop.example/hats"})
    assert saved.status == 303
    async with reading(shop.database, shop.account, SYSTEM) as work:
        (found,) = await chats.KIND.all_of(work)
    assert (found.name, found.look.origins, found.look.side) == ("Hats", ["https://shop.example"], "left")
    assert [event[0] for event in await shop.events("integration-created", "integration-updated")] == [
        "integration-created",
        "integration-updated",
    ]
    chat_id = int(made.headers["location"].rsplit("/", 1)[1])
    view = {
        "name": "Chats",
        "slug": "x",
        "filters": f"containsAny(ticket.integrations.id, [{chat_id}])",
    }
    assert (await shop.ada.post("/api/views", view)).status == 201
    for path in ("/switch", "/delete"):
        assert (await browser.post(made.headers["location"] + path, {"csrf": token})).status == 303
    assert await shop.rows("select id from integrations where account_id = $1") == []
    # As through the API: a view that asks for it is switched off and says why.
    assert len(await shop.events("view-deactivated")) == 1
    other = Browser(browser.http, browser.url, browser.host)
    await other.log_in(shop.oda.email)
    assert (await other.get("/settings/chats")).status == 403
