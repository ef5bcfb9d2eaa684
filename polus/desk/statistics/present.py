"""What is so at this moment: open tickets, who is at work, who waits longest; and what rules and macros did."""

import datetime
from typing import Any

from polus.store.work import Work

# Only open tickets are read: the partial index of the inbox has them.
OPEN = """
select count(*) as open, count(*) filter (where assignee_user_id is null) as unassigned,
  min(last_received_message_datetime) filter (where last_received_message_datetime >= last_message_datetime) as waiting
from tickets where account_id = $1 and status = 'open' and not spam and trashed_datetime is null and merged_into_id is null
"""
AGENTS = """
select u.id, u.name, p.seen_datetime > $2::timestamptz - interval '5 minutes' as online, p.available,
  (select count(*) from tickets t where t.account_id = $1 and t.assignee_user_id = u.id and t.status = 'open'
    and not t.spam and t.trashed_datetime is null and t.merged_into_id is null) as open
from users u left join user_presence p on p.account_id = u.account_id and p.user_id = u.id
where u.account_id = $1 and u.deleted_datetime is null and u.active and u.role not in ('bot', 'internal-agent')
order by online desc nulls last, open desc, u.name limit 200
"""
LONGEST = """
select id, subject, channel, last_received_message_datetime as since from tickets
where account_id = $1 and status = 'open' and not spam and trashed_datetime is null and merged_into_id is null
  and last_received_message_datetime >= last_message_datetime
order by last_received_message_datetime limit 10
"""
RULES = """
select e.object_id as id, coalesce(r.name, '') as name, count(*) as runs from events e
left join rules r on r.account_id = e.account_id and r.id = e.object_id
where e.account_id = $1 and e.type = 'rule-executed' and e.created_datetime >= $2 and e.created_datetime < $3
group by 1, 2 order by runs desc, 1 limit 100
"""
MACROS = """
select used.id, coalesce(m.name, '') as name, count(*) as messages
from fact_messages f cross join lateral unnest(f.macro_ids) as used (id)
left join macros m on m.account_id = $1 and m.id = used.id
where f.account_id = $1 and f.moment >= $2 and f.moment < $3 and f.macro_ids is not null and not f.incoming
group by 1, 2 order by messages desc, 1 limit 100
"""


async def now(work: Work) -> dict[str, Any]:
    """Open tickets, agents and who waits longest, as it is now."""
    found = await work.db.fetchrow(OPEN, work.account.id)
    agents = [dict(row) for row in await work.db.fetch(AGENTS, work.account.id, work.now)]
    longest = [dict(row) for row in await work.db.fetch(LONGEST, work.account.id)]
    return {
        **found,
        "agents": agents,
        "longest": longest,
        "online": sum(bool(one["online"]) for one in agents),
    }


async def rules(work: Work, begin: datetime.datetime, end: datetime.datetime) -> list[Any]:
    """(id, name, runs) of the rules that reached an action; as long as events are kept."""
    return list(await work.db.fetch(RULES, work.account.id, begin, end))


async def macros(work: Work, begin: datetime.datetime, end: datetime.datetime) -> list[Any]:
    """(id, name, messages) of the macros that agents' messages were written with."""
    return list(await work.db.fetch(MACROS, work.account.id, begin, end))
