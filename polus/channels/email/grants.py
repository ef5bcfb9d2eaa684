"""Access tokens for mail servers that want OAuth2: refreshed at the token endpoint, kept sealed until they expire.

Of several processes that need a new one, one asks; the others wait for what it wrote down.
"""

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from polus.base import clock, wire
from polus.channels import outgoing
from polus.channels.email.troubles import Trouble
from polus.channels.outgoing import Answered, Call
from polus.desk import mail_servers
from polus.desk.mail_servers import Server
from polus.store.database import Database

SECONDS = 10.0
MOST_ANSWER = 65536  # bytes; some tokens are long
EARLY = datetime.timedelta(seconds=60)  # a token is renewed before it ends
SHORTEST = 60  # seconds that a token without `expires_in` is used
TURN = 15.0  # seconds that one process has to ask; whoever died meanwhile holds nobody up for longer
AGAIN = 0.3

KEPT = """
select secret, access_token, access_until, updated_datetime from mail_servers
where account_id = $1 and integration_id = $2 and way = $3
"""
TURN_TAKEN = """
update mail_servers set refreshing_until = now() + make_interval(secs => $4)
where account_id = $1 and integration_id = $2 and way = $3
  and (refreshing_until is null or refreshing_until < now()) returning 1
"""
# Not over settings that were changed meanwhile.
WRITE = """
update mail_servers set secret = $4, access_token = $5, access_until = $6, refreshing_until = null
where account_id = $1 and integration_id = $2 and way = $3 and updated_datetime = $7
"""
LET_GO = """
update mail_servers set refreshing_until = null where account_id = $1 and integration_id = $2 and way = $3
"""
FORGET = """
update mail_servers set access_token = null, access_until = null
where account_id = $1 and integration_id = $2 and way = $3
"""

Key = tuple[int, int, str]


class Grant(msgspec.Struct, frozen=True):
    """What the endpoint answered. A new refresh token replaces the one that was used."""

    access_token: str
    expires_in: int | float | str | None = None
    refresh_token: str | None = None


async def log_in(database: Database, server: Server, attempt: Callable[[str], Awaitable[object]]) -> None:
    """Have somebody log in with a token; once more with a new one, when the server takes the first no more before its
    time. Raises Trouble, as `attempt` does.
    """
    for last in (False, True):
        token = await access_token(database, server)
        try:
            await attempt(token)
        except Trouble as trouble:
            if trouble.code == "login-refused":
                await forget(database, server)
            if trouble.code != "login-refused" or last:
                raise
        else:
            return


async def access_token(database: Database, server: Server) -> str:
    """A token that is good for now. Raises Trouble."""
    key = (server.account_id, server.integration_id, server.login.way)
    for _ in range(int(2 * TURN / AGAIN)):
        async with database.pool.acquire() as db:
            row = await db.fetchrow(KEPT, *key)
            if row is None:
                raise Trouble("grant-refused", host=_host(server), said="the settings are gone")
            if row["access_token"] and row["access_until"] > clock.now():
                return _opened(database, key, row["access_token"], server)
            mine = await db.fetchval(TURN_TAKEN, *key, TURN)
        if mine:
            return await _refreshed(database, key, server, row)
        await asyncio.sleep(AGAIN)
    raise Trouble("grant-silent", host=_host(server), said="it takes too long")


async def forget(database: Database, server: Server) -> None:
    """The token is not used again."""
    async with database.pool.acquire() as db:
        await db.execute(FORGET, server.account_id, server.integration_id, server.login.way)


async def _refreshed(database: Database, key: Key, server: Server, row: Any) -> str:
    try:
        # As it is now: another process may have been given a new refresh token since `server` was read.
        secret = msgspec.json.decode(_opened(database, key, row["secret"] or "", server), type=dict[str, str])
        grant = await _ask(database, server, secret)
    except BaseException:
        async with database.pool.acquire() as db:
            await db.execute(LET_GO, *key)
        raise
    until = clock.now() + datetime.timedelta(seconds=_lasts(grant)) - EARLY
    if grant.refresh_token:
        secret["refresh_token"] = grant.refresh_token
    place, vault = mail_servers.place(*key), database.vault
    sealed = (vault.seal(wire.encode(secret), place), vault.seal(grant.access_token, place))
    async with database.pool.acquire() as db:
        await db.execute(WRITE, *key, *sealed, until, row["updated_datetime"])
    return grant.access_token


async def _ask(database: Database, server: Server, secret: dict[str, str]) -> Grant:
    fields = {"grant_type": "refresh_token", "scope": server.login.scope, **secret}
    call = Call(
        method="POST",
        url=server.login.token_url,
        headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
        body=urlencode({name: value for name, value in fields.items() if value}).encode(),
    )
    try:
        answer = await outgoing.send(call, database.allowed, seconds=SECONDS, most=MOST_ANSWER)
    except outgoing.Failed as failed:
        raise Trouble("grant-silent", host=_host(server), said=failed) from None
    if answer.status >= 500 or answer.status == 429:
        raise Trouble("grant-silent", host=_host(server), said=f"it answered {answer.status}")
    try:
        if answer.good:
            return msgspec.json.decode(answer.body, type=Grant)
    except msgspec.DecodeError:
        pass
    raise Trouble("grant-refused", host=_host(server), said=_said(answer))


def _said(answer: Answered) -> str:
    """The error as RFC 6749 writes it; nothing else of an answer, which may hold anything, is shown."""
    try:
        told = msgspec.json.decode(answer.body, type=dict[str, Any])
    except msgspec.DecodeError:
        told = {}
    words = [told.get("error"), told.get("error_description")]
    return ": ".join(word for word in words if isinstance(word, str)) or f"it answered {answer.status}"


def _lasts(grant: Grant) -> float:
    try:
        return max(float(grant.expires_in or 0), EARLY.total_seconds() + SHORTEST)
    except ValueError:
        return EARLY.total_seconds() + SHORTEST


def _opened(database: Database, key: Key, sealed: str, server: Server) -> str:
    try:
        return database.vault.open(sealed, mail_servers.place(*key))
    except ValueError:
        raise Trouble("secret-unreadable", host=server.host) from None


def _host(server: Server) -> str:
    return urlsplit(server.login.token_url).hostname or server.login.token_url
