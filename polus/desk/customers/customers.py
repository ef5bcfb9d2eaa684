"""Customers: who writes to the shop. `channels` are their addresses, `references` finds or makes them by the way,
`merging` joins two of them, `erasing` takes a person out of the records.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg
import msgspec
from msgspec import UNSET

from polus.base import addresses, errors, wire
from polus.desk import changes, listings, words
from polus.desk.customers import channels, forms
from polus.desk.customers.channels import Channel
from polus.desk.listings import Listed
from polus.store.paging import Order, Statement
from polus.store.work import Work

NAME_LENGTH = 500
FIELDS = ("external_id", "name", "language", "timezone", "note", "meta", "data")
# Told in events only as changed.
UNTOLD = ("meta", "data", "channels")

LIST = "select {sort}, c.id, " + forms.ITEM + "::text from customers c"
LISTED = "c.account_id = $1 and c.merged_into_id is null and c.deleted_datetime is null"
NEWEST = Order((("c.created_datetime", "datetime"),), True)
OF_NUMBER = "select c.id from customers c where " + LISTED + " and c.id = $2"
OF_EMAIL = "select c.id from customers c where " + LISTED + " and lower(c.email) = lower($2)"
BY_EMAIL = "lower(c.email) = lower($?)"
BY_NAME = "lower(c.name) = lower($?)"
BY_EXTERNAL_ID = "c.external_id = $?"
BY_LANGUAGE = "c.language = $?"
BY_TIMEZONE = "c.timezone = $?"
_HAVING = "c.id in (select customer_id from customer_channels where account_id = $1 and deleted_datetime is null and "
BY_CHANNEL = _HAVING + "type = $? and key = $?)"
BY_CHANNEL_TYPE = _HAVING + "type = $?)"
# Without its type an address may be a telephone number or a word: the first line finds both by an index.
BY_CHANNEL_ADDRESS = (
    _HAVING
    + """key = any($?::text[])
  and key = ($?::text[])[case when type = any($?::text[]) then 1 else 2 end])"""
)

_GET = " from customers c where c.account_id = $1 and c.id = $2 and c.deleted_datetime is null"
REQUIRE = "select c.merged_into_id" + _GET
GET = "select c.merged_into_id, " + forms.FULL + "::text" + _GET
GET_DETAIL = "select c.merged_into_id, " + forms.DETAIL + "::text" + _GET
GET_WITH_FIELDS = "select c.merged_into_id, " + forms.DETAIL_WITH_FIELDS + "::text" + _GET

# The state before, for the event. Who only names the customer (`references.HOLD`) does not wait for this.
LOCK = """
select id, external_id, email, name, language, timezone, note, meta, data, merged_into_id
from customers where account_id = $1 and id = $2 and deleted_datetime is null for no key update
"""

INSERT = """
with made as (
  insert into customers (account_id, email, external_id, name, language, timezone, note, meta, data,
    created_datetime, updated_datetime)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) returning id
), addressed as (
  insert into customer_channels (account_id, customer_id, type, key, address, preferred, created_datetime,
    updated_datetime)
  select $1, made.id, type, key, address, preferred, $10, $10
  from made, unnest($11::text[], $12::text[], $13::text[], $14::bool[]) with ordinality
    as g (type, key, address, preferred, place)
  order by place
), worded as (
  insert into customer_words (account_id, word, customer_id, main)
  select $1, word, made.id, main from made, unnest($15::text[], $16::bool[]) as g (word, main)
)
select id from made
"""

UPDATE = """
update customers set email = $3, external_id = $4, name = $5, language = $6, timezone = $7, note = $8, meta = $9,
  data = $10, data_version = case when data is distinct from $10 then $11 else data_version end,
  updated_datetime = $11
where account_id = $1 and id = $2
"""

SAVE_DATA = """
with stored as (
  select data, external_data from customers where account_id = $1 and id = $2 for no key update
)
update customers c set data = $3, data_version = $4,
  external_data = case when $5::text is null then c.external_data
    else c.external_data || jsonb_build_object($5::text, $3::jsonb) end,
  updated_datetime = $6
from stored where c.account_id = $1 and c.id = $2 and (c.data_version is null or c.data_version <= $4)
returning stored.data is distinct from c.data or stored.external_data is distinct from c.external_data
"""
AT = """
select customer_id from customer_channels
where account_id = $1 and type = 'email' and key = $2 and deleted_datetime is null
"""


async def require(work: Work, customer_id: int) -> None:
    """404 unless the customer is there, 301 when merged."""
    row = await work.db.fetchrow(REQUIRE, work.account.id, customer_id)
    if row is None:
        raise errors.NotFound
    if row[0] is not None:
        raise errors.Merged(row[0])


async def at(work: Work, email: str) -> int | None:
    """The customer who has that e-mail address."""
    found: int | None = await work.db.fetchval(AT, work.account.id, addresses.email(email))
    return found


async def get(work: Work, customer_id: int, *, detail: bool = True, with_fields: bool = False) -> str:
    """The customer's wire form; `detail`: with what apps and shops know of him, `with_fields`: also with the
    definitions of his field values. 404, 301.
    """
    sql = GET_WITH_FIELDS if with_fields else GET_DETAIL if detail else GET
    row = await work.db.fetchrow(sql, work.account.id, customer_id)
    if row is None:
        raise errors.NotFound
    if row[0] is not None:
        raise errors.Merged(row[0])
    return row[1]  # type: ignore[no-any-return]


async def browse(work: Work, cursor: str = "") -> Listed:
    """Customers, the newest first."""
    statement = Statement(work.account.id)
    statement.where(LISTED)
    return await listings.browse(work, LIST, statement, NEWEST, cursor=cursor, id_column="c.id")


async def named(work: Work, word: str, field: str) -> int:
    """The customer of that number or e-mail address; 400 on `field` when there is none."""
    by_number = word.isdecimal() and len(word) < 19
    sql = OF_NUMBER if by_number else OF_EMAIL
    found = await work.db.fetchval(sql, work.account.id, int(word) if by_number else word.strip())
    if found is None:
        raise errors.one(field, errors.MISSING_OBJECT)
    return found  # type: ignore[no-any-return]


async def create(work: Work, given: Mapping[str, Any]) -> int:
    """A new customer of the fields of a body; 400, 409."""
    wanted = channels.asked(given.get("channels", ()))
    settled = channels.settle(wanted, (), given.get("email") or UNSET)
    await _unheld(work, 0, given, wanted, settled)
    with taken(given):
        return await insert(work, given, settled)


async def insert(work: Work, given: Mapping[str, Any], settled: Sequence[Channel]) -> int:
    """Store a new customer; `UniqueViolationError` when somebody else has an address of his."""
    name, email = given.get("name"), channels.email(settled)
    listed = words.rows((name, email), searched(settled))
    customer_id: int = await work.db.fetchval(
        INSERT,
        work.account.id,
        email,
        given.get("external_id") or None,
        name,
        given.get("language"),
        given.get("timezone"),
        given.get("note"),
        wire.jsonb(meta(work, given)),
        wire.jsonb(given.get("data")),
        work.now,
        *channels.columns(settled)[1:],
        *listed,
    )
    work.record("customer-created", "Customer", customer_id, {"name": name})
    return customer_id


def meta(work: Work, given: Mapping[str, Any]) -> Any:
    """The `meta` of a new customer."""
    # wire: a customer that a user made by API without a name has {"name_set_via": "agent"}
    if given.get("meta") is None and given.get("name") is None and work.actor.user_id is not None:
        return {"name_set_via": "agent"}
    return given.get("meta")


async def update(work: Work, customer_id: int, given: Mapping[str, Any]) -> None:
    """Change the fields that are given; `channels` are the whole new set. 404, 301, 400, 409."""
    changed = await change(work, await lock(work, customer_id), given)
    if changed:
        work.record("customer-updated", "Customer", customer_id, changed)


async def change(work: Work, old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a locked customer whose fields are `old`, without an event; what changed. 400, 409."""
    current = await channels.read(work, old["id"])
    settled = current
    wanted = channels.asked(given["channels"]) if "channels" in given else current
    if "channels" in given or "email" in given:
        settled = channels.settle(wanted, current, given.get("email", UNSET))
    await _unheld(work, old["id"], given, wanted, settled)
    with taken(given):
        return await write(work, old, given, current, settled)


async def lock(work: Work, customer_id: int) -> dict[str, Any]:
    """The customer's fields, kept from other writers; 404, 301."""
    row = await work.db.fetchrow(LOCK, work.account.id, customer_id)
    if row is None:
        raise errors.NotFound
    if row["merged_into_id"] is not None:
        raise errors.Merged(row["merged_into_id"])
    return state(row)


def state(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row's fields as plain values."""
    decoded = {key: msgspec.json.decode(row[key]) for key in ("meta", "data") if row.get(key) is not None}
    return {**row, **decoded}


async def write(
    work: Work,
    old: Mapping[str, Any],
    given: Mapping[str, Any],
    current: Sequence[Channel],
    settled: Sequence[Channel],
) -> dict[str, Any]:
    """Store what differs from `old` and the set `current`; what changed, as events tell it."""
    new = {key: given.get(key, old[key]) for key in FIELDS}
    new["external_id"] = new["external_id"] or None
    new["email"] = channels.email(settled)
    changed = changes.between(_comparable(old), _comparable(new), UNTOLD)
    if set(settled) != set(current):
        changed["channels"] = True
        await channels.store(work, old["id"], current, settled)
    if changed:
        await work.db.execute(
            UPDATE,
            work.account.id,
            old["id"],
            new["email"],
            *(new[key] for key in FIELDS[:5]),
            wire.jsonb(new["meta"]),
            wire.jsonb(new["data"]),
            work.now,
        )
    if changed.keys() & {"name", "email", "channels"}:
        await index(work, old["id"], new["name"], settled)
    return changed


async def index(work: Work, customer_id: int, name: str | None, settled: Sequence[Channel]) -> None:
    """Bring the words up to date by which the customer is found."""
    await words.store(work, customer_id, (name, channels.email(settled)), searched(settled))


async def save_data(work: Work, customer_id: int, data: Any, version: datetime.datetime | None) -> None:
    """Overwrite `data` unless what is stored is newer than `version`; an app's call also sets the app's own."""
    differs = await work.db.fetchval(
        SAVE_DATA,
        work.account.id,
        customer_id,
        wire.jsonb(data),
        version or work.now,
        work.actor.client_id,
        work.now,
    )
    if differs:
        work.record("customer-updated", "Customer", customer_id, {"data": True})


async def _unheld(
    work: Work,
    customer_id: int,
    given: Mapping[str, Any],
    wanted: Sequence[Channel],
    settled: Sequence[Channel],
) -> None:
    """409, with the holder's id, when somebody else has one of the new addresses or the external id."""
    fresh = [channel for channel in settled if channel.id is None]
    external_id = given.get("external_id")
    if not fresh and not external_id:
        return
    found = await channels.holders(work, customer_id, fresh, external_id)
    if not found:
        return
    places = [channel.place for channel in wanted]
    data: dict[str, Any] = {}
    for index in found:
        place = fresh[index].place if index >= 0 else None
        if place is None:
            data["external_id"] = [errors.IN_USE]
        elif place == ("email", given.get("email")):
            data["email"] = [errors.IN_USE]
        else:
            data.setdefault("channels", {})[str(places.index(place))] = {"address": [errors.IN_USE]}
    raise errors.Conflict({**data, "id": next(iter(found.values()))})


@contextmanager
def taken(given: Mapping[str, Any]) -> Iterator[None]:
    """409 when another transaction took an address or the external id a moment before."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        field = "email" if given.get("email") else "channels"
        if error.constraint_name == "customers_external_id":
            field = "external_id"
        raise errors.Conflict({field: [errors.IN_USE]}) from None


def searched(settled: Sequence[Channel]) -> list[str]:
    """What is found of addresses: as typed, and telephone numbers also as one word."""
    return [text for channel in settled for text in (channel.address, channel.key)]


def _comparable(fields: Mapping[str, Any]) -> dict[str, Any]:
    """With JSON as text, because in Python `True == 1`."""
    plain = {key: fields[key] for key in ("email", *FIELDS)}
    return plain | {key: msgspec.json.encode(plain[key], order="sorted") for key in ("meta", "data")}
