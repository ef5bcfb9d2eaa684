"""What the actions of an agent's message do, and those that go to the outside: first, once, and by an agent's leave."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from polus.base.outbound import Allowed
from polus.desk.accounts import Book
from polus.desk.macros import previews
from polus.reactions import outside as lanes
from polus.reactions.outside import Outside
from polus.reactions.table import REACTIONS
from polus.store import work as works
from polus.store.presence import Presence
from polus.store.queue import Queue
from polus.store.work import Actor, Subscription, reading
from tests import make
from tests.api.test_applying import action, outcomes
from tests.api.test_applying import macro as made_macro
from tests.world import World


class Shop:
    """What is called; `answers` are the statuses it gives, the last one again and again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls: list[dict[str, Any]] = []
        self.answers = [200]
        self.url = ""
        self.presence = Presence(world.database)

    async def take(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode()
        self.calls.append(
            {
                "method": request.method,
                "path": request.path_qs,
                "headers": dict(request.headers),
                "body": body,
            }
        )
        status = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.json_response({"ok": status}, status=status)

    async def run(self) -> None:
        lane = Outside(
            self.world.database, Book(self.world.database, "http://h.example"), self.presence
        ).lane()
        await Queue(self.world.database, lane).drain()

    async def see(self, ticket_id: int) -> Any:
        return (await self.world.ada.get(f"/api/tickets/{ticket_id}")).json

    async def decide(self, message: Any, action: str) -> Any:
        path = f"/api/tickets/{message['ticket_id']}/messages/{message['id']}"
        body = {"channel": "email", "from_agent": True}
        answer = await self.world.bea.send("PUT", path, body, action=action)
        assert answer.status == 202, answer.raw
        return answer.json


@pytest.fixture
async def shop(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    found = Shop(world)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    monkeypatch.setattr(world.database, "allowed", Allowed(["127.0.0.1"]))
    await make.address(world)
    await found.presence.open()
    yield found
    await found.presence.close()
    await runner.cleanup()


async def send(shop: Shop, ticket: Any, *actions: Any, **more: Any) -> Any:
    body = make.answer(actions=list(actions), **more)
    made = await shop.world.bea.post(f"/api/tickets/{ticket['id']}/messages", body)
    assert made.status == 201, made.raw
    return made.json


async def test_the_chips_that_are_left_are_done_with_the_message(shop: Shop) -> None:
    ticket = await make.ticket(shop.world)
    macro = await made_macro(shop.world, action("addTags", tags="removed"))
    message = await send(
        shop,
        ticket,
        action("setResponseText", body_text="not said again {{ticket.id}}"),
        action("addTags", tags="a, {{ticket.customer.firstname}}"),
        action("setStatus", status="closed"),
        action("setPriority", priority="wrong"),
        action("sendPigeon"),
        "junk",
        macros=[{"id": macro}],
    )
    found = await shop.see(ticket["id"])
    assert (found["status"], sorted(tag["name"] for tag in found["tags"])) == ("closed", ["Mia", "a"])
    assert message["body_text"] == "It left on Monday."
    assert [one if one == "junk" else one["status"] for one in message["actions"]] == [
        "success",
        "success",
        "success",
        "error",
        "skipped",
        "junk",
    ]
    assert message["actions"][1]["arguments"] == {"tags": "a, {{ticket.customer.firstname}}"}
    told = [data for *_, data in await shop.world.events("action-executed")]
    assert {(one["macro_id"], one["message_id"], one["rule_id"]) for one in told} == {
        (macro, message["id"], None)
    }
    by = await shop.world.rows(
        "select distinct user_id from events where account_id = $1 and type = 'ticket-closed'"
    )
    assert [row[0] for row in by] == [shop.world.bea.user_id]
    assert (await shop.world.oda.get(f"/api/macros/{macro}")).json["usage"] == 1


async def test_messages_of_a_new_ticket_and_imported_ones(shop: Shop) -> None:
    chip = action("addTags", tags="x")
    made = await make.ticket(shop.world, messages=[make.mail(), make.answer(actions=[chip])])
    found = await shop.see(made["id"])
    assert [tag["name"] for tag in found["tags"]] == ["x"]
    old = await make.ticket(shop.world, messages=[make.mail(), make.answer(actions=[chip])], imported=True)
    found = await shop.see(old["id"])
    assert found["tags"] == []
    assert found["messages"][1]["actions"] == [chip]


async def test_calls_come_first_and_the_message_waits_for_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in {kind for listed in REACTIONS for kind in listed.on}:
        known = tuple(Subscription(one.name, one.when) for one in REACTIONS if kind in one.on)
        monkeypatch.setitem(works.subscriptions, kind, known)
    ticket = await make.ticket(shop.world)
    message = await send(
        shop,
        ticket,
        action("addTags", tags="after"),
        action(
            "http",
            url=shop.url + "/refund/{{ticket.customer.name}}",
            method="POST",
            headers={"X-Ticket": "{{ticket.id}}", "Host": "evil"},
            json={"by": "{{current_user.name}}", "n": 1, "list": ["{{ticket.nothing}}"]},
        ),
        action("http", url=shop.url + "/look", form={"q": "{{ticket.subject}}"}, params={"a": "b c"}),
        sent_datetime=None,
    )
    assert [one["status"] for one in message["actions"]] == ["pending"] * 3
    assert (message["sent_datetime"], message["failed_datetime"]) == (None, None)
    assert (await shop.see(ticket["id"]))["tags"] == []
    assert shop.calls == []
    await shop.run()
    first, second = shop.calls
    assert (first["method"], first["path"]) == ("POST", "/refund/Mia%20Meyer")
    assert json.loads(first["body"]) == {"by": "Bea Agent", "n": 1, "list": [""]}
    assert (first["headers"]["X-Ticket"], "evil" in first["headers"]["Host"]) == (str(ticket["id"]), False)
    assert (second["method"], second["path"].split("?")[1].split("&")[0]) == ("GET", "a=b+c")
    found = await shop.see(ticket["id"])
    told = found["messages"][1]["actions"]
    assert [one["status"] for one in told] == ["success"] * 3
    assert told[1]["response"] == {"status_code": 200, "body": '{"ok": 200}'}
    assert "response" not in told[0]
    assert [tag["name"] for tag in found["tags"]] == ["after"]
    [call] = [
        data for *_, data in await shop.world.events("action-executed") if data["arguments"].get("json")
    ]
    assert call["arguments"]["headers"] == {"X-Ticket": "…", "Host": "…"}, "they may hold keys"
    # Only now it is told to those who deliver.
    assert len(await shop.world.events("ticket-message-updated")) == 1
    owed = await shop.world.rows("select reaction from outbox where account_id = $1 and reaction = 'deliver'")
    assert len(owed) == 2
    assert await shop.world.rows("select 1 from outside_actions where account_id = $1") == []


async def test_a_failed_call_is_retried_skipped_or_the_message_deleted(shop: Shop) -> None:
    ticket = await make.ticket(shop.world)
    steps = (
        action("http", url=shop.url + "/one"),
        action("http", url=shop.url + "/two"),
        action("addTags", tags="t"),
    )
    shop.answers = [200, 500, 500, 302]
    message = await send(shop, ticket, *steps)
    await shop.run()
    stuck = (await shop.see(ticket["id"]))["messages"][1]
    assert [(one["status"], one["reason"]) for one in stuck["actions"]] == [
        ("success", None),
        ("error", "answered 500"),
        ("pending", None),
    ]
    assert (stuck["sent_datetime"], stuck["failed_datetime"]) == (None, None)
    again = await shop.decide(message, "retry")
    assert [one["status"] for one in again["actions"]] == ["success", "pending", "pending"]
    await shop.run()
    assert [call["path"] for call in shop.calls] == ["/one", "/two", "/two"]
    forced = await shop.decide(message, "force")
    assert [one["status"] for one in forced["actions"]] == ["success", "skipped", "pending"]
    await shop.run()
    assert [tag["name"] for tag in (await shop.see(ticket["id"]))["tags"]] == ["t"]
    assert len(shop.calls) == 3
    # Nothing has failed any more: the word means nothing.
    assert (await shop.decide(message, "cancel"))["id"] == message["id"]
    other = await send(shop, ticket, *steps[:1], action("http", url="http://10.0.0.1/inside"))
    await shop.run()
    gone = await shop.decide(other, "cancel")
    assert gone["actions"][0]["reason"] == "answered 302"
    assert len((await shop.see(ticket["id"]))["messages"]) == 2
    assert await shop.world.rows("select 1 from outside_actions where account_id = $1") == []


async def test_what_cannot_be_called(shop: Shop) -> None:
    ticket = await make.ticket(shop.world)
    for step, reason in (
        (action("http", url="http://10.0.0.1/inside"), "The host must resolve to public addresses."),
        (action("http", url="file:///etc/passwd"), "Not a valid URL."),
        (action("http"), "url: missing"),
        (
            action("http", url=shop.url, method="BREW"),
            "method: not one of GET, POST, PUT, PATCH, DELETE, HEAD",
        ),
        (action("shopifyRefundOrder", order="1"), "not connected"),
    ):
        message = await send(shop, ticket, step)
        await shop.run()
        stuck = (await shop.world.ada.get(f"/api/tickets/{ticket['id']}/messages/{message['id']}")).json
        assert [(one["status"], one["reason"]) for one in stuck["actions"]] == [("error", reason)]
    assert shop.calls == []


async def test_a_call_whose_worker_died_is_never_made_twice(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await make.ticket(shop.world)
    await send(shop, ticket, action("http", url=shop.url + "/pay", method="POST"))

    async def dies(*_: Any) -> None:
        raise RuntimeError("the process is gone")

    monkeypatch.setattr(lanes.Outside, "_write_down", dies)
    await shop.run()
    monkeypatch.undo()
    assert len(shop.calls) == 1
    await shop.presence.close()
    shop.presence = Presence(shop.world.database)
    await shop.presence.open()
    await shop.run()
    await shop.run()
    assert len(shop.calls) == 1
    stuck = (await shop.see(ticket["id"]))["messages"][1]
    assert stuck["actions"][0]["reason"] == "interrupted: whether the call arrived is not known"


async def test_a_preview_shows_the_text_and_the_chips(shop: Shop) -> None:
    world = shop.world
    ticket = await make.ticket(world)
    file = {"url": "https://x.example/a.pdf", "name": "a.pdf", "content_type": "application/pdf"}
    macro = await made_macro(
        world,
        action("setResponseText", body_text="Hi {{ticket.customer.firstname}}", cc="c@d.example"),
        action("addAttachments", attachments=[file]),
        action("addTags", tags="vip, {{ticket.customer.firstname}}"),
        action("setAssignee", assignee_user={"id": "{{current_user.id}}"}),
        action("snoozeTicket", snooze_timedelta="nonsense"),
        action("http", url="https://shop.example/{{ticket.id}}"),
        action("sendPigeon", to="x"),
    )
    actor = Actor("user", world.bea.user_id, "basic-agent")
    async with reading(world.database, world.account, actor) as work:
        found = await previews.fill(work, macro, ticket["id"])
    assert (found.body_text, found.body_html, found.cc) == ("Hi Mia", "Hi Mia", ["c@d.example"])
    assert [one["name"] for one in found.attachments] == ["a.pdf"]
    assert [chip.sentence for chip in found.chips] == [
        "add the tags vip, Mia",
        "assign the ticket to Bea Agent",
        "snooze the ticket (as it is written it cannot be done)",
        f"call https://shop.example/{ticket['id']}",
        "“sendPigeon” (an action unknown here)",
    ]
    assert [chip.external for chip in found.chips] == [False, False, False, True, False]
    assert found.chips[0].action["arguments"] == {"tags": "vip, {{ticket.customer.firstname}}"}
    assert [one["name"] for one in found.said] == ["setResponseText", "addAttachments"]
    assert await outcomes(world) == []
