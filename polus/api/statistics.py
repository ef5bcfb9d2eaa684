"""The older statistics: `/api/stats/{name}` and their sheets."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api.fields import NO_COUNT
from polus.api.operation import Call, NoQuery, Reply, operation
from polus.base import wire
from polus.desk.statistics import legacy, sheets
from polus.store.work import Work

TAG = "Statistics"
# Kept as it was written: the offset is what days are cut by.
Written = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
Ids = Annotated[
    list[
        Annotated[
            int, Meta(ge=-(2**63), le=2**63 - 1, extra_json_schema={"x-untold": ["minimum", "maximum"]})
        ]
    ],
    Meta(max_length=1000, extra_json_schema=NO_COUNT),
]
Words = Annotated[list[str], Meta(max_length=1000, extra_json_schema=NO_COUNT)]


class StatisticPeriod(msgspec.Struct, forbid_unknown_fields=True):
    """From one moment to another, which is not part of it; at most 366 days."""

    start_datetime: Written
    end_datetime: Written


class StatisticFilters(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is counted: all that fits every filter, and of each filter at least one value."""

    period: StatisticPeriod | UnsetType = UNSET
    agents: Ids | UnsetType = UNSET
    channels: Words | UnsetType = UNSET
    campaigns: Words | UnsetType = UNSET
    tags: Ids | UnsetType = UNSET
    integrations: Ids | UnsetType = UNSET
    score: Ids | UnsetType = UNSET


class StatisticInput(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked."""

    filters: StatisticFilters


class StatisticMeta(msgspec.Struct):
    """The period and the one just before, of equal length."""

    start_datetime: Written
    end_datetime: Written
    previous_start_datetime: Written | None
    previous_end_datetime: Written | None


class Statistic(msgspec.Struct):
    """A statistic: a figure, figures, lines or a table."""

    data: Any
    meta: StatisticMeta


@operation(
    "POST",
    "/api/stats/{name}",
    id="get-legacy-statistic",
    scope="statistics:read",
    body=StatisticInput,
    answer=Statistic,
    status=201,
    writes=False,
    failure="Failed to get statistic",
    tag=TAG,
)
async def get(work: Work, call: Call[NoQuery, StatisticInput]) -> bytes:
    """Get a ready-made statistic.

    Without a period: of the last seven days. Figures are compared with the period before.
    """
    data, asked = await legacy.get(work, call.ids[0], wire.plain(call.body.filters))
    return wire.encode({"data": data, "meta": asked.meta()}).encode()


@operation(
    "POST",
    "/api/stats/{name}/download",
    id="download-legacy-statistic",
    scope="statistics:read",
    body=StatisticInput,
    answer=str,
    answer_content="text/csv",
    status=201,
    writes=False,
    failure="Failed to get statistic",
    tag=TAG,
)
async def download(work: Work, call: Call[NoQuery, StatisticInput]) -> Reply:
    """Download a ready-made statistic as CSV."""
    name: str = call.ids[0]
    data, asked = await legacy.get(work, name, wire.plain(call.body.filters))
    disposition = f'attachment; filename="{sheets.filename(name, asked)}"'.encode()
    body = sheets.sheet(name, data, asked).encode()
    return Reply(
        body, content_type="text/csv; charset=utf-8", headers=((b"content-disposition", disposition),)
    )
