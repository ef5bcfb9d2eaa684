"""Who is at work: users whose page is open and who want tickets. Who is given them is left to `desk.tickets`."""

import datetime

from polus.base import errors
from polus.store.database import Database
from polus.store.work import Work

# Without a sign of life for so long, somebody is away.
ABSENT_AFTER = "interval '5 minutes'"

# Whether the user `u` is there to work, at the moment `$now`.
AVAILABLE = (
    """
exists (select from user_presence p where p.account_id = u.account_id and p.user_id = u.id and p.available
  and p.seen_datetime > {now}::timestamptz - """
    + ABSENT_AFTER
    + ")"
)

SEEN = """
insert into user_presence as p (account_id, user_id, seen_datetime) values ($1, $2, $3)
on conflict (account_id, user_id) do update set seen_datetime = excluded.seen_datetime
  where p.seen_datetime is null or p.seen_datetime < excluded.seen_datetime
"""
CHOOSE = """
insert into user_presence (account_id, user_id, available) values ($1, $2, $3)
on conflict (account_id, user_id) do update set available = excluded.available
"""
BEFORE = "select available from user_presence where account_id = $1 and user_id = $2 for update"
WIRE = (
    """
select json_build_object('user_id', u.id, 'available', coalesce(p.available, true),
  'present', coalesce(p.seen_datetime > $2::timestamptz - """
    + ABSENT_AFTER
    + """, false), 'seen_datetime', wire(p.seen_datetime))::text
from users u left join user_presence p on p.account_id = u.account_id and p.user_id = u.id
where u.account_id = $1 and u.deleted_datetime is null and u.role not in ('bot', 'internal-agent')
"""
)
GET = WIRE + " and u.id = $3"
LIST = WIRE + " order by u.id"


async def seen(database: Database, account_id: int, user_id: int, now: datetime.datetime) -> None:
    """A page of the user's is open at this moment."""
    async with database.pool.acquire() as db:
        await db.execute(SEEN, account_id, user_id, now)


async def choose(work: Work, user_id: int, *, available: bool) -> None:
    """The user wants tickets from now on, or none. 404. Event user-updated."""
    await get(work, user_id)
    before = await work.db.fetchval(BEFORE, work.account.id, user_id)
    was = True if before is None else before
    if was is available:
        return
    await work.db.execute(CHOOSE, work.account.id, user_id, available)
    work.record("user-updated", "User", user_id, {"available": [was, available]})
    work.ring("work", "assignments")


async def get(work: Work, user_id: int) -> str:
    """`{user_id, available, present, seen_datetime}`: what he says, and whether a page of his is open. 404."""
    found = await work.db.fetchval(GET, work.account.id, work.now, user_id)
    if found is None:
        raise errors.NotFound
    return found  # type: ignore[no-any-return]


async def listed(work: Work) -> list[str]:
    """The same of all users but bots."""
    return [row[0] for row in await work.db.fetch(LIST, work.account.id, work.now)]
