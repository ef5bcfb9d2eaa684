"""What surrounds full pages: the rail with its places and counts, the settings' menu, the notice after a redirect.

A page behind the login that is not the inbox is shown by `page`, one of the settings by `settings`.
"""

from typing import Any

from starlette.responses import Response

from polus.base import wire
from polus.desk import inbox
from polus.desk.views import rails
from polus.web import choices
from polus.web.pages import forms, outgoing, settings_menu
from polus.web.pages.forms import Form
from polus.web.render import Here
from polus.web.visits import Visit

MAILING = ("", "/settings/channels", "/settings/channel-states", "/settings/users", "/settings/system")
"""Pages of the settings on which an administrator is warned when no mail can leave; "" is their first."""
HTMX = wire.encode(
    {
        "includeIndicatorCSS": False,
        "history": False,
        "defaultSettleDelay": 0,
        # Menus that are open and sizes that scripts set are not the server's to change.
        "morphIgnore": ["data-htmx-powered", "open", "style"],
        "noSwap": [204, 304, 401, 403, 404, 409, 413, 429, "5xx"],
    }
)


async def rail(visit: Visit, here: Here) -> dict[str, Any]:
    """What the rail of a full page shows; no view is the current one."""
    async with visit.reading() as work:
        counts = await inbox.counts(work)
        sections = await rails.sections(work)
    shelves = choices.shelves(here, sections, {})
    return {"views": choices.views(here, counts), "shelves": shelves, "view": {"key": ""}}


async def page(
    visit: Visit, template: str, place: str, here: Here | None = None, status: int = 200, **facts: Any
) -> Response:
    """A whole page beside the rail; `place` is the path of `places.PLACES` that it belongs to."""
    here = here or visit.here(view="")
    known = {"notice": forms.notice(visit), "place": place} | await rail(visit, here)
    return forms.forget(visit.page(template, here, status, **known | facts), visit)


async def settings(
    visit: Visit, path: str, template: str, *, form: Form | None = None, **facts: Any
) -> Response:
    """A page of the settings, within their menu. `path` is its row's; with a form that is wrong the status is 422.

    Facts may hold `title` and `about` of its own, for the page of one thing, and `back`, (path, title) of the page above.
    """
    visit.actor.require(settings_menu.row(path).role)
    return await _settings(visit, settings_menu.row(path), template, form, facts)


async def settings_start(visit: Visit, template: str) -> Response:
    """The page with all others of the settings."""
    return await _settings(visit, None, template, None, {})


async def _settings(
    visit: Visit, row: settings_menu.Row | None, template: str, form: Form | None, facts: dict[str, Any]
) -> Response:
    _ = visit.gettext
    known: dict[str, Any] = {
        "menu": settings_menu.visible(visit.actor),
        "sections": settings_menu.titles(_),
        "current": row.path if row else "",
        "title": _(row.title) if row else _("Settings"),
        "about": _(row.about) if row else "",
        "back": None,
        "form": form,
        "outlets": None,
    }
    if known["current"] in MAILING and not visit.house.relayed:
        async with visit.reading() as work:
            known["outlets"] = await outgoing.warning(visit, work)
    answer = await page(visit, template, "/settings", **known | facts)
    return form.shown(answer) if form else answer
