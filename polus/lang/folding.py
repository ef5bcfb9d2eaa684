"""The one folding of text for tests without regard to case: the same in memory and in the database.

The SQL function `fold` of the migrations says the same for every character; a test holds both together.
"""

import re
import unicodedata

_BLANKS = re.compile("[ \t\u00a0]+")


def fold(text: str) -> str:
    """NFC, full case folding, runs of spaces, tabs and no-break spaces as one space, none at the ends.

    Line breaks stay, so that a phrase never matches across a paragraph break.
    """
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFC", text).casefold()
    return _BLANKS.sub(" ", folded).strip(" ")
