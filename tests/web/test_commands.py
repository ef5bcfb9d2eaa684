"""Keys and the command palette on pages that are not the inbox."""

import re

from playwright.async_api import Page, expect

from tests import make
from tests import world as worlds
from tests.web.conftest import Browser, Enter


async def arrived(page: Page, at: str) -> None:
    """The page is there, and hears keys."""
    await expect(page).to_have_url(re.compile(at))
    await page.wait_for_load_state()


async def test_keys_and_palette_on_every_page(enter: Enter, shop: worlds.World) -> None:
    """From the settings to the customers, the statistics and back to the inbox without a mouse."""
    ticket = await make.ticket(shop, subject="A blue parcel")
    page = await enter(at="/settings/tags")
    press, words = page.keyboard.press, page.keyboard.type
    await press("?")
    await expect(page.locator("#help-keys")).to_contain_text("Go to Statistics")
    await press("Escape")
    await press("g")
    await press("k")
    await arrived(page, "/customers$")
    await press("c")
    await arrived(page, "/customers/new$")
    await press("u")
    await arrived(page, "/customers$")
    await press("g")
    await press("d")
    await arrived(page, "/statistics")

    await press("Control+k")
    await words("audit set")
    await expect(page.locator("#palette-list li")).to_have_text(["Settings: Audit log", "Search for “audit set”"])  # fmt: skip
    await press("Enter")
    await arrived(page, "/settings/audit$")
    await press("/")
    await words("blue")
    await expect(page.locator("#found mark").first).to_have_text("blue")
    await press("ArrowDown")
    await press("Enter")
    await arrived(page, f"/inbox/all/{ticket['id']}$")
    await page.goto(f"http://{shop.ada.host}/customers")
    await press("g")
    await press("o")
    await expect(page.locator(f"#t-{ticket['id']}")).to_be_visible()


async def test_the_palette_leads_where_one_may_go(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.oda.email)
    found = (await browser.get("/palette")).text
    assert "Profile" in found
    assert "Audit" not in found
