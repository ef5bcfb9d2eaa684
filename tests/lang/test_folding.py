"""The folding of text says the same in memory and in the database, for every character."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polus.lang.folding import fold


@pytest.mark.parametrize(
    "text, folded",
    [
        ("Straße", "strasse"),
        ("ÉCOLE", "école"),
        ("e\u0301cole", "école"),
        ("  a \t\u00a0 b  ", "a b"),
        ("a\nb", "a\nb"),
        ("İstanbul", "i̇stanbul"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("ﬁn", "fin"),
        ("", ""),
        (" \t", ""),
    ],
)
def test_folding(text, folded):
    assert fold(text) == folded


async def test_the_database_folds_every_character_alike(database):
    known = [
        chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")
    ]
    texts = ["x".join(known[at : at + 200]) for at in range(1, len(known), 200)]  # from 1: no text has a NUL
    rows = await database.pool.fetch(
        "select fold(x) as folded from unnest($1::text[]) with ordinality t(x, n) order by n", texts
    )
    for text, row in zip(texts, rows, strict=True):
        assert row["folded"] == fold(text)


texts = st.text(
    st.characters(blacklist_categories=("Cs", "Cn", "Co"), blacklist_characters="\0"), max_size=20
)


@given(texts, texts)
@settings(max_examples=50)
def test_what_is_found_does_not_depend_on_case_or_form(a, b):
    whole = a + b
    for form in ("NFC", "NFD"):
        assert fold(unicodedata.normalize(form, whole)) == fold(whole)
