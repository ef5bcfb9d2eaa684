"""What stands where an erased customer's addresses stood in messages. Pure: `erasing` reads and stores."""

import re
from collections.abc import Iterable
from email.utils import formataddr, getaddresses
from typing import Any

from polus.base import addresses
from polus.desk.customers.channels import PHONES

# What tickets and messages show instead of the name.
NAME = "Deleted customer"

# Headers whose values are lists of people, with their names.
PEOPLE = frozenset(
    (
        "bcc",
        "cc",
        "delivered-to",
        "from",
        "reply-to",
        "resent-from",
        "resent-to",
        "return-path",
        "sender",
        "to",
        "x-original-to",
    )
)
# An address ends where none of its characters follow: "ann@shop.example" is not in "joann@shop.example.org".
BEFORE = r"(?<![\w.!#$%&'*+/=?^`{|}~-])"
AFTER = r"(?![\w-]|\.\w)"


class StandIns:
    """Made of (customer id, channel type, key) of all addresses that are to go."""

    def __init__(self, former: Iterable[tuple[int, str, str]]) -> None:
        self._words: dict[str, str] = {}
        self._numbers: set[str] = set()
        for customer_id, kind, key in former:
            if kind in PHONES:
                self._numbers.add(key)
            else:
                self._words[key] = "deleted-" + str(customer_id) + "@customer.invalid"
        mails = sorted((word for word in self._words if "@" in word), key=len, reverse=True)
        self._mails = re.compile(
            BEFORE + "(?:" + "|".join(map(re.escape, mails)) + ")" + AFTER if mails else r"(?!)",
            re.IGNORECASE,
        )

    def of(self, text: str) -> str | None:
        """What stands for an address, "" for a number; None when `text` is neither."""
        word = text.strip().lower()
        if word in self._words:
            return self._words[word]
        # A number that cannot be read as one was kept as a word.
        return "" if word in self._numbers or addresses.phone(text) in self._numbers else None

    def source(self, value: Any, key: str = "") -> Any:
        """A message's `source` with stand-ins; the name beside such an address goes too."""
        if isinstance(value, list):
            return [self.source(item) for item in value]
        if isinstance(value, dict):
            changed = {name: self.source(item, name) for name, item in value.items()}
            if changed.get("address") != value.get("address") and changed.get("name"):
                changed["name"] = NAME
            return changed
        if isinstance(value, str) and key != "type":
            found = self.of(value)
            return value if found is None else found
        return value

    def headers(self, value: Any, key: str = "") -> Any:
        """A message's headers with stand-ins, also within their texts."""
        if isinstance(value, list):
            return [self.headers(item, key) for item in value]
        if isinstance(value, dict):
            return {name: self.headers(item, name) for name, item in value.items()}
        if not isinstance(value, str):
            return value
        found = self.of(value)
        if found is not None:
            return found
        if key.lower() in PEOPLE and self._mails.search(value):
            value = self._people(value)
        return self._mails.sub(lambda match: self._words[match[0].lower()], value)

    def _people(self, text: str) -> str:
        """A list of people without the names of those who are to go; as it is when it cannot be read."""
        people = getaddresses([text])
        if not all(address for _, address in people):
            return text
        try:
            return ", ".join(
                formataddr(("" if self.of(address) is not None else name, address))
                for name, address in people
            )
        except UnicodeError:
            return text
