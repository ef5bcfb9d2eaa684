"""Keys by which receivers know that a mail is ours (DKIM): made here, sealed, and used once their record is published.

Whether it is published is looked up, and mails are signed, in `channels`.
"""

import base64
import secrets
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from polus.base import errors
from polus.desk import aliases
from polus.store.work import Work

BITS = 2048  # what receivers ask for; a longer one does not fit into every provider's form
MOST = 50

LIST = """
select id, domain, selector, public_key, created_datetime, published_datetime, checked_datetime, found
from domain_keys where account_id = $1 order by domain, id desc
"""
GET = "select domain, selector, public_key from domain_keys where account_id = $1 and id = $2"
COUNT = "select count(*) from domain_keys where account_id = $1"
INSERT = """
insert into domain_keys (account_id, domain, selector, private_key, public_key, created_datetime)
values ($1, $2, $3, $4, $5, $6) returning id
"""
CHECKED = """
update domain_keys set checked_datetime = $3, found = $4,
  published_datetime = case when $4 = 'published' then coalesce(published_datetime, $3)
    when $4 = 'unanswered' then published_datetime end
where account_id = $1 and id = $2 returning domain, selector
"""
DELETE = "delete from domain_keys where account_id = $1 and id = $2 returning domain, selector"
SIGNING = """
select selector, private_key from domain_keys
where account_id = $1 and domain = $2 and published_datetime is not null order by id desc limit 1
"""
NOT_OURS = "Connect an address of this domain first."


class Pair(msgspec.Struct, frozen=True):
    """A key: PEM, and what stands in the record's `p=`."""

    private: str
    public: str


class Record(msgspec.Struct, frozen=True):
    """What has to be in the DNS."""

    name: str
    value: str


def made() -> Pair:
    """A new key; takes some tenths of a second, so not in a transaction."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return Pair(private.decode("ascii"), base64.b64encode(public).decode("ascii"))


def record(domain: str, selector: str, public: str) -> Record:
    """The record of a key."""
    return Record(f"{selector}._domainkey.{domain}", f"v=DKIM1; k=rsa; p={public}")


async def domains(work: Work) -> list[str]:
    """The domains of the account's addresses."""
    return sorted({address.rpartition("@")[2] for address in await aliases.own(work)})


async def listed(work: Work) -> list[Any]:
    """All keys, by domain, the newest first."""
    return list(await work.db.fetch(LIST, work.account.id))


async def get(work: Work, key_id: int) -> Any:
    """Domain, selector and public key; 404."""
    row = await work.db.fetchrow(GET, work.account.id, key_id)
    if row is None:
        raise errors.NotFound
    return row


async def add(work: Work, domain: str, pair: Pair) -> int:
    """Keep a key for a domain of the account; its id. 400. Event account-updated."""
    if domain not in await domains(work):
        raise errors.one("domain", NOT_OURS)
    if await work.db.fetchval(COUNT, work.account.id) >= MOST:
        raise errors.one("domain", f"At most {MOST}.")
    selector = f"polus{work.now:%Y%m%d}{secrets.token_hex(2)}"
    sealed = work.database.vault.seal(pair.private, _place(work.account.id))
    key_id: int = await work.db.fetchval(
        INSERT, work.account.id, domain, selector, sealed, pair.public, work.now
    )
    _tell(work, [None, f"{selector}._domainkey.{domain}"])
    return key_id


async def checked(work: Work, key_id: int, found: str) -> None:
    """Write down what the DNS said: published, missing, different, or unanswered (which changes nothing else). 404."""
    row = await work.db.fetchrow(CHECKED, work.account.id, key_id, work.now, found)
    if row is None:
        raise errors.NotFound


async def remove(work: Work, key_id: int) -> None:
    """Sign with it no more; 404. Event account-updated."""
    row = await work.db.fetchrow(DELETE, work.account.id, key_id)
    if row is None:
        raise errors.NotFound
    _tell(work, [f"{row['selector']}._domainkey.{row['domain']}", None])


async def signing(work: Work, domain: str) -> tuple[str, str] | None:
    """Selector and PEM that mails from the domain are signed with now; None without a published key.

    ValueError when it was sealed with another secret key.
    """
    row = await work.db.fetchrow(SIGNING, work.account.id, domain.lower())
    if row is None:
        return None
    return row["selector"], work.database.vault.open(row["private_key"], _place(work.account.id))


def _tell(work: Work, change: list[str | None]) -> None:
    work.record("account-updated", "Account", work.account.id, {"domain_key": change})


def _place(account_id: int) -> str:
    return "domain_keys/" + str(account_id)
