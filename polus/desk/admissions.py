"""How people get into an account: whether everybody owes a second factor, and who may join by his company's address.

What is stored is the setting `access`; what it says about logging in by providers is minded in `sign_ons`.
"""

from typing import Any

import msgspec

from polus.base import errors, text
from polus.desk import settings, users
from polus.store.work import Work

KIND = "access"
INVITE, DOMAINS = "invite", "allowed-domains"
# Whoever joins may look; an administrator gives him more.
ROLE = "observer-agent"
LONGEST_NAME = 256

STORED = "select data from account_settings where account_id = $1 and type = 'access'"
FACTORS = """
select count(*) as people, count(two_fa_secret) as with_factor from users
where account_id = $1 and active and deleted_datetime is null and role not in ('bot', 'internal-agent')
"""


async def domains(work: Work) -> list[str]:
    """The mail domains whose people may join by themselves; none when people are invited."""
    stored = await work.db.fetchval(STORED, work.account.id)
    data: dict[str, Any] = {} if stored is None else msgspec.json.decode(stored)
    return (
        [str(one).lower() for one in data.get("allowed_domains") or []]
        if data.get("signup_mode") == DOMAINS
        else []
    )


async def join(work: Work, email: str) -> None:
    """Take somebody in who says he reads mail of that address, if its domain may join: the invitation proves it.

    Nothing happens for other domains and for who was a user already. Events user-created, user-invited.
    """
    user_id = await take_in(work, email)
    if user_id is not None:
        users.invite(work, user_id)


async def take_in(work: Work, email: str, name: str = "") -> int | None:
    """The id of a new user whose mail domain may join, however that was proven; None for other domains and for who was a
    user already. Event user-created.
    """
    local, _, domain = email.lower().rpartition("@")
    if not local or domain not in await domains(work):
        return None
    try:
        async with work.attempt():
            return await users.create(work, email, text.one_line(name)[:LONGEST_NAME] or local, ROLE)
    except errors.Conflict:
        return None


class Wanted(msgspec.Struct, frozen=True):
    """What an administrator says about getting in. `own`: providers by name, as the setting holds them."""

    factors: bool
    mode: str
    allowed: list[str]
    google: bool = True
    microsoft: bool = True
    only_providers: bool = False
    spared: bool = False
    own: dict[str, dict[str, str]] = {}


async def change(work: Work, wanted: Wanted) -> None:
    """Say who may join and how people log in; all else of the setting stays. 403, 400."""
    work.actor.require("admin")
    held = await settings.of(work, KIND)
    moments = {
        "two_fa_enforced_datetime": wanted.factors,
        "sso_enforced_datetime": wanted.only_providers,
        "skip_2fa_after_sso_datetime": wanted.spared,
    }
    given = {
        "signup_mode": wanted.mode,
        "allowed_domains": wanted.allowed,
        "google_sso_enabled": wanted.google,
        "office365_sso_enabled": wanted.microsoft,
        "custom_sso_providers": wanted.own,
    }
    given |= {name: (held.get(name) or work.now) if on else None for name, on in moments.items()}
    await settings.put(work, KIND, held | given)


async def factors(work: Work) -> tuple[int, int]:
    """How many people there are, and how many of them have a second factor."""
    row = await work.db.fetchrow(FACTORS, work.account.id)
    return row["people"], row["with_factor"]
