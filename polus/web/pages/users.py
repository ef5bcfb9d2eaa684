"""Settings: users. Invite, change role, deactivate, delete."""

from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.responses import Response

from polus.base import addresses, errors
from polus.desk import identities, invitations, registrations, removals, users
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, options, outgoing, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/users"
ROLE = "admin"
LONGEST_NAME = 256


async def page(visit: Visit) -> Response:
    query = visit.request.query_params
    search = query.get("search", "")[:200]
    async with visit.reading() as work:
        found = await users.browse(work, search, query.get("cursor", ""))
    facts: dict[str, Any] = {"found": found, "search": search, "roles": options.role_names(visit)}
    return await shell.settings(visit, PATH, "settings/users.html", **facts)


async def new(visit: Visit) -> Response:
    return await inviting(visit, Form.of(visit, {"role": "basic-agent"}))


async def inviting(visit: Visit, form: Form) -> Response:
    _ = visit.gettext
    head = {"title": _("Invite a user"), "about": _("We send a link by which a password is chosen.")}
    facts = {"roles": options.roles(visit), "back": (PATH, _("Users"))}
    return await shell.settings(visit, PATH, "settings/user_new.html", form=form, **facts | head)


async def invite(visit: Visit) -> Response:
    form = Form.sent(visit)
    given = read(form)

    async def change(work: Work) -> int:
        user_id = await users.create(work, **given)
        users.invite(work, user_id)
        return user_id

    if not await form.write(change):
        return await inviting(visit, form)
    said, bad = await outgoing.promised(visit, visit.gettext("The invitation is on its way."))
    return forms.done(visit, f"{PATH}/{form.result}" if bad else PATH, said, bad=bad)


def read(form: Form) -> dict[str, Any]:
    """Who it is; notes an address that is none."""
    email = form.text("email", required=True, longest=320)
    if email and not addresses.is_email(email):
        form.refuse("email", errors.NOT_EMAIL)
    return {
        "email": email,
        "name": form.text("name", required=True, longest=LONGEST_NAME),
        "role": form.choice("role", options.ROLES),
    }


async def edit(visit: Visit) -> Response:
    async with visit.reading() as work:
        user = msgspec.json.decode(await users.get(work, visit.request.path_params["user"]))
    return await one(visit, user["id"], Form.of(visit, user | {"role": user["role"]["name"]}))


async def one(visit: Visit, user_id: int, form: Form) -> Response:
    _ = visit.gettext
    async with visit.reading() as work:
        user = msgspec.json.decode(await users.get(work, user_id))
        known = [{**one, "name": _named(one)} for one in await identities.listed(work, user_id)]
        waits = user["active"] and not user["has_password"] and not known
        # Nothing is mailed: the administrator gives the link.
        by_hand = waits and not (await outgoing.outlook(visit, work)).notices
        link = invitations.handed(work, user_id) if by_hand else ""
    facts = {
        "user": user,
        "known": known,
        "link": link,
        "roles": options.roles(visit),
        "back": (PATH, _("Users")),
    }
    head = {"title": user["name"] or user["email"], "about": user["email"]}
    return await shell.settings(visit, PATH, "settings/user.html", form=form, **facts | head)


async def save(visit: Visit) -> Response:
    form, user_id = Form.sent(visit), visit.request.path_params["user"]
    given = read(form)

    async def change(work: Work) -> None:
        await users.update(work, user_id, given)

    return await carried_out(visit, form, change, visit.gettext("Saved."))


async def carried_out(
    visit: Visit, form: Form, change: forms.Change, text: str, to: str = "", *, bad: bool = False
) -> Response:
    """Do it and say so; what the desk forbids (the owner, the last administrator) stands in the form."""
    user_id = visit.request.path_params["user"]
    try:
        written = await form.write(change)
    except errors.Forbidden as refusal:
        form.refuse("", refusal.msg)
        written = False
    if written:
        return forms.done(visit, to or f"{PATH}/{user_id}", text, bad=bad)
    return await one(visit, user_id, form if form.value("name") else await stored(visit, form))


async def stored(visit: Visit, form: Form) -> Form:
    """The form as it would be without what was sent, with what is wrong."""
    async with visit.reading() as work:
        user = msgspec.json.decode(await users.get(work, visit.request.path_params["user"]))
    again = Form.of(visit, user | {"role": user["role"]["name"]})
    again.wrong = form.wrong
    return again


async def switch(visit: Visit) -> Response:
    """Deactivate, or let in again."""
    form, user_id, active = Form.sent(visit), visit.request.path_params["user"], visit.field("active") == "1"

    async def change(work: Work) -> None:
        await users.switch(work, user_id, active=active)

    _ = visit.gettext
    return await carried_out(visit, form, change, _("Can log in again.") if active else _("Deactivated."))


async def remove(visit: Visit) -> Response:
    async def change(work: Work) -> None:
        await removals.remove_user(work, visit.request.path_params["user"])

    return await carried_out(visit, Form.sent(visit), change, visit.gettext("The user was deleted."), PATH)


def _named(identity: Any) -> str:
    return registrations.NAMES.get(identity["provider"]) or urlsplit(identity["issuer"]).hostname or ""


async def forget(visit: Visit) -> Response:
    """Let the providers' word count anew."""
    user_id = visit.request.path_params["user"]

    async def change(work: Work) -> None:
        await identities.forget(work, user_id)

    said = visit.gettext("Forgotten. At the next log-in the address counts.")
    return await carried_out(visit, Form.sent(visit), change, said)


async def again(visit: Visit) -> Response:
    """Send the invitation once more."""
    user_id = visit.request.path_params["user"]

    async def change(work: Work) -> None:
        await users.require(work, user_id)
        users.invite(work, user_id)

    said, bad = await outgoing.promised(visit, visit.gettext("The invitation is on its way."))
    return await carried_out(visit, Form.sent(visit), change, said, bad=bad)


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", invite, ROLE),
    routes.get(PATH + "/{user:int}", edit, ROLE),
    routes.post(PATH + "/{user:int}", save, ROLE),
    routes.post(PATH + "/{user:int}/switch", switch, ROLE),
    routes.post(PATH + "/{user:int}/delete", remove, ROLE),
    routes.post(PATH + "/{user:int}/invite", again, ROLE),
    routes.post(PATH + "/{user:int}/forget", forget, ROLE),
)
