"""Settings: tags. Rename, colour, merge, delete."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.desk import removals, tags
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/tags"
ROLE = "agent"
LONGEST = 1024


async def page(visit: Visit) -> Response:
    return await listed(visit, Form.of(visit))


async def listed(visit: Visit, form: Form) -> Response:
    """All tags with what can be done to them, and the form of a new one."""
    query = visit.request.query_params
    search = query.get("search", "")[: tags.NAME_LENGTH]
    async with visit.reading() as work:
        found = await tags.browse(work, search, query.get("cursor", ""))
    return await shell.settings(visit, PATH, "settings/tags.html", form=form, found=found, search=search)


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    given = read(form)

    async def change(work: Work) -> None:
        await tags.create(work, **given)

    if not await form.write(change):
        return await listed(visit, form)
    return forms.done(visit, PATH, visit.gettext("The tag was added."))


def read(form: Form) -> dict[str, Any]:
    """What the form says of a tag."""
    colour = form.text("decoration.color")
    return {
        "name": form.text("name", required=True, longest=tags.NAME_LENGTH),
        "description": form.text("description", longest=LONGEST) or None,
        "decoration": {"color": colour} if colour else {},
    }


async def edit(visit: Visit) -> Response:
    """The page of one tag."""
    async with visit.reading() as work:
        tag = msgspec.json.decode(await tags.get(work, visit.request.path_params["tag"]))
    return await one(visit, tag["id"], Form.of(visit, tag))


async def one(visit: Visit, tag_id: int, form: Form) -> Response:
    _ = visit.gettext
    async with visit.reading() as work:
        tag = msgspec.json.decode(await tags.get(work, tag_id))
        names = await tags.suggest(work, "", 500)
    facts = {"tag": tag, "names": [other["name"] for other in names if other["name"] != tag["name"]]}
    head = {"title": tag["name"], "about": "", "back": (PATH, _("Tags"))}
    return await shell.settings(visit, PATH, "settings/tag.html", form=form, **facts, **head)


async def save(visit: Visit) -> Response:
    form, tag_id = Form.sent(visit), visit.request.path_params["tag"]
    given = read(form)

    async def change(work: Work) -> None:
        await removals.update_tag(work, tag_id, given)

    if not await form.write(change):
        return await one(visit, tag_id, form)
    return forms.done(visit, PATH, visit.gettext("Saved."))


async def merge(visit: Visit) -> Response:
    """Make this tag part of the one that is named."""
    form, tag_id = Form.sent(visit), visit.request.path_params["tag"]
    into = form.text("into", required=True, longest=tags.NAME_LENGTH)

    async def change(work: Work) -> None:
        await removals.merge_tags(work, [tag_id], await tags.named(work, into, "into"))

    if not await form.write(change):
        return await one(visit, tag_id, form)
    return forms.done(visit, PATH, visit.gettext("The tags are one now."))


async def remove(visit: Visit) -> Response:
    form, tag_id = Form.sent(visit), visit.request.path_params["tag"]

    async def change(work: Work) -> None:
        await removals.remove_tag(work, tag_id)

    return await forms.ended(
        form, change, PATH, visit.gettext("The tag was deleted."), back=f"{PATH}/{tag_id}"
    )


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH, create, ROLE),
    routes.get(PATH + "/{tag:int}", edit, ROLE),
    routes.post(PATH + "/{tag:int}", save, ROLE),
    routes.post(PATH + "/{tag:int}/merge", merge, ROLE),
    routes.post(PATH + "/{tag:int}/delete", remove, ROLE),
)
