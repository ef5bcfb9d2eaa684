"""Users: the agents of an account, and its bot. How they log in is left to `desk.sessions`.

Deleted users stay as rows, because messages name their senders; nothing else finds them.
"""

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from polus.base import crypto, errors, wire
from polus.desk import assignments, changes, listings, second_factors, sessions
from polus.desk.listings import Listed
from polus.store.paging import Order, Statement
from polus.store.work import Work

SYSTEM_ROLES = ("bot", "internal-agent")
NO_META = {"sso": None, "profile_picture_url": None}
PROFILE = ("email", "name", "role", "bio", "country", "external_id", "language", "timezone", "meta")

OWNER = "The account owner cannot be deleted, deactivated or demoted."
LAST_ADMIN = "The last active admin cannot be deleted, deactivated or demoted."
SYSTEM_USER = "System users cannot be deleted or given another role."
ONESELF = "You cannot delete yourself."
NOT_ONESELF = "You cannot deactivate yourself."

# $2 is the account's address: wire: users alone have absolute addresses.
WIRE = """
json_build_object('id', id, 'uri', $2::text || '/api/users/' || id || '/', 'active', active, 'bio', bio,
  'country', country, 'email', email, 'external_id', external_id, 'firstname', firstname(name),
  'lastname', lastname(name), 'name', name, 'language', language, 'meta', meta,
  'role', json_build_object('name', role), 'timezone', timezone, 'has_password', password_hash is not null,
  'has_2fa_enabled', two_fa_secret is not null, 'client_id', client_id, 'created_datetime', wire(created_datetime),
  'updated_datetime', wire(updated_datetime), 'deactivated_datetime', wire(deactivated_datetime))::text
"""

LIST = "select {sort}, id, " + WIRE + " from users"

LIVING = "account_id = $1 and deleted_datetime is null"
NAMED = "(position(lower($?::text) in lower(name)) > 0 or position(lower($?::text) in email) > 0)"
BY_NAME = Order((("name", "text"),), False)

GET = "select " + WIRE + " from users where account_id = $1 and id = $3 and deleted_datetime is null"

EXISTS = "select 1 from users where account_id = $1 and id = $2 and deleted_datetime is null"

# Without a time zone of his own a new user lives by the shop's clock.
INSERT = """
insert into users (account_id, email, name, role, bio, country, external_id, language, meta, timezone,
  created_datetime, updated_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $10 then $11 else (
  select data->>'timezone' from account_settings where account_id = $1 and type = 'business-hours') end, $12, $12)
returning id
"""

OWN = "update accounts set owner_id = $2 where id = $1 and owner_id is null"

# Who has the e-mail or the external id already; $4 is the user that may.
HOLDERS = """
select id, lower(email) = $2 as email, external_id = $3 as external_id from users
where account_id = $1 and deleted_datetime is null and id <> $4 and (lower(email) = $2 or external_id = $3)
"""

LOCK = """
select email, name, role, bio, country, external_id, language, timezone, meta, password_hash, two_fa_secret
from users where account_id = $1 and id = $2 and deleted_datetime is null for update
"""

SWITCH = """
update users set active = $3, deactivated_datetime = case when $3 then null else $4::timestamptz end, updated_datetime = $4
where account_id = $1 and id = $2 and active <> $3 returning id
"""

# Two admins who demote each other at once wait here for one another; only then the others are looked for.
LOCK_OWNER = "select owner_id from accounts where id = $1 for update"
OTHER_ADMIN = """
select 1 from users where account_id = $1 and role = 'admin' and active and deleted_datetime is null and id <> $2
limit 1
"""

# Who gets another address is not who a provider knows any more.
UPDATE = (
    """
with others as (
  delete from identities i using users u where u.account_id = $1 and u.id = $3 and lower(u.email) <> lower($4)
    and i.account_id = $1 and i.user_id = $3
)
update users set email_proven_datetime = case when lower(email) = lower($4) then email_proven_datetime end, email = $4, name = $5, role = $6, bio = $7, country = $8, external_id = $9, language = $10,
  timezone = $11, meta = $12, password_hash = $13, updated_datetime = $14
where account_id = $1 and id = $3 returning """
    + WIRE
)

PROVE = "update users set email_proven_datetime = $3 where account_id = $1 and id = $2"

DELETE = """
with keys as (delete from api_keys where account_id = $1 and user_id = $2),
teams as (delete from team_members where account_id = $1 and user_id = $2)
update users set active = false, password_hash = null, two_fa_secret = null, updated_datetime = $3,
  deactivated_datetime = coalesce(deactivated_datetime, $3), deleted_datetime = $3
where account_id = $1 and id = $2
"""


async def get(work: Work, user_id: int) -> str:
    """The user's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, work.account.base_url, user_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def browse(work: Work, search: str = "", cursor: str = "", limit: int = 50) -> Listed:
    """People by name; with `search`, those whose name or address holds it. Bots are left out."""
    statement = Statement(work.account.id, work.account.base_url)
    statement.where(LIVING)
    statement.where("not role = any($?::text[])", SYSTEM_ROLES)
    if search:
        statement.where(NAMED, search, search)
    return await listings.browse(work, LIST, statement, BY_NAME, cursor=cursor, limit=limit)


async def require(work: Work, user_id: int) -> None:
    """404 unless the user is there."""
    if await work.db.fetchval(EXISTS, work.account.id, user_id) is None:
        raise errors.NotFound


async def create(work: Work, email: str, name: str, role: str, **given: Any) -> int:
    """A new user's id. The account's first admin owns it. 409 when the e-mail or the external id is taken."""
    email, external_id = email.lower(), given.get("external_id")
    await _refuse_holders(work, email, external_id, 0)
    try:
        user_id: int = await work.db.fetchval(
            INSERT,
            work.account.id,
            email,
            name,
            role,
            given.get("bio"),
            given.get("country"),
            external_id,
            given.get("language"),
            wire.encode(NO_META | (given.get("meta") or {})),
            "timezone" in given,
            given.get("timezone"),
            work.now,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(error) from None
    if role == "admin":
        await work.db.execute(OWN, work.account.id, user_id)
    work.record("user-created", "User", user_id)
    return user_id


async def prove(work: Work, user_id: int) -> None:
    """It was seen that the user reads the mail of his address."""
    await work.db.execute(PROVE, work.account.id, user_id, work.now)


def invite(work: Work, user_id: int) -> None:
    """Ask a new user in. Event user-invited."""
    work.record("user-invited", "User", user_id)


async def update(work: Work, user_id: int, given: Mapping[str, Any]) -> str:
    """Change a user; the wire form. 403 for protected roles, 404, 400 for wrong secrets, 409.

    `given` may hold the fields of a profile, `new_password`, and what proves the right to change secrets.
    """
    row = await work.db.fetchrow(LOCK, work.account.id, user_id)
    if row is None:
        raise errors.NotFound
    old = {key: row[key] for key in PROFILE} | {"meta": msgspec.json.decode(row["meta"])}
    new = old | {key: given[key] for key in PROFILE if key in given}
    new["meta"] = NO_META | (new["meta"] or {})
    changed = changes.between(old, new)
    password = given.get("new_password")
    if not changed and password is None:
        return await get(work, user_id)
    if "role" in changed:
        work.actor.require("admin")
        await _refuse_protected(work, user_id, old["role"])
    await _refuse_unproven(work, user_id, row, given, "email" in changed)
    if "email" in changed or "external_id" in changed:
        await _refuse_holders(work, new["email"], new["external_id"], user_id)
    hashed = row["password_hash"] if password is None else await crypto.hash_password(password)
    try:
        answer = await work.db.fetchval(
            UPDATE,
            work.account.id,
            work.account.base_url,
            user_id,
            *(new[key] for key in PROFILE[:-1]),
            wire.encode(new["meta"]),
            hashed,
            work.now,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(error) from None
    if changed:
        work.record("user-updated", "User", user_id, changed)
    if password is not None:
        await sessions.close_others(work, user_id)
        work.record("user-password-changed", "User", user_id)
    if password is not None or "email" in changed or "role" in changed:
        work.ring("credentials", work.account.id)
    return answer  # type: ignore[no-any-return]


async def switch(work: Work, user_id: int, *, active: bool) -> None:
    """Let a user log in no more, or again; he keeps his name, tickets and views. 403 as for deletion, 404.

    His sessions end at once, his keys and passwords stop until he is switched on again. Event user-updated.
    """
    row = await work.db.fetchrow(LOCK, work.account.id, user_id)
    if row is None:
        raise errors.NotFound
    if user_id == work.actor.user_id:
        raise errors.Forbidden(NOT_ONESELF)
    if not active:
        await _refuse_protected(work, user_id, row["role"])
    if await work.db.fetchval(SWITCH, work.account.id, user_id, active, work.now) is None:
        return
    if not active:
        await sessions.close_others(work, user_id)
    work.record("user-updated", "User", user_id, {"active": [not active, active]})
    work.ring("credentials", work.account.id)


async def delete(work: Work, user_id: int) -> None:
    """Let a user go: keys, sessions and memberships end at once, open tickets are unassigned. 403, 404."""
    row = await work.db.fetchrow(LOCK, work.account.id, user_id)
    if row is None:
        raise errors.NotFound
    if user_id == work.actor.user_id:
        raise errors.Forbidden(ONESELF)
    await _refuse_protected(work, user_id, row["role"])
    await work.db.execute(DELETE, work.account.id, user_id, work.now)
    await sessions.close_others(work, user_id)
    await assignments.leave_user(work, user_id)
    work.record("user-deleted", "User", user_id, {"name": row["name"]})
    work.ring("credentials", work.account.id)


async def _refuse_protected(work: Work, user_id: int, role: str) -> None:
    """403 when the user must keep his role and stay: the owner, the last active admin, a bot."""
    if role in SYSTEM_ROLES:
        raise errors.Forbidden(SYSTEM_USER)
    if role != "admin":
        return
    if await work.db.fetchval(LOCK_OWNER, work.account.id) == user_id:
        raise errors.Forbidden(OWNER)
    if await work.db.fetchval(OTHER_ADMIN, work.account.id, user_id) is None:
        raise errors.Forbidden(LAST_ADMIN)


async def _refuse_unproven(
    work: Work, user_id: int, row: Mapping[str, Any], given: Mapping[str, Any], new_email: bool
) -> None:
    """400 unless who changes a password, or his own e-mail, proves that he is no passer-by at an open screen."""
    own_email = new_email and user_id == work.actor.user_id
    wanted = [
        field
        for field, needed in (
            ("old_password", given.get("new_password") is not None),
            ("password_confirmation", own_email),
        )
        if needed
    ]
    problems: dict[str, list[str]] = {}
    for field in wanted if row["password_hash"] else ():
        if given.get(field) is None:
            problems[field] = [errors.REQUIRED]
        elif not await crypto.verify_password(row["password_hash"], given[field]):
            problems[field] = [second_factors.WRONG_PASSWORD]
    if wanted and row["two_fa_secret"]:
        code = given.get("two_fa_code")
        if code is None:
            problems["two_fa_code"] = [errors.REQUIRED]
        elif not await second_factors.check(work, user_id, row["two_fa_secret"], code):
            problems["two_fa_code"] = [second_factors.WRONG_CODE]
    if problems:
        raise errors.Invalid(problems)


async def _refuse_holders(work: Work, email: str, external_id: str | None, user_id: int) -> None:
    rows = await work.db.fetch(HOLDERS, work.account.id, email, external_id, user_id)
    taken = [key for key in ("email", "external_id") if any(row[key] for row in rows)]
    if taken:
        raise errors.Conflict({**{key: [errors.IN_USE] for key in taken}, "id": rows[0]["id"]})


def _taken(error: asyncpg.UniqueViolationError) -> errors.Conflict:
    """What two requests at the same moment run into."""
    field = "external_id" if error.constraint_name == "users_external_id" else "email"
    return errors.Conflict({field: [errors.IN_USE]})
