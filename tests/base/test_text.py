"""Stored text is harmless and bounded; names split as the wire wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polus.base import text


def test_clean_drops_what_postgresql_refuses_and_nobody_can_see() -> None:
    assert text.clean("a\x00b\x07c\x1b[0m\ud83d\td\r\ne\x9b") == "abc[0m\ufffd\td\r\ne"


@given(st.text(st.characters()))
def test_clean_is_storable_and_stable(given_text: str) -> None:
    once = text.clean(given_text)
    once.encode()
    assert "\x00" not in once
    assert text.clean(once) == once


def test_unix_lines_knows_every_line_end() -> None:
    assert text.unix_lines("a\r\nb\rc\nd\x85e\u2028f\r\r\n") == "a\nb\nc\nd\ne\nf\n\n"


def test_one_line_folds_blanks() -> None:
    assert text.one_line("  Re:\r\n\t order \u00a0 12\x00 ") == "Re: order 12"


@pytest.mark.parametrize(
    "given_text, limit, kept",
    [("abc", 3, "abc"), ("abcd", 3, "abc"), ("aéé", 4, "aé"), ("😀😀", 7, "😀"), ("", 0, ""), ("é", 1, "")],
)
def test_truncate_never_splits_a_character(given_text: str, limit: int, kept: str) -> None:
    assert text.truncate(given_text, limit) == kept


@given(st.text(max_size=40), st.integers(0, 60))
def test_truncate_keeps_the_longest_start_that_fits(given_text: str, limit: int) -> None:
    kept = text.truncate(given_text, limit)
    assert given_text.startswith(kept)
    assert len(kept.encode()) <= limit
    rest = given_text[len(kept) :]
    assert not rest or len((kept + rest[0]).encode()) > limit


def test_truncate_defaults_to_the_size_of_a_body() -> None:
    assert len(text.truncate("x" * 2_000_000)) == 1_048_576


def test_excerpt_is_cut_mid_word() -> None:
    assert text.excerpt("\n  hello " + "w" * 300) == "hello " + "w" * 194
    assert text.excerpt(" \n ") == ""


@pytest.mark.parametrize(
    "name, first, last",
    [
        (None, "", ""),
        ("  ", "", ""),
        ("Ada", "Ada", ""),
        ("Ada Lovelace", "Ada", "Lovelace"),
        (" Ana  María\tde la Cruz ", "Ana", "Cruz"),
    ],
)
def test_names_split_at_blanks(name: str | None, first: str, last: str) -> None:
    assert (text.firstname(name), text.lastname(name)) == (first, last)
