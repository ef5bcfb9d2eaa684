"""Automatic replies: what is answered, and when it is better not to (reference: languages, 2.5)."""

import datetime
import re
from collections.abc import Mapping
from typing import Any

from polus.base import addresses, clock, html
from polus.desk.actions import Skipped, Wrong
from polus.desk.rules.acting import Hands
from polus.desk.rules.runs import Run
from polus.desk.rules.sights import Json
from polus.desk.tickets import drafts, parties
from polus.desk.tickets.drafts import Draft

# One customer gets at most one automatic reply in this time, whatever the ticket or rule.
PAUSE = datetime.timedelta(minutes=5)
STALE = datetime.timedelta(hours=24)
BULK = frozenset(("bulk", "junk", "auto_reply"))
MACHINE = re.compile(r"(?:mailer-daemon|postmaster|noreply|no-reply)@.*", re.IGNORECASE)

# A message that a visitor typed into the chat of a shop's page: an answer stands beside it.
CHATTED = "select exists (select from chat_lines where account_id = $1 and message_id = $2)"

Body = dict[str, str]


def body(arguments: Mapping[str, Any]) -> Body:
    """Text and HTML of a message, the one made from the other where it is missing; wrong when both are empty."""
    text, markup = arguments.get("body_text") or "", arguments.get("body_html") or ""
    if not text.strip() and not (markup and html.to_text(markup).strip()):
        raise Wrong("empty")
    return {"body_text": text or html.to_text(markup), "body_html": markup or html.from_text(text)}


def answered(run: Run, now: datetime.datetime, *, any_cause: bool = False) -> Json | None:
    """The customer's message that a reply answers; skipped when it is one that gets no automatic answer.

    `any_cause`: for mails that are no answers: also when an agent's message set the rule off, or there is none at all.
    """
    cause = None if run.message_id is None else run.message
    if cause is not None and cause["from_agent"]:
        if not any_cause:
            raise Skipped("agent-message")
        cause = None
    if cause is None:
        received = [one for one in run.state.ticket["messages"] if not one["from_agent"]]
        cause = received[-1] if received else None
    if cause is None:
        if any_cause:
            return None
        raise Skipped("no-target")
    if cause["channel"] == "api":
        raise Skipped("api-channel")
    if _automatic(cause):
        raise Skipped("automatic-mail")
    written = clock.parse(cause["created_datetime"])
    if now - written > STALE and run.trigger != "ticket-self-unsnoozed":
        raise Skipped("stale")
    return cause


def _automatic(message: Json) -> bool:
    """Whether a machine wrote it, by what was found when it came in, its headers and its sender."""
    if (message.get("meta") or {}).get("automatic"):
        return True
    headers = {name.lower(): value for name, value in (message.get("headers") or {}).items()}
    said = _last(headers.get("auto-submitted")).split(";")[0].strip().lower()
    if said not in ("", "no"):
        return True
    if _last(headers.get("precedence")).strip().lower() in BULK:
        return True
    if "return-path" in headers and _last(headers["return-path"]).strip() in ("", "<>"):
        return True
    return MACHINE.fullmatch(_sender(message)) is not None


def _last(value: Any) -> str:
    value = value[-1] if isinstance(value, list) and value else value
    return value if isinstance(value, str) else ""


def _sender(message: Json) -> str:
    source = (message.get("source") or {}).get("from") or {}
    return str(source.get("address") or (message.get("sender") or {}).get("email") or "")


async def pause(hands: Hands, run: Run) -> None:
    """Skipped when the ticket's customer got an automatic reply just now."""
    if await hands.paused(run, hands.work.now - PAUSE):
        raise Skipped("rate")


async def reply(hands: Hands, run: Run, given: Mapping[str, Any]) -> None:
    """`replyToTicket`, and the text of a macro: answer the customer on the channel of his message, him alone.

    Skipped when that is not called for.
    """
    said = body(given)
    cause = answered(run, hands.work.now)
    assert cause is not None, "without one it was skipped"
    if cause["channel"] not in drafts.BY_EMAIL and not await _chatted(hands, cause):
        raise Skipped("no-target")
    await pause(hands, run)
    address = parties.answered_at(cause) or _sender(cause)
    source: Json = {"type": cause["channel"]}
    # A mailing list is not answered, only who wrote through it: whoever else got the mail is left out.
    if cause["channel"] in drafts.BY_EMAIL and addresses.is_email(address):
        name = ((cause.get("source") or {}).get("from") or {}).get("name")
        source["to"] = [{"name": name, "address": address}]
    await write(
        hands,
        run,
        said,
        channel=cause["channel"],
        source=source,
        subject=given.get("subject") or None,
        attachments=given.get("attachments") or None,
    )


async def _chatted(hands: Hands, cause: Json) -> bool:
    work = hands.work
    return bool(await work.db.fetchval(CHATTED, work.account.id, cause["id"]))


async def write(hands: Hands, run: Run, said: Body, **more: Any) -> None:
    """A message of the account's bot in the ticket: a note, or to the customer."""
    draft = Draft(
        from_agent=True,
        via="rule",
        rule_id=run.rule_id,
        sender={"id": run.state.bot_id},
        body_text=said["body_text"],
        body_html=said["body_html"],
        **more,
    )
    run.written.append(await hands.write(draft))


async def note(hands: Hands, run: Run, given: Mapping[str, Any]) -> None:
    """`addInternalNote`."""
    await write(hands, run, body(given), channel=drafts.NOTE)
