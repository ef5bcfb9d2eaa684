"""What all ways to a server that break in tests have in common: they listen, lead on, and end both ends together."""

import asyncio
import socket
import struct
from collections.abc import Coroutine
from typing import Any

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# Closing such a socket tells the other end so at once, by RST, and throws away what is on its way.
RESET = struct.pack("ii", 1, 0)


def abort(end: asyncio.StreamWriter) -> None:
    """Tell the other side at once that it is over."""
    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    end.transport.abort()


async def carry(writer: asyncio.StreamWriter, data: bytes, *, slow: bool = False) -> None:
    """Lead words on; `slow`: in single bytes."""
    for part in [data[n : n + 1] for n in range(len(data))] if slow else [data]:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)


class Between:
    """Listens where those below say, and leads each connection to the server until one of the ways ends."""

    def __init__(self) -> None:
        self.connections = 0
        self.listening: Any = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def listen(self) -> Any:
        """The listening server, which calls `serve`."""
        raise NotImplementedError

    async def dial(self) -> Ends:
        """A connection to the server behind."""
        raise NotImplementedError

    def ways(self, near: Ends, far: Ends) -> tuple[Any, list[Coroutine[Any, Any, None]]]:
        """What is known of this connection, and what carries the words up and down."""
        raise NotImplementedError

    def hang_up(self, known: Any, end: asyncio.StreamWriter) -> None:
        """Close one end."""
        end.close()

    async def open(self) -> None:
        self.listening = await self.listen()

    async def close(self) -> None:
        self.listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        far = await self.dial()
        known, carrying = self.ways((reader, writer), far)
        tasks = [asyncio.create_task(one) for one in carrying]
        self._tasks.update(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
                self._tasks.discard(task)
            for end in (writer, far[1]):
                self.hang_up(known, end)
