"""Tags: `/api/tags`."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_COUNT, HexColor, Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk import removals, tags
from polus.store.paging import Order, Statement
from polus.store.work import Work

Name = Annotated[str, Meta(min_length=1, max_length=tags.NAME_LENGTH)]
Description = Annotated[str, Meta(max_length=1024)]


class Color(msgspec.Struct, forbid_unknown_fields=True):
    """How a tag looks."""

    color: HexColor


class TagCreate(msgspec.Struct, forbid_unknown_fields=True):
    """A new tag."""

    name: Name
    description: Description | None = None
    decoration: Color | None = None


class TagUpdate(msgspec.Struct, forbid_unknown_fields=True):
    """Changes of a tag."""

    name: Name | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    decoration: Color | None | UnsetType = UNSET


class TagIds(msgspec.Struct, forbid_unknown_fields=True):
    """Which tags to delete."""

    ids: Annotated[list[Id], Meta(min_length=1, max_length=100, extra_json_schema=NO_COUNT)]


class TagMerge(msgspec.Struct, forbid_unknown_fields=True):
    """Which tags become part of the destination."""

    source_tags_ids: Annotated[list[Id], Meta(min_length=1, max_length=100, extra_json_schema=NO_COUNT)]


class TagDecoration(msgspec.Struct):
    """How a tag looks; `{}` for tags made by the way."""

    color: str | None | UnsetType = UNSET


class Tag(msgspec.Struct):
    """A tag as answered."""

    id: int
    uri: str
    name: str
    description: str | None
    decoration: TagDecoration
    usage: int
    created_datetime: When
    deleted_datetime: When | None


class TagList(msgspec.Struct):
    """A page of tags."""

    object: Literal["list"]
    uri: str
    data: list[Tag]
    meta: lists.MetaTotal


ORDERS = {
    **lists.orders(created_datetime=("created_datetime", "datetime"), name=("name", "text")),
    "created_datetime": Order((("created_datetime", "datetime"),), True),
    "name": tags.BY_NAME,
    "usage": Order((("usage", "number"),), True),
    "usage:asc,name:asc": Order((("usage", "number"), ("name", "text")), False),
    "usage:desc,name:desc": Order((("usage", "number"), ("name", "text")), True),
}
READ_ONLY = ("id", "uri", "usage", "created_datetime", "deleted_datetime")


class TagQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which tags, in which order."""

    search: Annotated[str, Meta(description="Tags whose name contains this, in any case.")] = ""
    order_by: Literal[
        "created_datetime",
        "name",
        "usage",
        "created_datetime:asc",
        "created_datetime:desc",
        "name:asc",
        "name:desc",
        "usage:asc,name:asc",
        "usage:desc,name:desc",
    ] = "created_datetime:desc"


@operation("GET", "/api/tags", id="list-tags", scope="tags:read", query=TagQuery, answer=TagList, tag="Tags")
async def list_(work: Work, call: Call[TagQuery, None]) -> bytes:
    """List tags."""
    statement = Statement(work.account.id)
    statement.where("account_id = $1")
    if call.query.search:
        statement.where(tags.NAMED, call.query.search)
    return await lists.page(work, call, tags.LIST, statement, ORDERS[call.query.order_by], total=True)


@operation(
    "POST",
    "/api/tags",
    id="create-tag",
    scope="tags:write",
    role="agent",
    body=TagCreate,
    answer=Tag,
    status=201,
    tag="Tags",
)
async def create(work: Work, call: Call[NoQuery, TagCreate]) -> bytes:
    """Create a tag.

    Without a decoration it gets a random colour.
    """
    body = call.body
    return (await tags.create(work, body.name, body.description, wire.plain(body.decoration))).encode()


@operation("GET", "/api/tags/{id}", id="get-tag", scope="tags:read", answer=Tag, tag="Tags")
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a tag."""
    return (await tags.get(work, call.id)).encode()


@operation(
    "PUT",
    "/api/tags/{id}",
    id="update-tag",
    scope="tags:write",
    role="agent",
    body=TagUpdate,
    ignored=READ_ONLY,
    answer=Tag,
    status=202,
    subject=tags.require,
    tag="Tags",
)
async def update(work: Work, call: Call[NoQuery, TagUpdate]) -> bytes:
    """Update a tag.

    A new name is written into all rules and macros that name the tag.
    """
    given = wire.given(call.body)
    if "decoration" in given:
        given["decoration"] = given["decoration"] or {}
    return (await removals.update_tag(work, call.id, given)).encode()


@operation(
    "DELETE", "/api/tags/{id}", id="delete-tag", scope="tags:write", role="agent", status=204, tag="Tags"
)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a tag.

    It is taken off all tickets, and views that name it are switched off.
    """
    await removals.remove_tag(work, call.id)


@operation(
    "DELETE",
    "/api/tags",
    id="delete-tags",
    scope="tags:write",
    role="agent",
    body=TagIds,
    status=204,
    tag="Tags",
)
async def delete_many(work: Work, call: Call[NoQuery, TagIds]) -> None:
    """Delete several tags.

    Unknown ids are passed over; when one is used by a rule or macro, none is deleted.
    """
    await removals.remove_tags(work, call.body.ids)


@operation(
    "PUT",
    "/api/tags/{destination_tag_id}/merge",
    id="merge-tags",
    scope="tags:write",
    role="agent",
    body=TagMerge,
    answer=Tag,
    status=202,
    subject=tags.require,
    tag="Tags",
)
async def merge(work: Work, call: Call[NoQuery, TagMerge]) -> bytes:
    """Merge tags into this one.

    Their tickets get this tag and the sources are deleted.
    """
    return (await removals.merge_tags(work, call.body.source_tags_ids, call.id)).encode()
