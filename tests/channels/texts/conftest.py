"""A shop with numbers that texts come to, and a provider on loopback."""

from collections.abc import AsyncIterator

import pytest

from polus.reactions import table as reactions
from polus.store import work as works
from tests.channels.texts import office
from tests.channels.texts.office import Texts
from tests.world import World


@pytest.fixture
async def texts(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Texts]:
    monkeypatch.setattr(works, "subscriptions", {})
    reactions.subscribe()
    async with office.opened(world) as opened:
        yield opened
