"""The search box and its page, and the places that the command palette finds besides."""

from typing import Any

from starlette.responses import Response

from polus.desk import finding
from polus.web import routes
from polus.web.pages import settings_menu, shell
from polus.web.visits import Visit

MOST_OFFERED = 6
MOST_SHOWN = 50


def asked(visit: Visit) -> str:
    return visit.request.query_params.get("q", "")[: finding.LONGEST]


async def offer(visit: Visit) -> Response:
    """What fits so far, while it is typed."""
    facts: dict[str, Any] = {"q": asked(visit)}
    async with visit.reading() as work:
        facts["found"] = await finding.find(work, facts["q"], MOST_OFFERED)
    return visit.page("fragments/found.html", visit.here(view="all"), **facts)


async def page(visit: Visit) -> Response:
    """All that fits, as a page of its own."""
    here = visit.here(view="")
    async with visit.reading() as work:
        found = await finding.find(work, asked(visit), MOST_SHOWN)
    facts: dict[str, Any] = {"title": visit.gettext("Search"), "about": "", "back": None}
    return await shell.page(visit, "search.html", "", here, **facts, q=asked(visit), found=found)


async def palette(visit: Visit) -> Response:
    """The pages of the settings that the reader may see, as links."""
    return visit.page("fragments/palette.html", visit.here(view=""), menu=settings_menu.visible(visit.actor))


ROUTES = (
    routes.get("/palette", palette),
    routes.get("/search", page),
    routes.get("/search/offer", offer),
)
