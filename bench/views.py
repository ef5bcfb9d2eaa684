"""Views at scale: a page of each of 50 views, and the counts of all of them at once, on a seeded installation.

`python -m bench.views --data FOLDER` makes the views (once), calls each several times as a logged-in agent's page does,
and prints medians. The filters are those of `tests/lang/published_views.py`, which shops publish.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from polus import installation
from polus.base import clock, settings
from polus.desk import presence
from polus.desk.accounts import Book
from polus.desk.views import counting, items, views
from polus.store.database import Database
from polus.store.work import SYSTEM, Account, Actor, reading, writing
from tests.lang import published_views

MOST = 50
# Named by ids that only the tests' shop has.
LEFT_OUT = ("ticket.custom_fields[", "customer.custom_fields[", "integrations.id", "store.id", "tags.id")

FIND = "select account_id, id, role from users where role = 'admin' order by id limit 1"
DROP = "delete from views where account_id = $1 and name like 'bench %'"


async def milliseconds(call: Callable[[], Awaitable[Any]], rounds: int) -> float:
    """The median over the rounds; the first one, which plans, is left out."""
    await call()
    taken = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await call()
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


async def made(database: Database, account: Account, actor: Actor) -> list[tuple[str, str]]:
    """Fifty views of the account; their names and filters."""
    wanted = [
        (name, text) for name, text, *_ in published_views.VIEWS if not any(one in text for one in LEFT_OUT)
    ]
    wanted += [
        (f"{status} of {channel}", f"eq(ticket.status, '{status}') && eq(ticket.channel, '{channel}')")
        for status in ("open", "closed")
        for channel in ("email", "chat", "contact_form", "phone")
    ]
    wanted = wanted[:MOST]
    async with writing(database, account, actor) as work:
        await work.db.execute(DROP, account.id)
        for name, text in wanted:
            given = {
                "name": "bench " + name,
                "slug": name,
                "filters": text.replace(
                    "eq(ticket.assignee_team.id, 4)", "isNotEmpty(ticket.assignee_team.id)"
                ),
            }
            await views.create(work, given)
    return wanted


async def counted(database: Database, account: Account, actor: Actor) -> None:
    """What the worker does for an agent whose page is open."""
    begun, done = time.perf_counter(), 0
    await presence.seen(database, account.id, actor.user_id or 0, clock.now())
    while True:
        async with writing(database, account, SYSTEM) as work:
            step = await counting.refresh(work)
        done += step
        if done >= MOST or not step:
            break
    print(f"counted in the background: {done} views in {time.perf_counter() - begun:.1f} s")


async def measure(database: Database, rounds: int) -> None:
    """All figures, the slowest pages by name."""
    async with database.pool.acquire() as db:
        row = await db.fetchrow(FIND)
        tickets = await db.fetchval("select count(*) from tickets where account_id = $1", row["account_id"])
    account = await Book(database, "http://localhost").account(row["account_id"])
    actor = Actor("user", row["id"], row["role"])
    wanted = await made(database, account, actor)
    await counted(database, account, actor)
    async with reading(database, account, actor) as work:
        counts = await milliseconds(lambda: counting.counts(work), rounds)
        pages = {}
        for name, text in wanted:
            shown = items.Shown("ticket-list", text, "updated_datetime", "desc", None, True)
            pages[name] = await milliseconds(
                lambda shown=shown: items.page(
                    work, shown, cursor="", direction=None, ignored=None, limit=30, order=None
                ),
                max(rounds // 3, 3),
            )
    print(f"{tickets} tickets, {len(wanted)} views")
    print(f"all counts: {counts:.1f} ms")
    ordered = sorted(pages.items(), key=lambda item: -item[1])
    print(f"a page: median {statistics.median(pages.values()):.1f} ms, slowest:")
    for name, taken in ordered[:12]:
        print(f"  {taken:8.1f} ms  {name}")


async def run(data: Path, rounds: int) -> None:
    """On the installation in that folder."""
    read = settings.load({"POLUS_DATA": str(data)})
    async with installation.opened(read, "bench", 4) as database:
        await measure(database, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    asyncio.run(run(given.data, given.rounds))


if __name__ == "__main__":
    main()
