"""What happened to a ticket in one transaction, as the triggers it calls; the same for live events and recorded ones."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

import msgspec

ON = (
    "ticket-created",
    "ticket-message-created",
    "ticket-updated",
    "ticket-assigned",
    "ticket-self-unsnoozed",
    "satisfaction-survey-responded",
)
# What must change for `ticket-updated`; other fields are not for rules.
HEEDED = frozenset(
    "status subject priority spam customer_id assignee_user_id assignee_team_id trashed_datetime snooze_datetime"
    " custom_fields".split()
)


class Phase(msgspec.Struct, frozen=True):
    """A trigger that fires. `message_id`: the message that fires it; `by`: rules that it must not call again."""

    trigger: str
    message_id: int | None = None
    by: frozenset[int] = frozenset()


class Happened(NamedTuple):
    """One event of the transaction; `data` decoded."""

    type: str
    object_id: int
    data: Any


def phases(happened: Iterable[Happened], imported: Collection[int], *, ticket_imported: bool) -> list[Phase]:
    """The triggers in the documented order; `imported`: messages that call nothing. Empty when nothing is called."""
    rows = list(happened)
    kinds = {row.type for row in rows}
    if ticket_imported and "ticket-created" in kinds:
        return []
    told = [row.object_id for row in rows if row.type == "ticket-message-created"]
    messages = [message_id for message_id in told if message_id not in imported]
    updated = bool(messages) or "ticket-created" in kinds
    updated = updated or (not set(told) & set(imported) and any(map(_heeded, rows)))
    return _ordered(kinds, messages, updated=updated)


def _heeded(row: Happened) -> bool:
    """Whether it is a `ticket-updated` that rules hear of. One without data tells of tags."""
    return row.type == "ticket-updated" and (row.data is None or not HEEDED.isdisjoint(row.data))


def _ordered(kinds: set[str], messages: list[int], *, updated: bool) -> list[Phase]:
    """Of a survey's answer there is nothing more to tell."""
    found = []
    if "satisfaction-survey-responded" in kinds:
        return [Phase("satisfaction-survey-responded")]
    if "ticket-self-unsnoozed" in kinds:
        found.append(Phase("ticket-self-unsnoozed"))
    if "ticket-created" in kinds:
        found.append(Phase("ticket-created", messages[0] if messages else None))
    found += [Phase("ticket-message-created", message_id) for message_id in messages]
    if updated:
        found.append(Phase("ticket-updated", messages[-1] if messages else None))
    if "ticket-assigned" in kinds:
        found.append(Phase("ticket-assigned"))
    return found
