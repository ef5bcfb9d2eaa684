"""Which events a change of a ticket is told by (reference: which call writes what)."""

from collections.abc import Mapping
from typing import Any

from polus.desk import changes
from polus.store.work import Work

# field -> (event when it is set, event when it is cleared)
NAMED = {
    "assignee_user_id": ("ticket-assigned", "ticket-unassigned"),
    "assignee_team_id": ("ticket-team-assigned", "ticket-team-unassigned"),
    "spam": ("ticket-marked-spam", "ticket-unmarked-spam"),
    "trashed_datetime": ("ticket-trashed", "ticket-untrashed"),
}


def record(work: Work, ticket_id: int, kind: str, data: Mapping[str, Any] | None = None) -> None:
    """One event of a ticket, in the ticket's own line of reactions."""
    work.record(kind, "Ticket", ticket_id, data, ticket_id=ticket_id)


def changed(work: Work, ticket_id: int, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Record what turned `old` into `new`; the changes, empty when there are none."""
    found = changes.between(old, new)
    if not found:
        return found
    record(work, ticket_id, "ticket-updated", found)
    if "subject" in found:
        record(work, ticket_id, "ticket-subject-updated", {"subject": [old["subject"], new["subject"]]})
    if "customer_id" in found:
        record(work, ticket_id, "ticket-customer-updated", {"customer_id": found["customer_id"]})
    if "status" in found:
        record(work, ticket_id, "ticket-closed" if new["status"] == "closed" else "ticket-reopened")
    if new.get("snooze_datetime") and "snooze_datetime" in found:
        record(work, ticket_id, "ticket-snoozed", {"snooze_datetime": new["snooze_datetime"]})
    for field, (to, away) in NAMED.items():
        if field in found:
            assigned = field.endswith("_id")
            data = {field: new[field] or old[field]} if assigned else None
            record(work, ticket_id, to if new[field] else away, data)
    return found


def message(work: Work, ticket_id: int, message_id: int, kind: str, draft: Any, **more: Any) -> None:
    """One event of a message, in its ticket's line."""
    data = {"ticket_id": ticket_id, "channel": draft.channel, "from_agent": draft.from_agent, **more}
    work.record(kind, "TicketMessage", message_id, data, ticket_id=ticket_id)


def tagged(work: Work, ticket_id: int, kind: str, labels: Mapping[str, int]) -> None:
    """Tags put on or taken off."""
    data = {"tags": [{"id": tag_id, "name": name} for name, tag_id in labels.items()]}
    record(work, ticket_id, kind, data)
