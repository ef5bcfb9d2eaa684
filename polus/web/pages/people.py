"""Who else is at a ticket: said by pages that have one open, asked by those that show some."""

from starlette.responses import Response

from polus.base import wire
from polus.channels.chat import lines
from polus.desk import onlookers
from polus.web import routes
from polus.web.pages import actions
from polus.web.visits import Visit

MOST_ASKED = 300


async def look(visit: Visit) -> Response:
    """The agent has the ticket open; `writing` says whether he writes."""
    async with visit.writing() as work:
        await onlookers.look(
            work, visit.request.path_params["ticket"], writing=visit.field("writing") == "true"
        )
    return Response(status_code=204)


async def leave(visit: Visit) -> Response:
    """The agent has gone on."""
    async with visit.writing() as work:
        await onlookers.leave(work, visit.request.path_params["ticket"])
    return Response(status_code=204)


async def typing(visit: Visit) -> Response:
    """The agent writes an answer that goes into the customer's chat: the chat says so."""
    visit.actor.require(actions.WRITER)
    async with visit.writing() as work:
        await lines.agent_types(work, visit.request.path_params["ticket"])
    return Response(status_code=204)


async def people(visit: Visit) -> Response:
    """Who is at the tickets of `ids`."""
    given = visit.request.query_params.get("ids", "").split(",")[:MOST_ASKED]
    ids = [int(one) for one in given if one.isascii() and one.isdecimal() and len(one) < 19]
    async with visit.reading() as work:
        found = await onlookers.among(work, ids)
    told = {
        ticket: [{"id": one.user_id, "name": one.name, "writing": one.writing} for one in there]
        for ticket, there in found.items()
    }
    return Response(wire.encode(told), media_type="application/json")


ROUTES = (
    routes.post("/tickets/{ticket:int}/look", look),
    routes.post("/tickets/{ticket:int}/leave", leave),
    routes.post("/tickets/{ticket:int}/typing", typing),
    routes.get("/people", people),
)
