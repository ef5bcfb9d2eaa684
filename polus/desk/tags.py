"""Tags: words that agents put on tickets. Their names are case-sensitive and unique within the account."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from polus.base import errors, wire
from polus.desk import changes, listings
from polus.desk.listings import Listed
from polus.store.paging import Order, Statement
from polus.store.work import Work

NAME_LENGTH = 256
# Macro and rule actions write several names with commas between them.
NO_COMMA = "May not contain a comma."

WIRE = """
json_build_object('id', id, 'uri', '/api/tags/' || id || '/', 'name', name, 'description', description,
  'decoration', decoration, 'usage', usage, 'created_datetime', wire(created_datetime), 'deleted_datetime', null)::text
"""

LIST = "select {sort}, id, " + WIRE + " from tags"
NAMED = "position(lower($?::text) in lower(name)) > 0"
BY_NAME = Order((("name", "text"),), False)

GET = "select " + WIRE + " from tags where account_id = $1 and id = $2"

INSERT = (
    """
insert into tags (account_id, name, description, decoration, created_datetime) values ($1, $2, $3, $4, $5)
returning id, """
    + WIRE
)

# The state before, for the event, in the same statement as the change.
LOCK = "select id, name, description, decoration from tags where account_id = $1 and id = $2 for update"

UPDATE = (
    """
update tags set name = $3, description = $4, decoration = $5 where account_id = $1 and id = $2 returning """
    + WIRE
)

DELETE = "delete from tags where account_id = $1 and id = any($2::bigint[]) returning id, name"

NAMES = "select name from tags where account_id = $1 and id = any($2::bigint[])"

BY_ITS_NAME = "select id from tags where account_id = $1 and name = $2"

TICKETS_OF = "select distinct ticket_id from ticket_tags where account_id = $1 and tag_id = any($2::bigint[])"

EXISTING = "select id from tags where account_id = $1 and id = any($2::bigint[]) order by id for update"

# Tickets before tags, as whoever tags a ticket locks them; and none of them is deleted meanwhile.
HOLD = """
select id from tickets where account_id = $1
  and id in (select ticket_id from ticket_tags where account_id = $1 and tag_id = any($2::bigint[]))
order by id for key share
"""
MOVE = """
insert into ticket_tags (account_id, ticket_id, tag_id)
select $1, ticket_id, $2 from ticket_tags where account_id = $1 and tag_id = any($3::bigint[])
on conflict do nothing
"""

# Locked, so that nobody deletes or merges them before they are put on a ticket; in the order of ids, as others do.
KNOWN = """
select id, name from tags where account_id = $1 and name = any($2::text[]) order by id for key share
"""
# Names never seen become tags without a colour; `on conflict` makes two at once the same tag.
MAKE = """
insert into tags (account_id, name, created_datetime) select $1, name, $3 from unnest($2::text[]) as g (name)
order by name on conflict (account_id, name) do nothing returning id, name
"""
# A name that another transaction makes meanwhile is seen at the next look; one that is deleted, too.
LOOKS = 5

SUGGEST = """
select name, decoration from tags where account_id = $1 and lower(name) like $2 escape '\'
order by not starts_with(lower(name), $3), usage desc, name limit $4
"""

RECOUNT = """
with counted as (
  select account_id, tag_id, count(*) as used from ticket_tags group by account_id, tag_id
)
update tags t set usage = coalesce(c.used, 0)
from tags o left join counted c on c.account_id = o.account_id and c.tag_id = o.id
where t.account_id = o.account_id and t.id = o.id and t.usage <> coalesce(c.used, 0)
"""


def _name(name: str) -> str:
    name = name.strip()
    if not name:
        raise errors.one("name", errors.too_short(1))
    if "," in name:
        raise errors.one("name", NO_COMMA)
    return name


async def get(work: Work, tag_id: int) -> str:
    """The tag's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, tag_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def browse(work: Work, search: str = "", cursor: str = "") -> Listed:
    """Tags by name, those that hold `search` in any case."""
    statement = Statement(work.account.id)
    statement.where("account_id = $1")
    if search:
        statement.where(NAMED, search)
    return await listings.browse(work, LIST, statement, BY_NAME, cursor=cursor)


async def require(work: Work, tag_id: int) -> None:
    """404 unless the tag is there."""
    await get(work, tag_id)


async def create(work: Work, name: str, description: str | None, decoration: Mapping[str, Any] | None) -> str:
    """A new tag's wire form; without a decoration it gets a random colour. 409 when the name is taken."""
    name = _name(name)
    shown = {"color": "#" + secrets.token_hex(3)} if decoration is None else decoration
    try:
        row = await work.db.fetchrow(INSERT, work.account.id, name, description, wire.encode(shown), work.now)
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"name": [errors.IN_USE]}) from None
    work.record("tag-created", "Tag", row[0], {"name": name})
    return row[1]  # type: ignore[no-any-return]


async def update(work: Work, tag_id: int, given: Mapping[str, Any]) -> str:
    """Change name, description or decoration; 404, 409."""
    before = await work.db.fetchrow(LOCK, work.account.id, tag_id)
    if before is None:
        raise errors.NotFound
    old = {**before, "decoration": msgspec.json.decode(before["decoration"])}
    new = {**old, **given}
    new["name"] = _name(new["name"])
    changed = changes.between(old, new)
    if not changed:
        return await get(work, tag_id)
    try:
        answer = await work.db.fetchval(
            UPDATE,
            work.account.id,
            tag_id,
            new["name"],
            new["description"],
            wire.encode(new["decoration"]),
        )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"name": [errors.IN_USE]}) from None
    if "name" in changed:
        work.record("tag-renamed", "Tag", tag_id, {"name": changed["name"]})
    work.record("tag-updated", "Tag", tag_id, changed)
    return answer  # type: ignore[no-any-return]


async def names(work: Work, tag_ids: Sequence[int]) -> list[str]:
    """The names of those tags that are there."""
    return [row["name"] for row in await work.db.fetch(NAMES, work.account.id, tag_ids)]


async def named(work: Work, name: str, field: str) -> int:
    """The id of the tag of that name; 400 on `field` when there is none."""
    found = await work.db.fetchval(BY_ITS_NAME, work.account.id, name)
    if found is None:
        raise errors.one(field, errors.MISSING_OBJECT)
    return found  # type: ignore[no-any-return]


async def delete(work: Work, tag_ids: Sequence[int]) -> int:
    """Remove tags from everywhere; unknown ids are passed over. How many there were."""
    tickets = await work.db.fetch(TICKETS_OF, work.account.id, tag_ids)
    rows = await work.db.fetch(DELETE, work.account.id, tag_ids)
    for row in rows:
        work.record("tag-deleted", "Tag", row["id"], {"name": row["name"]})
    for ticket in tickets:
        work.ring("ticket", work.account.id, ticket["ticket_id"])
    return len(rows)


async def merge(work: Work, source_ids: Sequence[int], into: int) -> str:
    """Move the sources' tickets to `into` and delete the sources; its wire form. 404, 400."""
    await work.db.execute(HOLD, work.account.id, source_ids)
    found = await work.db.fetch(EXISTING, work.account.id, [into, *source_ids])
    there = {row["id"] for row in found}
    if into not in there:
        raise errors.NotFound
    if into in source_ids:
        raise errors.one("source_tags_ids", "The destination may not be among the sources.")
    unknown = {
        str(place): [errors.MISSING_OBJECT] for place, source in enumerate(source_ids) if source not in there
    }
    if unknown:
        raise errors.Invalid({"source_tags_ids": unknown})
    await work.db.execute(MOVE, work.account.id, into, source_ids)
    await delete(work, source_ids)
    work.record("tag-merged", "Tag", into, {"source_tags_ids": list(source_ids)})
    return await get(work, into)


async def ensure(work: Work, names: Sequence[str]) -> dict[str, int]:
    """The ids of tags by name, in the order given; names never seen become tags. 400 on `tags` for an impossible name."""
    wanted = []
    for name in names:
        trimmed = name.strip()
        if not trimmed or len(trimmed) > NAME_LENGTH or "," in trimmed:
            raise errors.one("tags", NO_COMMA if "," in trimmed else errors.too_short(1))
        wanted.append(trimmed)
    found: dict[str, int] = {}
    missing = list(dict.fromkeys(wanted))
    for _ in range(LOOKS):
        found |= {row["name"]: row["id"] for row in await work.db.fetch(KNOWN, work.account.id, missing)}
        new = [name for name in missing if name not in found]
        for row in await work.db.fetch(MAKE, work.account.id, new, work.now) if new else ():
            found[row["name"]] = row["id"]
            work.record("tag-created", "Tag", row["id"], {"name": row["name"]})
        missing = [name for name in missing if name not in found]
        if not missing:
            return {name: found[name] for name in wanted}
    raise errors.Conflict({"tags": [errors.IN_USE]})


async def suggest(work: Work, typed: str, limit: int) -> list[dict[str, Any]]:
    """Names and decorations of tags that hold what was typed, whatever the case; those that begin with it first."""
    typed = typed.strip().lower()
    escaped = typed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await work.db.fetch(SUGGEST, work.account.id, "%" + escaped + "%", typed, limit)
    return [{"name": row["name"], "decoration": msgspec.json.decode(row["decoration"])} for row in rows]


async def recount(db: Any) -> None:
    """Bring `usage` of all tags up to date; run every ten minutes (on the live wire it lags too)."""
    await db.execute(RECOUNT)
