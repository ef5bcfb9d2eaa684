"""`/oauth/callback`: people come back here from a provider, with its answer to what one of our pages asked."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import Response

from polus.base import errors
from polus.channels.openid import journeys
from polus.channels.openid.journeys import Journey
from polus.web import routes, session
from polus.web.pages import doors, mailbox_consents, sign_ons
from polus.web.places import N_
from polus.web.visits import Visit

LONGEST_STATE = 200
STRANGE = N_(
    "This way was begun in another browser or too long ago, or was gone already. Please begin again."
)

Arrive = Callable[[Visit, Journey, Mapping[str, str]], Awaitable[Response]]
INSIDE: dict[str, Arrive] = {mailbox_consents.PURPOSE: mailbox_consents.arrive}
"""What goes on behind the login."""


class Strange(errors.Refusal):
    """An answer to a question that was not asked here, or not by this browser."""

    status = 400

    def __init__(self) -> None:
        super().__init__(STRANGE)


async def back(visit: Visit) -> Response:
    """Hand the answer to the page that asked. Each counts once."""
    query = visit.request.query_params
    visit.session = await session.known(visit)
    state = query.get("state", "")
    way = visit.request.cookies.get(sign_ons.COOKIE)
    bearers = [session.token(visit)] if visit.session else []
    bearers += [way] if way else []
    async with session.at_the_door(visit) as work:
        journey = await journeys.take(work, state, bearers) if len(state) <= LONGEST_STATE else None
    if journey is None:
        raise Strange
    if journey.purpose == sign_ons.PURPOSE:
        return await sign_ons.arrive(visit, journey, query)
    if visit.session is None:
        return doors.to_login(visit)
    if visit.person.owes_factor:
        return doors.to_factor(visit)
    return await INSIDE[journey.purpose](visit, journey, query)


ROUTES = (routes.get(journeys.CALLBACK, back, routes.ANYBODY),)
