"""Which language a customer's words are in, offline: script first, then the naive Bayes model of py3langid.

It says nothing rather than something doubtful. What the answer is good for is left to `desk.analysis`.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from polus.base import names

LEAST_LETTERS = 20
TIMES = 2.0
"""The best language must be so many times as probable as the second."""
LONGEST = 4_000
"""Characters that are looked at."""

# Nothing of these says anything about a language.
NOISE = re.compile(
    r"^\s*>.*$|https?://\S+|www\.\S+|\S+@\S+|#?\w*\d[\w-]*|[\"“”„«»'()\[\]{}<>|*_=+/\\#]", re.MULTILINE
)
# A script that one language alone is written in; Han without kana may be Chinese. Counted in letters.
SCRIPTS = (
    (re.compile("[\u3041-\u30ff]"), "ja"),
    (re.compile("[\uac00-\ud7a3\u1100-\u11ff]"), "ko"),
    (re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), "el"),
    (re.compile("[\u0590-\u05ff]"), "he"),
    (re.compile("[\u0e00-\u0e7f]"), "th"),
    (re.compile("[\u10a0-\u10ff]"), "ka"),
    (re.compile("[\u0530-\u058f]"), "hy"),
)
# A script whose words are short: fewer letters say as much.
LEAST_OF_SCRIPT = 4
PART_OF_SCRIPT = 0.2


@functools.cache
def _identifier() -> LanguageIdentifier:
    """The model: read once, 2 s and 100 MB, by the process that needs it."""
    made = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    made.set_languages([code for code in made.labels if code in names.LANGUAGES])
    return made


def cleaned(texts: Iterable[str | None]) -> str:
    """The words of texts without quoted lines, addresses, links, numbers and signs."""
    joined = "\n".join(text for text in texts if text)[:LONGEST]
    return " ".join(NOISE.sub(" ", joined).split())


def language(text: str) -> str | None:
    """The two-letter code of a cleaned text; None when it is too short or could be several."""
    letters = sum(1 for sign in text if unicodedata.category(sign)[0] == "L")
    for script, code in SCRIPTS:
        found = len(script.findall(text))
        if found >= LEAST_OF_SCRIPT and found >= letters * PART_OF_SCRIPT:
            return code
    if letters < LEAST_LETTERS:
        return None
    (best, first), (_, second), *_ = _identifier().rank(text)
    return str(best) if first >= TIMES * second else None
