"""A helpdesk as an OpenID provider: whoever is asked there says yes or no with his own browser."""

import html
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.installs import App
from tests.web.conftest import Browser, Reply
from tests.world import World


@dataclass
class Company:
    """The provider's account, the shop's registration there, and the browser of who is asked."""

    world: World
    app: App
    browser: Browser

    @property
    def issuer(self) -> str:
        return self.world.account.base_url

    async def answer(self, address: str, decision: str = "allow") -> str:
        """What the shop is sent back with, as path and query."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}" == self.issuer
        reply = await self.browser.get(f"{parts.path}?{parts.query}")
        if reply.status == 200:
            given = {"csrf": await self.browser.token(), "request": parts.query, "decision": decision}
            reply = await self.browser.post("/oauth/authorize", given)
        place = urlsplit(reply.headers["Location"])
        return f"{place.path}?{place.query}"


def goes_to(reply: Reply) -> str:
    """Where a page between two sites leads."""
    assert reply.status == 200, re.findall(r"wrong-text.*", reply.text)
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', reply.text)
    assert found, re.findall(r"wrong-text.*", reply.text)
    assert f'href="{found[1]}"' in reply.text, "also without the refresh"
    return html.unescape(found[1])
