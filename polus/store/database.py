"""What a process opens once: the pool of connections to PostgreSQL, the bell, and the place of the files' bytes."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from polus.base.crypto import Vault
from polus.base.outbound import Allowed
from polus.base.resolver import Resolver
from polus.store import pool
from polus.store.bell import Bell, Ring
from polus.store.files import Files


class Database:
    """What every door holds: `pool` for statements, `bell` to wake other processes, `files` for bytes.

    `secret_key` signs links, `vault` seals secrets of other systems, `allowed` is where outgoing HTTP may go, `names` asks
    the DNS. Tools that touch no files may leave all out.
    """

    def __init__(
        self,
        url: str,
        connections: Any,
        files: Files | None = None,
        secret_key: str = "",
        outbound_allow: Sequence[str] = (),
        dns_servers: Sequence[str] = (),
    ) -> None:
        self.url = url
        self.pool = connections
        self.secret_key = secret_key
        self.vault = Vault(secret_key)
        self.allowed = Allowed(outbound_allow)
        self.names = Resolver(dns_servers)
        self._files = files
        # A ring need not outlive a crash: no waiting for the disk.
        self.bell = Bell(lambda: pool.connect(url, "polus bell", synchronous_commit="off"))

    @property
    def files(self) -> Files:
        """The store of bytes; opened by whoever composed the program."""
        if self._files is None:
            raise RuntimeError("this program was composed without a store of files")
        return self._files

    def ring(self, *rings: Ring) -> None:
        """Tell other processes, soon; see `store.bell`."""
        self.bell.ring(*rings)


@asynccontextmanager
async def opened(
    url: str,
    *,
    name: str = "polus",
    most: int = 10,
    files: Files | None = None,
    secret_key: str = "",
    outbound_allow: Sequence[str] = (),
    dns_servers: Sequence[str] = (),
) -> AsyncIterator[Database]:
    """The database at `url`, closed at the end. The schema is not looked at: see `store.migrate`."""
    async with await pool.open(url, name=name, most=most) as connections:
        database = Database(url, connections, files, secret_key, outbound_allow, dns_servers)
        await database.bell.open()
        try:
            yield database
        finally:
            await database.bell.close()
