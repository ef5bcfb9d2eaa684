"""Widgets drawn: every kind of node, conditions, lists, links, and data that means harm."""

from typing import Any

import pytest

from polus.desk import widget_trees
from polus.desk.widget_trees import Link, Node, draw, walk

DATA = {
    "name": "Mia", "orders": [
        {"name": "#1", "total": "12.50", "currency": "eur", "at": "2026-03-22T16:05:00+00:00", "paid": True, "n": 1},
        {"name": "#3", "total": 7, "currency": "eur", "at": 1774195500, "paid": "false", "n": 3},
        {"name": "#2", "total": None, "n": 2},
    ],
    "mail": "mia@example.com", "phone": "+49 30 1234", "site": "https://a.example/?x=1", "tags": ["a", "b"],
    "picture": "https://a.example/p.png", "rate": 12.5, "empty": None, "blank": "", "deep": {"a": {"b": [{"c": 7}]}},
}  # fmt: skip


def wrapper(*widgets: Any, **more: Any) -> dict[str, Any]:
    return {"type": "wrapper", "widgets": list(widgets), **more}


def leaf(kind: str, path: str, **meta: Any) -> dict[str, Any]:
    return {"type": kind, "path": path, "title": "T", "meta": meta}


@pytest.mark.parametrize(
    ("node", "drawn"),
    [
        (leaf("text", "name"), Node("text", "T", "Mia")),
        (leaf("unheard-of", "name"), Node("text", "T", "Mia")),
        (leaf("number", "rate"), Node("number", "T", "12.5", 12.5)),
        (leaf("number", "name"), Node("text", "T", "Mia")),
        (leaf("percentage", "rate"), Node("percentage", "T", "12.5", 12.5)),
        (leaf("currency", "orders[0].total", currency="orders[0].currency"), Node("currency", "T", "12.50", 12.5, currency="EUR")),
        (leaf("currency", "rate", currency="usd"), Node("currency", "T", "12.5", 12.5, currency="USD")),
        (leaf("currency", "rate", currency="nonsense"), Node("currency", "T", "12.5", 12.5)),
        (leaf("date", "orders.0.at"), Node("date", "T", "2026-03-22T16:05:00+00:00", "2026-03-22T16:05:00+00:00")),
        (leaf("date", "orders[1].at", format="MMM Do YY"), Node("text", "T", "Mar 22nd 26")),
        (leaf("age", "orders[0].at"), Node("age", "T", "2026-03-22T16:05:00+00:00", "2026-03-22T16:05:00+00:00")),
        (leaf("date", "name"), Node("text", "T", "Mia")),
        (leaf("url", "site", label="Site of {{name}}"), Node("url", "T", "https://a.example/?x=1", url="https://a.example/?x=1", label="Site of Mia")),
        (leaf("link", "site"), Node("url", "T", "https://a.example/?x=1", url="https://a.example/?x=1")),
        (leaf("email", "mail"), Node("email", "T", "mia@example.com", url="mailto:mia@example.com")),
        (leaf("phone", "phone"), Node("phone", "T", "+49 30 1234", url="tel:+49301234")),
        (leaf("boolean", "orders[0].paid"), Node("boolean", "T", "True", True)),
        (leaf("boolean", "orders[1].paid"), Node("boolean", "T", "false", False)),
        (leaf("array", "tags"), Node("array", "T", "a, b")),
        (leaf("array", "orders.name"), Node("array", "T", "#1, #3, #2")),
        (leaf("image", "picture"), Node("image", "T", "https://a.example/p.png", url="https://a.example/p.png")),
        (leaf("text", "deep.a.b[0].c"), Node("text", "T", "7")),
        (leaf("text", "deep.a"), Node("text", "T", '{"b":[{"c":7}]}')),
    ],
)  # fmt: skip
def test_each_kind_of_leaf(node: dict[str, Any], drawn: Node) -> None:
    assert draw(wrapper(node), DATA) == (drawn,)


@pytest.mark.parametrize("path", ["empty", "blank", "nowhere", "orders[9].name", "name.first", "deep..x"])
def test_what_is_missing_is_hidden(path: str) -> None:
    assert draw(wrapper(leaf("text", path)), DATA) == ()
    assert (
        draw(wrapper({"type": "card", "path": "nowhere", "title": "T", "widgets": [leaf("text", "")]}), DATA)
        == ()
    )
    assert draw(wrapper(leaf("text", "name"), path="nowhere"), DATA) == ()


def test_cards_nest_and_stand_in_order() -> None:
    card = {
        "type": "card", "path": "deep", "title": "Of {{a.b[0].c}}", "order": 2,
        "meta": {"link": "https://x.example/{{a.b[0].c}}", "color": "#aabbcc", "pictureUrl": "javascript:1",
                 "custom": {"links": [{"url": "https://x.example/?q={{a.b[0].c}}&r={{ticket.id}}", "label": "More"}, {"url": "javascript:1", "label": "No"}]}},
        "widgets": [{"type": "card", "path": "a.b[0]", "meta": {"displayCard": False}, "widgets": [leaf("text", "c")]}],
    }  # fmt: skip
    last = {**leaf("text", "name"), "order": 1}
    first, second = draw(wrapper(card, last), DATA, {"ticket": {"id": 5}})
    assert first.text == "Mia"
    assert (second.title, second.url, second.colour, second.picture) == (
        "Of 7",
        "https://x.example/7",
        "#aabbcc",
        "",
    )
    assert second.links == (Link("More", "https://x.example/?q=7&r=5"),)
    assert second.children == (Node("card", framed=False, children=(Node("text", "T", "7"),)),)


def test_lists_repeat_sort_and_end() -> None:
    def names(**meta: Any) -> list[Any]:
        drawn = draw(
            wrapper({"type": "list", "path": "orders", "meta": meta, "widgets": [leaf("text", "name")]}), DATA
        )
        return [node.text or node.value for node in drawn]

    assert names() == ["#1", "#3", "#2"]
    assert names(orderBy="-n") == ["#3", "#2", "#1"]
    assert names(orderBy="+total") == ["#3", "#1", "#2"]
    assert names(limit=1) == ["#1", 2]
    assert len(names(limit=-1)) == 3
    one = draw(wrapper({"type": "list", "path": "deep", "widgets": [leaf("text", "a.b[0].c")]}), DATA)
    assert [node.text for node in one] == ["7"]


@pytest.mark.parametrize(
    ("condition", "there"),
    [
        ({"path": "name", "equals": "Mia"}, True), ({"path": "name", "equals": "Bea"}, False),
        ({"path": "name", "notEquals": "Bea"}, True), ({"path": "empty", "exists": False}, True),
        ({"path": "empty"}, False), ({"path": "tags", "exists": True}, True), ("nonsense", True),
    ],
)  # fmt: skip
def test_conditions_hide(condition: Any, there: bool) -> None:
    assert bool(draw(wrapper(leaf("text", "name", showIf=condition)), DATA)) == there


def test_hostile_data_is_text_and_leads_nowhere() -> None:
    evil = {"js": "javascript:alert(1)", "data": "data:text/html,x", "html": "<img src=x onerror=alert(1)>",
            "template": "{{name}}", "name": "x", "crlf": "https://a.example/\r\nX: 1", "mail": "a@b.example?bcc=c@d.example "}  # fmt: skip
    for kind in ("url", "link", "image", "email", "phone"):
        for path in evil:
            (node,) = draw(wrapper(leaf(kind, path)), evil)
            assert node.url == "" or node.url.startswith(("mailto:", "https:")), (kind, path)
            assert "\r" not in node.url
    (node,) = draw(wrapper(leaf("text", "template")), evil)
    assert node.text == "{{name}}"
    links = [
        {"url": text, "label": "x"}
        for text in ("{{js}}", "{{data}}", "https://a.example/{{html}}", "{{crlf}}", "file:///x")
    ]
    (card,) = draw(wrapper({"type": "card", "meta": {"custom": {"links": links}}, "widgets": []}), evil)
    assert [link.url for link in card.links] == [
        "https://a.example/%3Cimg%20src%3Dx%20onerror%3Dalert%281%29%3E"
    ]


@pytest.mark.parametrize(
    "template",
    [
        {}, {"widgets": None}, {"widgets": [1, None, "x", []]}, wrapper({"type": None, "path": 7}),
        wrapper({"type": "card", "meta": [], "title": 7, "widgets": {}}), wrapper({"type": "list", "path": "name", "meta": {"limit": "x", "orderBy": 7}}),
        wrapper({"type": "card", "meta": {"custom": {"links": [7, {}]}, "link": 7, "color": 7}, "widgets": [leaf("date", "tags", format=7)]}),
        wrapper({"type": "text", "path": "name", "order": "first", "title": "{{" * 9}),
        wrapper({"type": "date", "path": "rate", "meta": {"format": "M" * 999}}),
    ],
)  # fmt: skip
def test_odd_templates_draw_what_they_can(template: dict[str, Any]) -> None:
    assert isinstance(draw(template, DATA), tuple)


def test_trees_are_bounded() -> None:
    node = leaf("text", "")
    for _ in range(200):
        node = {"type": "card", "path": "", "widgets": [node]}
    assert draw(wrapper(node), "x") == ()
    items = {"a": [{"b": [{"c": "x" * 5000}] * 100}] * 100}
    inner = {"type": "list", "path": "b", "meta": {"limit": 1000}, "widgets": [leaf("text", "c")]}
    nodes = draw(wrapper({"type": "list", "path": "a", "meta": {"limit": 1000}, "widgets": [inner]}), items)
    assert len([node for node in nodes if node.kind == "text"]) <= widget_trees.MOST_NODES
    assert max(len(node.text) for node in nodes) == widget_trees.LONGEST


def test_paths() -> None:
    assert walk(DATA, "") is DATA
    assert walk(DATA, "orders[-1].name") == "#2"
    assert walk(DATA, "orders.1.name") == "#3"
    assert walk({"0": "zero"}, "0") == "zero"
