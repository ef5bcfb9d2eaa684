"""Guides are followed here: their pieces of Python run one after the other, as they stand, against a real server."""

import asyncio
import builtins
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.oauth.conftest import names
from tests.web.conftest import browser, house, http, shop
from tests.world import World

__all__ = ["browser", "house", "http", "names", "shop"]

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
PIECE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Guide:
    """One page, followed piece by piece. `said` is what it printed; `at[name]` what it knows by a name."""

    def __init__(self, name: str, ask: Callable[[str], str] | None = None) -> None:
        self.pieces = PIECE.findall((GUIDES / name).read_text())
        self.name = name
        self.said: list[str] = []
        self.at: dict[str, Any] = {"__name__": name}
        self.at |= {"print": self._print, "input": ask or builtins.input}

    def _print(self, *words: Any) -> None:
        self.said.append(" ".join(map(str, words)))

    async def step(self) -> None:
        """Run the next piece, outside the event loop that the server runs in."""
        code = compile(self.pieces.pop(0), self.name, "exec")
        await asyncio.to_thread(exec, code, self.at)

    async def follow(self) -> None:
        """Run all that is left."""
        while self.pieces:
            await self.step()

    def close(self) -> None:
        for thing in self.at.values():
            if type(thing).__name__ == "Session":
                thing.close()


@pytest.fixture
def setting(monkeypatch: pytest.MonkeyPatch, shop: World, names: None) -> Callable[..., None]:
    """The environment that guides read: this shop, its administrator, and what else is given."""

    def given(**more: str) -> None:
        known = {
            "POLUS_URL": "http://" + shop.ada.host,
            "POLUS_EMAIL": shop.ada.email,
            "POLUS_KEY": shop.ada.key,
        }
        for name, value in (known | more).items():
            monkeypatch.setenv(name, value)

    return given
