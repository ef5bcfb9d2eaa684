"""Settings: for those who write apps. Register, edit, try, hand in; the installation's administrators decide there too."""

from typing import Any

from starlette.responses import Response

from polus.base import errors
from polus.desk.apps import apps, reviews
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, shell
from polus.web.pages.apps import install
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/developers"
REVIEWS = PATH + "/reviews"
ROLE = "admin"


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        found = await apps.listing(work)
        waiting = len(await reviews.waiting(work)) if await reviews.is_reviewer(work) else None
    return await shell.settings(visit, PATH, "settings/developers.html", apps=found, waiting=waiting)


async def new(visit: Visit) -> Response:
    return await _new(visit, Form.of(visit))


async def _new(visit: Visit, form: Form) -> Response:
    _ = visit.gettext
    head = {"title": _("Register an app"), "about": "", "back": (PATH, _("Developers"))}
    return await shell.settings(visit, PATH, "settings/app_new.html", form=form, **head)


async def register(visit: Visit) -> Response:
    """A new app. Its secret is on the answer's page and nowhere else."""
    form = Form.sent(visit)
    given = read(form)

    async def change(work: Work) -> Any:
        return await apps.register(work, given)

    if not await form.write(change):
        return await _new(visit, form)
    app_id, secret = form.result
    return await _one(visit, app_id, secret=secret)


def read(form: Form) -> dict[str, Any]:
    """What the form says of an app; what is wrong with it, the desk tells."""
    names = ("name", "tagline", "description", "app_url", "redirect_urls")
    return {name: form.text(name) for name in names}


async def edit(visit: Visit) -> Response:
    return await _one(visit, visit.request.path_params["app"])


async def _one(visit: Visit, app_id: str, form: Form | None = None, secret: str = "") -> Response:
    """All about one app. `secret`: the client secret, when it was made just now."""
    async with visit.reading() as work:
        app = await apps.get(work, app_id)
        versions = await apps.versions(work, app_id)
    stored = dict(app) | {"redirect_urls": "\n".join(app["redirect_urls"])}
    facts = {
        "app": app,
        "versions": versions,
        "secret": secret,
        "points": [(name, visit.gettext(text)) for name, text in reviews.CHECKLIST.items()],
        "address": install(visit, app["app_url"]),
        "base": f"{PATH}/{app_id}",
        "server": visit.account.base_url,
    }
    head = {"title": app["name"], "about": app["tagline"], "back": (PATH, visit.gettext("Developers"))}
    form = form or Form.of(visit, stored)
    return await shell.settings(visit, PATH, "settings/app.html", form=form, **facts, **head)


async def save(visit: Visit) -> Response:
    form, app_id = Form.sent(visit), visit.request.path_params["app"]
    given, icon = read(form), None
    for upload in visit.uploads("icon"):
        try:
            icon = await apps.small_icon(await upload.read(apps.ICON_BYTES + 1))
        except errors.Refusal as refusal:
            form.refuse("icon", apps.NOT_A_PICTURE if refusal.status == 400 else refusal.msg)

    async def change(work: Work) -> None:
        await apps.update(work, app_id, given, icon)

    if not await form.write(change):
        return await _one(visit, app_id, form)
    return forms.done(visit, f"{PATH}/{app_id}", visit.gettext("Saved."))


async def rotate(visit: Visit) -> Response:
    """A new secret, on the answer's page and nowhere else."""
    app_id = visit.request.path_params["app"]
    async with visit.writing() as work:
        secret = await apps.rotate_secret(work, app_id)
    return await _one(visit, app_id, secret=secret)


async def submit(visit: Visit) -> Response:
    form, app_id = Form.sent(visit), visit.request.path_params["app"]

    async def change(work: Work) -> None:
        await reviews.submit(
            work,
            app_id,
            checklist=form.many("checklist"),
            instructions=form.text("test_instructions"),
            test_account=form.text("test_account"),
        )

    if not await form.write(change):
        return await _again(visit, app_id, form)
    return forms.done(visit, f"{PATH}/{app_id}", visit.gettext("The app waits for review."))


async def _again(visit: Visit, app_id: str, form: Form) -> Response:
    """The page with what was typed for the reviewer, beside what is stored of the app."""
    async with visit.reading() as work:
        app = await apps.get(work, app_id)
    stored = forms.flat(dict(app) | {"redirect_urls": "\n".join(app["redirect_urls"])})
    form.values = stored | {"checklist": []} | form.values
    return await _one(visit, app_id, form)


async def withdraw(visit: Visit) -> Response:
    return await _done(visit, reviews.withdraw, visit.gettext("The app is a draft again."))


async def remove(visit: Visit) -> Response:
    return await _done(visit, apps.remove, visit.gettext("The app was deleted."), PATH)


async def _done(visit: Visit, verb: Any, said: str, then: str = "") -> Response:
    """One verb on the app of the path, and where to go then."""
    form, app_id = Form.sent(visit), visit.request.path_params["app"]

    async def change(work: Work) -> None:
        await verb(work, app_id)

    if not await form.write(change):
        return forms.done(visit, f"{PATH}/{app_id}", " ".join(form.rest()), bad=True)
    return forms.done(visit, then or f"{PATH}/{app_id}", said)


async def waiting(visit: Visit) -> Response:
    """For the installation's administrators: what is to be looked at."""
    return await _waiting(visit, Form.of(visit))


async def _waiting(visit: Visit, form: Form) -> Response:
    _ = visit.gettext
    async with visit.reading() as work:
        found, known = await reviews.waiting(work), await reviews.published(work)
    facts = {"waiting": found, "published": known}
    head = {
        "title": _("Reviews"),
        "about": _("Apps that their writers want all accounts of this installation to have."),
        "back": (PATH, _("Developers")),
    }
    return await shell.settings(visit, PATH, "settings/reviews.html", form=form, **facts, **head)


async def approve(visit: Visit) -> Response:
    return await _decided(visit, reviews.approve, visit.gettext("Every account may connect the app now."))


async def send_back(visit: Visit) -> Response:
    reason = Form.sent(visit).text("reason")

    async def verb(work: Work, app_id: str) -> None:
        await reviews.send_back(work, app_id, reason)

    return await _decided(visit, verb, visit.gettext("The app went back to its writer."))


async def recall(visit: Visit) -> Response:
    reason = Form.sent(visit).text("reason")

    async def verb(work: Work, app_id: str) -> None:
        await reviews.recall(work, app_id, reason)

    return await _decided(visit, verb, visit.gettext("The app was taken back from everybody."))


async def _decided(visit: Visit, verb: Any, said: str) -> Response:
    form, app_id = Form.sent(visit), visit.request.path_params["app"]

    async def change(work: Work) -> None:
        await verb(work, app_id)

    return await forms.ended(form, change, REVIEWS, said)


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/new", new, ROLE),
    routes.post(PATH + "/new", register, ROLE),
    routes.get(REVIEWS, waiting, ROLE),
    routes.post(REVIEWS + "/{app}/approve", approve, ROLE),
    routes.post(REVIEWS + "/{app}/send-back", send_back, ROLE),
    routes.post(REVIEWS + "/{app}/recall", recall, ROLE),
    routes.get(PATH + "/{app}", edit, ROLE),
    routes.post(PATH + "/{app}", save, ROLE),
    routes.post(PATH + "/{app}/secret", rotate, ROLE),
    routes.post(PATH + "/{app}/submit", submit, ROLE),
    routes.post(PATH + "/{app}/withdraw", withdraw, ROLE),
    routes.post(PATH + "/{app}/delete", remove, ROLE),
)
