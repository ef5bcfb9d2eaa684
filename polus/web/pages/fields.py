"""Settings: custom fields of tickets and customers."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import clock
from polus.desk import custom_fields
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/fields"
ROLE = "agent"
OBJECTS = ("Ticket", "Customer")
SHAPES = {
    "text": ("text", "input"),
    "choice": ("text", "dropdown"),
    "number": ("number", "input_number"),
    "yes-no": ("boolean", "dropdown"),
}
"""What the form offers -> data type and input type."""


def shapes(visit: Visit) -> list[tuple[str, str]]:
    _ = visit.gettext
    return [("text", _("Text")), ("choice", _("Choice")), ("number", _("Number")), ("yes-no", _("Yes or no"))]


def shape(field: dict[str, Any]) -> str:
    """Which of `SHAPES` a field has."""
    definition = field["definition"]
    found = (definition["data_type"], definition["input_settings"]["input_type"])
    return next((name for name, kind in SHAPES.items() if kind == found), "text")


async def page(visit: Visit) -> Response:
    archived = "archived" in visit.request.query_params
    async with visit.reading() as work:
        found = {kind: await custom_fields.browse(work, kind, archived=archived) for kind in OBJECTS}
    names = dict(shapes(visit))
    for field in (field for fields in found.values() for field in fields):
        field["shape"] = names[shape(field)]
    return await shell.settings(visit, PATH, "settings/fields.html", found=found, archived=archived)


async def new(visit: Visit) -> Response:
    kind = visit.request.query_params.get("of", "Ticket")
    filled = {"object_type": kind if kind in OBJECTS else "Ticket", "shape": "text"}
    return await edited(visit, Form.of(visit, filled), None)


async def edit(visit: Visit) -> Response:
    field = await read(visit)
    settings = field["definition"]["input_settings"]
    filled: dict[str, Any] = field | {
        "shape": shape(field),
        "choices": "\n".join(map(str, settings.get("choices") or [])),
        "min": settings.get("min"),
        "max": settings.get("max"),
        "placeholder": settings.get("placeholder"),
    }
    return await edited(visit, Form.of(visit, filled), field)


async def read(visit: Visit) -> dict[str, Any]:
    async with visit.reading() as work:
        found: dict[str, Any] = msgspec.json.decode(
            await custom_fields.get(work, visit.request.path_params["field"])
        )
    return found


async def edited(visit: Visit, form: Form, field: dict[str, Any] | None) -> Response:
    _ = visit.gettext
    facts: dict[str, Any] = {"field": field, "shapes": shapes(visit), "back": (PATH, _("Custom fields"))}
    head = {"title": field["label"] if field else _("New field"), "about": ""}
    beside(form)
    return await shell.settings(visit, PATH, "settings/field.html", form=form, **facts | head)


def beside(form: Form) -> None:
    """What the desk says of the definition, beside the field of the form that it is about."""
    for path in list(form.wrong):
        name = path.removeprefix("definition.input_settings.").removeprefix("definition.").partition(".")[0]
        if path.startswith("definition.") and name not in form.wrong:
            form.wrong[name] = form.wrong.pop(path)


def given(form: Form, kind: str) -> dict[str, Any]:
    """What the form says of a field of that shape."""
    data_type, input_type = SHAPES[kind]
    settings: dict[str, Any] = {"input_type": input_type}
    if kind == "choice":
        settings["choices"] = [line.strip() for line in form.value("choices").split("\n") if line.strip()]
    if kind == "number":
        settings |= {name: form.text(name) for name in ("min", "max") if form.text(name)}
    if kind in ("text", "number") and form.text("placeholder"):
        settings["placeholder"] = form.text("placeholder")
    return {
        "label": form.text("label", required=True, longest=255),
        "description": form.text("description", longest=1024) or None,
        "priority": form.number("priority", least=0, most=5000) or 0,
        "required": form.checked("required"),
        "definition": {"data_type": data_type, "input_settings": settings},
    }


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    kind = form.choice("shape", tuple(SHAPES))
    object_type = form.choice("object_type", OBJECTS)
    values = given(form, kind if kind in SHAPES else "text")

    async def change(work: Work) -> None:
        await custom_fields.create(work, values | {"object_type": object_type})

    if not await form.write(change):
        return await edited(visit, form, None)
    return forms.done(visit, PATH, visit.gettext("The field was added."))


async def save(visit: Visit) -> Response:
    form, field = Form.sent(visit), await read(visit)
    values = given(form, shape(field))

    async def change(work: Work) -> None:
        await custom_fields.update(work, field["id"], values)

    if not await form.write(change):
        return await edited(visit, form, field)
    return forms.done(visit, PATH, visit.gettext("Saved."))


async def archive(visit: Visit) -> Response:
    """Put a field away with its values, or take it back."""
    form, field, away = Form.sent(visit), await read(visit), visit.field("away") == "1"

    async def change(work: Work) -> None:
        await custom_fields.update(work, field["id"], {"deactivated_datetime": clock.now() if away else None})

    _ = visit.gettext
    return await forms.ended(
        form, change, PATH, _("The field was archived.") if away else _("The field is back.")
    )


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", create, ROLE),
    routes.get(PATH + "/{field:int}", edit, ROLE),
    routes.post(PATH + "/{field:int}", save, ROLE),
    routes.post(PATH + "/{field:int}/archive", archive, ROLE),
)
