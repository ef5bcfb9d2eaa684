"""The small named world that tests live in: an account of its own for each test, people of every role, their keys.

The account is the wall between tests, as it is between shops: one database and one server serve the whole run.
"""

import asyncio
import base64
import contextvars
import io
import itertools
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
import uvicorn

from polus.api.app import Api
from polus.api.downloads import Downloads
from polus.api.table import OPERATIONS
from polus.base import clock, crypto
from polus.desk import accounts
from polus.store.database import Database
from polus.store.work import Account
from tests import direct, proof

ROLES = {
    "admin": "ada",
    "agent": "leo",
    "basic-agent": "bea",
    "lite-agent": "lia",
    "observer-agent": "oda",
}
_numbers = itertools.count(1)
applications: dict[str, Any] = {}
"""Of this process, by address."""


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Any
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Client:
    """A program calling the API as somebody."""

    http: aiohttp.ClientSession
    url: str
    host: str
    email: str
    key: str
    user_id: int

    @property
    def headers(self) -> dict[str, str]:
        token = base64.b64encode(f"{self.email}:{self.key}".encode()).decode()
        return {"Authorization": "Basic " + token, "Host": self.host}

    async def send(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: Any
    ) -> Answer:
        """`body` is sent as JSON unless it is bytes; `query` values may be lists."""
        pairs = [
            (key, str(item))
            for key, value in query.items()
            for item in (value if isinstance(value, list) else [value])
        ]
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {
            **self.headers,
            **({"Content-Type": "application/json"} if data is not None else {}),
            **(headers or {}),
        }
        async with self.http.request(
            method,
            self.url + path,
            data=None if data is None else io.BytesIO(data),
            params=pairs,
            headers=sent,
            allow_redirects=False,
        ) as response:
            answer = Answer(response.status, response.headers, await response.read())
        proof.check(method, path, answer.status, answer.headers, answer.raw)
        return answer

    async def get(self, path: str, **query: Any) -> Answer:
        return await self.send("GET", path, **query)

    async def post(self, path: str, body: Any = None, **query: Any) -> Answer:
        return await self.send("POST", path, body, **query)

    async def put(self, path: str, body: Any = None, **query: Any) -> Answer:
        return await self.send("PUT", path, body, **query)

    async def delete(self, path: str, body: Any = None, **query: Any) -> Answer:
        return await self.send("DELETE", path, body, **query)

    async def walk(self, path: str, **query: Any) -> list[Any]:
        """All items of a list, page by page."""
        items: list[Any] = []
        cursor = ""
        while True:
            answer = await self.get(path, **query, **({"cursor": cursor} if cursor else {}))
            assert answer.status == 200, answer.raw
            items += answer.json["data"]
            cursor = answer.json["meta"]["next_cursor"]
            if not cursor:
                return items


class Near(Client):
    """The same without sockets and HTTP between it and the application: a third of the time, for what a test only needs
    to be there."""

    async def send(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None, **query: Any
    ) -> Answer:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {**self.headers, **({"Content-Type": "application/json"} if data else {}), **(headers or {})}
        asked = direct.ask(applications[self.url], sent, method, path, urlencode(query, doseq=True), data)
        # As in a server, nothing of who asks goes along, his clock neither.
        told = await asyncio.create_task(asked, context=contextvars.Context())
        answer = Answer(told.status, told.headers, told.body)
        proof.check(method, path, answer.status, answer.headers, answer.raw)
        return answer


@dataclass
class World:
    """One shop. `ada` admin, `leo` lead agent, `bea` basic, `lia` lite, `oda` observer."""

    database: Database
    account: Account
    people: dict[str, Client]

    @property
    def ada(self) -> Client:
        return self.people["ada"]

    @property
    def leo(self) -> Client:
        return self.people["leo"]

    @property
    def bea(self) -> Client:
        return self.people["bea"]

    @property
    def lia(self) -> Client:
        return self.people["lia"]

    @property
    def oda(self) -> Client:
        return self.people["oda"]

    def near(self) -> "World":
        """The same shop, asked without HTTP where its application is in this process."""
        if self.ada.url not in applications:
            return self
        return World(self.database, self.account, {n: Near(**vars(one)) for n, one in self.people.items()})

    async def rows(self, sql: str, *parameters: Any) -> list[Any]:
        """Rows as stored; `$1` is the account."""
        async with self.database.pool.acquire() as db:
            return list(await db.fetch(sql, self.account.id, *parameters))

    async def events(self, *types: str) -> list[tuple[str, str, int, Any]]:
        """(type, object type, object id, data) of this account's events, oldest first."""
        rows = await self.rows(
            "select type, object_type, object_id, data from events where account_id = $1"
            " and (cardinality($2::text[]) = 0 or type = any($2)) order by id",
            list(types),
        )
        return [(r[0], r[1], r[2], None if r[3] is None else json.loads(r[3])) for r in rows]


@asynccontextmanager
async def served(database: Database) -> AsyncIterator[str]:
    """The address of an HTTP server in this process."""
    api, downloads = Api(database, OPERATIONS, rate_limit=0), Downloads(database)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (downloads if scope["path"].startswith("/files/") else api)(scope, receive, send)

    # asyncio switches Nagle's algorithm off only for sockets that say TCP: else each answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="warning", lifespan="off", http="httptools")
    running = uvicorn.Server(config)
    task = asyncio.create_task(running.serve(sockets=[listener]))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    applications[url] = app
    try:
        yield url
    finally:
        del applications[url]
        running.should_exit = True
        await task


# As `users.create` and `credentials.reset_key` make them, in one statement: thousands of tests begin so.
PEOPLE = """
with people as (
  insert into users (account_id, email, name, role, timezone, created_datetime, updated_datetime)
  select $1, p.email, p.name, p.role,
    (select data->>'timezone' from account_settings where account_id = $1 and type = 'business-hours'), $6, $6
  from unnest($2::text[], $3::text[], $4::text[]) with ordinality as p (email, name, role, position) order by position
  returning id, email
), keys as (
  insert into api_keys (account_id, user_id, name, hash, created_datetime)
  select $1, id, '', hash, $6 from people join unnest($2::text[], $5::bytea[]) as k (email, hash) using (email)
), owned as (
  update accounts set owner_id = (select id from people where email = ($2::text[])[1]) where id = $1
)
select id, email from people
"""


async def make(database: Database, http: aiohttp.ClientSession, url: str) -> World:
    """A new shop with one person of each role, of whom no event tells."""
    number = next(_numbers)
    domain = f"shop{number}-{id(database) % 9973}"
    host = f"{domain}.localhost:{url.rsplit(':', 1)[1]}"
    emails = {name: f"{name}@{domain}.example" for name in ROLES.values()}
    keys = {name: crypto.new_api_key() for name in emails}
    titles, hashes = (
        [f"{name.title()} Agent" for name in emails],
        [crypto.digest(key) for key in keys.values()],
    )
    async with database.pool.acquire() as db, db.transaction():
        account = msgspec.structs.replace(await accounts.create(db, domain), base_url="http://" + host)
        rows = await db.fetch(
            PEOPLE, account.id, list(emails.values()), titles, list(ROLES), hashes, clock.now()
        )
    ids = {row["email"]: row["id"] for row in rows}
    people = {name: Client(http, url, host, email, keys[name], ids[email]) for name, email in emails.items()}
    return World(database, account, people)
