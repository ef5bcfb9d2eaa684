"""Settings: what is done with messages before people read them. Card numbers, senders, verdicts of spam filters."""

from starlette.responses import Response

from polus.desk import letter_settings
from polus.desk.letter_settings import LetterSettings
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/trust"
ROLE = "admin"
SWITCHES = ("redact_cards", "check_senders", "spam_headers")


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        stored = await letter_settings.get(work)
    switches = {name: getattr(stored, name) for name in SWITCHES}
    return await shown(visit, Form.of(visit, switches | {"trusted_servers": list(stored.trusted_servers)}))


async def shown(visit: Visit, form: Form) -> Response:
    return await shell.settings(visit, PATH, "settings/trust.html", form=form)


async def save(visit: Visit) -> Response:
    form = Form.sent(visit)
    new = LetterSettings(
        redact_cards=form.checked("redact_cards"),
        check_senders=form.checked("check_senders"),
        trusted_servers=tuple(form.many("trusted_servers")),
        spam_headers=form.checked("spam_headers"),
    )

    async def change(work: Work) -> None:
        await letter_settings.put(work, new)

    if not await form.write(change):
        return await shown(visit, form)
    return forms.done(visit, PATH, visit.gettext("Saved."))


ROUTES = (routes.get(PATH, page, ROLE), routes.post(PATH, save, ROLE))
