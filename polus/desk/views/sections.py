"""Sections of shared views in the rail: headings with an emoji, in an order. Which view stands where is `rails`."""

from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import settings
from polus.store.work import Work

NAME_LENGTH = 255
MOST = 50
ORDERING = "views-ordering"

LIST = """
select s.id, s.name, s.decoration from view_sections s
left join account_settings o on o.account_id = s.account_id and o.type = 'views-ordering'
where s.account_id = $1 and s.owner_id is null
order by (o.data->'view_sections'->s.id::text->>'display_order')::numeric nulls last, lower(s.name), s.id
"""
LOCK = "select id from view_sections where account_id = $1 and owner_id is null order by id for update"
INSERT = """
insert into view_sections (account_id, name, decoration, created_datetime) values ($1, $2, $3, $4) returning id
"""
UPDATE = "update view_sections set name = $3, decoration = $4 where account_id = $1 and id = $2"
DELETE = "delete from view_sections where account_id = $1 and id = any($2::bigint[])"
LEAVE = "update views set section_id = null where account_id = $1 and section_id = any($2::bigint[])"


class Section(msgspec.Struct, frozen=True):
    """A heading. `id` is None for one that is new."""

    id: int | None
    name: str
    emoji: str = ""


async def listed(work: Work) -> list[Section]:
    """The account's sections in their order."""
    found = []
    for row in await work.db.fetch(LIST, work.account.id):
        look = msgspec.json.decode(row["decoration"]) if row["decoration"] else {}
        found.append(Section(row["id"], row["name"], str(look.get("emoji") or "")))
    return found


async def put(work: Work, wanted: Sequence[Section]) -> None:
    """Make these the account's sections, in this order; the views of those that go stand under none.

    400 by place on `sections`, 404 for an id that is none, 409 beyond the limit.
    """
    if len(wanted) > MOST:
        raise errors.Conflict({"limit": MOST}, "The limit of " + str(MOST) + " sections is reached.")
    problems = {
        str(at): {"name": [errors.REQUIRED if not one.name else errors.too_long(NAME_LENGTH)]}
        for at, one in enumerate(wanted)
        if not 0 < len(one.name) <= NAME_LENGTH
    }
    if problems:
        raise errors.Invalid({"sections": problems})
    there = {row["id"] for row in await work.db.fetch(LOCK, work.account.id)}
    kept = {one.id for one in wanted if one.id is not None}
    if not kept <= there:
        raise errors.NotFound
    gone = list(there - kept)
    await work.db.execute(LEAVE, work.account.id, gone)
    await work.db.execute(DELETE, work.account.id, gone)
    order: dict[str, Any] = {}
    for at, one in enumerate(wanted):
        look = wire.encode({"emoji": one.emoji} if one.emoji else {})
        if one.id is None:
            made = await work.db.fetchval(INSERT, work.account.id, one.name, look, work.now)
        else:
            await work.db.execute(UPDATE, work.account.id, one.id, one.name, look)
            made = one.id
        order[str(made)] = {"display_order": at}
    await settings.put(work, ORDERING, await settings.of(work, ORDERING) | {"view_sections": order})
