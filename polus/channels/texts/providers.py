"""What every provider of texts can do, and the words it is asked and answers in. Each provider is a module beside this
one; which there are is said by `numbers`.
"""

import datetime
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from polus.base.outbound import Allowed
from polus.channels.outgoing import Call
from polus.channels.sending import Outcome

Channel = Literal["sms", "whatsapp"]
CHANNELS: tuple[Channel, ...] = ("sms", "whatsapp")
Condition = Literal["queued", "sent", "delivered", "read", "failed"]
# In the order in which they follow one another; what comes late does not go back.
CONDITIONS: tuple[Condition, ...] = ("queued", "sent", "delivered", "read", "failed")
STOPPED = "The customer said STOP to this number: nothing can be sent to him until he says START."


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an administrator says of a number besides the secret. `account_sid` and `api` are Twilio's, `url` is where
    the generic provider is told. The texts answer HELP and STOP where the provider does not; empty: nothing does.
    """

    account_sid: str = ""
    api: str = ""
    url: str = ""
    help_text: str = ""
    stop_text: str = ""


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """One of ours. `secret` is opened."""

    id: int
    account_id: int
    name: str
    channel: Channel
    address: str
    provider: str
    settings: Settings
    secret: str

    def __repr__(self) -> str:
        return f"Number({self.id!r}, {self.channel!r}, {self.address!r})"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook as it came in. `headers` by their names in lower case, `urls` the addresses it may have been sent to."""

    headers: Mapping[str, str]
    urls: Sequence[str]
    body: bytes


class Media(msgspec.Struct, frozen=True):
    """A file at an address."""

    url: str
    content_type: str = ""
    name: str = ""


class Arrived(msgspec.Struct, frozen=True, kw_only=True):
    """A text from somebody. `word`: STOP, START or HELP when the provider knows it for one."""

    id: str
    address: str
    to: str
    text: str = ""
    name: str = ""
    media: Sequence[Media] = ()
    word: str = ""
    sent_datetime: datetime.datetime | None = None
    extra: Mapping[str, Any] = {}


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a text of ours, `id` being the provider's."""

    id: str
    address: str
    condition: Condition
    code: str = ""
    said: str = ""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """One text to be handed over. `key` is the same at each attempt and no other text's; `callback` is where the
    provider tells what becomes of it, empty when nobody outside can reach us.
    """

    number: Number
    key: str
    address: str
    body: str
    media: Sequence[Media] = ()
    callback: str = ""


class Taken(msgspec.Struct, frozen=True):
    """The provider has it."""

    id: str
    condition: Condition


class Refused(Exception):
    """The provider did not take it, or nobody knows; the text says why, for people.

    `again`: another attempt may do. `stopped`: its receiver said STOP to the provider.
    """

    def __init__(self, said: str, *, again: bool = False, stopped: bool = False, code: str = "") -> None:
        super().__init__(said)
        self.again = again
        self.stopped = stopped
        self.code = code


class Sent(Outcome, frozen=True, kw_only=True):
    """An outcome that also knows what the provider calls each part it took."""

    taken: Mapping[str, Taken] = {}


class Provider(Protocol):
    """What a module of a provider does. All but `send` is pure."""

    files: Mapping[str, int]
    """How many files one text may carry, by channel."""

    def signed(self, number: Number, request: Request) -> bool:
        """Whether the webhook is from the provider."""

    def read(self, number: Number, body: bytes) -> Arrived | Reported | None:
        """What a webhook says; None when it is nothing to us. ValueError when it is not as published."""

    def answer(self) -> tuple[bytes, str]:
        """What a webhook is answered with, and its type."""

    def fetch(self, number: Number, media: Media) -> Call:
        """The call that fetches a file that came with a text."""

    async def send(self, text: Text, allowed: Allowed) -> Taken:
        """Hand one text over. Raises Refused, and nothing else for what the outside does."""


def newer(before: str | None, now: str) -> bool:
    """Whether the condition `now` comes after the one that is known. What was delivered did not fail."""
    if before is None:
        return True
    if now == "failed":
        return before in ("queued", "sent")
    return before != "failed" and CONDITIONS.index(now) > CONDITIONS.index(before)


def equal(one: str, other: str) -> bool:
    """In a time that tells nothing."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
