"""Who is at a provider just now, to be asked for his consent: he may come back once, soon, with the browser he left with.

What is asked of the provider and what its answer means is left to `channels.openid` and to the pages.
"""

import datetime
from typing import Any

from polus.base import crypto
from polus.store.work import Work

LIFE = datetime.timedelta(minutes=10)

BEGIN = "insert into consents (account_id, hash, bearer, asked, expires_datetime) values ($1, $2, $3, $4, $5)"
TAKE = """
delete from consents where account_id = $1 and hash = $2 and bearer = any($3) returning asked, expires_datetime
"""
REMOVE_EXPIRED = "delete from consents where expires_datetime < $1"


async def begin(work: Work, state: str, bearer: str, asked: str) -> None:
    """Remember what was asked, for who comes back with this `state` and the cookie `bearer`; it is kept sealed."""
    hashed = crypto.digest(state)
    sealed = work.database.vault.seal(asked, _place(work.account.id, hashed))
    await work.db.execute(BEGIN, work.account.id, hashed, crypto.digest(bearer), sealed, work.now + LIFE)


async def take(work: Work, state: str, bearers: list[str]) -> str | None:
    """What was asked, this once; None when it was not asked of him, is used up or too long ago."""
    hashed = crypto.digest(state)
    owned = [crypto.digest(bearer) for bearer in bearers]
    row = await work.db.fetchrow(TAKE, work.account.id, hashed, owned)
    if row is None or row["expires_datetime"] < work.now:
        return None
    try:
        return work.database.vault.open(row["asked"], _place(work.account.id, hashed))
    except ValueError:
        return None


async def remove_expired(db: Any, now: Any) -> int:
    """Forget who did not come back. 0: nothing is left to do."""
    await db.execute(REMOVE_EXPIRED, now)
    return 0


def _place(account_id: int, hashed: bytes) -> str:
    return f"consents/{account_id}/{hashed.hex()}"
