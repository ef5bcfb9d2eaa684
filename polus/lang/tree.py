"""Syntax trees in the ESTree form of the wire: builders, children, and JSON text of trees of any depth."""

import json
from collections.abc import Iterator
from typing import Any

from polus.lang.tokens import Spot, Token

Node = dict[str, Any]


def loc(start: Spot, end: Spot) -> dict[str, dict[str, int]]:
    """A place on the wire: lines from 1, columns from 0, end exclusive."""
    return {
        "start": {"line": start[0], "column": start[1]},
        "end": {"line": end[0], "column": end[1]},
    }


def program(body: list[Node], start: Spot, end: Spot) -> Node:
    return {"type": "Program", "body": body, "sourceType": "script", "loc": loc(start, end)}


def empty() -> Node:
    """The tree of the empty text."""
    # wire: an empty view filter answers line 0, not line 1
    return program([], (0, 0), (0, 0))


def identifier(token: Token) -> Node:
    return {"type": "Identifier", "name": token.text, "loc": loc(token.start, token.end)}


def literal(token: Token, value: Any) -> Node:
    return {"type": "Literal", "value": value, "raw": token.text, "loc": loc(token.start, token.end)}


def member(target: Node, name: Node, computed: bool, start: Spot, end: Spot) -> Node:
    return {
        "type": "MemberExpression",
        "computed": computed,
        "object": target,
        "property": name,
        "loc": loc(start, end),
    }


def call(callee: Node, arguments: list[Node], start: Spot, end: Spot) -> Node:
    return {"type": "CallExpression", "callee": callee, "arguments": arguments, "loc": loc(start, end)}


def logical(operator: str, left: Node, right: Node, start: Spot, end: Spot) -> Node:
    return {
        "type": "LogicalExpression",
        "operator": operator,
        "left": left,
        "right": right,
        "loc": loc(start, end),
    }


def unary(operator: str, argument: Node, start: Spot, end: Spot) -> Node:
    return {
        "type": "UnaryExpression",
        "operator": operator,
        "argument": argument,
        "prefix": True,
        "loc": loc(start, end),
    }


def array(elements: list[Node], start: Spot, end: Spot) -> Node:
    return {"type": "ArrayExpression", "elements": elements, "loc": loc(start, end)}


def mapping(properties: list[Node], start: Spot, end: Spot) -> Node:
    return {"type": "ObjectExpression", "properties": properties, "loc": loc(start, end)}


def pair(key: Node, value: Node, start: Spot, end: Spot) -> Node:
    return {
        "type": "Property",
        "key": key,
        "computed": False,
        "value": value,
        "kind": "init",
        "method": False,
        "shorthand": False,
        "loc": loc(start, end),
    }


def statement(expression: Node) -> Node:
    # wire: the place of the statement ends with its expression, before the `;`
    return {"type": "ExpressionStatement", "expression": expression, "loc": dict(expression["loc"])}


def block(body: list[Node], start: Spot, end: Spot) -> Node:
    return {"type": "BlockStatement", "body": body, "loc": loc(start, end)}


def nothing(start: Spot, end: Spot) -> Node:
    return {"type": "EmptyStatement", "loc": loc(start, end)}


def condition(test: Node, consequent: Node, alternate: Node | None, start: Spot, end: Spot) -> Node:
    return {
        "type": "IfStatement",
        "test": test,
        "consequent": consequent,
        "alternate": alternate,
        "loc": loc(start, end),
    }


def children(node: Node) -> Iterator[Node]:
    """The nodes right below `node`, in source order."""
    for key, value in node.items():
        if key == "loc":
            continue
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            yield from value


def walk(root: Node) -> Iterator[Node]:
    """Every node of the tree, parents first, in source order; long chains need no call stack."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(list(children(node))))


def encode(root: Node) -> str:
    """The tree as compact JSON text.

    A chain of 2,000 conditions is a tree 2,000 deep, where recursive encoders give up; this one does not recurse.
    """
    parts: list[str] = []
    waiting: list[Any] = [root]
    while waiting:
        item = waiting.pop()
        if isinstance(item, _Raw):
            parts.append(item)
        elif isinstance(item, dict):
            waiting.extend(reversed(_members(item)))
        elif isinstance(item, list):
            waiting.extend(reversed(_elements(item)))
        else:
            parts.append(json.dumps(item, ensure_ascii=False))
    return "".join(parts)


class _Raw(str):
    """JSON text that goes out as it is."""

    __slots__ = ()


def _members(item: dict[str, Any]) -> list[Any]:
    out: list[Any] = []
    for key, value in item.items():
        shallow = _Raw(json.dumps(value, separators=(",", ":"))) if key == "loc" else value
        out += [_Raw(("," if out else "{") + json.dumps(key) + ":"), shallow]
    return [*out, _Raw("}" if out else "{}")]


def _elements(item: list[Any]) -> list[Any]:
    out: list[Any] = []
    for value in item:
        out += [_Raw("," if out else "["), value]
    return [*out, _Raw("]" if out else "[]")]
