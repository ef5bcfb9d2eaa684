"""What customers bought after they were answered, by day and currency: from what shops told of their orders."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from polus.desk.statistics import asked as asking
from polus.desk.statistics import facts, reports
from polus.desk.statistics.asked import Asked
from polus.store.work import Work

# Orders of customers who were answered ($2 is five days before the period) at most five days before. What shops send is
# not ours: texts that are no time or no amount are passed over.
ORDERS = """
, answered as (
  select t.customer_id, array_agg(f.moment) as moments from f join tickets t on t.account_id = $1 and t.id = f.ticket_id
  {where} group by t.customer_id
), told as (
  select a.moments, upper(o->>'currency') as currency, o->>'created_at' as at, o->>'total_price' as total
  from answered a join customers c on c.account_id = $1 and c.id = a.customer_id
  cross join lateral jsonb_each(c.integrations) s
  cross join lateral jsonb_array_elements(
    case when jsonb_typeof(s.value->'orders') = 'array' then s.value->'orders' else '[]' end) o
  where jsonb_typeof(s.value) = 'object'
), bought as (
  select moments, currency, case when at ~ '^[0-9]{4}-' and pg_input_is_valid(at, 'timestamptz') then at::timestamptz end as at,
    case when total ~ '^-?[0-9]{1,12}([.][0-9]{1,6})?$' then total::numeric end as total
  from told where currency ~ '^[A-Z]{3}$'
)
select currency, $7[width_bucket(at, $7)], round(sum(total), 2) from bought
where at >= $2 + interval '5 days' and at < $3 and total is not null
  and exists (select from unnest(moments) m where m <= at and m >= at - interval '5 days')
group by 1, 2 order by 1, 2
"""


async def per_day(work: Work, asked: Asked) -> Mapping[str, Mapping[str, Any]]:
    """currency -> begin of the day -> what was sold."""
    query = asking.query(asked, "tickets-replied", "ticketCount", step="day")
    starts = await reports.buckets(work, query)
    conditions = reports.given(work, replace(query, begin=query.begin - asking.AFTER_ANSWER), starts)
    where = "where " + " and ".join(conditions.texts) if conditions.texts else ""
    statement = facts.TYPES + ", f as (" + facts.FACTS["replied"] + ")" + ORDERS.replace("{where}", where)
    found: dict[str, dict[str, Any]] = {}
    for currency, begin, total in await reports.fetch(work, statement, conditions.parameters):
        told = reports.plain(begin, query.zone.info), reports.plain(total, query.zone.info)
        found.setdefault(currency, {})[told[0]] = told[1]
    return found
