"""The program `polus` as people start it: a process of its own, with an environment of its own."""

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

from typer.testing import CliRunner

from polus import cli
from polus.base import log
from polus.store import work as works
from tests import places

ROOT = Path(__file__).parents[2]
PATIENCE = 180.0  # seconds that a start or an end may take on a machine that does much else


@dataclass
class Ended:
    """A program that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Installation:
    """A data folder and a database, and the variables that name them."""

    data: Path
    database_url: str
    more: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POLUS_")}
        return {**kept, "PYTHONPATH": str(ROOT), **self._variables()}

    def _variables(self) -> dict[str, str]:
        return {"POLUS_DATA": str(self.data), "POLUS_DATABASE_URL": self.database_url, **self.more}

    def share_pages(self) -> None:
        """What was compiled for a helpdesk before is taken for this one, too."""
        pages = self.data / "cache" / "pages"
        if not pages.exists():
            places.PAGES.mkdir(exist_ok=True)
            pages.parent.mkdir(parents=True, exist_ok=True)
            pages.symlink_to(places.PAGES)

    async def start(self, *arguments: str) -> Process:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "polus", *arguments, stdout=PIPE, stderr=PIPE, env=self.environment
        )

    async def run(self, *arguments: str) -> Ended:
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def interrupted(self, at: str) -> Ended:
        """`polus serve`, and Ctrl-C for its whole group as soon as that file is in the data folder."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "polus", "serve", "--port", "0", "--smtp-port", "0",
            stdout=PIPE, stderr=PIPE, env=self.environment, start_new_session=True,
        )  # fmt: skip
        while not (self.data / at).exists() and process.returncode is None:
            await asyncio.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def quickly(self, *arguments: str) -> Ended:
        """The same in this process: without the second that a new one needs to start."""
        subscribed = dict(works.subscriptions)
        result = await asyncio.to_thread(CliRunner(env=self._variables()).invoke, cli.app, arguments)
        works.subscriptions.clear()
        works.subscriptions.update(subscribed)
        log.configure(
            stream=sys.__stderr__
        )  # its stream was the runner's, and a test's own ends with the test
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    @asynccontextmanager
    async def serving(self, *arguments: str) -> AsyncIterator["Serving"]:
        """`polus serve` on free ports, stopped by SIGTERM at the end."""
        self.share_pages()
        process = await self.start("serve", "--port", "0", "--smtp-port", "0", "--json", *arguments)
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        if not line:
            _, err = await process.communicate()
            raise AssertionError(err.decode())
        serving = Serving(process, json.loads(line))
        try:
            yield serving
        finally:
            await serving.stop()


@dataclass
class Serving:
    """A running helpdesk and what it said at its start."""

    process: Process
    told: dict[str, Any]
    err: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.told['port']}"

    async def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
            _, err = await asyncio.wait_for(self.process.communicate(), PATIENCE)
            self.err = err.decode()
        assert self.process.returncode is not None
        return self.process.returncode
