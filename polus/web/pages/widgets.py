"""Settings: widgets. The template as JSON, and how it looks for a customer that was chosen, before it is saved."""

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import errors
from polus.desk import integrations, widget_trees, widgets
from polus.desk.customers import customers
from polus.desk.widgets import Pane
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/widgets"
ROLE = "agent"
LONGEST = 100_000
NOT_JSON = "This is no JSON: %s."
NOBODY = "There is no such customer."
START: dict[str, Any] = {
    "type": "wrapper",
    "widgets": [
        {"type": "card", "title": "Customer", "widgets": [{"type": "text", "path": "name", "title": "Name"}]}
    ],
}


async def page(visit: Visit) -> Response:
    """All widgets."""
    async with visit.reading() as work:
        found = await widgets.browse(work)
    return await shell.settings(
        visit, PATH, "settings/widgets.html", found=found, types=dict(types(visit.gettext))
    )


async def new(visit: Visit) -> Response:
    stored = {"type": "http", "context": "ticket", "order": "0", "active": True}
    return await edited(visit, None, Form.of(visit, stored | {"template": written(START)}))


def written(template: Any) -> str:
    """A template as people edit it."""
    return msgspec.json.format(msgspec.json.encode(template)).decode()


def read(form: Form) -> dict[str, Any]:
    """What the form says of a widget."""
    kind = form.choice("type", widgets.TYPES)
    given = form.text("template", required=True, longest=LONGEST)
    template: Any = {}
    try:
        template = msgspec.json.decode(given) if given else {}
    except msgspec.DecodeError as error:
        form.refuse("template", NOT_JSON % error)
    if not isinstance(template, dict):
        form.refuse("template", widgets.NOT_A_TEMPLATE)
    integration = form.number("integration_id") if kind == "http" else None
    return {
        "type": kind,
        "context": form.choice("context", widgets.CONTEXTS),
        "integration_id": integration,
        "app_id": (form.text("app_id", longest=255) or None) if kind == "customer_external_data" else None,
        "order": form.number("order", least=0, most=2**31 - 1) or 0,
        "template": template,
    }


async def edit(visit: Visit) -> Response:
    """One widget."""
    async with visit.reading() as work:
        stored = msgspec.json.decode(await widgets.get(work, _id(visit)))
    active = stored["deactivated_datetime"] is None
    shown = stored | {"template": written(stored["template"]), "active": active}
    return await edited(visit, stored["id"], Form.of(visit, shown))


async def edited(visit: Visit, widget_id: int | None, form: Form) -> Response:
    """The form of one, with what it draws for the customer who is named in it."""
    _ = visit.gettext
    async with visit.reading() as work:
        found = (await integrations.browse(work, limit=100)).data
        panes = await drawn(work, form)
    head = {
        "title": _("Widget %(id)s") % {"id": widget_id} if widget_id else _("New widget"),
        "about": "",
        "back": (PATH, _("Widgets")),
    }
    facts = {
        "widget_id": widget_id,
        "integrations": [(str(one["id"]), one["name"]) for one in found],
        "types": types(_),
        "contexts": [("ticket", _("Beside a ticket")), ("customer", _("Beside a customer"))],
        "panes": panes,
    }
    return await shell.settings(visit, PATH, "settings/widget.html", form=form, **facts, **head)


def types(gettext: Callable[[str], str]) -> list[tuple[str, str]]:
    """What a widget can show, in words; shops go by their own names."""
    words = {
        "http": gettext("Answers of an HTTP integration"),
        "custom": gettext("The customer’s own data"),
        "customer_external_data": gettext("Data that an app has stored"),
        "standalone": gettext("Links and buttons without data"),
    }
    return [(kind, words.get(kind, kind.capitalize())) for kind in widgets.TYPES]


async def drawn(work: Work, form: Form) -> list[Pane]:
    """What the typed template draws; nothing while it is wrong or nobody is chosen."""
    chosen = form.text("customer", longest=320)
    if not chosen:
        return []
    try:
        customer = await found(work, chosen)
    except errors.NotFound:
        form.refuse("customer", NOBODY)
        return []
    given = read(form)
    if form.wrong:
        return []
    held = widgets.sources(given["type"], given["integration_id"], given["app_id"], customer)
    around = {"ticket": {"customer": customer}}
    panes = [Pane(None, "", widget_trees.draw(given["template"], data, around)) for _, data in held]
    return [pane for pane in panes if pane.nodes]


async def found(work: Work, chosen: str) -> dict[str, Any]:
    """A customer by number or e-mail address; 404."""
    customer_id = int(chosen) if chosen.isdecimal() and len(chosen) < 19 else await customers.at(work, chosen)
    if customer_id is None:
        raise errors.NotFound
    return msgspec.json.decode(await customers.get(work, customer_id))  # type: ignore[no-any-return]


async def preview(visit: Visit) -> Response:
    """What the form draws, as a part of its page; without script, the page."""
    form = Form.sent(visit)
    if not visit.partial:
        return await edited(visit, form.number("widget_id"), form)
    async with visit.reading() as work:
        panes = await drawn(work, form)
    return visit.page("settings/widget_preview.html", visit.here(view=""), form=form, panes=panes)


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    given = read(form)

    async def change(work: Work) -> int:
        moment = None if form.checked("active") else work.now
        made = await widgets.create(work, given | {"deactivated_datetime": moment})
        return int(msgspec.json.decode(made)["id"])

    if not await form.write(change):
        return await edited(visit, None, form)
    return forms.done(visit, f"{PATH}/{form.result}", visit.gettext("The widget was added."))


async def save(visit: Visit) -> Response:
    form, widget_id = Form.sent(visit), _id(visit)
    given = read(form)

    async def change(work: Work) -> None:
        before = msgspec.json.decode(await widgets.get(work, widget_id))["deactivated_datetime"]
        if form.checked("active") != (before is None):
            given["deactivated_datetime"] = None if form.checked("active") else work.now
        await widgets.update(work, widget_id, given)

    if not await form.write(change):
        return await edited(visit, widget_id, form)
    return forms.done(visit, f"{PATH}/{widget_id}", visit.gettext("Saved."))


async def remove(visit: Visit) -> Response:
    form, widget_id = Form.sent(visit), _id(visit)

    async def change(work: Work) -> None:
        await widgets.delete(work, widget_id)

    await form.write(change)
    return forms.done(visit, PATH, visit.gettext("The widget was deleted."))


def _id(visit: Visit) -> int:
    return int(visit.request.path_params["widget"])


ONE = PATH + "/{widget:int}"
ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", create, ROLE),
    routes.post(PATH + "/preview", preview, ROLE),
    routes.get(ONE, edit, ROLE),
    routes.post(ONE, save, ROLE),
    routes.post(ONE + "/delete", remove, ROLE),
)
