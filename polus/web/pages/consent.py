"""`/oauth/authorize`: an administrator is asked whether an app may do what it wants, and sent back with the answer.

What the protocol says is decided in `desk.apps.tokens`; nobody is ever sent to an address that is not registered.
"""

from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.responses import RedirectResponse, Response

from polus.base import errors
from polus.desk.apps import apps, connections, tokens
from polus.desk.apps.facts import Answer, User
from polus.desk.apps.tokens import Asked
from polus.desk.scopes import SCOPES
from polus.web import routes, session
from polus.web.visits import Visit, see_other

PATH = "/oauth/authorize"
MOST_FIELDS = 100
# No script at all. Browsers hold `form-action` against every step of the way back, and an app may lead on from its
# registered address to another of its own: hence any https address (and this computer's, where apps are written), though
# the first is always the registered one.
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self' https: http://localhost:* http://*.localhost:* http://127.0.0.1:*"
)
UNKNOWN = "This app is unknown here, or the way it asks is not right."

Pairs = list[tuple[str, str]]


async def page(visit: Visit) -> Response:
    """The question; or the answer at once, when there is nothing to ask or nobody may be asked."""
    query = visit.request.url.query
    pairs = _pairs(query)
    visit.session = await session.known(visit)
    person = _person(visit)
    asked = await _ask(visit, pairs, person)
    if isinstance(asked, Answer):
        return _answered(visit, asked)
    if person is None:
        if asked.prompt == "none":
            said = "Nobody is logged in."
            return _answered(visit, tokens.refused(pairs, asked, "login_required", said))
        return see_other("/login?next=" + quote(PATH + "?" + query, safe=""))
    if not visit.actor.may("admin"):
        if asked.prompt == "none":
            said = "Only administrators may connect apps."
            return _answered(visit, tokens.refused(pairs, asked, "access_denied", said))
        return await _show(visit, asked, query, 403)
    async with visit.reading() as work:
        granted = await connections.granted(work, asked.client.client_id)
    if granted.issuperset(asked.scopes) and asked.prompt != "consent":
        return await _decide(visit, pairs, person)
    if asked.prompt == "none":
        said = "The user must be asked."
        return _answered(visit, tokens.refused(pairs, asked, "consent_required", said))
    return await _show(visit, asked, query)


async def choose(visit: Visit) -> Response:
    """What the person said. The request is read anew: the form carries it, it is not believed."""
    pairs = _pairs(visit.field("request"))
    allowed = visit.field("decision") == "allow"
    if allowed:
        visit.actor.require("admin")
    return await _decide(visit, pairs, _person(visit) if allowed else None, 303)


async def _ask(visit: Visit, pairs: Pairs, person: User | None) -> Asked | Answer:
    if visit.session is not None:
        async with visit.reading() as work:
            return await tokens.ask(work, pairs, person)
    async with session.at_the_door(visit) as work:
        return await tokens.ask(work, pairs, person)


async def _decide(visit: Visit, pairs: Pairs, person: User | None, status: int = 302) -> Response:
    async with visit.writing() as work:
        answer = await tokens.decide(work, pairs, person, visit.person.created_datetime)
    return _answered(visit, answer, status)


def _answered(visit: Visit, answer: Answer, status: int = 302) -> Response:
    if answer.location:
        return _guarded(RedirectResponse(answer.location, status))
    said = visit.gettext(answer.body.get("error_description") or UNKNOWN)
    return _guarded(visit.page("consent.html", visit.here(), 400, asked=None, said=said))


async def _show(visit: Visit, asked: Asked, query: str, status: int = 200) -> Response:
    async with visit.reading() as work:
        app = await apps.visible(work, asked.client.client_id)
    if app is None:
        raise errors.NotFound
    facts: dict[str, Any] = {
        "asked": asked,
        "app": app,
        "scopes": [(name, visit.gettext(SCOPES[name])) for name in asked.scopes],
        "goes_to": urlsplit(asked.redirect_uri).netloc,
        "request": query,
        "may": visit.actor.may("admin"),
    }
    return _guarded(visit.page("consent.html", visit.here(), status, **facts))


def leads_on(address: str, answer: Response) -> Response:
    """The login form on the way to the question: what follows its post may already be the way back to the app."""
    if address.startswith(PATH):
        answer.headers["content-security-policy"] = POLICY.replace(
            "default-src 'none'", "default-src 'none'; script-src 'self'"
        )
    return answer


def _guarded(answer: Response) -> Response:
    answer.headers["content-security-policy"] = POLICY
    answer.headers["x-frame-options"] = "DENY"
    return answer


def _person(visit: Visit) -> User | None:
    person = visit.session
    return None if person is None else User(person.user_id, person.name, person.email)


def _pairs(query: str) -> Pairs:
    """The parameters; one that is empty counts as not sent (RFC 6749 3.1). Nothing stored may hold a NUL."""
    try:
        given = parse_qsl(query, True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return []
    return [(name, value) for name, value in given if value and "\0" not in value]


ROUTES = (
    routes.get(PATH, page, routes.ANYBODY),
    routes.post(PATH, choose),
)
