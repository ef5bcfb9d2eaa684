"""Settings: macros. The answer with its variables, the actions that go with it, archive."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import errors, names
from polus.desk import tags, teams, users
from polus.desk.macros import lists, macros
from polus.desk.macros.lists import Filters
from polus.store.work import Work
from polus.web import chips, routes
from polus.web.pages import forms, macro_forms, options, shell
from polus.web.pages.forms import Form
from polus.web.pages.macro_forms import Names
from polus.web.visits import Visit

PATH = "/settings/macros"
ROLE = "agent"
VARIABLES = (
    "ticket.customer.firstname",
    "ticket.customer.lastname",
    "ticket.customer.name",
    "ticket.customer.email",
    "ticket.id",
    "ticket.subject",
    "current_user.firstname",
    "current_user.name",
    "current_user.bio",
    "ticket.assignee_user.firstname",
    "ticket.account.domain",
)
"""Those that are used most; the language has more."""


async def page(visit: Visit) -> Response:
    query = visit.request.query_params
    search, archived = query.get("search", "")[:200], "archived" in query
    async with visit.reading() as work:
        found = await lists.browse(work, Filters(search=search, archived=archived), query.get("cursor", ""))
    here = visit.here(view="")
    does = {one["id"]: [chips.said(here, action) for action in one["actions"]] for one in found.data}
    facts: dict[str, Any] = {"found": found, "does": does, "search": search, "archived": archived}
    return await shell.settings(visit, PATH, "settings/macros.html", **facts)


async def known(work: Work) -> Names:
    """Who rows can name."""
    people, groups = (await users.browse(work, limit=500)).data, (await teams.browse(work, limit=500)).data
    return Names({one["email"]: one["id"] for one in people}, {one["name"]: one["id"] for one in groups})


async def new(visit: Visit) -> Response:
    return await edited(visit, Form.of(visit), None)


async def edit(visit: Visit) -> Response:
    async with visit.reading() as work:
        macro = msgspec.json.decode(await macros.get(work, visit.request.path_params["macro"]))
        filled = macro_forms.filled(macro, await known(work))
    return await edited(visit, Form.of(visit, filled), macro)


async def edited(visit: Visit, form: Form, macro: dict[str, Any] | None) -> Response:
    """The editor; without a macro, of a new one."""
    _ = visit.gettext
    async with visit.reading() as work:
        people = await known(work)
        words = [tag["name"] for tag in await tags.suggest(work, "", 200)]
    facts: dict[str, Any] = {
        "macro": macro,
        "kinds": kinds(visit),
        "values": ["me", "nobody", "open", "closed", *people.users, *people.teams, *words],
        "variables": VARIABLES,
        "languages": options.all_languages(visit),
        "back": (PATH, _("Macros")),
        "title": macro["name"] if macro else _("New macro"),
        "about": "",
    }
    return await shell.settings(visit, PATH, "settings/macro.html", form=form, **facts)


def kinds(visit: Visit) -> list[tuple[str, str]]:
    """The actions that rows can be, in words."""
    _ = visit.gettext
    return [
        ("addTags", _("Add tags")),
        ("removeTags", _("Remove tags")),
        ("setTags", _("Replace all tags by")),
        ("setStatus", _("Set the status to")),
        ("setPriority", _("Set the priority to")),
        ("setAssignee", _("Assign to (e-mail address, me, nobody)")),
        ("setTeamAssignee", _("Give to the team")),
        ("snoozeTicket", _("Snooze for (2h, 3d)")),
        ("setSubject", _("Set the subject to")),
        ("addInternalNote", _("Add an internal note")),
        (macro_forms.JSON, _("Another action, as JSON")),
    ]


async def given(visit: Visit, form: Form, stored: dict[str, Any] | None) -> dict[str, Any]:
    async with visit.reading() as work:
        people = await known(work)
    language = form.text("language")
    if language and language not in names.LANGUAGES:
        form.refuse("language", errors.NOT_CHOICE)
    return {
        "name": form.text("name", required=True, longest=macros.NAME_LENGTH),
        "language": language or None,
        "actions": macro_forms.actions(form, stored["actions"] if stored else (), people),
    }


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    values = await given(visit, form, None)

    async def change(work: Work) -> None:
        await macros.create(work, values)

    if not await form.write(change):
        return await edited(visit, form, None)
    return forms.done(visit, PATH, visit.gettext("The macro was added."))


async def save(visit: Visit) -> Response:
    form, macro_id = Form.sent(visit), visit.request.path_params["macro"]
    async with visit.reading() as work:
        macro = msgspec.json.decode(await macros.get(work, macro_id))
    values = await given(visit, form, macro)

    async def change(work: Work) -> None:
        await macros.update(work, macro_id, values)

    if not await form.write(change):
        return await edited(visit, form, macro)
    return forms.done(visit, PATH, visit.gettext("Saved."))


async def remove(visit: Visit) -> Response:
    form, macro_id = Form.sent(visit), visit.request.path_params["macro"]

    async def change(work: Work) -> None:
        await macros.delete(work, macro_id)

    if not await form.write(change):
        return forms.done(visit, f"{PATH}/{macro_id}", still_used(visit, form.rest()), bad=True)
    return forms.done(visit, PATH, visit.gettext("The macro was deleted."))


def still_used(visit: Visit, rules: list[str]) -> str:
    """That rules apply it, with their names."""
    return visit.gettext("It is still applied by rules: %(names)s") % {"names": ", ".join(rules)}


async def archive(visit: Visit) -> Response:
    """Put away, or take out again."""
    _, macro_id, away = visit.gettext, visit.request.path_params["macro"], visit.field("away") == "1"
    async with visit.writing() as work:
        await macros.require(work, macro_id)
        [found] = await (macros.archive if away else macros.unarchive)(work, [macro_id])
    if found["status"] == "macro_used":
        rules = found["error"]["data"]["rules"]
        return forms.done(visit, f"{PATH}/{macro_id}", still_used(visit, rules), bad=True)
    return forms.done(visit, PATH, _("The macro was archived.") if away else _("The macro is back."))


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", create, ROLE),
    routes.get(PATH + "/{macro:int}", edit, ROLE),
    routes.post(PATH + "/{macro:int}", save, ROLE),
    routes.post(PATH + "/{macro:int}/delete", remove, ROLE),
    routes.post(PATH + "/{macro:int}/archive", archive, ROLE),
)
