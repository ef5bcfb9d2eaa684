"""The macro bar of the composer: what fits the ticket, what a search finds, and a macro filled for the ticket."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import html, wire
from polus.desk.macros import suggesting
from polus.web import chips, routes
from polus.web.pages import ticket_facts
from polus.web.visits import Visit

MOST_FOUND = 8
MOST_SUGGESTED = 3


async def suggest(visit: Visit) -> Response:
    """Macros by relevance: three that fit the ticket, or what holds the words of `q`."""
    ticket_id, asked = visit.request.path_params["ticket"], visit.request.query_params.get("q", "")[:200]
    most = MOST_FOUND if "all" in visit.request.query_params or asked.strip() else MOST_SUGGESTED
    async with visit.reading() as work:
        found = await suggesting.fitting(work, ticket_id, asked, most)
    return visit.page("fragments/macros.html", visit.here(), macros=found, ticket_id=ticket_id)


async def fill(visit: Visit) -> Response:
    """A macro with its variables filled: its text, its files, and each action as a chip says it."""
    params, here = visit.request.path_params, visit.here()
    async with visit.reading() as work:
        filled = await suggesting.filled(work, params["ticket"], params["macro"])
        files = [file | {"href": ticket_facts.own(work, file["url"])} for file in filled.files]
    rich = html.written(filled.html)
    told: dict[str, Any] = {
        "id": params["macro"],
        "name": filled.name,
        "text": filled.text,
        "html": rich if html.is_formatted(rich) else "",
        "files": files,
        "actions": [
            {"said": chips.said(here, shown), "action": msgspec.json.encode(action).decode()}
            for action, shown in filled.actions
        ],
        "to": {name: filled.recipients.get(name, "") for name in ("to", "cc", "bcc")},
    }
    return Response(wire.encode(told), media_type="application/json")


ROUTES = (
    routes.get("/tickets/{ticket:int}/macros", suggest),
    routes.get("/tickets/{ticket:int}/macros/{macro:int}", fill),
)
