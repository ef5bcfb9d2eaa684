"""Metric cards: `/api/metric-cards`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_LENGTH, Email
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk.statistics import cards
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Metric Cards"
Slug = Literal[tuple(cards.table())]  # type: ignore[valid-type]
Status = Literal["published", "deprecated"]


class Public(msgspec.Struct):
    """What the figure means, for people."""

    definition: str
    formula: str
    computation_logic: list[str]


class ApiFilter(msgspec.Struct):
    """A filter, read as one-of."""

    member: str
    values: list[str]


class ApiMapping(msgspec.Struct, kw_only=True):
    """How reporting is asked for it."""

    scope: str
    measures: list[str] | UnsetType = UNSET
    dimensions: list[str] | UnsetType = UNSET
    filters: list[ApiFilter] | UnsetType = UNSET


class Reference(msgspec.Struct):
    """Another card."""

    slug: str
    url: str


class MetricCard(msgspec.Struct, kw_only=True):
    """A card as answered; without `api` where the interface alone computes the figure."""

    slug: Slug  # type: ignore[valid-type]
    category: str
    title: str
    status: Status
    definition_revised_at: str
    public: Public
    api: ApiMapping | UnsetType = UNSET
    aliases: list[str]
    related: list[Reference]
    replaces: list[Reference]
    used_in_reports: list[str]


class MetricCardData(msgspec.Struct):
    """Cards, all at once."""

    data: list[MetricCard]


class MetricCardQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which cards."""

    category: Annotated[str | UnsetType, Meta(description="Only cards of this category.")] = UNSET
    status: Annotated[Status | UnsetType, Meta(description="Only cards of this status.")] = UNSET
    q: Annotated[str, Meta(description="Words that the card must contain.")] = ""
    include: Annotated[Literal["deprecated"] | UnsetType, Meta(description="Deprecated cards too.")] = UNSET


class Feedback(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What somebody thinks of a card."""

    rating: Literal["up", "down"] | None = None
    comment: Annotated[str, Meta(max_length=5000, extra_json_schema=NO_LENGTH)] | None = None
    email: Email | None = None


class FeedbackKept(msgspec.Struct, kw_only=True):
    """The same as it is kept."""

    id: int
    slug: str
    rating: Literal["up", "down"] | None
    comment: str | None
    email: str | None
    user_id: int | None
    created_datetime: str


class FeedbackQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which of it."""

    slug: Annotated[str | UnsetType, Meta(description="Only of this card.")] = UNSET


class FeedbackList(msgspec.Struct, kw_only=True):
    """A page of it."""

    object: Literal["list"]
    uri: str
    data: list[FeedbackKept]
    meta: lists.MetaCursors


@operation(
    "GET",
    "/api/metric-cards",
    id="search-metric-cards",
    scope="statistics:read",
    query=MetricCardQuery,
    answer=MetricCardData,
    tag=TAG,
)
async def search(work: Work, call: Call[MetricCardQuery, None]) -> bytes:
    """Search metric cards.

    All that fit, in the order of slugs; deprecated ones only when they are asked for.
    """
    query = call.query
    category = None if query.category is UNSET else query.category
    status = None if query.status is UNSET else query.status
    found = cards.search(category, status, query.q, deprecated=query.include is not UNSET)
    return wire.encode({"data": found}).encode()


@operation(
    "GET",
    "/api/metric-cards/{slug}",
    id="get-metric-card",
    scope="statistics:read",
    answer=MetricCard,
    tag=TAG,
)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a metric card."""
    return wire.encode(cards.get(_slug(call))).encode()


@operation(
    "POST",
    "/api/metric-cards/{slug}/feedback",
    id="create-metric-card-feedback",
    scope="statistics:read",
    body=Feedback,
    answer=FeedbackKept,
    status=201,
    tag=TAG,
)
async def comment(work: Work, call: Call[NoQuery, Feedback]) -> bytes:
    """Comment on a metric card.

    It stays in this installation.
    """
    return (await cards.comment(work, _slug(call), wire.given(call.body))).encode()


ORDERS = lists.orders(created_datetime=("created_datetime", "datetime"))


@operation(
    "GET",
    "/api/_polus/metric-card-feedback",
    id="list-metric-card-feedback",
    scope="statistics:read",
    role="admin",
    query=FeedbackQuery,
    answer=FeedbackList,
    tag=TAG,
)
async def comments(work: Work, call: Call[FeedbackQuery, None]) -> bytes:
    """List what was said of metric cards, newest first."""
    statement = Statement(work.account.id)
    statement.where("account_id = $1")
    if call.query.slug is not UNSET:
        statement.where("slug = $?", call.query.slug)
    order = ORDERS["created_datetime:desc"]
    return await lists.page(work, call, cards.LIST_FEEDBACK, statement, order)


def _slug(call: Call[Any, Any]) -> str:
    slug: str = call.ids[0]
    return slug
