"""The start of an installation and of its accounts: the schema brought forward, the first administrator made.

A process of its own at the start of `serve`: what it needs for this is gone from memory when the helpdesk runs.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import msgspec

from polus import children, installation
from polus.base import addresses, crypto, errors, log
from polus.base.settings import Misconfigured, Settings
from polus.desk import accounts, credentials, integrations, users
from polus.desk.rules import seeds as rules
from polus.installation import Founder, Prepared
from polus.store import database as databases
from polus.store import migrate
from polus.store.database import Database
from polus.store.work import NO_CAUSE, SYSTEM, Work

COUNT = "select count(*) from accounts"
# Any number; of two processes that start at once in an empty installation one makes the account.
LOCK = "select pg_advisory_xact_lock(7062028)"
SET_PASSWORD = "update users set password_hash = $3 where account_id = $1 and id = $2"  # noqa: S105


@asynccontextmanager
async def current(settings: Settings, name: str = "polus command") -> AsyncIterator[Database]:
    """For commands: the database with the schema of this version, brought there when nothing else does."""
    async with installation.database_url(settings) as url:
        if await migrate.current(url) != migrate.head():
            await migrate.forward(url)
        async with installation.opened(settings, name, most=4) as database:
            yield database


def founder(settings: Settings, domain: str, *, address: str = "", email: str = "") -> Founder:
    """What an account starts with, where nothing else is said."""
    host = mail_domain(settings, domain)
    return Founder(
        domain=domain,
        email=(email or "admin@" + host).lower(),
        name=settings.admin_name,
        password=settings.admin_password or secrets.token_urlsafe(12),
        key=settings.admin_key or crypto.new_api_key(),
        address=(address or "support@" + host).lower(),
    )


def mail_domain(settings: Settings, domain: str) -> str:
    """What follows the @ in addresses that are not given: the base URL's host when it is a real name."""
    host = urlsplit(settings.base_url).hostname or ""
    if "." in host and not host.replace(".", "").isdigit() and ":" not in host:
        return host if domain == settings.account else domain + "." + host
    return domain + ".localhost"


async def first(settings: Settings, database: Database) -> Founder | None:
    """Make the first account with its administrator; None when there is an account already."""
    given = founder(settings, settings.account, address=settings.address, email=settings.admin_email)
    made = await found(database, given, only_first=True)
    return given if made else None


async def found(database: Database, given: Founder, *, only_first: bool = False) -> bool:
    """Make an account, its administrator and its e-mail address, all or nothing; 409 when one of them exists.

    `only_first`: False, and nothing is made, when the installation has an account.
    """
    for field in ("email", "address"):
        if not addresses.is_email(getattr(given, field)):
            raise errors.one(field, errors.NOT_EMAIL)
    password_hash = await crypto.hash_password(given.password)
    async with database.pool.acquire() as db, db.transaction():
        await db.execute(LOCK)
        if only_first and await db.fetchval(COUNT):
            return False
        account = await accounts.create(db, given.domain)
        work = Work(database, db, account, SYSTEM, NO_CAUSE)
        user_id = await users.create(work, given.email, given.name, "admin")
        await db.execute(SET_PASSWORD, account.id, user_id, password_hash)
        await credentials.reset_key(work, user_id, key=given.key)
        await integrations.add_email(work, given.address, "Support")
        await rules.sow(work)
        await work.flush()
    database.ring(*work.rings)
    return True


async def prepare(settings: Settings) -> Founder | None:
    """Bring the database forward; make the first account when there is none."""
    async with installation.database_url(settings) as url:
        await migrate.forward(url)
        async with databases.opened(url, name="polus start", most=2) as database:
            return await first(settings, database)


def main() -> None:
    """A child of `processes`."""
    order = children.received()
    log.configure()
    try:
        prepared = Prepared(founder=asyncio.run(prepare(order.settings)))
    except Misconfigured as error:
        prepared = Prepared(misconfigured=(error.code, error.sentence, error.cure))
    sys.stdout.buffer.write(msgspec.json.encode(prepared))


if __name__ == "__main__":
    main()
