"""Leaky buckets in the database: counts that hold over all processes, for what outsiders may do only so often.

How often whom is said by who counts; that the API takes from its buckets in lots is `api.limits`' own business.
"""

from typing import Any

# The database's clock, so that processes on several machines agree. No row: it does not fit.
TAKE = """
insert into buckets as b (key, level, at) values ($1, $2, clock_timestamp())
on conflict (key) do update
  set level = greatest(0, b.level - extract(epoch from clock_timestamp() - b.at)::float8 * $3) + $2,
      at = clock_timestamp()
  where greatest(0, b.level - extract(epoch from clock_timestamp() - b.at)::float8 * $3) + $2 <= $4
returning level
"""
LEVEL = """
select greatest(0, level - extract(epoch from clock_timestamp() - at)::float8 * $2) from buckets where key = $1
"""
EMPTY = "delete from buckets where key = $1"


async def fill(db: Any, key: str, count: int, most: int, seconds: float) -> float | None:
    """Put `count` into a bucket that holds `most` and empties in `seconds`; its level, None when it does not fit."""
    return await db.fetchval(TAKE, key, float(count), most / seconds, float(most))  # type: ignore[no-any-return]


async def level(db: Any, key: str, most: int, seconds: float) -> float | None:
    """How full it is; None when nothing was ever put into it."""
    return await db.fetchval(LEVEL, key, most / seconds)  # type: ignore[no-any-return]


async def take(db: Any, key: str, most: int, seconds: float) -> bool:
    """Count one more for `key`; False when it does not fit into `most` per `seconds`."""
    return await fill(db, key, 1, most, seconds) is not None


async def empty(db: Any, key: str) -> None:
    """Forget what was counted."""
    await db.execute(EMPTY, key)
