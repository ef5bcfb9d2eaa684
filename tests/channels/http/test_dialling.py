"""Where calls may go, checked where they are dialled: nothing that is refused gets a byte; and what a call may cost."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from polus.base import clock
from polus.base.outbound import NO_CREDENTIALS, NOT_HTTP, NOT_PUBLIC, Allowed
from polus.channels.http import dialling, requests
from polus.channels.http.dialling import Caller, Outcome
from polus.channels.http.requests import Facts, Request
from tests.channels.http import receiver as receivers
from tests.channels.http.receiver import Receiver


@pytest.fixture
async def inside() -> AsyncIterator[Receiver]:
    """A server on loopback that nobody outside may reach."""
    async with receivers.listening(Receiver()) as made:
        yield made


async def _call(url: str, allowed: Allowed, *answers: str) -> Outcome:
    """One call by a caller whose resolver gives the next answer each time it is asked."""
    given = list(answers)

    async def resolver(host: str, port: int) -> list[str]:
        if not given:
            raise OSError("no such name")
        return [given.pop(0)]

    caller = Caller(allowed, resolver)
    await caller.open()
    try:
        return await caller.call(Request("POST", URL(url), {"X-A": "b"}, b"{}"))
    finally:
        await caller.close()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0",
     "[64:ff9b::7f00:1]", "127.0.0.1.", "localhost"],
)  # fmt: skip
async def test_no_address_inside_gets_a_byte(inside: Receiver, host: str) -> None:
    outcome = await _call(f"http://{host}:{inside.port}/", Allowed(), "127.0.0.1", "127.0.0.1")
    assert (outcome.error, outcome.again, outcome.status) == (NOT_PUBLIC, False, None)
    assert inside.got == []


async def test_a_name_that_changes_its_mind_is_believed_once(inside: Receiver) -> None:
    """Rebinding: public when it was stored, private when it is called; and what was checked is what is dialled."""
    assert (await _call(f"http://a.example:{inside.port}/", Allowed(), "127.0.0.1")).error == NOT_PUBLIC
    asked = await _call(
        f"http://a.example:{inside.port}/", Allowed(("10.0.0.0/8", "127.0.0.2")), "127.0.0.2", "127.0.0.1"
    )
    assert asked.status is None
    assert inside.got == []
    assert (
        await _call(f"http://a.example:{inside.port}/", Allowed(("127.0.0.0/8",)), "127.0.0.1")
    ).status == 200
    assert (
        await _call(f"http://a.example:{inside.port}/", Allowed(("a.example",)), "127.0.0.1")
    ).status == 200


async def test_redirects_lead_nowhere(inside: Receiver) -> None:
    allowed = Allowed(("out.example",))
    async with receivers.listening(
        Receiver(status=302, headers={"Location": f"http://127.0.0.1:{inside.port}/"})
    ) as out:
        outcome = await _call(f"http://out.example:{out.port}/", allowed, "127.0.0.1")
    assert (outcome.status, outcome.well, outcome.again) == (302, False, False)
    assert inside.got == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/passwd", NOT_HTTP),
        ("ftp://example.com/", NOT_HTTP),
        ("http://user:password@example.com/", NO_CREDENTIALS),
        ("http://user@127.0.0.1/", NO_CREDENTIALS),
    ],
)
async def test_what_is_no_plain_http_is_refused(url: str, said: str) -> None:
    assert (await _call(url, Allowed(("127.0.0.0/8",)), "8.8.8.8")).error == said


async def test_a_name_nobody_knows_may_be_known_later() -> None:
    outcome = await _call("http://a.example/", Allowed())
    assert (outcome.away, outcome.again) == (True, True)


async def test_answers_are_read_up_to_a_mebibyte_and_five_seconds(
    inside: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = Allowed(("127.0.0.0/8",))
    inside.body = b"x" * 3_000_000
    outcome = await _call(f"http://127.0.0.1:{inside.port}/", allowed)
    assert (len(outcome.body), outcome.cut) == (1_048_576, True)
    monkeypatch.setattr(dialling, "SECONDS", 0.05)
    inside.gate = asyncio.Event()
    outcome = await _call(f"http://127.0.0.1:{inside.port}/", allowed)
    assert (outcome.error, outcome.away, outcome.again) == (dialling.NO_ANSWER, True, True)
    inside.gate.set()


async def test_nobody_there_is_no_final_answer() -> None:
    outcome = await _call("http://127.0.0.1:1/", Allowed(("127.0.0.0/8",)))
    assert outcome.away
    assert outcome.error is not None
    assert outcome.error.startswith("The connection failed: ")


DOCUMENT = {
    "account": {"domain": "d"},
    "ticket": {"id": 1, "customer": {"name": "x" * 2000}, "messages": []},
    "current_user": None,
}


def _composed(**http: object) -> Request:
    facts = Facts(7, uuid.uuid4(), "test", 1, clock.now(), None, None, "UTC")
    whole = {"method": "POST", "request_content_type": "application/json", "form": None, "headers": None}
    return requests.compose({**whole, **http}, facts, DOCUMENT)


def test_calls_that_are_too_large_are_not_made() -> None:
    with pytest.raises(ValueError, match="URL would be longer"):
        _composed(url="https://a.example/?" + "a={{ticket.customer.name}}&" * 5)
    with pytest.raises(ValueError, match="larger than 1 MiB"):
        _composed(url="https://a.example/", form={str(n): "{{ticket.customer.name}}" for n in range(600)})


def test_values_cannot_leave_their_place() -> None:
    """A customer's name is neither a host, nor a header, nor a part of JSON."""
    hostile = 'a@evil.example/\r\nX-Evil: 1", "b": "'
    DOCUMENT["ticket"]["customer"]["mail"] = hostile  # type: ignore[index]
    form = {"a": "{{ticket.customer.mail}}"}
    made = _composed(
        url="https://a.example/{{ticket.customer.mail}}", headers={"X": "{{ticket.customer.mail}}"}, form=form
    )
    assert made.url.host == "a.example"
    assert "\r" not in made.headers["X"]
    assert json.loads(made.body) == {"a": hostile}


def test_secrets_are_masked_in_all_their_forms() -> None:
    made = _composed(
        url="https://a.example/?key=s3cr%22t-k3y",
        headers={"X-Key": 's3cr"t-k3y', "Accept": "text/plain"},
        form='s3cr"t-k3y',
    )
    shown = requests.shown(made, 100)
    assert shown["headers"]["X-Key"] == "***"
    assert shown["headers"]["Accept"] == "text/plain"
    assert "k3y" not in str(shown)
