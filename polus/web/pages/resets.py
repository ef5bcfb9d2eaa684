"""Forgotten passwords: asking for the link, and where it leads."""

from starlette.responses import Response

from polus.base import errors
from polus.desk import resets
from polus.store.work import writing
from polus.web import refusals, routes, session
from polus.web.pages import outgoing
from polus.web.session import ANYBODY
from polus.web.visits import Visit

ASK = "/login/forgotten"
JOIN = "/login/join"
LONGEST_EMAIL = 320


async def ask_page(visit: Visit) -> Response:
    return form(visit, "ask")


async def join_page(visit: Visit) -> Response:
    """The same for who wants to join: he gets a link when his domain may, and nobody learns whether."""
    return form(visit, "join")


def form(visit: Visit, step: str, status: int = 200, **facts: str) -> Response:
    """The page at one of its steps: ask, join, mute, sent, choose, over, done."""
    known = {"step": step, "email": "", "error": ""} | facts
    return session.door_page(visit, "reset.html", status, **known)


async def ask(visit: Visit) -> Response:
    """Send the link; the answer is the same whoever it is."""
    await session.read_form(visit)
    email = visit.field("email").strip()
    try:
        session.check_door(visit)
    except session.Forged as forged:
        return form(visit, "ask", 403, email=email, error=visit.gettext(forged.msg))
    if "@" not in email or len(email) > LONGEST_EMAIL:
        return form(visit, "ask", 422, email=email, error=visit.gettext("Please enter your e-mail address."))
    async with writing(visit.house.database, visit.account, ANYBODY) as work:
        if not (await outgoing.outlook(visit, work)).notices:
            return form(visit, "mute")
        sent = await resets.ask(work, email, session.origin(visit))
    if not sent:
        text = visit.gettext("That was asked for too often. Look into your mailbox, or wait an hour.")
        return form(visit, "ask", 429, email=email, error=text)
    return form(visit, "sent", email=email)


async def page(visit: Visit) -> Response:
    async with writing(visit.house.database, visit.account, ANYBODY) as work:
        found = await resets.asked(work, visit.request.path_params["token"])
    return form(visit, "choose", email=found.email) if found else form(visit, "over", 410)


async def choose(visit: Visit) -> Response:
    """Set the password. It does not log in: who has a second factor still owes its code."""
    await session.read_form(visit)
    try:
        session.check_door(visit)
        async with writing(visit.house.database, visit.account, ANYBODY) as work:
            found = await resets.asked(work, visit.request.path_params["token"])
            if found is None:
                return form(visit, "over", 410)
            try:
                await resets.choose(work, found, visit.field("password"))
            except errors.Invalid as refusal:
                said = refusals.said((refusal.data or {})["password"][0], visit.gettext)
                return form(visit, "choose", 422, email=found.email, error=said)
    except session.Forged as forged:
        return form(visit, "over", 403, error=visit.gettext(forged.msg))
    except errors.NotFound:
        return form(visit, "over", 410)
    return form(visit, "done")


ROUTES = (
    routes.get(ASK, ask_page, routes.ANYBODY),
    routes.get(JOIN, join_page, routes.ANYBODY),
    routes.post(ASK, ask, routes.ANYBODY),
    routes.get(resets.PATH + "{token}", page, routes.ANYBODY),
    routes.post(resets.PATH + "{token}", choose, routes.ANYBODY),
)
