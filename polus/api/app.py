"""The REST API as one plain ASGI application: account, credentials, limit, route, rights, body, verb, answer.

The order of checks is the reference's. No framework stands between the socket and the operation, because two layers
of middleware cost more than the whole answer.
"""

import gzip
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import quote

import msgspec
import structlog

from polus import __version__
from polus.api import incoming, limits
from polus.api.authentication import Authentication, Principal
from polus.api.operation import Arrival, Call, Intake, Operation, Reply
from polus.api.routes import Routes
from polus.api.tallies import Tallies
from polus.base import errors
from polus.base.log import access
from polus.desk.hosts import Hosts, UnknownAccount
from polus.store import deadlocks
from polus.store.database import Database
from polus.store.pool import AWAY
from polus.store.work import Account, Actor, Work, reading, writing

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

GZIP_FROM = 1024
NOTHING = re.compile(rb"q\s*=\s*0(?:\.0{0,3})?")
RELEASE = ("polus-" + __version__).encode()
# Opened in a browser, an answer is never more than its text.
NO_PAGE = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
# Who calls without credentials: may reach public files only.
ANYBODY = Actor("anybody", role="observer-agent")
NOT_HERE = b"<!doctype html><title>Not found</title><h1>There is no such helpdesk here.</h1>"

log = structlog.get_logger(__name__)


class MethodNotAllowed(errors.Refusal):
    """405; `allowed` are the methods of the path."""

    status = 405

    def __init__(self, allowed: list[str]) -> None:
        super().__init__("The specified HTTP method is not allowed.")
        self.allowed = allowed


class Exchange:
    """One request on its way: what is known of it so far, for the answer and the log."""

    __slots__ = ("account", "id", "operation", "principal", "receive", "scope", "started", "usage")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.started = time.perf_counter()
        self.id = str(uuid.uuid4())
        self.account: Account | None = None
        self.principal: Principal | None = None
        self.operation: Operation | None = None
        self.usage = limits.Usage(0, limits.KEY_LIMIT)


class Api:
    """`/api/*`. `rate_limit` requests fit into the bucket of each credential and run out of it in `window` seconds;
    `seen(operation id, status, seconds)` is told of every answer.
    """

    def __init__(
        self,
        database: Database,
        operations: list[Operation],
        *,
        rate_limit: int | None = None,
        window: float = limits.WINDOW,
        base_url: str = "",
        seen: Callable[[str, int, float], None] | None = None,
    ) -> None:
        self.database = database
        self.routes = Routes(operations)
        self.hosts = Hosts(database, base_url)
        self.authentication = Authentication(database, rate_limit=rate_limit)
        self.limits = limits.Limits(database, window)
        self.tallies = Tallies(database)
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; never raises for anything a request can hold."""
        exchange = Exchange(scope, receive)
        try:
            reply = await self._answer(exchange)
        except UnknownAccount:
            reply = Reply(NOT_HERE, 404, "text/html; charset=utf-8")
        except errors.Refusal as refusal:
            reply = self._refuse(exchange, refusal)
        except errors.Merged as merged:
            reply = Reply(b"", 301, headers=((b"location", _survivor(exchange, merged.survivor_id)),))
        except AWAY as error:
            log.warning("something outside is away", request_id=exchange.id, error=repr(error))
            reply = Reply(msgspec.json.encode({"error": {"msg": "An external service had an issue."}}), 503)
        except Exception:
            log.exception("request failed", request_id=exchange.id, path=scope["path"])
            data = {"error": {"msg": "Internal server error.", "data": {"request_id": exchange.id}}}
            reply = Reply(msgspec.json.encode(data), 500)
        await self._send(exchange, reply, send)

    async def _answer(self, exchange: Exchange) -> Reply:
        scope, auth = exchange.scope, self.authentication
        host = incoming.header(scope, b"host").decode("latin-1")
        exchange.account = account = await self.hosts.account(host, scope["scheme"])
        method: str = "GET" if scope["method"] == "HEAD" else scope["method"]
        path: str = scope["path"]
        if method == "OPTIONS":
            methods, _ = self.routes.find(path)
            return Reply(b"", 204, headers=((b"allow", _allow(list(methods))),))
        header = incoming.header(scope, b"authorization")
        if header or not self._public(path, method):
            exchange.principal = principal = await auth.principal(account, header)
            exchange.usage = limits.Usage(0, principal.limit)
            with self.tallies.counted(account.id, principal.credential):
                exchange.usage = await self.limits.take(principal.bucket, principal.limit, principal.window)
        methods, found = self.routes.find(path)
        if method not in methods:
            raise MethodNotAllowed(list(methods))
        operation, names = methods[method]
        exchange.operation = operation
        actor = exchange.principal.actor if exchange.principal else ANYBODY
        _permit(operation, actor, found)
        ids = self.routes.read(names, found, path)
        return await self._run(exchange, operation, ids, account, actor)

    def _public(self, path: str, method: str) -> bool:
        """Whether the operation asks for no credentials (public files)."""
        try:
            methods, found = self.routes.find(path)
        except errors.NotFound:
            return False
        if method not in methods:
            return False
        public = methods[method][0].public
        return public is not None and public(found)

    async def _run(
        self, exchange: Exchange, operation: Operation, ids: tuple[Any, ...], account: Account, actor: Actor
    ) -> Reply:
        """The operation in its transaction. A body that is wrong is told only once the path's thing is known to be."""
        if operation.intake is not None:
            return await self._take_in(exchange, operation, operation.intake, account, actor)
        query: Any = None
        body: Any = None
        refusal: errors.Refusal | None = None
        try:
            query = _query(exchange, operation)
            if operation.body is not None:
                raw = await incoming.json(exchange.scope, exchange.receive)
                # No body at all is told as the fields it lacks.
                body = operation.body.body(raw or b"{}") if raw or operation.body_required else None
        except errors.Refusal as error:
            if operation.subject is None:
                raise
            refusal = error

        def transaction() -> AbstractAsyncContextManager[Work]:
            if operation.writes:
                return writing(self.database, account, actor, by_keys=operation.by_keys)
            return reading(self.database, account, actor)

        async def perform() -> Reply:
            async with transaction() as work:
                if refusal is not None and operation.subject is not None:
                    await operation.subject(work, ids[0])
                    raise refusal
                call = Call(ids, query, body, exchange.scope, exchange.receive)
                answer = await operation.perform(work, call)
            return answer if isinstance(answer, Reply) else Reply(answer or b"")

        return await deadlocks.outlived(perform)

    async def _take_in(
        self, exchange: Exchange, operation: Operation, intake: Intake, account: Account, actor: Actor
    ) -> Reply:
        scope, receive = exchange.scope, exchange.receive
        arrival = Arrival(_query(exchange, operation), scope, receive, account, actor, self.database.files)
        async with intake(arrival) as body, writing(self.database, account, actor) as work:
            answer = await operation.perform(work, Call((), arrival.query, body, scope, receive))
        return answer if isinstance(answer, Reply) else Reply(answer or b"")

    def _refuse(self, exchange: Exchange, refusal: errors.Refusal) -> Reply:
        msg = refusal.msg
        if not msg and exchange.operation is not None:
            msg = exchange.operation.failure
        error: dict[str, Any] = {"msg": msg}
        if refusal.data:
            error["data"] = refusal.data
        headers: tuple[tuple[bytes, bytes], ...] = ()
        if isinstance(refusal, errors.Unauthorized):
            headers = ((b"www-authenticate", b'Basic realm="Polus API"'),)
        elif isinstance(refusal, limits.TooMany):
            exchange.usage = refusal.usage
            headers = ((b"retry-after", b"%d" % refusal.retry_after),)
        elif isinstance(refusal, MethodNotAllowed):
            headers = ((b"allow", _allow(refusal.allowed)),)
        return Reply(msgspec.json.encode({"error": error}), refusal.status, headers=headers)

    async def _send(self, exchange: Exchange, reply: Reply, send: Send) -> None:
        operation, scope = exchange.operation, exchange.scope
        status = reply.status or (operation.status if operation else 200)
        body = reply.body
        headers = [
            (b"cache-control", b"no-store"),
            *NO_PAGE,
            (b"x-request-id", exchange.id.encode()),
            (b"x-gorgias-release", RELEASE),
            (b"x-gorgias-account-api-call-limit", exchange.usage.header()),
            *reply.headers,
        ]
        if body:
            headers.append((b"content-type", reply.content_type.encode()))
            if len(body) > GZIP_FROM and _takes_gzip(incoming.header(scope, b"accept-encoding")):
                body = gzip.compress(body, 4, mtime=0)
                headers += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
        # wire: an empty answer, a 204 too, says so: Content-Length: 0 and no content type
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
        seconds = time.perf_counter() - exchange.started
        if self._seen is not None:
            self._seen(operation.id if operation else "", status, seconds)
        access(scope["method"], scope["path"], status, seconds, exchange.id)


def _permit(operation: Operation, actor: Actor, found: list[str]) -> None:
    if operation.scope is not None and not (operation.whoami and found == ["0"]):
        actor.require_scope(operation.scope)
    actor.require(operation.role)


def _query(exchange: Exchange, operation: Operation) -> Any:
    return operation.query.query(exchange.scope["query_string"].decode("latin-1"), operation.tolerated)


def _takes_gzip(accepted: bytes) -> bool:
    for item in accepted.lower().split(b","):
        name, _, quality = item.partition(b";")
        if name.strip() == b"gzip":
            return not NOTHING.fullmatch(quality.strip())
    return False


def _allow(methods: list[str]) -> bytes:
    extra = ["HEAD", "OPTIONS"] if "GET" in methods else ["OPTIONS"]
    return ", ".join(sorted(methods) + extra).encode()


def _survivor(exchange: Exchange, survivor_id: int) -> bytes:
    """The path as called with the survivor's id, trailing slash and query kept."""
    path: str = exchange.scope["path"]
    segments = path.split("/")
    place = next(index for index, segment in enumerate(segments) if segment.isdigit())
    segments[place] = str(survivor_id)
    query: bytes = exchange.scope["query_string"]
    return quote("/".join(segments)).encode() + (b"?" + query if query else b"")
