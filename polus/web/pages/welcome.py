"""Where an invitation leads: a new user chooses a password and is in."""

from starlette.responses import Response

from polus.base import errors
from polus.desk import invitations
from polus.store.work import writing
from polus.web import refusals, routes, session
from polus.web.pages import doors
from polus.web.session import ANYBODY
from polus.web.visits import Visit, see_other


async def page(visit: Visit) -> Response:
    """The form, or that the link is used up."""
    async with writing(visit.house.database, visit.account, ANYBODY) as work:
        found = await invitations.invited(work, visit.request.path_params["token"])
    return form(visit, found.email if found else "", 200 if found else 410)


def form(visit: Visit, email: str, status: int, error: str = "") -> Response:
    return session.door_page(visit, "welcome.html", status, email=email, error=error)


async def choose(visit: Visit) -> Response:
    """Set the password, log in, go to the inbox."""
    await session.read_form(visit)
    try:
        session.check_door(visit)
        async with writing(visit.house.database, visit.account, ANYBODY) as work:
            given = visit.request.path_params["token"]
            found = await invitations.invited(work, given)
            if found is None:
                return form(visit, "", 410)
            try:
                await invitations.accept(work, given, found, visit.field("password"))
            except errors.Invalid as refusal:
                return form(
                    visit, found.email, 422, refusals.said((refusal.data or {})["password"][0], visit.gettext)
                )
    except session.Forged as forged:
        return form(visit, "", 403, visit.gettext(forged.msg))
    except errors.NotFound:
        return form(visit, "", 410)
    if await doors.must_come_otherwise(visit, found):
        return see_other("/login")
    answer = see_other("/inbox")
    session.keep(answer, visit, await session.log_in(visit, found))
    return answer


ROUTES = (
    routes.get(invitations.PATH + "{token}", page, routes.ANYBODY),
    routes.post(invitations.PATH + "{token}", choose, routes.ANYBODY),
)
