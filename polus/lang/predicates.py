"""What the operators mean in SQL: each builds a predicate over a column that is true or false, never null.

Every literal becomes a parameter. The same operators in memory are in `meanings`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from polus.lang.columns import Column
from polus.lang.meanings import WORDY
from polus.lang.values import NOTHING, Kind, Type

FALSE, TRUE = "false", "true"
# So many subqueries PostgreSQL may turn into joins. It weighs their orders: 40 cost 0.4 s of planning, 150 cost 15 s.
FEW = 4
_CASTS = {
    Type.ID: "::bigint",
    Type.NUMBER: "::numeric",
    Type.BOOLEAN: "::boolean",
    Type.DATETIME: "::timestamptz",
}
_EMPTY_TEXT = frozenset([Type.STRING, Type.TEXT, Type.EMAIL, Type.ENUM, Type.CHOICE])


class Parameters:
    """The values of a statement, numbered on from `taken` that it has already."""

    def __init__(self, now: datetime, taken: int = 0) -> None:
        self.now = now
        self.values: list[Any] = []
        self.subqueries = 0
        self._taken = taken

    def add(self, value: Any, cast: str) -> str:
        """Binds `value`; returns its place in the text."""
        self.values.append(value)
        return "$" + str(self._taken + len(self.values)) + cast


Where = Callable[[Kind, Column, Any, Parameters], str]


def _cast(kind: Kind, array: bool = False) -> str:
    return _CASTS.get(kind.type, "::text") + ("[]" if array else "")


def equal(kind: Kind, column: Column, x: Any, given: Parameters) -> str:
    if x is None:
        return FALSE if kind.many else "not " + column.there()
    if x is NOTHING:
        return FALSE
    return column.some(column.value + " = " + given.add(x, _cast(kind)))


def compared(sign: str) -> Where:
    def where(kind: Kind, column: Column, x: Any, given: Parameters) -> str:
        return FALSE if x is NOTHING else column.some(column.value + sign + given.add(x, _cast(kind)))

    return where


def contains_any(kind: Kind, column: Column, needles: Sequence[Any], given: Parameters) -> str:
    wanted = _wanted(needles)
    if not wanted:
        return FALSE
    if not kind.many and kind.type in WORDY:
        return column.some(_like(column.folded, [_inside(text) for text in wanted], " any", given))
    if not kind.many and kind.type is Type.CHOICE:
        return column.some(_choice(column, wanted, given))
    return column.some(_among(kind, column, wanted, given))


def contains_all(kind: Kind, column: Column, needles: Sequence[Any], given: Parameters) -> str:
    wanted = _wanted(needles)
    if not needles:
        return TRUE if kind.many else column.there()
    if len(wanted) < len(set(needles)):
        return FALSE
    if not kind.many and kind.type in WORDY:
        return column.some(_like(column.folded, [_inside(text) for text in wanted], " all", given))
    if kind.many and len(wanted) > FEW:
        return "(" + column.all() + " @> " + given.add(wanted, _cast(kind, array=True)) + ")"
    if kind.many:
        return "(" + " and ".join(column.some(_among(kind, column, [one], given)) for one in wanted) + ")"
    if kind.type is Type.CHOICE:
        return column.some(" and ".join(_choice(column, [one], given) for one in wanted))
    return column.some(_among(kind, column, wanted, given)) if len(wanted) == 1 else FALSE


def _wanted(needles: Sequence[Any]) -> list[Any]:
    """The needles that something can hold, each once."""
    return [needle for needle in dict.fromkeys(needles) if needle is not NOTHING]


def _among(kind: Kind, column: Column, wanted: list[Any], given: Parameters) -> str:
    if len(wanted) == 1:
        return column.value + " = " + given.add(wanted[0], _cast(kind))
    return column.value + " = any(" + given.add(wanted, _cast(kind, array=True)) + ")"


def _choice(column: Column, wanted: list[str], given: Parameters) -> str:
    """The leaf itself, or a leaf below one of the levels."""
    below = _like(column.value, [_escaped(text) + "::%" for text in wanted], " any", given)
    return "(" + column.value + " = any(" + given.add(wanted, "::text[]") + ") or " + below + ")"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _inside(text: str) -> str:
    return "%" + _escaped(text) + "%"


def _like(value: str, patterns: list[str], word: str, given: Parameters) -> str:
    """`value` like the patterns; the backslash is PostgreSQL's own escape in patterns."""
    if len(patterns) == 1:
        return value + " like " + given.add(patterns[0], "::text")
    return value + " like" + word + "(" + given.add(patterns, "::text[]") + ")"


def affix(pattern: Callable[[str], str]) -> Where:
    def where(kind: Kind, column: Column, needles: Sequence[Any], given: Parameters) -> str:
        wanted = _wanted(needles)
        value = column.value if kind.type is Type.ENUM else column.folded
        return (
            column.some(_like(value, [pattern(text) for text in wanted], " any", given)) if wanted else FALSE
        )

    return where


starts_with = affix(lambda text: _escaped(text) + "%")
ends_with = affix(lambda text: "%" + _escaped(text))


def is_empty(kind: Kind, column: Column, x: Any, given: Parameters) -> str:
    if kind.many or kind.type not in _EMPTY_TEXT:
        return "not " + column.there()
    return "not " + column.some(column.value + " <> ''")


def aged(sign: str, past: bool) -> Where:
    """`past`: what holds lies before `now - x`, so it has passed anyway."""

    def where(kind: Kind, column: Column, length: Any, given: Parameters) -> str:
        if not isinstance(length, timedelta):
            return FALSE
        test = column.value + sign + given.add(given.now - length, "::timestamptz")
        if not past:
            test += " and " + column.value + " <= " + given.add(given.now, "::timestamptz")
        return column.some(test)

    return where


def opposite(where: Where) -> Where:
    def negated(kind: Kind, column: Column, x: Any, given: Parameters) -> str:
        return "not " + where(kind, column, x, given)

    return negated


def only_in_rules(kind: Kind, column: Column, x: Any, given: Parameters) -> str:
    raise AssertionError("refused in views by bind")
