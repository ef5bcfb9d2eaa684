"""One page of a list: runs the statement that a resource's module gives and turns its rows over.

Which rows there are and in which order is the resource's business; the envelope around them, the door's.
"""

from typing import Any, NamedTuple

import msgspec

from polus.store import paging
from polus.store.paging import Order, Page, Statement
from polus.store.work import Work

Wire = dict[str, Any]


class Listed(NamedTuple):
    """Things in the wire's shape, and the cursors to the pages around them."""

    data: list[Wire]
    prev_cursor: str | None
    next_cursor: str | None


async def page(
    work: Work,
    select: str,
    statement: Statement,
    order: Order,
    *,
    cursor: str = "",
    limit: int = 30,
    id_column: str = "id",
    outer: str = "",
) -> Page:
    """One page of rows (sort value, id, JSON text). 400 for a cursor that is none.

    `select` chooses (`{sort}`, id, JSON text) and the conditions, order and limit follow it; `outer` closes what
    `select` opened, for projections that are made after the page was cut, and may repeat them as `{order}`.
    """
    position = paging.decode(cursor, order) if cursor else None
    tail = statement.page(order, position, limit, id_column)
    sql = select.replace("{sort}", order.sort) + tail + outer.replace("{order}", statement.order)
    return paging.turn(await work.db.fetch(sql, *statement.parameters), position, limit)


async def browse(
    work: Work,
    select: str,
    statement: Statement,
    order: Order,
    *,
    cursor: str = "",
    limit: int = 50,
    **more: Any,
) -> Listed:
    """The same, decoded: for pages that people look at."""
    found = await page(work, select, statement, order, cursor=cursor, limit=limit, **more)
    return Listed([msgspec.json.decode(row[2]) for row in found.rows], found.prev_cursor, found.next_cursor)
