"""Buttons of widgets: each makes one HTTP call about its ticket, filled from the data of the card it stands on.

A call may move money: it is made once for each page that showed the button, and only while the page was right about it.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import widgets
from polus.desk.macros import applying
from polus.desk.macros.applying import Cause
from polus.desk.tickets import tickets
from polus.desk.widget_trees import Button, Node
from polus.store.work import Work

GONE = "What this button would do has changed meanwhile. Look at it again."
ONCE = """
insert into widget_presses (account_id, nonce, button, ticket_id, user_id, created_datetime)
values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning nonce
"""


async def press(work: Work, ticket_id: int, pressed: str, nonce: uuid.UUID) -> None:
    """Make the call of the button named `pressed` that stands beside the ticket; 403, 404, 301, 409 when it is not there
    now.

    A press that is sent twice with the same `nonce`, which each showing of the page has anew, is done once. Event action-executed, when the call was made.
    """
    work.actor.require("basic-agent")
    ticket = msgspec.json.decode(await tickets.get(work, ticket_id))
    panes = await widgets.shown(work, ticket["customer"], ("ticket",), {"ticket": ticket})
    found = next((one for pane in panes for one in _buttons(pane.nodes) if one.key == pressed), None)
    if found is None:
        raise errors.Conflict({"button": [GONE]})
    first = (work.account.id, nonce, pressed, ticket_id, work.actor.user_id, work.now)
    if await work.db.fetchval(ONCE, *first) is None:
        return
    await applying.call(work, ticket_id, _arguments(found), Cause())


def _buttons(nodes: tuple[Node, ...]) -> list[Button]:
    return [button for node in nodes for button in (*node.buttons, *_buttons(node.children))]


def _arguments(button: Button) -> dict[str, Any]:
    """The call as an action of a macro says it, and what the button was called."""
    call: Mapping[str, Any] = button.call
    body = call.get("body")
    given = {"label": button.label} | {
        name: call[name] for name in ("method", "url", "headers", "params") if call.get(name)
    }
    if isinstance(body, str):
        return given | ({"form": body, "content_type": "text/plain; charset=utf-8"} if body else {})
    return given if body is None else given | {"json": body}
