"""Every page held against axe-core's rules (WCAG 2.2 AA among them), light and dark, wide and narrow."""

from typing import Any

import pytest
from playwright.async_api import expect

from polus.web.pages import settings_menu
from polus.web.site import PAGES
from tests import make
from tests import world as worlds
from tests.web.axe import violations
from tests.web.conftest import Browser, Enter
from tests.web.test_full_pages import MORE

# Addresses that answer with something else than a page.
NO_PAGES = ("/", "/inbox", "/people", "/palette", "/search/offer", "/logout")


async def test_the_inbox(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    await make.address(shop, "second@shop.example")
    definition = {
        "data_type": "text",
        "input_settings": {"input_type": "dropdown", "choices": ["Lost", "Late"]},
    }
    for kind in ("Ticket", "Customer"):
        await shop.ada.post("/api/custom-fields", {"object_type": kind, "label": "Reason", "required": kind == "Ticket", "definition": definition})  # fmt: skip
    made = await make.ticket(shop, subject="A parcel", tags=[{"name": "VIP", "decoration": {"color": "#d9485f"}}], priority="high")  # fmt: skip
    await make.customer(shop, name="Mia Meyer", email="mia@other.example")
    await make.ticket(shop, messages=[make.mail("see", body_html="<table><tr><td>One</td></tr></table>")])
    await shop.leo.post(f"/api/tickets/{made['id']}/messages", make.note("Careful"))
    await shop.ada.post("/api/views", {"slug": "x", "name": "Shared", "decoration": {"emoji": "🔥"}})
    page = await enter(at=f"/inbox/open/{made['id']}")
    await page.get_by_label("Message", exact=True).press_sequentially("Hello")
    await expect(page.locator(".macro").first).to_be_visible()
    assert await violations(page) == []
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".planned")).to_be_visible()
    await page.locator("#rows .row").first.hover()
    await page.locator("#rows .row-check").first.click()
    await page.locator(f"#fields-{made['id']} summary").click()
    await page.locator(f"#more-{made['id']} summary").click()
    assert await violations(page) == []
    await page.emulate_media(color_scheme="dark")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await page.locator("#search").fill("parcel")
    await expect(page.locator("#found mark").first).to_be_visible()
    assert await violations(page, covered=True) == []
    await page.set_viewport_size({"width": 390, "height": 844})
    for pane in ("rail", "list", "ticket", "customer"):
        await page.locator(f'#bottom-bar [data-show="{pane}"]').click()
        assert await violations(page) == [], pane
    await page.goto(f"http://{shop.ada.host}/inbox/mine")
    assert await violations(page) == []


def addresses() -> list[str]:
    """All pages that are found without a number, but for those that `test_full_pages` looks at."""
    found = [at.path for module in PAGES for at in module.ROUTES if at.method == "GET" and "{" not in at.path]
    seen = {*NO_PAGES, *MORE, *(row.path for row in settings_menu.ROWS)}
    return [path for path in dict.fromkeys(found) if path not in seen and not path.startswith("/suggest/")]


@pytest.mark.slow
async def test_all_other_pages(enter: Enter, shop: worlds.World, browser: Browser) -> None:
    await make.ticket(shop)
    await browser.log_in(shop.ada.email)
    # Asked without a browser first: one reports in its console every answer that is no success.
    answers = {path: await browser.get(path) for path in addresses()}
    shown = [
        path
        for path, answer in answers.items()
        if answer.status == 200 and answer.headers.get("content-type", "").startswith("text/html")
    ]
    assert len(shown) > 5
    page = await enter()
    wrong: dict[str, Any] = {}
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for path in shown:
            await page.goto(f"http://{shop.ada.host}{path}")
            if found := await violations(page, colours=theme == "dark"):
                wrong[f"{path} {theme}"] = found
    assert wrong == {}
