"""The operators: one row each, with what it takes, what it means in memory and in SQL, and its English.

A negation is the exact logical opposite of its row, also where a value is missing.
"""

import operator
from dataclasses import dataclass, replace
from enum import Enum

from polus.lang import meanings, predicates
from polus.lang.meanings import Test
from polus.lang.predicates import Where
from polus.lang.values import Type


class Operand(Enum):
    """What stands after the path."""

    NONE = "nothing"
    SCALAR = "one value or null"
    ORDER = "a number or a datetime"
    ONE = "one value"
    SEVERAL = "a list of values"
    AFFIX = "a text or a list of texts"
    DURATION = "a duration"


@dataclass(frozen=True, slots=True)
class Says:
    """The English of an operator with `{field}` and `{value}`: of one value, a list, a moment, a word of a set."""

    one: str
    many: str = ""
    moment: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """One row.

    `types`: of single values it is used on; `lists`: also on lists of them. `test`: its meaning in memory; `where`:
    in SQL. `negates`: the row it is the opposite of.
    """

    name: str
    types: frozenset[Type]
    lists: bool
    operand: Operand
    test: Test
    where: Where
    says: Says
    negates: str = ""

    @property
    def in_views(self) -> bool:
        return self.where is not predicates.only_in_rules


_SCALARS = frozenset(Type) - {Type.OBJECT}
_ORDERED = frozenset([Type.NUMBER, Type.ID, Type.DATETIME, Type.ANY])
_WORDS = meanings.WORDY | {Type.ENUM, Type.CHOICE, Type.ANY}
_HELD = _WORDS | {Type.ID}
_TIMES = frozenset([Type.DATETIME])


def _opposite(row: Operator, name: str, says: Says) -> Operator:
    where = row.where if row.where is predicates.only_in_rules else predicates.opposite(row.where)
    return replace(row, name=name, test=meanings.opposite(row.test), where=where, says=says, negates=row.name)


def _held(name: str, operand: Operand, test: Test, where: Where, says: Says) -> Operator:
    return Operator(name, _HELD, True, operand, test, where, says)


def _compared(name: str, test: Test, sign: str, words: str, moment: str) -> Operator:
    says = Says(
        "{field} is " + words + " {value}",
        "one of {field} is " + words + " {value}",
        "{field} is " + moment + " {value}",
    )
    return Operator(name, _ORDERED, True, Operand.ORDER, test, predicates.compared(sign), says)


def _affix(name: str, test: Test, where: Where, words: str) -> Operator:
    says = Says("{field} " + words + " {value}", "one of {field} " + words + " {value}")
    return Operator(name, _WORDS, True, Operand.AFFIX, test, where, says)


def _aged(name: str, test: Test, where: Where, words: str) -> Operator:
    says = Says("{field} is " + words + " {value} ago")
    return Operator(name, _TIMES | {Type.ANY}, False, Operand.DURATION, test, where, says)


_EQ = Operator(
    "eq",
    _SCALARS,
    True,
    Operand.SCALAR,
    meanings.equal,
    predicates.equal,
    Says("{field} is {value}", "{field} include {value}"),
)
_CONTAINS = _held(
    "contains",
    Operand.ONE,
    meanings.contains_all,
    predicates.contains_all,
    Says("{field} contains {value}", "{field} include {value}", word="{field} is {value}"),
)
_CONTAINS_ANY = _held(
    "containsAny",
    Operand.SEVERAL,
    meanings.contains_any,
    predicates.contains_any,
    Says(
        "{field} contains any of {value}", "{field} include any of {value}", word="{field} is one of {value}"
    ),
)
_CONTAINS_ALL = _held(
    "containsAll",
    Operand.SEVERAL,
    meanings.contains_all,
    predicates.contains_all,
    Says(
        "{field} contains all of {value}", "{field} include all of {value}", word="{field} is all of {value}"
    ),
)
_IS_EMPTY = Operator(
    "isEmpty",
    frozenset(Type),
    True,
    Operand.NONE,
    meanings.is_empty,
    predicates.is_empty,
    Says("{field} is empty", "{field} are empty", "{field} is not set"),
)
_DURING = Operator(
    "duringBusinessHours",
    _TIMES,
    False,
    Operand.NONE,
    meanings.during_business_hours,
    predicates.only_in_rules,
    Says("{field} is during business hours"),
)

OPERATORS: dict[str, Operator] = {
    row.name: row
    for row in (
        _EQ,
        _opposite(_EQ, "neq", Says("{field} is not {value}", "{field} do not include {value}")),
        _compared("gt", meanings.compared(operator.gt), " > ", "more than", "after"),
        _compared("gte", meanings.compared(operator.ge), " >= ", "at least", "at or after"),
        _compared("lt", meanings.compared(operator.lt), " < ", "less than", "before"),
        _compared("lte", meanings.compared(operator.le), " <= ", "at most", "at or before"),
        _CONTAINS,
        _opposite(
            _CONTAINS,
            "notContains",
            Says(
                "{field} does not contain {value}",
                "{field} do not include {value}",
                word="{field} is not {value}",
            ),
        ),
        _CONTAINS_ANY,
        _opposite(
            _CONTAINS_ANY,
            "notContainsAny",
            Says(
                "{field} contains none of {value}",
                "{field} include none of {value}",
                word="{field} is none of {value}",
            ),
        ),
        _CONTAINS_ALL,
        _opposite(
            _CONTAINS_ALL,
            "notContainsAll",
            Says(
                "{field} does not contain all of {value}",
                "{field} do not include all of {value}",
                word="{field} is not all of {value}",
            ),
        ),
        _affix("startsWith", meanings.starts_with, predicates.starts_with, "starts with"),
        _affix("endsWith", meanings.ends_with, predicates.ends_with, "ends with"),
        _IS_EMPTY,
        _opposite(
            _IS_EMPTY, "isNotEmpty", Says("{field} is not empty", "{field} are not empty", "{field} is set")
        ),
        _aged("gtTimedelta", meanings.aged(operator.gt), predicates.aged(" < ", past=True), "more than"),
        _aged("gteTimedelta", meanings.aged(operator.ge), predicates.aged(" <= ", past=True), "at least"),
        _aged("ltTimedelta", meanings.aged(operator.lt), predicates.aged(" > ", past=False), "less than"),
        _aged("lteTimedelta", meanings.aged(operator.le), predicates.aged(" >= ", past=False), "at most"),
        _DURING,
        _opposite(_DURING, "outsideBusinessHours", Says("{field} is outside business hours")),
    )
}
