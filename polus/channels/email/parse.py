"""Raw bytes to a `Mail`. Pure: no clock, no network, no database, the same answer for the same bytes.

The way in: `mime` cuts the parts, `bodies` gathers words and files, `stripping` finds what is new in them.
"""

import re

from polus.base import html, text
from polus.channels.email import addresses, bodies, charsets, headers, mime, stripping
from polus.channels.email.addresses import Address
from polus.channels.email.mails import Mail, Unreadable

MAX_SUBJECT = 998
MAX_HEADERS = 200
MAX_HEADER = 4_096
MAX_REPEATED = 32_768

_EVIDENCE = frozenset(
    {"from", "to", "subject", "date", "message-id", "received", "return-path", "content-type", "sender"}
)
_DELIVERED_TO = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "x-forwarded-to",
)
_BLANK_START = re.compile(r"\A(?:[ \t\xa0]*+\n)+")
_MARGIN = 65_536
"""Bytes that closing the tags of a cut-off page may take at most."""


def parse(raw: bytes) -> Mail:
    """The mail in `raw`; `Unreadable` when there is none. Linear in time and memory, whatever the bytes are."""
    try:
        return read(raw)
    except Unreadable:
        raise
    except Exception as error:
        raise Unreadable(f"reading it failed: {type(error).__name__}") from error


def read(raw: bytes) -> Mail:
    """As `parse`, but a mistake of ours shows as what it is; for tests."""
    root = mime.split(raw)
    if not any(name.lower() in _EVIDENCE for name, _ in root.fields):
        raise Unreadable("no mail: it is empty" if not raw.strip() else "no mail: it has no header")
    head = _Head(root)
    body, files = bodies.read(root)
    subject = head.text("subject")[:MAX_SUBJECT]
    page = body.nested
    body_text = body.text if body.text and body.text.strip() else html.to_text(page or "")
    body_text = text.truncate(_BLANK_START.sub("", text.clean(body_text)).rstrip())
    page_stripped = stripping.strip_html(page, subject) if page is not None else None
    stripped = stripping.strip_text(body_text, subject, page_stripped.signature if page_stripped else "")
    body_html = _bounded(page) if page is not None else None
    stripped_html = body_html
    if page_stripped and page_stripped.body != page:
        stripped_html = _bounded(page_stripped.body)
    signature = stripped.signature or (page_stripped.signature if page_stripped else "")
    replied = head.ids("in-reply-to")
    return Mail(
        message_id=next(iter(head.ids("message-id")), None),
        in_reply_to=replied[0] if replied else None,
        references=head.ids("references"),
        date=headers.date(head.text("date")) or headers.date(head.text("received").rpartition(";")[2]),
        from_=head.author(),
        reply_to=head.people("reply-to"),
        to=head.people("to"),
        cc=head.people("cc"),
        bcc=head.people("bcc"),
        delivered_to=head.people(*_DELIVERED_TO),
        subject=subject,
        body_text=body_text,
        body_html=body_html,
        stripped_text=stripped.body,
        stripped_html=stripped_html,
        stripped_signature=signature or None,
        attachments=files,
        headers=head.all(),
    )


def _bounded(page: str) -> str:
    safe = html.safe(page)
    if len(safe.encode()) <= text.BODY_BYTES:
        return safe
    return html.sanitise(text.truncate(safe, text.BODY_BYTES - _MARGIN))


class _Head:
    """The header of the whole mail, decoded on demand."""

    def __init__(self, root: mime.Part) -> None:
        self.fields = root.fields
        # 8-bit headers without a charset are in the body's, if anything tells.
        labels = (part.params.get("charset", b"").decode("ascii", "replace") for part in root.walk())
        self.fallback = next(
            (name for label in labels if (name := charsets.lookup(label)) and name != "utf_8"), "cp1252"
        )

    def values(self, *names: str) -> list[bytes]:
        return [value for key, value in self.fields if key.lower() in names]

    def text(self, name: str) -> str:
        return next((headers.decode(value, self.fallback) for value in self.values(name)), "")

    def ids(self, name: str) -> tuple[str, ...]:
        return headers.ids(" ".join(headers.decode(value, self.fallback) for value in self.values(name)[:5]))

    def people(self, *names: str) -> tuple[Address, ...]:
        joined = b", ".join(value for name in names for value in self.values(name)[:20])
        return addresses.read(charsets.decode(joined, "", self.fallback))

    def author(self) -> Address | None:
        for name in ("from", "sender", "resent-from", "return-path"):
            for value in self.values(name)[:5]:
                if found := addresses.read(charsets.decode(value, "", self.fallback)):
                    return found[0]
        return None

    def all(self) -> dict[str, str]:
        spelled: dict[str, str] = {}
        found: dict[str, str] = {}
        for name, value in self.fields:
            key = spelled.setdefault(name.lower(), name)
            decoded = headers.decode(value[:MAX_HEADER], self.fallback)
            if key in found:
                found[key] = f"{found[key]}\n{decoded}"[:MAX_REPEATED]
            elif len(found) < MAX_HEADERS:
                found[key] = decoded
        return found
