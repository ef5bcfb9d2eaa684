"""`/api/widgets`."""

from typing import Any

import pytest

from tests.world import World

TEMPLATE = {
    "type": "wrapper",
    "widgets": [{"type": "card", "path": "orders", "widgets": [], "meta": {"x": "{{a}}"}}],
}


async def integration(world: World, type: str = "http") -> int:
    rows = await world.rows(
        "insert into integrations (account_id, type, name, created_datetime, updated_datetime)"
        " values ($1, $2, 'Shop', now(), now()) returning id",
        type,
    )
    return rows[0][0]  # type: ignore[no-any-return]


async def test_a_widget_is_made_changed_and_deleted(world: World) -> None:
    number = await integration(world)
    made = await world.leo.post(
        "/api/widgets", {"type": "http", "integration_id": number, "template": TEMPLATE}
    )
    assert made.status == 201, made.raw
    widget = made.json
    assert (widget["template"], widget["context"], widget["order"]) == (TEMPLATE, "ticket", 0)
    path = f"/api/widgets/{widget['id']}"
    assert (await world.oda.get(path)).json == widget
    changed = await world.leo.put(path, {**widget, "order": 3, "context": "user"})
    assert (changed.status, changed.json["order"], changed.json["context"]) == (202, 3, "user")
    same = await world.leo.put(path, {"order": 3})
    assert same.json["updated_datetime"] == changed.json["updated_datetime"]
    assert [w["id"] for w in (await world.oda.get("/api/widgets", integration_id=number)).json["data"]] == [
        widget["id"]
    ]
    assert (await world.oda.get("/api/widgets", app_id="none")).json["data"] == []
    assert (await world.bea.delete(path)).status == 403
    assert (await world.leo.delete(path + "/")).status == 204
    assert (await world.oda.get(path)).status == 404
    assert await world.events() == [
        ("widget-created", "Widget", widget["id"], None),
        ("widget-updated", "Widget", widget["id"], {"order": [0, 3], "context": ["ticket", "user"]}),
        ("widget-deleted", "Widget", widget["id"], None),
    ]


async def test_order_of_widgets(world: World) -> None:
    body = {"type": "custom", "template": TEMPLATE}
    ids = [(await world.leo.post("/api/widgets", {**body, "order": n})).json["id"] for n in (2, 0, 1)]
    by_order = await world.oda.walk("/api/widgets", order_by="order:asc", limit=1)
    assert [w["id"] for w in by_order] == [ids[1], ids[2], ids[0]]
    assert [w["id"] for w in await world.oda.walk("/api/widgets", limit=2)] == ids[::-1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "http"}, "template"),
        ({"type": "http", "template": []}, "template"),
        ({"type": "http", "template": {"type": "card"}}, "template"),
        ({"type": "pigeon", "template": TEMPLATE}, "type"),
        ({"type": "http", "template": TEMPLATE, "integration_id": 999999}, "integration_id"),
        ({"type": "custom", "template": TEMPLATE, "integration_id": 1}, "integration_id"),
        ({"type": "custom", "template": TEMPLATE, "order": -1}, "order"),
        ({"type": "custom", "template": TEMPLATE, "context": "house"}, "context"),
        ({"type": "custom", "template": {**TEMPLATE, "more": "x" * 262_144}}, "template"),
    ],
)
async def test_what_is_wrong_is_told(world: World, body: Any, field: str) -> None:
    answer = await world.leo.post("/api/widgets", body)
    assert answer.status == 400
    assert list(answer.json["error"]["data"]) == [field]
    assert await world.events() == []
