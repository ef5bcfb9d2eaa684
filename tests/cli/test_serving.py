"""The whole program with two server processes: the limit holds over both, files go in and come out."""

import asyncio
import math
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests import waits
from tests.cli.programs import Installation, Serving


@pytest.mark.slow
async def test_two_processes_share_limits_and_files(tmp_path: Path, empty_url: str, http: Any) -> None:
    installation = Installation(tmp_path / "data", empty_url, {"POLUS_RATE_LIMIT": "40"})
    async with installation.serving("--processes", "2", "--no-worker") as serving:
        headers = {
            "Authorization": aiohttp.encode_basic_auth(*(serving.told["first"][k] for k in ("email", "key")))
        }
        async with http.get(serving.url + "/openapi.json") as answer:
            assert (await answer.json())["openapi"] == "3.1.0"
        await _a_file(http, serving, headers)
        await _a_burst(serving, headers)
        await _a_worker(http, installation, serving)
    assert "Traceback" not in serving.err


async def _a_file(http: Any, serving: Serving, headers: dict[str, str]) -> None:
    form = aiohttp.FormData()
    form.add_field("file", b"%PDF-1.7 paid", filename="invoice.pdf", content_type="application/pdf")
    async with http.post(serving.url + "/api/upload", data=form, headers=headers) as answer:
        assert answer.status == 201
        (file,) = await answer.json()
    # Whichever process signed the link, each opens it.
    for _ in range(4):
        async with http.get(file["url"], headers={**headers, "Connection": "close"}) as answer:
            assert (answer.status, await answer.read()) == (200, b"%PDF-1.7 paid")


async def _a_burst(serving: Serving, headers: dict[str, str]) -> None:
    """All at once on connections of their own, so that both processes get some."""
    began = time.monotonic()

    async def one() -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.get(serving.url + "/api/tags", headers=headers) as answer,
        ):
            return answer.status

    statuses = await asyncio.gather(*(one() for _ in range(120)))
    leaked = math.ceil((time.monotonic() - began) * 2) + 1
    assert set(statuses) == {200, 429}
    # Some are used up already by the file.
    assert 30 <= statuses.count(200) <= 40 + leaked


async def _a_worker(http: Any, installation: Installation, serving: Serving) -> None:
    """It comes and goes by itself, and `/health` tells."""
    failing = {"status": "failing", "database": "ok", "queue": "failing", "listener": "ok", "channels": "ok"}
    assert await _health(http, serving) == (503, failing)
    worker = await installation.start("worker")

    async def well() -> bool:
        assert worker.returncode is None
        return (await _health(http, serving))[0] == 200

    async def settled() -> bool:
        assert worker.returncode is None
        return 'polus_queue_waiting{queue="outbox"} 0' in await _text(http, serving, "/metrics")

    await waits.until(well)
    await waits.until(settled)  # what the account's founding led to is done before it ends
    worker.send_signal(signal.SIGTERM)
    await worker.communicate()
    assert worker.returncode == 0


async def _health(http: Any, serving: Serving) -> tuple[int, Any]:
    async with http.get(serving.url + "/health") as answer:
        return answer.status, await answer.json()


async def _text(http: Any, serving: Serving, path: str) -> str:
    async with http.get(serving.url + path) as answer:
        return await answer.text()  # type: ignore[no-any-return]


@pytest.mark.slow
async def test_ctrl_c_ends_a_first_start_quietly_and_the_password_is_told_all_the_same(
    tmp_path: Path, empty_url: str
) -> None:
    # PostgreSQL's user may not enter pytest's folders.
    with tempfile.TemporaryDirectory(prefix="polus-test-", ignore_cleanup_errors=True) as folder:
        ended = await Installation(Path(folder) / "data", "", {}).interrupted("postgres.new/PG_VERSION")
        assert (ended.code, ended.out, ended.err) == (0, "", "")
        assert (Path(folder) / "data" / "postgres").is_dir()
    # Later, the account may be there already: whether it is, nobody else can tell.
    here = Installation(tmp_path / "given", empty_url, {})
    ended = await here.interrupted("cache")
    assert ended.code == 0
    assert "Traceback" not in ended.err
    assert '"error"' not in ended.err
    assert "API key" in ended.out
