"""The tables of the documentation, made from the rows of the code. `python -m tests.lang.tables` writes them anew."""

import re
from pathlib import Path

from polus.lang import fields, moments
from polus.lang.actions import ACTIONS
from polus.lang.operators import OPERATORS, Operand
from polus.lang.template_filters import FILTERS

DOCS = Path(__file__).parents[2] / "docs" / "concepts"
PAGES = {
    "expression-language.md": ("operators", "ticket", "customer", "message", "actions"),
    "templates.md": ("filters", "tokens"),
}


def table(head: str, rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * (head.count("|") - 1), *lines])


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def operators() -> str:
    rows = []
    for row in OPERATORS.values():
        types = "all" if len(row.types) > 9 else ", ".join(sorted(row.types - {"choice"}))
        where = "RVC" if row.in_views else "R"
        said = row.says.one.replace("{field} ", "").replace("{value}", "*value*")
        value = "" if row.operand is Operand.NONE else row.operand.value
        rows.append(
            (code(row.name), types + (", lists" if row.lists else ""), value, said, where, code(row.negates))
        )
    return table("| operator | types | value | reads as | places | opposite of |", rows)


def of(rows: tuple[fields.Field, ...], root: str) -> str:
    made = [
        (
            code(f"{'customer' if row.places == 'C' else root}.{row.path}"),
            str(row.kind) if "[ID]" not in row.path else "that of the field",
            row.places,
            row.label,
        )
        for row in rows
    ]
    return table("| path | type | places | what it is |", made)


def actions() -> str:
    rows = []
    for row in ACTIONS.values():
        needed = {name: group for group in row.required for name in group}
        # Of a group one is enough.
        groups = dict.fromkeys(needed.get(name, (name + "?",)) for name in row.arguments)
        arguments = ", ".join(" or ".join(map(code, group)) for group in groups)
        rows.append(
            (
                code(row.name),
                arguments,
                row.places,
                re.sub(r"\{(\w+)\}", r"*\1*", row.says).replace("**", "* or *"),
            )
        )
    return table("| action | arguments | places | what it does |", rows)


def filters() -> str:
    return table(
        "| filter | argument | result |",
        [(code(row.name), code(row.arguments), row.meaning) for row in FILTERS.values()],
    )


TABLES = {
    "operators": operators,
    "ticket": lambda: of(fields.TICKET, "ticket"),
    "customer": lambda: of(fields.CUSTOMER, "ticket.customer"),
    "message": lambda: of(fields.MESSAGE, "message"),
    "actions": actions,
    "filters": filters,
    "tokens": lambda: " ".join(
        code(token) for token in sorted(moments.TOKENS, key=lambda token: (token.upper(), token))
    ),
}


def filled(page: str) -> str:
    """The page with its tables as they should be."""
    text = (DOCS / page).read_text()
    for name in PAGES[page]:
        pattern = re.compile(rf"<!-- {name} -->\n.*?<!-- end -->", re.DOTALL)
        assert pattern.search(text), name
        made = f"<!-- {name} -->\n{TABLES[name]()}\n<!-- end -->"
        text = pattern.sub(lambda _, made=made: made, text)
    return text


if __name__ == "__main__":
    for page in PAGES:
        (DOCS / page).write_text(filled(page))
