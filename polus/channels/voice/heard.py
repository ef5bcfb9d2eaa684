"""One request of the provider about a call: the form that it sent, and what we had put into the address."""

import datetime
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

import msgspec

from polus.base import text
from polus.channels.voice.numbers import Number
from polus.channels.voice.twiml import Answer
from polus.desk.voice import lines
from polus.desk.voice.lines import Line
from polus.store.work import Work

# wire: the provider's words for the end of a call or of one leg of it
FINAL = frozenset(("completed", "busy", "no-answer", "failed", "canceled"))
REACHED = frozenset(("completed", "answered"))
# The key that says yes.
ACCEPT = "1"
ANONYMOUS = "Anonymous caller"
SID_LENGTH = 64
JUST_NOW = datetime.timedelta(seconds=2)


class Heard(msgspec.Struct, frozen=True):
    """`given` is the form, `query` the address's; both are signed."""

    work: Work
    number: Number
    given: Mapping[str, str]
    query: Mapping[str, str]

    def word(self, name: str, longest: int = SID_LENGTH) -> str:
        """A field of the form, cut."""
        return text.one_line(self.given.get(name, ""))[:longest]

    def count(self, name: str) -> int | None:
        """A number of the form; None when it is none."""
        given = self.given.get(name, "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 8 else None

    def id(self, name: str) -> int | None:
        """A number of ours in the address."""
        given = self.query.get(name, "")
        return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None

    @property
    def at(self) -> datetime.datetime | None:
        """When it happened, as the provider says; None for just now, for its clock knows no parts of seconds."""
        try:
            moment = parsedate_to_datetime(self.given.get("Timestamp", ""))
        except (ValueError, TypeError):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
        return moment if self.work.now - moment > JUST_NOW else None

    def url(self, step: str, **named: str | int) -> str:
        """The address of a step, with what it will have to know."""
        address = self.number.address(self.work.account.base_url, step)
        return address + ("?" + urlencode(named) if named else "")

    def answer(self) -> Answer:
        return Answer(self.number.look.language)

    async def line(self) -> Line | None:
        """The call meant, locked: by the number in the address, else by the provider's name."""
        call_id = self.id("call")
        if call_id is not None:
            return await lines.by_id(self.work, self.number.id, call_id)
        return await lines.find(self.work, self.number.id, self.word("CallSid"))


def spoken(number: str | None) -> str:
    """A number as a voice reads it out, digit by digit."""
    return " ".join((number or "").lstrip("+")) or ANONYMOUS
