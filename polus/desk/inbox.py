"""What agents work through: the inbox's views with their pages and live counts, and what a ticket's page adds to it.

Each view reads one partial index in its order. Views that people make themselves are not these.
"""

import datetime
from typing import Any, NamedTuple

from polus.base import errors
from polus.desk import events, presence
from polus.desk.tickets import projections
from polus.store.paging import LIMITS
from polus.store.work import Work

MOST = 300
"""Tickets of one page at most."""

COUNTED = 9_999
COUNTED_FEWER = 999
"""Counts stop here: telling 50,000 from 60,000 is worth no one's wait. Nobody works through `all` and `closed`."""

LIVING = " and not t.spam and t.trashed_datetime is null and t.merged_into_id is null"
OPEN = "t.status = 'open'" + LIVING

# Key -> condition; `$2` is who looks. The order is that of the rail.
VIEWS = {
    "all": "true" + LIVING,
    "open": OPEN,
    "mine": OPEN + " and t.assignee_user_id = $2",
    "unassigned": OPEN + " and t.assignee_user_id is null",
    "snoozed": "t.snooze_datetime is not null" + LIVING,
    "closed": "t.status = 'closed'" + LIVING,
    "spam": "t.spam and t.trashed_datetime is null and t.merged_into_id is null",
    "trash": "t.trashed_datetime is not null and t.merged_into_id is null",
}

_PAGE = (
    "select t.last_message_datetime, t.id, "
    + projections.COMPACT_LIST
    + """ as wire
from tickets t where t.account_id = $1 and $2::bigint is not null and {view} and {position}
order by t.last_message_datetime desc nulls last, t.id desc"""
)
# Tickets without any public message have no moment; they come last, and a page may begin or end among them.
_DATED = (
    "t.last_message_datetime is not null and (t.last_message_datetime, t.id) < ($3::timestamptz, $4::bigint)"
)
_UNDATED = "t.last_message_datetime is null and t.id < $4::bigint and $3::timestamptz is not null"
DATED = {key: _PAGE.replace("{view}", view).replace("{position}", _DATED) for key, view in VIEWS.items()}
UNDATED = {key: _PAGE.replace("{view}", view).replace("{position}", _UNDATED) for key, view in VIEWS.items()}

# In order, though a count needs none: else the first tickets of the whole table are looked through for this account's.
_COUNT = """(select count(*) from (select from tickets t where t.account_id = $1 and {view}
  order by t.last_message_datetime desc nulls last, t.id desc limit {most}) c)"""
CEILINGS = {key: COUNTED_FEWER if key in ("all", "closed") else COUNTED for key in VIEWS}
COUNTS = "select $2::bigint, " + ", ".join(
    _COUNT.replace("{view}", view).replace("{most}", str(CEILINGS[key] + 1)) for key, view in VIEWS.items()
)

OTHERS = (
    "select "
    + projections.COMPACT_LIST
    + """ as wire from tickets t
where t.account_id = $1 and $2::bigint is not null and t.customer_id = $3 and t.id <> $4 and t.merged_into_id is null
order by t.created_datetime desc, t.id desc limit $5
"""
)

HISTORY = (
    "select "
    + events.WIRE
    + """ from (select * from events where account_id = $1 and ticket_id = $2 and created_datetime > $3::timestamptz - """
    + events.KEPT
    + " order by id desc limit $4) e order by id"
)
MOST_HISTORY = 1000

PEOPLE = (
    "select u.id, u.name, u.email, "
    + presence.AVAILABLE.replace("{now}", "$2")
    + """ as available from users u
where u.account_id = $1 and u.active and u.deleted_datetime is null and u.role not in ('bot', 'internal-agent')
order by lower(u.name), u.id
"""
)
NAMES = "select id, name from users where account_id = $1 and id = any($2::bigint[])"
TEAMS = "select id, name from teams where account_id = $1 order by lower(name), id"

FIRST = datetime.datetime.max.replace(tzinfo=datetime.UTC)
HIGHEST = 2**63 - 1


class Place(NamedTuple):
    """The last ticket of a page: the next one begins behind it. No moment: among tickets without one."""

    moment: datetime.datetime | None
    id: int


class Page(NamedTuple):
    """Compact tickets as JSON texts, and the cursor to those behind them."""

    tickets: list[str]
    next_cursor: str | None


def cursor(place: Place) -> str:
    """A place as a word for addresses; microseconds, because the next page begins at the exact one."""
    moment = "" if place.moment is None else str(round(place.moment.timestamp() * 1_000_000))
    return f"{moment}-{place.id}"


def place(text: str) -> Place:
    """The place of a cursor; 400 when it is none."""
    moment, dash, number = text.partition("-")
    if not dash or not number.isdecimal() or not (moment == "" or moment.isdecimal()) or len(text) > 40:
        raise errors.one("cursor", "Invalid cursor.")
    try:
        epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        at = None if moment == "" else epoch + datetime.timedelta(microseconds=int(moment))
    except OverflowError:
        raise errors.one("cursor", "Invalid cursor.") from None
    return Place(at, min(int(number), HIGHEST))


async def page(work: Work, view: str, after: Place | None = None, limit: int = 30) -> Page:
    """One page of a view, newest message first. 404 for a view that does not exist."""
    if view not in VIEWS:
        raise errors.NotFound
    limit = min(max(limit, 1), MOST)
    start = after or Place(FIRST, HIGHEST)
    rows: list[Any] = []
    if start.moment is not None:
        rows = await _rows(work, DATED[view], start, limit + 1)
    if len(rows) <= limit:
        behind = Place(None, HIGHEST if start.moment is not None else start.id)
        rows = [*rows, *await _rows(work, UNDATED[view], behind, limit + 1 - len(rows))]
    shown = rows[:limit]
    more = len(rows) > limit
    end = cursor(Place(shown[-1]["last_message_datetime"], shown[-1]["id"])) if more else None
    return Page([row["wire"] for row in shown], end)


async def _rows(work: Work, statement: str, start: Place, limit: int) -> list[Any]:
    moment = start.moment or FIRST
    sql = statement + LIMITS[limit]
    return await work.db.fetch(sql, work.account.id, work.actor.user_id, moment, start.id)  # type: ignore[no-any-return]


async def counts(work: Work) -> dict[str, int]:
    """How many tickets each view has, for who looks; one more than its CEILINGS stands for more."""
    row = await work.db.fetchrow(COUNTS, work.account.id, work.actor.user_id)
    return dict(zip(VIEWS, list(row)[1:], strict=True))


async def others(work: Work, customer_id: int, ticket_id: int, limit: int = 10) -> list[str]:
    """The customer's other tickets, newest first, as compact JSON texts."""
    rows = await work.db.fetch(OTHERS, work.account.id, work.actor.user_id, customer_id, ticket_id, limit)
    return [row["wire"] for row in rows]


async def history(work: Work, ticket_id: int) -> list[str]:
    """What happened to the ticket, oldest first, as JSON texts of events."""
    rows = await work.db.fetch(HISTORY, work.account.id, ticket_id, work.now, MOST_HISTORY)
    return [row[0] for row in rows]


async def people(work: Work) -> list[dict[str, Any]]:
    """Who can be assigned a ticket, by name, each with whether he is there and wants tickets."""
    return [dict(row) for row in await work.db.fetch(PEOPLE, work.account.id, work.now)]


async def names(work: Work, user_ids: set[int]) -> dict[int, str]:
    """Names of users, also of those who are gone."""
    rows = await work.db.fetch(NAMES, work.account.id, list(user_ids)) if user_ids else []
    return {row["id"]: row["name"] for row in rows}


async def teams(work: Work) -> list[dict[str, Any]]:
    """The teams, by name."""
    return [dict(row) for row in await work.db.fetch(TEAMS, work.account.id)]


# Customers who may be the same as this one: the same name, or a phone number that both have.
ALIKE = """
select id, name, email from (
  select o.id, o.name, o.email from customers c join customers o
    on o.account_id = c.account_id and lower(o.name) = lower(c.name)
  where c.account_id = $1 and c.id = $2 and length(c.name) > 3
  union
  select o.id, o.name, o.email from customer_channels a join customer_channels b
    on b.account_id = a.account_id and b.type = any(array['phone', 'sms', 'whatsapp']) and b.key = a.key
      and b.customer_id <> a.customer_id and b.deleted_datetime is null
  join customers o on o.account_id = b.account_id and o.id = b.customer_id
  where a.account_id = $1 and a.customer_id = $2 and a.deleted_datetime is null
    and a.type in ('phone', 'sms', 'whatsapp')
) f where id <> $2 and exists (select from customers o where o.account_id = $1 and o.id = f.id
  and o.merged_into_id is null and o.deleted_datetime is null)
order by id limit 3
"""
TODAY = """
select count(distinct object_id) filter (where type = 'ticket-closed') as closed,
  count(*) filter (where type = 'ticket-message-created' and data->>'channel' <> 'internal-note') as sent
from events where account_id = $1 and user_id = $2 and created_datetime >= $3
  and type in ('ticket-closed', 'ticket-message-created')
"""


async def alike(work: Work, customer_id: int) -> list[dict[str, Any]]:
    """Other customers who may be the same person."""
    return [dict(row) for row in await work.db.fetch(ALIKE, work.account.id, customer_id)]


async def today(work: Work, midnight: datetime.datetime) -> dict[str, int]:
    """How many tickets the actor closed and how many messages he sent since."""
    return dict(await work.db.fetchrow(TODAY, work.account.id, work.actor.user_id, midnight))
