"""Rich text as Outlook packs it: unpacked (MS-OXRTFCP), and read as HTML (MS-OXRTFEX) or as plain text."""

import re
import struct
from html import escape

from polus.channels.email import charsets

MAX_PACKED = 1_048_576
MAX_UNPACKED = 4_194_304

_WINDOW = 4096
_PRELOADED = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor "
    b"MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20"
    b"\\b\\i\\u\\tab\\tx"
)


def decompressed(data: bytes) -> bytes:
    """The RTF in a PR_RTF_COMPRESSED; what could be unpacked of a damaged one; empty when it is none."""
    if len(data) < 16:
        return b""
    size, kind = struct.unpack_from("<4xI4s", data)
    if kind == b"MELA":
        return data[16 : 16 + min(size, MAX_UNPACKED)]
    return _unpacked(data[16 : 16 + MAX_PACKED])[:size] if kind == b"LZFu" else b""


def _unpacked(data: bytes) -> bytes:
    window = bytearray(_PRELOADED.ljust(_WINDOW, b" "))
    write = len(_PRELOADED)
    out = bytearray()
    position = 0
    while position < len(data) and len(out) < MAX_UNPACKED:
        control = data[position]
        position += 1
        for bit in range(8):
            if not control >> bit & 1:
                piece = data[position : position + 1]
                position += 1
            else:
                token = int.from_bytes(data[position : position + 2], "big")
                position += 2
                read = token >> 4
                if read == write or position > len(data):
                    return bytes(out)
                # A reference may reach into what it writes itself.
                length = (token & 15) + 2
                span = (write - read) % _WINDOW
                known = bytes(window[(read + n) % _WINDOW] for n in range(min(length, span)))
                piece = (known * (length // len(known) + 1))[:length]
            for byte in piece:
                window[write] = byte
                write = (write + 1) % _WINDOW
            out += piece
    return bytes(out)


_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,10})?[ ]?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|([^\\{}\r\n]++)|[\r\n]++|\\",
    re.DOTALL,
)
_IGNORED = frozenset(
    b"""fonttbl colortbl stylesheet info pict object themedata colorschememapping latentstyles datastore generator
    xmlnstbl listtable listoverridetable rsidtbl header footer headerl headerr footerl footerr fldinst pntext
    mhtmltag filetbl revtbl bkmkstart bkmkend""".split()
)
_BREAKS = {
    b"par": "\n",
    b"line": "\n",
    b"row": "\n",
    b"sect": "\n",
    b"page": "\n",
    b"tab": "\t",
    b"cell": " ",
}
_SIGNS = {
    b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”", b"bullet": "•", b"endash": "–", b"emdash": "—",
    b"emspace": " ", b"enspace": " ",
}  # fmt: skip
_SYMBOLS = {
    b"~": "\u00a0",
    b"_": "\u2011",
    b"-": "",
    b"\\": "\\",
    b"{": "{",
    b"}": "}",
    b"\n": "\n",
    b"\r": "\n",
}


def read(source: bytes) -> tuple[str | None, str | None]:
    """Plain text and HTML: the HTML that was wrapped up in the RTF if it says so, else text only."""
    if not source.lstrip().startswith(b"{\\rtf"):
        return None, None
    reader = _Reader(is_html=b"\\fromhtml" in source[:2_000])
    for match in _TOKEN.finditer(source):
        reader.take(match)
    result = reader.done()
    return (None, result) if reader.is_html else (result.strip(), None)


class _Reader:
    """`ignored`, `is_markup` (inside \\htmltag) and `is_rtf_only` (\\htmlrtf) hold for the group at hand."""

    def __init__(self, is_html: bool) -> None:
        self.is_html = is_html
        self.out: list[str] = []
        self.encoded = bytearray()
        self.charset = "cp1252"
        self.groups: list[tuple[bool, bool, bool, int]] = []
        self.ignored = self.is_markup = self.is_rtf_only = False
        self.fallback = 1
        self.skip = 0
        self.is_starred = False

    def take(self, match: re.Match[bytes]) -> None:
        word, number, code, symbol, brace, words = match.groups()
        if brace:
            self._brace(brace)
        elif word:
            self._word(word.lower(), number)
        elif code:
            self._bytes(bytes([int(code, 16)]))
        elif symbol == b"*":
            self.is_starred = True
        elif symbol:
            self._text(_SYMBOLS.get(symbol, ""))
        elif words:
            self._bytes(words)

    def done(self) -> str:
        self._flush()
        joined = "".join(self.out)
        return joined.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self.skip = 0
        self.is_starred = False
        if brace == b"{":
            if len(self.groups) < 10_000:
                self.groups.append((self.ignored, self.is_markup, self.is_rtf_only, self.fallback))
        elif self.groups:
            self.ignored, self.is_markup, self.is_rtf_only, self.fallback = self.groups.pop()

    def _word(self, word: bytes, number: bytes | None) -> None:
        starred, self.is_starred = self.is_starred, False
        value = int(number) if number else None
        if word == b"htmltag":
            self._flush()
            self.is_markup = True
        elif starred or word in _IGNORED:
            self._flush()
            self.ignored = True
        elif word == b"htmlrtf":
            self._flush()
            self.is_rtf_only = value != 0
        elif word == b"ansicpg" and value:
            self.charset = charsets.lookup(f"cp{value}") or self.charset
        elif word == b"uc":
            self.fallback = min(value or 0, 10)
        elif word == b"u" and value is not None:
            self._text(chr(value & 0xFFFF))
            self.skip = self.fallback
        elif word in _BREAKS or word in _SIGNS:
            self._text(_BREAKS.get(word) or _SIGNS[word])

    def _bytes(self, data: bytes) -> None:
        if self.skip:
            data, self.skip = data[self.skip :], max(0, self.skip - len(data))
        self.encoded += data

    def _text(self, words: str) -> None:
        self._flush()
        self._put(words)

    def _flush(self) -> None:
        if self.encoded:
            self._put(self.encoded.decode(self.charset, "replace"))
            self.encoded.clear()

    def _put(self, words: str) -> None:
        if self.ignored or (self.is_html and self.is_rtf_only):
            return
        self.out.append(escape(words, quote=False) if self.is_html and not self.is_markup else words)
