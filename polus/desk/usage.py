"""How many requests each credential makes, per day: counted in memory by the processes, added up here now and then.

A process that is killed loses the last seconds of its counting, never more; limits do not depend on it.
"""

import datetime
from collections.abc import Sequence
from typing import Any, NamedTuple

from polus.base import errors
from polus.store.database import Database
from polus.store.work import Work

DAYS = 30
KEPT_DAYS = 400

ADD = """
insert into api_usage as u (account_id, credential, day, requests, refused, used_datetime)
select * from unnest($1::bigint[], $2::text[], $3::date[], $4::bigint[], $5::bigint[], $6::timestamptz[])
  as given (account_id, credential, day, requests, refused, used_datetime)
where exists (select from accounts a where a.id = given.account_id)
order by account_id, credential, day
on conflict (account_id, credential, day) do update set requests = u.requests + excluded.requests,
  refused = u.refused + excluded.refused, used_datetime = greatest(u.used_datetime, excluded.used_datetime)
"""
# Newest day first; a credential that is gone keeps its figures and loses its name.
LIST = """
select u.credential, u.day, u.requests, u.refused, u.used_datetime,
  case when k.id is not null then coalesce(nullif(k.name, ''), 'API key') when u.credential like 'key:%' then ''
    else coalesce(v.name, '') end as name,
  p.name as owner
from api_usage u
left join api_keys k on k.account_id = u.account_id and u.credential = 'key:' || k.id
left join users p on p.account_id = k.account_id and p.id = k.user_id
left join lateral (
  select name from app_versions o where u.credential = 'app:' || o.app_id order by number desc limit 1) v on true
where u.account_id = $1 and u.day > $2
order by u.day desc, u.requests desc, u.credential
"""
WINDOWS = (20, 10)
"""Seconds in which a full bucket of requests may run out."""
GET_WINDOW = "select api_window from accounts where id = $1"
SET_WINDOW = """
with old as (select api_window from accounts where id = $1 for update)
update accounts set api_window = $2 from old where id = $1 and old.api_window <> $2 returning old.api_window
"""
REMOVE_OLD = "delete from api_usage where day < $1"


class Count(NamedTuple):
    """What one process counted of one credential on one day."""

    account_id: int
    credential: str
    day: datetime.date
    requests: int
    refused: int
    used_datetime: datetime.datetime


async def add(database: Database, counts: Sequence[Count]) -> None:
    """Add to what is stored."""
    async with database.pool.acquire() as db:
        await db.execute(ADD, *map(list, zip(*counts, strict=True)))


async def listing(work: Work, days: int = DAYS) -> list[Any]:
    """Requests of the account's keys and apps, one row for each day and credential."""
    work.actor.require("admin")
    return list(await work.db.fetch(LIST, work.account.id, work.now.date() - datetime.timedelta(days=days)))


async def window(work: Work) -> int:
    """Seconds in which a full bucket of the account's requests runs out."""
    return int(await work.db.fetchval(GET_WINDOW, work.account.id))


async def set_window(work: Work, seconds: int) -> None:
    """Let the buckets run out in 20 seconds, as usual, or in 10. 400, 403. Event account-updated."""
    work.actor.require("admin")
    if seconds not in WINDOWS:
        raise errors.one("window", errors.NOT_CHOICE)
    before = await work.db.fetchval(SET_WINDOW, work.account.id, seconds)
    if before is not None:
        work.ring("credentials", work.account.id)
        work.record("account-updated", "Account", work.account.id, {"api_window": [before, seconds]})


async def remove_old(db: Any, now: datetime.datetime) -> int:
    """Forget figures of more than a year ago. 0: nothing is left to do."""
    await db.execute(REMOVE_OLD, now.date() - datetime.timedelta(days=KEPT_DAYS))
    return 0
