"""One run of a rule on a ticket: what it was called for, what it sees, and what became of its actions."""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.desk.rules.sights import Json, State


class Outcome(msgspec.Struct, frozen=True):
    """What became of one action: `status` success, skipped or error; its arguments with all variables filled."""

    name: str
    status: str
    reason: str | None = None
    arguments: Mapping[str, Any] = {}


class Run(msgspec.Struct, kw_only=True):
    """`message_id`: the message that set it off, if one did. `state` is renewed after each action."""

    rule_id: int
    ticket_id: int
    trigger: str
    message_id: int | None
    state: State
    outcomes: list[Outcome] = msgspec.field(default_factory=list)
    written: list[int] = msgspec.field(default_factory=list)
    assigned: bool = False

    @property
    def message(self) -> Json | None:
        """The message that conditions and texts call `message`."""
        return self.state.message(self.message_id)

    @property
    def changed(self) -> bool:
        """Whether it did anything to the ticket."""
        return any(outcome.status == "success" for outcome in self.outcomes)

    def context(self, domain: str) -> dict[str, Any]:
        """What the templates of its actions may name."""
        return {"ticket": self.state.ticket, "message": self.message, "account": {"domain": domain}}
