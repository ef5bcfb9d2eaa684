"""The people in From, To, Cc and the like, also where the field is broken."""

import re

import msgspec

from polus.base import text
from polus.channels.email import headers

MAX_ADDRESSES = 500
MAX_LENGTH = 320
MAX_NAME = 255


class Address(msgspec.Struct, frozen=True, gc=False):
    """A mailbox: `name` decoded (may be empty), `address` as typed."""

    name: str
    address: str

    @property
    def key(self) -> str:
        """What two spellings of one address have in common; compare this, show `address`."""
        return self.address.lower()

    @property
    def is_complete(self) -> bool:
        """Whether mail could go there: old bounces come from a bare `MAILER-DAEMON`."""
        return bool(_COMPLETE.fullmatch(self.address))


_COMPLETE = re.compile(r"[^\s@<>,;]{1,64}@[^\s@<>,;.]{1,63}(?:\.[^\s@<>,;.]{1,63}){0,20}")
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)"|<([^<>]*+)>?|\(|[,;:]|[^"(<,;:\s]++|\s++|.', re.DOTALL)
# The same when no quotation ends any more: looked for anew behind each mark, the end would take quadratic time.
_LOOSE_TOKEN = re.compile(_TOKEN.pattern.replace('"(', "(?!)(", 1), re.DOTALL)
_COMMENT_PART = re.compile(r"[^()\\]++|\\.|[()]", re.DOTALL)
_FOUND = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,10}")


def read(value: str) -> tuple[Address, ...]:
    """All mailboxes of a field's value (8-bit decoded, encoded words not yet), each once, in order."""
    found = _Reader().read(value)
    if not found and "=?" in value:
        # Some senders encode name and address together.
        found = _Reader().read(headers.words(value))
    if not found:
        found = [Address("", match) for match in _FOUND.findall(value)]
    if not found and re.fullmatch(r"[\w.-]{1,64}", bare := value.strip(" <>\"'")):
        found = [Address("", bare)]
    return tuple({one.key: one for one in reversed(found)}.values())[::-1][:MAX_ADDRESSES]


class _Reader:
    """Reads one value from left to right; what is known of the mailbox at hand is in the fields."""

    def __init__(self) -> None:
        self.found: list[Address] = []
        self.words: list[str] = []
        self.angle: str | None = None
        self.comment = ""
        self.carried = ""

    def read(self, value: str) -> list[Address]:
        position, pattern = 0, _TOKEN
        while position < len(value) and len(self.found) < 2 * MAX_ADDRESSES:
            match = pattern.match(value, position)
            assert match  # the last alternative takes any character
            if match[0] == '"':
                pattern = _LOOSE_TOKEN
            position = match.end()
            if match[0] == "(":
                position = self._read_comment(value, position)
            else:
                self._take(match)
        self._flush("")
        return self.found

    def _take(self, match: re.Match[str]) -> None:
        piece = match[0]
        if match[1] is not None:
            self.words.append(re.sub(r"\\(.)", r"\1", match[1]))
        elif match[2] is not None:
            if self.angle is None or "@" not in self.angle:
                self.angle = match[2]
        elif piece in (",", ";"):
            self._flush(piece)
        elif piece == ":":
            if "mailto" not in self.words:
                self.carried = ""  # the name of a group
            self.words = []
        else:
            self.words.append(" " if piece.isspace() else piece)

    def _read_comment(self, value: str, position: int) -> int:
        depth = 1
        start = position
        for match in _COMMENT_PART.finditer(value, position):
            depth += {"(": 1, ")": -1}.get(match[0], 0)
            position = match.end()
            if not depth:
                break
        self.comment = self.comment or value[start : position - (not depth)]
        return position

    def _flush(self, separator: str) -> None:
        phrase = "".join(self.words).strip()
        address = _cleaned(self.angle or "")
        if "@" not in address and (bare := _bare(phrase)):
            phrase, address = (self.angle or self.comment, bare)
        elif self.angle is not None and self.carried:
            phrase = f"{self.carried}, {phrase}"
        if address and len(address) <= MAX_LENGTH:
            self.found.append(Address(_name(phrase or self.comment, address), address))
        # `Doe, Jane <jane@x.example>` without quotes: the family name belongs to the next mailbox.
        self.carried = phrase if separator == "," and not address else ""
        self.words, self.angle, self.comment = [], None, ""


def _cleaned(address: str) -> str:
    address = re.sub(r"\s+", "", text.clean(address)).strip("'\",;")
    address = re.sub(r"^mailto:", "", address, flags=re.IGNORECASE)
    if address.startswith("@") and ":" in address:
        address = address.rpartition(":")[2]  # a route: <@relay.example:jane@x.example>
    return address.rstrip(".>")


def _bare(phrase: str) -> str:
    """The address in a phrase that has no angle brackets."""
    if "@" not in phrase:
        return ""
    if len(phrase.split()) == 1:
        return _cleaned(phrase)
    found = _FOUND.search(phrase)
    return found[0] if found else ""


def _name(phrase: str, address: str) -> str:
    name = headers.words(phrase[:4_000]).strip("<> ")
    if len(name) > 1 and name[0] == name[-1] and name[0] in "'\"":
        name = name[1:-1].strip()
    return "" if name.lower() == address.lower() else name[:MAX_NAME]
