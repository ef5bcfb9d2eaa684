"""What happens to a ticket moves the clocks of its service levels; a new one gets them."""

from collections.abc import Mapping
from typing import Any

from polus.desk.slas import targets
from polus.reactions.event import Event
from polus.store.work import Work

ON = (
    "ticket-created",
    "ticket-message-created",
    "ticket-closed",
    "ticket-reopened",
    "ticket-snoozed",
    "ticket-trashed",
    "ticket-untrashed",
    "ticket-marked-spam",
    "ticket-unmarked-spam",
)


def when(data: Mapping[str, Any]) -> bool:
    """What customers write moves none."""
    return data.get("from_agent") is not False


async def run(work: Work, event: Event) -> None:
    """Attach and settle, as of the event."""
    if event.ticket_id is None:
        return
    if event.type == "ticket-created":
        await targets.attach(work, event.ticket_id, event.created_datetime)
    await targets.settle(work, event.ticket_id, event.created_datetime)
