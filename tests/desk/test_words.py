"""The words of customers: folding, bounds, and the rows of one customer."""

import pytest

from polus.desk import words


@pytest.mark.parametrize(
    "texts, found",
    [
        (("Zoë Ångström",), ["zoe", "angstrom"]),
        (("STRASSE Straße",), ["strasse"]),
        (("Łukasz Møller-Æsop",), ["lukasz", "moller", "aesop"]),
        (("anna_lee+news@Shop.co.uk",), ["anna", "lee", "news", "shop", "co", "uk"]),
        (("Conan O'Brien",), ["conan", "o", "brien", "obrien"]),
        (("Зоя Йод", None, ""), ["зоя", "иод"]),
        (("山田太郎", "33612345678"), ["山田太郎", "33612345678"]),
        (("\ufb01ne ①",), ["fine", "1"]),
        (("... --- @",), []),
    ],
)
def test_words_are_folded(texts: tuple[str | None, ...], found: list[str]) -> None:
    assert words.of(*texts) == found


def test_number_and_length_are_bounded() -> None:
    assert words.of("x" * 5000) == ["x" * words.WORD_LENGTH]
    assert len(words.of(*(f"w{n}" for n in range(500)))) == words.WORDS


def test_a_search_joins_what_an_apostrophe_parts() -> None:
    assert words.asked("O\u2019Brien  conan") == ["obrien", "conan"]
    assert set(words.asked("o'b")) == {"ob"}
