"""What events owe: each reaction once, in the order of its ticket, however often things break in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from polus.desk.accounts import Book
from polus.reactions import outbox
from polus.reactions.event import Event
from polus.reactions.outbox import BACKOFF, Outbox
from polus.reactions.table import Reaction
from polus.store import queue as queues
from polus.store import work as works
from polus.store.database import Database
from polus.store.queue import Queue
from polus.store.work import DEEPEST, SYSTEM, Cause, Work, writing
from tests.world import World

React = Callable[[Work, Event], Awaitable[None]]
OUTBOX = "select * from outbox where account_id = $1 order by event_id, reaction"


class Bench:
    """Reactions of one test, subscribed to kinds of events nobody else records."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.reactions: list[Reaction] = []
        self._patch = monkeypatch
        self._name = "test-" + world.account.domain

    def on(self, kinds: str, run: React, *, last: bool = False, once: bool = False) -> str:
        name = f"{self._name}-{len(self.reactions)}"
        self.reactions.append(Reaction(name, tuple(kinds.split()), run, last=last, once=once))
        for kind in kinds.split():
            subscribed = works.subscriptions.get(kind, ())
            told = works.Subscription(name, once=once)
            self._patch.setitem(works.subscriptions, kind, (*subscribed, told))
        return name

    def queue(self, database: Database | None = None) -> Queue:
        database = database or self.world.database
        return Queue(
            database, Outbox(database, self.reactions, Book(database, "http://helpdesk.example")).lane()
        )

    async def record(self, *events: tuple[str, int], depth: int = 0) -> None:
        """One transaction per event (kind, ticket)."""
        for kind, ticket in events:
            async with writing(self.world.database, self.world.account, SYSTEM, Cause(depth=depth)) as work:
                work.record(kind, "Ticket", ticket, {"n": ticket}, ticket_id=ticket or None)

    async def due_now(self) -> None:
        await self.world.rows("update outbox set due_datetime = now() where account_id = $1 returning 1")


@pytest.fixture
def bench(world: World, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Nothing that failed comes again by itself meanwhile, however slow the machine is: see `due_now`."""
    monkeypatch.setattr(outbox, "BACKOFF", [3600.0] * len(BACKOFF))
    return Bench(world, monkeypatch)


async def test_a_reaction_runs_once_and_its_events_name_their_cause(bench: Bench) -> None:
    seen: list[Event] = []

    async def follow(work: Work, event: Event) -> None:
        seen.append(event)
        assert work.account.base_url.endswith("helpdesk.example")
        work.record("test-second", "Ticket", 7)

    bench.on("test-first", follow)
    await bench.record(("test-first", 7))
    await bench.queue().drain()
    await bench.queue().drain()
    assert [(e.type, e.object_id, e.data, e.depth) for e in seen] == [("test-first", 7, {"n": 7}, 0)]
    first, second = await bench.world.rows("select * from events where account_id = $1 order by id")
    assert (second["cause_id"], second["depth"], second["context"]) == (first["id"], 1, first["context"])
    assert await bench.world.rows(OUTBOX) == []


async def test_one_tickets_reactions_run_in_order_beside_those_of_others(bench: Bench) -> None:
    running: set[int] = set()
    order: dict[int, list[int]] = {1: [], 2: [], 3: []}
    most = 0

    async def slow(work: Work, event: Event) -> None:
        nonlocal most
        assert event.ticket_id is not None
        assert event.ticket_id not in running
        running.add(event.ticket_id)
        most = max(most, len(running))
        await work.db.execute("select pg_sleep(0.002)")
        order[event.ticket_id].append(event.id)
        running.discard(event.ticket_id)

    bench.on("test-step", slow)
    bench.on("test-step", slow)
    await bench.record(*[("test-step", ticket) for _ in range(5) for ticket in (1, 2, 3)])
    one, two = bench.queue(), bench.queue()
    await asyncio.gather(one.drain(), two.drain())
    await bench.queue().drain()
    for events in order.values():
        assert len(events) == 10
        assert events == sorted(events)
    assert most > 1


async def _nothing(_work: Work, _event: Event) -> None:
    """What follows does not matter here."""


async def test_what_follows_a_tickets_events_together_is_owed_for_the_first(bench: Bench) -> None:
    once = bench.on("test-first test-second", _nothing, once=True)
    each = bench.on("test-second", _nothing)
    async with writing(bench.world.database, bench.world.account, SYSTEM) as work:
        for ticket in (1, 2, None):
            work.record("test-first", "Ticket", ticket or 0, ticket_id=ticket)
            work.record("test-second", "Ticket", ticket or 0, ticket_id=ticket)
    events = [
        row["id"] for row in await bench.world.rows("select id from events where account_id = $1 order by id")
    ]
    owed = [(row["event_id"], row["reaction"]) for row in await bench.world.rows(OUTBOX)]
    assert [event for event, name in owed if name == once] == [events[n] for n in (0, 2, 4, 5)]
    assert [event for event, name in owed if name == each] == [events[n] for n in (1, 3, 5)]


async def test_reactions_to_much_at_once_stand_back(bench: Bench) -> None:
    bench.on("test-first", _nothing)
    async with writing(bench.world.database, bench.world.account, SYSTEM) as work:
        work.later = 40
        work.record("test-first", "Ticket", 1, ticket_id=1)
    late = "select due_datetime - now() between interval '30 s' and interval '41 s' as so from outbox where account_id = $1"
    assert [row["so"] for row in await bench.world.rows(late)] == [True]
    await bench.queue().drain()
    assert len(await bench.world.rows(OUTBOX)) == 1


async def test_a_failure_undoes_everything_and_comes_again(bench: Bench) -> None:
    failing = True

    async def react(work: Work, event: Event) -> None:
        work.record("test-effect", "Ticket", 5)
        await work.flush()
        if failing:
            raise RuntimeError("no\0pe")

    name = bench.on("test-first", react)
    await bench.record(("test-first", 5))
    await bench.queue().drain()
    (row,) = await bench.world.rows(OUTBOX)
    assert (row["reaction"], row["attempts"], row["error"]) == (name, 1, "RuntimeError: nope")
    assert await bench.world.events("test-effect") == []
    failing = False
    await bench.queue().drain()
    assert await bench.world.events("test-effect") == []  # not due yet
    await bench.due_now()
    await bench.queue().drain()
    assert len(await bench.world.events("test-effect")) == 1
    assert await bench.world.rows(OUTBOX) == []


async def test_a_database_that_ends_is_not_the_reactions_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "AGAIN", 0.0)
    runs = 0

    async def ended(_work: Work, _event: Event) -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise asyncpg.AdminShutdownError("terminating connection due to administrator command")
        assert [row["attempts"] for row in await bench.world.rows(OUTBOX)] == [0]

    bench.on("test-ended", ended)
    await bench.record(("test-ended", 1))
    await bench.queue().drain()
    assert runs == 3
    assert await bench.world.rows(OUTBOX) == []


async def test_a_failed_reaction_holds_up_only_its_own_kind(bench: Bench) -> None:
    done: list[tuple[str, int]] = []

    async def broken(work: Work, event: Event) -> None:
        done.append(("broken", event.object_id))
        raise RuntimeError

    async def sound(work: Work, event: Event) -> None:
        done.append(("sound", event.id))

    bench.on("test-first", broken)
    bench.on("test-first", sound)
    await bench.record(("test-first", 9), ("test-first", 9))
    await bench.queue().drain()
    assert [name for name, _ in done].count("sound") == 2
    assert [name for name, _ in done].count("broken") == 1
    assert [row["attempts"] for row in await bench.world.rows(OUTBOX)] == [1, 0]


async def test_however_much_of_one_kind_waits_the_others_go_on_in_their_order(bench: Bench) -> None:
    done: list[int] = []

    async def broken(work: Work, event: Event) -> None:
        raise RuntimeError

    async def sound(work: Work, event: Event) -> None:
        done.append(event.id)

    bench.on("test-first", broken)
    bench.on("test-first test-second", sound)
    most = outbox.MOST + 5
    await bench.record(*[("test-first", 9)] * most, *[("test-second", 9)] * 3)
    await bench.queue().drain()
    told = await bench.world.rows("select id from events where account_id = $1 order by id")
    assert done == [row["id"] for row in told]
    assert len(done) == most + 3
    # Only the first of the broken kind was tried; when its time comes it alone is tried again.
    await bench.world.rows("update outbox set due_datetime = now() where account_id = $1 and attempts > 0 returning 1")  # fmt: skip
    await bench.queue().drain()
    assert [row["attempts"] for row in await bench.world.rows(OUTBOX)] == [2] + [0] * (most - 1)


@pytest.mark.thorough
async def test_after_its_last_attempt_it_stays_to_be_seen_and_blocks_nothing(bench: Bench) -> None:
    fails = {1}

    async def react(work: Work, event: Event) -> None:
        work.record("test-done", "Ticket", 3)
        if event.data["n"] == 3 and fails:
            raise RuntimeError

    bench.on("test-first", react)
    await bench.record(("test-first", 3))
    for _ in range(len(BACKOFF) + 1):
        await bench.due_now()
        await bench.queue().drain()
    (row,) = await bench.world.rows(
        "select *, due_datetime = 'infinity' as given_up from outbox where account_id = $1"
    )
    assert row["given_up"]
    assert row["attempts"] == len(BACKOFF) + 1
    fails.clear()
    await bench.record(("test-first", 3))
    await bench.queue().drain()
    assert len(await bench.world.events("test-done")) == 1


async def test_a_chain_of_causes_ends_but_the_last_things_still_happen(bench: Bench) -> None:
    ran: list[str] = []

    async def loop(work: Work, event: Event) -> None:
        ran.append("loop")
        work.record("test-loop", "Ticket", 4, ticket_id=4)

    async def send(work: Work, event: Event) -> None:
        ran.append("send")

    bench.on("test-loop", loop)
    bench.on("test-loop", send, last=True)
    await bench.record(("test-loop", 4))
    await bench.queue().drain()
    assert ran.count("loop") == DEEPEST
    assert ran.count("send") == DEEPEST + 1


async def test_a_lost_connection_loses_and_doubles_nothing(bench: Bench) -> None:
    attempts = 0

    async def react(work: Work, event: Event) -> None:
        nonlocal attempts
        attempts += 1
        work.record("test-effect", "Ticket", 6)
        await work.flush()
        if attempts == 1:
            pid = work.db.get_server_pid()
            async with work.database.pool.acquire() as other:
                await other.execute("select pg_terminate_backend($1, 5000)", pid)
            await work.db.execute("select 1")

    bench.on("test-first", react)
    await bench.record(("test-first", 6))
    await bench.queue().drain()
    await bench.due_now()
    await bench.queue().drain()
    assert attempts == 2
    assert len(await bench.world.events("test-effect")) == 1


async def test_what_another_process_has_at_work_is_left_alone(bench: Bench) -> None:
    ran = 0

    async def react(work: Work, event: Event) -> None:
        nonlocal ran
        ran += 1

    bench.on("test-first", react)
    await bench.record(("test-first", 8))
    async with bench.world.database.pool.acquire() as other, other.transaction():
        await other.fetch("select 1 from outbox where account_id = $1 for update", bench.world.account.id)
        await bench.queue().drain()
        assert ran == 0
    await bench.queue().drain()
    assert ran == 1


async def test_a_ring_wakes_the_worker_and_stopping_waits_for_what_runs(bench: Bench) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def react(work: Work, event: Event) -> None:
        begun.set()
        await work.db.execute("select pg_sleep(0.05)")
        ended.set()

    bench.on("test-first", react)
    queue = bench.queue()
    working = asyncio.create_task(queue.work())
    await bench.record(("test-first", 2))
    await asyncio.wait_for(begun.wait(), 30)
    await queue.stop(patience=5)
    await working
    assert ended.is_set()
    assert await bench.world.rows(OUTBOX) == []


@pytest.fixture(autouse=True)
async def _nothing_left(bench: Bench) -> AsyncIterator[Any]:
    yield
    await bench.world.rows("delete from outbox where account_id = $1 returning 1")
    # Their kinds are nobody else's, which `world` would complain of.
    await bench.world.rows("delete from events where account_id = $1 returning 1")
