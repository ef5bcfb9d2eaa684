"""What a mail says itself: its text and HTML without quotation and signature."""

import re

import msgspec

from polus.base import markup, text
from polus.channels.email import quotes, signatures


class Stripped(msgspec.Struct, frozen=True):
    """`body` without quotation and signature, and the `signature` as plain text (empty without one)."""

    body: str
    signature: str


def strip_text(body: str, subject: str = "", signature: str = "") -> Stripped:
    """A plain text stripped; as it is when nothing would be left. `signature`: one that is known from the HTML."""
    lines = body.split("\n")
    quoted = quotes.find(lines, quotes.is_forward(subject))
    own = [line for line, is_quoted in zip(lines, quoted, strict=True) if not is_quoted]
    start = signatures.find(own)
    if start == len(own) and signature:
        start = _ends_with(own, signature)
    kept = "\n".join(own[:start]).strip()
    if not kept:
        return Stripped(body.strip(), "")
    return Stripped(kept, "\n".join(own[start:]).strip())


def _ends_with(lines: list[str], signature: str) -> int:
    """Where the lines begin that say the same as `signature`, blanks aside."""
    wanted = "".join(signature.split())
    tail = ""
    for place in range(len(lines) - 1, max(-1, len(lines) - 2 * signatures.MAX_LINES), -1):
        tail = "".join(lines[place].split()) + tail
        if tail == wanted:
            return place
        if not wanted.endswith(tail):
            break
    return len(lines)


def strip_html(nested: str, subject: str = "") -> Stripped:
    """Well-nested HTML (`html.nested`) stripped; its `body` is the same string when nothing was to strip."""
    page = _Page(nested)
    quoted = quotes.find([line.shown() for line in page.lines], quotes.is_forward(subject))
    own = [line for line, is_quoted in zip(page.lines, quoted, strict=True) if not is_quoted]
    marked = [line for line in own if line.in_signature and line.words]
    start = signatures.find([line.text() for line in own])
    signature = marked or own[start:]
    dropped = {line.number for line, is_quoted in zip(page.lines, quoted, strict=True) if is_quoted}
    dropped |= {line.number for line in signature}
    if not dropped or not any(line.words and line.number not in dropped for line in page.lines):
        return Stripped(nested, "")
    return Stripped(page.without(dropped), "\n".join(line.text() for line in signature).strip())


_INLINE = markup.FORMATTING | frozenset(
    "abbr cite del img ins kbd mark q samp span sub summary sup wbr td th".split()
)
_QUOTE_CLASS = re.compile(
    r"(?:^|\s)(?:x_)?(?:gmail_quote|yahoo_quoted|protonmail_quote|moz-cite-prefix|zmail_extra)"
)
_REST_ID = re.compile(
    r"(?:x_)?(?:divRplyFwdMsg|OLK_SRC_BODY_SECTION|mail-editor-reference-message-container)"
)
_SIGNATURE = re.compile(
    r"(?:^|\s)(?:x_)?(?:gmail_signature|moz-signature|protonmail_signature_block|Signature|ms-outlook-mobile-signature)\b"
)
_INDENT = re.compile(r"border(?:-left)?\s{0,3}:\s{0,3}(?:none|0)", re.IGNORECASE)


class _Line:
    """A line as a reader sees it; `number` is what its tokens are remembered by."""

    __slots__ = ("in_signature", "number", "quote", "words")

    def __init__(self, number: int, quote: int, in_signature: bool) -> None:
        self.number = number
        self.quote = quote
        self.in_signature = in_signature
        self.words: list[str] = []

    def text(self) -> str:
        return text.one_line("".join(self.words))

    def shown(self) -> str:
        words = self.text()
        return "> " * min(self.quote, 5) + words if words else ""


class _Page:
    """The lines of a page, and for each token of it the line that it belongs to."""

    def __init__(self, nested: str) -> None:
        self.tokens = list(markup.tokens(nested))
        self.source = nested
        self.line_of: list[int] = []
        self.lines = [_Line(0, 0, False)]
        self.open: list[tuple[int, int]] = []
        self.quote = self.signature = 0
        for token in self.tokens:
            self._take(token)

    def _take(self, token: str | markup.Tag) -> None:
        if isinstance(token, str):
            if self.lines[-1].words or not token.isspace():
                self._line().words.append(markup.unescape(token))
            self.line_of.append(self.lines[-1].number)
            return
        if token.name not in _INLINE and token.name != "br":
            self._end_line()
        if token.closing:
            quote, signature = self.open.pop() if self.open else (0, 0)
            self.quote -= quote
            self.signature -= signature
        elif token.name not in markup.VOID:
            self._enter(token)
        elif token.name == "img":
            self._line().words.append("\u00a0" if "alt" not in token.source else " [image] ")
        self.line_of.append(self.lines[-1].number)
        if token.name == "br":
            self._start_line()

    def _enter(self, tag: markup.Tag) -> None:
        attributes = tag.attributes() if tag.source else {}
        name, identity = attributes.get("class", "")[:200], attributes.get("id", "")[:100]
        quote = int(bool(_QUOTE_CLASS.search(name)))
        if tag.name == "blockquote":
            quote = int(quote or not _INDENT.search(attributes.get("style", "")[:500]))
        signature = int(bool(_SIGNATURE.search(name) or _SIGNATURE.search(identity)))
        if _REST_ID.match(identity):
            self._end_line()
            self._line().words.append("-----Original Message-----")
            self._end_line()
        self.quote += quote
        self.signature += signature
        self.open.append((quote, signature))
        if quote or signature:
            self._end_line()

    def _line(self) -> _Line:
        line = self.lines[-1]
        if not line.words:
            line.quote, line.in_signature = self.quote, self.signature > 0
        return line

    def _end_line(self) -> None:
        if self.lines[-1].words:
            self._start_line()

    def _start_line(self) -> None:
        self.lines.append(_Line(len(self.lines), self.quote, self.signature > 0))

    def without(self, dropped: set[int]) -> str:
        """The page without the content of some lines, and without the elements that this empties."""
        out: list[str] = []
        stack: list[tuple[int, bool, bool]] = []
        kept = lost = False
        for token, number in zip(self.tokens, self.line_of, strict=True):
            if isinstance(token, markup.Tag) and token.name not in markup.VOID:
                if not token.closing:
                    stack.append((len(out), kept, lost))
                    kept = lost = False
                    out.append(self.source[token.start : token.end])
                elif stack:
                    place, kept_before, lost_before = stack.pop()
                    out.append(self.source[token.start : token.end])
                    if lost and not kept:
                        del out[place:]
                    kept, lost = kept or kept_before, lost or lost_before
            elif number in dropped:
                lost = True
            else:
                is_break = isinstance(token, markup.Tag) and token.name == "br"
                kept = kept or not (is_break or (isinstance(token, str) and token.isspace()))
                out.append(token if isinstance(token, str) else self.source[token.start : token.end])
        return "".join(out)
