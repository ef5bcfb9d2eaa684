"""Settings: try a template. Any text with variables, filled for a ticket, with what each variable gave."""

from starlette.responses import Response

from polus.desk import templates
from polus.desk.templates import Tried
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import shell
from polus.web.pages.forms import Form
from polus.web.places import N_
from polus.web.visits import Visit

PATH = "/settings/template"
ROLE = "lite-agent"
LONGEST = 100_000
HIGHEST = 2**63 - 1
EXAMPLE = 'Hi {{ticket.customer.firstname | fallback("there")}},\n\nabout "{{ticket.subject}}": …\n'
TARGETS = {
    "text": N_("Plain text"),
    "html": N_("HTML of a message"),
    "line": N_("One line: subject, name, header"),
    "url": N_("Address of a call"),
    "leaf": N_("Text in JSON or a form"),
}


async def page(visit: Visit) -> Response:
    ticket = visit.request.query_params.get("ticket", "")[:19]
    return await shown(
        visit, Form.of(visit, {"template": EXAMPLE, "ticket_id": ticket, "target": "text"}), None
    )


async def shown(visit: Visit, form: Form, tried: Tried | None) -> Response:
    choices = [(name, visit.gettext(title)) for name, title in TARGETS.items()]
    return await shell.settings(
        visit, PATH, "settings/template.html", form=form, tried=tried, targets=choices
    )


async def attempt(visit: Visit) -> Response:
    """Fill it and show what came of it. Nothing is kept."""
    form = Form.sent(visit)
    source = form.value("template")
    if len(source) > LONGEST:
        form.refuse("template", visit.gettext("That is too long to be tried here."))
    ticket_id = form.number("ticket_id", required=True, least=1, most=HIGHEST)
    target = form.choice("target", list(TARGETS))

    async def fill(work: Work) -> Tried:
        return await templates.attempt(work, source, ticket_id or 0, target)

    done = await form.write(fill)
    return await shown(visit, form, form.result if done else None)


ROUTES = (routes.get(PATH, page, ROLE), routes.post(PATH, attempt, ROLE))
