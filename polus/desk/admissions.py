"""How people get into an account: whether everybody owes a second factor, and who may join by his company's address.

What is stored is the setting `access`; logging in through other providers is only kept there, not done.
"""

from typing import Any

import msgspec

from polus.base import errors
from polus.desk import settings, users
from polus.store.work import Work

KIND = "access"
INVITE, DOMAINS = "invite", "allowed-domains"
# Whoever joins may look; an administrator gives him more.
ROLE = "observer-agent"

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
    local, _, domain = email.lower().rpartition("@")
    if not local or domain not in await domains(work):
        return
    try:
        async with work.attempt():
            users.invite(work, await users.create(work, email, local, ROLE))
    except errors.Conflict:
        return


async def change(work: Work, *, factors: bool, mode: str, allowed: list[str]) -> None:
    """Say who may join, and whether everybody must have a second factor; all else of the setting stays. 403, 400."""
    work.actor.require("admin")
    held = await settings.of(work, KIND)
    since = held.get("two_fa_enforced_datetime") or work.now
    given = {
        "two_fa_enforced_datetime": since if factors else None,
        "signup_mode": mode,
        "allowed_domains": allowed,
    }
    await settings.put(work, KIND, held | given)


async def factors(work: Work) -> tuple[int, int]:
    """How many people there are, and how many of them have a second factor."""
    row = await work.db.fetchrow(FACTORS, work.account.id)
    return row["people"], row["with_factor"]
