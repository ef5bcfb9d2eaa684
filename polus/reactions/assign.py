"""A ticket that a team has and nobody in it is offered to the team's agents at once; later the worker tries again."""

from polus.desk.tickets import assigning
from polus.reactions.event import Event
from polus.store.work import Work

ON = ("ticket-team-assigned", "ticket-unassigned", "ticket-reopened")


async def run(work: Work, event: Event) -> None:
    """Offer it, whatever happened to it since."""
    await assigning.offer(work, event.object_id)
