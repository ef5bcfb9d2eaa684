"""What the operators mean in memory: each test takes the type of the field, its value, the operand and the sight.

The value is as `values.take` gives it, the operand as `operands.convert` does. The same operators in SQL are in
`predicates`; a property test holds both together.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from polus.lang.folding import fold
from polus.lang.sight import Sight
from polus.lang.values import Kind, Loose, Type, instant, number

Test = Callable[[Kind, Any, Any, Sight], bool]

# Compared by substring, folded on both sides; every other type by equality.
WORDY = frozenset([Type.STRING, Type.TEXT, Type.EMAIL])


def is_list(kind: Kind, value: Any) -> bool:
    return kind.many or (kind.type is Type.ANY and isinstance(value, list))


def equal(kind: Kind, value: Any, x: Any, sight: Sight) -> bool:
    """Equal after conversion; of a list, some element. `x` None asks for a missing value."""
    if x is None:
        return value is None
    if is_list(kind, value):
        return any(_same(kind.type, item, x) for item in value)
    return value is not None and _same(kind.type, value, x)


def _same(type_: Type, value: Any, x: Any) -> bool:
    return _loosely(value, x.raw) if type_ is Type.ANY else bool(value == x)


def _loosely(value: Any, x: Any) -> bool:
    """Equality of JSON scalars, where `"7"` is 7 and `"true"` is true."""
    if isinstance(value, bool) or isinstance(x, bool):
        words = {"true": True, "false": False}
        sides = [words.get(side.lower()) if isinstance(side, str) else side for side in (value, x)]
        return isinstance(sides[0], bool) and sides[0] is sides[1]
    if isinstance(value, str) and isinstance(x, str):
        return value == x
    left, right = number(value), number(x)
    return left is not None and left == right


def compared(holds: Callable[[Any, Any], bool]) -> Test:
    """The test that some value stands in the order `holds` to the operand."""

    def test(kind: Kind, value: Any, x: Any, sight: Sight) -> bool:
        items = value if is_list(kind, value) else [] if value is None else [value]
        if kind.type is Type.ANY:
            return any(_ordered(holds, item, x.raw) for item in items)
        return any(type(item) is type(x) and holds(item, x) for item in items)

    return test


def _ordered(holds: Callable[[Any, Any], bool], value: Any, x: Any) -> bool:
    """As numbers when both sides are, as moments when both are, else not at all."""
    for read in (number, instant):
        left, right = read(value), read(x)
        if left is not None and right is not None:
            return holds(left, right)
    return False


def contains_any(kind: Kind, value: Any, needles: Sequence[Any], sight: Sight) -> bool:
    return value is not None and any(_hits(kind, value, needles, sight))


def contains_all(kind: Kind, value: Any, needles: Sequence[Any], sight: Sight) -> bool:
    return value is not None and all(_hits(kind, value, needles, sight))


def _hits(kind: Kind, value: Any, needles: Sequence[Any], sight: Sight) -> Any:
    """For each needle whether the value contains it; lazily, so that `any` and `all` stop early."""
    if is_list(kind, value):
        if kind.type is Type.ANY:
            return (_within(value, needle.raw, sight) for needle in needles)
        held = set(value)
        sight.spend(len(needles))
        return (needle in held for needle in needles)
    if _is_text(kind, value):
        text = sight.folded(value)
        return (_part(text, needle, sight) for needle in needles)
    if kind.type is Type.CHOICE:
        return (_choice(value, needle) for needle in needles)
    sight.spend(len(needles))
    return (_same(kind.type, value, needle) for needle in needles)


def _within(items: list[Any], x: Any, sight: Sight) -> bool:
    sight.spend(len(items))
    return any(_loosely(item, x) for item in items)


def _is_text(kind: Kind, value: Any) -> bool:
    return kind.type in WORDY or (kind.type is Type.ANY and isinstance(value, str))


def _part(text: str, needle: Any, sight: Sight) -> bool:
    sight.spend(1 + len(text) // 1_000)
    wanted = _needle(needle)
    return wanted is not None and wanted in text


def _needle(needle: Any) -> str | None:
    """The folded text to look for; None for a needle that is no text."""
    if isinstance(needle, Loose):
        return needle.folded or _number_text(needle.raw)
    return needle if isinstance(needle, str) else None


def _number_text(raw: Any) -> str | None:
    return fold(str(raw)) if isinstance(raw, int | float) and not isinstance(raw, bool) else None


def _choice(value: str, needle: Any) -> bool:
    """A drop-down's value, or one of the levels above it: `Order` holds `Order::Damaged`."""
    return isinstance(needle, str) and (value == needle or value.startswith(needle + "::"))


def affix(holds: Callable[[str, str], bool]) -> Test:
    """The test that some text starts (or ends) with one of the operand's."""

    def test(kind: Kind, value: Any, needles: Sequence[Any], sight: Sight) -> bool:
        items = value if is_list(kind, value) else [] if value is None else [value]
        exact = kind.type is Type.ENUM
        for item in items:
            if not isinstance(item, str):
                continue
            text = item if exact else sight.folded(item)
            sight.spend(len(needles))
            if any(wanted is not None and holds(text, wanted) for wanted in map(_needle, needles)):
                return True
        return False

    return test


starts_with = affix(str.startswith)
ends_with = affix(str.endswith)


def is_empty(kind: Kind, value: Any, x: Any, sight: Sight) -> bool:
    """Nothing, an empty text, list or object; never 0 or false."""
    return value is None or (isinstance(value, str | list | dict) and not value)


def aged(holds: Callable[[timedelta, timedelta], bool]) -> Test:
    """The test that the age of a moment, which has passed, stands in the order `holds` to the operand."""

    def test(kind: Kind, value: Any, length: Any, sight: Sight) -> bool:
        moment = instant(value)
        if moment is None or not isinstance(length, timedelta) or moment > sight.now:
            return False
        return holds(sight.now - moment, length)

    return test


def during_business_hours(kind: Kind, value: Any, x: Any, sight: Sight) -> bool:
    """No hours at all count as outside."""
    return value is not None and sight.hours is not None and sight.hours.contains(value)


def opposite(test: Test) -> Test:
    """Exactly what `test` is not, so true for a missing value."""

    def negated(kind: Kind, value: Any, x: Any, sight: Sight) -> bool:
        return not test(kind, value, x, sight)

    return negated
