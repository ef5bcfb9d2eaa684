"""Reads checked code aloud: view filters and rules as plain English sentences."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from polus.lang import actions, durations
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
from polus.lang.operands import Literal
from polus.lang.operators import OPERATORS, Operand
from polus.lang.values import Type

# Names of what code refers to by id, so that a sentence can say "Ada" instead of "user 5".
Names = Mapping[Reference, str]

LONGEST = 80
_VARIABLE = re.compile(r"\{\{\s*current_user\.(\w+)\s*\}\}")
_PLAIN_WORDS = frozenset([Type.ENUM, Type.BOOLEAN, Type.NUMBER, Type.ID, Type.DATETIME])
_KINDS = {
    "assignee": "User",
    "team": "Team",
    "tags": "Tag",
    "integrations": "Integration",
    "store": "Integration",
}
_NAMED = {
    "macro": "Macro",
    "macro_id": "Macro",
    "custom_field_id": "Custom field",
    "integration_id": "Integration",
}
_OPPOSITE = {row.negates: row for row in OPERATORS.values() if row.negates}


class Line(NamedTuple):
    """One line of a rule, indented `depth` times."""

    depth: int
    text: str


def filters(found: Filter, names: Names | None = None) -> str:
    """One sentence on what a view shows."""
    subject = "Customers" if found.customers else "Tickets"
    if isinstance(found.test, Fixed):
        said = f"All {subject.lower()}" if found.test.value else f"No {subject.lower()}"
    else:
        said = subject + " where " + test(found.test, names or {})
    hidden = [word for word, hides in (("trash", found.hides_trashed), ("spam", found.hides_spam)) if hides]
    return said + (f", without {' and '.join(hidden)}." if hidden else ".")


def rule(found: Rule, names: Names | None = None) -> list[Line]:
    """The rule line by line: what is asked, and below it what is done."""
    return list(_statements(found.statements, 0, names or {}))


def _statements(statements: tuple[Statement, ...], depth: int, names: Names) -> Iterator[Line]:
    if not statements:
        yield Line(depth, "do nothing")
    for statement in statements:
        if isinstance(statement, Do):
            yield Line(depth, action(statement, names))
        else:
            yield from _if(statement, depth, names)


def _if(statement: If, depth: int, names: Names) -> Iterator[Line]:
    word = "If"
    for asked, body in statement.branches:
        yield Line(depth, f"{word} {test(asked, names)}:")
        yield from _statements(body, depth + 1, names)
        word = "Otherwise, if"
    if statement.otherwise:
        yield Line(depth, "Otherwise:")
        yield from _statements(statement.otherwise, depth + 1, names)


def test(asked: Test, names: Names) -> str:
    """What a test asks, as a clause."""
    if isinstance(asked, Condition):
        return condition(asked, names)
    if isinstance(asked, Not):
        return _not(asked.part, names)
    if isinstance(asked, Fixed):
        return "always" if asked.value else "never"
    word = " and " if isinstance(asked, All) else " or "
    parts = [test(part, names) for part in asked.parts]
    return word.join(
        f"({said})" if isinstance(part, All | Some) else said
        for part, said in zip(asked.parts, parts, strict=True)
    )


def _not(part: Test, names: Names) -> str:
    if isinstance(part, Not):
        return test(part.part, names)
    opposite = _OPPOSITE.get(part.operator.name) if isinstance(part, Condition) else None
    if isinstance(part, Condition) and (opposite or part.operator.negates):
        row = opposite or OPERATORS[part.operator.negates]
        return condition(Condition(row, part.found, part.path, part.given, part.operand, part.at), names)
    return f"not ({test(part, names)})"


def condition(asked: Condition, names: Names) -> str:
    """One condition as a clause."""
    kind, operator = asked.found.kind, asked.operator
    if (
        kind.type is Type.BOOLEAN
        and asked.found.field.yes
        and not kind.many
        and operator.operand is Operand.SCALAR
    ):
        return _yes_or_no(asked)
    says, shape = operator.says, operator.says.one
    if kind.many:
        shape = says.many or says.one
    elif kind.type is Type.DATETIME:
        shape = says.moment or says.one
    elif kind.type in (Type.ENUM, Type.ID, Type.CHOICE):
        shape = says.word or says.one
    return shape.replace("{field}", _field(asked, names)).replace("{value}", _value(asked, names))


def _yes_or_no(asked: Condition) -> str:
    """`the ticket is spam` instead of `the spam mark is true`."""
    field = asked.found.field
    if asked.operand is None:
        return f"it is {'known' if asked.operator.negates else 'unknown'} whether {field.yes}"
    said = field.yes if asked.operand is True else field.no
    return f"it is not so that {said}" if asked.operator.negates else said


def _field(asked: Condition, names: Names) -> str:
    found = asked.found
    label = found.field.label
    if found.custom_field is not None:
        label = names.get(Reference("Custom field", found.custom_field), f"{label} {found.custom_field}")
    label = label.replace("message's", _which(found.base) + "'s", 1) if found.base[1:] else label
    if found.field.open and found.steps[1:]:
        label += " " + asked.path.split(str(found.steps[0]), 1)[-1].lstrip(".")
    elif found.field.path.startswith("headers"):
        label += f" {found.steps[1]}"
    return "the " + label


def _which(base: tuple[Any, ...]) -> str:
    """Which message a path is about."""
    if base[1] == "messages":
        return "message" if len(base) == 2 else f"message [{base[2]}]"
    return str(base[1]).replace("_", " ") if base[1] in ("first_message", "last_message") else "message"


def _value(asked: Condition, names: Names) -> str:
    if asked.given is None:
        return ""
    if asked.operator.operand is Operand.DURATION:
        length = asked.operand
        return (
            durations.words(length)
            if hasattr(length, "total_seconds")
            else _quoted(asked.given.items[0].source)
        )
    said = [_literal(asked, item, names) for item in asked.given.items]
    if len(said) < 2:
        return said[0] if said else "nothing"
    word = " and " if asked.operator.name.endswith("All") else " or "
    return ", ".join(said[:-1]) + word + said[-1]


def _literal(asked: Condition, item: Literal, names: Names) -> str:
    if item.value is None:
        return "missing"
    text = (
        item.source
        if item.numeric
        else str(item.value).lower()
        if isinstance(item.value, bool)
        else str(item.value)
    )
    if item.filled:
        return _VARIABLE.sub(lambda found: _caller(found[1]), text)
    kind = _KINDS.get(asked.found.field.label.split("'")[0])
    if kind and asked.found.kind.type is Type.ID and text.isdecimal():
        return names.get(Reference(kind, int(text)), f"{kind.lower()} {text}")
    return text if asked.found.kind.type in _PLAIN_WORDS else _quoted(text)


def _caller(name: str) -> str:
    return "you" if name == "id" else f"your {name}"


def _quoted(text: str) -> str:
    shown = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return "“" + shown.replace("\n", " ") + "”"


def action(done: Do, names: Names) -> str:
    """One action as an instruction."""
    row = actions.find(done.name)
    assert row is not None, "bind lets only known actions into rules"
    return _instruction(row, done.arguments, names)


def chip(name: str, arguments: actions.Arguments, names: Names) -> str:
    """One action of a macro as an instruction, whatever its name and arguments are."""
    row = actions.find(name)
    if row is None:
        return _quoted(name) + (" in the shop" if actions.is_external(name) else " (an action unknown here)")
    try:
        return _instruction(row, arguments, names)
    except (ValueError, TypeError, KeyError, AttributeError):
        return f"{row.says.split(' {', maxsplit=1)[0]} (as it is written it cannot be done)"


def _instruction(row: actions.Action, arguments: actions.Arguments, names: Names) -> str:
    said = row.says
    for name in row.arguments:
        put = _argument(name, arguments.get(name), name in arguments, names)
        said = said.replace("{" + name + "}", put)
    return said.strip()


def _argument(name: str, value: Any, given: bool, names: Names) -> str:
    if not given:
        return ""
    if name == "tags":
        return ", ".join(actions.tag_names(value)) or "none"
    if name in ("assignee_user", "assignee_team"):
        return _person("User" if name == "assignee_user" else "Team", value, names)
    if name in _NAMED and str(value).isdecimal():
        return names.get(Reference(_NAMED[name], int(value)), str(value))
    if name == "snooze_timedelta":
        return "for " + durations.words(durations.parse(value))
    if name == "snooze_datetime":
        return f"until {value}"
    if name in ("body_html", "body_text", "subject"):
        return _quoted(re.sub(r"<[^<>]*>", " ", value).strip() if name == "body_html" else value)
    return ("nothing" if value is None else str(value))[:LONGEST]


def _person(kind: str, value: Any, names: Names) -> str:
    if value is None:
        return "nobody"
    id_ = str(value["id"])
    known = names.get(Reference(kind, int(id_))) if id_.isdecimal() else None
    return known or str(value.get("name") or f"{kind.lower()} {id_}")
