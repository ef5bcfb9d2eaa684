"""What is counted: per kind of fact one statement over the account's tables, and the aggregates over its rows.

Every statement is given $1 the account, $2 and $3 the period (its end at most now), $4 the zone, $5 the granularity
and $6 now. Its rows have ticket_id, agent_id, team_id, channel, integration_id, created (of the ticket), moment (what
places the fact in the period), and where they exist value, item, kind and more.
"""

TYPES = """
with asked as (select $1::bigint, $2::timestamptz, $3::timestamptz, $4::text, $5::text, $6::timestamptz), f as (
"""

LIVE = " t.merged_into_id is null and t.trashed_datetime is null and not t.spam "
_TIME = "coalesce(m.sent_datetime, m.created_datetime)"
_CM = " m.public and not m.from_agent and m.deleted_datetime is null "
_AM = """ m.public and m.from_agent and m.deleted_datetime is null and m.sent_datetime is not null and m.via <> 'rule' """
_HUMAN = """ exists (select 1 from users u where u.account_id = m.account_id and u.id = m.sender_id
  and u.role not in ('bot', 'internal-agent') and u.client_id is null) """
_INTEGRATION = """(select m.integration_id from messages m where m.account_id = t.account_id and m.ticket_id = t.id
  and m.integration_id is not null order by m.created_datetime, m.id limit 1)"""
_TICKET = "t.id as ticket_id, t.assignee_team_id as team_id, t.channel, t.created_datetime as created, "
_CLOSES = "('ticket-closed', 'ticket-snoozed')"
_OPENS = "('ticket-reopened', 'ticket-self-unsnoozed')"
_OF_TICKET = (
    " from events e where e.account_id = t.account_id and e.object_type = 'Ticket' and e.object_id = t.id "
)

# Who had the ticket at {at}: from what happened to it; who has it now when nothing did.
_ASSIGNEE = (
    """(case when not exists (select 1"""
    + _OF_TICKET
    + """ and e.type in ('ticket-assigned', 'ticket-unassigned')) then t.assignee_user_id
  when exists (select 1"""
    + _OF_TICKET
    + """ and e.type in ('ticket-assigned', 'ticket-unassigned') and e.created_datetime <= {at})
  then (select case e.type when 'ticket-assigned' then (e.data->>'assignee_user_id')::bigint end"""
    + _OF_TICKET
    + """ and e.type in ('ticket-assigned', 'ticket-unassigned') and e.created_datetime <= {at} order by e.id desc limit 1)
  else (select case e.type when 'ticket-unassigned' then (e.data->>'assignee_user_id')::bigint end"""
    + _OF_TICKET
    + """ and e.type in ('ticket-assigned', 'ticket-unassigned') order by e.id limit 1) end)"""
)

CREATED = (
    "select "
    + _TICKET
    + _INTEGRATION
    + " as integration_id, t.assignee_user_id as agent_id, t.created_datetime as moment from tickets t"
    + " where t.account_id = $1 and t.created_datetime >= $2 and t.created_datetime < $3 and"
    + LIVE
)

# Whether a ticket was open at {at}: what happened last before it says so, else what happens first after it.
_OPEN_AT = (
    """coalesce((select e.type in """
    + _OPENS
    + _OF_TICKET
    + " and e.type in ('ticket-closed', 'ticket-snoozed', 'ticket-reopened', 'ticket-self-unsnoozed')"
    + " and e.created_datetime < {at} order by e.id desc limit 1), (select e.type in "
    + _CLOSES
    + _OF_TICKET
    + " and e.type in ('ticket-closed', 'ticket-snoozed', 'ticket-reopened', 'ticket-self-unsnoozed')"
    + " and e.created_datetime >= {at} order by e.id limit 1),"
    + " t.status = 'open' or t.closed_datetime >= {at})"
)
# A ticket that is closed and was not touched since was closed then, too.
_MAY_BE_OPEN = " t.created_datetime < {at} and (t.status = 'open' or t.updated_datetime >= {at}) and"

OPEN = (
    "select "
    + _TICKET
    + _INTEGRATION
    + " as integration_id, "
    + _ASSIGNEE.replace("{at}", "$3")
    + " as agent_id, $2 as moment from tickets t where t.account_id = $1 and"
    + _MAY_BE_OPEN.replace("{at}", "$3")
    + LIVE
    + "and "
    + _OPEN_AT.replace("{at}", "$3")
)
# The same at the end of each bucket.
OPEN_PER_BUCKET = (
    """select t.*, b.moment from (
  select begins as moment, least(coalesce(lead(begins) over (order by begins), $3), $3) as at
  from generate_series(date_trunc($5, $2, $4), $3 - interval '1 microsecond', ('1 ' || $5)::interval, $4) as begins
) b cross join lateral (select """
    + _TICKET
    + _INTEGRATION
    + " as integration_id, "
    + _ASSIGNEE.replace("{at}", "b.at")
    + " as agent_id from tickets t where t.account_id = $1 and"
    + _MAY_BE_OPEN.replace("{at}", "b.at")
    + LIVE
    + "and "
    + _OPEN_AT.replace("{at}", "b.at")
    + ") t"
)

# The close that began the time in which a ticket is closed at the end of the period; tickets that came closed too.
_CLOSED = (
    """
select t.*, c.at, c.user_id, s.first_cm, s.cms, s.ams from tickets t join (
  select distinct object_id as id from events where account_id = $1 and object_type = 'Ticket' and type in """
    + _CLOSES
    + """ and created_datetime >= $2 and created_datetime < $3
  union select id from tickets where account_id = $1 and closed_datetime >= $2 and closed_datetime < $3
) touched using (id) cross join lateral (
  select coalesce(max(e.id), 0) as id"""
    + _OF_TICKET
    + " and e.type in "
    + _OPENS
    + """ and e.created_datetime < $3
) opened cross join lateral (
  select closing.at, closing.user_id from (
    select 0 as rank, e.id, e.created_datetime as at, e.user_id"""
    + _OF_TICKET
    + " and e.type in "
    + _CLOSES
    + """ and e.id > opened.id and e.created_datetime < $3
    union all select 1, 0, t.closed_datetime, null where t.closed_datetime is not null and not exists (select 1"""
    + _OF_TICKET
    + " and e.type in ('ticket-closed', 'ticket-snoozed', 'ticket-reopened', 'ticket-self-unsnoozed'))"
    + """
  ) closing order by rank, id limit 1
) c cross join lateral (
  select min(m.created_datetime) filter (where """
    + _CM
    + ") as first_cm, count(*) filter (where "
    + _CM
    + ") as cms, count(*) filter (where "
    + _AM
    + """) as ams from messages m where m.account_id = t.account_id and m.ticket_id = t.id and m.created_datetime <= c.at
) s where t.account_id = $1 and c.at >= $2 and c.at < $3 and"""
    + LIVE
)
CLOSED = (
    "select "
    + _TICKET
    + _INTEGRATION
    + " as integration_id, coalesce("
    + _ASSIGNEE.replace("{at}", "t.at")
    + ", t.user_id) as agent_id, t.at as moment, {value} as value from ("
    + _CLOSED
    + ") t where {only}"
)


def _closed(value: str, only: str) -> str:
    return CLOSED.replace("{value}", value).replace("{only}", only)


_MESSAGES = (
    "select "
    + _TICKET.replace("t.channel", "{channel}")
    + "m.id as message_id, {integration} as integration_id, {agent} as agent_id, "
    + _TIME
    + " as moment, {value} as value from messages m join tickets t on t.account_id = m.account_id and t.id = m.ticket_id"
    + " {joins} where m.account_id = $1 and "
    + _TIME
    + " >= $2 and "
    + _TIME
    + " < $3 and"
    + LIVE
    + "and"
)


def _messages(
    condition: str,
    *,
    agent: str = "m.sender_id",
    joins: str = "",
    value: str = "null::numeric",
    channel: str = "t.channel",
    integration: str = _INTEGRATION,
) -> str:
    parts = {
        "{channel}": channel,
        "{integration}": integration,
        "{agent}": agent,
        "{joins}": joins,
        "{value}": value,
    }
    statement = _MESSAGES
    for place, part in parts.items():
        statement = statement.replace(place, part)
    return statement + condition


_OWN_INTEGRATION = "coalesce(m.integration_id, " + _INTEGRATION + ")"

# The first answer that {which} holds of, to the first customer message of a ticket that no agent began.
_FIRST = (
    "select "
    + _TICKET
    + _INTEGRATION
    + """ as integration_id, m.sender_id as agent_id, m.sent_datetime as moment,
  extract(epoch from m.sent_datetime - start.at) as value
from tickets t cross join lateral (
  select (array_agg(b.from_agent order by b.created_datetime, b.id))[1] as by_agent,
    min(b.created_datetime) filter (where not b.from_agent) as at
  from messages b where b.account_id = t.account_id and b.ticket_id = t.id and b.public and b.deleted_datetime is null
) start cross join lateral (
  select m.sender_id, m.sent_datetime from messages m where m.account_id = t.account_id and m.ticket_id = t.id
    and m.imported is not true and m.sent_datetime >= start.at and {which} and"""
    + _AM
    + """ order by m.sent_datetime, m.id limit 1
) m where t.account_id = $1 and t.id in (select ticket_id from messages where account_id = $1 and from_agent
  and sent_datetime >= $2 and sent_datetime < $3) and m.sent_datetime >= $2 and m.sent_datetime < $3
  and not start.by_agent and"""
    + LIVE
)

# The oldest customer message since the agents' last one.
_WAITED = (
    """cross join lateral (
  select min(q.created_datetime) as since from messages q where q.account_id = t.account_id and q.ticket_id = t.id
    and q.public and not q.from_agent and q.deleted_datetime is null and q.created_datetime < """
    + _TIME
    + """
    and q.created_datetime > coalesce((select max(p.sent_datetime) from messages p where p.account_id = t.account_id
      and p.ticket_id = t.id and p.public and p.from_agent and p.deleted_datetime is null and p.via <> 'rule'
      and p.id <> m.id and p.sent_datetime <= """
    + _TIME
    + """), '-infinity')
) asked_at"""
)

_SURVEYS = (
    "select "
    + _TICKET
    + _INTEGRATION
    + " as integration_id, "
    + _ASSIGNEE.replace("{at}", "coalesce(s.sent_datetime, s.scored_datetime)")
    + " as agent_id, {moment} as moment, s.sent_datetime as sent, s.score::numeric as value, {kind} as kind, s.id as item"
    + " from satisfaction_surveys s join tickets t on t.account_id = s.account_id and t.id = s.ticket_id"
    + " where s.account_id = $1 and {moment} >= $2 and {moment} < $3 and"
    + LIVE
)
SURVEYS = (
    _SURVEYS.replace("{moment}", "s.sent_datetime").replace("{kind}", "'sent'")
    + " union all "
    + _SURVEYS.replace("{moment}", "s.scored_datetime").replace("{kind}", "'scored'")
    + " and s.score is not null"
)

TAGGED = (
    "select * from (select "
    + _TICKET
    + _INTEGRATION
    + " as integration_id, t.assignee_user_id as agent_id, g.tag_id as item, coalesce((select max(e.created_datetime)"
    + _OF_TICKET
    + """ and e.type = 'ticket-tags-added'
  and e.data->'tags' @> jsonb_build_array(jsonb_build_object('id', g.tag_id))), t.created_datetime) as moment
from ticket_tags g join tickets t on t.account_id = g.account_id and t.id = g.ticket_id
where g.account_id = $1 and"""
    + LIVE
    + ") g where g.moment >= $2 and g.moment < $3"
)
VALUED = (
    "select * from (select "
    + _TICKET
    + _INTEGRATION
    + """ as integration_id, t.assignee_user_id as agent_id, v.key::bigint as field_id, v.value->>'value' as item,
  coalesce((select max(e.created_datetime)"""
    + _OF_TICKET
    + """ and e.type = 'ticket-updated' and e.data->'custom_fields' ? v.key), t.created_datetime) as moment
from tickets t cross join lateral jsonb_each(t.custom_fields) v
where t.account_id = $1 and v.value->>'value' is not null and"""
    + LIVE
    + ") v where v.moment >= $2 and v.moment < $3"
)

CALLS = """
select c.ticket_id, coalesce(c.last_answered_by_agent_id,
    case when c.direction = 'outbound' then c.initiated_by_agent_id end) as agent_id,
  t.assignee_team_id as team_id, 'phone' as channel, c.integration_id, c.created_datetime as moment,
  c.created_datetime as created, c.direction || ' ' || coalesce(c.termination_status, '') as kind, jsonb_strip_nulls(
    jsonb_build_object('filteringAgentId', coalesce(c.last_answered_by_agent_id, c.initiated_by_agent_id,
      c.last_rang_agent_id), 'queueId', c.queue_id, 'customerId', c.customer_id, 'createdDatetime',
      wire(c.created_datetime), 'status', c.status, 'duration', c.duration, 'source', c.phone_number_source,
      'destination', c.phone_number_destination, 'callDirection', c.direction, 'voicemailAvailable', c.has_voicemail,
      'callRecordingAvailable', c.has_call_recording, 'displayStatus', coalesce(c.termination_status, c.status),
      'callTerminationStatus', c.termination_status, 'isPossibleSpam', false,
      'isAnsweredByAgent', c.last_answered_by_agent_id is not null)) as more
from voice_calls c left join tickets t on t.account_id = c.account_id and t.id = c.ticket_id
where c.account_id = $1 and c.created_datetime >= $2 and c.created_datetime < $3
"""

FACTS: dict[str, str] = {
    "created": CREATED,
    "open": OPEN,
    "open_per_bucket": OPEN_PER_BUCKET,
    "closed": _closed("null::numeric", "true"),
    "one_touch": _closed("null::numeric", "t.ams = 1"),
    "zero_touch": _closed("null::numeric", "t.ams = 0 and t.cms > 0"),
    "resolved": _closed("extract(epoch from t.at - t.first_cm)", "t.first_cm < t.at"),
    "messages_of_closed": _closed("(t.cms + t.ams)::numeric", "true"),
    "replied": _messages(_AM),
    "sent": _messages(_AM, channel="m.channel", integration=_OWN_INTEGRATION),
    "received": _messages(
        _CM, agent=_ASSIGNEE.replace("{at}", _TIME), channel="m.channel", integration=_OWN_INTEGRATION
    ),
    "first_responses": _FIRST.replace("{which}", "true"),
    "first_human_responses": _FIRST.replace("{which}", _HUMAN),
    "responses": _messages(
        _AM + " and m.imported is not true and asked_at.since is not null",
        joins=_WAITED,
        value="extract(epoch from " + _TIME + " - asked_at.since)",
    ),
    "surveys": SURVEYS,
    "tagged": TAGGED,
    "valued": VALUED,
    "calls": CALLS,
}

AGGREGATES: dict[str, str] = {
    "tickets": "count(distinct f.ticket_id)",
    "rows": "count(*)",
    "average": "round(avg(f.value), 2)",
    "median": "round((percentile_cont(0.5) within group (order by f.value))::numeric, 2)",
    # Of the older statistics only.
    "p90": "round((percentile_cont(0.9) within group (order by f.value))::numeric, 2)",
    "surveys": "count(*) filter (where f.kind = 'sent')",
    "scored": "count(*) filter (where f.kind = 'scored')",
    "score": "round(avg(f.value) filter (where f.kind = 'scored'), 2)",
    "satisfied": """round(100.0 * count(*) filter (where f.kind = 'scored' and f.value >= 4)
      / nullif(count(*) filter (where f.kind = 'scored'), 0), 2)""",
    "answered": """round(100.0 * count(*) filter (where f.kind = 'sent' and f.value is not null)
      / nullif(count(*) filter (where f.kind = 'sent'), 0), 2)""",
    "inbound": "count(*) filter (where f.kind like 'inbound %')",
    "outbound": "count(*) filter (where f.kind like 'outbound %')",
    "inbound_answered": "count(*) filter (where f.kind = 'inbound answered')",
    "inbound_unanswered": """count(*) filter (where f.kind in
      ('inbound missed', 'inbound abandoned', 'inbound cancelled', 'inbound callback-requested'))""",
    "inbound_missed": "count(*) filter (where f.kind = 'inbound missed')",
    "inbound_abandoned": "count(*) filter (where f.kind = 'inbound abandoned')",
    "inbound_cancelled": "count(*) filter (where f.kind = 'inbound cancelled')",
    "inbound_callback": "count(*) filter (where f.kind = 'inbound callback-requested')",
}
