"""What the actions of macros (and rules) do to a ticket: known names, their arguments filled already.

Each is done by the ticket's own verbs. A wrong or dangling argument is an error, one that changes nothing is skipped;
texts to the customer and calls to the outside are left to whoever applies the actions.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import asyncpg
import msgspec
import structlog

from polus.base import clock, errors, html, text
from polus.desk.customers import values as customer_values
from polus.desk.field_values import Wanted
from polus.desk.tickets import drafts, happenings, labels, messages, tickets
from polus.desk.tickets import values as ticket_values
from polus.desk.tickets.bulk import said
from polus.desk.tickets.drafts import Draft
from polus.lang import actions, durations, sets
from polus.lang.refused import Refused
from polus.store.work import Work

Arguments = Mapping[str, Any]

SUBJECT_LENGTH = 998
BOT = "select role in ('bot', 'internal-agent') from users where account_id = $1 and id = $2"
HAPPENED = """
select exists (select from events where account_id = $1 and ticket_id = $2 and type = $3)
"""
NEWEST = """
select m.subject, m.body_text, m.body_html, m.created_datetime, m.attachments,
  coalesce(u.name, c.name, c.email, '') as sender
from messages m
left join users u on m.from_agent and u.account_id = m.account_id and u.id = m.sender_id
left join customers c on not m.from_agent and c.account_id = m.account_id and c.id = m.sender_id
where m.account_id = $1 and m.ticket_id = $2 and m.public order by m.created_datetime desc, m.id desc limit 1
"""


INTERNAL = "a mistake of the helpdesk; its log tells more"

log = structlog.get_logger(__name__)


class Outcome(NamedTuple):
    """`status` success, skipped or error, as messages and events tell it, and why it is not success.

    `message_id`: the message that it wrote.
    """

    status: str
    reason: str | None = None
    message_id: int | None = None


SUCCESS = Outcome("success")
NO_CHANGE = Outcome("skipped", "nothing to change")
UNKNOWN = Outcome("skipped", "unknown action")


class Wrong(ValueError):
    """An argument that cannot be; the text says why."""


class Skipped(Exception):
    """An action that does not apply here; the text is the reason."""


async def tried(work: Work, name: str, doing: Callable[[], Awaitable[Outcome]]) -> Outcome:
    """Do one action to a ticket that is there and locked. What fails leaves nothing behind, and does not raise."""
    try:
        async with work.attempt():
            return await doing()
    except Skipped as reason:
        return Outcome("skipped", str(reason))
    except errors.Refusal as refusal:
        return Outcome("error", said(refusal))
    except (Refused, ValueError) as reason:
        return Outcome("error", str(reason))
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, LookupError, TypeError):
        # A mistake of ours must stop neither the other actions nor other rules.
        log.exception("action failed", action=name)
        return Outcome("error", INTERNAL)


async def perform(work: Work, ticket_id: int, name: str, arguments: Arguments) -> Outcome:
    """Do one action of the table below to a ticket that is there and locked; it never raises."""
    run = RUN.get(name.lower())
    if run is None:
        return UNKNOWN
    return await tried(work, name, lambda: run(work, ticket_id, arguments))


def names(arguments: Arguments) -> list[str]:
    """The tag names of an argument."""
    try:
        return actions.tag_names(arguments.get("tags"))
    except ValueError as wrong:
        raise Wrong("tags: " + str(wrong)) from None


async def _add_tags(work: Work, ticket_id: int, arguments: Arguments) -> Outcome:
    present = await labels.named(work, ticket_id)
    new = [name for name in names(arguments) if name not in present]
    if not new:
        return NO_CHANGE
    await labels.add(work, ticket_id, [], new)
    return SUCCESS


async def _remove_tags(work: Work, ticket_id: int, arguments: Arguments) -> Outcome:
    present = await labels.named(work, ticket_id)
    off = [name for name in names(arguments) if name in present]
    if not off:
        return NO_CHANGE
    await labels.remove(work, ticket_id, [], off)
    return SUCCESS


async def _set_tags(work: Work, ticket_id: int, arguments: Arguments) -> Outcome:
    wanted = names(arguments)
    if set(wanted) == set(await labels.named(work, ticket_id)):
        return NO_CHANGE
    await labels.replace(work, ticket_id, [], wanted)
    return SUCCESS


async def _change(work: Work, ticket_id: int, given: Mapping[str, Any]) -> Outcome:
    old = await tickets.lock(work, ticket_id)
    if all(old[key] == value for key, value in given.items()):
        return NO_CHANGE
    await tickets.update(work, ticket_id, given)
    return SUCCESS


async def _status(_work: Work, arguments: Arguments) -> dict[str, Any]:
    status = arguments.get("status")
    if status not in sets.STATUSES:
        raise Wrong("status: not open or closed")
    return {"status": status}


async def _subject(_work: Work, arguments: Arguments) -> dict[str, Any]:
    subject = str(arguments.get("subject") or "").strip()[:SUBJECT_LENGTH]
    if not subject:
        raise Wrong("subject: empty")
    return {"subject": subject}


async def _priority(_work: Work, arguments: Arguments) -> dict[str, Any]:
    priority = arguments.get("priority")
    if priority not in sets.PRIORITIES:
        raise Wrong("priority: not one of " + ", ".join(sets.PRIORITIES))
    return {"priority": priority}


def whom(arguments: Arguments, key: str) -> int | None:
    """The id of `{id}`, None for nobody."""
    given = arguments.get(key)
    if given is None and key in arguments:
        return None
    if not isinstance(given, Mapping):
        raise Wrong(key + ": not null or an object with an id")
    return identifier(given.get("id"), key)


def identifier(given: Any, key: str) -> int:
    """An id, perhaps as text."""
    if isinstance(given, str) and given.isascii() and given.isdigit():
        given = int(given[:20])
    if type(given) is not int or not 0 < given < 2**63:
        raise Wrong(key + ": not an id")
    return given


async def _assignee(work: Work, arguments: Arguments) -> dict[str, Any]:
    user_id = whom(arguments, "assignee_user")
    if user_id is not None and await work.db.fetchval(BOT, work.account.id, user_id):
        raise Wrong("assignee_user: a bot")
    return {"assignee_user_id": user_id}


async def _team(_work: Work, arguments: Arguments) -> dict[str, Any]:
    return {"assignee_team_id": whom(arguments, "assignee_team")}


async def _snooze(work: Work, arguments: Arguments) -> dict[str, Any]:
    length, until = arguments.get("snooze_timedelta"), arguments.get("snooze_datetime")
    try:
        moment = work.now + durations.parse(str(length)) if length is not None else clock.parse(str(until))
    except ValueError as wrong:
        raise Wrong("snooze: " + (str(wrong) or "not a datetime")) from None
    return {"snooze_datetime": moment}


# What an action sets of the ticket's own columns; raises Wrong.
SETS: dict[str, Callable[[Work, Arguments], Awaitable[dict[str, Any]]]] = {
    "setstatus": _status,
    "setsubject": _subject,
    "setpriority": _priority,
    "setassignee": _assignee,
    "setteamassignee": _team,
    "snoozeticket": _snooze,
}


def _set(
    wanted: Callable[[Work, Arguments], Awaitable[dict[str, Any]]],
) -> Callable[[Work, int, Arguments], Awaitable[Outcome]]:
    async def run(work: Work, ticket_id: int, arguments: Arguments) -> Outcome:
        return await _change(work, ticket_id, await wanted(work, arguments))

    return run


def field_value(arguments: Arguments) -> Wanted:
    """The value that an action gives to a custom field."""
    field_id = identifier(arguments.get("custom_field_id"), "custom_field_id")
    value = arguments.get("value")
    if isinstance(value, list | Mapping):
        raise Wrong("value: not a text, a number, true, false or null")
    return Wanted(field_id, value, "value")


async def _set_value(work: Work, ticket_id: int, arguments: Arguments) -> Outcome:
    await ticket_values.OWNER.write(work, ticket_id, [field_value(arguments)], replace=False)
    return SUCCESS


async def _set_customer_value(work: Work, ticket_id: int, arguments: Arguments) -> Outcome:
    customer_id = (await tickets.lock(work, ticket_id))["customer_id"]
    await customer_values.OWNER.write(work, customer_id, [field_value(arguments)], replace=False)
    return SUCCESS


def bodies(arguments: Arguments) -> dict[str, Any]:
    """Text and HTML of a message, one made of the other where it is missing; the HTML sanitised. Empty: says nothing."""
    plain, markup = arguments.get("body_text"), arguments.get("body_html")
    plain = plain if isinstance(plain, str) and plain.strip() else ""
    markup = html.sanitise(markup) if isinstance(markup, str) and markup.strip() else ""
    if not plain and not markup:
        return {}
    plain, markup = plain or html.to_text(markup), markup or html.from_text(plain)
    return {name: text.truncate(body) for name, body in (("body_text", plain), ("body_html", markup))}


async def _note(work: Work, ticket_id: int, arguments: Arguments) -> Outcome:
    said_ = bodies(arguments)
    if not said_:
        raise Wrong("body_text: empty")
    sender = {"id": work.actor.user_id} if work.actor.user_id else None
    via = "rule" if work.actor.rule_id else "helpdesk"
    note = Draft(
        channel=drafts.NOTE,
        from_agent=True,
        via=via,
        sender=sender,
        rule_id=work.actor.rule_id,
        **_stripped(said_),
    )
    return Outcome("success", None, await messages.add(work, ticket_id, note))


def _stripped(said_: dict[str, Any]) -> dict[str, Any]:
    """What an agent writes here quotes nothing."""
    return {**said_, "stripped_text": said_["body_text"], "stripped_html": said_["body_html"]}


def recipients(arguments: Arguments, key: str) -> list[dict[str, Any]]:
    """The addresses of a comma text or list."""
    given = arguments.get(key)
    parts = given.split(",") if isinstance(given, str) else given if isinstance(given, list) else []
    found = [part.strip() for item in parts if isinstance(item, str) for part in item.split(",")]
    return [{"name": None, "address": address} for address in dict.fromkeys(found) if "@" in address]


def source(arguments: Arguments, channel: str) -> dict[str, Any] | None:
    """The addresses that the arguments name, as a message's source; None when they name none."""
    lists = {key: found for key in ("to", "cc", "bcc") if (found := recipients(arguments, key))}
    return {"type": channel, **lists} if lists else None


async def _forward(work: Work, ticket_id: int, arguments: Arguments) -> Outcome:
    newest = await work.db.fetchrow(NEWEST, work.account.id, ticket_id)
    if newest is None:
        return Outcome("skipped", "nothing to forward")
    if not recipients(arguments, "to"):
        raise Wrong("to: no address")
    head = "---------- Forwarded message ----------\nFrom: " + newest["sender"]
    head += "\nDate: " + clock.text(newest["created_datetime"]) + "\nSubject: " + (newest["subject"] or "")
    said_ = bodies(arguments)
    body = bodies({"body_text": newest["body_text"], "body_html": newest["body_html"]})
    plain = "\n\n".join(
        part for part in (said_.get("body_text"), head, body.get("body_text", "")) if part is not None
    )
    markup = "<br><br>".join(
        (said_.get("body_html", ""), html.from_text(head), body.get("body_html", ""))
    ).removeprefix("<br><br>")
    draft = Draft(
        channel="email",
        from_agent=True,
        via="helpdesk",
        source=source(arguments, "email"),
        sender={"id": work.actor.user_id} if work.actor.user_id else None,
        subject=("Fwd: " + (newest["subject"] or ""))[:SUBJECT_LENGTH],
        attachments=None if newest["attachments"] is None else msgspec.json.decode(newest["attachments"]),
        **_stripped({"body_text": text.truncate(plain), "body_html": text.truncate(markup)}),
    )
    return Outcome("success", None, await messages.add(work, ticket_id, draft))


# What is told once of a ticket.
EXCLUDES = {
    "excludefromautomerge": "ticket-excluded-from-auto-merge",
    "excludefromcsat": "ticket-excluded-from-csat",
}


def _exclude(kind: str) -> Callable[[Work, int, Arguments], Awaitable[Outcome]]:
    async def run(work: Work, ticket_id: int, _arguments: Arguments) -> Outcome:
        await tickets.lock(work, ticket_id)
        if await work.db.fetchval(HAPPENED, work.account.id, ticket_id, kind):
            return NO_CHANGE
        happenings.record(work, ticket_id, kind)
        return SUCCESS

    return run


NO_CONNECTOR = Outcome("skipped", "no such integration")


async def _no_connector(_work: Work, _ticket_id: int, _arguments: Arguments) -> Outcome:
    return NO_CONNECTOR


RUN: dict[str, Callable[[Work, int, Arguments], Awaitable[Outcome]]] = {
    "addtags": _add_tags,
    "removetags": _remove_tags,
    "settags": _set_tags,
    **{name: _set(wanted) for name, wanted in SETS.items()},
    "setcustomfieldvalue": _set_value,
    "setcustomercustomfieldvalue": _set_customer_value,
    "addinternalnote": _note,
    "forwardmessage": _forward,
    **{name: _exclude(kind) for name, kind in EXCLUDES.items()},
    "facebookhidecomment": _no_connector,
    "facebooklikecomment": _no_connector,
}
