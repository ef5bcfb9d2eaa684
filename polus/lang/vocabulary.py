"""Finds the field that a path of code names, with the type and the column it has there."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from polus.lang import columns, fields, paths
from polus.lang.columns import Column
from polus.lang.fields import Field
from polus.lang.paths import Step
from polus.lang.sight import Sight
from polus.lang.values import Kind, Type, take

Steps = tuple[Step, ...]
Keys = Mapping[str, tuple[Field, ...]]


class Definition(NamedTuple):
    """What must be known of a custom field: whose it is, its `data_type` and its `input_type`."""

    object_type: str
    data_type: str
    input_type: str


Definitions = Mapping[int, Definition]


class NoField(LookupError):
    """No field of this name in this place. `custom_field`: the id, when it is a custom field that is missing."""

    def __init__(self, custom_field: int | None = None) -> None:
        self.custom_field = custom_field
        super().__init__(custom_field)


@dataclass(frozen=True, slots=True)
class Found:
    """A field as one path names it.

    `base`: the steps from the root to the object the field belongs to; `steps`: from there to the value.
    """

    field: Field
    kind: Kind
    base: Steps
    steps: Steps
    column: Column | None
    custom_field: int | None = None

    def read(self, sight: Sight) -> Any:
        """The value in the state that `sight` shows, ready to compare.

        It is kept there until the state changes; reading it again costs the same steps.
        """
        key = (self.base, self.steps)
        known = sight.taken.get(key)
        if known is None:
            before = sight.meter.spent
            value = take(self.kind, self._raw(sight))
            sight.spend(len(value) if isinstance(value, list) else 0)
            sight.taken[key] = (value, sight.meter.spent - before)
            return value
        sight.spend(known[1])
        return known[0]

    def _raw(self, sight: Sight) -> Any:
        held = _base(sight, self.base)
        if isinstance(held, list):
            return paths.flat(self._of(item, sight) for item in held)
        return self._of(held, sight)

    def _of(self, held: Any, sight: Sight) -> Any:
        return self.field.reader(held, self.steps, sight) if isinstance(held, dict) else None


def _base(sight: Sight, base: Steps) -> Any:
    held = {"ticket": sight.ticket, "message": sight.message, "customer": sight.customer}[str(base[0])]
    for step in base[1:]:
        if step in ("first_message", "last_message"):
            messages = paths.walk(held, ("messages",))
            held = paths.walk(messages, (0 if step == "first_message" else -1,))
        else:
            held = paths.walk(held, (step,))
    return held


def _keyed(rows: tuple[Field, ...]) -> dict[tuple[str, ...], Field]:
    return {tuple(name for name, _ in row.shape): row for row in rows}


_OWN: tuple[Steps, ...] = (("ticket",), ("customer",))
_WAYS: dict[Steps, str] = {
    ("ticket", "customer"): columns.CUSTOMER,
    ("message",): columns.NEWEST,
    ("ticket", "last_message"): columns.NEWEST,
    ("ticket", "first_message"): columns.OLDEST,
    ("ticket", "messages"): columns.MESSAGES,
}
_IDS = re.compile("[0-9]{1,18}")
TICKET, CUSTOMER, MESSAGE = _keyed(fields.TICKET), _keyed(fields.CUSTOMER), _keyed(fields.MESSAGE)
# Other names of the same field, below the root.
_ALIASES: dict[Steps, Steps] = {
    ("ticket", "assignee_user_id"): ("ticket", "assignee_user", "id"),
    ("ticket", "assignee_team_id"): ("ticket", "assignee_team", "id"),
}


def find(place: str, steps: Steps, definitions: Definitions) -> Found:
    """The field at `steps` (root included) in place R, V or C. Raises NoField."""
    steps = _ALIASES.get(steps, steps)
    if steps[:2] == ("ticket", "requester"):
        steps = ("ticket", "customer", *steps[2:])
    if steps[0] not in {"R": ("ticket", "message"), "V": ("ticket",), "C": ("customer",)}[place]:
        raise NoField
    table, base, many = _table(place, steps)
    found = _match(table, base, steps[len(base) :], many, definitions)
    if place not in found.field.places or (place != "R" and _indexed(found)):
        raise NoField
    return found


def _indexed(found: Found) -> bool:
    """Whether the path picks elements of lists, which have no order in the database."""
    return found.custom_field is None and any(isinstance(step, int) for step in found.steps)


def _table(place: str, steps: Steps) -> tuple[dict[tuple[str, ...], Field], Steps, bool]:
    """The table of the path, the steps to its objects, and whether there are several of them."""
    if steps[0] != "ticket":
        return (MESSAGE if steps[0] == "message" else CUSTOMER), steps[:1], False
    if steps[1:2] == ("customer",) and steps[1:] != ("customer", "id"):
        return CUSTOMER, steps[:2], False
    if place == "R" and steps[1:2] in (("first_message",), ("last_message",)):
        return MESSAGE, steps[:2], False
    if place == "R" and steps[1:2] == ("messages",):
        picked = len(steps) > 2 and isinstance(steps[2], int)
        return MESSAGE, steps[: 3 if picked else 2], not picked
    return TICKET, steps[:1], False


def _match(
    table: dict[tuple[str, ...], Field], base: Steps, rest: Steps, many: bool, definitions: Definitions
) -> Found:
    if rest[:1] == ("custom_fields",) and ("custom_fields", "value") in table:
        return _custom_field(table[("custom_fields", "value")], base, rest, definitions)
    if rest == ("text",) and table is MESSAGE:
        rest = ("body_text",)
    field = table.get(tuple(step for step in rest if isinstance(step, str)))
    if field is None or (field.open and rest[1:]):
        return Found(*_open(table, rest, many), base, rest, None)
    kind = replace(field.kind, many=_fits(field, rest) or many)
    return Found(field, kind, base, rest, _under(base, field.column))


def _open(table: dict[tuple[str, ...], Field], rest: Steps, many: bool) -> tuple[Field, Kind]:
    """A path into JSON of unknown shape, or a header."""
    field = table.get((str(rest[0]),)) if rest and isinstance(rest[0], str) else None
    header = field is not None and '["' in field.path and len(rest) == 2 and isinstance(rest[1], str)
    if field is None or not (field.open or header):
        raise NoField
    return field, replace(field.kind, many=many)


def _fits(field: Field, rest: Steps) -> bool:
    """Whether `rest` names several values. Raises NoField when it has an index where there is no list."""
    many, at = False, 0
    for _, is_list in field.shape:
        at += 1
        picked = is_list and at < len(rest) and isinstance(rest[at], int)
        at += picked
        many = many or (is_list and not picked)
    if at != len(rest) or '["' in field.path:
        raise NoField
    return many


def _custom_field(field: Field, base: Steps, rest: Steps, definitions: Definitions) -> Found:
    if len(rest) not in (2, 3) or rest[2:] not in ((), ("value",)) or not _IDS.fullmatch(str(rest[1])):
        raise NoField
    id_ = int(rest[1])
    definition = definitions.get(id_)
    if definition is None or definition.object_type != ("Ticket" if base == ("ticket",) else "Customer"):
        raise NoField(id_)
    kind = _kind(definition)
    values = "t.custom_fields" if base == ("ticket",) else "c.custom_fields"
    column = _under(base, columns.custom_field(values, kind.type))
    return Found(field, kind, base, ("custom_fields", id_), column, id_)


def _kind(definition: Definition) -> Kind:
    if definition.data_type == "text":
        return Kind(Type.CHOICE if definition.input_type == "dropdown" else Type.TEXT)
    return Kind({"number": Type.NUMBER, "boolean": Type.BOOLEAN}[definition.data_type])


def _under(base: Steps, column: Column | None) -> Column | None:
    """The columns of customers and messages, as seen from a ticket; None where no list can be asked for them."""
    if column is None or base in _OWN:
        return column
    return column.under(_WAYS[base]) if base in _WAYS else None


def written(steps: Steps) -> str:
    """The path as text."""
    out = str(steps[0])
    for step in steps[1:]:
        if isinstance(step, int):
            out += f"[{step}]"
        else:
            out += f".{step}" if step.isidentifier() else f'["{step}"]'
    return out
