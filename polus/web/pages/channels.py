"""Settings: the e-mail addresses at which the account receives and from which it sends, each with a test."""

import msgspec
from starlette.responses import Response

from polus.base import addresses, errors
from polus.desk import integrations, notices, removals
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, outgoing, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/channels"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    return await shown(visit, Form.of(visit))


async def shown(visit: Visit, form: Form) -> Response:
    async with visit.reading() as work:
        emails = await integrations.emails(work)
    return await shell.settings(visit, PATH, "settings/channels.html", form=form, emails=emails)


async def add(visit: Visit) -> Response:
    form = Form.sent(visit)
    address = form.text("address", required=True, longest=320)
    name = form.text("name", longest=256) or visit.account.domain
    if address and not addresses.is_email(address):
        form.refuse("address", errors.NOT_EMAIL)

    async def change(work: Work) -> None:
        await integrations.add_email(work, address, name)

    if not await form.write(change):
        return await shown(visit, form)
    return forms.done(
        visit, PATH, visit.gettext("The address was added. Send a test to see that mail arrives.")
    )


async def test(visit: Visit) -> Response:
    """Send a mail to the address: when it works, it comes back as a ticket."""
    _ = visit.gettext
    async with visit.writing() as work:
        address = await address_of(work, visit.request.path_params["channel"])
        if not (await outgoing.outlook(visit, work)).notices:
            return forms.done(visit, PATH, _(outgoing.NOTHING), bad=True)
        text = _(
            "This mail was sent by the test button. When you read it as a ticket, sending and receiving work."
        )
        await notices.add(work, address, _("Test of %(address)s") % {"address": address}, text)
    said = _("The test is on its way to %(address)s. It should appear in the inbox within a minute.")
    return forms.done(visit, PATH, said % {"address": address})


async def address_of(work: Work, channel_id: int) -> str:
    """The address of an e-mail integration; 404."""
    found = msgspec.json.decode(await integrations.get(work, channel_id))
    if found["type"] != "email":
        raise errors.NotFound
    return str(found["meta"]["address"])


async def remove(visit: Visit) -> Response:
    form, channel_id = Form.sent(visit), visit.request.path_params["channel"]

    async def change(work: Work) -> None:
        await address_of(work, channel_id)
        await removals.remove_integration(work, channel_id)

    return await forms.ended(form, change, PATH, visit.gettext("The address was removed."))


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH, add, ROLE),
    routes.post(PATH + "/{channel:int}/test", test, ROLE),
    routes.post(PATH + "/{channel:int}/delete", remove, ROLE),
)
