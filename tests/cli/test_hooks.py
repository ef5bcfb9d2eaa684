"""Providers' webhooks at the helpdesk as it is started: through the one server, signed for the address that it is known by."""

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import fromstring

import aiohttp

from polus import installation
from polus.base import clock, settings
from polus.channels import twilio
from polus.channels.texts import numbers as text_numbers
from polus.channels.texts.numbers import Given
from polus.channels.texts.providers import Settings
from polus.channels.voice import numbers as voice_numbers
from polus.desk.accounts import Book
from polus.store.work import SYSTEM, Account, writing
from tests import waits
from tests.channels.texts.office import OURS, SECRET, SID, THEIRS, TOKEN
from tests.cli.programs import Installation

PUBLIC = "https://desk.example"
NOWHERE = "http://127.0.0.1:9"


async def connected(here: Installation) -> tuple[str, str, str]:
    """Paths of a number that is called, and of two that are written to, by Twilio and by a gateway."""
    given = settings.load({**os.environ, **here.environment})
    async with installation.opened(given, "test", 2) as database:
        async with database.pool.acquire() as db:
            account_id = await db.fetchval("select min(id) from accounts")
        account: Account = await Book(database, PUBLIC).account(account_id)
        async with writing(database, account, SYSTEM) as work:
            bought = voice_numbers.Account(account_sid=SID, auth_token=TOKEN, api=NOWHERE)
            voice = await voice_numbers.get(
                work, await voice_numbers.add(work, "Shop", "+49 30 901820", bought)
            )
            sms = Given(settings=Settings(account_sid=SID, api=NOWHERE), secret=TOKEN, address=OURS)
            ids = [await text_numbers.add(work, sms)]
            gate = Given(
                provider="http", channel="whatsapp", settings=Settings(url=NOWHERE), secret=SECRET, address=OURS
            )  # fmt: skip
            ids.append(await text_numbers.add(work, gate))
        tokens = [text_numbers.token_of(database, account_id, one) for one in ids]
    return voice.address("", "incoming"), text_numbers.PREFIX + tokens[0], text_numbers.PREFIX + tokens[1]


async def test_webhooks_of_a_running_helpdesk(
    tmp_path: Path, empty_url: str, http: aiohttp.ClientSession
) -> None:
    here = Installation(
        tmp_path / "data",
        empty_url,
        {"POLUS_BASE_URL": PUBLIC, "POLUS_OUTBOUND_ALLOW": "127.0.0.1/32", "POLUS_RATE_LIMIT": "0"},
    )
    async with here.serving() as serving:
        voice, sms, gate = await connected(here)

        async def post(path: str, form: dict[str, str], **more: str) -> tuple[int, str]:
            told = {
                "Content-Type": twilio.FORM,
                "X-Twilio-Signature": twilio.signature(TOKEN, PUBLIC + path, list(form.items())),
            }
            async with http.post(
                serving.url + path, data=urlencode(form).encode(), headers=told | more
            ) as answer:
                assert answer.headers["Cache-Control"] == "no-store"
                return answer.status, await answer.text()

        call = {"AccountSid": SID, "CallSid": "CA" + "1" * 32, "CallStatus": "ringing", "Direction": "inbound",
                "From": THEIRS, "To": "+4930901820"}  # fmt: skip
        status, said = await post(voice, call)
        assert status == 200
        assert fromstring(said).tag == "Response"
        text = {
            "AccountSid": SID,
            "MessageSid": "SM" + "1" * 32,
            "From": THEIRS,
            "To": OURS,
            "Body": "Where is it?",
            "NumMedia": "0",
        }
        assert (await post(sms, text))[0] == 200
        assert (await post(sms, text))[0] == 200, "once more, for it was not heard of"
        for path, form in ((voice, call), (sms, text)):
            assert (await post(path, form, **{"X-Twilio-Signature": "x"}))[0] == 403
            assert (await post(path[:40] + "A" * 20 + path[60:], form))[0] == 404
            async with http.get(serving.url + path) as answer:
                assert answer.status == 405
        for path in (
            "/hooks/voice/",
            "/hooks/texts/",
            "/hooks/texts",
            "/hooks/",
            "/hooks/voice/%00/x",
            "/hooks/texts/%ff",
        ):
            async with http.post(serving.url + path, data=b"x") as answer:
                assert answer.status in (403, 404, 405), path

        told = {"type": "message", "id": "g1", "from": THEIRS, "to": OURS, "text": "By gate"}
        body, moment = json.dumps(told).encode(), int(clock.now().timestamp())
        mac = hmac.new(SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Polus-Signature": f"t={moment},v1={mac}"}
        async with http.post(serving.url + gate, data=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

        first = serving.told["first"]
        key = {"Authorization": aiohttp.encode_basic_auth(first["email"], first["key"])}

        async def all_three() -> Any:
            async with http.get(serving.url + "/api/tickets", headers=key) as answer:
                found = (await answer.json())["data"]
            return found if len(found) == 3 else None

        tickets = await waits.until(all_three)
        assert sorted((one["channel"], one["messages_count"]) for one in tickets) == [
            ("phone", 1), ("sms", 1), ("whatsapp", 1),
        ]  # fmt: skip
    assert "Traceback" not in serving.err
