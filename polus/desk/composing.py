"""What an agent writes in a ticket: an answer, an internal note or a forward, checked and made a message.

`Composed` is the composer's content as it is kept in drafts and plans; whoever sends it later gets the same message.
Who may write is the door's to ask; what the message does to the ticket is in `tickets.messages`.
"""

import datetime
import re
from collections.abc import Sequence
from email.utils import getaddresses
from typing import Any, Literal

import msgspec

from polus.base import addresses, clock, errors, html, text
from polus.desk import files, inbox
from polus.desk.files import Found, Kept
from polus.desk.macros import using
from polus.desk.tickets import drafts, tickets
from polus.desk.tickets.drafts import Draft
from polus.store.work import Work

MOST_RECIPIENTS = 50
MOST_MACROS = 20
MOST_ACTIONS = 100
LISTS = ("to", "cc", "bcc")
# Answers on these go to whoever spoke there last; no address is needed.
SPOKEN = ("chat",)
SUBJECT_LENGTH = 998

# What others have added behind the last message that the writer had seen.
NEWER = """
select id from messages where account_id = $1 and ticket_id = $2 and id > $3
  and not (from_agent and sender_id is not distinct from $4) order by id
"""
SENT = """
select exists (select from messages where account_id = $1 and ticket_id = $2 and id > $3 and from_agent
  and sender_id = $4 and channel = $5 and stripped_text = $6 and created_datetime > $7::timestamptz - interval '1 minute')
"""
QUOTED = """
select m.subject, m.body_text, m.body_html, m.created_datetime, m.attachments, m.source->'to' as addressed,
  coalesce(u.name, c.name, c.email, '') as sender
from messages m
left join users u on m.from_agent and u.account_id = m.account_id and u.id = m.sender_id
left join customers c on not m.from_agent and c.account_id = m.account_id and c.id = m.sender_id
where m.account_id = $1 and m.ticket_id = $2 and m.public and ($3::bigint is null or m.id = $3)
order by m.created_datetime desc, m.id desc limit 1
"""
MENTION = re.compile(r"@")

Mode = Literal["reply", "note", "forward"]


class Composed(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The composer's content. Recipients as they were typed, `html` only when it says more than `body`.

    `sender`: the integration to send from, by `sender_address`, one of its addresses. `files`: addresses of uploaded ones. `actions`: of macros, those that were
    left. `about`: the message that is forwarded. `seen`: the last message of the ticket that the writer had before him.
    """

    mode: Mode = "reply"
    channel: str = "email"
    to: str = ""
    cc: str = ""
    bcc: str = ""
    sender: int | None = None
    sender_address: str = ""
    body: str = ""
    html: str = ""
    files: list[str] = []
    macros: list[int] = []
    actions: list[dict[str, Any]] = []
    about: int | None = None
    seen: int | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it worth keeping."""
        return not (self.body.strip() or self.files or self.actions)


class Follows(msgspec.Struct, frozen=True):
    """What becomes of the ticket when the message is there."""

    change: Literal["", "close", "snooze"] = ""
    until: datetime.datetime | None = None


class Unusable(errors.Invalid):
    """It cannot be sent: field -> (code, what of), the code one of `SENTENCES`."""

    def __init__(self, problems: dict[str, tuple[str, str]]) -> None:
        super().__init__({field: [SENTENCES[code] % what] for field, (code, what) in problems.items()})
        self.problems = problems


class Outdated(errors.Conflict):
    """Others wrote meanwhile: `message_ids`, oldest first."""

    def __init__(self, message_ids: Sequence[int]) -> None:
        super().__init__({"message_ids": list(message_ids)}, "The ticket has new messages.")
        self.message_ids = list(message_ids)


# `%s` or nothing is filled with what is wrong.
SENTENCES = {
    "empty": "Write something first.%s",
    "long": "The text is too long.%s",
    "nobody": "Say whom it shall go to.%s",
    "address": "“%s” is not an e-mail address.",
    "many": "At most %s addresses.",
    "files": "At most %s files.",
    "gone": "The file “%s” is not there any more.",
    "quoted": "The message to forward is not there any more.%s",
    "large": "A file may have 20 MB at most.%s",
    "rights": "Your role may not have these actions done.%s",
    "text": "A text may have %s characters at most.",
    "stopped": "The customer said STOP: no text can be sent to him until he says START.%s",
}


async def send(
    work: Work,
    ticket_id: int,
    composed: Composed,
    follows: Follows,
    kept: Sequence[Kept] = (),
    *,
    anyway: bool = True,
) -> int:
    """Store the message and do what follows; its id. 404, 301, 400 (Unusable), 409 (Outdated) unless `anyway`.

    `kept`: files that come with it and have no row yet.
    """
    draft = await checked(work, ticket_id, composed, anyway=anyway, more=len(kept))
    stored = [
        msgspec.json.decode(file) for file in await files.add(work, "attachment", kept, referenced=True)
    ]
    draft.attachments = [*(draft.attachments or []), *({**file, "public": False} for file in stored)] or None
    message_id = await using.send(work, ticket_id, draft)
    if follows.change == "close":
        await tickets.update(work, ticket_id, {"status": "closed"})
    elif follows.change == "snooze":
        await tickets.update(work, ticket_id, {"snooze_datetime": follows.until})
    return message_id


async def was_sent(work: Work, ticket_id: int, composed: Composed) -> bool:
    """Whether the same form was sent a moment ago: a click too many, or a browser that sent it again. Until the
    transaction ends nobody else sends one in the ticket. 404, 301, Unusable."""
    if composed.seen is None or not composed.body.strip():
        return False
    await tickets.lock(work, ticket_id)
    said = _bodies(composed, may_be_empty=True)["stripped_text"]
    channel = drafts.NOTE if composed.mode == "note" else composed.channel
    about = (ticket_id, composed.seen, work.actor.user_id, channel, said, work.now)
    return bool(await work.db.fetchval(SENT, work.account.id, *about))


async def checked(
    work: Work, ticket_id: int, composed: Composed, *, anyway: bool = True, more: int = 0
) -> Draft:
    """The message that it would become; refuses as `send` does, `more` files counted in."""
    ticket = msgspec.json.decode(await tickets.get(work, ticket_id))
    if not anyway and composed.seen is not None:
        newer = await work.db.fetch(NEWER, work.account.id, ticket_id, composed.seen, work.actor.user_id)
        if newer:
            raise Outdated([row["id"] for row in newer])
    draft = await worded(work, composed, more)
    if composed.mode == "note":
        return draft
    _address(draft, composed, ticket)
    if composed.mode == "forward":
        await _quote(work, ticket_id, composed.about, draft)
    return draft


async def worded(work: Work, composed: Composed, more: int = 0) -> Draft:
    """The message with its words, files and mentions, addressed to nobody yet; Unusable."""
    if composed.mode == "reply" and composed.channel in drafts.BY_TEXT:
        composed = msgspec.structs.replace(composed, html="")
    bodies = _bodies(composed, may_be_empty=bool(composed.files) and composed.channel in drafts.BY_TEXT)
    attachments = await _attachments(work, composed, more)
    draft = Draft(
        channel=drafts.NOTE if composed.mode == "note" else composed.channel,
        from_agent=True,
        via="helpdesk",
        sender={"id": work.actor.user_id} if work.actor.user_id else None,
        attachments=attachments or None,
        macros=[{"id": macro_id} for macro_id in composed.macros[:MOST_MACROS]] or None,
        actions=composed.actions[:MOST_ACTIONS] or None,
        **bodies,
    )
    try:
        using.require_rights(work, [draft])
    except errors.Forbidden:
        raise Unusable({"body": ("rights", "")}) from None
    if composed.mode == "note":
        draft.mention_ids = mentioned(draft.body_text or "", await inbox.people(work))
    return draft


def _bodies(composed: Composed, *, may_be_empty: bool) -> dict[str, Any]:
    """The text as typed, and as HTML that looks the same."""
    rich = html.written(composed.html) if composed.html else ""
    rich = rich if html.is_formatted(rich) else ""
    body = html.to_text(rich) if rich else text.unix_lines(text.clean(composed.body))
    body = body.strip()
    if not body and composed.mode != "forward" and not may_be_empty:
        raise Unusable({"body": ("empty", "")})
    rich = html.sanitise(rich) if rich else html.from_text(body)
    if text.truncate(body) != body or text.truncate(rich) != rich:
        raise Unusable({"body": ("long", "")})
    return {"body_text": body, "body_html": rich, "stripped_text": body, "stripped_html": rich}


async def _attachments(work: Work, composed: Composed, more: int) -> list[dict[str, Any]]:
    """The uploaded files as messages carry them."""
    if len(composed.files) + more > files.MOST_FILES:
        raise Unusable({"attachments": ("files", str(files.MOST_FILES))})
    found = await files.find(work, composed.files)
    for url in composed.files:
        if url not in found:
            raise Unusable({"attachments": ("gone", url.rsplit("/", 1)[-1])})
    return [attached(url, found[url]) for url in composed.files]


def attached(url: str, found: Found) -> dict[str, Any]:
    """A file of ours as a message carries it."""
    return {
        "url": url,
        "name": found.name,
        "content_type": found.content_type,
        "size": found.size,
        "public": False,
    }


def channels(ticket: dict[str, Any]) -> list[str]:
    """The channels that an answer can go by, the one that the customer used last first."""
    theirs = [message["channel"] for message in reversed(ticket["messages"]) if not message["from_agent"]]
    found = [channel for channel in dict.fromkeys(theirs) if channel in SPOKEN or drafts.custom(channel)]
    for channel in ("email", *drafts.BY_TEXT):
        option = ticket["reply_options"].get(channel) or {}
        if option.get("answerable") and option.get("integrations"):
            found.append(channel)
    return sorted(found, key=lambda channel: channel != next(iter(theirs), None))


def _address(draft: Draft, composed: Composed, ticket: dict[str, Any]) -> None:
    if composed.mode == "reply" and composed.channel in drafts.BY_TEXT:
        _as_text(draft, composed.channel, ticket)
        return
    if composed.mode == "reply" and composed.channel != "email" and composed.channel in channels(ticket):
        draft.source = _back(composed.channel, ticket)
        draft.receiver = {"id": ticket["customer"]["id"]}
        return
    by_mail(draft, composed, ticket["customer"])
    if composed.mode == "reply":
        draft.subject = titled("Re: ", ticket["subject"])
        draft.receiver = {"id": ticket["customer"]["id"]}


def by_mail(draft: Draft, composed: Composed, customer: dict[str, Any]) -> None:
    """Make it a mail to whom was typed, from where was chosen; `customer` gives a known address its name. Unusable."""
    draft.channel = "email"
    lists = {name: recipients(getattr(composed, name), name, customer) for name in LISTS}
    if not lists["to"]:
        raise Unusable({"to": ("nobody", "")})
    draft.source = {"type": "email"} | {name: found for name, found in lists.items() if found}
    draft.integration_id = composed.sender
    if composed.sender_address:
        draft.source["from"] = {"address": composed.sender_address}


def _back(channel: str, ticket: dict[str, Any]) -> dict[str, Any]:
    """The source of an answer where the customer spoke: on a channel of somebody's own, to where he wrote from."""
    found: dict[str, Any] = {"type": channel}
    if drafts.custom(channel):
        theirs = [one for one in ticket["messages"] if one["channel"] == channel and not one["from_agent"]]
        source = theirs[-1]["source"] or {}
        found |= {"to": [source["from"]]} if source.get("from") else {}
        found |= {"from": source["to"][0]} if source.get("to") else {}
    return found


def _as_text(draft: Draft, channel: str, ticket: dict[str, Any]) -> None:
    """To the number the customer wrote from, from the one he wrote to: whoever sends it fills them in."""
    if (ticket["reply_options"].get(channel) or {}).get("reason") == "unsubscribed":
        raise Unusable({"body": ("stopped", "")})
    if channel not in channels(ticket):
        raise Unusable({"body": ("nobody", "")})
    if len(draft.body_text or "") > drafts.TEXT_LENGTH:
        raise Unusable({"body": ("text", f"{drafts.TEXT_LENGTH:,}")})
    draft.source = {"type": drafts.BY_TEXT[channel]}
    draft.receiver = {"id": ticket["customer"]["id"]}


def recipients(typed: str, field: str, customer: dict[str, Any]) -> list[dict[str, Any]]:
    """The addresses of a line such as `Ann <ann@x.example>, bob@y.example`; Unusable when one is none."""
    found = []
    for name, address in getaddresses([typed.replace(";", ",").replace("\n", ",")]):
        if not address and not name:
            continue
        plain = addresses.email(address)
        if not addresses.is_email(plain) or "." not in plain.partition("@")[2]:
            raise Unusable({field: ("address", (address or name)[:80])})
        known = customer["name"] if plain == (customer["email"] or "").lower() else None
        found.append({"name": name or known, "address": plain})
    if len(found) > MOST_RECIPIENTS:
        raise Unusable({field: ("many", str(MOST_RECIPIENTS))})
    return found


def titled(mark: str, subject: str | None) -> str | None:
    """`Re: ` or `Fwd: ` in front, once."""
    if not subject or subject[: len(mark)].lower() == mark.lower().rstrip() + " ":
        return subject
    return (mark + subject)[:SUBJECT_LENGTH]


async def _quote(work: Work, ticket_id: int, about: int | None, draft: Draft) -> None:
    """Put the message that is forwarded below the words, with its files."""
    row = await work.db.fetchrow(QUOTED, work.account.id, ticket_id, about)
    if row is None:
        raise Unusable({"body": ("quoted", "")})
    head = "---------- Forwarded message ----------\nFrom: " + row["sender"]
    head += "\nDate: " + clock.text(row["created_datetime"]) + "\nSubject: " + (row["subject"] or "")
    words = row["body_text"] or html.to_text(row["body_html"] or "")
    markup = html.sanitise(row["body_html"]) if row["body_html"] else html.from_text(words)
    plain = "\n\n".join(part for part in (draft.body_text, head, words) if part)
    rich = "<br><br>".join(part for part in (draft.body_html, html.from_text(head), markup) if part)
    draft.own_words = len(draft.body_text or ""), len(draft.body_html or "")
    draft.body_text, draft.body_html = text.truncate(plain), text.truncate(rich)
    draft.stripped_text, draft.stripped_html = draft.body_text, draft.body_html
    draft.subject = titled("Fwd: ", row["subject"]) or "Fwd:"
    old = msgspec.json.decode(row["attachments"]) if row["attachments"] else []
    draft.attachments = [*(draft.attachments or []), *old] or None


def mentioned(words: str, people: Sequence[dict[str, Any]]) -> list[int]:
    """Who is named as `@Name` or `@first name`; a longer name is meant before a shorter one that it begins with."""
    lower, found = words.lower(), list[int]()
    names = sorted(((str(one["name"] or "").lower(), one["id"]) for one in people), key=lambda n: -len(n[0]))
    for place in (match.start() for match in MENTION.finditer(lower)):
        rest = lower[place + 1 :]
        for name, user_id in names:
            if name and rest.startswith(name) and not rest[len(name) : len(name) + 1].isalnum():
                found.append(user_id)
                break
    return list(dict.fromkeys(found))
