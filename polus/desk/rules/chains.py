"""Chains: all that rules do on one ticket because of one thing from outside, in the documented order.

What an action does, and to what, is the stage's affair: live it is the ticket itself (`live`), in a trial over history a
copy of it (`trials`). The order, the conditions and the limits are here, once for both.
"""

import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol

from polus.desk.rules.active import Active
from polus.desk.rules.causes import Phase
from polus.desk.rules.runs import Outcome, Run
from polus.desk.rules.sights import State
from polus.lang import nodes, run
from polus.lang.sight import Exhausted, Meter, Sight

# How often rules may answer to what rules did.
DEEPEST = 5
MOST_RUNS = 500
MOST_MESSAGES = 20
SECONDS = 30.0


class Stage(Protocol):
    """The ticket that a chain plays on."""

    ticket_id: int
    now: datetime

    async def state(self) -> State:
        """The ticket as it is at this moment."""

    async def hold(self) -> None:
        """Something is about to be done for the first time: from here on nobody else changes the ticket."""

    def attempt(self, rule_id: int) -> AbstractAsyncContextManager[None]:
        """A run of this rule; an exception undoes what it did, and goes on up."""

    async def carry_out(self, run: Run, name: str, arguments: Mapping[str, Any]) -> Outcome:
        """Do one action; its outcome is in `run.outcomes`, with those of the actions it consists of."""

    async def deepen(self, level: int) -> None:
        """What follows is so many levels below the cause."""

    def told(self, rule_id: int, data: Mapping[str, Any]) -> None:
        """A run that did something, or was stopped, is over."""


class Chain:
    """What is known while the rules of one ticket run."""

    def __init__(self, stage: Stage, active: Sequence[Active]) -> None:
        self._stage, self._active = stage, active
        self._called: set[tuple[int, int | None]] = set()
        self._runs = self._written = 0
        self._until = time.monotonic() + SECONDS
        self._state: State | None = None
        self._sight: Sight | None = None
        # The state and message that `_sight` shows.
        self._seen: State | None = None
        self._seen_message: int | None = None
        self._next: list[Phase] = []
        self._changed = self._assigned = self._held = False
        # Whether the last run of each rule failed.
        self.failed: dict[int, bool] = {}

    async def play(self, phases: Sequence[Phase]) -> None:
        """Run the rules that these phases call, and those that their doing calls. 404 and 301 of the ticket."""
        level = 0
        while phases:
            await self._stage.deepen(level)
            for phase in phases:
                for rule in self._active:
                    if phase.trigger in rule.triggers and rule.id not in phase.by:
                        await self._call(rule, phase, level)
            phases, level = self._deeper(), level + 1

    async def _call(self, rule: Active, phase: Phase, level: int) -> None:
        """Run the rule, once for each message in this chain and once without one."""
        key = (rule.id, phase.message_id)
        if key in self._called:
            return
        self._called.add(key)
        if self._state is None:
            self._state = await self._stage.state()
        one = Run(
            rule_id=rule.id,
            ticket_id=self._stage.ticket_id,
            trigger=phase.trigger,
            message_id=phase.message_id,
            state=self._state,
        )
        began, steps = time.monotonic(), 0
        if level > DEEPEST or self._runs >= MOST_RUNS or self._written >= MOST_MESSAGES:
            status = "loop"
        elif began > self._until:
            status = "limit"
        else:
            self._runs += 1
            status, steps = await self._run(rule, one)
            self.failed[rule.id] = status in ("error", "limit")
        if one.outcomes or status in ("loop", "limit"):
            self._stage.told(rule.id, _told(one, status, level, steps, began))
        if one.outcomes and status not in ("loop", "limit"):
            self._note(one, phase)

    async def _run(self, rule: Active, one: Run) -> tuple[str, int]:
        """How it ended, and the steps it took."""
        sight = self._look(one)
        try:
            # Most rules reach nothing: only one that does needs something to go back to.
            reached, first = _begin(rule, sight)
            if first is not None and not self._held:
                # What the rules have seen may be old by now.
                await self._stage.hold()
                self._held = True
                self._state = one.state = await self._stage.state()
                sight = self._look(one)
                reached, first = _begin(rule, sight)
            if first is None:
                return "success", sight.meter.spent
            async with self._stage.attempt(rule.id):
                await self._carry_out(one, sight, itertools.chain([first], reached))
        except Exhausted:
            self._state = None
            one.outcomes.clear()
            return "limit", sight.meter.spent
        failed = [outcome.status == "error" for outcome in one.outcomes]
        return ("success" if not any(failed) else "error" if all(failed) else "partial"), sight.meter.spent

    def _look(self, one: Run) -> Sight:
        """What the rule sees; while nothing changes, all rules look at one and the same and read its texts once."""
        if self._sight is None or self._seen is not one.state or self._seen_message != one.message_id:
            now = self._stage.now
            self._sight = Sight(one.state.ticket, one.message, now=now, hours=one.state.hours)
            self._seen, self._seen_message = one.state, one.message_id
        return self._sight

    async def _carry_out(self, one: Run, sight: Sight, reached: Iterable[nodes.Do]) -> None:
        for do in reached:
            outcome = await self._stage.carry_out(one, do.name, do.arguments)
            if outcome.status == "success":
                self._state = one.state = await self._stage.state()
                sight.change(one.state.ticket, one.message)
                self._seen = one.state

    def _note(self, one: Run, phase: Phase) -> None:
        """What other rules are to hear of the run."""
        by = phase.by | {one.rule_id}
        self._written += len(one.written)
        self._next += [Phase("ticket-message-created", message_id, by) for message_id in one.written]
        self._changed = self._changed or one.changed
        self._assigned = self._assigned or one.assigned

    def _deeper(self) -> list[Phase]:
        """The phases one level deeper; empty when no rule did anything."""
        phases, self._next = self._next, []
        if self._changed:
            phases.append(Phase("ticket-updated"))
        if self._assigned:
            phases.append(Phase("ticket-assigned"))
        self._changed = self._assigned = False
        return phases


def _begin(rule: Active, sight: Sight) -> tuple[Iterable[nodes.Do], nodes.Do | None]:
    sight.meter = Meter()
    reached = run.reached(rule.code, sight)
    return reached, next(reached, None)


def _told(one: Run, status: str, level: int, steps: int, began: float) -> dict[str, Any]:
    return {
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
