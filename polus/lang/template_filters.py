"""The filters of templates: a closed list, each a plain function of a value and literal arguments.

A filter raises ValueError for an argument or value that it cannot take; the value then passes unchanged.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any
from urllib.parse import quote

from polus.base import clock, wire
from polus.lang import moments
from polus.lang.values import number

Argument = str | int | float | bool
# A decimal as large as this is no price; printing it in full would only fill memory.
_LARGEST = Decimal(10) ** 30
_WIDE = Context(prec=60)


@dataclass(frozen=True, slots=True)
class Filter:
    """One row. `apply`: value, arguments and the account's time zone to the new value."""

    name: str
    arguments: str
    meaning: str
    apply: Callable[[Any, tuple[Argument, ...], str], Any]


def show(value: Any, joined: bool = False) -> str:
    """A value as text. `joined`: a list of scalars with commas, as in bodies, instead of as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)  # wire: `True` and `False`, as receivers know them
    if isinstance(value, int | float):
        return _plain_number(value)
    if joined and isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return ", ".join(show(item) for item in value)
    return clock.text(value) if hasattr(value, "astimezone") else _json(value)


def _plain_number(value: int | float) -> str:
    exact = number(value)
    if exact is None or abs(exact) > _LARGEST:
        return str(value)
    text = format(exact, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _json(value: Any) -> str:
    try:
        return wire.encode(value)
    except (TypeError, RecursionError):
        return ""


def is_nothing(value: Any) -> bool:
    return value is None or value in ("", [], {})


def _only(arguments: tuple[Argument, ...], *kinds: type) -> tuple[Any, ...]:
    """The arguments, when there are as many as `kinds` and each is of its kind."""
    if len(arguments) != len(kinds) or any(
        not isinstance(one, kind) or isinstance(one, bool)
        for one, kind in zip(arguments, kinds, strict=False)
    ):
        raise ValueError("arguments")
    return arguments


def _text(change: Callable[[str], str]) -> Callable[[Any, tuple[Argument, ...], str], Any]:
    def apply(value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
        _only(arguments)
        return None if value is None else change(show(value, joined=True))

    return apply


def _datetime_format(value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
    pattern, *rest = _only(arguments, *[str] * max(1, min(len(arguments), 2)))
    return moments.write(value, pattern, rest[0] if rest else zone)


def _fallback(value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
    (other,) = _only(arguments, str)
    return other if is_nothing(value) else value


def _truncate(value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
    (length,) = _only(arguments, int)
    text = show(value, joined=True)
    if length < 0:
        raise ValueError("length")
    return text if len(text) <= length else text[:length] + "…"


def _join(value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
    (between,) = _only(arguments, str)
    if not isinstance(value, list):
        raise ValueError("no list")
    return between.join(show(item) for item in value)


def _end(at: int) -> Callable[[Any, tuple[Argument, ...], str], Any]:
    def apply(value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
        _only(arguments)
        if not isinstance(value, list | str):
            raise ValueError("no list")
        return value[at] if value else None

    return apply


def _length(value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
    _only(arguments)
    if not isinstance(value, list | str):
        raise ValueError("no list")
    return len(value)


def _round(value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
    (digits,) = _only(arguments, int)
    exact = number(value)
    if exact is None or not 0 <= digits <= 20 or abs(exact) > _LARGEST:
        raise ValueError("number")
    # The default of 28 digits would refuse a large amount with many decimals.
    return format(exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _WIDE), "f")


def _as_json(value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
    _only(arguments)
    return _json(value)


def percent_encoded(text: str) -> str:
    """All but unreserved characters percent-encoded."""
    return quote(text, safe="-._~")


FILTERS: dict[str, Filter] = {
    row.name: row
    for row in (
        Filter(
            "datetime_format",
            '"pattern"[, "time zone"]',
            "a moment by a moment.js pattern, in the account's time zone or the one given",
            _datetime_format,
        ),
        Filter("fallback", '"text"', "the text when the value is missing, null or empty", _fallback),
        Filter("default", '"text"', "the same as fallback", _fallback),
        Filter("upper", "", "in capitals", _text(str.upper)),
        Filter("lower", "", "in small letters", _text(str.lower)),
        Filter(
            "capitalize", "", "the first letter as a capital", _text(lambda text: text[:1].upper() + text[1:])
        ),
        Filter("trim", "", "without white space around it", _text(str.strip)),
        Filter("truncate", "n", "the first n characters, with … when some were cut off", _truncate),
        Filter("join", '"between"', "a list as text, with the argument between its elements", _join),
        Filter("first", "", "the first element of a list, or character of a text", _end(0)),
        Filter("last", "", "the last element of a list, or character of a text", _end(-1)),
        Filter("length", "", "how many elements a list has, or characters a text", _length),
        Filter("round", "n", "a number with exactly n decimals", _round),
        Filter("urlencode", "", "percent-encoded, for addresses", _text(percent_encoded)),
        Filter("json", "", "as JSON text", _as_json),
    )
}


def apply(name: str, value: Any, arguments: tuple[Argument, ...], zone: str) -> Any:
    """The filtered value; unchanged when there is no such filter or it cannot take the argument or the value."""
    row = FILTERS.get(name)
    try:
        return row.apply(value, arguments, zone) if row else value
    except ValueError:
        return value
