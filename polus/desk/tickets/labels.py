"""The tags of a ticket: put on, taken off, replaced."""

from collections.abc import Mapping, Sequence

from polus.base import errors
from polus.desk import tags
from polus.desk.tickets import happenings, tickets
from polus.store.work import Work

MOST = 100

LIST = (
    "select "
    + tags.WIRE
    + " from tags where account_id = $1 and id in (select tag_id from ticket_tags where account_id = $1"
    " and ticket_id = $2) order by name"
)
# Locked, so that nobody deletes or merges them meanwhile; in the order of ids, as others do.
KNOWN = "select id, name from tags where account_id = $1 and id = any($2::bigint[]) order by id for key share"
NAMED = "select id, name from tags where account_id = $1 and name = any($2::text[])"
NOW_ON = """
select g.id, g.name from ticket_tags l join tags g on g.account_id = l.account_id and g.id = l.tag_id
where l.account_id = $1 and l.ticket_id = $2 order by g.name
"""
PUT_ON = """
insert into ticket_tags (account_id, ticket_id, tag_id) select $1, $2, unnest($3::bigint[]) on conflict do nothing
"""
TAKE_OFF = "delete from ticket_tags where account_id = $1 and ticket_id = $2 and tag_id = any($3::bigint[])"
TOUCH = "update tickets set updated_datetime = $3 where account_id = $1 and id = $2"


async def list_(work: Work, ticket_id: int) -> list[str]:
    """The full tags of a ticket, by name; 404, 301."""
    await tickets.require(work, ticket_id)
    return [row[0] for row in await work.db.fetch(LIST, work.account.id, ticket_id)]


async def named(work: Work, ticket_id: int) -> dict[str, int]:
    """The ticket's tags: id by name."""
    return {row["name"]: row["id"] for row in await work.db.fetch(NOW_ON, work.account.id, ticket_id)}


async def find(work: Work, ids: Sequence[int], names: Sequence[str]) -> dict[str, int]:
    """Tags by id and by name; names never seen become tags, an unknown id is 400."""
    found: dict[str, int] = {}
    if ids:
        rows = await work.db.fetch(KNOWN, work.account.id, ids)
        found = {row["name"]: row["id"] for row in sorted(rows, key=lambda row: row["name"])}
        if set(ids) - set(found.values()):
            raise errors.one("ids", errors.MISSING_OBJECT)
    return {**found, **(await tags.ensure(work, names) if names else {})}


async def add(work: Work, ticket_id: int, ids: Sequence[int], names: Sequence[str]) -> None:
    """Put tags on; those that are on already are passed over."""
    await tickets.lock(work, ticket_id)
    await _change(work, ticket_id, on=await find(work, ids, names), keep=True)


async def replace(work: Work, ticket_id: int, ids: Sequence[int], names: Sequence[str]) -> None:
    """Exactly these tags."""
    await tickets.lock(work, ticket_id)
    await _change(work, ticket_id, on=await find(work, ids, names), keep=False)


async def remove(work: Work, ticket_id: int, ids: Sequence[int], names: Sequence[str]) -> None:
    """Take tags off; those that are not on, or do not exist, are passed over."""
    await tickets.lock(work, ticket_id)
    present = await named(work, ticket_id)
    off = {name: tag for name, tag in present.items() if tag in ids or name in names}
    await _write(work, ticket_id, {}, off)


async def _change(work: Work, ticket_id: int, *, on: dict[str, int], keep: bool) -> None:
    await _write(work, ticket_id, *differing(await named(work, ticket_id), on, keep=keep))


def differing(
    present: Mapping[str, int], on: Mapping[str, int], *, keep: bool
) -> tuple[dict[str, int], dict[str, int]]:
    """What must be put on and what taken off so that `on` is on, and nothing else unless `keep`; 400 for too many."""
    before, wanted = set(present.values()), set(on.values())
    new = {name: tag for name, tag in on.items() if tag not in before}
    off = {} if keep else {name: tag for name, tag in present.items() if tag not in wanted}
    if len(present) - len(off) + len(new) > MOST:
        raise errors.one("names", errors.too_long(MOST))
    return new, off


async def _write(work: Work, ticket_id: int, new: dict[str, int], off: dict[str, int]) -> None:
    if off:
        await work.db.execute(TAKE_OFF, work.account.id, ticket_id, list(off.values()))
    if new:
        await work.db.execute(PUT_ON, work.account.id, ticket_id, list(new.values()))
    if new or off:
        await work.db.execute(TOUCH, work.account.id, ticket_id, work.now)
        tell(work, ticket_id, new, off)


def tell(work: Work, ticket_id: int, new: Mapping[str, int], off: Mapping[str, int]) -> None:
    """Record that tags were put on and taken off."""
    if off:
        happenings.tagged(work, ticket_id, "ticket-tags-removed", off)
    if new:
        happenings.tagged(work, ticket_id, "ticket-tags-added", new)
    happenings.record(work, ticket_id, "ticket-updated")
