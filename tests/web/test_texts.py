"""SMS and WhatsApp in the workspace: a number is connected and tested, a text is answered, and its way is shown."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests import world as worlds
from tests.channels.texts import office
from tests.channels.texts.office import OURS, SID, THEIRS, TOKEN, Texts
from tests.web.conftest import Browser, Enter, send_planned
from tests.web.test_settings import beside, fill


@pytest.fixture
async def texts(shop: worlds.World, subscribed: None) -> AsyncIterator[Texts]:
    async with office.opened(shop) as opened:
        yield opened


async def test_a_number_is_connected_tested_and_removed(browser: Browser, texts: Texts) -> None:
    await browser.log_in(texts.world.ada.email)
    path = "/settings/texts"
    assert "No number yet" in (await browser.get(path)).text
    fields = {
        "address": "030 1234",
        "channel": "sms",
        "provider": "twilio",
        "account_sid": "x",
        "api": texts.peer.url,
    }
    wrong = (await fill(browser, path, fields)).text
    assert "+4930123456" in beside(wrong, "address")
    assert "account SID" in beside(wrong, "account_sid")
    assert beside(wrong, "secret")
    made = await fill(
        browser, path, {**fields, "address": OURS, "name": "<b>Line", "account_sid": SID, "secret": TOKEN}
    )
    assert made.status == 303, made.text
    [row] = await texts.world.rows("select id, name from integrations where account_id = $1 and type = 'sms'")
    texts.ids["sms"] = row["id"]
    here = f"{path}/{row['id']}"
    page = (await browser.get(here)).text
    assert texts.path() in page
    assert "&lt;b&gt;Line" in page
    assert TOKEN not in page
    # What was not entered again stays.
    assert (
        await fill(browser, here, {"name": "Hotline", "account_sid": SID, "api": texts.peer.url})
    ).status == 303

    texts.peer.answer = office.refusal(20003, "Authenticate", 401)
    for to, said in (("", "Missing"), ("12", "country")):
        await fill(browser, here + "/test", {"to": to})
        assert await texts.world.rows("select 1 from text_tests where account_id = $1") == [], said
    await fill(browser, here + "/test", {"to": THEIRS})
    assert "A test is on its way." in (await browser.get(here)).text
    await texts.test()
    assert "does not know this account SID and auth token. (20003)" in (await browser.get(here)).text
    texts.peer.answer = None
    await fill(browser, here + "/test", {"to": THEIRS})
    await texts.test()
    assert "The provider took it." in (await browser.get(here)).text

    await fill(browser, here + "/switch", {})
    assert (
        await texts.twilio({"MessageSid": SID.replace("AC", "SM"), "From": THEIRS, "To": OURS})
    ).status == 404
    assert "Off" in (await browser.get(path)).text
    await fill(browser, here + "/delete", {})
    assert await texts.world.rows("select 1 from text_numbers where account_id = $1") == []
    gateway = {"address": OURS, "channel": "whatsapp", "provider": "http", "url": texts.peer.url + "/gate"}
    made = await fill(browser, path, gateway)
    page = (await browser.get(made.headers["location"])).text
    [secret] = await texts.world.rows("select secret from text_numbers where account_id = $1")
    assert "Show the secret" in page
    assert secret["secret"] not in page


async def test_a_text_is_answered_in_the_workspace(texts: Texts, enter: Enter) -> None:
    await texts.number(name="Hotline")
    ticket_id = await texts.say("Where is my order?")
    page = await enter(at=f"/inbox/open/{ticket_id}")
    box = page.locator(".editor")
    await expect(page.locator(".tools")).to_be_hidden()
    await expect(page.locator(".recipients")).to_be_hidden()
    await box.fill("a" * 161)
    count = page.locator("[data-length]")
    await expect(count).to_have_text("161 of 1,600 characters, 2 SMS")
    await box.fill("On its way €")
    await expect(count).to_have_text("12 of 1,600 characters, 1 SMS")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".planned")).to_be_visible()
    await send_planned(texts.world)
    await texts.work()
    [got] = texts.peer.got
    assert (got.form["To"], got.form["Body"]) == (THEIRS, "On its way €")
    await page.reload()
    await expect(page.locator(".message.out .delivery")).to_have_text("Handed over")
    [message] = await texts.world.rows("select id from messages where account_id = $1 and from_agent")
    delivered = {"MessageSid": f"SM{1:032x}", "MessageStatus": "delivered", "To": THEIRS, "From": OURS}
    await texts.twilio(delivered, about=f"/{message['id']}-0")
    await texts.say("stop", "SM" + "2" * 32)
    await page.reload()
    await expect(page.locator(".message.out .delivery")).to_have_text("Delivered")
    await expect(page.locator(".composer-why")).to_contain_text("The customer said STOP")
    assert await texts.world.rows("select 1 from text_deliveries where account_id = $1") == []
