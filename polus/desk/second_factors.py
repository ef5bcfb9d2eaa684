"""The second factor of users: whether a code from their authenticator app is right, each code once only."""

from polus.base import totp
from polus.store.work import Work

# The newest step whose code was taken; no row: this or a newer one was taken before.
TAKE = """
insert into buckets as b (key, level, at) values ($1, $2, $3)
on conflict (key) do update set level = excluded.level, at = excluded.at where b.level < excluded.level
returning 1
"""


async def check(work: Work, user_id: int, secret: str, code: str) -> bool:
    """Whether `code` is the current one of the user's `secret` and was not used before."""
    step = totp.step(secret, code, work.now)
    if step is None:
        return False
    key = "second factor " + str(work.account.id) + " " + str(user_id)
    return await work.db.fetchval(TAKE, key, float(step), work.now) is not None
