"""HTTP integrations: what is called when, with what; what becomes of answers and failures."""

import asyncio
import datetime
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from polus.base import clock
from polus.channels.http import dialling, outcomes
from polus.desk.hooks import deliveries
from tests import make
from tests.channels.http import receiver as receivers
from tests.channels.http.receiver import Shop
from tests.world import World

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)


@pytest.fixture
async def shop(world: World, subscribed: None) -> AsyncIterator[Shop]:
    async with receivers.opened(world) as made:
        yield made


async def _address(world: World) -> str:
    await make.address(world)
    return f"help@{world.account.domain}.example"


async def test_a_new_ticket_is_told_with_its_whole_context(shop: Shop) -> None:
    integration_id = await shop.connect(
        "ticket-created", hmac_secret="s3cret-of-hmac", headers={"X-Key": "k3y-of-header"}
    )
    ticket = await make.ticket(shop.world, tags=[{"name": "VIP"}])
    await shop.run()
    (got,) = shop.receiver.got
    (row,) = await shop.rows()
    document = got.json
    assert set(document) == {"event", "account", "ticket", "message", "current_user"}
    assert document["event"] == {
        "id": str(row["uuid"]), "type": "ticket-created", "user_id": shop.world.lia.user_id,
        "created_datetime": clock.text(row["created_datetime"]),
    }  # fmt: skip
    assert document["account"] == {"domain": shop.world.account.domain}
    told = document["ticket"]
    assert (told["id"], told["uri"], told["status"]) == (
        ticket["id"],
        f"/api/tickets/{ticket['id']}/",
        "open",
    )
    assert told["customer"]["email"] == "mia@example.com"
    assert told["requester"] == told["customer"]
    assert [tag["name"] for tag in told["tags"]] == ["VIP"]
    assert document["message"]["body_text"] == "Where is my parcel?"
    assert document["message"] == told["messages"][0]
    assert document["current_user"]["email"] == shop.world.lia.email
    assert got.headers["User-Agent"].startswith("Polus-HTTP-Integration/")
    assert got.headers["X-Key"] == "k3y-of-header"
    told_headers = {name: got.headers[name] for name in got.headers if name.startswith("X-Polus-")}
    signature = told_headers.pop("X-Polus-Signature")
    assert told_headers == {
        "X-Polus-Delivery": str(row["uuid"]),
        "X-Polus-Event": "ticket-created",
        "X-Polus-Integration": str(integration_id),
        "X-Polus-Attempt": "1",
    }
    plain = hmac.new(b"s3cret-of-hmac", got.body, hashlib.sha256).hexdigest()
    assert got.headers["X-Gorgias-Signature"] == plain
    moment, stamped = (part.split("=")[1] for part in signature.split(","))
    assert stamped == hmac.new(b"s3cret-of-hmac", moment.encode() + b"." + got.body, "sha256").hexdigest()
    # The log knows it all but for the secrets.
    assert (row["state"], row["status"], row["attempts"], row["due_datetime"]) == ("delivered", 200, 1, None)
    assert "k3y-of-header" not in str(dict(row))
    assert "s3cret-of-hmac" not in str(dict(row))
    assert json.loads(row["request"])["url"] == shop.receiver.url + "/hook"
    assert await shop.world.events("integration-used") == [
        ("integration-used", "Integration", integration_id, None)
    ]


ALL = (
    "ticket-created", "ticket-updated", "ticket-message-created", "ticket-self-unsnoozed", "ticket-message-failed",
    "ticket-assignment-updated", "ticket-status-updated", "ticket-handed-over",
)  # fmt: skip


async def test_each_trigger_fires_once_per_change_in_the_documented_order(shop: Shop) -> None:
    world = shop.world
    await shop.connect(*ALL)
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}"

    async def told() -> list[str]:
        await shop.run()
        names = [got.headers["X-Polus-Event"] for got in shop.receiver.got]
        shop.receiver.got.clear()
        return names

    assert await told() == ["ticket-created", "ticket-message-created"]
    await world.lia.post(path + "/messages", make.note())
    assert await told() == ["ticket-updated", "ticket-message-created"]
    change = {"assignee_user": {"id": world.leo.user_id}, "status": "closed", "subject": "Parcel"}
    assert (await world.lia.put(path, change)).status == 202
    assert await told() == ["ticket-updated", "ticket-assignment-updated", "ticket-status-updated"]
    assert (await world.lia.put(path, {"subject": "Parcel"})).status == 202
    assert await told() == []
    await world.lia.post(path + "/tags", {"names": ["late"]})
    assert await told() == ["ticket-updated"]
    (bot,) = await world.rows("select bot_id from accounts where id = $1")
    await world.rows("update tickets set assignee_user_id = $2 where account_id = $1 returning 1", bot[0])
    await world.lia.put(path, {"assignee_user": {"id": world.bea.user_id}})
    assert await told() == ["ticket-updated", "ticket-assignment-updated", "ticket-handed-over"]
    await make.ticket(world, messages=[make.mail(imported=True)], imported=True)
    assert await told() == []


async def test_templates_fill_address_headers_and_form(shop: Shop) -> None:
    ticket = await make.ticket(shop.world, subject="Ä & b", spam=False)
    url = shop.receiver.url + "/t/{{ticket.id}}?subject={{ticket.subject}}"
    await shop.connect("ticket-updated", url=url, method="GET", form={"email": "{{ticket.customer.email}}", "n": 7},
                       headers={"X-Subject": "{{ticket.subject}}", "Host": "evil.example"}, hmac_secret="abcdefgh")  # fmt: skip
    form = {"a": "{{ticket.spam}}", "b": {"c": ["{{ticket.customer.name|upper}}"]}, "d": 1, "e": None}
    await shop.connect("ticket-updated", method="PUT", form=form)
    await shop.connect("ticket-updated", form=form, request_content_type="application/x-www-form-urlencoded")
    await shop.connect("ticket-updated", form="id={{ticket.id}}", method="PATCH")
    await shop.connect("ticket-updated", form=None)
    await shop.world.lia.put(f"/api/tickets/{ticket['id']}", {"priority": "high"})
    await shop.run()
    by = {got.method + str(len(got.body) > 0): got for got in shop.receiver.got}
    get = by["GETFalse"]
    assert get.path == f"/t/{ticket['id']}?subject=%C3%84%20%26%20b&n=7&email=mia@example.com"
    assert (get.headers["X-Subject"], get.headers["Host"]) == ("Ä & b", f"hooks.test:{shop.receiver.port}")
    assert (
        get.headers["X-Gorgias-Signature"] == hmac.new(b"abcdefgh", get.path.encode(), "sha256").hexdigest()
    )
    assert "Content-Type" not in get.headers
    assert by["PUTTrue"].json == {"a": "False", "b": {"c": ["MIA MEYER"]}, "d": 1, "e": None}
    assert by["POSTTrue"].body == b"a=False&b=%7B%22c%22%3A%5B%22MIA+MEYER%22%5D%7D&d=1&e="
    assert by["POSTTrue"].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert by["PATCHTrue"].body == f"id={ticket['id']}".encode()
    assert by["POSTFalse"].body == b""


async def test_the_answer_is_kept_with_the_customer(shop: Shop) -> None:
    integration_id = await shop.connect("ticket-updated", headers={"Authorization": "Bearer topsecret1"})
    ticket = await make.ticket(shop.world)
    customer = f"/api/customers/{ticket['customer']['id']}"

    async def kept(body: bytes, status: int = 200) -> Any:
        shop.receiver.body, shop.receiver.status = body, status
        shop.receiver.headers = {"Content-Type": "application/json"}
        await shop.world.lia.put(f"/api/tickets/{ticket['id']}", {"subject": str(hash(body))})
        await shop.run()
        return (await shop.world.lia.get(customer)).json["integrations"].get(str(integration_id))

    assert await kept(b'{"points": 7}') == {"points": 7, "__integration_type__": "http"}
    assert await kept(b"[1, 2]") == {"data": [1, 2], "__integration_type__": "http"}
    for useless in (
        b"",
        b"no json",
        b"7",
        b'{"a": "\\u0000"}',
        b"[" * 5000,
        b'{"a": 1' + b" " * 1_100_000 + b"}",
    ):
        assert await kept(useless) == {"data": [1, 2], "__integration_type__": "http"}
    assert await kept(b'{"points": 8}', 404) == {"data": [1, 2], "__integration_type__": "http"}
    # Who repeats a secret does not make it public.
    assert await kept(b'{"you": "Bearer topsecret1"}') == {"you": "***", "__integration_type__": "http"}
    rows = await shop.rows("answer, request::text")
    assert "topsecret1" not in str([tuple(row) for row in rows])
    assert max(len(row["answer"] or "") for row in rows) == 2048


async def test_retries_come_after_their_waits_and_then_it_has_failed(shop: Shop) -> None:
    await shop.connect("ticket-created")
    await make.ticket(shop.world)
    shop.receiver.status = 500
    await shop.run()
    for attempt, wait in enumerate((10, 60, 300), 1):
        (row,) = await shop.rows()
        assert (row["state"], row["attempts"]) == ("waiting", attempt)
        away = (row["due_datetime"] - clock.now()).total_seconds()
        assert wait * 0.75 < away < wait * 1.21
        await shop.call()
        assert len(shop.receiver.got) == attempt
        await _due_now(shop)
        await shop.call()
    (row,) = await shop.rows()
    assert (row["state"], row["attempts"], row["status"], row["due_datetime"]) == ("failed", 4, 500, None)
    assert [got.headers["X-Polus-Attempt"] for got in shop.receiver.got] == ["1", "2", "3", "4"]
    assert len({got.headers["X-Polus-Delivery"] for got in shop.receiver.got}) == 1
    assert len({got.body for got in shop.receiver.got}) == 1
    assert [one["status"] for one in json.loads(row["history"])] == [500] * 4


async def _due_now(shop: Shop) -> None:
    await shop.world.rows(
        "update http_deliveries set due_datetime = now() where account_id = $1 and due_datetime is not null returning 1"
    )


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 410])
async def test_other_answers_are_final(shop: Shop, status: int) -> None:
    await shop.connect("ticket-created")
    await make.ticket(shop.world)
    shop.receiver.status = status
    shop.receiver.headers = {"Location": shop.receiver.url + "/elsewhere"}
    await shop.run()
    (row,) = await shop.rows()
    assert (row["state"], row["attempts"], row["status"]) == ("failed", 1, status)
    assert len(shop.receiver.got) == 1


async def test_a_tickets_deliveries_keep_their_order(shop: Shop) -> None:
    await shop.connect("ticket-updated")
    first, second = await make.ticket(shop.world), await make.ticket(shop.world)
    for number in range(3):
        for ticket in (first, second):
            await shop.world.lia.put(f"/api/tickets/{ticket['id']}", {"subject": f"n{number}"})
        await shop.react()
    # The first one's first call is refused for a while: what follows it waits, the other ticket goes on.
    shop.receiver.choose = lambda got: 500 if got.json["ticket"]["id"] == first["id"] else 200
    await shop.call()
    told = [(got.json["ticket"]["id"], got.json["ticket"]["subject"]) for got in shop.receiver.got]
    assert told.count((first["id"], "n0")) == 1
    assert [subject for one, subject in told if one == second["id"]] == ["n0", "n1", "n2"]
    shop.receiver.choose = None
    shop.receiver.got.clear()
    with clock.turned(by=datetime.timedelta(seconds=15)):
        await shop.call()
    assert [got.json["ticket"]["subject"] for got in shop.receiver.got] == ["n0", "n1", "n2"]


async def test_a_day_without_receiver_loses_nothing_and_floods_nobody(shop: Shop) -> None:
    await shop.connect("ticket-created")
    for _ in range(30):
        await make.ticket(shop.world)
    await shop.react()
    shop.receiver.status = 503
    now = clock.now()
    minute = datetime.timedelta(minutes=1)
    for passed in range(0, 24 * 60, 10):
        with clock.turned(to=now + passed * minute):
            await shop.call()
    # Three that met nobody, then one now and then: at most one in ten minutes.
    assert len(shop.receiver.got) < 24 * 6 + 10
    assert {row["state"] for row in await shop.rows("state")} == {"waiting"}
    assert await shop.world.rows(
        "select 1 from integrations where account_id = $1 and deactivated_datetime is null"
    )
    shop.receiver.status, shop.receiver.most_at_once = 200, 0
    shop.receiver.got.clear()
    with clock.turned(to=now + DAY + HOUR):
        await shop.call()
    assert {row["state"] for row in await shop.rows("state")} == {"delivered"}
    assert len({got.headers["X-Polus-Delivery"] for got in shop.receiver.got}) == len(shop.receiver.got) == 30
    assert shop.receiver.most_at_once <= 4


async def test_after_three_days_it_is_given_up(shop: Shop) -> None:
    await shop.connect("ticket-created")
    await make.ticket(shop.world)
    shop.receiver.status = 503
    now = clock.now()
    await shop.run()
    for hours in (1, 2, 3, 80):
        with clock.turned(to=now + hours * HOUR):
            await shop.call()
    assert [tuple(row) for row in await shop.rows("state, attempts")] == [("failed", 5)]


async def test_what_only_fails_is_switched_off_and_the_admins_are_told(shop: Shop) -> None:
    integration_id = await shop.connect("ticket-created")
    ticket = await make.ticket(shop.world)
    await shop.react()
    copies = "insert into http_deliveries (account_id, integration_id, trigger, ticket_id, document_id, created_datetime, due_datetime) select account_id, integration_id, trigger, $2, document_id, now(), now() from http_deliveries, generate_series(1, 109) where account_id = $1 returning 1"
    await shop.world.rows(copies, ticket["id"])
    shop.receiver.status = 404
    await shop.call()
    states = [row["state"] for row in await shop.rows("state")]
    assert 100 <= states.count("failed") < 110
    answer = await shop.world.ada.get(f"/api/integrations/{integration_id}")
    assert answer.json["deactivated_datetime"] is not None
    told = await shop.world.events("integration-deactivated")
    assert [(event[2], event[3]["reason"]) for event in told] == [
        (integration_id, "100 deliveries in a row failed.")
    ]
    notices = await shop.world.rows("select recipient, subject, body_text from notices where account_id = $1")
    assert [row["recipient"] for row in notices] == [shop.world.ada.email]
    assert "The answer was 404." in notices[0]["body_text"]
    # Nothing is called any more, until it is switched on; then the rest goes out.
    before = len(shop.receiver.got)
    await shop.call()
    assert len(shop.receiver.got) == before
    shop.receiver.status = 200
    await shop.world.ada.put(f"/api/integrations/{integration_id}", {"deactivated_datetime": None})
    await shop.call()
    assert len(shop.receiver.got) == 110


async def test_a_success_forgives_what_failed_before(shop: Shop) -> None:
    await shop.connect("ticket-created")
    shop.receiver.status = 404
    for status in (404, 404, 200):
        shop.receiver.status = status
        await make.ticket(shop.world)
        await shop.run()
        (line,) = await shop.world.rows("select failures, worker from http_lines where account_id = $1")
        assert (line["failures"], line["worker"]) == ({404: line["failures"], 200: 0}[status], None)


async def test_a_slow_receiver_holds_up_nobody_else(
    shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So long that who waited for it would be seen to: its calls would have failed.
    monkeypatch.setattr(dialling, "SECONDS", 20.0)
    slow_gate = asyncio.Event()
    async with receivers.listening(receivers.Receiver(gate=slow_gate)) as slow:
        await shop.connect("ticket-created", url=slow.url + "/slow")
        for _ in range(3):
            await make.ticket(world)
        await shop.connect("ticket-created")
        await make.ticket(world)
        await shop.react()
        calling = asyncio.create_task(shop.call())
        while not shop.receiver.got and not calling.done():
            await asyncio.sleep(0.01)
        assert not calling.done()
        slow_gate.set()
        await calling
    assert {row["state"] for row in await shop.rows("state")} == {"delivered"}


async def test_who_dies_between_call_and_note_has_it_called_again_with_the_same_id(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.connect("ticket-created")
    await make.ticket(shop.world)
    await shop.react()
    reached, dead = asyncio.Event(), asyncio.Event()

    async def never(*_: Any) -> bool:
        reached.set()
        await dead.wait()
        # Not left waiting: it would keep its connection for the rest of the run.
        raise asyncio.CancelledError

    async with receivers.opened(shop.world) as other:
        with monkeypatch.context() as patched:
            patched.setattr(outcomes, "mine", never)
            dying = asyncio.create_task(other.call())
            await reached.wait()
            # While it lives, nobody else takes its line.
            patched.undo()
            await shop.call()
            assert len(shop.receiver.got) == 1
            dying.cancel()
            dead.set()
            await asyncio.gather(dying, return_exceptions=True)
    await shop.call()
    (row,) = await shop.rows("uuid, state")
    assert [got.headers["X-Polus-Delivery"] for got in shop.receiver.got] == [str(row["uuid"])] * 2
    assert row["state"] == "delivered"


async def test_logs_are_shortened_by_a_chore(shop: Shop) -> None:
    integration_id = await shop.connect("ticket-created")
    await make.ticket(shop.world)
    await shop.run()
    await shop.world.rows(
        "insert into http_deliveries (account_id, integration_id, trigger, document_id, created_datetime, state)"
        " select account_id, integration_id, trigger, document_id, now(), 'delivered' from http_deliveries,"
        " generate_series(1, 120) where account_id = $1 returning 1"
    )
    now = clock.now()
    async with shop.world.database.pool.acquire() as db:
        while await deliveries.remove_old(db, now):
            pass
        assert len(await shop.rows()) == 100
        await shop.world.rows(
            "update integrations set deactivated_datetime = now() where account_id = $1 returning 1"
        )
        await shop.world.rows(
            "update http_deliveries set state = 'waiting', due_datetime = now() where account_id = $1 and id ="
            " (select max(id) from http_deliveries where integration_id = $2) returning 1",
            integration_id,
        )
        await deliveries.remove_old(db, now + 4 * DAY)
        newest = (await shop.rows("state, error"))[-1]
        assert tuple(newest) == ("failed", "The integration is switched off.")
        while await deliveries.remove_old(db, now + 31 * DAY):
            pass
    assert await shop.rows() == []
    assert await shop.world.rows("select 1 from http_documents where account_id = $1") == []
