"""Settings: whether everything works, as `/health` says, and what waits to be done."""

from typing import Any

from starlette.responses import Response

from polus import __version__
from polus.store import backlogs, presence
from polus.web import routes
from polus.web.pages import shell
from polus.web.visits import Visit

PATH = "/settings/system"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        workers = await presence.anybody(work.db)
        queues = [dict(row) for row in await backlogs.waiting(work.db)]
    _ = visit.gettext
    names = {
        "outbox": _("Rules and reactions"),
        "mails": _("Incoming mail"),
        "deliveries": _("Outgoing mail"),
        "notices": _("Mail to your team"),
        "texts": _("Incoming texts"),
        "text_deliveries": _("Outgoing texts"),
    }
    for queue in queues:
        queue["name"] = names.get(queue["queue"], queue["queue"])
    parts = await visit.house.examine() if visit.house.examine else {"database": True, "queue": workers}
    facts: dict[str, Any] = {"parts": parts, "queues": queues, "version": __version__}
    return await shell.settings(visit, PATH, "settings/system.html", **facts)


ROUTES = (routes.get(PATH, page, ROLE),)
