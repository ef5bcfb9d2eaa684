"""Settings: HTTP integrations and shops. What they call and when; each one's log, with replay and test."""

import re
from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import errors
from polus.desk import integrations, removals
from polus.desk.hooks import deliveries
from polus.desk.shops import shops
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/integrations"
ROLE = "admin"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
CONTENTS = ("application/json", "application/x-www-form-urlencoded")
STATES = ("waiting", "delivered", "failed")
HEADER = re.compile(r"\s*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,256})\s*:\s*(.*?)\s*")
NOT_HEADER = "Write each header as “Name: value”, one in a line."
NEW = {"http": {"method": "POST", "request_content_type": "application/json"}, "form": "{{context}}"}


async def page(visit: Visit) -> Response:
    """All of them."""
    return await listed(visit, Form.of(visit))


async def listed(visit: Visit, form: Form) -> Response:
    """The list, and the form that connects a shop."""
    async with visit.reading() as work:
        found = await integrations.browse(work, visit.request.query_params.get("cursor", ""))
        connected = await shops.browse(work)
    facts = {"found": found, "shops": connected}
    return await shell.settings(visit, PATH, "settings/integrations.html", form=form, **facts)


async def new(visit: Visit) -> Response:
    return await edited(visit, None, Form.of(visit, NEW))


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    given = read(form)

    async def change(work: Work) -> int:
        made: dict[str, Any] = msgspec.json.decode(await integrations.create(work, given))
        return int(made["id"])

    if not await form.write(change):
        return await edited(visit, None, form)
    return forms.done(visit, f"{PATH}/{form.result}", visit.gettext("The integration was added."))


def read(form: Form) -> dict[str, Any]:
    """What the form says; secrets only when new ones were typed, or the old ones are to go."""
    http: dict[str, Any] = {
        "url": form.text("http.url", required=True, longest=8192),
        "method": form.choice("http.method", METHODS),
        "request_content_type": form.choice("http.request_content_type", CONTENTS),
        "form": _form(form.text("form", longest=100_000)),
        "triggers": {name: name in form.many("triggers") for name in integrations.TRIGGERS},
    }
    headers = form.value("headers").strip()
    if headers or form.checked("no_headers"):
        http["headers"] = _headers(form, headers) or None
    secret = form.text("hmac_secret", longest=1024)
    if secret or form.checked("no_secret"):
        http["hmac_secret"] = secret or None
    return {
        "name": form.text("name", required=True, longest=256),
        "description": form.text("description", longest=1024) or None,
        "http": http,
    }


def _form(written: str) -> Any:
    """A JSON object as such, anything else as the text that it is."""
    try:
        found = msgspec.json.decode(written)
    except msgspec.DecodeError:
        return written or None
    return found if isinstance(found, dict) else written


def _headers(form: Form, written: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in written.splitlines():
        part = HEADER.fullmatch(line)
        if part:
            found[part[1]] = part[2]
        elif line.strip():
            form.refuse("headers", NOT_HEADER)
    return found


async def edit(visit: Visit) -> Response:
    """One of them."""
    async with visit.reading() as work:
        stored = msgspec.json.decode(await integrations.get(work, _id(visit)))
    if stored["type"] != "http":
        raise errors.NotFound
    return await edited(visit, stored["id"], Form.of(visit, shown(stored)))


def shown(stored: dict[str, Any]) -> dict[str, Any]:
    """The integration as its form has it."""
    http = stored["http"]
    form = http["form"]
    if isinstance(form, dict):
        form = msgspec.json.format(msgspec.json.encode(form)).decode()
    triggers = [name for name, on in http["triggers"].items() if on]
    return {**stored, "http": http, "form": form, "triggers": triggers}


async def edited(visit: Visit, integration_id: int | None, form: Form) -> Response:
    """The form of one, and its log."""
    _ = visit.gettext
    query = visit.request.query_params
    state = query.get("state", "")
    facts: dict[str, Any] = {"stored": None, "log": None, "state": state, "triggers": _triggers(visit)}
    facts |= {"methods": METHODS, "contents": CONTENTS, "states": _states(visit)}
    if integration_id is not None:
        async with visit.reading() as work:
            facts["stored"] = msgspec.json.decode(await integrations.get(work, integration_id))
            facts["log"] = await deliveries.browse(
                work, integration_id, state if state in STATES else "", query.get("cursor", "")
            )
    title = facts["stored"]["name"] if facts["stored"] else _("New HTTP integration")
    head = {"title": title, "about": "", "back": (PATH, _("Integrations"))}
    return await shell.settings(visit, PATH, "settings/integration.html", form=form, **facts, **head)


def _states(visit: Visit) -> dict[str, str]:
    _ = visit.gettext
    return {"waiting": _("Waiting"), "delivered": _("Delivered"), "failed": _("Failed")}


def _triggers(visit: Visit) -> list[tuple[str, str]]:
    _ = visit.gettext
    said = (
        _("Ticket created"), _("Ticket updated"), _("Message created"), _("Snooze is over"), _("Message could not be sent"),
        _("Assignment changed"), _("Status changed"), _("Handed over to a human"),
    )  # fmt: skip
    return list(zip(integrations.TRIGGERS, said, strict=True))


async def save(visit: Visit) -> Response:
    form, integration_id = Form.sent(visit), _id(visit)
    given = read(form)

    async def change(work: Work) -> None:
        await integrations.update(work, integration_id, given)

    if not await form.write(change):
        return await edited(visit, integration_id, form)
    return _back(visit, visit.gettext("Saved."))


async def switch(visit: Visit) -> Response:
    """On, or off."""
    form, integration_id = Form.sent(visit), _id(visit)

    async def change(work: Work) -> None:
        moment = work.now if form.checked("off") else None
        await integrations.update(work, integration_id, {"deactivated_datetime": moment})

    await form.write(change)
    return _back(visit, visit.gettext("Saved."))


async def try_out(visit: Visit) -> Response:
    """Call it once."""
    form, integration_id = Form.sent(visit), _id(visit)
    ticket_id = form.number("ticket_id", least=1)

    async def change(work: Work) -> None:
        await deliveries.probe(work, integration_id, ticket_id)

    if not await form.write(change):
        return _back(visit, " ".join(form.rest()), bad=True)
    return _back(visit, visit.gettext("The call is on its way; look at the log."))


async def replay(visit: Visit) -> Response:
    """One delivery, or all that failed."""
    form, integration_id = Form.sent(visit), _id(visit)
    ids = form.ids("id") or None

    async def change(work: Work) -> int:
        state = None if ids else "failed"
        return await deliveries.replay(work, integration_id, ids, state=state)

    if not await form.write(change):
        return _back(visit, " ".join(form.rest()), bad=True)
    return _back(visit, visit.gettext("Sent again: %(number)s.") % {"number": form.result})


async def remove(visit: Visit) -> Response:
    """Delete one, or a shop."""
    form, integration_id = Form.sent(visit), _id(visit)

    async def change(work: Work) -> None:
        await removals.remove_integration(work, integration_id)

    if not await form.write(change):
        return _back(visit, " ".join(form.rest()), bad=True)
    return forms.done(visit, PATH, visit.gettext("The integration was deleted."))


async def delivery(visit: Visit) -> Response:
    """One call, with what was sent and what came back."""
    _ = visit.gettext
    integration_id = _id(visit)
    async with visit.reading() as work:
        stored = msgspec.json.decode(await integrations.get(work, integration_id))
        found = msgspec.json.decode(
            await deliveries.get(work, integration_id, visit.request.path_params["delivery"])
        )
    head = {
        "title": _("Delivery %(id)s") % found,
        "about": "",
        "back": (f"{PATH}/{integration_id}", stored["name"]),
    }
    facts = {"delivery": found, "states": _states(visit)}
    return await shell.settings(visit, PATH, "settings/delivery.html", **facts, **head)


async def connect(visit: Visit) -> Response:
    """Connect a shop."""
    form = Form.sent(visit)
    name = form.text("shop.name", required=True, longest=256)
    domain = form.text("domain", required=True, longest=253)
    secret = form.text("shop.secret", longest=1024) or None
    if domain and not shops.DOMAIN.fullmatch(domain):
        form.refuse("domain", shops.NOT_DOMAIN)

    async def change(work: Work) -> None:
        await shops.connect(work, name, domain, secret)

    if not await form.write(change):
        return await listed(visit, form)
    return forms.done(visit, PATH, visit.gettext("The shop is connected. Give it its address for webhooks."))


async def keep_secret(visit: Visit) -> Response:
    """A shop's new secret."""
    form, integration_id = Form.sent(visit), _id(visit)
    secret = form.text("secret", required=True, longest=1024)

    async def change(work: Work) -> None:
        await shops.set_secret(work, integration_id, secret)

    return await forms.ended(form, change, PATH, visit.gettext("Saved."))


def _id(visit: Visit) -> int:
    return int(visit.request.path_params["integration"])


def _back(visit: Visit, text: str, *, bad: bool = False) -> Response:
    return forms.done(visit, f"{PATH}/{_id(visit)}", text, bad=bad)


ONE = PATH + "/{integration:int}"
ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", create, ROLE),
    routes.post(PATH + "/shops", connect, ROLE),
    routes.get(ONE, edit, ROLE),
    routes.post(ONE, save, ROLE),
    routes.post(ONE + "/switch", switch, ROLE),
    routes.post(ONE + "/test", try_out, ROLE),
    routes.post(ONE + "/replay", replay, ROLE),
    routes.post(ONE + "/delete", remove, ROLE),
    routes.post(ONE + "/secret", keep_secret, ROLE),
    routes.get(ONE + "/deliveries/{delivery:int}", delivery, ROLE),
)
