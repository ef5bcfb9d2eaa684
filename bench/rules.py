"""`python -m bench.rules`: what rules cost, as ratios within one run and in processor time, which neighbours cannot take.

A hundred published rules looked at for one message, against fetching its ticket; and how many tickets of a recorded
history the time machine plays in a second, for one rule. docs/bench.md tells what the figures mean.
"""

import argparse
import asyncio
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from polus import commands, founding
from polus.base.settings import Settings, load
from polus.desk.rules import sights, trials
from polus.desk.rules.trials import Draft
from polus.desk.tickets import tickets
from polus.lang import bind, parse, run
from polus.lang.sight import Meter, Sight
from polus.seeding import seeds
from polus.store.database import Database
from polus.store.work import SYSTEM, Work, looking
from tests.lang import state
from tests.lang.published_rules import RULES

ROUNDS = 7
TIMES = 200
# The history that such tickets would have: opened, each further message, closed.
HISTORY = """
insert into events (account_id, context, type, object_type, object_id, ticket_id, data, created_datetime)
select account_id, context, type, kind, object_id, ticket_id, data, moment from (
  select m.account_id, md5(m.id::text)::uuid as context, 'ticket-message-created' as type, 'TicketMessage' as kind,
    m.id as object_id, m.ticket_id, jsonb_build_object('ticket_id', m.ticket_id, 'channel', m.channel, 'from_agent',
    m.from_agent) as data, m.created_datetime as moment, 1 as place from messages m
  union all select m.account_id, md5(m.id::text)::uuid, 'ticket-updated', 'Ticket', m.ticket_id, m.ticket_id, null,
    m.created_datetime, 2 from messages m
  union all select t.account_id, md5((select min(m.id) from messages m where m.account_id = t.account_id
    and m.ticket_id = t.id)::text)::uuid, 'ticket-created', 'Ticket', t.id, t.id, '{}'::jsonb, t.created_datetime, 0
    from tickets t
  union all select t.account_id, md5('closed' || t.id)::uuid, 'ticket-updated', 'Ticket', t.id, t.id,
    jsonb_build_object('status', array['open', 'closed'], 'closed_datetime', array[null, t.closed_datetime::text]),
    t.closed_datetime, 3 from tickets t where t.closed_datetime is not null
) h order by moment, ticket_id, place
"""
USUAL = """if (eq(message.from_agent, false) && containsAny(message.body_text, ['hello', 'hi there'])
    && notContainsAny(ticket.tags.name, ['greeted'])) { Action('addTags', {tags: 'greeted'}); }"""
RARE = "if (eq(ticket.channel, 'sms') && contains(message.body_text, 'nowhere')) Action('deleteTicket')"


@dataclass
class Figures:
    """Milliseconds of processor time, and tickets a second by the clock."""

    fetch: float
    rules: float
    ratio: float
    tickets: int
    chains: int
    rare: float
    rare_cost: float
    usual: float
    usual_cost: float
    hits: int


async def cost(work: Work, times: int, doing: Callable[[], Awaitable[Any]]) -> float:
    """Milliseconds of processor, of this process and the database's, that one takes."""
    backend = psutil.Process(work.db.get_server_pid())

    def spent() -> float:
        there = backend.cpu_times()
        return time.process_time() + there.user + there.system

    begun = spent()
    for _ in range(times):
        await doing()
    return (spent() - begun) * 1000 / times


async def evaluation(work: Work, ticket_id: int) -> tuple[float, float]:
    """(fetching the ticket, a hundred rules), medians of rounds in turn."""
    found = [bind.rule(parse.code(row[1]), state.DEFINITIONS).bound for row in RULES]
    hundred = [found[place % len(found)] for place in range(100)]
    seen = await sights.state(work, ticket_id)

    async def fetch() -> None:
        await tickets.get(work, ticket_id)

    async def evaluate() -> None:
        # As a chain does it: one sight for all.
        sight = Sight(seen.ticket, seen.message(None), now=work.now, hours=seen.hours)
        for rule in hundred:
            sight.meter = Meter()
            next(run.reached(rule, sight), None)

    fetched, evaluated = [], []
    for _ in range(ROUNDS):
        fetched.append(await cost(work, TIMES, fetch))
        evaluated.append(await cost(work, TIMES, evaluate))
    return statistics.median(fetched), statistics.median(evaluated)


async def rate(work: Work, code: str) -> tuple[float, float, int, int, int]:
    """(tickets a second, milliseconds of processor for each, tickets, chains, runs) of one rule over the history."""
    draft = Draft(code=code, event_types=["ticket-created", "ticket-message-created"])
    given = await trials.cast(work, [draft])
    start = work.now.replace(year=work.now.year - 5)
    seen, chains, hits, end, begun = set[int](), 0, 0, work.now, time.monotonic()

    async def play() -> None:
        nonlocal chains, hits
        async for part in trials.play(work, given, start, end):
            seen.update(part.tickets)
            chains += part.chains
            hits += len(part.rows)

    spent = await cost(work, 1, play)
    return len(seen) / (time.monotonic() - begun), spent / len(seen), len(seen), chains, hits


async def measure(database: Database, settings: Settings, count: int) -> Figures:
    """Everything."""
    account = await commands.only_account(database, "")
    until = (await _now(database)).replace(minute=0, second=0, microsecond=0)
    await seeds.sow(database, account, count, seed=1, until=until, told=lambda _: None)
    async with database.pool.acquire() as db:
        await db.execute("delete from rules")
        await db.execute(HISTORY)
        await db.execute(
            "vacuum (analyze) events, tickets, messages, customers, ticket_tags, customer_channels"
        )
        ticket_id = await db.fetchval("select max(id) from tickets where messages_count = 3")
    gc.set_threshold(200_000, 50, 50)  # as `polus rules try` does
    async with looking(database, account, SYSTEM) as work:
        fetched, evaluated = await evaluation(work, ticket_id)
        rare, rare_cost, seen, chains, _ = await rate(work, RARE)
        usual, usual_cost, _, _, hits = await rate(work, USUAL)
    return Figures(
        fetch=round(fetched, 3),
        rules=round(evaluated, 3),
        ratio=round(evaluated / fetched, 2),
        tickets=seen,
        chains=chains,
        rare=round(rare),
        rare_cost=round(rare_cost, 3),
        usual=round(usual),
        usual_cost=round(usual_cost, 3),
        hits=hits,
    )


async def _now(database: Database) -> Any:
    async with database.pool.acquire() as db:
        return await db.fetchval("select now() at time zone 'utc' at time zone 'utc'")


async def bench(count: int) -> Figures:
    """In an installation of its own."""
    with tempfile.TemporaryDirectory(prefix="polus-bench-") as folder:
        settings = load({}, data=Path(folder) / "data")
        await commands.add_account(settings, "bench", "", "", True)
        async with founding.current(settings) as database:
            return await measure(database, settings, count)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.rules", description=__doc__)
    parser.add_argument("--tickets", type=int, default=10_000)
    found = asyncio.run(bench(parser.parse_args().tickets))
    sys.stdout.write(json.dumps(asdict(found), indent=2) + "\n")


if __name__ == "__main__":
    main()
