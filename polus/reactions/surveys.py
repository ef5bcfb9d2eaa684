"""A closed ticket has its customer asked: in his chat at once, else some time later; re-opening it takes that back."""

from polus.channels.chat import lines, questions
from polus.desk import surveying
from polus.reactions.event import Event
from polus.store.work import Work

ON = ("ticket-closed", "ticket-reopened")


async def run(work: Work, event: Event) -> None:
    """As the ticket is now: each step looks for itself whether it still fits."""
    if event.type == "ticket-closed":
        partner = await lines.partner(work, event.object_id)
        await surveying.plan(work, event.object_id, spoken=partner is not None)
        if partner is not None:
            questions.tell(work, partner)
    else:
        await surveying.cancel(work, event.object_id)
