"""Customers as others name them: in a ticket, as the sender of a message, in a mail. Found by id, else e-mail, else
another address, else external id, else made. What stands beside fills or updates the customer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from msgspec import UNSET

from polus.base import addresses, errors, wire
from polus.desk import words
from polus.desk.customers import channels, customers
from polus.desk.customers.channels import Channel
from polus.store.work import Work

# One statement finds the customer of an e-mail address or makes him. The address is what two at once cannot both
# insert: the later one finds nothing and inserts nothing, and asks again.
ENSURE = """
with found as (
  select c.id, c.name, c.language, c.timezone, c.note, c.meta
  from customer_channels ch join customers c on c.account_id = ch.account_id and c.id = ch.customer_id
  where ch.account_id = $1 and ch.type = 'email' and ch.key = $2 and ch.deleted_datetime is null
    and c.merged_into_id is null and c.deleted_datetime is null
  for key share of c
), addressed as (
  insert into customer_channels (account_id, customer_id, type, address, key, preferred, created_datetime,
    updated_datetime)
  select $1, nextval('person_id'), 'email', $2, $2, true, $3, $3 where not exists (select from found)
  on conflict (account_id, type, key) where deleted_datetime is null do nothing
  returning customer_id
), made as (
  insert into customers (account_id, id, email, name, language, timezone, note, meta, created_datetime,
    updated_datetime)
  select $1, customer_id, $2, $4, $5, $6, $7, $8, $3, $3 from addressed
), worded as (
  insert into customer_words (account_id, word, customer_id, main)
  select $1, word, customer_id, true from addressed, unnest($9::text[]) as word
)
select false as made, id, name, language, timezone, note, meta from found
union all select true, customer_id, $4, $5, $6, $7, $8 from addressed
"""

MATCH = """
select ch.customer_id as id, g.place, ch.preferred from unnest($2::text[], $3::text[]) with ordinality as g (type, key, place)
join customer_channels ch on ch.account_id = $1 and ch.type = g.type and ch.key = g.key
where ch.deleted_datetime is null
union all
select id, null, null from customers where account_id = $1 and external_id = $4
order by place nulls last
"""

# Who names a customer in a row of his own waits for a merge or an erasure of him to end, and these wait for him.
HOLD = """
select id, merged_into_id, external_id, name, language, timezone, note, meta from customers
where account_id = $1 and id = $2 and deleted_datetime is null for key share
"""

# What a reference made of these alone needs: one statement.
SIMPLE = frozenset(("email", "name", "language", "timezone", "note", "meta"))
# What a reference changes of a customer that is there.
FILLED = ("name", "external_id", "note", "timezone", "language", "meta")
# How often it is looked up again when the customer that was found was merged or erased meanwhile.
ATTEMPTS = 5
# Nobody has seen this yet.
UNSETTLED = "The customer is being changed by others at this moment."


async def find_or_create(
    work: Work, ref: Mapping[str, Any], at: Sequence[str] = ("customer",), *, keep: bool = False
) -> int:
    """The id of the customer that `ref` means, held against merging and erasing until the transaction ends.

    `ref` may have id, email, phone, channels, external_id, name, note, timezone, language, meta; null and "" count as
    absent. With `keep` only what the customer lacks is filled. Addresses that somebody else has are passed over.
    400 under the path `at`: an unknown id, a wrong address. 409: an external id of somebody else.
    """
    given = {key: value for key, value in ref.items() if value not in (None, "", [])}
    if "name" in given:
        given["name"] = given["name"][: customers.NAME_LENGTH]
    try:
        if "id" not in given and "email" in given and given.keys() <= SIMPLE:
            return await _of_email(work, given, keep=keep)
        return await _of_any(work, given, keep=keep)
    except (errors.Invalid, errors.Conflict) as refusal:
        for key in reversed(at):
            refusal.data = {key: refusal.data}
        raise


async def _of_email(work: Work, given: Mapping[str, Any], *, keep: bool) -> int:
    email, name = _email(given["email"]), given.get("name")
    for _ in range(ATTEMPTS):
        row = await work.db.fetchrow(
            ENSURE,
            work.account.id,
            email,
            work.now,
            name,
            given.get("language"),
            given.get("timezone"),
            given.get("note"),
            wire.jsonb(customers.meta(work, given)),
            words.of(name, email),
        )
        if row is None:
            continue
        if row["made"]:
            work.record("customer-created", "Customer", row["id"], {"name": name})
        elif _news(customers.state(row), given, keep=keep):
            await _fill(work, row["id"], given, (), keep=keep)
        return row["id"]  # type: ignore[no-any-return]
    raise errors.Conflict(msg=UNSETTLED)


async def _of_any(work: Work, given: Mapping[str, Any], *, keep: bool) -> int:
    asked = _addresses(given)
    for _ in range(ATTEMPTS):
        rows: Sequence[Any] = ()
        if "id" not in given:
            rows = await work.db.fetch(
                MATCH,
                work.account.id,
                [channel.type for channel in asked],
                [channel.key for channel in asked],
                given.get("external_id"),
            )
        found = rows[0]["id"] if rows else given.get("id")
        if found is None:
            made = await _make(work, given, asked)
            if made is not None:
                return made
            continue
        held = await _hold(work, found)
        if held is not None:
            if not _is_known(asked, rows, held["id"]) or _news(customers.state(held), given, keep=keep):
                await _fill(work, held["id"], given, asked, keep=keep)
            return held["id"]  # type: ignore[no-any-return]
        if "id" in given:
            raise errors.one("id", errors.MISSING_OBJECT)
    raise errors.Conflict(msg=UNSETTLED)


def _is_known(asked: Sequence[Channel], rows: Sequence[Any], customer_id: int) -> bool:
    """Whether all the addresses are the customer's, preferred where that is asked for."""
    his = {row["place"]: row["preferred"] for row in rows if row["id"] == customer_id}
    return all(
        place in his and (his[place] or not channel.preferred) for place, channel in enumerate(asked, start=1)
    )


async def _hold(work: Work, customer_id: int) -> Any:
    """The customer or the one he lives on as, held; None when he is gone."""
    wanted: int | None = customer_id
    while wanted is not None:
        row = await work.db.fetchrow(HOLD, work.account.id, wanted)
        if row is None or row["merged_into_id"] is None:
            return row
        wanted = row["merged_into_id"]
    return None


def _email(text: str) -> str:
    email = addresses.email(text)
    if len(email) > addresses.EMAIL_LENGTH:
        raise errors.one("email", errors.too_long(addresses.EMAIL_LENGTH))
    return email


def _addresses(given: Mapping[str, Any]) -> list[Channel]:
    """All addresses of a reference, the e-mail first."""
    asked = channels.asked(given.get("channels", ()))
    if "phone" in given:
        asked.insert(0, channels.of("phone", given["phone"]))
    # wire: the id wins over an e-mail beside it
    if "email" in given and "id" not in given:
        asked.insert(0, channels.of("email", _email(given["email"])))
    return asked


async def _make(work: Work, given: Mapping[str, Any], asked: Sequence[Channel]) -> int | None:
    """A new customer; None when another transaction was quicker."""
    settled = channels.settle(asked, (), given.get("email") or UNSET)
    try:
        async with work.db.transaction():
            return await customers.insert(work, given, settled)
    except asyncpg.UniqueViolationError:
        return None


def _news(row: Mapping[str, Any], given: Mapping[str, Any], *, keep: bool) -> dict[str, Any]:
    """What the reference changes of the customer's fields; `meta` key by key."""
    news = {key: given[key] for key in FILLED if key in given and given[key] != row.get(key)}
    if keep:
        news = {key: value for key, value in news.items() if not row.get(key)}
    if "meta" in given:
        stored = row["meta"] if isinstance(row["meta"], dict) else {}
        joined = {**given["meta"], **stored} if keep else {**stored, **given["meta"]}
        news["meta"] = joined
        if joined == stored:
            del news["meta"]
    return news


async def _fill(
    work: Work, customer_id: int, given: Mapping[str, Any], asked: Sequence[Channel], *, keep: bool
) -> None:
    """Bring the customer up to what the reference says."""
    old = await customers.lock(work, customer_id)
    current = await channels.read(work, customer_id)
    news = _news(old, given, keep=keep)
    known = {channel.place: channel for channel in current}
    fresh = [channel for channel in asked if channel.place not in known]
    held: Mapping[int, int] = {}
    if fresh or "external_id" in news:
        held = await channels.holders(work, customer_id, fresh, news.get("external_id"))
    if -1 in held:
        raise errors.Conflict({"external_id": [errors.IN_USE], "id": held[-1]})
    fresh = [channel for index, channel in enumerate(fresh) if index not in held]
    raised = [known[c.place]._replace(preferred=True) for c in asked if c.preferred and c.place in known]
    settled = channels.settle([*current, *fresh, *raised], current) if fresh or raised else current
    with customers.taken(given):
        changed = await customers.write(work, old, news, current, settled)
    if changed:
        work.record("customer-updated", "Customer", customer_id, changed)
