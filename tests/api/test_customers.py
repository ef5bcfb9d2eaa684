"""`/api/customers`: made, read, listed, changed; answers, rows, events."""

import asyncio
from typing import Any

import pytest

from tests import world as worlds
from tests.world import World

FULL = {
    "external_id": "C-7",
    "email": "Ann@Shop.example",
    "name": "Ann van Lee",
    "language": "en-GB",
    "timezone": "Europe/Paris",
    "note": "likes tea",
    "meta": {"vip": True},
    "data": [1, "two", None],
    "channels": [{"type": "phone", "address": " +49 (0)30 1234 "}, {"type": "twitter", "address": "@Ann"}],
}


async def create(world: World, **given: Any) -> Any:
    answer = await world.lia.post("/api/customers", given)
    assert answer.status == 201, answer.raw
    return answer.json


def brief(customer: Any) -> list[tuple[str, str, bool]]:
    return [(c["type"], c["address"], c["preferred"]) for c in customer["channels"]]


async def test_a_customer_is_created_and_read(world: World) -> None:
    made = await create(world, **FULL)
    moment = made["created_datetime"]
    channels = [
        {
            "id": made["channels"][place]["id"],
            "type": kind,
            "address": address,
            "preferred": True,
            "created_datetime": moment,
            "updated_datetime": moment,
            "deleted_datetime": None,
            "user": {"id": made["id"], "name": "Ann van Lee"},
            "customer": {"id": made["id"], "name": "Ann van Lee"},
        }
        for place, (kind, address) in enumerate(
            [("email", "ann@shop.example"), ("phone", "+49 (0)30 1234"), ("twitter", "@Ann")]
        )
    ]
    item = {
        "id": made["id"],
        "external_id": "C-7",
        "active": True,
        "email": "ann@shop.example",
        "name": "Ann van Lee",
        "firstname": "Ann",
        "lastname": "Lee",
        "language": "en",
        "timezone": "Europe/Paris",
        "created_datetime": moment,
        "updated_datetime": moment,
        "meta": {"vip": True},
        "data": [1, "two", None],
        "note": "likes tea",
        "custom_fields": {},
    }
    assert made == {**item, "channels": channels, "customer": None, "integrations": {}}
    read = await world.oda.get(f"/api/customers/{made['id']}/", relationships="custom_fields", id=made["id"])
    assert read.json == {**made, "external_data": {}, "ecommerce_data": {}}
    assert list(read.json) == [*made, "external_data", "ecommerce_data"]
    assert (await world.oda.get("/api/customers")).json["data"] == [item]
    assert await world.events() == [("customer-created", "Customer", made["id"], {"name": "Ann van Lee"})]


async def test_an_empty_customer_is_allowed(world: World) -> None:
    made = await create(world)
    assert made["meta"] == {"name_set_via": "agent"}
    assert (made["email"], made["name"], made["firstname"], made["channels"]) == (None, None, "", [])
    assert await world.events() == [("customer-created", "Customer", made["id"], {"name": None})]


async def test_users_and_customers_share_one_sequence(world: World) -> None:
    made = await create(world)
    assert made["id"] not in {client.user_id for client in world.people.values()}
    assert made["id"] > world.oda.user_id


async def test_wrong_bodies_are_told_by_field(world: World) -> None:
    answer = await world.lia.post(
        "/api/customers",
        {
            "email": "no address",
            "language": "xx",
            "timezone": "Mars/Olympus",
            "meta": [],
            "channels": [{"type": "Phone!"}, {"type": "phone", "address": 5}],
            "external_id": "x" * 256,
            "name": "x" * 501,
            "active": True,
        },
    )
    assert answer.status == 400
    assert answer.json["error"] == {
        "msg": "Failed to create customer",
        "data": {
            "email": ["Not a valid email address."],
            "language": ["Not a valid choice."],
            "timezone": ["Not a valid choice."],
            "meta": ["Invalid type."],
            "channels": {
                "0": {"type": ["Not a valid choice."], "address": ["Missing data for required field."]},
                "1": {"address": ["Not a valid string."]},
            },
            "external_id": ["Longer than maximum length 255."],
            "name": ["Longer than maximum length 500."],
            "active": ["No such field"],
        },
    }
    assert await world.events() == []


@pytest.mark.parametrize(
    "given, data",
    [
        (
            {"channels": [{"type": "chat", "address": "x"}, {"type": "email", "address": "ann@"}]},
            {"channels": {"1": {"address": ["Not a valid email address."]}}},
        ),
        (
            {"channels": [{"type": "phone", "address": "  "}]},
            {"channels": {"0": {"address": ["Shorter than minimum length 1."]}}},
        ),
        (
            {"channels": [{"type": "c", "address": "x"}] * 101},
            {"channels": ["Longer than maximum length 100."]},
        ),
        ({"channels": None}, {"channels": ["Field may not be null."]}),
        ({"email": "a@" + "x" * 319}, {"email": ["Longer than maximum length 320."]}),
        ({"data": "x" * 262_144}, {"data": ["Longer than maximum length 262144."]}),
        ({"data": "a\0b"}, {"data": ["Not a valid string."]}),
        ({"note": "x" * 1_048_577}, {"note": ["Longer than maximum length 1048576."]}),
    ],
)
async def test_limits(world: World, given: Any, data: Any) -> None:
    answer = await world.lia.post("/api/customers", given)
    assert (answer.status, answer.json["error"]["data"]) == (400, data)
    made = await create(world)
    answer = await world.lia.put(f"/api/customers/{made['id']}", given)
    assert (answer.status, answer.json["error"]["data"]) == (400, data)


async def test_the_longest_values_are_kept(world: World) -> None:
    given = {
        "email": "a@" + "x" * 318,
        "name": "\U0001f600" * 500,
        "external_id": "\U0001f600" * 255,
        "note": "x" * 1_048_576,
        "data": "x" * 262_142,
        "channels": [{"type": "c" * 64, "address": "\U0001f600" * 511 + str(n % 10)} for n in range(10)],
    }
    made = await create(world, **given)
    assert {key: made[key] for key in given if key != "channels"} == {
        key: value for key, value in given.items() if key != "channels"
    }
    assert len(made["channels"]) == 11


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
    holder = await create(world, **first)
    other = await create(world, name="Other")
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


async def test_another_accounts_addresses_are_free(world: World) -> None:
    await create(world, email="ann@shop.example", external_id="7")
    other = await worlds.make(world.database, world.ada.http, world.ada.url)
    made = await create(other, email="ann@shop.example", external_id="7")
    for method, path, body in (
        ("GET", f"/api/customers/{made['id']}", None),
        ("PUT", f"/api/customers/{made['id']}", {"name": "x"}),
        ("PUT", f"/api/customers/{made['id']}", {"nonsense": 1}),
        ("PUT", f"/api/customers/{made['id']}/data", {"data": 1}),
        ("DELETE", f"/api/customers/{made['id']}", None),
    ):
        answer = await world.ada.send(method, path, body)
        assert (answer.status, answer.json["error"]["msg"]) == (404, "Resource not found."), path
    assert (await world.ada.delete("/api/customers", {"ids": [made["id"]]})).status == 204
    assert (await other.ada.get(f"/api/customers/{made['id']}")).status == 200
    assert [c["id"] for c in (await other.oda.get("/api/customers")).json["data"]] == [made["id"]]


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
    made = await create(
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
    assert brief(made) == [
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
    assert brief(changed) == [
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


async def test_an_update_keeps_what_is_absent(world: World) -> None:
    made = await create(world, **FULL)
    path = f"/api/customers/{made['id']}/"
    answer = await world.lia.put(path, {"name": "Ann", "data": {"a": 1}, "meta": None, "unknown": 1})
    assert answer.status == 202
    changed = answer.json
    assert changed["updated_datetime"] > made["updated_datetime"]
    new = {"name": "Ann", "lastname": "", "data": {"a": 1}, "meta": None}
    channels = [
        {**c, "user": {"id": made["id"], "name": "Ann"}, "customer": {"id": made["id"], "name": "Ann"}}
        for c in made["channels"]
    ]
    assert changed == {**made, **new, "channels": channels, "updated_datetime": changed["updated_datetime"]}
    assert await world.events("customer-updated") == [
        (
            "customer-updated",
            "Customer",
            made["id"],
            {"name": ["Ann van Lee", "Ann"], "data": True, "meta": True},
        )
    ]
    cleared = {
        "name": None,
        "external_id": None,
        "language": None,
        "timezone": None,
        "note": None,
        "data": None,
    }
    emptied = (await world.lia.put(path, cleared)).json
    assert {key: emptied[key] for key in cleared} == cleared


async def test_sending_back_what_was_read_changes_nothing(world: World) -> None:
    made = await create(world, **FULL)
    path = f"/api/customers/{made['id']}"
    read = (await world.lia.get(path)).json
    assert (await world.lia.put(path, read)).json == made
    await world.lia.put(path, {"email": None})
    read = (await world.lia.get(path)).json
    again = (await world.lia.put(path, read)).json
    assert again["updated_datetime"] == read["updated_datetime"]
    assert len(await world.events("customer-updated")) == 1


@pytest.mark.parametrize("body", [{}, {"nonsense": 1}, {"id": 5, "firstname": "A"}, None])
async def test_an_update_without_a_known_field_is_refused(world: World, body: Any) -> None:
    made = await create(world)
    answer = await world.lia.put(f"/api/customers/{made['id']}", body)
    assert (answer.status, answer.json["error"]["msg"]) == (400, "Failed to update customer")
    assert (await world.lia.put("/api/customers/999999999", body)).status == 404


async def test_a_new_email_becomes_preferred_and_null_takes_it_away(world: World) -> None:
    made = await create(world, email="a@shop.example")
    path = f"/api/customers/{made['id']}"
    changed = (await world.lia.put(path, {"email": "B@shop.example"})).json
    assert changed["email"] == "b@shop.example"
    assert brief(changed) == [("email", "a@shop.example", False), ("email", "b@shop.example", True)]
    changed = (await world.lia.put(path, {"email": None})).json
    assert (changed["email"], brief(changed)) == (None, [("email", "a@shop.example", False)])
    # Free for others, and the name does not bring it back.
    assert (await world.lia.put(path, {"name": "Ann"})).json["email"] is None
    other = await create(world, email="b@shop.example")
    assert brief(other) == [("email", "b@shop.example", True)]


async def test_channels_are_replaced_as_a_set(world: World) -> None:
    made = await create(world, **FULL)
    path = f"/api/customers/{made['id']}"
    wanted = [{"type": "phone", "address": "0049 30 1234"}, {"type": "phone", "address": "555"}]
    changed = (await world.lia.put(path, {"channels": wanted})).json
    assert changed["email"] is None
    assert brief(changed) == [("phone", "0049 30 1234", True), ("phone", "555", False)]
    assert changed["channels"][0]["id"] == made["channels"][1]["id"]
    gone = await world.rows(
        "select address, preferred from customer_channels where account_id = $1 and customer_id = $2"
        " and deleted_datetime is not null order by id",
        made["id"],
    )
    assert [tuple(row) for row in gone] == [("ann@shop.example", False), ("@Ann", False)]
    assert (await world.lia.put(path, {"channels": []})).json["channels"] == []
    await create(world, email="ann@shop.example", channels=wanted)


async def test_search_words_follow_name_and_addresses(world: World) -> None:
    made = await create(world, **FULL)

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


async def test_who_may(world: World) -> None:
    made = await create(world, email="ann@shop.example")
    path = f"/api/customers/{made['id']}"
    other = await create(world)
    pair = {"source_id": other["id"], "target_id": made["id"]}
    assert (await world.oda.post("/api/customers", {})).status == 403
    assert (await world.oda.put(path, {"name": "x"})).status == 403
    assert (await world.oda.put(path + "/data", {"data": 1})).status == 403
    assert (await world.lia.put("/api/customers/merge", {}, **pair)).status == 403
    assert (await world.bea.delete(path)).status == 403
    assert (await world.bea.delete("/api/customers", {"ids": [made["id"]]})).status == 403
    assert (await world.bea.put("/api/customers/merge", {}, **pair)).status == 202


async def test_data_is_overwritten_by_version(world: World) -> None:
    made = await create(world, data={"old": 1})
    path = f"/api/customers/{made['id']}/data/"

    async def stored() -> Any:
        return (await world.oda.get(f"/api/customers/{made['id']}")).json["data"]

    answer = await world.lia.put(path, {"data": {"new": 1}, "version": "2999-01-01T00:00:00Z"})
    assert (answer.status, answer.raw, answer.headers["Content-Length"]) == (202, b"", "0")
    assert await stored() == {"new": 1}
    assert (await world.lia.put(path, {"data": 5, "version": None})).status == 202
    assert await stored() == {"new": 1}
    assert (await world.lia.put(path, {"data": [True], "version": "2999-01-01T00:00:00Z"})).status == 202
    assert await stored() == [True]
    await world.lia.put(path, {"data": [1], "version": "2999-01-01T00:00:01Z"})
    assert await stored() == [1]
    await world.lia.put(path, {"data": [1], "version": "2999-01-01T00:00:02Z"})
    await world.lia.put(path, {"data": None, "version": "2999-01-01T00:00:02Z"})
    assert await stored() is None
    assert (
        await world.events("customer-updated")
        == [("customer-updated", "Customer", made["id"], {"data": True})] * 4
    )
    for body, data in (
        ({}, {"data": ["Missing data for required field."]}),
        ({"data": 1, "version": "yesterday"}, {"version": ["Not a valid datetime."]}),
        ({"data": 1, "more": 1}, {"more": ["No such field"]}),
        ({"data": "x" * 262_144}, {"data": ["Longer than maximum length 262144."]}),
    ):
        answer = await world.lia.put(path, body)
        assert (answer.status, answer.json["error"]["data"]) == (400, data)
        assert answer.json["error"]["msg"] == "Failed to update customer data"
        assert (await world.lia.put("/api/customers/999999999/data", body)).status == 404


async def test_lists_filter_exactly(world: World) -> None:
    ann = await create(world, **FULL)
    bob = await create(
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
    made = [await create(world, name=name, language="fr") for name in "abcdef"]
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


async def test_paths_that_are_none(world: World) -> None:
    for path in ("/api/customers/0", "/api/customers/x", "/api/customers/99999999999999999999"):
        assert (await world.ada.get(path)).status == 404
    assert (await world.ada.get("/api/customers/merge")).status == 405
    assert (await world.ada.post("/api/customers/1", {})).status == 405


async def test_statements_are_few_and_fixed(world: World, statements: list[str]) -> None:
    made = await create(world, **FULL)
    path = f"/api/customers/{made['id']}"
    calls: list[tuple[str, str, Any, int]] = [
        ("GET", path, None, 1),
        ("GET", "/api/customers?email=ann@shop.example", None, 1),
        # Who has it, store, event, answer.
        ("POST", "/api/customers", {"email": "b@shop.example", "name": "B"}, 4),
        ("POST", "/api/customers", {}, 3),
        # Lock, addresses, store, words, event, answer.
        ("PUT", path, {"name": "Ann", "note": "x"}, 6),
        ("PUT", path, {"name": "Ann"}, 3),
        ("PUT", path + "/data", {"data": {}}, 3),
    ]
    await world.lia.get(path)
    for method, target, body, count in calls:
        statements.clear()
        answer = await world.lia.send(method, target, body)
        assert answer.status < 300, answer.raw
        assert len(statements) == count, (method, target, statements)
