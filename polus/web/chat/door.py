"""What a shop's pages ask of a chat: `/chat/widget.js`, and under `/chat/{key}` its looks, lines and stream, as JSON.

Nobody here is logged in. A visitor is who has his token; it is sent in `Authorization`, never in an address.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from polus.base import clock, errors, text
from polus.channels.chat import chats, lines, questions, visitors
from polus.channels.chat.chats import Chat
from polus.channels.chat.lines import Said
from polus.channels.chat.visitors import Visitor
from polus.desk import files
from polus.desk.hosts import Hosts
from polus.store.database import Database
from polus.store.work import Account, Actor, Work, reading, writing
from polus.web import assets
from polus.web.chat.streams import Fetch, Streams

PREFIX = "/chat"
SCRIPT = "chat/widget.js"
MOST_BODY = 64 * 1024
MOST_FILE = 10 * files.MIB
VISITOR = Actor("customer", role="observer-agent")
SCRIPT_SECONDS = 300
STREAM = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
}
METHODS = "GET, POST"
HEADERS = "authorization, content-type"

Body = TypeVar("Body", bound=msgspec.Struct)


class Person(msgspec.Struct):
    """Who the visitor says he is, or a token in which the shop's server says it."""

    name: str = ""
    email: str = ""
    identity: str = ""


class Seen(msgspec.Struct):
    """Up to where he has read."""

    line: int


class Rating(msgspec.Struct):
    """How content he is, from 1 to 5, and what he says of it."""

    score: int
    comment: str = ""


class Asked:
    """One request of a page of a shop."""

    def __init__(self, database: Database, account: Account, request: Request) -> None:
        self.database = database
        self.account = account
        self.request = request

    def reading(self) -> contextlib.AbstractAsyncContextManager[Work]:
        return reading(self.database, self.account, VISITOR)

    def writing(self) -> contextlib.AbstractAsyncContextManager[Work]:
        return writing(self.database, self.account, VISITOR, by_keys=True)

    @property
    def key(self) -> str:
        return str(self.request.path_params["key"])

    @property
    def token(self) -> str:
        scheme, _, token = self.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise errors.Unauthorized
        return token

    @property
    def origin(self) -> str:
        return self.request.headers.get("origin", "").lower()

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client else ""

    async def chat(self, work: Work) -> Chat:
        """The chat, for pages it is meant for; 404, 403."""
        chat = await chats.KIND.find(work, self.key)
        if not chat.serves(self.origin):
            raise errors.Forbidden
        return chat

    async def visitor(self, work: Work, chat: Chat) -> Visitor:
        """Who asks; 401."""
        return await visitors.find(work, chat, self.token)

    async def body(self, kind: type[Body]) -> Body:
        """The body; 413, 400."""
        given = b""
        async for part in self.request.stream():
            given += part
            if len(given) > MOST_BODY:
                raise errors.TooLarge(MOST_BODY)
        try:
            return msgspec.json.decode(given or b"{}", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise errors.one("_schema", "Not a valid body.") from None


Page = Callable[[Asked], Awaitable[Response]]


class Door:
    """The ASGI application behind `/chat`."""

    def __init__(self, database: Database, hosts: Hosts) -> None:
        self._database = database
        self._hosts = hosts
        self.streams = Streams(database)
        self._pages: dict[tuple[str, str], Page] = {
            ("GET", ""): look,
            ("POST", "visitors"): arrive,
            ("GET", "lines"): listed,
            ("POST", "lines"): say,
            ("POST", "person"): person,
            ("POST", "read"): read,
            ("POST", "typing"): typing,
            ("POST", "files"): upload,
            ("POST", "forget"): forget,
            ("POST", "question"): ask,
            ("POST", "answer"): rate,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Refusals are raised before anything was sent; the site makes answers of them."""
        request = Request(scope, receive)
        path = scope["path"].removeprefix(PREFIX).strip("/")
        if path == "widget.js":
            await script(request)(scope, receive, send)
            return
        key, _, name = path.partition("/")
        scope["path_params"] = {"key": key}
        if request.method == "OPTIONS":
            await _open(Response(status_code=204), request)(scope, receive, send)
            return
        account = await self._hosts.account(request.headers.get("host", ""), request.url.scheme)
        asked = Asked(self._database, account, request)
        if (request.method, name) == ("GET", "stream"):
            await self._stream(asked, receive, send)
            return
        answer = await self._answer(asked, name)
        await _open(answer, request)(scope, receive, send)

    async def _answer(self, asked: Asked, name: str) -> Response:
        page = self._pages.get((asked.request.method, name))
        try:
            if page is None or "\0" in asked.key:
                raise errors.NotFound
            return await page(asked)
        except errors.Refusal as refusal:
            told = {"error": {"msg": refusal.msg, "data": refusal.data}}
            return _json(told, refusal.status)

    async def _stream(self, asked: Asked, receive: Receive, send: Send) -> None:
        try:
            visitor_id = await _admitted(asked)
            last = _number(asked.request.query_params.get("after", "0"))
        except errors.Refusal as refusal:
            answer = _json({"error": {"msg": refusal.msg, "data": refusal.data}}, refusal.status)
            await _open(answer, asked.request)(asked.request.scope, receive, send)
            return
        headers = _open(Response(headers=STREAM), asked.request).raw_headers
        kept = [(name, value) for name, value in headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": 200, "headers": kept})
        place = (asked.account.id, visitor_id)
        await self.streams.run(place, last, self._fetch(asked.account), receive, send)

    def _fetch(self, account: Account) -> Fetch:
        database = self._database

        async def fetch(visitor_id: int, line: int) -> list[dict[str, Any]]:
            async with reading(database, account, VISITOR) as work:
                return await lines.after(work, visitor_id, line)

        return fetch

    def close(self) -> None:
        """End the streams."""
        self.streams.close()


async def _admitted(asked: Asked) -> int:
    """The visitor who may listen, and that he is here; 401, 403, 404."""
    async with asked.writing() as work:
        visitor = await asked.visitor(work, await asked.chat(work))
        await visitors.seen(work, visitor)
        return visitor.id


async def look(asked: Asked) -> Response:
    """How the chat looks, and whether somebody is there."""
    async with asked.reading() as work:
        return _json(chats.shown(await asked.chat(work), clock.now()))


async def arrive(asked: Asked) -> Response:
    """A new visitor; 201 with his token."""
    given = await asked.body(Person)
    async with asked.writing() as work:
        chat = await asked.chat(work)
        token, visitor = await visitors.add(work, chat, asked.address)
        visitor = await _named(work, chat, visitor, given)
    return _json({"token": token, "visitor": visitor.shown()}, 201)


async def person(asked: Asked) -> Response:
    """Who the visitor is."""
    given = await asked.body(Person)
    async with asked.writing() as work:
        chat = await asked.chat(work)
        visitor = await visitors.lock(work, chat, asked.token)
        return _json({"visitor": (await _named(work, chat, visitor, given)).shown()})


async def _named(work: Work, chat: Chat, visitor: Visitor, given: Person) -> Visitor:
    if given.identity:
        claims = chats.vouched(work.database, work.account.id, chat, given.identity)
        return await visitors.name(work, visitor, claims, vouched=True)
    return await visitors.name(work, visitor, msgspec.structs.asdict(given), vouched=False)


async def listed(asked: Asked) -> Response:
    """The newest lines, or with `after` those that follow."""
    after = asked.request.query_params.get("after")
    async with asked.reading() as work:
        chat = await asked.chat(work)
        visitor = await asked.visitor(work, chat)
        if after is None:
            found = await lines.latest(work, visitor.id)
        else:
            found = await lines.after(work, visitor.id, _number(after))
        asked_now = await questions.pending(work, visitor)
    told = {"lines": found, "read": visitor.read_line, "visitor": visitor.shown(), "question": asked_now}
    return _json(told)


async def say(asked: Asked) -> Response:
    """The visitor's words; 201 with the line."""
    said = await asked.body(Said)
    async with asked.writing() as work:
        chat = await asked.chat(work)
        visitor = await visitors.lock(work, chat, asked.token)
        return _json(await lines.say(work, chat, visitor, said), 201)


async def read(asked: Asked) -> Response:
    """He has seen the lines up to one."""
    seen = await asked.body(Seen)
    async with asked.writing() as work:
        chat = await asked.chat(work)
        visitor = await visitors.lock(work, chat, asked.token)
        await lines.read(work, visitor, min(max(seen.line, 0), 2**62))
    return Response(status_code=204)


async def typing(asked: Asked) -> Response:
    """He is writing: whoever has the ticket open is told, nothing is stored."""
    async with asked.writing() as work:
        chat = await asked.chat(work)
        await lines.visitor_types(work, await asked.visitor(work, chat))
    return Response(status_code=204)


async def forget(asked: Asked) -> Response:
    """He logged out of the shop: his token is void, and his open pages hear nothing more."""
    async with asked.writing() as work:
        chat = await asked.chat(work)
        await visitors.leave(work, await visitors.lock(work, chat, asked.token))
    return Response(status_code=204)


async def ask(asked: Asked) -> Response:
    """The question after a closed ticket, when there is one; whoever asks shows it."""
    async with asked.writing() as work:
        chat = await asked.chat(work)
        visitor = await visitors.lock(work, chat, asked.token)
        return _json({"question": await questions.ask(work, visitor)})


async def rate(asked: Asked) -> Response:
    """His answer to it; 404 when nothing was asked."""
    given = await asked.body(Rating)
    async with asked.writing() as work:
        chat = await asked.chat(work)
        visitor = await visitors.lock(work, chat, asked.token)
        await questions.answer(work, visitor, given.score, text.clean(given.comment).strip())
    return Response(status_code=204)


async def upload(asked: Asked) -> Response:
    """A file, as the body; its name in `?name=`. 201 with what a line then names. 413 over 10 MiB."""
    async with asked.writing() as work:
        chat = await asked.chat(work)
        visitor = await asked.visitor(work, chat)
        await visitors.count_line(work, visitor)
        await visitors.count_file(work, asked.address, _claimed(asked.request))
    request = asked.request
    name, claimed = request.query_params.get("name", "file"), request.headers.get("content-type")
    kept = await files.keep(
        asked.database.files, asked.account, name, claimed, _nonempty(request), limit=MOST_FILE
    )
    async with asked.writing() as work:
        [stored] = await files.add(work, "attachment", [kept])
        made = msgspec.json.decode(stored)
        return _json(made | {"url": lines.lent(work, visitor, made["url"])}, 201)


def _claimed(request: Request) -> int:
    """How large the body will be, by its header; without one as large as it may."""
    told = request.headers.get("content-length", "")
    return min(int(told), MOST_FILE) if told.isascii() and told.isdigit() and len(told) < 19 else MOST_FILE


async def _nonempty(request: Request) -> AsyncIterator[bytes]:
    async for part in request.stream():
        if part:
            yield part


def script(request: Request) -> Response:
    """The widget. Its address has no digest, so pages of shops need never change."""
    asset = assets.files()[SCRIPT]
    headers = {
        "cache-control": f"public, max-age={SCRIPT_SECONDS}",
        "vary": "accept-encoding",
        "cross-origin-resource-policy": "cross-origin",
        "access-control-allow-origin": "*",
    }
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["content-encoding"] = "gzip"
    return Response(asset.packed if packed else asset.plain, headers=headers, media_type=asset.kind)


def _json(said: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(said), status, media_type="application/json")


def _open(answer: Response, request: Request) -> Response:
    """Let pages of other origins read the answer: who may ask was decided before, and no cookie plays a part."""
    headers = MutableHeaders(raw=answer.raw_headers)
    headers["cross-origin-resource-policy"] = "cross-origin"
    if "origin" in request.headers:
        headers["access-control-allow-origin"] = request.headers["origin"]
        headers["vary"] = "origin"
    if request.method == "OPTIONS":
        headers["access-control-allow-methods"] = METHODS
        headers["access-control-allow-headers"] = HEADERS
        headers["access-control-max-age"] = "7200"
    return answer


def _number(given: str) -> int:
    """A line's number; 400."""
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise errors.one("after", "Must be a number.")
    return int(given)
