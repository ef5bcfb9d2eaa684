"""Open chats: each visitor's browser hears its new lines as server-sent events, fed from the store's bell.

An open chat costs little while nothing is said: its request waits for the browser to go, and that is all. Lines are
fetched when the bell rings; one clock for all of them says now and then that the server is there, and asks in one
statement who missed a ring.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import structlog
from starlette.types import Receive, Send

from polus.channels.chat import lines
from polus.store.bell import Ring
from polus.store.database import Database
from polus.store.pool import AWAY

QUIET = 25.0
"""Seconds after which every browser hears a comment: proxies keep the connection, and lost rings are made up for."""

MOST_OF_ONE = 5
"""Open streams of one visitor; the oldest ends when one more opens."""

HELLO = b"retry: 2000\n: hello\n\n"
STILL_HERE = b": .\n\n"
# What is told beside lines, by the ring that leads to it. Nothing of it is kept: who was not there is not told.
SIGNS = {
    "chat-typing": b"event: typing\ndata: {}\n\n",
    "chat-question": b"event: question\ndata: {}\n\n",
}

Place = tuple[int, int]  # account and visitor
Fetch = Callable[[int, int], Awaitable[Sequence[dict[str, Any]]]]
"""Up to 100 lines of a visitor that follow one: `fetch(visitor_id, line_id)`."""

log = structlog.get_logger(__name__)


class Stream:
    """One browser that listens. `last` is the newest line it was told."""

    __slots__ = ("fetch", "last", "over", "rung", "send", "signs", "telling")

    def __init__(self, last: int, fetch: Fetch, send: Send) -> None:
        self.last = last
        self.fetch = fetch
        self.send = send
        self.rung = False
        self.signs = b""
        self.over = False
        self.telling: asyncio.Task[None] | None = None


class Streams:
    """The open chats of one process, by account and visitor."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._streams: defaultdict[Place, list[Stream]] = defaultdict(list)
        self._clock: asyncio.Task[None] | None = None
        self._closing = False
        database.bell.listen(self._hear)

    def __len__(self) -> int:
        return sum(map(len, self._streams.values()))

    def _hear(self, rings: list[Ring]) -> None:
        for ring in rings:
            match ring:
                case (str(kind), int(account), int(visitor)) if kind == "chat" or kind in SIGNS:
                    for stream in self._streams.get((account, visitor), ()):
                        self._wake(stream, (account, visitor), SIGNS.get(kind, b""))
                case ("chat-left", int(account), int(visitor)):
                    for stream in list(self._streams.get((account, visitor), ())):
                        self._end(stream)
                case ("everything",):
                    for place, opened in self._streams.items():
                        for stream in opened:
                            self._wake(stream, place)

    def _wake(self, stream: Stream, place: Place, sign: bytes = b"") -> None:
        """Have a browser told what is new to it; `sign` beside it."""
        if sign:
            stream.signs = sign
        else:
            stream.rung = True
        if stream.telling is None and not stream.over:
            stream.telling = asyncio.create_task(self._tell(stream, place[1]))

    async def _tell(self, stream: Stream, visitor_id: int) -> None:
        try:
            while (stream.rung or stream.signs) and not stream.over:
                told, stream.signs = stream.signs, b""
                if stream.rung:
                    stream.rung = False
                    found = await stream.fetch(visitor_id, stream.last)
                    if found:
                        stream.last = found[-1]["id"]
                        # What comes from now on rings again.
                        stream.rung = stream.rung or len(found) == lines.PAGE
                        told = b"".join(map(event, found))
                if told and not stream.over:
                    await stream.send(_part(told))
        except AWAY as error:
            # The clock asks again.
            log.warning("a chat waits for the database", error=repr(error))
        except Exception:
            log.exception("a chat was not told its lines")
        finally:
            stream.telling = None

    def close(self) -> None:
        """End all streams and begin no more."""
        self._closing = True
        if self._clock:
            self._clock.cancel()
        for opened in self._streams.values():
            for stream in list(opened):
                self._end(stream)

    def _end(self, stream: Stream) -> None:
        """The browser hears the end and goes; its request ends with it."""
        stream.over = True
        stream.telling = asyncio.create_task(_finish(stream))

    async def run(self, place: Place, last: int, fetch: Fetch, receive: Receive, send: Send) -> None:
        """Tell one browser every line after `last` until it goes."""
        mine, stream = self._streams[place], Stream(last, fetch, send)
        mine.append(stream)
        try:
            await send(_part(HELLO))
            if len(mine) > MOST_OF_ONE:
                self._end(mine[0])
            if self._closing:
                self._end(stream)
            self._wake(stream, place)
            self._clock = self._clock or asyncio.create_task(self._tick())
            while not stream.over and (await receive())["type"] != "http.disconnect":
                pass
        finally:
            stream.over = True
            mine.remove(stream)
            if not mine:
                self._streams.pop(place, None)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(QUIET)
            await self.beat()

    async def beat(self) -> None:
        """Make up for rings that were lost, and let every browser hear that the server is there."""
        known = [(*place, stream) for place, opened in self._streams.items() for stream in opened]
        try:
            await self._make_up(known)
        except AWAY as error:
            log.warning("chats wait for the database", error=repr(error))
        except Exception:
            log.exception("chats were not made up for")
        for n, (account, visitor, stream) in enumerate(known):
            if stream.telling is None:
                self._wake(stream, (account, visitor), STILL_HERE)
            if n % 100 == 99:
                await asyncio.sleep(0)

    async def _make_up(self, known: list[tuple[int, int, Stream]]) -> None:
        """Wake those who have lines that no ring told of."""
        if not known:
            return
        async with self._database.pool.acquire() as db:
            late = await lines.behind(db, [(account, visitor, one.last) for account, visitor, one in known])
        for account, visitor, stream in known:
            if visitor in late:
                self._wake(stream, (account, visitor))


async def _finish(stream: Stream) -> None:
    await stream.send({"type": "http.response.body", "body": b""})


def _part(told: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": told, "more_body": True}


def event(line: dict[str, Any]) -> bytes:
    """One line as an event whose id a browser repeats when it connects again."""
    return b"id: %d\nevent: line\ndata: %b\n\n" % (line["id"], msgspec.json.encode(line))
