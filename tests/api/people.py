"""People for tests: bodies of users, and clients of those that were made."""

from typing import Any

from polus.base import crypto
from polus.desk import credentials
from polus.store.work import SYSTEM, writing
from tests.world import Client, World

PASSWORD = "correct horse battery"
REQUIRED, CHOICE, WRONG = (
    ["Missing data for required field."],
    ["Not a valid choice."],
    ["Not the current password."],
)


def new(email: str = "eve@shop.example", role: str = "agent", **more: Any) -> dict[str, Any]:
    return {"email": email, "name": "Eve Ann Adams", "role": {"name": role}, **more}


async def made(world: World, *arguments: str, **more: Any) -> dict[str, Any]:
    answer = await world.ada.post("/api/users", new(*arguments, **more))
    assert answer.status == 201, answer.raw
    return dict(answer.json)


async def key_of(world: World, user: dict[str, Any]) -> Client:
    async with writing(world.database, world.account, SYSTEM) as work:
        key = await credentials.reset_key(work, user["id"])
    return Client(world.ada.http, world.ada.url, world.ada.host, user["email"], key, user["id"])


async def give(world: World, user_id: int, **columns: Any) -> None:
    for name, value in columns.items():
        await world.rows(f"update users set {name} = $3 where account_id = $1 and id = $2", user_id, value)


async def give_password(world: World, user_id: int) -> None:
    await give(world, user_id, password_hash=await crypto.hash_password(PASSWORD))
