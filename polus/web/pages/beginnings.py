"""The page on which an agent opens a ticket himself: a mail to a customer, or a note of what was said elsewhere."""

import uuid
from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import errors, html
from polus.desk import beginnings, composing, files, inbox, tags, ticket_forms
from polus.desk.beginnings import Beginning
from polus.desk.composing import Composed, Unusable
from polus.desk.customers import customers
from polus.desk.tickets import drafts, tickets
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import actions, shell, ticket_facts, writing
from polus.web.pages.forms import Form
from polus.web.visits import Visit, go

PATH = "/tickets/new"
KINDS = ("reply", "note")
MOST_TAGS = 100


async def page(visit: Visit) -> Response:
    """An empty form; `?customer=` names to whom."""
    named = actions.integer(visit.request.query_params.get("customer", ""))
    to = await _address(visit, named) if named else ""
    return await shown(visit, Form.of(visit, {"to": to, "assignee": visit.person.user_id}))


async def _address(visit: Visit, customer_id: int) -> str:
    """How the form names a customer: by his address, else by his number."""
    async with visit.reading() as work:
        found = msgspec.json.decode(await customers.get(work, customer_id, detail=False))
    return found["email"] or str(found["id"])


async def shown(visit: Visit, form: Form) -> Response:
    _ = visit.gettext
    async with visit.reading() as work:
        facts = await _choices(work, form)
    facts |= {
        "htmx_config": shell.HTMX,
        "html": html.written(form.value("html")) if form.value("html") else "",
        "mark": mark(form).hex,
        "title": _("New ticket"),
        "about": _(
            "Write to a customer first, or note what was said elsewhere: on the telephone, in the shop."
        ),
        "back": ("/inbox", _("Inbox")),
    }
    return form.shown(await shell.page(visit, "tickets/new.html", "", form=form, **facts))


def mark(form: Form) -> uuid.UUID:
    """The form's own mark, the same each time it is sent."""
    try:
        return uuid.UUID(form.value("mark"))
    except ValueError:
        return uuid.uuid4()


async def _choices(work: Work, form: Form) -> dict[str, Any]:
    """What can be chosen, and the files that lie with us already."""
    found = await files.find(work, form.values.get("file", [])[: writing.MOST_FILES])
    return {
        "senders": await drafts.senders(work),
        "people": [(person["id"], person["name"]) for person in await inbox.people(work)],
        "teams": [(team["id"], team["name"]) for team in await inbox.teams(work)],
        "kept": [
            composing.attached(url, file) | {"href": ticket_facts.own(work, url)}
            for url, file in found.items()
        ],
        "tags_known": [tag["name"] for tag in await tags.suggest(work, "", MOST_TAGS)],
    }


def composed(visit: Visit, form: Form) -> Composed:
    """The message that the form holds."""
    sender, _, address = form.value("sender").partition(" ")
    return Composed(
        mode="note" if form.value("mode") == "note" else "reply",
        to=form.value("to"),
        cc=form.value("cc"),
        bcc=form.value("bcc"),
        sender=actions.integer(sender),
        sender_address=address[:320],
        body=visit.field("body"),
        html=visit.field("html"),
        files=form.values.get("file", [])[: writing.MOST_FILES],
    )


async def create(visit: Visit) -> Response:
    """Open the ticket and show it, closed when that was asked; else the form with what is wrong."""
    form = Form.sent(visit)
    beginning = Beginning(
        subject=form.text("subject", required=True, longest=composing.SUBJECT_LENGTH),
        mark=mark(form),
        assignee_user_id=actions.integer(form.value("assignee")),
        assignee_team_id=actions.integer(form.value("team")),
        tags=form.many("tags"),
    )
    ticket_id = None if form.wrong else await opened(visit, form, beginning)
    if ticket_id is None:
        return await shown(visit, form)
    return go(visit, f"/inbox/{'closed' if form.value('then') == 'close' else 'open'}/{ticket_id}")


async def opened(visit: Visit, form: Form, beginning: Beginning) -> int | None:
    """The ticket's id; None after noting in the form what is wrong."""
    here = visit.here()
    try:
        async with writing.uploaded(visit) as kept, visit.writing() as work:
            ticket_id = await beginnings.begin(work, composed(visit, form), beginning, kept)
            if form.value("then") == "close":
                await ticket_forms.require_filled(work, ticket_id)
                await tickets.update(work, ticket_id, {"status": "closed"})
            return ticket_id
    except Unusable as unusable:
        for field, sentence in writing.sentences(here, unusable).items():
            form.refuse(field, sentence)
    except ticket_forms.NotFilled as refusal:
        form.refuse("", writing.unfilled(here, refusal)["message"])
    except (errors.Invalid, errors.Conflict) as refusal:
        form.take(refusal)
    return None


ROUTES = (
    routes.get(PATH, page, actions.WRITER),
    routes.post(PATH, create, actions.WRITER),
)
