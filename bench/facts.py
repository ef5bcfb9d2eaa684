"""`python -m bench.facts --data DIR`: how long reports take in a large account that `polus seed` has filled.

Every scope of tickets, grouped by one dimension and by day, over 90 days and over a year; medians of some rounds, in
milliseconds. `--pages` does so for the pages of the workspace, each read by two
connections. `--alone`: without the second process that PostgreSQL may use, and by one connection. What facts cost the writing of messages is measured by `bench.writes`.
"""

import argparse
import asyncio
import datetime
import functools
import os
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil

from polus import installation
from polus.base.settings import load
from polus.desk.statistics import boards, readings, reports, scopes
from polus.desk.statistics.asked import Asked
from polus.desk.statistics.boards import Board
from polus.desk.statistics.conditions import Filter
from polus.desk.statistics.reports import Query, Zone
from polus.store import pool
from polus.store.work import NO_CAUSE, SYSTEM, Account, Work

ASKED = (
    "tickets-created", "tickets-closed", "tickets-open", "tickets-replied", "one-touch-tickets", "messages-sent",
    "messages-received", "first-response-time", "response-time", "resolution-time", "messages-per-ticket", "tags",
    "overall-automation-rate", "ai-agent-coverage-rate", "overall-decrease-in-first-response-time",
    "overall-decrease-in-resolution-time",
)  # fmt: skip
ZONE = Zone("Europe/Berlin", ZoneInfo("Europe/Berlin"))


def query(name: str, end: datetime.datetime, days: int, by: str) -> Query:
    scope = scopes.table()[name]
    dimension = by if by in scope.dimensions else scope.dimensions[-1]
    time_name = "periodStart" if "periodStart" in scope.times else scope.times[0]
    return Query(
        scope, tuple(scope.measures.values()), end - datetime.timedelta(days=days), end, ZONE,
        (dimension,), (time_name, "day"),
    )  # fmt: skip


@dataclass
class Took:
    """Medians of some rounds, in milliseconds: by the clock, and of the processor in the connection's own process."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:8.0f} ms ({self.processor:.0f} of processor)"


async def timed(work: Work, rounds: int, ask: Callable[[], Awaitable[Any]]) -> Took:
    """How long something asked of the database takes."""
    backend = psutil.Process(await work.db.fetchval("select pg_backend_pid()"))
    clocks, processors = [], []
    for _ in range(rounds):
        before, began = backend.cpu_times(), time.perf_counter()
        await ask()
        after = backend.cpu_times()
        clocks.append(1000 * (time.perf_counter() - began))
        processors.append(1000 * (after.user + after.system - before.user - before.system))
    return Took(statistics.median(clocks), statistics.median(processors))


async def reported(work: Work, end: datetime.datetime, rounds: int) -> None:
    """A line for each scope."""
    for name in ASKED:
        figures = []
        for days in (90, 365):
            asked = query(name, end, days, "channel")
            figures.append(str(await timed(work, rounds, functools.partial(reports.rows, work, asked))))
        print(f"{name:34}", *figures, flush=True)


async def paged(works: Sequence[Work], asked: Asked, board: Board, step: str) -> readings.Content:
    """A page as the workspace reads it: by two connections at once."""
    reading = readings.begin(asked, board, step)
    await asyncio.gather(*(readings.read(work, reading) for work in works))
    return readings.content(reading)


async def shown(works: Sequence[Work], end: datetime.datetime, rounds: int) -> None:
    """A line for each page: all its numbers, lines and tables over 30 and 90 days and a year."""
    for name, board in boards.BOARDS.items():
        figures = []
        for days in (30, 90, 365):
            asked = Asked(end - datetime.timedelta(days=days), end, ZONE, ())
            if name == "fields":
                asked = replace(asked, filters=(Filter("customFieldId", "one-of", (1,)),))
            step = "day" if days < 93 else "week"
            figures.append(
                str(await timed(works[0], rounds, functools.partial(paged, works, asked, board, step)))
            )
        print(f"{name:14}", *figures, flush=True)


async def main(data: Path, account: str, rounds: int, *, pages: bool, alone: bool) -> None:
    async with installation.database_url(load(os.environ, data=data)) as url:
        db = await pool.connect(url, "bench")
        row = await db.fetchrow("select id, domain, hash from accounts where domain = $1", account)
        end = await db.fetchval("select max(created) from fact_tickets where account_id = $1", row["id"])
        work = Work(None, db, Account(row["id"], row["domain"], row["hash"], ""), SYSTEM, NO_CAUSE)  # type: ignore[arg-type]
        if alone:
            await db.execute("select set_config('max_parallel_workers_per_gather', '0', false)")
        if pages:
            beside = await pool.connect(url, "bench")
            other = Work(None, beside, work.account, SYSTEM, NO_CAUSE)  # type: ignore[arg-type]
            await shown([work] if alone else [work, other], end, rounds)
            await beside.close()
        else:
            await reported(work, end, rounds)
        await db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--account", default="bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", action="store_true")
    parser.add_argument("--alone", action="store_true")
    given = parser.parse_args()
    asyncio.run(main(given.data, given.account, given.rounds, pages=given.pages, alone=given.alone))
