"""`/api/custom-fields`, and the values on tickets and customers."""

import asyncio
import json
from typing import Any

import pytest

from tests import make
from tests.world import World

TEXT = {"data_type": "text", "input_settings": {"input_type": "input"}}
NUMBER = {"data_type": "number", "input_settings": {"input_type": "input_number", "min": 0, "max": "10"}}
BOOLEAN = {"data_type": "boolean", "input_settings": {"input_type": "dropdown"}}


def dropdown(*choices: str, **more: Any) -> dict[str, Any]:
    return {
        "data_type": "text",
        "input_settings": {"input_type": "dropdown", "choices": list(choices), **more},
    }


async def field(world: World, definition: Any = TEXT, **more: Any) -> dict[str, Any]:
    body = {"object_type": "Ticket", "label": "Reason", "definition": definition, **more}
    made = await world.leo.post("/api/custom-fields", body)
    assert made.status == 201, made.raw
    return made.json  # type: ignore[no-any-return]


async def test_a_field_is_made_changed_archived_and_taken_back(world: World) -> None:
    made = await field(world, dropdown("Late", "Lost::Twice"), description="why", priority=5)
    assert made["required"] is False
    assert "requirement_type" not in made
    path = f"/api/custom-fields/{made['id']}"
    assert (await world.oda.get(path + "/")).json == made
    changed = await world.leo.put(path, {**made, "label": "Why", "required": True})
    assert (changed.status, changed.json["label"], changed.json["required"]) == (200, "Why", True)
    await world.leo.put(path, {"deactivated_datetime": "2026-01-01"})
    query = {"object_type": "Ticket"}
    assert (await world.oda.get("/api/custom-fields", **query)).json["data"] == []
    archived = (await world.oda.get("/api/custom-fields", **query, archived="true")).json
    assert [f["id"] for f in archived["data"]] == [made["id"]]
    assert archived["meta"]["total_resources"] is None
    assert (await world.leo.put(path, {"deactivated_datetime": None})).json["deactivated_datetime"] is None
    assert [e[0] for e in await world.events()] == ["custom-field-created"] + ["custom-field-updated"] * 3
    assert (await world.leo.delete(path)).status == 405
    assert (await world.bea.put(path, {"label": "x"})).status == 403


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ({"definition": TEXT}, {k: ["Missing data for required field."] for k in ("object_type", "label")}),
        (
            {"object_type": "Ticket", "label": "", "definition": TEXT},
            {"label": ["Shorter than minimum length 1."]},
        ),
        (
            {"object_type": "Ticket", "label": "x" * 256, "definition": TEXT},
            {"label": ["Longer than maximum length 255."]},
        ),
        (
            {"object_type": "Ticket", "label": "x", "definition": TEXT, "priority": 5001},
            {"priority": ["Must be less than or equal to 5000."]},
        ),
        (
            {
                "object_type": "Ticket",
                "label": "x",
                "definition": {"data_type": "date", "input_settings": {}},
            },
            {"definition": {"data_type": ["Not a valid choice."]}},
        ),
        (
            {"object_type": "Ticket", "label": "x", "definition": dropdown("a", "a")},
            {"definition": {"input_settings": {"choices": ["Each choice may be listed once."]}}},
        ),
        (
            {"object_type": "Ticket", "label": "x", "definition": dropdown("a", "1::2::3::4::5::6")},
            {"definition": {"input_settings": {"choices": {"1": ["Nested deeper than 5 levels."]}}}},
        ),
        (
            {"object_type": "Ticket", "label": "x", "definition": dropdown("a", default="b")},
            {"definition": {"input_settings": {"default": ["Not a valid choice."]}}},
        ),
        (
            {"object_type": "Ticket", "label": "x", "definition": dropdown(*map(str, range(2001)))},
            {"definition": {"input_settings": {"choices": ["Longer than maximum length 2000."]}}},
        ),
        (
            {"object_type": "Customer", "label": "x", "definition": TEXT, "managed_type": "product"},
            {"managed_type": ["Not a valid choice."]},
        ),
        (
            {
                "object_type": "Ticket",
                "label": "x",
                "definition": TEXT,
                "required": True,
                "requirement_type": "visible",
            },
            {"requirement_type": ["Contradicts required."]},
        ),
    ],
)
async def test_what_is_wrong_with_a_field_is_told(world: World, body: Any, data: Any) -> None:
    answer = await world.leo.post("/api/custom-fields", body)
    assert (answer.status, answer.json["error"]) == (
        400,
        {"msg": "Failed to create custom field", "data": data},
    )


async def test_limits(world: World) -> None:
    made = [await field(world, label=str(n)) for n in range(25)]
    full = await world.leo.post(
        "/api/custom-fields", {"object_type": "Ticket", "label": "26", "definition": TEXT}
    )
    assert full.status == 409
    assert full.json["error"] == {
        "msg": "The limit of 25 active custom fields is reached.",
        "data": {"limit": 25},
    }
    await field(world, object_type="Customer")
    await world.leo.put(f"/api/custom-fields/{made[0]['id']}", {"deactivated_datetime": "2026-01-01"})
    await field(world, label="26")
    back = await world.leo.put(f"/api/custom-fields/{made[0]['id']}", {"deactivated_datetime": None})
    assert back.status == 409
    walked = await world.oda.walk("/api/custom-fields", object_type="Ticket", limit=10)
    assert len(walked) == 25
    await field(world, dropdown(*map(str, range(2000))), object_type="Customer")


async def test_the_limit_holds_for_those_who_create_at_once(world: World) -> None:
    for number in range(23):
        await field(world, label=str(number))
    body = {"object_type": "Ticket", "label": "more", "definition": TEXT}
    answers = await asyncio.gather(*(world.leo.post("/api/custom-fields", body) for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [201, 201, 409, 409, 409]


async def test_kinds_are_fixed_and_managed_types_single(world: World) -> None:
    made = await field(world, managed_type="product")
    path = f"/api/custom-fields/{made['id']}"
    for body in ({"object_type": "Customer"}, {"definition": NUMBER}, {"definition": dropdown("a")}):
        assert (await world.leo.put(path, body)).status == 400
    again = {"object_type": "Ticket", "label": "x", "definition": TEXT, "managed_type": "product"}
    assert (await world.leo.post("/api/custom-fields", again)).status == 409
    assert (await world.oda.get("/api/custom-fields")).status == 400


async def test_several_at_once_or_none(world: World) -> None:
    first, second = await field(world, label="a"), await field(world, label="b")
    wrong = await world.leo.put("/api/custom-fields", [{"id": first["id"], "label": "A"}, {"id": 999999}])
    assert (wrong.status, wrong.json["error"]["data"]) == (400, {"1": {"id": ["Does not exist."]}})
    assert (await world.oda.get(f"/api/custom-fields/{first['id']}")).json["label"] == "a"
    must = {"id": first["id"], "requirement_type": "required", "created_datetime": first["created_datetime"]}
    both = await world.leo.put("/api/custom-fields", [{"id": second["id"], "priority": 7}, must])
    assert both.status == 200
    assert [(f["id"], f["priority"], f["requirement_type"]) for f in both.json] == [
        (second["id"], 7, "visible"),
        (first["id"], 0, "required"),
    ]


async def test_values_of_a_ticket(world: World) -> None:
    reason = await field(world, dropdown("Late", "Lost::Twice"), priority=9)
    count, flag = await field(world, NUMBER, label="n"), await field(world, BOOLEAN, label="f")
    ticket = await make.ticket(world, custom_fields=[{"id": reason["id"], "value": "Late"}])
    assert ticket["custom_fields"] == {str(reason["id"]): {"id": reason["id"], "value": "Late"}}
    path = f"/api/tickets/{ticket['id']}/custom-fields"
    await world.rows("delete from events where account_id = $1")

    one = await world.lia.put(f"{path}/{count['id']}", b'"7"')
    assert one.status == 200, one.raw
    assert (one.json["value"], one.json["prediction"], one.json["field"]["requirement_type"]) == (
        7,
        None,
        "visible",
    )
    assert (await world.lia.put(f"{path}/{flag['id']}", {"value": True})).json["value"] is True
    assert (await world.lia.put(f"{path}/{flag['id']}", {"id": flag["id"], "value": False})).json[
        "value"
    ] is False
    listed = (await world.oda.get(path)).json
    assert list(listed) == ["data"]
    assert [item["value"] for item in listed["data"]] == ["Late", 7, False]
    assert "id" not in listed["data"][0]

    replaced = await world.lia.put(path, [{"id": count["id"], "value": 0}])
    assert [item["value"] for item in replaced.json["data"]] == [0]
    assert (await world.lia.put(path, [{"id": count["id"], "value": 0}])).status == 200
    assert (await world.lia.delete(f"{path}/{count['id']}")).status == 204
    assert (await world.lia.delete(f"{path}/{count['id']}")).status == 204
    assert "custom_fields" not in (await world.oda.get(f"/api/tickets/{ticket['id']}")).json
    changes = [event[3]["custom_fields"] for event in await world.events("ticket-updated")]
    assert changes[0] == {str(count["id"]): [None, 7]}
    assert changes[-1] == {str(count["id"]): [0, None]}
    assert len(changes) == 5


async def test_relationships_tell_the_field(world: World) -> None:
    made = await field(world)
    ticket = await make.ticket(world, custom_fields=[{"id": made["id"], "value": "x"}])
    path = f"/api/tickets/{ticket['id']}"
    told = (await world.oda.get(path, relationships="custom_fields")).json["custom_fields"][str(made["id"])]
    assert (told["field"]["label"], told["prediction"], told["value"]) == ("Reason", None, "x")
    back = await world.lia.put(path, (await world.oda.get(path)).json)
    assert back.status == 202
    replaced = await world.lia.put(path, {"custom_fields": []})
    assert "custom_fields" not in replaced.json


@pytest.mark.parametrize(
    ("definition", "value", "message"),
    [
        (TEXT, 1, "Not a valid string."),
        (NUMBER, "x", "Not a valid number."),
        (NUMBER, 11, "Must be less than or equal to 10."),
        (NUMBER, -1, "Must be greater than or equal to 0."),
        (BOOLEAN, "maybe", "Not a valid boolean."),
        (dropdown("Lost::Twice"), "Lost", "Not a valid choice."),
    ],
)
async def test_wrong_values_are_refused(world: World, definition: Any, value: Any, message: str) -> None:
    made = await field(world, definition)
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}/custom-fields"
    one = await world.lia.put(f"{path}/{made['id']}", {"value": value})
    assert (one.status, one.json["error"]["data"]) == (400, {"value": [message]})
    many = await world.lia.put(path, [{"id": made["id"], "value": value}])
    assert many.json["error"]["data"] == {"0": {"value": [message]}}
    create = {"messages": [make.mail()], "custom_fields": [{"id": made["id"], "value": value}]}
    assert (await world.lia.post("/api/tickets", create)).json["error"]["data"] == {
        "custom_fields": {"0": {"value": [message]}}
    }


async def test_system_managed_values_are_kept(world: World) -> None:
    managed, own = await field(world, managed_type="ai_intent"), await field(world)
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}/custom-fields"
    entry = {str(managed["id"]): {"id": managed["id"], "value": "refund"}}
    await world.rows("update tickets set custom_fields = $2 where account_id = $1", json.dumps(entry))
    kept = await world.lia.put(
        path, [{"id": own["id"], "value": "x"}, {"id": managed["id"], "value": "refund"}]
    )
    assert sorted(item["value"] for item in kept.json["data"]) == ["refund", "x"]
    assert [i["value"] for i in (await world.lia.put(path, [])).json["data"]] == ["refund"]
    assert (await world.lia.put(f"{path}/{managed['id']}", {"value": "x"})).status == 403
    assert (await world.lia.delete(f"{path}/{managed['id']}")).status == 403


async def test_values_of_a_customer(world: World) -> None:
    first, second = await field(world, object_type="Customer"), await field(world, object_type="Customer")
    wrong = await field(world)
    customer = (await make.ticket(world))["customer"]["id"]
    path = f"/api/customers/{customer}/custom-fields"
    assert (await world.lia.put(path, [{"id": first["id"], "value": "a"}])).status == 200
    both = await world.lia.put(path, [{"id": second["id"], "value": "b"}])
    assert [item["value"] for item in both.json["data"]] == ["a", "b"]
    assert "prediction" not in both.json["data"][0]
    assert (await world.lia.put(f"{path}/{wrong['id']}", b'"x"')).status == 404
    gone = await world.lia.put(f"{path}/{first['id']}", b"null")
    assert (gone.status, gone.json["value"]) == (200, None)
    assert (await world.lia.delete(f"{path}/{second['id']}")).status == 204
    assert (await world.oda.get(path)).json == {"data": []}
    [told, *_] = await world.events("customer-updated")
    assert told[3] == {"custom_fields": {str(first["id"]): [None, "a"]}}
