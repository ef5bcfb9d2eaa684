"""The settings: what their forms change, and what is said beside a field that is wrong."""

import json
import re
from typing import Any

import pytest
from playwright.async_api import expect

from polus.web.pages import settings_menu
from polus.web.site import PAGES
from tests import world as worlds
from tests.web.conftest import Browser, Enter

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
async def ada(browser: Browser, shop: worlds.World) -> Browser:
    """The administrator, logged in."""
    await browser.log_in(shop.ada.email)
    return browser


async def fill(browser: Browser, path: str, fields: dict[str, Any], **headers: str) -> Any:
    """Send a form of the settings."""
    return await browser.post(path, {"csrf": await browser.token("/settings")} | fields, **headers)


def beside(page: str, field: str) -> str:
    """The sentence beside a field."""
    found = re.search(rf'id="e-{re.escape(field)}".*?<span>(.*?)</span>', page, re.DOTALL)
    return found[1] if found else ""


def test_the_menu_leads_to_pages_of_the_same_role() -> None:
    gets = {at.path: at.role for module in PAGES for at in module.ROUTES if at.method == "GET"}
    assert {row.path: row.role for row in settings_menu.ROWS} == {
        row.path: gets.get(row.path) for row in settings_menu.ROWS
    }
    assert {row.section for row in settings_menu.ROWS} <= set(settings_menu.SECTIONS)


async def test_who_may_see_which_settings(ada: Browser, shop: worlds.World) -> None:
    start = (await ada.get("/settings")).text
    for row in settings_menu.ROWS:
        assert f'href="{row.path}"' in start, row.path
        page = await ada.get(row.path)
        assert page.status == 200, row.path
        assert re.search(rf'href="{row.path}" aria-current="page"', page.text), row.path
    ada.cookies.clear()
    await ada.log_in(shop.oda.email)
    start = (await ada.get("/settings")).text
    for row in settings_menu.ROWS:
        allowed = row.role == "observer-agent"
        assert (f'href="{row.path}"' in start) == allowed, row.path
        assert (await ada.get(row.path)).status == (200 if allowed else 403), row.path


async def test_tags(ada: Browser, shop: worlds.World) -> None:
    wrong = await fill(ada, "/settings/tags", {"name": "a,b", "description": HOSTILE})
    assert wrong.status == 422
    assert beside(wrong.text, "name") == "A comma is not possible here."
    assert HOSTILE not in wrong.text
    assert "&lt;img src=x" in wrong.text, "what was typed is kept"
    made = await fill(ada, "/settings/tags", {"name": "late", "description": "Not here yet"})
    assert (made.status, made.headers["location"]) == (303, "/settings/tags")
    page = await ada.get("/settings/tags")
    assert "The tag was added." in page.text
    assert "The tag was added." not in (await ada.get("/settings/tags")).text, "said once"
    [[tag_id]] = await shop.rows("select id from tags where account_id = $1 and name = 'late'")
    taken = await fill(ada, f"/settings/tags/{tag_id}", {"name": "VIP"})
    assert (taken.status, beside(taken.text, "name")) == (422, "This is in use already. Choose another.")
    fields = {"name": "too late", "decoration.color": "#ff0000"}
    assert (await fill(ada, f"/settings/tags/{tag_id}", fields)).status == 303
    [[name, decoration]] = await shop.rows("select name, decoration from tags where account_id = $1 and id = $2", tag_id)  # fmt: skip
    assert (name, json.loads(decoration)) == ("too late", {"color": "#ff0000"})
    lost = await fill(ada, f"/settings/tags/{tag_id}/merge", {"into": "nothing"})
    assert (lost.status, beside(lost.text, "into")) == (422, "This does not exist any more.")
    assert (await fill(ada, f"/settings/tags/{tag_id}/merge", {"into": "VIP"})).status == 303
    assert await shop.rows("select 1 from tags where account_id = $1 and id = $2", tag_id) == []
    assert [kind for kind, *_ in await shop.events("tag-merged")] == ["tag-merged"]


async def test_forms_in_a_browser(enter: Enter, shop: worlds.World) -> None:
    page = await enter(at="/settings")
    await page.locator("#content").get_by_role("link", name="Tags").click()
    await page.get_by_label("Name").fill("a,b")
    await page.get_by_role("button", name="Add tag").click()
    await expect(page.get_by_role("alert").first).to_have_text("A comma is not possible here.")
    await expect(page.get_by_label("Name")).to_be_focused()
    await expect(page.get_by_label("Name")).to_have_value("a,b")
    await page.get_by_label("Name").fill("ab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("The tag was added.")
    await page.get_by_role("link", name="Edit ab").click()
    await page.locator("summary", has_text="Delete").click()
    await page.get_by_role("button", name="Delete the tag").click()
    await expect(page.get_by_role("status")).to_have_text("The tag was deleted.")
    assert await shop.rows("select 1 from tags where account_id = $1 and name = 'ab'") == []
