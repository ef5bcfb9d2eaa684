"""What goes on around a chat's lines: who is writing, how it went, files both ways, pages that lost their connection."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from playwright.async_api import Browser as Chromium
from playwright.async_api import Locator, expect

from polus.base import clock
from polus.channels.chat import chats
from polus.channels.chat import visitors as people
from polus.desk.accounts import Book
from polus.due import Due
from polus.store.queue import Queue
from polus.store.work import SYSTEM, reading
from polus.web.chat import door
from polus.web.site import Site
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
from tests.web.conftest import Browser, Enter

__all__ = ["subscribed", "visitor"]
pytestmark = pytest.mark.usefixtures("subscribed")

SURVEYS = "select score, body_text, sent_datetime, ticket_id from satisfaction_surveys where account_id = $1"
ASKED = ("satisfaction-survey-sent", "satisfaction-survey-responded")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
Heard = Callable[[str], Any]


@contextlib.asynccontextmanager
async def listening(http: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> AsyncIterator[Heard]:
    """Reads a stream of events until something is in it; gives all that was read."""
    async with http.get(url, headers=headers) as told:
        assert (told.status, told.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        text = ""

        async def heard(wanted: str) -> str:
            nonlocal text
            async with asyncio.timeout(30):
                while wanted not in text:
                    part = await told.content.readany()
                    assert part, text
                    text += part.decode()
            return text

        await heard(": hello")
        yield heard


def page_of(one: Visitor, after: int = 0) -> Any:
    """An open page of the visitor's."""
    headers = {"Host": one.host, "Authorization": "Bearer " + one.token}
    return listening(one.http, f"{one.url}/chat/{one.key}/stream?after={after}", headers)


async def close(shop: worlds.World, ticket_id: int, status: str = "closed") -> None:
    assert (await shop.leo.put(f"/api/tickets/{ticket_id}", {"status": status})).status == 202
    await delivered(shop)


async def asked(one: Visitor) -> bool:
    return (await one.send("GET", "/lines"))[1]["question"]  # type: ignore[no-any-return]


async def test_how_it_went_is_asked_at_the_end_and_kept_once(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive(email="mia@example.com")
    assert (await visitor.send("POST", "/question", {}))[1] == {"question": False}
    assert (await visitor.send("POST", "/answer", {"score": 5}))[0] == 404
    await visitor.say("Where is my hat?")
    (ticket,) = await tickets(shop)
    assert not await asked(visitor)
    async with page_of(visitor) as heard:
        await close(shop, ticket["id"])
        await heard("event: question")
    assert await asked(visitor)
    assert (await shop.rows(SURVEYS))[0]["sent_datetime"] is None, "nobody has seen it yet"
    assert (await visitor.send("POST", "/question", {}))[1] == {"question": True}
    for wrong in ({"score": 6}, {"score": 0}, {"score": 3, "comment": "x" * 1001}, {"score": "5"}, {}):
        assert (await visitor.send("POST", "/answer", wrong))[0] == 400
    for given in ({"score": 4}, {"score": 4}, {"score": 5, "comment": "Fast \0 and kind"}):
        assert (await visitor.send("POST", "/answer", given))[0] == 204
    (survey,) = await shop.rows(SURVEYS)
    assert (survey["score"], survey["body_text"], survey["ticket_id"]) == (5, "Fast  and kind", ticket["id"])
    assert sorted(event[0] for event in await shop.events(*ASKED)) == sorted(ASKED), "each of them once"
    assert not await asked(visitor)
    # No mail follows, and what was said stays.
    with clock.turned(by=timedelta(hours=5)):
        await Queue(shop.database, Due(shop.database, Book(shop.database, ""), "surveys").lane()).drain()
    assert await shop.rows("select id from notices where account_id = $1") == []
    assert len(await shop.rows(SURVEYS)) == 1
    await shop.rows(
        "update tickets set closed_datetime = now() - interval '8 days' where account_id = $1 returning id"
    )
    assert (await visitor.send("POST", "/answer", {"score": 1}))[0] == 404


async def test_who_is_asked(shop: worlds.World, visitor: Visitor) -> None:
    """Also who left no address; nobody whose ticket is open again, and nobody when surveys of chats are off."""
    await visitor.arrive()
    await visitor.say("Where is my hat?")
    (ticket,) = await tickets(shop)
    await close(shop, ticket["id"])
    assert await asked(visitor)
    stranger = Visitor(visitor.http, visitor.url, visitor.host, visitor.key)
    await stranger.arrive()
    assert not await asked(stranger)
    assert (await stranger.send("POST", "/answer", {"score": 1}))[0] == 404
    await visitor.say("One thing more.", id="line-0002")
    await delivered(shop)
    assert not await asked(visitor)
    assert (await visitor.send("POST", "/answer", {"score": 1}))[0] == 404
    (setting,) = await shop.rows("select id from account_settings where account_id = $1 and type = 'satisfaction-surveys'")  # fmt: skip
    body = {"type": "satisfaction-surveys", "data": {"send_survey_for_chat": False}}
    assert (await shop.ada.put(f"/api/account/settings/{setting['id']}", body)).status == 200
    await close(shop, ticket["id"])
    assert not await asked(visitor)
    assert await shop.rows(SURVEYS) == []


async def test_who_has_left_is_asked_by_mail(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive(email="mia@example.com")
    await visitor.say("Where is my hat?")
    (ticket,) = await tickets(shop)
    await close(shop, ticket["id"])
    with clock.turned(by=timedelta(hours=3)):
        await Queue(shop.database, Due(shop.database, Book(shop.database, ""), "surveys").lane()).drain()
    (mail,) = await shop.rows("select recipient, body_text from notices where account_id = $1")
    assert mail["recipient"] == "mia@example.com"
    # He may still answer in the chat.
    assert (await visitor.send("POST", "/answer", {"score": 2}))[0] == 204
    assert [row["score"] for row in await shop.rows(SURVEYS)] == [2]


async def test_each_side_sees_the_other_writing(shop: worlds.World, visitor: Visitor, browser: Browser) -> None:  # fmt: skip
    await visitor.arrive()
    assert (await visitor.send("POST", "/typing", {}))[0] == 204, "before there is a ticket nobody is told"
    await visitor.say("Hello?")
    (ticket,) = await tickets(shop)
    await browser.log_in(shop.ada.email)
    token = await browser.token("/settings")
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    live = listening(browser.http, browser.url + "/live", {"Host": browser.host, "Cookie": cookie})
    async with live as agents, page_of(visitor) as visitors:
        assert (await visitor.send("POST", "/typing", {}))[0] == 204
        assert f'event: typing\ndata: {{"id":{ticket["id"]}}}' in await agents(f'"id":{ticket["id"]}}}')
        assert (await browser.post(f"/tickets/{ticket['id']}/typing", {"csrf": token})).status == 204
        await visitors("event: typing")
    observer = Browser(browser.http, browser.url, browser.host)
    await observer.log_in(shop.oda.email)
    token = await observer.token("/settings")
    assert (await observer.post(f"/tickets/{ticket['id']}/typing", {"csrf": token})).status == 403


async def test_a_file_of_an_agent_reaches_the_visitor_and_is_no_page_of_the_helpdesk(
    shop: worlds.World, visitor: Visitor
) -> None:
    await visitor.arrive()
    await visitor.say("May I have the label?")
    (ticket,) = await tickets(shop)
    form = aiohttp.FormData()
    form.add_field("hat.png", PNG, filename="hat.png", content_type="image/png")
    form.add_field("label.html", b"<script>alert(1)</script>", filename="label.html", content_type="image/png")  # fmt: skip
    auth = {"Host": visitor.host, "Authorization": aiohttp.encode_basic_auth(shop.leo.email, shop.leo.key)}
    async with visitor.http.post(f"{visitor.url}/api/upload", data=form, headers=auth) as sent:  # fmt: skip
        attached = await sent.json()
    body = {"channel": "chat", "from_agent": True, "body_text": "Here.", "attachments": attached, "sender": {"id": shop.leo.user_id}}  # fmt: skip
    assert (await shop.leo.post(f"/api/tickets/{ticket['id']}/messages", body)).status == 201
    await delivered(shop)
    (_, line) = (await visitor.send("GET", "/lines"))[1]["lines"]
    assert [one["name"] for one in line["files"]] == ["hat.png", "label.html"]
    # A picture is shown, and has no origin either.
    shown = line["files"][0]["url"].replace(visitor.host, visitor.url.split("//")[1])
    async with visitor.http.get(shown, headers={"Host": visitor.host}) as got:
        assert got.headers["content-disposition"].startswith("inline")
        assert got.headers["content-security-policy"].endswith("sandbox")
    place = line["files"][1]["url"].replace(visitor.host, visitor.url.split("//")[1])
    async with visitor.http.get(place, headers={"Host": visitor.host}) as got:
        assert (got.status, await got.read()) == (200, b"<script>alert(1)</script>")
        assert got.headers["content-disposition"].startswith("attachment")
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in got.headers["content-security-policy"]
    async with visitor.http.get(re.sub(r"/files/[^/]{20}", "/files/" + "A" * 20, place), headers={"Host": visitor.host}) as forged:  # fmt: skip
        assert forged.status == 404


async def test_a_large_file_is_refused(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    assert door.MOST_FILE == 10 * 1024 * 1024
    monkeypatch.setattr(door, "MOST_FILE", 1000)
    await visitor.arrive()
    assert (await visitor.send("POST", "/files?name=x.bin", bytes(1000)))[0] == 201
    assert (await visitor.send("POST", "/files?name=x.bin", bytes(1001)))[0] == 413


async def test_files_of_one_address_are_limited_together(
    shop: worlds.World, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who fills the disk makes himself new visitors."""
    monkeypatch.setattr(people, "MOST_BYTES", 1500)
    await visitor.arrive()
    assert (await visitor.send("POST", "/files?name=x.bin", bytes(1000)))[0] == 201
    other = Visitor(visitor.http, visitor.url, visitor.host, visitor.key)
    await other.arrive()
    assert (await other.send("POST", "/files?name=x.bin", bytes(1000)))[0] == 429


async def test_nobody_opens_a_file_of_others_by_naming_it(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive()
    _, his = await visitor.send("POST", "/files?name=hat.png", b"hello")
    thief = Visitor(visitor.http, visitor.url, visitor.host, visitor.key)
    await thief.arrive()
    for url in (his["url"], his["url"].partition("?")[0]):
        status, told = await thief.send("POST", "/lines", {"id": "line-0001", "files": [url]})
        assert (status, told["error"]["data"]) == (400, {"files": ["No such file."]})
    assert len((await visitor.say("", files=[his["url"]]))["files"]) == 1


async def test_every_page_hears_each_line_though_rings_are_lost(
    shop: worlds.World, visitor: Visitor, house: tuple[str, Site]
) -> None:
    await visitor.arrive()
    line = await visitor.say("Hello?")
    (ticket,) = await tickets(shop)
    async with page_of(visitor) as one, page_of(visitor, after=line["id"]) as two:
        await answer(shop, ticket["id"], "First.")
        assert "Hello?" in await one("First.")
        assert "Hello?" not in await two("First.")
    # The page was away meanwhile: what it missed comes with the connection.
    await answer(shop, ticket["id"], "Second.")
    async with page_of(visitor, after=line["id"]) as again:
        assert (await again("Second.")).index("First.")
    # A ring that nobody heard is made up for by the clock.
    async with page_of(visitor, after=line["id"]) as three:
        await three("Second.")
        (row,) = await shop.rows("select max(visitor_id) as id from chat_lines where account_id = $1")
        told = await shop.rows(
            "with made as (insert into messages (account_id, ticket_id, public, channel, via, source, from_agent, body_text,"
            " created_datetime, processed_datetime) values ($1, $2, true, 'chat', 'helpdesk', '{}', true, 'Unrung.', now(),"
            " now()) returning id) insert into chat_lines (account_id, visitor_id, message_id)"
            " select $1, $3, id from made returning id",
            ticket["id"], row["id"],
        )  # fmt: skip
        await house[1].chat.streams.beat()
        assert f"id: {told[0]['id']}\n" in await three("Unrung.")


async def test_a_ring_while_a_page_is_told_that_the_server_is_there_is_heard(
    shop: worlds.World, house: tuple[str, Site]
) -> None:
    """A slow page was once told of the next line only by the clock, half a minute later."""
    streams, said = house[1].chat.streams, list[dict[str, Any]]()
    parts, slow, gone = asyncio.Queue[bytes](), asyncio.Event(), asyncio.Event()

    async def fetch(_: int, after: int) -> list[dict[str, Any]]:
        return [line for line in said if line["id"] > after]

    async def send(part: Any) -> None:
        parts.put_nowait(part["body"])
        if part["body"] == b": .\n\n":
            await slow.wait()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    place = (shop.account.id, 7)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(streams.run(place, 0, fetch, receive, send))
        assert b"hello" in await parts.get()
        await streams.beat()
        assert await parts.get() == b": .\n\n"
        said.append({"id": 1, "text": "While you waited."})
        shop.database.bell.ring(("chat", *place))
        slow.set()
        assert b"While you waited." in await parts.get()
        gone.set()


async def test_a_token_that_was_given_back_opens_nothing(shop: worlds.World, visitor: Visitor) -> None:
    await visitor.arrive(email="mia@example.com")
    await visitor.say("Hello?")
    async with page_of(visitor) as heard:
        assert (await visitor.send("POST", "/forget", {}))[0] == 204
        with pytest.raises(AssertionError):
            await heard("the end")
    for method, path in (("GET", "/lines"), ("GET", "/stream"), ("POST", "/forget"), ("POST", "/question")):
        assert (await visitor.send(method, path, {} if method == "POST" else None))[0] == 401


async def test_an_identity_is_good_for_a_day_at_most(shop: worlds.World, visitor: Visitor) -> None:
    async with reading(shop.database, shop.account, SYSTEM) as work:
        secret = chats.secret(shop.database, shop.account.id, await chats.KIND.find(work, visitor.key))
    claims = {"email": "mia@example.com", "exp": int(clock.now().timestamp()) + 25 * 3600}
    token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))
    assert (await visitor.send("POST", "/visitors", {"identity": token}))[0] == 400


async def test_nobody_learns_whose_address_is_known(shop: worlds.World, visitor: Visitor) -> None:
    """Answers are the same for a customer's address and one that nobody has; so are refusals of keys and tokens."""
    await visitor.arrive(email="mia@example.com")
    await visitor.say("Hello?")
    answers = []
    for address in ("mia@example.com", "nobody@example.com"):
        other = Visitor(visitor.http, visitor.url, visitor.host, visitor.key)
        await other.arrive()
        told = await other.send("POST", "/person", {"email": address})
        answers.append((told[0], str(told[1]).replace(address, "?"), await other.lines(), await asked(other)))
    assert answers[0] == answers[1]
    off = await chat(shop)
    await shop.rows("update integrations set deactivated_datetime = now() where account_id = $1 and meta->>'key' = $2 returning id", off)  # fmt: skip
    unknown = [Visitor(visitor.http, visitor.url, visitor.host, key) for key in (off, "0" * 24, "x", "%00")]
    refusals = [await one.send("GET", "") for one in unknown]
    assert {status for status, _ in refusals} == {404}
    assert len({str(told) for _, told in refusals}) == 1
    for token in ("x" * 43, visitor.token[:-1], ""):
        guess = Visitor(visitor.http, visitor.url, visitor.host, visitor.key, token)
        assert (await guess.send("GET", "/lines"))[0] == 401


async def speak(dialog: Locator, words: str) -> None:
    await dialog.get_by_label("Write a message").fill(words)
    await dialog.get_by_label("Write a message").press("Enter")


@pytest.mark.slow
async def test_a_whole_chat_between_two_browsers(
    chromium: Chromium, shop: worlds.World, visitor: Visitor, enter: Enter
) -> None:
    async with pages(shop_page(shop.ada.host, visitor.key)) as url:
        context = await chromium.new_context(viewport={"width": 390, "height": 700})
        page = await context.new_page()
        await page.goto(url)
        await page.get_by_role("button", name="Chat with us").click()
        dialog = page.get_by_role("dialog", name="Shop chat")
        await speak(dialog, "Do you have it in blue?")
        await expect(dialog.locator(".line.mine:not(.wait)")).to_have_count(1)
        (ticket,) = await tickets(shop)
        desk = await enter(at=f"/inbox/open/{ticket['id']}")
        # Neither addresses nor “from” belong to an answer in a chat.
        await expect(desk.locator(".composer .recipients")).to_be_hidden()
        await expect(desk.locator(".composer .from")).to_have_count(0)
        await dialog.get_by_label("Write a message").press_sequentially("And")
        await expect(desk.locator(".ticket-head [data-people]")).to_contain_text("The customer is writing")
        await desk.locator(".editor").press_sequentially("Yes, we do.")
        await expect(dialog.get_by_text("Support is writing …")).to_be_visible()
        await dialog.get_by_label("Write a message").fill("")
        await answer(shop, ticket["id"], "Yes, we do.")
        await expect(dialog.locator(".line:not(.mine)").last).to_contain_text("Yes, we do.")

        await close(shop, ticket["id"])
        question = dialog.get_by_role("group", name="How was our help?")
        await expect(question).to_be_visible()
        await question.get_by_role("button", name="Good", exact=True).click()
        await dialog.get_by_label("Anything you would like to tell us?").fill("Quick!")
        await dialog.locator(".rate .send").click()
        await expect(dialog.get_by_text("Thank you for your answer!")).to_be_visible()
        await expect(question).to_be_hidden()
        assert [(row["score"], row["body_text"]) for row in await shop.rows(SURVEYS)] == [(4, "Quick!")]

        # The page loses its connection and finds it again: what was said meanwhile is there, once.
        await context.set_offline(True)
        await answer(shop, ticket["id"], "Said while you were away.")
        await context.set_offline(False)
        await expect(dialog.get_by_text("Said while you were away.")).to_have_count(1)
        await context.close()

        # Outside the hours: the widget says so, and asks for an address before it sends.
        hours = {
            "days": str((clock.now().isoweekday() + 1) % 7 + 1),
            "from_time": "10:00",
            "to_time": "11:00",
        }
        setting = {"type": "business-hours", "data": {"timezone": "UTC", "business_hours": [hours]}}
        assert (await shop.ada.post("/api/account/settings", setting)).status == 201
        context = await chromium.new_context(viewport={"width": 390, "height": 700})
        page = await context.new_page()
        await page.goto(url)
        await page.get_by_role("button", name="Chat with us").click()
        dialog = page.get_by_role("dialog", name="Shop chat")
        await expect(dialog.get_by_text("We are away at the moment.")).to_be_visible()
        await speak(dialog, "Anybody?")
        await expect(dialog.locator(".line.wait")).to_have_count(1)
        await expect(dialog.get_by_text("Not sent yet. Leave your e-mail address")).to_be_visible()
        await dialog.get_by_label("Your e-mail address").fill("mia@example.com")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.locator(".line.mine:not(.wait)")).to_have_count(1)
        await context.close()
    (late,) = [one for one in await tickets(shop) if one["id"] != ticket["id"]]
    whole = (await shop.ada.get(f"/api/tickets/{late['id']}")).json
    assert whole["messages"][0]["source"]["type"] == "chat-offline-capture"
