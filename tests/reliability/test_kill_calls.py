"""kill -9 of the worker while HTTP integrations are called: no delivery is lost, none comes twice under another id."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from polus.store import server as servers
from tests.channels.http import receiver as receivers
from tests.channels.http.receiver import Receiver
from tests.cli.programs import Installation
from tests.reliability.test_kill import Helpdesk

TICKETS, KILLS = 60, 5
LINES = "select count(*) from http_deliveries where state = 'waiting'"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="polus-test-", ignore_cleanup_errors=True) as made:
        yield Path(made)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receivers.listening(Receiver(body=b'{"points": 7}')) as made:
        yield made


@pytest.mark.slow
async def test_killing_the_worker_loses_no_call(
    folder: Path, receiver: Receiver, http: aiohttp.ClientSession
) -> None:
    allow = {"POLUS_OUTBOUND_ALLOW": "127.0.0.0/8", "POLUS_RATE_LIMIT": "0"}
    helpdesk = Helpdesk(Installation(folder / "data", "", allow))
    serving = await helpdesk.start()
    first = serving.told["first"]
    headers = {"Authorization": aiohttp.encode_basic_auth(first["email"], first["key"])}

    async def send(path: str, body: object) -> None:
        async with http.post(serving.url + path, json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()

    for name in "abc":
        call = {
            "url": f"http://127.0.0.1:{receiver.port}/{name}",
            "method": "POST",
            "form": "{{context}}",
            "triggers": {"ticket-created": True},
        }
        await send("/api/integrations", {"name": name, "type": "http", "http": call})

    async def write() -> None:
        for number in range(TICKETS):
            message = {"channel": "api", "via": "api", "from_agent": False, "body_text": "Hello"}
            await send(
                "/api/tickets",
                {"subject": str(number), "messages": [message], "customer": {"email": "a@b.example"}},
            )

    writing = asyncio.create_task(write())
    for _ in range(KILLS):
        await asyncio.sleep(random.uniform(0.2, 1.5))
        await helpdesk.kill("polus.worker")
    await asyncio.wait_for(writing, 300)
    server = await servers.start(folder / "data")
    connection = await asyncpg.connect(server.url)
    try:
        async with asyncio.timeout(300):
            while await connection.fetchval("select count(*) from outbox") or await connection.fetchval(
                LINES
            ):
                await asyncio.sleep(0.1)
        rows = await connection.fetch("select uuid, state, integration_id, ticket_id from http_deliveries")
    finally:
        await connection.close()
        await server.stop()
    assert serving is not None
    assert helpdesk.serving is not None
    helpdesk.serving.process.terminate()
    await helpdesk.serving.process.wait()
    assert {row["state"] for row in rows} == {"delivered"}
    assert len(rows) == len({(row["integration_id"], row["ticket_id"]) for row in rows}) == 3 * TICKETS
    seen = Counter(got.headers["X-Polus-Delivery"] for got in receiver.got)
    assert set(seen) == {str(row["uuid"]) for row in rows}
    # What came twice was cut off between the answer and its note; a turn has at most twenty.
    assert sum(seen.values()) - len(seen) <= KILLS * 3 * 20
    told = Counter(
        (got.path, got.json["ticket"]["id"])
        for got in receiver.got
        if seen[got.headers["X-Polus-Delivery"]] == 1
    )
    assert max(told.values()) == 1
