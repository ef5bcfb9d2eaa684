"""The leaky buckets: exact figures, also over several server processes; what is counted and what is not."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from polus.api import limits
from polus.api.app import Api
from polus.api.limits import TooMany
from polus.api.table import OPERATIONS
from polus.store import database as databases
from polus.store.database import Database
from tests import direct
from tests.direct import Reply
from tests.world import Client, World

# So slow that nothing runs out while a test runs, however slow the machine is.
SLOW = 1_000_000.0
HEADER = "X-Gorgias-Account-Api-Call-Limit"


async def ask(api: Api, client: Client, path: str = "/api/tags", method: str = "GET") -> Reply:
    return await direct.ask(api, client.headers, method, path)


@asynccontextmanager
async def processes(
    database: Database, count: int, limit: int | None, window: float
) -> AsyncIterator[list[Api]]:
    """As many applications as there would be server processes: they share PostgreSQL and nothing else."""
    async with AsyncExitStack() as stack:
        yield [
            Api(
                await stack.enter_async_context(databases.opened(database.url, most=4)),
                OPERATIONS,
                rate_limit=limit,
                window=window,
            )
            for _ in range(count)
        ]


async def pour_out(world: World, bucket_of: Client, seconds: float) -> None:
    """As if the time had passed."""
    await world.rows(
        "update buckets set at = at - make_interval(secs => $3) where key = (select 'key:' || id from api_keys"
        " where account_id = $1 and user_id = $2)",
        bucket_of.user_id,
        seconds,
    )


async def test_forty_requests_fit_and_the_next_is_refused(world: World) -> None:
    async with processes(world.database, 1, None, SLOW) as (api,):
        for number in range(1, 41):
            answer = await ask(api, world.leo)
            assert (answer.status, answer.headers[HEADER]) == (200, f"{number}/40")
            assert "Retry-After" not in answer.headers
        refused = await ask(api, world.leo)
        assert (refused.status, refused.headers[HEADER]) == (429, "40/40")
        seconds = int(refused.headers["Retry-After"])
        assert seconds == math.ceil(SLOW / 40)
        assert refused.body == b'{"error":{"msg":"Too many requests.","data":{"retry_after":%d}}}' % seconds


async def test_the_bucket_leaks_and_a_refused_request_does_not_fill_it(world: World) -> None:
    async with processes(world.database, 1, 40, SLOW) as (api,):
        for _ in range(40):
            await ask(api, world.leo)
        for _ in range(5):
            assert (await ask(api, world.leo)).status == 429
        await pour_out(world, world.leo, SLOW / 40 + 1)
        assert (await ask(api, world.leo)).status == 200
        assert (await ask(api, world.leo)).status == 429
        await pour_out(world, world.leo, SLOW / 2)
        answers = [await ask(api, world.leo) for _ in range(21)]
        assert [answer.status for answer in answers] == [200] * 20 + [429]
        await pour_out(world, world.leo, SLOW * 3)
        assert (await ask(api, world.leo)).headers[HEADER] == "1/40"


async def test_three_processes_let_exactly_as_many_through_as_one(world: World) -> None:
    async with processes(world.database, 3, 40, SLOW) as apis:
        answers = await asyncio.gather(*(ask(apis[number % 3], world.leo) for number in range(75)))
        passed = [answer for answer in answers if answer.status == 200]
        assert sorted(int(answer.headers[HEADER].split("/")[0]) for answer in passed) == list(range(1, 41))
        assert {answer.status for answer in answers} == {200, 429}
        assert len(answers) - len(passed) == 35


async def test_a_large_limit_is_taken_in_lots_and_still_holds(world: World) -> None:
    async with processes(world.database, 2, 400, SLOW) as apis:
        answers = [await ask(apis[number % 2], world.leo) for number in range(420)]
        assert sum(answer.status == 200 for answer in answers) == 400
        levels = [int(answer.headers[HEADER].split("/")[0]) for answer in answers]
        assert max(levels) == 400
        # One lot of each process at most is counted that was not used yet.
        assert all(abs(level - min(400, number)) <= 8 for number, level in enumerate(levels, 1))


async def test_each_key_has_a_bucket_of_its_own(world: World) -> None:
    async with processes(world.database, 1, 3, SLOW) as (api,):
        for _ in range(4):
            await ask(api, world.leo)
        assert (await ask(api, world.leo)).status == 429
        assert (await ask(api, world.oda)).headers[HEADER] == "1/3"


async def test_what_is_counted(world: World) -> None:
    async with processes(world.database, 1, 100, SLOW) as (api,):
        wrong = Client(world.leo.http, world.leo.url, world.leo.host, world.leo.email, "0" * 64, 0)
        for _ in range(3):
            answer = await ask(api, wrong)
            assert (answer.status, answer.headers[HEADER]) == (401, "0/40")
        assert (await ask(api, world.leo, method="OPTIONS")).status == 204
        for number, (method, path, status) in enumerate(
            (
                ("GET", "/api/nothing", 404),
                ("PATCH", "/api/tags", 405),
                ("GET", "/api/tags/0", 404),
                ("POST", "/api/tags", 400),
                ("POST", "/api/users", 403),
                ("HEAD", "/api/tags", 200),
            ),
            1,
        ):
            answer = await ask(api, world.leo, path, method)
            assert (answer.status, answer.headers[HEADER]) == (status, f"{number}/100")


async def test_no_limit(world: World) -> None:
    async with processes(world.database, 1, 0, SLOW) as (api,):
        answers = [await ask(api, world.leo) for _ in range(50)]
    assert {(answer.status, answer.headers[HEADER]) for answer in answers} == {(200, "0/0")}
    assert (
        await world.rows(
            "select 1 from buckets where key in (select 'key:' || id from api_keys where account_id = $1)"
        )
        == []
    )


async def test_a_replaced_key_stops_at_once_in_every_process(world: World) -> None:
    async with processes(world.database, 2, 0, SLOW) as apis:
        for api in apis:
            assert (await ask(api, world.bea)).status == 200
        assert (await world.ada.put(f"/api/users/{world.bea.user_id}", {"active": False})).status in (
            202,
            400,
        )
        await world.ada.delete(f"/api/users/{world.bea.user_id}")
        # The other processes hear of it within a moment.
        async with asyncio.timeout(30):
            for api in apis:
                while (await ask(api, world.bea)).status != 401:
                    await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("limit", "window", "wait"), [(40, 20.0, 1), (80, 20.0, 1), (1, 20.0, 20), (2, 60.0, 30)]
)
async def test_the_wait_that_is_told(database: Database, limit: int, window: float, wait: int) -> None:
    bucket = f"test-{limit}-{window}"
    buckets = limits.Limits(database, window)

    async def fill() -> None:
        for _ in range(limit + 50):
            await buckets.take(bucket, limit)

    with pytest.raises(TooMany) as refused:
        await fill()
    assert refused.value.retry_after == wait
