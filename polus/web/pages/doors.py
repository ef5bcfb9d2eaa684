"""Logging in and out, and the choice of light or dark."""

from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.responses import Response

from polus.desk import admissions, sign_ons
from polus.desk.sessions import Candidate, TooManyGuesses
from polus.web import routes, session
from polus.web.pages import consent
from polus.web.visits import THEMES, Visit, see_other

YEAR = 365 * 86400
LONGEST_EMAIL = 320
FACTOR = "/settings/two-factor"
# What somebody may do who must set up a second factor first.
WITHOUT_FACTOR = (FACTOR, "/logout", "/theme", "/palette")


@dataclass(slots=True)
class Tried:
    """What the form is filled with, and what is said of it. With a `step`, only the code is asked for."""

    next: str
    email: str = ""
    step: str = ""
    provider: str = ""
    failure: str = ""
    errors: dict[str, str] = field(default_factory=dict)


async def login_page(visit: Visit) -> Response:
    going = visit.request.query_params.get("next", "")
    if await session.known(visit):
        return see_other(session.inside(going))
    return await form(visit, Tried(going))


async def form(visit: Visit, tried: Tried, status: int = 200) -> Response:
    async with session.at_the_door(visit) as work:
        joins = bool(await admissions.domains(work))
        offers = await sign_ons.offered(work)
    answer = session.door_page(
        visit,
        "login.html",
        status,
        failure=tried.failure,
        errors={"email": "", "password": "", "code": ""} | tried.errors,
        email=tried.email,
        step=tried.step,
        joins=joins,
        offers=offers,
        next=session.inside(tried.next),
    )
    return consent.leads_on(session.inside(tried.next), answer)


async def login(visit: Visit) -> Response:
    """The password, and for who has a second factor its code in a second form."""
    await session.read_form(visit)
    tried = Tried(visit.field("next"), visit.field("email").strip(), visit.field("step"))
    try:
        session.check_door(visit)
        found = await (coded(visit, tried) if tried.step else recognised(visit, tried))
    except session.Forged as forged:
        tried.failure, tried.step = visit.gettext(forged.msg), ""
        return await form(visit, tried, 403)
    except TooManyGuesses:
        return await braked(visit, tried)
    if found is None:
        return await form(visit, tried, 422)
    if not tried.step and await must_come_otherwise(visit, found):
        tried.failure = visit.gettext("Here people log in by a provider. Choose yours below.")
        return await form(visit, tried, 422)
    if found.two_fa_secret and not tried.step:
        tried.step = session.step_token(visit, found)
        return await form(visit, tried)
    answer = see_other(session.inside(tried.next))
    session.keep(answer, visit, await session.log_in(visit, found, tried.provider))
    return answer


async def braked(visit: Visit, tried: Tried) -> Response:
    """The form after too many attempts."""
    tried.failure = visit.gettext("Too many attempts to log in. Wait a minute.")
    answer = await form(visit, tried, 429)
    answer.headers["retry-after"] = "60"
    return answer


async def recognised(visit: Visit, tried: Tried) -> Candidate | None:
    _, password = visit.gettext, visit.field("password")
    if not tried.email:
        tried.errors["email"] = _("Please enter your e-mail address.")
    if not password:
        tried.errors["password"] = _("Please enter your password.")
    if tried.errors:
        return None
    found = None
    if len(tried.email) <= LONGEST_EMAIL:
        found = await session.recognise(visit, tried.email, password)
    if found is None:
        tried.failure = _("The e-mail address or the password is wrong.")
    return found


async def must_come_otherwise(visit: Visit, found: Candidate) -> bool:
    """Whether a password alone lets this person in no more."""
    async with session.at_the_door(visit) as work:
        return await sign_ons.refuses_password(work, found)


async def coded(visit: Visit, tried: Tried) -> Candidate | None:
    _ = visit.gettext
    stepped = session.stepped(visit, tried.step)
    if stepped is None:
        tried.step = ""
        tried.failure = _("That took too long. Please log in again.")
        return None
    user_id, tried.provider = stepped
    found = await session.recognise_code(visit, user_id, visit.field("code"))
    if found is None:
        tried.errors["code"] = _("This code is not right, or was used already.")
    return found


async def logout(visit: Visit) -> Response:
    answer = see_other("/login")
    await session.log_out(visit, answer)
    return answer


async def theme(visit: Visit) -> Response:
    chosen = visit.field("theme")
    answer = Response(status_code=204) if visit.partial else see_other(session.inside(visit.field("next")))
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


def to_factor(visit: Visit) -> Response:
    """Where a page sends who must set up a second factor first; a fragment only says that nobody is in."""
    return Response(status_code=401) if visit.partial else see_other(FACTOR)


ROUTES = (
    routes.get("/login", login_page, routes.ANYBODY),
    routes.post("/login", login, routes.ANYBODY),
    routes.post("/logout", logout),
    routes.post("/theme", theme),
)
