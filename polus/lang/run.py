"""Evaluates checked code on a state in hand, in bounded time. Carries nothing out: actions are handed to the caller."""

from collections.abc import Iterator

from polus.lang import operands
from polus.lang.nodes import All, Condition, Do, Filter, If, Not, Rule, Some, Statement, Test
from polus.lang.operands import Caller
from polus.lang.sight import Sight

ACTION_STEPS = 100


def matches(found: Filter, sight: Sight, caller: Caller) -> bool:
    """Whether the ticket (or customer) of `sight` is in the view for this caller. Raises Exhausted.

    `caller`: what `{{current_user.…}}` stands for.
    """
    ticket = sight.ticket or {}
    if found.hides_trashed and ticket.get("trashed_datetime") is not None:
        return False
    if found.hides_spam and ticket.get("spam"):
        return False
    return holds(found.test, sight, caller)


def reached(found: Rule, sight: Sight) -> Iterator[Do]:
    """The actions that the rule reaches, one at a time, in order. Raises Exhausted.

    The statements after an action are evaluated when the next one is asked for: carry the action out and let
    `sight.change` show its effect before.
    """
    yield from _run(found.statements, sight)


def _run(statements: tuple[Statement, ...], sight: Sight) -> Iterator[Do]:
    for statement in statements:
        sight.spend(1)
        if isinstance(statement, If):
            yield from _run(_branch(statement, sight), sight)
        else:
            sight.spend(ACTION_STEPS)
            yield statement


def _branch(statement: If, sight: Sight) -> tuple[Statement, ...]:
    for test, body in statement.branches:
        if holds(test, sight):
            return body
    return statement.otherwise


def holds(test: Test, sight: Sight, caller: Caller | None = None) -> bool:
    """Whether a test is true; `&&` and `||` stop as soon as the answer is known."""
    sight.spend(1)
    if isinstance(test, Condition):
        return _condition(test, sight, caller)
    if isinstance(test, All):
        return all(holds(part, sight, caller) for part in test.parts)
    if isinstance(test, Some):
        return any(holds(part, sight, caller) for part in test.parts)
    if isinstance(test, Not):
        return not holds(test.part, sight, caller)
    return test.value


def _condition(test: Condition, sight: Sight, caller: Caller | None) -> bool:
    operand = test.operand
    if caller is not None and test.filled:
        operand = operands.converted(test.operator, test.found.kind, test.given, caller)
    return test.operator.test(test.found.kind, test.found.read(sight), operand, sight)
