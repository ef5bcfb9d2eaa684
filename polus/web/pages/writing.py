"""The composer: an answer to the customer or a note for the team, and what shall happen to the ticket with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import getaddresses
from typing import Any

import msgspec
from starlette.datastructures import UploadFile
from starlette.responses import Response

from polus.base import addresses, errors, html, wire
from polus.base import text as texts
from polus.desk import files
from polus.desk.files import Kept
from polus.desk.tickets import drafts, messages, tickets
from polus.desk.tickets.drafts import Draft
from polus.store.files import Files
from polus.web import render, routes
from polus.web.pages import actions, ticket_facts
from polus.web.render import Here, Wire
from polus.web.visits import Visit, refused, see_other

MOST_RECIPIENTS = 50
FIELDS = ("to", "cc", "bcc")
CHUNK = 64 * 1024


class Unusable(Exception):
    """What was written cannot be sent; `problems` maps fields to sentences."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(problems)
        self.problems = problems


async def send(visit: Visit) -> Response:
    """Store the message, close the ticket if asked, and show the ticket again; else the composer with what is wrong."""
    note = visit.field("mode") == "note"
    visit.actor.require(actions.READER if note else actions.WRITER)
    ticket_id: int = visit.request.path_params["ticket"]
    here = visit.here(view=actions.view(visit))
    try:
        async with uploaded(visit, here) as kept, visit.writing() as work:
            ticket = msgspec.json.decode(await tickets.get(work, ticket_id))
            draft = noted(visit, here) if note else answered(visit, here, ticket)
            stored = await files.add(work, "attachment", kept, referenced=True)
            draft.attachments = [{**msgspec.json.decode(file), "public": False} for file in stored] or None
            await messages.add(work, ticket_id, draft)
            if visit.field("then") == "close":
                visit.actor.require(actions.WRITER)
                await tickets.update(work, ticket_id, {"status": "closed"})
    except errors.Merged as merged:
        return see_other(f"/inbox/{here.view}/{merged.survivor_id}")
    except Unusable as unusable:
        return await again(visit, here, ticket_id, unusable.problems)
    except (errors.Invalid, errors.Conflict) as refusal:
        return await again(visit, here, ticket_id, {"message": actions.sentence(refusal)})
    if not visit.partial:
        return see_other(f"/inbox/{here.view}/{ticket_id}")
    answer = await actions.again(visit, ticket_id)
    answer.headers["hx-trigger"] = wire.encode({"polus:sent": {"ticket": ticket_id}})
    return answer


@asynccontextmanager
async def uploaded(visit: Visit, here: Here) -> AsyncIterator[list[Kept]]:
    """The form's files, in the store; taken out of it again when the message does not come about."""
    _ = render.catalogue(here.language).gettext
    given = visit.uploads("attachments")
    if len(given) > files.MOST_FILES:
        raise Unusable({"attachments": _("At most %(n)s files.") % {"n": files.MOST_FILES}})
    store, kept = visit.house.database.files, list[Kept]()
    try:
        for upload in given:
            name, kind = upload.filename or "file", upload.content_type
            kept.append(await files.keep(store, visit.account, name, kind, chunks(upload)))
        yield kept
    except errors.TooLarge:
        await forget(store, kept)
        raise Unusable({"attachments": _("A file may have 20 MB at most.")}) from None
    except BaseException:
        await forget(store, kept)
        raise


async def forget(store: Files, kept: list[Kept]) -> None:
    for file in kept:
        await store.delete(file.key)


async def chunks(upload: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await upload.read(CHUNK):
        yield chunk


async def again(visit: Visit, here: Here, ticket_id: int, problems: dict[str, str]) -> Response:
    """The composer with everything that was written, and beside each field what is wrong with it."""
    draft = {name: visit.field(name) for name in ("mode", "body", *FIELDS)}
    if not visit.partial:
        return await actions.again(visit, ticket_id, 422, draft=draft, errors=problems)
    async with visit.reading() as work:
        facts = await ticket_facts.of(work, here, ticket_id)
    more = {"draft": draft, "errors": problems}
    answer = refused(visit.page("fragments/composer.html", here, **facts | more))
    answer.headers["hx-retarget"] = f"#composer-{ticket_id}"
    answer.headers["hx-reswap"] = "outerHTML"
    return answer


def noted(visit: Visit, here: Here) -> Draft:
    """An internal note."""
    return Draft(channel=drafts.NOTE, from_agent=True, via="helpdesk", **said(visit, here))


def answered(visit: Visit, here: Here, ticket: Wire) -> Draft:
    """An answer by e-mail; from which address of the account it goes is the desk's to find."""
    _ = render.catalogue(here.language).gettext
    words = said(visit, here)
    lists = {name: recipients(visit.field(name), ticket, here, name) for name in FIELDS}
    if not lists["to"]:
        raise Unusable({"to": _("Say whom it shall go to.")})
    source: dict[str, Any] = {"type": "email"} | {name: found for name, found in lists.items() if found}
    return Draft(
        channel="email",
        from_agent=True,
        via="helpdesk",
        source=source,
        subject=answering(ticket["subject"]),
        receiver={"id": ticket["customer"]["id"]},
        **words,
    )


def said(visit: Visit, here: Here) -> dict[str, Any]:
    """Who says what: the text as typed, and as HTML that looks the same."""
    _ = render.catalogue(here.language).gettext
    body = texts.unix_lines(texts.clean(visit.field("body"))).strip()
    if not body:
        raise Unusable({"body": _("Write something first.")})
    if texts.truncate(body) != body:
        raise Unusable({"body": _("The text is too long.")})
    rich = html.from_text(body)
    return {
        "sender": {"id": visit.person.user_id},
        "body_text": body,
        "body_html": rich,
        "stripped_text": body,
        "stripped_html": rich,
    }


def recipients(written: str, ticket: Wire, here: Here, field: str) -> list[dict[str, Any]]:
    """The addresses of a line such as `Ann <ann@x.example>, bob@y.example`; Unusable when one is none."""
    _ = render.catalogue(here.language).gettext
    customer, found = ticket["customer"], []
    for name, address in getaddresses([written.replace(";", ",").replace("\n", ",")]):
        if not address and not name:
            continue
        plain = addresses.email(address)
        if not addresses.is_email(plain) or "." not in plain.partition("@")[2]:
            raise Unusable(
                {field: _("“%(text)s” is not an e-mail address.") % {"text": (address or name)[:80]}}
            )
        known = customer["name"] if plain == (customer["email"] or "").lower() else None
        found.append({"name": name or known, "address": plain})
    if len(found) > MOST_RECIPIENTS:
        raise Unusable({field: _("At most %(n)s addresses.") % {"n": MOST_RECIPIENTS}})
    return found


def answering(subject: str | None) -> str | None:
    """`Re: ` in front, once."""
    if not subject:
        return None
    return subject if subject[:3].lower() == "re:" else ("Re: " + subject)[:998]


ROUTES = (routes.post("/tickets/{ticket:int}/messages", send),)
