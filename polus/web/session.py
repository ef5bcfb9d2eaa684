"""Who is behind a request: the session's cookie, the tokens that forms carry, logging in and out.

Cookies: `__Host-polus` over HTTPS, `polus` over plain HTTP (a browser refuses the first there); never readable by
scripts, never sent by other sites' forms. A form's token is the session's own; before there is one, the login form
carries a signed copy of a short-lived cookie.
"""

from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from polus.base import clock, crypto, errors
from polus.desk import second_factors, sessions
from polus.desk.sessions import LIFE, Candidate, Session
from polus.store.work import Actor, Work, writing
from polus.web import beside
from polus.web.places import N_
from polus.web.visits import Visit

DOOR = "polus_door"
DOOR_SECONDS = 3600
STEP_SECONDS = 300
ANYBODY = Actor("anybody", role="observer-agent")
MOST_FIELDS = 1000  # a team may have so many members
MOST_FILES = 20
MOST_TEXT = 2 * 1024 * 1024  # bytes of one field; the sentences of a field are the verbs' business
SAFE = ("GET", "HEAD")
STALE = N_("The page was open for too long or did not come from here. Reload it and try again.")


class LoggedOut(Exception):
    """Nobody is logged in, and the page is for people who are."""


class Forged(errors.Forbidden):
    """A form that did not come from our own page, or from one that is too old."""

    def __init__(self) -> None:
        super().__init__(STALE)


def cookie_name(visit: Visit) -> str:
    return "__Host-polus" if visit.secure else "polus"


def token(visit: Visit) -> str:
    """The token of the session that the request came with."""
    return visit.request.cookies[cookie_name(visit)]


async def known(visit: Visit) -> Session | None:
    """The living session of the request's cookie."""
    given = visit.request.cookies.get(cookie_name(visit))
    if not given:
        return None
    return await sessions.find(visit.house.database, visit.account.id, given, clock.now())


async def enter(visit: Visit) -> None:
    """Let the person in, and read and check the form of a post. LoggedOut, Forged."""
    visit.session = await known(visit)
    if visit.session is None:
        raise LoggedOut
    if visit.request.method not in SAFE:
        await read_form(visit)
        if not crypto.equal(visit.field("csrf"), visit.session.csrf):
            raise Forged


async def read_form(visit: Visit) -> None:
    """The fields of a post from our own pages; a browser that says it comes from elsewhere is refused unread."""
    if not is_ours(visit.request):
        raise Forged
    visit.form = await taken_apart(visit.request, MOST_FILES, MOST_FIELDS)


async def taken_apart(request: Request, most_files: int, most_fields: int) -> FormData:
    """The form of a request; 400 when it holds more.

    The parser looks at a few marks a microsecond, and counts none between which nothing stands: a body of nothing else
    held up everybody for a minute.
    """
    if request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        body = await request.body()
        if body.count(b"&") + body.count(b";") >= most_fields:
            raise HTTPException(400)
    return await request.form(max_files=most_files, max_fields=most_fields, max_part_size=MOST_TEXT)


def is_ours(request: Request) -> bool:
    """False when the browser tells that another site made it send this."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host", "")


# The door: logging in and out


def door_page(visit: Visit, template: str, status: int, **facts: Any) -> Response:
    """A page with a form for who is not logged in; `check_door` recognises what is sent with it."""
    kept = visit.request.cookies.get(DOOR) or crypto.new_token()
    here = visit.here(csrf=visit.house.door_signer.sign(kept, DOOR_SECONDS))
    answer = visit.page(template, here, status, **facts)
    answer.set_cookie(
        DOOR,
        kept,
        max_age=DOOR_SECONDS,
        path="/login",
        secure=visit.secure,
        httponly=True,
        samesite="strict",
    )
    return answer


def check_door(visit: Visit) -> None:
    """Forged unless the form and the cookie belong together."""
    kept = visit.request.cookies.get(DOOR)
    signed = visit.house.door_signer.read(visit.field("csrf"))
    if not kept or signed is None or not crypto.equal(kept, signed):
        raise Forged


def origin(visit: Visit) -> str:
    """The address that a request came from."""
    return visit.request.client.host if visit.request.client else ""


def at_the_door(visit: Visit) -> AbstractAsyncContextManager[Work]:
    """A transaction of nobody, for pages that do not know yet who looks."""
    return writing(visit.house.database, visit.account, ANYBODY)


async def recognise(visit: Visit, email: str, password: str) -> Candidate | None:
    """Whom address and password belong to; None when they do not belong together. TooManyGuesses."""
    async with at_the_door(visit) as work:
        await sessions.guess(work, email, origin(visit))
        found = await sessions.candidate(work, email)
    # No connection is held meanwhile; somebody unknown takes as long as somebody known.
    right = await crypto.verify_password(found.password_hash if found else None, password)
    return found if right else None


async def recognise_code(visit: Visit, user_id: int, code: str) -> Candidate | None:
    """The same for the code of somebody who gave his password a moment ago. TooManyGuesses."""
    async with at_the_door(visit) as work:
        found = await sessions.candidate_by_id(work, user_id)
        if found is None or found.two_fa_secret is None:
            return None
        await sessions.guess_code(work, found, origin(visit))
        right = await second_factors.check(work, user_id, found.two_fa_secret, code)
    return found if right else None


async def log_in(visit: Visit, found: Candidate, provider: str = "") -> str:
    """The new session's token; `provider` vouched for who comes without a password."""
    actor = Actor("user", found.user_id, found.role)
    async with writing(visit.house.database, visit.account, actor) as work:
        return await sessions.open(work, found, visit.request.headers.get("user-agent", ""), provider)


def step_token(visit: Visit, found: Candidate, provider: str = "") -> str:
    """Says that its bearer gave the right password, or came by a provider, and owes the code of his second factor."""
    return visit.house.step_signer.sign(f"{visit.account.id} {found.user_id} {provider}", STEP_SECONDS)


def stepped(visit: Visit, given: str) -> tuple[int, str] | None:
    """Whose token it is, in this account, and by which provider he came."""
    account, _, rest = (visit.house.step_signer.read(given) or "").partition(" ")
    user, _, provider = rest.partition(" ")
    return (int(user), provider) if account == str(visit.account.id) else None


def keep(answer: Response, visit: Visit, made: str) -> None:
    """Hand the session's token to the browser."""
    answer.set_cookie(
        cookie_name(visit),
        made,
        max_age=int(LIFE.total_seconds()),
        path="/",
        secure=visit.secure,
        httponly=True,
        samesite="lax",
    )
    answer.delete_cookie(DOOR, path="/login")
    beside.keep(visit.request, visit.account, answer, logged_in=True)


async def log_out(visit: Visit, answer: Response) -> None:
    """End the session and take the cookie back."""
    async with visit.writing() as work:
        await sessions.close(work, token(visit))
    answer.delete_cookie(cookie_name(visit), path="/", secure=visit.secure, httponly=True, samesite="lax")
    beside.keep(visit.request, visit.account, answer, logged_in=False)


def inside(address: str) -> str:
    """Where to go after the login: a path of ours, or the inbox."""
    ours = address.startswith("/") and address[1:2] not in ("/", "\\") and address.isprintable()
    return address if ours else "/inbox"
