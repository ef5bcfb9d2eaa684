"""Events: `/api/events`, the audit log."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_COUNT, Id, When, Whole
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk import events
from polus.store.paging import Order
from polus.store.work import Work

ObjectType = Literal[
    "Account",
    "AccountSetting",
    "Customer",
    "CustomField",
    "CustomFieldCondition",
    "CustomUserAvailabilityStatus",
    "CustomerExternalData",
    "Integration",
    "Macro",
    "Order",
    "Role",
    "Rule",
    "SatisfactionSurvey",
    "Shopper",
    "ShopperAddress",
    "Subscription",
    "Tag",
    "Team",
    "TicketMessage",
    "Ticket",
    "User",
    "UserSetting",
    "View",
    "Widget",
]
FilterObjectType = Literal[
    "Account",
    "AccountSetting",
    "Macro",
    "Tag",
    "Customer",
    "Team",
    "View",
    "Widget",
    "CustomField",
    "CustomFieldCondition",
    "User",
    "TicketMessage",
    "Ticket",
    "Rule",
    "Integration",
    "SatisfactionSurvey",
]
# Written out from the table, so that a kind is named in one place.
Type: Any = Literal[tuple(sorted(name for name, kind in events.KINDS.items() if kind.filterable))]
Types = Annotated[list[Type], Meta(max_length=200, extra_json_schema=NO_COUNT)]
UserIds = Annotated[list[Id], Meta(max_length=100, extra_json_schema=NO_COUNT)]


class Event(msgspec.Struct):
    """One thing that happened."""

    id: int
    context: str | None
    created_datetime: When
    data: dict[str, Any] | None
    object_id: int
    object_type: ObjectType
    type: str
    user_id: int | None
    uri: str


class EventList(msgspec.Struct):
    """A page of events."""

    object: Literal["list"]
    uri: str
    data: list[Event]
    meta: lists.MetaCursors


class Span(msgspec.Struct, forbid_unknown_fields=True):
    """Events of a stretch of time, as `created_datetime[gte]=…&created_datetime[lt]=…`."""

    lt: When | UnsetType = UNSET
    lte: When | UnsetType = UNSET
    gt: When | UnsetType = UNSET
    gte: When | UnsetType = UNSET


SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}

ORDERS = {
    **lists.orders(created_datetime=("created_datetime", "datetime")),
    "created_datetime": Order((("created_datetime", "datetime"),), True),
}


class EventQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which events, in which order."""

    created_datetime: Span | UnsetType = UNSET
    object_id: Annotated[Whole | UnsetType, Meta(description="Events of the thing with this id.")] = UNSET
    object_type: Annotated[
        FilterObjectType | UnsetType, Meta(description="Events of things of this type.")
    ] = UNSET
    order_by: Literal["created_datetime", "created_datetime:asc", "created_datetime:desc"] = (
        "created_datetime:desc"
    )
    types: Annotated[Types | UnsetType, Meta(description="Events of any of these kinds.")] = UNSET
    user_ids: Annotated[UserIds | UnsetType, Meta(description="Events that any of these users caused.")] = (
        UNSET
    )


@operation(
    "GET",
    "/api/events",
    id="list-events",
    scope="events:read",
    role="agent",
    query=EventQuery,
    answer=EventList,
    tag="Events",
)
async def list_(work: Work, call: Call[EventQuery, None]) -> bytes:
    """List events.

    The newest first; all filters may be combined. Events older than twelve months are gone.
    """
    given = wire.given(call.query)
    select, statement, outer = events.listing(
        work,
        object_type=given.get("object_type"),
        object_id=given.get("object_id"),
        types=given.get("types", ()),
        user_ids=given.get("user_ids", ()),
    )
    for name, moment in given.get("created_datetime", {}).items():
        statement.where("created_datetime " + SIGNS[name] + " $?", moment)
    return await lists.page(work, call, select, statement, ORDERS[given["order_by"]], outer=outer)


@operation(
    "GET", "/api/events/{id}", id="get-event", scope="events:read", role="agent", answer=Event, tag="Events"
)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get an event."""
    return (await events.get(work, call.id)).encode()
