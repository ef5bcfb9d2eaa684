"""The documentation names everything there is, and what is made from the code is up to date."""

import re
from pathlib import Path

import pytest

from polus.api.table import OPERATIONS
from polus.base import settings
from polus.desk import events
from tools import reference

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:|#|/)([^)#]+)(#[^)]*)?\)")


def test_pages_made_from_the_code_are_up_to_date() -> None:
    for page, text in reference.pages().items():
        assert page.read_text(encoding="utf-8") == text, "run `make docs`"


def test_each_operation_stands_in_the_reference_and_on_one_page_at_most() -> None:
    told = (ROOT / "docs/reference/operations.md").read_text(encoding="utf-8")
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs/resources").glob("*.md")]
    for operation in OPERATIONS:
        line = f"| `{operation.method} {operation.path}` |"
        assert line in told, "run `make docs`"
        assert sum(line in page for page in pages) <= 1, operation.id


def test_each_setting_and_each_kind_of_event_stands_in_the_reference() -> None:
    told = (ROOT / "docs/reference/settings.md").read_text() + (ROOT / "docs/reference/events.md").read_text()
    names = [row.variable for row in settings.table()] + list(events.KINDS)
    assert [name for name in names if f"`{name}`" not in told] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    lost = [
        found[1]
        for found in LINK.finditer(page.read_text(encoding="utf-8"))
        if not (page.parent / found[1]).exists()
    ]
    assert lost == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_pages_begin_with_their_title(page: Path) -> None:
    assert re.match(r"# \S", page.read_text(encoding="utf-8"))
