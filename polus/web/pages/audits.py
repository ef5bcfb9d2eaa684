"""Settings: the audit log. Who did what when, with filters."""

from typing import Any

from starlette.responses import Response

from polus.desk import events, users
from polus.web import routes
from polus.web.pages import shell
from polus.web.visits import Visit

PATH = "/settings/audit"
ROLE = "admin"
ADDRESSES = {
    "Ticket": "/tickets/{}",
    "Customer": "/customers/{}",
    "User": "/settings/users/{}",
    "Team": "/settings/teams/{}",
    "Tag": "/settings/tags/{}",
    "View": "/settings/views/{}",
    "Macro": "/settings/macros/{}",
    "CustomField": "/settings/fields/{}",
}
"""Where the thing that an event is about can be seen."""


async def page(visit: Visit) -> Response:
    query = visit.request.query_params
    kind, user = query.get("type", ""), query.get("user", "")
    chosen = {"type": kind if kind in events.KINDS else "", "user": user if user.isdecimal() else ""}
    async with visit.reading() as work:
        people = (await users.browse(work, limit=500)).data
        found = await events.browse(
            work,
            types=[chosen["type"]] if chosen["type"] else (),
            user_ids=[int(chosen["user"][:18])] if chosen["user"] else (),
            cursor=query.get("cursor", ""),
        )
    names = {person["id"]: person["name"] or person["email"] for person in people}
    facts: dict[str, Any] = {
        "found": found,
        "chosen": chosen,
        "people": people,
        "names": names,
        "kinds": events.KINDS,
        "addresses": ADDRESSES,
    }
    return await shell.settings(visit, PATH, "settings/audit.html", **facts)


ROUTES = (routes.get(PATH, page, ROLE),)
