"""Texts through a shop's own gateway: JSON in and out as the guide says, both signed, states, files, and what is no good."""

import hashlib
import hmac

import pytest
from aiohttp import web

from polus.channels import states
from polus.channels.texts import deliveries, stops
from polus.channels.texts.providers import newer
from polus.store.work import SYSTEM, reading, writing
from tests.channels.texts import office
from tests.channels.texts.office import OURS, PICTURE, SECRET, THEIRS, Texts

MESSAGE = {"type": "message", "id": "a-1", "from": THEIRS, "to": OURS, "text": "Hello", "name": "Jane"}


async def ticket(texts: Texts) -> int:
    assert (await texts.gateway(MESSAGE)).json == {"accepted": True}
    await texts.take()
    [row] = await texts.world.rows("select ticket_id from messages where account_id = $1")
    return row["ticket_id"]  # type: ignore[no-any-return]


async def test_in_and_out(texts: Texts) -> None:
    number_id = await texts.number("gate", provider="http", channel="whatsapp")
    texts.peer.files["/photo"] = lambda: web.Response(body=PICTURE)
    media = [{"url": texts.peer.url + "/photo", "name": "pho/to.png", "content_type": "image/png"}]
    told = {**MESSAGE, "media": media, "sent_datetime": "2026-01-02T03:04:05+01:00"}
    for _ in range(2):
        assert (await texts.gateway(told)).status == 200
    await texts.take()
    [row] = await texts.world.rows(
        "select ticket_id, sent_datetime, message_id from messages where account_id = $1"
    )
    assert (row["sent_datetime"].isoformat(), row["message_id"]) == (
        "2026-01-02T02:04:05+00:00",
        f"{number_id}-a-1",
    )
    shown = (await texts.world.leo.get(f"/api/tickets/{row['ticket_id']}")).json
    [message] = shown["messages"]
    assert (message["attachments"][0]["name"], message["sender"]["name"]) == ("to.png", "Jane")
    assert shown["customer"]["channels"][0]["type"] == "whatsapp"

    made = await texts.answer(row["ticket_id"], channel="whatsapp", body_text="Hi Jane")
    await texts.work()
    [got] = texts.peer.got
    assert got.json == {
        "type": "message", "key": f"polus-{texts.world.account.hash}-{made['id']}-0", "channel": "whatsapp", "from": OURS,
        "to": THEIRS, "text": "Hi Jane", "media": [],
        "callback": await texts.hook("gate") + f"/{made['id']}-0",
    }  # fmt: skip
    stamp, _, mac = got.headers["X-Polus-Signature"].partition(",v1=")
    signed = f"{stamp.removeprefix('t=')}.".encode() + got.body
    assert mac == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert await texts.states(row["ticket_id"]) == ["sent"]
    for state in ("delivered", "read", "queued"):
        assert (await texts.gateway({"type": "state", "id": "g1", "state": state})).status == 200
    await texts.take()
    assert await texts.states(row["ticket_id"]) == ["read"]
    assert (await texts.message(made))["opened_datetime"] is not None


async def test_what_a_gateway_refuses(texts: Texts) -> None:
    await texts.number("gate", provider="http")
    ticket_id = await ticket(texts)
    told = {"error": "No credit <left>", "code": "credit"}
    texts.peer.answer = lambda _got: web.json_response(told, status=402)
    made = await texts.answer(ticket_id)
    await texts.work()
    assert (await texts.message(made))["last_sending_error"]["error"] == "<p>No credit &lt;left&gt;</p>"
    async with reading(texts.world.database, texts.world.account, SYSTEM) as work:
        [state] = await states.of_account(work)
        assert (state.type, state.word(work.now), state.said.error) == ("sms", "failing", "No credit <left>")
    told["code"] = "unsubscribed"
    made = await texts.answer(ticket_id)
    await texts.work()
    assert "said STOP" in (await texts.message(made))["last_sending_error"]["error"]
    texts.peer.got.clear()
    await texts.answer(ticket_id)
    await texts.work()
    assert texts.peer.got == []
    async with writing(texts.world.database, texts.world.account, SYSTEM) as work:
        assert await stops.remove(work, THEIRS)
    texts.peer.answer = None
    made = await texts.answer(ticket_id)
    await texts.work()
    await texts.gateway(
        {
            "type": "state",
            "id": "g1",
            "to": THEIRS,
            "state": "failed",
            "code": "unsubscribed",
            "error": "stop",
        }
    )
    await texts.take()
    stored = await texts.message(made)
    assert (stored["last_sending_error"]["error"], stored["is_retriable"]) == ("<p>stop</p>", False)
    async with writing(texts.world.database, texts.world.account, SYSTEM) as work:
        assert await stops.why(work, THEIRS)


async def test_what_is_no_good_is_refused_and_nothing_stored(texts: Texts) -> None:
    await texts.number("gate", provider="http")
    for told, more, wanted in (
        (MESSAGE, {"secret": "another"}, 403), (MESSAGE, {"age": 400}, 403), (MESSAGE, {"age": -400}, 403),
        ({**MESSAGE, "id": ""}, {}, 400), ({**MESSAGE, "id": "x" * 200}, {}, 400), ({**MESSAGE, "type": "call"}, {}, 400),
        ({**MESSAGE, "text": 7}, {}, 400), ([], {}, 400), ({**MESSAGE, "to": "+14155559999"}, {}, 400),
        ({"type": "state", "id": "1", "state": "lost"}, {}, 400),
    ):  # fmt: skip
        assert (await texts.gateway(told, **more)).status == wanted, told  # type: ignore[arg-type]
    assert await texts.world.rows("select 1 from text_arrivals where account_id = $1") == []
    # A state of nothing that we know of.
    await texts.gateway({"type": "state", "id": "nobody's", "state": "read"})
    await texts.take()
    assert (await texts.world.rows("select state from text_arrivals where account_id = $1"))[0][
        "state"
    ] == "ignored"


async def test_messages_that_no_number_can_send(texts: Texts) -> None:
    made = await texts.world.ada.post("/api/tickets", {
        "channel": "sms", "via": "api", "customer": {"email": "jane@x.example"},
        "messages": [{"channel": "sms", "via": "api", "from_agent": True, "body_text": "Hi", "sender": {"id": texts.world.ada.user_id}}],
    })  # fmt: skip
    [message] = made.json["messages"]
    await texts.work()
    # wire: without an integration of that type it is stored and stays unsent
    stored = await texts.message(message)
    assert (stored["sent_datetime"], stored["failed_datetime"]) == (None, None)
    await texts.number("gate", provider="http")
    for more, said in (
        ({}, "no number"),
        (
            {"source": {"type": "sms", "to": [{"address": THEIRS}]}, "body_text": "x" * 1601},
            "1,600 characters",
        ),
        (
            {"source": {"type": "sms", "to": [{"address": THEIRS}]}, "body_text": ""},
            "nothing in this message",
        ),
    ):
        message = await texts.answer(made.json["id"], **more)
        await texts.work()
        assert said in (await texts.message(message))["last_sending_error"]["error"]
    assert texts.peer.got == []


async def test_a_number_is_tested_and_says_what_is_wrong(texts: Texts) -> None:
    await texts.number()
    for answer, wrong in (
        (
            office.refusal(20003, "Authenticate", 401),
            "does not know this account SID and auth token. (20003)",
        ),
        (lambda _got: web.Response(status=503), "The answer was 503."),
        (None, None),
    ):
        texts.peer.answer = answer
        async with writing(texts.world.database, texts.world.account, SYSTEM) as work:
            await deliveries.numbers.test(work, texts.ids["sms"], "(415) 555-0177")
        assert (await texts.shown()).facts["testing"]
        await texts.test()
        facts = (await texts.shown()).facts
        assert (facts["tested_address"], facts["testing"]) == ("+14155550177", False)
        assert (facts["tested_error"] or "").endswith(wrong or ""), facts["tested_error"]
        assert (facts["tested_error"] is None) == (wrong is None)
    assert texts.peer.got[-1].form["To"] == "+14155550177"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("STOP", "STOP"), (" stop!\n", "STOP"), ("StopAll", "STOP"), ("«end»", "STOP"), ("quit", "STOP"), ("Cancel", "STOP"),
        ("unsubscribe.", "STOP"), ("START", "START"), ("unstop", "START"), ("help?", "HELP"), ("stop it", ""), ("", ""),
        ("please stop", ""), ("!!!", ""), ("STOP" * 20, ""),
    ],
)  # fmt: skip
def test_words(text: str, meaning: str) -> None:
    assert stops.meaning(text) == meaning


def test_conditions_do_not_go_back() -> None:
    assert newer(None, "failed")
    assert newer("sent", "failed")
    assert not newer("delivered", "failed")
    assert not newer("failed", "delivered")
    assert newer("queued", "read")
    assert not newer("read", "delivered")
    assert not newer("sent", "sent")
