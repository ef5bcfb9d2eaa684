"""A `Mail` the other way round: what we want to say as bytes ready for SMTP.

The same input gives the same bytes, so that a second attempt to send is the same mail. Whatever stands in a name, a
subject or an id cannot add a header.
"""

import email.policy
import hashlib
import re
from datetime import UTC, datetime
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.utils import format_datetime

import msgspec

from polus.base import html, text
from polus.channels.email import files
from polus.channels.email.addresses import Address
from polus.channels.email.mails import LOOP_HEADER, Attachment

MAX_SUBJECT = 998
MAX_REFERENCES = 20


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
    message = _new_message(outgoing)
    _write_head(message, outgoing)
    _write_body(message, outgoing)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        seed = f"{outgoing.message_id}\0{number}"
        part.set_boundary("=_" + hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:40])
    return message.as_bytes()


class _Policy(email.policy.EmailPolicy):
    """The standard library's, but for ids: it turns long ones into encoded words, which nobody decodes there."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _IDS:
            return (
                f"{name}: {self.linesep.join(' ' + one for one in value.split())[1:]}{self.linesep}".encode(
                    "ascii"
                )
            )
        return super().fold_binary(name, value)


_IDS = frozenset({"message-id", "in-reply-to", "references"})
_ASCII = _Policy(linesep="\r\n", cte_type="7bit")
_UTF8 = _Policy(linesep="\r\n", cte_type="7bit", utf8=True)


def _new_message(outgoing: Outgoing) -> EmailMessage:
    people = (outgoing.from_, *outgoing.to, *outgoing.cc, *outgoing.reply_to)
    is_ascii = all(one.address.rpartition("@")[0].isascii() for one in people)
    return EmailMessage(policy=_ASCII if is_ascii else _UTF8)


def _write_head(message: EmailMessage, outgoing: Outgoing) -> None:
    message["From"] = _written(outgoing.from_)
    if outgoing.to:
        message["To"] = [_written(one) for one in outgoing.to]
    if outgoing.cc:
        message["Cc"] = [_written(one) for one in outgoing.cc]
    if outgoing.reply_to:
        message["Reply-To"] = [_written(one) for one in outgoing.reply_to]
    message["Subject"] = text.one_line(outgoing.subject)[:MAX_SUBJECT]
    message["Date"] = format_datetime(outgoing.date.astimezone(UTC))
    message["Message-ID"] = _id(outgoing.message_id)
    if outgoing.in_reply_to:
        message["In-Reply-To"] = _id(outgoing.in_reply_to)
    if outgoing.references:
        kept = [*outgoing.references[:1], *outgoing.references[1:][1 - MAX_REFERENCES :]]
        message["References"] = " ".join(_id(one) for one in kept)
    if outgoing.automatic:
        message["Auto-Submitted"] = "auto-replied" if outgoing.answering else "auto-generated"
        message["X-Auto-Response-Suppress"] = "All"
    if outgoing.loop_token:
        message[LOOP_HEADER] = re.sub(r"[^\w.-]", "", outgoing.loop_token)[:100]


def _id(one: str) -> str:
    return re.sub(r"[^\x21-\x7e]", "", one)[:900]


def _written(one: Address) -> HeaderAddress:
    local, _, domain = re.sub(r"[\s<>,;\"\\]", "", text.clean(one.address)).rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode("ascii")
    return HeaderAddress(text.one_line(one.name), local, domain)


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
