"""Chains on the ticket itself. One lives in one transaction: it happens as a whole or, when the process dies, not at all."""

import datetime
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import actions, notices
from polus.desk.actions import Skipped
from polus.desk.macros import applying
from polus.desk.macros.applying import Cause
from polus.desk.rules import acting, active, mails, replies, sights
from polus.desk.rules.causes import Phase
from polus.desk.rules.chains import Chain
from polus.desk.rules.runs import Outcome, Run
from polus.desk.rules.sights import State
from polus.desk.tickets import messages, tickets
from polus.desk.tickets.drafts import Draft
from polus.store.work import SYSTEM, Actor, Work

# A rule that fails so often in a row is switched off.
MOST_FAILURES = 10
FAILED_TOO_OFTEN = "It failed ten times in a row."
SUBJECT = "Rule switched off: {name}"
TEXT = """the rule "{name}" of the helpdesk {domain} was switched off, because it failed ten times in a row.

Its last runs say why. When it is mended, switch it on again:
{url}/settings/rules/{id}
"""

# In the order of ids, so that two chains wait for each other instead of locking each other out.
ENDED = """
with given as (
  select r.id, g.failed from unnest($2::bigint[], $3::boolean[]) as g (id, failed)
  join rules r on r.account_id = $1 and r.id = g.id
  where (g.failed or r.failures > 0) and r.deactivated_datetime is null order by r.id for update of r
)
update rules r set failures = case when given.failed then r.failures + 1 else 0 end,
  deactivated_datetime = case when given.failed and r.failures + 1 >= $4 then $5::timestamptz end,
  deactivation_reason = case when given.failed and r.failures + 1 >= $4 then $6 end
from given where r.account_id = $1 and r.id = given.id
returning r.id, r.name, r.deactivated_datetime is not null as off
"""

# Two rules on two tickets of one customer must not both find that nothing was sent yet.
QUEUE = (
    "select pg_advisory_xact_lock(hashtextextended('automatic reply ' || $1::bigint || ' ' || $2::bigint, 0))"
)
RECENT = """
select exists (select from messages where account_id = $1 and receiver_id = $2 and rule_id is not null and public
  and from_agent and created_datetime > $3)
"""
MAILED = """
select count(*) from events where account_id = $1 and ticket_id = $2 and type = 'action-executed'
  and created_datetime > $3::timestamptz - interval '1 day'
  and data->>'status' = 'success' and data->>'name' in ('sendEmail', 'forwardMessage')
"""


async def follow(work: Work, ticket_id: int, phases: Sequence[Phase]) -> None:
    """Run the rules that these phases call, and those that their doing calls.

    Events rule-executed, action-executed, those of what is done, and rule-deactivated.
    """
    rules = await active.rules(work)
    triggers = frozenset(trigger for rule in rules for trigger in rule.triggers)
    if not any(phase.trigger in triggers for phase in phases):
        return
    chain = Chain(Live(work, ticket_id), rules)
    depth = work.cause.depth
    try:
        await chain.play(phases)
        await work.flush()
    except (errors.NotFound, errors.Merged):
        # The ticket is gone: nothing is left to be done on it.
        return
    finally:
        work.cause = msgspec.structs.replace(work.cause, depth=depth)
    await _count(work, chain.failed)


async def _count(work: Work, failed: Mapping[int, bool]) -> None:
    """Count who failed; a rule that keeps failing is switched off and the admins are told. Event rule-deactivated."""
    if not failed:
        return
    rows = await work.db.fetch(
        ENDED,
        work.account.id,
        list(failed),
        list(failed.values()),
        MOST_FAILURES,
        work.now,
        FAILED_TOO_OFTEN,
    )
    for row in rows:
        if row["off"]:
            work.record("rule-deactivated", "Rule", row["id"], {"reason": FAILED_TOO_OFTEN})
            facts = {"name": row["name"], "domain": work.account.domain, "id": row["id"]}
            text = TEXT.format(url=work.account.home, **facts)
            await notices.tell_admins(work, SUBJECT.format(**facts), text)


class Live:
    """The stage of what really happens, and the hands that do it."""

    def __init__(self, work: Work, ticket_id: int) -> None:
        self.work, self.ticket_id, self.now = work, ticket_id, work.now
        self._depth = work.cause.depth

    async def state(self) -> State:
        return await sights.state(self.work, self.ticket_id)

    async def hold(self) -> None:
        await tickets.lock(self.work, self.ticket_id)

    @asynccontextmanager
    async def attempt(self, rule_id: int) -> AsyncIterator[None]:
        work = self.work
        work.actor = Actor("rule", rule_id=rule_id)
        try:
            async with work.attempt():
                yield
        finally:
            work.actor = SYSTEM

    async def carry_out(self, run: Run, name: str, arguments: Mapping[str, Any]) -> Outcome:
        return await acting.carry_out(self, OWN, run, name, arguments)

    async def deepen(self, level: int) -> None:
        await self.work.flush()
        self.work.cause = msgspec.structs.replace(self.work.cause, depth=self._depth + level)

    def told(self, rule_id: int, data: Mapping[str, Any]) -> None:
        self.work.record("rule-executed", "Rule", rule_id, data)

    async def tried(self, name: str, doing: Callable[[], Awaitable[actions.Outcome]]) -> actions.Outcome:
        return await actions.tried(self.work, name, doing)

    async def perform(self, run: Run, name: str, arguments: Mapping[str, Any]) -> actions.Outcome:
        if name.lower() == "deleteticket":
            return await self._delete(run)
        known = actions.RUN.get(name.lower())
        return actions.UNKNOWN if known is None else await known(self.work, self.ticket_id, arguments)

    async def _delete(self, run: Run) -> actions.Outcome:
        if run.state.ticket["trashed_datetime"] is not None:
            raise Skipped(acting.ALREADY)
        await tickets.update(self.work, self.ticket_id, {"trashed_datetime": self.now})
        return actions.SUCCESS

    async def paused(self, run: Run, since: datetime.datetime) -> bool:
        customer_id = run.state.ticket["customer"]["id"]
        await self.work.db.execute(QUEUE, self.work.account.id, customer_id)
        return bool(await self.work.db.fetchval(RECENT, self.work.account.id, customer_id, since))

    async def mailed(self, run: Run) -> int:
        return int(await self.work.db.fetchval(MAILED, self.work.account.id, self.ticket_id, self.now))

    async def write(self, draft: Draft) -> int:
        return await messages.add(self.work, self.ticket_id, draft)

    async def notify(self, address: str, subject: str, text: str) -> None:
        await notices.add(self.work, address, subject, text)

    async def used(self, run: Run, macro_id: int) -> None:
        cause = Cause(rule_id=run.rule_id, message_id=run.message_id)
        await applying.used(self.work, self.ticket_id, macro_id, cause)

    def tell(
        self,
        run: Run,
        name: str,
        arguments: Mapping[str, Any],
        outcome: actions.Outcome,
        macro_id: int | None,
    ) -> None:
        cause = Cause(rule_id=run.rule_id, message_id=run.message_id, macro_id=macro_id)
        applying.tell(self.work, self.ticket_id, name, arguments, outcome, cause)


# What only rules do. Everything else is done by the same actions that macros have.
OWN: dict[str, acting.Do] = {
    "addinternalnote": replies.note,
    "replytoticket": replies.reply,
    "sendemail": mails.send,
    "forwardmessage": mails.forward,
}
