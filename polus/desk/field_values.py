"""Values of custom fields: checked against their fields, kept as a map on the ticket or customer that has them.

The map is the wire's own: `{"<field id>": {"id": …, "value": …}}`. Who can have values says so with an `Owner`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import field_definitions
from polus.store.work import Work

# Written by classifiers and calls: people cannot change these.
SYSTEM_MANAGED = frozenset(
    ("ai_intent", "ai_outcome", "ai_sales", "ai_discount", "ai_journey", "managed_sentiment", "call_status")
)
MANAGED = "This field is managed by the system."

FIELDS = """
select id, definition, managed_type, deactivated_datetime from custom_fields
where account_id = $1 and object_type = $2 and id = any($3::bigint[])
"""

FIELD = "select managed_type from custom_fields where account_id = $1 and id = $2 and object_type = $3"

# Only fields with a value, archived ones included, most important first.
LIST = """
select f.id, {item}::text as wire from {table} o cross join lateral jsonb_each(o.custom_fields) as e (key, value)
join custom_fields f on f.account_id = o.account_id and f.id = e.key::bigint
where o.account_id = $1 and o.id = $2 and ($3::bigint is null or f.id = $3) order by f.priority desc, f.id
"""
EMPTY = "select {empty}::text from custom_fields f where f.account_id = $1 and f.id = $2"
LOCK = "select custom_fields from {table} where account_id = $1 and id = $2 for update"
WRITE = "update {table} set custom_fields = $3, updated_datetime = $4 where account_id = $1 and id = $2"

Values = Mapping[str, Mapping[str, Any]]


class Wanted(msgspec.Struct):
    """One value of a request, and where in it the request's place for messages is."""

    id: int
    value: Any
    place: str


async def fields_of(work: Work, object_type: str, ids: Sequence[int]) -> dict[int, Any]:
    """The fields of these ids, archived ones included."""
    rows = await work.db.fetch(FIELDS, work.account.id, object_type, list(ids))
    return {row["id"]: row for row in rows}


async def changed(
    work: Work, object_type: str, old: Values, wanted: Sequence[Wanted], *, replace: bool
) -> dict[str, dict[str, Any]]:
    """The map after `wanted` was written over `old`; with `replace` what is not named goes, system-managed values stay.

    A null or `""` takes a value away. 400 by the place of each wrong value; 403 for changing a system-managed one.
    """
    ids = [item.id for item in wanted] + [int(key) for key in old]
    fields = await fields_of(work, object_type, ids) if ids else {}
    return applied(fields, old, wanted, replace=replace)


def applied(
    fields: Mapping[int, Any], old: Values, wanted: Sequence[Wanted], *, replace: bool
) -> dict[str, dict[str, Any]]:
    """The same, with the fields of all values at hand. Pure."""
    new: dict[str, dict[str, Any]] = {
        key: dict(entry)
        for key, entry in old.items()
        if not replace or (int(key) in fields and fields[int(key)]["managed_type"] in SYSTEM_MANAGED)
    }
    problems: dict[str, Any] = {}
    seen: set[int] = set()
    for item in wanted:
        before = old.get(str(item.id), {}).get("value")
        value, problem = _value(fields.get(item.id), item, before)
        if item.id in seen:
            problem = {"id": ["Listed twice."]}
        seen.add(item.id)
        if problem:
            problems[item.place] = problem
        elif value is None:
            new.pop(str(item.id), None)
        else:
            new[str(item.id)] = {"id": item.id, "value": value}
    if problems:
        raise errors.Invalid(problems)
    return new


def _value(field: Any, item: Wanted, before: Any) -> tuple[Any, dict[str, Any] | None]:
    if field is None:
        return None, {"id": [errors.MISSING_OBJECT]}
    empty = item.value is None or item.value == ""
    if field["managed_type"] in SYSTEM_MANAGED and item.value != before and not (empty and before is None):
        raise errors.Forbidden(MANAGED)
    if empty:
        return None, None
    # wire: what is stored may be sent back, though the choice was removed or the field archived since
    if item.value == before and type(item.value) is type(before):
        return before, None
    if field["deactivated_datetime"] is not None:
        return None, {"id": ["The field is archived."]}
    value, message = field_definitions.value(msgspec.json.decode(field["definition"]), item.value)
    return value, {"value": [message]} if message else None


def differences(old: Values, new: Values) -> dict[str, list[Any]]:
    """`{"<field id>": [old, new]}` of the values that differ, for the owner's event."""
    keys = dict.fromkeys([*old, *new])
    pairs = {key: [old.get(key, {}).get("value"), new.get(key, {}).get("value")] for key in keys}
    return {
        key: pair for key, pair in pairs.items() if pair[0] != pair[1] or type(pair[0]) is not type(pair[1])
    }


class Owner:
    """A kind of thing that has values. `table` and `item` (the wire form over `f` and `e`) are constants of the code;
    `require` raises unless the thing is there, `tell` records that it changed."""

    def __init__(
        self,
        object_type: str,
        table: str,
        item: str,
        require: Callable[[Work, int], Awaitable[None]],
        tell: Callable[[Work, int, Mapping[str, Any]], None],
    ) -> None:
        self.object_type = object_type
        self.require = require
        self._tell = tell
        self._list = LIST.replace("{table}", table).replace("{item}", item)
        self._empty = EMPTY.replace("{empty}", item.replace("e.value->'value'", "null"))
        self._lock = LOCK.replace("{table}", table)
        self._write = WRITE.replace("{table}", table)

    async def list(self, work: Work, owner_id: int) -> list[str]:
        """The values with their fields; 404, 301."""
        await self.require(work, owner_id)
        return [row["wire"] for row in await work.db.fetch(self._list, work.account.id, owner_id, None)]

    async def one(self, work: Work, owner_id: int, field_id: int) -> str | None:
        """One value with its field; None when there is no value."""
        row = await work.db.fetchrow(self._list, work.account.id, owner_id, field_id)
        return None if row is None else row["wire"]

    async def empty(self, work: Work, field_id: int) -> str:
        """A field that has no value (any more), in the same form."""
        return await work.db.fetchval(self._empty, work.account.id, field_id)  # type: ignore[no-any-return]

    async def write(self, work: Work, owner_id: int, wanted: Sequence[Wanted], *, replace: bool) -> None:
        """Write values; 404, 301, 400 by place, 403. The owner's event tells what changed, if anything did."""
        await self.require(work, owner_id)
        old = msgspec.json.decode(await work.db.fetchval(self._lock, work.account.id, owner_id))
        new = await changed(work, self.object_type, old, wanted, replace=replace)
        found = differences(old, new)
        if found:
            await work.db.execute(self._write, work.account.id, owner_id, wire.encode(new), work.now)
            self._tell(work, owner_id, {"custom_fields": found})

    async def delete(self, work: Work, owner_id: int, field_id: int) -> None:
        """Take a value away; nothing there is fine. 404 for an unknown field, 403 for a system-managed one."""
        await self.require(work, owner_id)
        row = await work.db.fetchrow(FIELD, work.account.id, field_id, self.object_type)
        if row is None:
            raise errors.NotFound
        if row["managed_type"] in SYSTEM_MANAGED:
            raise errors.Forbidden(MANAGED)
        await self.write(work, owner_id, [Wanted(field_id, None, "value")], replace=False)
