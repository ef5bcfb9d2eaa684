"""`PUT /api/customers/merge`: what the target becomes, what moves, where the source leads."""

import asyncio
import json
from typing import Any

import pytest

from tests import make
from tests import world as worlds
from tests.world import Answer, World

GONE = "select email, name, external_id, note, meta, data, merged_into_id from customers where account_id = $1 and id = $2"

SET = "update customers set COLUMN = $3 where account_id = $1 and id = $2"


async def merge(world: World, source: Any, target: Any, body: Any = None) -> Answer:
    return await world.bea.put("/api/customers/merge", body, source_id=source["id"], target_id=target["id"])


async def own(world: World, customer: Any, **columns: Any) -> None:
    """What only integrations and apps write."""
    for name, value in columns.items():
        await world.rows(SET.replace("COLUMN", name), customer["id"], json.dumps(value))


async def test_the_target_keeps_its_own_and_takes_what_it_lacks(world: World) -> None:
    source = await make.customer(world, **make.ANN | {"meta": {"a": 1, "b": 1}, "data": {"x": 1}})
    target = await make.customer(
        world,
        name="Ann Smith",
        note="",
        meta={"b": 2},
        data={"y": 2},
        channels=[{"type": "phone", "address": "7"}],
    )
    await own(
        world,
        source,
        integrations={"1": {"s": 1}},
        external_data={"a": 1},
        custom_fields={"5": {"id": 5, "value": "s"}},
    )
    await own(
        world,
        target,
        integrations={"2": {"t": 1}},
        ecommerce_data={},
        custom_fields={"5": {"id": 5, "value": "t"}},
    )
    answer = await merge(world, source, target)
    assert answer.status == 202, answer.raw
    merged = answer.json
    assert merged == (await world.oda.get(f"/api/customers/{target['id']}")).json
    expected = {
        "id": target["id"],
        "name": "Ann Smith",
        "note": "likes tea",
        "language": "en",
        "timezone": "Europe/Paris",
        "external_id": "C-7",
        "email": "ann@shop.example",
        "meta": {"a": 1, "b": 2},
        "data": {"x": 1, "y": 2},
        "integrations": {"1": {"s": 1}, "2": {"t": 1}},
        "external_data": {"a": 1},
        "custom_fields": {"5": {"id": 5, "value": "t"}},
    }
    assert {key: merged[key] for key in expected} == expected
    assert make.brief(merged) == [
        ("email", "ann@shop.example", True),
        ("phone", "+49 (0)30 1234", False),
        ("twitter", "@Ann", True),
        ("phone", "7", True),
    ]
    stored = (await world.rows(GONE, source["id"]))[0]
    assert tuple(stored) == (None, None, None, None, None, None, target["id"])
    words = await world.rows("select customer_id, word from customer_words where account_id = $1")
    assert {row[0] for row in words} == {target["id"]}
    assert {"ann", "smith", "example", "49301234", "7"} <= {row[1] for row in words}
    assert "lee" not in {row[1] for row in words}
    assert (await world.events())[2:] == [
        ("customer-merged", "Customer", target["id"], {"source_id": source["id"], "target_id": target["id"]})
    ]


async def test_the_body_wins(world: World) -> None:
    source = await make.customer(world, email="s@shop.example", name="Source", external_id="S")
    target = await make.customer(world, email="t@shop.example", name="Target", external_id="T")
    body = {"email": "n@shop.example", "name": None, "external_id": "S", "data": [1]}
    merged = (await merge(world, source, target, body)).json
    assert {key: merged[key] for key in body} == body
    assert make.brief(merged) == [
        ("email", "s@shop.example", False),
        ("email", "t@shop.example", False),
        ("email", "n@shop.example", True),
    ]


async def test_the_source_leads_to_the_target_from_then_on(world: World) -> None:
    first, second, third = [await make.customer(world, name=name) for name in "abc"]
    assert (await merge(world, first, second)).status == 202
    assert (await merge(world, second, third)).status == 202
    for method, path, body in (
        ("GET", f"/api/customers/{first['id']}", None),
        ("GET", f"/api/customers/{first['id']}/?relationships=custom_fields", None),
        ("PUT", f"/api/customers/{first['id']}", {"name": "x"}),
        ("PUT", f"/api/customers/{second['id']}", {"nonsense": "x"}),
        ("PUT", f"/api/customers/{first['id']}/data/", {"data": 1}),
        ("DELETE", f"/api/customers/{second['id']}", None),
    ):
        answer = await world.ada.send(method, path, body)
        assert (answer.status, answer.raw) == (301, b""), path
        assert answer.headers["Location"] == path.replace(f"/{first['id']}", f"/{third['id']}").replace(
            f"/{second['id']}", f"/{third['id']}"
        )
    assert [c["id"] for c in (await world.oda.get("/api/customers")).json["data"]] == [third["id"]]
    assert (await world.ada.delete("/api/customers", {"ids": [first["id"]]})).status == 204
    # The survivor gone, all lead nowhere.
    assert (await world.ada.delete(f"/api/customers/{third['id']}")).status == 204
    for customer in (first, second, third):
        assert (await world.ada.get(f"/api/customers/{customer['id']}")).status == 404


async def test_a_merged_source_or_target_is_told_where_it_went(world: World) -> None:
    first, second, third = [await make.customer(world, name=name) for name in "abc"]
    await merge(world, first, second)
    answer = await merge(world, first, third, {"name": "x"})
    query = f"source_id={second['id']}&target_id={third['id']}"
    assert (answer.status, answer.headers["Location"]) == (301, "/api/customers/merge?" + query)
    answer = await merge(world, third, first)
    assert answer.headers["Location"].endswith(f"source_id={third['id']}&target_id={second['id']}")


async def test_what_cannot_be_merged(world: World) -> None:
    ann, bob = await make.customer(world, external_id="A"), await make.customer(world)
    elsewhere = await make.customer(await worlds.make(world.database, world.ada.http, world.ada.url))
    answer = await merge(world, ann, ann)
    assert (answer.status, list(answer.json["error"]["data"])) == (400, ["source_id"])
    assert (await merge(world, ann, elsewhere)).status == 404
    assert (await merge(world, {"id": 2**62}, ann)).status == 404
    for query, data in (
        ({"source_id": 1}, {"target_id": ["Missing data for required field."]}),
        (
            {"source_id": 0, "target_id": "x"},
            {"source_id": ["Must be greater than or equal to 1."], "target_id": ["Not a valid integer."]},
        ),
    ):
        answer = await world.bea.put("/api/customers/merge", {}, **query)
        assert (answer.status, answer.json["error"]["data"]) == (400, data)
    answer = await merge(world, ann, bob, {"nonsense": 1})
    assert (answer.status, answer.json["error"]) == (
        400,
        {"msg": "Failed to merge customers", "data": {"nonsense": ["No such field"]}},
    )
    taken = await make.customer(world, email="taken@shop.example")
    answer = await merge(world, ann, bob, {"email": "taken@shop.example"})
    assert (answer.status, answer.json["error"]["data"]) == (
        409,
        {"email": ["Already in use."], "id": taken["id"]},
    )
    assert (await world.oda.get(f"/api/customers/{ann['id']}")).json["external_id"] == "A"
    assert await world.events("customer-merged") == []


@pytest.mark.parametrize("column", ["integrations", "external_data", "ecommerce_data"])
async def test_data_of_one_integration_on_both_is_refused(world: World, column: str) -> None:
    ann, bob = await make.customer(world, name="Ann"), await make.customer(world)
    value: dict[str, Any] = {"9": {}}
    if column == "ecommerce_data":
        # Read by nobody here: answers would have to hold a whole shopper.
        value = {"9": None}
    await own(world, ann, **{column: value})
    await own(world, bob, **{column: value})
    answer = await merge(world, ann, bob)
    assert (answer.status, answer.json["error"]["data"]) == (409, {column: ["9"]})
    assert await world.events("customer-merged") == []


async def test_tickets_and_messages_move(world: World) -> None:
    ticket = await make.ticket(world)
    source = ticket["customer"]
    other = await make.ticket(world, customer={"email": "other@shop.example"})
    target = await make.customer(world, name="Target")
    # A message of the source's in somebody else's ticket.
    await world.lia.post(f"/api/tickets/{other['id']}/messages", make.mail(sender={"id": source["id"]}))
    # An answer to the source.
    sent = make.answer(
        sent_datetime="2026-01-01T00:00:00Z",
        receiver={"id": source["id"]},
        source={
            "type": "email",
            "from": {"address": "help@shop.example"},
            "to": [{"address": "mia@example.com"}],
        },
    )
    answer = await world.lia.post(f"/api/tickets/{other['id']}/messages", sent)
    assert answer.status == 201, answer.raw
    assert (await merge(world, source, target)).status == 202
    moved = (await world.lia.get(f"/api/tickets/{ticket['id']}")).json
    assert (moved["customer"]["id"], moved["customer"]["name"]) == (target["id"], "Target")
    assert moved["updated_datetime"] == ticket["updated_datetime"]
    assert moved["messages"][0]["sender"]["id"] == target["id"]
    kept = (await world.lia.get(f"/api/tickets/{other['id']}")).json
    assert kept["customer"]["id"] == other["customer"]["id"]
    people = [(m["sender"]["id"], (m["receiver"] or {}).get("id")) for m in kept["messages"]]
    assert people[1] == (target["id"], None)
    assert people[2][1] == target["id"]
    # The id of the source still names the customer inside bodies.
    again = await make.ticket(world, customer={"id": source["id"]})
    assert again["customer"]["id"] == target["id"]


async def test_a_ticket_that_comes_meanwhile_is_not_lost(world: World) -> None:
    source = await make.customer(world, email="mia@example.com")
    target = await make.customer(world, name="Target")
    results = await asyncio.gather(
        *(make.ticket(world) for _ in range(3)),
        merge(world, source, target),
        *(make.ticket(world) for _ in range(3)),
    )
    assert results[3].status == 202
    rows = await world.rows("select distinct customer_id from tickets where account_id = $1")
    assert [row[0] for row in rows] == [target["id"]]


async def test_two_merges_of_one_pair_at_once(world: World) -> None:
    ann, bob = await make.customer(world, name="Ann"), await make.customer(world, name="Bob")
    answers = await asyncio.gather(merge(world, ann, bob), merge(world, bob, ann))
    assert sorted(answer.status for answer in answers) == [202, 301]
    assert len((await world.oda.get("/api/customers")).json["data"]) == 1
