"""`/api/account` and its settings: shapes, secrets, rights, rows, events."""

import json
from typing import Any

import pytest

from polus.api.settings import SHAPES
from polus.desk.settings import FIRST
from tests import world as worlds
from tests.world import World

PROVIDER = {
    "name": "Acme",
    "client_id": "42",
    "client_secret": "hush",
    "server_metadata_url": "https://login.example/.well-known/openid-configuration",
}
# One right value per type.
RIGHT: dict[str, Any] = {
    **FIRST,
    "auto-split": {"email": {"enabled": True, "split_after_days": 3}},
    "in-ticket-suggestion": {"is_demo_hidden": None},
    "agent-costs": {"agent_cost_type": "hourly", "agent_cost_per_ticket": 1.5, "agent_ticket_per_hour": None},
    "limits": {"max_active_rules": 0},
    **{
        kind: {
            "active_view": "a",
            "views": [{"id": "a", "name": "A", "metrics": [{"id": "m", "visibility": None}], "rows": [1]}],
        }
        for kind in SHAPES
        if kind.endswith("-table-config")
    },
}


async def setting(world: World, kind: str) -> dict[str, Any]:
    (found,) = (await world.ada.get("/api/account/settings", type=kind)).json["data"]
    return dict(found)


async def test_a_new_account_and_its_settings(world: World, statements: list[str]) -> None:
    await world.ada.get("/api/account")
    statements.clear()
    answer = await world.ada.get("/api/account/")
    assert (answer.status, len(statements)) == (200, 1)
    account = answer.json
    (row,) = await world.rows("select wire(created_datetime) from accounts where id = $1")
    assert account["created_datetime"] == row[0]
    assert account["deactivated_datetime"] is None
    assert account["domain"] == world.account.domain
    assert account["status"] == {"status": "active"}
    settings = account["settings"]
    assert {item["type"]: item["data"] for item in settings} == FIRST
    assert [item["type"] for item in settings] == list(FIRST)
    assert [item["id"] for item in settings] == list(range(settings[0]["id"], settings[0]["id"] + 8))
    listed = await world.ada.get("/api/account/settings")
    assert (listed.status, listed.json) == (200, {"data": settings})


async def test_settings_by_type(world: World) -> None:
    found = await world.oda.get("/api/account/settings", type="auto-merge")
    assert [item["data"] for item in found.json["data"]] == [FIRST["auto-merge"]]
    assert (await world.oda.get("/api/account/settings", type="no-such")).json == {"data": []}
    assert (await world.oda.get("/api/account/settings", limit=3)).status == 400


async def test_access_is_shown_to_admins_only(world: World) -> None:
    assert (await world.leo.get("/api/account/settings", type="access")).json == {"data": []}
    seen = {item["type"] for item in (await world.leo.get("/api/account")).json["settings"]}
    assert seen == set(FIRST) - {"access"}


@pytest.mark.parametrize("kind", sorted(set(SHAPES) - set(FIRST)))
async def test_each_further_type_can_be_made_once(world: World, kind: str) -> None:
    made = await world.ada.post("/api/account/settings", {"type": kind, "data": RIGHT[kind]})
    assert made.status == 201
    assert made.json == {"id": made.json["id"], "type": kind, "data": RIGHT[kind]}
    assert await setting(world, kind) == made.json
    again = await world.ada.post("/api/account/settings", {"type": kind, "data": RIGHT[kind]})
    assert again.status == 409
    assert again.json["error"]["data"] == {"type": ["Already in use."], "id": made.json["id"]}
    assert await world.events() == [("account-setting-created", "AccountSetting", made.json["id"], None)]


@pytest.mark.parametrize("kind", list(FIRST))
async def test_each_first_type_takes_back_what_it_answers(world: World, kind: str) -> None:
    stored = await setting(world, kind)
    answer = await world.ada.put(f"/api/account/settings/{stored['id']}/", stored)
    assert (answer.status, answer.json) == (200, stored)
    assert await world.events() == []


async def test_data_is_replaced_as_a_whole(world: World) -> None:
    stored = await setting(world, "satisfaction-surveys")
    body = {"type": stored["type"], "data": {"survey_interval": "4", "survey_email_text": "x" * 2000}}
    answer = await world.ada.put(f"/api/account/settings/{stored['id']}", body)
    assert answer.status == 200
    assert answer.json["data"] == {"survey_interval": 4, "survey_email_text": "x" * 2000}
    assert await setting(world, stored["type"]) == answer.json
    ((kind, object_type, object_id, data),) = await world.events()
    assert (kind, object_type, object_id) == ("account-setting-updated", "AccountSetting", stored["id"])
    assert data["survey_interval"] == [2, 4]
    assert data["send_survey_for_chat"] == [True, None]
    assert data["survey_email_text"] is True


async def test_data_may_be_left_out(world: World) -> None:
    stored = await setting(world, "business-hours")
    answer = await world.ada.put(f"/api/account/settings/{stored['id']}", {"type": "business-hours"})
    assert (answer.status, answer.json) == (200, stored)
    made = await world.ada.post("/api/account/settings", {"type": "limits"})
    assert (made.status, made.json["data"]) == (201, {})


async def test_one_range_of_business_hours_stays_one(world: World) -> None:
    stored = await setting(world, "business-hours")
    data = {
        "timezone": "US/Pacific",
        "business_hours": {"days": "6,7", "from_time": "00:00", "to_time": "24:00"},
    }
    body = {"type": "business-hours", "data": data}
    answer = await world.ada.put(f"/api/account/settings/{stored['id']}", body)
    assert answer.json["data"] == data
    assert (await world.events())[0][3] == {"timezone": ["UTC", "US/Pacific"], "business_hours": True}


CHOICE, WHOLE, REQUIRED = (
    ["Not a valid choice."],
    ["Not a valid integer."],
    ["Missing data for required field."],
)


@pytest.mark.parametrize(
    "kind, data, problem",
    [
        ("satisfaction-surveys", {"survey_interval": "soon"}, {"survey_interval": WHOLE}),
        ("satisfaction-surveys", {"survey_intervals": 1}, {"survey_intervals": ["No such field"]}),
        ("ticket-assignment", {"assignment_channels": ["mail"]}, {"assignment_channels": {"0": CHOICE}}),
        (
            "ticket-assignment",
            {"max_user_chat_ticket": -1},
            {"max_user_chat_ticket": ["Must be greater than or equal to 0."]},
        ),
        (
            "views-ordering",
            {"views": {"1": {"display_order": "x"}}},
            {"views": {"1": {"display_order": WHOLE}}},
        ),
        ("business-hours", {"timezone": "Mars/Olympus"}, {"timezone": CHOICE}),
        ("business-hours", {"business_hours": [{"days": "0"}]}, {"business_hours": {"0": {"days": CHOICE}}}),
        (
            "business-hours",
            {"business_hours": {"from_time": "9:00", "to_time": "24:01"}},
            {"business_hours": {"from_time": CHOICE, "to_time": CHOICE}},
        ),
        ("access", {}, {"signup_mode": REQUIRED}),
        (
            "access",
            {"signup_mode": "invite", "custom_sso_providers": {"a": {}}},
            {"custom_sso_providers": {"a": dict.fromkeys(PROVIDER, REQUIRED)}},
        ),
        (
            "access",
            {"signup_mode": "invite", "sso_enforced_datetime": "soon"},
            {"sso_enforced_datetime": ["Not a valid datetime."]},
        ),
        ("views-visibility", {"hidden_views": ["a"]}, {"hidden_views": {"0": WHOLE}}),
        ("auto-merge", {"tickets": {"enabled": True}}, {"tickets": {"merging_window_days": REQUIRED}}),
        ("default-integration", {"email": "x"}, {"email": WHOLE}),
    ],
)
async def test_data_against_its_shape(world: World, kind: str, data: Any, problem: Any) -> None:
    stored = await setting(world, kind)
    answer = await world.ada.put(f"/api/account/settings/{stored['id']}", {"type": kind, "data": data})
    assert answer.status == 400
    assert answer.json["error"] == {"msg": "Failed to update account setting", "data": {"data": problem}}
    assert await setting(world, kind) == stored
    assert await world.events() == []


async def test_types_are_a_closed_list_and_stay(world: World) -> None:
    unknown = await world.ada.post("/api/account/settings", {"type": "colours", "data": {}})
    assert unknown.status == 400
    assert unknown.json["error"]["data"] == {"type": CHOICE}
    stored = await setting(world, "auto-merge")
    other = await world.ada.put(
        f"/api/account/settings/{stored['id']}", {"type": "limits", "data": {"max_integrations": 1}}
    )
    assert other.status == 400
    assert list(other.json["error"]["data"]) == ["type"]
    missing = await world.ada.put(f"/api/account/settings/{stored['id']}", {"data": {}})
    assert missing.json["error"]["data"] == {"type": REQUIRED}


async def test_secrets_are_stars_and_stars_keep_them(world: World) -> None:
    stored = await setting(world, "access")
    path = f"/api/account/settings/{stored['id']}"
    data = {**stored["data"], "custom_sso_providers": {"acme": PROVIDER}}
    answer = await world.ada.put(path, {"type": "access", "data": data})
    starred = {**PROVIDER, "client_secret": "********"}
    assert answer.json["data"]["custom_sso_providers"] == {"acme": starred}
    whole = (await world.ada.get("/api/account")).raw + (await world.ada.get("/api/account/settings")).raw
    assert b"hush" not in whole
    assert whole.count(b"********") == 2

    renamed = {**answer.json["data"], "custom_sso_providers": {"acme": {**starred, "name": "Acme 2"}}}
    assert (await world.ada.put(path, {"type": "access", "data": renamed})).status == 200
    (row,) = await world.rows(
        "select data->'custom_sso_providers' from account_settings where account_id = $1 and type = 'access'"
    )
    kept = json.loads(row[0])["acme"]
    assert kept == {**PROVIDER, "name": "Acme 2", "client_secret": kept["client_secret"]}
    place = f"account_settings/{world.account.id}/access/acme"
    assert world.database.vault.open(kept["client_secret"], place) == PROVIDER["client_secret"]
    moved = {"acme": {**starred, "server_metadata_url": "https://evil.example"}}
    elsewhere = await world.ada.put(path, {"type": "access", "data": {**data, "custom_sso_providers": moved}})
    assert elsewhere.status == 400, "it is not sent to another"
    assert "hush" not in json.dumps(await world.events())

    never = {**data, "custom_sso_providers": {"new": starred}}
    refused = await world.ada.put(path, {"type": "access", "data": never})
    assert refused.status == 400
    assert refused.json["error"]["data"] == {
        "data": {"custom_sso_providers": {"new": {"client_secret": REQUIRED}}}
    }


async def test_who_may_and_what_is_another_accounts(world: World, database: Any, http: Any, url: str) -> None:
    stored = await setting(world, "auto-merge")
    path = f"/api/account/settings/{stored['id']}"
    assert (await world.leo.put(path, stored)).status == 403
    assert (await world.leo.post("/api/account/settings", {"type": "limits"})).status == 403
    assert (await world.ada.delete(path)).status == 405
    assert (await world.ada.get(path)).status == 405
    other = await worlds.make(database, http, url)
    assert (await other.ada.put(path, {"type": 1})).status == 404
    assert (await other.ada.put(path, stored)).status == 404
    assert (await world.ada.put("/api/account/settings/0", stored)).status == 404


async def test_statements_are_few(world: World, statements: list[str]) -> None:
    stored = await setting(world, "auto-merge")
    path = f"/api/account/settings/{stored['id']}"
    for call, count in (
        (world.ada.get("/api/account/settings"), 1),
        (world.ada.post("/api/account/settings", {"type": "limits"}), 2),
        (
            world.ada.put(
                path, {"type": "auto-merge", "data": {"tickets": {"enabled": True, "merging_window_days": 1}}}
            ),
            4,
        ),
    ):
        statements.clear()
        await call
        assert len(statements) == count
