"""What is so at this moment: open tickets, who is at work, who waits longest; and what rules and macros did."""

from dataclasses import replace
from typing import Any

from polus.desk.statistics import asked as asking
from polus.desk.statistics import facts, reports
from polus.desk.statistics.asked import Asked
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
# Of the tickets that the filters let through.
RULES = """
, f as (select e.object_id as rule_id, t.* from events e
  join fact_tickets t on t.account_id = e.account_id and t.ticket_id = e.ticket_id
  where e.account_id = $1 and e.type = 'rule-executed' and e.created_datetime >= $2 and e.created_datetime < $3)
select f.rule_id as id, coalesce(r.name, '') as name, count(*) as runs from f
left join rules r on r.account_id = $1 and r.id = f.rule_id{where}
group by 1, 2 order by runs desc, 1 limit 100
"""
MACROS = "select id, name from macros where account_id = $1 and id = any($2::bigint[])"
MOST = 100


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


async def rules(work: Work, asked: Asked) -> list[dict[str, Any]]:
    """id, name and runs of the rules that reached an action; as long as events are kept. Who sent what narrows nothing."""
    filters = tuple(one for one in asked.filters if one.member != "agentId")
    query = asking.query(replace(asked, filters=filters), "tickets-created", "ticketCount")
    conditions = reports.given(work, query)
    where = " where " + " and ".join(conditions.texts) if conditions.texts else ""
    found = await reports.fetch(work, facts.TYPES + RULES.replace("{where}", where), conditions.parameters)
    return [dict(row) for row in found]


async def macros(work: Work, asked: Asked) -> list[dict[str, Any]]:
    """id, name and messages of the macros that agents' messages were written with."""
    found = await asking.rows(work, asked, "messages-sent", "messagesCount", by=["macro"])
    found = sorted(found, key=lambda row: (-row["messagesCount"], row["macro"]))[:MOST]
    names = dict(await work.db.fetch(MACROS, work.account.id, [row["macro"] for row in found]))
    return [
        {"id": row["macro"], "name": names.get(row["macro"], ""), "messages": row["messagesCount"]}
        for row in found
    ]
