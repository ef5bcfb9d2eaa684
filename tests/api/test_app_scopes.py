"""Scope × operation with real tokens, generated from the declarations; and what an app's requests are counted as."""

import asyncio
from typing import Any

import pytest

from polus.api.app import Api
from polus.api.limits import APP_LIMIT, TooMany
from polus.api.operation import Operation
from polus.api.table import OPERATIONS as ALL
from polus.base import errors
from polus.desk import usage
from polus.desk.scopes import SCOPES
from polus.store import database as databases
from polus.store.work import RANK, writing
from tests import direct, installs, samples
from tests import world as worlds
from tests.installs import App, Bearer
from tests.world import World

HEADER = "X-Gorgias-Account-Api-Call-Limit"
# So slow that nothing runs out while a test runs.
SLOW = 1_000_000.0


@pytest.fixture(scope="module")
async def filled(database: Any, http: Any, url: str) -> tuple[World, dict[str, Any], App]:
    shop = await worlds.make(database, http, url)
    return shop, await samples.fill(shop), await installs.register(shop)


async def allowed(shop: World, app: App, *scopes: str) -> Bearer:
    return installs.bearer(shop, (await installs.connect(shop, app, " ".join(scopes)))["access_token"])


def order(operation: Operation) -> tuple[bool, int, str]:
    """What takes things away comes last."""
    return operation.method == "DELETE", operation.method != "GET", operation.id


async def test_each_operation_asks_for_its_scope_and_no_other(filled: Any) -> None:
    shop, things, app = filled
    declared = sorted({operation.scope for operation in samples.OPERATIONS if operation.scope})
    only = {scope: await allowed(shop, app, scope) for scope in declared}
    others = {scope: await allowed(shop, app, *(set(SCOPES) - {scope, "write:all"})) for scope in declared}
    nothing = await allowed(shop, app, "openid")
    for operation in sorted(samples.OPERATIONS, key=order):
        at = samples.path(operation, things)
        if operation.scope is None:
            assert (await samples.call(nothing, operation, at, things)).status != 401, operation.id
            continue
        refused = await samples.call(others[operation.scope], operation, at, things)
        assert refused.status == 403, operation.id
        assert refused.json["error"]["data"] == {"scope": [operation.scope]}
        answer = await samples.call(only[operation.scope], operation, at, things)
        assert answer.status not in (401, 403), (operation.id, answer.raw)
        if operation.method == "GET":
            assert answer.status == operation.status, (operation.id, answer.raw)


async def test_the_old_scope_for_everything_and_none_at_all(filled: Any) -> None:
    shop, _, app = filled
    everything, nothing = await allowed(shop, app, "write:all"), await allowed(shop, app, "openid")
    for path, scope in (("/api/tags", "tags:read"), ("/api/tickets", "tickets:read")):
        assert (await everything.get(path)).status == 200
        refused = await nothing.get(path)
        told = f"The access token does not have the required scope: {scope}."
        assert refused.json == {"error": {"msg": told, "data": {"scope": [scope]}}}
    assert (await nothing.get("/api/users/0")).status == 200


@pytest.mark.parametrize("type_", ["agent", "customer", "integration", "tag", "team"])
async def test_searches_ask_for_the_scope_of_what_they_find(filled: Any, type_: str) -> None:
    shop, _, app = filled
    plural = "users" if type_ in ("agent", "team") else type_ + "s"
    body = {"type": type_, "query": "a"}
    assert (await (await allowed(shop, app, plural + ":read")).post("/api/search", body)).status == 201
    others = set(SCOPES) - {plural + ":read", "write:all"}
    assert (await (await allowed(shop, app, *others)).post("/api/search", body)).status == 403


def test_writing_does_not_include_reading() -> None:
    reads = {o.scope for o in ALL if o.method == "GET" and o.scope}
    assert not {scope for scope in reads if scope.endswith(":write")}


async def test_the_role_counts_beside_the_scope(world: World) -> None:
    app = await installs.register(world)
    program = await allowed(world, app, "tags:write", "users:write")
    await world.rows(
        "update users set role = 'lite-agent' where account_id = $1 and id = $2 returning 1",
        world.ada.user_id,
    )
    world.database.ring(("credentials", world.account.id))
    assert RANK["lite-agent"] < RANK["agent"]
    assert (await program.post("/api/tags", {"name": "late"})).status == 403
    assert (await program.get("/api/users/0")).json["id"] == world.ada.user_id


async def test_an_app_has_one_bucket_of_eighty_and_is_counted(world: World, other: World) -> None:
    app = await installs.register(world)
    first, second = await allowed(world, app, "tags:read"), await allowed(world, app, "tags:read offline")
    async with databases.opened(world.database.url, most=4, secret_key="k" * 32) as opened:
        api = Api(opened, ALL, window=SLOW)
        for number in range(1, APP_LIMIT + 1):
            answer = await direct.ask(api, (first, second)[number % 2].headers, "GET", "/api/tags")
            assert (answer.status, answer.headers[HEADER]) == (200, f"{number}/80")
        for program in (first, second):
            refused = await direct.ask(api, program.headers, "GET", "/api/tags")
            assert (refused.status, refused.headers[HEADER]) == (429, "80/80")
            assert int(refused.headers["Retry-After"]) == SLOW / 80
        assert (await direct.ask(api, world.ada.headers, "GET", "/api/tags")).headers[HEADER] == "1/40"
        await asyncio.gather(api.tallies.write(), api.tallies.write())
        assert (await direct.ask(api, world.ada.headers, "GET", "/api/tags")).status == 200
        await api.tallies.write()
    sql = "select credential, requests, refused from api_usage where account_id = $1 and credential like $2"
    assert [tuple(row) for row in await world.rows(sql, "app:%")] == [("app:" + app.id, 82, 2)]
    [keys] = await world.rows(sql, "key:%")
    assert (keys["requests"] >= 2, keys["refused"]) == (True, 0)


async def test_an_account_may_be_twice_as_fast(world: World) -> None:
    app = await installs.register(world)
    program = await allowed(world, app, "tags:read")
    async with writing(world.database, world.account, installs.admin(world)) as work:
        await usage.set_window(work, 10)
        await usage.set_window(work, 10)
    assert [event[3] for event in await world.events("account-updated")] == [{"api_window": [20, 10]}]
    async with databases.opened(world.database.url, most=4, secret_key="k" * 32) as opened:
        api = Api(opened, ALL)
        for client, limit in ((world.ada, 40), (program, 80)):
            principal = await api.authentication.principal(
                world.account, client.headers["Authorization"].encode()
            )
            assert (principal.limit, principal.window) == (limit, 10.0)
        name = f"test-{world.account.id}"
        for _ in range(80):
            await api.limits.take(name, 80, SLOW)
        with pytest.raises(TooMany) as refused:
            await api.limits.take(name, 80, SLOW)
        assert refused.value.retry_after == SLOW / 80
    with pytest.raises(errors.Invalid):
        async with writing(world.database, world.account, installs.admin(world)) as work:
            await usage.set_window(work, 1)
