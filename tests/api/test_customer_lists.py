"""`GET /api/customers`: filters, orders, pages."""

from typing import Any

from tests import make
from tests.world import World


async def test_lists_filter_exactly(world: World) -> None:
    ann = await make.customer(world, **make.ANN)
    bob = await make.customer(
        world,
        email="bob@shop.example",
        name="Bob",
        language="de",
        channels=[{"type": "phone", "address": "555 01"}, {"type": "chat", "address": "49301234"}],
    )

    async def found(**query: Any) -> list[int]:
        answer = await world.oda.get("/api/customers", **query)
        assert answer.status == 200, answer.raw
        return [customer["id"] for customer in answer.json["data"]]

    assert await found() == [bob["id"], ann["id"]]
    assert await found(email="ANN@shop.example") == [ann["id"]]
    assert await found(email="ann@shop") == []
    assert await found(name="ann VAN lee") == [ann["id"]]
    assert await found(name="ann") == []
    assert await found(external_id="C-7") == [ann["id"]]
    assert await found(external_id="c-7") == []
    assert await found(language="de") == [bob["id"]]
    assert await found(timezone="Europe/Paris", language="en") == [ann["id"]]
    assert await found(timezone="Europe/Paris", language="de") == []
    assert await found(channel_type="phone") == [bob["id"], ann["id"]]
    assert await found(channel_type="phone", channel_address="0049 30 1234") == [ann["id"]]
    assert await found(channel_type="twitter", channel_address="@ann") == [ann["id"]]
    assert await found(channel_type="twitter", channel_address="555 01") == []
    assert await found(channel_address="55501") == [bob["id"]]
    assert await found(channel_address="@ANN") == [ann["id"]]
    assert await found(channel_address="49301234") == [bob["id"], ann["id"]]
    assert await found(email="") == [bob["id"], ann["id"]]
    for query in (
        {"view_id": 1},
        {"language": "xx"},
        {"timezone": "x"},
        {"order_by": "name:asc"},
        {"limit": 101},
        {"limit": 0},
        {"page": 1},
        {"cursor": "x"},
    ):
        answer = await world.oda.get("/api/customers", **query)
        assert (answer.status, list(answer.json["error"]["data"])) == (400, list(query)), query


async def test_lists_walk_in_both_directions(world: World) -> None:
    made = [await make.customer(world, name=name, language="fr") for name in "abcdef"]
    await world.lia.put(f"/api/customers/{made[2]['id']}", {"note": "x"})
    for order in ("created_datetime", "updated_datetime"):
        for way in ("asc", "desc"):
            by = f"{order}:{way}"
            whole = (await world.oda.get("/api/customers", limit=100, order_by=by)).json
            assert whole["meta"] == {"prev_cursor": None, "next_cursor": None}
            assert [c[order] for c in whole["data"]] == sorted(
                (c[order] for c in whole["data"]), reverse=way == "desc"
            )
            for filters in ({}, {"language": "fr"}):
                walked = await world.oda.walk("/api/customers", limit=2, order_by=by, **filters)
                assert walked == whole["data"]
    first = (await world.oda.get("/api/customers", limit=4)).json
    second = (await world.oda.get("/api/customers", limit=4, cursor=first["meta"]["next_cursor"])).json
    back = (await world.oda.get("/api/customers", limit=4, cursor=second["meta"]["prev_cursor"])).json
    assert back["data"] == first["data"]
