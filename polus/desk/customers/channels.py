"""The addresses of customers. An address of a type belongs to one customer; e-mail is compared without case,
telephone numbers by their digits.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from polus.base import addresses, errors
from polus.store.work import Work

# Addresses of these types are telephone numbers.
PHONES = ("phone", "sms", "whatsapp")
ADDRESS_LENGTH = 512
MOST = 100

READ = """
select id, type, address, key, preferred from customer_channels
where account_id = $1 and customer_id = $2 and deleted_datetime is null order by id
"""

# Who else has one of these addresses, with its place in the list; or the external id (place 0).
HOLDERS = """
select g.place, ch.customer_id from unnest($3::text[], $4::text[]) with ordinality as g (type, key, place)
join customer_channels ch on ch.account_id = $1 and ch.type = g.type and ch.key = g.key
where ch.deleted_datetime is null and ch.customer_id <> $2
union all
select 0, id from customers where account_id = $1 and external_id = $5 and id <> $2
order by 1
"""

# Before `PUT`: at most one channel of a type is preferred at any moment.
DROP = """
update customer_channels set preferred = false, updated_datetime = $5,
  deleted_datetime = case when id = any($3::bigint[]) then $5::timestamptz end
where account_id = $1 and customer_id = $2 and id = any($3::bigint[] || $4::bigint[]) and deleted_datetime is null
"""

PUT = """
with changed as (
  update customer_channels ch set address = g.address, preferred = g.preferred, updated_datetime = $8
  from unnest($3::bigint[], $4::text[], $6::text[], $7::bool[]) as g (id, type, address, preferred)
  where ch.account_id = $1 and ch.id = g.id
)
insert into customer_channels (account_id, customer_id, type, address, key, preferred, created_datetime,
  updated_datetime)
select $1, $2, type, address, key, preferred, $8, $8
from unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::bool[]) with ordinality
  as g (id, type, key, address, preferred, place)
where id is null order by place
"""


class Channel(NamedTuple):
    """One address; `id` is None until it is stored. In what a body asks for, `preferred` means: said so."""

    type: str
    key: str
    address: str
    preferred: bool
    id: int | None = None

    @property
    def place(self) -> tuple[str, str]:
        """What makes it the same address as another."""
        return self.type, self.key


def of(kind: str, address: str, *, preferred: bool = False) -> Channel:
    """The channel of an address as it was typed."""
    address = addresses.email(address) if kind == "email" else address.strip()
    key = (addresses.phone(address) if kind in PHONES else "") or address.lower()
    return Channel(kind, key, address, preferred)


def asked(given: Iterable[Mapping[str, Any]]) -> list[Channel]:
    """The channels that a body lists, one for each item; 400 on `channels`."""
    wanted, problems = [], {}
    for place, item in enumerate(given):
        channel = of(item["type"], item["address"], preferred=bool(item.get("preferred")))
        problem = _problem(channel)
        if problem:
            problems[str(place)] = {"address": [problem]}
        wanted.append(channel)
    if problems:
        raise errors.Invalid({"channels": problems})
    return wanted


def _problem(channel: Channel) -> str | None:
    if not channel.key:
        return errors.too_short(1)
    if len(channel.address) > ADDRESS_LENGTH:
        return errors.too_long(ADDRESS_LENGTH)
    if channel.type == "email" and not addresses.is_email(channel.address):
        return errors.NOT_EMAIL
    return None


def settle(
    wanted: Sequence[Channel], current: Sequence[Channel] = (), main: str | None | UnsetType = UNSET
) -> list[Channel]:
    """The set that comes of `wanted`: each address once, with the ids of `current`, one preferred of each type.

    Preferred is the last that says so, else the one that was, else the first of its type. `main`, the `email` of a
    body, is in the set and preferred; None takes the preferred e-mail address away, and no other takes its place.
    """
    known = {channel.place: channel.id for channel in current}
    kept = {channel.place: channel._replace(id=known.get(channel.place)) for channel in wanted}
    chosen = {channel.type: channel.place for channel in wanted if channel.preferred}
    if isinstance(main, str):
        first = of("email", main)
        kept = {first.place: first._replace(id=known.get(first.place)), **kept}
        # A body that was read, changed and sent back repeats `email`: there the flags say what is new.
        if "email" not in chosen or first.address != email(current):
            chosen["email"] = first.place
    for channel in current:
        if channel.preferred and channel.place in kept:
            chosen.setdefault(channel.type, channel.place)
    for channel in kept.values():
        if main is not None or channel.type != "email":
            chosen.setdefault(channel.type, channel.place)
    if main is None and "email" in chosen:
        del kept[chosen.pop("email")]
    return [
        channel._replace(preferred=chosen.get(channel.type) == channel.place) for channel in kept.values()
    ]


def email(settled: Iterable[Channel]) -> str | None:
    """The address that is the customer's `email`."""
    return next((c.address for c in settled if c.type == "email" and c.preferred), None)


async def read(work: Work, customer_id: int) -> list[Channel]:
    """The customer's addresses, oldest first."""
    rows = await work.db.fetch(READ, work.account.id, customer_id)
    return [Channel(r["type"], r["key"], r["address"], r["preferred"], r["id"]) for r in rows]


async def holders(
    work: Work, customer_id: int, wanted: Sequence[Channel], external_id: str | None
) -> dict[int, int]:
    """Who but the customer has these: place in `wanted` → id; the holder of the external id under -1."""
    rows = await work.db.fetch(
        HOLDERS,
        work.account.id,
        customer_id,
        [channel.type for channel in wanted],
        [channel.key for channel in wanted],
        external_id,
    )
    return {row[0] - 1: row[1] for row in rows}


async def store(work: Work, customer_id: int, current: Sequence[Channel], settled: Sequence[Channel]) -> None:
    """Turn the set `current` into `settled`; removed addresses are free for others."""
    now = {channel.id: channel for channel in settled}
    gone = [channel.id for channel in current if channel.id not in now]
    left = [(channel, now[channel.id]) for channel in current if channel.id in now]
    lowered = [old.id for old, new in left if old.preferred and not new.preferred]
    if gone or lowered:
        await work.db.execute(DROP, work.account.id, customer_id, gone, lowered, work.now)
    stored = {
        channel._replace(preferred=channel.preferred and channel.id not in lowered) for channel, _ in left
    }
    put = [channel for channel in settled if channel not in stored]
    if put:
        await work.db.execute(PUT, work.account.id, customer_id, *columns(put), work.now)


def columns(channels: Sequence[Channel]) -> tuple[list[Any], ...]:
    """Ids, types, keys, addresses and flags, for `unnest`."""
    return (
        [channel.id for channel in channels],
        [channel.type for channel in channels],
        [channel.key for channel in channels],
        [channel.address for channel in channels],
        [channel.preferred for channel in channels],
    )
