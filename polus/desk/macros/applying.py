"""Applying a macro to a ticket: its texts filled, its answer sent, its actions done, and all of it told by events."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import actions
from polus.desk.actions import Outcome
from polus.desk.macros import macros
from polus.desk.tickets import drafts, happenings, messages, tickets
from polus.desk.tickets.bulk import said
from polus.desk.tickets.drafts import Draft
from polus.lang import actions as vocabulary
from polus.lang import template
from polus.lang.refused import Refused
from polus.lang.template import Target
from polus.store.work import Work

# Of these the last one in a macro holds; tags add up, and all else is done in order.
LAST_HOLDS = frozenset(
    (
        "setresponsetext", "setstatus", "setsubject", "setpriority", "setassignee", "setteamassignee", "snoozeticket",
        "excludefromautomerge", "excludefromcsat",
    )
)  # fmt: skip
ANSWER, ATTACH = "setresponsetext", "addattachments"
TARGETS = {
    "body_html": Target.HTML,
    "body_text": Target.TEXT,
    "subject": Target.LINE,
    "to": Target.LINE,
    "cc": Target.LINE,
    "bcc": Target.LINE,
}
# Bodies in events are cut here.
TOLD = 1_000
# What cannot be answered in writing.
MUTE = frozenset(("api", "phone", "aircall", drafts.NOTE))

OUTSIDE = Outcome("skipped", "not done by rules")
NOT_CONNECTED = Outcome("error", "not connected")
NO_TARGET = Outcome("skipped", "no-target")
NO_ANSWER = Outcome("skipped", "no answer to attach to")

AROUND = """
select (select json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'firstname', firstname(u.name),
    'lastname', lastname(u.name), 'bio', u.bio) from users u where u.account_id = $1 and u.id = $2) as current_user,
  (select s.data->>'timezone' from account_settings s where s.account_id = $1 and s.type = 'business-hours') as zone
"""
ANSWERED = """
select m.channel, m.subject from messages m
where m.account_id = $1 and m.ticket_id = $2 and not m.from_agent and m.public
order by m.created_datetime desc, m.id desc limit 1
"""


class Applied(msgspec.Struct):
    """What applying came to: the answer's id, and each action with its filled arguments and outcome."""

    message_id: int | None
    actions: list[tuple[str, Mapping[str, Any], Outcome]]


class _Filling:
    """The values that the texts of one application are filled with."""

    def __init__(self, context: Mapping[str, Any], zone: str) -> None:
        self._context = context
        self._zone = zone

    def fill(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments with all variables filled, each for what it becomes part of; what is missing is empty."""
        return {key: self._one(key, value) for key, value in arguments.items()}

    def _one(self, key: str, value: Any) -> Any:
        target = TARGETS.get(key)
        if target is None:
            return template.leaves(value, self._context, self._zone)
        if isinstance(value, list):
            return [self._one(key, item) for item in value]
        return template.render(value, self._context, target, self._zone) if isinstance(value, str) else value


async def apply(
    work: Work,
    ticket_id: int,
    macro: Mapping[str, Any],
    *,
    rule_id: int | None = None,
    job_id: int | None = None,
    close: bool = False,
) -> Applied:
    """Apply a macro (`macros.active`) to a ticket for the acting user, or for a rule; 404, 301.

    Answers on the channel of the customer's newest message where that can be answered; `close` closes at the end.
    400 when an action to the outside failed: then nothing is sent or done. Events action-executed, macro-applied and
    those of the verbs.
    """
    await tickets.lock(work, ticket_id)
    filling = await _filling(work, ticket_id, rule_id)
    chosen = [(action["name"], _filled(filling, action["arguments"])) for action in holding(macro["actions"])]
    outside = _outside(chosen, rule_id)
    answer = next((found for name, found in chosen if name.lower() == ANSWER), None)
    attached = [found for name, found in chosen if name.lower() == ATTACH]
    message_id, answered = await _answer(work, ticket_id, macro["id"], answer, attached, rule_id)
    done: list[tuple[str, Mapping[str, Any], Outcome]] = []
    for name, arguments in chosen:
        key = name.lower()
        if isinstance(arguments, Refused):
            outcome, arguments = Outcome("error", str(arguments)), {}
        elif key == ANSWER:
            outcome = answered
        elif key == ATTACH:
            outcome = actions.SUCCESS if message_id else NO_ANSWER
        else:
            outcome = outside.get(key) or await actions.perform(work, ticket_id, name, arguments)
        done.append((name, arguments, outcome))
    if close:
        await tickets.update(work, ticket_id, {"status": "closed"})
    cause = {"rule_id": rule_id, "job_id": job_id, "message_id": message_id}
    _tell(work, ticket_id, macro["id"], done, cause)
    await macros.used(work, macro["id"])
    return Applied(message_id, done)


def _filled(filling: _Filling, arguments: Mapping[str, Any]) -> Any:
    """The filled arguments, or why they cannot be."""
    try:
        return filling.fill(arguments)
    except Refused as refused:
        return refused


def holding(given: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The actions that count, in order."""
    last = {action["name"].lower(): place for place, action in enumerate(given)}
    return [
        action
        for place, action in enumerate(given)
        if action["name"].lower() not in LAST_HOLDS or last[action["name"].lower()] == place
    ]


def _outside(chosen: Sequence[tuple[str, Any]], rule_id: int | None) -> dict[str, Outcome]:
    """What becomes of actions to the outside: rules never do them, and without a connector nobody can."""
    external = [name for name, _ in chosen if vocabulary.is_external(name)]
    if external and rule_id is None:
        raise errors.one(external[0], NOT_CONNECTED.reason or "")
    return {name.lower(): OUTSIDE for name in external}


async def _filling(work: Work, ticket_id: int, rule_id: int | None) -> _Filling:
    ticket = msgspec.json.decode(await tickets.get(work, ticket_id))
    user_id = None if rule_id is not None else work.actor.user_id
    row = await work.db.fetchrow(AROUND, work.account.id, user_id)
    user = None if row["current_user"] is None else msgspec.json.decode(row["current_user"])
    context = {"ticket": ticket, "current_user": user, "account": {"domain": work.account.domain}}
    return _Filling(context, row["zone"] or "UTC")


async def _answer(
    work: Work,
    ticket_id: int,
    macro_id: int,
    answer: Any,
    attached: Sequence[Any],
    rule_id: int | None,
) -> tuple[int | None, Outcome]:
    """Send the macro's text, if it has one and the channel can be answered."""
    if answer is None:
        return None, NO_TARGET
    if isinstance(answer, Refused):
        return None, Outcome("error", str(answer))
    bodies = actions.bodies(answer)
    asked = await work.db.fetchrow(ANSWERED, work.account.id, ticket_id)
    if not bodies:
        return None, Outcome("skipped", "no text")
    if asked is None or asked["channel"] in MUTE:
        return None, NO_TARGET
    files = [
        file
        for found in attached
        if isinstance(found, Mapping) and isinstance(found.get("attachments"), list)
        for file in found["attachments"]
        if isinstance(file, Mapping) and isinstance(file.get("url"), str)
    ]
    draft = Draft(
        channel=asked["channel"],
        from_agent=True,
        via="helpdesk" if rule_id is None else "rule",
        source=actions.source(answer, asked["channel"]),
        sender={"id": work.actor.user_id} if work.actor.user_id else None,
        subject=answering(asked["subject"]),
        attachments=[attachment(file) for file in files] or None,
        macros=[{"id": macro_id}],
        rule_id=rule_id,
        stripped_text=bodies["body_text"],
        stripped_html=bodies["body_html"],
        **bodies,
    )
    try:
        async with work.attempt():
            return await messages.add(work, ticket_id, draft), actions.SUCCESS
    except errors.Refusal as refusal:
        return None, Outcome("error", said(refusal))


def answering(subject: str | None) -> str | None:
    """`Re: ` in front, once."""
    if not subject or subject[:3].lower() == "re:":
        return subject
    return ("Re: " + subject)[: actions.SUBJECT_LENGTH]


def attachment(given: Mapping[str, Any]) -> dict[str, Any]:
    """A file of a macro as a message carries it."""
    size = given.get("size")
    return {
        "url": given["url"],
        "name": str(given.get("name") or "file"),
        "content_type": str(given.get("content_type") or "application/octet-stream"),
        "size": size if type(size) is int else None,
        "public": given.get("public") is not False,
        "extra": None,
    }


def _tell(
    work: Work,
    ticket_id: int,
    macro_id: int,
    done: Sequence[tuple[str, Mapping[str, Any], Outcome]],
    cause: Mapping[str, Any],
) -> None:
    for name, arguments, outcome in done:
        data = {
            "name": name,
            "arguments": {key: _cut(value) for key, value in arguments.items()},
            "macro_id": macro_id,
            "status": outcome.status,
            "reason": outcome.reason,
            **cause,
        }
        happenings.record(work, ticket_id, "action-executed", data)
    work.record("macro-applied", "Macro", macro_id, {"ticket_id": ticket_id, **cause})


def _cut(value: Any) -> Any:
    return value[:TOLD] if isinstance(value, str) else value
