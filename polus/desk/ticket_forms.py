"""The custom fields that agents fill in beside a ticket: its own and its customer's, and which must be filled to close it.

That a required field must be filled is a rule of the workspace: the API closes tickets without.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import field_values
from polus.desk.customers import values as customer_values
from polus.desk.field_values import Wanted
from polus.desk.tickets import tickets
from polus.desk.tickets import values as ticket_values
from polus.store.work import Work

FIELDS = """
select f.id, f.object_type, f.label, f.description, f.definition, f.managed_type,
  f.requirement_type = 'required' as required
from custom_fields f
where f.account_id = $1 and f.object_type = any($2::text[]) and f.deactivated_datetime is null
order by f.priority desc, f.id
"""
NEEDED = """
select f.id, f.label from custom_fields f join tickets t on t.account_id = f.account_id and t.id = $2
where f.account_id = $1 and f.object_type = 'Ticket' and f.deactivated_datetime is null
  and f.requirement_type = 'required' and coalesce(t.custom_fields->f.id::text->>'value', '') = ''
order by f.priority desc, f.id
"""
LACKING = """
select t.id as ticket_id, t.subject, f.id, f.label
from custom_fields f join tickets t on t.account_id = f.account_id and t.id = any($2::bigint[])
where f.account_id = $1 and f.object_type = 'Ticket' and f.deactivated_datetime is null
  and f.requirement_type = 'required' and coalesce(t.custom_fields->f.id::text->>'value', '') = ''
  and t.status <> 'closed' and t.merged_into_id is null
order by t.id, f.priority desc, f.id
"""
OWNERS = {"Ticket": ticket_values.OWNER, "Customer": customer_values.OWNER}
FALSE, TRUE = "false", "true"


class Field(msgspec.Struct, frozen=True):
    """One field of a form. `input`: text, number or choice; `choices` as texts to send back."""

    id: int
    label: str
    description: str
    required: bool
    input: str
    choices: list[str]
    value: str
    fixed: bool


class Lacking(msgspec.Struct, frozen=True):
    """A ticket that cannot be closed yet: the fields that are empty, label by id."""

    id: int
    subject: str | None
    fields: dict[int, str]


class NotFilled(errors.Invalid):
    """Required fields are empty: label by id."""

    def __init__(self, fields: Mapping[int, str]) -> None:
        super().__init__({"custom_fields": {str(key): [errors.REQUIRED] for key in fields}})
        self.fields = dict(fields)


async def fields(work: Work, values: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Field]]:
    """The forms of both kinds; `values` has the map of each kind as the wire has it."""
    rows = await work.db.fetch(FIELDS, work.account.id, list(values))
    found: dict[str, list[Field]] = {kind: [] for kind in values}
    for row in rows:
        entry = values[row["object_type"]].get(str(row["id"])) or {}
        found[row["object_type"]].append(_field(row, entry.get("value")))
    return found


def _field(row: Any, value: Any) -> Field:
    definition = msgspec.json.decode(row["definition"])
    kind, settings = definition["data_type"], definition["input_settings"]
    choices = [_text(choice) for choice in settings.get("choices") or []]
    shown = _text(value)
    if choices and shown and shown not in choices:
        choices = [shown, *choices]
    return Field(
        row["id"],
        row["label"],
        row["description"] or "",
        row["required"],
        "choice" if choices else ("number" if kind == "number" else "text"),
        choices,
        shown,
        row["managed_type"] in field_values.SYSTEM_MANAGED,
    )


def _text(value: Any) -> str:
    return "" if value is None else (TRUE if value else FALSE) if isinstance(value, bool) else str(value)


async def fill(work: Work, object_type: str, owner_id: int, field_id: int, written: str) -> None:
    """Write what was typed into a field; 400 on `value`, 403, 404."""
    known = await field_values.fields_of(work, object_type, [field_id])
    if field_id not in known:
        raise errors.NotFound
    kind = msgspec.json.decode(known[field_id]["definition"])["data_type"]
    value = _value(kind, written.strip())
    wanted = [Wanted(field_id, value, "value")]
    await OWNERS[object_type].write(work, owner_id, wanted, replace=False)


async def read(work: Work, object_type: str, written: Mapping[int, str]) -> list[dict[str, Any]]:
    """What was typed as values of those fields, `{"id": …, "value": …}` each; 400 by the field's id, 403."""
    known = await field_values.fields_of(work, object_type, list(written))
    problems: dict[str, Any] = {}
    found: list[Wanted] = []
    for field_id in written.keys() & known.keys():
        kind = msgspec.json.decode(known[field_id]["definition"])["data_type"]
        try:
            found.append(Wanted(field_id, _value(kind, written[field_id].strip()), str(field_id)))
        except errors.Invalid as invalid:
            problems[str(field_id)] = invalid.data
    try:
        field_values.applied(known, {}, found, replace=False)
    except errors.Invalid as invalid:
        problems |= dict(invalid.data or {})
    if problems:
        raise errors.Invalid(problems)
    return [{"id": item.id, "value": item.value} for item in found]


def _value(kind: str, written: str) -> Any:
    if not written:
        return None
    if kind == "boolean":
        return written == TRUE if written in (TRUE, FALSE) else written
    if kind == "number":
        try:
            number = float(written.replace(",", "."))
        except ValueError:
            raise errors.one("value", errors.NOT_NUMBER) from None
        return int(number) if number.is_integer() and abs(number) < 2**53 else number
    return written


async def require_filled(work: Work, ticket_id: int) -> None:
    """NotFilled while the ticket has empty fields that must be filled before it is closed; 404, 301."""
    await tickets.require(work, ticket_id)
    rows = await work.db.fetch(NEEDED, work.account.id, ticket_id)
    if rows:
        raise NotFilled({row["id"]: row["label"] for row in rows})


async def lacking(work: Work, ticket_ids: Sequence[int]) -> list[Lacking]:
    """Those of the open tickets among these that cannot be closed yet."""
    found: dict[int, Lacking] = {}
    for row in await work.db.fetch(LACKING, work.account.id, list(ticket_ids)):
        ticket = found.setdefault(row["ticket_id"], Lacking(row["ticket_id"], row["subject"], {}))
        ticket.fields[row["id"]] = row["label"]
    return list(found.values())
