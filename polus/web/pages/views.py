"""Settings: views. Rows of field, operator and value, or the code itself, read aloud in plain words."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import errors
from polus.desk import custom_fields, filters, teams, users
from polus.desk.views import sections, views
from polus.desk.views.sections import Section
from polus.lang import flat, say
from polus.lang.flat import Row
from polus.lang.nodes import Reference
from polus.lang.operators import OPERATORS, Operand
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell, view_options
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/views"
ROLE = "observer-agent"
LONGEST = 255
CODE_LENGTH = 16_384


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        found = await views.browse(work, visit.request.query_params.get("cursor", ""))
        people = (await users.browse(work, limit=500)).data
        groups = (await teams.browse(work, limit=500)).data
        said = {
            view["id"]: await read_aloud(work, view["filters"] or "", people, groups)
            for view in found.data
            if view["type"] == "ticket-list"
        }
    facts: dict[str, Any] = {"found": found, "said": said, "sections_too": visit.actor.may("agent")}
    return await shell.settings(visit, PATH, "settings/views.html", **facts)


async def new(visit: Visit) -> Response:
    visibility = "public" if visit.actor.may("agent") else "private"
    filled = {"visibility": visibility, "order_by": "updated_datetime", "order_dir": "desc", "mode": "rows"}
    start = [{"path": "ticket.status", "operator": "eq", "values": "open"}]
    return await edited(visit, Form.of(visit, filled | {"filters": start}), None)


async def edit(visit: Visit) -> Response:
    async with visit.reading() as work:
        view = msgspec.json.decode(await views.get(work, visit.request.path_params["view"]))
        found = flat.rows(await filters.meaning(work, view["filters"]))
    filled: dict[str, Any] = view | {
        "code": view["filters"],
        "mode": "code" if found is None else "rows",
        "shared_with_users": [person["id"] for person in view["shared_with_users"]],
        "shared_with_teams": [team["id"] for team in view["shared_with_teams"]],
        "filters": [
            {"path": row.path, "operator": row.operator, "values": ", ".join(row.values)}
            for row in found or []
        ],
    }
    return await edited(visit, Form.of(visit, filled), view)


async def edited(visit: Visit, form: Form, view: dict[str, Any] | None) -> Response:
    """The editor; without a view, of a new one."""
    _ = visit.gettext
    async with visit.reading() as work:
        people, groups = (
            (await users.browse(work, limit=500)).data,
            (await teams.browse(work, limit=500)).data,
        )
        fields, headings = await custom_fields.browse(work, "Ticket"), await sections.listed(work)
        reading = await read_aloud(work, code_of(form, fields), people, groups)
    if "filters" in form.wrong:
        form.wrong["code" if form.value("mode") == "code" else "rows"] = form.wrong.pop("filters")
    facts: dict[str, Any] = {
        "view": view,
        "people": people,
        "teams": groups,
        "fields": view_options.fields(visit, fields),
        "operators": view_options.operators(visit),
        "orders": view_options.orders(visit),
        "headings": [(one.id, one.name) for one in headings],
        "reading": reading,
        "code": code_of(form, fields),
        "back": (PATH, _("Views")),
        "title": view["name"] if view else _("New view"),
        "about": "",
    }
    return await shell.settings(visit, PATH, "settings/view.html", form=form, **facts)


async def read_aloud(work: Work, code: str, people: list[Any], groups: list[Any]) -> str:
    """What the filter shows, in a sentence; nothing while it is wrong."""
    names = {Reference("User", one["id"]): one["name"] or one["email"] for one in people}
    names |= {Reference("Team", one["id"]): one["name"] for one in groups}
    try:
        return say.filters((await filters.check(work, code)).meaning, names)
    except errors.Invalid:
        return ""


def code_of(form: Form, fields: list[dict[str, Any]]) -> str:
    """The filter that the form says, by rows or as code."""
    if form.value("mode") == "code":
        return form.value("code").strip()
    kinds = view_options.kinds(fields)
    return flat.code([row for row in map(row_of, form.rows("filters")) if row is not None], kinds)


def row_of(given: dict[str, str]) -> Row | None:
    """A row that can be code; None for one without a known field or operator."""
    path, operator = given.get("path", ""), OPERATORS.get(given.get("operator", ""))
    if not path.startswith("ticket.") or operator is None:
        return None
    written = given.get("values", "")
    several = operator.operand is Operand.SEVERAL
    values = [part.strip() for part in written.split(",") if part.strip()] if several else [written]
    return Row(path, operator.name, values)


async def given(visit: Visit, form: Form) -> dict[str, Any]:
    """What the form says of a view; notes rows that are not filled in."""
    async with visit.reading() as work:
        fields = await custom_fields.browse(work, "Ticket")
    if form.value("mode") != "code":
        known = {path for path, _text, _kind in view_options.fields(visit, fields)}
        for at, row in enumerate(form.rows("filters")):
            check_row(form, f"filters.{at}", row, known)
    emoji = form.text("decoration.emoji", longest=16)
    visibility = form.choice("visibility", ("public", "shared", "private"))
    shared = visibility == "shared"
    return {
        "section_id": form.number("section_id"),
        "name": form.text("name", required=True, longest=LONGEST),
        "visibility": visibility,
        "shared_with_users": form.ids("shared_with_users") if shared else [],
        "shared_with_teams": form.ids("shared_with_teams") if shared else [],
        "filters": code_of(form, fields),
        "order_by": form.choice("order_by", [value for value, _text in view_options.orders(visit)]),
        "order_dir": form.choice("order_dir", ("asc", "desc")),
        "decoration": {"emoji": emoji} if emoji else None,
    }


def check_row(form: Form, prefix: str, row: dict[str, str], known: set[str]) -> None:
    operator = OPERATORS.get(row.get("operator", ""))
    if row.get("path", "") not in known and not row.get("path", "").startswith("ticket."):
        form.refuse(prefix + ".path", errors.REQUIRED)
    if operator is None:
        form.refuse(prefix + ".operator", errors.REQUIRED)
    elif operator.operand is not Operand.NONE and not row.get("values"):
        form.refuse(prefix + ".values", errors.REQUIRED)


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    values = await given(visit, form)
    slug = "-".join(values["name"].lower().split())[:LONGEST] or "view"

    async def change(work: Work) -> None:
        await views.create(work, values | {"slug": slug})

    if form.value("form-look") or not await form.write(change):
        return await edited(visit, form, None)
    return forms.done(visit, PATH, visit.gettext("The view was added."))


async def save(visit: Visit) -> Response:
    form, view_id = Form.sent(visit), visit.request.path_params["view"]
    async with visit.reading() as work:
        view = msgspec.json.decode(await views.get(work, view_id))
    if view["category"] == "system":
        values = {name: (await given(visit, form))[name] for name in ("order_by", "order_dir", "decoration")}
        form.wrong.clear()
    else:
        values = await given(visit, form)

    async def change(work: Work) -> None:
        await views.update(work, view_id, values)

    if form.value("form-look") or not await form.write(change):
        return await edited(visit, form, view)
    return forms.done(visit, PATH, visit.gettext("Saved."))


async def remove(visit: Visit) -> Response:
    async with visit.writing() as work:
        await views.delete(work, visit.request.path_params["view"])
    return forms.done(visit, PATH, visit.gettext("The view was deleted."))


async def headings(visit: Visit) -> Response:
    """The sections of shared views."""
    async with visit.reading() as work:
        found = await sections.listed(work)
    stored = {"sections": [{"id": one.id, "name": one.name, "emoji": one.emoji} for one in found]}
    return await heading_form(visit, Form.of(visit, stored))


async def heading_form(visit: Visit, form: Form) -> Response:
    _ = visit.gettext
    head = {"title": _("Sections"), "about": _("Headings over shared views in the rail, in this order.")}
    facts: dict[str, Any] = head | {"back": (PATH, _("Views"))}
    return await shell.settings(visit, PATH, "settings/sections.html", form=form, **facts)


async def save_headings(visit: Visit) -> Response:
    form = Form.sent(visit)
    wanted = [
        Section(
            int(row["id"]) if row.get("id", "").isdecimal() else None,
            row.get("name", ""),
            row.get("emoji", "")[:16],
        )
        for row in form.rows("sections")
    ]

    async def change(work: Work) -> None:
        await sections.put(work, wanted)

    if not await form.write(change):
        return await heading_form(visit, form)
    return forms.done(visit, PATH, visit.gettext("Saved."))


SECTIONS = PATH + "/sections"

ROUTES = (
    routes.get(SECTIONS, headings, "agent"),
    routes.post(SECTIONS, save_headings, "agent"),
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", create, ROLE),
    routes.get(PATH + "/{view:int}", edit, ROLE),
    routes.post(PATH + "/{view:int}", save, ROLE),
    routes.post(PATH + "/{view:int}/delete", remove, ROLE),
)
