"""Calls in a ticket: calling the customer back, summing a recording up, deleting it."""

from polus.desk import calls
from polus.desk.voice import orders, recordings
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import actions
from polus.web.visits import Visit


async def call(_visit: Visit, work: Work, ticket_id: int) -> None:
    """One's own telephone rings, then the customer's."""
    await orders.call(work, ticket_id)


async def delete(visit: Visit, work: Work, _ticket_id: int) -> None:
    """Let a recording's audio go."""
    await calls.delete_recording(work, visit.request.path_params["recording"])


async def summarise(visit: Visit, work: Work, _ticket_id: int) -> None:
    """What was said, in short."""
    await recordings.summarise(work, visit.request.path_params["recording"], visit.field("summary"))


RECORDING = "/tickets/{ticket:int}/recordings/{recording:int}"
ROUTES = (
    routes.post("/tickets/{ticket:int}/call", actions.action(call)),
    routes.post(RECORDING + "/delete", actions.action(delete, "admin"), "admin"),
    routes.post(RECORDING + "/summary", actions.action(summarise, "agent"), "agent"),
)
