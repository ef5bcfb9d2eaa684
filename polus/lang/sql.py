"""Compiles a checked view filter to the text of a condition and its parameters.

The text is made of constants and parameter places only. It is to be ANDed to a statement over tickets `t` (or
customers `c`) of one account, which is its `$1`, so it can only narrow that; it is true or false, never null.
"""

from datetime import datetime
from typing import Any, NamedTuple

from polus.lang import operands
from polus.lang.nodes import All, Condition, Filter, Fixed, Not, Test
from polus.lang.operands import Caller
from polus.lang.predicates import FALSE, FEW, TRUE, Parameters

_NOT_TRASHED = "t.trashed_datetime is null"
_NOT_SPAM = "not t.spam"


class Where(NamedTuple):
    """A condition for a WHERE clause and the values of its parameters, in order."""

    text: str
    values: list[Any]


def where(found: Filter, caller: Caller, now: datetime, taken: int = 0) -> Where:
    """The condition for this caller at `now`. `taken`: parameters the statement has already.

    `caller` is also who `ticket.is_unread` is asked for, by its `id`.
    """
    given = Parameters(now, taken)
    parts = [_NOT_TRASHED] if found.hides_trashed else []
    parts += [_NOT_SPAM] if found.hides_spam else []
    parts.append(_test(found.test, caller, given))
    return Where("(" + " and ".join(parts) + ")", given.values)


def _test(test: Test, caller: Caller, given: Parameters) -> str:
    if isinstance(test, Condition):
        return _condition(test, caller, given)
    if isinstance(test, Not):
        return "(not " + _test(test.part, caller, given) + ")"
    if isinstance(test, Fixed):
        return TRUE if test.value else FALSE
    word = " and " if isinstance(test, All) else " or "
    return "(" + word.join(_test(part, caller, given) for part in test.parts) + ")"


def _condition(test: Condition, caller: Caller, given: Parameters) -> str:
    operand = (
        operands.converted(test.operator, test.found.kind, test.given, caller)
        if test.filled
        else test.operand
    )
    assert test.found.column is not None, "bind lets only fields with a column into views"
    text = test.operator.where(test.found.kind, test.found.column, operand, given)
    # Only now, because a test that is false anyway leaves the column out, and each parameter must be used.
    if "{key}" in text:
        text = text.replace("{key}", given.add(str(test.found.custom_field), "::text"))
    if "{caller}" in text:
        text = text.replace("{caller}", given.add(caller.get("id"), "::bigint"))
    given.subqueries += text.count("exists (")
    # Behind IS TRUE a subquery stays one: its planning then costs the same whatever else is asked.
    return "((" + text + ") is true)" if given.subqueries > FEW and "exists (" in text else text
