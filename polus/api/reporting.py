"""Reporting: `/api/reporting/stats`. What can be asked stands in `desk.statistics.scopes`."""

import base64
import binascii
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api.operation import Call, operation
from polus.base import errors, wire
from polus.desk.statistics import queries, reports, scopes
from polus.store.work import Work

TAG = "Reporting Statistics"
# Names that answers may carry on the wire although nothing can be asked of them.
ONLY_ANSWERED = (
    "messages-sent-per-macro", "automation-rate", "automated-interactions", "voice-queue-exposure",
    "user-availability-tracking", "convert-campaign-events", "convert-order-conversion",
    "convert-campaign-order-events", "help-center", "ai-sales-agent-orders", "ai-sales-agent-conversations",
    "ai-agent-tickets-closed", "revenue",
)  # fmt: skip


class OfTicket(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A condition on the tags or on one custom field that a ticket has now."""

    operator: str
    values: list[str | int | float | bool]
    custom_field_id: int | UnsetType = UNSET


class FilterItem(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A condition: a member, an operator and values; for `tags` and `customFields` the operators are in the values."""

    member: str
    values: list[str | int | float | bool | OfTicket]
    operator: str | None = None


class TimeDimension(msgspec.Struct, forbid_unknown_fields=True):
    """Buckets of time."""

    dimension: str
    granularity: str


class ReportingQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is asked. Which names a scope knows, its refusals tell."""

    scope: str
    filters: list[FilterItem]
    timezone: str
    measures: list[str] | None = None
    dimensions: list[str] | None = None
    time_dimensions: list[TimeDimension] | None = None
    order: list[list[str]] | None = None


class ReportingStats(msgspec.Struct, forbid_unknown_fields=True):
    """A query of reporting."""

    query: ReportingQuery


class ReportingMeta(msgspec.Struct, kw_only=True):
    """Where this page stands among all rows."""

    scope: Literal[(*scopes.table(), *ONLY_ANSWERED)]  # type: ignore[valid-type]
    prev_cursor: str | None
    next_cursor: str | None
    total: int | None
    offset: int | None
    limit: int


class ReportingResult(msgspec.Struct):
    """A page of rows: each with the dimensions, the bucket and the measures that were asked for."""

    object: Literal["list"]
    uri: str
    data: list[dict[str, Any]]
    meta: ReportingMeta


class ReportingPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which rows."""

    cursor: str = ""
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 30


@operation(
    "POST",
    "/api/reporting/stats",
    id="get-statistic",
    scope="statistics:read",
    query=ReportingPage,
    body=ReportingStats,
    answer=ReportingResult,
    status=201,
    writes=False,
    failure=queries.MSG,
    tag=TAG,
)
async def ask(work: Work, call: Call[ReportingPage, ReportingStats]) -> bytes:
    """Get a statistic.

    Measures of one scope over a period of at most 366 days, grouped by dimensions and by time.
    """
    query = queries.read(wire.plain(call.body.query))
    begin, limit = _offset(call.query.cursor), call.query.limit
    rows = await reports.rows(work, query)
    meta = {
        "scope": query.scope.name,
        "prev_cursor": _cursor(max(0, begin - limit)) if begin else None,
        "next_cursor": _cursor(begin + limit) if begin + limit < len(rows) else None,
        "total": len(rows),
        "offset": begin,
        "limit": limit,
    }
    page = rows[begin : begin + limit]
    return wire.encode({"object": "list", "uri": "/api/reporting/stats", "data": page, "meta": meta}).encode()


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(["next", offset])).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        way, offset = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=tuple[str, int])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        way, offset = "", -1
    if way != "next" or offset < 0:
        raise errors.Invalid({"cursor": ["Invalid cursor."]}, "Invalid cursor")
    return offset
