"""Chains on the ticket itself. One lives in one transaction: it happens as a whole or, when the process dies, not at all."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from polus.base import errors
from polus.desk.rules import acting, active, sights
from polus.desk.rules.causes import Phase
from polus.desk.rules.chains import Chain
from polus.desk.rules.runs import Outcome, Run
from polus.desk.rules.sights import State
from polus.desk.tickets import tickets
from polus.store.work import SYSTEM, Actor, Work

# A rule that fails so often in a row is switched off.
MOST_FAILURES = 10
FAILED_TOO_OFTEN = "It failed ten times in a row."

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
returning r.id, r.deactivated_datetime is not null as off
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
    """Count who failed; a rule that keeps failing is switched off. Event rule-deactivated."""
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


class Live:
    """The stage of what really happens."""

    def __init__(self, work: Work, ticket_id: int) -> None:
        self.ticket_id, self.now = ticket_id, work.now
        self._work, self._depth = work, work.cause.depth

    async def state(self) -> State:
        return await sights.state(self._work, self.ticket_id)

    async def hold(self) -> None:
        await tickets.lock(self._work, self.ticket_id)

    @asynccontextmanager
    async def attempt(self, rule_id: int) -> AsyncIterator[None]:
        work = self._work
        work.actor = Actor("rule", rule_id=rule_id)
        try:
            async with work.attempt():
                yield
        finally:
            work.actor = SYSTEM

    async def carry_out(self, run: Run, name: str, arguments: Mapping[str, Any]) -> Outcome:
        return await acting.carry_out(self._work, run, name, arguments)

    async def deepen(self, level: int) -> None:
        await self._work.flush()
        self._work.cause = msgspec.structs.replace(self._work.cause, depth=self._depth + level)

    def tell(self, rule_id: int, data: Mapping[str, Any]) -> None:
        self._work.record("rule-executed", "Rule", rule_id, data)
