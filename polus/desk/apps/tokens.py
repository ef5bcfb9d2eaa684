"""Codes and tokens as rows, stored as SHA-256 only: looked up before `protocol` decides, written after it has.

A refusal is an answer, not an exception, so that what it takes away is committed with it.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec
from authlib.oauth2.rfc6749 import OAuth2Error

from polus.base import crypto
from polus.desk.apps import apps, connections, facts, keys, protocol
from polus.desk.apps.facts import Answer, Client, Facts, Issued, Payload, Request, User
from polus.desk.apps.protocol import Server
from polus.store.database import Database
from polus.store.work import Work

Pairs = Sequence[tuple[str, str]]

# Held for what is made of it: of two that bring one code, the second finds none.
CODE = """
select 'code' as kind, c.hash, c.app_id, c.user_id, u.name, u.email, u.email_proven_datetime is not null as email_proven, c.scopes, c.hash as code_hash, c.auth_datetime,
  c.redirect_uri, c.nonce, c.challenge
from oauth_codes c join users u on u.account_id = c.account_id and u.id = c.user_id
where c.account_id = $1 and c.hash = $2 and c.expires_datetime > $3 and u.active and u.deleted_datetime is null
for update of c
"""
ISSUED = """
select t.kind, t.hash, t.app_id, t.user_id, u.name, u.email, u.email_proven_datetime is not null as email_proven, t.scopes, t.code_hash, t.auth_datetime,
  '' as redirect_uri, null as nonce, null as challenge
from oauth_tokens t join users u on u.account_id = t.account_id and u.id = t.user_id
where t.account_id = $1 and t.hash = $2 and (t.expires_datetime is null or t.expires_datetime > $3) and u.active
  and u.deleted_datetime is null
for update of t
"""
ADD_CODE = """
insert into oauth_codes (account_id, hash, app_id, user_id, scopes, redirect_uri, nonce, challenge, auth_datetime,
  expires_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
ADD_TOKENS = """
insert into oauth_tokens (account_id, hash, kind, app_id, user_id, scopes, code_hash, auth_datetime,
  created_datetime, expires_datetime)
select $1, hash, kind, $2, $3, $4, $5, $6, $7, case when kind = 'access' then $8::timestamptz end
from unnest($9::bytea[], $10::text[]) as given (hash, kind)
"""
SPEND_CODE = "delete from oauth_codes where account_id = $1 and hash = $2"
# A code that was used is known by the tokens it became.
KILL_FAMILY = """
with gone as (delete from oauth_tokens where account_id = $1 and code_hash = $2 and app_id = $3 returning 1)
select count(*) from gone
"""
KILL_ONE = "delete from oauth_tokens where account_id = $1 and hash = $2"
BEARER = """
select t.app_id, t.user_id, t.scopes, t.expires_datetime, u.role, u.name, u.email, a.api_window,
  u.email_proven_datetime is not null as email_proven
from oauth_tokens t join users u on u.account_id = t.account_id and u.id = t.user_id join accounts a on a.id = t.account_id
where t.account_id = $1 and t.hash = $2 and t.kind = 'access' and t.expires_datetime > $3 and u.active
  and u.deleted_datetime is null
"""
REMOVE_EXPIRED = """
with codes as (delete from oauth_codes where expires_datetime < $1)
delete from oauth_tokens where expires_datetime < $1
"""


class Bearer(msgspec.Struct, frozen=True):
    """What a good access token stands for."""

    app_id: str
    user_id: int
    role: str
    name: str
    email: str
    scopes: frozenset[str]
    window: int
    expires_datetime: datetime.datetime
    email_proven: bool = False


class Asked(msgspec.Struct, frozen=True):
    """An authorize request that may be put to the user: by which app, for what, and where the answer goes."""

    client: Client
    scopes: tuple[str, ...]
    redirect_uri: str
    prompt: str


async def find(database: Database, account_id: int, token: str, now: datetime.datetime) -> Bearer | None:
    """Who calls with this access token; None when it is none of this account's, or over."""
    async with database.pool.acquire() as db:
        row = await db.fetchrow(BEARER, account_id, crypto.digest(token), now)
    if row is None:
        return None
    return Bearer(
        app_id=row["app_id"],
        user_id=row["user_id"],
        role=row["role"],
        name=row["name"],
        email=row["email"],
        scopes=frozenset(row["scopes"]),
        window=row["api_window"],
        expires_datetime=row["expires_datetime"],
        email_proven=row["email_proven"],
    )


async def client(work: Work, client_id: str) -> Client | None:
    """The app of that client id, if this account may connect it."""
    row = await apps.visible(work, client_id)
    if row is None:
        return None
    return Client(row["id"], row["name"], row["secret_hash"], tuple(row["redirect_urls"]))


# The authorize endpoint


async def ask(work: Work, pairs: Pairs, user: User | None) -> Asked | Answer:
    """What to put to the user, or what to answer at once; an answer without a location is for a page of ours."""
    request = Request("GET", pairs)
    server = Server(await _facts(work, request.payload))
    try:
        grant = server.get_consent_grant(request, user)
    except OAuth2Error as error:
        return protocol.answered(error, request.payload)
    scopes = tuple(str(request.scope).split())
    return Asked(request.client, scopes, grant.redirect_uri, request.payload.data.get("prompt", ""))


async def decide(
    work: Work, pairs: Pairs, user: User | None, auth_datetime: datetime.datetime | None = None
) -> Answer:
    """The way back to the app: with a code when the user grants what it asks for, with an error when he is None.

    The grant is stored, and the code with what it will be held against. Event app-connected.
    """
    request = Request("GET", pairs)
    server = Server(await _facts(work, request.payload))
    try:
        grant = server.get_consent_grant(request, user)
    except OAuth2Error as error:
        return protocol.answered(error, request.payload)
    answer: Answer = server.create_authorization_response(request, grant_user=user, grant=grant)
    if server.code is not None and user is not None:
        scopes = str(request.scope).split()
        await connections.grant(work, request.client.client_id, scopes)
        data = request.payload.data
        await work.db.execute(
            ADD_CODE,
            work.account.id,
            crypto.digest(server.code),
            request.client.client_id,
            user.id,
            scopes,
            grant.redirect_uri,
            data.get("nonce"),
            data.get("code_challenge"),
            auth_datetime or work.now,
            work.now + datetime.timedelta(seconds=protocol.CODE_SECONDS),
        )
    return answer


def refused(pairs: Pairs, asked: Asked, error: str, description: str) -> Answer:
    """The way back with an error of ours; `asked` has shown that the way is safe."""
    found = OAuth2Error(description, error=error, redirect_uri=asked.redirect_uri)
    return protocol.answered(found, Payload(pairs))


# The token endpoint


async def exchange(work: Work, pairs: Pairs, authorization: str = "") -> Answer:
    """Tokens for a code or a refresh token. A code that was used before takes its tokens with it: event app-code-reused."""
    request = Request("POST", pairs, authorization)
    data = request.payload.data
    found = None
    if data.get("grant_type") == "authorization_code":
        found = await _issued(work, CODE, data.get("code"))
    elif data.get("grant_type") == "refresh_token":
        found = await _issued(work, ISSUED, data.get("refresh_token"))
    told = await _facts(work, request.payload, authorization, found, sign=found is not None)
    server = Server(told)
    answer: Answer = server.create_token_response(request)
    if server.made is not None and server.basis is not None:
        await _store(work, server.made, server.basis)
        if server.spent is not None:
            await work.db.execute(SPEND_CODE, work.account.id, server.spent.hash)
    elif found is None and data.get("code") and request.auth_method and told.client:
        await _kill_family(work, told.client, crypto.digest(data["code"]))
    return answer


async def revoke(work: Work, pairs: Pairs, authorization: str = "") -> Answer:
    """End a token; a refresh token takes along all that was made from the same code."""
    request = Request("POST", pairs, authorization)
    found = await _issued(work, ISSUED, request.payload.data.get("token"))
    server = Server(await _facts(work, request.payload, authorization, found))
    answer: Answer = server.create_endpoint_response("revocation", request)
    if server.spent is not None:
        if server.spent.kind == "refresh":
            await work.db.fetchval(
                KILL_FAMILY, work.account.id, server.spent.code_hash, server.spent.client_id
            )
        else:
            await work.db.execute(KILL_ONE, work.account.id, server.spent.hash)
        work.ring("credentials", work.account.id)
    return answer


async def remove_expired(db: Any, now: datetime.datetime) -> int:
    """Forget codes and tokens that are over. 0: nothing is left to do."""
    await db.execute(REMOVE_EXPIRED, now)
    return 0


async def _facts(
    work: Work, payload: Payload, authorization: str = "", issued: Issued | None = None, *, sign: bool = False
) -> Facts:
    """What the protocol will want to know. Keys are only read where something is to be signed."""
    basic, _ = facts.basic(authorization)
    return Facts(
        issuer=work.account.base_url,
        account_id=work.account.id,
        now=work.now,
        keys=await keys.current(work.db, work.database.vault, work.now) if sign else None,
        client=await client(work, basic or payload.client_id or ""),
        issued=issued,
    )


async def _issued(work: Work, statement: str, secret: str | None) -> Issued | None:
    if not secret:
        return None
    row = await work.db.fetchrow(statement, work.account.id, crypto.digest(secret), work.now)
    if row is None:
        return None
    return Issued(
        kind=row["kind"],
        hash=row["hash"],
        client_id=row["app_id"],
        user=User(row["user_id"], row["name"], row["email"], row["email_proven"]),
        scopes=tuple(row["scopes"]),
        code_hash=row["code_hash"],
        auth_datetime=row["auth_datetime"],
        redirect_uri=row["redirect_uri"],
        nonce=row["nonce"],
        code_challenge=row["challenge"],
    )


async def _store(work: Work, made: dict[str, Any], basis: Issued) -> None:
    given = [
        (name, kind)
        for name, kind in (("access_token", "access"), ("refresh_token", "refresh"))
        if name in made
    ]
    await work.db.execute(
        ADD_TOKENS,
        work.account.id,
        basis.client_id,
        basis.user.id,
        made["scope"].split(),
        basis.code_hash,
        basis.auth_datetime,
        work.now,
        work.now + datetime.timedelta(seconds=protocol.TOKEN_SECONDS),
        [crypto.digest(made[name]) for name, _ in given],
        [kind for _, kind in given],
    )


async def _kill_family(work: Work, client: Client, code_hash: bytes) -> None:
    if await work.db.fetchval(KILL_FAMILY, work.account.id, code_hash, client.client_id):
        work.ring("credentials", work.account.id)
        apps.tell(work, "app-code-reused", {"app_id": client.client_id, "name": client.name})
