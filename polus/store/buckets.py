"""Leaky buckets in the database: counts that hold over all processes, for what outsiders may do only so often.

How often whom is said by who counts. The API's own limits, which are counted in lots, are in `api.limits`.
"""

from typing import Any

# The database's clock, so that processes on several machines agree. No row: it does not fit.
TAKE = """
insert into buckets as b (key, level, at) values ($1, 1, clock_timestamp())
on conflict (key) do update
  set level = greatest(0, b.level - extract(epoch from clock_timestamp() - b.at)::float8 * $2) + 1,
      at = clock_timestamp()
  where greatest(0, b.level - extract(epoch from clock_timestamp() - b.at)::float8 * $2) + 1 <= $3
returning level
"""
EMPTY = "delete from buckets where key = $1"


async def take(db: Any, key: str, most: int, seconds: float) -> bool:
    """Count one more for `key`; False when it does not fit into `most` per `seconds`."""
    return await db.fetchval(TAKE, key, most / seconds, float(most)) is not None


async def empty(db: Any, key: str) -> None:
    """Forget what was counted."""
    await db.execute(EMPTY, key)
