"""Messages: `/api/messages` and `/api/tickets/{ticket_id}/messages`."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_MAXIMUM, Id
from polus.api.message_types import (
    SOURCE_TYPES,
    MessageCreate,
    MessageInput,
    MessageUpdate,
    TicketMessage,
    TicketMessageList,
    TicketMessagePage,
)
from polus.api.operation import Call, NoQuery, operation
from polus.base import errors, wire
from polus.desk.macros import outside, using
from polus.desk.tickets import drafts, messages, tickets
from polus.store import paging
from polus.store.paging import Order, Statement
from polus.store.work import Work

ORDERS = lists.orders(created_datetime=("m.created_datetime", "datetime"))
OLDEST_FIRST = Order((("m.created_datetime", "datetime"),), False)
TAG = "Ticket messages"


class MessagesQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which messages, in which order."""

    order_by: Literal["created_datetime:asc", "created_datetime:desc"] = "created_datetime:desc"
    ticket_id: Annotated[Id | UnsetType, Meta(description="Only messages of this ticket.")] = UNSET


class PageQuery(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which page of a ticket's messages."""

    page: Annotated[
        int,
        Meta(
            ge=1, le=10**9, extra_json_schema=NO_MAXIMUM, description="Which page, when no `cursor` is given."
        ),
    ] = 1
    per_page: Annotated[int, Meta(ge=1, le=100, description="How many items a page has; `limit` wins.")] = 30
    cursor: str = ""
    limit: lists.Limit = 30


class ActionQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What to do about external actions of the message that failed."""

    action: Annotated[
        Literal["force", "retry", "cancel"] | UnsetType,
        Meta(
            description="Run failed actions again (`retry`), send without them (`force`), or delete the message"
            " (`cancel`). Without failed actions it means nothing."
        ),
    ] = UNSET


def draft(body: MessageInput) -> drafts.Draft:
    """The message to be stored; 400 for what the body's type cannot say."""
    given = wire.given(body)
    # wire: notes come without `from_agent`; a note is always from an agent
    if "from_agent" not in given and body.channel == drafts.NOTE:
        given["from_agent"] = True
    if "from_agent" not in given:
        raise errors.one("from_agent", errors.REQUIRED)
    kind = (given.get("source") or {}).get("type")
    if kind is not None and kind not in SOURCE_TYPES and kind != body.channel:
        raise errors.Invalid({"source": {"type": [errors.NOT_CHOICE]}})
    for item in given.get("attachments") or ():
        size = item["size"]
        if isinstance(size, str):
            if not size.isdigit():
                raise errors.Invalid({"attachments": {"size": [errors.NOT_INTEGER]}})
            item["size"] = int(size)
    return msgspec.convert(given, drafts.Draft)


def require_rights(work: Work, note: bool) -> None:
    """Observers write notes, everybody from lite agents on speaks to customers."""
    if not note:
        work.actor.require("lite-agent")


@operation(
    "GET",
    "/api/messages",
    id="list-messages",
    scope="tickets:read",
    query=MessagesQuery,
    answer=TicketMessageList,
    tag=TAG,
)
async def list_(work: Work, call: Call[MessagesQuery, None]) -> bytes:
    """List messages."""
    statement = Statement(work.account.id)
    statement.where("m.account_id = $1")
    if call.query.ticket_id is not UNSET:
        statement.where("m.ticket_id = $?", call.query.ticket_id)
    order = ORDERS[call.query.order_by]
    return await lists.page(work, call, messages.LIST, statement, order, id_column="m.id", total=True)


@operation(
    "GET",
    "/api/tickets/{ticket_id}/messages",
    id="list-ticket-messages",
    scope="tickets:read",
    query=PageQuery,
    answer=TicketMessagePage,
    redirects=True,
    subject=tickets.require,
    tag=TAG,
)
async def list_of_ticket(work: Work, call: Call[PageQuery, None]) -> bytes:
    """List the messages of a ticket, oldest first.

    Deprecated on the live wire, yet served: the one list that still takes page numbers.
    """
    query = call.query
    size = query.per_page if "limit=" not in call.scope["query_string"].decode("latin-1") else query.limit
    position = paging.decode(query.cursor, OLDEST_FIRST) if query.cursor else None
    statement = Statement(work.account.id)
    statement.where("m.account_id = $1")
    statement.where("m.ticket_id = $?", call.id)
    sql = messages.PAGE.replace("{sort}", OLDEST_FIRST.sort) + statement.page(
        OLDEST_FIRST, position, size, "m.id"
    )
    if position is None and query.page > 1:
        statement.parameters.append((query.page - 1) * size)
        sql += " offset $" + str(len(statement.parameters))
    rows = await work.db.fetch(sql, *statement.parameters)
    count = rows[0]["messages_count"] if rows else await messages.count(work, call.id)
    found = paging.turn(rows, position, size)
    meta = _page_meta(call, size, count, found, query.page)
    return lists.wrapped(call, (row[2] for row in found.rows), meta)


def _page_meta(
    call: Call[PageQuery, None], size: int, count: int, found: paging.Page, page: int
) -> dict[str, Any]:
    pages = max(1, -(-count // size))
    path = "/api/tickets/" + str(call.id) + "/messages/?"
    meta: dict[str, Any] = {
        "page": page,
        "per_page": size,
        "current_page": path + urlencode({"page": page}),
        "item_count": count,
        "nb_pages": pages,
        "prev_cursor": found.prev_cursor,
        "next_cursor": found.next_cursor,
    }
    # wire: `next_page` is there only when there is one
    if page < pages:
        meta["next_page"] = path + urlencode({"page": page + 1})
    return meta


@operation(
    "GET",
    "/api/tickets/{ticket_id}/messages/{id}",
    id="get-ticket-message",
    scope="tickets:read",
    answer=TicketMessage,
    redirects=True,
    tag=TAG,
)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a message of a ticket."""
    return (await messages.get(work, call.ids[0], call.ids[1])).encode()


@operation(
    "POST",
    "/api/tickets/{ticket_id}/messages",
    id="create-ticket-message",
    scope="tickets:write",
    query=ActionQuery,
    body=MessageCreate,
    answer=TicketMessage,
    status=201,
    by_keys=True,
    redirects=True,
    subject=tickets.require,
    tag=TAG,
)
async def create(work: Work, call: Call[ActionQuery, MessageCreate]) -> bytes:
    """Add a message to a ticket.

    An agent's public message without `sent_datetime` is stored at once and sent in the background; then
    `sent_datetime` is filled in, or `failed_datetime` and `last_sending_error`.
    """
    try:
        given = draft(call.body)
        require_rights(work, given.note)
        message_id = await using.send(work, call.id, given)
    except errors.Refusal:
        await tickets.require(work, call.id)  # 404 and 301 come first
        raise
    return (await messages.get(work, call.id, message_id)).encode()


@operation(
    "PUT",
    "/api/tickets/{ticket_id}/messages/{id}",
    id="update-ticket-message",
    scope="tickets:write",
    query=ActionQuery,
    body=MessageUpdate,
    answer=TicketMessage,
    status=202,
    redirects=True,
    subject=tickets.require,
    tag=TAG,
)
async def update(work: Work, call: Call[ActionQuery, MessageUpdate]) -> bytes:
    """Correct a message.

    A sent message is corrected in the store only; an unsent or failed one is sent again unless `sent_datetime` is
    given. `action` says what becomes of a message one of whose external actions has failed; `cancel` answers with the
    message as it was.
    """
    ticket_id, message_id = call.ids
    require_rights(work, call.body.channel == drafts.NOTE)
    await messages.update(work, ticket_id, message_id, wire.given(call.body))
    before = await messages.get(work, ticket_id, message_id)
    action = call.query.action
    if action is UNSET or not await outside.decide(work, ticket_id, message_id, action):
        return before.encode()
    return (before if action == "cancel" else await messages.get(work, ticket_id, message_id)).encode()


@operation(
    "DELETE",
    "/api/tickets/{ticket_id}/messages/{id}",
    id="delete-ticket-message",
    scope="tickets:write",
    status=204,
    redirects=True,
    tag=TAG,
)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a message.

    Observers may delete notes, lead agents any message.
    """
    ticket_id, message_id = call.ids
    if not work.actor.may("agent") and not await messages.is_note(work, ticket_id, message_id):
        raise errors.Forbidden
    await messages.delete(work, ticket_id, message_id)
