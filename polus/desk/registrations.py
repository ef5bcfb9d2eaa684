"""What an administrator registered at providers of OAuth2 and OpenID Connect: client id and secret, kept sealed.

Used for mailboxes and for logging in. Where each provider is spoken to, and how, is left to `channels.openid`.
"""

import re
from typing import Any

import msgspec

from polus.base import errors, outbound
from polus.desk import changes
from polus.store.database import Database
from polus.store.work import Work

GOOGLE, MICROSOFT, OWN = "google", "microsoft", "own"
NAMES = {GOOGLE: "Google", MICROSOFT: "Microsoft", OWN: ""}
LONGEST = 1000
LONGEST_NAME = 60
# A tenant's id; not one of its domains, with which tokens cannot be compared, nor the words for several tenants.
TENANT = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SAYABLE = re.compile(r"[\x21-\x7e]*")
SCOPES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*|")
NOT_TENANT = "Enter the ID of the directory: 32 characters of 0-9 and a-f, with hyphens."
NEEDS_HTTPS = "The address of the provider must begin with https://"

LIST = """
select provider, name, client_id, tenant, issuer, mail_scope from registrations where account_id = $1 order by provider
"""
GET = """
select provider, name, client_id, client_secret, tenant, issuer, mail_scope from registrations
where account_id = $1 and provider = $2
"""
LOCK = GET + " for update"
SAVE = """
insert into registrations (account_id, provider, name, client_id, client_secret, tenant, issuer, mail_scope,
  updated_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict (account_id, provider) do update set name = $3, client_id = $4, client_secret = $5, tenant = $6,
  issuer = $7, mail_scope = $8, updated_datetime = $9
"""
REMOVE = "delete from registrations where account_id = $1 and provider = $2 returning client_id"


class Registration(msgspec.Struct, frozen=True):
    """Who we are at a provider. `client_secret` is empty when it was sealed with another secret key."""

    provider: str
    name: str
    client_id: str
    client_secret: str
    tenant: str
    issuer: str
    mail_scope: str

    def __repr__(self) -> str:
        return f"Registration({self.provider!r}, {self.client_id!r})"


async def listed(work: Work) -> dict[str, dict[str, Any]]:
    """By provider, without the secrets."""
    return {row["provider"]: dict(row) for row in await work.db.fetch(LIST, work.account.id)}


async def get(work: Work, provider: str) -> Registration | None:
    """The account's registration at that provider."""
    return await find(work.db, work.database, work.account.id, provider)


async def find(db: Any, database: Database, account_id: int, provider: str) -> Registration | None:
    """The same outside a transaction."""
    row = await db.fetchrow(GET, account_id, provider)
    return None if row is None else _opened(database, account_id, row)


async def save(work: Work, wanted: Registration) -> None:
    """Keep it; an empty secret stays as it is, unless the provider is another. 403, 400. Event account-updated."""
    work.actor.require("admin")
    row = await work.db.fetchrow(LOCK, work.account.id, wanted.provider)
    old = None if row is None else _opened(work.database, work.account.id, row)
    # A secret is sent to the provider: it must not go to another one than it was given for.
    same = old is not None and old.issuer == wanted.issuer
    secret = wanted.client_secret or (old.client_secret if old and same else "")
    _check(wanted, secret)
    sealed = work.database.vault.seal(secret, _place(work.account.id, wanted.provider))
    name = NAMES[wanted.provider] or wanted.name
    await work.db.execute(
        SAVE,
        work.account.id,
        wanted.provider,
        name,
        wanted.client_id,
        sealed,
        wanted.tenant,
        wanted.issuer,
        wanted.mail_scope,
        work.now,
    )
    facts = ("client_id", "tenant", "issuer", "mail_scope")
    before = {fact: old and getattr(old, fact) for fact in facts}
    told: dict[str, Any] = changes.between(before, {fact: getattr(wanted, fact) or None for fact in facts})
    if wanted.client_secret:
        told["client_secret"] = True
    work.record("account-updated", "Account", work.account.id, {"provider": wanted.provider, **told})


async def remove(work: Work, provider: str) -> None:
    """Nobody logs in and no mailbox is renewed by it any more. 403, 404. Event account-updated."""
    work.actor.require("admin")
    client_id = await work.db.fetchval(REMOVE, work.account.id, provider)
    if client_id is None:
        raise errors.NotFound
    told = {"provider": provider, "client_id": [client_id, None]}
    work.record("account-updated", "Account", work.account.id, told)


def _check(wanted: Registration, secret: str) -> None:
    problems: dict[str, list[str]] = {}
    if wanted.provider not in NAMES:
        raise errors.NotFound
    given = {"client_id": wanted.client_id, "client_secret": secret}
    if wanted.provider == OWN:
        given |= {"name": wanted.name, "issuer": wanted.issuer}
    for name, value in given.items():
        if not value:
            problems[name] = [errors.REQUIRED]
        elif len(value) > LONGEST:
            problems[name] = [errors.too_long(LONGEST)]
        elif name != "name" and not SAYABLE.fullmatch(value):
            problems[name] = [errors.WRONG_TYPE]
    if len(wanted.name) > LONGEST_NAME:
        problems["name"] = [errors.too_long(LONGEST_NAME)]
    if wanted.tenant and not TENANT.fullmatch(wanted.tenant):
        problems["tenant"] = [NOT_TENANT]
    if len(wanted.mail_scope) > LONGEST or not SCOPES.fullmatch(wanted.mail_scope):
        problems["mail_scope"] = [errors.WRONG_TYPE]
    if wanted.issuer and "issuer" not in problems:
        try:
            outbound.target(wanted.issuer)
        except outbound.Refused as refused:
            problems["issuer"] = [str(refused)]
    if problems:
        raise errors.Invalid(problems)


def _opened(database: Database, account_id: int, row: Any) -> Registration:
    try:
        secret = database.vault.open(row["client_secret"], _place(account_id, row["provider"]))
    except ValueError:
        secret = ""
    return Registration(**{**dict(row), "client_secret": secret})


def _place(account_id: int, provider: str) -> str:
    return f"registrations/{account_id}/{provider}"
