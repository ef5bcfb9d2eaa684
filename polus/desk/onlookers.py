"""Who has a ticket open, who writes in it, and where rules are at work: told to others who look at the same.

A page says every so often that it is still there; who has not said so for a while has gone.
"""

import datetime
from collections.abc import Sequence
from typing import NamedTuple

from polus.store.work import Work

GONE_AFTER = datetime.timedelta(seconds=45)
"""Pages say that they are there every 20 seconds."""

BEFORE = """
select writing from onlookers where account_id = $1 and ticket_id = $2 and user_id = $3 and seen_datetime > $4
"""
UPSERT = """
insert into onlookers (account_id, ticket_id, user_id, writing, seen_datetime)
select $1, id, $3, $4, $5 from tickets where account_id = $1 and id = $2
on conflict (account_id, ticket_id, user_id) do update set writing = excluded.writing, seen_datetime = $5
"""
# What is spent on a ticket is one of the statistics.
ATTEND = "select attend($1, $2, $3, $4)"
LEAVE = "delete from onlookers where account_id = $1 and ticket_id = $2 and user_id = $3"
AMONG = """
select o.ticket_id, o.user_id, u.name, o.writing from onlookers o
join users u on u.account_id = o.account_id and u.id = o.user_id
where o.account_id = $1 and o.ticket_id = any($2::bigint[]) and o.user_id is distinct from $3 and o.seen_datetime > $4
union all
select distinct b.ticket_id, 0::bigint, '', true from outbox b
where b.account_id = $1 and b.ticket_id = any($2::bigint[]) and b.reaction = 'rules'
order by 1, 4 desc, 3
"""


class Onlooker(NamedTuple):
    """Somebody else at a ticket. `user_id` 0: rules, which are about to do something."""

    user_id: int
    name: str
    writing: bool


async def look(work: Work, ticket_id: int, *, writing: bool) -> None:
    """The actor has it open. Others are told when that is news."""
    since = work.now - GONE_AFTER
    before = await work.db.fetchrow(BEFORE, work.account.id, ticket_id, work.actor.user_id, since)
    await work.db.execute(UPSERT, work.account.id, ticket_id, work.actor.user_id, writing, work.now)
    await work.db.execute(ATTEND, work.account.id, ticket_id, work.actor.user_id, work.now)
    if before is None or before["writing"] != writing:
        work.ring("presence", work.account.id, ticket_id)


async def leave(work: Work, ticket_id: int) -> None:
    """The actor has gone on."""
    # In the order in which `look` takes them: both may be on their way from one page.
    await work.db.execute(LEAVE, work.account.id, ticket_id, work.actor.user_id)
    await work.db.execute(ATTEND, work.account.id, ticket_id, work.actor.user_id, work.now)
    work.ring("presence", work.account.id, ticket_id)


async def among(work: Work, ticket_ids: Sequence[int]) -> dict[int, list[Onlooker]]:
    """Who else is at these tickets; writers first."""
    found: dict[int, list[Onlooker]] = {}
    if ticket_ids:
        since = work.now - GONE_AFTER
        rows = await work.db.fetch(AMONG, work.account.id, list(ticket_ids), work.actor.user_id, since)
        for row in rows:
            found.setdefault(row["ticket_id"], []).append(
                Onlooker(row["user_id"], row["name"], row["writing"])
            )
    return found
