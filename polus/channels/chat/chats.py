"""A chat that a shop puts on its pages: made, found by the public key its pages name, and what the pages may know.

Visitors and what they say are left to `visitors` and `lines`.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from polus.base import addresses, crypto, errors, wire
from polus.desk import business_hours
from polus.store.database import Database
from polus.store.work import Work

# wire: the type that the reference's lists name for chats
TYPE = "gorgias_chat"
KEY_BYTES = 12
NAME_LENGTH = 100
TEXT_LENGTH = 500
MOST_ORIGINS = 20
COLOUR = r"^#[0-9a-fA-F]{6}$"

ADD = """
insert into integrations (account_id, type, name, meta, created_datetime, updated_datetime)
values ($1, 'gorgias_chat', $2, $3, $4, $4) returning id
"""
# With the hours of the chat, else those of the account.
_CHAT = """
select i.id, i.name, i.meta::text as meta, i.deactivated_datetime is not null as off, h.data::text as hours
from integrations i left join account_settings h on h.account_id = i.account_id and h.type = 'business-hours'
  and h.id = coalesce(i.business_hours_id, h.id)
where i.account_id = $1 and i.type = 'gorgias_chat'
"""
FIND = _CHAT + " and i.meta->>'key' = $2 order by h.id limit 1"
GET = _CHAT + " and i.id = $2 order by h.id limit 1"
ALL = _CHAT + " order by i.id, h.id"
UPDATE = """
update integrations set name = $3, meta = $4, updated_datetime = $5
where account_id = $1 and id = $2 and type = 'gorgias_chat'
"""


class Look(msgspec.Struct, kw_only=True):
    """What an administrator chooses. `origins`: the pages that may show the chat; none given means all.

    Texts that are empty are the widget's own, in the visitor's language.
    """

    title: str = ""
    greeting: str = ""
    away: str = ""
    colour: str = "#2f5bea"
    side: Literal["left", "right"] = "right"
    ask_email: Literal["first", "later", "never"] = "later"
    origins: list[str] = []


class Chat(msgspec.Struct, frozen=True):
    """One chat of an account."""

    id: int
    name: str
    key: str
    look: Look
    off: bool
    hours: str | None

    def is_open(self, now: Any) -> bool:
        """Whether agents are there, by the business hours; without any always."""
        given = business_hours.parsed(msgspec.json.decode(self.hours or "{}"))
        return given is None or not given.spans or given.contains(now)

    def serves(self, origin: str) -> bool:
        """Whether pages of that origin may talk to it; `""` is no browser's page of another origin."""
        return not origin or not self.look.origins or origin.lower() in self.look.origins


async def add(work: Work, name: str, look: Look | None = None) -> int:
    """A new chat; its id. 400 on its looks. Event integration-created."""
    name = name.strip()[:NAME_LENGTH] or "Chat"
    meta = {"key": secrets.token_hex(KEY_BYTES), **msgspec.to_builtins(checked(look or Look()))}
    chat_id: int = await work.db.fetchval(ADD, work.account.id, name, wire.encode(meta), work.now)
    work.record("integration-created", "Integration", chat_id, {"name": name})
    return chat_id


async def change(work: Work, chat: Chat, name: str, look: Look) -> None:
    """Change the name and looks. 400. Event integration-updated."""
    name = name.strip()[:NAME_LENGTH] or chat.name
    meta = {"key": chat.key, **msgspec.to_builtins(checked(look))}
    await work.db.execute(UPDATE, work.account.id, chat.id, name, wire.encode(meta), work.now)
    work.record("integration-updated", "Integration", chat.id, {"name": [chat.name, name]})


def checked(look: Look) -> Look:
    """The looks with origins in their plain form; 400 on the fields that are wrong."""
    problems: dict[str, Any] = {}
    for name in ("title", "greeting", "away"):
        if len(getattr(look, name)) > TEXT_LENGTH:
            problems[name] = [f"Longer than {TEXT_LENGTH} characters."]
    if len(look.colour) != 7 or look.colour[0] != "#" or not is_hexadecimal(look.colour[1:]):
        problems["colour"] = ["Must be a colour like #2f5bea."]
    origins = [addresses.origin(one) for one in look.origins if one.strip()]
    if None in origins or len(origins) > MOST_ORIGINS:
        problems["origins"] = [f"At most {MOST_ORIGINS} addresses like https://shop.example."]
    if problems:
        raise errors.Invalid(problems)
    return msgspec.structs.replace(look, origins=[one for one in origins if one])


def is_hexadecimal(text: str) -> bool:
    """Whether all characters are hexadecimal digits."""
    return all(letter in "0123456789abcdefABCDEF" for letter in text)


async def find(work: Work, key: str) -> Chat:
    """The chat of a public key; 404 when there is none or it is off."""
    row = await work.db.fetchrow(FIND, work.account.id, key)
    if row is None or row["off"]:
        raise errors.NotFound
    return _chat(row)


async def get(work: Work, chat_id: int) -> Chat:
    """The chat, also when it is off; 404."""
    row = await work.db.fetchrow(GET, work.account.id, chat_id)
    if row is None:
        raise errors.NotFound
    return _chat(row)


async def all_of(work: Work) -> list[Chat]:
    """The account's chats, those that are off too."""
    found: dict[int, Chat] = {}
    for row in await work.db.fetch(ALL, work.account.id):
        found.setdefault(row["id"], _chat(row))
    return list(found.values())


def _chat(row: Any) -> Chat:
    meta = msgspec.json.decode(row["meta"])
    look = msgspec.convert({name: meta[name] for name in Look.__struct_fields__ if name in meta}, Look)
    return Chat(row["id"], row["name"], meta["key"], look, row["off"], row["hours"])


def shown(chat: Chat, now: Any) -> dict[str, Any]:
    """What every page that shows the chat is told."""
    look = msgspec.to_builtins(chat.look)
    del look["origins"]
    return {"name": chat.name, "open": chat.is_open(now), **look}


def secret(database: Database, account_id: int, chat: Chat) -> str:
    """With what the shop's server signs who its customer is. Derived, so it is stored nowhere."""
    return crypto.derived(database.secret_key, f"chat identity {account_id} {chat.id} {chat.key}")


def vouched(database: Database, account_id: int, chat: Chat, token: str) -> Mapping[str, Any]:
    """What the shop's server says of its customer in a JSON Web Token (HS256); 400 on `identity` when it is not good.

    Claims: `email`, `name`, `external_id`, and `exp`, which must be there: an old page's token must not work for ever.
    """
    key = OctKey.import_key(secret(database, account_id, chat))
    try:
        claims = jwt.decode(token, key, algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(claims)
    except (JoseError, ValueError, TypeError):
        raise errors.one("identity", "Not a valid token of this chat.") from None
    return claims
