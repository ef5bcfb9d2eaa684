"""Settings: the second factor. Turn on with a QR code, recovery codes shown once, turn off with the password."""

from typing import Any

import msgspec
import segno
from markupsafe import Markup
from starlette.responses import Response

from polus.desk import second_factors, users
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/two-factor"


async def page(visit: Visit) -> Response:
    return await shown(visit, Form.of(visit, {"secret": second_factors.propose()}))


async def shown(visit: Visit, form: Form, codes: list[str] | None = None) -> Response:
    """The page; with `codes`, the only time that they are shown."""
    async with visit.reading() as work:
        user = msgspec.json.decode(await users.get(work, visit.person.user_id))
        left = await second_factors.codes_left(work, visit.person.user_id)
    facts: dict[str, Any] = {
        "user": user,
        "left": left,
        "codes": codes,
        "qr": None,
        "owes": visit.person.owes_factor,
    }
    if not user["has_2fa_enabled"] and not codes:
        secret = form.value("secret") or second_factors.propose()
        facts["qr"] = qr(second_factors.address(secret, visit.account.domain, visit.person.email))
        facts["secret"] = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return await shell.settings(visit, PATH, "settings/two_factor.html", form=form, **facts)


def qr(text: str) -> Markup:
    """A drawing that phones read: black on white in both themes."""
    drawn = segno.make(text, error="m").svg_inline(scale=4, border=3, dark="#000", light="#fff")
    return Markup(drawn)  # noqa: S704 - made here, and it holds squares only


async def turn_on(visit: Visit) -> Response:
    form = Form.sent(visit)
    secret, code = form.text("secret"), form.text("code", required=True, longest=20)

    async def change(work: Work) -> list[str]:
        return await second_factors.turn_on(work, visit.person.user_id, secret, code)

    if not await form.write(change):
        return await shown(visit, form)
    return await shown(visit, Form.of(visit), form.result)


async def renew(visit: Visit) -> Response:
    """New recovery codes."""
    form = Form.sent(visit)

    async def change(work: Work) -> list[str]:
        return await second_factors.renew(work, visit.person.user_id, form.value("password"))

    if not await form.write(change):
        return await shown(visit, form)
    return await shown(visit, Form.of(visit), form.result)


async def turn_off(visit: Visit) -> Response:
    form = Form.sent(visit)

    async def change(work: Work) -> None:
        await second_factors.turn_off(work, visit.person.user_id, form.value("password"))

    if not await form.write(change):
        return await shown(visit, form)
    return forms.done(visit, PATH, visit.gettext("Two-factor log-in is off."))


ROUTES = (
    routes.get(PATH, page),
    routes.post(PATH, turn_on),
    routes.post(PATH + "/codes", renew),
    routes.post(PATH + "/off", turn_off),
)
