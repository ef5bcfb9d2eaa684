"""Customers as tickets and messages name them."""

import asyncio
from typing import Any

import pytest

from tests import make
from tests.world import World


async def test_a_ticket_makes_its_customer_with_all_that_is_told(world: World) -> None:
    told = {
        "email": "Mia@Example.com",
        "name": "Mia Meyer",
        "phone": "+49 30 1234",
        "external_id": "C-7",
        "note": "likes tea",
        "language": "de",
        "timezone": "Europe/Berlin",
        "meta": {"a": 1},
        "channels": [{"type": "twitter", "address": "@mia"}],
    }
    ticket = await make.ticket(world, customer=told)
    mia = (await world.oda.get(f"/api/customers/{ticket['customer']['id']}")).json
    same = ("name", "external_id", "note", "language", "timezone", "meta")
    assert {key: mia[key] for key in same} == {key: told[key] for key in same}
    assert make.brief(mia) == [
        ("email", "mia@example.com", True),
        ("phone", "+49 30 1234", True),
        ("twitter", "@mia", True),
    ]
    for again in (
        {"email": "MIA@example.com"},
        {"phone": "0049301234"},
        {"channels": [{"type": "twitter", "address": "@MIA"}]},
        {"external_id": "C-7"},
        {"id": mia["id"], "email": "somebody@else.example"},
    ):
        found = await make.ticket(world, customer=again)
        assert found["customer"]["id"] == mia["id"], again
    assert (await world.oda.get(f"/api/customers/{mia['id']}")).json == mia
    assert len(await world.events("customer-created")) == 1
    assert await world.events("customer-updated") == []


async def test_addresses_of_somebody_else_are_passed_over(world: World) -> None:
    bob = await make.customer(world, channels=[{"type": "phone", "address": "555"}])
    await make.customer(world, email="mia@example.com")
    ticket = await make.ticket(world, customer={"email": "mia@example.com", "phone": "555", "name": "Mia"})
    assert ticket["customer"]["name"] == "Mia"
    assert make.brief(ticket["customer"]) == [("email", "mia@example.com", True)]
    assert make.brief((await world.oda.get(f"/api/customers/{bob['id']}")).json) == [("phone", "555", True)]


@pytest.mark.parametrize(
    "told, status, data",
    [
        ({"id": 2**62}, 400, {"id": ["Does not exist."]}),
        ({"email": "mia@example.com", "external_id": "B"}, 409, {"external_id": ["Already in use."]}),
        (
            {"channels": [{"type": "email", "address": "mia"}]},
            400,
            {"channels": {"0": {"address": ["Not a valid email address."]}}},
        ),
    ],
)
async def test_what_cannot_be_a_customer(world: World, told: Any, status: int, data: Any) -> None:
    holder = await make.customer(world, external_id="B")
    await make.customer(world, email="mia@example.com")
    answer = await world.lia.post("/api/tickets", {"messages": [make.mail()], "customer": told})
    expected = data | ({"id": holder["id"]} if status == 409 else {})
    assert (answer.status, answer.json["error"]["data"]) == (status, {"customer": expected})
    assert await world.rows("select 1 from tickets where account_id = $1") == []


async def test_many_tickets_of_a_new_address_at_once(world: World) -> None:
    tickets = await asyncio.gather(*(make.ticket(world) for _ in range(8)))
    assert len({ticket["customer"]["id"] for ticket in tickets}) == 1
    assert len(await world.events("customer-created")) == 1
    assert len(await world.rows("select 1 from customers where account_id = $1")) == 1


async def test_an_address_costs_one_statement(world: World, statements: list[str]) -> None:
    await make.ticket(world)
    for customer in ({"email": "mia@example.com"}, {"email": "new@example.com", "name": "New"}):
        statements.clear()
        message = {"channel": "api", "from_agent": False, "body_text": "x"}
        await make.ticket(world, customer=customer, messages=[message])
        assert len([sql for sql in statements if "customer_channels ch join customers" in sql]) == 1
        assert not [sql for sql in statements if "from customers where account_id = $1 and id = $2" in sql]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"name": "\\ud800"}',
        b'{"name": "\xff"}',
        b'{"data": 1e999}',
        b'{"data": ' + b"9" * 400 + b"}",
        b'{"data": {"\\u0000": 1}}',
        b'{"meta": {"a": "\\ud800\\u0000"}}',
        b'{"channels": [{"type": "phone", "address": "' + b"+" * 300 + b'"}]}',
        b'{"channels": [{"type": "phone", "address": "\xc2\xa0"}]}',
        b"[]",
        b"null",
        b'{"data": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
async def test_odd_bodies_are_refused_or_kept_but_never_fail(world: World, raw: bytes) -> None:
    answer = await world.lia.post("/api/customers", raw)
    assert answer.status in (201, 400), answer.raw
    if answer.status == 201:
        assert (await world.lia.get(f"/api/customers/{answer.json['id']}")).status == 200
