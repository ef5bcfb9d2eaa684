"""Visitors of a chat: known by a token that only their browser has, and by what they or the shop's server say of them.

What a visitor says of himself proves nothing: it names the customer of his own words and shows him nothing of others.
"""

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import addresses, crypto, errors, text
from polus.channels.chat.chats import Chat
from polus.store import buckets
from polus.store.work import Work

NAME_LENGTH = 100
PAGE_LENGTH = 2000
EXTERNAL_ID_LENGTH = 255
# How often: new visitors from one address per minute, words of one visitor per minute.
MOST_NEW = 20
MOST_LINES = 30
MINUTE = 60.0
# Bytes of files that may come from one address in an hour.
MOST_BYTES = 200 * 1024 * 1024
HOUR = 3600.0
LIFE = datetime.timedelta(days=180)
"""A visitor who was not seen for so long is forgotten; his ticket stays."""

ADD = """
insert into chat_visitors (account_id, integration_id, token, created_datetime, seen_datetime)
values ($1, $2, $3, $4, $4) returning id
"""
_VISITOR = """
select v.id, v.integration_id, v.name, v.email, v.external_id, v.vouched, v.ticket_id, v.page, v.read_line
from chat_visitors v where v.account_id = $1 and v.token = $2 and v.integration_id = $3
"""
FIND = _VISITOR
LOCK = _VISITOR + " for update"
PERSON = """
update chat_visitors set name = $3, email = $4, external_id = $5, vouched = $6 where account_id = $1 and id = $2
"""
RENEW = "update chat_visitors set token = $3 where account_id = $1 and id = $2"
SEEN = "update chat_visitors set seen_datetime = $3 where account_id = $1 and id = $2"
REMOVE_OLD = """
delete from chat_visitors where (account_id, id) in (
  select account_id, id from chat_visitors where seen_datetime < $1::timestamptz - $2::interval
  limit $3 for update skip locked
) returning id
"""


class Visitor(msgspec.Struct, frozen=True):
    """Who talks. `vouched`: name, address and id are the shop's word, not his own."""

    id: int
    chat_id: int
    name: str | None
    email: str | None
    external_id: str | None
    vouched: bool
    ticket_id: int | None
    page: str | None
    read_line: int

    @property
    def address(self) -> str:
        """What he is known by on this channel."""
        return f"visitor-{self.id}"

    @property
    def reference(self) -> dict[str, Any]:
        """The customer that his words come from; see `desk.customers.references`."""
        return {
            "name": self.name or "",
            "email": self.email or "",
            "external_id": self.external_id if self.vouched else "",
            "channels": [{"type": "chat", "address": self.address, "preferred": True}],
        }

    def shown(self) -> dict[str, Any]:
        """What his browser is told of him."""
        return {"name": self.name, "email": self.email, "vouched": self.vouched}


class TooMany(errors.Refusal):
    """429."""

    status = 429

    def __init__(self) -> None:
        super().__init__("Too many messages. Wait a minute.", {"retry_after": int(MINUTE)})


async def add(work: Work, chat: Chat, origin: str) -> tuple[str, Visitor]:
    """A new visitor and the token that his browser keeps. 429 when too many come from `origin`."""
    await _count(work, f"chat visitors {work.account.id} {origin}", MOST_NEW)
    token = crypto.new_token()
    visitor_id = await work.db.fetchval(ADD, work.account.id, chat.id, crypto.digest(token), work.now)
    return token, Visitor(visitor_id, chat.id, None, None, None, False, None, None, 0)


async def find(work: Work, chat: Chat, token: str) -> Visitor:
    """Whose token it is; 401 when it is nobody's in this chat."""
    return await _read(work, FIND, chat, token)


async def lock(work: Work, chat: Chat, token: str) -> Visitor:
    """The same, and nobody else changes him or his chat until the transaction ends."""
    return await _read(work, LOCK, chat, token)


async def _read(work: Work, statement: str, chat: Chat, token: str) -> Visitor:
    row = await work.db.fetchrow(statement, work.account.id, crypto.digest(token), chat.id)
    if row is None:
        raise errors.Unauthorized
    return Visitor(*row)


async def count_line(work: Work, visitor: Visitor) -> None:
    """429 when he says too much."""
    await _count(work, f"chat lines {work.account.id} {visitor.id}", MOST_LINES)


async def count_file(work: Work, origin: str, size: int) -> None:
    """429 when too much comes from one address: who fills the disk makes himself new visitors."""
    key = f"chat bytes {work.account.id} {origin}"
    if await buckets.fill(work.db, key, size, MOST_BYTES, HOUR) is None:
        raise TooMany


async def _count(work: Work, key: str, most: int) -> None:
    if not await buckets.take(work.db, key, most, MINUTE):
        raise TooMany


async def name(work: Work, visitor: Visitor, given: Mapping[str, Any], *, vouched: bool) -> Visitor:
    """Who he says he is, or with `vouched` the shop says; 400 on `email`. His own word never replaces the shop's."""
    if visitor.vouched and not vouched:
        return visitor
    email, problem = _email(given.get("email"))
    if problem:
        raise errors.one("email", "Not a valid email address.")
    named = msgspec.structs.replace(
        visitor,
        name=_plain(given.get("name"), NAME_LENGTH) or visitor.name,
        email=email or visitor.email,
        external_id=_plain(given.get("external_id"), EXTERNAL_ID_LENGTH) if vouched else visitor.external_id,
        vouched=vouched,
    )
    if named != visitor:
        await work.db.execute(
            PERSON, work.account.id, visitor.id, named.name, named.email, named.external_id, vouched
        )
    return named


def _email(given: Any) -> tuple[str | None, bool]:
    """The address, and whether what was given is none."""
    plain = _plain(given, 320)
    if not plain:
        return None, False
    return (plain.lower(), False) if addresses.is_email(plain) else (None, True)


def _plain(given: Any, length: int) -> str | None:
    """One line of text; None when it is empty or not text."""
    said = " ".join(text.clean(given).split())[:length] if isinstance(given, str) else ""
    return said or None


async def leave(work: Work, visitor: Visitor) -> None:
    """His token opens nothing any more; what he said stays."""
    await work.db.execute(RENEW, work.account.id, visitor.id, crypto.digest(crypto.new_token()))
    work.ring("chat-left", work.account.id, visitor.id)


async def seen(work: Work, visitor: Visitor) -> None:
    """He is here now."""
    await work.db.execute(SEEN, work.account.id, visitor.id, work.now)


async def remove_old(db: Any, now: Any, batch: int = 500) -> int:
    """Forget visitors of all accounts that were not seen for half a year; how many. 0: none is left."""
    return len(await db.fetch(REMOVE_OLD, now, LIFE, batch))
