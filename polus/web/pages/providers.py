"""Settings: what was registered at Google, Microsoft or a provider of one's own, for mailboxes and for logging in."""

from typing import Any

from starlette.responses import Response

from polus.base import errors
from polus.channels.email import grants, troubles
from polus.channels.openid import journeys
from polus.channels.openid import providers as endpoints
from polus.channels.openid.providers import Failure
from polus.desk import registrations
from polus.desk.registrations import NAMES, OWN, Registration
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.places import N_
from polus.web.visits import Visit

PATH = "/settings/providers"
ONE = PATH + "/{provider}"
ROLE = "admin"
OTHER = N_("A provider of your own")
# Where one registers there.
CONSOLES = {
    registrations.GOOGLE: "https://console.cloud.google.com/apis/credentials",
    registrations.MICROSOFT: "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps",
}


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        held = await registrations.listed(work)
    rows = [
        {"key": key, "title": name or visit.gettext(OTHER), "held": held.get(key)}
        for key, name in NAMES.items()
    ]
    return await shell.settings(visit, PATH, "settings/providers.html", rows=rows)


async def one(visit: Visit) -> Response:
    key = visit.request.path_params["provider"]
    async with visit.reading() as work:
        held = (await registrations.listed(work)).get(key)
    return await shown(visit, Form.of(visit, held))


async def shown(visit: Visit, form: Form) -> Response:
    key = visit.request.path_params["provider"]
    if key not in NAMES:
        raise errors.NotFound
    async with visit.reading() as work:
        held = key in await registrations.listed(work)
    facts: dict[str, Any] = {
        "key": key,
        "held": held,
        "redirect": journeys.redirect_uri(visit.account.base_url),
        "console": CONSOLES.get(key),
        "title": NAMES[key] or visit.gettext(OTHER),
        "back": (PATH, visit.gettext("Providers")),
    }
    if key == OWN:
        facts["about"] = visit.gettext(
            "For mailboxes. Providers of your own for logging in stand under Access."
        )
    return await shell.settings(visit, PATH, "settings/provider.html", form=form, **facts)


async def save(visit: Visit) -> Response:
    """Keep the registration. A provider's own document is read before: whether it is one is seen at once."""
    form, key = Form.sent(visit), visit.request.path_params["provider"]
    fields = ("name", "client_id", "client_secret", "tenant", "issuer", "mail_scope")
    given = {name: form.text(name) for name in fields}
    given["tenant"] = given["tenant"].lower()
    wanted = Registration(key, **given)
    if key == OWN and wanted.issuer:
        try:
            await endpoints.discovered(wanted.issuer, visit.house.database.allowed)
        except Failure as failure:
            trouble = grants.trouble(failure)
            form.refuse("issuer", troubles.told(trouble.code, trouble.facts, visit.gettext))

    async def change(work: Work) -> None:
        await registrations.save(work, wanted)

    if not await form.write(change):
        form.values.pop("client_secret", None)
        return await shown(visit, form)
    return forms.done(visit, PATH, visit.gettext("Saved."))


async def remove(visit: Visit) -> Response:
    form, key = Form.sent(visit), visit.request.path_params["provider"]

    async def change(work: Work) -> None:
        await registrations.remove(work, key)

    return await forms.ended(form, change, PATH, visit.gettext("The registration was removed."))


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(ONE, one, ROLE),
    routes.post(ONE, save, ROLE),
    routes.post(ONE + "/remove", remove, ROLE),
)
