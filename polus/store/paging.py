"""Keyset pages: cursors as on the live wire, and the condition and order they stand for.

A cursor is base64 of a JSON array `["next"|"prev", sort value, id]`; the position is strictly after (or before)
that pair, so rows that come or go meanwhile never repeat or break a walk. It holds no filters and never expires.
"""

import base64
import binascii
import datetime
import json
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from polus.base import errors

Kind = Literal["datetime", "text", "number"]


class Order(NamedTuple):
    """One way to sort a list: SQL expressions with their kinds, and one direction for all; ties go by id."""

    keys: tuple[tuple[str, Kind], ...]
    descending: bool

    @property
    def columns(self) -> str:
        """The expressions, for `order by` and row comparisons."""
        return ", ".join(expression for expression, _ in self.keys)

    @property
    def sort(self) -> str:
        """What a list selects as its sort value."""
        return self.columns if len(self.keys) == 1 else "row(" + self.columns + ")"


class Position(NamedTuple):
    """Where a cursor points."""

    forward: bool
    values: tuple[Any, ...]
    id: int


# How many rows is said in the text: of a parameter the planner thinks a tenth of the table, and then plans each call
# anew, which costs as much as the page itself.
LIMITS = tuple(" limit " + str(count) for count in range(512))

CASTS = {"datetime": "timestamptz", "text": "text", "number": "bigint"}


def _invalid() -> errors.Invalid:
    return errors.Invalid({"cursor": ["Invalid cursor."]}, "Invalid cursor")


def decode(cursor: str, order: Order) -> Position:
    """The position of `cursor`; 400 when it is none or its value does not fit the order."""
    try:
        direction, value, row = json.loads(base64.b64decode(cursor, validate=True))
        if direction not in ("next", "prev") or type(row) is not int or not -(2**63) <= row < 2**63:
            raise _invalid()
        given = value if len(order.keys) > 1 else [value]
        if not isinstance(given, list) or len(given) != len(order.keys):
            raise _invalid()
        kinds = (kind for _, kind in order.keys)
        return Position(direction == "next", tuple(map(_value, given, kinds)), row)
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        raise _invalid() from None


def _value(value: Any, kind: str) -> Any:
    if kind == "datetime" and isinstance(value, str):
        moment = datetime.datetime.fromisoformat(value)
        return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    if kind == "text" and isinstance(value, str) and "\0" not in value:
        return value
    if kind == "number" and type(value) is int and -(2**63) <= value < 2**63:
        return value
    raise _invalid()


def encode(forward: bool, value: Any, row: int) -> str:
    """The cursor behind (or before) the pair."""
    # wire: a sort by two keys puts an array: ["next", [12, "refund"], 929]
    given = (
        [_plain(item) for item in value]
        if isinstance(value, Sequence) and not isinstance(value, str)
        else _plain(value)
    )
    text = json.dumps(["next" if forward else "prev", given, row])
    return base64.b64encode(text.encode()).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        # wire: ["next", "2026-08-26T12:46:06.324070", 1812987]: naive UTC, always with microseconds
        return value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return value


class Statement:
    """The text and parameters of one list query, put together from constant fragments.

    Fragments come from the code, never from a request; what a request says is a parameter (`$?` in a fragment).
    """

    __slots__ = ("conditions", "order", "parameters")

    def __init__(self, *parameters: Any) -> None:
        self.parameters = list(parameters)
        self.conditions: list[str] = []
        # ` order by … limit …` of the page, once it was asked for
        self.order = ""

    def parameter(self, value: Any) -> str:
        """The place (`$3`) of one more parameter."""
        self.parameters.append(value)
        return "$" + str(len(self.parameters))

    def where(self, fragment: str, *values: Any) -> None:
        """Add an AND condition; each `$?` stands for the next of `values`."""
        for value in values:
            fragment = fragment.replace("$?", self.parameter(value), 1)
        self.conditions.append(fragment)

    def add(self, text: str, values: Sequence[Any]) -> None:
        """Add a compiled condition whose parameters are numbered on from those that are there."""
        self.conditions.append(text)
        self.parameters.extend(values)

    def page(self, order: Order, position: Position | None, limit: int, id_column: str) -> str:
        """` where … order by … limit …` for one page and one row more, which tells whether there is another."""
        forward = position is None or position.forward
        if position is not None:
            smaller = order.descending == position.forward
            sign = "<" if smaller else ">"
            # A row comparison with an index of the same shape is one range scan; the OR form is not.
            places = ", ".join("$?::" + CASTS[kind] for _, kind in order.keys)
            self.where(
                "(" + order.columns + ", " + id_column + ") " + sign + " (" + places + ", $?::bigint)",
                *position.values,
                position.id,
            )
        way = " desc" if order.descending == forward else " asc"
        self.order = (
            " order by "
            + "".join(expression + way + ", " for expression, _ in order.keys)
            + id_column
            + way
            + LIMITS[limit + 1]
        )
        return (" where " + " and ".join(self.conditions) if self.conditions else "") + self.order


class Page(NamedTuple):
    """Rows in reading order, and the cursors to what lies before and behind them."""

    rows: Sequence[Any]
    prev_cursor: str | None
    next_cursor: str | None


def turn(rows: Sequence[Any], position: Position | None, limit: int) -> Page:
    """Cut the extra row off and find the cursors. Rows begin with (sort value, id, …)."""
    more, rows = len(rows) > limit, list(rows[:limit])
    if position is not None and not position.forward:
        rows.reverse()
        before, behind = more, True
    else:
        before, behind = position is not None, more
    if not rows:
        return Page(rows, None, None)
    first, last = rows[0], rows[-1]
    return Page(
        rows,
        encode(False, first[0], first[1]) if before else None,
        encode(True, last[0], last[1]) if behind else None,
    )
