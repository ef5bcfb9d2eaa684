"""Types of fields, and how literals and data become values of them that can be compared.

Both readings of the language, in memory and in SQL, compare what this module returns.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from polus.base import clock
from polus.lang.folding import fold

_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?")
_LARGEST_ID = 2**63 - 1


class Type(StrEnum):
    """What a single value of a field is."""

    STRING = "string"
    TEXT = "text"
    EMAIL = "email"
    ENUM = "enum"
    CHOICE = "choice"  # a drop-down of a custom field: levels joined by `::`
    ID = "id"
    NUMBER = "number"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    OBJECT = "object"  # only asked whether it is there
    ANY = "any"  # JSON whose type is known at evaluation


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a field: one value or a list of them, from a closed set or not."""

    type: Type
    many: bool = False
    options: frozenset[str] | None = None

    def __str__(self) -> str:
        return f"list<{self.type}>" if self.many else str(self.type)


class Nothing:
    """What a literal becomes that cannot be converted: equal to no value, larger and smaller than none."""

    __slots__ = ()


NOTHING = Nothing()


class Loose(NamedTuple):
    """A literal compared with a field of type any: as written, and folded when it is text."""

    raw: Any
    folded: str


def number(raw: Any) -> Decimal | None:
    """The exact value of a JSON number or a numeric text."""
    if isinstance(raw, str):
        return Decimal(raw) if _NUMBER.fullmatch(raw) and abs(float(raw)) != float("inf") else None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    return Decimal(str(raw)) if abs(raw) < float("inf") else None


def instant(raw: Any) -> datetime | None:
    """The moment an ISO text names."""
    if isinstance(raw, datetime):
        return raw
    try:
        return clock.parse(raw) if isinstance(raw, str) else None
    except ValueError:
        return None


def _id(raw: Any) -> int | None:
    if isinstance(raw, str):
        raw = int(raw) if raw.isascii() and raw.isdigit() and len(raw) < 20 else None
    if isinstance(raw, bool) or not isinstance(raw, int):
        return None
    return raw if -_LARGEST_ID <= raw <= _LARGEST_ID else None


def _boolean(raw: Any) -> bool | None:
    if isinstance(raw, str):
        return {"true": True, "false": False}.get(raw.lower())
    return raw if isinstance(raw, bool) else None


def _string(raw: Any) -> str | None:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(raw)
    return raw if isinstance(raw, str) else None


def _text(raw: Any) -> str | None:
    return raw if isinstance(raw, str) else None


def _email(raw: Any) -> str | None:
    return raw.lower() if isinstance(raw, str) else None


_READERS: dict[Type, Any] = {
    Type.STRING: _string,
    Type.TEXT: _text,
    Type.EMAIL: _email,
    Type.ENUM: _text,
    Type.CHOICE: _text,
    Type.ID: _id,
    Type.NUMBER: number,
    Type.BOOLEAN: _boolean,
    Type.DATETIME: instant,
    Type.OBJECT: lambda raw: raw,
    Type.ANY: lambda raw: raw,
}
_REASONS = {
    Type.ID: "not an id",
    Type.NUMBER: "not a number",
    Type.BOOLEAN: "not true or false",
    Type.DATETIME: "not a valid datetime",
}
# What a literal may be where the data may be less: `"true"` is a boolean in code, never on the wire.
_LITERALS_ONLY = {Type.NUMBER: str, Type.BOOLEAN: str}


def literal(kind: Kind, raw: Any, closed: bool = True) -> Any:
    """A literal of code as a value of `kind`. Raises ValueError with the reason.

    `closed`: refuse what is not of the kind's closed set; prefix tests leave that out.
    """
    if kind.type is Type.ANY:
        return Loose(raw, fold(raw)) if isinstance(raw, str) else Loose(raw, "")
    value = None if raw is None else _READERS[kind.type](raw)
    if value is None:
        raise ValueError(_REASONS.get(kind.type, "not a text"))
    if closed and kind.options is not None and value not in kind.options:
        raise ValueError("not one of " + ", ".join(sorted(kind.options)))
    return value


def take(kind: Kind, raw: Any) -> Any:
    """What stands in a ticket as a value of `kind`: None when it is missing or of another type.

    A list comes without nulls, in its order.
    """
    if kind.many:
        items = raw if isinstance(raw, list) else [] if raw is None else [raw]
        return [value for value in (_one(kind.type, item) for item in items) if value is not None]
    return _one(kind.type, raw)


def _one(type_: Type, raw: Any) -> Any:
    if raw is None or isinstance(raw, _LITERALS_ONLY.get(type_, Nothing)):
        return None
    return _READERS[type_](raw)
