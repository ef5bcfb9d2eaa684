"""Settings: oneself. Name, language, signature, password, look, and where one is logged in."""

import msgspec
from starlette.responses import Response

from polus.base import addresses, errors
from polus.desk import invitations, presence, sessions, users
from polus.desk.voice import phones
from polus.store.work import Work
from polus.web import clients, routes, session
from polus.web.pages import forms, options, shell
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/profile"
LONGEST_BIO = 10_000


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        user = msgspec.json.decode(await users.get(work, visit.person.user_id))
        user["phone"] = await phones.get(work, visit.person.user_id)
    return await shown(visit, Form.of(visit, user), Form.of(visit))


async def shown(visit: Visit, form: Form, secrets: Form) -> Response:
    """The page; `secrets` is the form of password and address."""
    me, token = visit.person.user_id, session.token(visit)
    async with visit.reading() as work:
        user = msgspec.json.decode(await users.get(work, me))
        places = await sessions.listed(work, me, token)
    for place in places:
        place["name"] = clients.named(place["client"]) or visit.gettext("Unknown browser")
    facts = {
        "user": user,
        "secrets": secrets,
        "logged_in": places,
        "zones": options.zones(),
        "languages": options.languages(),
    }
    answer = await shell.settings(visit, PATH, "settings/profile.html", form=form, **facts)
    return secrets.shown(answer) if secrets.wrong else answer


async def save(visit: Visit) -> Response:
    form = Form.sent(visit)
    given = {
        "name": form.text("name", required=True, longest=256),
        "bio": form.text("bio", longest=LONGEST_BIO) or None,
        "language": form.choice("language", [code for code, _text in options.languages()]),
        "timezone": form.choice("timezone", options.zones(), required=False) or None,
    }

    async def change(work: Work) -> None:
        await users.update(work, visit.person.user_id, given)
        await phones.choose(work, visit.person.user_id, form.text("phone", longest=40))

    if not await form.write(change):
        return await shown(visit, form, Form.of(visit))
    return forms.done(visit, PATH, visit.gettext("Saved."))


async def secrets(visit: Visit) -> Response:
    """Another password, another address: each proves itself by the present password, and by a code when that is on."""
    form = Form.sent(visit)
    given: dict[str, str] = {}
    if form.value("new_password"):
        password = form.value("new_password")
        if len(password) < invitations.SHORTEST_PASSWORD:
            form.refuse("new_password", errors.too_short(invitations.SHORTEST_PASSWORD))
        elif len(password) > invitations.LONGEST_PASSWORD:
            form.refuse("new_password", errors.too_long(invitations.LONGEST_PASSWORD))
        given["new_password"] = password
    email = form.text("email", longest=320)
    if email and email != visit.person.email:
        if not addresses.is_email(email):
            form.refuse("email", errors.NOT_EMAIL)
        given["email"] = email
    proof = {"old_password": form.value("old_password"), "password_confirmation": form.value("old_password")}
    code = form.text("two_fa_code")

    async def change(work: Work) -> None:
        await users.update(
            work, visit.person.user_id, given | proof | ({"two_fa_code": code} if code else {})
        )

    if not given or not await form.write(change):
        if "password_confirmation" in form.wrong:
            form.wrong.setdefault("old_password", form.wrong.pop("password_confirmation"))
        return await again(visit, form)
    answer = forms.done(visit, PATH, visit.gettext("Saved."))
    if "new_password" in given:
        # The new password ended all sessions, this one too; its owner has just proved who he is.
        async with visit.reading() as work:
            me = await sessions.candidate_by_id(work, visit.person.user_id)
        if me is not None:
            session.keep(answer, visit, await session.log_in(visit, me))
    return answer


async def again(visit: Visit, form: Form) -> Response:
    async with visit.reading() as work:
        user = msgspec.json.decode(await users.get(work, visit.person.user_id))
        user["phone"] = await phones.get(work, visit.person.user_id)
    return await shown(visit, Form.of(visit, user), form)


async def log_out_others(visit: Visit) -> Response:
    """End all sessions but this one."""
    async with visit.writing() as work:
        await sessions.close_others(work, visit.person.user_id, session.token(visit))
    return forms.done(visit, PATH, visit.gettext("Everywhere else you are logged out."))


async def available(visit: Visit) -> Response:
    """Whether one wants tickets: the dot in the rail."""
    wanted = visit.field("available") == "1"
    async with visit.writing() as work:
        await presence.choose(work, visit.person.user_id, available=wanted)
    if visit.partial:
        return Response(status_code=204)
    _ = visit.gettext
    return forms.done(
        visit, PATH, _("You are available.") if wanted else _("You are away: no tickets are given to you.")
    )


ROUTES = (
    routes.get(PATH, page),
    routes.post(PATH, save),
    routes.post(PATH + "/secrets", secrets),
    routes.post(PATH + "/sessions", log_out_others),
    routes.post("/availability", available),
)
