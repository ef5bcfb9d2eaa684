"""Logging in and out, and the choice of light or dark."""

from urllib.parse import quote

from starlette.responses import Response

from polus.desk.sessions import TooManyGuesses
from polus.web import render, session
from polus.web.visits import THEMES, Visit, see_other

WRONG = "The e-mail address or the password is wrong."
YEAR = 365 * 86400
LONGEST_EMAIL = 320


async def login_page(visit: Visit) -> Response:
    if await session.known(visit):
        return see_other(session.inside(visit.request.query_params.get("next", "")))
    return form(visit, next=visit.request.query_params.get("next", ""))


def form(
    visit: Visit,
    status: int = 200,
    *,
    next: str,
    email: str = "",
    failure: str = "",
    missing: tuple[str, ...] = (),
) -> Response:
    token, kept = session.door_token(visit, visit.house.door_signer)
    here = visit.here(csrf=token)
    _ = render.catalogue(here.language).gettext
    said = {"email": _("Please enter your e-mail address."), "password": _("Please enter your password.")}
    errors = {name: said[name] if name in missing else "" for name in said}
    answer = visit.page(
        "login.html",
        here,
        status,
        failure=_(failure) if failure else None,
        errors=errors,
        email=email,
        next=session.inside(next),
    )
    session.keep_door(answer, visit, kept)
    return answer


async def login(visit: Visit) -> Response:
    await session.read_form(visit)
    email, password, next = visit.field("email").strip(), visit.field("password"), visit.field("next")
    try:
        session.check_door(visit, visit.house.door_signer)
    except session.Forged as forged:
        return form(visit, 403, next=next, email=email, failure=forged.msg)
    missing = tuple(name for name, value in (("email", email), ("password", password)) if not value)
    if missing:
        return form(visit, 422, next=next, email=email, missing=missing)
    try:
        token = None if len(email) > LONGEST_EMAIL else await session.log_in(visit, email, password)
    except TooManyGuesses as many:
        answer = form(visit, 429, next=next, email=email, failure=many.msg)
        answer.headers["retry-after"] = "60"
        return answer
    if token is None:
        return form(visit, 422, next=next, email=email, failure=WRONG)
    answer = see_other(session.inside(next))
    session.keep(answer, visit, token)
    return answer


async def logout(visit: Visit) -> Response:
    answer = see_other("/login")
    await session.log_out(visit, answer)
    return answer


async def theme(visit: Visit) -> Response:
    chosen = visit.field("theme")
    answer = Response(status_code=204) if visit.partial else see_other("/inbox")
    if chosen in THEMES:
        answer.set_cookie("theme", chosen, max_age=YEAR, samesite="lax", secure=visit.secure, httponly=True)
    return answer


def to_login(visit: Visit) -> Response:
    """Where a page sends who is not logged in; a fragment only says so."""
    if visit.partial:
        return Response(status_code=401)
    url = visit.request.url
    if url.path in ("/", "/inbox"):
        return see_other("/login")
    return see_other("/login?next=" + quote(url.path + (f"?{url.query}" if url.query else "")))
