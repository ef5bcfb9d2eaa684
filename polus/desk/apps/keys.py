"""The keys that sign tokens: made, published, replaced. They belong to the installation, not to an account.

A new key is published before it signs, and an old one stays published until the last token it signed is over.
"""

import asyncio
import datetime
from functools import lru_cache
from typing import Any

import msgspec
from joserfc.jwk import RSAKey

from polus.base.crypto import Vault

BITS = 2048
PLACE = "signing keys"
LIFE = datetime.timedelta(days=90)
"""A key that is older gets a successor."""
SETTLING = datetime.timedelta(hours=2)
"""A successor signs only then: who keeps the published keys for a while knows it by that time."""
LINGERING = datetime.timedelta(days=3)
"""As long a key stays published after its successor came; tokens live one day."""

# Of two processes that look into an empty table at once, one makes the key.
LOCK = "select pg_advisory_xact_lock(7062031)"
ALL = "select kid, sealed, created_datetime from signing_keys order by created_datetime, kid"
INSERT = "insert into signing_keys (kid, sealed, created_datetime) values ($1, $2, $3)"
# The newest key of all, and those that had no successor yet a while ago.
REMOVE = """
delete from signing_keys where created_datetime < (
  select max(created_datetime) from signing_keys where created_datetime <= $1
)
"""


class Keys(msgspec.Struct, frozen=True):
    """`signing` signs what is given out now; `published` are the public halves as a JWKS document."""

    signing: RSAKey
    published: dict[str, Any]


@lru_cache(64)
def _opened(vault: Vault, sealed: str) -> RSAKey:
    # Reading a private key takes 60 ms, a token should not.
    key = RSAKey.import_key(vault.open(sealed, PLACE).encode())
    key.ensure_kid()
    return key


async def current(db: Any, vault: Vault, now: datetime.datetime) -> Keys:
    """The keys of this moment; the first one is made when there is none. Inside the caller's transaction."""
    keys = await _all(db, vault)
    if not keys:
        await db.execute(LOCK)
        keys = await _all(db, vault) or [(await _make(db, vault, now), now)]
    settled = [key for key, created in keys if created <= now - SETTLING]
    signing = settled[-1] if settled else keys[0][0]
    public = [key.as_dict(private=False) | {"use": "sig", "alg": "RS256"} for key, _ in keys]
    return Keys(signing, {"keys": public})


async def _all(db: Any, vault: Vault) -> list[tuple[RSAKey, datetime.datetime]]:
    """The oldest first. Those of an installation whose secret was lost sign nothing any more."""
    keys = []
    for row in await db.fetch(ALL):
        try:
            keys.append((_opened(vault, row["sealed"]), row["created_datetime"]))
        except ValueError:
            continue
    return keys


async def _make(db: Any, vault: Vault, now: datetime.datetime) -> RSAKey:
    made = await asyncio.to_thread(RSAKey.generate_key, BITS, auto_kid=True)
    sealed = vault.seal(made.as_pem(private=True).decode(), PLACE)
    await db.execute(INSERT, made.kid, sealed, now)
    return _opened(vault, sealed)


async def rotate(db: Any, vault: Vault, now: datetime.datetime, *, at_once: bool = False) -> bool:
    """Make a successor when the newest key is old, or `at_once`; remove keys that signed nothing still valid.

    Whether one was made.
    """
    await db.execute(LOCK)
    keys = await _all(db, vault)
    due = bool(keys) and (at_once or keys[-1][1] <= now - LIFE)
    if due:
        await _make(db, vault, now)
    await db.execute(REMOVE, now - LINGERING - SETTLING)
    return due
