"""The workspace as one ASGI application: account, session, route, page; every answer with its policy.

What a page shows is left to `pages`; what happens to the other addresses of the server, to the composition.
"""

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.types import Message, Receive, Scope, Send

from polus.base import errors
from polus.base.crypto import Signer
from polus.base.log import access
from polus.desk.hosts import Hosts, UnknownAccount
from polus.store import deadlocks
from polus.store.database import Database
from polus.web import assets, refusals, render, session
from polus.web.chat import door as chat
from polus.web.live import Live
from polus.web.pages import (
    accesses,
    accounts,
    actions,
    api_keys,
    apps,
    audits,
    automation,
    beginnings,
    callbacks,
    calls,
    channel_states,
    channels,
    chats,
    consent,
    contact,
    contact_forms,
    customers,
    developers,
    doors,
    factors,
    fields,
    inbox,
    integrations,
    jobs,
    letters,
    macros,
    mail,
    mailbox_consents,
    mailboxes,
    profiles,
    providers,
    resets,
    rules,
    settings,
    sign_ons,
    signing,
    slas,
    statistics,
    survey,
    surveys,
    systems,
    tags,
    teams,
    texts,
    trials,
    trust,
    users,
    views,
    voice,
    welcome,
    widgets,
    writing,
)
from polus.web.places import N_
from polus.web.routes import ANYBODY, READER, At, Page
from polus.web.visits import Examine, Visit, preferred

PAGES = (
    doors,
    sign_ons,
    consent,
    welcome,
    survey,
    inbox,
    integrations,
    actions,
    callbacks,
    beginnings,
    calls,
    writing,
    mail,
    customers,
    settings,
    chats,
    voice,
    contact_forms,
    contact,
    tags,
    resets,
    profiles,
    factors,
    accounts,
    accesses,
    users,
    teams,
    channel_states,
    channels,
    texts,
    views,
    macros,
    mailbox_consents,
    mailboxes,
    providers,
    rules,
    fields,
    surveys,
    jobs,
    audits,
    systems,
    apps,
    developers,
    api_keys,
    automation,
    slas,
    trials,
    trust,
    letters,
    signing,
    widgets,
    statistics,
)
"""The modules whose `ROUTES` the workspace has; the first of two rows for one address wins."""

Endpoint = Callable[[Request], Awaitable[Response]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
TRUSTED = {"cross-origin-opener-policy": "same-origin"}
"""Only where a browser heeds it, over HTTPS and on the machine itself: elsewhere it reports an error in its console."""

BODY_LIMIT = 64 * 1024 * 1024
MOST_ID = 2**63 - 1
REFUSALS = (400, 422, 429)
"""What a form is answered that has something wrong in it. Programs and the log hear so; to who looks the page goes with
200, as the words beside the field say it all: a browser would report any other status in its console."""

NOT_HERE = "<!doctype html><title>Not found</title><h1>There is no such helpdesk here.</h1>"

log = structlog.get_logger(__name__)


class Site:
    """Everything under `/` that is not the API's. `cache` is a folder for compiled templates.

    `relayed`: whether the installation has a mail server for sending. `examine` tells whether the parts of the server work, when the composition knows. `close` ends the live streams, so that the server can stop.
    """

    def __init__(
        self, database: Database, *, base_url: str = "", cache: Path | None = None, relayed: bool = True
    ) -> None:
        render.prepare(cache)
        self.database = database
        self.hosts = Hosts(database, base_url)
        self.door_signer = Signer(database.secret_key, "login form")
        self.step_signer = Signer(database.secret_key, "second factor")
        self.live = Live(database)
        self.chat = chat.Door(database, self.hosts)
        self.examine: Examine | None = None
        self.relayed = relayed
        self._router = Router(
            [
                Mount(assets.PREFIX, app=assets.serve),
                Mount(chat.PREFIX, app=self.chat),
                Route("/live", self._inside(self.live.stream, needs_session=False)),
                *(self._route(at) for module in PAGES for at in module.ROUTES),
            ],
            redirect_slashes=False,
        )
        self._router.default = nowhere

    def _route(self, at: At) -> Route:
        endpoint = self._open(at.page) if at.role == ANYBODY else self._inside(at.page, at.role)
        return Route(at.path, endpoint, methods=[at.method])

    def close(self) -> None:
        self.live.close()
        self.chat.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; never raises for anything a request can hold."""
        started, request_id = time.perf_counter(), str(uuid.uuid4())
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                if status in REFUSALS and is_person(scope):
                    message["status"], headers["polus-refused"] = 200, "1"
                for name, value in (HEADERS | (TRUSTED if is_trusted(scope) else {})).items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = request_id
            await send(message)

        refused = await self._answer(scope, limited(receive), send_on, request_id)
        if refused is not None and not status:
            await refused(scope, receive, send_on)
        access(scope["method"], scope["path"], status, time.perf_counter() - started, request_id)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> Response | None:
        """Let the page answer; the page that says what went wrong, when something did."""
        request = Request(scope)
        # Tells the router to raise what it would otherwise answer in plain text.
        scope["app"] = self
        try:
            await self._router(scope, receive, send)
        except UnknownAccount:
            return HTMLResponse(NOT_HERE, 404)
        except errors.Refusal as refusal:
            return problem(request, refusal.status, request_id, refusal.msg)
        except HTTPException as error:
            answer = problem(request, error.status_code, request_id)
            answer.headers.update(error.headers or {})
            return answer
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Exception:
            log.exception("page failed", request_id=request_id, path=scope["path"])
            return problem(request, 500, request_id)
        return None

    def _open(self, page: Page) -> Endpoint:
        """A page that anybody may see."""

        async def endpoint(request: Request) -> Response:
            visit = await self._visit(request)
            try:
                return await answered(page, visit)
            finally:
                await visit.close()

        return endpoint

    def _inside(self, page: Page, role: str = READER, *, needs_session: bool = True) -> Endpoint:
        """A page behind the login, for people of that role."""

        async def endpoint(request: Request) -> Response:
            visit = await self._visit(request)
            try:
                await session.enter(visit)
                visit.actor.require(role)
                owes = (
                    needs_session
                    and visit.person.owes_factor
                    and request.url.path not in doors.WITHOUT_FACTOR
                )
                return doors.to_factor(visit) if owes else await answered(page, visit)
            except session.LoggedOut:
                return await page(visit) if not needs_session else doors.to_login(visit)
            finally:
                await visit.close()

        return endpoint

    async def _visit(self, request: Request) -> Visit:
        if not all(map(storable, request.path_params.values())):
            raise errors.NotFound
        # As with the fields of forms: nothing is called so, and the database refuses to look for it.
        while b"%00" in request.scope["query_string"]:
            request.scope["query_string"] = request.scope["query_string"].replace(b"%00", b"")
        account = await self.hosts.account(request.headers.get("host", ""), request.url.scheme)
        return Visit(self, request, account)


def is_person(scope: Scope) -> bool:
    """Whether the request wants a page to look at, as browsers say when one follows a link or sends a form."""
    return "text/html" in Headers(scope=scope).get("accept", "")


def is_trusted(scope: Scope) -> bool:
    """Whether browsers trust the way here. A proxy tells its scheme by `X-Forwarded-Proto`: at worst a header is missing."""
    headers = Headers(scope=scope)
    try:
        name = urlsplit("//" + headers.get("host", "")).hostname or ""
    except ValueError:  # `[::1`
        return False
    secure = "https" in (scope["scheme"], headers.get("x-forwarded-proto", ""))
    return secure or name == "127.0.0.1" or name == "localhost" or name.endswith(".localhost")


async def answered(page: Page, visit: Visit) -> Response:
    """What the page answers, also when its transaction has to be done again: then its form is read from the beginning."""

    async def attempt() -> Response:
        await visit.rewind()
        return await page(visit)

    return await deadlocks.outlived(attempt)


def storable(value: Any) -> bool:
    """Whether a part of a path can be the name or number of anything: PostgreSQL has no NUL and ends at 64 bits."""
    return value <= MOST_ID if isinstance(value, int) else "\0" not in str(value)


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise HTTPException(404)


TITLES = {
    403: N_("You may not do that"),
    404: N_("This page does not exist"),
    405: N_("This page does not take that"),
    413: N_("That is too large"),
    500: N_("Something went wrong here"),
}
BODIES = {
    404: N_("It may have been deleted, or the address is wrong."),
    500: N_("It was written down. Try again, and tell your administrator if it stays."),
}


def problem(request: Request, status: int, request_id: str, said: str = "") -> Response:
    """A whole page for a person; for a script the sentence alone."""
    title, body = (
        TITLES.get(status, TITLES[500] if status >= 500 else N_("That did not work")),
        BODIES.get(status, ""),
    )
    if "hx-request" in request.headers:
        return Response(said or title, status, media_type="text/plain")
    here = replace(render.NOBODY, language=preferred(request))
    _ = render.catalogue(here.language).gettext
    words = {"title": _(title), "body": refusals.said(said, _) or _(body), "request_id": request_id}
    return HTMLResponse(render.text("error.html", here, **words), status)


def limited(receive: Receive) -> Receive:
    """The request's body, at most BODY_LIMIT bytes of it."""
    size = 0

    async def receive_on() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BODY_LIMIT:
            raise errors.TooLarge(BODY_LIMIT)
        return message

    return receive_on
