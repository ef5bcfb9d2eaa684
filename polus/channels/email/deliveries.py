"""Agents' messages as mails: written the way customers' programs thread them, from the address they wrote to."""

import html as entities
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import addresses
from polus.channels.email import compose, dkim_signing, routes
from polus.channels.email.addresses import Address
from polus.channels.email.compose import Outgoing
from polus.channels.email.mails import Attachment
from polus.channels.email.relay import Letter
from polus.channels.sending import Outcome
from polus.desk import files
from polus.desk.files import Found
from polus.desk.tickets import messages
from polus.store.files import TooLarge
from polus.store.queue import Key
from polus.store.work import Work

MESSAGE = """
select m.id, m.ticket_id, m.message_id, m.subject, m.body_text, m.body_html, m.source::text as source,
  m.attachments::text as attachments, m.created_datetime, m.via, m.integration_id, t.subject as ticket_subject,
  d.recipients, d.reference_ids, d.in_reply_to
from deliveries d
join messages m on m.account_id = d.account_id and m.id = d.message_id
join tickets t on t.account_id = m.account_id and t.id = m.ticket_id
where d.account_id = $1 and d.message_id = $2
"""
LEFT = "update deliveries set recipients = $3 where account_id = $1 and message_id = $2"

MOST_BYTES = 25 * 1024 * 1024  # of all files of one mail; most servers refuse larger ones
TOO_LARGE = "The files of this message are larger than 25 MB together, more than mail servers take."
GONE = "A file of this message is gone: "
PICTURE = re.compile(r'(<img\b[^>]{0,2000}?\bsrc=")([^"]{1,4000})(")', re.IGNORECASE)
REPLY = re.compile(r"\s*(?:re|aw|sv|antw|odp|vs)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)


class Deliveries:
    """The errand of tickets' messages."""

    table = "deliveries"
    id = "message_id"
    line = "b.ticket_id = d.ticket_id"

    async def letter(self, work: Work, key: Key) -> Letter:
        """The message as a mail."""
        row = await work.db.fetchrow(MESSAGE, *key)
        if row is None:
            raise ValueError("The message is gone.")
        source = msgspec.json.decode(row["source"])
        sender = source["from"]["address"]
        route = await routes.of(work, row["integration_id"], sender, row["ticket_id"])
        answers = route.answers
        attachments, links, page = await _files(work, row)
        text = row["body_text"]
        if links and (text is not None or page is None):
            text = "\n\n".join([text or "", *(f"{name}: {url}" for name, url in links)]).strip()
        outgoing = Outgoing(
            from_=_person(source["from"]),
            to=_people(source, "to"),
            cc=_people(source, "cc"),
            reply_to=(Address(source["from"].get("name") or "", answers),) if answers != sender else (),
            message_id=row["message_id"],
            date=row["created_datetime"],
            subject=_subject(row),
            body_text=text,
            body_html=page and page + "".join(_link(name, url) for name, url in links),
            in_reply_to=row["in_reply_to"],
            references=tuple(row["reference_ids"]),
            attachments=attachments,
            automatic=row["via"] == "rule",
            loop_token=work.account.hash,
        )
        raw = await dkim_signing.signed(work, compose.compose(outgoing), sender, row["created_datetime"])
        return Letter(route.bounces, row["recipients"], raw, route.server)

    async def sent(self, work: Work, key: Key, outcome: Outcome) -> None:
        """`sent_datetime`; whom the relay refused for good is told as a failure beside it."""
        await messages.sent(work, key[1])
        if outcome.never and outcome.later:
            await self.failed(work, key, outcome.said, retriable=False)

    async def failed(self, work: Work, key: Key, said: str, *, retriable: bool) -> None:
        """`failed_datetime` and the error for the agent."""
        await messages.failed(work, key[1], f"<p>{entities.escape(said)}</p>", retriable=retriable)

    async def remaining(self, work: Work, key: Key, recipients: tuple[str, ...]) -> None:
        """The envelope of the next attempt."""
        await work.db.execute(LEFT, *key, list(recipients))


def _person(given: Mapping[str, Any]) -> Address:
    return Address(given.get("name") or "", given["address"])


def _people(source: Mapping[str, Any], name: str) -> tuple[Address, ...]:
    given = source.get(name) or []
    return tuple(_person(one) for one in given if addresses.is_email(one.get("address") or ""))


def _subject(row: Any) -> str:
    if row["subject"]:
        return str(row["subject"])
    subject = row["ticket_subject"] or ""
    return subject if not row["reference_ids"] or REPLY.match(subject) else "Re: " + subject


def _link(name: str, url: str) -> str:
    return f'<p><a href="{entities.escape(url)}">{entities.escape(name)}</a></p>'


async def _files(work: Work, row: Any) -> tuple[tuple[Attachment, ...], list[tuple[str, str]], str | None]:
    """Files of ours as parts of the mail, those of others as links, and the page with its pictures inside the mail.

    The customer cannot fetch private files, so pictures of the page that are ours travel with it.
    """
    listed = msgspec.json.decode(row["attachments"]) if row["attachments"] else []
    page = row["body_html"]
    shown = {match[2] for match in PICTURE.finditer(page or "")}
    urls = {item["url"]: item.get("name") for item in listed}
    found = await files.find(work, {*urls, *(entities.unescape(url) for url in shown)})
    if sum(file.size for file in found.values()) > MOST_BYTES:
        raise ValueError(TOO_LARGE)
    parts: list[Attachment] = []
    for url, file in sorted(found.items()):
        name = urls.get(url) or file.name
        content_id = None
        if page and (place := f'"{entities.escape(url)}"') in page:
            content_id = f"file-{len(parts) + 1}.{row['id']}@polus"
            page = page.replace(place, f'"cid:{content_id}"')
        parts.append(
            Attachment(name, file.content_type, await _read(work, file), content_id, bool(content_id))
        )
    links = [(name or url, url) for url, name in urls.items() if url not in found]
    return tuple(parts), links, page


async def _read(work: Work, file: Found) -> bytes:
    try:
        return await work.database.files.read(file.key, limit=MOST_BYTES)
    except TooLarge:
        raise ValueError(TOO_LARGE) from None
    except FileNotFoundError:
        raise ValueError(GONE + file.name) from None
