"""Open chats: each visitor's browser hears its new lines as server-sent events, fed from the store's bell.

A stream costs little while nothing is said: one task, no transaction, no connection of the pool.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec
from starlette.types import Receive, Send

from polus.store.bell import Ring
from polus.store.database import Database
from polus.web import streams

QUIET = 25.0
"""Seconds of silence after which a comment is sent: proxies keep the connection, and lost rings are made up for."""

MOST_OF_ONE = 5
"""Open streams of one visitor; the oldest ends when one more opens."""

HELLO = b"retry: 2000\n: hello\n\n"
STILL_HERE = b": .\n\n"
TYPING = b"event: typing\ndata: {}\n\n"

Fetch = Callable[[int], Awaitable[Sequence[dict[str, Any]]]]


class Stream:
    """One browser that listens."""

    __slots__ = ("bell", "over", "typing")

    def __init__(self) -> None:
        self.bell = asyncio.Event()
        self.typing = False
        self.over = False

    def end(self) -> None:
        """Say nothing more."""
        self.over = True
        self.bell.set()


class Streams:
    """The open chats of one process, by account and visitor."""

    def __init__(self, database: Database) -> None:
        self._streams: defaultdict[tuple[int, int], list[Stream]] = defaultdict(list)
        self._closing = False
        database.bell.listen(self._hear)

    def __len__(self) -> int:
        return sum(map(len, self._streams.values()))

    def _hear(self, rings: list[Ring]) -> None:
        for ring in rings:
            match ring:
                case ("chat" | "chat-typing", int(account), int(visitor)):
                    for stream in self._streams.get((account, visitor), ()):
                        stream.typing |= ring[0] == "chat-typing"
                        stream.bell.set()
                case ("everything",):
                    for opened in self._streams.values():
                        for stream in opened:
                            stream.bell.set()

    def close(self) -> None:
        """End all streams and begin no more."""
        self._closing = True
        for opened in self._streams.values():
            for stream in opened:
                stream.end()

    async def run(
        self, place: tuple[int, int], last: int, fetch: Fetch, receive: Receive, send: Send
    ) -> None:
        """Tell one browser every line after `last` until it goes. `fetch(last)` gives up to 100 lines that follow."""
        mine, stream = self._streams[place], Stream()
        mine.append(stream)
        if len(mine) > MOST_OF_ONE:
            mine[0].end()
        gone = asyncio.create_task(_gone(receive))
        gone.add_done_callback(lambda _: stream.end())
        try:
            async for told in self._told(stream, last, fetch):
                await send({"type": "http.response.body", "body": told, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            mine.remove(stream)
            if not mine:
                self._streams.pop(place, None)

    def _ended(self, stream: Stream) -> bool:
        return stream.over or self._closing

    async def _told(self, stream: Stream, last: int, fetch: Fetch) -> AsyncIterator[bytes]:
        yield HELLO
        stream.bell.set()
        while True:
            quiet = not await streams.rung(stream.bell, QUIET)
            if self._ended(stream):
                return
            stream.bell.clear()
            typing, stream.typing = stream.typing, False
            lines = await fetch(last)
            if lines:
                last = lines[-1]["id"]
                yield b"".join(event(line) for line in lines)
                stream.bell.set()
            elif typing:
                yield TYPING
            elif quiet:
                yield STILL_HERE


def event(line: dict[str, Any]) -> bytes:
    """One line as an event whose id a browser repeats when it connects again."""
    return b"id: %d\nevent: line\ndata: %b\n\n" % (line["id"], msgspec.json.encode(line))


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
