"""The bulk bar: what is done to many tickets at once, and how far the job is that does it."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from polus.base import clock, errors, wire
from polus.desk import selections
from polus.desk.jobs import jobs
from polus.desk.selections import Outcome
from polus.store.work import Work
from polus.web import choices, render, routes
from polus.web.pages import actions
from polus.web.render import Here
from polus.web.visits import Visit, refused

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
    except errors.Refusal as refusal:
        told = {"error": actions.sentence(visit, refusal)}
        return refused(Response(wire.encode(told), media_type="application/json"))
    return Response(wire.encode(said(here, outcome)), media_type="application/json")


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
    failed = [f"#{ticket}: {why}" for ticket, why in outcome.failed.items()]
    return {"job": outcome.job_id, "text": text % {"n": outcome.done}, "failed": failed}


async def job(visit: Visit) -> dict[str, Any]:
    async with visit.reading() as work:
        found: dict[str, Any] = msgspec.json.decode(await jobs.get(work, visit.request.path_params["job"]))
    return found


async def progress(visit: Visit) -> Response:
    """How far a job is: count, rate, what could not be done; asks for itself again until it is over."""
    return shown(visit, await job(visit))


def shown(visit: Visit, found: dict[str, Any]) -> Response:
    info = found["info"] or {}
    done, total = info.get("progress_count", 0), info.get("total_count")
    rate = 0.0
    if found["started_datetime"]:
        end = render.moment(found["ended_datetime"]) if found["ended_datetime"] else clock.now()
        rate = done / max((end - render.moment(found["started_datetime"])).total_seconds(), 0.5)
    facts = {
        "job": found,
        "done": done,
        "total": total,
        "rate": round(rate),
        "failed": info.get("error_count", 0),
        "over": found["status"] in OVER,
    }
    return visit.page("fragments/job.html", visit.here(), **facts)


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
    routes.get("/jobs/{job:int}/progress", progress),
    routes.post("/jobs/{job:int}/cancel", cancel, WRITER),
    routes.get("/jobs/{job:int}/result.csv", result),
)
