"""Finds what the path of a template variable names in a context of plain JSON.

A context holds, as far as they are known: `ticket` (the full wire form, with `messages` oldest first), `message`,
`current_user`, `account` `{domain}`, `event`, `satisfaction_survey_url`, and for HTTP integrations `context`, the whole
document. The names below that stand for parts of these need no copies of them.
"""

from collections.abc import Mapping
from typing import Any

from polus.lang import paths
from polus.lang.paths import Step

Steps = tuple[Step, ...]
Context = Mapping[str, Any]


def find(context: Context, steps: Steps) -> Any:
    """The value at `steps`; None when it is missing."""
    first, rest = steps[0], steps[1:]
    if first == "message":
        return paths.walk(_message(context), rest)
    if first == "ticket" and rest:
        return _of_ticket(context, rest)
    return paths.walk(context.get(str(first)), rest)


def is_tags(steps: Steps) -> bool:
    return steps in (("ticket", "tags"), ("ticket", "tags", "name"))


def names(tags: Any) -> Any:
    """The names of tags, or what they are when they are names already."""
    return (paths.project(tags, "name") or tags) if isinstance(tags, list) else tags


def _message(context: Context) -> Any:
    """The triggering message, else the newest."""
    message = context.get("message")
    return message if message is not None else paths.walk(context.get("ticket"), ("messages", -1))


def _of_ticket(context: Context, steps: Steps) -> Any:
    ticket, first, rest = context.get("ticket"), steps[0], steps[1:]
    if not isinstance(ticket, dict):
        return None
    if first in ("customer", "requester"):
        return _of_customer(ticket, rest)
    if first in ("first_message", "last_message"):
        return paths.walk(ticket, ("messages", 0 if first == "first_message" else -1, *rest))
    if first in ("sender", "receiver"):
        return paths.walk(_party(ticket, str(first)), rest)
    if first == "account":
        return paths.walk(context.get("account"), rest)
    if first == "customer_id" and "customer_id" not in ticket:
        return paths.walk(ticket, ("customer", "id"))
    return paths.walk(ticket, steps)


def _of_customer(ticket: dict[str, Any], steps: Steps) -> Any:
    customer = ticket.get("customer")
    if steps[:1] == ("integrations",) and len(steps) > 1:
        data = paths.walk(customer, ("integrations",))
        store = paths.walk(ticket, ("store", "id"))
        return paths.walk(paths.integration(data, steps[1], store), steps[2:])
    return paths.walk(customer, steps)


def _party(ticket: dict[str, Any], side: str) -> Any:
    """Who wrote the newest customer message, or who received it; else who received the newest agent message."""
    messages = [one for one in ticket.get("messages") or [] if isinstance(one, dict)]
    received = next((one for one in reversed(messages) if not one.get("from_agent")), None)
    if received is not None and (side == "sender" or received.get(side)):
        return received.get(side)
    sent = next((one for one in reversed(messages) if one.get("from_agent")), None)
    return sent.get("receiver") if sent and side == "receiver" else None
