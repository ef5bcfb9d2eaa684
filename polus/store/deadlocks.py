"""Transactions that waited for each other: PostgreSQL undoes one of them, and it is done again from its beginning."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

ATTEMPTS = 5

Answer = TypeVar("Answer")


async def outlived(attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """What `attempt` gives, which opens one transaction and has no other effect. Raises the last of five deadlocks."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await attempt()
        except asyncpg.DeadlockDetectedError:
            # Not at the same moment as others that were undone.
            await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - no secret
    return await attempt()
