"""A customer's new message is looked at before rules are: its name comes before theirs in the ticket's line."""

from collections.abc import Mapping
from typing import Any

from polus.desk import analysis
from polus.reactions.event import Event
from polus.store.work import Work

ON = ("ticket-message-created",)


def when(data: Mapping[str, Any]) -> bool:
    """Nobody guesses at agents."""
    return data.get("from_agent") is False


async def run(work: Work, event: Event) -> None:
    """Language, intents, sentiments."""
    await analysis.analyse(work, event.object_id)
