"""What a shop puts on its pages for strangers: an integration that is found by a public key, its looks in `meta`.

What there is (chats, contact forms), what it looks like and what strangers may do with it is said by each kind.
"""

import secrets
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from polus.base import addresses, errors, wire
from polus.store.work import Work

KEY_BYTES = 12
NAME_LENGTH = 100
TEXT_LENGTH = 500
MOST_ORIGINS = 20

ADD = """
insert into integrations (account_id, type, name, meta, created_datetime, updated_datetime)
values ($1, $2, $3, $4, $5, $5) returning id
"""
# With the hours of its own, else those of the account.
_FRONT = """
select distinct on (i.id) i.id, i.name, i.meta::text as meta, i.deactivated_datetime is not null as off,
  h.data::text as hours
from integrations i left join account_settings h on h.account_id = i.account_id and h.type = 'business-hours'
  and h.id = coalesce(i.business_hours_id, h.id)
where i.account_id = $1 and i.type = $2 and i.meta ? 'key'
"""
FIND = _FRONT + " and i.meta->>'key' = $3 order by i.id, h.id"
GET = _FRONT + " and i.id = $3 order by i.id, h.id"
ALL = _FRONT + " order by i.id, h.id"
UPDATE = """
update integrations set name = $4, meta = $5, updated_datetime = $6
where account_id = $1 and type = $2 and id = $3
"""


class Looks(Protocol):
    """What an administrator chooses. `origins`: the pages that may show it; none given means all."""

    origins: list[str]


L = TypeVar("L", bound=Looks)


class Front(msgspec.Struct, Generic[L], frozen=True):
    """One of an account. `off`: strangers do not find it."""

    id: int
    name: str
    key: str
    look: L
    off: bool
    hours: str | None

    def serves(self, origin: str) -> bool:
        """Whether pages of that origin may show it; `""` is no page of another origin."""
        return not origin or not self.look.origins or origin.lower() in self.look.origins


class Kind(Generic[L]):
    """All of one type of integration, and the struct that their looks are kept in."""

    def __init__(self, type: str, look: type[L]) -> None:
        self._type = type
        self._look = look

    async def add(self, work: Work, name: str, look: L) -> int:
        """A new one; its id. Event integration-created."""
        meta = wire.encode({"key": secrets.token_hex(KEY_BYTES), **msgspec.to_builtins(look)})
        name = name.strip()[:NAME_LENGTH]
        front_id: int = await work.db.fetchval(ADD, work.account.id, self._type, name, meta, work.now)
        work.record("integration-created", "Integration", front_id, {"name": name})
        return front_id

    async def change(self, work: Work, front: Front[L], name: str, look: L) -> None:
        """Change name and looks; the key stays. Event integration-updated."""
        name = name.strip()[:NAME_LENGTH] or front.name
        meta = wire.encode({"key": front.key, **msgspec.to_builtins(look)})
        await work.db.execute(UPDATE, work.account.id, self._type, front.id, name, meta, work.now)
        work.record("integration-updated", "Integration", front.id, {"name": [front.name, name]})

    async def find(self, work: Work, key: str) -> Front[L]:
        """The one with that public key; 404 when there is none or it is off."""
        row = await work.db.fetchrow(FIND, work.account.id, self._type, key)
        if row is None or row["off"]:
            raise errors.NotFound
        return self._front(row)

    async def get(self, work: Work, front_id: int) -> Front[L]:
        """The one with that id, also when it is off; 404."""
        row = await work.db.fetchrow(GET, work.account.id, self._type, front_id)
        if row is None:
            raise errors.NotFound
        return self._front(row)

    async def all_of(self, work: Work) -> list[Front[L]]:
        """The account's, those that are off too."""
        return [self._front(row) for row in await work.db.fetch(ALL, work.account.id, self._type)]

    def _front(self, row: Any) -> Front[L]:
        meta = msgspec.json.decode(row["meta"])
        kept = {field: meta[field] for field in self._look.__struct_fields__ if field in meta}  # type: ignore[attr-defined]
        return Front(
            row["id"], row["name"], meta["key"], msgspec.convert(kept, self._look), row["off"], row["hours"]
        )


def problems(look: Looks, texts: Sequence[str]) -> dict[str, Any]:
    """What is wrong with the texts of these names and with the origins, by field."""
    found: dict[str, Any] = {
        name: [errors.too_long(TEXT_LENGTH)] for name in texts if len(getattr(look, name)) > TEXT_LENGTH
    }
    if None in map(addresses.origin, look.origins) or len(look.origins) > MOST_ORIGINS:
        found["origins"] = [f"At most {MOST_ORIGINS} addresses like https://shop.example."]
    return found


def origins(look: Looks) -> list[str]:
    """The origins in the form in which browsers tell them; only of looks without `problems`."""
    return [origin for one in look.origins if (origin := addresses.origin(one))]
