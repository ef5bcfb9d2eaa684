"""What tickets and messages look like on the wire, as SQL: one truth for the API, rules, templates and live pages.

Aliases: `t` a ticket, `m` a message. `$1` is the account and `$2` the user for whom `is_unread` is told.
"""

from collections.abc import Mapping

from polus.desk import custom_fields, surveys
from polus.desk.customers import forms as customers

PRIORITY = "(array['low', 'normal', 'high', 'critical'])[t.priority]"

USER = """
json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'firstname', firstname(u.name),
  'lastname', lastname(u.name), 'meta', u.meta)
"""

ASSIGNEES = """
'assignee_user', (select json_build_object('id', u.id, 'email', u.email, 'name', u.name,
    'firstname', firstname(u.name), 'lastname', lastname(u.name), 'meta', u.meta, 'bio', u.bio)
  from users u where u.account_id = t.account_id and u.id = t.assignee_user_id),
'assignee_team', (select json_build_object('id', g.id, 'name', g.name, 'decoration', g.decoration)
  from teams g where g.account_id = t.account_id and g.id = t.assignee_team_id),
"""

TAGS = """
'tags', coalesce((select json_agg(json_build_object('id', g.id, 'name', g.name, 'decoration', g.decoration)
    order by g.name) from ticket_tags l join tags g on g.account_id = l.account_id and g.id = l.tag_id
  where l.account_id = t.account_id and l.ticket_id = t.id), '[]'::json),
"""

UNREAD = """
'is_unread', not exists (select from ticket_reads r where r.account_id = t.account_id and r.ticket_id = t.id
  and r.user_id = $2 and r.read_datetime >= t.unread_datetime),
"""

# The keys that both forms share, but for those that make them different.
COMMON = (
    """
'id', t.id, 'uri', '/api/tickets/' || t.id || '/', 'external_id', t.external_id, 'language', t.language,
'status', t.status, 'priority', """
    + PRIORITY
    + """, 'channel', t.channel, 'via', t.via, 'from_agent', t.from_agent,
'subject', t.subject, 'meta', t.meta, 'spam', t.spam,
"""
    + ASSIGNEES
    + TAGS
    + UNREAD
    + """
'created_datetime', wire_json(t.created_datetime), 'opened_datetime', wire_json(t.opened_datetime),
'last_received_message_datetime', wire_json(t.last_received_message_datetime),
'last_message_datetime', wire_json(t.last_message_datetime), 'updated_datetime', wire_json(t.updated_datetime),
'closed_datetime', wire_json(t.closed_datetime), 'snooze_datetime', wire_json(t.snooze_datetime),
'trashed_datetime', wire_json(t.trashed_datetime)
"""
)

# wire: view items omit `summary` and `custom_fields`, ticket lists have both
COMPACT_ITEM = (
    "json_build_object("
    + COMMON
    + """, 'excerpt', t.excerpt, 'messages_count', t.messages_count,
'last_sent_message_not_delivered', t.not_delivered,
'integrations', coalesce((select json_agg(json_build_object('name', i.name, 'address', i.meta->>'address',
    'type', i.type) order by i.id) from integrations i
  where i.account_id = t.account_id and i.id = any(t.integration_ids)), '[]'::json),
'customer', (select """
    + customers.PERSON
    + """ from customers c where c.account_id = t.account_id and c.id = t.customer_id){more})::text
"""
)
COMPACT_VIEW = COMPACT_ITEM.replace("{more}", "")
COMPACT_LIST = COMPACT_ITEM.replace(
    "{more}",
    """,
'summary', t.summary, 'custom_fields', t.custom_fields""",
)

MESSAGE_COMMON = (
    """
'id', m.id, 'uri', '/api/tickets/' || m.ticket_id || '/messages/' || m.id || '/', 'message_id', m.message_id,
'ticket_id', m.ticket_id, 'external_id', m.external_id, 'public', m.public, 'channel', m.channel, 'via', m.via,
'source', m.source,
'sender', case when m.from_agent then (select """
    + USER
    + """ from users u where u.account_id = m.account_id and u.id = m.sender_id)
  else (select """
    + customers.PERSON
    + """ from customers c where c.account_id = m.account_id and c.id = m.sender_id) end,
'receiver', (select """
    + customers.PERSON
    + """ from customers c where c.account_id = m.account_id and c.id = m.receiver_id),
'auth_customer_identity', m.auth_customer_identity, 'integration_id', m.integration_id, 'intents', m.intents,
'rule_id', m.rule_id, 'from_agent', m.from_agent, 'subject', m.subject, 'body_text', m.body_text,
'body_html', m.body_html, 'stripped_text', m.stripped_text, 'stripped_html', m.stripped_html,
'stripped_signature', m.stripped_signature, 'attachments', m.attachments, 'actions', m.actions,
'imported', m.imported, 'meta', m.meta, 'created_datetime', wire_json(m.created_datetime),
'processed_datetime', wire_json(m.processed_datetime), 'sent_datetime', wire_json(m.sent_datetime),
'failed_datetime', wire_json(m.failed_datetime), 'opened_datetime', wire_json(m.opened_datetime),
'last_sending_error', m.last_sending_error, 'is_retriable', m.is_retriable
"""
)

# wire: messages inside a ticket have neither `headers` nor `deleted_datetime`, and on GET no `macros`
MESSAGE_IN_TICKET = "json_build_object(" + MESSAGE_COMMON + ")"
MESSAGE_IN_CHANGED_TICKET = "json_build_object(" + MESSAGE_COMMON + ", 'macros', m.macros)"
MESSAGE = (
    "json_build_object("
    + MESSAGE_COMMON
    + ", 'macros', m.macros, 'headers', m.headers, 'deleted_datetime', wire_json(m.deleted_datetime))::text"
)

_REACHED = """exists (select from customer_channels h where h.account_id = t.account_id
      and h.customer_id = t.customer_id and h.type = '{type}' and h.deleted_datetime is null)"""

# By text: when the account has a number of that channel and the customer one that it can be sent to.
_BY_TEXT = """'{channel}', (select case
    when p.deleted_datetime is not null then json_build_object('answerable', false, 'reason', 'customer_deleted')
    when bool_and(exists (select from text_stops s where s.account_id = h.account_id and s.key = h.key))
      then json_build_object('answerable', false, 'reason', 'unsubscribed')
    when count(*) > 0 then json_build_object('answerable', true, 'integrations',
      (select json_agg(json_build_object('id', i.id, 'name', i.name, 'address', i.meta->>'address') order by i.id)
       from integrations i where i.account_id = t.account_id and i.type = '{channel}'
         and i.deactivated_datetime is null)) end
    from customer_channels h where h.account_id = t.account_id and h.customer_id = t.customer_id
      and h.type = any('{types}'::text[]) and h.deleted_datetime is null and exists (
        select from integrations i where i.account_id = h.account_id and i.type = '{channel}'
          and i.deactivated_datetime is null))"""

REPLY_OPTIONS = (
    """
'reply_options', json_strip_nulls(json_build_object('internal-note', json_build_object('answerable', true),
  'email', case
    when p.deleted_datetime is not null then json_build_object('answerable', false, 'reason', 'customer_deleted')
    when """
    + _REACHED.replace("{type}", "email")
    + """ then json_build_object('answerable', true, 'integrations', coalesce(
      (select json_agg(json_build_object('id', i.id, 'name', coalesce(o.name, i.name), 'address', o.address)
         order by i.id, o.place) from integrations i join lateral (
           select null as name, i.meta->>'address' as address, 0 as place
           union all select a.name, a.address, a.id from mail_aliases a
           where a.account_id = i.account_id and a.integration_id = i.id) o on true
       where i.account_id = t.account_id and i.type = 'email'
         and i.deactivated_datetime is null), '[]'::json)) end,
  'phone', case
    when p.deleted_datetime is not null then json_build_object('answerable', false, 'reason', 'customer_deleted')
    when """
    + _REACHED.replace("{type}", "phone")
    + " then json_build_object('answerable', true) end, "
    + _BY_TEXT.replace("{channel}", "sms").replace("{types}", "{phone,sms}")
    + ", "
    + _BY_TEXT.replace("{channel}", "whatsapp").replace("{types}", "{whatsapp}")
    + "))\n"
)

FULL_SELECT = (
    "json_build_object("
    + COMMON
    + """, 'events', '[]'::json, 'imported', t.imported, 'assignee_user_id', t.assignee_user_id,
'assignee_team_id', t.assignee_team_id, 'summary', t.summary, 'processed_datetime', wire_json(t.processed_datetime),
'customer', p.wire, 'requester', p.wire,
'satisfaction_survey', (select """
    + surveys.IN_TICKET
    + """ from satisfaction_surveys s where s.account_id = t.account_id and s.ticket_id = t.id),
'messages', coalesce((select json_agg({message} order by m.created_datetime, m.id) from messages m
  where m.account_id = t.account_id and m.ticket_id = t.id), '[]'::json),
"""
    + REPLY_OPTIONS
    + """)
"""
)

# One row: (merged_into_id, JSON texts of the values of custom fields and of the rest); both are null for a merged ticket.
# wire: the key `custom_fields` is absent while a ticket has no value; `full` puts it in front of the rest.
_FULL = (
    """
select t.merged_into_id, case when t.merged_into_id is null and t.custom_fields <> '{}' then t.custom_fields::text end
  as custom_fields, case when t.merged_into_id is null then """
    + FULL_SELECT
    + """::text end as wire
from tickets t left join lateral (select {customer} as wire, c.deleted_datetime from customers c
  where c.account_id = t.account_id and c.id = t.customer_id) p on true
where t.account_id = $1 and t.id = $3
"""
)


def full(row: Mapping[str, str | None]) -> str:
    """The JSON text of a row of `FULL` and its like."""
    fields, wire = row["custom_fields"], row["wire"]
    assert wire is not None
    return wire if fields is None else '{"custom_fields":' + fields + "," + wire[1:]


FULL = _FULL.replace("{message}", MESSAGE_IN_TICKET).replace("{customer}", customers.TICKET_DETAIL)
FULL_WITH_FIELDS = FULL.replace(
    "t.custom_fields::text",
    """(select json_object_agg(f.id, json_build_object('id', f.id, 'value', e.value->'value', 'field', """
    + custom_fields.WIRE_WITH_REQUIREMENT
    + """, 'prediction', null)) from jsonb_each(t.custom_fields) as e (key, value)
    join custom_fields f on f.account_id = t.account_id and f.id = e.key::bigint)::text""",
)
FULL_CHANGED = _FULL.replace("{message}", MESSAGE_IN_CHANGED_TICKET).replace("{customer}", customers.TICKET)
