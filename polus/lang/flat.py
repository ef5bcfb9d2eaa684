"""View filters as rows of field, operator and values, which people fill in, and back to code.

Only chains of `&&` are rows; whatever else a filter may be stays code.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from polus.lang.nodes import All, Condition, Filter, Fixed, Test
from polus.lang.operators import OPERATORS, Operand
from polus.lang.values import Type

NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
BARE = frozenset((Type.ID, Type.NUMBER))


class Row(NamedTuple):
    """One condition; `values` as people write them."""

    path: str
    operator: str
    values: Sequence[str] = ()


def rows(found: Filter) -> list[Row] | None:
    """The rows of a filter; None when it is more than rows can say."""
    test: Test = found.test
    if isinstance(test, Fixed):
        return [] if test.value else None
    parts = test.parts if isinstance(test, All) else (test,)
    made = []
    for part in parts:
        if not isinstance(part, Condition):
            return None
        items = part.given.items if part.given is not None else ()
        if any(item.value is None for item in items):
            return None
        made.append(Row(part.path, part.operator.name, [_shown(item.value) for item in items]))
    return made


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def code(given: Sequence[Row], kinds: Mapping[str, Type]) -> str:
    """The filter that the rows stand for. `kinds`: what each path holds; others count as text."""
    return " && ".join(_condition(row, kinds.get(row.path, Type.TEXT)) for row in given)


def _condition(row: Row, kind: Type) -> str:
    operator = OPERATORS[row.operator]
    if operator.operand is Operand.NONE:
        return f"{row.operator}({row.path})"
    values = [_literal(value, kind, operator.operand) for value in row.values]
    if operator.operand is Operand.SEVERAL:
        return f"{row.operator}({row.path}, [{', '.join(values)}])"
    return f"{row.operator}({row.path}, {values[0] if values else _quoted('')})"


def _literal(value: str, kind: Type, operand: Operand) -> str:
    if operand is not Operand.DURATION:
        if kind is Type.BOOLEAN and value in ("true", "false"):
            return value
        if kind in BARE and NUMBER.fullmatch(value):
            return value
    return _quoted(value)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
