"""The header of a mail or of one of its parts: fields, encoded words, parameters, ids and dates.

Every function takes what senders really write and answers something; none raises. Linear time.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from itertools import islice
from urllib.parse import unquote_to_bytes

from polus.base import text
from polus.channels.email import charsets

MAX_FIELDS = 2_000
MAX_VALUE = 65_536
"""Bytes of one field that are read."""

MAX_ID = 995
MAX_IDS = 100

Field = tuple[str, bytes]
"""Name as written, value with its line breaks removed."""

_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*+:[ \t]*+")


def split(head: bytes) -> tuple[list[Field], int]:
    """The fields, and where in `head` they end. A line that is no field is passed over when fields follow it."""
    fields: list[tuple[str, list[bytes]]] = []
    position = end = 0
    for line in head.splitlines(keepends=True):
        position += len(line)
        found = _NAME.match(line)
        if line[:1] in (b" ", b"\t") and fields:
            if sum(map(len, fields[-1][1][:50])) < MAX_VALUE and len(fields[-1][1]) < 5_000:
                fields[-1][1].append(line)
        elif found and len(fields) < MAX_FIELDS:
            fields.append((found[1].decode("ascii"), [line[found.end() :]]))
        elif not line.startswith((b"From ", b">From ")):
            continue
        end = position
    return [(name, _unfolded(lines)) for name, lines in fields], end


def _unfolded(lines: list[bytes]) -> bytes:
    joined = b"".join(lines)[:MAX_VALUE]
    return joined.replace(b"\r", b"").replace(b"\n", b"").strip()


_WORD = re.compile(r"=\?([^?\s]{1,60})\?([qQbB])\?")
_MAX_WORD = 3_000
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]")


def decode(value: bytes, fallback: str = "cp1252") -> str:
    """A field's value as one line of text, encoded words decoded."""
    return words(charsets.decode(value, "", fallback))


def words(value: str) -> str:
    """`=?charset?q?…?=` decoded; neighbours of one charset are joined first, for some senders cut characters in two."""
    if "=?" not in value:
        return text.one_line(value)
    out: list[str] = []
    pending: list[bytes] = []
    charset = ""
    position = 0
    for start, end, label, content in _words(value):
        between = value[position:start]
        if pending and (label != charset or (not between.isspace() and between)):
            out.append(charsets.decode(b"".join(pending), charset))
            pending = []
        if not (position and between.isspace()):
            out.append(between)
        pending.append(content)
        charset, position = label, end
    out += [charsets.decode(b"".join(pending), charset), value[position:]]
    return text.one_line("".join(out))


def _words(value: str) -> Iterator[tuple[int, int, str, bytes]]:
    """Start, end, charset and bytes of each encoded word. Searches forward only: a regular expression would rescan."""
    position = end = 0
    while (match := _WORD.search(value, position)) and end >= 0:
        position = match.end()
        end = value.find("?=", position) if end < position else end
        if 0 <= end - position <= _MAX_WORD:
            content = _word_bytes(match[2], value[position:end])
            position = end + 2
            yield match.start(), position, match[1].partition("*")[0].lower(), content


def _word_bytes(encoding: str, encoded: str) -> bytes:
    if encoding in "qQ":
        return binascii.a2b_qp(encoded.encode("utf-8", "replace"), header=True)
    digits = _NOT_BASE64.sub("", encoded)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.b64decode(digits + "=" * (-len(digits) % 4))


_PARAMETER = re.compile(rb""";\s*+([^\s=;"]{1,80})\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"?|([^;]*+))""", re.DOTALL)
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,3}))?(\*)?")


def parameters(value: bytes) -> tuple[str, dict[str, bytes]]:
    """`text/plain; charset=x` as ("text/plain", {"charset": b"x"}).

    Names in lower case, the first of equal names. RFC 2231 values are put together and come out as UTF-8.
    """
    kind = value.partition(b";")[0].strip().decode("ascii", "replace").lower()
    sections: dict[str, list[tuple[int, bool, bytes]]] = {}
    for match in islice(_PARAMETER.finditer(value[:16_384]), 200):
        name, quoted, bare = match.groups()
        found = _SECTION.fullmatch(name.decode("ascii", "replace").lower())
        if found:
            content = re.sub(rb"\\(.)", rb"\1", quoted) if quoted is not None else bare.strip()
            sections.setdefault(found[1], []).append((int(found[2] or 0), bool(found[3]), content))
    return kind, {name: _assembled(parts) for name, parts in sections.items()}


def _assembled(parts: list[tuple[int, bool, bytes]]) -> bytes:
    encoded = [part for part in parts if part[1]]
    if len(parts) == 1 and not encoded:
        return parts[0][2]
    if not any(number for number, *_ in parts):
        # `filename=x; filename*=utf-8''y`: the second is for those who know it.
        parts = encoded[:1] or parts[:1]
    ordered = sorted(parts, key=lambda part: part[0])
    charset = ""
    joined = b""
    for place, (_, is_encoded, content) in enumerate(ordered):
        if is_encoded and place == 0 and content.count(b"'") >= 2:
            label, _, content = content.split(b"'", 2)
            charset = label.decode("ascii", "replace")
        joined += unquote_to_bytes(content) if is_encoded else content
    return charsets.decode(joined, charset).encode("utf-8", "replace") if encoded else joined


_ID = re.compile(r"<([^<>]{1,1200})>")
_BARE_ID = re.compile(r"[^\s<>,;()\"]{1,900}@[^\s<>,;()\"]{1,90}")


def ids(value: str) -> tuple[str, ...]:
    """Message ids with their angle brackets, in order, each once; the first and the newest of too many."""
    # Exchange folds long ids in the middle.
    found = ["<" + re.sub(r"\s+", "", inner) + ">" for inner in _ID.findall(value)]
    if not found:
        found = [f"<{inner}>" for inner in _BARE_ID.findall(value)]
    unique = [one for one in dict.fromkeys(found) if 2 < len(one) <= MAX_ID]
    return tuple(unique if len(unique) <= MAX_IDS else unique[:1] + unique[1 - MAX_IDS :])


def date(value: str) -> datetime | None:
    """UTC; None when nobody could say which day is meant. A time without a zone is taken as UTC."""
    value = value[:200]
    try:
        parsed = parsedate_tz(value)
        if parsed is None:
            return _iso_date(value)
        when = datetime(*parsed[:6], tzinfo=timezone(timedelta(seconds=parsed[9] or 0)))
        return when.astimezone(UTC) if 1970 <= when.year < 2200 else None
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


def _iso_date(value: str) -> datetime | None:
    when = datetime.fromisoformat(value.strip())
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
