"""The way between a visitor's browser and the helpdesk, which breaks under whatever words come by."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Literal

from tests.wires import Between, Ends, abort, carry

How = Literal["cut", "reset", "stall"]


class Road(Between):
    """A browser opens what connections it likes, so a break waits for words, whichever connection they are on.

    `slow`: single bytes. `closed`: nobody gets through. `reached` is set when a break has happened.
    """

    def __init__(self, target: int) -> None:
        super().__init__()
        self.target = target
        self.slow = self.closed = False
        self.reached = asyncio.Event()
        self._break: tuple[str, bytes, How] | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        return int(self.listening.sockets[0].getsockname()[1])

    def breaks(self, way: Literal["up", "down"], words: bytes, how: How) -> None:
        """In the middle of `words`, said by the browser (`up`) or by the helpdesk (`down`); once."""
        self.reached.clear()
        self._break = (way, words, how)

    def close_it(self) -> None:
        """All connections end, and no new one gets through until `closed` is false again."""
        self.closed = True
        for end in list(self._ends):
            abort(end)

    async def listen(self) -> Any:
        return await asyncio.start_server(self.serve, "127.0.0.1", 0)

    async def dial(self) -> Ends:
        return await asyncio.open_connection("127.0.0.1", self.target)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.closed:
            abort(writer)
            return
        self._ends.add(writer)
        try:
            await super().serve(reader, writer)
        finally:
            self._ends.discard(writer)

    def ways(self, near: Ends, far: Ends) -> tuple[Any, list[Coroutine[Any, Any, None]]]:
        known: list[How] = []
        return known, [
            self._pump(near[0], far[1], known, "up"),
            self._pump(far[0], near[1], known, "down"),
        ]

    def hang_up(self, known: list[How], end: asyncio.StreamWriter) -> None:
        if "reset" in known:
            abort(end)
        end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, known: list[How], way: str
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if known:
                    continue  # stalled
                at = data.find(self._break[1]) if self._break and self._break[0] == way else -1
                if at < 0 or self._break is None:
                    await carry(writer, data, slow=self.slow)
                    continue
                known.append(self._break[2])
                await carry(writer, data[: at + len(self._break[1]) // 2], slow=self.slow)
                self._break = None
                self.reached.set()
                if known != ["stall"]:
                    return


@contextlib.asynccontextmanager
async def road(target: int) -> AsyncIterator[Road]:
    """A road to a port of this machine."""
    made = Road(target)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
