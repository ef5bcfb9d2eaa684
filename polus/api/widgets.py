"""Widgets: `/api/widgets`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import LARGEST, NO_MAXIMUM, Free, Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk import widgets
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Widgets"
READ_ONLY = ("id", "uri", "created_datetime", "updated_datetime")
Type = Literal[
    "bigcommerce", "custom", "customer_external_data", "http", "magento2", "recharge", "shopify", "smile",
    "standalone", "yotpo", "klaviyo", "stripe", "woocommerce",
]  # fmt: skip
Context = Literal["ticket", "customer", "user"]
IntegrationId = Annotated[int, Meta(ge=0, le=LARGEST, extra_json_schema=NO_MAXIMUM)]
Place = Annotated[int, Meta(ge=0, le=2**31 - 1, extra_json_schema=NO_MAXIMUM)]
AppId = Annotated[str, Meta(max_length=255, extra_json_schema={"x-untold": ["maxLength"]})]


class WidgetCreate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new widget."""

    type: Type
    template: Free
    context: Context = "ticket"
    integration_id: IntegrationId | None = None
    app_id: AppId | None = None
    order: Place = 0
    deactivated_datetime: When | None = None


class WidgetUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of a widget."""

    type: Type | UnsetType = UNSET
    template: Free | UnsetType = UNSET
    context: Context | UnsetType = UNSET
    integration_id: IntegrationId | None | UnsetType = UNSET
    app_id: AppId | None | UnsetType = UNSET
    order: Place | UnsetType = UNSET
    deactivated_datetime: When | None | UnsetType = UNSET


class Widget(msgspec.Struct, kw_only=True):
    """A widget as answered; the template exactly as it was given."""

    id: int
    uri: str
    type: Type
    context: Context
    integration_id: int | None
    app_id: str | None
    order: int
    template: dict[str, Any]
    created_datetime: When
    updated_datetime: When
    deactivated_datetime: When | None


class WidgetList(msgspec.Struct):
    """A page of widgets."""

    object: Literal["list"]
    uri: str
    data: list[Widget]
    meta: lists.MetaCursors


class WidgetQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which widgets, in which order."""

    order_by: Literal["created_datetime:asc", "created_datetime:desc", "order:asc", "order:desc"] = (
        "created_datetime:desc"
    )
    integration_id: Annotated[Id | UnsetType, Meta(description="Only widgets of this integration.")] = UNSET
    app_id: Annotated[str | UnsetType, Meta(description="Only widgets of this app.")] = UNSET


ORDERS = lists.orders(created_datetime=("w.created_datetime", "datetime"), order=('w."order"', "number"))


@operation(
    "GET",
    "/api/widgets",
    id="list-widgets",
    scope="integrations:read",
    query=WidgetQuery,
    answer=WidgetList,
    tag=TAG,
)
async def list_(work: Work, call: Call[WidgetQuery, None]) -> bytes:
    """List widgets."""
    statement = Statement(work.account.id)
    statement.where("w.account_id = $1")
    if call.query.integration_id is not UNSET:
        statement.where("w.integration_id = $?", call.query.integration_id)
    if call.query.app_id is not UNSET:
        statement.where("w.app_id = $?", call.query.app_id)
    order = ORDERS[call.query.order_by]
    return await lists.page(work, call, widgets.LIST, statement, order, id_column="w.id")


@operation(
    "POST",
    "/api/widgets",
    id="create-widget",
    scope="integrations:write",
    role="agent",
    body=WidgetCreate,
    answer=Widget,
    status=201,
    tag=TAG,
)
async def create(work: Work, call: Call[NoQuery, WidgetCreate]) -> bytes:
    """Create a widget."""
    return (await widgets.create(work, wire.given(call.body))).encode()


@operation("GET", "/api/widgets/{id}", id="get-widget", scope="integrations:read", answer=Widget, tag=TAG)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a widget."""
    return (await widgets.get(work, call.id)).encode()


@operation(
    "PUT",
    "/api/widgets/{id}",
    id="update-widget",
    scope="integrations:write",
    role="agent",
    body=WidgetUpdate,
    ignored=READ_ONLY,
    answer=Widget,
    status=202,
    subject=widgets.require,
    tag=TAG,
)
async def update(work: Work, call: Call[NoQuery, WidgetUpdate]) -> bytes:
    """Update a widget."""
    return (await widgets.update(work, call.id, wire.given(call.body))).encode()


@operation(
    "DELETE",
    "/api/widgets/{id}",
    id="delete-widget",
    scope="integrations:write",
    role="agent",
    status=204,
    tag=TAG,
)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a widget."""
    await widgets.delete(work, call.id)
