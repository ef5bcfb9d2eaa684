"""Makes all facts of an account anew from its tickets, messages and events, some tickets at a time.

The functions are those that record facts as things happen (migration 0008): the result is the same. What events said
that are gone by now stays as it was recorded.
"""

import datetime
from collections.abc import Sequence
from typing import Any

from polus.store.work import Work

BATCH = 500  # tickets
# Events are kept that long; a day less, because they may be removed meanwhile.
KEPT = datetime.timedelta(days=364)

COUNT = "select count(*) from tickets where account_id = $1"
NEXT = "select id from tickets where account_id = $1 and id > $2 order by id limit $3 for no key update"
# What was learned while the tables were small is no plan for when they are large.
PLAN = "set local enable_seqscan = off"
FORGET = "delete from fact_history where account_id = $1 and ticket_id = any($2::bigint[]) and moment > $3"
REMEMBER = """
insert into fact_history (account_id, ticket_id, event_id, kind, item, user_id, moment)
select e.account_id, e.object_id, e.id, told.kind, coalesce(told.item, 0), e.user_id, e.created_datetime
from unnest($2::bigint[]) as t (id)
join events e on e.account_id = $1 and e.object_id = t.id and e.object_type = 'Ticket' and e.created_datetime > $3
cross join lateral told_by(e.type, e.data) told
on conflict do nothing
"""
FACTS = "select facts($1, $2)"
# Facts are read from indexes alone, where pages are known to hold nothing but what all may see. Outside transactions.
TIDY = """
vacuum (analyze) fact_tickets, fact_spans, fact_messages, fact_closes, fact_handlings, fact_tags, fact_values, fact_surveys, fact_interactions
"""


async def count(work: Work) -> int:
    """How many tickets there are to go through."""
    return await work.db.fetchval(COUNT, work.account.id)  # type: ignore[no-any-return]


async def step(work: Work, after: int, most: int = BATCH) -> tuple[int, int]:
    """Make the facts of the next tickets; how many, and the last one, after which to go on. 0: all are done."""
    rows = await work.db.fetch(NEXT, work.account.id, after, most)
    ids = [row["id"] for row in rows]
    if ids:
        since = work.now - KEPT
        await work.db.execute(FORGET, work.account.id, ids, since)
        await work.db.execute(REMEMBER, work.account.id, ids, since)
        await make(work.db, work.account.id, ids)
    return len(ids), ids[-1] if ids else after


async def make(db: Any, account_id: int, ticket_ids: Sequence[int]) -> None:
    """Make the facts of these tickets; within a transaction."""
    await db.execute(PLAN)
    await db.execute(FACTS, account_id, ticket_ids)
