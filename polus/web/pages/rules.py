"""Settings: rules. Their order, on and off, the code with what it says in words, and trying it on history."""

import datetime
from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import clock, errors
from polus.desk.rules import codes, rules, trials
from polus.desk.rules.trials import Draft
from polus.store.work import Work, frozen
from polus.web import routes
from polus.web.pages import forms, rule_examples, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/rules"
ROLE = "agent"
# Days of history that can be tried, and how many runs the page shows.
DAYS = (7, 30, 90)
MOST_ROWS = 50
ON = ("ticket-created", "ticket-message-created")


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        found = await rules.overview(work)
    facts: dict[str, Any] = {"found": found, "triggers": dict(triggers(visit))}
    return await shell.settings(visit, PATH, "settings/rules.html", **facts)


def triggers(visit: Visit) -> list[tuple[str, str]]:
    """The triggers in words."""
    _ = visit.gettext
    return [
        ("ticket-created", _("A ticket is opened")),
        ("ticket-message-created", _("A message is added")),
        ("ticket-updated", _("The ticket changes")),
        ("ticket-assigned", _("A user is assigned")),
        ("ticket-self-unsnoozed", _("Its snooze runs out")),
        ("satisfaction-survey-responded", _("A survey is answered")),
    ]


async def new(visit: Visit) -> Response:
    """An example to change; `?example=` names which."""
    asked_for = visit.request.query_params.get("example", "")
    found = rule_examples.EXAMPLES.get(asked_for)
    begun = found or rule_examples.EXAMPLES[rule_examples.FIRST]
    filled = {
        "code": begun.code,
        "event_types": list(begun.on),
        "name": visit.gettext(found.title) if found else "",
    }
    return await edited(visit, Form.of(visit, filled), None)


async def edit(visit: Visit) -> Response:
    rule = await stored(visit)
    filled = rule | {"event_types": (rule["event_types"] or "").split(",")}
    return await edited(visit, Form.of(visit, filled), rule)


async def stored(visit: Visit) -> dict[str, Any]:
    """The rule of the address; 404."""
    async with visit.reading() as work:
        return await rules.one(work, visit.request.path_params["rule"])


async def edited(
    visit: Visit, form: Form, rule: dict[str, Any] | None, tried: dict[str, Any] | None = None
) -> Response:
    """The editor; without a rule, of a new one. `tried`: what a trial gave."""
    async with visit.reading() as work:
        lines = await codes.read_aloud(work, form.value("code"))
    facts: dict[str, Any] = {
        "rule": rule,
        "triggers": triggers(visit),
        "days": [str(days) for days in DAYS],
        "lines": lines,
        "examples": {key: visit.gettext(one.title) for key, one in rule_examples.EXAMPLES.items()},
        "tried": tried,
        "back": (PATH, visit.gettext("Rules")),
        "title": rule["name"] if rule else visit.gettext("New rule"),
        "about": "",
    }
    return await shell.settings(visit, PATH, "settings/rule.html", form=form, **facts)


def given(form: Form) -> dict[str, Any]:
    """What the form says of a rule."""
    chosen = [name for name in form.many("event_types") if name in rules.TRIGGERS]
    return {
        "name": form.text("name", required=True, longest=rules.NAME_LENGTH),
        "description": form.text("description", longest=1024) or None,
        "code": form.value("code"),
        "event_types": ",".join(chosen) or None,
    }


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    if asked(form):
        return await looked(visit, form, None)
    values = given(form)

    async def change(work: Work) -> None:
        await rules.create(work, values)

    if not await form.write(change):
        return await edited(visit, form, None)
    return forms.done(visit, PATH, visit.gettext("The rule was added, and is on."))


async def save(visit: Visit) -> Response:
    form, rule = Form.sent(visit), await stored(visit)
    if asked(form):
        return await looked(visit, form, rule)
    values = given(form)

    async def change(work: Work) -> None:
        await rules.update(work, rule["id"], values)

    if not await form.write(change):
        return await edited(visit, form, rule)
    return forms.done(visit, PATH, visit.gettext("Saved."))


def asked(form: Form) -> bool:
    """Whether the form was sent to be read or tried, not to be stored."""
    return form.checked("form-look") or form.checked("form-try")


async def looked(visit: Visit, form: Form, rule: dict[str, Any] | None) -> Response:
    """The editor again with what the code says, or would have done."""
    tried = None
    try:
        async with visit.reading() as work, frozen(work):
            await codes.check(work, form.value("code"), active=True)
            if form.checked("form-try"):
                tried = await trial(work, form, rule)
    except errors.Invalid as refusal:
        form.take(refusal)
    return await edited(visit, form, rule, tried)


async def trial(work: Work, form: Form, rule: dict[str, Any] | None) -> dict[str, Any]:
    """What the rule of the form would have done in the last days."""
    days = int(form.choice("days", [str(days) for days in DAYS]) or DAYS[0])
    values = given(form)
    draft = Draft(
        id=None if rule is None else rule["id"],
        name=values["name"],
        code=values["code"],
        event_types=(values["event_types"] or ",".join(ON)).split(","),
    )
    cast = await trials.cast(work, [draft])
    part = await trials.some(work, cast, work.now - datetime.timedelta(days=days), work.now, limit=MOST_ROWS)
    return {
        "rows": [msgspec.structs.asdict(row) | {"at": clock.text(row.datetime)} for row in part.rows],
        "names": cast.names,
        "tickets": len(part.tickets),
        "touched": len({row.ticket_id for row in part.rows if row.actions}),
        "days": days,
        "more": part.position is not None,
        "approximate": sorted({path for row in part.rows for path in row.approximate}),
    }


async def switch(visit: Visit) -> Response:
    """On or off."""
    _, rule_id, off = visit.gettext, visit.request.path_params["rule"], visit.field("off") == "1"
    form = Form.sent(visit)

    async def change(work: Work) -> None:
        await rules.update(work, rule_id, {"deactivated_datetime": work.now if off else None})

    return await forms.ended(
        form, change, PATH, _("The rule is off.") if off else _("The rule is on."), back=f"{PATH}/{rule_id}"
    )


async def move(visit: Visit) -> Response:
    """One place up or down."""
    rule_id, up = visit.request.path_params["rule"], visit.field("up") == "1"
    async with visit.writing() as work:
        await rules.move(work, rule_id, up=up)
    return forms.done(visit, PATH, visit.gettext("The order was changed."))


async def remove(visit: Visit) -> Response:
    async with visit.writing() as work:
        await rules.delete(work, visit.request.path_params["rule"])
    return forms.done(visit, PATH, visit.gettext("The rule was deleted."))


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", create, ROLE),
    routes.get(PATH + "/{rule:int}", edit, ROLE),
    routes.post(PATH + "/{rule:int}", save, ROLE),
    routes.post(PATH + "/{rule:int}/switch", switch, ROLE),
    routes.post(PATH + "/{rule:int}/move", move, ROLE),
    routes.post(PATH + "/{rule:int}/delete", remove, ROLE),
)
