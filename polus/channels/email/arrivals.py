"""What a mail that was read becomes: a message of a ticket, the failure of one that bounced, or nothing but its trace.

Pure judgement is `verdict`'s and `threading`'s; here it meets the account's rows.
"""

import html as entities
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from polus.channels import inbound
from polus.channels.email import listener, threading, verdict
from polus.channels.email.addresses import Address
from polus.channels.email.mails import Attachment, Mail
from polus.channels.email.verdict import Verdict
from polus.channels.inbound import Clue, Inbound
from polus.desk import aliases, files
from polus.desk.files import Kept
from polus.desk.letter_settings import DEFAULTS, LetterSettings
from polus.desk.tickets import messages
from polus.store.work import Work

OWN = """
select id, ticket_id from messages where account_id = $1 and message_id = $2 and from_agent order by id limit 1
"""

# What no person wrote and nobody will answer.
RECEIPTS = frozenset(("read-receipt", "delivery-receipt", "feedback-report"))
# A mail's own date is believed when it lies so close before its arrival; clocks may be some minutes fast.
OLDEST = timedelta(days=7)
FAST = timedelta(minutes=10)


class Settled(msgspec.Struct, frozen=True):
    """How a mail ended: one of the named states, why, and where."""

    state: str
    reason: str | None = None
    ticket_id: int | None = None
    message_id: int | None = None


class Envelope(msgspec.Struct, frozen=True):
    """What is known of a mail besides its bytes."""

    integration_id: int | None
    sender: str
    recipients: Sequence[str]
    received: datetime
    history: bool = False
    wanted: LetterSettings = DEFAULTS
    authentication: dict[str, Any] | None = None


def envelope(
    row: Any, wanted: LetterSettings = DEFAULTS, authentication: dict[str, Any] | None = None
) -> Envelope:
    """Out of a row of the journal, with what the account wants and what speaks for the sender."""
    return Envelope(
        row["integration_id"],
        row["envelope_from"],
        row["envelope_to"],
        row["received_datetime"],
        row["history"],
        wanted,
        authentication,
    )


async def settle(work: Work, given: Envelope, mail: Mail, kept: list[Kept]) -> Settled:
    """Do what the mail asks for. `kept` receives the files stored on the way: delete them when this is undone."""
    own = await aliases.own(work)
    judged = await _judged(work, mail, own)
    if judged.kind == "loop":
        return Settled("loop", judged.reason)
    if judged.bounce is not None:
        return await _bounced(work, judged)
    if judged.reason in RECEIPTS:
        return Settled("ignored", judged.reason)
    author = _author(mail, judged, set(own), given.sender)
    if author is None:
        return Settled("parked", "it names nobody who could be answered")
    # Before its files are stored; the second look, in `accept`, finds the lock taken already.
    copy = await inbound.known(work, mail.identity)
    if copy is None:
        copy = await inbound.accept(
            work, await _inbound(work, given, mail, author, kept, _meta(mail, given, own, judged, author))
        )
    state = "duplicate" if copy.duplicate else "delivered"
    return Settled(state, judged.reason or None, copy.ticket_id, copy.message_id)


async def _judged(work: Work, mail: Mail, own: Collection[str]) -> Verdict:
    ids = set()
    if mail.message_id and await work.db.fetchrow(OWN, work.account.id, mail.message_id):
        ids.add(mail.message_id)
    return verdict.judge(mail, own, ids, work.account.hash)


async def _bounced(work: Work, judged: Verdict) -> Settled:
    """Tell the message that bounced; its `sent_datetime` stays."""
    bounce = judged.bounce
    assert bounce is not None
    row = None
    if bounce.message_id:
        row = await work.db.fetchrow(OWN, work.account.id, bounce.message_id)
    if row is None:
        return Settled("ignored", "the bounce of a mail that is not ours")
    if not bounce.delayed:
        people = ", ".join(one.address for one in bounce.recipients[:5])
        said = " ".join(part for part in (bounce.status, bounce.diagnostic) if part)
        told = f"<p>The mail came back from {entities.escape(people)}.</p><p>{entities.escape(said)}</p>"
        await messages.failed(work, row["id"], told, retriable=not bounce.permanent)
    return Settled("bounce", judged.reason, row["ticket_id"], row["id"])


def _author(mail: Mail, judged: Verdict, own: set[str], envelope_from: str) -> Address | None:
    """Who wrote it and gets the answer: Reply-To before From, but neither a list's address nor our own."""
    asked = [mail.from_] if judged.kind == "list" else [*mail.reply_to[:1], mail.from_]
    found = [one for one in asked if one is not None and one.is_complete]
    for one in found:
        if threading.without_token(one) not in own:
            return one if one.name or mail.from_ is None else Address(mail.from_.name, one.address)
    bare = Address("", envelope_from)
    return found[0] if found else bare if bare.is_complete else None


async def _inbound(
    work: Work,
    given: Envelope,
    mail: Mail,
    author: Address,
    kept: list[Kept],
    meta: dict[str, Any] | None,
) -> Inbound:
    stored = await _stored(work, mail, kept)
    pages = [mail.body_html, mail.stripped_html]
    listed = []
    for file, wire in zip(mail.attachments, stored, strict=True):
        place = f"cid:{entities.escape(file.content_id or '')}"
        shown = bool(file.content_id) and any(page and place in page for page in pages)
        pages = [page and page.replace(f'"{place}"', f'"{entities.escape(wire["url"])}"') for page in pages]
        if not (shown and file.inline):
            listed.append({**wire, "public": False})
    return Inbound(
        channel="email",
        message_id=mail.identity,
        # Whoever writes Reply-To may name anybody there: only From shows him to take part in a ticket whose id he guessed.
        address=(mail.from_ or author).address,
        sender={"email": author.address, "name": author.name or None},
        source=_source(mail, author, given),
        integration_id=given.integration_id,
        clues=_clues(work, mail, given),
        subject=mail.subject or None,
        body_text=mail.body_text,
        body_html=pages[0],
        stripped_text=mail.stripped_text,
        stripped_html=pages[1],
        stripped_signature=mail.stripped_signature,
        attachments=listed or None,
        headers=mail.headers,
        meta=meta,
        spam=given.wanted.spam_headers and bool(verdict.spam(mail)),
        sent_datetime=_date(mail, given.received),
        history_datetime=given.received if given.history else None,
    )


def _meta(
    mail: Mail, given: Envelope, own: Mapping[str, bool], judged: Verdict, author: Address
) -> dict[str, Any] | None:
    """What agents and rules are told about the mail itself."""
    told: dict[str, Any] = {}
    if given.authentication is not None:
        told["authentication"] = given.authentication
    if given.wanted.spam_headers and (header := verdict.spam(mail)):
        told["spam_header"] = header
    first = threading.without_token(given.recipients[0]) if given.recipients else ""
    # The answer goes out from the alias also when the mail does not name it: a blind copy, or passed on to it.
    if own.get(first) and first not in {threading.without_token(one) for one in (*mail.to, *mail.cc)}:
        told["delivered_to"] = first
    if mail.from_ is not None and author.key != mail.from_.key:
        told["reply_to"] = author.address
    if judged.kind == "automatic":
        told["automatic"] = judged.reason
    return told or None


async def _stored(work: Work, mail: Mail, kept: list[Kept]) -> list[dict[str, Any]]:
    """The mail's files as private files of the account, in the wire's form."""
    for file in mail.attachments:
        kept.append(  # noqa: PERF401 - those stored so far must be known when the next one fails
            await files.keep(
                work.database.files, work.account, file.name, file.content_type, _chunks(file), limit=listener.SIZE
            )
        )  # fmt: skip
    return [msgspec.json.decode(told) for told in await files.add(work, "attachment", kept, referenced=True)]


async def _chunks(file: Attachment) -> AsyncIterator[bytes]:
    yield file.content


def _source(mail: Mail, author: Address, given: Envelope) -> dict[str, Any]:
    to = mail.to or tuple(Address("", one) for one in given.recipients)
    lists = {"to": to, "cc": mail.cc}
    told: dict[str, Any] = {"type": "email", "from": _told(mail.from_ or author)}
    return told | {name: [_told(one) for one in people] for name, people in lists.items() if people}


def _told(address: Address) -> dict[str, str]:
    return {"name": address.name, "address": address.address}


def _clues(work: Work, mail: Mail, given: Envelope) -> list[Clue]:
    """Ids that the mail answers, then tickets that a token proves, also one in the envelope alone."""
    key = work.database.secret_key.encode()
    host = given.recipients[0].rpartition("@")[2] if given.recipients else ""
    found = [
        Clue(message_id=clue.message_id, ticket_id=clue.ticket_id if clue.proven else None)
        for clue in threading.clues(mail, key, work.account.id, host)
    ]
    tickets = (threading.ticket_of(one, key, work.account.id) for one in given.recipients)
    return found + [Clue(ticket_id=ticket) for ticket in tickets if ticket is not None]


def _date(mail: Mail, received: datetime) -> datetime | None:
    """When it was sent, if its date can be true."""
    if mail.date is None or not received - OLDEST < mail.date < received + FAST:
        return None
    return min(mail.date, received)
