"""Access tokens for mail servers that want OAuth2: refreshed at the token endpoint, kept sealed until they expire.

Of several processes that need a new one, one asks; the others wait for what it wrote down.
"""

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from polus.base import clock, wire
from polus.channels.email.troubles import Trouble
from polus.channels.openid import grants, providers
from polus.channels.openid.grants import Client, Tokens
from polus.channels.openid.providers import Failure
from polus.desk import mail_servers, registrations
from polus.desk.mail_servers import Server
from polus.store.database import Database

EARLY = datetime.timedelta(seconds=60)  # a token is renewed before it ends
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


def until(tokens: Tokens) -> datetime.datetime:
    """When a token that was given just now is renewed."""
    return clock.now() + datetime.timedelta(seconds=tokens.lasts) - EARLY


async def _refreshed(database: Database, key: Key, server: Server, row: Any) -> str:
    try:
        # As it is now: another process may have been given a new refresh token since `server` was read.
        if server.login.provider and row["secret"] is None:
            raise Trouble("not-connected")
        secret = msgspec.json.decode(_opened(database, key, row["secret"] or "", server), type=dict[str, str])
        tokens = await _ask(database, server, secret)
    except BaseException:
        async with database.pool.acquire() as db:
            await db.execute(LET_GO, *key)
        raise
    if tokens.refresh_token:
        secret["refresh_token"] = tokens.refresh_token
    place, vault = mail_servers.place(*key), database.vault
    sealed = (vault.seal(wire.encode(secret), place), vault.seal(tokens.access_token, place))
    async with database.pool.acquire() as db:
        await db.execute(WRITE, *key, *sealed, until(tokens), row["updated_datetime"])
    return tokens.access_token


async def _ask(database: Database, server: Server, secret: dict[str, str]) -> Tokens:
    client = Client(secret.get("client_id", ""), secret.get("client_secret", ""))
    if server.login.provider:
        async with database.pool.acquire() as db:
            found = await registrations.find(db, database, server.account_id, server.login.provider)
        if found is None:
            raise Trouble("not-registered")
        client = Client(found.client_id, found.client_secret, secret.get("method", providers.POST))
    fields = {
        "grant_type": "refresh_token",
        "scope": server.login.scope,
        "refresh_token": secret.get("refresh_token", ""),
    }
    try:
        return await grants.ask(server.login.token_url, client, fields, database.allowed)
    except Failure as failure:
        raise trouble(failure) from None


def trouble(failure: Failure) -> Trouble:
    """What a provider's failure means for a mailbox."""
    return Trouble(failure.code, host=failure.host, said=failure.said)


def _opened(database: Database, key: Key, sealed: str, server: Server) -> str:
    try:
        return database.vault.open(sealed, mail_servers.place(*key))
    except ValueError:
        raise Trouble("secret-unreadable", host=server.host) from None


def _host(server: Server) -> str:
    return providers.host_of(server.login.token_url)
