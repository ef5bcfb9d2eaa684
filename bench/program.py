"""The program under test, started as a user starts it: `polus serve` with its worker, filled by `polus seed`."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from polus.store import server as servers

PASSWORD = "bench bench bench"
KEY = "b" * 64
EMAIL = "admin@bench.example"
# Limits are on, and so high that they never refuse.
RATE_LIMIT = 900_000_000
SETTLED = """
select (select count(*) from outbox where due_datetime <= now() + interval '90 seconds') + (select count(*) from mails where state = 'received')
"""
TABLES = "tickets, messages, customers, customer_channels, customer_words, ticket_tags, ticket_reads, events"


@dataclass
class Program:
    """A running helpdesk."""

    process: Process
    port: int
    smtp_port: int
    url: str  # of the database
    binaries: Path
    environment: dict[str, str]

    async def rows(self, sql: str, *parameters: Any) -> list[Any]:
        """Rows of its database."""
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(sql, *parameters))
        finally:
            await connection.close()

    async def settle(self) -> None:
        """Wait until the worker has nothing left to do."""
        while (await self.rows(SETTLED))[0][0]:
            await asyncio.sleep(0.2)

    async def seed(self, tickets: int) -> dict[str, Any]:
        """Fill the account up to so many tickets, beside the running server; what `polus seed` told."""
        (row,) = await self.rows("select count(*) from tickets")
        missing = tickets - row[0]
        if missing <= 0:
            return {}
        arguments = ("-m", "polus", "seed", "--tickets", str(missing), "--json")
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=PIPE, env=self.environment
        )
        out, _ = await process.communicate()
        if process.returncode:
            raise SystemExit("polus seed failed: " + out.decode())
        await self.rows("vacuum (analyze) " + TABLES)
        return json.loads(out)  # type: ignore[no-any-return]

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Its processes by what they are: server, worker, parent, database."""
        parent = psutil.Process(self.process.pid)
        children = parent.children()
        found = {
            "server": [child for child in children if "polus.app" in child.cmdline()],
            "worker": [child for child in children if "polus.worker" in child.cmdline()],
            "parent": [parent],
        }
        postmaster = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
        keeper = postmaster.parent()
        found["database"] = [postmaster, *postmaster.children()] + ([keeper] if keeper else [])
        return found

    @property
    def data(self) -> Path:
        """The folder of its PostgreSQL."""
        return Path(self.environment["POLUS_DATA"]) / "postgres"


@asynccontextmanager
async def running(data: Path, processes: int, **more: str) -> AsyncIterator[Program]:
    """`polus serve` on free ports, stopped at the end; `more`: further variables."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POLUS_")}
    environment |= {
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "POLUS_DATA": str(data),
        "POLUS_ADMIN_EMAIL": EMAIL,
        "POLUS_ADMIN_PASSWORD": PASSWORD,
        "POLUS_ADMIN_KEY": KEY,
        "POLUS_ADDRESS": "help@bench.example",
        "POLUS_RATE_LIMIT": str(RATE_LIMIT),
        **more,
    }
    arguments = ("-m", "polus", "serve", "--port", "0", "--smtp-port", "0", "--json")
    with (data.parent / (data.name + ".log")).open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            "--processes",
            str(processes),
            stdout=PIPE,
            stderr=log,
            env=environment,
        )
    assert process.stdout is not None
    line = await process.stdout.readline()
    told = json.loads(line or b"{}")
    if "port" not in told:
        raise SystemExit(f"polus serve did not start: {line.decode()} See {log.name}.")
    try:
        async with servers.attach(data) as server:
            yield Program(process, told["port"], told["smtp_port"], server.url, server.binaries, environment)
            process.send_signal(signal.SIGTERM)
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
