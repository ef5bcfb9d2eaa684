"""A way to a server of somebody else's that is cut, reset or falls silent in the middle of what is said on it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

# Closing such a socket tells the other end so at once, by RST, and throws away what is on its way.
RESET = struct.pack("ii", 1, 0)


@dataclass
class Break:
    """In the middle of `words`, said by us (`up`) or by the server (`down`). `stall`: nothing more is heard, either way."""

    way: Literal["up", "down"]
    words: bytes
    how: Literal["cut", "reset", "stall"] = "cut"
    reached: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Wire:
    """Listens on loopback and leads to `target`; each connection breaks at the next of `breaks`, then none does.

    `slow`: what is said comes through in single bytes.
    """

    target: int
    breaks: list[Break] = field(default_factory=list)
    slow: bool = False
    port: int = 0
    connections: int = 0
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _server: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        broken = self.breaks.pop(0) if self.breaks else None
        self.connections += 1
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target)
        ways = [
            asyncio.create_task(self._pump(reader, to_server, broken, "up")),
            asyncio.create_task(self._pump(from_server, writer, broken, "down")),
        ]
        self._tasks.update(ways)
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ways:
                task.cancel()
                self._tasks.discard(task)
            for end in (writer, to_server):
                if broken is not None and broken.how == "reset":
                    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    end.transport.abort()
                end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, broken: Break | None, way: str
    ) -> None:
        said = b""
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if broken is not None and broken.reached.is_set():
                    continue  # stalled: whoever gives up is heard, nothing else
                before, said = len(said), said + data
                at = said.find(broken.words) if broken is not None and broken.way == way else -1
                if at < 0 or broken is None:
                    await self._pass(writer, data)
                    continue
                await self._pass(writer, data[: max(at + len(broken.words) // 2 - before, 0)])
                broken.reached.set()
                if broken.how != "stall":
                    return

    async def _pass(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        for part in [data[n : n + 1] for n in range(len(data))] if self.slow else [data]:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)


Open = Callable[[int], Awaitable[Wire]]
