"""An agent's message goes out by its channel: into the chat of its visitor, as a text or as a mail, whose sending are
lanes of their own.

The Message-ID and the thread are fixed here, before anything is sent: every attempt is the same mail.
"""

from typing import Any

import msgspec

from polus.base import addresses
from polus.channels.chat import lines
from polus.channels.email import threading
from polus.channels.texts import deliveries
from polus.channels.texts.providers import CHANNELS as TEXTS
from polus.desk.tickets import drafts, messages
from polus.reactions.event import Event
from polus.store.work import Work

UNSENT = """
select m.id, m.ticket_id, m.channel, m.message_id, m.source::text as source from messages m
join tickets t on t.account_id = m.account_id and t.id = m.ticket_id
where m.account_id = $1 and m.id = $2 and m.from_agent and m.public and m.channel = any($3::text[])
  and m.sent_datetime is null and m.failed_datetime is null and m.deleted_datetime is null and not m.held
  and m.imported is not true and t.imported is not true
for update of m
"""

# What was said before, oldest first; the answer is to what the customer said last.
THREAD = """
select coalesce(array_agg(message_id order by created_datetime, id), '{}') as ids,
  (array_agg(message_id order by from_agent, created_datetime desc, id desc))[1] as newest
from (
  select p.message_id, p.created_datetime, p.id, p.from_agent
  from messages p join messages m on m.account_id = p.account_id and m.ticket_id = p.ticket_id
  where m.account_id = $1 and m.id = $2 and p.public and p.message_id is not null
    and (p.created_datetime, p.id) < (m.created_datetime, m.id)
  order by p.created_datetime desc, p.id desc limit 20
) before
"""

NAME = "update messages set message_id = $3 where account_id = $1 and id = $2"

# One that waits for its next attempt is due now; one that is being sent at this moment stays as it is.
QUEUE = """
insert into deliveries as d (account_id, message_id, recipients, reference_ids, in_reply_to, created_datetime,
  due_datetime, ticket_id)
values ($1, $2, $3, $4, $5, $6, $6, $7)
on conflict (account_id, message_id) do update set recipients = excluded.recipients,
  reference_ids = excluded.reference_ids, in_reply_to = excluded.in_reply_to, attempts = 0,
  created_datetime = excluded.created_datetime, due_datetime = excluded.due_datetime, error = null
where d.worker is null
"""

CHANNELS = (*drafts.BY_EMAIL, lines.CHANNEL, *TEXTS)
NO_SENDER = "<p>The message has no e-mail address to be sent from.</p>"
NO_RECIPIENT = "<p>The message has no e-mail address to be sent to.</p>"


async def run(work: Work, event: Event) -> None:
    """Send the message when it is an unsent one of an agent, whatever happened to it since the event."""
    row = await work.db.fetchrow(UNSENT, work.account.id, event.object_id, list(CHANNELS))
    if row is None:
        return
    if row["channel"] == lines.CHANNEL:
        await lines.answer(work, row["id"], row["ticket_id"])
    elif row["channel"] in TEXTS:
        source = msgspec.json.decode(row["source"])
        await deliveries.send(work, row["id"], row["ticket_id"], row["channel"], source)
    else:
        await _post(work, row)


async def _post(work: Work, row: Any) -> None:
    source = msgspec.json.decode(row["source"])
    sender = (source.get("from") or {}).get("address") or ""
    recipients = _recipients(source)
    if not addresses.is_email(sender) or not recipients:
        why = NO_RECIPIENT if addresses.is_email(sender) else NO_SENDER
        await messages.failed(work, row["id"], why, retriable=False)
        return
    if row["message_id"] is None:
        made = threading.message_id(row["ticket_id"], row["id"], sender.rpartition("@")[2])
        await work.db.execute(NAME, work.account.id, row["id"], made)
    thread = await work.db.fetchrow(THREAD, work.account.id, row["id"])
    told = (recipients, thread["ids"], thread["newest"], work.now, row["ticket_id"])
    await work.db.execute(QUEUE, work.account.id, row["id"], *told)
    work.ring("work", "deliveries")


def _recipients(source: dict[str, Any]) -> list[str]:
    """The envelope: everybody in To, Cc and Bcc, once."""
    given = [one.get("address") or "" for name in ("to", "cc", "bcc") for one in source.get(name) or []]
    return list({one.lower(): one for one in given if addresses.is_email(one)}.values())
