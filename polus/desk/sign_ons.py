"""Logging in by a provider: which are offered, and what the setting `access` says about it.

Google and Microsoft are offered where the account is registered there (`registrations`) and `access` does not forbid it,
others where `access` holds them. Who comes is recognised in `identities`.
"""

from typing import Any

import msgspec

from polus.desk import registrations, settings
from polus.desk.registrations import GOOGLE, MICROSOFT, Registration
from polus.desk.sessions import Candidate
from polus.store.work import Work

KIND = "access"
# Before the name of one that `access` holds.
OWN = "sso:"
SWITCHES = {GOOGLE: "google_sso_enabled", MICROSOFT: "office365_sso_enabled"}
# wire: what a user's `meta.sso` may be
SSO = {GOOGLE: "google", MICROSOFT: "office365"}

STORED = "select data from account_settings where account_id = $1 and type = 'access'"
OWNER = "select owner_id from accounts where id = $1"


async def offered(work: Work) -> dict[str, str]:
    """The names of the providers that one may log in by, by key."""
    held = await _access(work)
    known = await registrations.listed(work)
    found = {
        key: known[key]["name"] for key, switch in SWITCHES.items() if key in known and held.get(switch, True)
    }
    return found | {OWN + name: str(one["name"]) for name, one in _own(held).items()}


async def registration(work: Work, key: str) -> Registration | None:
    """Who we are at a provider that is offered; None for any other."""
    held = await _access(work)
    if key in SWITCHES:
        return await registrations.get(work, key) if held.get(SWITCHES[key], True) else None
    found = _own(held).get(key.removeprefix(OWN)) if key.startswith(OWN) else None
    if found is None:
        return None
    secret = settings.opened(work, key.removeprefix(OWN), found["client_secret"])
    return Registration(key, found["name"], found["client_id"], secret, "", found["server_metadata_url"], "")


async def refuses_password(work: Work, found: Candidate) -> bool:
    """Whether the person must come by a provider. The account's owner never must: somebody has to get in when it is away."""
    held = await _access(work)
    if not _reached(work, held.get("sso_enforced_datetime")) or not await offered(work):
        return False
    owner: int | None = await work.db.fetchval(OWNER, work.account.id)
    return owner != found.user_id


async def skips_factor(work: Work) -> bool:
    """Whether who came by a provider is not asked for a second factor here."""
    return _reached(work, (await _access(work)).get("skip_2fa_after_sso_datetime"))


async def _access(work: Work) -> dict[str, Any]:
    stored = await work.db.fetchval(STORED, work.account.id)
    return {} if stored is None else msgspec.json.decode(stored)


def _own(held: dict[str, Any]) -> dict[str, Any]:
    return held.get("custom_sso_providers") or {}


def _reached(work: Work, moment: str | None) -> bool:
    return moment is not None and msgspec.convert(moment, type=type(work.now)) <= work.now
