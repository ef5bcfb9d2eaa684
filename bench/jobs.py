"""A job that changes many tickets: how many a second, and how long somebody at the inbox waits meanwhile.

The wait is that of a probe: one change of a ticket that the job is about, then one list, thirty times a second.
"""

import asyncio
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

from bench.load import Connection
from bench.program import Program
from bench.requests import CREDENTIALS, Material, Request

LIST = Request("GET", "/api/tickets?limit=30", headers=CREDENTIALS)
PAUSE = 0.03  # seconds between two requests of the probe
# There and back, so that the second changes as much as the first.
CHANGES = (
    {"priority": "high", "add_tags": ["bench one", "bench two"]},
    {"priority": "low", "remove_tags": ["bench one", "bench two"]},
)
LASTED = """
select extract(epoch from ended_datetime - started_datetime)::float8, info::text,
  (select count(*) from events e where e.account_id = j.account_id and e.created_datetime >= j.started_datetime
    and e.type <> 'ticket-subject-updated')
from jobs j where id = $1
"""


@dataclass
class Jobs:
    """Tickets a second and events per ticket; milliseconds that the probe's change and list took, by how many of 100
    were faster."""

    rate: float
    events: float
    change: dict[str, float]
    list: dict[str, float]


async def run(here: Program, found: Material, count: int) -> Jobs:
    """The slower of two jobs over the newest `count` tickets, and the slowest answers to the probe."""
    chosen = found.tickets[-count:]
    rates, events = [], []
    probe = Probe(here.port, chosen)
    probe.start()
    for change in CHANGES:
        seconds, told = await _job(here, chosen, change)
        rates.append(len(chosen) / seconds)
        events.append(told / len(chosen))
    probe.stop()
    await here.settle()
    return Jobs(round(min(rates), 1), round(min(events), 1), _shares(probe.changes), _shares(probe.lists))


async def _job(here: Program, ids: list[int], updates: dict[str, Any]) -> tuple[float, int]:
    """Seconds from start to end, and events written meanwhile."""
    body = {"type": "updateTicket", "params": {"ticket_ids": ids, "updates": updates}}
    async with (
        aiohttp.ClientSession(headers=dict(CREDENTIALS)) as http,
        http.post(f"http://127.0.0.1:{here.port}/api/jobs", json=body) as answer,
    ):
        job = await answer.json()
    while True:
        ((seconds, info, events),) = await here.rows(LASTED, job["id"])
        if seconds is not None:
            if json.loads(info)["error_count"]:
                raise SystemExit(f"the job failed: {info[:500]}")
            return seconds, events
        await asyncio.sleep(0.1)


class Probe(threading.Thread):
    """Somebody who works on single tickets while the job runs; milliseconds of each answer."""

    def __init__(self, port: int, tickets: list[int]) -> None:
        super().__init__(daemon=True)
        self.changes: list[float] = []
        self.lists: list[float] = []
        self._connection = Connection(port)
        self._tickets = tickets
        self._over = threading.Event()

    def run(self) -> None:
        """Until `stop`."""
        chance = random.Random(5)
        while not self._over.wait(PAUSE):
            path = f"/api/tickets/{chance.choice(self._tickets)}"
            body = {"subject": f"Probe {len(self.changes)}"}
            self.changes.append(self._took(Request("PUT", path, body, CREDENTIALS)))
            self.lists.append(self._took(LIST))

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self.join()

    def _took(self, request: Request) -> float:
        self._connection.send(request.encoded())
        while not self._connection.done():
            pass
        return (time.perf_counter() - self._connection.began) * 1000


def _shares(took: list[float]) -> dict[str, float]:
    took = sorted(took)
    return {
        name: round(took[min(int(len(took) * share), len(took) - 1)], 2) for name, share in SHARES.items()
    }


SHARES = {"median": 0.5, "p99": 0.99, "most": 1.0}
