"""Chains: all that rules do on one ticket because of one thing from outside, in the documented order.

A chain lives in one transaction: it happens as a whole or, when the process dies, not at all.
"""

import functools
import itertools
import time
from collections.abc import Iterable, Sequence

import msgspec

from polus.base import errors
from polus.desk import filters
from polus.desk.rules import acting, sights
from polus.desk.rules.runs import Run
from polus.desk.rules.sights import State
from polus.desk.tickets import tickets
from polus.lang import bind, nodes, parse, run
from polus.lang.refused import Refused
from polus.lang.sight import Exhausted, Meter, Sight
from polus.lang.vocabulary import Definition
from polus.store.work import SYSTEM, Actor, Work

# How often rules may answer to what rules did.
DEEPEST = 5
MOST_RUNS = 500
MOST_MESSAGES = 20
SECONDS = 30.0
# A rule that fails so often in a row is switched off.
MOST_FAILURES = 10
FAILED_TOO_OFTEN = "It failed ten times in a row."

ACTIVE = """
select id, code, string_to_array(event_types, ',') as event_types from rules
where account_id = $1 and deactivated_datetime is null and event_types is not null order by priority desc, id
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
returning r.id, r.deactivated_datetime is not null as off
"""


class Phase(msgspec.Struct, frozen=True):
    """A trigger that fires. `message_id`: the message that fires it; `by`: rules that it must not call again."""

    trigger: str
    message_id: int | None = None
    by: frozenset[int] = frozenset()


class Active(msgspec.Struct, frozen=True):
    """A rule that may run."""

    id: int
    code: nodes.Rule
    triggers: frozenset[str]


async def follow(work: Work, ticket_id: int, phases: Sequence[Phase]) -> None:
    """Run the rules that these phases call, and those that their doing calls.

    Events rule-executed, action-executed, and those of what is done.
    """
    active = await _active(work)
    triggers = frozenset(trigger for rule in active for trigger in rule.triggers)
    if not any(phase.trigger in triggers for phase in phases):
        return
    chain = _Chain(work, ticket_id)
    depth, level = work.cause.depth, 0
    try:
        while phases:
            work.cause = msgspec.structs.replace(work.cause, depth=depth + level)
            for phase in phases:
                for rule in active:
                    if phase.trigger in rule.triggers and rule.id not in phase.by:
                        await chain.call(rule, phase, level)
            await work.flush()
            phases, level = chain.next(), level + 1
    except (errors.NotFound, errors.Merged):
        # The ticket is gone: nothing is left to be done on it.
        return
    finally:
        work.cause = msgspec.structs.replace(work.cause, depth=depth)
    await chain.end()


async def _active(work: Work) -> list[Active]:
    rows = await work.db.fetch(ACTIVE, work.account.id)
    known = await filters.definitions(work, " ".join(row["code"] for row in rows))
    definitions = tuple(sorted(known.items()))
    found = []
    for row in rows:
        code = _code(row["code"], definitions)
        if code is not None:
            found.append(Active(row["id"], code, frozenset(row["event_types"])))
    return found


@functools.lru_cache(maxsize=2_000)
def _code(text: str, definitions: tuple[tuple[int, Definition], ...]) -> nodes.Rule | None:
    """The meaning of stored code; what it names and is gone is false. None when it cannot be read at all."""
    try:
        return bind.rule(parse.code(text), dict(definitions)).bound
    except Refused:
        return None


class _Chain:
    """What is known while the rules of one ticket run."""

    def __init__(self, work: Work, ticket_id: int) -> None:
        self._work, self._ticket_id = work, ticket_id
        self._called: set[tuple[int, int | None]] = set()
        self._runs = self._written = 0
        self._until = time.monotonic() + SECONDS
        self._state: State | None = None
        self._sight: Sight | None = None
        # The state and message that `_sight` shows.
        self._seen: State | None = None
        self._seen_message: int | None = None
        self._next: list[Phase] = []
        self._changed = self._assigned = self._locked = False
        self._failed: dict[int, bool] = {}

    async def call(self, rule: Active, phase: Phase, level: int) -> None:
        """Run the rule, once for each message in this chain and once without one."""
        key = (rule.id, phase.message_id)
        if key in self._called:
            return
        self._called.add(key)
        if self._state is None:
            self._state = await sights.state(self._work, self._ticket_id)
        one = Run(
            rule_id=rule.id,
            ticket_id=self._ticket_id,
            trigger=phase.trigger,
            message_id=phase.message_id,
            state=self._state,
        )
        began = time.monotonic()
        meter = Meter()
        if level > DEEPEST or self._runs >= MOST_RUNS or self._written >= MOST_MESSAGES:
            status = "loop"
        elif began > self._until:
            status = "limit"
        else:
            self._runs += 1
            status = await self._run(rule, one, meter)
            self._failed[rule.id] = status in ("error", "limit")
        if one.outcomes or status in ("loop", "limit"):
            self._tell(one, status, level, meter.spent, began)
        if one.outcomes and status not in ("loop", "limit"):
            self._note(one, phase)

    async def _run(self, rule: Active, one: Run, meter: Meter) -> str:
        sight = self._look(one)
        sight.meter = meter
        reached = run.reached(rule.code, sight)
        work = self._work
        work.actor = Actor("rule", rule_id=rule.id)
        try:
            # Most rules reach nothing: only one that does needs something to go back to.
            first = next(reached, None)
            if first is not None and not self._locked:
                # From here on nobody else changes what the rules see and act upon; what they saw may be old.
                await tickets.lock(work, self._ticket_id)
                self._locked = True
                self._state = one.state = await sights.state(work, self._ticket_id)
                sight = self._look(one)
                sight.meter = Meter()
                reached = run.reached(rule.code, sight)
                first = next(reached, None)
            if first is None:
                return "success"
            async with work.attempt():
                await self._carry_out(one, sight, itertools.chain([first], reached))
        except Exhausted:
            self._state = None
            one.outcomes.clear()
            return "limit"
        finally:
            work.actor = SYSTEM
        failed = [outcome.status == "error" for outcome in one.outcomes]
        return "success" if not any(failed) else "error" if all(failed) else "partial"

    def _look(self, one: Run) -> Sight:
        """What the rule sees; while nothing changes, all rules look at one and the same and read its texts once."""
        if self._sight is None or self._seen is not one.state or self._seen_message != one.message_id:
            self._sight = Sight(one.state.ticket, one.message, now=self._work.now, hours=one.state.hours)
            self._seen, self._seen_message = one.state, one.message_id
        return self._sight

    async def _carry_out(self, one: Run, sight: Sight, reached: Iterable[nodes.Do]) -> None:
        for do in reached:
            outcome = await acting.carry_out(self._work, one, do.name, do.arguments)
            if outcome.status == "success":
                self._state = one.state = await sights.state(self._work, self._ticket_id)
                sight.change(one.state.ticket, one.message)
                self._seen = one.state

    def _note(self, one: Run, phase: Phase) -> None:
        """What other rules are to hear of the run."""
        by = phase.by | {one.rule_id}
        self._written += len(one.written)
        self._next += [Phase("ticket-message-created", message_id, by) for message_id in one.written]
        self._changed = self._changed or one.changed
        self._assigned = self._assigned or one.assigned

    def next(self) -> list[Phase]:
        """The phases one level deeper; empty when no rule did anything."""
        phases, self._next = self._next, []
        if self._changed:
            phases.append(Phase("ticket-updated"))
        if self._assigned:
            phases.append(Phase("ticket-assigned"))
        self._changed = self._assigned = False
        return phases

    def _tell(self, one: Run, status: str, level: int, steps: int, began: float) -> None:
        data = {
            "ticket_id": one.ticket_id,
            "message_id": one.message_id,
            "event_type": one.trigger,
            "depth": level,
            "status": status,
            "steps": steps,
            "duration_ms": round((time.monotonic() - began) * 1000),
            "actions": [
                {"name": outcome.name, "status": outcome.status, "reason": outcome.reason}
                for outcome in one.outcomes
            ],
        }
        self._work.record("rule-executed", "Rule", one.rule_id, data)

    async def end(self) -> None:
        """Count who failed; a rule that keeps failing is switched off. Event rule-deactivated."""
        if not self._failed:
            return
        rows = await self._work.db.fetch(
            ENDED,
            self._work.account.id,
            list(self._failed),
            list(self._failed.values()),
            MOST_FAILURES,
            self._work.now,
            FAILED_TOO_OFTEN,
        )
        for row in rows:
            if row["off"]:
                self._work.record("rule-deactivated", "Rule", row["id"], {"reason": FAILED_TOO_OFTEN})
