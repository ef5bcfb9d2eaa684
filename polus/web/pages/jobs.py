"""Settings: jobs with their progress, and what came out of them; import and export of macros and tickets."""

from typing import Any

import msgspec
from starlette.responses import RedirectResponse, Response

from polus.base import errors
from polus.desk import files
from polus.desk.jobs import jobs
from polus.desk.views import rails
from polus.store.work import Work
from polus.web import refusals, routes
from polus.web.pages import forms, shell, writing
from polus.web.pages.forms import Form
from polus.web.visits import Visit

PATH = "/settings/jobs"
TRADE = "/settings/import-export"
ROLE = "basic-agent"
TRADER = "agent"
LIVING = ("scheduled", "pending", "running", "errored", "cancel_requested")


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        found = await jobs.browse(work, visit.request.query_params.get("cursor", ""))
    for job in found.data:
        tell(visit, job)
    facts: dict[str, Any] = {"found": found, "moving": any(job["moving"] for job in found.data)}
    return await shell.settings(visit, PATH, "settings/jobs.html", **facts)


def tell(visit: Visit, job: dict[str, Any]) -> None:
    """Put what the job does and how far it is in words."""
    _, info = visit.gettext, job["info"] or {}
    job["name"] = {
        "applyMacro": _("Apply a macro"),
        "updateTicket": _("Change tickets"),
        "deleteTicket": _("Delete tickets"),
        "exportTicket": _("Export tickets"),
        "exportMacro": _("Export macros"),
        "importMacro": _("Import macros"),
        "exportTicketDrilldown": _("Export from statistics"),
        "exportConvertCampaignSalesDrilldown": _("Export of campaign sales"),
    }.get(job["type"], job["type"])
    job["moving"] = job["status"] in LIVING
    job["state"] = {
        "scheduled": _("Planned"),
        "pending": _("Waiting"),
        "running": _("Running"),
        "errored": _("Trying again"),
        "cancel_requested": _("Stopping"),
        "canceled": _("Cancelled"),
        "done": _("Done"),
        "fatal_errored": _("Failed"),
    }.get(job["status"], job["status"])
    job["done"], job["total"] = info.get("progress_count") or 0, info.get("total_count") or 0
    job["failures"], job["file"] = info.get("error_count") or 0, info.get("url")
    job["problems"] = [_told(problem, visit) for problem in info.get("errors") or []]


def _told(problem: Any, visit: Visit) -> dict[str, Any]:
    """What went wrong, and of what it is."""
    given = problem if isinstance(problem, dict) else {"msg": problem}
    why = str(given.get("error") or given.get("msg") or given)
    return {"of": given.get("id") or given.get("row") or "", "why": refusals.said(why, visit.gettext)}


async def one(visit: Visit) -> Response:
    """One job with all that went wrong."""
    _ = visit.gettext
    async with visit.reading() as work:
        job = msgspec.json.decode(await jobs.get(work, visit.request.path_params["job"]))
    tell(visit, job)
    head = {"title": job["name"], "about": "", "back": (PATH, _("Jobs"))}
    return await shell.settings(visit, PATH, "settings/job.html", job=job, **head)


async def cancel(visit: Visit) -> Response:
    job_id: int = visit.request.path_params["job"]
    async with visit.writing() as work:
        await jobs.require(work, job_id)
        await jobs.cancel(work, job_id)
    return forms.done(visit, PATH, visit.gettext("The job stops. What it has done stays done."))


async def download(visit: Visit) -> Response:
    """The file that the job made."""
    async with visit.reading() as work:
        job = msgspec.json.decode(await jobs.get(work, visit.request.path_params["job"]))
        url = (job["info"] or {}).get("url") or ""
        found = await files.find(work, [url])
        if url not in found:
            raise errors.NotFound
        return RedirectResponse(files.link(work, found[url]), 303)


# Import and export


async def trade(visit: Visit) -> Response:
    return await trading(visit, Form.of(visit))


async def trading(visit: Visit, form: Form) -> Response:
    async with visit.reading() as work:
        lists = [view for section in await rails.sections(work) for view in section.views]
    return await shell.settings(visit, TRADE, "settings/trade.html", form=form, lists=lists)


async def export(visit: Visit) -> Response:
    """Ask for a file of macros or of a view's tickets."""
    form = Form.sent(visit)
    kind = form.choice("kind", ("exportMacro", "exportTicket"))
    view_id = form.number("view_id", required=kind == "exportTicket")

    async def change(work: Work) -> None:
        await jobs.create(work, kind, {"view_id": view_id} if kind == "exportTicket" else {}, None, None)

    if not await form.write(change):
        return await trading(visit, form)
    return forms.done(visit, PATH, visit.gettext("The file is being made. You find it here when it is done."))


async def bring(visit: Visit) -> Response:
    """Take a file of macros in."""
    form, given = Form.sent(visit), visit.uploads("file")
    if not given:
        form.refuse("file", visit.gettext("Choose a file first."))
        return await trading(visit, form)
    store = visit.house.database.files
    try:
        kept = await files.keep(
            store, visit.account, given[0].filename or "macros.csv", "text/csv", writing.chunks(given[0])
        )
    except errors.TooLarge:
        form.refuse("file", visit.gettext("A file may have 20 MB at most."))
        return await trading(visit, form)

    async def change(work: Work) -> None:
        [stored] = await files.add(work, "attachment", [kept])
        await jobs.create(work, "importMacro", {"url": msgspec.json.decode(stored)["url"]}, None, None)

    if not await form.write(change):
        await store.delete(kept.key)
        return await trading(visit, form)
    return forms.done(visit, PATH, visit.gettext("The file is being read. Here you see how far it is."))


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.get(PATH + "/{job:int}", one, ROLE),
    routes.post(PATH + "/{job:int}/cancel", cancel, ROLE),
    routes.get(PATH + "/{job:int}/file", download, ROLE),
    routes.get(TRADE, trade, TRADER),
    routes.post(TRADE + "/export", export, TRADER),
    routes.post(TRADE + "/import", bring, TRADER),
)
