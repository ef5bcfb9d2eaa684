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
from tests.world import World

PEOPLE = {"observer-agent": "oda", "lite-agent": "lia", "basic-agent": "bea", "agent": "leo", "admin": "ada"}


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


@pytest.mark.parametrize("operation", samples.OPERATIONS, ids=lambda operation: operation.id)
async def test_the_number_of_statements_is_fixed(
    world: World, counted: Counted, operation: Operation
) -> None:
    things = await samples.fill(world)
    found = await _measure(world, counted, operation, things)
    assert len(found) == samples.SAMPLES[operation.id].statements, [
        statement.split(" from ")[0][:80] for statement in found
    ]
    if operation.method == "GET":
        for _ in range(3):
            await samples.fill(world)
        assert await _measure(world, counted, operation, things) == found


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
