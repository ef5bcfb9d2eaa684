"""How many tickets each view of an agent holds: cheap counts fresh in one statement, costly ones as last counted.

A filter may have no index that serves it; counting it reads all tickets then. Such counts are made in the background
for those who are at work, the more costly the less often, so that the rail costs the same at any number of tickets.
"""

import datetime
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.desk import filters, presence
from polus.desk.views import searching, views
from polus.lang.refused import Refused
from polus.store.work import Actor, Work

COUNTED = 999
"""Counts of views that people made stop here."""
FRESH = 20.0
"""Milliseconds that fresh counts may cost together, by what they cost last time."""
UNKNOWN = 1.0
"""Seconds to wait for counts whose cost is not known yet; after that they are left to the background."""
STEP = 0.3
"""Seconds that one step in the background goes on."""
SHARE = 200
"""A count is made anew after so many times what it cost, within these bounds (seconds)."""
SOONEST, LATEST = 1.0, 300.0

COSTLY = 5.0
"""Milliseconds from which on the tickets of a view are remembered, not only their number."""
# What changes without moving its ticket's `updated_datetime`; a filter that asks for it cannot go by what was remembered.
UNMOVED = (
    "customer", "requester", "language", "survey", "integrations", "store", "user.name", "user.email", "team.name",
    "is_unread", "opened", "Timedelta", "imported",
)  # fmt: skip

LIST = (
    """
select v.id, v.filters, v.search, c.count, c.taken_ms, c.counted_datetime, c.due_datetime
from views v
left join view_counts c on c.account_id = v.account_id and c.view_id = v.id and c.user_id in (0, $2)
  and c.filters = v.filters || coalesce(' ' || v.search, '')
left join account_settings h on h.account_id = v.account_id and h.type = 'views-visibility'
where v.account_id = $1 and v.category = 'user' and v.type = 'ticket-list' and v.deactivated_datetime is null
  and coalesce(not h.data->'hidden_views' @> to_jsonb(v.id), true) and """
    + views.VISIBLE
    + """
order by v.id limit 60
"""
)
_COUNT = """(select count(*) from (select from tickets t where t.account_id = $1 and $2::bigint is not null
  and t.merged_into_id is null and {condition} limit 1000) c)"""
_IDS = """(select array_agg(c.id) from (select t.id from tickets t where t.account_id = $1 and $2::bigint is not null
  and t.merged_into_id is null and {condition} limit 1000) c)"""
REMEMBERED = """
select ids, counted_datetime - interval '1 minute' as since from view_counts
where account_id = $1 and filters = $2 and user_id in (0, $3) and ids is not null order by counted_datetime desc limit 1
"""
KEEP = """
insert into view_counts (account_id, view_id, user_id, filters, count, taken_ms, counted_datetime, due_datetime, ids)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (account_id, view_id, user_id) do update set filters = excluded.filters, count = excluded.count, ids = excluded.ids,
  taken_ms = excluded.taken_ms, counted_datetime = excluded.counted_datetime, due_datetime = excluded.due_datetime
"""
LATER = """
update view_counts set due_datetime = $3 where account_id = $1 and view_id = any($2::bigint[]) and user_id in (0, $4)
"""
NEWEST = """
select updated_datetime from tickets where account_id = $1 and merged_into_id is null
order by updated_datetime desc, id desc limit 1
"""
PRESENT = (
    "select user_id, u.role from user_presence p join users u on u.account_id = p.account_id and u.id = p.user_id"
    " where p.account_id = $1 and p.seen_datetime > $2::timestamptz - "
    + presence.ABSENT_AFTER
    + " and u.active and u.deleted_datetime is null order by p.counted_datetime nulls first limit 20"
)
TURN = "update user_presence set counted_datetime = clock_timestamp() where account_id = $1 and user_id = $2"
# Somebody is there, and something of his was never counted or is to be counted anew.
ACCOUNTS = (
    """
select distinct p.account_id from user_presence p
where p.seen_datetime > $1::timestamptz - """
    + presence.ABSENT_AFTER
    + """ and (exists (select from view_counts c where c.account_id = p.account_id and c.due_datetime <= $1)
  or exists (select from views v where v.account_id = p.account_id and v.category = 'user' and v.type = 'ticket-list'
    and v.deactivated_datetime is null and not exists (select from view_counts c where c.account_id = v.account_id
      and c.view_id = v.id and c.user_id in (0, p.user_id) and c.filters = v.filters || coalesce(' ' || v.search, ''))))
limit 100
"""
)


class Remembered(msgspec.Struct, frozen=True):
    """All tickets that a filter selected when it was last counted; others are among those changed `since`."""

    ids: list[int]
    since: datetime.datetime


async def remembered(work: Work, text: str) -> Remembered | None:
    """What is remembered of a filter without search that would be costly to look for."""
    if not text or any(word in text for word in UNMOVED):
        return None
    row = await work.db.fetchrow(REMEMBERED, work.account.id, text, work.actor.user_id or 0)
    return None if row is None else Remembered(row["ids"], row["since"])


def personal(text: str) -> bool:
    """Whether a filter means something else to everybody."""
    return "{{" in text or "is_unread" in text


def _moving(text: str) -> bool:
    """Whether what a filter selects changes although no ticket does: with time, or with what is read."""
    return "Timedelta" in text or "is_unread" in text


async def counts(work: Work) -> dict[int, int]:
    """How many tickets the actor's views have, by id; one more than `COUNTED` stands for more.

    Views whose count is not known yet and takes too long are left out.
    """
    rows = await work.db.fetch(LIST, work.account.id, work.actor.user_id, False)
    found = {row["id"]: row["count"] for row in rows if row["count"] is not None}
    known, spent = [], 0.0
    for row in sorted((row for row in rows if row["count"] is not None), key=lambda row: row["taken_ms"]):
        spent += row["taken_ms"]
        if spent > FRESH:
            break
        known.append(row)
    found |= await _count(work, known)
    unknown = [row for row in rows if row["count"] is None]
    try:
        found |= await _count(work, unknown, UNKNOWN)
    except TimeoutError:
        return found
    return found


async def _count(work: Work, rows: Sequence[Any], seconds: float | None = None) -> dict[int, int]:
    """Counts of these, in one statement. TimeoutError."""
    return await _each(work, rows, _COUNT, seconds)


async def _each(work: Work, rows: Sequence[Any], form: str, seconds: float | None = None) -> dict[int, Any]:
    if not rows:
        return {}
    parameters: list[Any] = [work.account.id, work.actor.user_id]
    texts = " ".join(row["filters"] for row in rows)
    asking = await filters.caller(work, texts)
    given = {row["id"]: await _condition(work, row, asking, parameters) for row in rows}
    parts = {key: form.replace("{condition}", text) for key, text in given.items() if text is not None}
    if not parts:
        return {}
    sql = "select $1::bigint, $2::bigint, " + ", ".join(parts.values())
    counted = await work.db.fetchrow(sql, *parameters, timeout=seconds)
    return dict(zip(parts, list(counted)[2:], strict=True))


async def _condition(
    work: Work, row: Mapping[str, Any], asking: dict[str, Any], parameters: list[Any]
) -> str | None:
    """The view's condition over `t`, its values appended to the parameters; None when it cannot be read any more."""
    try:
        meaning = await filters.meaning(work, row["filters"])
    except Refused:
        return None
    where = filters.where(meaning, asking, work.now, len(parameters))
    parameters += where.values
    if not row["search"]:
        return where.text
    return where.text + " and " + searching.condition(row["search"], parameters)


# In the background


async def due_accounts(db: Any, now: datetime.datetime) -> list[int]:
    """The accounts that have somebody at work and something to count."""
    return [row["account_id"] for row in await db.fetch(ACCOUNTS, now)]


async def refresh(work: Work) -> int:
    """Count what is due for those who are at work, for a moment; how many views. Pages whose numbers changed hear it."""
    people = await work.db.fetch(PRESENT, work.account.id, work.now)
    newest = await work.db.fetchval(NEWEST, work.account.id)
    begun, done = time.monotonic(), 0
    for person in people:
        if time.monotonic() - begun > STEP:
            break
        work.actor = Actor("user", person["user_id"], person["role"])
        done += await _refresh(work, newest, begun, [one["user_id"] for one in people])
        await work.db.execute(TURN, work.account.id, person["user_id"])
    return done


async def _refresh(work: Work, newest: Any, begun: float, present: Sequence[int]) -> int:
    rows = await work.db.fetch(LIST, work.account.id, work.actor.user_id, False)
    due = [row for row in rows if row["due_datetime"] is None or row["due_datetime"] <= work.now]
    same = [row["id"] for row in due if _unchanged(row, newest, work.now)]
    if same:
        later = work.now + datetime.timedelta(seconds=SOONEST)
        await work.db.execute(LATER, work.account.id, same, later, work.actor.user_id)
    done = 0
    for row in sorted((row for row in due if row["id"] not in same), key=lambda row: row["taken_ms"] or 0.0):
        if done and time.monotonic() - begun > STEP:
            break
        if await _keep(work, row):
            for user_id in present:
                work.ring("read", work.account.id, user_id, 0)
        done += 1
    return done


def _unchanged(row: Any, newest: Any, now: datetime.datetime) -> bool:
    """Whether nothing happened since it was counted. Deleting a ticket leaves no trace, so that not for ever."""
    counted = row["counted_datetime"]
    if counted is None or _moving(row["filters"]) or row["search"]:
        return False
    return bool(newest is None or newest < counted) and now - counted < datetime.timedelta(seconds=LATEST)


async def _keep(work: Work, row: Any) -> bool:
    """Count one view and keep it; whether the number is another one."""
    started = time.monotonic()
    ids = (await _each(work, [row], _IDS)).get(row["id"]) or []
    taken, count = time.monotonic() - started, len(ids)
    few = count <= COUNTED and taken * 1000 >= COSTLY
    wait = min(max(taken * SHARE, SOONEST), LATEST)
    key = row["filters"] + (" " + row["search"] if row["search"] is not None else "")
    await work.db.execute(
        KEEP,
        work.account.id,
        row["id"],
        work.actor.user_id if personal(row["filters"]) else 0,
        key,
        count,
        taken * 1000,
        work.now,
        work.now + datetime.timedelta(seconds=wait),
        ids if few else None,
    )
    return bool(count != row["count"])
