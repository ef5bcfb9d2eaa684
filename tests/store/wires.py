"""A way to PostgreSQL that breaks at the worst moment: what was asked is done, and who asked never hears so."""

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from tests.wires import Between, Ends

SOCKET = ".s.PGSQL.5432"
ENDS = b"C57P01\x00"  # admin_shutdown
IDLE = b"Z\x00\x00\x00\x05I"  # ReadyForQuery, outside of a transaction: what was asked is committed
# CommandComplete, or PortalSuspended when only the first row was wanted.
MADE = (b"UPDATE 1\x00", b"INSERT 0 1\x00", b"s\x00\x00\x00\x04")


class Local(Between):
    """Listens in a folder of its own and leads to the server whose socket lies in the folder `server`."""

    def __init__(self, server: Path) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="polus-wire-"))
        self._server = server

    async def listen(self) -> Any:
        return await asyncio.start_unix_server(self.serve, self.folder / SOCKET)

    async def dial(self) -> Ends:
        return await asyncio.open_unix_connection(self._server / SOCKET)

    async def close(self) -> None:
        await super().close()
        (self.folder / SOCKET).unlink(missing_ok=True)
        self.folder.rmdir()


class Ending(Local):
    """When the server has said of `so_many` connections that it ends them, that is `told`; their ends are not seen."""

    def __init__(self, server: Path, so_many: int) -> None:
        super().__init__(server)
        self.so_many = so_many
        self.told = asyncio.Event()

    def ways(self, near: Ends, far: Ends) -> tuple[Any, list[Coroutine[Any, Any, None]]]:
        return None, [self._carry(near[0], far[1]), self._carry(far[0], near[1])]

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
            self.so_many -= ENDS in data
            if not self.so_many:
                self.told.set()
        await asyncio.Event().wait()


class Wire(Local):
    """The answer to the first claim after `armed` breaks its connection."""

    def __init__(self, server: Path) -> None:
        super().__init__(server)
        self.armed = True

    def ways(self, near: Ends, far: Ends) -> tuple[Any, list[Coroutine[Any, Any, None]]]:
        claims = asyncio.Event()
        return None, [self._up(near[0], far[1], claims), self._down(far[0], near[1], claims)]

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
