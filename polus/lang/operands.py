"""Turns the literals after a path into what the operators compare, and fills in who is looking."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polus.lang import durations
from polus.lang.folding import fold
from polus.lang.meanings import WORDY
from polus.lang.operators import Operand, Operator
from polus.lang.values import NOTHING, Kind, Loose, Type, literal

CALLER = frozenset(["id", "email", "name", "firstname", "lastname", "language", "timezone"])
_VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")

# What the caller of a view is: the values of `{{current_user.…}}` by name.
Caller = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal as written. `value`: text, boolean or null; of a number its source text. `filled`: holds variables."""

    value: str | bool | int | float | None
    source: str
    numeric: bool = False
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """The whole operand: one literal, or those of an array; None when the operator takes nothing."""

    items: tuple[Literal, ...]
    array: bool


def variables(text: str) -> list[str]:
    """The variables of a literal. Raises ValueError for one that view filters do not know."""
    names = [name.strip() for name in _VARIABLE.findall(text)]
    for name in names:
        if not name.startswith("current_user.") or name.removeprefix("current_user.") not in CALLER:
            raise ValueError(f"unknown variable '{name[:60]}'")
    return names


def fill(text: str, caller: Caller) -> str:
    """The literal with the caller's data; what the caller has not is empty."""

    def value(found: re.Match[str]) -> str:
        held = caller.get(found[1].strip().removeprefix("current_user."))
        return "" if held is None else str(held)

    return _VARIABLE.sub(value, text)


def convert(operator: Operator, kind: Kind, given: Given | None) -> Any:
    """The operand as both readings compare it. Raises ValueError with the reason.

    Literals that hold variables are left out of the check: they become NOTHING here and get their value by
    `converted`.
    """
    return _shaped(
        operator, kind, given, lambda item: NOTHING if item.filled else _value(operator, kind, item)
    )


def converted(operator: Operator, kind: Kind, given: Given | None, caller: Caller) -> Any:
    """The same with the caller's data put in; a value that does not fit equals nothing."""

    def value(item: Literal) -> Any:
        if not item.filled:
            return _value(operator, kind, item)
        text = fill(str(item.value), caller)
        try:
            return _value(operator, kind, Literal(text, text))
        except ValueError:
            return NOTHING

    return _shaped(operator, kind, given, value)


def _shaped(operator: Operator, kind: Kind, given: Given | None, value: Any) -> Any:
    if given is None:
        return None
    if operator.operand in (Operand.SEVERAL, Operand.AFFIX):
        return tuple(value(item) for item in given.items)
    if given.array:
        raise ValueError("a list where one value is expected")
    return (value(given.items[0]),) if operator.operand is Operand.ONE else value(given.items[0])


def _value(operator: Operator, kind: Kind, item: Literal) -> Any:
    if operator.operand is Operand.DURATION:
        if not isinstance(item.value, str):
            raise ValueError("not a duration such as '3d'")
        return durations.parse(item.value)
    if operator.operand is Operand.SCALAR:
        return None if item.value is None else literal(kind, _raw(kind, item))
    if item.value is None:
        raise ValueError("null where a value is expected")
    if operator.operand is Operand.ORDER:
        return _ordered(kind, item)
    return _needle(operator, kind, item)


def _raw(kind: Kind, item: Literal) -> Any:
    """Ids and texts are read from the digits as written: JavaScript numbers are exact to 2^53 only."""
    exact = kind.type in (Type.ID, Type.STRING) and item.numeric
    return item.source if exact else item.value


def _ordered(kind: Kind, item: Literal) -> Any:
    if isinstance(item.value, bool):
        raise ValueError("not a number or a datetime")
    return literal(kind, _raw(kind, item))


def _needle(operator: Operator, kind: Kind, item: Literal) -> Any:
    """What is looked for in a text, folded; or the member of a list."""
    affix = operator.operand is Operand.AFFIX
    value = literal(kind, _raw(kind, item), closed=not affix)
    single_text = kind.type in WORDY and not kind.many
    if isinstance(value, str) and (single_text or (affix and kind.type is not Type.ENUM)):
        value = fold(value)
    if value == "" or (isinstance(value, Loose) and isinstance(value.raw, str) and not value.folded):
        raise ValueError("an empty text")
    return value
