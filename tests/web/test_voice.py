"""Telephone numbers in the settings, one's own telephone, and calls in a ticket: called back, heard, summed up, deleted."""

from collections.abc import AsyncIterator

import pytest

from tests import make
from tests.channels.voice import exchange as exchanges
from tests.channels.voice.exchange import MIA, SID, TOKEN, Exchange
from tests.web.conftest import Browser, Reply
from tests.world import World

PATH = "/settings/voice"


@pytest.fixture
async def exchange(shop: World) -> AsyncIterator[Exchange]:
    async with exchanges.opened(shop) as opened:
        yield opened


async def sent(browser: Browser, path: str, given: dict[str, str]) -> Reply:
    """A form of the workspace."""
    return await browser.post(path, given | {"csrf": await browser.token()})


async def told(browser: Browser, path: str) -> str:
    """What is said after a button was pressed."""
    return (await browser.get((await sent(browser, path, {})).headers["Location"])).text


async def test_a_number_is_connected_and_tried(shop: World, browser: Browser, exchange: Exchange) -> None:
    await browser.log_in(shop.ada.email)
    given = {"number": "030 12", "account_sid": "AC1", "auth_token": "", "api": exchange.peer.url}
    refused = await sent(browser, PATH, given)
    assert refused.status == 422
    for sentence in ("like +49 30 1234567", "AC and 32 characters", "This is needed."):
        assert sentence in refused.text
    elsewhere = await sent(browser, PATH, given | {"api": "http://sms.example"})
    assert "It begins with https://" in elsewhere.text
    given |= {"account_sid": SID, "auth_token": TOKEN, "number": "+49 30 901820"}
    assert "connected already" in (await sent(browser, PATH, given)).text
    made = await sent(browser, PATH, given | {"number": "+49 30 901821", "name": "<b>Second</b>"})
    place = made.headers["Location"]
    page = (await browser.get(place)).text
    assert "/hooks/voice/" in page
    assert "&lt;b&gt;Second" in page
    assert TOKEN not in page
    assert "The provider&#39;s account has no such number." in await told(browser, place + "/test")

    place = f"{PATH}/{exchange.number.id}"
    text = await told(browser, place + "/test")
    assert "sends its calls elsewhere" in text
    exchange.peer.voice_url = exchange.number.address(shop.account.base_url, "incoming")
    assert "It works" in await told(browser, place + "/test")
    exchange.peer.status = 401
    assert "refused: Authenticate" in await told(browser, place + "/test")
    exchange.peer.status = 0

    look = {
        "name": "Shop", "language": "de-DE", "greeting": "Hallo", "wait": "30", "ring": "15", "account_sid": SID,
        "api": exchange.peer.url, "record": "1", "announcement": "Wird aufgenommen.", "music": "",
    }  # fmt: skip
    assert (
        "like https://shop.example/music.mp3"
        in (await sent(browser, place, look | {"music": "ftp://x"})).text
    )
    assert (await sent(browser, place, look)).status == 303
    answer = await exchange.ask("incoming", exchange.form(exchange.sid(), "ringing"))
    assert [(verb.tag, verb.text, verb.get("language")) for verb in answer][:2] == [
        ("Say", "Hallo", "de-DE"), ("Say", "Wird aufgenommen.", "de-DE"),
    ]  # fmt: skip
    await sent(browser, place + "/switch", {})
    assert [verb.tag for verb in await exchange.call(exchange.sid())] == ["Reject"]
    await sent(browser, place + "/delete", {})
    assert (await browser.get(place)).status == 404
    assert (await exchange.post("incoming", exchange.form(exchange.sid(), "ringing"))).status == 404
    kinds = [kind for kind, *_ in await shop.events() if kind.startswith("integration-")]
    assert kinds[-4:] == [
        "integration-updated", "integration-updated", "integration-deactivated", "integration-deleted",
    ]  # fmt: skip
    browser.cookies.clear()
    await browser.log_in(shop.oda.email)
    assert (await browser.get(PATH)).status == 403


async def test_calls_in_a_ticket(shop: World, browser: Browser, exchange: Exchange) -> None:
    await browser.log_in(shop.ada.email)
    sid = exchange.sid()
    await exchange.call(sid)
    form = exchange.form(sid, "completed", RecordingSid="RE" + "1" * 32, RecordingDuration="65")
    await exchange.ask("voicemail", form)
    await exchange.hang_up(sid, 125)
    call = await exchange.the_call()
    place, page = f"/tickets/{call['ticket_id']}", f"/inbox/all/{call['ticket_id']}"
    assert "Voicemail, is being fetched" in (await browser.get(page)).text
    await exchange.work()
    text = (await browser.get(page)).text
    assert "Missed" in text
    assert "2:05" in text
    assert MIA in text
    source = text.split("<audio", 1)[1].split('src="', 1)[1].split('"', 1)[0]
    assert source.startswith("/attachments/attachment/voicemail-")
    audio = await browser.get(source)
    assert audio.headers["Location"].startswith(shop.account.base_url + "/files/")
    assert "media-src 'self'" in (await browser.get(page)).headers["Content-Security-Policy"]

    # Called back: first one's own number is missing, then the provider is asked.
    assert "in your profile first" in (await sent(browser, place + "/call", {})).text
    profile = {"name": "Ada", "language": "en", "phone": "12"}
    assert "like +49 30 1234567" in (await sent(browser, "/settings/profile", profile)).text
    assert (await sent(browser, "/settings/profile", profile | {"phone": "+49 30 555000"})).status == 303
    assert "+4930555000" in (await browser.get("/settings/profile")).text
    assert (await sent(browser, place + "/call", {})).status == 303
    await exchange.work()
    assert exchange.peer.got[-1][2]["To"] == "+4930555000"
    assert "Ringing" in (await browser.get(page)).text
    assert "has not ended yet" in (await sent(browser, place + "/call", {})).text

    [recording] = (await shop.ada.get("/api/phone/voice-call-recordings", call_id=call["id"])).json["data"]
    summed = await sent(
        browser, f"{place}/recordings/{recording['id']}/summary", {"summary": "She <i>waits</i>."}
    )
    assert summed.status == 303
    assert "She &lt;i&gt;waits&lt;/i&gt;." in (await browser.get(page)).text
    await sent(browser, f"{place}/recordings/{recording['id']}/delete", {})
    text = (await browser.get(page)).text
    assert "Voicemail, deleted" in text
    assert "<audio" not in text

    # A merged ticket takes its calls along.
    other = (await make.ticket(shop))["id"]
    await sent(browser, f"/tickets/{other}/merge", {"source": str(call["ticket_id"])})
    assert (await exchange.the_call())["ticket_id"] == other
    browser.cookies.clear()
    await browser.log_in(shop.oda.email)
    assert "deleted" in (await browser.get(f"/inbox/all/{other}")).text
    assert (await sent(browser, f"/tickets/{other}/call", {})).status == 403
