"""Settings: how people get in. A second factor for everybody, and who may join without being invited."""

from typing import Any

from starlette.responses import Response

from polus.base import addresses
from polus.desk import admissions, settings
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/access"
ROLE = "admin"
MOST_DOMAINS = 50


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        held = await settings.of(work, admissions.KIND)
    since = held.get("two_fa_enforced_datetime")
    return await shown(visit, Form.of(visit, held | {"factors": since is not None}))


async def shown(visit: Visit, form: Form) -> Response:
    _ = visit.gettext
    async with visit.reading() as work:
        people, with_factor = await admissions.factors(work)
    facts: dict[str, Any] = {
        "people": people,
        "with_factor": with_factor,
        "modes": [
            (admissions.INVITE, _("Only who was invited")),
            (
                admissions.DOMAINS,
                _("Also who reads mail of these domains"),
                _("They ask at the log-in page, get a mail, and begin as observers."),
            ),
        ],
    }
    return await shell.settings(visit, PATH, "settings/access.html", form=form, **facts)


async def save(visit: Visit) -> Response:
    form = Form.sent(visit)
    mode = form.choice("signup_mode", (admissions.INVITE, admissions.DOMAINS))
    allowed = [domain.lower().removeprefix("@") for domain in form.many("allowed_domains")]
    if len(allowed) > MOST_DOMAINS or not all(addresses.is_email("a@" + domain) for domain in allowed):
        form.refuse("allowed_domains", visit.gettext("Write domains such as shop.example, at most 50."))
    elif mode == admissions.DOMAINS and not allowed:
        form.refuse("allowed_domains", visit.gettext("Write at least one domain."))

    async def change(work: Work) -> None:
        await admissions.change(work, factors=form.checked("factors"), mode=mode, allowed=allowed)

    if not await form.write(change):
        return await shown(visit, form)
    return forms.done(visit, PATH, visit.gettext("Saved."))


ROUTES = (routes.get(PATH, page, ROLE), routes.post(PATH, save, ROLE))
