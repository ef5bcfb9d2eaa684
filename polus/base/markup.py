"""HTML as a stream of tags and texts, and a bounded, well-nested form of it.

Both run in linear time on any input, which HTML5 tree builders do not: 200 KB of `<div>` cost nh3 four seconds.
What is allowed is `html`'s matter; safety against scripts is nh3's, never this module's.
"""

import html as entities
import re
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

MAX_DEPTH = 128
MAX_FORMATTING = 16
"""Open `<b>`, `<font>` … at once: a tree builder reopens all of them in every following block."""

MAX_TAGS = 40_000
"""Later tags are dropped, their text stays. A long newsletter has 3,000."""

MAX_TOKENS = 100_000
"""Tags that are read at all; behind them only the text is."""

VOID = frozenset(
    {"br", "hr", "img", "col", "wbr", "meta", "link", "input", "base", "area", "embed", "source"}
)

OPAQUE = frozenset(
    {"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext", "template"}
    | {"svg", "math", "select", "audio", "video"}
)
"""Elements that go with all they contain."""

FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())

_BLOCKS = frozenset(
    "address blockquote center div dl h1 h2 h3 h4 h5 h6 hr ol p pre table ul li dd dt".split()
)
_CELL = frozenset({"table", "td", "th", "caption"})
_GROUPS = frozenset({"thead", "tbody", "tfoot"})
_FRAME = _GROUPS | {"table", "tr"}
"""Where only rows and cells may be; anything else gets a cell of its own, as no browser would guess better."""

_IN_TABLE = _CELL | _FRAME

_ROW = frozenset({"tr", "td", "th", "caption"})
_TABLE = frozenset({"table"})

# What a start tag closes when it is still open, and what that search does not look beyond.
_CLOSES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    **{name: (frozenset({"p"}), _CELL) for name in _BLOCKS},
    "li": (frozenset({"li"}), _CELL | {"ul", "ol"}),
    "dd": (frozenset({"dd", "dt"}), _CELL | {"dl"}),
    "dt": (frozenset({"dd", "dt"}), _CELL | {"dl"}),
    "td": (frozenset({"td", "th", "caption"}), _TABLE | {"tr"}),
    "th": (frozenset({"td", "th", "caption"}), _TABLE | {"tr"}),
    "tr": (_ROW, _TABLE),
    **dict.fromkeys(_GROUPS, (_ROW | _GROUPS, _TABLE)),
    "a": (frozenset({"a"}), _CELL),
}
_PARENTS: dict[str, frozenset[str]] = {
    **dict.fromkeys((*_GROUPS, "caption", "col", "colgroup"), _TABLE),
    "tr": _GROUPS | _TABLE,
    "td": _FRAME,
    "th": _FRAME,
}

# A value is quoted only right behind "=": `<a href="x"">` is common, and its last quote opens nothing.
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+)>""")
_LOOSE_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*+)([^>]*+)>")
_ANY_TAG = re.compile(r"<[^<>]*+>")
_ATTRIBUTE = re.compile(r"""([^\s/>="'][^\s/>=]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]*+)))?+""")
_LONG_NUMBER = re.compile(r"&#(?:0{8,}|[0-9]{8,}|[xX][0-9a-fA-F]{8,});?")
_OPAQUE_END = {name: re.compile(f"</{name}(?![a-zA-Z0-9])[^>]*+>?", re.IGNORECASE) for name in OPAQUE}


class Tag(msgspec.Struct, gc=False):
    """A start or end tag; `start` and `end` are its place in the source."""

    name: str
    closing: bool
    source: str
    start: int
    end: int

    def attributes(self) -> dict[str, str]:
        """Names in lower case, the first of equal names, entities decoded; at most 40."""
        found: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(self.source):
            name, double, single, bare = match.groups()
            found.setdefault(name.lower(), unescape(double or single or bare or ""))
            if len(found) == 40:
                break
        return found


def unescape(text: str) -> str:
    """Entities as characters. Absurdly long numbers, on which Python raises, become U+FFFD."""
    if "&" not in text:
        return text
    return entities.unescape(_LONG_NUMBER.sub("\ufffd", text))


def tokens(html: str) -> Iterator[str | Tag]:
    """Texts (entities still encoded) and tags in order; comments and opaque elements are left out."""
    pattern = _TAG
    position = count = 0
    size = len(html)
    while position < size:
        count += 1
        if count > MAX_TOKENS:
            yield _ANY_TAG.sub("", html[position:])
            return
        start = html.find("<", position)
        if start < 0:
            yield html[position:]
            return
        if start > position:
            yield html[position:start]
        following = html[start + 1 : start + 2]
        if following in ("!", "?") or (
            html.startswith("</", start) and not html[start + 2 : start + 3].isalpha()
        ):
            position = _behind_comment(html, start)
            continue
        match = pattern.match(html, start)
        if match is None and following and (following.isalpha() or following == "/"):
            # A quote without end, or the last tag is cut off: from here on a tag ends at the first ">".
            pattern = _LOOSE_TAG
            match = pattern.match(html, start)
        if match is None:
            yield "<"
            position = start + 1
            if following.isalpha() and html.find(">", position) < 0:
                yield html[position:].replace("<", "&lt;")
                return
            continue
        position = match.end()
        name = match[2].lower()
        if "@" in name or (name.endswith(":") and len(name) > 2):
            yield "&lt;" + html[start + 1 : position - 1] + "&gt;"  # an address or a URL in bare brackets
        elif name in OPAQUE and not match[1]:
            closed = _OPAQUE_END[name].search(html, position)
            position = closed.end() if closed else size
        else:
            yield Tag(name, bool(match[1]), match[3], start, position)


def _behind_comment(html: str, start: int) -> int:
    if not html.startswith("<!--", start):
        end = html.find(">", start)
        return end + 1 if end >= 0 else len(html)
    if html.startswith(("<!-->", "<!--->"), start):
        return html.index(">", start) + 1
    end = html.find("-->", start + 4)
    return end + 3 if end >= 0 else len(html)


def balance(html: str, start_tag: Callable[[Tag], str | None]) -> str:
    """Well-nested HTML of at most `MAX_DEPTH` levels.

    `start_tag` writes a start tag out (`<p style="…">`) or returns None to drop the tag and keep what is inside;
    a name it changes (`body` to `div`) is read off what it wrote. Texts come out escaped.
    """
    nest = _Nest(start_tag)
    for token in tokens(html):
        if isinstance(token, str):
            nest.text(token)
        elif token.closing:
            nest.close(token.name)
        else:
            nest.open(token)
    nest.close_to(0)
    return "".join(nest.out)


def _text(token: str) -> str:
    return (
        entities.escape(unescape(token), quote=False)
        if "&" in token or "<" in token
        else token.replace(">", "&gt;")
    )


class _Nest:
    """The open elements while balancing: (source name, written name)."""

    def __init__(self, start_tag: Callable[[Tag], str | None]) -> None:
        self.start_tag = start_tag
        # A newsletter repeats the same cells a hundred times; reading their attributes is the costly part.
        self.known: dict[tuple[str, str], str | None] = {}
        self.out: list[str] = []
        self.stack: list[tuple[str, str]] = []
        self.opened: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.formatting = 0
        self.tags = 0

    def text(self, token: str) -> None:
        if self.opened["table"] and not token.isspace():
            self._into_cell()
        if self.out and self.out[-1].startswith("<pre"):
            token = token.lstrip("\n")  # parsers drop one line end there, each time again
        self.out.append(_text(token))

    def open(self, tag: Tag) -> None:
        self.tags += 1
        name = tag.name
        written = self._written(tag) if self.tags <= MAX_TAGS else None
        if written and name in _CLOSES:
            self._close_implied(*_CLOSES[name])
        if written and self.opened["table"] and name not in _PARENTS:
            self._into_cell()
        if name in VOID:
            self.out.append(written if written and self._fits(name) else "")
        elif written is None or not self._fits(name):
            self.dropped[name] += 1
        else:
            self._push(name, written)

    def close(self, name: str) -> None:
        if self.dropped[name]:
            self.dropped[name] -= 1
        elif self.opened[name]:
            self._close_nearest(name, frozenset() if name in _IN_TABLE else _CELL)

    def close_to(self, size: int) -> None:
        while len(self.stack) > size:
            name, written = self.stack.pop()
            self.out.append(f"</{written}>")
            self.opened[name] -= 1
            self.formatting -= name in FORMATTING

    def _written(self, tag: Tag) -> str | None:
        key = (tag.name, tag.source)
        if key not in self.known:
            self.known[key] = self.start_tag(tag)
        return self.known[key]

    def _fits(self, name: str) -> bool:
        if name in _PARENTS:
            return self._frame() in _PARENTS[name]
        return len(self.stack) < MAX_DEPTH and (name not in FORMATTING or self.formatting < MAX_FORMATTING)

    def _push(self, name: str, written: str) -> None:
        self.out.append(written)
        self.stack.append((name, re.split(r"[\s>]", written[1:], maxsplit=1)[0]))
        self.opened[name] += 1
        self.formatting += name in FORMATTING

    def _frame(self) -> str:
        """The innermost part of a table that is open, if any."""
        if not self.opened["table"]:
            return ""
        return next((name for name, _ in reversed(self.stack) if name in _IN_TABLE), "")

    def _into_cell(self) -> None:
        frame = self._frame()
        if frame in _FRAME and frame != "tr":
            self._push("tr", "<tr>")
        if frame in _FRAME:
            self._push("td", "<td>")

    def _close_nearest(self, name: str, barrier: frozenset[str]) -> None:
        for place in range(len(self.stack) - 1, -1, -1):
            at = self.stack[place][0]
            if at == name:
                self.close_to(place)
                return
            if at in barrier:
                return

    def _close_implied(self, names: frozenset[str], barrier: frozenset[str]) -> None:
        """Closes the outermost of `names` inside the innermost of `barrier`."""
        if not any(self.opened[name] for name in names):
            return
        found = len(self.stack)
        for place in range(len(self.stack) - 1, -1, -1):
            at = self.stack[place][0]
            if at in names:
                found = place
            elif at in barrier:
                break
        self.close_to(found)
