"""The bulk bar: what is done to many tickets at once, and how far the job is that does it."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import clock, errors, wire
from polus.desk import selections, ticket_forms
from polus.desk.jobs import jobs
from polus.desk.selections import Outcome
from polus.store.work import Work
from polus.web import choices, refusals, render, routes
from polus.web.pages import actions
from polus.web.render import Here
from polus.web.visits import Visit, refused

MOST_NAMED = 20
OVER = ("done", "canceled", "fatal_errored")
WRITER = "lite-agent"


def updates(visit: Visit, here: Here) -> dict[str, Any] | None:
    """The change that the form asks for, as a job's `updates`; None for one of another kind. 400."""
    action, value = visit.field("action"), visit.field("value")
    if action == "status" and value in ("open", "closed"):
        return {"status": value}
    if action in ("assignee_user", "assignee_team"):
        number = actions.integer(value)
        return {action: None if number is None else {"id": number}}
    if action == "tag" and value.strip():
        return {"add_tags": [value.strip()]}
    if action == "untag" and value.strip():
        return {"remove_tags": [value.strip()]}
    if action == "snooze":
        until = choices.read(value, here)
        if until is None:
            raise errors.one("value", errors.NOT_DATETIME)
        return {"snooze_datetime": clock.text(until)}
    if action == "spam":
        return {"spam": value == "true"}
    if action == "trash":
        return {"trashed_datetime": clock.text(clock.now()) if value == "true" else None}
    if action == "priority":
        return {"priority": value}
    return None


async def change(visit: Visit) -> Response:
    """Do it, to the tickets of `ids` or, with `all`, to those of the whole view."""
    here = visit.here(view=actions.view(visit))
    try:
        given = updates(visit, here)
        async with visit.writing() as work:
            outcome = await carried_out(work, visit, here, given)
            left = await lacking(work, visit, outcome) if outcome.lacking else None
    except errors.Refusal as refusal:
        told = {"error": actions.sentence(visit, refusal)}
        return refused(Response(wire.encode(told), media_type="application/json"))
    panel = "" if left is None else render.text("fragments/lacking.html", here, **left)
    told = said(here, outcome) | {"panel": panel}
    return Response(wire.encode(told), media_type="application/json")


async def lacking(
    work: Work, visit: Visit, outcome: Outcome, wrong: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Which tickets stay open, with the fields that must be filled."""
    needed = {field_id for ticket in outcome.lacking for field_id in ticket.fields}
    fields = (await ticket_forms.fields(work, {"Ticket": {}}))["Ticket"]
    return {
        "lacking": outcome.lacking[:MOST_NAMED],
        "more": max(0, len(outcome.lacking) - MOST_NAMED),
        "ids": ",".join(str(ticket.id) for ticket in outcome.lacking),
        "fields": [field for field in fields if field.id in needed],
        "wrong": wrong or {},
        "typed": visit.field,
    }


async def fill(visit: Visit) -> Response:
    """Fill the fields of the panel in its tickets and close them; the panel again with those that lack something still."""
    here = visit.here(view=actions.view(visit))
    ids = [number for one in visit.field("ids").split(",") if (number := actions.integer(one))]
    wrong: dict[str, str] = {}
    async with visit.writing() as work:
        known = (await ticket_forms.fields(work, {"Ticket": {}}))["Ticket"]
        written = {field.id: visit.field(f"field-{field.id}") for field in known}
        try:
            outcome = await selections.fill_and_close(work, ids, written)
        except errors.Invalid as refusal:
            wrong = {
                key: actions.sentence(visit, errors.Invalid({key: value}))
                for key, value in (refusal.data or {}).items()
            }
            outcome = Outcome(lacking=await ticket_forms.lacking(work, ids))
        shown: dict[str, Any] = {"told": said(here, outcome)["text"], "at_work": None}
        if outcome.job_id is not None:
            shown["at_work"] = progressed(msgspec.json.decode(await jobs.get(work, outcome.job_id)))
        shown |= await lacking(work, visit, outcome, wrong)
    return visit.page("fragments/filled.html", here, **shown)


async def carried_out(work: Work, visit: Visit, here: Here, given: Mapping[str, Any] | None) -> Outcome:
    action = visit.field("action")
    if visit.field("all"):
        ids = await selections.of_view(work, here.view)
    else:
        ids = [number for one in visit.field("ids").split(",") if (number := actions.integer(one))]
    if action == "merge":
        return await selections.merge(work, ids)
    if action == "macro":
        return await selections.apply(work, ids, actions.integer(visit.field("value")) or 0)
    if given is None:
        raise errors.one("action", errors.NOT_CHOICE)
    return await selections.change(work, ids, given)


def said(here: Here, outcome: Outcome) -> dict[str, Any]:
    catalogue = render.catalogue(here.language)
    text = catalogue.ngettext("%(n)s ticket changed.", "%(n)s tickets changed.", outcome.done)
    failed = [f"#{ticket}: {refusals.said(why, catalogue.gettext)}" for ticket, why in outcome.failed.items()]
    return {"job": outcome.job_id, "done": outcome.done, "text": text % {"n": outcome.done}, "failed": failed}


async def job(visit: Visit) -> dict[str, Any]:
    async with visit.reading() as work:
        found: dict[str, Any] = msgspec.json.decode(await jobs.get(work, visit.request.path_params["job"]))
    return found


async def progress(visit: Visit) -> Response:
    """How far a job is: count, rate, what could not be done; asks for itself again until it is over."""
    return shown(visit, await job(visit))


def shown(visit: Visit, found: dict[str, Any]) -> Response:
    return visit.page("fragments/job.html", visit.here(), **progressed(found))


def progressed(found: dict[str, Any]) -> dict[str, Any]:
    """The facts of `fragments/job.html`."""
    info = found["info"] or {}
    done, total = info.get("progress_count", 0), info.get("total_count")
    rate = 0.0
    if found["started_datetime"]:
        end = render.moment(found["ended_datetime"]) if found["ended_datetime"] else clock.now()
        rate = done / max((end - render.moment(found["started_datetime"])).total_seconds(), 0.5)
    return {
        "job": found,
        "done": done,
        "total": total,
        "rate": round(rate),
        "failed": info.get("error_count", 0),
        "over": found["status"] in OVER,
    }


async def cancel(visit: Visit) -> Response:
    """Stop the job; what is done stays done."""
    async with visit.writing() as work:
        await jobs.cancel(work, visit.request.path_params["job"])
    return shown(visit, await job(visit))


async def result(visit: Visit) -> Response:
    """What the job could not do, as a table to keep."""
    info = (await job(visit))["info"] or {}
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["ticket_id", "error"])
    for error in info.get("errors") or []:
        message = str(error.get("msg") or "")
        # A spreadsheet takes such a beginning for a formula.
        writer.writerow([error.get("id"), "'" + message if message[:1] in "=+-@" else message])
    number = visit.request.path_params["job"]
    headers = {"content-disposition": f'attachment; filename="job-{number}.csv"'}
    return Response(table.getvalue(), media_type="text/csv", headers=headers)


ROUTES = (
    routes.post("/bulk", change, WRITER),
    routes.post("/bulk/fill", fill, WRITER),
    routes.get("/jobs/{job:int}/progress", progress),
    routes.post("/jobs/{job:int}/cancel", cancel, WRITER),
    routes.get("/jobs/{job:int}/result.csv", result),
)
