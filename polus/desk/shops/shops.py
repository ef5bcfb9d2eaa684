"""Shops: integrations whose customers and orders are kept with our customers, for widgets, templates and rules.

What a shop sends comes through `channels.shops` or an import; what is kept of it is said by `shapes`.
"""

import datetime
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from polus.base import errors, wire
from polus.base.crypto import Vault
from polus.desk.customers import references
from polus.desk.shops import commerce, shapes
from polus.store.work import Work

PREFIX = "/hooks/shopify/"
TYPE = "shopify"
DAYS = 14  # that arrivals are kept
DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE)
NOT_DOMAIN = "Not a valid domain."
TAKEN = "The shop is connected already."

Json = dict[str, Any]

ADD = """
with made as (
  insert into integrations (account_id, type, name, meta, user_id, created_datetime, updated_datetime)
  values ($1, $2, $3, $4, $5, $6, $6) returning id
)
insert into shops (account_id, integration_id, domain, token, secret, created_datetime)
select $1, id, $7, $8, $9, $6 from made returning integration_id
"""
WIRE = """
json_build_object('integration_id', s.integration_id, 'uuid', s.uuid, 'name', i.name, 'type', i.type, 'domain', s.domain,
  'webhook_url', $2::text || s.token, 'has_secret', s.secret is not null,
  'created_datetime', wire_json(s.created_datetime), 'deactivated_datetime', wire_json(i.deactivated_datetime),
  'arrivals', (select json_build_object('last_datetime', wire_json(max(a.received_datetime)),
      'waiting', count(*) filter (where a.state = 'received'), 'parked', count(*) filter (where a.state = 'parked'))
    from shop_arrivals a where a.account_id = s.account_id and a.integration_id = s.integration_id))
"""
FROM = " from shops s join integrations i on i.account_id = s.account_id and i.id = s.integration_id where s.account_id = $1"
LIST = "select coalesce(json_agg(" + WIRE + " order by s.integration_id), '[]')::text" + FROM
GET = "select " + WIRE + "::text" + FROM + " and s.integration_id = $3"
SECRET = "update shops set secret = $3 where account_id = $1 and integration_id = $2 returning 1"  # noqa: S105
AT_ADDRESS = """
select s.account_id, s.integration_id, s.secret, a.domain, a.hash from shops s join accounts a on a.id = s.account_id
join integrations i on i.account_id = s.account_id and i.id = s.integration_id
where s.token = $1 and i.deactivated_datetime is null and a.deactivated_datetime is null
"""
BY_DOMAIN = "select integration_id from shops where account_id = $1 and lower(domain) = lower($2)"

STORE = """
select s.uuid, s.domain, s.created_datetime, i.name, i.updated_datetime from shops s
join integrations i on i.account_id = s.account_id and i.id = s.integration_id
where s.account_id = $1 and s.integration_id = $2
"""
KNOWN = """
select coalesce(c.merged_into_id, c.id) from shop_customers k
join customers c on c.account_id = k.account_id and c.id = k.customer_id
where k.account_id = $1 and k.integration_id = $2 and k.external_id = $3 and c.deleted_datetime is null
"""
REMEMBER = """
insert into shop_customers (account_id, integration_id, external_id, customer_id) values ($1, $2, $3, $4)
on conflict (account_id, integration_id, external_id) do update set customer_id = excluded.customer_id
"""
LOCK = """
select integrations->$3::text as kept from customers where account_id = $1 and id = $2 and deleted_datetime is null
for update
"""
KEEP = """
update customers set integrations = integrations || jsonb_build_object($3::text, $4::jsonb),
  ecommerce_data = ecommerce_data || jsonb_build_object($5::text, $6::jsonb)
where account_id = $1 and id = $2
"""
REMOVE_ARRIVALS = """
delete from shop_arrivals where ctid = any(array(
  select ctid from shop_arrivals where received_datetime < $1 and state <> 'received' limit $2))
"""
# The only shop that knows the customer, else the one with his latest order.
STORE_OF_TICKET = """
update tickets t set store_id = g.store_id from (
  select o.id, (select s.integration_id from shops s
    where s.account_id = o.account_id and c.integrations ? s.integration_id::text
    order by c.integrations->s.integration_id::text->'orders'->0->>'created_at' desc nulls last, s.integration_id
    limit 1) as store_id
  from tickets o join customers c on c.account_id = o.account_id and c.id = o.customer_id
  where o.account_id = $1 and o.id = any($2::bigint[])) g
where t.account_id = $1 and t.id = g.id and t.store_id is distinct from g.store_id
"""
OPEN_TICKETS = """
select id from tickets where account_id = $1 and customer_id = $2 and merged_into_id is null
order by created_datetime desc limit 20
"""


async def connect(work: Work, name: str, domain: str, secret: str | None = None) -> int:
    """Connect a shop; its integration's id. 409 when it is connected. Event integration-created.

    `secret`: what the shop signs its webhooks with; without one they are refused until there is one.
    """
    meta = wire.encode({"shop_name": name, "shop_domain": domain})
    try:
        async with work.attempt():
            integration_id: int = await work.db.fetchval(
                ADD,
                work.account.id,
                TYPE,
                name,
                meta,
                work.actor.user_id,
                work.now,
                domain.lower(),
                secrets.token_urlsafe(18),
                secret and work.database.vault.seal(secret, _place(work.account.id)),
            )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"domain": [TAKEN]}) from None
    work.record("integration-created", "Integration", integration_id, {"name": name})
    return integration_id


async def browse(work: Work) -> list[Json]:
    """The account's shops."""
    text = await work.db.fetchval(LIST, work.account.id, work.account.base_url + PREFIX)
    return msgspec.json.decode(text)  # type: ignore[no-any-return]


async def get(work: Work, integration_id: int) -> str:
    """The shop's form; 404."""
    address = work.account.base_url + PREFIX
    answer = await work.db.fetchval(GET, work.account.id, address, integration_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def require(work: Work, integration_id: int) -> None:
    """404 unless the shop is there."""
    await get(work, integration_id)


async def find(work: Work, domain: str) -> int | None:
    """The integration of the shop at that domain."""
    return await work.db.fetchval(BY_DOMAIN, work.account.id, domain)  # type: ignore[no-any-return]


async def set_secret(work: Work, integration_id: int, secret: str | None) -> None:
    """Another secret from now on, or none; 404. Event integration-updated."""
    sealed = secret and work.database.vault.seal(secret, _place(work.account.id))
    if await work.db.fetchval(SECRET, work.account.id, integration_id, sealed) is None:
        raise errors.NotFound
    work.record("integration-updated", "Integration", integration_id, {"secret": True})


async def by_token(db: Any, token: str) -> Any:
    """The shop that has this address: account_id, domain, hash, integration_id, secret (sealed); None."""
    return await db.fetchrow(AT_ADDRESS, token)


def opened(vault: Vault, account_id: int, sealed: str) -> str:
    """The secret. ValueError when it was sealed with another secret key."""
    return vault.open(sealed, _place(account_id))


async def take(work: Work, integration_id: int, topic: str, given: Mapping[str, Any]) -> bool:
    """Keep what a shop tells by one of its webhooks; False when that says nothing about a customer. 404.

    Topics: customers/… and orders/…; all else about an order comes with orders/updated as well.
    """
    store = await work.db.fetchrow(STORE, work.account.id, integration_id)
    if store is None:
        raise errors.NotFound
    kind, _, what = topic.partition("/")
    if kind not in ("customers", "orders") or what.startswith("data_"):
        return False
    customer_id = await _whose(work, integration_id, kind, given)
    if customer_id is None:
        return False
    row = await work.db.fetchrow(LOCK, work.account.id, customer_id, str(integration_id))
    if row is None:
        return False
    kept = _updated(msgspec.json.decode(row["kept"]) if row["kept"] else {}, kind, what, given)
    part = commerce.told(_store(integration_id, store, kept), customer_id, kept)
    await work.db.execute(
        KEEP,
        work.account.id,
        customer_id,
        str(integration_id),
        wire.encode(kept),
        str(store["uuid"]),
        wire.encode(part),
    )
    tickets = [row["id"] for row in await work.db.fetch(OPEN_TICKETS, work.account.id, customer_id)]
    await credit(work, tickets)
    for ticket_id in tickets:
        work.ring("ticket", work.account.id, ticket_id)
    return True


async def credit(work: Work, ticket_ids: Sequence[int]) -> None:
    """Say which shop the tickets belong to, by the data that their customers have."""
    await work.db.execute(STORE_OF_TICKET, work.account.id, list(ticket_ids))


async def remove_old(db: Any, now: datetime.datetime, most: int = 1000) -> int:
    """Remove what was taken long ago; how many rows."""
    told = await db.execute(REMOVE_ARRIVALS, now - datetime.timedelta(days=DAYS), most)
    return int(told.rpartition(" ")[2])


def _updated(kept: Json, kind: str, what: str, given: Mapping[str, Any]) -> Json:
    """What is kept of the customer after this news."""
    shopper = given.get("customer") if kind == "orders" else given
    if isinstance(shopper, dict) and what != "delete":
        kept = {**kept, "customer": shapes.newer(kept.get("customer") or {}, shapes.customer(shopper))}
    orders = kept.get("orders") or []
    if kind == "orders" and what == "delete":
        orders = [one for one in orders if one.get("id") != given.get("id")]
    elif kind == "orders":
        orders = shapes.with_order(orders, shapes.order(given))
    return {**kept, "orders": orders, "__integration_type__": TYPE}


async def _whose(work: Work, integration_id: int, kind: str, given: Mapping[str, Any]) -> int | None:
    """Our customer, found or made; None when nothing says who it is."""
    shopper = given.get("customer") if kind == "orders" else given
    external = shopper.get("id") if isinstance(shopper, dict) else None
    if external is not None:
        known: int | None = await work.db.fetchval(KNOWN, work.account.id, integration_id, str(external))
        if known is not None:
            return known
    meant = shapes.reference(given)
    if not (meant["email"] or meant["phone"]):
        return None
    try:
        async with work.attempt():
            customer_id = await references.find_or_create(work, meant, keep=True)
    except errors.Invalid:
        return None
    if external is not None:
        await work.db.execute(REMEMBER, work.account.id, integration_id, str(external), customer_id)
    return customer_id


def _store(integration_id: int, store: Any, kept: Json) -> Json:
    currencies = commerce.currencies(kept)
    return {
        "id": integration_id,
        "uuid": str(store["uuid"]),
        "type": TYPE,
        "name": store["domain"].partition(".")[0],
        "display_name": store["name"],
        "url": "https://" + store["domain"],
        "currencies": currencies,
        # A shop that has told of no money yet.
        "default_currency": currencies[0] if currencies else "USD",
        "helpdesk_integration_id": integration_id,
        "created_datetime": wire.told(store["created_datetime"]),
        "updated_datetime": wire.told(store["updated_datetime"]),
        "deleted_datetime": None,
    }


def _place(account_id: int) -> str:
    return "shops/" + str(account_id)
