"""A closed ticket has its customer asked some time later; re-opening it takes that back."""

from polus.desk import surveying
from polus.reactions.event import Event
from polus.store.work import Work

ON = ("ticket-closed", "ticket-reopened")


async def run(work: Work, event: Event) -> None:
    """As the ticket is now: each step looks for itself whether it still fits."""
    if event.type == "ticket-closed":
        await surveying.plan(work, event.object_id)
    else:
        await surveying.cancel(work, event.object_id)
