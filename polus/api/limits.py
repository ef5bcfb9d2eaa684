"""Leaky buckets per credential that hold over all server processes.

A process takes requests out of the shared bucket in small lots: one by one while the limit is small, so the figures
are exact; a hundredth of a large limit at once, so that busy installations pay one statement in a hundred.
"""

import time
from typing import NamedTuple

import msgspec

from polus.base import errors
from polus.store import buckets
from polus.store.database import Database

WINDOW = 20.0
KEY_LIMIT = 40
APP_LIMIT = 80
LOTS = 100
MOST_BUCKETS = 50_000


class TooMany(errors.Refusal):
    """429."""

    status = 429

    def __init__(self, usage: "Usage", retry_after: int) -> None:
        super().__init__("Too many requests.", {"retry_after": retry_after})
        self.usage = usage
        self.retry_after = retry_after


class Usage(NamedTuple):
    """What `X-Gorgias-Account-Api-Call-Limit` says."""

    level: int
    limit: int

    def header(self) -> bytes:
        """`level/limit`."""
        return b"%d/%d" % (self.level, self.limit)


class _Lot(msgspec.Struct):
    left: int
    level: float
    taken: float


class Limits:
    """The buckets as one process sees them. `window` seconds empty a full bucket."""

    def __init__(self, database: Database, window: float = WINDOW) -> None:
        self._database = database
        self._window = window
        self._lots: dict[str, _Lot] = {}

    async def take(self, key: str, limit: int, window: float | None = None) -> Usage:
        """Count one request of `key`; raises `TooMany` when it does not fit. Limit 0 counts nothing.

        `window`: the account's own, instead of everybody's.
        """
        if limit == 0:
            return Usage(0, 0)
        window = window or self._window
        lot = self._lots.get(key)
        now = time.monotonic()
        if lot is None or lot.left == 0 or now - lot.taken > window:
            lot = await self._lot(key, limit, now, window)
        else:
            lot.left -= 1
        leaked = (now - lot.taken) * limit / window
        return Usage(max(1, round(lot.level - lot.left - leaked)), limit)

    async def _lot(self, key: str, limit: int, now: float, window: float) -> _Lot:
        """A lot of which the caller's request is taken already: others find it before the caller goes on."""
        async with self._database.pool.acquire() as db:
            for size in dict.fromkeys((max(1, limit // LOTS), 1)):
                filled = await buckets.fill(db, key, size, limit, window)
                if filled is not None:
                    return self._keep(key, _Lot(size - 1, filled, now))
            level = await buckets.level(db, key, limit, window)
        over = (limit if level is None else level) + 1 - limit
        raise TooMany(Usage(limit, limit), max(1, int(-(-over * window // limit))))

    def _keep(self, key: str, lot: _Lot) -> _Lot:
        if len(self._lots) >= MOST_BUCKETS:
            self._lots.clear()
        # Of two that were fetched at once, the later takes up what is left of the other.
        known = self._lots.get(key)
        if known is not None and lot.taken - known.taken <= self._window:
            lot.left += known.left
        self._lots[key] = lot
        return lot
