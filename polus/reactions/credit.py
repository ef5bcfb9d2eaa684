"""A ticket belongs to the shop that knows its customer: said when it is opened or goes to another customer."""

from polus.desk.shops import shops
from polus.reactions.event import Event
from polus.store.work import Work

ON = ("ticket-created", "ticket-customer-updated")


async def run(work: Work, event: Event) -> None:
    """Before rules see the ticket, because they may ask for its shop."""
    await shops.credit(work, [event.object_id])
