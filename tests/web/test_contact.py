"""Contact forms: what a customer sends becomes a ticket once, robots get nowhere, agents' answers go out by mail."""

from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from polus.base import clock
from polus.channels.forms import forms, submissions
from polus.channels.forms.forms import Look
from polus.desk.tickets import messages
from polus.store.work import SYSTEM, writing
from polus.web.site import Site
from tests import make
from tests import world as worlds
from tests.web.conftest import Browser, Reply

HOSTILE = '"><script>document.title="owned"</script>'


@pytest.fixture(autouse=True)
async def uncounted(shop: worlds.World) -> None:
    await shop.rows("delete from buckets where key like 'form %' and $1 > 0 returning key")


async def form(shop: worlds.World, **look: Any) -> str:
    async with writing(shop.database, shop.account, SYSTEM) as work:
        await forms.add(work, "Write to us", Look(**look))
        return (await forms.KIND.all_of(work))[-1].key


async def token(shop: worlds.World, key: str, **ago: float) -> str:
    """Of a form that was shown so long ago."""
    async with writing(shop.database, shop.account, SYSTEM) as work:
        found = await forms.KIND.find(work, key)
    with clock.turned(by=-timedelta(**(ago or {"seconds": 10}))):
        return submissions.token(shop.database, found, clock.now())


async def send(shop: worlds.World, browser: Browser, key: str, **fields: Any) -> Reply:
    given = {"email": "mia@example.com", "name": "Mia", "subject": "My hat", "text": "It is too small."}
    given |= {"token": await token(shop, key)} | fields
    return await browser.post(f"/forms/{key}", given)


async def tickets(shop: worlds.World) -> list[Any]:
    return [
        (await shop.ada.get(f"/api/tickets/{ticket['id']}")).json
        for ticket in (await shop.ada.get("/api/tickets")).json["data"]
    ]


async def test_a_form_becomes_a_ticket_once(shop: worlds.World, browser: Browser) -> None:
    key = await form(shop)
    fields = {"token": await token(shop, key)}
    for _ in range(2):
        sent = await send(shop, browser, key, **fields)
        assert sent.status == 200
        assert "Thank you" in sent.text
    (ticket,) = await tickets(shop)
    assert (ticket["channel"], ticket["via"], ticket["subject"]) == ("contact_form", "contact_form", "My hat")
    assert ticket["customer"]["email"] == "mia@example.com"
    (message,) = ticket["messages"]
    assert (message["source"]["type"], message["body_text"]) == ("contact-form", "It is too small.")
    assert [event[0] for event in await shop.events("ticket-created", "customer-created")] == [
        "customer-created",
        "ticket-created",
    ]


async def test_the_answer_goes_out_by_mail(shop: worlds.World, browser: Browser) -> None:
    await make.address(shop)
    await send(shop, browser, await form(shop))
    (ticket,) = await tickets(shop)
    body = {"channel": "contact_form", "from_agent": True, "body_text": "We have a larger one."}
    made = await shop.leo.post(f"/api/tickets/{ticket['id']}/messages", body)
    assert made.status == 201, made.raw
    assert made.json["source"]["to"] == [{"name": "Mia", "address": "mia@example.com"}]
    async with writing(shop.database, shop.account, SYSTEM) as work:
        await messages.failed(work, made.json["id"], "<p>Not in a test.</p>", retriable=False)


async def test_fields_of_the_form_are_fields_of_the_ticket(shop: worlds.World, browser: Browser) -> None:
    settings = {"input_type": "dropdown", "choices": ["Returns", "Returns::Too small"]}
    reason = (await shop.ada.post("/api/custom-fields", {"object_type": "Ticket", "label": "Reason", "required": True, "definition": {"data_type": "text", "input_settings": settings}})).json  # fmt: skip
    size = (await shop.ada.post("/api/custom-fields", {"object_type": "Ticket", "label": "Size", "definition": {"data_type": "number", "input_settings": {"input_type": "input_number", "max": 70}}})).json  # fmt: skip
    key = await form(shop, fields=[reason["id"], size["id"]], channel="help-center")
    page = (await browser.get(f"/forms/{key}")).text
    assert page.index("Reason") < page.index("Size")
    assert "Returns › Too small" in page
    names = {"reason": f"field-{reason['id']}", "size": f"field-{size['id']}"}
    missing = await send(shop, browser, key)
    assert (missing.status, missing.text.count('aria-invalid="true"')) == (400, 1)
    wrong = await send(shop, browser, key, **{names["reason"]: "Returns::Too small", names["size"]: "71"})
    assert (wrong.status, await tickets(shop)) == (400, [])
    assert 'value="It is too small."' in wrong.text or "It is too small." in wrong.text
    sent = await send(shop, browser, key, **{names["reason"]: "Returns::Too small", names["size"]: "58"})
    assert sent.status == 200
    (ticket,) = await tickets(shop)
    assert ticket["channel"] == "help-center"
    values = {value["id"]: value["value"] for value in ticket["custom_fields"].values()}
    assert values == {reason["id"]: "Returns::Too small", size["id"]: 58}


async def test_robots_get_nowhere(shop: worlds.World, browser: Browser) -> None:
    key = await form(shop)
    trapped = await send(shop, browser, key, website="https://spam.example")
    assert "Thank you" in trapped.text
    quick = (await browser.get(f"/forms/{key}")).text.split('name="token" value="')[1].split('"')[0]
    for wrong in (quick, "nonsense", await token(shop, await form(shop))):
        assert (await send(shop, browser, key, token=wrong)).status == 400
    french = {"Accept": "text/html", "Accept_Language": "fr"}
    told = await browser.post(
        f"/forms/{key}", {"email": "mia@example.com", "text": "x", "token": quick}, **french
    )
    assert (told.status, told.headers["polus-refused"]) == (200, "1"), (
        "a browser would report 400 in its console"
    )
    assert "Attendez un instant" in told.text
    assert (await send(shop, browser, key, token=await token(shop, key, days=2))).status == 400
    assert await tickets(shop) == []
    found = [(await send(shop, browser, key)).status for _ in range(7)]
    assert found[:4] == [200] * 4
    assert found[-1] == 429


@pytest.mark.parametrize(
    "fields",
    [{"email": "mia"}, {"text": " "}, {"text": "x" * 10_001}, {"subject": "x" * 201}, {"name": "x" * 101}],
)
async def test_bad_input_changes_nothing(shop: worlds.World, browser: Browser, fields: Any) -> None:
    sent = await send(shop, browser, await form(shop), **fields)
    assert sent.status == 400
    assert sent.text.count('aria-invalid="true"') == 1
    assert await tickets(shop) == []


async def test_hostile_words_are_shown_as_text(shop: worlds.World, browser: Browser) -> None:
    key = await form(shop, intro=HOSTILE, subjects=[HOSTILE[:50]], origins=["https://shop.example"])
    refused = await send(shop, browser, key, email=HOSTILE, name=HOSTILE, text=HOSTILE)
    assert refused.status == 400
    assert "<script>document" not in refused.text
    policy = refused.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'self' https://shop.example")
    assert "unsafe" not in policy


async def test_files_of_customers(shop: worlds.World, browser: Browser) -> None:
    key = await form(shop)
    body = aiohttp.FormData()
    for name, value in (("token", await token(shop, key)), ("email", "mia@example.com"), ("text", "See.")):
        body.add_field(name, value)
    body.add_field("files", b"hello", filename="hat.txt", content_type="text/plain")
    assert (await browser.send("POST", f"/forms/{key}", body)).status == 200
    (ticket,) = await tickets(shop)
    (file,) = ticket["messages"][0]["attachments"]
    assert (file["name"], file["size"]) == ("hat.txt", 5)


async def test_an_administrator_sets_a_form_up(
    shop: worlds.World, browser: Browser, house: tuple[str, Site]
) -> None:
    await browser.log_in(shop.ada.email)
    csrf = await browser.token("/settings/contact-forms")
    made = await browser.post("/settings/contact-forms", {"csrf": csrf, "name": "Write to us"})
    assert made.status == 303
    place = made.headers["location"]
    address = (await browser.get(place)).text.split('<code class="secret">')[1].split("<")[0]
    stranger = Browser(browser.http, browser.url, browser.host)
    assert (await stranger.get("/forms/" + address.rsplit("/", 1)[1])).status == 200
    wrong = await browser.post(place, {"csrf": csrf, "name": "Hats", "origins": "x", "fields": "999999"})
    assert wrong.status == 422
    saved = await browser.post(place, {"csrf": csrf, "name": "Hats", "subjects": "Size\n\nColour"})
    assert saved.status == 303
    assert '<option value="Colour">' in (await stranger.get("/forms/" + address.rsplit("/", 1)[1])).text
    assert (await browser.post(place + "/delete", {"csrf": csrf})).status == 303
    assert (await stranger.get("/forms/" + address.rsplit("/", 1)[1])).status == 404
