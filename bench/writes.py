"""`python -m bench.writes`: what facts cost the writing of messages, in processor time of all processes.

An installation of its own is asked by HTTP to write messages of customers and agents by turns, now with the triggers
that keep facts, now without; the least of several turns counts, because neighbours only ever add.
"""

import argparse
import asyncio
import random
import tempfile
from pathlib import Path

from bench import figures, load
from bench.program import Program, running
from bench.requests import CREDENTIALS, Request, material

# Ours on what a message touches; the foreign keys stay.
TRIGGERS = """
select 'alter table ' || tgrelid::regclass || ' {} trigger ' || tgname from pg_trigger
where not tgisinternal and tgname like 'facts%' and tgrelid in ('messages'::regclass, 'tickets'::regclass, 'events'::regclass)
"""
BODY = "Where is my parcel? It should have been here on Monday. " * 6
ASKED = {"channel": "api", "via": "api", "from_agent": False, "body_text": BODY}
ANSWERED = {"channel": "api", "via": "api", "from_agent": True, "body_text": BODY}


async def requests(here: Program) -> list[bytes]:
    """Questions and answers in any ticket."""
    found = await material(here)
    chance = random.Random(5)
    made = []
    for number in range(2000):
        customer, *_ = chance.choice(found.customers)
        body = ANSWERED if number % 2 else {**ASKED, "sender": {"id": customer}}
        path = f"/api/tickets/{chance.choice(found.tickets)}/messages"
        made.append(Request("POST", path, body, CREDENTIALS).encoded())
    return made


async def switch(here: Program, word: str) -> None:
    """`enable` or `disable` the triggers of facts."""
    for (statement,) in await here.rows(TRIGGERS.replace("{}", word)):
        await here.rows(statement)


async def measure(here: Program, rounds: int, seconds: float) -> None:
    """Tell milliseconds of processor time for a message, with and without."""
    sent = await requests(here)
    spent: dict[str, list[float]] = {"enable": [], "disable": []}
    await load.run(here.port, sent, 2, seconds)
    for _ in range(rounds):
        for word, times in spent.items():
            await switch(here, word)
            await here.settle()
            before = figures.cpu(here)
            made = await load.run(here.port, sent, 2, seconds)
            await here.settle()
            parts = figures.between(before, figures.cpu(here), made.count)
            times.append(sum(parts.values()))
            print(f"{word:8} {times[-1]:.3f} ms", parts, flush=True)
    on, off = min(spent["enable"]), min(spent["disable"])
    print(f"with facts {on:.3f} ms, without {off:.3f} ms: {100 * (on / off - 1):.1f} % more", flush=True)


async def main(tickets: int, rounds: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="polus-") as folder:
        async with running(Path(folder) / "data", 1) as here:
            await here.seed(tickets)
            await measure(here, rounds, seconds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickets", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    asyncio.run(main(given.tickets, given.rounds, given.seconds))
