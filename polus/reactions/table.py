"""What must happen because something happened: one row per reaction. Composing a program subscribes them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from polus.reactions import analyse, assign, credit, deliver, hooks, invite, rules, slas, surveys
from polus.reactions.event import Event
from polus.store import work as works
from polus.store.work import Subscription, Work


class Reaction(msgspec.Struct, frozen=True):
    """`run(work, event)` happens once for each event of the types `on`, in a transaction that also marks it done (and
    holds what else the ticket owes, see `outbox`): it may run again after a failure, so what it does outside of the transaction must bear that. `once`: it follows up
    all that one transaction did to a ticket, so it is told of the first event alone.

    `when(data)`: events whose data it says no to are not told, which costs nothing. `last` reactions change no ticket
    themselves, so they run however deep the chain of causes is. `urgent` ones have a lane of their own: a visitor of a
    chat waits for the answer, however much else there is to do.
    """

    name: str
    on: tuple[str, ...]
    run: Callable[[Work, Event], Awaitable[None]]
    when: Callable[[Mapping[str, Any]], bool] | None = None
    last: bool = False
    once: bool = False
    urgent: bool = False


REACTIONS: tuple[Reaction, ...] = (
    Reaction("analyse", analyse.ON, analyse.run, when=analyse.when, last=True),
    Reaction("credit", credit.ON, credit.run, last=True),
    Reaction(
        "deliver",
        ("ticket-message-created", "ticket-message-updated"),
        deliver.run,
        when=lambda data: bool(data.get("from_agent")),
        last=True,
        urgent=True,
    ),
    Reaction("hooks", hooks.ON, hooks.run, last=True, once=True),
    Reaction("rules", rules.ON, rules.run, when=rules.when, once=True),
    Reaction("assign", assign.ON, assign.run),
    Reaction("slas", slas.ON, slas.run, when=slas.when, last=True, once=True),
    Reaction("surveys", surveys.ON, surveys.run, last=True),
    Reaction("invite", ("user-invited",), invite.run, last=True),
)


def lanes() -> tuple[list[Reaction], list[Reaction]]:
    """Those that people wait for, and the others."""
    urgent = [reaction for reaction in REACTIONS if reaction.urgent]
    return urgent, [reaction for reaction in REACTIONS if not reaction.urgent]


def subscribe() -> None:
    """Make all events recorded by this process from now on lead to these reactions."""
    works.subscriptions.clear()
    for reaction in REACTIONS:
        for kind in reaction.on:
            known = works.subscriptions.get(kind, ())
            works.subscriptions[kind] = (*known, Subscription(reaction.name, reaction.when, reaction.once))
