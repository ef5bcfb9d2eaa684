"""Bytes of mails as text, whatever they claim to be written in. Never raises.

A label may be missing, unknown or a lie; UTF-8 is recognised by itself because other texts hardly ever look like it.
"""

import codecs
import re

from polus.base import text

_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]{0,39}")

# What senders write, and the superset that browsers read it as (WHATWG); the rest are spellings Python lacks.
_ALIASES = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "ansi": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "iso_8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "x-ansi": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso8859_8",
    "iso-8859-8-e": "iso8859_8",
    "tis-620": "cp874",
    "iso-8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "big5": "big5hkscs",
    "x-x-big5": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "sjis": "cp932",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "iso-2022-jp": "iso2022_jp_ext",
    "unicode-1-1-utf-7": "utf_7",
    "unicode-1-1-utf-8": "utf_8",
    "utf8mb4": "utf_8",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "koi8": "koi8_r",
}

# Text codecs that are no charset; two of them take quadratic time.
_NO_CHARSETS = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf_8"),
    (codecs.BOM_UTF32_LE, "utf_32_le"),
    (codecs.BOM_UTF32_BE, "utf_32_be"),
    (codecs.BOM_UTF16_LE, "utf_16_le"),
    (codecs.BOM_UTF16_BE, "utf_16_be"),
)

_ONE_BYTE = ("cp125", "iso8859", "latin", "mac_", "koi8", "cp437", "cp85", "cp86", "cp874", "ascii", "utf_8")

_META = re.compile(
    rb"""<meta[^>]{0,200}charset\s{0,5}=\s{0,5}["']?\s{0,5}([A-Za-z0-9._:-]{2,40})""", re.IGNORECASE
)
_LETTER_ROW = re.compile(rb"[\xc0-\xff]{3,}")
_UTF7 = re.compile(rb"\+[A-Za-z0-9+/]{2,}-")


def lookup(label: str) -> str | None:
    """Python's name of a charset, None when nobody knows it."""
    wanted = label.strip(" \t\"'<>").lower()
    if not _LABEL.fullmatch(wanted):
        return None
    try:
        name = codecs.lookup(_ALIASES.get(wanted, wanted)).name.replace("-", "_")
        b"a".decode(name)
    except UnicodeError:
        pass  # one byte is no UTF-16
    except (LookupError, ValueError):
        return None  # also "zlib" and the like, which are codecs but no charsets
    return None if name in _NO_CHARSETS else name


def decode(data: bytes, label: str = "", fallback: str = "cp1252") -> str:
    """The text of `data`, without control characters; `fallback` (a Python name) is what unlabelled bytes are in."""
    return text.clean(_decode(data, lookup(label) if label else None, fallback))


def declared_in_html(data: bytes) -> str:
    """The charset of a `<meta>` near the start, `""` without one."""
    found = _META.search(data, 0, 4096)
    return found[1].decode("ascii") if found else ""


def _decode(data: bytes, declared: str | None, fallback: str) -> str:
    for mark, name in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    if data.isascii() and (declared is None or _is_plain(declared)):
        return data.decode("ascii")
    # "charset=iso-8859-1" above a UTF-8 text is the commonest lie, so the label of a one-byte charset comes second.
    for name in [declared, "utf_8"] if declared and not _is_plain(declared) else ["utf_8"]:
        if (result := _strictly(data, name)) is not None:
            return result
    return data.decode(_least_damage(data, declared, fallback), "replace")


def _is_plain(name: str) -> bool:
    """Each byte is one character, and ASCII means ASCII: such a charset can decode anything, so it proves nothing."""
    return name.startswith(_ONE_BYTE)


def _strictly(data: bytes, name: str) -> str | None:
    if name == "utf_7" and not _UTF7.search(data):
        return None
    try:
        return data.decode(name)
    except (UnicodeError, ValueError, OverflowError):
        return None


def _least_damage(data: bytes, declared: str | None, fallback: str) -> str:
    """UTF-8 cut in the middle, or with one bad byte, is still UTF-8; with many it never was."""
    start = data[:4096]
    high = sum(byte > 127 for byte in start)
    if start.decode("utf-8", "replace").count("\ufffd") * 8 <= high:
        return "utf_8"
    if declared not in (None, "cp1252", "utf_8"):
        return declared
    return fallback if fallback != "cp1252" else _cyrillic(start) or fallback


def _cyrillic(data: bytes) -> str | None:
    """The charset of an unlabelled Russian text: its letters stand in rows, accented Latin ones alone.

    Small letters outnumber capitals, and lie in different halves of the two charsets.
    """
    letters = [byte for byte in data if byte >= 0xC0]
    rows = sum(len(row) for row in _LETTER_ROW.findall(data))
    if len(letters) < 4 or rows * 10 < len(letters) * 8:
        return None
    return "cp1251" if sum(byte >= 0xE0 for byte in letters) * 2 > len(letters) else "koi8_r"
