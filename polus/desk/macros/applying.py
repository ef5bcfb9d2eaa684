"""Applies actions of macros to a ticket, for agents, jobs and rules alike: this is the one place that does.

Calls to the outside come first and are made by the outbox's neighbour (`outside`): until they are through, the message
waits and nothing else is done. Rules make none. Who answers, and how, is said by the caller.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import actions
from polus.desk.actions import Outcome
from polus.desk.macros import filling, macros
from polus.desk.macros.filling import Filling
from polus.desk.tickets import happenings, tickets
from polus.lang import actions as vocabulary
from polus.lang.refused import Refused
from polus.store.work import Work

# Of these the last one in a macro holds; tags add up, and all else is done in order.
LAST_HOLDS = frozenset(
    (
        "setresponsetext", "setstatus", "setsubject", "setpriority", "setassignee", "setteamassignee", "snoozeticket",
        "excludefromautomerge", "excludefromcsat",
    )
)  # fmt: skip
CALL = "http"
ANSWER, ATTACH = "setresponsetext", "addattachments"
# Bodies in events are cut here.
TOLD = 1_000

PENDING = "pending"
OUTSIDE = Outcome("skipped", "not done by rules")
NO_TARGET = Outcome("skipped", "no-target")
NO_ANSWER = Outcome("skipped", "no answer to attach to")

ACTIONS = "select actions::text from messages where account_id = $1 and id = $2 for update"
MARK = "update messages set actions = $3 where account_id = $1 and id = $2"
WAIT = """
insert into outside_actions (account_id, ticket_id, message_id, user_id, macro_id, job_id, close, actions,
  created_datetime, due_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9::timestamptz, case when $10 then 'infinity' else $9::timestamptz end)
"""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """For whom actions are done: an agent's message, a job or a rule; as events tell it."""

    macro_id: int | None = None
    message_id: int | None = None
    rule_id: int | None = None
    job_id: int | None = None


class Step(msgspec.Struct):
    """One action of an application, its variables filled. `place`: where it stands in the message's actions."""

    place: int
    name: str
    arguments: dict[str, Any]
    status: str = PENDING
    reason: str | None = None
    # {status_code, body} of calls
    response: dict[str, Any] | None = None

    @property
    def key(self) -> str:
        """The name as names are compared."""
        return self.name.lower()

    @property
    def external(self) -> bool:
        """Whether it acts outside Polus."""
        return vocabulary.is_external(self.name)

    def end(self, outcome: Outcome) -> None:
        """Write down what became of it."""
        self.status, self.reason = outcome.status, outcome.reason


# The text and the files of the answer; sends it.
Answer = Callable[[Mapping[str, Any], list[dict[str, Any]]], Awaitable[Outcome]]
Perform = Callable[[str, Mapping[str, Any]], Awaitable[Outcome]]


async def apply(
    work: Work,
    ticket_id: int,
    given: Sequence[Any],
    cause: Cause,
    *,
    answer: Answer | None = None,
    close: bool = False,
) -> list[Step]:
    """Apply chosen actions (of macros, `{name, arguments}`) to a ticket for `cause`; what became of each. 404, 301.

    `answer` sends the text; without it the message of `cause` has said it already. `close` closes the ticket at the end. Events action-executed and those of the verbs; errors stop nothing, but a call
    that fails stops what is behind it: its steps stay `pending` until `outside` is through.
    """
    await tickets.lock(work, ticket_id)
    steps = plan(await filling.of_ticket(work, ticket_id), given)
    if answer is not None:
        cause = await _answer(steps, answer, cause)
    if any(step.external for step in steps):
        await _wait(work, ticket_id, steps, cause, close=close)
    else:
        await finish(work, ticket_id, steps, cause, close=close)
    return steps


async def call(work: Work, ticket_id: int, arguments: Mapping[str, Any], cause: Cause) -> None:
    """Have one HTTP call made, whose arguments are filled already. What came of it is told when it was made."""
    await _wait(work, ticket_id, [Step(0, CALL, dict(arguments))], cause, close=False)


def plan(values: Filling, given: Sequence[Any]) -> list[Step]:
    """The actions with their variables filled; one that cannot be filled is an error already."""
    return [_step(values, place, one) for place, one in enumerate(given) if runs(one)]


async def by_rule(steps: Sequence[Step], answer: Answer, perform: Perform) -> None:
    """The same steps when a rule takes them: `answer` and `perform` are its own, and nothing goes to the outside."""
    for step in steps:
        if step.external:
            step.end(OUTSIDE)
    await _answer(steps, answer, Cause())
    for step in steps:
        if step.status == PENDING:
            step.end(await perform(step.name, step.arguments))


def runs(action: Any) -> bool:
    """Whether it is an action at all: messages carry whatever clients have sent."""
    return (
        isinstance(action, Mapping)
        and isinstance(action.get("name"), str)
        and isinstance(action.get("arguments", {}), Mapping)
    )


def holding(given: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The actions of one macro that count, in order."""
    last = {action["name"].lower(): place for place, action in enumerate(given)}
    return [
        action
        for place, action in enumerate(given)
        if action["name"].lower() not in LAST_HOLDS or last[action["name"].lower()] == place
    ]


def _step(values: Filling, place: int, action: Mapping[str, Any]) -> Step:
    name, arguments = action["name"], action.get("arguments", {})
    try:
        return Step(place, name, values.arguments(name, arguments))
    except Refused as refused:
        return Step(place, name, {}, "error", str(refused))


async def _answer(steps: Sequence[Step], answer: Answer, cause: Cause) -> Cause:
    """Send the text, if there is one, with its files; the cause with its message."""
    texts = [step for step in steps if step.key == ANSWER and step.status == PENDING]
    attached = [step for step in steps if step.key == ATTACH and step.status == PENDING]
    outcome = NO_TARGET
    for step in texts:
        outcome = await answer(step.arguments, [file for one in attached for file in files(one.arguments)])
        step.end(outcome)
    for step in attached:
        step.end(actions.SUCCESS if outcome.message_id else NO_ANSWER)
    return (
        cause if outcome.message_id is None else msgspec.structs.replace(cause, message_id=outcome.message_id)
    )


async def _wait(work: Work, ticket_id: int, steps: Sequence[Step], cause: Cause, *, close: bool) -> None:
    """Leave the calls to `outside`, and all that comes after them."""
    await work.db.execute(
        WAIT,
        work.account.id,
        ticket_id,
        cause.message_id,
        work.actor.user_id,
        cause.macro_id,
        cause.job_id,
        close,
        wire.encode(steps),
        work.now,
        # One whose variables cannot be filled has failed before it was made.
        any(step.external and step.status == "error" for step in steps),
    )
    await mark(work, cause.message_id, steps)
    work.ring("work", "outside_actions")


async def finish(
    work: Work,
    ticket_id: int,
    steps: Sequence[Step],
    cause: Cause,
    *,
    close: bool = False,
) -> None:
    """Do what is left of the steps, in order, tell of all and write it on the message."""
    for step in steps:
        if step.status == PENDING:
            step.end(await _perform(work, ticket_id, step))
    if close:
        await tickets.update(work, ticket_id, {"status": "closed"})
    for step in steps:
        tell(work, ticket_id, step.name, step.arguments, Outcome(step.status, step.reason), cause)
    await mark(work, cause.message_id, steps)


async def _perform(work: Work, ticket_id: int, step: Step) -> Outcome:
    if step.key in (ANSWER, ATTACH):
        # Of a message that somebody wrote himself: its text and files are what he sent.
        return actions.SUCCESS
    return await actions.perform(work, ticket_id, step.name, step.arguments)


async def mark(work: Work, message_id: int | None, steps: Sequence[Step]) -> None:
    """Write on the message what became of its actions."""
    text = message_id and await work.db.fetchval(ACTIONS, work.account.id, message_id)
    if not text:
        return
    carried = msgspec.json.decode(text)
    for step in steps:
        if step.place < len(carried):
            carried[step.place] |= {"status": step.status, "reason": step.reason}
            if step.external:
                carried[step.place]["response"] = step.response
    await work.db.execute(MARK, work.account.id, message_id, wire.encode(carried))


def files(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The attachments that an action brings; what is none is passed over."""
    found = arguments.get("attachments")
    return [_file(one) for one in (found if isinstance(found, list) else []) if _is_file(one)]


def _is_file(given: Any) -> bool:
    return isinstance(given, Mapping) and isinstance(given.get("url"), str)


def _file(given: Mapping[str, Any]) -> dict[str, Any]:
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


def tell(
    work: Work, ticket_id: int, name: str, arguments: Mapping[str, Any], outcome: Outcome, cause: Cause
) -> None:
    """Record that one action was done, or why not. Event action-executed."""
    data = {
        "name": name,
        "arguments": {key: _told(key, value) for key, value in arguments.items()},
        "status": outcome.status,
        "reason": outcome.reason,
        **msgspec.structs.asdict(cause),
    }
    happenings.record(work, ticket_id, "action-executed", data)


def _told(key: str, value: Any) -> Any:
    """Long texts are cut; of the headers of a call, which may hold keys, only the names are told."""
    if key == "headers" and isinstance(value, Mapping):
        return dict.fromkeys(value, "…")
    return value[:TOLD] if isinstance(value, str) else value


async def used(work: Work, ticket_id: int, macro_id: int, cause: Cause) -> None:
    """Count that a macro was applied to a ticket, and tell it. Event macro-applied."""
    data = msgspec.structs.asdict(cause)
    del data["macro_id"]
    work.record("macro-applied", "Macro", macro_id, {"ticket_id": ticket_id, **data})
    await macros.used(work, macro_id)


async def active(work: Work, macro_id: int) -> Any:
    """(id, name, actions) of a macro that can be applied; 400 when it is archived or gone."""
    macro = await macros.active(work, macro_id)
    if macro is None:
        raise errors.one("macro_id", "The macro is archived or gone.")
    return macro
