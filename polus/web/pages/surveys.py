"""Settings: the satisfaction survey. When it is sent, on which channels, in which words."""

from typing import Any

from starlette.responses import Response

from polus.desk import settings
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/survey"
ROLE = "admin"
KIND = "satisfaction-surveys"
SWITCHES = (
    "send_survey_for_email",
    "send_survey_for_chat",
    "send_survey_for_contact_form",
    "send_survey_for_help_center",
)
LINK = "{{satisfaction_survey_url}}"
LONGEST = 100_000


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        stored = await settings.of(work, KIND)
    return await shown(visit, Form.of(visit, stored))


async def shown(visit: Visit, form: Form) -> Response:
    return await shell.settings(visit, PATH, "settings/survey.html", form=form)


async def save(visit: Visit) -> Response:
    form = Form.sent(visit)
    text = form.text("survey_email_text", required=True, longest=LONGEST)
    rich = form.text("survey_email_html", longest=LONGEST)
    for name, words in (("survey_email_text", text), ("survey_email_html", rich)):
        if words and LINK not in words:
            form.refuse(
                name, visit.gettext("The text must hold {{satisfaction_survey_url}}, or nobody can answer.")
            )
    given: dict[str, Any] = {name: form.checked(name) for name in SWITCHES}
    given |= {
        "survey_email_text": text,
        "survey_email_html": rich,
        "survey_interval": form.number("survey_interval", required=True, least=0, most=8760),
    }

    async def change(work: Work) -> None:
        await settings.put(work, KIND, await settings.of(work, KIND) | given)

    if not await form.write(change):
        return await shown(visit, form)
    return forms.done(visit, PATH, visit.gettext("Saved."))


ROUTES = (routes.get(PATH, page, ROLE), routes.post(PATH, save, ROLE))
