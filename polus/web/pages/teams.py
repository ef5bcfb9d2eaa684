"""Settings: teams and their members."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.desk import removals, teams, users
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/teams"
ROLE = "agent"


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        found = await teams.browse(work, visit.request.query_params.get("cursor", ""))
    return await shell.settings(visit, PATH, "settings/teams.html", found=found)


async def new(visit: Visit) -> Response:
    return await edited(visit, Form.of(visit), None)


async def edit(visit: Visit) -> Response:
    async with visit.reading() as work:
        team = msgspec.json.decode(await teams.get(work, visit.request.path_params["team"]))
    filled = team | {"members": [str(member["id"]) for member in team["members"]]}
    return await edited(visit, Form.of(visit, filled), team)


async def edited(visit: Visit, form: Form, team: dict[str, Any] | None) -> Response:
    """The form of a team; without one, of a new one."""
    _ = visit.gettext
    async with visit.reading() as work:
        people = await users.browse(work, limit=500)
    facts = {"team": team, "people": people.data, "back": (PATH, _("Teams"))}
    head = {"title": team["name"] if team else _("New team"), "about": ""}
    return await shell.settings(visit, PATH, "settings/team.html", form=form, **facts | head)


def read(form: Form) -> dict[str, Any]:
    emoji = form.text("decoration.emoji", longest=16)
    return {
        "name": form.text("name", required=True, longest=teams.NAME_LENGTH),
        "description": form.text("description", longest=1024) or None,
        "decoration": {"emoji": emoji} if emoji else {},
        "members": [{"id": user_id} for user_id in form.ids("members")],
    }


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    given = read(form)

    async def change(work: Work) -> None:
        await teams.create(work, **given)

    if not await form.write(change):
        return await edited(visit, form, None)
    return forms.done(visit, PATH, visit.gettext("The team is there."))


async def save(visit: Visit) -> Response:
    form, team_id = Form.sent(visit), visit.request.path_params["team"]
    given = read(form)

    async def change(work: Work) -> None:
        await teams.update(work, team_id, given)

    if not await form.write(change):
        async with visit.reading() as work:
            team = msgspec.json.decode(await teams.get(work, team_id))
        return await edited(visit, form, team)
    return forms.done(visit, PATH, visit.gettext("Saved."))


async def remove(visit: Visit) -> Response:
    async with visit.writing() as work:
        await removals.remove_team(work, visit.request.path_params["team"])
    return forms.done(visit, PATH, visit.gettext("The team was deleted."))


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", create, ROLE),
    routes.get(PATH + "/{team:int}", edit, ROLE),
    routes.post(PATH + "/{team:int}", save, ROLE),
    routes.post(PATH + "/{team:int}/delete", remove, ROLE),
)
