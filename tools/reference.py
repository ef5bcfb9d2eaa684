"""Writes what the documentation says of operations and events from the code itself: `make docs`.

`docs/reference/events.md` is written whole. In `docs/resources/*.md` a block between two marks is: the operations of one tag.
"""

import re
import sys
from pathlib import Path

from polus.api.operation import Operation
from polus.api.table import OPERATIONS
from polus.desk import events

DOCS = Path(__file__).parents[1] / "docs"
EVENTS = DOCS / "reference" / "events.md"
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


def block(tag: str) -> str:
    """The operations of a tag, between their marks."""
    rows = [_row(operation) for operation in OPERATIONS if operation.tag == tag]
    head = "| operation | | least role | scope |\n|---|---|---|---|\n"
    return BEGIN.format(tag) + head + "".join(rows) + END


def _row(operation: Operation) -> str:
    scope = f"`{operation.scope}`" if operation.scope else ""
    return f"| `{operation.method} {operation.path}` | {operation.summary.rstrip('.')} | {ROLES[operation.role]} | {scope} |\n"


def renewed(text: str) -> str:
    """A page with its blocks written anew."""
    return BLOCK.sub(lambda found: block(found["tag"]), text)


def pages() -> dict[Path, str]:
    """All pages that are made from the code, as they ought to be."""
    made = {page: renewed(page.read_text(encoding="utf-8")) for page in sorted(RESOURCES.glob("*.md"))}
    return {EVENTS: events_page(), **made}


if __name__ == "__main__":
    for page, text in pages().items():
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{page}\n")
