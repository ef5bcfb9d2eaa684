"""`make bench`: starts Polus as a user does, fills it, and measures it beside pgbench with the very same statements.

What is compared runs in turn, several times, and medians count: figures of one run belong together, those of two runs
do not. docs/bench.md tells what they mean.
"""

import argparse
import asyncio
import datetime
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import figures, jobs, load, mails, pages, pgbench, program, report, requests, resources, statements
from bench.program import Program
from bench.requests import Material, Request
from bench.statements import Catcher, Script

CONNECTIONS = (1, 8)
MAILS = {1: 60, 8: 200}
MANY = 5_000  # tickets of a job
# Reading the other things: fewer rounds, and shorter ones, for there are many.
ROUNDS, SECONDS = 2, 1.5

console = Console(stderr=True)

OPERATIONS: dict[str, Callable[[Material], list[Request]]] = {
    "get-ticket": requests.get_ticket,
    "list-tickets": requests.list_tickets,
    "create-ticket": requests.create_ticket,
}


async def script(catcher: Catcher, name: str, found: Material) -> Script:
    """What pgbench runs for the operation."""
    asked = OPERATIONS[name](found)[0]
    await catcher.call(asked)  # who calls is looked up once
    caught = await catcher.call(asked)
    if name == "get-ticket":
        least, greatest = found.ids
        places = {int(asked.path.rsplit("/", 1)[1]): ":number"}
        return statements.script(caught, f"\\set number random({least}, {greatest})", places)
    if name == "create-ticket":
        places = {requests.address(0): "'c' || :number || '@bench.example'"}
        return statements.script(caught, f"\\set number random(0, {requests.CUSTOMERS - 1})", places)
    return statements.script(caught, "", {})


async def operations(here: Program, found: Material, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """The three operations over HTTP and by pgbench, in turn; medians over the rounds."""
    measured: dict[tuple[str, int], list[dict[str, Any]]] = {}
    async with statements.catching(here) as catcher:
        await catcher.invite()
        prepared = {name: await script(catcher, name, found) for name in OPERATIONS}
    for turn in range(rounds):
        for name, asked in OPERATIONS.items():
            sent = [request.encoded() for request in asked(found)]
            for connections in CONNECTIONS:
                console.print(f"  round {turn + 1} of {rounds}: {name}, {connections} connections")
                row = await over_http(here, sent, connections, seconds)
                await here.settle()
                row["pgbench"] = await pgbench.run(here, prepared[name], connections, seconds)
                await here.settle()
                row["ratio"] = row["rate"] / row["pgbench"]
                measured.setdefault((name, connections), []).append(row)
    return [middle(name, connections, rows) for (name, connections), rows in measured.items()]


async def over_http(here: Program, sent: list[bytes], connections: int, seconds: float) -> dict[str, Any]:
    """One measurement."""
    before = figures.cpu(here)
    told = await load.run(here.port, sent, connections, seconds)
    cpu = figures.between(before, figures.cpu(here), told.count)
    return {"rate": told.rate, "median": told.median, "slow": told.slow, "cpu": cpu}


def middle(name: str, connections: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The medians of several measurements of one thing."""
    keys = [key for key in rows[0] if key != "cpu"]
    told: dict[str, Any] = {"name": name, "connections": connections}
    told |= {key: round(statistics.median(row[key] for row in rows), 3) for key in keys}
    told["cpu"] = {
        kind: round(statistics.median(row["cpu"][kind] for row in rows), 4) for kind in rows[0]["cpu"]
    }
    return told


async def others(here: Program, found: Material, rounds: int, seconds: float) -> list[dict[str, Any]]:
    """The inbox page and the search, over HTTP alone."""
    session = await pages.log_in(here)
    sent = {
        "inbox page": [Request("GET", "/inbox/open", headers=session).encoded()],
        "search": [request.encoded() for request in requests.search(found)],
    }
    told = []
    for name, encoded in sent.items():
        for connections in CONNECTIONS:
            console.print(f"  {name}, {connections} connections")
            rows = [await over_http(here, encoded, connections, seconds) for _ in range(rounds)]
            told.append(middle(name, connections, rows))
    return told


async def reading(here: Program) -> list[dict[str, Any]]:
    """One of each thing and a page of each kind, over HTTP and by pgbench, at eight connections."""
    asked = await resources.requests(here)
    async with statements.catching(here) as catcher:
        prepared = {name: await prepare(catcher, request) for name, request in asked.items()}
    told = []
    for name, request in asked.items():
        console.print(f"  {name}")
        rows = []
        for _ in range(ROUNDS):
            row = await over_http(here, [request.encoded()], 8, SECONDS)
            row["pgbench"] = await pgbench.run(here, prepared[name], 8, SECONDS)
            row["ratio"] = row["rate"] / row["pgbench"]
            rows.append(row)
        told.append(middle(name, 8, rows))
    return told


async def prepare(catcher: Catcher, request: Request) -> Script:
    """What pgbench runs for a request that is always the same."""
    await catcher.call(request)
    return statements.script(await catcher.call(request), "", {})


async def deep(here: Program) -> list[dict[str, Any]]:
    """Page 1 and page 1,000 of long lists, in turn."""
    told = []
    for name, pair in (await resources.depths(here)).items():
        console.print(f"  {name}: page 1 and page 1,000")
        rows: tuple[list[dict[str, Any]], ...] = ([], [])
        for _ in range(ROUNDS):
            for request, measured in zip(pair, rows, strict=True):
                measured.append(await over_http(here, [request.encoded()], 8, SECONDS))
        told += [
            middle(f"{name}, page {page}", 8, measured)
            for page, measured in zip((1, 1000), rows, strict=True)
        ]
    return told


async def fragments(here: Program, found: Material) -> list[dict[str, Any]]:
    """Every page and fragment of the inbox, one at a time."""
    session = await pages.log_in(here)
    told = []
    for name, request in (await pages.fragments(here, session, found.tickets[-1])).items():
        row = await load.run(here.port, [request.encoded()], 1, 1)
        told.append({"name": name, "median": row.median, "slow": row.slow, "kilobytes": row.size / 1000})
    return told


async def measure(here: Program, tickets: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Everything about an installation of that size."""
    console.print(f"{tickets:,} tickets: seeding")
    seeded = await here.seed(tickets)
    await here.settle()
    await asyncio.sleep(2)
    idle = figures.memory(here)
    found = await requests.material(here)
    told = await operations(here, found, rounds, seconds) + await others(here, found, rounds, seconds)
    read, pages_down = await reading(here), await deep(here)
    console.print("  a job")
    job = await jobs.run(here, found, MANY)
    console.print("  fragments of the inbox, mails")
    shown = await fragments(here, found)
    sent = [
        {"connections": connections, **asdict(await mails.run(here, found, count, connections))}
        for connections, count in MAILS.items()
    ]
    await here.settle()
    memory = figures.memory(here)
    return {
        "tickets": tickets, "seeded": seeded, "operations": told, "reading": read, "deep": pages_down,
        "job": asdict(job), "pages": shown, "mails": sent,
        "idle": asdict(idle), "memory": asdict(memory),
    }  # fmt: skip


async def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """The whole bench."""
    head = subprocess.run(["git", "log", "-1", "--format=%h"], capture_output=True, text=True, check=False)
    found: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": figures.machine(),
        "commit": head.stdout.strip(),
        "sizes": [],
    }
    with tempfile.TemporaryDirectory(prefix="polus-bench-") as temporary:
        data = (arguments.data or Path(temporary) / "data").absolute()
        async with program.running(data, arguments.processes) as here:
            for tickets in arguments.tickets or [100_000]:
                found["sizes"].append(await measure(here, tickets, arguments.rounds, arguments.seconds))
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--tickets", type=int, action="append",
        help="size of the installation, 100,000; given twice, it grows, and costs are compared",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="how often each pair is measured")
    parser.add_argument("--seconds", type=float, default=4, help="how long each measurement takes")
    parser.add_argument("--processes", type=int, default=1, help="server processes")
    parser.add_argument("--data", type=Path, help="a data folder to use and keep; it may be filled already")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="file for the figures")
    arguments = parser.parse_args()
    found = asyncio.run(run(arguments))
    report.save(found, arguments.json)
    report.show(found)


if __name__ == "__main__":
    main()
