"""Settings: the apps that are connected, with what they may do, and the gallery of those that can be."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.responses import Response

from polus.base import crypto
from polus.desk.apps import apps, connections, reviews
from polus.desk.scopes import SCOPES
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/apps"
GALLERY = PATH + "/gallery"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    """What is connected."""
    async with visit.reading() as work:
        found = await connections.listing(work)
    connected = [dict(app) | {"words": words(visit, app["scopes"])} for app in found]
    return await shell.settings(visit, PATH, "settings/apps.html", connected=connected)


def words(visit: Visit, scopes: list[str]) -> list[tuple[str, str]]:
    """Scopes with what they mean, in the reader's language."""
    return [(name, visit.gettext(SCOPES[name])) for name in scopes if name in SCOPES]


async def gallery(visit: Visit) -> Response:
    """What every account may connect."""
    _ = visit.gettext
    async with visit.reading() as work:
        found = await reviews.gallery(work)
    known = [dict(app) | {"address": install(visit, app["app_url"])} for app in found]
    head: dict[str, Any] = {
        "title": _("Find apps"),
        "about": _("Programs of others that were reviewed for this installation."),
        "back": (PATH, _("Apps")),
    }
    return await shell.settings(visit, PATH, "settings/gallery.html", gallery=known, **head)


def install(visit: Visit, app_url: str) -> str:
    """Where an installation begins: the app's own page, told which account wants it."""
    parts = urlsplit(app_url)
    query = [pair for pair in parse_qsl(parts.query, True) if pair[0] != "account"]
    return urlunsplit(parts._replace(query=urlencode([*query, ("account", visit.account.domain)])))


async def disconnect(visit: Visit) -> Response:
    app_id = visit.request.path_params["app"]
    form = Form.sent(visit)

    async def change(work: Work) -> Any:
        await connections.disconnect(work, app_id)

    await form.write(change)
    return forms.done(
        visit, PATH, visit.gettext("The app is disconnected. What it had set up is switched off.")
    )


async def icon(visit: Visit) -> Response:
    """The picture of an app, small and made anew by us."""
    async with visit.reading() as work:
        reviewing = await reviews.is_reviewer(work)
        found = await apps.icon(work, visit.request.path_params["app"], reviewing=reviewing)
    kind = "image/png" if found.startswith(b"\x89PNG") else "image/jpeg"
    headers = {
        "cache-control": "private, max-age=60",
        "etag": '"' + crypto.digest(found.hex()).hex()[:32] + '"',
    }
    return Response(found, media_type=kind, headers=headers)


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(GALLERY, gallery, ROLE),
    routes.post(PATH + "/{app}/disconnect", disconnect, ROLE),
    routes.get("/apps/{app}/icon", icon),
)
