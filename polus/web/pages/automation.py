"""Settings: what the helpdesk does by itself. Who gets tickets, which ones are joined or parted, what words say."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.desk import analysis, settings
from polus.store.work import Work
from polus.web import channel_names, routes
from polus.web.pages import forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/automation"
ROLE = "admin"
ASSIGNMENT, MERGE, SPLIT = "ticket-assignment", "auto-merge", "auto-split"
SWITCHES = (
    "auto_assign_to_teams",
    "can_exceed_max_agent_capacity",
    "unassign_on_reply",
    "auto_assign_ticket_to_responding_agent",
)
CAPACITIES = ("max_user_chat_ticket", "max_user_non_chat_ticket")
CHANNELS = ("email", "chat", "contact_form", "help-center", "phone", "sms", "facebook", "facebook-messenger",
    "instagram-comment", "instagram-direct-message", "twitter", "twitter-direct-message", "whatsapp")  # fmt: skip
MOST_DAYS = 3650
MOST_TICKETS = 1000


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        stored = await settings.of(work, ASSIGNMENT)
        merge, split = await settings.of(work, MERGE), await settings.of(work, SPLIT)
        parts = msgspec.json.decode(await analysis.options(work))
    away = {"leave_when_away": bool(stored.get("unassign_on_user_unavailability"))}
    return await shown(visit, Form.of(visit, {**stored, **away, "merge": merge, "split": split, **parts}))


async def shown(visit: Visit, form: Form) -> Response:
    named = channel_names.named(CHANNELS, visit.gettext)
    return await shell.settings(visit, PATH, "settings/automation.html", form=form, channels=named)


async def save(visit: Visit) -> Response:
    form = Form.sent(visit)
    wanted: dict[str, Any] = {name: form.checked(name) for name in SWITCHES}
    wanted |= {name: form.number(name, least=0, most=MOST_TICKETS) for name in CAPACITIES}
    wanted["assignment_channels"] = [name for name in form.many("assignment_channels") if name in CHANNELS]
    wanted["unassign_on_user_unavailability"] = ["chat"] if form.checked("leave_when_away") else []
    days = form.number("merge.tickets.merging_window_days", required=True, least=0, most=MOST_DAYS)
    merge = {"tickets": {"enabled": form.checked("merge.tickets.enabled"), "merging_window_days": days}}
    late = form.number("split.email.split_after_days", least=0, most=MOST_DAYS)
    split: dict[str, Any] = {"enabled": form.checked("split.email.enabled")}
    split |= {} if late is None else {"split_after_days": late}
    parts = {name: form.checked(name) for name in analysis.OPTIONS}

    async def change(work: Work) -> None:
        stored = await settings.of(work, ASSIGNMENT)
        kept = [name for name in stored.get("assignment_channels", []) if name not in CHANNELS]
        wanted["assignment_channels"] += kept
        await settings.put(work, ASSIGNMENT, stored | wanted)
        await settings.put(work, MERGE, merge)
        # A setting that nobody made stays absent until it says something.
        if split["enabled"] or await settings.of(work, SPLIT):
            await settings.put(work, SPLIT, {"email": split})
        if parts != msgspec.json.decode(await analysis.options(work)):
            await analysis.choose(work, parts)

    if not await form.write(change):
        return await shown(visit, form)
    return forms.done(visit, PATH, visit.gettext("Saved."))


ROUTES = (routes.get(PATH, page, ROLE), routes.post(PATH, save, ROLE))
