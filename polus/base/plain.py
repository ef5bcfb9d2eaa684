"""The reader that turns HTML into plain text. Call it as `html.to_text`, which cleans and bounds the input."""

import re

from polus.base import markup

_PARAGRAPHS = frozenset("p h1 h2 h3 h4 h5 h6 ul ol dl pre blockquote".split())
_LINES = frozenset(
    "address article aside body center dd details div dt fieldset figure footer form header html li main nav "
    "section summary table caption tbody tfoot thead tr hr".split()
)
_BLANKS = re.compile(r"[ \t\n\r\f\xa0]+")
_INVISIBLE = re.compile("[\u00ad\u034f\u200b\u2060\ufeff]")
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden", re.IGNORECASE)
# Outlook writes each line as a paragraph without distance.
_TIGHT = re.compile(r"margin\s*:\s*0[^.1-9]*(?:;|$)", re.IGNORECASE)
_SHOWN_LINK = re.compile(r"https?://|mailto:", re.IGNORECASE)

_MAX_LINK = 200
"""Longer addresses (tracking links) are left out: they would bury the text."""

_MAX_STYLE = 2_000
_MAX_ALT = 60
_MAX_QUOTE = 8


def read(html: str) -> str:
    """Plain text of any HTML; the hidden parts too when nothing else is there."""
    page = _Page()
    for token in markup.tokens(html):
        page.take(token)
    result = page.finish()
    return result if result or not page.has_hidden else _with_hidden(html)


def _with_hidden(html: str) -> str:
    page = _Page()
    for token in markup.tokens(html):
        page.take(token, everything=True)
    return page.finish()


class _Page:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.ends_blank = True
        self.gap = False
        self.quote = 0
        self.pre = 0
        self.lists: list[int | None] = []
        self.link: tuple[str, list[str]] | None = None
        self.tight = False
        self.hidden: tuple[str, int] | None = None
        self.has_hidden = False

    def take(self, token: str | markup.Tag, everything: bool = False) -> None:
        if self.hidden and not everything:
            self._skip(token)
        elif isinstance(token, str):
            self._text(markup.unescape(token))
        elif token.closing:
            self._end(token.name)
        else:
            self._start(token)

    def finish(self) -> str:
        self._end_link()
        self._break()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self.lines)).strip("\n")

    def _skip(self, token: str | markup.Tag) -> None:
        assert self.hidden
        name, depth = self.hidden
        if isinstance(token, markup.Tag) and token.name == name:
            depth += -1 if token.closing else 1
            self.hidden = (name, depth) if depth else None

    def _text(self, words: str) -> None:
        words = _INVISIBLE.sub("", words)
        if self.pre:
            first, *rest = words.replace("\r\n", "\n").split("\n")
            self._put(first)
            for more in rest:
                self._push()
                self._put(more)
        else:
            words = _BLANKS.sub(" ", words)
            self._put(words[1:] if self.ends_blank and words.startswith(" ") else words)

    def _put(self, words: str) -> None:
        if not words:
            return
        if self.gap:
            self.gap = False
            if self.lines and self.lines[-1].strip("> "):
                self.lines.append(self._prefixed(""))
        self.line.append(words)
        self.ends_blank = words.endswith(" ")
        if self.link:
            self.link[1].append(words)

    def _prefixed(self, line: str) -> str:
        return ("> " * min(self.quote, _MAX_QUOTE) + line).rstrip()

    def _push(self) -> None:
        """Ends the line, also an empty one."""
        self.lines.append(self._prefixed("".join(self.line)))
        self.line = []
        self.ends_blank = True

    def _break(self, gap: bool = False) -> None:
        """Ends the line when there is one; `gap`: a blank line before what follows."""
        if any(piece.strip() for piece in self.line):
            self._push()
        self.line = []
        self.ends_blank = True
        self.gap = self.gap or gap

    def _start(self, tag: markup.Tag) -> None:
        name = tag.name
        attributes = tag.attributes() if tag.source else {}
        style = attributes.get("style", "")[:_MAX_STYLE]
        if name not in markup.VOID and ("hidden" in attributes or _HIDDEN.search(style)):
            self.hidden = (name, 1)
            self.has_hidden = True
            return
        if name in _PARAGRAPHS:
            self.tight = name == "p" and bool(
                _TIGHT.search(style) or "MsoNormal" in attributes.get("class", "")
            )
            self._break(gap=not self.tight and not self.lists)
        elif name in _LINES:
            self._break()
        self._begin(name, attributes)

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "br":
            self._push()
        elif name == "hr":
            self._put("---")
            self._break()
        elif name == "img":
            alt = _BLANKS.sub(" ", attributes.get("alt", ""))
            self._put(alt if len(alt) <= _MAX_ALT else "")
        elif name == "a":
            self._end_link()
            self.link = (attributes.get("href", "").strip(), [])
        elif name in ("td", "th"):
            self._put("" if self.ends_blank else " ")
        elif name == "li":
            self._put(self._bullet())
        elif name in ("ul", "ol") and len(self.lists) < 50:
            self.lists.append(0 if name == "ol" else None)
        elif name == "blockquote":
            self.quote += 1
        elif name == "pre":
            self.pre += 1

    def _bullet(self) -> str:
        indent = "  " * (len(self.lists) - 1)
        if not self.lists or self.lists[-1] is None:
            return indent + "* "
        self.lists[-1] += 1
        return f"{indent}{self.lists[-1]}. "

    def _end(self, name: str) -> None:
        if name == "a":
            self._end_link()
        elif name in ("ul", "ol") and self.lists:
            self.lists.pop()
        if name in _PARAGRAPHS:
            self._break(gap=not (name == "p" and self.tight) and not self.lists)
        elif name in _LINES:
            self._break()
        if name == "blockquote" and self.quote:
            self.quote -= 1
        elif name == "pre" and self.pre:
            self.pre -= 1

    def _end_link(self) -> None:
        if not self.link:
            return
        address, words = self.link
        self.link = None
        shown = "".join(words).strip()
        if shown and _SHOWN_LINK.match(address) and len(address) <= _MAX_LINK and not _same(shown, address):
            self._put(f" <{address.removeprefix('mailto:')}>")


def _same(shown: str, address: str) -> bool:
    return _bare(shown) == _bare(address)


def _bare(address: str) -> str:
    return re.sub(r"^(?:https?://|mailto:)?(?:www\.)?", "", address.lower()).rstrip("/")
