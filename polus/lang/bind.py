"""Gives a syntax tree its meaning: operators, fields, operands, actions. All complaints are collected, in order.

What the code refers to (tags, users, macros …) is listed; whether it exists is answered by the caller.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from polus.lang import actions, operands, vocabulary
from polus.lang.nodes import (
    All,
    Condition,
    Do,
    Filter,
    Fixed,
    If,
    Not,
    Reference,
    Rule,
    Some,
    Statement,
    Test,
)
from polus.lang.operands import Given, Literal
from polus.lang.operators import OPERATORS, Operand, Operator
from polus.lang.refused import Refused
from polus.lang.tokens import Spot
from polus.lang.tree import Node
from polus.lang.values import Kind, Type, literal
from polus.lang.vocabulary import Definitions, Found, NoField, Steps

Bound = TypeVar("Bound", Filter, Rule)

# What a field refers to when it is compared with an id, or with the name of a tag.
_REFERS: dict[tuple[str, ...], str] = {
    ("ticket", "assignee_user", "id"): "User",
    ("ticket", "assignee_team", "id"): "Team",
    ("ticket", "tags", "id"): "Tag",
    ("ticket", "tags", "name"): "Tag",
    ("ticket", "integrations", "id"): "Integration",
    ("ticket", "store", "id"): "Integration",
    ("message", "integration_id"): "Integration",
}
_TRASH, _SPAM = ("ticket", "trashed_datetime"), ("ticket", "spam")
_REFERRING = (Operand.SCALAR, Operand.ONE, Operand.SEVERAL)


@dataclass(frozen=True, slots=True)
class Reading(Generic[Bound]):
    """What was understood of one text; `accept` is the way to it."""

    bound: Bound
    complaints: tuple[tuple[Spot, str], ...]
    named: tuple[tuple[Spot, Reference], ...]

    @property
    def references(self) -> frozenset[Reference]:
        return self.bound.references

    def accept(self, missing: Iterable[Reference] = ()) -> Bound:
        """The checked code. Raises Refused with all that is wrong; `missing`: references that do not exist."""
        gone = frozenset(missing)
        wrong: list[tuple[Spot, str]] = list(self.complaints)
        wrong += [
            (at, f"{one.kind} {one.key} does not exist.")
            for at, one in dict.fromkeys(self.named)
            if one in gone
        ]
        if wrong:
            raise Refused([message for _, message in sorted(wrong, key=lambda item: item[0])])
        return self.bound


def rule(program: Node, definitions: Definitions) -> Reading[Rule]:
    """The meaning of rule code, as `parse.code` gives it."""
    binder = _Binder("R", definitions)
    statements = tuple(binder.statements(program["body"]))
    return Reading(Rule(statements, binder.references()), tuple(binder.complaints), tuple(binder.named))


def filters(program: Node, definitions: Definitions, *, customers: bool = False) -> Reading[Filter]:
    """The meaning of a view filter, as `parse.filters` gives it, over tickets or over `customers`."""
    binder = _Binder("C" if customers else "V", definitions)
    body = program["body"]
    test = binder.test(body[0]["expression"]) if body else Fixed(True)
    trash = not customers and _TRASH not in binder.fields
    spam = trash and _SPAM not in binder.fields
    bound = Filter(test, trash, spam, customers, binder.references())
    return Reading(bound, tuple(binder.complaints), tuple(binder.named))


def _spot(node: Node) -> Spot:
    start = node["loc"]["start"]
    return (start["line"], start["column"])


def _at(spot: Spot) -> str:
    return f"line {spot[0]}, column {spot[1]}"


class _Wrong(Exception):
    """What is wrong with one condition."""

    def __init__(self, at: Spot, said: str) -> None:
        self.at, self.said = at, said


class _Binder:
    """Reads one tree; a part that is wrong is complained about and stands in as false."""

    def __init__(self, place: str, definitions: Definitions) -> None:
        self.place, self.definitions = place, definitions
        self.complaints: list[tuple[Spot, str]] = []
        self.named: list[tuple[Spot, Reference]] = []
        self.fields: set[Steps] = set()

    def references(self) -> frozenset[Reference]:
        return frozenset(reference for _, reference in self.named)

    # Statements

    def statements(self, body: list[Node]) -> Iterator[Statement]:
        for node in body:
            if node["type"] == "IfStatement":
                yield self._if(node)
            elif node["type"] == "BlockStatement":
                yield from self.statements(node["body"])
            elif node["type"] == "ExpressionStatement":
                yield from self._do(node["expression"])

    def _if(self, node: Node) -> If:
        branches: list[tuple[Test, tuple[Statement, ...]]] = []
        rest: Node | None = node
        while rest is not None and rest["type"] == "IfStatement":
            branches.append((self.test(rest["test"]), tuple(self.statements([rest["consequent"]]))))
            rest = rest["alternate"]
        return If(tuple(branches), tuple(self.statements([rest] if rest else [])))

    def _do(self, call: Node) -> Iterator[Do]:
        at = _spot(call)
        name, *rest = call["arguments"]
        arguments = _object(rest[0]) if rest else {}
        row = actions.find(name["value"])
        wrong, named = actions.complaints(name["value"], arguments, "R")
        self.complaints += [(at, said if said.endswith(".") else f"{said} at {_at(at)}.") for said in wrong]
        self.named += [(at, reference) for reference in named]
        if row is not None and not wrong:
            yield Do(row.name, arguments, at)

    # Tests

    def test(self, node: Node) -> Test:
        if node["type"] == "LogicalExpression":
            parts = tuple(self.test(part) for part in _chain(node))
            return All(parts) if node["operator"] == "&&" else Some(parts)
        if node["type"] == "UnaryExpression":
            return Not(self.test(node["argument"]))
        if node["type"] == "Literal":
            return Fixed(node["value"])
        return self._condition(node) or Fixed(False)

    def _condition(self, call: Node) -> Condition | None:
        found, path = self._found(call["arguments"][0])
        try:
            operator = self._operator(call)
            return self._compared(call, operator, found, path) if found else None
        except _Wrong as wrong:
            self.complaints.append((wrong.at, wrong.said))
            return None

    def _operator(self, call: Node) -> Operator:
        at, name = _spot(call), call["callee"]["name"]
        operator = OPERATORS.get(name)
        if operator is None:
            raise _Wrong(at, f"Unknown function '{name[:60]}' at {_at(at)}.")
        if self.place != "R" and not operator.in_views:
            raise _Wrong(at, f"Function '{name}' cannot be used in a view ({_at(at)}).")
        takes = 1 if operator.operand is Operand.NONE else 2
        if len(call["arguments"]) != takes:
            many = "1 argument" if takes == 1 else "2 arguments"
            raise _Wrong(at, f"Function '{name}' takes {many} ({_at(at)}).")
        return operator

    def _found(self, node: Node) -> tuple[Found | None, str]:
        """The field of a path, complained about when there is none, and the path as text."""
        at, steps = _spot(node), _steps(node)
        path = vocabulary.written(steps)
        try:
            found = vocabulary.find(self.place, steps, self.definitions)
        except NoField as missing:
            if missing.custom_field is None:
                self.complaints.append((at, f"Unknown field '{path[:200]}' at {_at(at)}."))
            else:
                self.complaints.append((at, f"Custom field {missing.custom_field} does not exist."))
            return None, path
        self.fields.add((*found.base, *found.steps))
        if found.custom_field is not None:
            self.named.append((at, Reference("Custom field", found.custom_field)))
        return found, path

    def _compared(self, call: Node, operator: Operator, found: Found, path: str) -> Condition:
        at, value = _spot(call), _spot(call["arguments"][-1])
        try:
            given = self._given(call["arguments"][1]) if len(call["arguments"]) > 1 else None
            if not _fits(operator, found.kind, given):
                said = (
                    f"Function '{operator.name}' cannot be used on '{path}' (type {found.kind}) at {_at(at)}."
                )
                raise _Wrong(at, said)
            operand = operands.convert(operator, found.kind, given)
        except ValueError as reason:
            raise _Wrong(value, f"Invalid value for '{path}' at {_at(value)}: {reason}.") from None
        self._refer(at, operator, found, given)
        return Condition(operator, found, path, given, operand, at)

    def _given(self, node: Node) -> Given:
        if node["type"] == "ArrayExpression":
            return Given(tuple(self._literal(item) for item in node["elements"]), array=True)
        return Given((self._literal(node),), array=False)

    def _literal(self, node: Node) -> Literal:
        if node["type"] == "ArrayExpression":
            raise ValueError("a list inside a list")
        value, source = _scalar(node), _source(node)
        if isinstance(value, str):
            return Literal(value, source, filled=self.place != "R" and bool(operands.variables(value)))
        return Literal(value, source, numeric=isinstance(value, int | float) and not isinstance(value, bool))

    def _refer(self, at: Spot, operator: Operator, found: Found, given: Given | None) -> None:
        names = [step for step in (*found.base, *found.steps) if isinstance(step, str)]
        kind = _REFERS.get(tuple(names))
        if kind is None or given is None or operator.operand not in _REFERRING:
            return
        for item in given.items:
            if item.value is not None and not item.filled:
                raw = item.source if item.numeric else item.value
                self.named.append((at, Reference(kind, literal(found.kind, raw))))


def _fits(operator: Operator, kind: Kind, given: Given | None) -> bool:
    """Whether the operator is used on the type; of an object only whether it is there can be asked."""
    if kind.type is Type.OBJECT and operator.operand is Operand.SCALAR:
        return not kind.many and given is not None and not given.array and given.items[0].value is None
    return kind.type in operator.types and (operator.lists or not kind.many)


def _chain(node: Node) -> list[Node]:
    """The operands of a chain of one operator, which the tree nests to the left."""
    parts: list[Node] = []
    rest = node
    while rest["type"] == "LogicalExpression" and rest["operator"] == node["operator"]:
        parts.append(rest["right"])
        rest = rest["left"]
    return [rest, *reversed(parts)]


def _steps(node: Node) -> Steps:
    steps: list[str | int] = []
    while node["type"] == "MemberExpression":
        key = node["property"]
        steps.append(_scalar(key) if node["computed"] else key["name"])
        node = node["object"]
    steps.append(node["name"])
    return tuple(reversed(steps))


def _scalar(node: Node) -> Any:
    return -node["argument"]["value"] if node["type"] == "UnaryExpression" else node["value"]


def _source(node: Node) -> str:
    return "-" + node["argument"]["raw"] if node["type"] == "UnaryExpression" else str(node["raw"])


def _object(node: Node) -> dict[str, Any]:
    """An object of code as data; of a name given twice the last holds."""
    return {_key(pair["key"]): _data(pair["value"]) for pair in node["properties"]}


def _key(node: Node) -> str:
    return str(node["name"] if node["type"] == "Identifier" else node["value"])


def _data(node: Node) -> Any:
    if node["type"] == "ObjectExpression":
        return _object(node)
    if node["type"] == "ArrayExpression":
        return [_data(item) for item in node["elements"]]
    return _scalar(node)
