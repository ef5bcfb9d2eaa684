"""Puts values into the HTML of a template so that they stay values: text, parts of attributes, never markup.

The template's own HTML is followed only as far as is needed to know where a value lands. Linear in its length.
"""

import html
import re
from enum import StrEnum

_NAME = re.compile(r"/?([A-Za-z][^\s/>]*)")
_OPENS = re.compile(r"<(?=[A-Za-z/!?])|<\Z")
_ATTRIBUTE = re.compile(r"[^\s/>=]+")
_BLANK = re.compile(r"[\s/]+")
_LINE_END = re.compile(r"\r\n|\r|\n")
# Elements whose content is no markup: a value would become code there, or end them.
_OPAQUE = frozenset(
    """script style textarea title xmp iframe noembed noframes noscript plaintext template""".split()
)
_ADDRESSES = frozenset(
    """href src action formaction poster background cite data longdesc xlink:href ping""".split()
)
_BAD_ADDRESS = re.compile(r"(?:javascript|data|vbscript):", re.IGNORECASE)
_IGNORED_IN_ADDRESSES = re.compile(r"[\x00-\x20]+")
_SAFE_STYLE = re.compile(r"[A-Za-z0-9 #%.,_-]*")
_ENDS_UNQUOTED = re.compile(r"[\s>]")
_UNSAFE_UNQUOTED = re.compile(r"[\s=`/]")


class Where(StrEnum):
    """What a value would become part of."""

    TEXT = "text"
    OPENING = "opening"  # right after `<`
    TAG = "tag"
    BEFORE = "before"  # after `name=`
    VALUE = "value"
    COMMENT = "comment"
    OPAQUE = "opaque"


class Page:
    """The growing HTML: add `literal` parts of the template and `value`s in turn, then take it with `done`."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._where = Where.TEXT
        self._element = self._attribute = self._quote = ""
        self._begin = 0  # where in `_out` the attribute's value begins
        self._filled = False  # a value went into this attribute
        self._glued = False  # a value was left out in the midst of a name
        self._steps = {
            Where.TEXT: self._text,
            Where.OPENING: self._opening,
            Where.TAG: self._tag,
            Where.BEFORE: self._before,
            Where.VALUE: self._value,
            Where.COMMENT: self._comment,
            Where.OPAQUE: self._opaque,
        }

    def done(self) -> str:
        if self._where is Where.VALUE:
            self._end_value()
        return "".join(self._out)

    def value(self, text: str, markup: str | None = None) -> str:
        """Adds a value and returns what was put in. `markup`: its sanitised HTML, used where text may stand."""
        if self._where is Where.OPENING:
            # `<{{name}}>` is an address in angle brackets, not a tag named by data.
            self._out[-1] = self._out[-1][:-1] + "&lt;"
            self._where = Where.TEXT
        if self._where is Where.TEXT:
            put = markup if markup is not None else _LINE_END.sub("<br>", html.escape(text))
        elif self._where in (Where.BEFORE, Where.VALUE):
            put = self._part_of_value(text)
        else:
            put, self._glued = "", self._where is Where.TAG
        self._out.append(put)
        return put

    def _part_of_value(self, text: str) -> str:
        """The escaped text; nothing inside code, and inside styles only what can be no function."""
        if self._where is Where.BEFORE:
            self._begin_value("", len(self._out))
        self._filled = True
        if self._attribute.startswith("on") or self._attribute in ("srcdoc", "srcset"):
            return ""
        if self._attribute == "style" and not _SAFE_STYLE.fullmatch(text):
            return ""
        put = html.escape(text)
        return put if self._quote else _UNSAFE_UNQUOTED.sub(lambda found: f"&#{ord(found[0])};", put)

    def literal(self, source: str) -> None:
        """Adds HTML of the template and follows where it leads."""
        at = 0
        while at < len(source):
            to = self._steps[self._where](source, at)
            if to > at:
                self._out.append(source[at:to])
            at = to

    # One step through the template's HTML in each state: from `at` to the offset that is returned.

    def _text(self, source: str, at: int) -> int:
        found = _OPENS.search(source, at)
        if not found:
            return len(source)
        self._where = Where.OPENING
        return found.end()

    def _opening(self, source: str, at: int) -> int:
        if source.startswith("!--", at):
            self._where = Where.COMMENT
            return at + 3
        found = _NAME.match(source, at)
        if found:
            self._element = "" if found[0].startswith("/") else found[1].lower()
            self._attribute, self._glued = "", False
        self._where = Where.TAG if found or source[at] in "!?/" else Where.TEXT
        return found.end() if found else at

    def _tag(self, source: str, at: int) -> int:
        if self._glued and not self._attribute:
            self._element = "plaintext"  # `<scr{{x}}ipt>`: nobody knows what element this is
        blank = _BLANK.match(source, at)
        if blank:
            self._attribute, self._glued = self._attribute or " ", False
            return blank.end()
        if source[at] == ">":
            self._where = Where.OPAQUE if self._element in _OPAQUE else Where.TEXT
            return at + 1
        if source[at] == "=":
            self._where = Where.BEFORE
            return at + 1
        name = _ATTRIBUTE.match(source, at)
        assert name is not None, "blanks, > and = are done"
        # `on{{x}}click=`: the pieces make a name that only the browser sees.
        self._attribute = ("on" if self._glued else "") + name[0].lower()
        return name.end()

    def _before(self, source: str, at: int) -> int:
        if source[at].isspace():
            return at + 1
        if source[at] == ">":
            self._where = Where.TAG
            return at
        quoted = source[at] in "\"'"
        self._begin_value(source[at] if quoted else "", len(self._out) + quoted)
        return at + quoted

    def _begin_value(self, quote: str, begin: int) -> None:
        self._where, self._quote, self._begin, self._filled = Where.VALUE, quote, begin, False

    def _value(self, source: str, at: int) -> int:
        if self._quote:
            to = source.find(self._quote, at)
        else:
            found = _ENDS_UNQUOTED.search(source, at)
            to = found.start() if found else -1
        if to < 0:
            return len(source)
        if to > at:
            return to
        self._end_value()
        return at + len(self._quote)

    def _end_value(self) -> None:
        """An address that data turned into a script becomes empty."""
        self._where, self._glued = Where.TAG, False
        if self._filled and self._attribute in _ADDRESSES:
            address = html.unescape("".join(self._out[self._begin :]))
            if _BAD_ADDRESS.match(_IGNORED_IN_ADDRESSES.sub("", address)):
                del self._out[self._begin :]

    def _comment(self, source: str, at: int) -> int:
        to = source.find("-->", at)
        if to < 0:
            return len(source)
        self._where = Where.TEXT
        return to + 3

    def _opaque(self, source: str, at: int) -> int:
        """To the end tag of an element whose content is no markup."""
        to = at
        while True:
            to = source.find("</", to)
            if to < 0:
                return len(source)
            if source[to + 2 : to + 2 + len(self._element)].lower() == self._element:
                self._where, self._element, self._attribute, self._glued = Where.TAG, "", "", False
                return to + 2
            to += 2
