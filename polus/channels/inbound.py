"""The one entry for words from outside, whatever the channel: once, from a customer, into the right ticket.

A channel reads its own format and says what it knows of the thread; everything else is decided here.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk.customers import references
from polus.desk.tickets import messages, opening
from polus.desk.tickets.drafts import Draft
from polus.desk.tickets.opening import Opening
from polus.store.work import Work

# Two copies that are taken in at once wait here for one another.
LOCK = "select pg_advisory_xact_lock(hashtextextended($2, $1))"

KNOWN = """
select id, ticket_id from messages where account_id = $1 and message_id = $2 order by id limit 1
"""

# The messages that the new one says it answers, and the tickets they live in now.
ANSWERED = """
select m.message_id, m.from_agent, coalesce(t.merged_into_id, t.id) as ticket_id
from messages m join tickets t on t.account_id = m.account_id and t.id = m.ticket_id
where m.account_id = $1 and m.message_id = any($2::text[])
order by m.id desc
"""

SURVIVOR = "select coalesce(merged_into_id, id) from tickets where account_id = $1 and id = $2"

# Whether somebody takes part in a ticket: its customer, by whichever of his addresses, or named by its messages.
TAKES_PART = """
select exists (
  select from tickets t join customer_channels h on h.account_id = t.account_id and h.customer_id = t.customer_id
  where t.account_id = $1 and t.id = $2 and h.key = $3 and h.deleted_datetime is null
) or exists (
  select from messages m, jsonb_path_query(m.source, '$.*[*].address') as named (address)
  where m.account_id = $1 and m.ticket_id = $2 and lower(named.address #>> '{}') = $3
)
"""

# Two of one customer's that are taken in at once: the second finds the first one's ticket.
TURN = "select pg_advisory_xact_lock(hashtextextended('auto-merge ' || $2::bigint, $1))"
AUTO_MERGE = """
select t.id from tickets t join account_settings s on s.account_id = t.account_id and s.type = 'auto-merge'
where t.account_id = $1 and t.customer_id = $2 and t.channel = $3 and t.status = 'open' and not t.spam
  and t.trashed_datetime is null and t.merged_into_id is null
  and (s.data->'tickets'->>'enabled')::boolean
  and t.created_datetime > $4::timestamptz - make_interval(days => (s.data->'tickets'->>'merging_window_days')::int)
  and not exists (select from events e where e.account_id = t.account_id and e.ticket_id = t.id
    and e.type = 'ticket-excluded-from-auto-merge')
order by t.created_datetime desc limit 1
"""


# Whether an answer to this ticket comes so late that it begins a new one.
LATE = """
select t.id from tickets t join account_settings s on s.account_id = t.account_id and s.type = 'auto-split'
where t.account_id = $1 and t.id = $2 and t.status = 'closed' and t.snooze_datetime is null
  and (s.data->'email'->>'enabled')::boolean
  and coalesce(t.last_message_datetime, t.created_datetime)
    < $3::timestamptz - make_interval(days => coalesce((s.data->'email'->>'split_after_days')::int, 30))
"""


class Clue(msgspec.Struct, frozen=True):
    """What the channel knows of the thread: the id of a message that is answered, or a ticket that is proven."""

    message_id: str | None = None
    ticket_id: int | None = None


class Inbound(msgspec.Struct, frozen=True, kw_only=True):
    """A message from outside. `message_id` is its identity on its channel: equal ones are copies.

    `address` is what its sender is known by on the channel, `sender` a reference to the customer; `clues` are tried
    in their order. `attachments` are in the wire's form. `spam`: a ticket that it opens is spam.
    `apart`: it joins no open ticket of its customer, who may be somebody else: whoever spoke last there is answered.
    `alone`: who brings it holds a lock of his own, so that no copy of it comes at the same time.
    `history_datetime`: when a message arrived that was dealt with before the helpdesk came; it is imported, which calls
    no rule, and a ticket that it begins is closed.
    """

    channel: str
    message_id: str
    address: str
    sender: dict[str, Any]
    source: dict[str, Any]
    integration_id: int | None = None
    clues: Sequence[Clue] = ()
    subject: str | None = None
    body_text: str | None = None
    body_html: str | None = None
    stripped_text: str | None = None
    stripped_html: str | None = None
    stripped_signature: str | None = None
    attachments: list[dict[str, Any]] | None = None
    headers: dict[str, str] | None = None
    meta: dict[str, Any] | None = None
    spam: bool = False
    apart: bool = False
    alone: bool = False
    sent_datetime: datetime.datetime | None = None
    history_datetime: datetime.datetime | None = None


class Accepted(msgspec.Struct, frozen=True):
    """Where it is now. `duplicate`: it was there before, and nothing was done."""

    ticket_id: int
    message_id: int
    duplicate: bool = False


async def known(work: Work, message_id: str, *, alone: bool = False) -> Accepted | None:
    """Where a copy of the message is, if there is one; until the transaction ends nobody else takes one in."""
    if not alone:
        await work.db.execute(LOCK, work.account.id, message_id)
    row = await work.db.fetchrow(KNOWN, work.account.id, message_id)
    return None if row is None else Accepted(row["ticket_id"], row["id"], duplicate=True)


async def accept(work: Work, inbound: Inbound) -> Accepted:
    """Take a message in: once, from a customer who is found or made, into the ticket it belongs to or a new one."""
    copy = await known(work, inbound.message_id, alone=inbound.alone)
    if copy is not None:
        return copy
    customer_id = await references.find_or_create(work, inbound.sender, keep=True)
    ticket_id = await _ticket(work, inbound)
    late, then = None, inbound.history_datetime
    if ticket_id is None and then is None and not inbound.apart:
        await work.db.execute(TURN, work.account.id, customer_id)
        ticket_id = await work.db.fetchval(
            AUTO_MERGE, work.account.id, customer_id, inbound.channel, work.now
        )
    elif inbound.channel == "email" and then is None:
        late = await work.db.fetchval(LATE, work.account.id, ticket_id, work.now)
        ticket_id = None if late else ticket_id
    draft = _draft(inbound, customer_id)
    while ticket_id is not None:
        try:
            return Accepted(ticket_id, await messages.add(work, ticket_id, draft))
        except errors.Merged as merged:  # since it was looked up
            ticket_id = merged.survivor_id
        except errors.NotFound:
            break
    ticket_id = await opening.create(
        work,
        Opening(
            messages=[draft],
            customer={"id": customer_id},
            channel=inbound.channel,
            via=inbound.channel,
            split_from=late,
            spam=inbound.spam,
            imported=then is not None,
            status="open" if then is None else "closed",
            created_datetime=then,
            closed_datetime=then,
        ),
    )
    made = await work.db.fetchrow(KNOWN, work.account.id, inbound.message_id)
    return Accepted(ticket_id, made["id"])


def _draft(inbound: Inbound, customer_id: int) -> Draft:
    return Draft(
        channel=inbound.channel,
        via=inbound.channel,
        from_agent=False,
        sender={"id": customer_id},
        source=inbound.source,
        subject=inbound.subject,
        body_text=inbound.body_text,
        body_html=inbound.body_html,
        stripped_text=inbound.stripped_text,
        stripped_html=inbound.stripped_html,
        stripped_signature=inbound.stripped_signature,
        attachments=inbound.attachments,
        headers=inbound.headers,
        meta=inbound.meta,
        message_id=inbound.message_id,
        integration_id=inbound.integration_id,
        sent_datetime=inbound.sent_datetime,
        imported=inbound.history_datetime is not None,
        created_datetime=inbound.history_datetime,
    )


async def _ticket(work: Work, inbound: Inbound) -> int | None:
    """The ticket of the first clue that leads to one the sender may write into."""
    ids = [clue.message_id for clue in inbound.clues if clue.message_id]
    answered: dict[str, Any] = {}
    if ids:
        for row in await work.db.fetch(ANSWERED, work.account.id, ids):
            answered.setdefault(row["message_id"], row)
    proven = {
        await work.db.fetchval(SURVIVOR, work.account.id, clue.ticket_id)
        for clue in inbound.clues
        if clue.ticket_id is not None
    } - {None}
    for clue in inbound.clues:
        row = answered.get(clue.message_id or "")
        # Our own ids can be guessed, their numbers being consecutive: a stranger needs more than that to get in.
        if row is not None and (
            not row["from_agent"]
            or row["ticket_id"] in proven
            or await work.db.fetchval(TAKES_PART, work.account.id, row["ticket_id"], inbound.address.lower())
        ):
            return row["ticket_id"]  # type: ignore[no-any-return]
    return next(iter(proven), None)
