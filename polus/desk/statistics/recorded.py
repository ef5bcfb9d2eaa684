"""What is counted of automation, sales, knowledge and quality: what apps told (`app_facts`), and what Polus saw itself.

Rows are as `facts` says; what else is known of one is in `more`, by the names of dimensions. Facts of tickets that are
not live are not counted.
"""

_TICKET = """a.ticket_id, t.agent_id, t.team_id, coalesce(a.channel, t.channel) as channel, t.integration_id,
  coalesce(a.store_id, t.store_id) as store_id, coalesce(t.created, a.moment) as created, a.moment"""
_FROM = """
from app_facts a left join fact_tickets t on t.account_id = a.account_id and t.ticket_id = a.ticket_id
where a.account_id = $1 and a.kind = '{kind}' and a.moment >= {since} and a.moment < {until}
  and (a.ticket_id is null or t.ticket_id is not null)
"""
# Of live tickets that whoever asks knows himself nothing is looked up: what is null here he takes from them.
_OF_KNOWN = """
from app_facts a cross join (select null::bigint as agent_id, null::bigint as team_id, null::text as channel,
  null::bigint as integration_id, null::bigint as store_id, null::timestamptz as created) t
where a.account_id = $1 and a.kind = '{kind}' and a.moment >= {since} and a.moment < {until}
"""
_COMMON = "'aiAgentRole', a.data->'ai_agent_role', 'engagementType', a.data->'engagement_type'"


def _keys(of: str) -> str:
    """The columns that all facts have."""
    names = ("ticket_id", "agent_id", "team_id", "channel", "integration_id", "store_id", "created", "moment")
    return ", ".join(of + "." + name for name in names)


def _told(
    kind: str, more: str, columns: str, since: str = "$2", until: str = "$3", source: str = _FROM
) -> str:
    told = "jsonb_strip_nulls(jsonb_build_object(" + _COMMON + ", " + more + ")) as more, "
    rest = source.replace("{kind}", kind).replace("{since}", since).replace("{until}", until)
    return "select " + _TICKET + ", a.customer_id, " + told + columns + rest


# What Polus saw itself counts unless an app told of the same ticket within a day.
_SEEN = """
union all
select i.ticket_id, i.agent_id, i.team_id, i.channel, i.integration_id, i.store_id, i.created, i.moment, null,
  '{"automationFeatureType": "ai-agent"}'::jsonb, i.outcome, 'seen ' || i.ticket_id || ' ' || i.moment, null, 'ai-agent',
  null
from fact_interactions i
where i.account_id = $1 and i.moment >= {since} and i.moment < {until} and not exists (
  select from app_facts r where r.account_id = $1 and r.ticket_id = i.ticket_id and r.kind = 'interaction'
    and r.moment >= i.moment - interval '24 hours' and r.moment <= i.moment + interval '24 hours')
"""
_DETAILS = """'automationFeatureType', a.data->'feature', 'orderManagementType', a.data->'order_management_type',
  'flowId', a.data->'flow_id', 'aiIntentCustomField', a.data->'intent', 'aiOutcome', a.data->'ai_outcome',
  'resources', a.data->'resources'"""


def interactions(since: str = "$2", until: str = "$3", *, known: bool = False) -> str:
    """All interactions between two moments; `item` names one, `kind` is how it ended. Whoever chooses by `feature` and `role`
    spares making `more` of each. `known`: for who joins them with live tickets."""
    told = _told(
        "interaction",
        _DETAILS,
        "a.data->>'outcome' as kind, a.recorder || ' ' || a.external_id as item, null::bigint as value,"
        " a.data->>'feature' as feature, a.data->>'ai_agent_role' as role",
        since,
        until,
        _OF_KNOWN if known else _FROM,
    )
    return told + _SEEN.replace("{since}", since).replace("{until}", until)


def _those(only: str, *, known: bool = False) -> str:
    return "select i.* from (" + interactions(known=known) + ") i where " + only


IS_AGENT = "i.feature = 'ai-agent'"
IS_SALE = "i.role = 'sales'"
IS_AUTOMATED = "i.kind = 'automated'"
_ENDED = "i.kind in ('automated', 'handover')"
_EVER = ("'-infinity'", "'infinity'")

# Tickets that automation took part in: nothing else is read of them, and who asks of live tickets need not look again.
_TAKING_PART = """select a.ticket_id from app_facts a
  where a.account_id = $1 and a.kind = 'interaction' and a.moment >= $2 and a.moment < $3
    and a.data->>'outcome' in ('automated', 'handover')
union all select i.ticket_id from fact_interactions i
  where i.account_id = $1 and i.moment >= $2 and i.moment < $3 and not exists (
    select from app_facts r where r.account_id = $1 and r.ticket_id = i.ticket_id and r.kind = 'interaction'
      and r.moment >= i.moment - interval '24 hours' and r.moment <= i.moment + interval '24 hours')"""


# Looked up for the few that need it: with `exists` the planner may choose to learn of all tickets first. By a function,
# because what refers to a sub-select of each row keeps to one process.
_ASKED = "asked($1, {of}.ticket_id)"
_ALONE = (
    " and m.ticket_id not in (select i.ticket_id from (" + _TAKING_PART + ") i where i.ticket_id is not null)"
)
# Which tickets were answered by a human in the period, at the first time: the first answer in it is his, or the ticket is
# one of the few in which a bot answered before him. Of a ticket without an answered question, whether there is one is
# looked up; its keys are those of the message. Only tickets without an interaction.
_HUMAN = (
    "select "
    + _keys("m")
    + ", null::jsonb as more, 'human' as kind, null::text as item, null::bigint as value "
)
_ANSWERS = """from fact_messages m
  where m.account_id = $1 and not m.incoming and m.human and m.moment >= $2 and m.moment < $3
    and {first} and (m.response is not null or {asked})"""
_ANSWERS = _ANSWERS.replace("{asked}", _ASKED.replace("{of}", "m")) + _ALONE
_AFTER_BOTS = """m.ticket_id in (
    select b.ticket_id from fact_messages b where b.account_id = $1 and not b.incoming and not b.human
      and b.moment >= $2 and b.moment < $3 and (b.previous is null or b.previous < $2))"""
# Interactions, and the tickets that humans answered without one.
HANDLED_BY_ANY = (
    "select "
    + _keys("i")
    + ", i.more, i.kind, i.item, i.value from ("
    + interactions()
    + ") i where "
    + _ENDED
    + " union all "
    + _HUMAN
    + _ANSWERS.replace("{first}", "(m.previous is null or m.previous < $2)")
    + " union all select * from (select distinct on (m.ticket_id) "
    + _HUMAN.removeprefix("select ")
    + _ANSWERS.replace("{first}", _AFTER_BOTS)
    + " order by m.ticket_id, m.moment) m"
)

_LIVE = "t.account_id = $1 and t.created >= $2 and t.created < $3"
_TICKET_KEYS = _keys("t").replace("t.moment", "t.created as moment")
# Tickets in which a customer wrote, by their begin: all that did not begin with an agent, and some of the others. And
# those of them, once more, in which an AI agent took part.
COVERED = (
    "select "
    + _TICKET_KEYS
    + ", null::jsonb as more, 'ticket' as kind, null::text as item, null::bigint as value from fact_tickets t where "
    + _LIVE
    + " and (not t.begun_by_agent or "
    + _ASKED.replace("{of}", "t")
    + ") union all select "
    + _TICKET_KEYS
    + ", i.more, 'covered', i.item, null from ("
    + interactions("$2", "'infinity'")
    + ") i join fact_tickets t on t.ticket_id = i.ticket_id where "
    + IS_AGENT
    + " and "
    + _LIVE
    + " and (not t.begun_by_agent or "
    + _ASKED.replace("{of}", "t")
    + ")"
)

# The same tickets, each once: covered or not. Of what only interactions tell, nothing.
COVERED_AT_ONCE = (
    "select "
    + _TICKET_KEYS
    + ", case when i.ticket_id is null then 'ticket' else 'covered' end as kind, null::bigint as value"
    + " from fact_tickets t left join (select distinct i.ticket_id from ("
    + interactions("$2", "'infinity'", known=True)
    + ") i where i.ticket_id is not null and "
    + IS_AGENT
    + ") i on i.ticket_id = t.ticket_id where "
    + _LIVE
    + " and (not t.begun_by_agent or "
    + _ASKED.replace("{of}", "t")
    + ")"
)

# What a closed ticket took humans, by channel and store: what one that needed none has saved.
_SAVED = (
    "select i.*, h.average, h.median from ("
    + interactions()
    + """) i left join (
  select channel, store_id, avg(spent) as average, percentile_cont(0.5) within group (order by spent) as median from (
    select ticket_id, channel, store_id, sum(spent) as spent from fact_handlings
    where account_id = $1 and moment >= $2 and moment < $3 and ends >= $3 group by ticket_id, channel, store_id
    having sum(spent) > 0
  ) of_ticket group by channel, store_id
) h on h.channel is not distinct from i.channel and h.store_id is not distinct from i.store_id where """
    + IS_AUTOMATED
)

# Times of tickets that automation handled, last in the period, and of those that humans did: the many facts are read once,
# beside a table of the few that automation took part in.
_COMPARED = """
select c.ticket_id, case when i.ticket_id is null then c.agent_id end as agent_id, c.team_id,
  coalesce(i.channel, c.channel) as channel, c.integration_id, coalesce(i.store_id, c.store_id) as store_id, c.created,
  coalesce(i.moment, c.moment) as moment,
  i.more || jsonb_build_object('{name}', round(c.{time} / 1000000.0, 2)) as more,
  case when i.ticket_id is null then 'human' else 'automated' end as kind, i.item, c.{time} as value
from {table} c left join (
  select distinct on (h.ticket_id) h.* from ({interactions}) h where h.ticket_id is not null
  order by h.ticket_id, h.moment desc
) i on i.ticket_id = c.ticket_id
where c.account_id = $1 and c.moment >= $2 and c.moment < $3 and c.{time} is not null {only}
  and (i.ticket_id is not null or {human})
"""


def _compared(of: str, *, resolution: bool) -> str:
    table, time, name, only, human = (
        ("fact_closes", "resolution", "resolutionTime", "and c.ends >= $3", "c.humans > 0")
        if resolution
        else ("fact_messages", "first_response", "firstResponseTime", "and not c.incoming", "c.human")
    )
    text = (
        _COMPARED.replace("{interactions}", _those(of, known=True))
        .replace("{table}", table)
        .replace("{time}", time)
    )
    return text.replace("{name}", name).replace("{only}", only).replace("{human}", human)


# The newest version of each order; the time since the last talk about buying with the same customer.
_LAST_SALE = (
    "select max(i.moment) from ("
    + interactions(*_EVER)
    + ") i where "
    + IS_SALE
    + " and i.moment <= o.moment and (i.ticket_id = o.ticket_id or i.customer_id = o.customer_id)"
)
_ORDERS = _told(
    "order",
    "'currency', a.data->'currency', 'orderId', a.data->'order_id', 'totalAmount', a.data->'total_amount'",
    """(a.data->>'total_amount')::numeric as value, a.data->>'order_id' as item, null::text as kind,
  a.data->>'currency' as currency, (a.data->>'purchase_time')::numeric as told_seconds,
  case when a.data ? 'total_amount_usd' then (a.data->>'total_amount_usd')::numeric
    when a.data->>'currency' = 'USD' then (a.data->>'total_amount')::numeric end as dollars""",
)
ORDERS = (
    "select "
    + _keys("o")
    + """, o.value, o.item, o.kind, o.currency, o.dollars, p.seconds,
  o.more || jsonb_strip_nulls(jsonb_build_object('purchaseTime', p.seconds)) as more
from ("""
    + _ORDERS
    + """  and not exists (select from app_facts n where n.account_id = $1 and n.kind = 'order'
    and n.data->>'order_id' = a.data->>'order_id' and (n.moment, n.id) > (a.moment, a.id))
) o cross join lateral (select coalesce(o.told_seconds, round(extract(epoch from o.moment - ("""
    + _LAST_SALE
    + ")), 2)) as seconds) p"
)

# An order of the same ticket or customer within five days.
_FOLLOWS = """o.account_id = $1 and o.kind = 'order' and o.moment >= {of}.moment
  and o.moment <= {of}.moment + interval '5 days' and (o.ticket_id = {of}.ticket_id or o.customer_id = {of}.customer_id)"""
_PRODUCT = """'currency', a.data->'currency', 'attributedRevenue', a.data->'attributed_revenue',
  'productRecommended', a.data->'product_id', 'productId', a.data->'product_id',
  'productVariantIds', (select string_agg(v, ',') from jsonb_array_elements_text(a.data->'product_variant_ids') v)"""
_RECOMMENDED = _told(
    "recommendation",
    _PRODUCT,
    """a.recorder || ' ' || (a.data->>'interaction_id') as item, 'recommendation' as kind, null::bigint as value,
  a.data->>'product_id' as product, coalesce((a.data->>'times')::bigint, 1) as times,
  (a.data->>'attributed_revenue')::numeric as revenue, a.data->>'currency' as currency""",
)
RECOMMENDED = (
    "select "
    + _keys("r")
    + """, r.kind, r.item, r.value, r.product, b.bought,
  r.more || jsonb_strip_nulls(jsonb_build_object('boughtProducts', case when b.bought then r.product end)) as more
from ("""
    + _RECOMMENDED
    + ") r cross join lateral (select exists (select from app_facts o where "
    + _FOLLOWS.replace("{of}", "r")
    + " and o.data->'product_ids' ? r.product) as bought) b"
)
ACTIVITY = (
    "select "
    + _keys("r")
    + ", r.more, r.kind, r.item, r.value, r.product, r.times, r.revenue, r.currency from ("
    + _RECOMMENDED
    + ") r union all select "
    + _keys("i")
    + ", i.more, 'interaction', i.item, null, null, null, null, null from ("
    + interactions()
    + ") i where "
    + IS_SALE
)
SALES = (
    "select i.*, exists (select from app_facts o where "
    + _FOLLOWS.replace("{of}", "i")
    + ") as bought from ("
    + interactions()
    + ") i where "
    + IS_SALE
)
DISCOUNTS = _told(
    "discount",
    """'currency', a.data->'currency', 'discountAmount', a.data->'amount', 'discountCodeOffered', a.data->'code_offered',
  'discountCodeUsed', a.data->'code_used'""",
    """a.data->>'code_offered' as item, a.data->>'code_used' as used, null::text as kind,
  case when a.data ? 'code_used' then (a.data->>'amount')::numeric end as value, a.data->>'currency' as currency""",
)

# The newest one of each ticket; its outcome, unless told, is the ticket's.
FIELDS = (
    "select "
    + _keys("i")
    + ", i.kind, i.item, i.value, i.more || jsonb_strip_nulls(jsonb_build_object('aiOutcomeCustomField', coalesce(i.more->>'aiOutcome', (select"
    " v.value from fact_values v join custom_fields c on c.account_id = $1 and c.id = v.field_id"
    " and c.managed_type = 'ai_outcome' where v.account_id = $1 and v.ticket_id = i.ticket_id limit 1)))) as more"
    " from (select distinct on (i.ticket_id) i.* from ("
    + interactions()
    + ") i where i.ticket_id is not null and "
    + IS_AGENT
    + " order by i.ticket_id, i.moment desc) i"
)
RATED = (
    "select s.ticket_id, s.agent_id, s.team_id, s.channel, s.integration_id, s.store_id, s.created, s.scored as moment,"
    " s.score::bigint as value, s.survey_id::text as item, null::text as kind,"
    " i.more || jsonb_build_object('surveyScore', s.score) as more from fact_surveys s cross join lateral (select i.* from ("
    + interactions(*_EVER)
    + ") i where i.ticket_id = s.ticket_id and "
    + IS_AGENT
    + " order by i.moment desc limit 1) i where s.account_id = $1 and s.score is not null and s.scored >= $2 and s.scored < $3"
)

# The newest review of each ticket, credited to who had it when it was closed last.
REVIEWED = """
select a.ticket_id, coalesce((select c.agent_id from fact_closes c where c.account_id = $1 and c.ticket_id = a.ticket_id
    order by c.moment desc limit 1), t.agent_id) as agent_id, t.team_id, t.channel, t.integration_id, t.store_id, t.created,
  a.moment, null::bigint as value, a.external_id as item, null::text as kind, a.data as review,
  jsonb_strip_nulls(jsonb_build_object('ticketQAScorerUserId', a.data->'scorer_user_id',
    'status', case when a.data ? 'scorer_user_id' then 'manual' else 'automatic' end)) as more
from app_facts a join fact_tickets t on t.account_id = a.account_id and t.ticket_id = a.ticket_id
where a.account_id = $1 and a.kind = 'qa-review' and a.moment >= $2 and a.moment < $3 and not exists (
  select from app_facts n where n.account_id = $1 and n.ticket_id = a.ticket_id and n.kind = 'qa-review'
    and (n.moment, n.id) > (a.moment, a.id))
"""

_USED = _told(
    "resource-use",
    """'resourceType', a.data->'resource_type', 'resourceSourceId', a.data->'resource_source_id',
  'resourceSourceSetId', a.data->'resource_source_set_id', 'resourceVersion', a.data->'resource_version',
  'createdDatetime', wire(a.moment)""",
    "a.recorder || ' ' || (a.data->>'interaction_id') as interaction, null::text as kind",
)
_SCORE = """, (select s.score::bigint from fact_surveys s where s.account_id = $1 and s.ticket_id = u.ticket_id
  and s.score is not null order by s.survey_id desc limit 1) as value"""
USES = (
    "select "
    + _keys("u")
    + ", u.more, u.kind, u.interaction, null::bigint as field_id, null::text as item"
    + _SCORE
    + " from ("
    + _USED
    + ") u"
)
# By the values of fields that the tickets have; what is asked is narrowed to one field.
USES_BY_VALUE = (
    "select "
    + _keys("u")
    + """, u.kind, u.interaction, v.field_id, v.value as item, u.more || jsonb_build_object('customFieldTop2LevelsValue',
  array_to_string((string_to_array(v.value, '::'))[1:2], '::')) as more"""
    + _SCORE
    + " from ("
    + _USED
    + ") u join fact_values v on v.account_id = $1 and v.ticket_id = u.ticket_id"
)

_THEIRS = IS_AUTOMATED + " and " + IS_AGENT
# Other facts of the same, for figures that nothing but tickets narrow.
AT_ONCE = {"covered": COVERED_AT_ONCE}
FACTS: dict[str, str] = {
    "orders": ORDERS,
    "discounts": DISCOUNTS,
    "activity": ACTIVITY,
    "handled_by_any": HANDLED_BY_ANY,
    "automated": _those(IS_AUTOMATED),
    "automated_by_agent": _those(_THEIRS),
    "handed_over": _those("i.kind = 'handover'"),
    "by_agent": _those(_ENDED + " and " + IS_AGENT),
    "flows": _those("i.feature = 'flow'"),
    "recommended": RECOMMENDED,
    "sales": SALES,
    "covered": COVERED,
    "saved": _SAVED,
    "saved_by_agent": _SAVED + " and " + IS_AGENT,
    "fields": FIELDS,
    "rated": RATED,
    "resolutions": _compared(IS_AUTOMATED, resolution=True),
    "resolutions_by_agent": _compared(_THEIRS, resolution=True),
    "answers": _compared(IS_AUTOMATED, resolution=False),
    "answers_by_agent": _compared(_THEIRS, resolution=False),
    "reviewed": REVIEWED,
    "uses": USES,
    "uses_by_value": USES_BY_VALUE,
}
