"""Carries out the actions of rules, each through the same verbs that people use (reference: languages, 2.6)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import asyncpg
import structlog

from polus.base import errors
from polus.desk import actions
from polus.desk.macros import applying, macros
from polus.desk.rules import mails, replies
from polus.desk.rules.runs import Outcome, Run, Skipped, Wrong
from polus.desk.tickets import happenings, tickets
from polus.desk.tickets.bulk import said
from polus.lang import actions as vocabulary
from polus.lang import template
from polus.lang.refused import Refused
from polus.lang.template import Target
from polus.store.work import Work

# Characters of a text that the event of an action repeats.
TOLD = 1000
TARGETS = {"body_html": Target.HTML, "body_text": Target.TEXT}
ALREADY = "already so"
INTERNAL = "a mistake of the helpdesk; its log tells more"
NOT_IN_RULES = "not when a rule applies the macro"

log = structlog.get_logger(__name__)

Arguments = dict[str, Any]
Do = Callable[[Work, Run, Arguments], Awaitable[None]]


async def carry_out(work: Work, run: Run, name: str, given: Mapping[str, Any]) -> Outcome:
    """Do one action; what fails is undone and told, and nothing else. Event action-executed."""
    arguments: Arguments = {}
    try:
        async with work.attempt():
            arguments = _filled(work, run, given)
            outcome = Outcome(name, *(await _do(work, run, name, arguments)))
    except Skipped as reason:
        outcome = Outcome(name, "skipped", str(reason))
    except (Wrong, Refused, ValueError) as reason:
        outcome = Outcome(name, "error", str(reason))
    except (errors.NotFound, errors.Merged):
        raise
    except errors.Refusal as refusal:
        outcome = Outcome(name, "error", said(refusal))
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, LookupError, TypeError):
        # A mistake of ours must neither stop the other actions nor the other rules.
        log.exception("action failed", action=name, rule_id=run.rule_id)
        outcome = Outcome(name, "error", INTERNAL)
    run.outcomes.append(outcome)
    _tell(work, run, outcome, arguments)
    return outcome


async def _do(work: Work, run: Run, name: str, arguments: Arguments) -> actions.Outcome:
    own = OWN.get(name.lower())
    if own is not None:
        await own(work, run, arguments)
        return actions.SUCCESS
    if vocabulary.is_external(name):
        raise Skipped(NOT_IN_RULES)
    done = await actions.perform(work, run.ticket_id, name, arguments)
    if name.lower() == "setassignee" and done.status == "success":
        run.assigned = arguments["assignee_user"] is not None
    return done


def _tell(work: Work, run: Run, outcome: Outcome, arguments: Arguments) -> None:
    data = {
        "name": outcome.name,
        "arguments": {
            key: value[:TOLD] if isinstance(value, str) else value for key, value in arguments.items()
        },
        "macro_id": run.macro_id,
        "job_id": None,
        "message_id": run.message_id,
        "status": outcome.status,
        "reason": outcome.reason,
    }
    happenings.record(work, run.ticket_id, "action-executed", data)


def _filled(work: Work, run: Run, given: Mapping[str, Any]) -> Arguments:
    """The arguments with their templates filled."""
    context = run.context(work.account.domain)

    def fill(value: Any, target: Target) -> Any:
        if isinstance(value, str):
            return template.render(value, context, target, run.state.zone)
        if isinstance(value, list):
            return [fill(item, target) for item in value]
        if isinstance(value, Mapping):
            return {key: fill(item, target) for key, item in value.items()}
        return value

    return {key: fill(value, TARGETS.get(key, Target.LINE)) for key, value in given.items()}


async def _note(work: Work, run: Run, given: Arguments) -> None:
    await replies.note(work, run, replies.body(given))


async def _reply(work: Work, run: Run, given: Arguments) -> None:
    await replies.reply(work, run, replies.body(given), given.get("subject") or None)


async def _delete(work: Work, run: Run, given: Arguments) -> None:
    if run.state.ticket["trashed_datetime"] is not None:
        raise Skipped(ALREADY)
    await tickets.update(work, run.ticket_id, {"trashed_datetime": work.now})


async def _apply(work: Work, run: Run, given: Arguments) -> None:
    """The macro's actions one after the other, each for itself; its answer last, with the files it brings."""
    macro = await macros.active(work, actions.identifier(given.get("macro", given.get("macro_id")), "macro"))
    if macro is None:
        raise Wrong("the macro is archived or gone")
    answer = None
    run.macro_id, run.files = macro["id"], []
    for action in applying.holding(macro["actions"]):
        name, arguments = action["name"].lower(), action["arguments"]
        if name == "addattachments":
            run.files += replies.files(arguments)
        elif name == "setresponsetext":
            answer = arguments
        else:
            await carry_out(work, run, action["name"], arguments)
    if answer is not None:
        await carry_out(work, run, "setResponseText", answer)
    await macros.used(work, macro["id"])
    work.record("macro-applied", "Macro", macro["id"], {"ticket_id": run.ticket_id}, ticket_id=run.ticket_id)
    run.macro_id = None


async def _respond(work: Work, run: Run, given: Arguments) -> None:
    await replies.reply(work, run, replies.body(given), None, run.files or None)


# Everything else is done by the same actions that macros have.
OWN: dict[str, Do] = {
    "addinternalnote": _note,
    "replytoticket": _reply,
    "sendemail": mails.send,
    "applymacro": _apply,
    "setresponsetext": _respond,
    "forwardmessage": mails.forward,
    "deleteticket": _delete,
}
