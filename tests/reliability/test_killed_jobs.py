"""kill -9 of the worker in the middle of a job: no ticket is changed twice, none is left out, each event is there once."""

import asyncio
import base64
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from tests.cli.programs import Installation
from tests.reliability.test_kill import Helpdesk

MANY = 2_500
TICKETS = """
insert into tickets (account_id, channel, via, customer_id, unread_datetime, created_datetime, processed_datetime,
  updated_datetime)
select id, 'api', 'api', $1, now(), now(), now(), now() from accounts, generate_series(1, $2) returning id
"""
UPDATES = {"priority": "high", "add_tags": ["counted"], "remove_tags": ["nothing"]}


@pytest.mark.slow
async def test_a_job_survives_its_worker(tmp_path: Path, empty_url: str, http: aiohttp.ClientSession) -> None:
    helpdesk = Helpdesk(Installation(tmp_path / "data", empty_url, {"POLUS_RATE_LIMIT": "0"}))
    serving = await helpdesk.start()
    first = serving.told["first"]
    token = base64.b64encode(f"{first['email']}:{first['key']}".encode()).decode()
    database = await asyncpg.connect(empty_url)
    try:
        api = Calls(http, serving.url, {"Authorization": "Basic " + token})
        customer = await api.call("POST", "/api/customers", {"name": "Mia"})
        ids = [row[0] for row in await database.fetch(TICKETS, customer["id"], MANY)]
        params = {"ticket_ids": ids, "updates": UPDATES}
        job = await api.call("POST", "/api/jobs", {"type": "updateTicket", "params": params})
        for share in (0.2, 0.6):
            now = await api.until(job["id"], lambda now, share=share: now["progress_count"] > share * MANY)
            assert now["status"] == "running"
            await helpdesk.kill("polus.worker")
        ended = await api.until(job["id"], lambda now: now["status"] == "done")
        assert (ended["progress_count"], ended["error_count"]) == (MANY, 0)
        told = await database.fetch("select object_id, type from events where object_type = 'Ticket'")
        # Of the tags and of the priority one `ticket-updated` each.
        assert Counter(tuple(row) for row in told) == {
            **{(ticket_id, "ticket-updated"): 2 for ticket_id in ids},
            **{(ticket_id, "ticket-tags-added"): 1 for ticket_id in ids},
        }
        assert await database.fetchval("select count(*) from tickets where priority = 3") == MANY
        assert await database.fetchval("select count(*) from ticket_tags") == MANY
    finally:
        await database.close()
        serving.process.terminate()
        await asyncio.wait_for(serving.process.wait(), 300)


class Calls:
    """The API of the running helpdesk."""

    def __init__(self, http: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> None:
        self._http, self._url, self._headers = http, url, headers

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        async with self._http.request(method, self._url + path, json=body, headers=self._headers) as answer:
            assert answer.status < 400, await answer.text()
            return await answer.json()

    async def until(self, job_id: int, reached: Any) -> Any:
        """The job's `info` and status as soon as it is so far."""
        deadline = time.monotonic() + 300
        while True:
            job = await self.call("GET", f"/api/jobs/{job_id}")
            now = {"progress_count": 0, **job["info"], "status": job["status"]}
            if reached(now):
                return now
            assert time.monotonic() < deadline, now
            await asyncio.sleep(0.05)
