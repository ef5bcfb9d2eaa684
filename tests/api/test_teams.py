"""`/api/teams`: members, order, rights, and what becomes of a deleted team's tickets."""

from typing import Any

import pytest

from polus.store.database import Database
from tests import world as worlds
from tests.api.people import REQUIRED
from tests.world import Client, World

MISSING = ["Does not exist."]


def member(person: Client, name: str) -> dict[str, Any]:
    return {
        "id": person.user_id,
        "name": name + " Agent",
        "email": person.email,
        "meta": {"sso": None, "profile_picture_url": None},
    }


async def test_a_team_is_made_read_changed_and_deleted(world: World) -> None:
    answer = await world.leo.post("/api/teams", {"name": "Returns"})
    assert answer.status == 201
    team = answer.json
    assert team == {
        "id": team["id"],
        "uri": f"/api/teams/{team['id']}/",
        "name": "Returns",
        "description": None,
        "decoration": {},
        "members": [],
        "created_datetime": team["created_datetime"],
    }
    path = f"/api/teams/{team['id']}"
    assert (await world.oda.get(path + "/")).json == team
    body = {
        "description": "Parcels that come back",
        "decoration": {"emoji": {"id": "x", "skin": 1}},
        "members": [{"id": world.lia.user_id}, {"email": world.leo.email.upper()}, {"id": world.lia.user_id}],
    }
    changed = await world.leo.put(path, body)
    assert changed.status == 202
    assert changed.json == {**team, **body, "members": [member(world.lia, "Lia"), member(world.leo, "Leo")]}
    again = await world.leo.put(path, changed.json)
    assert (again.status, again.json) == (202, changed.json)
    turned = await world.leo.put(path, {"members": [{"id": world.leo.user_id}, {"id": world.lia.user_id}]})
    assert turned.json["members"] == changed.json["members"][::-1]
    fewer = await world.leo.put(path, {"members": [{"id": world.oda.user_id}], "decoration": None})
    assert fewer.json["members"] == [member(world.oda, "Oda")]
    assert fewer.json["decoration"] is None

    gone = await world.leo.delete(path)
    assert (gone.status, gone.raw) == (204, b"")
    for later in (
        await world.leo.get(path),
        await world.leo.put(path, {"x": 1}),
        await world.leo.delete(path),
    ):
        assert later.status == 404
    assert await world.rows("select 1 from team_members where account_id = $1") == []
    told = await world.events()
    assert [event[0] for event in told] == ["team-created", *["team-updated"] * 3, "team-deleted"]
    assert told[0][3] == told[4][3] == {"name": "Returns"}
    assert told[1][3]["members"] == [[], [world.lia.user_id, world.leo.user_id]]
    assert "name" not in told[1][3]


async def test_members_may_be_given_at_once(world: World) -> None:
    answer = await world.leo.post(
        "/api/teams", {"name": "All", "members": [member(world.bea, "?"), {"email": world.ada.email}]}
    )
    assert answer.json["members"] == [member(world.bea, "Bea"), member(world.ada, "Ada")]


async def test_names_need_not_differ(world: World) -> None:
    for _ in range(2):
        assert (
            await world.leo.post("/api/teams", {"name": "x" * 256, "description": "y" * 1024})
        ).status == 201


@pytest.mark.parametrize(
    "body, data",
    [
        ({}, {"name": REQUIRED}),
        ({"name": ""}, {"name": ["Shorter than minimum length 1."]}),
        ({"name": "x" * 257}, {"name": ["Longer than maximum length 256."]}),
        ({"name": "x", "description": "x" * 1025}, {"description": ["Longer than maximum length 1024."]}),
        ({"name": "x", "decoration": []}, {"decoration": ["Invalid type."]}),
        ({"name": "x", "colour": 1}, {"colour": ["No such field"]}),
        ({"name": "x", "members": None}, {"members": ["Field may not be null."]}),
        ({"name": "x", "members": [{"id": "a"}]}, {"members": {"0": {"id": ["Not a valid integer."]}}}),
        (
            {"name": "x", "members": [{"id": 2**62}, {"email": "no@x.example"}, {}, {"name": "Ada"}]},
            {
                "members": {
                    "0": {"id": MISSING},
                    "1": {"email": MISSING},
                    "2": {"id": REQUIRED},
                    "3": {"id": REQUIRED},
                }
            },
        ),
    ],
)
async def test_what_is_refused(world: World, body: Any, data: Any) -> None:
    answer = await world.leo.post("/api/teams", body)
    assert answer.status == 400
    assert answer.json["error"] == {"msg": "Failed to create team", "data": data}
    assert await world.events() == []


async def test_deleted_users_are_no_members(world: World) -> None:
    team = (await world.leo.post("/api/teams", {"name": "x", "members": [{"id": world.lia.user_id}]})).json
    await world.ada.delete(f"/api/users/{world.lia.user_id}")
    assert (await world.leo.get(team["uri"])).json["members"] == []
    answer = await world.leo.put(team["uri"], {"members": [{"id": world.lia.user_id}]})
    assert answer.json["error"] == {
        "msg": "Failed to update team",
        "data": {"members": {"0": {"id": MISSING}}},
    }


async def test_lists(world: World, statements: list[str]) -> None:
    for name in ("b", "a", "c", "a"):
        await world.leo.post("/api/teams", {"name": name, "members": [{"id": world.leo.user_id}]})
    await world.oda.get("/api/teams")
    statements.clear()
    answer = await world.oda.get("/api/teams")
    assert (answer.status, len(statements)) == (200, 1)
    assert answer.json["meta"] == {"prev_cursor": None, "next_cursor": None}
    assert [team["name"] for team in answer.json["data"]] == ["a", "c", "a", "b"]
    assert answer.json["data"][0]["members"] == [member(world.leo, "Leo")]
    for order in ("created_datetime:asc", "created_datetime:desc", "name:asc", "name:desc"):
        whole = (await world.oda.get("/api/teams", order_by=order)).json["data"]
        assert await world.oda.walk("/api/teams", order_by=order, limit=3) == whole
    assert [team["name"] for team in whole] == ["c", "b", "a", "a"]
    assert (await world.oda.get("/api/teams", search="a")).status == 400


TICKETS = """
insert into tickets (account_id, channel, via, customer_id, assignee_user_id, assignee_team_id, status,
  unread_datetime, created_datetime, processed_datetime, updated_datetime)
select $1, 'email', 'api', 1, $2, team, status, now(), now(), now(), now() - interval '1 day'
from (values ('open', $3::bigint), ('closed', $3), ('open', $4)) as t (status, team) returning id
"""


async def test_tickets_lose_a_deleted_team(world: World, statements: list[str]) -> None:
    teams = [(await world.leo.post("/api/teams", {"name": n})).json["id"] for n in ("going", "staying")]
    tickets = [row[0] for row in await world.rows(TICKETS, world.leo.user_id, *teams)]
    await world.rows("delete from events where account_id = $1")
    statements.clear()
    assert (await world.leo.delete(f"/api/teams/{teams[0]}")).status == 204
    assert len(statements) == 4
    rows = await world.rows(
        "select assignee_team_id, assignee_user_id, updated_datetime > now() - interval '1 hour' from tickets"
        " where account_id = $1 order by id"
    )
    leo = world.leo.user_id
    assert [tuple(row) for row in rows] == [(None, leo, True), (None, leo, True), (teams[1], leo, False)]
    told = await world.events()
    assert told[-1] == ("team-deleted", "Team", teams[0], {"name": "going"})
    assert sorted(event[2] for event in told[:-1]) == sorted(tickets[:2] * 2)
    assert [event for event in told if event[2] == tickets[0]] == [
        ("ticket-updated", "Ticket", tickets[0], {"assignee_team_id": [teams[0], None]}),
        ("ticket-team-unassigned", "Ticket", tickets[0], {"assignee_team_id": teams[0]}),
    ]


async def test_who_may_and_the_wall(world: World, database: Database, http: Any, url: str) -> None:
    team = (await world.leo.post("/api/teams", {"name": "x"})).json
    for person in (world.bea, world.lia, world.oda):
        assert (await person.post("/api/teams", {"name": "y"})).status == 403
        assert (await person.put(team["uri"], {"name": "y"})).status == 403
        assert (await person.delete(team["uri"])).status == 403
        assert (await person.get(team["uri"])).status == 200
    other = await worlds.make(database, http, url)
    for answer in (
        await other.leo.get(team["uri"]),
        await other.leo.put(team["uri"], {"name": "mine"}),
        await other.leo.delete(team["uri"]),
    ):
        assert answer.status == 404
    assert (await other.leo.get("/api/teams")).json["data"] == []
    for foreign in ({"id": world.leo.user_id}, {"email": world.leo.email}):
        assert (await other.leo.post("/api/teams", {"name": "x", "members": [foreign]})).status == 400
