"""Settings: contact forms. What they ask for, where they may stand, their address and the HTML that frames them."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.channels import shopfronts
from polus.channels.forms import forms as contact
from polus.channels.forms.forms import Form as Contact
from polus.channels.forms.forms import Look
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import connections, forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/contact-forms"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    return await listed(visit, Form.of(visit))


async def listed(visit: Visit, form: Form) -> Response:
    async with visit.reading() as work:
        found = await contact.KIND.all_of(work)
    return await shell.settings(visit, PATH, "settings/contact_forms.html", form=form, found=found)


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    name = form.text("name", required=True, longest=shopfronts.NAME_LENGTH)

    async def change(work: Work) -> int:
        return await contact.add(work, name)

    if not await form.write(change):
        return await listed(visit, form)
    return forms.done(visit, f"{PATH}/{form.result}", visit.gettext("The form was added."))


async def edit(visit: Visit) -> Response:
    """The page of one form."""
    shown = await _found(visit)
    stored: dict[str, Any] = {"name": shown.name, **msgspec.to_builtins(shown.look)}
    lists = {name: "\n".join(getattr(shown.look, name)) for name in ("subjects", "origins")}
    return await one(visit, shown, Form.of(visit, stored | lists))


async def one(visit: Visit, shown: Contact, form: Form) -> Response:
    _ = visit.gettext
    async with visit.reading() as work:
        offered = [(str(row["id"]), row["label"]) for row in await contact.offered(work)]
    facts: dict[str, Any] = {
        "shown": shown,
        "offered": offered,
        "address": f"{visit.account.base_url}/forms/{shown.key}",
        "title": shown.name,
        "about": "",
        "back": (PATH, _("Contact forms")),
    }
    return await shell.settings(visit, PATH, "settings/contact_form.html", form=form, **facts)


async def save(visit: Visit) -> Response:
    form, shown = Form.sent(visit), await _found(visit)
    name = form.text("name", required=True, longest=shopfronts.NAME_LENGTH)
    look = Look(
        intro=form.text("intro"),
        thanks=form.text("thanks"),
        channel="help-center" if form.value("channel") == "help-center" else "contact_form",
        subjects=[line.strip() for line in form.text("subjects").splitlines() if line.strip()],
        fields=form.ids("fields"),
        files=form.checked("files"),
        origins=form.text("origins").split(),
    )

    async def change(work: Work) -> None:
        await contact.change(work, shown, name, look)

    if not await form.write(change):
        return await one(visit, shown, form)
    return forms.done(visit, f"{PATH}/{shown.id}", visit.gettext("Saved."))


async def remove(visit: Visit) -> Response:
    said = visit.gettext("The form was deleted. Its tickets stay.")
    return await connections.remove(visit, await _found(visit), PATH, said)


async def _found(visit: Visit) -> Contact:
    async with visit.reading() as work:
        return await contact.KIND.get(work, visit.request.path_params["form"])


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH, create, ROLE),
    routes.get(PATH + "/{form:int}", edit, ROLE),
    routes.post(PATH + "/{form:int}", save, ROLE),
    routes.post(PATH + "/{form:int}/delete", remove, ROLE),
)
