"""The page of rules: order, on and off, what the code says, and what it would have done."""

import html
import re
from typing import Any

from playwright.async_api import expect

from tests import make
from tests import world as worlds
from tests.web.conftest import Browser, Enter
from tests.web.test_settings import ada, beside, fill  # noqa: F401

CODE = "if (contains(ticket.subject, 'refund')) { Action('addTags', { tags: 'money' }); }"
FORM = {"name": "Refunds", "code": CODE, "event_types": "ticket-created"}


async def add(shop: worlds.World, name: str, **more: Any) -> int:
    body = {"name": name, "code": CODE, "event_types": "ticket-created", **more}
    made = await shop.leo.post("/api/rules", body)
    assert made.status == 201, made.raw
    return int(made.json["id"])


async def order(shop: worlds.World) -> list[str]:
    rows = await shop.rows("select name from rules where account_id = $1 order by priority desc, id")
    return [row[0] for row in rows]


async def test_what_is_wrong_stands_beside_the_code(ada: Browser, shop: worlds.World) -> None:  # noqa: F811
    wrong = await fill(ada, "/settings/rules/new", FORM | {"code": "if (eq(ticket.status 'open')) x"})
    assert wrong.status == 422
    assert beside(wrong.text, "code").startswith("Syntax error at line 1, column 21")
    assert (
        beside((await fill(ada, "/settings/rules/new", FORM | {"name": ""})).text, "name")
        == "This is needed."
    )
    made = await fill(ada, "/settings/rules/new", FORM)
    assert (made.status, made.headers["location"]) == (303, "/settings/rules")
    [[rule]] = await shop.rows("select id from rules where account_id = $1 and name = 'Refunds'")
    saved = await fill(ada, f"/settings/rules/{rule}", FORM | {"description": "Money goes back"})
    assert saved.status == 303
    assert (await fill(ada, f"/settings/rules/{rule}/switch", {"off": "1"})).status == 303
    assert (await shop.ada.get(f"/api/rules/{rule}")).json["deactivated_datetime"] is not None
    await shop.rows(
        "update rules set deactivation_reason = 'It failed <b>' where account_id = $1 returning id"
    )
    page = (await ada.get("/settings/rules")).text
    assert "It failed &lt;b&gt;" in page
    assert (await fill(ada, f"/settings/rules/{rule}/switch", {"off": ""})).status == 303
    assert (await fill(ada, f"/settings/rules/{rule}/delete", {})).status == 303
    assert (await ada.get(f"/settings/rules/{rule}")).status == 404


async def test_rules_change_places(ada: Browser, shop: worlds.World) -> None:  # noqa: F811
    before = await order(shop)
    first, second = await add(shop, "one", priority=900), await add(shop, "two", priority=900)
    assert await order(shop) == ["one", "two", *before]
    await fill(ada, f"/settings/rules/{second}/move", {"up": "1"})
    assert await order(shop) == ["two", "one", *before]
    await fill(ada, f"/settings/rules/{second}/move", {"up": "1"})
    await fill(ada, f"/settings/rules/{second}/move", {"up": ""})
    await fill(ada, f"/settings/rules/{first}/move", {"up": ""})
    assert (await order(shop))[0] == "two" if before else ["two", "one"]


async def test_a_rule_is_written_and_tried_in_a_browser(enter: Enter, shop: worlds.World) -> None:
    await make.ticket(shop, subject="Refund <b>please</b>")
    await make.ticket(shop, subject="Hello")
    page = await enter(at="/settings/rules")
    await page.get_by_role("link", name="New rule").first.click()
    await page.get_by_label("Name").fill("Refunds")
    await page.get_by_label("Code").fill(CODE + " nonsense")
    await page.get_by_role("button", name="In plain words").click()
    await expect(page.locator("#e-code")).to_contain_text("Syntax error at line 1, column 82")
    await page.get_by_label("Code").fill(CODE)
    await page.get_by_role("button", name="Try on history").click()
    await expect(page.locator(".spoken")).to_contain_text("add the tags money")
    tried = page.get_by_role("region", name="Tried on history")
    await expect(tried).to_contain_text("1 of 2 tickets of the last 7 days would have been touched.")
    await expect(tried).to_contain_text("Refund <b>please</b>")
    await expect(tried).to_contain_text("addTags tags “money”")
    assert await shop.rows("select 1 from rules where account_id = $1 and name = 'Refunds'") == []
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("The rule was added, and is on.")).to_be_visible()
    await page.get_by_role("button", name="Switch off").first.click()
    await expect(page.locator(".page-notice[role=status]")).to_have_text("The rule is off.")


async def test_a_rule_begins_with_an_example(ada: Browser, shop: worlds.World) -> None:  # noqa: F811
    """Each can be saved as it stands."""
    empty = (await ada.get("/settings/rules/new")).text
    keys = re.findall(r'href="/settings/rules/new\?example=([a-z]+)"', empty)
    assert len(keys) > 3
    for key in keys:
        page = (await ada.get(f"/settings/rules/new?example={key}")).text
        code = html.unescape(page.split('name="code"')[1].split(">\n", 1)[1].split("</textarea>")[0])
        on = re.findall(r'name="event_types" value="([a-z-]+)" checked', page)
        assert on
        made = await fill(
            ada, "/settings/rules/new", {"name": key, "code": code, "event_types": ",".join(on)}
        )
        assert made.status == 303, made.text
    names = await order(shop)
    assert set(keys) <= set(names)
