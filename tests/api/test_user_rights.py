"""`/api/users`: secrets, rights, protected users, and what ends with a user."""

import asyncio
import base64
import secrets
from typing import Any

from polus.base import clock, crypto, totp
from polus.desk import second_factors
from polus.store.database import Database
from polus.store.work import SYSTEM, writing
from tests import world as worlds
from tests.api.people import PASSWORD, REQUIRED, WRONG, give, give_password, key_of, made, new
from tests.world import Client, World


async def test_passwords(world: World) -> None:
    second = "another horse battery"
    assert (await world.leo.put("/api/users/0", {"new_password": PASSWORD})).json["has_password"] is True
    for body, data in (
        ({"new_password": second}, {"old_password": REQUIRED}),
        ({"new_password": second, "old_password": second}, {"old_password": WRONG}),
        ({"new_password": "x" * 9}, {"new_password": ["Shorter than minimum length 10."]}),
        ({"new_password": "x" * 129}, {"new_password": ["Longer than maximum length 128."]}),
        ({"new_password": None}, {"new_password": ["Field may not be null."]}),
    ):
        answer = await world.leo.put("/api/users/0", body)
        assert (answer.status, answer.json["error"]["data"]) == (400, data)
    by_admin = await world.ada.put(f"/api/users/{world.leo.user_id}", {"new_password": second})
    assert by_admin.json["error"]["data"] == {"old_password": REQUIRED}

    await world.rows(
        "insert into sessions values ($1, $2, $3, '', now(), now() + interval '1 day')",
        b"x",
        world.leo.user_id,
    )
    answer = await world.leo.put("/api/users/0", {"new_password": "x" * 10, "old_password": PASSWORD})
    assert answer.status == 202
    assert (
        await world.leo.put("/api/users/0", {"new_password": "y" * 128, "old_password": "x" * 10})
    ).status == 202
    ((hashed,),) = await world.rows(
        "select password_hash from users where account_id = $1 and id = $2", world.leo.user_id
    )
    assert await crypto.verify_password(hashed, "y" * 128)
    assert await world.rows("select 1 from sessions where account_id = $1") == []
    assert await world.events() == [("user-password-changed", "User", world.leo.user_id, None)] * 3
    # A new password leaves the key valid, and is none.
    assert (await world.leo.get("/api/users/0")).status == 200
    impostor = Client(world.leo.http, world.leo.url, world.leo.host, world.leo.email, "y" * 128, 0)
    assert (await impostor.get("/api/users/0")).status == 401


async def test_ones_own_email_needs_the_password(world: World) -> None:
    await give_password(world, world.leo.user_id)
    body = {"email": "leo@new.example"}
    answer = await world.leo.put("/api/users/0", body)
    assert (answer.status, answer.json["error"]["data"]) == (400, {"password_confirmation": REQUIRED})
    answer = await world.leo.put("/api/users/0", {**body, "password_confirmation": "guess"})
    assert (answer.status, answer.json["error"]["data"]) == (400, {"password_confirmation": WRONG})
    answer = await world.leo.put("/api/users/0", {**body, "password_confirmation": PASSWORD})
    assert (answer.status, answer.json["email"]) == (202, "leo@new.example")
    # The key belongs to the new address from now on.
    assert (await world.leo.get("/api/users/0")).status == 401
    world.leo.email = "leo@new.example"
    assert (await world.leo.get("/api/users/0")).status == 200
    assert (
        await world.ada.put(f"/api/users/{world.leo.user_id}", {"email": "leo@third.example"})
    ).status == 202


async def test_the_second_factor_guards_secrets(world: World) -> None:
    secret = base64.b32encode(secrets.token_bytes(20)).decode()
    await give_password(world, world.leo.user_id)
    async with writing(world.database, world.account, SYSTEM) as work:
        sealed = second_factors.sealed(work, world.leo.user_id, secret)
    await give(world, world.leo.user_id, two_fa_secret=sealed)
    assert (await world.leo.get("/api/users/0")).json["has_2fa_enabled"] is True
    assert (await world.leo.put("/api/users/0", {"bio": "free"})).status == 202
    body = {"new_password": "x" * 10, "old_password": PASSWORD}
    for code, told in ((None, REQUIRED), ("000", ["Not a valid code."]), ("12345a", ["Not a valid code."])):
        answer = await world.leo.put("/api/users/0", {**body, "two_fa_code": code})
        assert (answer.status, answer.json["error"]["data"]) == (400, {"two_fa_code": told})
    code = totp.code(secret, int(clock.now().timestamp()) // 30)
    assert (await world.leo.put("/api/users/0", {**body, "two_fa_code": code})).status == 202
    # Seen over the shoulder, it opens nothing more.
    body = {"email": "l@x.example", "password_confirmation": "x" * 10, "two_fa_code": code}
    answer = await world.leo.put("/api/users/0", body)
    assert (answer.status, answer.json["error"]["data"]) == (400, {"two_fa_code": ["Not a valid code."]})


async def test_secrets_are_told_nowhere(world: World) -> None:
    await world.leo.put("/api/users/0", {"new_password": PASSWORD})
    assert PASSWORD not in str(await world.events())
    assert "argon2" not in (await world.ada.get("/api/users")).raw.decode()


async def test_who_may(world: World) -> None:
    for person in (world.leo, world.bea, world.lia, world.oda):
        assert (await person.post("/api/users", {})).status == 403
        assert (await person.put(f"/api/users/{world.ada.user_id}", {"x": 1})).status == 403
        assert (await person.put(f"/api/users/{2**60}", {})).status == 403
        assert (await person.delete(f"/api/users/{world.ada.user_id}")).status == 403
        assert (await person.put("/api/users/0", {"role": {"name": "admin"}})).status == 403
        assert (await person.put("/api/users/0", {"bio": "me"})).status == 202
        assert (await person.get("/api/users")).status == 200
    assert (await world.ada.put(f"/api/users/{2**60}", {"x": 1})).status == 404


async def test_protected_users(world: World) -> None:
    ((owner, bot),) = await world.rows("select owner_id, bot_id from accounts where id = $1")
    assert owner == world.ada.user_id
    second = await key_of(world, await made(world, "second@shop.example", "admin"))
    for path in (f"/api/users/{owner}", f"/api/users/{bot}"):
        assert (await second.delete(path)).status == 403
        assert (await second.put(path, {"role": {"name": "agent"}})).status == 403
    assert (await second.put(f"/api/users/{bot}", {"name": "Robby", "language": "en"})).status == 202
    assert (await second.delete(f"/api/users/{second.user_id}")).status == 403
    assert (
        await second.put(f"/api/users/{owner}", {"name": "The Boss", "role": {"name": "admin"}})
    ).status == 202
    assert (await second.put("/api/users/0", {"role": {"name": "agent"}})).status == 202
    assert (await second.put("/api/users/0", {"role": {"name": "admin"}})).status == 403


async def test_the_last_admin_stays(world: World) -> None:
    await world.rows("update accounts set owner_id = null where id = $1")
    answer = await world.ada.put("/api/users/0", {"role": {"name": "agent"}})
    assert answer.status == 403
    assert "last active admin" in answer.json["error"]["msg"]
    second = await made(world, "second@shop.example", "admin")
    await world.rows("update accounts set owner_id = null where id = $1")
    await give(world, second["id"], active=False)
    assert (await world.ada.put("/api/users/0", {"role": {"name": "agent"}})).status == 403
    await give(world, second["id"], active=True)
    assert (await world.ada.put("/api/users/0", {"role": {"name": "agent"}})).status == 202


async def test_two_admins_cannot_demote_each_other_at_once(world: World) -> None:
    second = await key_of(world, await made(world, "second@shop.example", "admin"))
    await world.rows("update accounts set owner_id = null where id = $1")
    demoted = {"role": {"name": "agent"}}
    answers = await asyncio.gather(
        world.ada.put(f"/api/users/{second.user_id}", demoted),
        second.put(f"/api/users/{world.ada.user_id}", demoted),
    )
    assert sorted(answer.status for answer in answers) == [202, 403]
    admins = await world.rows("select id from users where account_id = $1 and role = 'admin'")
    assert len(admins) == 1


async def test_a_new_role_counts_at_once(world: World) -> None:
    assert (await world.leo.post("/api/tags", {"name": "a"})).status == 201
    await world.ada.put(f"/api/users/{world.leo.user_id}", {"role": {"name": "lite-agent"}})
    assert (await world.leo.post("/api/tags", {"name": "b"})).status == 403


TICKETS = """
insert into tickets (account_id, channel, via, customer_id, assignee_user_id, assignee_team_id, status,
  snooze_datetime, spam, unread_datetime, created_datetime, processed_datetime, updated_datetime)
select $1, 'email', 'api', 1, $2, $3, status, case when snoozed then now() + interval '1 day' end, false,
  now(), now(), now(), now() - interval '1 day'
from (values ('open', false), ('closed', true), ('closed', false)) as t (status, snoozed)
returning id
"""


async def test_what_ends_with_a_user(world: World, statements: list[str]) -> None:
    tickets = [row[0] for row in await world.rows(TICKETS, world.leo.user_id, None)]
    await world.rows(
        "with team as (insert into teams (account_id, name, created_datetime) values ($1, 'T', now()) returning id)"
        " insert into team_members select $1, id, $2, 0 from team",
        world.leo.user_id,
    )
    await world.rows(
        "insert into sessions values ($1, $2, $3, '', now(), now() + interval '1 day')",
        b"y",
        world.leo.user_id,
    )
    for person in (world.leo, world.ada):
        assert (await person.get("/api/users/0")).status == 200
    await world.rows("delete from events where account_id = $1")
    statements.clear()
    assert (await world.ada.delete(f"/api/users/{world.leo.user_id}")).status == 204
    assert len(statements) == 7
    assert (await world.leo.get("/api/users/0")).status == 401
    for table in ("api_keys", "sessions", "team_members"):
        rows = await world.rows(
            f"select 1 from {table} where account_id = $1 and user_id = $2", world.leo.user_id
        )
        assert rows == []
    (user,) = await world.rows(
        "select active, deactivated_datetime, deleted_datetime, email from users where account_id = $1 and id = $2",
        world.leo.user_id,
    )
    assert user["active"] is False
    assert user["deactivated_datetime"] == user["deleted_datetime"]
    assert user["email"] == world.leo.email
    rows = await world.rows(
        "select assignee_user_id, updated_datetime > now() - interval '1 hour' from tickets where account_id = $1"
        " order by id"
    )
    assert [tuple(row) for row in rows] == [(None, True), (None, True), (world.leo.user_id, False)]
    leo = world.leo.user_id
    assert sorted(await world.events(), key=lambda event: event[2]) == sorted(
        [
            ("user-deleted", "User", leo, {"name": "Leo Agent"}),
            *(
                event
                for ticket in tickets[:2]
                for event in (
                    ("ticket-updated", "Ticket", ticket, {"assignee_user_id": [leo, None]}),
                    ("ticket-unassigned", "Ticket", ticket, {"assignee_user_id": leo}),
                )
            ),
        ],
        key=lambda event: event[2],
    )
    lines = await world.rows("select distinct ticket_id from events where account_id = $1 order by 1")
    assert [row[0] for row in lines] == [*tickets[:2], None]


async def test_the_wall(world: World, database: Database, http: Any, url: str) -> None:
    other = await worlds.make(database, http, url)
    path = f"/api/users/{world.leo.user_id}"
    assert (await other.ada.get(path)).status == 404
    assert (await other.ada.put(path, {"name": "Mine"})).status == 404
    assert (await other.ada.delete(path)).status == 404
    assert (await other.ada.get("/api/users", email=world.leo.email)).json["data"] == []
    stranger = Client(http, url, other.ada.host, world.ada.email, world.ada.key, 0)
    assert (await stranger.get("/api/users/0")).status == 401
    assert (await other.ada.post("/api/users", new(world.leo.email))).status == 201
