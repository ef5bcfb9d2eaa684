"""The composer: an answer, a note or a forward, what shall happen to the ticket with it, and drafts of all these."""

import datetime
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.datastructures import UploadFile
from starlette.responses import Response

from polus.base import errors, wire
from polus.desk import composing, files, planned, ticket_forms, unfinished
from polus.desk.composing import Composed, Follows, Unusable
from polus.desk.files import Kept
from polus.store.files import Files
from polus.store.work import Work
from polus.web import choices, render, routes
from polus.web.pages import actions, bulk, macro_bar, people, search, ticket_facts
from polus.web.render import Here
from polus.web.visits import Visit, refused, see_other

MODES = ("reply", "note", "forward")
CHUNK = 64 * 1024
MOST_FILES = 50


async def send(visit: Visit) -> Response:
    """Send the message, now or later, and show the ticket again; else the composer with what is wrong.

    `hold`: only when it can no longer be undone; scripts ask for that.
    """
    written = composed(visit)
    note = written.mode == "note"
    visit.actor.require(actions.READER if note else actions.WRITER)
    ticket_id: int = visit.request.path_params["ticket"]
    here = visit.here(view=actions.view(visit))
    plan_id = None
    try:
        follows, at = followed(visit, here)
        if follows.change:
            visit.actor.require(actions.WRITER)
        async with uploaded(visit) as kept, visit.writing() as work:
            anyway = bool(visit.field("anyway"))
            if follows.change == "close":
                await ticket_forms.require_filled(work, ticket_id)
            if at is not None or (visit.field("hold") and not kept):
                plan_id = await planned.plan(work, ticket_id, written, follows, at, anyway=anyway)
            elif not await composing.was_sent(work, ticket_id, written):
                await composing.send(work, ticket_id, written, follows, kept, anyway=anyway)
                await unfinished.forget(work, ticket_id)
    except errors.Merged as merged:
        return see_other(f"/inbox/{here.view}/{merged.survivor_id}")
    except composing.Outdated as outdated:
        return await again(visit, here, ticket_id, {}, newer=outdated.message_ids)
    except Unusable as unusable:
        return await again(visit, here, ticket_id, sentences(here, unusable))
    except ticket_forms.NotFilled as refusal:
        return await again(visit, here, ticket_id, unfilled(here, refusal), missing=refusal.fields)
    except (errors.Invalid, errors.Conflict) as refusal:
        return await again(visit, here, ticket_id, {"message": actions.sentence(visit, refusal)})
    if not visit.partial:
        return see_other(f"/inbox/{here.view}/{ticket_id}")
    answer = await actions.again(visit, ticket_id)
    told = {"ticket": ticket_id, "plan": plan_id, "undo": at is None, "follows": follows.change}
    answer.headers["hx-trigger"] = wire.encode({"polus:sent": told})
    return answer


def composed(visit: Visit) -> Composed:
    """The composer's fields."""
    mode = visit.field("mode")
    return Composed(
        mode=mode if mode in MODES else "reply",  # type: ignore[arg-type]
        channel=visit.field("channel")[:64] or "email",
        to=visit.field("to"),
        cc=visit.field("cc"),
        bcc=visit.field("bcc"),
        sender=actions.integer(visit.field("sender").partition(" ")[0]),
        sender_address=visit.field("sender").partition(" ")[2][:320],
        body=visit.field("body"),
        html=visit.field("html"),
        files=visit.fields("file")[:MOST_FILES],
        macros=[number for given in visit.fields("macro") if (number := actions.integer(given))],
        actions=[action for given in visit.fields("chip") if (action := decoded(given))],
        about=actions.integer(visit.field("about")),
        seen=actions.integer(visit.field("seen")),
    )


def decoded(given: str) -> dict[str, Any] | None:
    """An action of a chip; nothing when it is none."""
    try:
        found = msgspec.json.decode(given)
    except (msgspec.DecodeError, RecursionError):
        return None
    right = isinstance(found, dict) and isinstance(found.get("name"), str)
    return found if right and isinstance(found.get("arguments"), dict) else None


def followed(visit: Visit, here: Here) -> tuple[Follows, datetime.datetime | None]:
    """What follows for the ticket, and when to send: `then` is a word, perhaps with a moment behind it, else in `at`."""
    word, _, moment = visit.field("then").partition(" ")
    if word not in ("snooze", "later"):
        return Follows("close" if word == "close" else ""), None
    at = choices.read(moment or visit.field("at"), here)
    if at is None:
        raise errors.one("then", errors.NOT_DATETIME)
    return (Follows("snooze", at), None) if word == "snooze" else (Follows(), at)


def sentences(here: Here, unusable: Unusable) -> dict[str, str]:
    """What is wrong with each field, in the agent's language."""
    _ = render.catalogue(here.language).gettext
    said = {
        "empty": _("Write something first."),
        "long": _("The text is too long."),
        "nobody": _("Say whom it shall go to."),
        "address": _("“%(what)s” is not an e-mail address."),
        "many": _("At most %(what)s addresses."),
        "files": _("At most %(what)s files."),
        "gone": _("The file “%(what)s” is not there any more."),
        "quoted": _("The message to forward is not there any more."),
        "large": _("A file may have 20 MB at most."),
        "rights": _("Your role may not have these actions done. Take them out, then send it."),
        "text": _("A text may have %(what)s characters at most."),
        "stopped": _("The customer said STOP: no text can be sent to him until he says START."),
    }
    return {field: said[code] % {"what": what} for field, (code, what) in unusable.problems.items()}


def unfilled(here: Here, refusal: ticket_forms.NotFilled) -> dict[str, str]:
    """Which fields must be filled before the ticket is closed."""
    _ = render.catalogue(here.language).gettext
    text = _("Fill in before you close the ticket: %(fields)s")
    return {"message": text % {"fields": ", ".join(refusal.fields.values())}}


@asynccontextmanager
async def uploaded(visit: Visit) -> AsyncIterator[list[Kept]]:
    """The form's files, in the store; taken out of it again when nothing comes of them."""
    given = visit.uploads("attachments")
    if len(given) > files.MOST_FILES:
        raise Unusable({"attachments": ("files", str(files.MOST_FILES))})
    store, kept = visit.house.database.files, list[Kept]()
    try:
        for upload in given:
            name, kind = upload.filename or "file", upload.content_type
            kept.append(await files.keep(store, visit.account, name, kind, chunks(upload)))
        yield kept
    except errors.TooLarge:
        await forget(store, kept)
        raise Unusable({"attachments": ("large", "")}) from None
    except BaseException:
        await forget(store, kept)
        raise


async def forget(store: Files, kept: list[Kept]) -> None:
    for file in kept:
        await store.delete(file.key)


async def chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(CHUNK):
        yield chunk


async def again(
    visit: Visit,
    here: Here,
    ticket_id: int,
    problems: dict[str, str],
    newer: list[int] | None = None,
    missing: dict[int, str] | None = None,
) -> Response:
    """The composer with everything that was written, and beside each field what is wrong with it.

    `newer`: messages that others wrote meanwhile, shown before it can be sent anyway.
    """
    written = composed(visit)
    more: dict[str, Any] = {
        "errors": problems,
        "newer": newer or [],
        "then": visit.field("then"),
        "missing": missing or {},
    }
    if not visit.partial:
        async with visit.reading() as work:
            more["draft"] = await ticket_facts.drafted(work, here, written)
        return await actions.again(visit, ticket_id, 422, **more)
    async with visit.reading() as work:
        more["draft"] = await ticket_facts.drafted(work, here, written)
        answer = refused(await composer(work, visit, here, ticket_id, **more))
    answer.headers["hx-retarget"] = f"#composer-{ticket_id}"
    answer.headers["hx-reswap"] = "outerHTML"
    return answer


async def composer(work: Work, visit: Visit, here: Here, ticket_id: int, **more: Any) -> Response:
    facts = await ticket_facts.of(work, here, ticket_id)
    return visit.page("fragments/composer.html", here, **facts | more)


async def fragment(visit: Visit) -> Response:
    """The composer of a ticket as the server keeps it: empty, or with the draft."""
    here = visit.here(view=visit.request.path_params["view"])
    async with visit.reading() as work:
        return await composer(work, visit, here, visit.request.path_params["ticket"])


async def draft(visit: Visit) -> Response:
    """Keep what is written so far."""
    ticket_id: int = visit.request.path_params["ticket"]
    async with visit.writing() as work:
        await unfinished.save(work, ticket_id, composed(visit))
    return Response(status_code=204)


async def upload(visit: Visit) -> Response:
    """One file for a message to come, private; tells where it lies."""
    try:
        async with uploaded(visit) as kept, visit.writing() as work:
            stored = [msgspec.json.decode(file) for file in await files.add(work, "attachment", kept)]
            told = [file | {"href": ticket_facts.own(work, file["url"])} for file in stored]
    except Unusable as unusable:
        said = sentences(visit.here(), unusable)["attachments"]
        return Response(wire.encode({"error": said}), media_type="application/json")
    return Response(wire.encode({"files": told}), media_type="application/json")


async def take_back(visit: Visit) -> Response:
    """A planned message becomes a draft again."""
    visit.actor.require(actions.WRITER)
    return await decide(visit, planned.take_back)


async def hurry(visit: Visit) -> Response:
    """A planned message goes now."""
    visit.actor.require(actions.WRITER)
    return await decide(visit, planned.hurry)


async def decide(visit: Visit, verb: Any) -> Response:
    params = visit.request.path_params
    ticket_id: int = params["ticket"]
    try:
        async with visit.writing() as work:
            await verb(work, ticket_id, params["plan"])
    except errors.Conflict as refusal:
        return await actions.again(visit, ticket_id, 422, notice={"bad": True, "text": refusal.msg})
    if not visit.partial:
        return see_other(f"/inbox/{actions.view(visit)}/{ticket_id}")
    answer = await actions.again(visit, ticket_id)
    answer.headers["hx-trigger"] = wire.encode({"polus:draft": {"ticket": ticket_id}})
    return answer


ROUTES = (
    routes.post("/tickets/{ticket:int}/messages", send),
    routes.post("/tickets/{ticket:int}/draft", draft),
    routes.post("/tickets/{ticket:int}/planned/{plan:int}/back", take_back),
    routes.post("/tickets/{ticket:int}/planned/{plan:int}/now", hurry),
    routes.post("/uploads", upload),
    routes.get("/inbox/{view}/{ticket:int}/composer", fragment),
    *macro_bar.ROUTES,
    *people.ROUTES,
    *bulk.ROUTES,
    *search.ROUTES,
)
