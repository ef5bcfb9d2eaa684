"""What works and what waits: for `/health`, `/metrics` and `polus check`."""

import asyncio
import time
from typing import Any

import msgspec

from polus.base import figures
from polus.channels import states
from polus.channels.email.listener import Listener
from polus.store import backlogs, presence
from polus.store.database import Database
from polus.store.pool import AWAY

PATIENCE = 3.0  # seconds the database may take to answer
KEPT = 1.0  # seconds an answer is kept: asking often costs nothing
LATE = 900.0  # seconds after which work that nobody has begun says that the queue does not work


class Health(msgspec.Struct, frozen=True):
    """Whether each part works. `channels`: nothing that this house alone must move has waited for long."""

    database: bool
    queue: bool
    listener: bool
    channels: bool

    @property
    def well(self) -> bool:
        """Whether this process is fit for requests. A channel that lags is no reason to take it out of service."""
        return self.database and self.queue and self.listener

    def body(self) -> bytes:
        """As JSON."""
        parts = {name: "ok" if getattr(self, name) else "failing" for name in self.__struct_fields__}
        return msgspec.json.encode({"status": "ok" if self.well else "failing", **parts})


class Doctor:
    """Looks at one process and the database it uses."""

    def __init__(self, database: Database, listener: Listener | None) -> None:
        self._database = database
        self._listener = listener
        self._found: tuple[float, Health] | None = None

    async def look(self) -> Health:
        """How things are, at most a second ago."""
        if self._found is None or time.monotonic() - self._found[0] > KEPT:
            self._found = (time.monotonic(), await self._examine())
        return self._found[1]

    async def _examine(self) -> Health:
        listens = self._listener is not None and self._listener.listens
        try:
            async with asyncio.timeout(PATIENCE), self._database.pool.acquire() as db:
                alive = await presence.anybody(db)
                late = max(row["oldest"] for row in await backlogs.waiting(db)) > LATE
                flow = all(lag.seconds <= LATE for lag in await states.lags(db) if lag.ours)
        except AWAY:
            return Health(database=False, queue=False, listener=listens, channels=False)
        return Health(database=True, queue=alive and not late, listener=listens, channels=flow)

    async def figures(self) -> bytes:
        """Everything for Prometheus; without the measured part while the database is away."""
        told = figures.told()
        try:
            async with asyncio.timeout(PATIENCE), self._database.pool.acquire() as db:
                rows, lags = await backlogs.waiting(db), await states.lags(db)
        except AWAY:
            return told + figures.gauge("polus_database_up", "Whether the database answers.", [({}, 0)])
        return b"".join(
            [
                told,
                figures.gauge("polus_database_up", "Whether the database answers.", [({}, 1)]),
                _measured("polus_queue_waiting", "Work that is due.", rows, "waiting"),
                _measured("polus_queue_oldest_seconds", "How long the oldest has been due.", rows, "oldest"),
                _measured("polus_queue_given_up", "Work that people must look at.", rows, "given_up"),
                figures.gauge(
                    "polus_channel_lag_seconds",
                    "How long words have waited to be taken in or sent.",
                    [({"channel": lag.channel, "direction": lag.direction}, lag.seconds) for lag in lags],
                ),
            ]
        )


def _measured(name: str, meaning: str, rows: Any, column: str) -> bytes:
    return figures.gauge(name, meaning, [({"queue": row["queue"]}, float(row[column])) for row in rows])
