"""HTTP integrations: how many deliveries a second drain, what a slow receiver costs the others, whether any is lost.

`python -m bench.calls`: a thousand integrations hear of a hundred events, each call carrying the whole context to a fast
receiver that answers JSON; two more integrations call one that takes three seconds for each answer.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bench import figures, program
from bench.program import EMAIL, KEY, Program

SLOW = 3.0  # seconds
ANSWER = b'{"points": 7, "tier": "gold"}'
WAITING = "select count(*) from http_deliveries where due_datetime is not null"
STATES = "select state, count(*) from http_deliveries group by 1"
PORT = 18_971


async def receive(port: int) -> None:
    """The receiver, a process of its own: counts what it gets by id, and tells it at /told."""
    seen: Counter[str] = Counter()

    async def take(request: web.Request) -> web.Response:
        await request.read()
        seen[request.headers["X-Polus-Delivery"]] += 1
        if request.path == "/slow":
            await asyncio.sleep(SLOW)
        return web.Response(body=ANSWER, content_type="application/json")

    async def tell(_: web.Request) -> web.Response:
        return web.json_response({"ids": len(seen), "calls": sum(seen.values())})

    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_get("/told", tell)
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


class Helpdesk:
    """The API of the program under test."""

    def __init__(self, here: Program, http: aiohttp.ClientSession) -> None:
        self._base = f"http://127.0.0.1:{here.port}"
        self._http = http

    async def send(self, method: str, path: str, body: Any) -> Any:
        """One request; its answer."""
        headers = {"Authorization": aiohttp.encode_basic_auth(EMAIL, KEY)}
        sent = self._http.request(method, self._base + path, json=body, headers=headers)
        async with sent as answer:
            if answer.status >= 300:
                raise SystemExit(f"{method} {path}: {answer.status} {await answer.text()}")
            return await answer.json()

    async def connect(self, name: str, path: str) -> None:
        """An integration that hears of every message."""
        http = {
            "url": f"http://127.0.0.1:{PORT}{path}",
            "method": "POST",
            "form": "{{context}}",
            "triggers": {"ticket-message-created": True},
            "hmac_secret": "bench-bench",
        }
        await self.send("POST", "/api/integrations", {"name": name, "type": "http", "http": http})


async def measure(here: Program, integrations: int, events: int) -> dict[str, Any]:
    """Everything, on an installation that was just made."""
    async with aiohttp.ClientSession() as http:
        desk = Helpdesk(here, http)
        for number in range(integrations):
            await desk.connect(f"Fast {number}", "/fast")
        for number in range(2):
            await desk.connect(f"Slow {number}", "/slow")
        before = figures.cpu(here)
        began = time.perf_counter()
        for number in range(events):
            await desk.send("POST", "/api/tickets", _ticket(number))
        made = time.perf_counter() - began
        expected = (integrations + 2) * events
        fast = await _drained(here, began, integrations * events)
        async with http.get(f"http://127.0.0.1:{PORT}/told") as answer:
            told = await answer.json()
        cpu = figures.between(before, figures.cpu(here), integrations * events)
        states = {row[0]: row[1] for row in await here.rows(STATES)}
    return {
        "integrations": integrations, "events": events, "deliveries": expected, "seconds until all events": round(made, 1),
        "seconds until the fast ones": round(fast, 1), "rate": round(integrations * events / fast, 1), "states": states,
        "received": told, "cpu": cpu,
    }  # fmt: skip


FAST = """
select count(*) from http_deliveries d join integrations i on i.account_id = d.account_id and i.id = d.integration_id
where i.name like 'Fast%' and d.state = 'delivered'
"""


async def _drained(here: Program, began: float, count: int) -> float:
    """Seconds until so many are delivered to the fast receiver; the slow one may still be at it."""
    while (await here.rows(FAST))[0][0] < count:
        await asyncio.sleep(0.5)
    return time.perf_counter() - began


def _ticket(number: int) -> dict[str, Any]:
    message = {
        "channel": "email",
        "via": "email",
        "from_agent": False,
        "body_text": "Where is my parcel? It was to be here on Monday. " * 10,
        "source": {
            "type": "email",
            "from": {"name": "Mia", "address": f"mia{number}@example.com"},
            "to": [{"name": "Help", "address": "help@bench.example"}],
        },
    }
    return {"subject": f"Parcel {number}", "channel": "email", "via": "email", "messages": [message]}


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start both, measure, stop both."""
    receiver = subprocess.Popen([sys.executable, "-m", "bench.calls", "--receive"])
    try:
        with tempfile.TemporaryDirectory(prefix="polus-bench-") as temporary:
            data = Path(temporary).absolute() / "data"
            async with program.running(data, 1, POLUS_OUTBOUND_ALLOW="127.0.0.0/8") as here:
                return await measure(here, arguments.integrations, arguments.events)
    finally:
        receiver.terminate()
        receiver.wait()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.calls", description=__doc__)
    parser.add_argument("--integrations", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100)
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.receive:
        asyncio.run(receive(PORT))
    else:
        print(json.dumps(asyncio.run(run(arguments)), indent=2))


if __name__ == "__main__":
    main()
