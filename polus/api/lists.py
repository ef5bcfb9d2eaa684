"""Answers that are lists: the query parameters every list takes, and its envelope."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Meta

from polus.api.operation import Call
from polus.desk import listings
from polus.store.paging import Kind, Order, Statement
from polus.store.work import Work

Limit = Annotated[int, Meta(ge=1, le=100)]


class Cursor(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every list takes; lists add `order_by` and their filters."""

    cursor: str = ""
    limit: Limit = 30


class MetaCursors(msgspec.Struct, kw_only=True):
    """The way to the neighbouring pages."""

    prev_cursor: str | None
    next_cursor: str | None


class MetaTotal(MetaCursors, kw_only=True):
    """The same with the total, which is never counted."""

    total_resources: int | None


def orders(**given: tuple[str, Kind]) -> dict[str, Order]:
    """`name="expression", kind` → the orders `name:asc` and `name:desc`."""
    made = {}
    for name, (expression, kind) in given.items():
        for way in ("asc", "desc"):
            made[name + ":" + way] = Order(((expression, kind),), way == "desc")
    return made


async def page(
    work: Work,
    call: Call[Any, Any],
    select: str,
    statement: Statement,
    order: Order,
    *,
    id_column: str = "id",
    outer: str = "",
    total: bool = False,
) -> bytes:
    """Run one page's statement, as `desk.listings.page` says, and answer its envelope."""
    query = call.query
    found = await listings.page(
        work,
        select,
        statement,
        order,
        cursor=query.cursor,
        limit=query.limit,
        id_column=id_column,
        outer=outer,
    )
    return envelope(call, (row[2] for row in found.rows), found.prev_cursor, found.next_cursor, total=total)


def envelope(
    call: Call[Any, Any],
    items: Iterable[str],
    prev_cursor: str | None,
    next_cursor: str | None,
    *,
    total: bool = False,
) -> bytes:
    """`{object, uri, data, meta}` around items that are JSON text already."""
    meta: dict[str, Any] = {"prev_cursor": prev_cursor, "next_cursor": next_cursor}
    if total:
        meta["total_resources"] = None
    return wrapped(call, items, meta)


def wrapped(call: Call[Any, Any], items: Iterable[str], meta: dict[str, Any]) -> bytes:
    """The same with any `meta`."""
    head = b'{"object":"list","uri":' + msgspec.json.encode(uri(call)) + b',"data":['
    return head + ",".join(items).encode() + b'],"meta":' + msgspec.json.encode(meta) + b"}"


def uri(call: Call[Any, Any]) -> str:
    """The list's own address: wire: "/api/users?" keeps the bare `?` when there is no query."""
    sent = parse_qsl(call.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    path: str = call.scope["path"]
    return "/" + "/".join(filter(None, path.split("/"))) + "?" + urlencode(sent)


def sent(call: Call[Any, Any], name: str) -> bool:
    """Whether the query names the parameter; one that is absent has its default, which then says nothing."""
    keys = (key for key, _ in parse_qsl(call.scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return name in keys


def data(items: Sequence[str]) -> bytes:
    """`{"data": […]}` alone, where the wire has no envelope."""
    return b'{"data":[' + ",".join(items).encode() + b"]}"
