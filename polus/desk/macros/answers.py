"""The answers of macros that jobs apply: on the channel of the customer's newest message, where it can be answered."""

from collections.abc import Mapping
from typing import Any

from polus.base import errors
from polus.desk import actions
from polus.desk.actions import Outcome
from polus.desk.macros import applying
from polus.desk.macros.applying import Cause, Step
from polus.desk.tickets import drafts, messages
from polus.desk.tickets.bulk import said
from polus.desk.tickets.drafts import Draft
from polus.store.work import Work

# What cannot be answered in writing.
MUTE = frozenset(("api", "phone", "aircall", drafts.NOTE))
ANSWERED = """
select m.channel, m.subject from messages m
where m.account_id = $1 and m.ticket_id = $2 and not m.from_agent and m.public
order by m.created_datetime desc, m.id desc limit 1
"""


async def apply(
    work: Work, ticket_id: int, macro: Mapping[str, Any], *, job_id: int | None, close: bool = False
) -> list[Step]:
    """Apply a macro (`macros.active`) to a ticket for the acting user: its answer is sent, its actions are done. 404, 301.

    Events action-executed, macro-applied and those of the verbs.
    """
    given = applying.holding(macro["actions"])
    cause = Cause(macro_id=macro["id"], job_id=job_id)
    written: list[int | None] = []

    async def answer(text: Mapping[str, Any], files: list[dict[str, Any]]) -> Outcome:
        outcome = await _answer(work, ticket_id, macro["id"], given, text, files)
        written.append(outcome.message_id)
        return outcome

    steps = await applying.apply(work, ticket_id, given, cause, answer=answer, close=close)
    told = Cause(job_id=job_id, message_id=written[-1] if written else None)
    await applying.used(work, ticket_id, macro["id"], told)
    return steps


async def _answer(
    work: Work,
    ticket_id: int,
    macro_id: int,
    given: list[Mapping[str, Any]],
    text: Mapping[str, Any],
    files: list[dict[str, Any]],
) -> Outcome:
    """Send the macro's text, if it says anything and the channel can be answered."""
    bodies = actions.bodies(text)
    asked = await work.db.fetchrow(ANSWERED, work.account.id, ticket_id)
    if not bodies:
        return Outcome("skipped", "no text")
    if asked is None or asked["channel"] in MUTE:
        return applying.NO_TARGET
    draft = Draft(
        channel=asked["channel"],
        from_agent=True,
        via="helpdesk",
        source=actions.source(text, asked["channel"]),
        sender={"id": work.actor.user_id} if work.actor.user_id else None,
        subject=answering(asked["subject"]),
        attachments=files or None,
        macros=[{"id": macro_id}],
        actions=[dict(action) for action in given],
        stripped_text=bodies["body_text"],
        stripped_html=bodies["body_html"],
        **bodies,
    )
    try:
        async with work.attempt():
            return Outcome("success", None, await messages.add(work, ticket_id, draft))
    except errors.Refusal as refusal:
        return Outcome("error", said(refusal))


def answering(subject: str | None) -> str | None:
    """`Re: ` in front, once."""
    if not subject or subject[:3].lower() == "re:":
        return subject
    return ("Re: " + subject)[: actions.SUBJECT_LENGTH]
