"""The whole way through real processes: a mail in, a ticket, an answer, a mail out; and mails from files."""

import email.utils
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import pytest

from tests import waits
from tests.channels.email.office import mail
from tests.channels.email.sink import Sink
from tests.cli.programs import Installation


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    await sink.open()
    yield sink
    await sink.close()


async def test_a_customer_writes_an_agent_answers_the_customer_reads(
    tmp_path: Path, empty_url: str, sink: Sink, http: aiohttp.ClientSession
) -> None:
    # Asked again until it is so: on a busy machine that is more often than a key may.
    settings = {"POLUS_SMTP_URL": f"smtp://127.0.0.1:{sink.port}", "POLUS_RATE_LIMIT": "0"}
    here = Installation(tmp_path / "data", empty_url, settings)
    async with here.serving() as serving:
        first = serving.told["first"]
        headers = {"Authorization": aiohttp.encode_basic_auth(first["email"], first["key"])}

        async def call(method: str, path: str, body: Any = None) -> Any:
            async with http.request(method, serving.url + path, json=body, headers=headers) as answer:
                text = await answer.text()
                assert answer.status < 300, text
                return json.loads(text)

        await _send(
            serving.told["smtp_port"],
            first["address"],
            mail("Where is it?", to=first["address"], subject="Order"),
        )

        async def found() -> Any:
            return (await call("GET", "/api/tickets"))["data"]

        tickets = await waits.until(found)
        assert tickets[0]["subject"] == "Order"
        path = f"/api/tickets/{tickets[0]['id']}/messages"
        body = {"channel": "email", "via": "api", "from_agent": True, "body_text": "On its way."}
        await call("POST", path, body)

        async def sent() -> Any:
            return sink.taken

        [taken] = await waits.until(sent)
        assert taken.recipients == ["jane@customer.example"]
        assert taken.text().strip() == "On its way."
        reply_to = email.utils.parseaddr(taken.mail["Reply-To"])[1]

        # A file beside the running helpdesk goes the same way, into the same ticket by the token.
        (tmp_path / "reply.eml").write_bytes(mail("Thank you", to=reply_to, sender="J <j@private.example>"))
        (tmp_path / "junk.eml").write_bytes(b"no mail at all")
        taken_in = await here.run("mail", str(tmp_path / "reply.eml"), "--json")
        (told,) = taken_in.json
        assert (taken_in.code, told["state"], told["ticket_id"]) == (0, "delivered", tickets[0]["id"])
        again = await here.quickly("mail", "file", str(tmp_path / "reply.eml"), str(tmp_path / "junk.eml"))
        assert again.code == 1
        assert "duplicate in ticket" in again.out
        assert "parked: no mail" in again.out
        number = again.out.splitlines()[1].split()[1]
        assert (await here.quickly("mail", "replay", number)).code == 1
        unknown = await here.quickly("mail", "replay", "999999")
        assert (unknown.code, unknown.out) == (2, "")
        nowhere = await here.quickly("mail", str(tmp_path / "reply.eml"), "--to", "nobody@else.example")
        assert "no such mailbox" in nowhere.err
        for path, kind in (
            ("/docs", "text/html"),
            ("/openapi.json", "application/json"),
            ("/login", "text/html"),
        ):
            async with http.get(serving.url + path) as answer:
                assert (answer.status, answer.content_type) == (200, kind)
        async with http.get(serving.url + "/metrics") as answer:
            text = await answer.text()
            assert 'polus_mails_total{state="delivered"}' in text
            assert 'polus_deliveries_total{outcome="sent"} 1.0' in text
            assert 'polus_api_request_seconds_count{operation="list-tickets",status="200"}' in text
    assert "Traceback" not in serving.err


async def _send(port: int, to: str, raw: bytes) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as client:
        await client.sendmail("jane@customer.example", [to], raw)
