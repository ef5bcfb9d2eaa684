"""Which refusal is told when a request deserves several: account, 401, 429, 404, 405, 403, 301, 404, 400, 409."""

from typing import Any

from polus.api.app import Api
from polus.api.table import OPERATIONS
from polus.store import database as databases
from tests import make
from tests.api.test_limits import SLOW, ask
from tests.world import Client, World

NOBODY = "Basic eDp5"


async def refused(
    client: Client, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, str]:
    answer = await client.send(method, path, body, headers=headers)
    return answer.status, answer.json["error"]["msg"] if answer.raw.startswith(b"{") else ""


async def test_the_account_comes_before_credentials(world: World, other: World) -> None:
    answer = await world.ada.send(
        "GET", "/api/x", headers={"Host": "nobody.localhost", "Authorization": NOBODY}
    )
    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


async def test_credentials_come_before_path_method_and_body(world: World) -> None:
    for method, path, body in (
        ("GET", "/api/nothing", None),
        ("PATCH", "/api/tags", None),
        ("POST", "/api/tags", b"{"),
        ("GET", "/api/tags/1?x=1", None),
        ("GET", "/api/users/me", None),
    ):
        assert (await refused(world.ada, method, path, body, Authorization=NOBODY))[0] == 401


async def test_the_limit_comes_before_path_and_role(world: World) -> None:
    async with databases.opened(world.database.url, most=2) as database:
        api = Api(database, OPERATIONS, rate_limit=1, window=SLOW)
        assert (await ask(api, world.oda)).status == 200
        for path, method in (("/api/nothing", "GET"), ("/api/tags", "PATCH"), ("/api/tags", "POST")):
            assert (await ask(api, world.oda, path, method)).status == 429


async def test_path_and_method_come_before_role(world: World) -> None:
    assert (await refused(world.oda, "POST", "/api/nothing", {}))[0] == 404
    assert (await refused(world.oda, "PATCH", "/api/tags", {}))[0] == 405


async def test_the_role_comes_before_existence_and_body(world: World) -> None:
    for path in ("/api/tags/999999", "/api/tags/x"):
        assert (await refused(world.oda, "PUT", path, {"nonsense": 1}))[0] == 403
        assert (await refused(world.oda, "DELETE", path))[0] == 403
    assert (await refused(world.oda, "POST", "/api/tags", b"{"))[0] == 403


async def test_a_redirect_comes_before_the_body(world: World) -> None:
    source, target = [
        (await world.lia.post("/api/customers", {"email": f"{name}@example.com"})).json["id"] for name in "ab"
    ]
    merged = await world.bea.send("PUT", f"/api/customers/merge?source_id={source}&target_id={target}", {})
    assert merged.status == 202, merged.raw
    for body, headers in (({"nonsense": 1}, {}), (b"{", {}), (b"x", {"Content-Type": "text/plain"})):
        for slash in ("", "/"):
            answer = await world.lia.send("PUT", f"/api/customers/{source}{slash}", body, headers=headers)
            assert (answer.status, answer.raw) == (301, b"")
            assert answer.headers["Location"] == f"/api/customers/{target}{slash}"
    answer = await world.lia.send("GET", f"/api//customers/{source}/custom-fields/?a=b%20c")
    assert answer.status in (301, 400)
    answer = await world.oda.get(f"/api/customers/{source}/custom-fields/")
    assert (answer.status, answer.headers["Location"]) == (301, f"/api/customers/{target}/custom-fields/")
    # Who may not change customers is told that, not where this one lives.
    assert (await world.oda.put(f"/api/customers/{source}", {"name": "x"})).status == 403


async def test_existence_comes_before_the_body(world: World) -> None:
    for path in ("/api/tags/999999", "/api/tickets/999999", "/api/customers/999999", "/api/teams/999999"):
        for body in ({"nonsense": 1}, b"{", b"[" * 100_000):
            assert (await refused(world.ada, "PUT", path, body))[0] == 404, path
        assert (await refused(world.ada, "PUT", path, b"x", **{"Content-Type": "text/plain"}))[0] == 404
        assert (await refused(world.ada, "PUT", path + "?a=b", {}))[0] == 404


async def test_the_body_comes_before_conflicts(world: World) -> None:
    for name in ("taken", "free"):
        await world.leo.post("/api/tags", {"name": name})
    both = await world.leo.post("/api/tags", {"name": "taken", "description": 1})
    assert both.status == 400
    assert (await world.leo.post("/api/tags", {"name": "taken"})).status == 409


async def test_a_refused_request_changes_nothing(world: World) -> None:
    ticket = await make.ticket(world)
    before = (await world.oda.get(f"/api/tickets/{ticket['id']}")).json
    events = await world.events()
    wrong = {
        "status": "closed",
        "subject": "new",
        "tags": [{"name": "made on the way"}],
        "assignee_user": {"id": 9},
    }
    assert (await world.lia.put(f"/api/tickets/{ticket['id']}", wrong)).status == 400
    assert (await world.oda.get(f"/api/tickets/{ticket['id']}")).json == before
    assert await world.events() == events
    assert "made on the way" not in [tag["name"] for tag in (await world.oda.get("/api/tags")).json["data"]]
