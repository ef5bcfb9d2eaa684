"""The inbox: the whole page with or without a ticket, and the fragments that scripts fetch of it."""

from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import errors
from polus.desk import inbox
from polus.desk.slas import targets
from polus.desk.tickets import tickets
from polus.desk.views import counting, rails
from polus.lang import sets
from polus.store.work import Work
from polus.web import choices, render, routes
from polus.web.pages import outgoing, shell, ticket_facts
from polus.web.render import Here
from polus.web.visits import Visit, refused, see_other

PAGE = 30
GO_ON = ("mine", "unassigned", "open")
PANES = ("list", "ticket", "customer", "rail")


async def start(visit: Visit) -> Response:
    return see_other("/inbox/open")


async def by_number(visit: Visit) -> Response:
    """`/tickets/{ticket}`: the address to hand around."""
    return see_other(f"/inbox/all/{visit.request.path_params['ticket']}")


async def page(visit: Visit) -> Response:
    """`/inbox/{view}` and `/inbox/{view}/{ticket}`: everything at once, as it also stands without script."""
    params = visit.request.path_params
    ticket_id: int | None = params.get("ticket")
    here = visit.here(view=params["view"])
    cursor = visit.request.query_params.get("cursor")
    if ticket_id is None:
        async with visit.reading() as work:
            return whole(visit, here, await framed(visit, work, here, cursor))
    async with visit.writing() as work:
        try:
            await tickets.require(work, ticket_id)
            await tickets.opened(work, ticket_id)
            facts = await ticket_facts.of(work, here, ticket_id)
        except errors.Merged as merged:
            return see_other(f"/inbox/{here.view}/{merged.survivor_id}")
        except errors.NotFound:
            facts = {"problem": missing(here, ticket_id)}
        facts |= await framed(visit, work, here, cursor)
    return whole(visit, here, facts)


def whole(visit: Visit, here: Here, facts: dict[str, Any], status: int = 200) -> Response:
    """The page of an inbox whose list and, perhaps, ticket are known."""
    ticket, problem = facts.get("ticket"), facts.get("problem")
    pane = visit.request.query_params.get("pane")
    shown = pane if pane in PANES else "ticket" if ticket or problem else "list"
    known = {
        "ticket": None,
        "problem": None,
        "pane": shown,
        "htmx_config": shell.HTMX,
        "selected": None,
    } | facts
    if problem:
        status = 404
    return visit.page("inbox.html", here, status, **known)


def missing(here: Here, ticket_id: int) -> dict[str, str]:
    _ = render.catalogue(here.language).gettext
    return {
        "title": _("Ticket #%(id)s does not exist") % {"id": ticket_id},
        "body": _("It may have been deleted."),
    }


async def listed(work: Work, here: Here, cursor: str | None = None, limit: int = PAGE) -> dict[str, Any]:
    """The facts of rail and list. 404 for a view that does not exist."""
    found = await rails.page(work, here.view, cursor, limit)
    entries = choices.views(here, await inbox.counts(work))
    sections = await rails.sections(work)
    tickets = [msgspec.json.decode(ticket) for ticket in found.tickets]
    pressing = await targets.pressing(work, [ticket["id"] for ticket in tickets])
    for ticket in tickets:
        sla = pressing.get(ticket["id"])
        ticket["sla"] = None if sla is None else msgspec.json.decode(sla)
    done: dict[str, Any] = {}
    if not found.tickets and not cursor:
        # A finished view says what was done today, and where to go on.
        midnight = here.now.astimezone(here.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        waiting = {entry.key: entry for entry in entries if entry.count and entry.key != here.view}
        go_on = next((waiting[key] for key in GO_ON if key in waiting), None)
        done = {"today": await inbox.today(work, midnight), "go_on": go_on}
    return done | {
        "view": await viewed(work, here, entries),
        "views": entries,
        "shelves": choices.shelves(here, sections, {}),
        "tickets": {
            "data": tickets,
            "meta": {"next_cursor": found.next_cursor},
        },
    }


async def framed(visit: Visit, work: Work, here: Here, cursor: str | None = None) -> dict[str, Any]:
    """The same with what the whole page has besides: the bulk bar's menus, what a message can be about, a warning."""
    return await listed(work, here, cursor) | {
        "outlets": await outgoing.warning(visit, work),
        "intents_known": sorted(sets.INTENTS),
        "bulk_people": await inbox.people(work),
        "bulk_teams": await inbox.teams(work),
        "bulk_snoozes": choices.snoozes(here),
    }


async def viewed(work: Work, here: Here, entries: list[choices.Entry]) -> choices.Entry:
    """The view that the page belongs to."""
    if here.view.isdecimal():
        return choices.own(await rails.named(work, int(here.view)), {})
    return next(entry for entry in entries if entry.key == here.view)


async def shelves(visit: Visit) -> Response:
    """The views that people made, with their counts. Apart from the list: their filters may look through much."""
    here = visit.here(view=visit.request.path_params["view"])
    async with visit.reading() as work:
        sections, counts = await rails.sections(work), await counting.counts(work)
    return visit.page("fragments/shelves.html", here, shelves=choices.shelves(here, sections, counts))


async def rows(visit: Visit) -> Response:
    """The list as it is now, as many rows as are shown, with the rail's counts."""
    query = visit.request.query_params
    here = visit.here(view=visit.request.path_params["view"])
    async with visit.reading() as work:
        facts = await listed(work, here, limit=max(PAGE, number(query.get("shown"))))
    return visit.page("fragments/list.html", here, selected=number(query.get("selected")), **facts)


async def older(visit: Visit) -> Response:
    """The rows behind a cursor."""
    here = visit.here(view=visit.request.path_params["view"])
    async with visit.reading() as work:
        facts = await listed(work, here, visit.request.query_params.get("cursor", ""))
    return visit.page("fragments/older.html", here, selected=None, **facts)


async def ticket(visit: Visit) -> Response:
    """One ticket with its customer. Does not count as opened: neighbours are fetched ahead."""
    ticket_id = visit.request.path_params["ticket"]
    here = visit.here(view=visit.request.path_params["view"])
    async with visit.reading() as work:
        try:
            return await shown(work, visit, here, ticket_id)
        except errors.Merged as merged:
            return see_other(f"/inbox/{here.view}/{merged.survivor_id}/ticket")
        except errors.NotFound:
            problem = missing(here, ticket_id)
            return refused(visit.page("fragments/problem.html", here, problem=problem))


async def shown(work: Work, visit: Visit, here: Here, ticket_id: int, **more: Any) -> Response:
    """The fragment of a ticket as it is now."""
    facts = await ticket_facts.of(work, here, ticket_id) | more
    return visit.page("fragments/ticket.html", here, view={"key": here.view}, **facts)


def number(given: str | None) -> int:
    """A whole number of an address; 0 when it is none."""
    return int(given) if given and given.isdecimal() and len(given) < 10 else 0


ROUTES = (
    routes.get("/", start),
    routes.get("/inbox", start),
    routes.get("/inbox/{view}", page),
    routes.get("/inbox/{view}/list", rows),
    routes.get("/inbox/{view}/older", older),
    routes.get("/inbox/{view}/shelves", shelves),
    routes.get("/inbox/{view}/{ticket:int}", page),
    routes.get("/inbox/{view}/{ticket:int}/ticket", ticket),
    routes.get("/tickets/{ticket:int}", by_number),
)
