"""The words of macros and messages: what `search` finds macros by, and how near a macro is to what a customer wrote.

Pure. The score of `relevance` is the reference's (languages, list order `relevance`); nothing is learned or sent away.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from polus.base import html
from polus.desk import words
from polus.lang import actions

# Characters of a macro's or message's text that count; more would only cost.
TEXT_LENGTH = 20_000
# Shorter words say nothing about a subject.
SHORTEST = 3

Actions = Sequence[Mapping[str, Any]]


def tokens(text: str) -> list[str]:
    """The folded words of a text in order; signs between them are gone."""
    return words.WORD.findall(words.APOSTROPHES.sub("", words.fold(text, TEXT_LENGTH)))


def arguments_of(given: Actions, name: str) -> Iterable[Mapping[str, Any]]:
    """The arguments of all actions of that name, in whatever case it is written."""
    return (action["arguments"] for action in given if action["name"].lower() == name)


def response(given: Actions) -> str:
    """The text that the macro answers with; `""` when it has none. The last action of the kind holds."""
    said = ""
    for arguments in arguments_of(given, "setresponsetext"):
        text, markup = arguments.get("body_text"), arguments.get("body_html")
        if isinstance(text, str) and text:
            said = text
        else:
            said = html.to_text(markup) if isinstance(markup, str) else ""
    return said


def searchable(name: str, given: Actions) -> str:
    """What is stored for `search` and `relevance`: the words of name and response, a blank around each."""
    return " " + " ".join(tokens(name + "\n" + response(given))) + " "


def tags(given: Actions) -> list[str]:
    """The names that its addTags actions put on; an argument that holds none is passed over."""
    found: dict[str, None] = {}
    for arguments in arguments_of(given, "addtags"):
        try:
            found.update(dict.fromkeys(actions.tag_names(arguments.get("tags"))))
        except ValueError:
            continue
    return list(found)


class Candidate(msgspec.Struct, frozen=True):
    """A macro to be ranked. `recent`: how often it was applied in the last 90 days."""

    id: int
    intent: str | None
    language: str | None
    usage: int
    recent: int
    words: str


class Asked(msgspec.Struct, frozen=True):
    """What macros are ranked for."""

    text: str
    language: str | None
    intents: frozenset[str]


def best(asked: Asked, candidates: Sequence[Candidate], corpus: Sequence[str]) -> list[int]:
    """The ids of the candidates, the most relevant first; ties by usage, then the older macro.

    `corpus`: the words of all the account's macros, which tell how much a word says.
    """
    rarity = _rarity(corpus)
    message = _vector(tokens(asked.text), rarity)
    most = max((candidate.recent for candidate in candidates), default=0)
    scores = {one.id: _score(asked, one, message, rarity, most) for one in candidates}
    ranked = sorted(candidates, key=lambda one: (-scores[one.id], -one.usage, one.id))
    return [candidate.id for candidate in ranked]


def _score(
    asked: Asked,
    candidate: Candidate,
    message: Mapping[str, float],
    rarity: Mapping[str, float],
    most: int,
) -> float:
    intent = 1.0 if candidate.intent in asked.intents else 0.0
    same = candidate.language is not None and candidate.language == asked.language
    language = 1.0 if same else 0.5 if candidate.language is None else 0.0
    held = candidate.words.split()
    # Most macros share no word with the message: their vectors need not be made.
    near = 0.0 if message.keys().isdisjoint(held) else _cosine(message, _vector(held, rarity))
    use = math.log1p(candidate.recent) / math.log1p(most) if most else 0.0
    return 4 * intent + 2 * language + 3 * near + use


def _rarity(corpus: Sequence[str]) -> Mapping[str, float]:
    """idf, smoothed: a word of every macro still counts a little, one of none the most."""
    found = Counter(word for text in corpus for word in set(text.split()) if len(word) >= SHORTEST)
    unseen = math.log(1 + len(corpus)) + 1
    weights = {word: math.log((1 + len(corpus)) / (1 + count)) + 1 for word, count in found.items()}
    return defaultdict(lambda: unseen, weights)


def _vector(given: Iterable[str], rarity: Mapping[str, float]) -> dict[str, float]:
    counts = Counter(word for word in given if len(word) >= SHORTEST)
    return {word: count * rarity[word] for word, count in counts.items()}


def _cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    both = sum(weight * other[word] for word, weight in one.items() if word in other)
    lengths = math.hypot(*one.values()) * math.hypot(*other.values())
    return both / lengths if lengths else 0.0
