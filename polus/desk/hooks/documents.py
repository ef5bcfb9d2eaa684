"""The document that HTTP integrations are filled from: the ticket with its customer, people and messages at one moment.

`{{context}}` is this document with the delivery's `event` and `message` in it (reference, HTTP integrations).
"""

from typing import Any

import msgspec

from polus.base import wire
from polus.desk.customers import forms
from polus.desk.tickets import projections
from polus.store.work import Work

MOST_MESSAGES = 50
# Characters: a call may carry 1 MiB, and templates add to it.
MOST = 900_000

TICKET = (
    "json_build_object('id', t.id, 'uri', '/api/tickets/' || t.id || '/', 'external_id', t.external_id,"
    " 'status', t.status, 'priority', "
    + projections.PRIORITY
    + """, 'channel', t.channel, 'via', t.via, 'spam', t.spam, 'from_agent', t.from_agent,
  'customer_id', t.customer_id, 'assignee_user_id', t.assignee_user_id, 'assignee_team_id', t.assignee_team_id,
  'subject', t.subject, 'meta', t.meta, 'language', t.language, 'custom_fields', t.custom_fields,
  'created_datetime', wire_json(t.created_datetime), 'opened_datetime', wire_json(t.opened_datetime),
  'trashed_datetime', wire_json(t.trashed_datetime),
  'last_message_datetime', wire_json(t.last_message_datetime),
  'last_received_message_datetime', wire_json(t.last_received_message_datetime),
  'updated_datetime', wire_json(t.updated_datetime), 'closed_datetime', wire_json(t.closed_datetime),
  'snooze_datetime', wire_json(t.snooze_datetime),
  'store', case when t.store_id is not null then json_build_object('id', t.store_id) end, """
    + projections.ASSIGNEES
    + projections.TAGS
    + """
  'customer', p.wire, 'requester', p.wire, 'messages', coalesce((
    select json_agg(n.wire order by n.created_datetime, n.id) from (
      select m.created_datetime, m.id, """
    + projections.MESSAGE_IN_TICKET
    + """ as wire from messages m where m.account_id = t.account_id and m.ticket_id = t.id
      order by m.created_datetime desc, m.id desc limit $4) n), '[]'::json))"""
)
USER = """
(select json_build_object('id', u.id, 'name', u.name, 'firstname', firstname(u.name), 'lastname', lastname(u.name),
  'email', u.email, 'bio', u.bio) from users u where u.account_id = $1 and u.id = $3)
"""
READ = (
    "select t.customer_id, json_build_object('account', json_build_object('domain', a.domain), 'ticket', "
    + TICKET
    + ", 'current_user', "
    + USER
    + """)::text as body
from tickets t join accounts a on a.id = t.account_id
left join lateral (select """
    + forms.TICKET_DETAIL
    + """ as wire from customers c where c.account_id = t.account_id and c.id = t.customer_id) p on true
where t.account_id = $1 and t.id = $2 and t.merged_into_id is null
"""
)
INSERT = "insert into http_documents (account_id, body, created_datetime) values ($1, $2, $3) returning id"


class Stored(msgspec.Struct, frozen=True):
    """A document that was kept, and whom its ticket is about."""

    id: int
    customer_id: int | None


async def store(work: Work, ticket_id: int, user_id: int | None) -> Stored | None:
    """Keep the ticket as it is now; `user_id`: who acts. None when the ticket is gone."""
    row = await work.db.fetchrow(READ, work.account.id, ticket_id, user_id, MOST_MESSAGES)
    if row is None:
        return None
    body = row["body"] if len(row["body"]) <= MOST else _shortened(row["body"])
    document_id = await work.db.fetchval(INSERT, work.account.id, body, work.now)
    return Stored(document_id, row["customer_id"])


def _shortened(body: str) -> str:
    """Without the oldest messages, then with the bodies of those that are left cut."""
    document: dict[str, Any] = msgspec.json.decode(body)
    messages = document["ticket"]["messages"]
    sizes = [len(wire.encode(message)) for message in messages]
    room = MOST - (len(body) - sum(sizes))
    while len(messages) > 1 and sum(sizes) > room:
        del messages[0], sizes[0]
    if sum(sizes) > room:
        for name in ("body_html", "stripped_html", "body_text", "stripped_text"):
            messages[0][name] = (messages[0][name] or "")[: max(room // 5, 0)]
    return wire.encode(document)
