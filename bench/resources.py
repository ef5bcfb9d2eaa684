"""Reading every kind of thing, one and a page of them, beside pgbench; and whether a page far down costs more."""

import json
from typing import Any

import aiohttp

from bench.program import Program
from bench.requests import CREDENTIALS, Request
from polus.store import paging

# What is read, by the operation's name; `{id}` is the first of the list before it.
LISTS = {
    "customers": "/api/customers?limit=30",
    "messages": "/api/messages?limit=30",
    "events": "/api/events?limit=30",
    "users": "/api/users?limit=30",
    "teams": "/api/teams?limit=30",
    "tags": "/api/tags?limit=30",
    "macros": "/api/macros?limit=30",
    "rules": "/api/rules?limit=30",
    "views": "/api/views?limit=30",
    "custom-fields": "/api/custom-fields?object_type=Ticket",
}
MORE = {
    "list-ticket-messages": "/api/tickets/{ticket}/messages",
    "list-ticket-tags": "/api/tickets/{ticket}/tags",
    "list-view-items": "/api/views/{view}/items?limit=30",
    "get-message": "/api/tickets/{ticket}/messages/{message}",
}
# In the order of ids, which is nearly that of making them: the row before page 1,000.
DEEP = {
    "tickets": "select created_datetime, id from tickets where merged_into_id is null"
    " order by created_datetime desc, id desc offset 29970 limit 1",
    "events": "select created_datetime, id from events order by created_datetime desc, id desc offset 29970 limit 1",
}


async def requests(here: Program) -> dict[str, Request]:
    """One request for each operation, by its name."""
    paths: dict[str, str] = {}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{here.port}", headers=dict(CREDENTIALS)) as http:
        for name, path in LISTS.items():
            rows = await _data(http, path)
            paths["list-" + name] = path
            if rows:
                paths["get-" + name.removesuffix("s")] = f"/api/{name}/{rows[0]['id']}"
        (message,) = await _data(http, "/api/messages?limit=1")
        view = next(row for row in await _data(http, LISTS["views"]) if row["slug"] == "all")
    ids = {"ticket": message["ticket_id"], "message": message["id"], "view": view["id"]}
    paths |= {name: path.format(**ids) for name, path in MORE.items()}
    return {name: Request("GET", path, headers=CREDENTIALS) for name, path in sorted(paths.items())}


async def _data(http: aiohttp.ClientSession, path: str) -> Any:
    async with http.get(path) as answer:
        return json.loads(await answer.text())["data"]


async def depths(here: Program) -> dict[str, tuple[Request, Request]]:
    """Page 1 and page 1,000 of the longest lists, where they have as many."""
    found = {}
    for name, sql in DEEP.items():
        for moment, row in await here.rows(sql):
            first = f"/api/{name}?limit=30"
            last = (
                first + "&cursor=" + paging.encode(True, moment, row).replace("+", "%2B").replace("=", "%3D")
            )
            found[name] = (
                Request("GET", first, headers=CREDENTIALS),
                Request("GET", last, headers=CREDENTIALS),
            )
    return found
