"""A `Mail` the other way round: what we want to say as bytes ready for SMTP.

The same input gives the same bytes, so that a second attempt to send is the same mail. Whatever stands in a name, a
subject or an id cannot add a header.
"""

import base64
import email.policy
import hashlib
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import msgspec

from polus.base import html, text
from polus.channels.email import files
from polus.channels.email.addresses import Address
from polus.channels.email.mails import LOOP_HEADER, Attachment

MAX_SUBJECT = 998
MAX_REFERENCES = 20
_WIDTH = 76


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to be sent. Blind copies are the envelope's matter and never stand here.

    `body_text` is made from `body_html` when missing. `automatic`: nobody pressed a button for this mail; `answering`
    then tells whether it answers one (`auto-replied`) or not. `loop_token`: see `verdict.judge`.
    """

    from_: Address
    to: tuple[Address, ...]
    message_id: str
    date: datetime
    subject: str = ""
    body_text: str | None = None
    body_html: str | None = None
    cc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = False
    loop_token: str = ""

    @property
    def answering(self) -> bool:
        return bool(self.in_reply_to or self.references)


def compose(outgoing: Outgoing) -> bytes:
    """The mail, lines ended by CRLF and at most 998 long. ASCII, but for mailboxes that are not (they need SMTPUTF8)."""
    content = EmailMessage(policy=email.policy.SMTP.clone(cte_type="7bit"))
    _write_body(content, outgoing)
    for number, part in enumerate(part for part in content.walk() if part.is_multipart()):
        seed = f"{outgoing.message_id}\0{number}"
        part.set_boundary("=_" + hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:40])
    return _head(outgoing).encode("utf-8") + content.as_bytes()


def _head(outgoing: Outgoing) -> str:
    """Written here: the standard library makes encoded words of long ids and of commas between mailboxes."""
    kept = [*outgoing.references[:1], *outgoing.references[1:][1 - MAX_REFERENCES :]]
    answering = "auto-replied" if outgoing.answering else "auto-generated"
    fields = [
        ("From", _mailboxes((outgoing.from_,))),
        ("To", _mailboxes(outgoing.to)),
        ("Cc", _mailboxes(outgoing.cc)),
        ("Reply-To", _mailboxes(outgoing.reply_to)),
        ("Subject", _phrase(text.one_line(outgoing.subject)[:MAX_SUBJECT])),
        ("Date", [format_datetime(outgoing.date.astimezone(UTC))]),
        ("Message-ID", [_id(outgoing.message_id)]),
        ("In-Reply-To", [_id(outgoing.in_reply_to or "")]),
        ("References", [_id(one) for one in kept]),
        ("Auto-Submitted", [answering] if outgoing.automatic else []),
        ("X-Auto-Response-Suppress", ["All"] if outgoing.automatic else []),
        (LOOP_HEADER, [re.sub(r"[^A-Za-z0-9_.-]", "", outgoing.loop_token)[:100]]),
    ]
    return "".join(_field(name, pieces) for name, pieces in fields if any(pieces))


def _field(name: str, pieces: list[str]) -> str:
    lines = [f"{name}:"]
    for piece in pieces:
        if len(lines[-1]) + len(piece) >= _WIDTH and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += " " + piece
    return "\r\n".join(lines) + "\r\n"


def _id(one: str) -> str:
    return re.sub(r"[^\x21-\x7e]", "", one)[:900]


def _mailboxes(people: tuple[Address, ...]) -> list[str]:
    pieces: list[str] = []
    for one in people:
        local, _, domain = re.sub(r"[\s<>,;\"\\()]", "", text.clean(one.address)).rpartition("@")
        if not domain.isascii():
            domain = _ascii_domain(domain)
        name = text.one_line(one.name)[:255]
        if name.isascii() and "=?" not in name:
            escaped = re.sub(r'(["\\])', r"\\\1", name)
            pieces += [f'"{escaped}"'] if name else []
        else:
            pieces += _encoded_words(name)
        pieces.append(f"<{local}@{domain}>,")
    return [*pieces[:-1], pieces[-1].rstrip(",")] if pieces else []


def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain.encode("ascii", "ignore").decode("ascii")


def _phrase(words: str) -> list[str]:
    """Words that may be folded between, encoded where they must be."""
    pieces = words.split(" ")
    return (
        pieces
        if words.isascii() and "=?" not in words and max(map(len, pieces)) < 900
        else _encoded_words(words)
    )


def _encoded_words(words: str) -> list[str]:
    """RFC 2047, each word whole characters of at most 45 bytes."""
    chunks = [b""]
    for character in words:
        encoded = character.encode("utf-8", "replace")
        if len(chunks[-1]) + len(encoded) > 45:
            chunks.append(b"")
        chunks[-1] += encoded
    return [f"=?utf-8?b?{base64.b64encode(one).decode('ascii')}?=" for one in chunks if one]


def _write_body(message: EmailMessage, outgoing: Outgoing) -> None:
    plain = outgoing.body_text
    if plain is None:
        plain = html.to_text(outgoing.body_html or "")
    message.set_content(_storable(plain), cte=_encoding(plain))
    if outgoing.body_html is not None:
        _write_page(message, outgoing)
    for number, file in enumerate(outgoing.attachments, 1):
        if not _is_in_page(file, outgoing):
            kind, name = _described(file, number)
            message.add_attachment(file.content, *kind, filename=name)


def _write_page(message: EmailMessage, outgoing: Outgoing) -> None:
    page = _storable(outgoing.body_html or "")
    message.add_alternative(page, subtype="html", cte=_encoding(page))
    alternatives = message.get_payload()
    assert isinstance(alternatives, list)
    part = alternatives[-1]
    assert isinstance(part, EmailMessage)
    for number, file in enumerate(outgoing.attachments, 1):
        if _is_in_page(file, outgoing):
            kind, name = _described(file, number)
            part.add_related(
                file.content,
                *kind,
                filename=name,
                cid=f"<{_id(file.content_id or '')}>",
                disposition="inline",
            )


def _is_in_page(file: Attachment, outgoing: Outgoing) -> bool:
    return bool(file.content_id and outgoing.body_html and f"cid:{file.content_id}" in outgoing.body_html)


def _described(file: Attachment, number: int) -> tuple[tuple[str, str], str]:
    main, _, sub = file.content_type.lower().partition("/")
    if not re.fullmatch(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}", f"{main}/{sub}") or main in (
        "message",
        "multipart",
    ):
        main, sub = (
            "application",
            "octet-stream",
        )  # a part of these kinds must not be encoded, and a file must
    return (main, sub), files.safe_name(file.name, f"{main}/{sub}", number)


def _storable(words: str) -> str:
    return text.unix_lines(text.clean(words)).rstrip("\n") + "\n"


def _encoding(words: str) -> str:
    """Always encoded: 7-bit text would be changed by servers that touch `From ` and dots, and signatures break."""
    return "quoted-printable" if sum(map(str.isascii, words)) * 6 >= len(words) * 5 else "base64"
