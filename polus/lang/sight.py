"""What code sees while it is evaluated: a ticket in its wire form, the moment, and how much work is left."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from polus.lang.folding import fold
from polus.lang.hours import Hours

STEPS = 100_000
SECONDS = 2.0

Json = Mapping[str, Any]


class Exhausted(RuntimeError):
    """The evaluation needed more steps or seconds than it may have."""


class Meter:
    """Counts the steps of one run: the same text on the same ticket costs the same everywhere.

    The clock on the wall is only a backstop. `bound`: where to look whether the run has had its share.
    """

    __slots__ = ("_steps", "_until", "bound", "spent")

    def __init__(self, steps: int = STEPS, seconds: float = SECONDS) -> None:
        self.spent = 0
        self.bound = 1
        self._steps = steps
        self._until = time.monotonic() + seconds

    def spend(self, steps: int) -> None:
        """Raises Exhausted when the run has had its share."""
        self.spent += steps
        if self.spent >= self.bound:
            self.look()

    def look(self) -> None:
        """Raises Exhausted when the run has had its share."""
        if self.spent > self._steps:
            raise Exhausted("too many steps")
        if time.monotonic() > self._until:
            raise Exhausted("too much time")
        self.bound = min(self.spent + 500, self._steps + 1)


class Sight:
    """The state that conditions are asked about; one may serve many rules.

    `ticket`: the full wire form, with the keys that only rules see added by the caller: `integrations`
    `[{id, type, name, address}]` in message order, `store` `{id}`, `messages_count`. `message`: the triggering message in
    its wire form with `sentiments` `[{name}]` and `mention_ids`. `customer`: for customer lists. `hours`: those
    that apply to the ticket, None when none are set. What was read is kept until `change`.
    """

    def __init__(
        self,
        ticket: Json | None = None,
        message: Json | None = None,
        customer: Json | None = None,
        *,
        now: datetime,
        hours: Hours | None = None,
    ) -> None:
        self.now, self.hours = now, hours
        self.meter = Meter()
        self.change(ticket, message, customer)

    def change(self, ticket: Json | None, message: Json | None = None, customer: Json | None = None) -> None:
        """Look at a new state, after an action has had its effect."""
        self.ticket, self.message, self.customer = ticket, message, customer
        self.taken: dict[Any, Any] = {}
        self._folded: dict[str, str] = {}

    @property
    def store(self) -> int | None:
        """The id of the shop integration credited to the ticket."""
        store = (self.ticket or {}).get("store")
        return store.get("id") if isinstance(store, dict) else None

    def spend(self, steps: int) -> None:
        # As `Meter.spend` does: this is called for every node.
        meter = self.meter
        meter.spent += steps
        if meter.spent >= meter.bound:
            meter.look()

    def folded(self, text: str) -> str:
        """The folded text; folding the same text again is free, though counted the same."""
        self.spend(len(text) // 1_000)
        known = self._folded.get(text)
        if known is None:
            known = self._folded[text] = fold(text)
        return known
