"""The contact form that customers fill in: a page of its own, and framed by the pages of a shop."""

from collections import defaultdict
from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import clock, errors
from polus.channels.forms import forms, submissions
from polus.channels.forms.forms import Field, Form
from polus.channels.forms.submissions import Sent
from polus.desk import files
from polus.store.work import Actor, reading, writing
from polus.web import refusals, routes, session
from polus.web.pages import writing as uploads
from polus.web.visits import Visit

PATH = "/forms/{key}"
CUSTOMER = Actor("customer", role="observer-agent")
MOST_FILES = 5
MOST_FIELDS = 60
MOST_BYTES = 10 * files.MIB
TOO_LARGE = "A file is larger than 10 MB."
TOO_MANY = f"More than {MOST_FILES} files."


async def page(visit: Visit) -> Response:
    """The empty form."""
    form, fields = await _found(visit)
    return _shown(visit, form, fields, Sent(token="", email="", text=""), {})


async def send(visit: Visit) -> Response:
    """Take the form in; the page that thanks, or the form again with what is wrong."""
    visit.form = await session.taken_apart(visit.request, MOST_FILES + 1, MOST_FIELDS)
    form, fields = await _found(visit)
    sent = _sent(visit, fields)
    try:
        async with writing(visit.house.database, visit.account, CUSTOMER) as work:
            await submissions.check(work, form, fields, sent, session.origin(visit))
        sent.attachments = await _kept(visit, form)
        async with writing(visit.house.database, visit.account, CUSTOMER) as work:
            await submissions.accept(work, form, fields, sent)
    except errors.Refusal as refusal:
        if isinstance(refusal, errors.NotFound):
            raise
        wrong = _wrong(visit, refusal)
        return _shown(visit, form, fields, sent, wrong, refusal.status)
    embedded = "embed" in visit.request.query_params
    return _framed(form, visit.page("contact.html", visit.here(), form=form, done=True, embedded=embedded))


async def _found(visit: Visit) -> tuple[Form, list[Field]]:
    async with reading(visit.house.database, visit.account, CUSTOMER) as work:
        form = await forms.KIND.find(work, str(visit.request.path_params["key"]))
        return form, await forms.fields(work, form.look.fields)


def _sent(visit: Visit, fields: list[Field]) -> Sent:
    return Sent(
        token=visit.field("token"),
        email=visit.field("email"),
        name=visit.field("name"),
        subject=visit.field("subject"),
        text=visit.field("text"),
        trap=visit.field("website"),
        values={field.name: visit.field(field.name) for field in fields},
    )


async def _kept(visit: Visit, form: Form) -> list[dict[str, Any]]:
    """The files that came with the form, kept; 400."""
    given = visit.uploads("files") if form.look.files else []
    if len(given) > MOST_FILES:
        raise errors.one("files", TOO_MANY)
    if any((upload.size or 0) > MOST_BYTES for upload in given):
        raise errors.one("files", TOO_LARGE)
    store = visit.house.database.files
    kept = [
        await files.keep(
            store, visit.account, upload.filename or "file", upload.content_type, uploads.chunks(upload)
        )
        for upload in given
    ]
    async with writing(visit.house.database, visit.account, CUSTOMER) as work:
        made = [msgspec.json.decode(one) for one in await files.add(work, "attachment", kept)]
    return [one | {"url": files.settled(visit.account, one["url"])} for one in made]


def _wrong(visit: Visit, refusal: errors.Refusal) -> dict[str, str]:
    """The sentences by field; what belongs to none stands under `""`."""
    data = refusal.data if isinstance(refusal, errors.Invalid) else None
    found = {name: _sentence(told) for name, told in (data or {"": [refusal.msg]}).items()}
    return {name: refusals.said(told, visit.gettext) for name, told in found.items()}


def _sentence(told: Any) -> str:
    while isinstance(told, dict) and told:
        told = next(iter(told.values()))
    return str(told[0]) if isinstance(told, list) and told else errors.WRONG_TYPE


def _shown(
    visit: Visit,
    form: Form,
    fields: list[Field],
    sent: Sent,
    wrong: dict[str, str],
    status: int = 200,
) -> Response:
    token = submissions.token(visit.house.database, form, clock.now())
    # A form that was refused keeps its token: it has waited long enough, and sent twice it is one message.
    kept = sent.token if sent.token and "token" not in wrong else token
    answer = visit.page(
        "contact.html",
        visit.here(),
        status,
        form=form,
        fields=fields,
        sent=sent,
        filled=defaultdict(str, sent.values),
        wrong=defaultdict(str, wrong),
        token=kept,
        done=False,
        embedded="embed" in visit.request.query_params,
    )
    return _framed(form, answer)


def _framed(form: Form, answer: Response) -> Response:
    """Let the shop's pages frame it, and nothing else."""
    ancestors = " ".join(form.look.origins) or "*"
    answer.headers["content-security-policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self' " + ancestors
    )
    answer.headers["cross-origin-resource-policy"] = "cross-origin"
    return answer


ROUTES = (
    routes.get(PATH, page, routes.ANYBODY),
    routes.post(PATH, send, routes.ANYBODY),
)
