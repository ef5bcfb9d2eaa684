"""The first page of the settings: all others with what they are for."""

from starlette.responses import Response

from polus.web import routes
from polus.web.pages import shell
from polus.web.visits import Visit


async def start(visit: Visit) -> Response:
    return await shell.settings_start(visit, "settings/start.html")


ROUTES = (routes.get("/settings", start),)
