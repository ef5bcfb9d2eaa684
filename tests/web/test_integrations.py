"""Settings of HTTP integrations, shops and widgets, and widgets beside a ticket: data from outside stays text."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import expect

from polus.base.outbound import Allowed
from polus.channels.http.lines import Lines
from polus.desk import integrations
from polus.desk.accounts import Book
from polus.reactions.outside import Outside
from polus.store.presence import Presence
from polus.store.queue import Queue
from tests import make
from tests import world as worlds
from tests.channels.http import receiver as receivers
from tests.channels.http.receiver import Shop
from tests.web.conftest import Browser, Enter
from tests.web.test_settings import beside

HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'
PATH = "/settings/integrations"


@pytest.fixture
async def called(shop: worlds.World, subscribed: None) -> AsyncIterator[Shop]:
    """The shop with a receiver."""
    async with receivers.opened(shop) as made:
        assert isinstance(made.lines, Lines)
        yield made


async def test_an_integration_is_made_tried_and_its_log_read(called: Shop, browser: Browser) -> None:
    shop = called.world
    await browser.log_in(shop.ada.email)
    token = await browser.token("/settings")
    form: dict[str, Any] = {
        "csrf": token, "name": "Orders", "http.url": called.receiver.url + "/hook", "http.method": "POST",
        "http.request_content_type": "application/json", "form": '{"id": "{{ticket.id}}"}', "triggers": "ticket-created",
        "headers": "Authorization: Bearer top-secret-7\nX-Shop: north", "hmac_secret": "hmac-secret-7",
    }  # fmt: skip
    wrong = await browser.post(PATH + "/new", form | {"http.url": "http://10.0.0.1/", "headers": "no header"})
    assert wrong.status == 422
    assert "Write each header" in beside(wrong.text, "headers")
    wrong = await browser.post(PATH + "/new", form | {"http.url": "http://10.0.0.1/"})
    assert "public addresses" in beside(wrong.text, "http.url")
    made = await browser.post(PATH + "/new", form)
    assert made.status == 303, made.text
    place = made.headers["Location"]
    (row,) = await shop.rows("select id, http::text as http from integrations where account_id = $1")
    http = integrations.opened(shop.database.vault, shop.account.id, json.loads(row["http"]))
    assert http["headers"] == {"Authorization": "Bearer top-secret-7", "X-Shop": "north"}
    assert http["form"] == {"id": "{{ticket.id}}"}

    await make.ticket(shop)
    called.receiver.status, called.receiver.body = 404, HOSTILE.encode() + b"Bearer top-secret-7"
    await called.run()
    assert (await browser.post(place + "/test", {"csrf": token})).status == 303
    called.receiver.status = 200
    await called.call()
    page = (await browser.get(place)).text
    assert "ticket-created" in page
    assert "404" in page
    assert page.count("Send again") >= 2
    assert "secret-7" not in page
    (failed,) = [one for one in await called.rows("id, state") if one["state"] == "failed"]
    detail = (await browser.get(f"{place}/deliveries/{failed['id']}")).text
    assert "&lt;script&gt;" in detail
    assert "<script>document" not in detail
    assert "secret-7" not in detail
    assert (await browser.post(place + "/replay", {"csrf": token, "id": str(failed["id"])})).status == 303
    await called.call()
    assert {one["state"] for one in await called.rows("state")} == {"delivered"}
    # Secrets stay when nothing new is typed; the switch and the way out work.
    kept = await browser.post(
        place, {"csrf": token, **form, "name": "Orders 2", "headers": "", "hmac_secret": ""}
    )
    assert kept.status == 303, kept.text
    (row,) = await shop.rows("select name, http::text as http from integrations where account_id = $1")
    http = integrations.opened(shop.database.vault, shop.account.id, json.loads(row["http"]))
    assert (row["name"], http["hmac_secret"], len(http["headers"])) == ("Orders 2", "hmac-secret-7", 2)
    await browser.post(place + "/switch", {"csrf": token, "off": "1"})
    assert "calls nobody" in (await browser.get(place)).text
    assert (await browser.post(place + "/delete", {"csrf": token})).status == 303
    assert (await browser.get(place)).status == 404


async def test_a_shop_is_connected_on_the_page(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)
    form = {
        "csrf": await browser.token("/settings"),
        "shop.name": "North",
        "domain": "north.example",
        "shop.secret": "s",
    }
    assert beside((await browser.post(PATH + "/shops", form | {"domain": "x y"})).text, "domain")
    assert (await browser.post(PATH + "/shops", form)).status == 303
    assert (
        beside((await browser.post(PATH + "/shops", form)).text, "domain") == "The shop is connected already."
    )
    page = (await browser.get(PATH)).text
    assert "/hooks/shopify/" in page
    (row,) = await shop.rows("select integration_id, secret from shops where account_id = $1")
    place = f"{PATH}/{row['integration_id']}"
    await browser.post(place + "/secret", {"csrf": form["csrf"], "secret": "other"})
    (after,) = await shop.rows("select secret from shops where account_id = $1")
    assert after["secret"] != row["secret"]
    assert (await browser.post(place + "/delete", {"csrf": form["csrf"]})).status == 303
    assert await shop.rows("select 1 from shops where account_id = $1") == []


TEMPLATE = {
    "type": "wrapper",
    "widgets": [
        {
            "type": "card", "title": "Loyalty {{tier}}", "meta": {"link": "{{site}}"},
            "widgets": [
                {"type": "text", "path": "name", "title": "Name"}, {"type": "boolean", "path": "vip", "title": "VIP"},
                {"type": "currency", "path": "spent", "title": "Spent", "meta": {"currency": "EUR"}},
                {"type": "url", "path": "bad", "title": "Bad"},
                {"type": "list", "path": "orders", "widgets": [{"type": "text", "path": "name"}]},
            ],
        }
    ],
}  # fmt: skip


async def test_a_widget_is_written_with_a_preview_and_stands_beside_the_ticket(
    enter: Enter, shop: worlds.World
) -> None:
    ticket = await make.ticket(shop)
    data = {"tier": "gold", "site": "https://loyal.example/7", "name": HOSTILE, "vip": True, "spent": 1249.5,
            "bad": "javascript:alert(1)", "orders": [{"name": f"#{n}"} for n in range(8)]}  # fmt: skip
    path = f"/api/customers/{ticket['customer']['id']}/data"
    assert (await shop.ada.put(path, {"data": data})).status == 202
    page = await enter()
    await page.goto(f"http://{shop.ada.host}/settings/widgets/new")
    await page.get_by_label("Shows").select_option("custom")
    await page.get_by_label("Customer", exact=True).fill("mia@example.com")
    await page.get_by_label("Template").fill("{")
    preview = page.locator("#widget-preview")
    await expect(preview).to_contain_text("This is no JSON")
    await page.get_by_label("Template").fill(json.dumps(TEMPLATE))
    await expect(preview.get_by_role("link", name="Loyalty gold")).to_have_attribute(
        "href", "https://loyal.example/7"
    )
    await expect(preview).to_contain_text("€1,249.50")
    await expect(preview).to_contain_text("3 more")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("The widget was added.")).to_be_visible()
    (stored,) = await shop.rows("select type, template::text as template from widgets where account_id = $1")
    assert (stored["type"], json.loads(stored["template"])) == ("custom", TEMPLATE)

    await page.goto(f"http://{shop.ada.host}/inbox/open/{ticket['id']}")
    card = page.locator("#customer .widget-card")
    await expect(card).to_contain_text("Loyalty gold")
    await expect(card).to_contain_text(HOSTILE)
    await expect(card).to_contain_text("Yes")
    await expect(card).to_contain_text("javascript:alert(1)")
    assert await card.locator("a[href^='javascript']").count() == 0
    assert await card.locator("img, script").count() == 0
    assert "owned" not in await page.title()


BUTTONS = {
    "type": "wrapper",
    "widgets": [
        {
            "type": "card",
            "title": "Order {{number}}",
            "path": "order",
            "meta": {"custom": {"buttons": [
                {"label": "Refund {{number}}", "action": {
                    "method": "post", "url": "URL/refund/{{number}}", "headers": {"Authorization": "Bearer k-1"},
                    "params": {"by": "{{ticket.id}}"}, "body": {"amount": "{{total}}"}}},
                {"label": "Nowhere", "action": {"method": "POST", "url": "javascript:alert(1)"}},
                {"label": "Nothing"},
            ]}},
            "widgets": [{"type": "text", "path": "number", "title": "Number"}],
        }
    ],
}  # fmt: skip


async def call_outside(shop: worlds.World) -> None:
    presence = Presence(shop.database)
    await presence.open()
    await Queue(shop.database, Outside(shop.database, Book(shop.database, ""), presence).lane()).drain()
    await presence.close()


async def test_a_button_of_a_widget_calls_once(called: Shop, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """As it was drawn: not twice for one press, not with other data than was shown; the outcome stands in the thread."""
    shop = called.world
    ticket = await make.ticket(shop)
    customer = ticket["customer"]["id"]
    place = f"/api/customers/{customer}/data"
    await shop.ada.put(place, {"data": {"order": {"number": "7/8", "total": 12.5}}})
    monkeypatch.setattr(shop.database, "allowed", Allowed(["127.0.0.1"]))
    url = f"http://127.0.0.1:{called.receiver.port}"
    template = json.loads(json.dumps(BUTTONS).replace("URL", url))
    for context in ("ticket", "customer"):
        given = {"type": "custom", "context": context, "template": template}
        assert (await shop.ada.post("/api/widgets", given)).status == 201
    await browser.log_in(shop.ada.email)
    profile = (await browser.get(f"/customers/{customer}")).text
    assert "Order 7/8" in profile
    assert "disabled" in profile.split('name="button"')[1].split(">")[0]

    page = (await browser.get(f"/inbox/open/{ticket['id']}")).text
    assert page.count('name="button"') == 1, "only those that lead somewhere"
    assert "k-1" not in page
    assert "/refund/" not in page
    value = page.split('name="button" value="')[1].split('"')[0]
    form = {"csrf": await browser.token(), "view": "open", "button": value}
    for _ in range(2):
        assert (await browser.post(f"/tickets/{ticket['id']}/press", form)).status == 303
    await call_outside(shop)
    (got,) = called.receiver.got
    assert (got.method, got.path) == ("POST", f"/refund/7%2F8?by={ticket['id']}")
    assert (got.headers["Authorization"], got.json) == ("Bearer k-1", {"amount": "12.5"})
    (event,) = await shop.events("action-executed")
    assert event[3]["status"] == "success"
    assert event[3]["arguments"]["headers"] == {"Authorization": "…"}
    assert "called “\u2068Refund 7/8\u2069”" in (await browser.get(f"/inbox/open/{ticket['id']}")).text

    await shop.ada.put(place, {"data": {"order": {"number": "7/8", "total": 99}}})
    late = await browser.post(f"/tickets/{ticket['id']}/press", form)
    assert late.status == 422
    assert "has changed meanwhile" in late.text
    await call_outside(shop)
    assert len(called.receiver.got) == 1
    browser.cookies.clear()
    await browser.log_in(shop.oda.email)
    form["csrf"] = await browser.token()
    assert (await browser.post(f"/tickets/{ticket['id']}/press", form)).status == 403
