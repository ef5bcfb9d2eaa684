"""Accounts: one installation serves several, each a wall. Their settings are in `desk.settings`."""

import secrets
import string
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from polus.base import clock, errors, wire
from polus.desk import settings
from polus.desk.macros import seeds
from polus.desk.views import seeds as view_seeds
from polus.store.database import Database
from polus.store.work import Account, Work

BASE62 = string.ascii_letters + string.digits

# The reference's seeds: the first settings, a bot, five tags, two macros, eight views. One statement: an account is never half there.
INSERT = """
with account as (
  insert into accounts (domain, hash, created_datetime) values ($1, $2, $3) returning id
), bot as (
  insert into users (account_id, email, name, role, created_datetime, updated_datetime)
  select id, 'bot@' || $1 || '.invalid', 'Polus Bot', 'bot', $3, $3 from account returning account_id, id
), settings as (
  insert into account_settings (account_id, type, data)
  select account.id, s.type, s.data::jsonb
  from account, unnest($4::text[], $5::text[]) with ordinality as s (type, data, position) order by position
), seeds as (
  insert into tags (account_id, name, created_datetime)
  select account.id, name, $3 from account, unnest($6::text[]) as t (name)
), answers as (
  insert into macros (account_id, name, actions, words, created_datetime, updated_datetime)
  select account.id, m.name, m.actions::jsonb, m.words, $3, $3
  from account, unnest($7::text[], $8::text[], $9::text[]) with ordinality as m (name, actions, words, position)
  order by position
), system_views as (
  insert into views (account_id, category, name, slug, type, fields, filters, filters_ast, order_by, created_datetime)
  select account.id, 'system', v.name, v.slug, v.type, string_to_array(v.fields, ','), v.filters, v.ast::json,
    v.order_by, $3
  from account, unnest($10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[])
    with ordinality as v (name, slug, type, fields, filters, ast, order_by, position)
  order by position
)
select account.id as account_id, bot.id as bot_id from account, bot
"""
OWN_BOT = "update accounts set bot_id = $2 where id = $1"

TAGS = ("spam", "VIP", "auto-close", "auto-reply", "REFUND")

GET = (
    """
select json_build_object('created_datetime', wire(created_datetime), 'domain', domain,
  'deactivated_datetime', wire(deactivated_datetime),
  'status', json_build_object('status', case when deactivated_datetime is null then 'active' else 'deactivated' end),
  'settings', coalesce((select json_agg(s.setting order by s.id) from (select id, """
    + settings.WIRE
    + """ as setting from account_settings
    where account_id = $1 and ($2 or type <> 'access')) s), '[]'::json))::text
from accounts where id = $1
"""
)

BY_ID = """
select domain, hash, id = (select min(id) from accounts where deactivated_datetime is null) as is_default
from accounts where id = $1
"""


async def get(work: Work) -> str:
    """The wire form of the account that `work` is in, with the settings that the actor may see."""
    return await work.db.fetchval(GET, work.account.id, work.actor.may("admin"))  # type: ignore[no-any-return]


async def create(db: Any, domain: str) -> Account:
    """A new account with its bot, first settings, tags, macros and views. Inside the caller's transaction; 409 when it exists."""
    file_hash = "".join(secrets.choice(BASE62) for _ in range(12))
    try:
        row = await db.fetchrow(
            INSERT,
            domain,
            file_hash,
            clock.now(),
            list(settings.FIRST),
            [wire.encode(data) for data in settings.FIRST.values()],
            TAGS,
            seeds.NAMES,
            seeds.ACTIONS,
            seeds.WORDS,
            view_seeds.NAMES,
            view_seeds.SLUGS,
            view_seeds.TYPES,
            view_seeds.FIELDS,
            view_seeds.FILTERS,
            view_seeds.TREES,
            view_seeds.ORDERS,
        )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"domain": [errors.IN_USE]}) from None
    except asyncpg.CheckViolationError:
        raise errors.one("domain", "Letters, digits and hyphens only.") from None
    await db.execute(OWN_BOT, row["account_id"], row["bot_id"])
    return Account(row["account_id"], domain, file_hash, "")


class Book:
    """Accounts by id, for work that no request started. Kept: an account's domain and hash never change."""

    def __init__(self, database: Database, base_url: str) -> None:
        self._database = database
        self._base_url = base_url
        self._known: dict[int, Account] = {}

    async def account(self, account_id: int) -> Account:
        """The account, with the address under which people reach it. NotFound when there is none."""
        known = self._known.get(account_id)
        if known is None:
            async with self._database.pool.acquire() as db:
                row = await db.fetchrow(BY_ID, account_id)
            if row is None:
                raise errors.NotFound
            base = home(self._base_url, row)
            known = self._known[account_id] = Account(account_id, row["domain"], row["hash"], base)
        return known


def home(base_url: str, row: Any) -> str:
    """Where the account of a row (domain, is_default) is reached: the oldest one at the installation's own address."""
    return base_url if row["is_default"] else address(base_url, row["domain"])


def address(base_url: str, domain: str) -> str:
    """Where an account is reached: the installation's address with the account's domain as first label.

    `https://help.example` and `acme` give `https://acme.help.example`.
    """
    parts = urlsplit(base_url)
    if not parts.hostname or parts.hostname.split(".", 1)[0] == domain:
        return base_url
    return base_url.replace("://", "://" + domain + ".", 1)
