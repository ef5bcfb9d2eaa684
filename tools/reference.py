"""Writes what the documentation says of operations and events from the code itself: `make docs`.

`docs/reference/events.md` and `operations.md` are written whole. In `docs/resources/*.md` a block between two marks is:
the operations of one tag.
"""

import re
import sys
from pathlib import Path

from polus.api import openapi
from polus.api.operation import Operation
from polus.api.table import OPERATIONS
from polus.desk import events

DOCS = Path(__file__).parents[1] / "docs"
EVENTS = DOCS / "reference" / "events.md"
ALL = DOCS / "reference" / "operations.md"
RESOURCES = DOCS / "resources"

BLOCK = re.compile(r"<!-- operations: (?P<tag>[^>]+?) -->\n.*?<!-- end of operations -->\n", re.S)
BEGIN = "<!-- operations: {} -->\n"
END = "<!-- end of operations -->\n"

ROLES = {
    "observer-agent": "Observer",
    "lite-agent": "Lite",
    "basic-agent": "Basic",
    "agent": "Lead",
    "admin": "Admin",
}

ALL_HEAD = """# Operations

<!-- Written by `make docs` from the declarations in polus/api; a test compares them. -->

All operations of the API, with the least role that may call them and the scope that an app needs. Their fields are at
`/docs` and in `/openapi.json` of every installation; what holds for all of them is in [concepts/api.md](../concepts/api.md).
"""

EVENTS_HEAD = """# Events

<!-- Written by `make docs` from polus/desk/events.py; a test compares them. -->

Each change of an account leaves an event. `GET /api/events` reads them, newest first, for twelve months; see
[the audit log](../resources/events.md). Events of the kinds marked with * cannot be asked for by `types`.

| kind | about | what happened |
|---|---|---|
"""


def events_page() -> str:
    """The whole page of the kinds of events."""
    rows = sorted(events.KINDS.items(), key=lambda item: (item[1].object_type, item[0]))
    return EVENTS_HEAD + "".join(
        f"| `{name}`{'' if kind.filterable else '*'} | {kind.object_type} | {kind.meaning} |\n"
        for name, kind in rows
    )


def operations_page() -> str:
    """The whole page of the operations, tag by tag."""
    used = {operation.tag for operation in OPERATIONS}
    tags = [*(tag for tag in openapi.TAGS if tag in used), *sorted(used - set(openapi.TAGS))]
    return ALL_HEAD + "".join(f"\n## {tag}\n\n{openapi.TAGS.get(tag, '')}\n\n{_table(tag)}" for tag in tags)


def block(tag: str) -> str:
    """The operations of a tag, between their marks."""
    return BEGIN.format(tag) + _table(tag) + END


def _table(tag: str) -> str:
    rows = [_row(operation) for operation in OPERATIONS if operation.tag == tag]
    return "| operation | | least role | scope |\n|---|---|---|---|\n" + "".join(rows)


def _row(operation: Operation) -> str:
    scope = f"`{operation.scope}`" if operation.scope else ""
    return f"| `{operation.method} {operation.path}` | {operation.summary.rstrip('.')} | {ROLES[operation.role]} | {scope} |\n"


def renewed(text: str) -> str:
    """A page with its blocks written anew."""
    return BLOCK.sub(lambda found: block(found["tag"]), text)


def pages() -> dict[Path, str]:
    """All pages that are made from the code, as they ought to be."""
    made = {page: renewed(page.read_text(encoding="utf-8")) for page in sorted(RESOURCES.glob("*.md"))}
    return {EVENTS: events_page(), ALL: operations_page(), **made}


if __name__ == "__main__":
    for page, text in pages().items():
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{page}\n")
