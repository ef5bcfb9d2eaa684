"""A way to PostgreSQL that breaks at the worst moment: what was asked is done, and who asked never hears so."""

import asyncio
import contextlib
import tempfile
from pathlib import Path

SOCKET = ".s.PGSQL.5432"
IDLE = b"Z\x00\x00\x00\x05I"  # ReadyForQuery, outside of a transaction: what was asked is committed
# CommandComplete, or PortalSuspended when only the first row was wanted.
MADE = (b"UPDATE 1\x00", b"INSERT 0 1\x00", b"s\x00\x00\x00\x04")


class Wire:
    """Listens in a folder of its own; the answer to the first claim after `armed` breaks its connection."""

    def __init__(self, server: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="polus-wire-"))
        self.armed = True
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._listening = await asyncio.start_unix_server(self._serve, self.folder / SOCKET)

    async def close(self) -> None:
        self._listening.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        (self.folder / SOCKET).unlink(missing_ok=True)
        self.folder.rmdir()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_unix_connection(self._server / SOCKET)
        claims = asyncio.Event()
        ways = [
            asyncio.create_task(self._up(reader, to_server, claims)),
            asyncio.create_task(self._down(from_server, writer, claims)),
        ]
        self._tasks.update(ways)
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ways:
                task.cancel()
                self._tasks.discard(task)
            to_server.close()
            writer.close()

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, claims: asyncio.Event
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                if b"claimed_datetime = clock_timestamp()" in data:
                    claims.set()
                writer.write(data)
                await writer.drain()

    async def _down(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, claims: asyncio.Event
    ) -> None:
        made = False
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                made = made or (claims.is_set() and any(tag in data for tag in MADE))
                if self.armed and made and data.endswith(IDLE):
                    self.armed = False
                    return
                writer.write(data)
                await writer.drain()
