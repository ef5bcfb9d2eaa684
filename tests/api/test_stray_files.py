"""Bytes that a killed process left without a row: they go after a day, and nothing that a row names goes with them."""

import datetime
from pathlib import Path
from typing import Any

from polus.base import clock
from polus.desk import files
from polus.store.work import SYSTEM, writing
from tests import world as worlds
from tests.world import World

DAY = datetime.timedelta(days=1)
PART = 0xAB


def turn(days: int) -> datetime.datetime:
    """A time at least so many days from now (less than one more) when it is the turn of the part that is tested."""
    slot = int((clock.now() + days * DAY).timestamp()) // files.SWEEP_SECONDS
    slot += 1 + (PART - slot - 1) % files.PARTS
    return datetime.datetime.fromtimestamp(slot * files.SWEEP_SECONDS, datetime.UTC)


def stored(world: World, number: int, part: int = PART) -> Path:
    """What `put` leaves behind when its process is killed right after it."""
    place = Path(world.database.files._store.prefix)  # type: ignore[attr-defined]
    path = place / str(world.account.id) / f"{part:02x}" / f"{part:02x}{number:030x}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"bytes")
    return path


async def name_it(world: World, path: Path) -> None:
    kept = files.Kept("a.txt", "text/plain", 5, "/".join(path.parts[-3:]))
    async with writing(world.database, world.account, SYSTEM) as work:
        await files.add(work, "public_attachment", [kept])


async def sweep(world: World, now: datetime.datetime, most: int = 100) -> int:
    async with world.database.pool.acquire() as db, db.transaction():
        return await files.remove_strays(db, world.database.files, now, most)


async def test_strays_go_after_a_day_and_what_a_row_names_stays(world: World, http: Any, url: str) -> None:
    other = await worlds.make(world.database, http, url)
    stray, named, named_elsewhere, other_part = (
        stored(world, 1),
        stored(world, 2),
        stored(world, 3),
        stored(world, 4, part=0x17),
    )
    await name_it(world, named)
    await name_it(other, named_elsewhere)
    young = turn(0)  # within 21 hours and 20 minutes
    await sweep(world, young)
    assert stray.exists()
    await sweep(world, turn(2))
    assert not stray.exists()
    assert named.exists()
    assert named_elsewhere.exists()
    assert other_part.exists()


async def test_from_a_place_that_another_database_marked_nothing_is_removed(world: World) -> None:
    path = stored(world, 6)
    mark = path.parents[2] / "polus-owner"
    await sweep(world, turn(0))
    mine = mark.read_text()
    mark.write_text("7000000000000000000-5")
    try:
        await sweep(world, turn(2))
        assert path.exists()
    finally:
        mark.write_text(mine)
    await sweep(world, turn(2))
    assert not path.exists()


async def test_bytes_from_before_the_account_are_not_ours(world: World) -> None:
    path = stored(world, 5)
    await world.rows(
        "update accounts set created_datetime = now() + interval '1 hour' where id = $1 returning 1"
    )
    await sweep(world, turn(2))
    assert path.exists()


async def test_a_run_removes_so_many_and_says_that_more_may_be_left(world: World) -> None:
    now = turn(2)
    while await sweep(world, now):
        pass
    paths = [stored(world, number) for number in range(10, 15)]
    answers = [await sweep(world, now, most=2) for _ in range(3)]
    assert answers == [2, 2, 0]
    assert not any(path.exists() for path in paths)
