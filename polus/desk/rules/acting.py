"""Carries out the actions of rules, each through the same verbs that people use (reference: languages, 2.6).

What an action means is here; `Hands` do it: those of `live` to the ticket, those of a trial to a copy.
"""

import datetime
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from polus.desk import actions
from polus.desk.actions import Wrong
from polus.desk.macros import applying, macros
from polus.desk.macros.filling import Filling
from polus.desk.rules.runs import Outcome, Run
from polus.desk.tickets.drafts import Draft
from polus.store.work import Work

ALREADY = "already so"

Arguments = Mapping[str, Any]


class Hands(Protocol):
    """What is done to a ticket, each as a whole."""

    work: Work

    async def tried(self, name: str, doing: Callable[[], Awaitable[actions.Outcome]]) -> actions.Outcome:
        """Do something that may fail: what fails leaves nothing behind and does not raise."""

    async def perform(self, run: Run, name: str, arguments: Arguments) -> actions.Outcome:
        """One of the actions that change the ticket (`desk.actions`), or `deleteTicket`."""

    async def paused(self, run: Run, since: datetime.datetime) -> bool:
        """Whether the customer got an automatic reply after that moment; others wait for the answer."""

    async def mailed(self, run: Run) -> int:
        """How many e-mails of rules left the ticket in the last day."""

    async def write(self, draft: Draft) -> int:
        """Store a message in the ticket; its id."""

    async def notify(self, address: str, subject: str, text: str) -> None:
        """Send a mail beside the ticket."""

    async def used(self, run: Run, macro_id: int) -> None:
        """Count that a macro was applied."""

    def tell(
        self,
        run: Run,
        name: str,
        arguments: Arguments,
        outcome: actions.Outcome,
        macro_id: int | None,
    ) -> None:
        """Record what became of an action."""


Do = Callable[[Hands, Run, Arguments], Awaitable[None]]


async def carry_out(hands: Hands, own: Mapping[str, Do], run: Run, name: str, given: Arguments) -> Outcome:
    """Do one action, by `own` when it is one that only rules have; what fails is undone and told, and nothing else."""
    arguments: dict[str, Any] = {}

    async def doing() -> actions.Outcome:
        arguments.update(_values(hands, run).arguments(name, given))
        if name.lower() == "applymacro":
            return await _apply(hands, own, run, arguments)
        return await _do(hands, own, run, name, arguments)

    done = await hands.tried(name, doing)
    outcome = Outcome(name, done.status, done.reason, arguments)
    run.outcomes.append(outcome)
    hands.tell(run, name, arguments, done, None)
    return outcome


def _values(hands: Hands, run: Run) -> Filling:
    return Filling(run.context(hands.work.account.domain), run.state.zone)


async def _do(
    hands: Hands, own: Mapping[str, Do], run: Run, name: str, arguments: Arguments
) -> actions.Outcome:
    do = own.get(name.lower())
    if do is not None:
        await do(hands, run, arguments)
        return actions.SUCCESS
    done = await hands.perform(run, name, arguments)
    if name.lower() == "setassignee" and done.status == "success":
        run.assigned = arguments["assignee_user"] is not None
    return done


async def _apply(hands: Hands, own: Mapping[str, Do], run: Run, given: Arguments) -> actions.Outcome:
    """The macro's answer as an automatic reply, then its other actions, each for itself."""
    id_ = actions.identifier(given.get("macro", given.get("macro_id")), "macro")
    macro = await macros.active(hands.work, id_)
    if macro is None:
        raise Wrong("the macro is archived or gone")

    async def answer(text: Arguments, files: list[dict[str, Any]]) -> actions.Outcome:
        async def doing() -> actions.Outcome:
            await own["replytoticket"](hands, run, {**text, "attachments": files, "subject": None})
            return actions.Outcome("success", None, run.written[-1])

        return await hands.tried(applying.ANSWER, doing)

    async def perform(name: str, arguments: Arguments) -> actions.Outcome:
        return await hands.tried(name, lambda: _do(hands, own, run, name, arguments))

    steps = applying.plan(_values(hands, run), applying.holding(macro["actions"]))
    await applying.by_rule(steps, answer, perform)
    for step in steps:
        run.outcomes.append(Outcome(step.name, step.status, step.reason, step.arguments))
        done = actions.Outcome(step.status, step.reason)
        hands.tell(run, step.name, step.arguments, done, macro["id"])
    await hands.used(run, macro["id"])
    return actions.SUCCESS
