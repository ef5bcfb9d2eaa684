"""Rewrites names of tags in code when a tag is renamed or merged; everything else stays byte for byte."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from polus.lang import tree
from polus.lang.tree import Node

Renamed = Mapping[str, str]

_LINE_END = re.compile(r"\r\n|\r|\n")
_TAG_ACTIONS = frozenset(["addtags", "removetags", "settags"])
_TAG_FIELD = ("ticket", "tags", "name")


def code(text: str, program: Node, renamed: Renamed) -> str:
    """Rule code or a view filter with the new names. `program`: its tree; `renamed`: old to new names.

    Only string literals compared with `ticket.tags.name`, and the `tags` of actions, are looked at.
    """
    lines = [0, *(end.end() for end in _LINE_END.finditer(text))]
    out, at = "", 0
    for literal, listed in sorted(_literals(program), key=lambda found: _order(found[0])):
        old = literal["value"]
        new = names(old, renamed) if listed else renamed.get(old, old)
        if new != old:
            start, end = (_offset(text, lines, literal["loc"][side]) for side in ("start", "end"))
            out, at = out + text[at:start] + _quoted(new, literal["raw"][0]), end
    return out + text[at:]


def names(listed: str, renamed: Renamed) -> str:
    """The same for names with commas between them, as in the `tags` of an action; a name that comes twice goes."""
    seen: set[str] = set()
    kept: list[str] = []
    for part in listed.split(","):
        old = part.strip()
        new = renamed.get(old, old)
        if new != old and new in seen:
            continue
        seen.add(new)
        kept.append(part.replace(old, new, 1) if new != old else part)
    return ",".join(kept)


def _literals(program: Node) -> Iterator[tuple[Node, bool]]:
    """String literals that name tags, and whether they hold several names."""
    for node in tree.walk(program):
        if node["type"] != "CallExpression":
            continue
        first, *rest = node["arguments"]
        if node["callee"]["name"] == "Action":
            if str(first["value"]).lower() in _TAG_ACTIONS and rest:
                yield from ((literal, True) for literal in _strings(_value(rest[0], "tags")))
        elif rest and _path(first) == _TAG_FIELD:
            yield from ((literal, False) for literal in _strings(rest[0]))


def _value(node: Node, key: str) -> Node | None:
    """The value of one key of an object; of a key given twice the last."""
    found = [
        pair["value"]
        for pair in node["properties"]
        if key in (pair["key"].get("name"), pair["key"].get("value"))
    ]
    return found[-1] if found else None


def _strings(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    for one in tree.walk(node):
        if one["type"] == "Literal" and isinstance(one["value"], str):
            yield one


def _path(node: Node) -> tuple[Any, ...]:
    """The names of a path, indexes left out."""
    steps: list[Any] = []
    while node["type"] == "MemberExpression":
        key = node["property"]
        steps.append(key.get("name", key.get("value")))
        node = node["object"]
    return tuple(step for step in [node["name"], *reversed(steps)] if isinstance(step, str))


def _order(node: Node) -> tuple[int, int]:
    start = node["loc"]["start"]
    return (start["line"], start["column"])


def _offset(text: str, lines: list[int], place: Mapping[str, int]) -> int:
    """The index of a place whose column counts UTF-16 units."""
    at, units = lines[place["line"] - 1], place["column"]
    while units > 0:
        units -= 2 if ord(text[at]) > 0xFFFF else 1
        at += 1
    return at


def _quoted(value: str, mark: str) -> str:
    if mark == '"':
        return json.dumps(value, ensure_ascii=False)
    return "'" + json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
