"""Opening a ticket: from the messages it starts with to the row, its events and what it repeats for lists."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import field_values, redaction, tags
from polus.desk.customers import references
from polus.desk.field_values import Wanted
from polus.desk.tickets import drafts, happenings, lifecycle, parties, people, rows
from polus.desk.tickets.drafts import Draft
from polus.desk.tickets.people import Reference
from polus.desk.tickets.tickets import PRIORITIES
from polus.store.work import Work

# What of a reference can tell who is meant.
IDENTIFYING = ("id", "email", "phone", "channels", "external_id")


class Opening(msgspec.Struct, kw_only=True):
    """A ticket to be opened. `customer` is a reference; ids of assignees are checked; times as given."""

    messages: list[Draft]
    customer: dict[str, Any] | None = None
    external_id: str | None = None
    status: str = "open"
    priority: str = "normal"
    channel: str = "email"
    via: str = "api"
    from_agent: bool | None = None
    spam: bool = False
    imported: bool | None = False
    assignee_user_id: int | None = None
    assignee_team_id: int | None = None
    language: str | None = None
    subject: str | None = None
    meta: dict[str, Any] | None = None
    tags: Sequence[str] = ()
    custom_fields: Sequence[Wanted] = ()
    created_datetime: datetime.datetime | None = None
    opened_datetime: datetime.datetime | None = None
    last_received_message_datetime: datetime.datetime | None = None
    last_message_datetime: datetime.datetime | None = None
    updated_datetime: datetime.datetime | None = None
    closed_datetime: datetime.datetime | None = None
    trashed_datetime: datetime.datetime | None = None
    snooze_datetime: datetime.datetime | None = None
    split_from: int | None = None


def _customer_of(opening: Opening) -> tuple[Reference, bool]:
    """Whose ticket it is, by the first that says so; 400 when nothing does. And whether only an envelope says it:
    then what it says of a known customer overwrites nothing."""
    first = opening.messages[0]
    named: list[Reference | None] = [opening.customer]
    addressed: list[Reference | None] = []
    if not first.note:
        named.append(first.sender if first.incoming else first.receiver)
        place = "from" if first.incoming else "to"
        addressed.append(parties.by_address(drafts.first_address(first, place), first))
    for candidates, keep in ((named, False), (addressed, True)):
        for candidate in candidates:
            if candidate and any(candidate.get(key) for key in IDENTIFYING):
                return candidate, keep
    raise errors.one("customer", errors.REQUIRED)


async def create(work: Work, opening: Opening) -> int:
    """Open a ticket with its messages; its id. Validates everything before the first write of its own.

    400 on the field that is wrong. Events: ticket-created, ticket-message-created per message, then what its tags
    and assignees call for.
    """
    reference, keep = _customer_of(opening)
    named = [r for draft in opening.messages for r in drafts.references(draft) if r is not reference]
    known = await people.resolve(work, named)
    problems = {
        str(place): found
        for place, draft in enumerate(opening.messages)
        if (found := drafts.check(draft, known))
    }
    if problems:
        raise errors.Invalid({"messages": problems})
    await people.require_assignees(
        work, {"assignee_user_id": opening.assignee_user_id, "assignee_team_id": opening.assignee_team_id}
    )
    fields = await _fields(work, opening)
    customer_id = await references.find_or_create(work, reference, keep=keep)
    opening.subject = (await redaction.values(work, {"subject": opening.subject})).get(
        "subject", opening.subject
    )
    written = []
    for draft in opening.messages:
        await redaction.draft(work, draft)
        sender_id, receiver_id = await parties.of(work, draft, known, reference, customer_id)
        if draft.by_email:
            await drafts.address(work, draft, customer_id, None)
        written.append(rows.complete(draft, sender_id, receiver_id, work.now))
    labels = await tags.ensure(work, opening.tags) if opening.tags else {}
    values = _values(work, opening, customer_id, written) | {"custom_fields": wire.encode(fields)}
    reader = work.actor.user_id if any(d.from_agent for d in opening.messages) else None
    ticket_id, message_ids = await rows.open_ticket(work, values, written, reader, list(labels.values()))
    _tell(work, opening, ticket_id, message_ids, values, labels)
    return ticket_id


async def _fields(work: Work, opening: Opening) -> dict[str, Any]:
    """The values of custom fields, checked; 400 on `custom_fields` by place."""
    try:
        return await field_values.changed(work, "Ticket", {}, opening.custom_fields, replace=False)
    except errors.Invalid as invalid:
        raise errors.Invalid({"custom_fields": invalid.data}) from None


def _values(
    work: Work, opening: Opening, customer_id: int, written: Sequence[rows.Written]
) -> dict[str, Any]:
    """The ticket's columns."""
    now, summary = work.now, rows.summarise(written)
    first = opening.messages[0]
    old = {"imported": opening.imported, "snooze_datetime": None, "closed_datetime": None, "status": "open"}
    given: dict[str, Any] = {"status": opening.status, "snooze_datetime": opening.snooze_datetime}
    if opening.closed_datetime is not None:
        given["closed_datetime"] = opening.closed_datetime
    state = lifecycle.after(old, given, now)
    subject = opening.subject
    if subject is None:
        subject = next((draft.subject for draft in opening.messages if draft.subject), None)
    return {
        "external_id": opening.external_id,
        "status": state["status"],
        "priority": PRIORITIES[opening.priority],
        "channel": opening.channel,
        "via": opening.via,
        "from_agent": first.from_agent if opening.from_agent is None else opening.from_agent,
        "spam": opening.spam,
        "imported": opening.imported,
        "customer_id": customer_id,
        "assignee_user_id": opening.assignee_user_id,
        "assignee_team_id": opening.assignee_team_id,
        "language": opening.language,
        "subject": subject,
        "meta": None if opening.meta is None else wire.encode(opening.meta),
        "excerpt": summary.excerpt,
        "messages_count": len(written),
        "not_delivered": summary.not_delivered,
        "integration_ids": summary.integration_ids,
        "unread_datetime": now,
        "created_datetime": opening.created_datetime or now,
        "processed_datetime": now,
        "opened_datetime": opening.opened_datetime,
        "last_received_message_datetime": opening.last_received_message_datetime
        or summary.last_received_message_datetime,
        "last_message_datetime": opening.last_message_datetime or summary.last_message_datetime,
        "updated_datetime": opening.updated_datetime or now,
        "closed_datetime": state.get("closed_datetime"),
        "trashed_datetime": opening.trashed_datetime,
        "snooze_datetime": state.get("snooze_datetime"),
        "split_from": opening.split_from,
    }


def _tell(
    work: Work,
    opening: Opening,
    ticket_id: int,
    message_ids: Sequence[int],
    values: Mapping[str, Any],
    labels: Mapping[str, int],
) -> None:
    happenings.record(work, ticket_id, "ticket-created")
    for message_id, draft in zip(message_ids, opening.messages, strict=True):
        happenings.message(work, ticket_id, message_id, "ticket-message-created", draft)
    if labels:
        happenings.tagged(work, ticket_id, "ticket-tags-added", labels)
    for field, kind in (
        ("assignee_user_id", "ticket-assigned"),
        ("assignee_team_id", "ticket-team-assigned"),
    ):
        if values[field] is not None:
            happenings.record(work, ticket_id, kind, {field: values[field]})
    if opening.split_from is not None:
        happenings.record(work, ticket_id, "ticket-split", {"split_from": opening.split_from})
