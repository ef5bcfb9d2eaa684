"""Every mail that others wrote ends in the state that a person found right."""

import json
from pathlib import Path

import pytest

from polus.base import html
from polus.channels.email import parse
from polus.channels.email.mails import Unreadable
from tests.channels.email import samples, snapshot

EXPECTED = json.loads(snapshot.EXPECTED.read_text(encoding="utf-8"))
PATHS = samples.all_paths()


@pytest.mark.parametrize("path", PATHS, ids=[snapshot.name(path) for path in PATHS])
def test_real_mail(path: Path) -> None:
    assert snapshot.outcome(path) == EXPECTED[snapshot.name(path)]


def test_the_table_is_complete() -> None:
    assert {snapshot.name(path) for path in PATHS} == set(EXPECTED)
    assert len(PATHS) >= 60


@pytest.mark.parametrize("path", PATHS, ids=[snapshot.name(path) for path in PATHS])
def test_html_of_real_mails_is_sanitised_once_for_all(path: Path) -> None:
    try:
        mail = parse.read(path.read_bytes())
    except Unreadable:
        return
    for page in (mail.body_html, mail.stripped_html):
        assert html.sanitise(page or "") == (page or "")
