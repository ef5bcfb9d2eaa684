"""Carries out the actions of rules, each through the same verbs that people use (reference: languages, 2.6)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from polus.desk import actions
from polus.desk.actions import Skipped, Wrong
from polus.desk.macros import applying, macros
from polus.desk.macros.applying import Cause
from polus.desk.macros.filling import Filling
from polus.desk.rules import mails, replies
from polus.desk.rules.runs import Outcome, Run
from polus.desk.tickets import tickets
from polus.store.work import Work

ALREADY = "already so"

Arguments = Mapping[str, Any]
Do = Callable[[Work, Run, Arguments], Awaitable[None]]


async def carry_out(work: Work, run: Run, name: str, given: Arguments) -> Outcome:
    """Do one action; what fails is undone and told, and nothing else. Event action-executed."""
    arguments: dict[str, Any] = {}

    async def doing() -> actions.Outcome:
        arguments.update(_values(work, run).arguments(name, given))
        return await _do(work, run, name, arguments)

    done = await actions.tried(work, name, doing)
    outcome = Outcome(name, done.status, done.reason)
    run.outcomes.append(outcome)
    cause = Cause(rule_id=run.rule_id, message_id=run.message_id)
    applying.tell(work, run.ticket_id, name, arguments, done, cause)
    return outcome


def _values(work: Work, run: Run) -> Filling:
    return Filling(run.context(work.account.domain), run.state.zone)


async def _do(work: Work, run: Run, name: str, arguments: Arguments) -> actions.Outcome:
    own = OWN.get(name.lower())
    if own is not None:
        await own(work, run, arguments)
        return actions.SUCCESS
    known = actions.RUN.get(name.lower())
    if known is None:
        return actions.UNKNOWN
    done = await known(work, run.ticket_id, arguments)
    if name.lower() == "setassignee" and done.status == "success":
        run.assigned = arguments["assignee_user"] is not None
    return done


async def _note(work: Work, run: Run, given: Arguments) -> None:
    await replies.note(work, run, replies.body(given))


async def _reply(work: Work, run: Run, given: Arguments) -> None:
    await replies.reply(work, run, replies.body(given), given.get("subject") or None)


async def _delete(work: Work, run: Run, given: Arguments) -> None:
    if run.state.ticket["trashed_datetime"] is not None:
        raise Skipped(ALREADY)
    await tickets.update(work, run.ticket_id, {"trashed_datetime": work.now})


async def _apply(work: Work, run: Run, given: Arguments) -> None:
    """The macro's answer as an automatic reply, then its other actions, each for itself."""
    macro = await macros.active(work, actions.identifier(given.get("macro", given.get("macro_id")), "macro"))
    if macro is None:
        raise Wrong("the macro is archived or gone")

    async def answer(text: Arguments, files: list[dict[str, Any]]) -> actions.Outcome:
        return await actions.tried(work, applying.ANSWER, lambda: _answer(work, run, text, files))

    async def perform(name: str, arguments: Arguments) -> actions.Outcome:
        return await actions.tried(work, name, lambda: _do(work, run, name, arguments))

    steps = await applying.apply(
        work,
        run.ticket_id,
        applying.holding(macro["actions"]),
        Cause(macro_id=macro["id"], rule_id=run.rule_id, message_id=run.message_id),
        values=_values(work, run),
        answer=answer,
        perform=perform,
    )
    run.outcomes += [Outcome(step.name, step.status, step.reason) for step in steps]
    cause = Cause(rule_id=run.rule_id, message_id=run.message_id)
    await applying.used(work, run.ticket_id, macro["id"], cause)


async def _answer(work: Work, run: Run, text: Arguments, files: list[dict[str, Any]]) -> actions.Outcome:
    await replies.reply(work, run, replies.body(text), None, files or None)
    return actions.Outcome("success", None, run.written[-1])


# Everything else is done by the same actions that macros have.
OWN: dict[str, Do] = {
    "addinternalnote": _note,
    "replytoticket": _reply,
    "sendemail": mails.send,
    "applymacro": _apply,
    "forwardmessage": mails.forward,
    "deleteticket": _delete,
}
