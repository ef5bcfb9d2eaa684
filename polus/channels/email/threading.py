"""Which ticket a mail belongs to, as far as the mail itself can tell.

Two marks of ours come back in answers: the Message-IDs of our mails, and a token in the address that answers go to
(`support+t…@shop.example`), which survives mail programs that drop References. The first can be made up by anyone
who has seen one, as everywhere in mail; the token cannot.
"""

import base64
import binascii
import hashlib
import hmac
import re

import msgspec

from polus.channels.email.addresses import Address
from polus.channels.email.mails import Mail

MAX_IDS = 50
MAX_LOCAL_PART = 64
_MAC_LENGTH = 10
"""Bytes; 80 bits, and a guess costs one mail."""

_TOKEN = re.compile(r"\+t([a-z2-7]{18,40})$")
_OWN_ID = re.compile(r"<(\d{1,18})-(\d{1,18})@([^<>@\s]{1,253})>")


class Clue(msgspec.Struct, frozen=True):
    """One hint, to be tried in the order given: an id to look up among stored messages, or a proven ticket.

    `ticket_id` and `message_number` are what an id of ours says; they prove nothing by themselves.
    """

    message_id: str | None = None
    ticket_id: int | None = None
    message_number: int | None = None
    proven: bool = False


def clues(mail: Mail, key: bytes, account_id: int, host: str) -> tuple[Clue, ...]:
    """The ids that the mail answers, newest first, then the tickets that tokens in its addresses name."""
    found = [_clue(one, host) for one in references(mail)]
    people = (*mail.to, *mail.delivered_to, *mail.cc, *mail.bcc)
    tickets = dict.fromkeys(
        ticket for one in people if (ticket := ticket_of(one.address, key, account_id)) is not None
    )
    return (*found, *(Clue(ticket_id=ticket, proven=True) for ticket in tickets))


def _clue(message_id: str, host: str) -> Clue:
    own = own_ids(message_id, host)
    return Clue(message_id, *own) if own else Clue(message_id)


def references(mail: Mail) -> tuple[str, ...]:
    """In-Reply-To, then References from the newest back; each once."""
    ids = ([mail.in_reply_to] if mail.in_reply_to else []) + list(reversed(mail.references))
    return tuple(dict.fromkeys(ids))[:MAX_IDS]


def message_id(ticket_id: int, message_number: int, host: str) -> str:
    """The Message-ID of a mail that we send; the same for every attempt to send it."""  # wire: form observed
    return f"<{ticket_id}-{message_number}@{host}>"


def own_ids(one: str, host: str) -> tuple[int, int] | None:
    """Ticket and message of an id that `message_id` made for this host."""
    found = _OWN_ID.fullmatch(one)
    return (int(found[1]), int(found[2])) if found and found[3].lower() == host.lower() else None


def token(key: bytes, account_id: int, ticket_id: int) -> str:
    """Letters and digits, case of no account, that only the holder of `key` can make; good for that account alone."""
    number = ticket_id.to_bytes(max(1, (ticket_id.bit_length() + 7) // 8), "big")
    return base64.b32encode(_mac(key, account_id, number) + number).decode("ascii").rstrip("=").lower()


def read_token(given: str, key: bytes, account_id: int) -> int | None:
    """The ticket that a token names; None when it was not made by `token` with the same key and account."""
    try:
        decoded = base64.b32decode(given.upper() + "=" * (-len(given) % 8))
    except (binascii.Error, ValueError):
        return None
    mac, number = decoded[:_MAC_LENGTH], decoded[_MAC_LENGTH:]
    if not number or not hmac.compare_digest(mac, _mac(key, account_id, number)):
        return None
    return int.from_bytes(number, "big")


def _mac(key: bytes, account_id: int, number: bytes) -> bytes:
    told = b"polus reply address\0" + str(account_id).encode("ascii") + b"\0" + number
    return hmac.new(key, told, hashlib.sha256).digest()[:_MAC_LENGTH]


def reply_address(address: str, key: bytes, account_id: int, ticket_id: int) -> str:
    """`address` with the ticket's token; as it is when the result would be no valid address any more."""
    local, at, domain = address.rpartition("@")
    tagged = f"{local}+t{token(key, account_id, ticket_id)}"
    return f"{tagged}@{domain}" if at and len(tagged) <= MAX_LOCAL_PART else address


def ticket_of(address: str, key: bytes, account_id: int) -> int | None:
    """The ticket that the token in an address names."""
    found = _TOKEN.search(address.rpartition("@")[0].lower())
    return read_token(found[1], key, account_id) if found else None


def without_token(address: Address | str) -> str:
    """The mailbox behind a reply address, in lower case: what a mail was sent to before we added our token."""
    local, at, domain = (address if isinstance(address, str) else address.address).lower().rpartition("@")
    return _TOKEN.sub("", local) + at + domain
