"""Settings: SLA policies. How soon customers are to be answered, by channel and priority."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import clock
from polus.desk.slas import policies
from polus.store.work import Work
from polus.web import channel_names, routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.places import N_
from polus.web.visits import Visit

PATH = "/settings/slas"
ROLE = "admin"
PRIORITIES = {"critical": N_("Critical"), "high": N_("High"), "normal": N_("Normal"), "low": N_("Low")}
CHANNELS = ("email", "chat", "contact_form", "help-center", "phone", "sms", "facebook-messenger",
    "instagram-direct-message", "whatsapp", "twitter-direct-message")  # fmt: skip
MINUTE = 60
MOST_MINUTES = policies.LONGEST // MINUTE
TIMES = {"first_response": "first_response_seconds", "resolution": "resolution_seconds"}


async def page(visit: Visit) -> Response:
    """All policies in their order, and the way to a new one."""
    async with visit.reading() as work:
        found = [msgspec.json.decode(text) for text in await policies.listed(work)]
    return await shell.settings(visit, PATH, "settings/slas.html", found=found, names=_names(visit))


async def new(visit: Visit) -> Response:
    return await one(visit, None, Form.of(visit, {"within_business_hours": True, "active": True}))


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    given = read(form)

    async def change(work: Work) -> None:
        await policies.create(work, given)

    if not await form.write(change):
        return await one(visit, None, form)
    return forms.done(visit, PATH, visit.gettext("The policy applies to tickets that come from now on."))


async def edit(visit: Visit) -> Response:
    """The page of one policy."""
    policy = await _stored(visit)
    minutes = {name: policy[column] and policy[column] / MINUTE for name, column in TIMES.items()}
    shown = {name: f"{value:g}" for name, value in minutes.items() if value}
    return await one(
        visit, policy, Form.of(visit, policy | shown | {"active": not policy["deactivated_datetime"]})
    )


async def _stored(visit: Visit) -> dict[str, Any]:
    async with visit.reading() as work:
        return msgspec.json.decode(await policies.get(work, visit.request.path_params["policy"]))  # type: ignore[no-any-return]


async def one(visit: Visit, policy: dict[str, Any] | None, form: Form) -> Response:
    _ = visit.gettext
    facts = {
        "policy": policy,
        "names": _names(visit),
        "channels": channel_names.named(CHANNELS, _),
        "most": MOST_MINUTES,
    }
    head = {
        "title": policy["name"] if policy else _("New policy"),
        "about": "",
        "back": (PATH, _("Service levels")),
    }
    return await shell.settings(visit, PATH, "settings/sla.html", form=form, **facts, **head)


def read(form: Form) -> dict[str, Any]:
    """What the form says of a policy."""
    given: dict[str, Any] = {
        "name": form.text("name", required=True, longest=policies.NAME_LENGTH),
        "channels": form.many("channels"),
        "priorities": [name for name in form.many("priorities") if name in PRIORITIES],
        "within_business_hours": form.checked("within_business_hours"),
    }
    for name, column in TIMES.items():
        minutes = form.number(name, least=1, most=MOST_MINUTES)
        given[column] = None if minutes is None else minutes * MINUTE
    if all(given[column] is None for column in TIMES.values()):
        form.refuse("first_response", form.visit.gettext("Give at least one of the two times."))
    return given


async def save(visit: Visit) -> Response:
    form, policy = Form.sent(visit), await _stored(visit)
    active = form.checked("active")
    given = read(form) | {"position": form.number("position", required=True, least=0, most=1_000_000)}

    async def change(work: Work) -> None:
        given["deactivated_datetime"] = None if active else _moment(policy) or work.now
        await policies.update(work, policy["id"], given)

    if not await form.write(change):
        return await one(visit, policy, form)
    return forms.done(visit, PATH, visit.gettext("Saved. Tickets keep the times they were promised."))


def _moment(policy: dict[str, Any]) -> Any:
    """When it was switched off before, kept to the microsecond."""
    given = policy["deactivated_datetime"]
    return None if given is None else clock.parse(given)


async def remove(visit: Visit) -> Response:
    form, policy = Form.sent(visit), await _stored(visit)

    async def change(work: Work) -> None:
        await policies.delete(work, policy["id"])

    await form.write(change)
    return forms.done(
        visit, PATH, visit.gettext("The policy was deleted. Tickets keep the times they were promised.")
    )


def _names(visit: Visit) -> dict[str, str]:
    return {name: visit.gettext(title) for name, title in PRIORITIES.items()}


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", create, ROLE),
    routes.get(PATH + "/{policy:int}", edit, ROLE),
    routes.post(PATH + "/{policy:int}", save, ROLE),
    routes.post(PATH + "/{policy:int}/delete", remove, ROLE),
)
