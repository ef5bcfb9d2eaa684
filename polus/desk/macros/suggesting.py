"""Macros for the composer: which fit a ticket, and one of them filled for it before anything is sent."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, html
from polus.desk.macros import applying, filling, lists, macros, wording
from polus.desk.macros.lists import Filters
from polus.lang.refused import Refused
from polus.store.paging import Order
from polus.store.work import Work

RECIPIENTS = ("to", "cc", "bcc")
MOST_USED = Order((("m.usage", "number"),), True)


class Filled(msgspec.Struct, frozen=True):
    """A macro whose variables are filled: its text, and the actions that are left to do when the message is sent.

    `recipients`: comma texts by `to`, `cc`, `bcc` where it names any. `files`: as messages carry them. `actions`: each
    as the macro has it, which is filled when it is done, and filled as things are now, to be shown.
    """

    name: str
    text: str
    html: str
    recipients: dict[str, str]
    files: list[dict[str, Any]]
    actions: list[tuple[dict[str, Any], dict[str, Any]]]


async def fitting(work: Work, ticket_id: int, search: str, most: int) -> list[dict[str, Any]]:
    """Id, name and the beginning of the text of the macros that fit the ticket best, of those that `search` finds."""
    ids = await lists.ranked(work, Filters(search=search), MOST_USED, ticket_id, None, most)
    found = [msgspec.json.decode(macro) for macro in await lists.by_ids(work, ids[:most])]
    return [
        {"id": macro["id"], "name": macro["name"], "excerpt": wording.response(macro["actions"])[:200]}
        for macro in found
    ]


async def filled(work: Work, ticket_id: int, macro_id: int) -> Filled:
    """A macro filled for the ticket and the actor; 404 for one that is archived or gone, 301."""
    macro = await macros.active(work, macro_id)
    if macro is None:
        raise errors.NotFound
    values = await filling.of_ticket(work, ticket_id)
    made = Filled(macro["name"], "", "", {}, [], [])
    for action in applying.holding(macro["actions"]):
        key = action["name"].lower()
        try:
            arguments = values.arguments(action["name"], action["arguments"])
        except Refused:
            if key != applying.ANSWER:
                continue
            # The writer sees it as it stands, and mends it.
            arguments = action["arguments"]
        if key == applying.ANSWER:
            text, rich = _texts(arguments)
            named = {name: _joined(arguments[name]) for name in RECIPIENTS if arguments.get(name)}
            made = msgspec.structs.replace(made, text=text, html=rich, recipients=named)
        elif key == applying.ATTACH:
            made.files.extend(applying.files(arguments))
        else:
            made.actions.append((dict(action), {**action, "arguments": arguments}))
    return made


def _texts(arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Plain text and, where it has one, the safe HTML."""
    plain, markup = arguments.get("body_text"), arguments.get("body_html")
    rich = html.sanitise(markup) if isinstance(markup, str) and markup.strip() else ""
    given = plain if isinstance(plain, str) and plain.strip() else ""
    return given or html.to_text(rich), rich


def _joined(given: Any) -> str:
    parts: Sequence[Any] = given if isinstance(given, list) else [given]
    return ", ".join(part for part in parts if isinstance(part, str))
