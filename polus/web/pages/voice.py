"""Settings: telephone numbers. What callers hear, whose telephones ring, recording, the addresses for the provider, a test."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.channels import twilio
from polus.channels.voice import numbers, trials
from polus.channels.voice.numbers import Account, Look, Number
from polus.channels.voice.trials import Tried
from polus.desk import inbox
from polus.store.work import Work
from polus.web import render, routes
from polus.web.pages import connections, forms, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/voice"
ROLE = "admin"
TEXTS = ("greeting", "hold", "music", "closed", "unanswered", "voicemail_text", "announcement")


async def page(visit: Visit) -> Response:
    return await listed(visit, Form.of(visit, {"api": twilio.API}))


async def listed(visit: Visit, form: Form) -> Response:
    async with visit.reading() as work:
        found = await numbers.all_of(work)
    return await shell.settings(visit, PATH, "settings/voice.html", form=form, numbers=found)


async def create(visit: Visit) -> Response:
    form = Form.sent(visit)
    name = form.text("name", longest=numbers.NAME_LENGTH)
    number = form.text("number", required=True)
    account = _account(form)

    async def change(work: Work) -> int:
        return await numbers.add(work, name, number, account)

    if not await form.write(change):
        return await listed(visit, form)
    said = visit.gettext("The number is connected. Give the provider the addresses that stand here.")
    return forms.done(visit, f"{PATH}/{form.result}", said)


def _account(form: Form) -> Account:
    return Account(
        account_sid=form.text("account_sid", required=True),
        auth_token=form.text("auth_token"),
        api=form.text("api") or twilio.API,
    )


async def edit(visit: Visit) -> Response:
    """The page of one number."""
    number = await _found(visit)
    stored = {"name": number.name, "account_sid": number.account_sid, "api": number.api}
    return await one(visit, number, Form.of(visit, stored | msgspec.to_builtins(number.look)))


async def one(visit: Visit, number: Number, form: Form) -> Response:
    async with visit.reading() as work:
        teams = await inbox.teams(work)
    facts: dict[str, Any] = {
        "number": number,
        "incoming": number.address(visit.account.base_url, "incoming"),
        "changes": number.address(visit.account.base_url, "status"),
        "teams": [(team["id"], team["name"]) for team in teams],
        "languages": _languages(visit),
        "title": number.name,
        "about": number.number,
        "back": (PATH, visit.gettext("Voice")),
    }
    return await shell.settings(visit, PATH, "settings/voice_number.html", form=form, **facts)


def _languages(visit: Visit) -> list[tuple[str, str]]:
    here = visit.here()
    return [(code, f"{render.language_name(code[:2], here)} ({code[3:]})") for code in numbers.LANGUAGES]


async def save(visit: Visit) -> Response:
    form, number = Form.sent(visit), await _found(visit)
    name = form.text("name", required=True, longest=numbers.NAME_LENGTH)
    look = Look(
        language=form.text("language"),
        always=form.checked("always"),
        team_id=form.number("team_id"),
        wait=form.number("wait") or 0,
        ring=form.number("ring") or Look().ring,
        accept=form.checked("accept"),
        voicemail=form.checked("voicemail"),
        record=form.checked("record"),
        **{name: form.text(name) for name in TEXTS},
    )
    account = _account(form)

    async def change(work: Work) -> None:
        await numbers.change(work, number, name, look, account)

    if not await form.write(change):
        return await one(visit, number, form)
    return forms.done(visit, f"{PATH}/{number.id}", visit.gettext("Saved."))


async def test(visit: Visit) -> Response:
    """Ask the provider; what it says, in words."""
    number = await _found(visit)
    found = await trials.tried(visit.house.database, visit.account, number)
    return forms.done(visit, f"{PATH}/{number.id}", said(visit, found), bad=found.word != "well")


def said(visit: Visit, found: Tried) -> str:
    """What came of a test."""
    _ = visit.gettext
    sentences = {
        "well": _("It works: the provider knows the number and sends its calls here."),
        "elsewhere": _(
            "The provider knows the number, but sends its calls elsewhere. Give it the address “A call comes in”."
        ),
        "unknown": _("The provider's account has no such number."),
        "refused": _("The provider refused: %(said)s"),
        "away": _("The provider could not be reached: %(said)s"),
        "sealed": _("The auth token cannot be read any more. Enter it again."),
    }
    return sentences[found.word] % {"said": found.said}


async def switch(visit: Visit) -> Response:
    """Off: calls are turned away. On again: as before."""
    number = await _found(visit)
    said = visit.gettext("The number is on.") if number.off else visit.gettext("The number is off.")
    return await connections.switch(visit, number, PATH, said)


async def remove(visit: Visit) -> Response:
    said = visit.gettext("The number was removed. Its calls and their recordings stay.")
    return await connections.remove(visit, await _found(visit), PATH, said)


async def _found(visit: Visit) -> Number:
    async with visit.reading() as work:
        return await numbers.get(work, visit.request.path_params["number"])


ONE = PATH + "/{number:int}"
ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH, create, ROLE),
    routes.get(ONE, edit, ROLE),
    routes.post(ONE, save, ROLE),
    routes.post(ONE + "/test", test, ROLE),
    routes.post(ONE + "/switch", switch, ROLE),
    routes.post(ONE + "/delete", remove, ROLE),
)
