"""Providers that are slow, break off, refuse or vanish, and workers that die: no text is lost, none is doubled but where
the connection broke after the provider took it."""

import asyncio
from typing import Any

import pytest
from aiohttp import web

from polus.channels import twilio
from polus.channels.texts import by_http
from tests.channels import dying
from tests.channels.texts.office import OURS, PICTURE, THEIRS, Texts, refusal


async def stored(texts: Texts, made: Any) -> tuple[bool, str]:
    """Whether it was sent, and the error."""
    message = await texts.message(made)
    return message["sent_datetime"] is not None, (message["last_sending_error"] or {}).get("error", "")


@pytest.mark.parametrize("provider", ["twilio", "http"])
async def test_a_provider_in_trouble(texts: Texts, provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(twilio, "SECONDS", 0.2)
    monkeypatch.setattr(by_http, "SECONDS", 0.2)
    await texts.number(provider=provider)
    made = await texts.world.ada.post("/api/tickets", {
        "channel": "sms", "via": "api", "customer": {"channels": [{"type": "phone", "address": THEIRS}]},
        "messages": [{"channel": "sms", "via": "api", "from_agent": True, "body_text": "Hi", "sender": {"id": texts.world.ada.user_id}}],
    })  # fmt: skip
    assert made.status == 201, made.raw
    [message] = made.json["messages"]
    troubles = [
        lambda _got: web.Response(status=500), lambda _got: web.Response(status=429), lambda _got: "hold",
        lambda _got: "cut",
    ]  # fmt: skip
    for number, trouble in enumerate(troubles, 1):
        texts.peer.answer = trouble
        await texts.work()
        assert len(texts.peer.got) == number
        [row] = await texts.world.rows(
            "select attempts, error, worker from text_deliveries where account_id = $1"
        )
        assert (row["attempts"], row["worker"]) == (number, None)
        assert "answer" in row["error"]
        assert await stored(texts, message) == (False, "")
        await texts.hurry()
    texts.peer.answer = None
    await texts.work()
    await texts.hurry()
    await texts.work()
    assert len(texts.peer.got) == 5
    assert await stored(texts, message) == (True, "")
    assert await texts.world.rows("select 1 from text_deliveries where account_id = $1") == []
    # Its name is the same at each attempt, so a gateway that took it knows it again.
    if provider == "http":
        assert len({got.headers["Idempotency-Key"] for got in texts.peer.got}) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(20003, "Authenticate", 401), "does not know this account SID"),
        (refusal(21211, "Invalid 'To' Phone Number"), "not a telephone number"),
        (refusal(99999, "Something <b>new</b>"), "Something &lt;b&gt;new"),
        (lambda _got: web.Response(status=404, text="<html>"), "The answer was 404."),
        (
            lambda _got: web.json_response(
                {"sid": "SM1", "status": "failed", "error_code": 30007}, status=201
            ),
            "spam",
        ),
    ],
)
async def test_what_is_refused_for_good(texts: Texts, answer: Any, words: str) -> None:
    await texts.number()
    ticket_id = await texts.say()
    texts.peer.answer = answer
    made = await texts.answer(ticket_id)
    await texts.work()
    sent, error = await stored(texts, made)
    assert not sent
    assert words in error
    assert (await texts.message(made))["is_retriable"] is True
    assert (await texts.shown()).facts["trouble"]
    # What was wrong is put right, and it is sent again.
    texts.peer.answer = None
    await texts.world.leo.put(
        f"/api/tickets/{ticket_id}/messages/{made['id']}", {"channel": "sms", "from_agent": True}
    )
    await texts.work()
    assert await stored(texts, made) == (True, "")
    assert (await texts.shown()).facts["trouble"] is None
    assert len(texts.peer.got) == 2


async def test_after_hours_of_trouble_the_agent_decides(texts: Texts) -> None:
    await texts.number()
    made = await texts.answer(await texts.say())
    texts.peer.answer = lambda _got: web.Response(status=503)
    await texts.work()
    await texts.world.rows(
        "update text_deliveries set created_datetime = created_datetime - interval '5 hours' where account_id = $1 returning 1"
    )
    await texts.hurry()
    await texts.work()
    assert len(texts.peer.got) == 1
    assert "for hours. The last attempt: The answer was 503." in (await stored(texts, made))[1]


async def test_kill_9_while_a_text_is_sent(texts: Texts) -> None:
    await texts.number()
    made = await texts.answer(await texts.say())
    await texts.react()
    asked = asyncio.Event()

    def hold(_got: Any) -> str:
        asked.set()
        return "hold"

    texts.peer.answer = hold
    await dying.killed(texts.world.database, "text_deliveries", asked)
    texts.peer.answer = None
    await texts.work()
    # The stated case: it was being taken when the worker died.
    assert len(texts.peer.got) == 2
    assert await stored(texts, made) == (True, "")
    assert len(await texts.world.rows("select 1 from text_states where account_id = $1")) == 1


async def test_kill_9_while_a_file_is_fetched(texts: Texts) -> None:
    await texts.number()
    asked, held = asyncio.Event(), asyncio.Event()

    async def slow() -> web.Response:
        asked.set()
        await held.wait()
        return web.Response(body=PICTURE, content_type="image/png")

    texts.peer.files["/media"] = slow
    form = {"MessageSid": "MM" + "1" * 32, "From": THEIRS, "To": OURS, "Body": "", "NumMedia": "1",
            "MediaUrl0": texts.peer.url + "/media"}  # fmt: skip
    assert (await texts.twilio(form)).status == 200
    await dying.killed(texts.world.database, "text_arrivals", asked)
    assert await texts.world.rows("select 1 from messages where account_id = $1") == []
    held.set()
    await texts.take()
    [row] = await texts.world.rows("select attachments from messages where account_id = $1")
    assert row["attachments"].count('"url"') == 1
    assert len(await texts.world.rows("select 1 from files where account_id = $1")) == 1


async def test_two_workers_take_a_text_once(texts: Texts) -> None:
    await texts.number()
    texts.peer.files["/media"] = lambda: web.Response(body=PICTURE, content_type="image/png")
    for number in range(6):
        form = {"MessageSid": f"MM{number:032x}", "From": f"+1415555{number % 3:04}", "To": OURS, "Body": str(number),
                "NumMedia": "1", "MediaUrl0": texts.peer.url + "/media"}  # fmt: skip
        await texts.twilio(form)
    await asyncio.gather(*(texts.take() for _ in range(3)))
    await texts.take()
    rows = await texts.world.rows(
        "select ticket_id, array_agg(body_text order by id) as said from messages where account_id = $1 group by 1"
    )
    assert sorted(row["said"] for row in rows) == [["0", "3"], ["1", "4"], ["2", "5"]]
    assert len(await texts.world.rows("select 1 from customers where account_id = $1")) == 3
