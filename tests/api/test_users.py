"""`/api/users`: profiles, lists, what is refused."""

import asyncio
import secrets
from typing import Any

import pytest

from tests.api.people import CHOICE, REQUIRED, made, new
from tests.world import World


async def test_a_user_is_made_read_changed_and_deleted(world: World) -> None:
    answer = await world.ada.post("/api/users", new("Eve@Shop.example"))
    assert answer.status == 201
    user = answer.json
    assert user == {
        "id": user["id"],
        "uri": f"http://{world.ada.host}/api/users/{user['id']}/",
        "active": True,
        "bio": None,
        "country": None,
        "email": "eve@shop.example",
        "external_id": None,
        "firstname": "Eve",
        "lastname": "Adams",
        "name": "Eve Ann Adams",
        "language": None,
        "meta": {"sso": None, "profile_picture_url": None},
        "role": {"name": "agent"},
        "timezone": "UTC",
        "has_password": False,
        "has_2fa_enabled": False,
        "client_id": None,
        "created_datetime": user["created_datetime"],
        "updated_datetime": user["created_datetime"],
        "deactivated_datetime": None,
    }
    path = f"/api/users/{user['id']}"
    assert (await world.oda.get(path + "/")).json == user
    unchanged = await world.ada.put(path, user)
    assert (unchanged.status, unchanged.json) == (202, user)

    profile = {
        "name": "Evelyn",
        "bio": "Writes",
        "country": "FR",
        "external_id": "e-1",
        "language": "fr-CA",
        "timezone": "US/Pacific",
        "meta": {"sso": "google", "name_set_via": "agent"},
        "role": {"id": 3, "name": "basic-agent"},
    }
    changed = await world.ada.put(path, profile)
    assert changed.status == 202
    assert changed.json["updated_datetime"] > user["updated_datetime"]
    assert changed.json == {
        **user,
        **profile,
        "firstname": "Evelyn",
        "lastname": "",
        "language": "fr",
        "role": {"name": "basic-agent"},
        "meta": {"sso": "google", "profile_picture_url": None, "name_set_via": "agent"},
        "updated_datetime": changed.json["updated_datetime"],
    }
    nulls = dict.fromkeys(("bio", "country", "external_id", "language", "timezone", "meta"))
    cleared = (await world.ada.put(path, nulls)).json
    assert {key: cleared[key] for key in nulls} == {**nulls, "meta": user["meta"]}

    gone = await world.ada.delete(path)
    assert (gone.status, gone.raw) == (204, b"")
    for again in (await world.ada.get(path), await world.ada.put(path, {}), await world.ada.delete(path)):
        assert again.status == 404
    told = await world.events()
    assert [event[0] for event in told] == [
        "user-created",
        "user-invited",
        "user-updated",
        "user-updated",
        "user-deleted",
    ]
    assert {event[1:3] for event in told} == {("User", user["id"])}
    assert told[0][3] is None
    assert told[1][3] is None
    assert told[2][3]["name"] == ["Eve Ann Adams", "Evelyn"]
    assert told[2][3]["role"] == ["agent", "basic-agent"]
    assert told[4][3] == {"name": "Evelyn"}


async def test_an_identical_change_is_none(world: World, statements: list[str]) -> None:
    user = (await world.leo.get("/api/users/0")).json
    statements.clear()
    assert (await world.leo.put("/api/users/0", user)).json == user
    assert len(statements) == 2
    assert await world.events() == []


async def test_the_time_zone_is_the_shops_unless_it_is_given(world: World) -> None:
    (setting,) = (await world.ada.get("/api/account/settings", type="business-hours")).json["data"]
    setting["data"]["timezone"] = "Europe/Paris"
    await world.ada.put(f"/api/account/settings/{setting['id']}", setting)
    assert (await made(world, "a@x.example"))["timezone"] == "Europe/Paris"
    assert (await made(world, "b@x.example", timezone="Asia/Tokyo"))["timezone"] == "Asia/Tokyo"
    assert (await made(world, "c@x.example", timezone=None))["timezone"] is None


async def test_zero_is_the_caller(world: World) -> None:
    for path in ("/api/users/0", "/api/users/0/", f"/api/users/{world.oda.user_id}"):
        found = await world.oda.get(path)
        assert (found.status, found.json["id"]) == (200, world.oda.user_id)
    renamed = await world.oda.put("/api/users/0", {"name": "Oda Olsen", "role": {"name": "observer-agent"}})
    assert (renamed.status, renamed.json["lastname"]) == (202, "Olsen")
    assert (await world.ada.delete("/api/users/0")).status == 403
    assert (await world.oda.delete("/api/users/0")).status == 403


async def test_ids_that_are_none(world: World) -> None:
    answer = await world.ada.get("/api/users/me")
    assert (answer.status, answer.json) == (400, {"error": {"msg": "pk is not a valid integer."}})
    assert (await world.ada.get(f"/api/users/{2**62}")).status == 404
    assert (await world.ada.delete("/api/users")).status == 405


@pytest.mark.parametrize(
    "body, data",
    [
        ({}, {"email": REQUIRED, "name": REQUIRED, "role": REQUIRED}),
        (new("eve"), {"email": ["Not a valid email address."]}),
        (new("e" * 309 + "@shop.example"), {"email": ["Longer than maximum length 320."]}),
        (new(role="bot"), {"role": {"name": CHOICE}}),
        (new(role="internal-agent"), {"role": {"name": CHOICE}}),
        ({**new(), "role": "agent"}, {"role": ["Invalid type."]}),
        ({**new(), "role": {"id": 1}}, {"role": {"name": REQUIRED}}),
        ({**new(), "name": "x" * 257}, {"name": ["Longer than maximum length 256."]}),
        ({**new(), "name": None}, {"name": ["Field may not be null."]}),
        (new(external_id="x" * 256), {"external_id": ["Longer than maximum length 255."]}),
        (new(country="FRA"), {"country": CHOICE}),
        (new(language="de"), {"language": CHOICE}),
        (new(timezone="Mars"), {"timezone": CHOICE}),
        (new(meta={"profile_picture_url": 1}), {"meta": ["Invalid type."]}),
        (new(meta={"name_set_via": 1}), {"meta": ["Invalid type."]}),
        (new(bio="x" * 10_001), {"bio": ["Longer than maximum length 10000."]}),
        (
            {**new(), "channels": [], "customer": {}, "data": {}, "roles": [], "active": True},
            {key: ["No such field"] for key in ("channels", "customer", "data", "roles", "active")},
        ),
    ],
)
async def test_what_no_user_can_be_made_of(world: World, body: Any, data: Any) -> None:
    answer = await world.ada.post("/api/users", body)
    assert answer.status == 400
    assert answer.json["error"] == {"msg": "Failed to create user", "data": data}
    assert await world.events() == []


async def test_limits_are_reached(world: World) -> None:
    await made(
        world,
        "e" * 307 + "@shop.example",
        external_id="x" * 255,
        bio="x" * 10_000,
    )
    assert (await world.leo.put("/api/users/0", {"name": "\U0001f600" * 256})).status == 202


@pytest.mark.parametrize("field", ["channels", "customer", "data", "roles"])
async def test_what_once_was_written_is_refused_in_changes_too(world: World, field: str) -> None:
    answer = await world.ada.put("/api/users/0", {field: []})
    assert answer.status == 400
    assert answer.json["error"] == {"msg": "Failed to update user", "data": {field: ["No such field"]}}


async def test_emails_and_external_ids_are_unique(world: World) -> None:
    eve = await made(world, external_id="e-1")
    for body, data in (
        (new("EVE@shop.example"), {"email": ["Already in use."]}),
        (new("other@shop.example", external_id="e-1"), {"external_id": ["Already in use."]}),
        (new(external_id="e-1"), {"email": ["Already in use."], "external_id": ["Already in use."]}),
    ):
        answer = await world.ada.post("/api/users", body)
        assert answer.status == 409
        assert answer.json["error"] == {
            "msg": "The resource already exists.",
            "data": {**data, "id": eve["id"]},
        }
    answer = await world.leo.put("/api/users/0", {"email": "eve@SHOP.example"})
    assert (answer.status, answer.json["error"]["data"]["id"]) == (409, eve["id"])
    await world.ada.delete(f"/api/users/{eve['id']}")
    assert (await world.ada.post("/api/users", new(external_id="e-1"))).status == 201


async def test_two_at_once_cannot_share_an_email(world: World) -> None:
    answers = await asyncio.gather(*(world.ada.post("/api/users", new()) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 5
    for answer in answers:
        if answer.status == 409:
            assert answer.json["error"]["data"]["email"] == ["Already in use."]


async def test_lists_filter_and_sort(world: World, statements: list[str]) -> None:
    eve = await made(world, "eve@shop.example", "observer-agent", external_id="e-1")
    statements.clear()
    first = await world.oda.get("/api/users")
    assert len(statements) <= 3
    statements.clear()
    assert (await world.oda.get("/api/users")).raw == first.raw
    assert len(statements) == 1
    assert first.json["uri"] == "/api/users?"
    assert first.json["meta"] == {"prev_cursor": None, "next_cursor": None, "total_resources": None}
    names = [user["name"] for user in first.json["data"]]
    assert names == sorted(names)
    assert "Polus Bot" in names
    assert [user["timezone"] for user in first.json["data"] if user["role"]["name"] == "bot"] == [None]

    async def found(**query: Any) -> list[int]:
        return [user["id"] for user in await world.oda.walk("/api/users", limit=2, **query)]

    assert await found(email="EVE@shop.example") == [eve["id"]]
    assert await found(external_id="e-1") == [eve["id"]]
    assert await found(search="ann adams") == [eve["id"]]
    assert await found(search="EVE@SHOP") == [eve["id"]]
    assert await found(search="ann_adams") == []
    assert await found(email="nobody@shop.example") == []
    assert set(await found(roles=["observer-agent", "admin"])) == {
        eve["id"],
        world.oda.user_id,
        world.ada.user_id,
    }
    assert set(await found(roles="observer-agent,admin")) == set(
        await found(roles=["admin", "observer-agent"])
    )
    assert await found(roles="observer-agent", search="oda") == [world.oda.user_id]
    for order in ("created_datetime", "name", "email", "role.name"):
        forth, back = await found(order_by=order + ":asc"), await found(order_by=order + ":desc")
        assert len(forth) == 7
        assert forth == back[::-1]
    assert (await world.oda.get("/api/users", roles="boss")).status == 400
    assert (await world.oda.get("/api/users", order_by="name")).status == 400


async def test_those_who_are_logged_in_come_first(world: World) -> None:
    for person, left in ((world.lia, "1 day"), (world.leo, "-1 day")):
        await world.rows(
            "insert into sessions values ($1, $2, $3, '', now(), now() + $4::text::interval)",
            secrets.token_bytes(32),
            person.user_id,
            left,
        )
    for order in ("name:asc", "name:desc"):
        plain = [user["id"] for user in await world.oda.walk("/api/users", order_by=order)]
        first = [
            user["id"]
            for user in await world.oda.walk("/api/users", order_by=order, available_first="true", limit=2)
        ]
        assert first == [world.lia.user_id, *(user for user in plain if user != world.lia.user_id)]


async def test_statements_are_few(world: World, statements: list[str]) -> None:
    await world.ada.get("/api/users/0")
    for call, count in (
        (world.ada.get("/api/users/0"), 1),
        # who has the address, the row, its events, the answer
        (world.ada.post("/api/users", new()), 4),
        (world.ada.put("/api/users/0", {"name": "Ada"}), 3),
    ):
        statements.clear()
        await call
        assert len(statements) == count, statements
