"""Settings: the account. Its business hours and time zone, and how people get in."""

import re
from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import errors
from polus.desk import accounts, settings
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, options, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/account"
ROLE = "admin"
HOURS = "business-hours"
TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
DAYS = re.compile(r"[1-7](?:,[1-7])*")


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        stored = await settings.of(work, HOURS)
    ranges = stored.get("business_hours") or []
    stored["business_hours"] = ranges if isinstance(ranges, list) else [ranges]
    return await shown(visit, Form.of(visit, stored))


async def shown(visit: Visit, form: Form) -> Response:
    _ = visit.gettext
    async with visit.reading() as work:
        account = msgspec.json.decode(await accounts.get(work))
    days = options.days(visit)
    known = {value for value, _text in days}
    days += [
        (row["days"], row["days"])
        for row in form.rows("business_hours")
        if row.get("days") and row["days"] not in known
    ]
    facts = {"account": account, "address": visit.account.base_url, "zones": options.zones(), "days": days}
    return await shell.settings(visit, PATH, "settings/account.html", form=form, **facts)


async def save(visit: Visit) -> Response:
    form = Form.sent(visit)
    data: dict[str, Any] = {
        "timezone": form.choice("timezone", options.zones()),
        "business_hours": [hours(form, at, row) for at, row in enumerate(form.rows("business_hours"))],
    }

    async def change(work: Work) -> None:
        await settings.put(work, HOURS, data)

    if not await form.write(change):
        return await shown(visit, form)
    return forms.done(visit, PATH, visit.gettext("Saved."))


def hours(form: Form, at: int, row: dict[str, str]) -> dict[str, str]:
    """One range as the setting has it; notes what is no time."""
    for name, shape in (("days", DAYS), ("from_time", TIME), ("to_time", TIME)):
        given = row.get(name, "")
        if not shape.fullmatch(given):
            said = form.visit.gettext("Write a time such as 09:00.")
            form.refuse(f"business_hours.{at}.{name}", said if given else errors.REQUIRED)
    return {name: row.get(name, "") for name in ("days", "from_time", "to_time")}


ROUTES = (routes.get(PATH, page, ROLE), routes.post(PATH, save, ROLE))
