"""The embedded PostgreSQL: found again, shared, stopped after the last, recovered after kill -9 of anybody."""

import asyncio
import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from polus.base.settings import Misconfigured
from polus.store import pool, server
from polus.store.cluster import Cluster

pytestmark = pytest.mark.slow

UNSAFE = {"fsync": "off", "full_page_writes": "off"}  # only faster, nothing here cuts the power
FAST = {"overrides": UNSAFE}

# Joins the server of the folder, says its postmaster, and stays until killed or told by a line to end.
USER = """
import asyncio, sys
from pathlib import Path
from polus.store import server
async def main():
    async with server.attach(Path(sys.argv[1])) as joined:
        print(joined.pid, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
asyncio.run(main())
"""


@contextlib.contextmanager
def user(data: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", USER, data],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with process:
        yield process
        process.kill()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.02)


async def query(url: str, text: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(text)
    finally:
        await connection.close()


# Not pytest's tmp_path: each start of any pytest on the machine closes the folder above it to other users,
# and PostgreSQL may be just about to pass through.
@pytest.fixture
def folder() -> Iterator[Path]:
    # What a server that is on its way out still writes there may stand in the way.
    with tempfile.TemporaryDirectory(prefix="polus-test-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@pytest.fixture(scope="module")
async def made() -> AsyncIterator[Path]:
    """A data folder with an empty database in it, not running."""
    with tempfile.TemporaryDirectory(prefix="polus-test-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        await (await server.start(data, **FAST)).stop()
        yield data


@pytest.fixture
async def data(folder: Path, made: Path) -> AsyncIterator[Path]:
    """A data folder of a second start; nothing is left running in it."""
    data = folder / "data"
    subprocess.run(["cp", "-a", made, data], check=True)
    yield data
    cluster = Cluster(data)
    await until(lambda: not cluster.kept())
    assert cluster.pid() is None


async def test_the_second_start_finds_the_data_of_the_first(data: Path) -> None:
    first = await server.start(data, **FAST)
    assert await query(first.url, "SELECT current_setting('server_version_num')::int / 10000") == 18
    await query(first.url, "CREATE TABLE kept AS SELECT 'Grüße' AS word")
    await first.stop()
    assert first.pid is None
    second = await server.start(data, **FAST)
    assert await query(second.url, "SELECT word FROM kept") == "Grüße"
    await second.stop()


async def test_it_writes_safely_and_is_closed_to_others(data: Path) -> None:
    async with server.attach(data) as running:
        for name, value in {"fsync": "on", "synchronous_commit": "on", "listen_addresses": ""}.items():
            assert await query(running.url, f"SHOW {name}") == value
    folder = data / "postgres"
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, data)]
    assert modes[0] == 0o700
    assert modes[1] & 0o007 == 0
    assert folder.stat().st_uid != 0


async def test_stop_may_be_called_twice(data: Path) -> None:
    running = await server.start(data, **FAST)
    await running.stop()
    await running.stop()


async def test_a_shutdown_that_fails_ends_all_the_same(data: Path) -> None:
    running = await server.start(data, **FAST)
    await query(running.url, "CREATE TABLE kept AS SELECT 1 AS number")
    control = data / "postgres" / "global" / "pg_control"
    control.rename(control.with_name("hidden"))
    await asyncio.wait_for(running.stop(), 60)
    control.with_name("hidden").rename(control)
    async with server.attach(data) as again:
        assert await query(again.url, "SELECT number FROM kept") == 1


async def test_processes_share_it_and_the_last_stops_it(data: Path) -> None:
    with user(data) as other:
        postmaster = int(other.stdout.readline())
        mine = await server.start(data)
        assert mine.pid == postmaster
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.wait(60) == 0
        assert await query(mine.url, "SELECT 1") == 1
        await mine.stop()
        assert mine.pid is None


async def test_simultaneous_first_starts_make_one_server(folder: Path) -> None:
    data = folder / "data"
    servers = await asyncio.gather(*(server.start(data, **FAST) for _ in range(4)))
    assert len({s.pid for s in servers}) == 1
    await asyncio.gather(*(s.stop() for s in servers))


async def test_it_ends_when_its_only_user_is_killed(data: Path) -> None:
    with user(data) as only:
        only.stdout.readline()
        only.kill()
        only.wait()
    cluster = Cluster(data)
    await until(lambda: cluster.pid() is None)


async def test_a_killed_postgresql_comes_back_with_what_was_committed(data: Path) -> None:
    running = await server.start(data, **FAST)
    await query(running.url, "CREATE TABLE kept AS SELECT 1 AS number")
    killed = running.pid
    os.kill(killed, signal.SIGKILL)
    await until(lambda: running.pid not in (None, killed))
    again = await server.start(data)
    assert await query(again.url, "SELECT number FROM kept") == 1
    await again.stop()
    await running.stop()


async def test_everybody_killed_at_once(data: Path) -> None:
    """What a power cut leaves: no process, but all of their files."""
    with user(data) as owner:
        postmaster = int(owner.stdout.readline())
        keeper = parent(postmaster)
        for pid in (owner.pid, keeper, postmaster):
            os.kill(pid, signal.SIGKILL)
        owner.wait()
    assert (data / "postgres" / "postmaster.pid").exists()
    again = await server.start(data, **FAST)
    assert await query(again.url, "SELECT 1") == 1
    await again.stop()


async def test_an_orphaned_postgresql_is_replaced(data: Path) -> None:
    """Owner and keeper killed: PostgreSQL runs on by itself, until somebody comes."""
    with user(data) as owner:
        postmaster = int(owner.stdout.readline())
        os.kill(parent(postmaster), signal.SIGKILL)
        owner.kill()
        owner.wait()
    again = await server.start(data, **FAST)
    assert again.pid != postmaster
    await again.stop()


async def test_a_keeper_killed_beside_its_users_disturbs_nobody(data: Path) -> None:
    running = await server.start(data, **FAST)
    os.kill(parent(running.pid), signal.SIGKILL)
    beside = await server.start(data)
    assert beside.pid == running.pid
    assert await query(running.url, "SELECT 1") == 1
    await running.stop()
    assert await query(beside.url, "SELECT 1") == 1
    await beside.stop()


async def test_stale_pids_that_another_process_has_now(data: Path) -> None:
    running = await server.start(data, **FAST)
    stale = {
        name: (data / "postgres" / name).read_text() for name in ("postmaster.pid", ".s.PGSQL.5432.lock")
    }
    await running.stop()
    for name, text in stale.items():
        (data / "postgres" / name).write_text(text.replace(text.split("\n", 1)[0], str(os.getpid()), 1))
    again = await server.start(data, **FAST)
    assert await query(again.url, "SELECT 1") == 1
    await again.stop()


async def test_a_killed_first_start_leaves_no_half_made_data(folder: Path) -> None:
    data = folder / "data"
    (data / "postgres.new" / "base").mkdir(parents=True)
    (data / "postgres.new" / "PG_VERSION").write_text("18")
    async with server.attach(data) as running:
        assert await query(running.url, "SELECT 1") == 1


async def test_a_folder_too_deep_for_a_socket(folder: Path) -> None:
    data = folder / ("deep" * 20) / ("deeper" * 15)
    async with server.attach(data) as running:
        assert await query(running.url, "SELECT 1") == 1
        shortcut = running.host
        assert shortcut.is_symlink()
    assert not shortcut.exists()


async def test_data_of_another_version_is_refused(folder: Path) -> None:
    data = folder / "data"
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "PG_VERSION").write_text("15\n")
    with pytest.raises(Misconfigured) as caught:
        await server.start(data)
    assert caught.value.code == "database-version"


async def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        await server.start(data, overrides={"shared_buffers": "'much'"})
    assert caught.value.code == "database-not-started"
    assert "shared_buffers" in caught.value.sentence


async def test_the_pool_speaks_utc_and_gives_json_as_text(data: Path) -> None:
    async with server.attach(data) as running:
        opened = await pool.open(running.url, name="polus test")
        async with opened.acquire() as connection:
            assert await connection.fetchval("SHOW timezone") == "UTC"
            assert await connection.fetchval("SHOW application_name") == "polus test"
            assert await connection.fetchval("SELECT json_build_object('a', 1)") == '{"a" : 1}'
            await connection.execute("BEGIN")
        async with opened.acquire() as connection:
            assert not connection.is_in_transaction()
        await opened.close()


async def test_the_pool_goes_on_after_postgresql_was_killed(data: Path) -> None:
    async with server.attach(data) as running:
        opened = await pool.open(running.url, least=2)
        killed = running.pid
        os.kill(killed, signal.SIGKILL)
        await until(lambda: running.pid not in (None, killed))
        await (await server.start(data)).stop()  # returns when the new one answers
        assert await opened.fetchval("SELECT 1") == 1
        await opened.close()


async def test_an_unreachable_database_is_misconfiguration(folder: Path) -> None:
    with pytest.raises(Misconfigured) as caught:
        await pool.open(f"postgresql://nobody:sesame@/none?host={folder}")
    assert caught.value.code == "database-unreachable"
    assert "sesame" not in str(caught.value)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
