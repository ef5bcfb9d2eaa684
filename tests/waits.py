"""Waiting for what other processes do: asked again and again until it is so, without keeping a core from them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE = 180.0  # seconds that anything may take on a machine that does much else


async def until(condition: Callable[[], Awaitable[Any]]) -> Any:
    """What the condition gives as soon as it gives something."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await condition()):
            await asyncio.sleep(0.02)
        return found
