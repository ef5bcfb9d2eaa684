"""Every list that has cursors is walked both ways, in each of its orders, while rows come and go."""

from typing import Any

import pytest

from polus.api.operation import Operation
from tests import proof, samples
from tests import world as worlds
from tests.world import Client, World

pytestmark = pytest.mark.thorough

NEEDED = {"list-custom-fields": {"object_type": "Ticket"}}
ROOM = "update custom_fields set deactivated_datetime = now() where account_id = $1"


def _parameters(operation: Operation) -> dict[str, Any]:
    said = proof.ours()["paths"][operation.path]["get"]
    return {parameter["name"]: parameter["schema"] for parameter in said.get("parameters", ())}


def _values(schema: Any) -> list[str]:
    if "$ref" in schema:
        schema = proof.ours()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return [value for value in schema.get("enum", ()) if not value.startswith("relevance")]


# With page links of their own: tests/api/test_views.py and test_messages.py.
LISTS = [
    operation
    for operation in samples.OPERATIONS
    if operation.method == "GET"
    and "cursor" in _parameters(operation)
    and "{" not in operation.path
    and "/_polus/" not in operation.path
]
ORDERS = [
    pytest.param(operation, order, id=f"{operation.id} {order}".strip())
    for operation in LISTS
    for order in (_values(_parameters(operation).get("order_by", {})) or [""])
]


@pytest.fixture(scope="module")
async def shop(database: Any, http: Any, url: str) -> World:
    """A shop with several of everything."""
    world = await worlds.make(database, http, url)
    for _ in range(3):
        await samples.fill(world)
    return world


def _asked(operation: Operation, order: str) -> dict[str, Any]:
    return {**NEEDED.get(operation.id, {}), **({"order_by": order} if order else {})}


async def _page(client: Client, operation: Operation, query: dict[str, Any], cursor: str) -> Any:
    answer = await client.get(operation.path, **query, limit=2, **({"cursor": cursor} if cursor else {}))
    assert answer.status == 200, answer.raw
    return answer.json


def _id(item: Any) -> Any:
    return item["id"]


@pytest.mark.parametrize(("operation", "order"), ORDERS)
async def test_there_and_back(shop: World, operation: Operation, order: str) -> None:
    query = _asked(operation, order)
    whole = [_id(item) for item in (await shop.ada.get(operation.path, **query, limit=100)).json["data"]]
    assert len(whole) > 2
    pages, cursor = [], ""
    while True:
        page = await _page(shop.ada, operation, query, cursor)
        pages.append(page)
        cursor = page["meta"]["next_cursor"]
        if cursor is None:
            break
    assert [_id(item) for page in pages for item in page["data"]] == whole
    assert pages[0]["meta"]["prev_cursor"] is None
    back = [pages[-1]]
    while back[0]["meta"]["prev_cursor"] is not None:
        back.insert(0, await _page(shop.ada, operation, query, back[0]["meta"]["prev_cursor"]))
    assert [_id(item) for page in back for item in page["data"]] == whole


async def test_rows_that_come_and_go_neither_repeat_nor_hide_others(
    database: Any, http: Any, url: str
) -> None:
    world = await worlds.make(database, http, url)
    for _ in range(2):
        things = await samples.fill(world)
    walks = [Walk(*parameters.values) for parameters in ORDERS]
    for walk in walks:
        await walk.begin(world)
    await world.rows(ROOM)
    await samples.fill(world)
    # Of each list the row that stood last on the first page, which the cursor names, or any.
    await world.leo.delete("/api/tags", {"ids": [things["tag"]]})
    for path in ("tickets/{ticket2}", "macros/{macro}", "rules/{rule}", "widgets/{widget}", "views/{view}"):
        await world.leo.delete("/api/" + path.format(**things))
    await world.ada.delete(f"/api/users/{things['user']}")
    await world.ada.delete(f"/api/customers/{things['customer2']}")
    for walk in walks:
        await walk.end(world)


class Walk:
    """One list, walked in two parts."""

    def __init__(self, operation: Operation, order: str) -> None:
        self.operation, self.query = operation, _asked(operation, order)
        self.before: set[Any] = set()
        self.seen: list[Any] = []
        self.cursor = ""

    async def begin(self, world: World) -> None:
        """The first page, and what there is."""
        whole = (await world.ada.get(self.operation.path, **self.query, limit=100)).json["data"]
        self.before = {_id(item) for item in whole}
        page = await _page(world.ada, self.operation, self.query, "")
        self.seen, self.cursor = [_id(item) for item in page["data"]], page["meta"]["next_cursor"]

    async def end(self, world: World) -> None:
        """The rest; what was there all the time was seen once."""
        cursor = self.cursor
        while cursor:
            page = await _page(world.ada, self.operation, self.query, cursor)
            self.seen += [_id(item) for item in page["data"]]
            cursor = page["meta"]["next_cursor"]
        whole = await world.ada.walk(self.operation.path, **self.query, limit=100)
        # A change moves a row within these orders: it may be met again, or be behind us.
        if str(self.query.get("order_by", "")).partition(":")[0] not in ("updated_datetime", "usage"):
            told = f"{self.operation.id} {self.query}"
            assert len(self.seen) == len(set(self.seen)), told
            assert self.before & {_id(item) for item in whole} <= set(self.seen), told
