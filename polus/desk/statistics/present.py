"""What is so at this moment and today; and what pages tell beside measures: rules, macros, comments, what bots closed."""

import datetime
from dataclasses import replace
from typing import Any

from polus.desk.statistics import asked as asking
from polus.desk.statistics import boards, facts, reports
from polus.desk.statistics.asked import Asked
from polus.desk.statistics.boards import N_, Number
from polus.desk.statistics.reports import Zone
from polus.store.work import Work

# Only open tickets are read: the partial index of the inbox has them.
OPEN = """
select count(*) as open, count(*) filter (where assignee_user_id is null) as unassigned,
  min(last_received_message_datetime) filter (where last_received_message_datetime >= last_message_datetime) as waiting
from tickets where account_id = $1 and status = 'open' and not spam and trashed_datetime is null and merged_into_id is null
"""
# How many callers wait, and how many people there are and are at work.
COUNTS = """
select (select count(*) from voice_lines l where l.account_id = $1 and l.queued_datetime is not null
    and l.state in ('waiting', 'ringing')) as calls, count(*) as people,
  count(*) filter (where p.seen_datetime > $2::timestamptz - interval '5 minutes') as online
from users u left join user_presence p on p.account_id = u.account_id and p.user_id = u.id
where u.account_id = $1 and u.deleted_datetime is null and u.active and u.role not in ('bot', 'internal-agent')
"""
# Since when one is at work, or when he was last.
AGENTS = """
select u.id, u.name, coalesce(p.seen_datetime > $2::timestamptz - interval '5 minutes', false) as online, p.available,
  coalesce((select max(w.begins) from presences w where w.account_id = $1 and w.user_id = u.id
    and w.begins <= $2 and w.ends > $2 and p.seen_datetime > $2 - interval '5 minutes'), p.seen_datetime) as since,
  (select count(*) from tickets t where t.account_id = $1 and t.assignee_user_id = u.id and t.status = 'open'
    and not t.spam and t.trashed_datetime is null and t.merged_into_id is null) as open
from users u left join user_presence p on p.account_id = u.account_id and p.user_id = u.id
where u.account_id = $1 and u.deleted_datetime is null and u.active and u.role not in ('bot', 'internal-agent')
order by online desc, open desc, u.name limit 200
"""
LONGEST = """
select id, subject, channel, last_received_message_datetime as since from tickets
where account_id = $1 and status = 'open' and not spam and trashed_datetime is null and merged_into_id is null
  and last_received_message_datetime >= last_message_datetime
order by last_received_message_datetime limit 10
"""
# Of the tickets that the filters let through.
RUNS = """
, f as (select e.object_id as rule_id, t.* from events e
  join fact_tickets t on t.account_id = e.account_id and t.ticket_id = e.ticket_id
  where e.account_id = $1 and e.type = 'rule-executed' and e.created_datetime >= $2 and e.created_datetime < $3)
"""
RULES = (
    RUNS
    + """
select f.rule_id as id, coalesce(r.name, '') as name, count(*) as runs from f
left join rules r on r.account_id = $1 and r.id = f.rule_id{where}
group by 1, 2 order by runs desc, 1 limit 100
"""
)
# A ticket that a bot answered and no human, closed and closed still.
BOTS = """
, f as (select ticket_id, agent_id, team_id, channel, integration_id, store_id, created, moment from fact_closes
  where account_id = $1 and moment >= $2 and moment < $3 and ends >= $3 and sent > 0 and humans = 0)
"""
CLOSED_BY_BOTS = (
    BOTS
    + """
select f.channel as id, f.channel as name, count(*) as tickets from f{where} group by 1 order by 3 desc, 1
"""
)
# The newest of each score, when they say something.
COMMENTS = """
, f as (select s.ticket_id, s.agent_id, s.team_id, s.channel, s.integration_id, s.store_id, s.created, s.score,
    s.scored as moment, c.body_text as text
  from fact_surveys s join satisfaction_surveys c on c.account_id = s.account_id and c.id = s.survey_id
  where s.account_id = $1 and s.score is not null and s.scored >= $2 and s.scored < $3
    and length(btrim(c.body_text)) >= 20)
select ticket_id, score, text, moment from (
  select f.*, row_number() over (partition by f.score order by f.moment desc, f.ticket_id desc) as place from f{where}) r
where place <= 20 order by score desc, place
"""
MACROS = "select id, name from macros where account_id = $1 and id = any($2::bigint[])"
MOST = 100


TODAY = (
    Number(N_("Tickets created today"), "tickets-created", "ticketCount"),
    Number(N_("Tickets closed today"), "tickets-closed", "ticketCount"),
    Number(N_("Tickets replied today"), "tickets-replied", "ticketCount"),
    Number(N_("Messages sent today"), "messages-sent", "messagesCount"),
)


async def now(work: Work) -> dict[str, Any]:
    """Open tickets, agents, callers and who waits longest, as it is now."""
    found = await work.db.fetchrow(OPEN, work.account.id)
    counts = await work.db.fetchrow(COUNTS, work.account.id, work.now)
    agents = [dict(row) for row in await work.db.fetch(AGENTS, work.account.id, work.now)]
    longest = [dict(row) for row in await work.db.fetch(LONGEST, work.account.id)]
    return {
        **found,
        "agents": agents,
        "longest": longest,
        "assigned": found["open"] - found["unassigned"],
        "online": counts["online"],
        "offline": counts["people"] - counts["online"],
        "calls": counts["calls"],
    }


async def today(work: Work, zone: Zone) -> list[tuple[Number, Any]]:
    """What has happened since midnight there."""
    midnight = work.now.astimezone(zone.info).replace(hour=0, minute=0, second=0, microsecond=0)
    asked = Asked(midnight, midnight + datetime.timedelta(days=1), zone, ())
    told = []
    for number in TODAY:
        (row,) = await asking.rows(work, asked, number.scope, number.measure)
        told.append((number, row[number.measure]))
    return told


async def comments(work: Work, asked: Asked) -> list[dict[str, Any]]:
    """ticket_id, score, text and moment of ratings that say why."""
    return await _narrowed(work, asked, "satisfaction-surveys", "scoredSurveysCount", COMMENTS)


async def closed_by_bots(work: Work, asked: Asked) -> list[dict[str, Any]]:
    """Channel, as id and name, and how many tickets in it were closed that bots alone answered."""
    return await _narrowed(work, asked, "tickets-closed", "ticketCount", CLOSED_BY_BOTS)


async def _narrowed(work: Work, asked: Asked, scope: str, measure: str, sql: str) -> list[dict[str, Any]]:
    conditions = reports.given(work, asking.query(boards.narrowed(asked, scope), scope, measure))
    where = " where " + " and ".join(conditions.texts) if conditions.texts else ""
    found = await reports.fetch(work, facts.TYPES + sql.replace("{where}", where), conditions.parameters)
    return [dict(row) for row in found]


async def rules(work: Work, asked: Asked) -> list[dict[str, Any]]:
    """id, name and runs of the rules that reached an action; as long as events are kept. Who sent what narrows nothing."""
    return await _narrowed(work, whoever(asked), "tickets-created", "ticketCount", RULES)


def whoever(asked: Asked) -> Asked:
    """The same, whoever it was."""
    return replace(asked, filters=tuple(one for one in asked.filters if one.member != "agentId"))


async def macros(work: Work, asked: Asked) -> list[dict[str, Any]]:
    """id, name and messages of the macros that agents' messages were written with."""
    narrowed = boards.narrowed(asked, "messages-sent")
    found = await asking.rows(work, narrowed, "messages-sent", "messagesCount", by=["macro"])
    found = sorted(found, key=lambda row: (-row["messagesCount"], row["macro"]))[:MOST]
    names = dict(await work.db.fetch(MACROS, work.account.id, [row["macro"] for row in found]))
    return [
        {"id": row["macro"], "name": names.get(row["macro"], ""), "messages": row["messagesCount"]}
        for row in found
    ]
