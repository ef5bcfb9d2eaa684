"""`/api/search`: each type, what fits, in which order, within which limits."""

from typing import Any

import pytest

from polus.desk import integrations
from polus.store.database import Database
from polus.store.work import SYSTEM, Actor, writing
from tests import world as worlds
from tests.world import World

TYPES = (
    "agent",
    "customer",
    "customer_profile",
    "customer_channel",
    "customer_channel_email",
    "customer_channel_phone",
    "customers_by_phone",
    "integration",
    "team",
    "tag",
)


async def found(world: World, kind: str, query: str = "", **more: Any) -> list[Any]:
    answer = await world.oda.post("/api/search", {"type": kind, "query": query, **more})
    assert answer.status == 201, answer.raw
    return list(answer.json["data"])


async def customer(world: World, **given: Any) -> dict[str, Any]:
    answer = await world.lia.post("/api/customers", given)
    assert answer.status == 201, answer.raw
    return dict(answer.json)


def phone(*numbers: str) -> list[dict[str, str]]:
    return [{"type": "phone", "address": number} for number in numbers]


async def test_the_answer(world: World, statements: list[str]) -> None:
    answer = await world.oda.post("/api/search/", {"type": "tag", "query": "refund"})
    assert answer.status == 201
    ((tag_id,),) = await world.rows("select id from tags where account_id = $1 and name = 'REFUND'")
    expected = (
        '{"data":[{"id" : %d, "name" : "REFUND", "decoration" : {}}],"object":"list","uri":"","meta":{}}'
    )
    assert answer.raw.decode() == expected % tag_id
    assert answer.headers["X-Gorgias-Search-Engine"] == "ES"
    for kind in TYPES:
        for query in ("", "anna", "+33 612"):
            statements.clear()
            await found(world, kind, query)
            assert len(statements) == 1, kind


@pytest.mark.parametrize(
    "body, data",
    [
        ({}, {"type": ["Missing data for required field."]}),
        ({"type": "ticket"}, {"type": ["Not a valid choice."]}),
        ({"type": "tag", "size": 0}, {"size": ["Must be greater than or equal to 1."]}),
        ({"type": "tag", "size": 51}, {"size": ["Must be less than or equal to 50."]}),
        ({"type": "tag", "query": None}, {"query": ["Field may not be null."]}),
        ({"type": "tag", "query": "a\0b"}, {"query": ["Not a valid string."]}),
        ({"type": "tag", "limit": 1}, {"limit": ["No such field"]}),
    ],
)
async def test_what_is_refused(world: World, body: Any, data: Any) -> None:
    answer = await world.oda.post("/api/search", body)
    assert answer.status == 400
    assert answer.json["error"] == {"msg": "Failed to search", "data": data}


@pytest.mark.thorough
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize(
    "query", ["%", "_", "' or 1=1 --", "\\", ".*", "(", "@", "\U0001f600", "x" * 5000, "zq " * 500]
)
async def test_any_query_is_only_words(world: World, kind: str, query: str) -> None:
    await customer(world, name="Anna Lee", email="anna@shop.example", channels=phone("+33612345678"))
    expected = 1 if query == "@" and kind.startswith("customer") and "phone" not in kind else 0
    if (kind, query) not in (("agent", "@"),):
        assert len(await found(world, kind, query)) <= expected


async def test_sizes(world: World) -> None:
    for number in range(12):
        await world.leo.post("/api/tags", {"name": f"size {number}"})
    assert len(await found(world, "tag", "size")) == 10
    assert len(await found(world, "tag", "size", size=1)) == 1
    assert len(await found(world, "tag", "size", size="50")) == 12


async def test_agents(world: World) -> None:
    await world.ada.put(f"/api/users/{world.lia.user_id}", {"name": "Zoë Ångström-Smith"})
    lia = {
        "id": world.lia.user_id,
        "name": "Zoë Ångström-Smith",
        "email": world.lia.email,
        "meta": {"sso": None, "profile_picture_url": None},
    }
    for query in ("zoe", "ANGSTROM", "smi zo", "zoë ångström-smith", world.lia.email, world.lia.email[1:-2]):
        assert await found(world, "agent", query) == [lia], query
    for query in ("oë", "mith", "zoe lee", "polus"):
        assert await found(world, "agent", query) == [], query
    everybody = [item["id"] for item in await found(world, "agent")]
    assert everybody == sorted((person.user_id for person in world.people.values()), reverse=True)
    await world.ada.delete(f"/api/users/{world.lia.user_id}")
    assert await found(world, "agent", "zoe") == []


async def test_teams_and_tags_are_found_by_name(world: World) -> None:
    for path, kind in (("/api/teams", "team"), ("/api/tags", "tag")):
        names = ("late, very" if kind == "team" else "late very", "Late", "later", "too-late", "translated")
        made = {name: (await world.leo.post(path, {"name": name})).json for name in names}
        items = await found(world, kind, "late")
        # The whole name, then names that begin so, the newest first, then the rest.
        assert [item["name"] for item in items] == ["Late", "later", names[0], "too-late"]
        assert items[0] == {key: made["Late"][key] for key in ("id", "name", "decoration")}
        assert [item["name"] for item in await found(world, kind, size=2)] == ["translated", "too-late"]


async def test_integrations_are_found_by_name_and_address(world: World) -> None:
    address = f"help@{world.account.domain}.example"
    async with writing(world.database, world.account, SYSTEM) as work:
        made = await integrations.add_email(work, address, "Main address")
    expected = [{"id": made, "name": "Main address", "type": "email", "meta": {"address": address}}]
    for query in ("", "main", "addr mai", address, address[2:9], "help"):
        assert await found(world, "integration", query) == expected
    assert await found(world, "integration", "elp main") == []


async def test_customers(world: World) -> None:
    anna = await customer(world, name="Anna Lee", email="Anna.Lee@Shop.example")
    hanna = await customer(world, name="Hanna O'Leary", channels=phone("+49 30 1234567"))
    annabel = await customer(world, name="Annabel Lee", email="bel@else.example")
    named = await customer(world, name="Anna")
    nobody = await customer(world)

    async def ids(query: str, **more: Any) -> list[int]:
        return [item["id"] for item in await found(world, "customer", query, **more)]

    assert await found(world, "customer", "anna.lee@shop.example") == [
        {"id": anna["id"], "name": "Anna Lee", "email": "anna.lee@shop.example"}
    ]
    assert await ids("anna") == [named["id"], annabel["id"], anna["id"]]
    assert await ids("ANNA le") == [anna["id"], annabel["id"]]
    assert await ids("lee anna") == [annabel["id"], anna["id"]]
    assert await ids("oleary") == await ids("O’Leary hanna") == await ids("leary") == [hanna["id"]]
    assert await ids("nna.lee@sh") == [anna["id"]]
    assert await ids("nna") == [anna["id"]]
    assert await ids("xna") == await ids("anna smith") == []
    assert await ids("+49 30 1234567") == []
    assert await ids("") == [item["id"] for item in (nobody, named, annabel, hanna, anna)]
    assert await ids("", size=2) == [nobody["id"], named["id"]]
    assert await found(world, "customer", "", size=1) == [{"id": nobody["id"], "name": None, "email": None}]


async def test_profiles_are_found_by_every_address(world: World) -> None:
    made = await customer(
        world,
        name="Anna Lee",
        email="anna@shop.example",
        channels=[
            *phone("+33 6 12 34 56 78"),
            {"type": "email", "address": "other@mail.example"},
            {"type": "twitter", "address": "TheRealAnna"},
        ],
    )
    for query in (
        "anna",
        "other@mail.example",
        "ther@mail",
        "therealanna",
        "realanna",
        "+33612345678",
        "0033 6 12 34",
        "06 12 34 56 78",
        "345678",
        "lee other",
    ):
        (item,) = await found(world, "customer_profile", query)
        assert (item["id"], item["name"], item["email"]) == (made["id"], "Anna Lee", "anna@shop.example")
        assert {(c["type"], c["address"]) for c in item["channels"]} == {
            (c["type"], c["address"]) for c in made["channels"]
        }
        assert all(set(c) == {"id", "type", "address"} for c in item["channels"])
    for query in ("345679", "smith", "lee smith"):
        assert await found(world, "customer_profile", query) == []
    assert await found(world, "customer", "other") == await found(world, "customer", "ther@mail") == []


async def test_addresses(world: World) -> None:
    made = await customer(
        world, name="Anna Lee", email="anna@shop.example", channels=phone("+33 6 12 34 56 78", "0301234567")
    )
    bob = await customer(world, name="Bob", email="bob@shop.example", channels=phone("+33 6 12 34 56 79"))

    async def addresses(kind: str, query: str = "") -> list[str]:
        return [item["address"] for item in await found(world, kind, query)]

    (item,) = await found(world, "customer_channel_email", "anna@shop.example")
    ids = {channel["address"]: channel["id"] for channel in made["channels"]}
    assert item == {
        "id": ids["anna@shop.example"],
        "type": "email",
        "address": "anna@shop.example",
        "customer": {"id": made["id"], "name": "Anna Lee"},
    }
    assert await addresses("customer_channel_email", "shop") == ["bob@shop.example", "anna@shop.example"]
    assert await addresses("customer_channel_email", "bob") == ["bob@shop.example"]
    assert await addresses("customer_channel_email", "op.exam") == ["bob@shop.example", "anna@shop.example"]
    assert await addresses("customer_channel_email", "12345") == []
    # Who knows only the name finds the number by it.
    assert await addresses("customer_channel_phone", "bob") == ["+33 6 12 34 56 79"]
    for kind in ("customer_channel_phone", "customers_by_phone"):
        assert await addresses(kind, "+33 612-345-678") == ["+33 6 12 34 56 78"]
        assert await addresses(kind, "345679") == ["+33 6 12 34 56 79"]
        assert await addresses(kind, "030 123") == ["0301234567"]
        assert set(await addresses(kind, "1234")) == {"+33 6 12 34 56 78", "0301234567", "+33 6 12 34 56 79"}
        assert len(await addresses(kind)) == 3
    assert await addresses("customers_by_phone", "bob") == []
    assert len(await addresses("customer_channel")) == 5
    assert set(await addresses("customer_channel", "lee")) == set(ids)

    channels = [channel for channel in bob["channels"] if channel["type"] == "email"]
    assert (await world.lia.put(f"/api/customers/{bob['id']}", {"channels": channels})).status == 202
    assert await addresses("customers_by_phone", "345679") == []
    assert await addresses("customer_channel", "345679") == []
    assert await found(world, "customer_profile", "345679") == []


async def test_changed_merged_and_erased_customers(world: World) -> None:
    anna = await customer(world, name="Anna Lee", email="anna@shop.example")
    bea = await customer(world, name="Bea Wood", email="bea@shop.example")
    await world.lia.put(f"/api/customers/{anna['id']}", {"name": "Anja Lie"})
    assert await found(world, "customer", "lee") == []
    assert [item["id"] for item in await found(world, "customer", "lie")] == [anna["id"]]
    merged = await world.leo.put("/api/customers/merge", {}, source_id=bea["id"], target_id=anna["id"])
    assert merged.status == 202
    for query in ("bea@shop.example", "ea@shop"):
        assert [item["id"] for item in await found(world, "customer_profile", query)] == [anna["id"]]
    assert [item["id"] for item in await found(world, "customer_profile")] == [anna["id"]]
    assert (await world.leo.delete(f"/api/customers/{anna['id']}")).status == 204
    for kind in TYPES[1:7]:
        for query in ("", "anja", "anna@shop.example", "shop"):
            assert await found(world, kind, query) == [], (kind, query)


async def test_a_query_that_fits_very_many_is_bounded_and_finds_the_newest(world: World) -> None:
    await world.rows(
        """with made as (
             insert into customers (account_id, email, name, created_datetime, updated_datetime)
             select $1, 'c' || n || '@gmail.example', 'Kim ' || n, now() + n * interval '1 s', now()
             from generate_series(1, 4000) as n returning id, email),
           addressed as (
             insert into customer_channels (account_id, customer_id, type, address, key, created_datetime, updated_datetime)
             select $1, id, 'email', email, email, now(), now() from made)
           insert into customer_words (account_id, word, customer_id, main)
           select $1, word, id, true from made, unnest(array['gmail', 'kim']) as word"""
    )
    for query in ("gmail", "kim gmail", "kim"):
        names = [item["name"] for item in await found(world, "customer", query, size=3)]
        assert names == ["Kim 4000", "Kim 3999", "Kim 3998"]
    assert len(await found(world, "customer", "mail.exam", size=50)) == 50


async def test_the_wall(world: World, database: Database, http: Any, url: str) -> None:
    await customer(world, name="Anna Lee", email="anna@shop.example", channels=phone("+33612345678"))
    other = await worlds.make(database, http, url)
    for kind in TYPES:
        for query in ("anna", "nna@shop", "+33612345678", world.leo.email):
            assert await found(other, kind, query) == []
    for kind in TYPES[1:7]:
        assert await found(other, kind) == []


def test_an_app_needs_the_scope_of_the_type() -> None:
    app = Actor("user", 1, "admin", scopes=frozenset({"tags:read"}))
    app.require_scope("tags:read")
    with pytest.raises(Exception, match=r"the required scope: users:read\."):
        app.require_scope("users:read")
    Actor("user", 1, "admin", scopes=frozenset({"write:all"})).require_scope("users:read")
    Actor("user", 1, "admin").require_scope("users:read")
