"""Views and what they show: `/api/views`."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_COUNT, NO_LENGTH, Id, When, Whole
from polus.api.operation import Call, NoQuery, operation
from polus.api.ticket_types import TicketCompact
from polus.base import errors, wire
from polus.desk import filters
from polus.desk.views import items, views
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Views"
READ_ONLY = ("id", "uri", "category", "filters_ast", "created_datetime", "deactivated_datetime")
Type = Literal["ticket-list", "customer-list"]
Visibility = Literal["public", "shared", "private"]
Direction = Literal["asc", "desc"]
FieldName = Literal[
    "id", "details", "tags", "customer", "last_message", "name", "email", "created", "updated", "assignee",
    "assignee_team", "channel", "closed", "language", "last_received_message", "integrations", "snooze", "status",
    "subject", "priority",
]  # fmt: skip
Fields = Annotated[list[FieldName], Meta(max_length=100, extra_json_schema=NO_COUNT)]
Short = Annotated[str, Meta(max_length=255, extra_json_schema=NO_LENGTH)]
Text = Annotated[str, Meta(max_length=16_384, extra_json_schema=NO_LENGTH)]


class Somebody(msgspec.Struct):
    """A user or team by id; what else is known of it may be sent back."""

    id: Id


Ids = Annotated[list[Id | Somebody], Meta(max_length=100)]


class ViewDecoration(msgspec.Struct, forbid_unknown_fields=True):
    """How a view looks in the list of views."""

    emoji: Short | None | UnsetType = UNSET


class ViewUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of a view."""

    name: Short | UnsetType = UNSET
    slug: Short | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    shared_with_users: Ids | UnsetType = UNSET
    shared_with_teams: Ids | UnsetType = UNSET
    fields: Fields | UnsetType = UNSET
    filters: Text | UnsetType = UNSET
    order_by: Short | UnsetType = UNSET
    order_dir: Direction | UnsetType = UNSET
    search: Short | None | UnsetType = UNSET
    section_id: Whole | None | UnsetType = UNSET
    decoration: ViewDecoration | None | UnsetType = UNSET
    # wire: taken and not looked at
    category: str | None | UnsetType = UNSET
    filters_ast: dict[str, Any] | None | UnsetType = UNSET


class ViewCreate(ViewUpdate, forbid_unknown_fields=True, kw_only=True):
    """A new view."""

    slug: Short
    name: Short = ""
    type: Type = "ticket-list"
    visibility: Visibility = "public"
    order_by: Short = "updated_datetime"
    order_dir: Direction = "desc"


class SharedUser(msgspec.Struct):
    """Somebody who sees a view."""

    id: int
    name: str | None
    meta: dict[str, Any] | None


class SharedTeam(msgspec.Struct):
    """A team whose members see a view."""

    id: int
    name: str
    decoration: dict[str, Any] | None


class ViewDecorationAnswered(msgspec.Struct):
    """How a view looks in the list of views."""

    emoji: str | None | UnsetType = UNSET


class View(msgspec.Struct, kw_only=True):
    """A view as answered; `{{current_user…}}` in the filters is not filled in."""

    id: int
    uri: str
    category: Literal["system", "user"] | None
    name: str
    slug: str
    type: Type
    visibility: Visibility
    shared_with_teams: list[SharedTeam]
    shared_with_users: list[SharedUser]
    fields: list[FieldName]
    filters: str
    filters_ast: dict[str, Any]
    order_by: str
    order_dir: Direction
    search: str | None
    section_id: int | None
    decoration: ViewDecorationAnswered | None
    created_datetime: When
    deactivated_datetime: When | None


class ViewList(msgspec.Struct):
    """A page of views."""

    object: Literal["list"]
    uri: str
    data: list[View]
    meta: lists.MetaTotal


class ViewQueryInput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """An ad-hoc view."""

    category: str | None | UnsetType = UNSET
    fields: Fields | UnsetType = UNSET
    filters: Text | UnsetType = UNSET
    order_by: Short | UnsetType = UNSET
    order_dir: Direction | UnsetType = UNSET
    search: Short | None | UnsetType = UNSET
    type: Type | UnsetType = UNSET


class ViewItemsInput(msgspec.Struct, forbid_unknown_fields=True):
    """What to show instead of, or laid over, the stored view."""

    view: ViewQueryInput | UnsetType = UNSET


class ItemsMeta(msgspec.Struct):
    """The way to the neighbouring pages, in both vocabularies."""

    current_cursor: str | None
    next_items: str | None
    prev_items: str | None
    next_cursor: str | None
    prev_cursor: str | None


class ViewItems(msgspec.Struct):
    """A page of what a view shows; customer lists have customers."""

    data: list[TicketCompact]
    meta: ItemsMeta


class ViewsQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which views, in which order."""

    order_by: Literal["created_datetime:asc", "created_datetime:desc"] = "created_datetime:desc"
    category: Annotated[
        Literal["system", "user"] | UnsetType,
        Meta(description="Only views that come with an account, or only others."),
    ] = UNSET


class ItemsQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which page, in which order."""

    cursor: Annotated[str, Meta(description="Where the page begins: the cursor of a link in `meta`.")] = ""
    direction: Annotated[
        Literal["prev", "next"] | UnsetType, Meta(description="Which way from the cursor.")
    ] = UNSET
    ignored_item: Annotated[Whole | UnsetType, Meta(description="An item that is left out.")] = UNSET
    limit: lists.Limit = 30
    order_by: Annotated[
        Literal[
            "created_datetime:asc", "created_datetime:desc", "updated_datetime:asc", "updated_datetime:desc",
            "last_message_datetime:asc", "last_message_datetime:desc", "last_received_message_datetime:asc",
            "last_received_message_datetime:desc", "closed_datetime:asc", "closed_datetime:desc",
            "snooze_datetime:asc", "snooze_datetime:desc", "priority:asc", "priority:desc",
        ]
        | UnsetType,
        Meta(description="Instead of the view's own order."),
    ] = UNSET  # fmt: skip


ORDERS = lists.orders(created_datetime=("v.created_datetime", "datetime"))


@operation(
    "GET", "/api/views", id="list-views", scope="tickets:read", query=ViewsQuery, answer=ViewList, tag=TAG
)
async def list_(work: Work, call: Call[ViewsQuery, None]) -> bytes:
    """List the views that the caller may see."""
    statement = Statement(work.account.id, *views.sees(work))
    statement.where("v.account_id = $1")
    statement.where(views.VISIBLE)
    if call.query.category is not UNSET:
        statement.where("v.category = $?", call.query.category)
    order = ORDERS[call.query.order_by]
    return await lists.page(work, call, views.LIST, statement, order, id_column="v.id", total=True)


def _given(body: ViewUpdate) -> dict[str, Any]:
    given = wire.given(body)
    # wire: a GET body has whole users and teams where a request has ids
    for name in ("shared_with_users", "shared_with_teams"):
        if name in given:
            given[name] = [item["id"] if isinstance(item, dict) else item for item in given[name]]
    return {key: value for key, value in given.items() if key not in ("category", "filters_ast")}


@operation(
    "POST",
    "/api/views",
    id="create-view",
    scope="tickets:write",
    body=ViewCreate,
    answer=View,
    status=201,
    tag=TAG,
)
async def create(work: Work, call: Call[NoQuery, ViewCreate]) -> bytes:
    """Create a view.

    Everybody may make private ones, public and shared ones need a lead agent.
    """
    return (await views.get(work, await views.create(work, _given(call.body)))).encode()


@operation("GET", "/api/views/{id}", id="get-view", scope="tickets:read", answer=View, tag=TAG)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a view."""
    return (await views.get(work, call.id)).encode()


@operation(
    "PUT",
    "/api/views/{id}",
    id="update-view",
    scope="tickets:write",
    body=ViewUpdate,
    ignored=READ_ONLY,
    answer=View,
    status=202,
    subject=views.require,
    tag=TAG,
)
async def update(work: Work, call: Call[NoQuery, ViewUpdate]) -> bytes:
    """Update a view.

    Valid filters switch a deactivated view on again.
    """
    await views.update(work, call.id, _given(call.body))
    return (await views.get(work, call.id)).encode()


@operation("DELETE", "/api/views/{id}", id="delete-view", scope="tickets:write", status=204, tag=TAG)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a view."""
    await views.delete(work, call.id)


async def _items(work: Work, call: Call[ItemsQuery, Any], shown: items.Shown, view_id: int) -> bytes:
    query = call.query
    page = await items.page(
        work,
        shown,
        cursor=query.cursor,
        direction=None if query.direction is UNSET else query.direction,
        ignored=None if query.ignored_item is UNSET else query.ignored_item,
        limit=query.limit,
        order=None if query.order_by is UNSET else query.order_by,
    )
    meta = {
        "current_cursor": page.current_cursor,
        "next_items": _link(view_id, "next", page.last_id, page.next_cursor),
        "prev_items": _link(view_id, "prev", page.first_id, page.prev_cursor),
        "next_cursor": page.next_cursor,
        "prev_cursor": page.prev_cursor,
    }
    return b'{"data":[' + ",".join(page.items).encode() + b'],"meta":' + msgspec.json.encode(meta) + b"}"


def _link(view_id: int, direction: str, ignored: int | None, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    # wire: exactly these parameters in this order; a connector reads the whole text as a query
    return f"/api/views/{view_id}/items/?direction={direction}&ignored_item={ignored}&cursor={quote(cursor, safe='')}"


@operation(
    "GET",
    "/api/views/{view_id}/items",
    id="list-view-items",
    scope="tickets:read",
    query=ItemsQuery,
    answer=ViewItems,
    tag=TAG,
)
async def list_items(work: Work, call: Call[ItemsQuery, None]) -> bytes:
    """List what a view shows.

    Trashed tickets and spam are left out unless the filters speak of them.
    """
    return await _items(work, call, items.overlaid(await views.read(work, call.id), {}), call.id)


@operation(
    "PUT",
    "/api/views/{view_id}/items",
    id="update-view-items",
    scope="tickets:read",
    query=ItemsQuery,
    body=ViewItemsInput,
    body_required=False,
    answer=ViewItems,
    status=202,
    writes=False,
    failure="Failed to search tickets",
    tag=TAG,
)
async def search_items(work: Work, call: Call[ItemsQuery, ViewItemsInput | None]) -> bytes:
    """List what an ad-hoc view shows.

    `view_id` is 0; with another one the body is laid over that view. Nothing is stored.
    """
    stored = await views.read(work, call.id) if call.id else None
    body = call.body
    given = wire.given(body.view) if body is not None and body.view is not UNSET else {}
    if "filters" in given:
        kind = given.get("type") or (stored or {}).get("type", "ticket-list")
        try:
            await filters.check(work, given["filters"], customers=kind == "customer-list")
        except errors.Invalid as invalid:
            raise errors.Invalid({"view": invalid.data}) from None
        given["deactivated_datetime"] = None
    return await _items(work, call, items.overlaid(stored, given), call.id)
