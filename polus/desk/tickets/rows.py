"""Writes a ticket with its messages, or one more message, in one statement each."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import wire
from polus.desk import files
from polus.desk.tickets.drafts import Draft, source_of
from polus.store.work import Work

# The columns of a message as they come from a draft, typed for json_to_recordset.
COLUMNS = (
    "message_id text, external_id text, public boolean, channel text, via text, source jsonb, sender_id bigint,"
    " receiver_id bigint, integration_id bigint, rule_id bigint, from_agent boolean, subject text, body_text text,"
    " body_html text, stripped_text text, stripped_html text, stripped_signature text, attachments jsonb,"
    " macros jsonb, actions jsonb, headers jsonb, meta jsonb, imported boolean, created_datetime timestamptz,"
    " deleted_datetime timestamptz, sent_datetime timestamptz, failed_datetime timestamptz,"
    " opened_datetime timestamptz, last_sending_error jsonb, held boolean"
)
NAMES = ", ".join(column.split()[0] for column in COLUMNS.split(", "))

OPEN = (
    """
with ticket as (
  insert into tickets (account_id, external_id, status, priority, channel, via, from_agent, spam, imported,
    customer_id, assignee_user_id, assignee_team_id, language, subject, meta, custom_fields, excerpt, messages_count,
    not_delivered, integration_ids, unread_datetime, created_datetime, processed_datetime, opened_datetime,
    last_received_message_datetime, last_message_datetime, updated_datetime, closed_datetime, trashed_datetime,
    snooze_datetime, split_from)
  values ($1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25,
    $26, $27, $28, $29, $30, $31, $32, $33)
  returning id
), written as (
  insert into messages (account_id, ticket_id, processed_datetime, """
    + NAMES
    + """)
  select $1, ticket.id, $25, """
    + NAMES
    + """ from ticket, json_to_recordset($2::json) as r ("""
    + COLUMNS
    + """) returning id
), reads as (
  insert into ticket_reads (account_id, ticket_id, user_id, read_datetime)
  select $1, ticket.id, $3, $23 from ticket where $3::bigint is not null
), labels as (
  insert into ticket_tags (account_id, ticket_id, tag_id)
  select $1, ticket.id, tag from ticket, unnest($34::bigint[]) as tag
)
select (select id from ticket) as id, array(select id from written order by id) as message_ids
"""
)

ADD = (
    """
insert into messages (account_id, ticket_id, processed_datetime, """
    + NAMES
    + """)
select $1, $2, $4, """
    + NAMES
    + """ from json_to_recordset($3::json) as r ("""
    + COLUMNS
    + """) returning id
"""
)


class Written(msgspec.Struct):
    """A draft that knows whom it is from and to, and when it was made."""

    draft: Draft
    sender_id: int | None
    receiver_id: int | None
    created_datetime: datetime.datetime


def complete(draft: Draft, sender_id: int | None, receiver_id: int | None, now: datetime.datetime) -> Written:
    """The draft with the moments the reference fills in."""
    created = draft.created_datetime or now
    if draft.sent_datetime is None and draft.failed_datetime is None and not draft.held:
        if draft.incoming or draft.note:
            # wire: a customer's message without `sent_datetime` was sent when it was made
            draft.sent_datetime = created
        elif not draft.unsent:
            draft.sent_datetime = created if draft.imported else now
    return Written(draft, sender_id, receiver_id, created)


def records(written: Sequence[Written], *, imported: bool = False) -> str:
    """The messages as the JSON that the statements read; nothing of an `imported` ticket waits for anything."""
    rows = []
    for item in written:
        draft = item.draft
        row: dict[str, Any] = {name: getattr(draft, name, None) for name in _PLAIN}
        row |= {
            "public": not draft.note,
            "source": source_of(draft),
            "sender_id": item.sender_id,
            "receiver_id": item.receiver_id,
            "created_datetime": item.created_datetime,
            "attachments": attachments(draft.attachments),
            "macros": draft.macros or [],
            "held": draft.held and not imported,
        }
        rows.append(row)
    return wire.encode(rows)


_PLAIN = [
    name
    for name in NAMES.split(", ")
    if name
    not in (
        "public",
        "source",
        "sender_id",
        "receiver_id",
        "created_datetime",
        "attachments",
        "macros",
        "held",
    )
]


def attachments(given: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Attachments as stored and told; keys in the wire's order."""
    # wire: a message without attachments has null, not []
    if not given:
        return None
    return [
        {
            "url": item["url"],
            "name": item.get("name"),
            "size": item.get("size"),
            "content_type": item["content_type"],
            "public": item.get("public", True),
            "extra": item.get("extra"),
        }
        for item in given
    ]


class Summary(msgspec.Struct):
    """What a ticket repeats of its messages, for lists."""

    excerpt: str
    not_delivered: bool
    integration_ids: list[int]
    last_message_datetime: datetime.datetime | None
    last_received_message_datetime: datetime.datetime | None


def summarise(written: Sequence[Written]) -> Summary:
    """The repeated facts of a new ticket's messages."""
    newest = max(written, key=lambda item: item.created_datetime)
    outgoing = [item for item in written if item.draft.from_agent and not item.draft.note]
    last_out = max(outgoing, key=lambda item: item.created_datetime, default=None)
    counted = [item.created_datetime for item in written if counts(item.draft)]
    received = [item.created_datetime for item in written if item.draft.incoming]
    return Summary(
        excerpt=newest.draft.excerpt,
        not_delivered=last_out is not None and last_out.draft.failed_datetime is not None,
        integration_ids=sorted({i for item in written if (i := item.draft.integration_id) is not None}),
        last_message_datetime=max(counted, default=None),
        last_received_message_datetime=max(received, default=None),
    )


def counts(draft: Draft) -> bool:
    """Whether the message moves `last_message_datetime`: notes do not, and (wire) an agent's phone message neither."""
    return not draft.note and not (draft.from_agent and draft.channel == "phone")


async def open_ticket(
    work: Work,
    values: Mapping[str, Any],
    written: Sequence[Written],
    reader: int | None,
    tag_ids: Sequence[int],
) -> tuple[int, list[int]]:
    """Insert a ticket with all that belongs to it; its id and its messages' ids in order."""
    await _use(work, written)
    row = await work.db.fetchrow(
        OPEN,
        work.account.id,
        records(written, imported=bool(values["imported"])),
        reader,
        *(values[name] for name in TICKET_COLUMNS),
        list(tag_ids),
    )
    return row["id"], row["message_ids"]


# In the order of the statement's parameters from $4 on.
TICKET_COLUMNS = [
    "external_id",
    "status",
    "priority",
    "channel",
    "via",
    "from_agent",
    "spam",
    "imported",
    "customer_id",
    "assignee_user_id",
    "assignee_team_id",
    "language",
    "subject",
    "meta",
    "custom_fields",
    "excerpt",
    "messages_count",
    "not_delivered",
    "integration_ids",
    "unread_datetime",
    "created_datetime",
    "processed_datetime",
    "opened_datetime",
    "last_received_message_datetime",
    "last_message_datetime",
    "updated_datetime",
    "closed_datetime",
    "trashed_datetime",
    "snooze_datetime",
    "split_from",
]


async def _use(work: Work, written: Sequence[Written]) -> None:
    """The files that the messages carry are kept from now on."""
    await files.reference(work, (item["url"] for one in written for item in one.draft.attachments or ()))


async def add_message(work: Work, ticket_id: int, written: Written) -> int:
    """Insert one message; its id."""
    await _use(work, [written])
    return await work.db.fetchval(  # type: ignore[no-any-return]
        ADD, work.account.id, ticket_id, records([written]), work.now
    )
