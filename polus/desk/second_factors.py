"""The second factor of users: turned on with an authenticator app, asked for at the door, replaced by recovery codes.

The app's secret is stored sealed, recovery codes as SHA-256. Each code, of either kind, is good once.
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from polus.base import crypto, errors, totp
from polus.store.work import Work

RECOVERY_CODES = 10
WRONG_PASSWORD = "Not the current password."  # noqa: S105
WRONG_CODE = "Not a valid code."
ON_ALREADY = "The second factor is on already."

# The newest step whose code was taken; no row: this or a newer one was taken before.
TAKE = """
insert into buckets as b (key, level, at) values ($1, $2, $3)
on conflict (key) do update set level = excluded.level, at = excluded.at where b.level < excluded.level
returning 1
"""
LOCK = "select password_hash, two_fa_secret from users where account_id = $1 and id = $2 for update"
SET = "update users set two_fa_secret = $3, updated_datetime = $4 where account_id = $1 and id = $2"
FORGET = "delete from recovery_codes where account_id = $1 and user_id = $2"
KEEP = "insert into recovery_codes (account_id, user_id, hash) select $1, $2, unnest($3::bytea[])"
USE = "delete from recovery_codes where account_id = $1 and user_id = $2 and hash = $3 returning 1"
LEFT = "select count(*) from recovery_codes where account_id = $1 and user_id = $2"


def propose() -> str:
    """A new secret for an authenticator app, base32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def address(secret: str, issuer: str, email: str) -> str:
    """What authenticator apps read from a QR code."""
    query = urlencode({"secret": secret, "issuer": issuer})
    return "otpauth://totp/" + quote(issuer + ":" + email) + "?" + query


def sealed(work: Work, user_id: int, secret: str) -> str:
    """The secret as it is stored."""
    return work.database.vault.seal(secret, _place(work, user_id))


async def check(work: Work, user_id: int, stored: str, code: str) -> bool:
    """Whether `code` is the current one of the user's app, or one of his recovery codes, and was not used before."""
    if await recover(work, user_id, code):
        return True
    try:
        secret = work.database.vault.open(stored, _place(work, user_id))
    except ValueError:
        return False
    return await _take(work, user_id, secret, code)


async def _take(work: Work, user_id: int, secret: str, code: str) -> bool:
    step = totp.step(secret, code, work.now)
    if step is None:
        return False
    key = "second factor " + str(work.account.id) + " " + str(user_id)
    return await work.db.fetchval(TAKE, key, float(step), work.now) is not None


async def recover(work: Work, user_id: int, code: str) -> bool:
    """Whether it was one of the user's recovery codes; it is none any more."""
    plain = _plain(code)
    if len(plain) != 16:
        return False
    return await work.db.fetchval(USE, work.account.id, user_id, crypto.digest(plain)) is not None


async def turn_on(work: Work, user_id: int, secret: str, code: str) -> list[str]:
    """Ask for the app's codes from now on; the recovery codes, which are never shown again.

    400 on `code` unless the app shows the codes of `secret`; 409 when it is on. Event
    user-2fa-changed.
    """
    row = await work.db.fetchrow(LOCK, work.account.id, user_id)
    if row is None:
        raise errors.NotFound
    if row["two_fa_secret"]:
        raise errors.Conflict({"code": [ON_ALREADY]})
    if not _is_secret(secret) or not await _take(work, user_id, secret, code):
        raise errors.one("code", WRONG_CODE)
    await work.db.execute(SET, work.account.id, user_id, sealed(work, user_id, secret), work.now)
    work.record("user-2fa-changed", "User", user_id, {"enabled": [False, True]})
    return await _new_codes(work, user_id)


async def renew(work: Work, user_id: int, password: str) -> list[str]:
    """New recovery codes in place of the old. 400 on `password`."""
    row = await _prove(work, user_id, password)
    if not row:
        raise errors.NotFound
    return await _new_codes(work, user_id)


async def turn_off(work: Work, user_id: int, password: str) -> None:
    """Ask for no codes any more. 400 on `password`. Event user-2fa-changed."""
    if await _prove(work, user_id, password):
        await work.db.execute(SET, work.account.id, user_id, None, work.now)
        await work.db.execute(FORGET, work.account.id, user_id)
        work.record("user-2fa-changed", "User", user_id, {"enabled": [True, False]})


async def codes_left(work: Work, user_id: int) -> int:
    """How many recovery codes the user has."""
    return await work.db.fetchval(LEFT, work.account.id, user_id)  # type: ignore[no-any-return]


async def _prove(work: Work, user_id: int, password: str) -> bool:
    """Whether the factor is on; 400 unless it is the user's password."""
    row = await work.db.fetchrow(LOCK, work.account.id, user_id)
    if row is None or not await crypto.verify_password(row["password_hash"], password):
        raise errors.one("password", WRONG_PASSWORD)
    return row["two_fa_secret"] is not None


async def _new_codes(work: Work, user_id: int) -> list[str]:
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    await work.db.execute(FORGET, work.account.id, user_id)
    await work.db.execute(KEEP, work.account.id, user_id, [crypto.digest(code) for code in codes])
    return _grouped(codes)


def _grouped(codes: Sequence[str]) -> list[str]:
    return ["-".join(code[at : at + 4] for at in range(0, 16, 4)) for code in codes]


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


def _is_secret(given: str) -> bool:
    try:
        return len(base64.b32decode(given)) == 20
    except (binascii.Error, ValueError):
        return False


def _place(work: Work, user_id: int) -> str:
    return "second factor/" + str(work.account.id) + "/" + str(user_id)
