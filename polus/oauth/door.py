"""The door of OAuth2 and OpenID Connect for programs: tokens, revocation, userinfo, keys, discovery.

The page on which people consent is `web.pages.consent`; what is decided, `desk.apps`.
"""

import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from polus.base import clock
from polus.base.log import access
from polus.desk.apps import facts, keys, protocol, tokens
from polus.desk.apps.facts import Answer
from polus.desk.hosts import Hosts, UnknownAccount
from polus.desk.scopes import SCOPES
from polus.store.database import Database
from polus.store.pool import AWAY
from polus.store.work import Account, Actor, writing

BODY_LIMIT = 64 * 1024
MOST_FIELDS = 100
ANYBODY = Actor("anybody", role="observer-agent")
HEADERS = {
    "cache-control": "no-store",
    "pragma": "no-cache",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
NOT_HERE = b"<!doctype html><title>Not found</title><h1>There is no such helpdesk here.</h1>"
TOO_LARGE = Answer(413, {"error": "invalid_request", "error_description": "The request is too large."})
NOT_READABLE = Answer(
    400,
    {
        "error": "invalid_request",
        "error_description": "Parameters come as a form, as a JSON object of texts, or in the query.",
    },
)

log = structlog.get_logger(__name__)
Pairs = list[tuple[str, str]]
Endpoint = Callable[[Request, Account], Awaitable[Response]]


class Unreadable(ValueError):
    """Not parameters in any of the forms; `answer` says so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("unreadable")
        self.answer = answer


class Door:
    """The ASGI application behind `PATHS`."""

    def __init__(self, database: Database, base_url: str = "") -> None:
        self._database = database
        self._hosts = Hosts(database, base_url)
        self._endpoints: dict[str, tuple[tuple[str, ...], Endpoint]] = {
            "/oauth/token": (("POST",), self._token),
            "/oauth/revoke": (("POST",), self._revoke),
            "/oauth/userinfo": (("GET", "POST"), self._userinfo),
            "/oauth/jwks": (("GET",), self._jwks),
            "/.well-known/openid-configuration": (("GET",), self._discovery),
            "/.well-known/oauth-authorization-server": (("GET",), self._discovery),
        }

    def owns(self, path: str) -> bool:
        """Whether a path is one of its own."""
        return path.rstrip("/") in self._endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; never raises for anything a request can hold."""
        started, request_id = time.perf_counter(), str(uuid.uuid4())
        try:
            response = await self._answer(Request(scope, receive))
        except UnknownAccount:
            response = Response(NOT_HERE, 404, media_type="text/html")
        except AWAY as error:
            log.warning("something outside is away", request_id=request_id, error=repr(error))
            response = _said(Answer(503, {"error": "temporarily_unavailable"}))
        except Exception:
            log.exception("request failed", request_id=request_id, path=scope["path"])
            response = _said(Answer(500, {"error": "server_error"}))
        response.headers.update(HEADERS | {"x-request-id": request_id})
        await response(scope, receive, send)
        access(
            scope["method"], scope["path"], response.status_code, time.perf_counter() - started, request_id
        )

    async def _answer(self, request: Request) -> Response:
        methods, endpoint = self._endpoints[request.url.path.rstrip("/")]
        account = await self._hosts.account(request.headers.get("host", ""), request.url.scheme)
        method = "GET" if request.method == "HEAD" else request.method
        if method not in methods:
            return Response(status_code=405, headers={"allow": ", ".join(methods)})
        return await endpoint(request, account)

    async def _token(self, request: Request, account: Account) -> Response:
        return await self._decided(request, account, tokens.exchange)

    async def _revoke(self, request: Request, account: Account) -> Response:
        return await self._decided(request, account, tokens.revoke)

    async def _decided(self, request: Request, account: Account, verb: Callable[..., Any]) -> Response:
        try:
            pairs = await parameters(request)
        except Unreadable as unreadable:
            return _said(unreadable.answer)
        async with writing(self._database, account, ANYBODY) as work:
            answer = await verb(work, pairs, request.headers.get("authorization", ""))
        return _said(answer)

    async def _userinfo(self, request: Request, account: Account) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        found = None
        if scheme.lower() == "bearer" and token:
            found = await tokens.find(self._database, account.id, token.strip(), clock.now())
        if found is None:
            return _challenge(401, "invalid_token")
        if "openid" not in found.scopes:
            return _challenge(403, "insufficient_scope", 'scope="openid"')
        user = facts.User(found.user_id, found.name, found.email, found.email_proven)
        return _said(Answer(200, protocol.claims(user, account.id, tuple(found.scopes))))

    async def _jwks(self, _request: Request, account: Account) -> Response:
        async with writing(self._database, account, ANYBODY) as work:
            found = await keys.current(work.db, self._database.vault, work.now)
        return _said(Answer(200, found.published))

    async def _discovery(self, _request: Request, account: Account) -> Response:
        return _said(Answer(200, discovery(account.base_url)))


async def parameters(request: Request) -> Pairs:
    """The parameters of a request, wherever it put them; those of the body count more. Unreadable."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise Unreadable(TOO_LARGE)
    try:
        pairs = parse_qsl(request.url.query, True, max_num_fields=MOST_FIELDS)
        pairs += _body(bytes(body), request.headers.get("content-type", ""))
    except (ValueError, msgspec.DecodeError):
        raise Unreadable(NOT_READABLE) from None
    return [(name, value) for name, value in pairs if value != ""]


def _body(body: bytes, kind: str) -> Pairs:
    if not body.strip():
        return []
    # wire: clients send JSON with and without saying so, and forms without saying so
    if "json" in kind.lower() or body.lstrip()[:1] == b"{":
        given = msgspec.json.decode(body, type=dict[str, str | None])
        return [(name, value) for name, value in given.items() if value is not None]
    return parse_qsl(body.decode(), True, max_num_fields=MOST_FIELDS, errors="strict")


def _said(answer: Answer) -> Response:
    response = Response(msgspec.json.encode(answer.body), answer.status, media_type="application/json")
    if answer.status == 401:
        response.headers["www-authenticate"] = 'Basic realm="Polus"'
    return response


def _challenge(status: int, error: str, more: str = "") -> Response:
    said = f'Bearer realm="Polus", error="{error}"' + (", " + more if more else "")
    response = _said(Answer(status, {"error": error}))
    response.headers["www-authenticate"] = said
    return response


def discovery(issuer: str) -> dict[str, Any]:
    """What a client needs to know to begin (OpenID Connect Discovery, RFC 8414)."""
    return {
        "issuer": issuer,
        "authorization_endpoint": issuer + "/oauth/authorize",
        "token_endpoint": issuer + "/oauth/token",
        "revocation_endpoint": issuer + "/oauth/revoke",
        "userinfo_endpoint": issuer + "/oauth/userinfo",
        "jwks_uri": issuer + "/oauth/jwks",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported": facts.METHODS,
        "revocation_endpoint_auth_methods_supported": facts.METHODS,
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": [
            "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "sub", "account_id", "email", "email_verified",
            "name",
        ],
        "prompt_values_supported": ["none", "consent"],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }  # fmt: skip
