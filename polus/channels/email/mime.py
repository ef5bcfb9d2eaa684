"""The tree of parts of a raw mail, cut in linear time and bounded depth; contents are decoded only when asked for.

The standard library's parser is not used: thousands of nested parts cost it quadratic time and end its recursion.
"""

import base64
import binascii
import re
from collections.abc import Iterator

from polus.channels.email import charsets, headers

MAX_PARTS = 1_000
MAX_DEPTH = 25
MAX_HEAD = 1_048_576

_HEAD_END = re.compile(rb"\n\r?\n")
_KIND = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_GUESSED_BOUNDARY = re.compile(
    rb"(?:\A|\n)--([!-~][ -~]{3,198}?)[ \t]*\r?\n(?=\r?\n|Content-)", re.IGNORECASE
)
_MORE_HEAD = re.compile(rb"\s*(?=(?:Content-(?:Type|Transfer-Encoding)|MIME-Version):)", re.IGNORECASE)
_SPACES = b" \t\r\n"
_BASE64_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64_ALPHABET))


class Part:
    """One entity: `fields`, `kind` such as `text/plain`, `params`, and either `children` or the bytes of `body`."""

    __slots__ = ("_end", "_raw", "_start", "children", "fields", "kind", "params")

    def __init__(self, raw: bytes, start: int, end: int, default_kind: str) -> None:
        self._raw = raw
        self.fields, self._start = _head(raw, start, end)
        self._end = end
        self.children: list[Part] = []
        kind, self.params = headers.parameters(self.raw_field("content-type"))
        self.kind = kind if _KIND.fullmatch(kind) else default_kind

    def raw_field(self, name: str) -> bytes:
        """The first field of that (lower-case) name, as sent; empty without one."""
        return next((value for key, value in self.fields if key.lower() == name), b"")

    def field(self, name: str) -> str:
        return headers.decode(self.raw_field(name))

    def raw_body(self) -> bytes:
        return self._raw[self._start : self._end]

    def body(self) -> bytes:
        """The content, transfer encoding undone, whatever is broken in it."""
        return _transferred(self.raw_body(), self.field("content-transfer-encoding").lower())

    def text(self) -> str:
        content = self.body()
        label = self.params.get("charset", b"").decode("ascii", "replace")
        if self.kind == "text/html" and not charsets.lookup(label):
            label = charsets.declared_in_html(content)
        return charsets.decode(content, label)

    def walk(self) -> Iterator["Part"]:
        yield self
        for child in self.children:
            yield from child.walk()


def _head(raw: bytes, start: int, end: int) -> tuple[list[headers.Field], int]:
    """The fields and the offset of the body."""
    if raw.startswith((b"\n", b"\r\n"), start, end):
        return [], min(end, start + (1 if raw.startswith(b"\n", start) else 2))
    found = _HEAD_END.search(raw, start, end)
    stop = found.start() + 1 if found else end
    fields, length = headers.split(raw[start : min(stop, start + MAX_HEAD)])
    if start + length >= stop:
        return fields, found.end() if found else end
    if stop > start + MAX_HEAD:
        return fields, found.end() if found else end
    return fields, start + length  # the body began without a blank line


def split(raw: bytes) -> Part:
    """The whole mail; `fields` is empty when it is none."""
    if b"\n" not in raw[:65_536]:
        raw = raw.replace(b"\r", b"\n")
    elif b"\r\r\n" in raw[:2_000]:
        raw = raw.replace(b"\r\r\n", b"\r\n")
    start = len(raw) - len(raw.lstrip(_SPACES))
    root = Part(raw, start, len(raw), "text/plain")
    if root.fields and not root.raw_field("content-type") and (more := _MORE_HEAD.match(raw, root._start)):
        # A server put a blank line into the header.
        rest = Part(raw, more.end(), len(raw), "text/plain")
        rest.fields = root.fields + rest.fields
        root = rest
    _cut(root, MAX_DEPTH, [MAX_PARTS])
    return root


def _cut(part: Part, depth: int, budget: list[int]) -> None:
    if not part.kind.startswith("multipart/") or depth == 0:
        return
    default_kind = "message/rfc822" if part.kind == "multipart/digest" else "text/plain"
    for start, end in _ranges(part):
        if budget[0] == 0:
            return
        budget[0] -= 1
        child = Part(part._raw, start, end, default_kind)
        part.children.append(child)
        _cut(child, depth - 1, budget)


def _ranges(part: Part) -> list[tuple[int, int]]:
    """Where the parts of a multipart lie; none when its boundary is nowhere to be found."""
    declared = part.params.get("boundary", b"").strip()
    return list(_between(part, declared)) or list(_between(part, _guessed(part)))


def _between(part: Part, boundary: bytes) -> Iterator[tuple[int, int]]:
    if not 0 < len(boundary) <= 200:
        return
    raw, end = part._raw, part._end
    line = re.compile(rb"\n--" + re.escape(boundary) + rb"(--)?+[ \t]*+\r?(?=\n|\Z)")
    start = -1
    for count, found in enumerate(line.finditer(raw, max(0, part._start - 1), end)):
        if start >= 0:
            # The line end before a boundary belongs to the boundary.
            stop = found.start()
            yield start, max(start, stop - 1 if raw.startswith(b"\r", stop - 1) else stop)
        # More may follow a closing boundary: some senders use one boundary for the inner and the outer parts.
        start = -1 if found[1] else min(end, found.end() + 1)
        if count > MAX_PARTS:
            return
    if 0 <= start < end:
        yield start, end


def is_text_after_all(part: Part) -> bool:
    """Whether a multipart without parts has something to say: it has, unless its boundary only closes."""
    content = part.raw_body().strip()
    boundary = part.params.get("boundary", b"").strip()
    return bool(content) and not (boundary and b"--" + boundary + b"--" in content)


def _guessed(part: Part) -> bytes:
    found = _GUESSED_BOUNDARY.search(part.raw_body()[:4_096])
    return found[1] if found else b""


def _transferred(data: bytes, encoding: str) -> bytes:
    if "base64" in encoding:
        return from_base64(data)
    if "quoted-printable" in encoding:
        return binascii.a2b_qp(data)
    if "uu" in encoding:
        files = list(uuencoded(data))
        return files[0][1] if files else data
    return data


def from_base64(data: bytes) -> bytes:
    """Without what is no base64; as it is when it evidently never was any."""
    data = data[
        : end if (end := data.find(b"\n--")) >= 0 else len(data)
    ]  # a boundary that was not the declared one
    digits = data.translate(None, _NOT_BASE64)
    blanks = sum(data.count(blank) for blank in (b" ", b"\t", b"\r", b"\n"))
    if (len(data) - blanks - len(digits)) * 20 > len(data):
        return data
    if b"=" not in digits.rstrip(b"="):
        return _decoded(digits.rstrip(b"="))
    # Some senders encode chunk by chunk, each with its own padding.
    return b"".join(_decoded(piece) for piece in digits.split(b"=", 10_000))


def _decoded(digits: bytes) -> bytes:
    digits = digits.replace(b"=", b"")
    usable = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.b64decode(usable + b"=" * (-len(usable) % 4))


_UU_BEGIN = re.compile(rb"^begin[ ]+[0-7]{3,4}[ ]+([^\r\n]{1,255})\r?\n", re.MULTILINE)
_UU_END = re.compile(rb"^(?:`|[ ])?[ \t]*\r?\n?end[ \t]*\r?(?:\n|\Z)", re.MULTILINE)


def uuencoded(data: bytes) -> Iterator[tuple[bytes, bytes, int, int]]:
    """The files that stand uuencoded in a text: name, content, and from where to where in `data`."""
    position = 0
    while (begin := _UU_BEGIN.search(data, position)) and (end := _UU_END.search(data, begin.end())):
        position = end.end()
        lines = data[begin.end() : end.start()].splitlines()
        try:
            content = b"".join(binascii.a2b_uu(line) for line in lines if line.strip())
        except binascii.Error:
            continue
        yield begin[1].strip(), content, begin.start(), end.end()
