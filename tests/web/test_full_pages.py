"""Every full page in a browser: nothing that axe-core minds, nothing sticks out, at three widths, light and dark."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from polus.desk import invitations, resets, sessions
from polus.store.work import SYSTEM, writing
from polus.web.pages import settings_menu
from tests import make
from tests import world as worlds
from tests.web.axe import violations
from tests.web.conftest import Enter

PICTURES = os.environ.get("POLUS_TEST_PICTURES", "")
"""A folder: pictures of all pages are put there, to be looked at."""

SIZES = ((1440, 900), (1024, 768), (390, 844))
MORE = (
    "/customers",
    "/customers?search=nobody",
    "/customers/new",
    "/tickets/new",
    "/settings",
    "/settings/users/new",
    "/settings/teams/new",
    "/settings/views/new",
    "/settings/views/sections",
    "/settings/macros/new",
    "/settings/rules/new",
    "/settings/fields/new",
    "/settings/macros?archived",
    "/settings/tags?search=nothing",
)


async def sticks_out(page: Page) -> Any:
    return await page.evaluate("document.documentElement.scrollWidth - innerWidth")


async def looked_at(page: Page, path: str) -> list[str]:
    """What is wrong with the page in both themes and three sizes; pictures of it when they are asked for."""
    wrong: list[str] = []
    for theme in ("light", "dark"):
        await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        # Colours move nothing: one theme is enough to see what sticks out.
        for width, height in SIZES if theme == "light" or PICTURES else ():
            await page.set_viewport_size({"width": width, "height": height})
            if await sticks_out(page) > 0:
                wrong.append(f"{path} sticks out at {width}")
            if PICTURES:
                name = path.strip("/").replace("/", "-")[:40]
                await page.screenshot(path=Path(PICTURES) / f"{name}-{width}-{theme}.png")
        await page.set_viewport_size({"width": 1440, "height": 900})
        wrong += await violations(page, colours=theme == "dark")
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("half", (0, 1))
async def test_every_page_of_the_settings(enter: Enter, shop: worlds.World, half: int) -> None:
    await fill(shop)
    page = await enter(at="/settings")
    wrong: list[str] = []
    for path in (*MORE, *(row.path for row in settings_menu.ROWS), *await single(shop))[half::2]:
        answer = await page.goto(f"http://{shop.ada.host}{path}")
        assert answer
        assert answer.status == 200, path
        wrong += await looked_at(page, path)
    assert not wrong, "\n".join(wrong)


async def fill(shop: worlds.World) -> None:
    """Something of everything, with names that are long."""
    ada = shop.ada
    await ada.post("/api/teams", {"name": "Returns and refunds", "members": [{"id": ada.user_id}]})
    await ada.post("/api/tags", {"name": "a-tag-with-a-very-long-name-" * 6, "description": "Long " * 40})
    field = {"data_type": "text", "input_settings": {"input_type": "dropdown", "choices": ["A", "B::C"]}}
    await ada.post("/api/custom-fields", {"object_type": "Ticket", "label": "Reason", "definition": field})
    answer = {"name": "setResponseText", "title": "Answer", "arguments": {"body_text": "Hello\n" * 20}}
    more = {"name": "http", "title": "Call", "arguments": {"url": "https://shop.example"}}
    await ada.post("/api/macros", {"name": "Where is my order? " * 8, "actions": [answer, more]})
    code = "if (eq(ticket.status, 'open')) { Action('addTags', { tags: 'a, b' }); }"
    await ada.post("/api/rules", {"name": "Long name " * 20, "code": code, "event_types": "ticket-created"})
    view = {"name": "Late", "slug": "late", "filters": "eq(ticket.status, 'open') && isEmpty(ticket.tags)"}
    await ada.post("/api/views", view)
    await ada.post("/api/jobs", {"type": "exportMacro", "params": {}})
    await make.address(shop)
    await make.ticket(shop)


async def single(shop: worlds.World) -> list[str]:
    """The pages of single things."""
    found = [f"/settings/users/{shop.leo.user_id}"]
    [[customer]] = await shop.rows("select min(id) from customers where account_id = $1")
    found.append(f"/customers/{customer}")
    [[address]] = await shop.rows("select min(id) from integrations where account_id = $1 and type = 'email'")
    found.append(f"/settings/channels/{address}/letters")
    tables = ("teams", "tags", "macros", "views", "jobs", "rules")
    for table, path in (*zip(tables, tables, strict=True), ("custom_fields", "fields")):
        rows = await shop.rows(f"select id from {table} where account_id = $1 order by id desc limit 1")
        found += [f"/settings/{path}/{row['id']}" for row in rows]
    return found


async def test_every_page_of_the_door(enter: Enter, shop: worlds.World) -> None:
    page = await enter(at="/settings")
    await page.context.clear_cookies()
    async with writing(shop.database, shop.account, SYSTEM) as work:
        ada = await sessions.candidate(work, shop.ada.email)
        assert ada
        reset = resets.PATH + resets.token(work, ada)
        welcome = invitations.PATH + invitations.token(work.database, work.account.id, shop.leo.user_id)
    wrong: list[str] = []
    for path in ("/login", "/login/forgotten", reset, welcome):
        await page.goto(f"http://{shop.ada.host}{path}")
        wrong += await looked_at(page, path)
    assert not wrong, "\n".join(wrong)
