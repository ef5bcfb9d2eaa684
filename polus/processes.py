"""The helpdesk as one group of processes: servers that share their sockets, a worker, and this parent that keeps them.

The parent opens the sockets, the database and nothing else, so that it stays small. A child that dies is started
again; when the parent ends, however it ends, its children end by themselves.
"""

import asyncio
import os
import signal
import socket
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence

import msgspec
import structlog

from polus import children, installation
from polus.base import signals
from polus.base.settings import Misconfigured, Settings
from polus.installation import Founder, Prepared

STOP_PATIENCE = 30.0  # seconds children may take to finish what they do
START_PATIENCE = 60.0
PORT_PATIENCE = 5.0  # seconds that children of a killed parent may still hold the ports
QUICK = 5.0  # a child that lived shorter than this waits before it is started again
LONGEST_WAIT = 3.0
FIGURES = "PROMETHEUS_MULTIPROC_DIR"

log = structlog.get_logger(__name__)


class Running(msgspec.Struct, frozen=True):
    """What is told when everything works."""

    settings: Settings
    founder: Founder | None


class Child:
    """One process of the group."""

    def __init__(self, module: str, order: children.Order, environment: dict[str, str]) -> None:
        self.module = module
        self._order = order
        self._environment = environment
        self._process: Process | None = None
        self._stopping = False

    async def start(self) -> bool:
        """Start it and wait until it works; False when it ended before."""
        with signals.sheltered():
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self.module,
                stdin=PIPE,
                stdout=PIPE,
                pass_fds=(*self._order.http, *self._order.smtp),
                env=self._environment,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(children.written(self._order))
        try:
            return await asyncio.wait_for(process.stdout.readline(), START_PATIENCE) != b""
        except TimeoutError:
            process.kill()
            return False

    async def keep(self) -> None:
        """Start it again as often as it ends, until it is asked to."""
        wait = 0.1
        while True:
            began = time.monotonic()
            assert self._process is not None
            code = await self._process.wait()
            if self._stopping:
                return
            if time.monotonic() - began > QUICK:
                wait = 0.1
            log.warning("a process ended and is started again", process=self.module, code=code)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
            try:
                await self.start()
            except OSError as error:  # no memory or no room for a process just now
                log.warning("a process could not be started", process=self.module, error=repr(error))

    async def stop(self) -> None:
        """Ask it to finish; it is killed when that takes too long."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_PATIENCE)
        except TimeoutError:
            log.warning("a process would not stop and was killed", process=self.module)
            self.kill()

    def kill(self) -> None:
        """At once."""
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            self._process.kill()


async def run(settings: Settings, *, worker: bool, told: Callable[[Running], None]) -> None:
    """The helpdesk until SIGINT or SIGTERM; `told` is called when it works. Raises Misconfigured."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    http = await bound(settings.host, settings.port, "POLUS_PORT")
    smtp = await bound(settings.host, settings.smtp_port, "POLUS_SMTP_PORT")
    settings = _with_ports(settings, http.getsockname()[1], smtp.getsockname()[1])
    with http, smtp, tempfile.TemporaryDirectory(prefix="polus-figures-") as folder:
        environment = {**os.environ, FIGURES: folder}
        async with installation.database_url(settings):
            founder = None if stop.is_set() else await _prepare(settings, environment)
            if stop.is_set() and founder is None:
                return
            order = children.Order(settings, (http.fileno(),), (smtp.fileno(),))
            group = [Child("polus.app", order, environment) for _ in range(settings.processes)]
            if worker:
                group.append(Child("polus.worker", children.Order(settings), environment))
            running = [Running(settings, founder)]

            def tell() -> None:
                while running:
                    told(running.pop())

            try:
                await _keep(group, stop, tell)
            finally:
                # The account is made and its password never comes again: told even if nothing else works.
                if founder is not None:
                    tell()


async def _keep(group: Sequence[Child], stop: asyncio.Event, told: Callable[[], None]) -> None:
    stopping = asyncio.create_task(stop.wait())
    starting = asyncio.gather(*(child.start() for child in group))
    try:
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            if not all(starting.result()):
                raise Misconfigured(
                    "start-failed", "A process of the helpdesk ended at once.", "See its last lines above."
                )
            told()
            keeping = [asyncio.create_task(child.keep()) for child in group]
            await stopping
            for task in keeping:
                task.cancel()
    finally:
        starting.cancel()
        await _stop(group, stop)
        await asyncio.gather(starting, return_exceptions=True)


async def _stop(group: Sequence[Child], stop: asyncio.Event) -> None:
    """Wait for the children; whoever asks a second time does not want to wait."""
    stop.clear()
    asked = asyncio.create_task(stop.wait())
    ending = asyncio.gather(*(child.stop() for child in group))
    await asyncio.wait((ending, asked), return_when=asyncio.FIRST_COMPLETED)
    if not ending.done():
        for child in group:
            child.kill()
    await ending
    asked.cancel()


async def _prepare(settings: Settings, environment: dict[str, str]) -> Founder | None:
    with signals.sheltered():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "polus.founding", stdin=PIPE, stdout=PIPE, env=environment
        )
    told, _ = await process.communicate(children.written(children.Order(settings)))
    if process.returncode or not told:
        raise Misconfigured(
            "preparation-failed", "The database could not be prepared.", "See the lines above."
        )
    prepared = msgspec.json.decode(told, type=Prepared)
    if prepared.misconfigured is not None:
        raise Misconfigured(*prepared.misconfigured)
    return prepared.founder


async def bound(host: str, port: int, variable: str) -> socket.socket:
    """A listening socket. Raises Misconfigured when the port stays taken or the address is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = time.monotonic() + PORT_PATIENCE
    while True:
        # asyncio switches Nagle's algorithm off only for sockets that say TCP: else answers wait 40 ms for an ACK.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen(1024)
            listening.set_inheritable(True)
            return listening
        except OSError as error:
            listening.close()
            if time.monotonic() > deadline:
                raise Misconfigured(
                    "port-unusable",
                    f"{host} port {port} cannot be used: {error.strerror}.",
                    f"End the other program, or choose another port by {variable}.",
                ) from error
        await asyncio.sleep(0.2)


def _with_ports(settings: Settings, http: int, smtp: int) -> Settings:
    """The settings with the ports that were really taken, where any was asked for."""
    base = settings.base_url
    if not settings.port and base.endswith(":0"):
        base = base[:-1] + str(http)
    return msgspec.structs.replace(settings, port=http, smtp_port=smtp, base_url=base)
