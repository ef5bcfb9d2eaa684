"""Who somebody is at a provider, and which user that is here.

A person is known by what cannot change: the provider's issuer and his subject there. The address counts once, the first
time, and only when the provider vouches for it. What a provider says is checked in `channels.openid`.
"""

from typing import Any

import asyncpg
import msgspec

from polus.base import errors
from polus.desk import admissions, sessions, sign_ons, users
from polus.desk.sessions import Candidate
from polus.store.work import Actor, Work

KNOWN = "select user_id from identities where account_id = $1 and issuer = $2 and subject = $3"
BOUND = "select 1 from identities where account_id = $1 and user_id = $2 and issuer = $3 and subject <> $4"
BIND = """
insert into identities (account_id, issuer, subject, user_id, provider, email, created_datetime, used_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $7)
on conflict (account_id, issuer, subject) do update set user_id = $4, provider = $5, email = $6, used_datetime = $7
"""
LIST = """
select provider, issuer, email, created_datetime, used_datetime from identities
where account_id = $1 and user_id = $2 order by created_datetime
"""
FORGET = "delete from identities where account_id = $1 and user_id = $2 returning issuer"
META = "select meta::text from users where account_id = $1 and id = $2"


class Identity(msgspec.Struct, frozen=True):
    """What a provider says about somebody. `proven`: it vouches that the address is his."""

    provider: str
    issuer: str
    subject: str
    email: str
    proven: bool
    name: str = ""


class Unknown(Exception):
    """Nobody here may come in as this. `code` names the sentence that says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def recognise(work: Work, identity: Identity) -> Candidate:
    """The user that the person is, bound to him from now on; somebody new where his mail domain may join. Raises Unknown.

    Events user-created for somebody new, user-updated when `meta.sso` changes.
    """
    user_id = await work.db.fetchval(KNOWN, work.account.id, identity.issuer, identity.subject)
    found = None if user_id is None else await sessions.candidate_by_id(work, user_id)
    if found is None:
        found = await _by_address(work, identity)
    try:
        async with work.attempt():
            await work.db.execute(
                BIND,
                work.account.id,
                identity.issuer,
                identity.subject,
                found.user_id,
                identity.provider,
                identity.email,
                work.now,
            )
    except asyncpg.UniqueViolationError:
        raise Unknown("bound") from None
    if identity.proven and identity.email.lower() == found.email.lower():
        await users.prove(work, found.user_id)
    await _mark(work, found, identity.provider)
    return found


async def listed(work: Work, user_id: int) -> list[Any]:
    """By which providers a user logs in."""
    return list(await work.db.fetch(LIST, work.account.id, user_id))


async def forget(work: Work, user_id: int) -> None:
    """Let the providers' word for this user count anew, by his address. 403, 404. Event user-updated."""
    work.actor.require("admin")
    gone = await work.db.fetch(FORGET, work.account.id, user_id)
    if not gone:
        raise errors.NotFound
    told = {"identities": [[row["issuer"] for row in gone], []]}
    work.record("user-updated", "User", user_id, told)


async def _by_address(work: Work, identity: Identity) -> Candidate:
    if not identity.email:
        raise Unknown("no-address")
    if not identity.proven:
        raise Unknown("unproven")
    found = await sessions.candidate(work, identity.email)
    if found is None:
        found = await _joined(work, identity)
    # An address that went to another person there must not bring him the user of the one before.
    if await work.db.fetchval(BOUND, work.account.id, found.user_id, identity.issuer, identity.subject):
        raise Unknown("bound")
    return found


async def _joined(work: Work, identity: Identity) -> Candidate:
    user_id = await admissions.take_in(work, identity.email, identity.name)
    found = None if user_id is None else await sessions.candidate_by_id(work, user_id)
    if found is None:
        raise Unknown("nobody")
    return found


async def _mark(work: Work, found: Candidate, provider: str) -> None:
    said = sign_ons.SSO.get(provider)
    meta: dict[str, Any] = msgspec.json.decode(
        await work.db.fetchval(META, work.account.id, found.user_id) or "{}"
    )
    if said is not None and meta.get("sso") != said:
        work.actor = Actor("user", found.user_id, found.role)
        await users.update(work, found.user_id, {"meta": {**meta, "sso": said}})
