"""`references.find_or_create`: how a ticket, a message or a mail finds its customer."""

import asyncio
from typing import Any

import pytest

from polus.base import errors
from polus.desk.customers import customers, references
from polus.store.work import Actor, writing
from tests.world import World

API = Actor("user", 1, "agent")


async def find(world: World, keep: bool = False, **ref: Any) -> int:
    async with writing(world.database, world.account, API) as work:
        return await references.find_or_create(work, ref, keep=keep)


async def create(world: World, **given: Any) -> int:
    async with writing(world.database, world.account, API) as work:
        return await customers.create(work, given)


async def row(world: World, customer_id: int) -> Any:
    return (await world.rows("select * from customers where account_id = $1 and id = $2", customer_id))[0]


async def addresses(world: World, customer_id: int) -> list[tuple[str, str, bool]]:
    rows = await world.rows(
        "select type, address, preferred from customer_channels where account_id = $1 and customer_id = $2"
        " and deleted_datetime is null order by id",
        customer_id,
    )
    return [tuple(r) for r in rows]


async def test_an_unknown_address_becomes_a_customer_once(world: World) -> None:
    first = await find(world, email=" Ann@Shop.example ", name="Ann Lee")
    assert await find(world, email="ann@shop.example") == first
    stored = await row(world, first)
    assert (stored["email"], stored["name"], stored["meta"]) == ("ann@shop.example", "Ann Lee", None)
    assert await addresses(world, first) == [("email", "ann@shop.example", True)]
    words = await world.rows("select word from customer_words where account_id = $1 order by word")
    assert [w[0] for w in words] == ["ann", "example", "lee", "shop"]
    assert await world.events() == [("customer-created", "Customer", first, {"name": "Ann Lee"})]


async def test_what_stands_beside_fills_and_updates(world: World) -> None:
    ann = await find(world, email="ann@shop.example")
    assert (await row(world, ann))["meta"] == '{"name_set_via": "agent"}'
    given = {"name": "Ann", "note": "likes tea", "language": "de", "timezone": "UTC", "meta": {"a": 1}}
    assert await find(world, email="ann@shop.example", **given) == ann
    assert await find(world, email="ann@shop.example", name=None, note="") == ann
    stored = await row(world, ann)
    assert (stored["name"], stored["note"], stored["language"]) == ("Ann", "likes tea", "de")
    assert stored["meta"] == '{"a": 1, "name_set_via": "agent"}'
    await find(world, keep=True, email="ann@shop.example", name="Other", meta={"a": 2, "b": 3})
    stored = await row(world, ann)
    assert (stored["name"], stored["meta"]) == ("Ann", '{"a": 1, "b": 3, "name_set_via": "agent"}')
    changed = {"name": [None, "Ann"], "note": [None, "likes tea"], "language": [None, "de"]}
    assert await world.events("customer-updated") == [
        ("customer-updated", "Customer", ann, {**changed, "timezone": [None, "UTC"], "meta": True}),
        ("customer-updated", "Customer", ann, {"meta": True}),
    ]


async def test_id_wins_then_email_then_channel_then_external_id(world: World) -> None:
    ann = await create(world, email="ann@shop.example")
    bob = await create(world, channels=[{"type": "phone", "address": "+49 (0)30 123456"}])
    eve = await create(world, external_id="E-1")
    assert await find(world, id=ann, email="bob@shop.example") == ann
    assert await find(world, email="ann@shop.example", phone="+49 30 123456") == ann
    assert await find(world, phone="0049 30 123456", external_id="B-2") == bob
    assert await find(world, external_id="E-1", name="Eve") == eve
    assert await addresses(world, ann) == [("email", "ann@shop.example", True)]


async def test_found_by_another_address_the_email_is_added(world: World) -> None:
    bob = await create(world, channels=[{"type": "phone", "address": "+49 30 123456"}])
    assert await find(world, email="bob@shop.example", phone="+4930123456") == bob
    assert (await row(world, bob))["email"] == "bob@shop.example"
    assert await addresses(world, bob) == [
        ("phone", "+49 30 123456", True),
        ("email", "bob@shop.example", True),
    ]
    assert await find(world, email="bob@shop.example") == bob


async def test_unknown_ids_and_taken_external_ids_are_refused(world: World) -> None:
    with pytest.raises(errors.Invalid) as invalid:
        await find(world, id=2**62)
    assert invalid.value.data == {"customer": {"id": ["Does not exist."]}}
    eve = await create(world, external_id="E-1")
    ann = await create(world, email="ann@shop.example")
    with pytest.raises(errors.Conflict) as conflict:
        await find(world, id=ann, external_id="E-1")
    assert conflict.value.data == {"customer": {"external_id": ["Already in use."], "id": eve}}


async def test_two_at_once_make_one_customer(world: World) -> None:
    async def one(**extra: Any) -> int:
        async with writing(world.database, world.account, API) as work:
            found = await references.find_or_create(work, {"email": "new@shop.example", **extra})
            await asyncio.sleep(0)
            return found

    found = await asyncio.gather(*(one() for _ in range(4)), *(one(phone="+4930123456") for _ in range(4)))
    assert len(set(found)) == 1
    assert len(await world.rows("select 1 from customers where account_id = $1")) == 1
    assert await world.events("customer-created") == [
        ("customer-created", "Customer", found[0], {"name": None})
    ]
