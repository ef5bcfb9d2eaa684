"""Custom fields: what an account wants to know of its tickets and customers. Their values are in `field_values`."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from polus.base import errors, wire
from polus.desk import changes, field_definitions, listings
from polus.store.paging import Order, Statement
from polus.store.work import Work

MOST_ACTIVE = 25

COLUMNS = """
'id', f.id, 'external_id', f.external_id, 'object_type', f.object_type, 'label', f.label,
'description', f.description, 'priority', f.priority, 'required', f.required, 'managed_type', f.managed_type,
'definition', f.definition, 'created_datetime', wire(f.created_datetime),
'updated_datetime', wire(f.updated_datetime), 'deactivated_datetime', wire(f.deactivated_datetime)
"""
WIRE = "json_build_object(" + COLUMNS + ")"
# wire: `requirement_type` is told beside values and in the answer to a bulk update only
WIRE_WITH_REQUIREMENT = "json_build_object(" + COLUMNS + ", 'requirement_type', f.requirement_type)"

LIST = "select {sort}, f.id, " + WIRE + "::text from custom_fields f"
ARCHIVED = "f.deactivated_datetime is not null"
IN_USE = "f.deactivated_datetime is null"
FOREMOST = Order((("f.priority", "number"),), True)
GET = "select " + WIRE + "::text from custom_fields f where f.account_id = $1 and f.id = $2"
GET_MANY = (
    "select f.id, " + WIRE_WITH_REQUIREMENT + "::text as wire from custom_fields f"
    " where f.account_id = $1 and f.id = any($2::bigint[])"
)

INSERT = (
    """
insert into custom_fields as f (account_id, external_id, object_type, label, description, priority, required,
  requirement_type, managed_type, definition, created_datetime, updated_datetime, deactivated_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)
returning f.id, """
    + WIRE
    + "::text as wire"
)
# Two who create at once must not both see room for one more: the account's row is the place in the queue. A statement of
# its own, because one statement sees what was there before it waited.
QUEUE = "select id from accounts where id = $1 for update"
COUNT = """
select count(*) from custom_fields where account_id = $1 and object_type = $2 and deactivated_datetime is null
"""
LOCK = """
select id, external_id, object_type, label, description, priority, required, requirement_type, managed_type,
  definition, deactivated_datetime
from custom_fields where account_id = $1 and id = any($2::bigint[]) order by id for update
"""
UPDATE = """
update custom_fields set external_id = $3, label = $4, description = $5, priority = $6, required = $7,
  requirement_type = $8, definition = $9, deactivated_datetime = $10, updated_datetime = $11
where account_id = $1 and id = $2
"""
FIXED = ("object_type", "managed_type")


async def get(work: Work, field_id: int) -> str:
    """The field's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, field_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def browse(work: Work, object_type: str, *, archived: bool = False) -> list[dict[str, Any]]:
    """The fields of tickets or of customers, the foremost first: those in use, or those put away."""
    statement = Statement(work.account.id)
    statement.where("f.account_id = $1")
    statement.where("f.object_type = $?", object_type)
    statement.where(ARCHIVED if archived else IN_USE)
    found = await listings.browse(work, LIST, statement, FOREMOST, limit=100, id_column="f.id")
    return found.data


async def require(work: Work, field_id: int) -> None:
    """404 unless the field is there."""
    await get(work, field_id)


def _requirement(given: dict[str, Any], old: Mapping[str, Any]) -> None:
    """Bring `required` and `requirement_type` together; 400 when they contradict each other."""
    if "requirement_type" in given:
        says = given["requirement_type"] == "required"
        if given.get("required", says) != says:
            raise errors.one("requirement_type", "Contradicts required.")
        given["required"] = says
    elif "required" in given and given["required"] != old["required"]:
        given["requirement_type"] = "required" if given["required"] else "visible"


async def _room(work: Work, object_type: str) -> None:
    await work.db.execute(QUEUE, work.account.id)
    if await work.db.fetchval(COUNT, work.account.id, object_type) >= MOST_ACTIVE:
        raise errors.Conflict(
            {"limit": MOST_ACTIVE}, f"The limit of {MOST_ACTIVE} active custom fields is reached."
        )


def _managed(managed_type: str | None, object_type: str) -> None:
    if managed_type is not None and (managed_type == "customer_type") != (object_type == "Customer"):
        raise errors.one("managed_type", errors.NOT_CHOICE)


async def create(work: Work, given: Mapping[str, Any]) -> str:
    """A new field's wire form; 400, 409 over the limit or when the managed type is taken. Event custom-field-created."""
    new = dict(given)
    definition = field_definitions.checked(new["definition"])
    _managed(new.get("managed_type"), new["object_type"])
    _requirement(new, {"required": False})
    if new.get("deactivated_datetime") is None:
        await _room(work, new["object_type"])
    try:
        row = await work.db.fetchrow(
            INSERT,
            work.account.id,
            new.get("external_id"),
            new["object_type"],
            new["label"],
            new.get("description"),
            new.get("priority") or 0,
            new.get("required", False),
            new.get("requirement_type") or "visible",
            new.get("managed_type"),
            wire.encode(definition),
            work.now,
            new.get("deactivated_datetime"),
        )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"managed_type": [errors.IN_USE]}) from None
    work.record("custom-field-created", "CustomField", row["id"], {"name": new["label"]})
    return row["wire"]  # type: ignore[no-any-return]


async def update(work: Work, field_id: int, given: Mapping[str, Any]) -> str:
    """Change a field; 404, 400, 409. Event custom-field-updated."""
    rows = await work.db.fetch(LOCK, work.account.id, [field_id])
    if not rows:
        raise errors.NotFound
    await _write(work, rows[0], given)
    return await get(work, field_id)


async def update_many(work: Work, items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Change several fields or none; their wire forms in the order of `items`. 400 by place, 409."""
    rows = await work.db.fetch(LOCK, work.account.id, [item["id"] for item in items])
    found = {row["id"]: row for row in rows}
    unknown = {
        str(place): {"id": [errors.MISSING_OBJECT]}
        for place, item in enumerate(items)
        if item["id"] not in found
    }
    if unknown:
        raise errors.Invalid(unknown)
    for place, item in enumerate(items):
        try:
            await _write(work, found[item["id"]], {key: item[key] for key in item if key != "id"})
        except errors.Invalid as invalid:
            raise errors.Invalid({str(place): invalid.data}) from None
    answers = {
        row["id"]: row["wire"]
        for row in await work.db.fetch(GET_MANY, work.account.id, [item["id"] for item in items])
    }
    return [answers[item["id"]] for item in items]


async def _write(work: Work, row: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    old = {**row, "definition": msgspec.json.decode(row["definition"])}
    new = dict(given)
    if "priority" in new:
        new["priority"] = new["priority"] or 0
    fixed = {name: ["May not be changed."] for name in FIXED if new.get(name, old[name]) != old[name]}
    if fixed:
        raise errors.Invalid(fixed)
    if "definition" in new:
        new["definition"] = field_definitions.checked(new["definition"], old["definition"])
    _requirement(new, old)
    new = {**old, **new}
    changed = changes.between(old, new)
    if not changed:
        return
    if old["deactivated_datetime"] is not None and new["deactivated_datetime"] is None:
        await _room(work, old["object_type"])
    try:
        await work.db.execute(
            UPDATE,
            work.account.id,
            old["id"],
            new["external_id"],
            new["label"],
            new["description"],
            new["priority"],
            new["required"],
            new["requirement_type"],
            wire.encode(new["definition"]),
            new["deactivated_datetime"],
            work.now,
        )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"managed_type": [errors.IN_USE]}) from None
    work.record("custom-field-updated", "CustomField", old["id"], changed)
