"""Messages of tickets: added, corrected, sent or failed, deleted. How they enter and leave the house is in `channels`."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, figures, html, text, wire
from polus.desk import files, mail_signatures, presence, redaction
from polus.desk.tickets import drafts, happenings, lifecycle, parties, people, projections, rows, tickets
from polus.desk.tickets.drafts import Draft
from polus.store.work import Work

LIST = "select {sort}, m.id, " + projections.MESSAGE + " from messages m"
# `$2` is nobody here: messages do not say who has read them.
GET = (
    "select "
    + projections.MESSAGE
    + " from messages m where m.account_id = $1 and m.id = $2 and m.ticket_id = $3"
)

# One page of a ticket's messages, oldest first, with the count for the page-number meta.
PAGE = (
    "select {sort}, m.id, "
    + projections.MESSAGE
    + ", t.messages_count from messages m join tickets t on t.account_id = m.account_id and t.id = m.ticket_id"
)

# Everything a new message's effects depend on, with the ticket locked.
CONTEXT = (
    """
select t.status, t.spam, t.imported, t.customer_id, t.assignee_user_id, t.closed_datetime, t.snooze_datetime,
  t.merged_into_id, t.updated_datetime,
  coalesce((s.data->>'unassign_on_reply')::boolean, true) as unassign_on_reply,
  coalesce((s.data->>'auto_assign_ticket_to_responding_agent')::boolean, false) as assign_to_responding,
  coalesce(s.data->'unassign_on_user_unavailability', '["chat"]') ? t.channel and exists (
    select from users u where u.account_id = t.account_id and u.id = t.assignee_user_id
      and not """
    + presence.AVAILABLE.replace("{now}", "$3")
    + """) as assignee_away,
  heard.integration_id as received_by, heard.channel as received_on,
  array(select regexp_replace(lower(value #>> '{}'), '[+][^@]*@', '@')
    from jsonb_path_query(heard.source, '$.*[*].address') as q (value)) || coalesce(heard.delivered_to, '')
    as received_at
from tickets t left join account_settings s on s.account_id = t.account_id and s.type = 'ticket-assignment'
left join lateral (select m.integration_id, m.channel, m.source, m.meta->>'delivered_to' as delivered_to
  from messages m where m.account_id = t.account_id and m.ticket_id = t.id and not m.from_agent and m.integration_id is not null
  order by m.created_datetime desc limit 1) heard on true
where t.account_id = $1 and t.id = $2 for update of t
"""
)

# The ticket repeats of a new message what lists show; an older (imported) message does not become the excerpt.
ADVANCE = """
update tickets t set
  updated_datetime = $3, messages_count = messages_count + 1, status = $4, closed_datetime = $5, snooze_datetime = $6,
  assignee_user_id = $7,
  excerpt = case when newest.id = $8 then $9 else excerpt end,
  last_message_datetime = case when $10 then greatest(last_message_datetime, $11) else last_message_datetime end,
  last_received_message_datetime = case when $12 then greatest(last_received_message_datetime, $11)
    else last_received_message_datetime end,
  not_delivered = case when $13 then $14 else not_delivered end,
  integration_ids = case when $15::bigint is null or $15 = any(integration_ids) then integration_ids
    else integration_ids || $15::bigint end,
  unread_datetime = case when $16 then greatest(unread_datetime, $3) else unread_datetime end
from (select id from messages where account_id = $1 and ticket_id = $2 order by created_datetime desc, id desc limit 1)
  as newest
where t.account_id = $1 and t.id = $2
"""

# A new message makes the ticket unread for everybody but who wrote it down here and had read it before.
KEEP_READ = """
update ticket_reads r set read_datetime = $4
from tickets t
where r.account_id = $1 and r.ticket_id = $2 and r.user_id = $3 and t.account_id = $1 and t.id = $2
  and r.read_datetime >= t.unread_datetime
"""

MENTION = """
insert into message_mentions (account_id, message_id, user_id)
select $1, $2, id from users where account_id = $1 and id = any($3::bigint[]) and deleted_datetime is null
on conflict do nothing returning user_id
"""

LOCK = """
select m.*, t.customer_id from messages m join tickets t on t.account_id = m.account_id and t.id = m.ticket_id
where m.account_id = $1 and m.id = $2 and m.ticket_id = $3 for update
"""

UPDATE = """
update messages set attachments = $3, body_html = $4, body_text = $5, external_id = $6, failed_datetime = $7,
  message_id = $8, receiver_id = $9, sender_id = $10, sent_datetime = $11, source = $12, subject = $13, via = $14,
  headers = $15, integration_id = $16, meta = $17, last_sending_error = $18, is_retriable = $19
where account_id = $1 and id = $2
"""
MUTABLE = [
    "attachments",
    "body_html",
    "body_text",
    "external_id",
    "failed_datetime",
    "message_id",
    "receiver_id",
    "sender_id",
    "sent_datetime",
    "source",
    "subject",
    "via",
    "headers",
    "integration_id",
    "meta",
    "last_sending_error",
    "is_retriable",
]
JSON = ("attachments", "source", "headers", "meta", "last_sending_error")

DELETE = """
delete from messages where account_id = $1 and id = $2 and ticket_id = $3 returning channel, from_agent
"""

SENT = """
update messages m set sent_datetime = coalesce(sent_datetime, $3), failed_datetime = null, last_sending_error = null,
  is_retriable = true
where account_id = $1 and id = $2 returning ticket_id, channel, created_datetime,
  (select not_delivered from tickets t where t.account_id = m.account_id and t.id = m.ticket_id) as not_delivered
"""
OPENED = """
update messages set opened_datetime = $3
where account_id = $1 and id = any($2::bigint[]) and opened_datetime is null returning ticket_id
"""
FAILED = """
update messages set failed_datetime = $3, last_sending_error = $4, is_retriable = $5
where account_id = $1 and id = $2 returning ticket_id, channel, from_agent
"""

NEWEST = """
select
  (select count(*) from messages where account_id = $1 and ticket_id = $2) as count,
  (select (failed_datetime is not null) from messages where account_id = $1 and ticket_id = $2 and from_agent and public
    order by created_datetime desc, id desc limit 1) as not_delivered,
  n.stripped_text, n.body_text, n.body_html
from (select 1) one left join lateral (select * from messages where account_id = $1 and ticket_id = $2
  order by created_datetime desc, id desc limit 1) n on true
"""
RESUMMARISE = """
update tickets set messages_count = $3, excerpt = $4, not_delivered = $5 where account_id = $1 and id = $2
"""


async def get(work: Work, ticket_id: int, message_id: int) -> str:
    """The message's wire form; 404 when it is not of that ticket, 301 when the ticket was merged."""
    answer = await work.db.fetchval(GET, work.account.id, message_id, ticket_id)
    if answer is None:
        await tickets.require(work, ticket_id)
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


COUNT = "select messages_count, merged_into_id from tickets where account_id = $1 and id = $2"
IS_NOTE = "select not public from messages where account_id = $1 and id = $2 and ticket_id = $3"


async def count(work: Work, ticket_id: int) -> int:
    """How many messages a ticket has; 404, 301."""
    row = tickets.there(await work.db.fetchrow(COUNT, work.account.id, ticket_id))
    return row["messages_count"]  # type: ignore[no-any-return]


async def is_note(work: Work, ticket_id: int, message_id: int) -> bool:
    """Whether the message is an internal note; 404, 301."""
    note = await work.db.fetchval(IS_NOTE, work.account.id, message_id, ticket_id)
    if note is None:
        await tickets.require(work, ticket_id)
        raise errors.NotFound
    return note  # type: ignore[no-any-return]


async def add(work: Work, ticket_id: int, draft: Draft) -> int:
    """Store a message in a ticket, with all it does to the ticket; its id. 404, 301, 400.

    Events: ticket-message-created, then ticket-updated and what re-opening and assignment call for.
    """
    old = await work.db.fetchrow(CONTEXT, work.account.id, ticket_id, work.now)
    tickets.there(old)
    reference = {"id": old["customer_id"]}
    known = await people.resolve(
        work, drafts.references(draft), old["customer_id"] if draft.incoming else None
    )
    problems = drafts.check(draft, known)
    if problems:
        raise errors.Invalid(problems)
    sender_id, receiver_id = await parties.of(work, draft, known, reference, old["customer_id"])
    if draft.by_email:
        await drafts.address(work, draft, old["customer_id"], old["received_by"], old["received_at"])
        await mail_signatures.put_under(work, ticket_id, draft)
    elif draft.unsent and draft.integration_id is None and draft.channel == old["received_on"]:
        draft.integration_id = old["received_by"]
    await redaction.draft(work, draft)
    written = rows.complete(draft, sender_id, receiver_id, work.now)
    message_id = await rows.add_message(work, ticket_id, written)
    await _mention(work, message_id, draft)
    new = _effects(work, old, draft, sender_id)
    await _advance(work, ticket_id, message_id, old, new, written)
    happenings.message(work, ticket_id, message_id, "ticket-message-created", draft)
    if not happenings.changed(work, ticket_id, {key: old[key] for key in new}, new):
        happenings.record(work, ticket_id, "ticket-updated")
    return message_id


def _effects(work: Work, old: Any, draft: Draft, sender_id: int | None) -> dict[str, Any]:
    """What the message does to status and assignment."""
    new = {key: old[key] for key in ("status", "closed_datetime", "snooze_datetime", "assignee_user_id")}
    if draft.imported:
        return new
    if draft.incoming:
        # Who is not there cannot see it; the team can.
        away = {"assignee_user_id": None} if old["assignee_away"] else {}
        return new | lifecycle.on_customer_message(old, old["unassign_on_reply"]) | away
    answers = not draft.note and work.actor.user_id is not None and sender_id == work.actor.user_id
    if answers and old["assign_to_responding"] and old["assignee_user_id"] is None:
        new["assignee_user_id"] = sender_id
    return new


async def _advance(
    work: Work, ticket_id: int, message_id: int, old: Any, new: Mapping[str, Any], written: rows.Written
) -> None:
    draft = written.draft
    public_agent = draft.from_agent and not draft.note
    if draft.incoming and work.actor.user_id is not None:
        await work.db.execute(KEEP_READ, work.account.id, ticket_id, work.actor.user_id, work.now)
    await work.db.execute(
        ADVANCE,
        work.account.id,
        ticket_id,
        work.now,
        new["status"],
        new["closed_datetime"],
        new["snooze_datetime"],
        new["assignee_user_id"],
        message_id,
        draft.excerpt,
        rows.counts(draft),
        written.created_datetime,
        draft.incoming,
        public_agent,
        draft.failed_datetime is not None,
        draft.integration_id,
        draft.incoming and not draft.imported,
    )
    if draft.from_agent and work.actor.user_id is not None:
        await tickets.mark(work, ticket_id, unread=False)


async def _mention(work: Work, message_id: int, draft: Draft) -> None:
    if not draft.mention_ids:
        return
    found = await work.db.fetch(MENTION, work.account.id, message_id, draft.mention_ids)
    unknown = set(draft.mention_ids) - {row["user_id"] for row in found}
    if unknown:
        raise errors.one("mention_ids", errors.MISSING_OBJECT)


async def update(work: Work, ticket_id: int, message_id: int, given: Mapping[str, Any]) -> None:
    """Correct a stored message; one that is unsent or failed is sent (again) unless `sent_datetime` is given.

    404, 301, 400. Event ticket-message-updated.
    """
    row = await work.db.fetchrow(LOCK, work.account.id, message_id, ticket_id)
    if row is None:
        await tickets.require(work, ticket_id)
        raise errors.NotFound
    old = {**row, **{name: None if row[name] is None else msgspec.json.decode(row[name]) for name in JSON}}
    problems = {
        field: ["May not be changed."]
        for field in ("channel", "from_agent")
        if given.get(field, old[field]) != old[field]
    }
    if problems:
        raise errors.Invalid(problems)
    draft = Draft(
        channel=old["channel"],
        from_agent=old["from_agent"],
        sender=given.get("sender"),
        receiver=given.get("receiver"),
    )
    known = await people.resolve(work, drafts.references(draft))
    problems = drafts.check(draft, known)
    if problems:
        raise errors.Invalid(problems)
    new = await _corrected(work, old, given, draft, known)
    if all(new[name] == old[name] for name in MUTABLE):
        return
    for name in JSON:
        new[name] = None if new[name] is None else wire.encode(new[name])
    await work.db.execute(UPDATE, work.account.id, message_id, *(new[name] for name in MUTABLE))
    await resummarise(work, ticket_id)
    happenings.message(work, ticket_id, message_id, "ticket-message-updated", draft)


async def _corrected(
    work: Work, old: Mapping[str, Any], given: Mapping[str, Any], draft: Draft, known: people.Known
) -> dict[str, Any]:
    """The message's columns as they are to be."""
    new = {name: old[name] for name in MUTABLE}
    new |= {name: given[name] for name in MUTABLE if name in given}
    new |= await redaction.values(work, {name: new[name] for name in redaction.FIELDS if name in given})
    if "attachments" in given:
        new["attachments"] = rows.attachments(new["attachments"])
        await files.reference(work, (item["url"] for item in new["attachments"] or ()))
    draft.source = {**old["source"], **(given.get("source") or {})}
    new["source"] = drafts.source_of(draft)
    reference = {"id": old["customer_id"]}
    sender_id, receiver_id = await parties.of(work, draft, known, reference, old["customer_id"])
    if given.get("sender"):
        new["sender_id"] = sender_id
    if given.get("receiver"):
        new["receiver_id"] = receiver_id
    if "sent_datetime" not in given and old["sent_datetime"] is None and old["from_agent"]:
        # The delivery starts anew; see the reaction to ticket-message-updated.
        new |= {
            "failed_datetime": given.get("failed_datetime"),
            "last_sending_error": None,
            "is_retriable": True,
        }
    return new


async def delete(work: Work, ticket_id: int, message_id: int) -> None:
    """Delete a message; the ticket stays, its last_… datetimes too (wire). 404, 301. Event ticket-message-deleted."""
    row = await work.db.fetchrow(DELETE, work.account.id, message_id, ticket_id)
    if row is None:
        await tickets.require(work, ticket_id)
        raise errors.NotFound
    await resummarise(work, ticket_id)
    data = {"ticket_id": ticket_id, "channel": row["channel"], "from_agent": row["from_agent"]}
    work.record("ticket-message-deleted", "TicketMessage", message_id, data, ticket_id=ticket_id)


async def resummarise(work: Work, ticket_id: int) -> None:
    """Bring what the ticket repeats of its messages up to date after one of them changed or went."""
    row = await work.db.fetchrow(NEWEST, work.account.id, ticket_id)
    said = (
        row["stripped_text"]
        or row["body_text"]
        or (row["body_html"] and html.to_text(row["body_html"]))
        or ""
    )
    # wire: "" for a message without text, null for a ticket without messages
    excerpt = text.excerpt(said) if row["count"] else None
    await work.db.execute(
        RESUMMARISE, work.account.id, ticket_id, row["count"], excerpt, bool(row["not_delivered"])
    )


async def sent(work: Work, message_id: int) -> None:
    """The outside took it. Event ticket-message-updated only through what follows; the page is told."""
    row = await work.db.fetchrow(SENT, work.account.id, message_id, work.now)
    if row is not None:
        channel = row["channel"] if row["channel"] in drafts.DELIVERED else "other"
        figures.sent.labels(channel).observe(max((work.now - row["created_datetime"]).total_seconds(), 0.0))
        if row["not_delivered"]:
            await resummarise(work, row["ticket_id"])
        work.ring("ticket", work.account.id, row["ticket_id"])


async def opened(work: Work, message_ids: Sequence[int]) -> None:
    """The customer has them before his eyes; the page is told. The first time counts."""
    for row in await work.db.fetch(OPENED, work.account.id, list(message_ids), work.now):
        work.ring("ticket", work.account.id, row["ticket_id"])


async def failed(work: Work, message_id: int, error: str, *, retriable: bool) -> None:
    """It could not be sent, or bounced; `error` is HTML for the agent. Event ticket-message-failed."""
    row = await work.db.fetchrow(
        FAILED, work.account.id, message_id, work.now, wire.encode({"error": error}), retriable
    )
    if row is None:
        return
    await resummarise(work, row["ticket_id"])
    data = {
        "ticket_id": row["ticket_id"],
        "channel": row["channel"],
        "from_agent": row["from_agent"],
        "error": error,
    }
    work.record("ticket-message-failed", "TicketMessage", message_id, data, ticket_id=row["ticket_id"])
