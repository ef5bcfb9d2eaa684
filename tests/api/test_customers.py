"""`/api/customers`: made, read, changed, and their data; answers, rows, events."""

from typing import Any

import pytest

from tests import make
from tests import world as worlds
from tests.world import World


async def test_a_customer_is_created_and_read(world: World) -> None:
    made = await make.customer(world, **make.ANN)
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


async def test_relationships_tell_the_definition_of_each_field(world: World) -> None:
    made = await make.customer(world)
    path = f"/api/customers/{made['id']}"
    definition = {"data_type": "text", "input_settings": {"input_type": "input"}}
    field = await world.leo.post(
        "/api/custom-fields", {"object_type": "Customer", "label": "Size", "definition": definition}
    )
    number = str(field.json["id"])
    await world.lia.put(f"{path}/custom-fields/{number}", {"value": "L"})
    plain = (await world.oda.get(path)).json
    assert plain["custom_fields"] == {number: {"id": field.json["id"], "value": "L"}}
    told = (await world.oda.get(path, relationships="custom_fields")).json
    entry = told["custom_fields"].pop(number)
    assert (entry["value"], entry["prediction"], entry["field"]["label"]) == ("L", None, "Size")
    assert told == plain | {"custom_fields": {}}
    assert (await world.oda.get(path, relationships="tickets")).status == 400


async def test_an_empty_customer_is_allowed(world: World) -> None:
    made = await make.customer(world)
    assert made["meta"] == {"name_set_via": "agent"}
    assert (made["email"], made["name"], made["firstname"], made["channels"]) == (None, None, "", [])
    assert await world.events() == [("customer-created", "Customer", made["id"], {"name": None})]


async def test_users_and_customers_share_one_sequence(world: World) -> None:
    made = await make.customer(world)
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
    made = await make.customer(world)
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
    made = await make.customer(world, **given)
    assert {key: made[key] for key in given if key != "channels"} == {
        key: value for key, value in given.items() if key != "channels"
    }
    assert len(made["channels"]) == 11


async def test_another_accounts_addresses_are_free(world: World) -> None:
    await make.customer(world, email="ann@shop.example", external_id="7")
    other = await worlds.make(world.database, world.ada.http, world.ada.url)
    made = await make.customer(other, email="ann@shop.example", external_id="7")
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


async def test_an_update_keeps_what_is_absent(world: World) -> None:
    made = await make.customer(world, **make.ANN)
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
    made = await make.customer(world, **make.ANN)
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
    made = await make.customer(world)
    answer = await world.lia.put(f"/api/customers/{made['id']}", body)
    assert (answer.status, answer.json["error"]["msg"]) == (400, "Failed to update customer")
    assert (await world.lia.put("/api/customers/999999999", body)).status == 404


async def test_who_may(world: World) -> None:
    made = await make.customer(world, email="ann@shop.example")
    path = f"/api/customers/{made['id']}"
    other = await make.customer(world)
    pair = {"source_id": other["id"], "target_id": made["id"]}
    assert (await world.oda.post("/api/customers", {})).status == 403
    assert (await world.oda.put(path, {"name": "x"})).status == 403
    assert (await world.oda.put(path + "/data", {"data": 1})).status == 403
    assert (await world.lia.put("/api/customers/merge", {}, **pair)).status == 403
    assert (await world.bea.delete(path)).status == 403
    assert (await world.bea.delete("/api/customers", {"ids": [made["id"]]})).status == 403
    assert (await world.bea.put("/api/customers/merge", {}, **pair)).status == 202


async def test_paths_that_are_none(world: World) -> None:
    for path in ("/api/customers/0", "/api/customers/x", "/api/customers/99999999999999999999"):
        assert (await world.ada.get(path)).status == 404
    assert (await world.ada.get("/api/customers/merge")).status == 405
    assert (await world.ada.post("/api/customers/1", {})).status == 405


async def test_statements_are_few_and_fixed(world: World, statements: list[str]) -> None:
    made = await make.customer(world, **make.ANN)
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


async def test_data_is_overwritten_by_version(world: World) -> None:
    made = await make.customer(world, data={"old": 1})
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
