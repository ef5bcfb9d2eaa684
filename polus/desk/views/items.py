"""What a view shows: one page of tickets (or customers) in its order, and the cursors to its neighbours.

Nulls come last both ways. A page is one statement: those with a value from where the cursor points, then those without.
"""

import base64
import binascii
import datetime
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from polus.base import errors
from polus.desk import filters
from polus.desk.customers import forms
from polus.desk.tickets import projections
from polus.desk.views import counting, searching, views
from polus.lang.sql import Where
from polus.store.paging import LIMITS, Statement
from polus.store.work import Work

# order -> (expression over t or c, kind)
TICKETS = {
    "created_datetime": ("t.created_datetime", "datetime"),
    "updated_datetime": ("t.updated_datetime", "datetime"),
    "last_message_datetime": ("t.last_message_datetime", "datetime"),
    "last_received_message_datetime": ("t.last_received_message_datetime", "datetime"),
    "closed_datetime": ("t.closed_datetime", "datetime"),
    "snooze_datetime": ("t.snooze_datetime", "datetime"),
    "priority": ("t.priority", "number"),
}
CUSTOMERS = {
    "created_datetime": ("c.created_datetime", "datetime"),
    "updated_datetime": ("c.updated_datetime", "datetime"),
    "name": ("c.name", "text"),
    "email": ("c.email", "text"),
}
NEVER_NULL = ("created_datetime", "updated_datetime")
PERSON = forms.ITEM + "::text"
LISTED = projections.COMPACT_LIST
CASTS = {"datetime": "::timestamptz", "number": "::smallint", "text": "::text"}

# `$2` is whom `is_unread` is told for. The two halves are read by the same index, one after the other.
PAGE = """
select p.value, p.id, {form} from (select * from (
  select * from (
    select {column} as value, {alias}.id from {source} where {conditions} and {column} is not null {position}
    order by {column} {way} nulls {nulls}, {alias}.id {way} limit {limit}) valued
  union all
  select * from (
    select {column} as value, {alias}.id from {source} where {conditions} and {column} is null {unvalued}
    order by {alias}.id {way} limit {limit}) empty) halves
  order by (value is null) {last}, value {way}, id {way} limit {limit}
) p join {table} on {alias}.account_id = $1 and {alias}.id = p.id
order by (p.value is null) {last}, p.value {way}, p.id {way}
"""

# Where a filter has no index to serve it: what it selected when it was last counted, and all that changed since.
FEW = """
(select unnest({ids}::bigint[]) as id union select x.id from tickets x
  where x.account_id = $1 and x.merged_into_id is null and x.updated_datetime >= {since}::timestamptz) few
join tickets t on t.id = few.id
"""


class Shown(msgspec.Struct, frozen=True):
    """What is to be shown: a stored view, an ad-hoc one, or one laid over the other."""

    type: str
    filters: str
    order_by: str
    order_dir: str
    search: str | None
    active: bool


class Position(NamedTuple):
    """Where a cursor points: a sort value (None: among those without) and an id."""

    forward: bool
    value: Any
    id: int


class Page(msgspec.Struct, frozen=True):
    """Items as JSON text, the cursors around them, and the ids that the wire leaves out of the neighbouring pages."""

    items: list[str]
    current_cursor: str | None
    next_cursor: str | None
    prev_cursor: str | None
    first_id: int | None
    last_id: int | None


def encode(forward: bool, value: Any, row: int) -> str:
    """wire: ["next", "1700000000.123456", "42"]: epoch seconds and id, both texts; no value is ""."""
    if isinstance(value, datetime.datetime):
        micros = (value - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(
            microseconds=1
        )
        seconds, rest = divmod(micros, 1_000_000)
        value = str(seconds) + (f".{rest:06d}".rstrip("0") if rest else "")
    text = json.dumps(["next" if forward else "prev", "" if value is None else str(value), str(row)])
    return base64.b64encode(text.encode()).decode()


def decode(cursor: str, kind: str) -> Position:
    """The position; 400 for anything else, older forms included."""
    try:
        direction, value, row = json.loads(base64.b64decode(cursor, validate=True))
        if direction not in ("next", "prev") or not isinstance(value, str) or not isinstance(row, str):
            raise ValueError(direction)
        if not row.isdigit() or not row.isascii() or int(row) >= 2**63 or "\0" in value:
            raise ValueError(row)
        return Position(direction == "next", _value(value, kind), int(row))
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        raise errors.Invalid({"cursor": ["Invalid cursor."]}, "Invalid cursor") from None


def _value(text: str, kind: str) -> Any:
    if text == "":
        return None
    if kind == "datetime":
        seconds, _, fraction = text.partition(".")
        micros = int(seconds) * 1_000_000 + int((fraction + "000000")[:6])
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=micros)
    if kind == "number":
        number = int(text)
        if not 1 <= number <= 4:
            raise ValueError(text)
        return number
    return text


async def page(
    work: Work,
    shown: Shown,
    *,
    cursor: str,
    direction: str | None,
    ignored: int | None,
    limit: int,
    order: str | None,
) -> Page:
    """One page for the actor, in at most four statements (custom fields, the caller, what is remembered, the page)."""
    customers = shown.type == "customer-list"
    by, _, way = (order or shown.order_by + ":" + shown.order_dir).partition(":")
    column, kind = (CUSTOMERS if customers else TICKETS).get(by, (None, None))
    if column is None or kind is None:
        raise errors.Invalid({"order_by": [errors.NOT_CHOICE]}, "Invalid query parameters")
    position = decode(cursor, kind) if cursor else None
    if position is not None and direction is not None:
        position = position._replace(forward=direction == "next")
    if not shown.active:
        return Page([], None, None, None, None, None)
    parameters, conditions = await _conditions(work, shown, customers, ignored)
    form = PERSON if customers else projections.COMPACT_VIEW
    source = "" if customers or shown.search else await _few(work, shown.filters, parameters)
    sql = _statement(
        customers, column, kind, way == "desc", position, limit, conditions, parameters, form, source
    )
    rows = await work.db.fetch(sql, *parameters)
    return _cut(rows, position, limit, cursor)


async def _few(work: Work, text: str, parameters: list[Any]) -> str:
    """What to read instead of all tickets; `""` when nothing is remembered of the filter."""
    known = await counting.remembered(work, text)
    if known is None:
        return ""
    parameters += [known.ids, known.since]
    ids, since = "$" + str(len(parameters) - 1), "$" + str(len(parameters))
    return FEW.replace("{ids}", ids).replace("{since}", since)


async def _conditions(
    work: Work, shown: Shown, customers: bool, ignored: int | None
) -> tuple[list[Any], str]:
    parameters: list[Any] = [work.account.id, work.actor.user_id]
    alias = "c" if customers else "t"
    parts = [alias + ".account_id = $1", alias + ".merged_into_id is null"]
    if customers:
        parts += ["c.deleted_datetime is null", "($2::bigint is null or true)"]
    meaning = await filters.meaning(work, shown.filters, customers=customers)
    asking = await filters.caller(work, shown.filters)
    where = filters.where(meaning, asking, work.now, len(parameters))
    parameters += where.values
    parts.append(where.text)
    if shown.search and not customers:
        parts.append(searching.condition(shown.search, parameters))
    if ignored is not None:
        parameters.append(ignored)
        parts.append(alias + ".id <> $" + str(len(parameters)))
    return parameters, " and ".join(parts)


def _statement(
    customers: bool,
    column: str,
    kind: str,
    descending: bool,
    position: Position | None,
    limit: int,
    conditions: str,
    parameters: list[Any],
    form: str,
    source: str = "",
) -> str:
    forward = position is None or position.forward
    alias = "c" if customers else "t"
    down = descending == forward
    valued = unvalued = ""
    if position is not None:
        valued, unvalued = _from(position, column, kind, alias, down, parameters)
    replaced = {
        "{form}": form,
        "{source}": source or ("customers c" if customers else "tickets t"),
        "{table}": "customers c" if customers else "tickets t",
        "{alias}": alias,
        "{column}": column,
        "{conditions}": conditions,
        "{position}": valued,
        "{unvalued}": unvalued,
        "{way}": "desc" if down else "asc",
        # As the indexes are, read either way: descending with nulls last, or ascending where there are none.
        "{nulls}": "last" if down != column.endswith(NEVER_NULL) else "first",
        # Backward from the end, those without a value come first.
        "{last}": "asc" if forward else "desc",
        "limit {limit}": LIMITS[limit + 1],
    }
    sql = PAGE
    for place, text in replaced.items():
        sql = sql.replace(place, text)
    return sql


def _from(
    position: Position, column: str, kind: str, alias: str, down: bool, parameters: list[Any]
) -> tuple[str, str]:
    """What narrows the half with values and the half without to what lies beyond the cursor."""
    sign = "<" if down else ">"
    parameters.append(position.id)
    row = "$" + str(len(parameters)) + "::bigint"
    beyond = "and " + alias + ".id " + sign + " " + row
    if position.value is None:
        # Among those without a value: forward nothing with a value is left, backward all of it.
        return ("and false", beyond) if position.forward else ("", beyond)
    parameters.append(position.value)
    value = "$" + str(len(parameters)) + CASTS[kind]
    pair = "and (" + column + ", " + alias + ".id) " + sign + " (" + value + ", " + row + ")"
    return pair, "" if position.forward else "and false"


def _cut(rows: Sequence[Any], position: Position | None, limit: int, cursor: str) -> Page:
    more, found = len(rows) > limit, list(rows[:limit])
    if position is not None and not position.forward:
        found.reverse()
        before, behind = more, True
    else:
        before, behind = position is not None, more
    if not found:
        return Page([], cursor or None, None, None, None, None)
    first, last = found[0], found[-1]
    current = cursor or (encode(True, first[0], first[1]) if behind else None)
    return Page(
        [row[2] for row in found],
        current,
        encode(True, last[0], last[1]) if behind else None,
        encode(False, first[0], first[1]) if before else None,
        first[1],
        last[1],
    )


async def of_tickets(work: Work, view_id: int) -> Mapping[str, Any]:
    """A stored ticket view, for lists of tickets; 400 when it is unknown or switched off."""
    try:
        view = await views.read(work, view_id)
    except errors.NotFound:
        view = {"deactivated_datetime": True, "type": ""}
    if view["deactivated_datetime"] is not None or view["type"] != "ticket-list":
        raise errors.Invalid({"view_id": [errors.MISSING_OBJECT]}, "Invalid query parameters")
    return view


async def narrowing(work: Work, view: Mapping[str, Any], taken: int) -> Where:
    """The view's condition over `t`."""
    found = await filters.meaning(work, view["filters"])
    where = filters.where(found, await filters.caller(work, view["filters"]), work.now, taken)
    if not view["search"]:
        return where
    parameters = [None] * taken + where.values
    text = where.text + " and " + searching.condition(view["search"], parameters)
    return Where(text, parameters[taken:])


async def in_order(
    work: Work, view: Mapping[str, Any], statement: Statement, *, cursor: str, limit: int
) -> Page:
    """A page of a list of tickets in the view's own order; `statement` holds the conditions, the view's among them."""
    column, kind = TICKETS[view["order_by"]]
    position = decode(cursor, kind) if cursor else None
    conditions, parameters = " and ".join(statement.conditions), statement.parameters
    down = view["order_dir"] == "desc"
    sql = _statement(False, column, kind, down, position, limit, conditions, parameters, LISTED)
    return _cut(await work.db.fetch(sql, *parameters), position, limit, cursor)


def overlaid(stored: Mapping[str, Any] | None, given: Mapping[str, Any]) -> Shown:
    """A stored view with a request's keys laid over it; without one, the keys alone."""
    base: Mapping[str, Any] = stored or {
        "type": "ticket-list",
        "filters": "",
        "order_by": "updated_datetime",
        "order_dir": "desc",
        "search": None,
        "deactivated_datetime": None,
    }
    both = {**base, **given}
    return Shown(
        type=both["type"],
        filters=both["filters"],
        order_by=both["order_by"],
        order_dir=both["order_dir"],
        search=both["search"],
        active=both.get("deactivated_datetime") is None,
    )
