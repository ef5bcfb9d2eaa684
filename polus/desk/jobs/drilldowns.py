"""Exports of the tickets behind any figure of reporting: `context` names a scope, a measure (`metric`), filters and a
time zone as reporting takes them. What names no scope is an export of tickets by four older figures (`ticket_exports`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from polus.base import clock, errors
from polus.desk.jobs import kinds, selecting, tables, ticket_exports
from polus.desk.jobs.kinds import Failures, Job, Kind
from polus.desk.statistics import queries, sources
from polus.desk.statistics.reports import Query
from polus.store.work import Work

ROWS = ticket_exports.DRILLDOWN_ROWS.replace("{metric}", "null")


def problems(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a drill-down cannot be made of, under `context`; empty when nothing is wrong."""
    context = params["context"]
    if context.get("scope") is None:
        return ticket_exports.context_problems(context)
    try:
        _query(params)
    except errors.Invalid as invalid:
        return {"context": (invalid.data or {}).get("query") or [invalid.msg]}
    except (TypeError, KeyError, AttributeError):
        return {"context": {"filters": [errors.WRONG_TYPE]}}
    return {}


def _query(params: Mapping[str, Any]) -> Query:
    """The query of a figure; 400. The interval of the job narrows its period."""
    context = params["context"]
    filters = list(context.get("filters") or ())
    for name, member, operator in (
        ("start_datetime", "periodStart", "afterDate"),
        ("end_datetime", "periodEnd", "beforeDate"),
    ):
        if params.get(name) is not None:
            given = params[name]
            moment = given if isinstance(given, str) else clock.text(given)
            filters.append({"member": member, "operator": operator, "values": [moment]})
    metric = context.get("metric")
    return queries.read(
        {
            "scope": context["scope"],
            "timezone": context.get("timezone") or "UTC",
            "filters": filters,
            "measures": [metric] if metric else None,
        }
    )


async def begin(work: Work, job: Job) -> tuple[list[int], Any]:
    """The tickets behind the figure, and each one's part in it."""
    if job.params["context"].get("scope") is None:
        return await ticket_exports.begin_drilldown(work, job)
    found = await sources.behind(work, _query(job.params), selecting.MOST)
    if found.all > selecting.MOST:
        raise errors.Invalid({}, selecting.TOO_MANY)
    await kinds.head(work, job, ticket_exports.DRILLDOWN_COLUMNS)
    return [ticket for ticket, _ in found.tickets], {str(ticket): value for ticket, value in found.tickets}


async def step(work: Work, job: Job, ids: Sequence[int]) -> Failures:
    """Some rows of the table; tickets that are gone by now are left out."""
    if job.params["context"].get("scope") is None:
        return await ticket_exports.step_drilldown(work, job, ids)
    rows = await work.db.fetch(ROWS, work.account.id, list(ids))
    written = [(*tuple(row)[:-1], job.plan.get(str(row["id"]))) for row in rows]
    await kinds.keep(work, job, {job.position: tables.lines(written)})
    return {}


DRILLDOWN = Kind(begin, step, kinds.result)
