"""Cuts source text into tokens with their places. Knows no grammar; each character is looked at once."""

import re
from typing import NamedTuple

from polus.lang.refused import BrokenSyntax

Spot = tuple[int, int]  # line from 1, column from 0 in UTF-16 units

# U+2028 and U+2029 are white space here, not line ends: only LF, CRLF and CR are.
_SPACE = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
# Possessive quantifiers: a text that does not match costs one pass, never a retry.
_SKIP = re.compile(rf"(?:[{_SPACE}]++|//[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+")
_TOKEN = re.compile(
    r"""(?P<name>[A-Za-z_$][A-Za-z0-9_$]*+)
      | (?P<number>(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+)
      | (?P<string>"(?:[^"\\\r\n]|\\(?:\r\n|.))*+"|'(?:[^'\\\r\n]|\\(?:\r\n|.))*+')
      | (?P<punct>===|!==|==|!=|<=|>=|=>|&&|\|\||\?\?|\?\.|\.\.\.|\+\+|--|/\*|.)""",
    re.VERBOSE | re.DOTALL,
)
_LINE_END = re.compile(r"\r\n|\r|\n")
_ESCAPE = re.compile(r"\\(u\{[0-9a-fA-F]{1,8}\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|\r\n|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v"}
_DIGITS = tuple("0123456789")
_JOINS_A_NUMBER = re.compile(r"[A-Za-z0-9_$.]")


class Token(NamedTuple):
    """One word of the source. `kind`: name, number, string, punct or end."""

    kind: str
    text: str
    start: Spot
    end: Spot

    def shown(self) -> str:
        """How an error names this token."""
        if self.kind in ("number", "string"):
            return self.kind
        if self.kind == "end":
            return "end of text"
        if self.text.isprintable():
            return f"'{self.text[:40]}'"
        return f"character U+{ord(self.text[0]):04X}"


class Tokens:
    """The tokens of `source`, one at a time: `current`, then `advance()`."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._spot: Spot = (1, 0)
        self._wide = not source.isascii()
        self.last_end: Spot = (1, 0)
        self.current = self._next()

    def advance(self) -> Token:
        """Step over the current token and return it."""
        passed = self.current
        self.last_end = passed.end
        self.current = self._next()
        return passed

    def _next(self) -> Token:
        skipped = _SKIP.match(self._source, self._at)
        start = self._walk(skipped.end() if skipped else self._at)
        found = _TOKEN.match(self._source, self._at)
        if found is None:
            return Token("end", "", start, start)
        kind, text = str(found.lastgroup), found.group()
        self._refuse_broken(kind, text, start, found.end())
        return Token(kind, text, start, self._walk(found.end()))

    def _walk(self, to: int) -> Spot:
        """Move to offset `to` and return the line and column there."""
        passed = self._source[self._at : to]
        self._at = to
        line, column = self._spot
        begin = 0
        for end in _LINE_END.finditer(passed):
            line, column, begin = line + 1, 0, end.end()
        rest = passed[begin:]
        units = len(rest.encode("utf-16-le", "surrogatepass")) // 2 if self._wide else len(rest)
        self._spot = (line, column + units)
        return self._spot

    def _refuse_broken(self, kind: str, text: str, start: Spot, end: int) -> None:
        """Quotes and comments that never close, and numbers that run into a name or a dot."""
        if text in ('"', "'"):
            raise BrokenSyntax(*start, "string without end", "the closing quote on the same line")
        if text == "/*":
            raise BrokenSyntax(*start, "comment without end", "'*/'")
        if kind == "number" and _JOINS_A_NUMBER.match(self._source, end):
            raise BrokenSyntax(*start, "number", "a decimal number")


def string_value(token: Token) -> str:
    """The text a string token stands for: escapes resolved, surrogate pairs joined."""

    def resolve(found: re.Match[str]) -> str:
        given: str = found[1]
        if given in ("\n", "\r", "\r\n"):
            return ""
        if given[0] in "ux" and len(given) > 1:
            return _character(token, int(given[1:].strip("{}"), 16))
        # A digit would be an octal escape. `\0` is a NUL, which no text of the wire may hold.
        if given in "ux" or given in _DIGITS:
            raise BrokenSyntax(*token.start, "escape in string", "\\n, \\xHH, \\uHHHH or \\u{H}")
        return _SIMPLE.get(given, given)

    return _joined(token, _ESCAPE.sub(resolve, token.text[1:-1]))


def _character(token: Token, code: int) -> str:
    if code > 0x10FFFF:
        raise BrokenSyntax(*token.start, "escape in string", "a code point up to U+10FFFF")
    return chr(code)


def _joined(token: Token, text: str) -> str:
    """`\\ud83d\\ude00` is one character; half of a pair is no text and, like NUL, cannot be stored."""
    if "\0" in text:
        raise BrokenSyntax(*token.start, "NUL in string", "text")
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise BrokenSyntax(*token.start, "half of a surrogate pair", "both halves") from None


def number_value(token: Token) -> int | float:
    """The value of a number token as JavaScript has it: whole values up to 2^53 as integers."""
    value = float(token.text)
    if value == float("inf"):
        raise BrokenSyntax(*token.start, "number", "a number below 1.8e308")
    return int(value) if value.is_integer() and abs(value) <= 2**53 else value
