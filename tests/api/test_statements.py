"""Each operation runs a fixed number of statements, on one connection, whatever there is in the account."""

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest

from polus.api.app import Api
from polus.api.operation import Operation
from polus.api.table import OPERATIONS
from polus.store import database as databases
from polus.store.database import Database
from tests import direct, samples
from tests import world as worlds
from tests.world import World

pytestmark = pytest.mark.thorough

PEOPLE = {"observer-agent": "oda", "lite-agent": "lia", "basic-agent": "bea", "agent": "leo", "admin": "ada"}
READING = [operation for operation in samples.OPERATIONS if operation.method == "GET"]
WRITING = [operation for operation in samples.OPERATIONS if operation.method != "GET"]


class Counted:
    """The API on one connection that writes down what it is asked."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.api = Api(database, OPERATIONS, rate_limit=0)
        self.statements: list[str] = []

    def note(self, query: Any) -> None:
        text = query.query
        # A new connection asks once what arrays are made of; who called how often is written down now and then.
        theirs = ("typeinfo_tree", "current_setting('jit')", "into api_usage")
        ours = not any(words in text for words in theirs)
        if ours and text.rstrip(";") not in ("BEGIN", "COMMIT", "ROLLBACK"):
            self.statements.append(text)


@pytest.fixture(scope="module")
async def counted(database: Database) -> AsyncIterator[Counted]:
    async with databases.opened(database.url, most=1, files=database.files, secret_key="k" * 32) as one:
        made = Counted(one)
        async with one.pool.acquire() as connection:
            connection.add_query_logger(made.note)
        yield made


@pytest.fixture(scope="module")
async def read(database: Database, http: Any, url: str, counted: Counted) -> dict[str, list[list[str]]]:
    """What each operation that only reads asks of one shop, and again when that has four times as much."""
    world = await worlds.make(database, http, url)
    things = await samples.fill(world)
    found: dict[str, list[list[str]]] = {operation.id: [] for operation in READING}
    for times in (3, 0):
        for operation in READING:
            found[operation.id].append(await _measure(world, counted, operation, things))
        for _ in range(times):
            await samples.fill(world)
    return found


@pytest.mark.parametrize("operation", READING, ids=lambda operation: operation.id)
def test_reading_takes_a_fixed_number_of_statements(read: Any, operation: Operation) -> None:
    few, many = read[operation.id]
    assert len(few) == samples.SAMPLES[operation.id].statements, _briefly(few)
    assert many == few


@pytest.mark.parametrize("operation", WRITING, ids=lambda operation: operation.id)
async def test_writing_takes_a_fixed_number_of_statements(
    world: World, counted: Counted, operation: Operation
) -> None:
    found = await _measure(world, counted, operation, await samples.fill(world))
    assert len(found) == samples.SAMPLES[operation.id].statements, _briefly(found)


def _briefly(statements: list[str]) -> list[str]:
    return [statement.split(" from ")[0][:80] for statement in statements]


async def _measure(world: World, counted: Counted, operation: Operation, things: Any) -> list[str]:
    client = world.people[PEOPLE[operation.role]]
    body, more, query = samples.parts(operation, things)
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    # Host name and key are looked up once and then remembered.
    assert (await direct.ask(counted.api, client.headers, "GET", "/api/tags")).status == 200
    counted.statements.clear()
    at, text = samples.path(operation, things), urlencode(query, doseq=True)
    answer = await direct.ask(counted.api, {**client.headers, **more}, operation.method, at, text, raw)
    assert answer.status == operation.status
    return list(counted.statements)
