"""Settings: API keys, made and taken away, and how much programs use the API."""

from typing import Any

from starlette.responses import Response

from polus.desk import credentials, inbox, usage
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/api-keys"
USAGE = "/settings/api-usage"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    return await _listed(visit, Form.of(visit, {"user_id": visit.person.user_id}))


async def _listed(visit: Visit, form: Form, made: dict[str, str] | None = None) -> Response:
    async with visit.reading() as work:
        keys = await credentials.keys(work)
        people = await inbox.people(work)
    facts = {
        "keys": keys,
        "people": [(str(person["id"]), person["name"]) for person in people],
        "server": visit.account.base_url,
        "made": made,
    }
    return await shell.settings(visit, PATH, "settings/api_keys.html", form=form, **facts)


async def create(visit: Visit) -> Response:
    """A new key, on the answer's page and nowhere else."""
    form = Form.sent(visit)
    name, user_id = form.text("name"), form.number("user_id", required=True)

    async def change(work: Work) -> Any:
        return await credentials.make_key(work, user_id or 0, name)

    if not await form.write(change):
        return await _listed(visit, form)
    async with visit.reading() as work:
        found = [
            key for key in await credentials.keys(work) if (key["user_id"], key["name"]) == (user_id, name)
        ]
    made = {"key": form.result, "email": found[0]["email"]} if found else None
    return await _listed(visit, Form.of(visit, {"user_id": visit.person.user_id}), made)


async def remove(visit: Visit) -> Response:
    form, key_id = Form.sent(visit), visit.request.path_params["key"]

    async def change(work: Work) -> None:
        await credentials.remove_key(work, key_id)

    await form.write(change)
    return forms.done(visit, PATH, visit.gettext("The key was taken away."))


async def used(visit: Visit) -> Response:
    """Requests per day of each key and app."""
    async with visit.reading() as work:
        rows, window = await usage.listing(work), await usage.window(work)
    totals: dict[str, dict[str, Any]] = {}
    for row in rows:
        total = totals.setdefault(row["credential"], dict(row) | {"requests": 0, "refused": 0})
        total["requests"] += row["requests"]
        total["refused"] += row["refused"]
    facts: dict[str, Any] = {"rows": rows, "totals": list(totals.values()), "days": usage.DAYS}
    form = Form.of(visit, {"window": window})
    return await shell.settings(visit, USAGE, "settings/api_usage.html", form=form, **facts)


async def limit(visit: Visit) -> Response:
    form = Form.sent(visit)
    seconds = form.number("window", required=True)

    async def change(work: Work) -> None:
        await usage.set_window(work, seconds or 0)

    if not await form.write(change):
        return forms.done(visit, USAGE, visit.gettext("This cannot be chosen here."), bad=True)
    return forms.done(visit, USAGE, visit.gettext("Saved."))


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH, create, ROLE),
    routes.post(PATH + "/{key:int}/delete", remove, ROLE),
    routes.get(USAGE, used, ROLE),
    routes.post(USAGE, limit, ROLE),
)
