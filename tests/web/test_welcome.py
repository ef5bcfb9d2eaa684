"""Where an invitation leads: a password of one's own choice, once."""

import datetime
import re

from polus.base import clock
from polus.desk import invitations
from tests import world as worlds
from tests.web.conftest import Browser, Reply

WEEK = datetime.timedelta(days=7)


def link(shop: worlds.World, user_id: int) -> str:
    return invitations.PATH + invitations.token(shop.database, shop.account.id, user_id)


async def choose(browser: Browser, path: str, password: str) -> Reply:
    page = await browser.get(path)
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert csrf is not None
    return await browser.send("POST", path, {"csrf": csrf[1], "password": password})


async def test_a_new_user_chooses_a_password_and_is_in(browser: Browser, shop: worlds.World) -> None:
    path = link(shop, shop.leo.user_id)
    page = await browser.get(path)
    assert page.status == 200
    assert shop.leo.email in page.text
    short = await choose(browser, path, "short")
    assert short.status == 422
    assert "At least 10 characters are needed." in short.text
    assert "short" not in short.text.replace("Shorter", "")
    done = await choose(browser, path, "a password of mine")
    assert (done.status, done.headers["location"]) == (303, "/inbox")
    assert (await browser.get("/inbox")).status in (200, 303)
    events = [kind for kind, _, object_id, _ in await shop.events() if object_id == shop.leo.user_id]
    assert events == ["user-password-changed", "user-logged-in"]
    browser.cookies.clear()
    assert (await browser.log_in(shop.leo.email, "a password of mine")).status == 303
    # Used once, it is used up.
    browser.cookies.clear()
    again = await browser.get(path)
    assert (again.status, shop.leo.email in again.text) == (410, False)
    posted = await browser.send("POST", path, {"csrf": "x", "password": "another password"})
    assert posted.status == 403


async def test_other_links_open_nothing(browser: Browser, shop: worlds.World) -> None:
    for path in (
        link(shop, shop.ada.user_id),  # she has a password
        link(shop, 999_999_999),
        invitations.PATH + invitations.token(shop.database, shop.account.id + 1, shop.leo.user_id),
        invitations.PATH + "nonsense",
        link(shop, shop.leo.user_id)[:-2] + "AA",
    ):
        assert (await browser.get(path)).status == 410
    path = link(shop, shop.leo.user_id)
    with clock.turned(by=WEEK):
        late = invitations.PATH + invitations.token(shop.database, shop.account.id, shop.leo.user_id)
    assert (await browser.get(late)).status == 200
    with clock.turned(by=-WEEK):
        old = link(shop, shop.leo.user_id)
    assert (await browser.get(old)).status == 410
    assert path != old
