"""What the commands of the command line do. Each opens the database by itself, beside a running helpdesk or alone."""

import datetime
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from polus import founding, installation, screen
from polus.base import addresses, crypto, errors
from polus.base.settings import Misconfigured, Settings
from polus.desk import credentials, users
from polus.desk.apps import keys, reviews
from polus.seeding import seeds
from polus.store import migrate as migrations
from polus.store.database import Database
from polus.store.work import RANK, SYSTEM, Account, Work, writing

FIND_USER = """
select a.id, a.domain, a.hash, u.id as user_id from users u join accounts a on a.id = u.account_id
where lower(u.email) = lower($1) and u.deleted_datetime is null and a.deactivated_datetime is null
  and ($2 = '' or a.domain = $2) order by a.id
"""
ACCOUNTS = """
select id, domain, hash from accounts where deactivated_datetime is null and ($1 = '' or domain = $1) order by id
"""
SET_PASSWORD = "update users set password_hash = $3 where account_id = $1 and id = $2"  # noqa: S105


async def migrate(settings: Settings, as_json: bool) -> None:
    """Bring the database forward."""
    async with installation.database_url(settings) as url:
        before = await migrations.current(url)
        now = await migrations.forward(url)
    if as_json:
        screen.say_json({"before": before, "now": now})
    else:
        screen.say(
            f"The database is at {now}." if before == now else f"The database went from {before} to {now}."
        )


async def add_account(settings: Settings, domain: str, address: str, email: str, as_json: bool) -> None:
    """A new account with its administrator."""
    founder = founding.founder(settings, domain, address=address, email=email)
    async with founding.current(settings) as database:
        await founding.found(database, founder)
    if as_json:
        screen.say_json(founder)
    else:
        screen.introduce(founder)


async def add_user(settings: Settings, domain: str, email: str, name: str, role: str, as_json: bool) -> None:
    """A new user with a password."""
    if role not in RANK or role in ("bot", "internal-agent"):
        raise errors.one("role", errors.NOT_CHOICE)
    if not addresses.is_email(email):
        raise errors.one("email", errors.NOT_EMAIL)
    password = secrets.token_urlsafe(12)
    password_hash = await crypto.hash_password(password)
    async with founding.current(settings) as database:
        account = await only_account(database, domain)
        async with writing(database, account, SYSTEM) as work:
            user_id = await users.create(work, email, name, role)
            await work.db.execute(SET_PASSWORD, account.id, user_id, password_hash)
    if as_json:
        screen.say_json({"id": user_id, "account": account.domain, "email": email, "password": password})
    else:
        screen.say(f"{email} may log in to {account.domain} with the password {password}")


async def new_key(settings: Settings, domain: str, email: str) -> None:
    """A new API key, printed alone."""
    async with founding.current(settings) as database:
        async with database.pool.acquire() as db:
            rows = await db.fetch(FIND_USER, email, domain)
        if not rows:
            raise errors.one("email", errors.MISSING_OBJECT)
        _only_one(rows)
        account = Account(rows[0]["id"], rows[0]["domain"], rows[0]["hash"], "")
        async with writing(database, account, SYSTEM) as work:
            key = await credentials.reset_key(work, rows[0]["user_id"])
    screen.say(key)


async def seed(
    settings: Settings, domain: str, tickets: int, seed: int, until: datetime.datetime, as_json: bool
) -> None:
    """Tickets that somebody might have written."""
    async with founding.current(settings) as database:
        account = await only_account(database, domain)
        with screen.progress("Tickets", tickets, shown=not as_json) as told:
            seeded = await seeds.sow(database, account, tickets, seed=seed, until=until, told=told)
    if as_json:
        screen.say_json(seeded)
    else:
        screen.say(
            f"{seeded.account} has {seeded.tickets} more tickets, with {seeded.messages} messages"
            f" of {seeded.customers} customers."
        )


async def apps_waiting(settings: Settings, as_json: bool) -> None:
    """What waits for review."""
    async with founding.current(settings) as database, _installation(database) as work:
        found = [dict(row) for row in await reviews.waiting(work)]
    if as_json:
        shown = ("id", "domain", "version", "name", "app_url", "redirect_urls", "test_instructions")
        screen.say_json([{name: row[name] for name in shown} for row in found])
        return
    for row in found:
        screen.say(f"{row['id']}  {row['name']} (version {row['version']}, from {row['domain']})")
        screen.say(f"  {row['app_url']}  ->  {', '.join(row['redirect_urls'])}")
    if not found:
        screen.say("Nothing waits for review.")


async def approve_app(settings: Settings, app_id: str, as_json: bool) -> None:
    """Let every account connect it."""
    async with founding.current(settings) as database, _installation(database) as work:
        await reviews.approve(work, app_id)
    screen.say_json({"id": app_id, "status": "approved"}) if as_json else screen.say("Approved.")


async def return_app(settings: Settings, app_id: str, reason: str, as_json: bool) -> None:
    """Send it back to its writer."""
    async with founding.current(settings) as database, _installation(database) as work:
        await reviews.send_back(work, app_id, reason)
    screen.say_json({"id": app_id, "status": "returned"}) if as_json else screen.say("Sent back.")


async def recall_app(settings: Settings, app_id: str, reason: str, as_json: bool) -> None:
    """Take it from everybody but its writer."""
    async with founding.current(settings) as database, _installation(database) as work:
        await reviews.recall(work, app_id, reason)
    screen.say_json({"id": app_id, "status": "recalled"}) if as_json else screen.say("Recalled.")


async def rotate_keys(settings: Settings, as_json: bool) -> None:
    """A new key to sign tokens with."""
    async with founding.current(settings) as database, _installation(database) as work:
        now = await keys.current(work.db, database.vault, work.now)
        await keys.rotate(work.db, database.vault, work.now, at_once=True)
        count = len((await keys.current(work.db, database.vault, work.now)).published["keys"])
    if as_json:
        screen.say_json({"published": count, "signs": now.signing.kid})
    else:
        screen.say(f"{count} keys are published. The new one signs in {keys.SETTLING.seconds // 3600} hours.")


@asynccontextmanager
async def _installation(database: Database) -> AsyncIterator[Work]:
    """A transaction of the installation itself, in its first account."""
    row = await credentials.default_account(database)
    if row is None:
        raise errors.one("account", errors.MISSING_OBJECT)
    async with writing(database, Account(row["id"], row["domain"], row["hash"], ""), SYSTEM) as work:
        yield work


async def only_account(database: Database, domain: str) -> Account:
    """The account of that domain, or the only one there is; refused when it is unclear."""
    async with database.pool.acquire() as db:
        rows = await db.fetch(ACCOUNTS, domain)
    if not rows:
        raise errors.one("account", errors.MISSING_OBJECT)
    _only_one(rows)
    return Account(rows[0]["id"], rows[0]["domain"], rows[0]["hash"], "")


def _only_one(rows: Any) -> None:
    if len(rows) > 1:
        domains = ", ".join(row["domain"] for row in rows)
        raise Misconfigured(
            "account-unclear", f"Several accounts fit: {domains}.", "Name one with --account."
        )
