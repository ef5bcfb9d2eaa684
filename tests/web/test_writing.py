"""The composer's forms: drafts, plans that can be taken back, the stop when others wrote, macros, forwards, mentions."""

import datetime
import json
import re
from typing import Any

import aiohttp
import pytest

from tests import make
from tests import world as worlds
from tests.web.conftest import Browser, send_planned

HOSTILE = '<img src=x onerror="alert(1)"><b onclick=alert(2) style="position:fixed">bold</b><script>alert(3)</script>'


@pytest.fixture
async def ada(browser: Browser, shop: worlds.World) -> Browser:
    """The administrator, logged in, in a shop that can answer."""
    await browser.log_in(shop.ada.email)
    await make.address(shop)
    return browser


async def act(browser: Browser, path: str, fields: dict[str, Any], **headers: str) -> Any:
    return await browser.post(path, {"csrf": await browser.token(), "view": "open"} | fields, **headers)


async def messages(shop: worlds.World, ticket: int) -> list[Any]:
    """Those of agents, oldest first."""
    found = (await shop.ada.get("/api/messages", ticket_id=ticket)).json["data"]
    return [message for message in reversed(found) if message["from_agent"]]


async def waiting(shop: worlds.World) -> list[Any]:
    return await shop.rows("select * from planned where account_id = $1 order by id")


async def test_a_draft_is_the_agents_own_and_comes_back(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    draft = {"mode": "note", "body": "half a thought", "html": f"half <b>a</b> thought{HOSTILE}", "cc": "x@y.example"}  # fmt: skip
    assert (await act(ada, f"/tickets/{ticket}/draft", draft, HX_Request="true")).status == 204
    page = (await ada.get(f"/inbox/open/{ticket}")).text
    assert "half a thought</textarea>" in page
    kept = re.search(r"<template data-html>(.*?)</template>", page, re.DOTALL)
    assert kept
    assert kept[1] == "half <b>a</b> thought<b>bold</b>"
    assert 'value="note" id="mode-note" checked' in page
    assert [row["user_id"] for row in await shop.rows("select user_id from unfinished where account_id = $1")] == [shop.ada.user_id]  # fmt: skip
    await act(ada, f"/tickets/{ticket}/messages", draft | {"html": "", "cc": ""})
    assert await shop.rows("select * from unfinished where account_id = $1") == []
    await act(ada, f"/tickets/{ticket}/draft", draft)
    await act(ada, f"/tickets/{ticket}/draft", {"mode": "note", "body": " "})
    assert await shop.rows("select * from unfinished where account_id = $1") == []


async def test_sending_waits_and_can_be_undone(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    form = {"mode": "reply", "to": "mia@example.com", "cc": "c@d.example", "body": "Soon\nthere", "html": "<i>Soon</i><br>there", "then": "close", "hold": "1"}  # fmt: skip
    answer = await act(ada, f"/tickets/{ticket}/messages", form, HX_Request="true")
    told = json.loads(answer.headers["hx-trigger"])["polus:sent"]
    assert told["undo"] is True
    assert await messages(shop, ticket) == []
    (plan,) = await waiting(shop)
    assert plan["due_datetime"] - plan["created_datetime"] == datetime.timedelta(seconds=10)
    undone = await act(ada, f"/tickets/{ticket}/planned/{plan['id']}/back", {})
    assert undone.status == 303
    assert await waiting(shop) == []
    composer = (await ada.get(f"/inbox/open/{ticket}/composer")).text
    assert "<template data-html><i>Soon</i><br>there</template>" in composer
    assert 'value="c@d.example"' in composer
    late = await act(ada, f"/tickets/{ticket}/planned/{plan['id']}/back", {})
    assert (late.status, "It was sent or taken back already." in late.text) == (422, True)
    await send_planned(shop)
    assert await messages(shop, ticket) == []


async def test_what_is_due_is_sent_as_its_writer(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    form = {"mode": "reply", "to": "mia@example.com", "body": "Hello", "html": "<b>Hello</b>", "then": "close", "hold": "1"}  # fmt: skip
    await act(ada, f"/tickets/{ticket}/messages", form)
    await send_planned(shop)
    (sent,) = await messages(shop, ticket)
    assert (sent["body_text"], sent["body_html"]) == ("Hello", "<b>Hello</b>")
    assert sent["sender"]["id"] == shop.ada.user_id
    actors = await shop.rows("select distinct user_id from events where account_id = $1 and type in ('ticket-message-created', 'ticket-closed') and id > (select min(id) from events where account_id = $1) and user_id is distinct from $2", shop.lia.user_id)  # fmt: skip
    assert [row[0] for row in actors] == [shop.ada.user_id]
    assert (await shop.ada.get(f"/api/tickets/{ticket}")).json["status"] == "closed"
    assert await waiting(shop) == []


async def test_send_and_snooze_and_send_later(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    form = {"mode": "reply", "to": "mia@example.com", "body": "Hello"}
    past = await act(ada, f"/tickets/{ticket}/messages", form | {"then": "later 2020-01-01T09:00"})
    assert (past.status, "Must be in the future." in past.text) == (422, True)
    assert (await act(ada, f"/tickets/{ticket}/messages", form | {"then": "later nonsense"})).status == 422
    await act(ada, f"/tickets/{ticket}/messages", form | {"then": "snooze 2100-01-01T09:00"})
    assert (await shop.ada.get(f"/api/tickets/{ticket}")).json["snooze_datetime"].startswith("2100-01-01T09")
    soon = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    await act(ada, f"/tickets/{ticket}/messages", form | {"then": "later", "at": soon, "body": "Tomorrow"})
    assert len(await messages(shop, ticket)) == 1
    page = (await ada.get(f"/inbox/all/{ticket}")).text
    assert 'class="message out planned"' in page
    assert "Send now" in page
    (plan,) = await waiting(shop)
    await act(ada, f"/tickets/{ticket}/planned/{plan['id']}/now", {})
    await send_planned(shop)
    assert [message["body_text"] for message in await messages(shop, ticket)] == ["Hello", "Tomorrow"]


async def test_a_reply_stops_when_others_wrote(ada: Browser, shop: worlds.World) -> None:
    made = await make.ticket(shop)
    ticket, seen = made["id"], made["messages"][0]["id"]
    form = {"mode": "reply", "to": "mia@example.com", "body": "My answer", "seen": str(seen), "then": "close"}  # fmt: skip
    await shop.leo.post(f"/api/tickets/{ticket}/messages", make.note("I do this one <b>"))
    for headers in ({}, {"HX_Request": "true"}):
        answer = await act(ada, f"/tickets/{ticket}/messages", form, **headers)
        assert answer.status == (200 if headers else 422)
        for shown in ("Nothing was sent yet", "I do this one &lt;b&gt;", "Send anyway", "My answer"):
            assert shown in answer.text
    assert [m["channel"] for m in await messages(shop, ticket)] == ["internal-note"]
    await act(ada, f"/tickets/{ticket}/messages", form | {"anyway": "1"})
    assert [m["channel"] for m in await messages(shop, ticket)] == ["internal-note", "email"]
    own = (await messages(shop, ticket))[-2]["id"]
    await act(ada, f"/tickets/{ticket}/messages", form | {"seen": str(own), "body": "More of mine"})
    assert (await messages(shop, ticket))[-1]["body_text"] == "More of mine", "one's own messages stop nobody"


async def test_a_message_for_later_stops_when_the_customer_wrote(ada: Browser, shop: worlds.World) -> None:
    made = await make.ticket(shop)
    ticket, seen = made["id"], made["messages"][0]["id"]
    form = {"mode": "reply", "to": "mia@example.com", "body": "Later", "seen": str(seen), "then": "later 2099-01-01T09:00"}  # fmt: skip
    assert (await act(ada, f"/tickets/{ticket}/messages", form)).status == 422, "at most one year"
    soon = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    await act(ada, f"/tickets/{ticket}/messages", form | {"then": f"later {soon}"})
    await shop.lia.post(f"/api/tickets/{ticket}/messages", make.mail("Never mind, it came!"))
    await send_planned(shop)
    assert await messages(shop, ticket) == []
    (plan,) = await waiting(shop)
    assert plan["stopped"] == "moved"
    page = (await ada.get(f"/inbox/open/{ticket}")).text
    assert "Somebody wrote in the meantime." in page
    await act(ada, f"/tickets/{ticket}/planned/{plan['id']}/now", {})
    await send_planned(shop)
    assert [m["body_text"] for m in await messages(shop, ticket)] == ["Later"]


async def test_a_plan_that_cannot_be_sent_says_why(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    form = {"mode": "reply", "to": "mia@example.com", "body": "Hello", "hold": "1"}
    await act(ada, f"/tickets/{ticket}/messages", form)
    await shop.rows("update integrations set deactivated_datetime = now() where account_id = $1 returning id")
    await send_planned(shop)
    (plan,) = await waiting(shop)
    assert "No connected e-mail address" in plan["stopped"]
    assert "No connected e-mail address" in (await ada.get(f"/inbox/open/{ticket}")).text
    await shop.rows("update planned set stopped = null where account_id = $1 returning id")
    await shop.rows("update users set active = false where account_id = $1 and id = $2 returning id", shop.ada.user_id)  # fmt: skip
    await send_planned(shop)
    assert (await waiting(shop))[0]["stopped"] == "nobody"


async def test_a_macro_is_filled_and_its_actions_are_done(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop, subject="Lost parcel"))["id"]
    given = [
        {"name": "setResponseText", "title": "", "type": "user", "arguments": {"body_text": "Hello {{ticket.customer.firstname}}", "body_html": "<p>Hello <b>{{ticket.customer.firstname}}</b></p><script>x</script>"}},
        {"name": "addTags", "title": "", "type": "user", "arguments": {"tags": "<i>parcel</i>"}},
        {"name": "setPriority", "title": "", "type": "user", "arguments": {"priority": "high"}},
    ]  # fmt: skip
    made = await shop.ada.post("/api/macros", {"name": "Parcel <b>lost</b>", "actions": given})
    macro = made.json["id"]
    offered = (await ada.get(f"/tickets/{ticket}/macros")).text
    assert offered.count('class="macro"') == 3
    assert "Parcel &lt;b&gt;lost&lt;/b&gt;" in offered
    assert "Parcel" in (await ada.get(f"/tickets/{ticket}/macros?q=parc")).text
    assert "No macro fits." in (await ada.get(f"/tickets/{ticket}/macros?q=xyzzy")).text
    filled = json.loads((await ada.get(f"/tickets/{ticket}/macros/{macro}")).text)
    assert (filled["text"], filled["html"]) == ("Hello Mia", "<p>Hello <b>Mia</b></p>")
    assert [chip["said"] for chip in filled["actions"]] == ["Add the tags <i>parcel</i>", "Priority: high"]
    form = {"mode": "reply", "to": "mia@example.com", "body": filled["text"], "html": filled["html"], "macro": str(macro), "chip": filled["actions"][0]["action"]}  # fmt: skip
    await act(ada, f"/tickets/{ticket}/messages", form)
    (sent,) = await messages(shop, ticket)
    assert sent["body_text"] == "Hello Mia"
    after = (await shop.ada.get(f"/api/tickets/{ticket}")).json
    assert after["priority"] == "normal", "its chip was removed"
    assert [tag["name"] for tag in after["tags"]] == ["<i>parcel</i>"]
    assert (await shop.ada.get(f"/api/macros/{macro}")).json["usage"] == 1


async def test_forwarding_takes_words_and_files_along(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop, messages=[make.mail("The lamp is broken", subject="Lamp")]))["id"]
    await act(ada, f"/tickets/{ticket}/messages", {"mode": "forward", "to": "works@maker.example", "body": "Please look"})  # fmt: skip
    (sent,) = await messages(shop, ticket)
    assert sent["subject"] == "Fwd: Lamp"
    assert sent["body_text"].startswith("Please look\n\n---------- Forwarded message")
    assert sent["body_text"].endswith("The lamp is broken")
    assert [to["address"] for to in sent["source"]["to"]] == ["works@maker.example"]


async def test_a_note_names_people(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    await act(ada, f"/tickets/{ticket}/messages", {"mode": "note", "body": "@Leo Agent please, not leo@agent.example or @Leonard"})  # fmt: skip
    named = await shop.rows("select user_id from message_mentions where account_id = $1")
    assert [row[0] for row in named] == [shop.leo.user_id]


async def test_files_are_uploaded_before_sending(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    csrf = await ada.token()
    up = await ada.send("POST", "/uploads", _file(csrf, "../<b>.txt", b"words"), HX_Request="true")
    (file,) = json.loads(up.text)["files"]
    assert file["name"] == "<b>.txt"
    form = {"mode": "reply", "to": "mia@example.com", "body": "See here", "file": file["url"]}
    await act(ada, f"/tickets/{ticket}/draft", form)
    page = (await ada.get(f"/inbox/open/{ticket}")).text
    assert f'name="file" value="{file["url"]}"' in page
    assert "<bdi>&lt;b&gt;.txt</bdi>" in page
    await act(ada, f"/tickets/{ticket}/messages", form)
    (sent,) = await messages(shop, ticket)
    assert [(a["name"], a["public"]) for a in sent["attachments"]] == [("<b>.txt", False)]
    gone = await act(ada, f"/tickets/{ticket}/messages", form | {"file": "https://elsewhere.example/x.txt"})
    assert (gone.status, "is not there any more" in gone.text) == (422, True)


def _file(csrf: str, name: str, data: bytes) -> Any:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("csrf", csrf)
    form.add_field("attachments", data, filename=name)
    return form


async def test_who_may_not_write_may_only_note(ada: Browser, shop: worlds.World, browser: Browser) -> None:
    ticket = (await make.ticket(shop))["id"]
    await act(ada, f"/tickets/{ticket}/messages", {"mode": "reply", "to": "mia@example.com", "body": "Hi", "hold": "1"})  # fmt: skip
    (plan,) = await waiting(shop)
    browser.cookies.clear()
    await browser.log_in(shop.oda.email)
    for path in (f"planned/{plan['id']}/back", f"planned/{plan['id']}/now"):
        assert (await act(browser, f"/tickets/{ticket}/{path}", {})).status == 403
    assert (await act(browser, f"/tickets/{ticket}/messages", {"mode": "forward", "to": "a@b.example", "body": "x"})).status == 403  # fmt: skip
    assert len(await waiting(shop)) == 1
