"""A shop with numbers that texts come to, and a provider on loopback."""

from collections.abc import AsyncIterator

import pytest

from tests.channels.texts import office
from tests.channels.texts.office import Texts
from tests.world import World


@pytest.fixture
async def texts(world: World, subscribed: None) -> AsyncIterator[Texts]:
    async with office.opened(world) as opened:
        yield opened
