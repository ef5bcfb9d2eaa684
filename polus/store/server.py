"""The embedded PostgreSQL 18 in the data folder: started on first use, shared by processes, stopped after the last.

Each process that uses it holds a shared lock; `keeper.py` is PostgreSQL's parent, restarts it when it dies and
stops it once no lock is held, however its users ended. Why not the wheel's own start and stop:
docs/decisions/0002-embedded-postgresql.md.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import asyncpg

from polus.base.settings import Misconfigured
from polus.store import cluster as clusters
from polus.store import file_locks, keeper, ownership
from polus.store.cluster import Cluster
from polus.store.pool import AWAY

_PATIENCE = 600.0  # seconds for recovery after a crash
# What a starting, stopping or dying PostgreSQL answers.
_PASSING = (*AWAY, asyncpg.OperatorInterventionError)
_REVIVALS = 3  # while one start waits


class Server:
    """A PostgreSQL in use by this process. It runs at least until `stop`."""

    def __init__(self, cluster: Cluster, using: int, host: Path, cleanup: contextlib.ExitStack) -> None:
        self._cluster = cluster
        self._using: int | None = using
        self._cleanup = cleanup
        self.data = cluster.data
        self.binaries = cluster.binaries  # folder of psql, pg_dump, pgbench and their like
        self.host = host  # folder of the socket
        self.url = clusters.url(host, clusters.NAME)

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster, None while there is none."""
        return self._cluster.pid()

    async def stop(self) -> None:
        """Ends this process's use; the last user waits until PostgreSQL has written everything and ended."""
        using, self._using = self._using, None
        if using is not None:
            await asyncio.to_thread(_leave, self._cluster, using)
            self._cleanup.close()


async def start(data: Path, *, overrides: Mapping[str, str] | None = None) -> Server:
    """Joins the running PostgreSQL or starts it, making and recovering the data as needed.

    `overrides` are lines for postgresql.conf and only count when this call is the one that starts it.
    Raises Misconfigured when it cannot run here.
    """
    cluster = Cluster(data)
    using = await asyncio.to_thread(_enter, cluster, overrides or {})
    cleanup = contextlib.ExitStack()
    try:
        host = cleanup.enter_context(clusters.reachable(cluster.folder))
        await _ready(cluster, using, host, overrides or {})
    except BaseException:
        cleanup.close()
        await asyncio.to_thread(_leave, cluster, using)
        raise
    return Server(cluster, using, host, cleanup)


@contextlib.asynccontextmanager
async def attach(data: Path) -> AsyncIterator[Server]:
    """For commands: the server for the time of a block, beside a running one or alone."""
    server = await start(data)
    try:
        yield server
    finally:
        await server.stop()


async def _ready(cluster: Cluster, using: int, host: Path, overrides: Mapping[str, str]) -> None:
    """Waits until PostgreSQL answers and has our database."""
    deadline, revivals = time.monotonic() + _PATIENCE, 0
    while True:
        try:
            return await _ensure_database(host)
        except _PASSING:
            if time.monotonic() > deadline or revivals == _REVIVALS:
                raise _not_started(cluster) from None
            if not cluster.kept():  # all of it was killed just now
                revivals += 1
                await asyncio.to_thread(_run, cluster, using, overrides)
            await asyncio.sleep(0.05)


async def _ensure_database(host: Path) -> None:
    connection = await asyncpg.connect(clusters.url(host, "postgres"), timeout=30)
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", clusters.NAME):
            with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                await connection.execute("CREATE DATABASE polus")
    finally:
        await connection.close()


def _enter(cluster: Cluster, overrides: Mapping[str, str]) -> int:
    """Returns the descriptor whose shared lock says that we use it. A postmaster lives after it."""
    try:
        cluster.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        using = file_locks.descriptor(cluster.users_lock)
    except OSError as error:
        raise Misconfigured(
            "data-folder-unusable",
            f"The data folder {cluster.data} cannot be used: {error.strerror}.",
            "Make it writable for this user, or choose another by POLUS_DATA.",
        ) from error
    try:
        file_locks.share(using)  # waits while the last user is stopping it
        _run(cluster, using, overrides)
    except BaseException:
        os.close(using)
        raise
    return using


def _run(cluster: Cluster, using: int, overrides: Mapping[str, str]) -> None:
    """Makes a postmaster live; the shared lock is held. Of several processes one does it, the others wait."""
    with file_locks.opened(cluster.start_lock) as starting:
        file_locks.own(starting)
        deadline, started = time.monotonic() + _PATIENCE, False
        while not (cluster.kept() and cluster.listening()):
            if not cluster.kept():
                if started:
                    raise _not_started(cluster)
                if cluster.listening() and not _replace_orphan(cluster, using):
                    return
                _start_keeper(cluster, overrides)
                started = True
            if time.monotonic() > deadline:
                raise _not_started(cluster)
            time.sleep(0.02)


def _replace_orphan(cluster: Cluster, using: int) -> bool:
    """Ends a postmaster whose keeper was killed; False when others work with it: then it is left alone."""
    alone = file_locks.try_own(using)
    if alone:
        _end_postmaster(cluster)
    file_locks.share(using)
    return alone


def _start_keeper(cluster: Cluster, overrides: Mapping[str, str]) -> None:
    runner = ownership.runner(cluster.data)
    ownership.open_way(runner, cluster.folder)
    ownership.open_way(runner, cluster.binaries / "postgres")
    clusters.initialise(cluster, runner)
    clusters.configure(cluster, runner, overrides)
    cluster.forget_stale_pid()
    arguments = [cluster.users_lock, cluster.keeper_lock, runner.uid, runner.gid]
    command = [cluster.binaries / "postgres", "-D", cluster.folder]
    cluster.output.unlink(missing_ok=True)  # it may be root's from another time
    with cluster.output.open("w") as output:
        subprocess.run(  # noqa: S603 - our own script and the wheel's binary
            [sys.executable, "-I", "-S", keeper.__file__, *map(str, arguments), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=clusters.ENVIRONMENT,
            start_new_session=True,
            check=True,
        )


def _leave(cluster: Cluster, using: int) -> None:
    """Gives up the shared lock; when nobody else holds one, ends PostgreSQL and waits for its keeper."""
    try:
        if file_locks.try_own(using):
            _end_postmaster(cluster)
            with file_locks.opened(cluster.keeper_lock) as kept:
                file_locks.share(kept)
        else:
            file_locks.share(using)  # at once beside other users; else when the keeper is through
    finally:
        os.close(using)


def _end_postmaster(cluster: Cluster) -> None:
    """Stops PostgreSQL and waits; one that will not stop is stopped the way a power cut would."""
    for number, seconds in zip((signal.SIGINT, signal.SIGQUIT), keeper.PATIENCE[:2], strict=True):
        deadline = time.monotonic() + seconds
        pid = cluster.pid()
        if pid is not None:
            os.kill(pid, number)
        while cluster.pid() is not None:
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            return


def _not_started(cluster: Cluster) -> Misconfigured:
    try:
        said = cluster.output.read_text(errors="replace").strip()[-600:]
    except OSError:
        said = ""
    return Misconfigured(
        "database-not-started",
        f"The embedded PostgreSQL did not start. {said}",
        f"See {cluster.output} and {cluster.folder / 'log'}.",
    )
