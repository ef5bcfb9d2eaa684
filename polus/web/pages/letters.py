"""Settings: one e-mail address. Its aliases, and what stands under answers from each of its addresses."""

from typing import Any

from starlette.responses import Response

from polus.base import errors
from polus.desk import aliases, mail_signatures
from polus.desk.mail_signatures import Signature
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import channels, forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/channels/{channel:int}/letters"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    return await shown(visit, Form.of(visit))


async def shown(visit: Visit, form: Form, signing: Form | None = None) -> Response:
    """`signing`: a signature that was sent and is wrong."""
    channel_id = visit.request.path_params["channel"]
    async with visit.reading() as work:
        address = await channels.address_of(work, channel_id)
        others = await aliases.of(work, channel_id)
        chosen = _chosen(visit, [address, *(row["address"] for row in others)])
        stored = await mail_signatures.get(work, channel_id, chosen)
        preview = await mail_signatures.shown(work, stored) if stored else ""
    kept = stored or Signature()
    signature = signing or Form.of(
        visit, {"enabled": kept.enabled, "body_html": kept.body_html, "body_text": kept.body_text}
    )
    facts: dict[str, Any] = {
        "form": form,
        "signature": signature,
        "address": address,
        "aliases": others,
        "chosen": chosen,
        "own": stored is not None,
        "preview": preview,
        "base": _base(channel_id),
        "title": address,
        "about": "",
        "back": (channels.PATH, visit.gettext("E-mail addresses")),
    }
    return await shell.settings(visit, channels.PATH, "settings/letters.html", **facts)


async def add(visit: Visit) -> Response:
    form, channel_id = Form.sent(visit), visit.request.path_params["channel"]
    alias, name = form.text("alias", required=True, longest=320), form.text("name", longest=256)

    async def change(work: Work) -> None:
        await channels.address_of(work, channel_id)
        await aliases.add(work, channel_id, alias, name)

    if not await form.write(change):
        return await shown(visit, form)
    return forms.done(visit, _base(channel_id), visit.gettext("The alias was added."))


async def remove(visit: Visit) -> Response:
    form, params = Form.sent(visit), visit.request.path_params

    async def change(work: Work) -> None:
        await aliases.remove(work, params["channel"], params["alias"])

    return await forms.ended(form, change, _base(params["channel"]), visit.gettext("The alias was removed."))


async def sign(visit: Visit) -> Response:
    form, channel_id = Form.sent(visit), visit.request.path_params["channel"]
    chosen = form.text("address")
    new = Signature(form.checked("enabled"), form.text("body_html"), form.text("body_text"))

    async def change(work: Work) -> None:
        address = await channels.address_of(work, channel_id)
        ours = [address, *(row["address"] for row in await aliases.of(work, channel_id))]
        if chosen not in ours:
            raise errors.NotFound
        await mail_signatures.put(work, channel_id, chosen, new)

    if not await form.write(change):
        return await shown(visit, Form.of(visit), form)
    return forms.done(visit, _base(channel_id) + "?address=" + chosen, visit.gettext("Saved."))


def _chosen(visit: Visit, addresses: list[str]) -> str:
    asked = visit.field("address") or visit.request.query_params.get("address", "")
    return asked if asked in addresses else addresses[0]


def _base(channel_id: int) -> str:
    return f"{channels.PATH}/{channel_id}/letters"


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH + "/aliases", add, ROLE),
    routes.post(PATH + "/aliases/{alias:int}/delete", remove, ROLE),
    routes.post(PATH + "/signature", sign, ROLE),
)
