"""What is counted: per kind of fact the rows of the tables of facts (migration 0008) that lie in a period.

Each reads one index that holds all it tells. What statements are given and have to tell is said below.
"""

# $1 the account, $2 and $3 the period (its end at most now), $4 the zone, $5 the granularity, $6 now, $7 the
# begins of its buckets. Rows have
# ticket_id, agent_id, team_id, channel, integration_id, store_id, created (of the ticket), moment (what places the fact
# in the period), and where they exist value, item, kind and more. Times are microseconds.
TYPES = """
with asked as (select $1::bigint, $2::timestamptz, $3::timestamptz, $4::text, $5::text, $6::timestamptz,
  $7::timestamptz[])
"""

_OF_TICKET = "ticket_id, agent_id, team_id, channel, integration_id, store_id, created, "
_OF_MESSAGE = """ticket_id, message_id, agent_id, team_id, message_channel as channel,
  message_integration_id as integration_id, store_id, created, moment, null::bigint as value, macro_ids """
_IN_PERIOD = " where account_id = $1 and moment >= $2 and moment < $3 "

CREATED = (
    "select "
    + _OF_TICKET
    + "created as moment, null::bigint as value from fact_tickets where account_id = $1 and created >= $2 and created < $3"
)

# Closed at the end of the period too: of the times a ticket was closed in it, only the last one can be.
_CLOSED = (
    "select "
    + _OF_TICKET
    + "moment, {value} as value from fact_closes"
    + _IN_PERIOD
    + "and ends >= $3 {only}"
)
_ANSWERS = (
    "select "
    + _OF_TICKET
    + "moment, previous, previous_own, {value} as value from fact_messages"
    + _IN_PERIOD
    + "and not incoming {only}"
)


def _closed(value: str, only: str = "") -> str:
    return _CLOSED.replace("{value}", value).replace("{only}", only)


def _answers(value: str, only: str = "") -> str:
    return _ANSWERS.replace("{value}", value).replace("{only}", only)


# What was open at a moment began in the 31 days before it, or is one of the few that took longer than that.
_SPANS = (
    "select "
    + _OF_TICKET
    + """{moment} as moment, null::bigint as value, begins, ends from fact_spans where account_id = $1 and is_open
  and begins < $3 and begins >= {at} - interval '744 hours' and ends >= {at}
union all select """
    + _OF_TICKET
    + """{moment}, null, begins, ends from fact_spans where account_id = $1 and is_open and is_long and ends >= {at}
  and begins < {at} - interval '744 hours'"""
)
OPEN = _SPANS.replace("{at}", "$3").replace("{moment}", "$2")
# All that was open at any moment of the period: reports count them at the end of each bucket.
OPEN_IN_PERIOD = _SPANS.replace("{at}", "$2").replace("{moment}", "begins")

_SURVEYS = (
    "select "
    + _OF_TICKET
    + """{moment} as moment, score::bigint as value, survey_id as item, '{kind}' as kind, sent
  from fact_surveys where account_id = $1 and {moment} >= $2 and {moment} < $3"""
)
SURVEYS = (
    _SURVEYS.replace("{moment}", "sent").replace("{kind}", "sent")
    + " union all "
    + _SURVEYS.replace("{moment}", "scored").replace("{kind}", "scored")
    + " and score is not null"
)

# Of intervals of presence, which are a day long at most, what lies in the period, and in each bucket.
_PRESENT = """
select null::bigint as ticket_id, p.user_id as agent_id, {begins} as moment,
  microseconds(least(p.ends, {ends}, $6) - greatest(p.begins, {begins})) as value
from {buckets} presences p
where p.account_id = $1 and p.ends > $2 and p.ends < $3 + interval '25 hours' and p.begins < least($3, $6)
"""
PRESENT = _PRESENT.replace("{begins}", "$2").replace("{ends}", "$3").replace("{buckets}", "")
PRESENT_PER_BUCKET = (
    _PRESENT.replace("{begins}", "greatest(b.begins, $2)")
    .replace("{ends}", "b.ends")
    .replace(
        "{buckets}",
        """(select begins, least(coalesce(lead(begins) over (order by begins), $3), $3) as ends
  from unnest($7) as begins) b join""",
    )
    .replace("presences p\nwhere", "presences p on p.ends > b.begins and p.begins < least(b.ends, $6)\nwhere")
)

# One row per ticket, by the moment at which a policy was attached.
PROMISED = """
select f.ticket_id, f.agent_id, f.team_id, f.channel, f.integration_id, f.store_id, f.created, s.moment,
  null::bigint as value, s.kind, jsonb_build_object('status', s.kind, 'slaPolicyUuid', s.policy_id::text) as more
from (
  select ticket_id, min(attached_datetime) as moment, min(policy_id) as policy_id,
    case when bool_or(breached_datetime is not null) then 'breached' when bool_and(achieved_datetime is not null)
      then 'achieved' else 'pending' end as kind
  from ticket_slas where account_id = $1 and attached_datetime >= $2 and attached_datetime < $3 group by ticket_id
) s join fact_tickets f on f.account_id = $1 and f.ticket_id = s.ticket_id
"""

FACTS: dict[str, str] = {
    "created": CREATED,
    "open": OPEN,
    "open_in_period": OPEN_IN_PERIOD,
    "closed": _closed("null::bigint"),
    "one_touch": _closed("null::bigint", "and sent = 1"),
    "zero_touch": _closed("null::bigint", "and sent = 0 and received > 0"),
    "resolved": _closed("resolution", "and resolution is not null"),
    "messages_of_closed": _closed("(received + sent)::bigint"),
    "handled": "select "
    + _OF_TICKET
    + "moment, spent as value from fact_handlings"
    + _IN_PERIOD
    + "and ends >= $3",
    "replied": _answers("null::bigint"),
    "sent": "select " + _OF_MESSAGE + "from fact_messages" + _IN_PERIOD + "and not incoming",
    "received": "select " + _OF_MESSAGE + "from fact_messages" + _IN_PERIOD + "and incoming",
    "first_responses": _answers("first_response", "and first_response is not null"),
    "first_human_responses": _answers("human_response", "and human_response is not null"),
    "responses": _answers("response", "and response is not null"),
    "surveys": SURVEYS,
    "tagged": "select " + _OF_TICKET + "moment, tag_id as item, previous from fact_tags" + _IN_PERIOD,
    "valued": "select " + _OF_TICKET + "moment, field_id, value as item from fact_values" + _IN_PERIOD,
    "present": PRESENT,
    "present_per_bucket": PRESENT_PER_BUCKET,
    "promised": PROMISED,
}
