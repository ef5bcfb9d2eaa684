"""Wakes other processes after a commit: one LISTEN/NOTIFY connection per process, rings gathered for some
milliseconds.

A ring is a hint, never the only bearer of a fact: whoever listens also looks at the tables by himself now and
then. Ringing happens outside the transaction, because NOTIFY inside one makes all commits queue behind each other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec
import structlog

from polus.store.pool import AWAY

CHANNEL = "polus"
GATHER = 0.004
# PostgreSQL refuses payloads of 8,000 bytes and more.
MOST_BYTES = 7_000
RETRY = 1.0

log = structlog.get_logger(__name__)

# ("ticket", account, ticket) · ("presence", account, ticket) · ("read", account, user, ticket) · ("sessions", account) ·
# ("account", account) · ("credentials", account) · ("work", queue name)
Ring = tuple[str | int, ...]
Listener = Callable[[list[Ring]], None]


class Bell:
    """Rings and hears. `connect` opens a connection of its own, outside the pool."""

    def __init__(self, connect: Callable[[], Awaitable[Any]]) -> None:
        self._connect = connect
        self._connection: asyncpg.Connection[Any] | None = None
        self._listeners: list[Listener] = []
        self._waiting: dict[Ring, None] = {}
        self._flush: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    async def open(self) -> None:
        """Connect and listen; reconnects by itself until `close`."""
        await self._attach()
        self._keeper = asyncio.create_task(self._keep())

    async def close(self) -> None:
        """Send what is waiting and let go of the connection."""
        if self._keeper:
            self._keeper.cancel()
        if self._flush:
            await asyncio.gather(self._flush, return_exceptions=True)
        if self._connection and not self._connection.is_closed():
            await self._connection.close()

    @property
    def hears(self) -> bool:
        """False while the connection is down: caches that rely on rings must not be trusted then."""
        return self._connection is not None and not self._connection.is_closed()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each batch of rings of any process; returns how to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def ring(self, *rings: Ring) -> None:
        """Tell this process at once, the others soon; same rings within a few milliseconds are told once."""
        self._tell(list(rings))
        self._waiting.update(dict.fromkeys(rings))
        if self._flush is None or self._flush.done():
            self._flush = asyncio.create_task(self._send())

    async def _send(self) -> None:
        await asyncio.sleep(GATHER)
        while self._waiting:
            rings, self._waiting = list(self._waiting), {}
            for payload in _payloads(rings):
                try:
                    if self._connection is not None:
                        await self._connection.execute("select pg_notify($1, $2)", CHANNEL, payload)
                except (asyncpg.PostgresError, *AWAY):
                    # A hint that was lost: the tables still say it.
                    log.debug("ring lost", count=len(rings))

    async def _attach(self) -> None:
        self._lost.clear()
        connection = await self._connect()
        await connection.add_listener(CHANNEL, self._heard)
        connection.add_termination_listener(lambda _: self._lost.set())
        self._connection = connection

    async def _keep(self) -> None:
        while True:
            await self._lost.wait()
            try:
                await self._attach()
            except (asyncpg.PostgresError, *AWAY):
                self._lost.set()
                await asyncio.sleep(RETRY)
            else:
                # Whatever rang meanwhile was not heard.
                self._tell([("everything",)])

    def _heard(self, connection: Any, pid: int, _channel: str, payload: Any) -> None:
        if pid != connection.get_server_pid():
            self._tell(msgspec.json.decode(payload, type=list[Ring]))

    def _tell(self, rings: list[Ring]) -> None:
        for listener in list(self._listeners):
            listener(rings)


def _payloads(rings: list[Ring]) -> list[str]:
    encoded = [msgspec.json.encode(ring).decode() for ring in rings]
    batches, batch, size = [], list[str](), 0
    for text in encoded:
        if size + len(text) > MOST_BYTES:
            batches.append(batch)
            batch, size = [], 0
        batch.append(text)
        size += len(text) + 1
    batches.append(batch)
    return ["[" + ",".join(batch) + "]" for batch in batches]
