"""Jobs: `/api/jobs`."""

import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.bodies import Form
from polus.api.fields import NO_COUNT, NO_LENGTH, Free, Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.api.ticket_types import TagName, TicketUpdate
from polus.base import clock, errors, wire
from polus.desk.jobs import jobs, selecting
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Jobs"
READ_ONLY = (
    "id", "uri", "type", "info", "user_id", "created_datetime", "started_datetime", "ended_datetime",
    "failed_datetime", "locked_datetime", "cancel_requested_datetime", "cancelled_datetime",
)  # fmt: skip
Type = Literal[
    "applyMacro", "deleteTicket", "exportTicket", "importMacro", "exportMacro", "updateTicket",
    "exportTicketDrilldown", "exportConvertCampaignSalesDrilldown",
]  # fmt: skip
Status = Literal[
    "cancel_requested", "canceled", "done", "errored", "fatal_errored", "pending", "running", "scheduled"
]
TicketIds = Annotated[list[Id], Meta(max_length=selecting.MOST, extra_json_schema=NO_COUNT)]
Address = Annotated[str, Meta(max_length=8192, extra_json_schema=NO_LENGTH)]


class JobView(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A view that is not stored. The tree is read only to say that it needs its text."""

    filters: str | None | UnsetType = UNSET
    filters_ast: dict[str, Any] | None | UnsetType = UNSET
    search: str | None | UnsetType = UNSET


class TicketChanges(TicketUpdate, forbid_unknown_fields=True, kw_only=True):
    """What an updateTicket job changes: as the body of PUT ticket, and tags more and fewer."""

    add_tags: Annotated[list[TagName], Meta(max_length=100)] | UnsetType = UNSET
    remove_tags: Annotated[list[TagName], Meta(max_length=100)] | UnsetType = UNSET


class JobParams(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What the job works on, and what it does. Which keys count depends on its type."""

    ticket_ids: Annotated[
        TicketIds | UnsetType, Meta(description="The tickets; they win over view_id and view.")
    ] = UNSET
    view_id: Annotated[
        Id | UnsetType, Meta(description="The tickets that the view shows when the job starts.")
    ] = UNSET
    view: Annotated[
        Free | UnsetType, Meta(description="`{filters}`: the tickets that pass when it starts.")
    ] = UNSET
    start_datetime: When | None | UnsetType = UNSET
    end_datetime: When | None | UnsetType = UNSET
    macro_id: Annotated[Id | UnsetType, Meta(description="applyMacro: which.")] = UNSET
    apply_and_close: Annotated[bool | UnsetType, Meta(description="applyMacro: close each ticket then.")] = (
        UNSET
    )
    updates: Annotated[
        Free | UnsetType,
        Meta(description="updateTicket: as the body of PUT ticket, with add_tags and remove_tags."),
    ] = UNSET
    url: Annotated[Address | UnsetType, Meta(description="importMacro: the address of an uploaded CSV.")] = (
        UNSET
    )
    context: Annotated[Free | UnsetType, Meta(description="Drill-down exports: what they are about.")] = UNSET


class JobCreate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new job."""

    type: Type
    params: JobParams
    meta: Free | None = None
    scheduled_datetime: When | None = None


class JobUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of a job. Params and schedule only before it starts."""

    params: JobParams | UnsetType = UNSET
    meta: Free | None | UnsetType = UNSET
    scheduled_datetime: When | None | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class Job(msgspec.Struct, kw_only=True):
    """A job as answered."""

    id: int
    uri: str
    type: Type
    status: Status
    params: JobParams
    info: dict[str, Any] | None
    meta: dict[str, Any] | None
    user_id: int | None
    created_datetime: When
    scheduled_datetime: When | None
    started_datetime: When | None
    ended_datetime: When | None
    failed_datetime: When | None
    locked_datetime: When | None
    cancel_requested_datetime: When | None
    cancelled_datetime: When | None


class JobList(msgspec.Struct):
    """A page of jobs."""

    object: Literal["list"]
    uri: str
    data: list[Job]
    meta: lists.MetaCursors


class JobQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which jobs, in which order."""

    order_by: Literal["created_datetime:asc", "created_datetime:desc"] = "created_datetime:desc"
    status: Annotated[Status | UnsetType, Meta(description="Only jobs of this status.")] = UNSET
    type: Annotated[Type | UnsetType, Meta(description="Only jobs of this type.")] = UNSET


ORDERS = lists.orders(created_datetime=("j.created_datetime", "datetime"))
VIEW: Form[JobView] = Form(JobView)
# A body that was read may be sent back here too.
CHANGES: Form[TicketChanges] = Form(TicketChanges, ("id", "uri"))


def _params(given: JobParams) -> dict[str, Any]:
    """The params as they are kept: what has a shape of its own is checked by it; 400 on `params`."""
    params: dict[str, Any] = _texts(wire.given(given))
    problems = {}
    for key, form in (("view", VIEW), ("updates", CHANGES)):
        if key in params:
            try:
                params[key] = _texts(wire.given(form.value(params[key])))
            except errors.Invalid as invalid:
                problems[key] = invalid.data
    customer = isinstance(params.get("updates"), dict) and "customer" in params["updates"]
    if customer and not problems:
        problems["updates"] = {"customer": [errors.UNKNOWN]}
    if problems:
        raise errors.Invalid({"params": problems})
    return params


def _texts(value: Any) -> Any:
    """JSON as it is told: moments in the wire's form."""
    if isinstance(value, dict):
        return {key: _texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return clock.text(value) if isinstance(value, datetime.datetime) else value


@operation("GET", "/api/jobs", id="list-jobs", scope="jobs:read", query=JobQuery, answer=JobList, tag=TAG)
async def list_(work: Work, call: Call[JobQuery, None]) -> bytes:
    """List jobs."""
    statement = Statement(work.account.id)
    statement.where("j.account_id = $1")
    if call.query.status is not UNSET:
        statement.where("j.status = $?", call.query.status)
    if call.query.type is not UNSET:
        statement.where("j.type = $?", call.query.type)
    return await lists.page(work, call, jobs.LIST, statement, ORDERS[call.query.order_by], id_column="j.id")


@operation(
    "POST", "/api/jobs", id="create-job", scope="jobs:write", role="basic-agent", body=JobCreate, answer=Job,
    status=201, tag=TAG,
)  # fmt: skip
async def create(work: Work, call: Call[NoQuery, JobCreate]) -> bytes:
    """Create a job.

    It starts at once, or at `scheduled_datetime`, at most 60 minutes ahead. Changes of tickets take a basic agent,
    deleting, exports and imports a lead.
    """
    body = call.body
    meta = None if body.meta is None else dict(body.meta)
    answer = await jobs.create(work, body.type, _params(body.params), meta, body.scheduled_datetime)
    return answer.encode()


# wire: 202 also for reading one job; clients made of the old document know no other
@operation("GET", "/api/jobs/{id}", id="get-job", scope="jobs:read", answer=Job, status=202, tag=TAG)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a job.

    `info` says how far it is.
    """
    return (await jobs.get(work, call.id)).encode()


@operation(
    "PUT", "/api/jobs/{id}", id="update-job", scope="jobs:write", role="basic-agent", body=JobUpdate,
    ignored=READ_ONLY, answer=Job, status=202, subject=jobs.require, statuses=(409,), tag=TAG,
)  # fmt: skip
async def update(work: Work, call: Call[NoQuery, JobUpdate]) -> bytes:
    """Update a job.

    Before it starts `params` and `scheduled_datetime`, at any time `meta`; `status` `pending` starts it now,
    `cancel_requested` or `canceled` cancels it.
    """
    given = wire.given(call.body)
    if call.body.params is not UNSET:
        given["params"] = _params(call.body.params)
    return (await jobs.update(work, call.id, given)).encode()


@operation(
    "DELETE", "/api/jobs/{id}", id="cancel-job", scope="jobs:write", role="basic-agent", status=204, tag=TAG
)
async def cancel(work: Work, call: Call[NoQuery, None]) -> None:
    """Cancel a job.

    It stays readable; what it has done is not undone.
    """
    await jobs.cancel(work, call.id)
