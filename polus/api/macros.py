"""Macros: `/api/macros`."""

from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_COUNT, NO_LENGTH, NO_MAXIMUM, Free, Id, LanguageCode, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import errors, wire
from polus.desk.macros import lists as listing
from polus.desk.macros import macros
from polus.desk.macros.lists import Filters
from polus.store import paging
from polus.store.paging import Order, Statement
from polus.store.work import Work

TAG = "Macros"
READ_ONLY = ("id", "uri", "usage", "created_datetime", "updated_datetime", "archived_datetime")
NEEDS_TICKET = "Needs ticket_id."
NEEDS_RELEVANCE = "Needs ticket_id and order_by=relevance."

Intent = Literal[
    "discount/request", "exchange/request", "exchange/status", "feedback", "order/damaged", "order/cancel",
    "order/change", "order/wrong", "other/no_reply", "other/question", "other/thanks", "product/recommendation",
    "product/question", "refund/request", "refund/status", "return/request", "return/status", "shipping/change",
    "shipping/delivery-issue", "shipping/policy", "shipping/status", "stock/request", "subscription/cancel",
    "subscription/change",
]  # fmt: skip
Name = Annotated[str, Meta(min_length=1, max_length=macros.NAME_LENGTH, extra_json_schema=NO_LENGTH)]
ExternalId = Annotated[str, Meta(max_length=255, extra_json_schema=NO_LENGTH)]
ActionName = Annotated[str, Meta(min_length=1, max_length=255, extra_json_schema=NO_LENGTH)]
ActionText = Annotated[str, Meta(max_length=1024, extra_json_schema=NO_LENGTH)]
# wire: the contract takes any text here; a region tag is cut off, and what is no language is 400
Language = Annotated[LanguageCode, Meta(extra_json_schema={"type": "string", "x-untold": ["$ref"]})]
ActionKind = Literal["system", "user"]


class MacroActionInput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One thing to do. Any name with any arguments is kept as it is; unknown names are skipped when applied."""

    name: ActionName
    title: ActionText
    arguments: Free
    type: ActionKind = "user"
    description: ActionText | None | UnsetType = UNSET


class MacroAction(msgspec.Struct, kw_only=True):
    """One thing to do, exactly as it was given."""

    name: str
    title: str
    arguments: dict[str, Any]
    type: ActionKind | UnsetType = UNSET
    description: str | None | UnsetType = UNSET


Actions = Annotated[list[MacroActionInput], Meta(max_length=100, extra_json_schema=NO_COUNT)]


class MacroCreate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new macro."""

    name: Name
    external_id: ExternalId | None = None
    intent: Intent | None = None
    language: Language | None = None
    actions: Actions = []


class MacroUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of a macro; `actions` are replaced as a whole."""

    name: Name | UnsetType = UNSET
    external_id: ExternalId | None | UnsetType = UNSET
    intent: Intent | None | UnsetType = UNSET
    language: Language | None | UnsetType = UNSET
    actions: Actions | UnsetType = UNSET


class Macro(msgspec.Struct, kw_only=True):
    """A macro as answered."""

    id: int
    uri: str
    external_id: str | None
    name: str
    intent: Intent | None
    language: str | None
    usage: int
    actions: list[MacroAction]
    created_datetime: When
    updated_datetime: When
    archived_datetime: When | None


class MacroList(msgspec.Struct):
    """A page of macros."""

    object: Literal["list"]
    uri: str
    data: list[Macro]
    meta: lists.MetaCursors


class MacroIds(msgspec.Struct, forbid_unknown_fields=True):
    """Which macros."""

    ids: Annotated[list[Id], Meta(min_length=1, max_length=30)]


class MacroRules(msgspec.Struct):
    """Where a macro is used."""

    rules: list[str]


class MacroUsageError(msgspec.Struct):
    """Why a macro was not archived."""

    msg: str
    data: MacroRules


class MacroArchived(msgspec.Struct):
    """What became of one macro."""

    id: int
    status: Literal["archived", "not_found", "already_archived", "macro_used"]
    error: MacroUsageError | None


class MacrosArchived(msgspec.Struct):
    """What became of each macro, in the order they were named."""

    data: list[MacroArchived]


class MacroUnarchived(msgspec.Struct):
    """What became of one macro."""

    id: int
    status: Literal["unarchived", "not_found", "already_not_archived"]


class MacrosUnarchived(msgspec.Struct):
    """What became of each macro, in the order they were named."""

    data: list[MacroUnarchived]


class MacroQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which macros, in which order."""

    search: Annotated[
        str, Meta(description="Words of name and answer, in any case; the last one may be begun.")
    ] = ""
    tags: Annotated[list[str | None], Meta(description="Macros that add all of these tags.")] = msgspec.field(
        default_factory=list
    )
    languages: Annotated[
        list[str | None], Meta(description="Macros of any of these languages; `null` are those without one.")
    ] = msgspec.field(default_factory=list)
    archived: Annotated[
        bool | None,
        Meta(description="`true`: only archived ones; `null`: all.", extra_json_schema={"type": "boolean"}),
    ] = False
    ticket_id: Annotated[
        Id | UnsetType,
        Meta(description="The ticket that `relevance` and `number_predictions` are for."),
    ] = UNSET
    message_id: Annotated[
        Id | UnsetType,
        Meta(description="The message of the ticket; by default the customer's newest."),
    ] = UNSET
    number_predictions: Annotated[
        int,
        Meta(
            ge=0, le=10, extra_json_schema=NO_MAXIMUM, description="So many of the most relevant come first."
        ),
    ] = 0
    order_by: Literal[
        "name", "created_datetime", "updated_datetime", "usage", "relevance", "language", "name:asc", "name:desc",
        "created_datetime:asc", "created_datetime:desc", "updated_datetime:asc", "updated_datetime:desc",
        "usage:asc", "usage:desc", "relevance:asc", "relevance:desc", "language:asc", "language:desc",
    ] = "usage"  # fmt: skip


ORDERS = lists.orders(
    name=("m.name", "text"),
    created_datetime=("m.created_datetime", "datetime"),
    updated_datetime=("m.updated_datetime", "datetime"),
    usage=("m.usage", "number"),
    # Macros without a language sort before all that have one.
    language=("coalesce(m.language, '')", "text"),
)
ORDERS |= {name: ORDERS[name + ":asc"] for name in ("name", "language")}
ORDERS |= {name: ORDERS[name + ":desc"] for name in ("created_datetime", "updated_datetime", "usage")}
# The cursor of a ranked list says how many macros lie before its page.
PLACES = Order((("", "number"),), False)


@operation(
    "GET", "/api/macros", id="list-macros", scope="macros:read", query=MacroQuery, answer=MacroList, tag=TAG
)
async def list_(work: Work, call: Call[MacroQuery, None]) -> bytes:
    """List macros.

    `relevance` sorts by how well a macro fits the ticket: intent, language, words and how often it was used lately.
    """
    query = call.query
    relevance = query.order_by.startswith("relevance")
    _check(query, relevance)
    filters = Filters(
        search=query.search,
        tags=[tag for tag in query.tags if tag],
        languages=[None if language in (None, "", "null") else language for language in query.languages],
        archived=query.archived,
    )
    if relevance or query.number_predictions:
        return await _ranked(work, call, filters, None if relevance else query.number_predictions)
    statement = Statement(work.account.id)
    statement.where("m.account_id = $1")
    listing.narrow(statement, filters)
    order = ORDERS[query.order_by]
    return await lists.page(work, call, listing.LIST, statement, order, id_column="m.id")


def _check(query: MacroQuery, relevance: bool) -> None:
    problems = {}
    if relevance and query.ticket_id is UNSET:
        problems["order_by"] = [NEEDS_TICKET]
    if query.number_predictions and query.ticket_id is UNSET:
        problems["number_predictions"] = [NEEDS_TICKET]
    if query.message_id is not UNSET and (query.ticket_id is UNSET or not relevance):
        problems["message_id"] = [NEEDS_RELEVANCE]
    if problems:
        raise errors.Invalid(problems, "Invalid query parameters")


async def _ranked(work: Work, call: Call[MacroQuery, None], filters: Filters, most: int | None) -> bytes:
    """A page of the ranked list, which is ranked anew for each page; its cursors hold an offset."""
    query = call.query
    start = paging.decode(query.cursor, PLACES).values[0] if query.cursor else 0
    order = ORDERS.get(query.order_by, ORDERS["usage"])
    # `_check` has seen to it that a ticket is named.
    ticket_id = cast(int, query.ticket_id)
    message_id = None if query.message_id is UNSET else query.message_id
    ids = await listing.ranked(work, filters, order, ticket_id, message_id, most)
    start = min(max(start, 0), len(ids))
    end = start + query.limit
    items = await listing.by_ids(work, ids[start:end])
    before = paging.encode(False, max(start - query.limit, 0), 0) if start > 0 and items else None
    behind = paging.encode(True, end, 0) if end < len(ids) else None
    return lists.envelope(call, items, before, behind)


@operation(
    "POST",
    "/api/macros",
    id="create-macro",
    scope="macros:write",
    role="agent",
    body=MacroCreate,
    answer=Macro,
    status=201,
    tag=TAG,
)
async def create(work: Work, call: Call[NoQuery, MacroCreate]) -> bytes:
    """Create a macro."""
    _, answer = await macros.create(work, wire.given(call.body))
    return answer.encode()


@operation("GET", "/api/macros/{id}", id="get-macro", scope="macros:read", answer=Macro, tag=TAG)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a macro."""
    return (await macros.get(work, call.id)).encode()


@operation(
    "PUT",
    "/api/macros/{id}",
    id="update-macro",
    scope="macros:write",
    role="agent",
    body=MacroUpdate,
    ignored=READ_ONLY,
    answer=Macro,
    status=202,
    subject=macros.require,
    tag=TAG,
)
async def update(work: Work, call: Call[NoQuery, MacroUpdate]) -> bytes:
    """Update a macro.

    `actions` are replaced as a whole.
    """
    return (await macros.update(work, call.id, wire.given(call.body))).encode()


@operation(
    "DELETE",
    "/api/macros/{id}",
    id="delete-macro",
    scope="macros:write",
    role="agent",
    status=204,
    statuses=(409,),
    tag=TAG,
)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a macro.

    409 while a rule applies it.
    """
    await macros.delete(work, call.id)


@operation(
    "PUT",
    "/api/macros/archive",
    id="bulk-archive-macros",
    scope="macros:write",
    role="agent",
    body=MacroIds,
    answer=MacrosArchived,
    status=207,
    failure="Failed to archive macros",
    tag=TAG,
)
async def archive(work: Work, call: Call[NoQuery, MacroIds]) -> bytes:
    """Archive macros.

    Archived macros cannot be applied. Those that a rule applies stay as they are.
    """
    return wire.encode({"data": await macros.archive(work, call.body.ids)}).encode()


@operation(
    "PUT",
    "/api/macros/unarchive",
    id="bulk-unarchive-macros",
    scope="macros:write",
    role="agent",
    body=MacroIds,
    answer=MacrosUnarchived,
    status=207,
    failure="Failed to archive macros",
    tag=TAG,
)
async def unarchive(work: Work, call: Call[NoQuery, MacroIds]) -> bytes:
    """Take macros out of the archive."""
    return wire.encode({"data": await macros.unarchive(work, call.body.ids)}).encode()
