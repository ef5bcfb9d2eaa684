"""Signs outgoing mails (DKIM), and looks whether a key's record is published as it has to be."""

import asyncio
from datetime import datetime
from typing import Any, Literal

import dkim
import structlog

from polus.base.resolver import Resolver, Unanswered
from polus.desk import domain_keys
from polus.store.work import Work

# From is named once more than it is there: so nobody can add another one on the way.
HEADERS = (
    "from", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references", "mime-version",
    "content-type", "content-transfer-encoding", "auto-submitted",
)  # fmt: skip
RELAXED = (b"relaxed", b"relaxed")

Found = Literal["published", "missing", "different", "unanswered"]
log = structlog.get_logger(__name__)


class _Signer(dkim.DKIM):  # type: ignore[misc]
    """Signs at a given time: a second attempt to send a mail has the same bytes."""

    stamp = 0

    def gen_header(self, fields: list[tuple[bytes, bytes]], *args: Any, **more: Any) -> bytes:
        fields[:] = [(tag, str(self.stamp).encode() if tag == b"t" else value) for tag, value in fields]
        return super().gen_header(fields, *args, **more)  # type: ignore[no-any-return]


async def signed(work: Work, raw: bytes, sender: str, date: datetime) -> bytes:
    """The mail with a signature in front, when the sender's domain has a published key; else as it is.

    A mail is rather sent without a signature than not at all.
    """
    domain = sender.rpartition("@")[2].lower()
    try:
        key = await domain_keys.signing(work, domain)
        if key is None:
            return raw
        return await asyncio.to_thread(sign, raw, domain, *key, date)
    except (ValueError, dkim.DKIMException) as error:
        log.warning("a mail was not signed", domain=domain, error=repr(error)[:200])
        return raw


def sign(raw: bytes, domain: str, selector: str, private: str, date: datetime) -> bytes:
    """Some hundredths of a second for a key of 2048 bits."""
    signer = _Signer(raw)
    signer.stamp = int(date.timestamp())
    there = {name.lower() for name, _ in signer.headers}
    names = [name.encode() for name in HEADERS if name.encode() in there]
    header: bytes = signer.sign(
        selector.encode("ascii"),
        domain.encode("idna") if not domain.isascii() else domain.encode("ascii"),
        private.encode("ascii"),
        canonicalize=RELAXED,
        include_headers=[*names, b"from"],
    )
    return header + raw


def look(resolver: Resolver, domain: str, selector: str, public: str) -> Found:
    """Whether the record is there. Blocking."""
    try:
        texts = resolver.texts(f"{selector}._domainkey.{domain}")
    except Unanswered:
        return "unanswered"
    if not texts:
        return "missing"
    keys = ["".join(text.split()).partition("p=")[2].partition(";")[0] for text in texts]
    return "published" if keys == [public] else "different"
