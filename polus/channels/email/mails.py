"""What a mail is once it is read: plain values, no behaviour beyond looking things up."""

import hashlib
from datetime import datetime

import msgspec

from polus.channels.email.addresses import Address

LOOP_HEADER = "X-Polus-Loop"
"""In every mail that we send; by it we know our own ones when they come back."""


class Unreadable(ValueError):
    """The bytes are no mail. The message says why, in words for the person who finds it parked."""


class Attachment(msgspec.Struct, frozen=True):
    """A file of a mail. `name` is safe as a file name; `content_id` (no angle brackets) is what `cid:` in HTML names.

    `inline`: shown within the HTML, not to be listed below it.
    """

    name: str
    content_type: str
    content: bytes
    content_id: str | None = None
    inline: bool = False


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail as read by `parse.parse`. Ids have angle brackets, times are UTC, texts are clean and bounded.

    `references` are oldest first. `body_text` is made from the HTML when the mail has only that; `body_html` and
    `stripped_html` are sanitised, None when there is no HTML. `delivered_to`: the mailboxes that servers on the way
    say it was for, the only trace of a Bcc or of a forwarding. `headers`: decoded, several of one name as lines.
    """

    message_id: str | None
    in_reply_to: str | None
    references: tuple[str, ...]
    date: datetime | None
    from_: Address | None
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    delivered_to: tuple[Address, ...]
    subject: str
    body_text: str
    body_html: str | None
    stripped_text: str
    stripped_html: str | None
    stripped_signature: str | None
    attachments: tuple[Attachment, ...]
    headers: dict[str, str]

    def header(self, name: str) -> str:
        """The header of that name in any case, `""` without one."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")

    @property
    def content_type(self) -> str:
        """`multipart/report` and the like, in lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def sender(self) -> Address | None:
        """Whom an answer goes to: Reply-To before From."""
        return self.reply_to[0] if self.reply_to else self.from_

    @property
    def identity(self) -> str:
        """What two copies of this mail share: the Message-ID, else a made-up one from what people can see of it."""
        if self.message_id:
            return self.message_id
        seen = (self.from_ and self.from_.key, str(self.date), self.subject, self.body_text)
        return f"<{hashlib.sha256(repr(seen).encode('utf-8', 'replace')).hexdigest()[:40]}@missing.invalid>"
