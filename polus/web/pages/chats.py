"""Settings: chats for the shop's own pages. Looks, where they may stand, the line of HTML, the secret of identities."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.channels import shopfronts
from polus.channels.chat import chats
from polus.channels.chat.chats import Chat, Look
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import connections, forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/chats"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    return await listed(visit, Form.of(visit))


async def listed(visit: Visit, form: Form) -> Response:
    async with visit.reading() as work:
        found = await chats.KIND.all_of(work)
    return await shell.settings(visit, PATH, "settings/chats.html", form=form, chats=found)


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    name = form.text("name", required=True, longest=shopfronts.NAME_LENGTH)

    async def change(work: Work) -> int:
        return await chats.add(work, name)

    if not await form.write(change):
        return await listed(visit, form)
    return forms.done(visit, f"{PATH}/{form.result}", visit.gettext("The chat was added."))


async def edit(visit: Visit) -> Response:
    """The page of one chat."""
    chat = await _found(visit)
    stored = {"name": chat.name, **msgspec.to_builtins(chat.look)}
    return await one(visit, chat, Form.of(visit, stored | {"origins": "\n".join(chat.look.origins)}))


async def one(visit: Visit, chat: Chat, form: Form) -> Response:
    _ = visit.gettext
    facts: dict[str, Any] = {
        "chat": chat,
        "script": f"{visit.account.base_url}/chat/widget.js",
        "secret": chats.secret(visit.house.database, visit.account.id, chat),
        "title": chat.name,
        "about": "",
        "back": (PATH, _("Chats")),
    }
    return await shell.settings(visit, PATH, "settings/chat.html", form=form, **facts)


async def save(visit: Visit) -> Response:
    form, chat = Form.sent(visit), await _found(visit)
    name = form.text("name", required=True, longest=shopfronts.NAME_LENGTH)
    look = Look(
        title=form.text("title"),
        greeting=form.text("greeting"),
        away=form.text("away"),
        colour=form.text("colour") or Look().colour,
        side="left" if form.value("side") == "left" else "right",
        ask_email=_asking(form),
        origins=form.text("origins").split(),
    )

    async def change(work: Work) -> None:
        await chats.change(work, chat, name, look)

    if not await form.write(change):
        return await one(visit, chat, form)
    return forms.done(visit, f"{PATH}/{chat.id}", visit.gettext("Saved."))


def _asking(form: Form) -> Any:
    return form.choice("ask_email", ("first", "later", "never")) or "later"


async def switch(visit: Visit) -> Response:
    """Off: the widget is not shown any more. On again: as before."""
    chat = await _found(visit)
    said = visit.gettext("The chat is on.") if chat.off else visit.gettext("The chat is off.")
    return await connections.switch(visit, chat, PATH, said)


async def remove(visit: Visit) -> Response:
    said = visit.gettext("The chat was deleted. Its tickets stay.")
    return await connections.remove(visit, await _found(visit), PATH, said)


async def _found(visit: Visit) -> Chat:
    async with visit.reading() as work:
        return await chats.KIND.get(work, visit.request.path_params["chat"])


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH, create, ROLE),
    routes.get(PATH + "/{chat:int}", edit, ROLE),
    routes.post(PATH + "/{chat:int}", save, ROLE),
    routes.post(PATH + "/{chat:int}/switch", switch, ROLE),
    routes.post(PATH + "/{chat:int}/delete", remove, ROLE),
)
