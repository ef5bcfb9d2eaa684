"""JSON as our own texts: values of the API's kinds become what they stand for, datetimes get the wire's form."""

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import clock


def _text(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return clock.text(value)
    if isinstance(value, str):
        return str(value)
    raise TypeError(type(value).__name__)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return datetime.datetime.combine(value.date(), value.timetz())
    if isinstance(value, str):
        return str(value)
    raise TypeError(type(value).__name__)


def encode(value: Any) -> str:
    """`value` as JSON text, for a `jsonb` parameter or an answer."""
    return msgspec.json.encode(value, enc_hook=_text).decode()


# Looked at first: what most values are, and asking a class whether it is a Mapping is slow.
_ATOMS = frozenset((str, int, bool, float, type(None)))


def told(value: Any) -> Any:
    """`value` with its datetimes in the wire's form (`+00:00`): JSON's own writer would put `Z`."""
    if type(value) in _ATOMS:
        return value
    if isinstance(value, datetime.datetime):
        return clock.text(value)
    if isinstance(value, Mapping):
        return {key: told(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [told(item) for item in value]
    return value


def jsonb(value: Any) -> str | None:
    """The same for a nullable column: None stays null."""
    return None if value is None else encode(value)


def plain(value: Any) -> Any:
    """Structs as dicts without absent fields, texts as `str`; datetimes stay datetimes."""
    return msgspec.to_builtins(value, enc_hook=_plain, builtin_types=(datetime.datetime,))


def given(struct: msgspec.Struct) -> dict[str, Any]:
    """The fields of a body that were sent, by their names, as plain values."""
    return plain(struct)  # type: ignore[no-any-return]
