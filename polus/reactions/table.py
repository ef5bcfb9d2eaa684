"""What must happen because something happened: one row per reaction. Composing a program subscribes them."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from polus.store import work as works
from polus.store.work import Work


class Event(msgspec.Struct, frozen=True):
    """The fact a reaction answers; `data` as it was recorded."""

    id: int
    type: str
    object_id: int
    ticket_id: int | None
    user_id: int | None
    depth: int
    data: Any


class Reaction(msgspec.Struct, frozen=True):
    """`run(work, event)` happens once for each event of the types `on`, in one transaction that also marks it done:
    it may run again after a failure, so what it does outside of the transaction must bear that.

    `last` reactions change no ticket themselves, so they run however deep the chain of causes is.
    """

    name: str
    on: tuple[str, ...]
    run: Callable[[Work, Event], Awaitable[None]]
    last: bool = False


REACTIONS: list[Reaction] = []


def subscribe() -> None:
    """Make all events recorded by this process from now on lead to these reactions."""
    works.subscriptions.clear()
    for reaction in REACTIONS:
        for kind in reaction.on:
            works.subscriptions[kind] = (*works.subscriptions.get(kind, ()), reaction.name)
