"""In an account with thousands of tickets no statement reads a large table through, and none that is frequent is
planned anew each time. Statements are caught from a call of every operation and of further filters.
"""

import datetime
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from polus.api.operation import Operation
from polus.desk import inbox
from polus.desk.tickets import messages
from polus.seeding import seeds
from polus.store import cluster as clusters
from polus.store import database as databases
from polus.store import migrate, pool
from polus.store.database import Database
from polus.store.server import Server
from polus.store.work import PLAN_ONCE, Actor, reading
from tests import samples
from tests import world as worlds
from tests.world import World

pytestmark = pytest.mark.slow

LARGE = {
    "tickets", "messages", "customers", "customer_channels", "customer_words", "events", "ticket_tags", "ticket_reads",
}  # fmt: skip
UNTIL = datetime.datetime(2026, 3, 4, tzinfo=datetime.UTC)
EVENTS = """
insert into events (account_id, context, type, object_type, object_id, user_id, ticket_id, created_datetime)
select account_id, gen_random_uuid(), kind, 'Ticket', id, assignee_user_id, id, now() - (now() - created_datetime) / 3
from tickets, unnest(array['ticket-created', 'ticket-updated', 'ticket-closed']) as k (kind) where account_id = $1
"""
# Room for what every filling of the shop makes anew.
ROOM = (
    "update custom_fields set deactivated_datetime = now() where account_id = $1",
    "delete from views where account_id = $1 and category = 'user'",
    "insert into tags (account_id, name, created_datetime) select $1, gen_random_uuid(), now() from generate_series(1, 9)",
)
NOT_OURS = (
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
    PLAN_ONCE,
    "WITH RECURSIVE typeinfo",
    "SELECT current_setting",
)
PEOPLE = {"observer-agent": "oda", "lite-agent": "lia", "basic-agent": "bea", "agent": "leo", "admin": "ada"}
# Takes what an integration kept on customers away from them: once, and there is no index of what that is.
ALLOWED = {
    ("delete-integration", "customers"),
    # A trial reads all tickets of a period, in batches; one batch is much of the few that a test has.
    ("try-rules", "tickets"),
    ("try-rules", "messages"),
    ("try-rules", "events"),
}
# What costs as much to plan as to run. `= any(…)` of few values is always planned anew, which these are not.
FREQUENT = {
    "get-ticket", "list-tickets", "create-ticket", "update-ticket", "create-ticket-message", "list-ticket-messages",
    "list-messages", "get-customer", "list-customers", "list-view-items", "inbox",
}  # fmt: skip

Caught = dict[str, tuple[str, tuple[Any, ...]]]
"""Statement → who runs it, its parameters."""


@pytest.fixture(scope="module")
async def alone(server: Server, worker_id: str, database: Database) -> AsyncIterator[Database]:
    """A database without the accounts of other tests: how many rows an account has is what plans are made by."""
    name = "polus_plans_" + worker_id
    connection = await pool.connect(server.url, "plans")
    await connection.execute('create database "' + name + '"')
    url = clusters.url(server.host, name)
    await migrate.forward(url)
    await left_alone(url)
    async with databases.opened(url, files=database.files, secret_key="k" * 32) as opened:
        yield opened
    await connection.execute('drop database "' + name + '" with (force)')
    await connection.close()


async def left_alone(url: str) -> None:
    """Plans follow what is known of the tables: that changes when the test says so, not when PostgreSQL finds the time."""
    connection = await pool.connect(url, "plans")
    for row in await connection.fetch(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    ):
        await connection.execute(f"alter table {row['relname']} set (autovacuum_enabled = off)")
    await connection.close()


@pytest.fixture(scope="module")
async def shop(alone: Database, http: Any) -> AsyncIterator[World]:
    """A shop with some thousand tickets."""
    async with worlds.served(alone) as url:
        world = await worlds.make(alone, http, url)
        await seeds.sow(alone, world.account, 4000, seed=1, until=UNTIL, told=lambda _: None)
        await world.rows(EVENTS)
        yield world


@pytest.fixture(scope="module")
async def caught(shop: World) -> Caught:
    """All statements."""
    database = shop.database
    found: Caught = {}
    catcher = Catcher(found)
    await catcher.listen(database)
    things = await samples.fill(shop)
    await database.pool.execute("analyze")
    for operation in sorted(samples.OPERATIONS, key=lambda operation: operation.method == "DELETE"):
        if operation.method == "DELETE" or "merge" in operation.id:
            for sql in ROOM:
                await shop.rows(sql)
            things = await samples.fill(shop)
        with catcher.asking(operation.id):
            await samples.call(_client(shop, operation), operation, samples.path(operation, things), things)
    for name, path, query in await _further(shop):
        with catcher.asking(name):
            assert (await shop.ada.get(path, **query)).status == 200, (path, query)
    await _searches(shop, catcher)
    await _inside(shop, found)
    return found


def _client(shop: World, operation: Operation) -> Any:
    return shop.people[PEOPLE[operation.role]]


class Catcher:
    """Writes down what all connections are asked while somebody asks; `found` is what `caught` gives."""

    def __init__(self, found: Caught) -> None:
        self.found = found
        self._name = ""

    async def listen(self, database: Database) -> None:
        connections = [await database.pool.acquire() for _ in range(database.pool.get_max_size())]
        for connection in connections:
            connection.add_query_logger(self._note)
            await database.pool.release(connection)

    def _note(self, query: Any) -> None:
        if self._name and not query.query.startswith(NOT_OURS):
            self.found.setdefault(query.query, (self._name, query.args or ()))

    @contextmanager
    def asking(self, name: str) -> Iterator[None]:
        """What is asked meanwhile, `name` asks."""
        self._name = name
        yield
        self._name = ""


async def _further(shop: World) -> list[tuple[str, str, dict[str, Any]]]:
    """Lists by each of their filters and orders, and their second pages."""
    (customer,) = await shop.rows(
        "select * from customers where account_id = $1 and name is not null limit 1"
    )
    given: dict[str, list[dict[str, Any]]] = {
        "list-tickets": [
            {"customer_id": customer["id"]}, {"external_id": "x"}, {"ticket_ids": "1,2,3"}, {"trashed": "false"},
            {"order_by": "updated_datetime:asc"}, {"order_by": "created_datetime:asc"},
        ],
        "list-customers": [
            {"email": customer["email"]}, {"name": customer["name"]}, {"external_id": customer["external_id"]},
            {"language": "de"}, {"timezone": "Asia/Tokyo"}, {"channel_type": "phone"},
            {"channel_address": customer["email"]}, {"channel_type": "email", "channel_address": customer["email"]},
            {"order_by": "updated_datetime:desc"},
        ],
        "list-messages": [{}],
        "list-events": [
            {"object_type": "Ticket"}, {"object_id": 1}, {"types": "ticket-created"}, {"user_ids": "1"},
            {"object_type": "Ticket", "object_id": 1}, {"types": ["ticket-created", "ticket-closed"], "object_id": 1},
        ],
    }  # fmt: skip
    paths = {name: "/api/" + name.removeprefix("list-") for name in given}
    calls = [(name, paths[name], query) for name, queries in given.items() for query in queries]
    for name, path in paths.items():
        first = await shop.ada.get(path)
        calls.append((name, path, {"cursor": first.json["meta"]["next_cursor"]}))
    return calls


async def _searches(shop: World, catcher: Catcher) -> None:
    kinds = (
        "customer",
        "customer_profile",
        "customer_channel",
        "customer_channel_email",
        "customers_by_phone",
    )
    for kind in kinds:
        for query in ("oliver carter", "er12", ""):
            with catcher.asking("search"):
                answer = await shop.ada.post("/api/search", {"type": kind, "query": query})
                assert answer.status == 201


async def _inside(shop: World, found: Caught) -> None:
    """What the workspace asks besides, and what an answer that was sent does."""
    (message,) = await shop.rows("select id, ticket_id from messages where account_id = $1 limit 1")
    (busy,) = await shop.rows(
        "select assignee_user_id from tickets where account_id = $1 and status = 'open' group by 1"
        " having assignee_user_id is not null order by count(*) desc limit 1"
    )
    agent = Actor("user", busy[0], "agent")
    async with reading(shop.database, shop.account, agent) as work, _noting(work.db, found):
        for view in inbox.VIEWS:
            page = await inbox.page(work, view)
            await inbox.page(work, view, inbox.place(page.next_cursor or "-9"))
        await inbox.counts(work)
        await inbox.others(work, 1, 1)
        await inbox.history(work, message["ticket_id"])
        await messages.sent(work, message["id"])


@asynccontextmanager
async def _noting(connection: Any, found: Caught) -> AsyncIterator[None]:
    def note(query: Any) -> None:
        found.setdefault(query.query, ("inbox", query.args or ()))

    with connection.query_logger(note):
        yield


@pytest.fixture
async def planner(alone: Database) -> AsyncIterator[Any]:
    connection = await pool.connect(alone.url, "plans")
    yield connection
    await connection.close()


async def test_large_tables_are_never_read_through(caught: Caught, planner: Any) -> None:
    """Neither by the plan for these parameters nor by the one for any."""
    assert len(caught) > 200
    read = []
    for text, (name, parameters) in caught.items():
        async with prepared(planner, text, parameters) as call:
            for mode in ("force_custom_plan", "force_generic_plan"):
                await planner.execute("set plan_cache_mode = " + mode)
                tables = {(name, table) for table in _scanned(await _plan(planner, call))}
                read += [(*found, mode, text) for found in tables - ALLOWED]
    assert read == []


async def test_frequent_statements_are_planned_once(caught: Caught, planner: Any) -> None:
    """Not so when PostgreSQL thinks that parameters matter: a limit that is one, for instance."""
    anew = []
    for text, (name, parameters) in caught.items():
        if name not in FREQUENT or "= any($" in text:
            continue
        async with prepared(planner, text, parameters) as call:
            for _ in range(7):
                await _plan(planner, call)
            (row,) = await planner.fetch(
                "select generic_plans from pg_prepared_statements where name = 'asked'"
            )
            anew += [] if row["generic_plans"] else [(name, text)]
    assert anew == []


@asynccontextmanager
async def prepared(planner: Any, text: str, parameters: tuple[Any, ...]) -> AsyncIterator[str]:
    """The statement under a name; the call of it with these parameters."""
    await planner.execute("prepare asked as " + text)
    await planner.execute("set plan_cache_mode = auto")
    yield "execute asked" + ("(" + ", ".join(map(_literal, parameters)) + ")" if parameters else "")
    await planner.execute("deallocate asked")


async def _plan(planner: Any, call: str) -> Any:
    (row,) = await planner.fetch("explain (format json) " + call)
    return json.loads(row[0])[0]["Plan"]


def _scanned(plan: Any) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan" and plan["Relation Name"] in LARGE:
        yield plan["Relation Name"]
    for part in plan.get("Plans", ()):
        yield from _scanned(part)


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return "'\\x" + value.hex() + "'"
    return "'" + _plain(value).replace("'", "''") + "'"


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        items = (
            "null" if item is None else '"' + _plain(item).replace("\\", "\\\\").replace('"', '\\"') + '"'
            for item in value
        )
        return "{" + ",".join(items) + "}"
    return value.isoformat() if isinstance(value, datetime.datetime) else str(value)
