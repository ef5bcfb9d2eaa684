"""Plain text made safe to store and short enough to show.

PostgreSQL refuses NUL and lone surrogates, people should not meet control characters, and the wire bounds bodies
in bytes. Markup is left to `html`.
"""

import re

BODY_BYTES = 1_048_576
"""Most bytes of UTF-8 a body may have on the wire."""

EXCERPT_LENGTH = 200

_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?|\x85|\u2028|\u2029")
_BLANKS = re.compile(r"\s+")


def clean(text: str) -> str:
    """Without control characters except tab and line ends; a lone surrogate becomes U+FFFD."""
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub("", text))


def unix_lines(text: str) -> str:
    """Every kind of line end as one `\\n`."""
    return _LINE_ENDS.sub("\n", text)


def one_line(text: str) -> str:
    """Clean, each run of blanks one space, none at the ends: for subjects and names."""
    return _BLANKS.sub(" ", clean(text)).strip()


def truncate(text: str, limit: int = BODY_BYTES) -> str:
    """The longest start of `text` that fits `limit` bytes of UTF-8; never half a character."""
    if len(text) * 4 <= limit:
        return text
    encoded = text[: limit + 1].encode("utf-8", "replace")
    return text if len(encoded) <= limit else encoded[:limit].decode("utf-8", "ignore")


def excerpt(text: str, length: int = EXCERPT_LENGTH) -> str:
    """The first `length` characters after leading blanks, cut mid-word."""  # wire: no ellipsis, observed
    return text.lstrip()[:length]


def firstname(name: str | None) -> str:
    """The first word of a name, `""` when there is none."""
    words = (name or "").split()
    return words[0] if words else ""


def lastname(name: str | None) -> str:
    """The last word of a name that has at least two; middle ones are dropped."""
    words = (name or "").split()
    return words[-1] if len(words) > 1 else ""
