"""What holds for all operations alike: rights as declared, walls between accounts, a fixed number of statements."""

import itertools
import re
from typing import Any

import pytest

from polus.api.operation import Operation
from polus.api.table import OPERATIONS
from polus.store.work import RANK
from tests import samples
from tests import world as worlds
from tests.world import World

pytestmark = pytest.mark.thorough

PEOPLE = {"observer-agent": "oda", "lite-agent": "lia", "basic-agent": "bea", "agent": "leo", "admin": "ada"}
BY_ID = [pytest.param(operation, id=operation.id) for operation in samples.OPERATIONS]
WITH_IDS = [p for p in BY_ID if "{" in p.values[0].path]  # type: ignore[union-attr]
WITH_BODIES = [p for p in BY_ID if p.values[0].body]  # type: ignore[union-attr]
# The type of a file and the names of a card and a statistic are the same everywhere.
NO_IDS = frozenset(("file_type", "slug", "statistic"))

TABLES = "select table_name from information_schema.columns where column_name = 'account_id' and table_schema = 'public' and table_name <> 'api_usage'"


def test_each_operation_has_a_sample() -> None:
    """One line in `tests/samples.py` for each new operation."""
    assert set(samples.SAMPLES) == {operation.id for operation in OPERATIONS}


@pytest.fixture(scope="module")
async def two_shops(database: Any, http: Any, url: str) -> tuple[World, Any, World, Any]:
    ours, theirs = await worlds.make(database, http, url), await worlds.make(database, http, url)
    return ours, await samples.fill(ours), theirs, await samples.fill(theirs)


@pytest.mark.parametrize("operation", BY_ID)
async def test_those_below_the_least_role_may_not(two_shops: Any, operation: Operation) -> None:
    """And nothing is changed. That the least role may is seen where its call's statements are counted."""
    ours, our_things, _, _ = two_shops
    at = samples.path(operation, our_things)
    before = await stored(ours)
    for role, name in PEOPLE.items():
        if RANK[role] < RANK[operation.role]:
            refused = await samples.call(ours.people[name], operation, at, our_things)
            assert refused.status == 403, (name, refused.raw)
    assert await stored(ours) == before


@pytest.mark.parametrize("operation", WITH_IDS)
async def test_ids_of_another_account_do_not_exist(two_shops: Any, operation: Operation) -> None:
    """Every mixture of own and foreign ids in the path but the wholly own one."""
    ours, our_things, theirs, their_things = two_shops
    names = samples.SAMPLES[operation.id].ids
    before = await stored(ours), await stored(theirs)
    for foreign in itertools.product((False, True), repeat=len(names)):
        swapped = {n for n, is_foreign in zip(names, foreign, strict=True) if is_foreign} - NO_IDS
        mixed = {**our_things, "me": ours.ada.user_id, **{n: their_things[n] for n in swapped}}
        if "me" in swapped:
            mixed["me"] = theirs.ada.user_id
        if swapped:
            answer = await samples.call(ours.ada, operation, samples.path(operation, mixed), our_things)
            assert answer.status == 404, (sorted(swapped), answer.raw)
    assert (await stored(ours), await stored(theirs)) == before


@pytest.mark.parametrize("operation", WITH_BODIES)
async def test_ids_of_another_account_in_a_body_reach_nothing(two_shops: Any, operation: Operation) -> None:
    _, _, theirs, their_things = two_shops
    ours = await worlds.make(theirs.database, theirs.ada.http, theirs.ada.url)
    own = await samples.fill(ours)
    before = await stored(theirs)
    answer = await samples.call(ours.ada, operation, samples.path(operation, own), their_things)
    if str(samples.parts(operation, own)) != str(samples.parts(operation, their_things)):
        assert answer.status in (400, 404, 204, operation.status), answer.raw
        foreign = {
            their_things[name] for name in ("user", "team", "tag", "tag2", "customer", "ticket", "message")
        }
        assert not foreign & {int(number) for number in re.findall(rb'"id":(\d+)', answer.raw)}
    assert await stored(theirs) == before


async def stored(world: World) -> dict[str, Any]:
    """A fingerprint of all that is stored of an account, table by table."""
    tables = [row[0] for row in await world.rows(TABLES + " and $1::bigint is not null order by 1")]
    sums = " union all ".join(
        f"select '{table}', md5(string_agg(t::text, '|' order by t::text)) from {table} t where account_id = $1"
        for table in tables
    )
    return {row[0]: row[1] for row in await world.rows(sums)}
