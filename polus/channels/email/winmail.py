"""`winmail.dat`: the letter inside the letter that Outlook sends to the wrong people (TNEF, MS-OXTNEF).

Read here and not by tnefparse, which a count field of 2^32 keeps busy for hours. Bounded by the size of the data.
"""

import struct
from collections.abc import Iterator

import msgspec

from polus.base import html as base_html
from polus.channels.email import charsets, rtf

_SIGNATURE = b"\x78\x9f\x3e\x22"
_KINDS = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
MAX_ATTRIBUTES = 20_000

# Attributes of the stream.
_OEM_CODEPAGE, _BODY, _MESSAGE_PROPERTIES = 0x9007, 0x800C, 0x9003
_RENDERING, _TITLE, _DATA, _ATTACHMENT_PROPERTIES = 0x9002, 0x8010, 0x800F, 0x9005

# MAPI properties.
_PLAIN, _HTML, _RTF, _INTERNET_CODEPAGE = 0x1000, 0x1013, 0x1009, 0x3FDE
_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME, _MIME_TYPE, _CONTENT_ID, _CONTENT = (
    0x3707,
    0x3704,
    0x3001,
    0x370E,
    0x3712,
    0x3701,
)

_FIXED = {0x02: 2, 0x03: 4, 0x04: 4, 0x05: 8, 0x06: 8, 0x07: 8, 0x0A: 4, 0x0B: 2, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = frozenset({0x00, 0x0D, 0x1E, 0x1F, 0x102})
_UNICODE = 0x1F
_MULTIPLE = 0x1000
_OBJECT = 0x0D
_EMBEDDED_MESSAGE = b"\x07\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"


class File(msgspec.Struct):
    name: str = ""
    content_type: str = "application/octet-stream"
    content: bytes = b""
    content_id: str | None = None


class Opened(msgspec.Struct):
    """What was inside: `text` and `html` (not sanitised) may both be None."""

    text: str | None
    html: str | None
    files: list[File]


def is_one(kind: str, name: str) -> bool:
    return kind in _KINDS or name.lower() == "winmail.dat"


def read(data: bytes) -> Opened | None:
    """None when it is no TNEF at all; what was readable when it is damaged."""
    if not data.startswith(_SIGNATURE):
        return None
    opening = _Opening()
    for name, content in _attributes(data):
        opening.take(name, content)
    return opening.done()


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 6
    for _ in range(MAX_ATTRIBUTES):
        if position + 9 > len(data):
            return
        name, _, length = struct.unpack_from("<HHI", data, position + 1)
        content = data[position + 9 : position + 9 + length]
        yield name, content
        position += 9 + length + 2


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Property number, type and first value. Ends quietly where the data end."""
    position = 4
    while position + 4 <= len(data):
        kind, number = struct.unpack_from("<HH", data, position)
        position += 4
        if number >= 0x8000:
            position = _behind_name(data, position)
        is_multiple, kind = bool(kind & _MULTIPLE), kind & ~_MULTIPLE
        count = 1
        if is_multiple or kind in _VARIABLE:
            if position + 4 > len(data):
                return
            count = int.from_bytes(data[position : position + 4], "little")
            position += 4
        if kind in _FIXED:
            yield number, kind, data[position : position + _FIXED[kind]]
            position += (_FIXED[kind] * count + 3) // 4 * 4
        elif kind in _VARIABLE:
            first = b""
            for place in range(count):
                if position + 4 > len(data):
                    return
                length = int.from_bytes(data[position : position + 4], "little")
                first = first if place else data[position + 4 : position + 4 + length]
                position += 4 + (length + 3) // 4 * 4
            yield number, kind, first
        else:
            return


def _behind_name(data: bytes, position: int) -> int:
    has_text = data[position + 16 : position + 20] != b"\0\0\0\0"
    if not has_text:
        return position + 24
    length = int.from_bytes(data[position + 20 : position + 24], "little")
    return position + 24 + (length + 3) // 4 * 4


class _Opening:
    def __init__(self) -> None:
        self.codepage = "cp1252"
        self.plain = b""
        self.values: dict[int, tuple[int, bytes]] = {}
        self.files: list[File] = []

    def take(self, name: int, content: bytes) -> None:
        if name == _OEM_CODEPAGE and len(content) >= 4:
            self.codepage = _codepage(content)
        elif name == _BODY:
            self.plain = content
        elif name == _MESSAGE_PROPERTIES:
            self.values = {number: (kind, value) for number, kind, value in _properties(content)}
        elif name == _RENDERING:
            self.files.append(File())
        elif self.files and name == _TITLE:
            self.files[-1].name = self.files[-1].name or self._text(0x1E, content)
        elif self.files and name == _DATA:
            self.files[-1].content = content
        elif self.files and name == _ATTACHMENT_PROPERTIES:
            self._describe(
                self.files[-1], {number: (kind, value) for number, kind, value in _properties(content)}
            )

    def _describe(self, file: File, values: dict[int, tuple[int, bytes]]) -> None:
        names = [
            self._text(*values[number])
            for number in (_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME)
            if number in values
        ]
        file.name = next(filter(None, names), file.name)
        if _MIME_TYPE in values:
            file.content_type = self._text(*values[_MIME_TYPE]).lower() or file.content_type
        if _CONTENT_ID in values:
            file.content_id = self._text(*values[_CONTENT_ID]).strip("<>") or None
        if _CONTENT in values and not file.content:
            kind, value = values[_CONTENT]
            file.content = value[16:] if kind == _OBJECT else value
            if kind == _OBJECT and value.startswith(_EMBEDDED_MESSAGE):
                file.content_type = "application/ms-tnef"

    def done(self) -> Opened:
        charset = _codepage(self.values.get(_INTERNET_CODEPAGE, (0, b""))[1]) or self.codepage
        plain: str | None = None
        page: str | None = None
        if _HTML in self.values:
            kind, value = self.values[_HTML]
            page = (
                self._text(kind, value) if kind == _UNICODE else charsets.decode(value.rstrip(b"\0"), charset)
            )
        elif _RTF in self.values:
            plain, page = rtf.read(rtf.decompressed(self.values[_RTF][1]))
        if _PLAIN in self.values:
            plain = self._text(*self.values[_PLAIN])
        elif self.plain:
            plain = charsets.decode(self.plain.rstrip(b"\0"), self.codepage)
        if plain is None and page is not None:
            plain = base_html.to_text(page)
        return Opened(plain, page, [file for file in self.files if file.name or file.content])

    def _text(self, kind: int, value: bytes) -> str:
        if kind == _UNICODE:
            return value.decode("utf-16-le", "replace").rstrip("\0")
        return charsets.decode(value.rstrip(b"\0"), self.codepage)


def _codepage(value: bytes) -> str:
    number = int.from_bytes(value[:4], "little")
    if number == 65001:
        return "utf_8"
    return charsets.lookup(f"cp{number}") or ("cp1252" if number else "")
