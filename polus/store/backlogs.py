"""What waits to be done in the whole installation, for how long, and what was given up."""

from typing import Any

# Rows that are due later, that wait for the next attempt of
# another one, or that are being sent at this moment are no backlog.
WAITING = """
select 'outbox' as queue, count(*) filter (where due_datetime <= now() and not held) as waiting,
  coalesce(extract(epoch from now() - min(due_datetime) filter (where due_datetime <= now() and not held)), 0)::float8
    as oldest,
  count(*) filter (where due_datetime = 'infinity') as given_up
from (
  select due_datetime, exists (
    select from outbox f where f.account_id = o.account_id and f.ticket_id = o.ticket_id and f.reaction = o.reaction
      and f.event_id < o.event_id and f.attempts > 0) as held
  from outbox o
) waits
union all
select 'mails', count(*) filter (where state = 'received' and due_datetime <= now()),
  coalesce(extract(epoch from now() - min(due_datetime) filter (where state = 'received')), 0)::float8,
  count(*) filter (where state = 'parked') from mails where state in ('received', 'parked')
union all
select 'deliveries', count(*),
  coalesce(extract(epoch from now() - min(due_datetime)), 0)::float8, 0
from deliveries where due_datetime <= now() and worker is null
union all
select 'notices', count(*),
  coalesce(extract(epoch from now() - min(due_datetime)), 0)::float8, 0
from notices where due_datetime <= now() and worker is null
union all
select 'texts', count(*) filter (where due_datetime <= now() and worker is null),
  coalesce(extract(epoch from now() - min(due_datetime) filter (where due_datetime <= now() and worker is null)), 0)::float8,
  count(*) filter (where state = 'parked') from text_arrivals where state in ('received', 'parked')
union all
select 'text_deliveries', count(*),
  coalesce(extract(epoch from now() - min(due_datetime)), 0)::float8, 0
from text_deliveries where due_datetime <= now() and worker is null
"""


async def waiting(db: Any) -> list[Any]:
    """Rows (queue, waiting, oldest in seconds, given_up), one for each queue."""
    return list(await db.fetch(WAITING))
