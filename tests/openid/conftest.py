"""A shop, a company whose helpdesk is the provider, and a provider that is up to no good."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from polus.base import crypto
from polus.web.site import Site
from tests import installs
from tests import world as worlds
from tests.channels.email import fetching
from tests.channels.email.conftest import dovecot, postfix, postfix_sink
from tests.oauth.conftest import names
from tests.openid.companies import Company
from tests.openid.rogues import Rogue
from tests.web.conftest import PASSWORD, Browser, browser, chromium, enter, house, http, shop
from tests.world import World

__all__ = [
    "browser",
    "chromium",
    "dovecot",
    "enter",
    "house",
    "http",
    "names",
    "postfix",
    "postfix_sink",
    "shop",
]


@pytest.fixture(autouse=True)
def loopback(shop: World, names: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is called is on this machine."""
    monkeypatch.setattr(shop.database, "allowed", fetching.LOOPBACK)


@pytest.fixture
async def ada(browser: Browser, shop: World) -> Browser:
    await browser.log_in(shop.ada.email)
    return browser


@pytest.fixture
async def company(shop: World, http: Any, house: tuple[str, Site]) -> Company:
    """Another helpdesk in which the shop's is registered as an app; its `ada` is logged in there."""
    made = await worlds.make(shop.database, http, house[0])
    hashed = await crypto.hash_password(PASSWORD)
    await made.rows(
        "update users set password_hash = $3 where account_id = $1 and id = $2 returning id",
        made.ada.user_id,
        hashed,
    )
    app = await installs.register(made, shop.account.base_url + "/oauth/callback", name="The Shop")
    visitor = Browser(http, house[0], made.ada.host)
    await visitor.log_in(made.ada.email)
    return Company(made, app, visitor)


@pytest.fixture
async def rogue() -> AsyncIterator[Rogue]:
    """Answers what a test wants."""
    made = Rogue()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = site.name
    yield made
    made.over.set()
    await runner.cleanup()
