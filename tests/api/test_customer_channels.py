"""Customers' addresses: whose they are, which is preferred, what search finds of them."""

import asyncio
from typing import Any

import pytest

from tests import make
from tests.world import World


@pytest.mark.parametrize(
    "first, second, field",
    [
        ({"email": "ann@shop.example"}, {"email": "ANN@shop.example"}, {"email": ["Already in use."]}),
        ({"external_id": "7"}, {"external_id": "7"}, {"external_id": ["Already in use."]}),
        (
            {"channels": [{"type": "phone", "address": "+49 (0)30 1234"}]},
            {"channels": [{"type": "chat", "address": "+"}, {"type": "phone", "address": "0049301234"}]},
            {"channels": {"1": {"address": ["Already in use."]}}},
        ),
        (
            {"channels": [{"type": "email", "address": "ann@shop.example"}]},
            {"email": "ann@shop.example"},
            {"email": ["Already in use."]},
        ),
    ],
)
async def test_what_somebody_has_is_refused(world: World, first: Any, second: Any, field: Any) -> None:
    holder = await make.customer(world, **first)
    other = await make.customer(world, name="Other")
    for answer in (
        await world.lia.post("/api/customers", second),
        await world.lia.put(f"/api/customers/{other['id']}", second),
    ):
        assert answer.status == 409
        assert answer.json["error"] == {
            "msg": "The resource already exists.",
            "data": {**field, "id": holder["id"]},
        }
    assert (await world.lia.put(f"/api/customers/{holder['id']}", second)).status == 202
    assert len(await world.events("customer-created")) == 2


async def test_two_at_once_cannot_take_one_address(world: World) -> None:
    answers = await asyncio.gather(
        *(world.lia.post("/api/customers", {"email": "ann@shop.example"}) for _ in range(4))
    )
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    for answer in answers:
        if answer.status == 409:
            assert answer.json["error"]["data"]["email"] == ["Already in use."]
    assert len(await world.rows("select 1 from customers where account_id = $1")) == 1


async def test_addresses_are_preferred_once_per_type(world: World) -> None:
    made = await make.customer(
        world,
        channels=[
            {"type": "email", "address": "A@shop.example"},
            {"type": "email", "address": "b@shop.example", "preferred": True},
            {"type": "email", "address": "a@shop.example"},
            {"type": "phone", "address": "1", "preferred": False},
            {"type": "phone", "address": "2"},
        ],
    )
    assert made["email"] == "b@shop.example"
    assert make.brief(made) == [
        ("email", "a@shop.example", False),
        ("email", "b@shop.example", True),
        ("phone", "1", True),
        ("phone", "2", False),
    ]
    moved = {
        "channels": [
            {**channel, "preferred": channel["address"] in ("a@shop.example", "2")}
            for channel in made["channels"]
        ]
    }
    changed = (await world.lia.put(f"/api/customers/{made['id']}", moved)).json
    assert changed["email"] == "a@shop.example"
    assert make.brief(changed) == [
        ("email", "a@shop.example", True),
        ("email", "b@shop.example", False),
        ("phone", "1", False),
        ("phone", "2", True),
    ]
    assert [c["id"] for c in changed["channels"]] == [c["id"] for c in made["channels"]]
    assert await world.events("customer-updated") == [
        (
            "customer-updated",
            "Customer",
            made["id"],
            {"email": ["b@shop.example", "a@shop.example"], "channels": True},
        )
    ]


async def test_a_new_email_becomes_preferred_and_null_takes_it_away(world: World) -> None:
    made = await make.customer(world, email="a@shop.example")
    path = f"/api/customers/{made['id']}"
    changed = (await world.lia.put(path, {"email": "B@shop.example"})).json
    assert changed["email"] == "b@shop.example"
    assert make.brief(changed) == [("email", "a@shop.example", False), ("email", "b@shop.example", True)]
    changed = (await world.lia.put(path, {"email": None})).json
    assert (changed["email"], make.brief(changed)) == (None, [("email", "a@shop.example", False)])
    # Free for others, and the name does not bring it back.
    assert (await world.lia.put(path, {"name": "Ann"})).json["email"] is None
    other = await make.customer(world, email="b@shop.example")
    assert make.brief(other) == [("email", "b@shop.example", True)]


async def test_channels_are_replaced_as_a_set(world: World) -> None:
    made = await make.customer(world, **make.ANN)
    path = f"/api/customers/{made['id']}"
    wanted = [{"type": "phone", "address": "0049 30 1234"}, {"type": "phone", "address": "555"}]
    changed = (await world.lia.put(path, {"channels": wanted})).json
    assert changed["email"] is None
    assert make.brief(changed) == [("phone", "0049 30 1234", True), ("phone", "555", False)]
    assert changed["channels"][0]["id"] == made["channels"][1]["id"]
    gone = await world.rows(
        "select address, preferred from customer_channels where account_id = $1 and customer_id = $2"
        " and deleted_datetime is not null order by id",
        made["id"],
    )
    assert [tuple(row) for row in gone] == [("ann@shop.example", False), ("@Ann", False)]
    assert (await world.lia.put(path, {"channels": []})).json["channels"] == []
    await make.customer(world, email="ann@shop.example", channels=wanted)


async def test_search_words_follow_name_and_addresses(world: World) -> None:
    made = await make.customer(world, **make.ANN)

    async def words() -> dict[str, bool]:
        rows = await world.rows(
            "select word, main from customer_words where account_id = $1 and customer_id = $2", made["id"]
        )
        return {row[0]: row[1] for row in rows}

    found = await words()
    assert {word for word, main in found.items() if main} == {"ann", "van", "lee", "shop", "example"}
    assert found["49301234"] is False
    await world.lia.put(f"/api/customers/{made['id']}", {"name": "Zoë", "channels": []})
    assert await words() == {"zoe": True}


async def test_two_changes_at_once_cannot_take_one_address(world: World) -> None:
    customers = [await make.customer(world, name=name) for name in "abc"]
    answers = await asyncio.gather(
        *(world.lia.put(f"/api/customers/{c['id']}", {"email": "ann@shop.example"}) for c in customers)
    )
    assert sorted(answer.status for answer in answers) == [202, 409, 409]
    assert [a.json["error"]["data"]["email"] for a in answers if a.status == 409] == [["Already in use."]] * 2
    assert len(await world.events("customer-updated")) == 1


async def test_two_changes_of_one_customer_at_once_both_hold(world: World) -> None:
    made = await make.customer(world, email="a@shop.example")
    path = f"/api/customers/{made['id']}"
    bodies: list[Any] = [{"email": f"n{n}@shop.example"} for n in range(3)] + [{"note": "x"}]
    answers = await asyncio.gather(*(world.lia.put(path, body) for body in bodies))
    assert [answer.status for answer in answers] == [202] * 4
    left = (await world.lia.get(path)).json
    assert (len(left["channels"]), left["note"]) == (4, "x")
    assert [c["address"] for c in left["channels"] if c["preferred"]] == [left["email"]]
