"""What custom fields and their values look like in answers."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from polus.api import fields
from polus.api.fields import When
from polus.base import errors

FieldValue = str | int | float | bool | None
Managed = Literal[
    "contact_reason", "product", "resolution", "ai_intent", "ai_outcome", "ai_sales", "ai_discount", "ai_journey",
    "managed_sentiment", "call_status", "customer_type",
]  # fmt: skip
Requirement = Literal["visible", "required", "conditional"]


class Definition(dict[str, Any]):
    """What a field holds and how it is typed in: text, number or boolean."""


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


def _kind(name: str, *inputs: dict[str, Any]) -> dict[str, Any]:
    settings = inputs[0] if len(inputs) == 1 else {"anyOf": list(inputs)}
    return _object(
        ["data_type", "input_settings"], data_type={"type": "string", "enum": [name]}, input_settings=settings
    )


def _word(value: str) -> dict[str, Any]:
    return {"type": "string", "enum": [value]}


def _read(given: Any) -> Definition:
    # Only the outermost shape: `desk.field_definitions` tells what is wrong inside, by place.
    if not isinstance(given, dict):
        raise fields.Fault(errors.WRONG_TYPE)
    return Definition(given)


fields.READERS[Definition] = _read
TEXT = {"type": ["string", "null"]}
BOUND = {"type": ["number", "string", "null"]}
fields.SCHEMAS[Definition] = {
    "anyOf": [
        _kind(
            "text",
            _object(["input_type"], input_type=_word("input"), placeholder=TEXT),
            _object(
                ["input_type", "choices"],
                input_type=_word("dropdown"),
                choices={"type": "array", "items": {"type": "string"}},
                default=TEXT,
            ),
        ),
        _kind(
            "number",
            _object(["input_type"], input_type=_word("input_number"), placeholder=TEXT, min=BOUND, max=BOUND),
        ),
        _kind(
            "boolean",
            _object(
                ["input_type"],
                input_type=_word("dropdown"),
                choices={"type": "array", "items": {"type": "boolean"}},
                default={"type": ["boolean", "null"]},
            ),
        ),
    ]
}


class ValueField(msgspec.Struct, kw_only=True):
    """The field that a value is of."""

    id: int
    external_id: str | None
    object_type: Literal["Ticket", "Customer"]
    label: str
    description: str | None
    priority: int
    required: bool
    requirement_type: Requirement
    managed_type: Managed | None
    definition: Definition
    created_datetime: When
    updated_datetime: When | None
    deactivated_datetime: When | None


class FieldEntry(msgspec.Struct):
    """A custom field's value; the field itself and what was guessed only when they were asked for."""

    id: int
    value: FieldValue
    field: ValueField | UnsetType = UNSET
    prediction: Any = UNSET
