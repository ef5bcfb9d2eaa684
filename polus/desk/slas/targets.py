"""What SLA policies promised for tickets: attached when a ticket is new, moved on with it, found when it is late."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from polus.desk import business_hours
from polus.desk.slas import clocks
from polus.desk.slas.clocks import FIRST_RESPONSE, RESOLUTION, Clock, Facts
from polus.desk.tickets import happenings
from polus.lang.hours import Hours
from polus.store.work import Work

# The first active policy, in their order, that covers the ticket. What others wrote long ago was promised nothing.
POLICY = """
select p.id, p.within_hours, p.resolution_seconds,
  case when t.from_agent is not true then p.first_response_seconds end as first_response_seconds
from tickets t join sla_policies p on p.account_id = t.account_id and p.deactivated_datetime is null
  and p.created_datetime <= $3
  and (p.channels = '{}' or t.channel = any(p.channels)) and (p.priorities = '{}' or t.priority = any(p.priorities))
where t.account_id = $1 and t.id = $2 and t.imported is not true and t.merged_into_id is null
order by p.position, p.id limit 1
"""
ATTACH = """
insert into ticket_slas (account_id, ticket_id, metric, policy_id, attached_datetime, target_seconds, within_hours,
  due_datetime)
select $1, $2, metric, $3, $4, seconds, $5, due
from unnest($6::text[], $7::int[], $8::timestamptz[]) as g (metric, seconds, due)
on conflict do nothing returning metric
"""

ROWS = """
select s.metric, s.policy_id, s.within_hours, s.due_datetime, s.remaining_seconds, s.achieved_datetime,
  s.breached_datetime, t.status, t.closed_datetime, t.snooze_datetime, t.spam or t.trashed_datetime is not null as out,
  (select min(m.created_datetime) from messages m where m.account_id = s.account_id and m.ticket_id = s.ticket_id
    and m.from_agent and m.public and m.rule_id is null and m.imported is not true
    and m.created_datetime >= s.attached_datetime) as responded
from ticket_slas s join tickets t on t.account_id = s.account_id and t.id = s.ticket_id
where s.account_id = $1 and s.ticket_id = $2 order by s.metric for update of s
"""
MOVE = """
update ticket_slas set due_datetime = $4, remaining_seconds = $5, achieved_datetime = $6, breached_datetime = $7
where account_id = $1 and ticket_id = $2 and metric = $3
"""

# An answer that was given in time may still be on its way to the database.
GRACE = "interval '5 seconds'"
LATE = (
    "due_datetime is not null and achieved_datetime is null and breached_datetime is null and due_datetime < $1::timestamptz - "
    + GRACE
)
LATE_ACCOUNTS = "select distinct account_id from ticket_slas where " + LATE + " limit 100"
LATE_TICKETS = (
    "select ticket_id from ticket_slas where account_id = $2 and "
    + LATE
    + " order by due_datetime limit $3 for update skip locked"
)

WIRE = """
json_build_object('ticket_id', s.ticket_id, 'metric', s.metric, 'policy_id', s.policy_id, 'policy_name', p.name,
  'status', case when s.breached_datetime is not null then 'breached' when s.achieved_datetime is not null
    then 'achieved' else 'pending' end,
  'target_seconds', s.target_seconds, 'within_business_hours', s.within_hours,
  'paused', s.due_datetime is null and s.achieved_datetime is null,
  'attached_datetime', wire(s.attached_datetime), 'due_datetime', wire(s.due_datetime),
  'achieved_datetime', wire(s.achieved_datetime), 'breached_datetime', wire(s.breached_datetime))::text
"""
OF_TICKETS = (
    "select "
    + WIRE
    + """ from ticket_slas s left join sla_policies p on p.account_id = s.account_id and p.id = s.policy_id
where s.account_id = $1 and s.ticket_id = any($2::bigint[]) order by s.ticket_id, s.metric"""
)


# What was broken comes first, then what is due first; what was kept or stands still presses nobody.
PRESSING = (
    "select distinct on (s.ticket_id) s.ticket_id, "
    + WIRE
    + """ as sla from ticket_slas s left join sla_policies p on p.account_id = s.account_id and p.id = s.policy_id
join tickets t on t.account_id = s.account_id and t.id = s.ticket_id and t.status = 'open'
where s.account_id = $1 and s.ticket_id = any($2::bigint[])
  and (s.breached_datetime is not null or (s.achieved_datetime is null and s.due_datetime is not null))
order by s.ticket_id, s.breached_datetime nulls last, s.due_datetime"""
)


async def attach(work: Work, ticket_id: int, at: datetime) -> None:
    """Promise what the account's policies say, once. Event ticket-sla-policy-assigned."""
    policy = await work.db.fetchrow(POLICY, work.account.id, ticket_id, at)
    if policy is None:
        return
    hours = await _hours(work, policy["within_hours"])
    seconds = {
        FIRST_RESPONSE: policy["first_response_seconds"],
        RESOLUTION: policy["resolution_seconds"],
    }
    given = {metric: value for metric, value in seconds.items() if value is not None}
    made = await work.db.fetch(
        ATTACH,
        work.account.id,
        ticket_id,
        policy["id"],
        at,
        policy["within_hours"],
        list(given),
        list(given.values()),
        [clocks.after(hours, at, value) for value in given.values()],
    )
    if made:
        data = {"policy_id": policy["id"], "metrics": sorted(row["metric"] for row in made)}
        happenings.record(work, ticket_id, "ticket-sla-policy-assigned", data)


async def settle(work: Work, ticket_id: int, at: datetime) -> None:
    """Move the ticket's clocks on to what it is like since `at`. Events ticket-sla-achieved, ticket-sla-breached."""
    for row in await work.db.fetch(ROWS, work.account.id, ticket_id):
        old = Clock(
            row["metric"],
            row["due_datetime"],
            row["remaining_seconds"],
            row["achieved_datetime"],
            row["breached_datetime"],
        )
        new = clocks.moved(old, _facts(row), at, await _hours(work, row["within_hours"]))
        if new != old:
            await work.db.execute(
                MOVE,
                work.account.id,
                ticket_id,
                new.metric,
                new.due,
                new.remaining,
                new.achieved,
                new.breached,
            )
            _tell(work, ticket_id, row["policy_id"], old, new)


def _facts(row: Any) -> Facts:
    snoozed = row["snooze_datetime"] is not None
    closed = row["status"] == "closed" and not snoozed
    return Facts(
        responded=row["responded"],
        closed=row["closed_datetime"] if closed else None,
        snoozed=snoozed,
        out=row["out"],
    )


def _tell(work: Work, ticket_id: int, policy_id: int, old: Clock, new: Clock) -> None:
    data = {"policy_id": policy_id, "metric": new.metric, "due_datetime": old.due}
    if new.state == old.state or new.state == "pending":
        # The ticket's page shows when it is due.
        work.ring("ticket", work.account.id, ticket_id)
    elif new.state == "achieved":
        happenings.record(work, ticket_id, "ticket-sla-achieved", data)
    else:
        happenings.record(work, ticket_id, "ticket-sla-breached", data)


async def _hours(work: Work, within: bool) -> Hours | None:
    return await business_hours.of(work) if within else None


async def late_accounts(db: Any, now: datetime) -> list[int]:
    """The accounts that have a target which ran out and nobody noted it."""
    return [row["account_id"] for row in await db.fetch(LATE_ACCOUNTS, now)]


async def breach(work: Work, most: int = 100) -> int:
    """Note what ran out, at most `most` targets of the account; how many."""
    rows = await work.db.fetch(LATE_TICKETS, work.now, work.account.id, most)
    for ticket_id in dict.fromkeys(row["ticket_id"] for row in rows):
        await settle(work, ticket_id, work.now)
    return len(rows)


async def pressing(work: Work, ticket_ids: Sequence[int]) -> dict[int, str]:
    """Of each ticket with a promise that is late or still to be kept the one to look at first, as JSON text."""
    rows = await work.db.fetch(PRESSING, work.account.id, list(ticket_ids)) if ticket_ids else []
    return {row["ticket_id"]: row["sla"] for row in rows}


async def of(work: Work, ticket_ids: Sequence[int]) -> list[str]:
    """The targets of tickets as JSON texts, by ticket and metric."""
    return [row[0] for row in await work.db.fetch(OF_TICKETS, work.account.id, list(ticket_ids))]
