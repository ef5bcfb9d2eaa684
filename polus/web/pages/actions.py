"""What agents do to a ticket: one small form each, carried out by the verbs that the API calls too."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import errors, names, wire
from polus.desk import analysis, searches, tags, ticket_forms, widget_buttons
from polus.desk.customers import customers
from polus.desk.customers import merging as merging_customers
from polus.desk.tickets import labels, merging, messages, splitting, tickets
from polus.desk.views import rails
from polus.store.work import Work
from polus.web import choices, refusals, routes
from polus.web.pages import inbox, ticket_facts
from polus.web.visits import Visit, refused, see_other

Change = Callable[[Visit, Work, int], Awaitable[None]]

WRITER = "lite-agent"
JOINER = "basic-agent"
"""Who may merge and split, and have other systems called."""
READER = "observer-agent"
MOST_SUGGESTIONS = 8


def action(change: Change, role: str = WRITER) -> Callable[[Visit], Awaitable[Response]]:
    """A page that carries out `change` and shows the ticket again; a refusal stands above it, nothing is changed."""

    async def page(visit: Visit) -> Response:
        visit.actor.require(role)
        ticket_id: int = visit.request.path_params["ticket"]
        try:
            async with visit.writing() as work:
                await change(visit, work, ticket_id)
        except errors.Merged as merged:
            return see_other(f"/inbox/{view(visit)}/{merged.survivor_id}")
        except ticket_forms.NotFilled as refusal:
            return await again(visit, ticket_id, 422, missing=refusal.fields, notice=unfilled(visit))
        except (errors.Invalid, errors.Conflict) as refusal:
            wrong = visit.request.path_params.get("field")
            if wrong is not None:
                return await again(visit, ticket_id, 422, wrong={wrong: sentence(visit, refusal)})
            return await again(visit, ticket_id, 422, notice={"bad": True, "text": sentence(visit, refusal)})
        if not visit.partial:
            return see_other(f"/inbox/{view(visit)}/{ticket_id}")
        return await again(visit, ticket_id)

    return page


def unfilled(visit: Visit) -> dict[str, Any]:
    return {"bad": True, "text": visit.gettext("Fill in the marked fields before you close the ticket.")}


def view(visit: Visit) -> str:
    """The view that the form was sent from."""
    given = visit.field("view")
    return given if rails.is_key(given) else "all"


async def again(visit: Visit, ticket_id: int, status: int = 200, **more: Any) -> Response:
    """The ticket as it is now: a fragment for scripts, else the whole page."""
    here = visit.here(view=view(visit))
    async with visit.reading() as work:
        if visit.partial:
            answer = await inbox.shown(work, visit, here, ticket_id, **more)
            return answer if status == 200 else refused(answer)
        facts = await inbox.framed(visit, work, here)
        facts |= await ticket_facts.of(work, here, ticket_id) | more
    return inbox.whole(visit, here, facts, status)


def sentence(visit: Visit, refusal: errors.Refusal) -> str:
    """What a refusal says of its fields, in one line for people."""

    def said(data: Any) -> list[str]:
        if isinstance(data, dict):
            return [text for value in data.values() for text in said(value)]
        if isinstance(data, list):
            return [text for value in data for text in said(value)]
        return [refusals.said(str(data), visit.gettext)]

    return " ".join(said(dict(refusal.data or {}))) or refusals.said(refusal.msg, visit.gettext)


def integer(text: str) -> int | None:
    """An id of a form; empty means nobody. 400 for anything else."""
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise errors.one("id", errors.NOT_INTEGER)
    return int(text)


async def subject(visit: Visit, work: Work, ticket_id: int) -> None:
    given = " ".join(visit.field("subject").split())
    if len(given) > 998:
        raise errors.one("subject", errors.too_long(998))
    await tickets.update(work, ticket_id, {"subject": given or None})


async def status(visit: Visit, work: Work, ticket_id: int) -> None:
    if visit.field("status") == "closed":
        await ticket_forms.require_filled(work, ticket_id)
    await tickets.update(work, ticket_id, {"status": chosen(visit, "status", ("open", "closed"))})


async def priority(visit: Visit, work: Work, ticket_id: int) -> None:
    await tickets.update(work, ticket_id, {"priority": chosen(visit, "priority", tuple(tickets.PRIORITIES))})


async def assignee(visit: Visit, work: Work, ticket_id: int) -> None:
    await tickets.update(work, ticket_id, {"assignee_user_id": integer(visit.field("assignee_user"))})


async def team(visit: Visit, work: Work, ticket_id: int) -> None:
    await tickets.update(work, ticket_id, {"assignee_team_id": integer(visit.field("assignee_team"))})


async def snooze(visit: Visit, work: Work, ticket_id: int) -> None:
    given = visit.field("until")
    until = choices.read(given, visit.here()) if given else None
    if given and until is None:
        raise errors.one("until", errors.NOT_DATETIME)
    await tickets.update(work, ticket_id, {"snooze_datetime": until})


async def spam(visit: Visit, work: Work, ticket_id: int) -> None:
    await tickets.update(work, ticket_id, {"spam": visit.field("spam") == "true"})


async def trash(visit: Visit, work: Work, ticket_id: int) -> None:
    trashed = work.now if visit.field("trash") == "true" else None
    await tickets.update(work, ticket_id, {"trashed_datetime": trashed})


async def add_tag(visit: Visit, work: Work, ticket_id: int) -> None:
    await labels.add(work, ticket_id, [], [visit.field("tag")])


async def remove_tag(visit: Visit, work: Work, ticket_id: int) -> None:
    await labels.remove(work, ticket_id, [], [visit.field("tag")])


async def field(visit: Visit, work: Work, ticket_id: int) -> None:
    """One custom field of the ticket."""
    await ticket_forms.fill(
        work, "Ticket", ticket_id, visit.request.path_params["field"], visit.field("value")
    )


async def merge(visit: Visit, work: Work, ticket_id: int) -> None:
    """Another ticket, named by its number, becomes part of this one."""
    source = integer((visit.field("number") or visit.field("source")).strip().removeprefix("#"))
    if source is None:
        raise errors.one("source", errors.REQUIRED)
    try:
        await merging.merge(work, source, ticket_id)
    except errors.NotFound:
        raise errors.one("source", "There is no ticket #" + str(source) + ".") from None


async def resend(visit: Visit, work: Work, ticket_id: int) -> None:
    """A message that failed is sent again, as correcting it by the API does."""
    await messages.update(work, ticket_id, visit.request.path_params["message"], {})


async def language(visit: Visit, work: Work, ticket_id: int) -> None:
    given = visit.field("language")
    if given and given not in names.LANGUAGES:
        raise errors.one("language", errors.NOT_CHOICE)
    await tickets.update(work, ticket_id, {"language": given or None})


async def add_intent(visit: Visit, work: Work, ticket_id: int) -> None:
    message_id: int = visit.request.path_params["message"]
    await analysis.correct(work, ticket_id, message_id, visit.field("intent").strip(), wanted=True)


async def reject_intent(visit: Visit, work: Work, ticket_id: int) -> None:
    message_id: int = visit.request.path_params["message"]
    await analysis.correct(work, ticket_id, message_id, visit.field("intent"), wanted=False)


async def press(visit: Visit, work: Work, ticket_id: int) -> None:
    """A button of a widget beside the ticket, as it was shown."""
    nonce, _, pressed = visit.field("button").partition(".")
    try:
        shown = uuid.UUID(nonce)
    except ValueError:
        raise errors.one("button", errors.NOT_CHOICE) from None
    await widget_buttons.press(work, ticket_id, pressed, shown)


def chosen(visit: Visit, name: str, among: tuple[str, ...]) -> str:
    value = visit.field(name)
    if value not in among:
        raise errors.one(name, errors.NOT_CHOICE)
    return value


BY_JOINERS = ("merge", "press")

CHANGES: dict[str, Change] = {
    "subject": subject,
    "status": status,
    "priority": priority,
    "assignee": assignee,
    "team": team,
    "snooze": snooze,
    "spam": spam,
    "trash": trash,
    "tags/add": add_tag,
    "tags/remove": remove_tag,
    "messages/{message:int}/resend": resend,
    "fields/{field:int}": field,
    "merge": merge,
    "press": press,
    "language": language,
    "messages/{message:int}/intents/add": add_intent,
    "messages/{message:int}/intents/reject": reject_intent,
}


async def read(visit: Visit) -> Response:
    """Read or unread for the agent alone. Without script an unread ticket is left, or it would be read at once."""
    ticket_id: int = visit.request.path_params["ticket"]
    unread = visit.field("is_unread") == "true"
    async with visit.writing() as work:
        await tickets.require(work, ticket_id)
        if unread:
            await tickets.mark(work, ticket_id, unread=True)
        else:
            await tickets.opened(work, ticket_id)
    if visit.partial:
        return await again(visit, ticket_id)
    return see_other(f"/inbox/{view(visit)}" + ("" if unread else f"/{ticket_id}"))


async def split(visit: Visit) -> Response:
    """A message becomes a ticket of its own, which is shown next."""
    visit.actor.require(JOINER)
    params = visit.request.path_params
    try:
        async with visit.writing() as work:
            made = await splitting.split(work, params["ticket"], [params["message"]])
    except errors.Invalid as refusal:
        return await again(
            visit, params["ticket"], 422, notice={"bad": True, "text": sentence(visit, refusal)}
        )
    if not visit.partial:
        return see_other(f"/inbox/{view(visit)}/{made}")
    answer = await again(visit, params["ticket"])
    answer.headers["hx-trigger"] = wire.encode({"polus:go": {"ticket": made}})
    return answer


async def customer_field(visit: Visit) -> Response:
    """One custom field of a customer, from a ticket's page."""
    visit.actor.require(WRITER)
    params = visit.request.path_params
    try:
        async with visit.writing() as work:
            await ticket_forms.fill(
                work, "Customer", params["customer"], params["field"], visit.field("value")
            )
    except errors.Invalid as refusal:
        wrong = {params["field"]: sentence(visit, refusal)}
        return await again(visit, integer(visit.field("ticket")) or 0, 422, wrong=wrong)
    return await after_customer(visit)


async def customer_merge(visit: Visit) -> Response:
    """Another customer, who is the same person, becomes part of this one."""
    visit.actor.require(JOINER)
    customer_id, source = visit.request.path_params["customer"], integer(visit.field("source")) or 0
    try:
        async with visit.writing() as work:
            source_id, target_id = await merging_customers.survivors(work, source, customer_id)
            await merging_customers.merge(work, source_id, target_id, {})
    except (errors.Invalid, errors.Conflict) as refusal:
        notice = {"bad": True, "text": sentence(visit, refusal)}
        return await again(visit, integer(visit.field("ticket")) or 0, 422, notice=notice)
    return await after_customer(visit)


async def after_customer(visit: Visit) -> Response:
    """The ticket again, from whose page a customer was changed."""
    ticket_id = integer(visit.field("ticket"))
    if visit.partial and ticket_id:
        return await again(visit, ticket_id)
    return see_other(f"/inbox/{view(visit)}" + (f"/{ticket_id}" if ticket_id else ""))


async def customer_note(visit: Visit) -> Response:
    """The note about a customer, saved from a ticket's page."""
    visit.actor.require(WRITER)
    customer_id: int = visit.request.path_params["customer"]
    async with visit.writing() as work:
        await customers.update(work, customer_id, {"note": visit.field("note").strip() or None})
    ticket_id = integer(visit.field("ticket"))
    if visit.partial:
        return Response(status_code=204)
    return see_other(f"/inbox/{view(visit)}" + (f"/{ticket_id}" if ticket_id else ""))


async def suggest_addresses(visit: Visit) -> Response:
    """Addresses of customers that hold what was typed."""
    asked = visit.request.query_params.get("q", "")[:256]
    async with visit.reading() as work:
        found = await searches.find(work, "customer_channel_email", asked, MOST_SUGGESTIONS)
    known = [msgspec.json.decode(one) for one in found]
    return visit.page("fragments/addresses.html", visit.here(), found=known)


async def suggest_tags(visit: Visit) -> Response:
    """Tags that begin with, or hold, what was typed."""
    async with visit.reading() as work:
        found = await tags.suggest(work, visit.request.query_params.get("tag", "")[:256], MOST_SUGGESTIONS)
    return visit.page("fragments/tags.html", visit.here(), tags=found)


ROUTES = (
    *(
        routes.post("/tickets/{ticket:int}/" + name, action(change, JOINER if name in BY_JOINERS else WRITER))
        for name, change in CHANGES.items()
    ),
    routes.post("/tickets/{ticket:int}/read", read),
    routes.post("/tickets/{ticket:int}/messages/{message:int}/split", split),
    routes.post("/customers/{customer:int}/note", customer_note),
    routes.post("/customers/{customer:int}/fields/{field:int}", customer_field),
    routes.post("/customers/{customer:int}/merge", customer_merge),
    routes.get("/suggest/tags", suggest_tags),
    routes.get("/suggest/addresses", suggest_addresses),
)
