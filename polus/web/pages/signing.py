"""Settings: keys that outgoing mails are signed with, the DNS records to publish, and whether they are there."""

import asyncio

from starlette.responses import Response

from polus.channels.email import dkim_signing
from polus.desk import domain_keys
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/signing"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    return await shown(visit, Form.of(visit))


async def shown(visit: Visit, form: Form) -> Response:
    async with visit.reading() as work:
        keys = await domain_keys.listed(work)
        domains = await domain_keys.domains(work)
    records = {
        key["id"]: domain_keys.record(key["domain"], key["selector"], key["public_key"]) for key in keys
    }
    signs: dict[str, int] = {}
    for key in keys:
        if key["published_datetime"] is not None:
            signs.setdefault(key["domain"], key["id"])
    facts = {"keys": keys, "records": records, "domains": domains, "signs": signs}
    return await shell.settings(visit, PATH, "settings/signing.html", form=form, **facts)


async def add(visit: Visit) -> Response:
    form = Form.sent(visit)
    domain = form.text("domain", required=True)
    pair = await asyncio.to_thread(domain_keys.made)

    async def change(work: Work) -> None:
        await domain_keys.add(work, domain, pair)

    if not await form.write(change):
        return await shown(visit, form)
    return forms.done(visit, PATH, visit.gettext("The key was made. Publish its record, then check it."))


async def check(visit: Visit) -> Response:
    """Ask the DNS, which may take three seconds, and write down what it said."""
    key_id = visit.request.path_params["key"]
    async with visit.reading() as work:
        key = await domain_keys.get(work, key_id)
        names = work.database.names
    found = await asyncio.to_thread(dkim_signing.look, names, *key)
    async with visit.writing() as work:
        await domain_keys.checked(work, key_id, found)
    _ = visit.gettext
    said = {
        "published": _("The record is published. Mails of this domain are signed from now on."),
        "missing": _("The record is not there yet. DNS servers may take some hours to show it."),
        "different": _("There is another record in its place. Compare it with the one shown here."),
        "unanswered": _("The DNS did not answer. Try again later."),
    }
    return forms.done(visit, PATH, said[found])


async def remove(visit: Visit) -> Response:
    form, key_id = Form.sent(visit), visit.request.path_params["key"]

    async def change(work: Work) -> None:
        await domain_keys.remove(work, key_id)

    return await forms.ended(form, change, PATH, visit.gettext("The key was removed."))


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH, add, ROLE),
    routes.post(PATH + "/{key:int}/check", check, ROLE),
    routes.post(PATH + "/{key:int}/delete", remove, ROLE),
)
