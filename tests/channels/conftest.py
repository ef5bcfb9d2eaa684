"""Wires that break, for tests of whatever peer."""

from collections.abc import AsyncIterator

import pytest

from tests.channels.wires import Open, Wire


@pytest.fixture
async def wire() -> AsyncIterator[Open]:
    """Opens a wire to a port of this machine."""
    made: list[Wire] = []

    async def make(target: int) -> Wire:
        made.append(Wire(target))
        await made[-1].open()
        return made[-1]

    yield make
    for one in made:
        await one.close()
