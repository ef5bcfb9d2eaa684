"""Calls each operation once in a shop of its own and writes down what was sent and answered: `make docs`.

`polus/api/examples.json` is shown by the OpenAPI document and at `/docs`; a test holds it against the schemas. Every call
finds the same shop at the same moment, so that a new operation changes nobody else's example.
"""

import asyncio
import datetime
import itertools
import json
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
from multidict import CIMultiDict

from polus.api.app import Api
from polus.api.operation import Operation
from polus.api.table import OPERATIONS
from polus.base import clock, log
from polus.store import cluster as clusters
from polus.store import database as databases
from polus.store import files, migrate
from polus.store import server as servers
from polus.store.database import Database
from tests import direct, samples
from tests import world as worlds
from tests.world import Answer, Client, World

TARGET = Path(__file__).parents[1] / "polus" / "api" / "examples.json"
MOMENT = datetime.datetime(2026, 11, 26, 9, 0, 0, 250_000, datetime.UTC)
SHOWN = 2  # items of long lists
PEOPLE = {"observer-agent": "oda", "lite-agent": "lia", "basic-agent": "bea", "agent": "leo", "admin": "ada"}

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WHEN = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
COLOR = re.compile(r"#[0-9a-f]{6}\b")


class Direct(Client):
    """A client that calls the application itself."""

    api: Api

    async def send(
        self, method: str, path: str, body: Any = None, *, headers: Any = None, **query: Any
    ) -> Answer:
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        text = urlencode(query, doseq=True)
        reply = await direct.ask(self.api, {**self.headers, **(headers or {})}, method, path, text, raw)
        return Answer(reply.status, CIMultiDict(reply.headers), reply.body)


@asynccontextmanager
async def opened(url: str, folder: Path) -> AsyncIterator[Database]:
    place = files.opened((folder / "files").as_uri())
    async with databases.opened(url, most=4, files=place, secret_key="k" * 32) as database:
        yield database


def reached(world: World, database: Database) -> World:
    """The shop as seen through another opening of its database."""
    api = Api(database, OPERATIONS, rate_limit=0)
    people: dict[str, Client] = {}
    for name, given in world.people.items():
        people[name] = made = Direct(given.http, given.url, given.host, given.email, given.key, given.user_id)
        made.api = api
    return World(database, world.account, people)


async def record(url: str, host: str, folder: Path) -> dict[str, Any]:
    """The examples of all operations, by their ids."""
    async with opened(url, folder) as database:
        worlds._numbers = itertools.count(1)
        shop = await worlds.make(database, None, "http://127.0.0.1:80")  # type: ignore[arg-type]
        things = await samples.fill(reached(shop, database))
    control = await asyncpg.connect(clusters.url(host, "postgres"))
    made = {}
    for operation in samples.OPERATIONS:
        await control.execute("create database example template filled")
        async with opened(clusters.url(host, "example"), folder) as database:
            made[operation.id] = await _example(operation, reached(shop, database), things)
        await control.execute("drop database example with (force)")
    await control.close()
    return {name: _plain(example, shop) for name, example in sorted(made.items()) if example}


async def _example(operation: Operation, world: World, things: Any) -> dict[str, Any]:
    answer = await samples.call(
        world.people[PEOPLE[operation.role]], operation, samples.path(operation, things), things
    )
    assert answer.status == operation.status, (operation.id, answer.raw)
    body, _, _ = samples.parts(operation, things)
    example = {} if body is None or isinstance(body, bytes) else {"body": body}
    if answer.raw and answer.headers.get("Content-Type") == "application/json":
        example["answer"] = _short(answer.json)
    return example


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in (value[:SHOWN] if value and isinstance(value[0], dict) else value)]
    return value


def _plain(example: Any, world: World) -> Any:
    """Without what is different each time, and with the names of a shop that could be."""
    text = json.dumps(example)
    for found, instead in (
        (f"http://{world.ada.host}", "https://helpdesk.example"),
        (world.ada.host, "helpdesk.example"),
        (world.account.domain, "sweets"),
        (world.account.hash, "pQ3xK7mVt2Zc"),
    ):
        text = text.replace(found, instead)
    text = UUID.sub("5b0fd1c4-6a3e-4f6e-9d0b-3f7c2b1a9e58", text)
    text = WHEN.sub("2026-11-26T09:00:00.250000+00:00", text)
    return json.loads(COLOR.sub("#b3261e", text))


async def main() -> None:
    """Write the file anew."""
    log.configure(level=logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="polus-examples-"))
    server = await servers.start(folder, overrides={"fsync": "off"})
    try:
        control = await asyncpg.connect(server.url)
        await control.execute("create database filled")
        await control.close()
        url = clusters.url(server.host, "filled")
        await migrate.forward(url)
        with clock.turned(to=MOMENT):
            made = await record(url, server.host, folder)
    finally:
        await server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    TARGET.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    sys.stdout.write(f"{TARGET}: {len(made)}\n")


if __name__ == "__main__":
    asyncio.run(main())
