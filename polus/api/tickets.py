"""Tickets: `/api/tickets`, and the tags of a ticket."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import field_values, lists
from polus.api import messages as message_operations
from polus.api.field_values import FieldValueInput
from polus.api.fields import IdParameter, Whole
from polus.api.operation import Call, NoQuery, operation
from polus.api.tags import Tag
from polus.api.ticket_types import Ticket, TicketCreate, TicketList, TicketTagsInput, TicketUpdate
from polus.base import errors, wire
from polus.desk.macros import using
from polus.desk.rules import matching
from polus.desk.tickets import labels, opening, tickets
from polus.desk.tickets import values as ticket_values
from polus.desk.views import items
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Tickets"
ORDERS = lists.orders(
    created_datetime=("t.created_datetime", "datetime"), updated_datetime=("t.updated_datetime", "datetime")
)
# A GET body may be sent back; these say what only the server says.
READ_ONLY = (
    "id uri events requester assignee_user_id assignee_team_id summary messages created_datetime processed_datetime"
    " satisfaction_survey reply_options excerpt integrations messages_count last_sent_message_not_delivered imported"
    " split_from"
).split()
NEEDED = "Give at least one of ids and names."


class TicketsQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which tickets, in which order; all filters must hold."""

    order_by: Literal[
        "created_datetime:asc", "created_datetime:desc", "updated_datetime:asc", "updated_datetime:desc"
    ] = "created_datetime:desc"
    customer_id: Annotated[IdParameter | UnsetType, Meta(description="Only tickets of this customer.")] = (
        UNSET
    )
    external_id: Annotated[
        str | UnsetType, Meta(description="Only tickets with exactly this foreign id.")
    ] = UNSET
    view_id: Annotated[
        IdParameter | UnsetType, Meta(description="Only tickets that this view shows the caller now.")
    ] = UNSET
    rule_id: Annotated[
        IdParameter | UnsetType, Meta(description="Only tickets that this rule's conditions match now.")
    ] = UNSET
    ticket_ids: Annotated[
        Annotated[list[Whole], Meta(min_length=1, max_length=100)] | UnsetType,
        Meta(description="Only these tickets: repeated, or one value with commas."),
    ] = UNSET
    trashed: Annotated[bool, Meta(description="Whether trashed tickets are listed too.")] = True


class TicketQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What to tell besides."""

    relationships: Annotated[
        list[Literal["custom_fields"]] | UnsetType,
        Meta(description="`custom_fields`: tell the definition of each field beside its value."),
    ] = UNSET


class TagData(msgspec.Struct):
    """The tags of a ticket."""

    data: list[Tag]


@operation(
    "GET",
    "/api/tickets",
    id="list-tickets",
    scope="tickets:read",
    query=TicketsQuery,
    answer=TicketList,
    tag=TAG,
)
async def list_(work: Work, call: Call[TicketsQuery, None]) -> bytes:
    """List tickets.

    Trashed and spam tickets are included unless `trashed` is false. With `view_id` and no `order_by` they come in the
    view's own order. A rule whose conditions no list can be asked for is 400 as `rule_id`.
    """
    query = call.query
    statement, view = Statement(work.account.id, work.actor.user_id), None
    if query.view_id is not UNSET:
        view = await items.of_tickets(work, query.view_id)
        statement.add(*await items.narrowing(work, view, len(statement.parameters)))
    if query.rule_id is not UNSET:
        statement.add(*await matching.narrowing(work, query.rule_id, len(statement.parameters)))
    statement.where("t.account_id = $1")
    statement.where("t.merged_into_id is null")
    if query.customer_id is not UNSET:
        statement.where("t.customer_id = $?", query.customer_id)
    if query.external_id is not UNSET:
        statement.where("t.external_id = $?", query.external_id)
    if query.ticket_ids is not UNSET:
        statement.where("t.id = any($?::bigint[])", query.ticket_ids)
    if not query.trashed:
        statement.where("t.trashed_datetime is null")
    if view is not None and not lists.sent(call, "order_by"):
        page = await items.in_order(work, view, statement, cursor=query.cursor, limit=query.limit)
        return lists.envelope(call, page.items, page.prev_cursor, page.next_cursor, total=True)
    order = ORDERS[query.order_by]
    return await lists.page(work, call, tickets.LIST, statement, order, id_column="t.id", total=True)


@operation(
    "POST", "/api/tickets", id="create-ticket", scope="tickets:write", role="lite-agent", body=TicketCreate,
    answer=Ticket, status=201, tag=TAG,
)  # fmt: skip
async def create(work: Work, call: Call[NoQuery, TicketCreate]) -> bytes:
    """Create a ticket.

    The messages are all it needs: the customer is found, or made, from the first one.
    """
    ticket = _opening(call.body)
    problems = await using.problems(work, ticket.messages)
    if problems:
        raise errors.Invalid({"messages": {str(place): found for place, found in problems.items()}})
    ticket_id = await opening.create(work, ticket)
    await using.take_effect(work, ticket_id, ticket.messages)
    await work.flush()
    return (await tickets.get_changed(work, ticket_id)).encode()


def _opening(body: TicketCreate) -> opening.Opening:
    """The ticket to be opened; 400 with the place of a message that is wrong."""
    problems: dict[str, Any] = {}
    drafts = []
    for place, message in enumerate(body.messages):
        try:
            drafts.append(message_operations.draft(message))
        except errors.Invalid as invalid:
            problems[str(place)] = invalid.data
    if problems:
        raise errors.Invalid({"messages": problems})
    given = wire.given(body)
    del given["messages"]
    given["custom_fields"] = field_values.wanted(body.custom_fields)
    given["tags"] = [tag["name"] for tag in given["tags"]]
    if body.imported:
        for draft in drafts:
            draft.imported = True
    return opening.Opening(messages=drafts, **_assignees(given))


def _assignees(given: dict[str, Any]) -> dict[str, Any]:
    for name in ("assignee_user", "assignee_team"):
        if name in given:
            given[name + "_id"] = (given.pop(name) or {}).get("id")
    return given


@operation(
    "GET", "/api/tickets/{id}", id="get-ticket", scope="tickets:read", query=TicketQuery, answer=Ticket,
    redirects=True, subject=tickets.require, tag=TAG,
)  # fmt: skip
async def get(work: Work, call: Call[TicketQuery, None]) -> bytes:
    """Get a ticket with its messages."""
    with_fields = call.query.relationships is not UNSET
    return (await tickets.get(work, call.id, with_fields=with_fields)).encode()


@operation(
    "PUT", "/api/tickets/{id}", id="update-ticket", scope="tickets:write", body=TicketUpdate,
    ignored=READ_ONLY, answer=Ticket, status=202, redirects=True, subject=tickets.require, tag=TAG,
)  # fmt: skip
async def update(work: Work, call: Call[NoQuery, TicketUpdate]) -> bytes:
    """Update a ticket.

    What is absent stays; `tags` replaces the set. Observers may only say whether they have read it.
    """
    given = _assignees(wire.given(call.body))
    if set(given) - {"is_unread"}:
        work.actor.require("lite-agent")
    given.pop("custom_fields", None)
    tags = _told(given.pop("tags")) if "tags" in given else None
    await tickets.update(work, call.id, given)
    if tags is not None:
        await labels.replace(work, call.id, *tags)
    if call.body.custom_fields is not UNSET:
        fields = call.body.custom_fields
        await _replace_values(work, call.id, list(fields.values()) if isinstance(fields, dict) else fields)
    await work.flush()
    return (await tickets.get_changed(work, call.id)).encode()


def _told(tags: list[dict[str, Any]]) -> tuple[list[int], list[str]]:
    """Ids and names; 400 for one that is told by neither."""
    nameless = {
        str(place): {"name": [errors.REQUIRED]}
        for place, tag in enumerate(tags)
        if not {"id", "name"} & {*tag}
    }
    if nameless:
        raise errors.Invalid({"tags": nameless})
    return [tag["id"] for tag in tags if "id" in tag], [tag["name"] for tag in tags if "id" not in tag]


async def _replace_values(work: Work, ticket_id: int, items: list[FieldValueInput]) -> None:
    try:
        await ticket_values.OWNER.write(work, ticket_id, field_values.wanted(items), replace=True)
    except errors.Invalid as invalid:
        raise errors.Invalid({"custom_fields": invalid.data}) from None


@operation(
    "DELETE", "/api/tickets/{id}", id="delete-ticket", scope="tickets:write", role="agent", status=204,
    redirects=True, tag=TAG,
)  # fmt: skip
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a ticket for good.

    Its messages go with it. To keep it, set `trashed_datetime` instead.
    """
    await tickets.delete(work, call.id)


@operation(
    "GET", "/api/tickets/{ticket_id}/tags", id="list-ticket-tags", scope="tickets:read", answer=TagData,
    redirects=True, tag=TAG,
)  # fmt: skip
async def list_tags(work: Work, call: Call[NoQuery, None]) -> bytes:
    """List the tags of a ticket."""
    return lists.data(await labels.list_(work, call.id))


def _tags(body: TicketTagsInput) -> tuple[list[int], list[str]]:
    return body.ids, body.names


@operation(
    "POST", "/api/tickets/{ticket_id}/tags", id="create-ticket-tags", scope="tickets:write", role="lite-agent",
    body=TicketTagsInput, status=201, redirects=True, subject=tickets.require, tag=TAG,
)  # fmt: skip
async def add_tags(work: Work, call: Call[NoQuery, TicketTagsInput]) -> None:
    """Put tags on a ticket.

    Names never seen become tags. The answer is empty.
    """
    await tickets.require(work, call.id)
    if not call.body.ids and not call.body.names:
        raise errors.Invalid({"ids": [NEEDED], "names": [NEEDED]})
    await labels.add(work, call.id, *_tags(call.body))


@operation(
    "PUT", "/api/tickets/{ticket_id}/tags", id="update-ticket-tags", scope="tickets:write", role="lite-agent",
    body=TicketTagsInput, status=202, redirects=True, subject=tickets.require, tag=TAG,
)  # fmt: skip
async def replace_tags(work: Work, call: Call[NoQuery, TicketTagsInput]) -> None:
    """Replace the tags of a ticket.

    `{}` takes all off. The answer is empty.
    """
    await labels.replace(work, call.id, *_tags(call.body))


@operation(
    "DELETE", "/api/tickets/{ticket_id}/tags", id="delete-ticket-tags", scope="tickets:write", role="lite-agent",
    body=TicketTagsInput, status=204, redirects=True, subject=tickets.require, tag=TAG,
)  # fmt: skip
async def remove_tags(work: Work, call: Call[NoQuery, TicketTagsInput]) -> None:
    """Take tags off a ticket.

    Those that are not on are passed over.
    """
    await labels.remove(work, call.id, *_tags(call.body))
