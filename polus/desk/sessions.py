"""Sessions of people who logged in, with a password or by a provider: opened, found by their token, closed; and the brake on guessing.

Tokens are stored as SHA-256 only. Verifying a password takes 50 ms and is left to the door, outside any transaction.
"""

import datetime
from typing import Any

import msgspec

from polus.base import crypto, errors
from polus.store import buckets
from polus.store.database import Database
from polus.store.work import Work

LIFE = datetime.timedelta(days=14)
RENEW = datetime.timedelta(days=13)
"""A session with less than this left is prolonged when it is used: at most once a day."""

MOST_GUESSES = 10
MOST_GUESSES_FROM = 100
MINUTE = 60.0
# A code has six digits, and three of them are right at a time: tried for days at the pace of passwords one would be hit.
MOST_CODES = 20
HOUR = 3600.0

FIND_CANDIDATE = """
select id, email, role, password_hash, two_fa_secret from users
where account_id = $1 and active and deleted_datetime is null and role <> 'bot' and {which}
"""
BY_EMAIL = FIND_CANDIDATE.replace("{which}", "lower(email) = lower($2)")
BY_ID = FIND_CANDIDATE.replace("{which}", "id = $2")

OPEN = """
insert into sessions (account_id, hash, user_id, csrf, created_datetime, expires_datetime, client, seen_datetime, provider)
values ($1, $2, $3, $4, $5, $6, $7, $5, $8)
"""

FIND = """
select u.id, u.name, u.email, u.role, s.csrf, s.created_datetime, s.expires_datetime,
  coalesce(u.language, 'en') as language, coalesce(u.timezone, h.data->>'timezone', 'UTC') as timezone,
  coalesce(p.available, true) as available,
  u.two_fa_secret is null and coalesce((a.data->>'two_fa_enforced_datetime')::timestamptz <= $3, false)
    and not (s.provider is not null and coalesce((a.data->>'skip_2fa_after_sso_datetime')::timestamptz <= $3, false))
    as owes_factor
from sessions s join users u on u.account_id = s.account_id and u.id = s.user_id
left join user_presence p on p.account_id = u.account_id and p.user_id = u.id
left join account_settings h on h.account_id = s.account_id and h.type = 'business-hours'
left join account_settings a on a.account_id = s.account_id and a.type = 'access'
where s.account_id = $1 and s.hash = $2 and s.expires_datetime > $3 and u.active and u.deleted_datetime is null
"""

PROLONG = "update sessions set expires_datetime = $3, seen_datetime = $4 where account_id = $1 and hash = $2"
LISTED = """
select client, created_datetime, seen_datetime, hash = $3 as here from sessions
where account_id = $1 and user_id = $2 and expires_datetime > $4 order by here desc, seen_datetime desc limit 50
"""
LONGEST_CLIENT = 300
CLOSE = "delete from sessions where account_id = $1 and hash = $2 returning user_id"
CLOSE_OTHERS = "delete from sessions where account_id = $1 and user_id = $2 and hash is distinct from $3"


class Candidate(msgspec.Struct, frozen=True):
    """Who may be logging in, and the hash to compare the password with."""

    user_id: int
    email: str
    role: str
    password_hash: str | None
    two_fa_secret: str | None


class Session(msgspec.Struct, frozen=True):
    """A logged-in person."""

    user_id: int
    name: str
    email: str
    role: str
    csrf: str
    language: str
    timezone: str
    created_datetime: datetime.datetime
    expires_datetime: datetime.datetime
    available: bool = True
    # Everybody must have a second factor, and this person has none yet.
    owes_factor: bool = False


class TooManyGuesses(errors.Refusal):
    """429."""

    status = 429

    def __init__(self) -> None:
        super().__init__("Too many attempts to log in. Wait a minute.", {"retry_after": int(MINUTE)})


async def guess(work: Work, email: str, origin: str) -> None:
    """Count one attempt for the address and for where it comes from; raises TooManyGuesses.

    Counted before the password is looked at, so that many attempts at once are no way around.
    """
    if not await buckets.take(work.db, _guesses(work, email), MOST_GUESSES, MINUTE):
        raise TooManyGuesses
    await knock(work, origin)


async def guess_code(work: Work, found: Candidate, origin: str) -> None:
    """The same for a code of the second factor, also held against those of the last hour."""
    await guess(work, found.email, origin)
    if not await buckets.take(work.db, _codes(work, found.user_id), MOST_CODES, HOUR):
        raise TooManyGuesses


def _codes(work: Work, user_id: int) -> str:
    return f"codes {work.account.id} {user_id}"


async def knock(work: Work, origin: str) -> None:
    """Count one attempt for where it comes from; raises TooManyGuesses."""
    if not await buckets.take(work.db, "login from " + origin, MOST_GUESSES_FROM, MINUTE):
        raise TooManyGuesses


def _guesses(work: Work, email: str) -> str:
    # Hashed: addresses that were tried are nobody's business, and may be of any length.
    return f"login {work.account.id} {crypto.digest(email.lower()).hex()}"


async def candidate(work: Work, email: str) -> Candidate | None:
    """The active person of that address."""
    return _candidate(await work.db.fetchrow(BY_EMAIL, work.account.id, email))


async def candidate_by_id(work: Work, user_id: int) -> Candidate | None:
    """The same for whoever has given his password already and still owes a code."""
    return _candidate(await work.db.fetchrow(BY_ID, work.account.id, user_id))


def _candidate(row: Any) -> Candidate | None:
    if row is None:
        return None
    return Candidate(row["id"], row["email"], row["role"], row["password_hash"], row["two_fa_secret"])


async def open(work: Work, found: Candidate, client: str = "", provider: str = "") -> str:
    """Log the person in: the token for the cookie, shown this once. Event user-logged-in; guesses are forgiven.

    `client` is what the browser calls itself, `provider` who vouched for the person instead of a password.
    """
    token = crypto.new_token()
    await buckets.empty(work.db, _guesses(work, found.email))
    await buckets.empty(work.db, _codes(work, found.user_id))
    await work.db.execute(
        OPEN,
        work.account.id,
        crypto.digest(token),
        found.user_id,
        crypto.new_token(),
        work.now,
        work.now + LIFE,
        client[:LONGEST_CLIENT],
        provider or None,
    )
    work.record("user-logged-in", "User", found.user_id, {"provider": provider} if provider else None)
    return token


async def find(database: Database, account_id: int, token: str, now: datetime.datetime) -> Session | None:
    """The living session of a token; None when it is over, or its owner may no longer log in."""
    hashed = crypto.digest(token)
    async with database.pool.acquire() as db:
        row: Any = await db.fetchrow(FIND, account_id, hashed, now)
        if row is None:
            return None
        if row["expires_datetime"] - now < RENEW:
            await db.execute(PROLONG, account_id, hashed, now + LIFE, now)
    return Session(
        user_id=row["id"],
        name=row["name"],
        email=row["email"],
        role=row["role"],
        csrf=row["csrf"],
        language=row["language"],
        timezone=row["timezone"],
        created_datetime=row["created_datetime"],
        expires_datetime=row["expires_datetime"],
        available=row["available"],
        owes_factor=row["owes_factor"],
    )


async def close(work: Work, token: str) -> None:
    """Log out. Event user-logged-out; open pages of the session notice."""
    user_id = await work.db.fetchval(CLOSE, work.account.id, crypto.digest(token))
    if user_id is not None:
        work.record("user-logged-out", "User", user_id)
        work.ring("sessions", work.account.id)


async def listed(work: Work, user_id: int, token: str) -> list[dict[str, Any]]:
    """Where the person is logged in: `{client, created_datetime, seen_datetime, here}`, this browser first.

    `seen_datetime` is true to the day.
    """
    hashed = crypto.digest(token)
    return [dict(row) for row in await work.db.fetch(LISTED, work.account.id, user_id, hashed, work.now)]


async def close_others(work: Work, user_id: int, token: str | None = None) -> None:
    """End the person's sessions but the one of `token`: after a new password, or when he is switched off."""
    kept = None if token is None else crypto.digest(token)
    await work.db.execute(CLOSE_OTHERS, work.account.id, user_id, kept)
    work.ring("sessions", work.account.id)
