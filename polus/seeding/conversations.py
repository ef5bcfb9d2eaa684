"""The messages of a ticket as templates: who says what, on which channel, in which language. Pure."""

import functools
from typing import Any

import msgspec

from polus.base import html, wire
from polus.seeding import lines, phrases
from polus.seeding.phrases import Language

COLUMNS = (
    "account_id", "id", "ticket_id", "message_id", "public", "channel", "via", "source", "sender_id", "receiver_id",
    "integration_id", "from_agent", "subject", "body_text", "body_html", "stripped_text", "stripped_html",
    "stripped_signature", "imported", "created_datetime", "processed_datetime", "sent_datetime", "failed_datetime",
    "last_sending_error",
)  # fmt: skip

NOTE = "internal-note"
# What is said.
ASKED, NUDGED, ANSWERED, THANKED, FURTHER, NOTED, SPAM = (
    "ASKED NUDGED ANSWERED THANKED FURTHER NOTED SPAM".split()
)
BY_AGENT = frozenset((ANSWERED, NOTED))
# The number that text messages come to.
NUMBER = "+1 800 555 0100"
# COPY text; the same for every message that failed.
FAILURE = lines.escaped(wire.encode({"error": phrases.shop().failure}))


class Said(msgspec.Struct, frozen=True):
    """One message: its line, what it says, and what the ticket must know of it. Texts have places, as the line."""

    line: str
    text: str
    subject: str | None
    from_agent: bool
    note: bool
    integration: bool


class Setting(msgspec.Struct, frozen=True, eq=False):
    """Where conversations take place. Told apart by identity, as languages are."""

    account_id: int
    integration_id: int
    address: str


@functools.cache
def choices(language: Language, what: str) -> int:
    """How many ways there are to say it."""
    return len(_ways(language, what)) or 1


def _ways(language: Language, what: str) -> tuple[str, ...]:
    ways = {
        NUDGED: language.nudges,
        THANKED: language.thanks,
        FURTHER: language.further,
        NOTED: phrases.shop().notes,
    }
    return ways.get(what, ())


@functools.lru_cache(4096)
def said(setting: Setting, language: Language, story: int, what: str, way: int, channel: str) -> Said:
    """The message; its line's places are named by `tickets`."""
    shown = NOTE if what == NOTED else channel
    by_mail = shown in ("email", "contact_form")
    from_agent = what in BY_AGENT
    if from_agent and shown == "contact_form":
        shown = "email"
    body = _body(language, story, what, way)
    integration = shown == "email"
    given: dict[str, str | None] = {
        "account_id": str(setting.account_id),
        "id": "%(id)s",
        "ticket_id": "%(ticket)s",
        "public": "f" if what == NOTED else "t",
        "channel": shown,
        "via": "helpdesk" if from_agent else shown,
        "source": wire.encode(_source(setting, shown, from_agent)),
        "sender_id": "%(agent_id)s" if from_agent else "%(customer)s",
        "receiver_id": "%(customer)s" if what == ANSWERED else None,
        "integration_id": str(setting.integration_id) if integration else None,
        "from_agent": "t" if from_agent else "f",
        "imported": "f",
        "created_datetime": "%(created)s",
        "processed_datetime": "%(created)s",
    }
    if by_mail:
        subject = _subject(language, story, what)
        given |= {"message_id": "<%(token)s@" + _host(setting, from_agent) + ">"}
        given |= {"subject": subject if what in (ASKED, SPAM) else "Re: " + subject}
        given |= _mail(setting, language, body, what)
    else:
        given |= {"body_text": body, "stripped_text": body}
        given |= {"body_html": html.from_text(body)} if from_agent else {}
    # Three columns that end the line are filled as COPY text, because they may be null.
    line = lines.template(COLUMNS[:-3], given)[:-1] + "\t%(sent)s\t%(failed)s\t%(error)s\n"
    text = given["stripped_text"] or ""
    return Said(line, text, given.get("subject"), from_agent, what == NOTED, integration)


def _body(language: Language, story: int, what: str, way: int) -> str:
    ways = _ways(language, what)
    if ways:
        text = ways[way]
    elif what == SPAM:
        text = phrases.shop().spam[story].text
    else:
        text = language.stories[story].asked if what == ASKED else language.stories[story].answered
    return lines.literal(text)


def _subject(language: Language, story: int, what: str) -> str:
    return lines.literal(
        phrases.shop().spam[story].subject if what == SPAM else language.stories[story].subject
    )


def _host(setting: Setting, from_agent: bool) -> str:
    return setting.address.partition("@")[2] if from_agent else "%(host)s"


def _mail(setting: Setting, language: Language, body: str, what: str) -> dict[str, str | None]:
    """The bodies of an e-mail: greeting and signature around what is said, and what was answered below."""
    from_agent = what in BY_AGENT
    words = lines.literal(language.hello if from_agent else language.dear) + "\n\n" + body
    signature = lines.literal(language.bye if from_agent else language.signed)
    whole = words + "\n\n" + signature
    if what in (THANKED, FURTHER):
        quoted = lines.literal(language.stories[0].answered).split("\n")[0]
        whole += "\n\n%(agent)s <" + setting.address + ">:\n> " + quoted
    if what == SPAM:
        words = whole = body
        signature = ""
    return {
        "body_text": whole,
        "body_html": html.from_text(whole),
        "stripped_text": words,
        "stripped_html": html.from_text(words),
        "stripped_signature": signature or None,
    }


def _source(setting: Setting, channel: str, from_agent: bool) -> dict[str, Any]:
    if channel == NOTE:
        return {"type": NOTE}
    if channel == "chat":
        return {"type": "chat"}
    kind = {"sms": "phone", "contact_form": "contact-form"}.get(channel, channel)
    theirs = {"name": "%(name)s", "address": "%(phone)s" if channel == "sms" else "%(email)s"}
    ours = {"name": "Support", "address": NUMBER if channel == "sms" else setting.address}
    first, second = (ours, theirs) if from_agent else (theirs, ours)
    return {"type": kind, "from": first, "to": [second]}
