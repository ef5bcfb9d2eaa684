"""What an operation asks the database: caught from real calls of the API, written down as scripts for pgbench.

The texts are the very same; `$1` becomes a variable of pgbench, or what stands in its place: null, or the address of a
random customer. Ids that a statement answers are handed on to the next ones.
"""

import datetime
import io
import logging
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.program import Program
from bench.requests import CUSTOMERS, Request, address
from polus.api.app import Api
from polus.api.table import OPERATIONS
from polus.base import log
from polus.desk.customers import references
from polus.desk.tickets import rows
from polus.reactions import table as reactions
from polus.store import database as databases
from polus.store.work import SYSTEM, Account, writing

PLACE = re.compile(r"\$(\d+)")


@dataclass
class Caught:
    """The statements of one call with their parameters, `begin` and `commit` among them; and what was answered."""

    statements: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    status: int = 0
    body: bytes = b""


@asynccontextmanager
async def catching(program: Program) -> AsyncIterator["Catcher"]:
    """The API in this process, on the program's database."""
    log.configure(level=logging.ERROR, stream=io.StringIO())
    reactions.subscribe()
    async with databases.opened(program.url, name="bench", most=1) as database:
        yield Catcher(Api(database, OPERATIONS, rate_limit=1_000_000_000), database)


class Catcher:
    """Calls the API without a socket and writes down what it asks the database."""

    def __init__(self, api: Api, database: databases.Database) -> None:
        self._api = api
        self._database = database

    async def invite(self) -> None:
        """Make the customers whose tickets are created, where they are not there yet."""
        row = (await self._database.pool.fetch("select id, domain, hash from accounts order by id limit 1"))[
            0
        ]
        async with writing(self._database, Account(row[0], row[1], row[2], ""), SYSTEM) as work:
            for number in range(CUSTOMERS):
                await references.find_or_create(work, {"email": address(number), "name": "Bea Bench"})

    async def call(self, request: Request) -> Caught:
        """One call; the first of a process also looks up who calls, so make two."""
        caught = Caught()

        def note(query: Any) -> None:
            caught.statements.append((query.query, query.args or ()))

        async with self._database.pool.acquire() as connection:
            connection.add_query_logger(note)
        await self._api(_scope(request), _receiver(request), _sender(caught))
        async with self._database.pool.acquire() as connection:
            connection.remove_query_logger(note)
        if caught.status not in (200, 201):
            raise SystemExit(f"{request.path}: {caught.status} {caught.body[:300]!r}")
        return caught


def _scope(request: Request) -> dict[str, Any]:
    parts = urlsplit(request.path)
    headers = [(name.lower().encode(), value.encode()) for name, value in request.headers]
    headers += [(b"host", b"localhost"), (b"content-type", b"application/json")]
    return {
        "type": "http",
        "method": request.method,
        "path": parts.path,
        "query_string": parts.query.encode(),
        "headers": headers,
        "scheme": "http",
        "client": ("127.0.0.1", 1),
    }


def _receiver(request: Request) -> Any:
    encoded = request.encoded()
    body = encoded.partition(b"\r\n\r\n")[2]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _sender(caught: Caught) -> Any:
    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            caught.status = message["status"]
        caught.body += message.get("body", b"")

    return send


@dataclass
class Script:
    """One script of pgbench, and the variables that it needs."""

    text: str
    variables: dict[str, str]


# Statements whose answers later ones need: under which name, and which column of it.
ANSWERS = {references.ENSURE: "customer", rows.OPEN: "ticket"}


def script(caught: Caught, head: str, places: dict[Any, str]) -> Script:
    """The call as a script. Parameters equal to a key of `places` become what stands there.

    Numbers inside of lists and JSON stay those of the call that was caught: they are written, not looked up.
    """
    lines, variables, places = [head], dict[str, str](), dict(places)
    answered = msgspec.json.decode(caught.body) if caught.status == 201 else {}
    for place, (text, parameters) in enumerate(caught.statements):
        names: list[str] = []
        for number, value in enumerate(parameters):
            if value is None:
                names.append("null")
            elif not isinstance(value, (list, bool)) and value in places:
                names.append(places[value])
            else:
                names.append(f":s{place}_{number}")
                variables[f"s{place}_{number}"] = _text(value)
        body = PLACE.sub(lambda match, names=names: names[int(match[1]) - 1], text).strip().rstrip(";")
        name = ANSWERS.get(text)
        lines.append(body + (f" \\gset {name}_" if name else ";"))
        if name == "customer":
            places[answered["customer"]["id"]] = ":customer_id"
        elif name == "ticket":
            places[answered["id"]] = ":ticket_id"
    return Script("\n".join(lines) + "\n", variables)


def _text(value: Any) -> str:
    """A parameter as PostgreSQL reads it."""
    if isinstance(value, (list, tuple)):
        return "{" + ",".join("NULL" if item is None else _quoted(_text(item)) for item in value) + "}"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, (str, int, float, uuid.UUID)):
        return str(value)
    raise TypeError(type(value).__name__)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
