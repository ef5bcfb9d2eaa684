"""Settings: numbers for SMS and WhatsApp. Provider and credentials, the webhook's address, a test that says what is wrong."""

from typing import Any

from starlette.responses import Response

from polus.base import addresses, errors
from polus.channels import twilio
from polus.channels.texts import numbers
from polus.channels.texts.numbers import Given, Shown
from polus.channels.texts.providers import CHANNELS, Settings
from polus.desk.tickets import drafts
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import connections, forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/texts"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    return await listed(visit, Form.of(visit, {"provider": "twilio", "channel": "sms", "api": twilio.API}))


async def listed(visit: Visit, form: Form) -> Response:
    async with visit.reading() as work:
        found = await numbers.all_of(work)
    return await shell.settings(visit, PATH, "settings/texts.html", form=form, numbers=found)


def given(form: Form) -> Given:
    """What the form says."""
    return Given(
        name=form.text("name", longest=numbers.NAME_LENGTH),
        channel=form.choice("channel", CHANNELS, required=False),
        address=form.text("address"),
        provider=form.choice("provider", tuple(numbers.PROVIDERS), required=False),
        settings=Settings(
            account_sid=form.text("account_sid"),
            api="" if form.text("api") == twilio.API else form.text("api"),
            url=form.text("url"),
            help_text=form.text("help_text", longest=drafts.TEXT_LENGTH),
            stop_text=form.text("stop_text", longest=drafts.TEXT_LENGTH),
        ),
        secret=form.text("secret", longest=256),
    )


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    asked = given(form)

    async def change(work: Work) -> int:
        return await numbers.add(work, asked)

    if not await form.write(change):
        return await listed(visit, form)
    said = visit.gettext("The number was added. Tell its webhook to the provider, then send a test.")
    return forms.done(visit, f"{PATH}/{form.result}", said)


async def edit(visit: Visit) -> Response:
    """The page of one number."""
    number = await _found(visit)
    settings = number.settings
    stored: dict[str, Any] = {
        "name": number.name,
        "account_sid": settings.account_sid,
        "api": settings.api or twilio.API,
        "url": settings.url,
        "help_text": settings.help_text,
        "stop_text": settings.stop_text,
    }
    return await one(visit, number, Form.of(visit, stored))


async def one(visit: Visit, number: Shown, form: Form) -> Response:
    facts: dict[str, Any] = {
        "number": number,
        "title": number.name,
        "about": "",
        "back": (PATH, visit.gettext("SMS and WhatsApp")),
    }
    return await shell.settings(visit, PATH, "settings/text.html", form=form, **facts)


async def save(visit: Visit) -> Response:
    form, number = Form.sent(visit), await _found(visit)
    asked = given(form)

    async def change(work: Work) -> None:
        await numbers.change(work, number.id, asked)

    if not await form.write(change):
        return await one(visit, number, form)
    return forms.done(visit, f"{PATH}/{number.id}", visit.gettext("Saved."))


async def test(visit: Visit) -> Response:
    """Send a text; what comes of it stands on the page."""
    form, number = Form.sent(visit), await _found(visit)
    to = form.text("to")
    if not addresses.e164(to, number.address):
        form.refuse("to", numbers.NOT_A_NUMBER if to else errors.REQUIRED)

    async def change(work: Work) -> None:
        await numbers.test(work, number.id, to)

    said = visit.gettext("The test is on its way. Reload this page in some seconds to see what came of it.")
    return await forms.ended(form, change, f"{PATH}/{number.id}", said)


async def again(visit: Visit) -> Response:
    """Try once more to take the texts that could not be taken."""
    form, number = Form.sent(visit), await _found(visit)

    async def change(work: Work) -> None:
        await numbers.again(work, number.id)

    return await forms.ended(form, change, f"{PATH}/{number.id}", visit.gettext("They are tried again."))


async def switch(visit: Visit) -> Response:
    """Off: nothing comes in and nothing goes out."""
    number = await _found(visit)
    said = visit.gettext("The number is on.") if number.off else visit.gettext("The number is off.")
    return await connections.switch(visit, number, PATH, said)


async def remove(visit: Visit) -> Response:
    said = visit.gettext("The number was removed. Its tickets stay.")
    return await connections.remove(visit, await _found(visit), PATH, said)


async def _found(visit: Visit) -> Shown:
    async with visit.reading() as work:
        return await numbers.get(work, visit.request.path_params["number"])


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH, create, ROLE),
    routes.get(PATH + "/{number:int}", edit, ROLE),
    routes.post(PATH + "/{number:int}", save, ROLE),
    routes.post(PATH + "/{number:int}/test", test, ROLE),
    routes.post(PATH + "/{number:int}/again", again, ROLE),
    routes.post(PATH + "/{number:int}/switch", switch, ROLE),
    routes.post(PATH + "/{number:int}/delete", remove, ROLE),
)
