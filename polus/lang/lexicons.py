"""What customers want and how they feel, guessed by weighted phrases: one lexicon per language, in `lexicon`.

Wrong often, and said to be: docs/resources/analysis.md tells how often. Pure; whole words, folded.
"""

import functools
import re
import tomllib
from collections import defaultdict
from pathlib import Path

import msgspec

from polus.lang.folding import fold
from polus.lang.sets import INTENTS, SENTIMENTS

HOME = Path(__file__).parent / "lexicon"
ENOUGH = 1.0
MOST_INTENTS = 3
BEFORE = 3
"""Words before a phrase in which a negation takes it back."""
LONGEST = 10_000
WORDS = re.compile(r"[\w']+")
HALF = "~"


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A lexicon as it is written."""

    no: list[str]
    intents: dict[str, list[str]]
    sentiments: dict[str, list[str]]


class Lexicon(msgspec.Struct, frozen=True):
    """A lexicon ready to be used: folded phrase -> what it speaks for and how much."""

    no: frozenset[str]
    intents: dict[str, list[tuple[str, float]]]
    sentiments: dict[str, list[tuple[str, float]]]
    pattern: re.Pattern[str]


@functools.cache
def lexicon(language: str) -> Lexicon | None:
    """The lexicon of a language; None for one that has none."""
    file = HOME / (language + ".toml")
    if not re.fullmatch("[a-z]{2}", language) or not file.exists():
        return None
    given = msgspec.convert(tomllib.loads(file.read_text("utf-8")), File)
    strangers = (given.intents.keys() - INTENTS) | (given.sentiments.keys() - SENTIMENTS)
    if strangers:
        raise ValueError(sorted(strangers))
    intents, sentiments = _by_phrase(given.intents), _by_phrase(given.sentiments)
    phrases = sorted(intents.keys() | sentiments.keys(), key=len, reverse=True)
    # Phrases overlap, so each place is looked at for all of them.
    pattern = re.compile(r"(?<![\w'])(?=(" + "|".join(map(re.escape, phrases)) + r")(?![\w']))")
    return Lexicon(frozenset(fold(word) for word in given.no), intents, sentiments, pattern)


def _by_phrase(meanings: dict[str, list[str]]) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for name, phrases in meanings.items():
        for phrase in phrases:
            weight = 0.5 if phrase.startswith(HALF) else 1.0
            found[fold(phrase.removeprefix(HALF))].append((name, weight))
    return dict(found)


def _folded(text: str) -> str:
    return " ".join(fold(text[:LONGEST].replace("’", "'")).split())


def _phrases(found: Lexicon, folded: str) -> dict[str, int]:
    """The phrases in the text, each with where it first stands. A shorter one inside a longer counts as well."""
    there: dict[str, int] = {}
    for match in found.pattern.finditer(folded):
        there.setdefault(match[1], match.start())
        shorter = match[1]
        while " " in shorter:
            shorter = shorter.rpartition(" ")[0]
            if shorter in found.intents or shorter in found.sentiments:
                there.setdefault(shorter, match.start())
    return there


def intents(text: str, language: str) -> list[str]:
    """The best three intents with enough behind them, best first; none for a language without lexicon."""
    found = lexicon(language)
    if found is None:
        return []
    scores: dict[str, float] = defaultdict(float)
    for phrase in _phrases(found, _folded(text)):
        for name, weight in found.intents.get(phrase, ()):
            scores[name] += weight
    good = [name for name, score in scores.items() if score >= ENOUGH]
    return sorted(good, key=lambda name: (-scores[name], name))[:MOST_INTENTS]


def sentiments(text: str, language: str) -> list[str]:
    """All sentiments with enough behind them, in the order of letters."""
    found = lexicon(language)
    if found is None:
        return []
    folded = _folded(text)
    scores: dict[str, float] = defaultdict(float)
    for phrase, place in _phrases(found, folded).items():
        meanings = found.sentiments.get(phrase, ())
        if meanings and found.no.isdisjoint(WORDS.findall(folded[:place])[-BEFORE:]):
            for name, weight in meanings:
                scores[name] += weight
    return sorted(name for name, score in scores.items() if score >= ENOUGH)
