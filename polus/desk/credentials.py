"""API keys: made, found, taken away. Stored as SHA-256 only. Password log-in and apps are elsewhere."""

import hashlib
from typing import Any

import msgspec

from polus.base import crypto, errors
from polus.store.database import Database
from polus.store.work import Work

FIND_ACCOUNT = """
select id, domain, hash, id = (select min(id) from accounts where deactivated_datetime is null) as is_default
from accounts where domain = $1 and deactivated_datetime is null
"""

DEFAULT_ACCOUNT = """
select id, domain, hash, true as is_default, (select count(*) from accounts where deactivated_datetime is null) as accounts
from accounts where deactivated_datetime is null order by id limit 1
"""

FIND_KEY = """
select k.id as key_id, u.id as user_id, u.role, a.api_window
from api_keys k join users u on u.account_id = k.account_id and u.id = k.user_id join accounts a on a.id = k.account_id
where k.hash = $2 and k.account_id = $1 and lower(u.email) = lower($3) and u.active and u.deleted_datetime is null
"""

REPLACE_KEY = """
with gone as (delete from api_keys where account_id = $1 and user_id = $2 and name = $3)
insert into api_keys (account_id, user_id, name, hash, created_datetime) values ($1, $2, $3, $4, $5)
"""


class Key(msgspec.Struct, frozen=True):
    """A valid key and whose it is."""

    key_id: int
    user_id: int
    role: str
    window: int


async def find_account(database: Database, domain: str) -> Any:
    """The active account of a domain (id, domain, hash, is_default); None when there is none."""
    async with database.pool.acquire() as db:
        return await db.fetchrow(FIND_ACCOUNT, domain)


async def default_account(database: Database) -> Any:
    """The oldest active account, and in `accounts` how many there are; None in an empty installation."""
    async with database.pool.acquire() as db:
        return await db.fetchrow(DEFAULT_ACCOUNT)


async def find_key(database: Database, account_id: int, email: str, key: str) -> Key | None:
    """Whom the pair of e-mail and API key authenticates in the account; None when nobody."""
    async with database.pool.acquire() as db:
        row = await db.fetchrow(FIND_KEY, account_id, hashlib.sha256(key.encode()).digest(), email)
    return None if row is None else Key(row["key_id"], row["user_id"], row["role"], row["api_window"])


async def reset_key(work: Work, user_id: int, name: str = "", key: str = "") -> str:
    """Make a new key for the user and take the old one of that name away at once; the only time it is shown."""
    key = key or crypto.new_api_key()
    await work.db.execute(
        REPLACE_KEY, work.account.id, user_id, name, hashlib.sha256(key.encode()).digest(), work.now
    )
    work.ring("credentials", work.account.id)
    return key


MOST_KEYS = 20
LONGEST_NAME = 80
TOO_MANY = "This user has as many API keys as one may have."

LIST_KEYS = """
select k.id, k.name, k.created_datetime, k.user_id, u.name as user_name, u.email, u.role, u.active,
  (select max(g.used_datetime) from api_usage g where g.account_id = $1 and g.credential = 'key:' || k.id)
    as used_datetime
from api_keys k join users u on u.account_id = k.account_id and u.id = k.user_id
where k.account_id = $1 and u.deleted_datetime is null order by u.name, k.name, k.id
"""
# Held, so that a user is not deleted meanwhile; $3 is a name that would be replaced.
KEY_OWNER = """
select (select count(*) from api_keys k where k.account_id = $1 and k.user_id = $2 and k.name <> $3) as others
from users where account_id = $1 and id = $2 and active and deleted_datetime is null
  and role not in ('bot', 'internal-agent') for key share
"""
DELETE_KEY = "delete from api_keys where account_id = $1 and id = $2 returning user_id, name"


async def keys(work: Work) -> list[Any]:
    """The account's API keys, without the keys themselves: name, whose, when made and last used."""
    work.actor.require("admin")
    return list(await work.db.fetch(LIST_KEYS, work.account.id))


async def make_key(work: Work, user_id: int, name: str) -> str:
    """A new key for an active user, shown this once; one of the same name stops at once. 400, 403, 409.

    Event api-key-created.
    """
    work.actor.require("admin")
    if len(name) > LONGEST_NAME:
        raise errors.one("name", errors.too_long(LONGEST_NAME))
    others = await work.db.fetchval(KEY_OWNER, work.account.id, user_id, name)
    if others is None:
        raise errors.one("user_id", errors.MISSING_OBJECT)
    if others >= MOST_KEYS:
        raise errors.Conflict({"user_id": [TOO_MANY]}, TOO_MANY)
    key = await reset_key(work, user_id, name)
    work.record("api-key-created", "User", user_id, {"name": name})
    return key


async def remove_key(work: Work, key_id: int) -> None:
    """Take a key away; it stops at once. 403, 404. Event api-key-deleted."""
    work.actor.require("admin")
    row = await work.db.fetchrow(DELETE_KEY, work.account.id, key_id)
    if row is None:
        raise errors.NotFound
    work.ring("credentials", work.account.id)
    work.record("api-key-deleted", "User", row["user_id"], {"name": row["name"]})


REMOVE_EXPIRED = """
with sessions as (delete from sessions where expires_datetime < $1)
delete from buckets where at < $1::timestamptz - interval '1 day'
"""


async def remove_expired(db: Any, now: Any) -> int:
    """Forget sessions that are over and buckets that are long empty. 0: nothing is left to do."""
    await db.execute(REMOVE_EXPIRED, now)
    return 0
