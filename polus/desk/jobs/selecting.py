"""Which tickets a job is about: ids, a stored view or a view given in the job, perhaps within an interval."""

import datetime
from collections.abc import Mapping
from typing import Any

from polus.base import clock, errors
from polus.desk import filters
from polus.desk.views import searching, views
from polus.store.work import Work

MOST = 50_000
TOO_MANY = "A job can work on at most 50000 tickets."
SWITCHED_OFF = "The view is deactivated."
OF_CUSTOMERS = "The view is of customers."
AST_ALONE = "Needs filters; a tree alone is not read."
BACKWARDS = "Must be later than start_datetime."

SELECT = "select t.id from tickets t where t.account_id = $1 and t.merged_into_id is null and "
BETWEEN = (
    " and ($2::timestamptz is null or t.created_datetime >= $2)"
    " and ($3::timestamptz is null or t.created_datetime < $3) order by t.id limit $4"
)


async def problems(work: Work, params: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong with the view and the interval of `params`; empty when nothing is."""
    start, end = moment(params.get("start_datetime")), moment(params.get("end_datetime"))
    if start and end and end <= start:
        return {"end_datetime": [BACKWARDS]}
    try:
        text, _ = await _view(work, params)
        if params.get("view_id") is None:
            await filters.check(work, text or "")
    except errors.Invalid as invalid:
        wrong = dict(invalid.data or {})
        return {"view": wrong} if "filters" in wrong else wrong
    return {}


def moment(given: Any) -> datetime.datetime | None:
    """A datetime of `params`."""
    return clock.parse(given) if isinstance(given, str) else given


async def tickets(work: Work, params: Mapping[str, Any]) -> list[int]:
    """The ids of the tickets of `params`, each once; 400 when there are too many or the view is gone."""
    if params.get("ticket_ids") is not None:
        return list(dict.fromkeys(params["ticket_ids"]))
    interval = (moment(params.get(name)) for name in ("start_datetime", "end_datetime"))
    parameters: list[Any] = [work.account.id, *interval, MOST + 1]
    text, search = await _view(work, params)
    condition = "true"
    if text is not None:
        meaning, caller = await filters.meaning(work, text), await filters.caller(work, text)
        condition, values = filters.where(meaning, caller, work.now, len(parameters))
        parameters += values
    if search:
        condition += " and " + searching.condition(search, parameters)
    rows = await work.db.fetch(SELECT + condition + BETWEEN, *parameters)
    if len(rows) > MOST:
        raise errors.Invalid({}, TOO_MANY)
    return [row["id"] for row in rows]


async def _view(work: Work, params: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Filters and search of the view that is meant; (None, None) without one. 400 on `view_id` or `view`."""
    if params.get("view_id") is not None:
        return await _stored(work, params["view_id"])
    view = params.get("view")
    if view is None:
        return None, None
    if view.get("filters") is None and view.get("filters_ast") is not None:
        raise errors.Invalid({"view": {"filters_ast": [AST_ALONE]}})
    return view.get("filters") or "", view.get("search")


async def _stored(work: Work, view_id: int) -> tuple[str, str | None]:
    """A view that the actor sees; 400 on `view_id`."""
    try:
        view = await views.read(work, view_id)
    except errors.NotFound:
        raise errors.one("view_id", errors.MISSING_OBJECT) from None
    if view["deactivated_datetime"] is not None:
        raise errors.one("view_id", SWITCHED_OFF)
    if view["type"] != "ticket-list":
        raise errors.one("view_id", OF_CUSTOMERS)
    return view["filters"], view["search"]
