"""Customers: the list with its search, and the page of one with tickets, addresses, note, merge."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import errors, names
from polus.desk import inbox, searches, widgets
from polus.desk.customers import customers, erasing, merging
from polus.store.work import Work
from polus.web import channel_names, routes
from polus.web.pages import forms, options, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit, see_other

PATH = "/customers"
READER, WRITER, MERGER, ERASER = "observer-agent", "lite-agent", "basic-agent", "agent"
FOUND = 50
TICKETS = 50
CHANNELS = ("email", "phone", "sms", "whatsapp", "aircall", "facebook-messenger", "instagram-direct-message")
LONGEST_NOTE = 5000


async def page(visit: Visit) -> Response:
    """All customers, the newest first; with a search, those that fit it."""
    query = visit.request.query_params
    search = query.get("search", "").strip()[:200]
    async with visit.reading() as work:
        if search:
            hits = await searches.find(work, "customer_profile", search, FOUND)
            facts: dict[str, Any] = {
                "people": [msgspec.json.decode(hit) for hit in hits],
                "prev": None,
                "next": None,
            }
        else:
            found = await customers.browse(work, query.get("cursor", ""))
            facts = {"people": found.data, "prev": found.prev_cursor, "next": found.next_cursor}
    _ = visit.gettext
    facts |= {"search": search, "title": _("Customers"), "about": "", "back": None}
    return await shell.page(visit, "customers/list.html", PATH, **facts)


async def new(visit: Visit) -> Response:
    return await edited(visit, Form.of(visit, {"channels": [{"type": "email", "address": ""}]}))


async def edited(visit: Visit, form: Form) -> Response:
    """The form of a new customer."""
    _ = visit.gettext
    facts = choices(visit) | {"title": _("New customer"), "about": "", "back": (PATH, _("Customers"))}
    return form.shown(await shell.page(visit, "customers/new.html", PATH, form=form, **facts))


def choices(visit: Visit) -> dict[str, Any]:
    return {"languages": options.all_languages(visit), "zones": options.zones(), "kinds": kinds(visit)}


def kinds(visit: Visit) -> list[tuple[str, str]]:
    """What an address may be."""
    return channel_names.named(CHANNELS, visit.gettext)


def given(form: Form) -> dict[str, Any]:
    """What the form says of a customer."""
    language, zone = form.text("language"), form.text("timezone")
    if language and language not in names.LANGUAGES:
        form.refuse("language", errors.NOT_CHOICE)
    if zone and zone not in names.TIMEZONES:
        form.refuse("timezone", errors.NOT_CHOICE)
    addresses = [row for row in form.rows("channels") if row.get("address")]
    return {
        "name": form.text("name", longest=customers.NAME_LENGTH) or None,
        "language": language or None,
        "timezone": zone or None,
        "note": form.text("note", longest=LONGEST_NOTE) or None,
        "channels": [
            {
                "type": row.get("type", "email"),
                "address": row["address"],
                "preferred": all(other.get("type") != row.get("type") for other in addresses[:at]),
            }
            for at, row in enumerate(addresses)
        ],
    }


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    values = given(form)
    if not values["name"] and not values["channels"]:
        form.refuse("name", visit.gettext("Write a name or an address."))

    async def change(work: Work) -> int:
        return await customers.create(work, values)

    if not await form.write(change):
        return await edited(visit, form)
    return forms.done(visit, f"{PATH}/{form.result}", visit.gettext("The customer was added."))


async def profile(visit: Visit) -> Response:
    customer_id: int = visit.request.path_params["customer"]
    try:
        customer = await read(visit, customer_id)
    except errors.Merged as merged:
        return see_other(f"{PATH}/{merged.survivor_id}")
    return await one(visit, customer, Form.of(visit, filled(customer)), Form.of(visit))


async def read(visit: Visit, customer_id: int) -> dict[str, Any]:
    async with visit.reading() as work:
        found: dict[str, Any] = msgspec.json.decode(await customers.get(work, customer_id, with_fields=True))
    return found


def filled(customer: dict[str, Any]) -> dict[str, Any]:
    living = [channel for channel in customer["channels"] if not channel.get("deleted_datetime")]
    return {key: customer.get(key) for key in ("name", "language", "timezone", "note")} | {
        "channels": [{"type": channel["type"], "address": channel["address"]} for channel in living]
    }


async def one(visit: Visit, customer: dict[str, Any], form: Form, merging_form: Form) -> Response:
    """The profile, with both of its forms."""
    _ = visit.gettext
    async with visit.reading() as work:
        tickets = [
            msgspec.json.decode(one) for one in await inbox.others(work, customer["id"], 0, TICKETS + 1)
        ]
        about = {"customer": customer, "ticket": {"customer": customer}}
        panes = await widgets.shown(work, customer, ("customer",), about)
    kept = {channel["type"] for channel in customer["channels"]} - set(CHANNELS)
    facts: dict[str, Any] = choices(visit) | {
        "customer": customer,
        "tickets": tickets[:TICKETS],
        "panes": panes,
        "more": len(tickets) > TICKETS,
        "merging": merging_form,
        "title": customer["name"] or customer["email"] or _("Unknown customer"),
        "about": "",
        "back": (PATH, _("Customers")),
        "may_write": visit.actor.may(WRITER),
        "may_merge": visit.actor.may(MERGER),
        "may_erase": visit.actor.may(ERASER),
    }
    facts["kinds"] = [*facts["kinds"], *((kind, kind) for kind in sorted(kept))]
    answer = await shell.page(visit, "customers/profile.html", PATH, form=form, **facts)
    return (form if form.wrong else merging_form).shown(answer)


async def save(visit: Visit) -> Response:
    form, customer_id = Form.sent(visit), visit.request.path_params["customer"]
    values = given(form)

    async def change(work: Work) -> None:
        await customers.update(work, customer_id, values)

    try:
        if not await form.write(change):
            return await one(visit, await read(visit, customer_id), form, Form.of(visit))
    except errors.Merged as merged:
        return see_other(f"{PATH}/{merged.survivor_id}")
    return forms.done(visit, f"{PATH}/{customer_id}", visit.gettext("Saved."))


async def merge(visit: Visit) -> Response:
    """Make another customer, who is named by number or e-mail address, part of this one."""
    form, customer_id = Form.sent(visit), visit.request.path_params["customer"]
    other = form.text("other", required=True, longest=320)

    async def change(work: Work) -> int:
        source_id = await customers.named(work, other, "other")
        if source_id == customer_id:
            raise errors.one("other", visit.gettext("This is the same customer."))
        source, target = await merging.survivors(work, source_id, customer_id)
        await merging.merge(work, source, target, {})
        return target

    if not await form.write(change):
        customer = await read(visit, customer_id)
        return await one(visit, customer, Form.of(visit, filled(customer)), form)
    return forms.done(visit, f"{PATH}/{form.result}", visit.gettext("The customers are one now."))


async def erase(visit: Visit) -> Response:
    customer_id: int = visit.request.path_params["customer"]
    async with visit.writing() as work:
        await customers.require(work, customer_id)
        await erasing.erase(work, [customer_id])
    return forms.done(visit, PATH, visit.gettext("The customer was erased."))


ROUTES = (
    routes.get(PATH, page),
    routes.get(PATH + "/new", new, WRITER),
    routes.post(PATH + "/new", create, WRITER),
    routes.get(PATH + "/{customer:int}", profile),
    routes.post(PATH + "/{customer:int}", save, WRITER),
    routes.post(PATH + "/{customer:int}/join", merge, MERGER),
    routes.post(PATH + "/{customer:int}/erase", erase, ERASER),
)
