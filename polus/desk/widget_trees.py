"""Draws widgets: a template and data become a tree of plain nodes that a page can show without further thought.

Pure. Whatever the data is, the tree is bounded, its texts are texts and its addresses lead to the web, a mailbox or a
telephone. Which widgets there are and where their data is from is said by `widgets`.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from polus.base import addresses, clock, wire
from polus.lang import moments, paths, template
from polus.lang.refused import Refused
from polus.lang.template import Target, Variable
from polus.lang.template_filters import show
from polus.lang.values import instant, number

DEEPEST = 12
MOST_NODES = 400
MOST_LINES = 50  # of one list
LINES = 5
LONGEST = 2_000  # characters of one text

MOST_BUTTONS = 20  # of one card, as of links
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
NUMBERS = frozenset(("number", "currency", "percentage"))
_WEB = re.compile(r"https?://[^\s\x00-\x1f]{1,2000}", re.IGNORECASE)
_ADDRESS = re.compile(r"(?:https?://|mailto:|tel:)[^\s\x00-\x1f]{1,2000}", re.IGNORECASE)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_STEP = re.compile(r"[^.\[\]]+|\[\s*(-?\d{1,9})\s*\]")

Json = Mapping[str, Any]

# How a shop's customer is shown where nobody has written a widget for it.
ORDERS: Json = {
    "type": "wrapper",
    "widgets": [
        {
            "type": "card",
            "title": "Shop",
            "path": "customer",
            "widgets": [
                {"type": "number", "path": "orders_count", "title": "Orders"},
                {
                    "type": "currency",
                    "path": "total_spent",
                    "title": "Spent",
                    "meta": {"currency": "currency"},
                },
                {"type": "text", "path": "note", "title": "Note"},
            ],
        },
        {
            "type": "list",
            "path": "orders",
            "widgets": [
                {
                    "type": "card",
                    "title": "Order {{name}}",
                    "meta": {"link": "{{order_status_url}}"},
                    "widgets": [
                        {"type": "date", "path": "created_at", "title": "Ordered"},
                        {
                            "type": "currency",
                            "path": "total_price",
                            "title": "Total",
                            "meta": {"currency": "currency"},
                        },
                        {"type": "text", "path": "financial_status", "title": "Payment"},
                        {"type": "text", "path": "fulfillment_status", "title": "Delivery"},
                        {"type": "date", "path": "cancelled_at", "title": "Cancelled"},
                        {"type": "array", "path": "line_items.title", "title": "Articles"},
                        {
                            "type": "url",
                            "path": "fulfillments[-1].tracking_url",
                            "title": "Tracking",
                            "meta": {"label": "{{fulfillments[-1].tracking_number}}"},
                        },
                    ],
                }
            ],
        },
    ],
}


class Link(msgspec.Struct, frozen=True):
    """A labelled address that may be followed."""

    label: str
    url: str


class Button(msgspec.Struct, frozen=True):
    """A labelled HTTP call, its variables filled: `method`, `url`, `headers`, `params`, `body`. Headers may hold keys, so
    it is made by us, never shown."""

    label: str
    call: dict[str, Any]

    @property
    def key(self) -> str:
        """Names exactly this call: when the data behind it changes it is another one."""
        return hashlib.sha256(wire.encode(self).encode()).hexdigest()[:32]


class Node(msgspec.Struct, frozen=True):
    """One thing to show.

    `kind`: card, text, number, currency, percentage, date, age, url, email, phone, boolean, array, image, more (a list
    went on: `value` says how much). `text` is the value as text, `value` what a page formats for its reader: a number, a
    boolean, an ISO date; `url` where it leads. A card without `framed` is only its children.
    """

    kind: str
    title: str = ""
    text: str = ""
    value: Any = None
    url: str = ""
    label: str = ""
    currency: str = ""
    colour: str = ""
    picture: str = ""
    framed: bool = True
    links: tuple[Link, ...] = ()
    buttons: tuple[Button, ...] = ()
    children: tuple["Node", ...] = ()


class _Drawing:
    """One drawing of one template. `around` is what links may name besides the data; `zone` the reader's."""

    def __init__(self, around: Json, zone: str) -> None:
        self._around = around
        self._zone = zone
        self._left = MOST_NODES

    def children(self, node: Json, data: Any, depth: int) -> tuple[Node, ...]:
        """The widgets of a container, lower `order` first."""
        given = node.get("widgets")
        if not isinstance(given, list) or depth > DEEPEST:
            return ()
        nodes = sorted((one for one in given if isinstance(one, dict)), key=_order)
        found: list[Node] = []
        for one in nodes:
            found += self.node(one, data, depth)
        return tuple(found)

    def node(self, node: Json, parent: Any, depth: int) -> Sequence[Node]:
        """What a node comes to: nothing when its value is missing."""
        kind = node.get("type")
        data = walk(parent, node.get("path"))
        if self._left <= 0 or (data is None and kind != "card") or not _holds(node, parent):
            return ()
        if kind == "list":
            return self._list(node, data, depth)
        if kind == "card":
            return self._card(node, data, depth)
        if kind == "wrapper":
            return self.children(node, data, depth + 1)
        if data in ("", [], {}):
            return ()
        self._left -= 1
        return (self._leaf(str(kind), node, data, parent),)

    def _list(self, node: Json, data: Any, depth: int) -> Sequence[Node]:
        meta = _meta(node)
        items = data if isinstance(data, list) else [data]
        items = _ordered([item for item in items if item is not None], meta.get("orderBy"))
        limit = meta.get("limit")
        most = min(limit, MOST_LINES) if type(limit) is int and limit > 0 else LINES
        found: list[Node] = []
        for item in items[:most]:
            found += self.children(node, item, depth + 1)
        if found and len(items) > most:
            found.append(Node("more", value=len(items) - most))
        return found

    def _card(self, node: Json, data: Any, depth: int) -> Sequence[Node]:
        meta = _meta(node)
        # A card without data lives on its links and buttons alone, as those of standalone widgets do.
        if data is None and node.get("path"):
            return ()
        self._left -= 1
        children = self.children(node, {} if data is None else data, depth + 1)
        custom = meta.get("custom")
        links = [self._link(one, data) for one in _objects(custom, "links")]
        buttons = [self._button(one, data) for one in _objects(custom, "buttons")]
        shown = tuple(link for link in links if link is not None)
        pressed = tuple(button for button in buttons if button is not None)
        if not children and not shown and not pressed:
            return ()
        colour = str(meta.get("color") or "")
        picture = self._address(meta.get("pictureUrl"), data)
        return (
            Node(
                "card",
                title=self._filled(node.get("title"), data),
                url=self._address(meta.get("link"), data),
                colour=colour if _COLOUR.fullmatch(colour) else "",
                picture=picture if _WEB.fullmatch(picture) else "",
                framed=meta.get("displayCard") is not False,
                links=shown,
                buttons=pressed,
                children=children,
            ),
        )

    def _link(self, given: Json, data: Any) -> Link | None:
        url = self._address(given.get("url"), data)
        return Link(self._filled(given.get("label"), data) or url, url) if url else None

    def _button(self, given: Json, data: Any) -> Button | None:
        action = given.get("action")
        label = self._filled(given.get("label"), data)
        url = self._address(action.get("url"), data) if isinstance(action, dict) else ""
        method = str(action.get("method") or "GET").upper() if isinstance(action, dict) else ""
        if not isinstance(action, dict) or not label or method not in METHODS or not _WEB.fullmatch(url):
            return None
        try:
            more = {
                name: template.leaves(action.get(name), self._context(data), self._zone)
                for name in ("params", "body")
            }
        except Refused:
            return None
        given_headers = action.get("headers")
        headers = given_headers.items() if isinstance(given_headers, dict) else ()
        more["headers"] = {name: self._render(str(value), data, Target.LINE) for name, value in headers}
        return Button(label, {"method": method, "url": url} | more)

    def _context(self, data: Any) -> Json:
        return {**self._around, **(data if isinstance(data, dict) else {})}

    def _leaf(self, kind: str, node: Json, data: Any, parent: Any) -> Node:
        title, text = self._filled(node.get("title"), parent), _text(data)
        meta = _meta(node)
        if kind in NUMBERS and (exact := number(data)) is not None:
            currency = self._currency(meta, parent) if kind == "currency" else ""
            return Node(kind, title, text, float(exact), currency=currency)
        if kind in ("date", "age") and (at := _moment(data)) is not None:
            pattern = meta.get("format")
            if kind == "date" and isinstance(pattern, str) and pattern:
                return Node("text", title, self._written(at, pattern))
            return Node(kind, title, text, clock.text(at))
        if kind == "boolean" and str(data).lower() in ("true", "false"):
            return Node(kind, title, text, str(data).lower() == "true")
        if kind == "array" and isinstance(data, list):
            return Node(kind, title, ", ".join(_text(one) for one in data[:MOST_LINES])[:LONGEST])
        url = _leads(kind, text)
        if url:
            label = self._filled(meta.get("label"), parent)
            return Node("url" if kind == "link" else kind, title, text, url=url, label=label)
        return Node("text", title, text)

    def _written(self, at: datetime, pattern: str) -> str:
        try:
            return moments.write(at, pattern, self._zone)
        except ValueError:
            return clock.text(at)

    def _currency(self, meta: Json, parent: Any) -> str:
        """A code, or the path to one beside the value."""
        given = meta.get("currency")
        found = walk(parent, given) if isinstance(given, str) else None
        given = found if isinstance(found, str) else given
        return given.upper() if isinstance(given, str) and _CURRENCY.fullmatch(given) else ""

    def _filled(self, given: Any, data: Any) -> str:
        """A text of the template with the data's fields in it."""
        return self._render(given, data, Target.LINE)[:LONGEST] if isinstance(given, str) else ""

    def _address(self, given: Any, data: Any) -> str:
        """An address of the template: fields are percent-encoded, but for one that the whole address begins with."""
        if not isinstance(given, str):
            return ""
        try:
            parts = template.parse(given.strip())
        except Refused:
            return ""
        first = parts[0].source if parts and isinstance(parts[0], Variable) else ""
        rest = given.strip()[len(first) :]
        made = self._render(first, data, Target.LEAF) + self._render(rest, data, Target.URL)
        return made if _ADDRESS.fullmatch(made) else ""

    def _render(self, text: str, data: Any, target: Target) -> str:
        try:
            return template.render(text, self._context(data), target, self._zone)
        except Refused:
            return ""


def draw(given: Json, data: Any, around: Json | None = None, zone: str = "UTC") -> tuple[Node, ...]:
    """The nodes of a widget's template; none when there is nothing to show."""
    start = walk(data, given.get("path"))
    return () if start is None else _Drawing(around or {}, zone).children(given, start, 0)


def walk(data: Any, path: Any) -> Any:
    """What stands at a dot path with list indexes, `orders[0].name` or `orders.0.name`; the data itself for `""`."""
    if not isinstance(path, str) or not path:
        return data
    for found in list(_STEP.finditer(path))[:20]:
        step: str | int = found[1] or found[0]
        if found[1] or (isinstance(data, list) and found[0].isascii() and found[0].isdigit()):
            step = int(step)
        data = paths.walk(data, (step,))
    return data


def _leads(kind: str, text: str) -> str:
    """Where a leaf of this kind leads; nowhere when its value is no such address."""
    if kind in ("url", "link"):
        return text if _ADDRESS.fullmatch(text) else ""
    if kind == "image":
        return text if _WEB.fullmatch(text) else ""
    if kind == "email":
        return "mailto:" + text if addresses.is_email(text) else ""
    if kind == "phone":
        digits = re.sub(r"[^+0-9]", "", text)
        return "tel:" + digits if addresses.phone(text) else ""
    return ""


def _moment(value: Any) -> datetime | None:
    """An ISO text, or seconds since 1970."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (ValueError, OSError, OverflowError):
            return None
    return instant(value)


def _meta(node: Json) -> Json:
    meta = node.get("meta")
    return meta if isinstance(meta, dict) else {}


def _objects(custom: Any, name: str) -> list[Json]:
    """The links or buttons that a card was given; what is none is passed over."""
    given = custom.get(name) if isinstance(custom, dict) else None
    found: list[Json] = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    return found[:MOST_BUTTONS]


def _order(node: Json) -> float:
    order = node.get("order")
    return order if isinstance(order, int | float) else 0


def _holds(node: Json, parent: Any) -> bool:
    """Whether the condition of a node is met: `meta.showIf {path, equals | notEquals | exists}`."""
    condition = _meta(node).get("showIf")
    if not isinstance(condition, dict):
        return True
    value = walk(parent, condition.get("path"))
    if "equals" in condition:
        return bool(value == condition["equals"])
    if "notEquals" in condition:
        return bool(value != condition["notEquals"])
    return (value not in (None, "", [], {})) == (condition.get("exists") is not False)


def _ordered(items: list[Any], given: Any) -> list[Any]:
    """By a field, `+field` or `-field`: numbers as numbers, texts as texts, what has none last."""
    if not isinstance(given, str) or not given.strip("+-"):
        return items
    down, name = given.startswith("-"), given.lstrip("+-")
    held = [(walk(item, name), item) for item in items]
    there = [(value, item) for value, item in held if isinstance(value, str | int | float)]
    there.sort(key=lambda one: _sortable(one[0]), reverse=down)
    return [item for _, item in there] + [
        item for value, item in held if not isinstance(value, str | int | float)
    ]


def _sortable(value: Any) -> tuple[int, float, str]:
    exact = number(value)
    return (0, float(exact), "") if exact is not None else (1, 0.0, str(value))


def _text(value: Any) -> str:
    text = show(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
