"""Whether a rule would do anything, as one test over the ticket: so that lists can be asked for the tickets it is for."""

from typing import NamedTuple

from polus.lang.nodes import All, Condition, Fixed, If, Not, Rule, Some, Statement, Test
from polus.lang.refused import Refused

# Conditions that one statement may be made of. It bounds how deep they can be nested, too.
MOST = 200


class _Built(NamedTuple):
    """A test and how many conditions it is made of."""

    test: Test
    size: int


_ALWAYS, _NEVER = _Built(Fixed(True), 0), _Built(Fixed(False), 0)


def test(found: Rule) -> Test:
    """True where some action of the rule is reached. Raises Refused for rules that no list can be asked about."""
    return _any(found.statements).test


def _any(statements: tuple[Statement, ...]) -> _Built:
    reached = _NEVER
    for statement in statements:
        reached = _or(reached, _if(statement) if isinstance(statement, If) else _ALWAYS)
    return reached


def _if(statement: If) -> _Built:
    rest = _any(statement.otherwise)
    for asked, body in reversed(statement.branches):
        this, inner = _bounded(asked, _size(asked)), _any(body)
        if inner is _ALWAYS:
            rest = _or(this, rest)
        else:
            rest = _or(_and(this, inner), _and(_Built(Not(asked), this.size), rest))
    return rest


def _or(one: _Built, other: _Built) -> _Built:
    if one is _ALWAYS or other is _NEVER:
        return one
    if other is _ALWAYS or one is _NEVER:
        return other
    parts = [part for built in (one, other) for part in _parts(built.test)]
    return _bounded(Some(tuple(parts)), one.size + other.size)


def _parts(whole: Test) -> tuple[Test, ...]:
    return whole.parts if isinstance(whole, Some) else (whole,)


def _and(one: _Built, other: _Built) -> _Built:
    if other is _NEVER:
        return _NEVER
    if other is _ALWAYS:
        return one
    return _bounded(All((one.test, other.test)), one.size + other.size)


def _bounded(whole: Test, size: int) -> _Built:
    if size > MOST:
        raise Refused([f"The rule has more than {MOST} conditions."])
    return _Built(whole, size)


def _size(asked: Test) -> int:
    """How many conditions a test has; every one of them can be asked of a list, or Refused."""
    if isinstance(asked, Condition):
        _require(asked)
        return 1
    if isinstance(asked, All | Some):
        return sum(_size(part) for part in asked.parts)
    return _size(asked.part) if isinstance(asked, Not) else 0


def _require(asked: Condition) -> None:
    found = asked.found
    picked = found.custom_field is None and any(isinstance(step, int) for step in found.steps)
    if found.column is None or picked or not asked.operator.in_views:
        raise Refused([f"No list can be asked for '{asked.operator.name}' of '{asked.path[:200]}'."])
