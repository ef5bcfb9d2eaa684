"""Who is calling: the actor from an API key or an app's access token. Found once, kept until it changes or is over.

Which account is called is `desk.hosts`'.
"""

import base64
import binascii
import datetime

import msgspec

from polus.api import limits
from polus.base import clock, errors
from polus.desk import credentials
from polus.desk.apps import tokens
from polus.store.bell import Ring
from polus.store.database import Database
from polus.store.work import Account, Actor

MOST_KEPT = 10_000


class Principal(msgspec.Struct, frozen=True):
    """An authenticated caller, and the bucket its requests are counted in.

    `credential` names it in the figures of usage; `window`: seconds in which the bucket runs out, None for everybody's;
    `until`: when an access token is over.
    """

    actor: Actor
    bucket: str
    limit: int
    credential: str
    window: float | None = None
    until: datetime.datetime | None = None


class Authentication:
    """Looks credentials up and remembers them; rings of `credentials` make it forget."""

    def __init__(self, database: Database, *, rate_limit: int | None) -> None:
        self._database = database
        self._key_limit = limits.KEY_LIMIT if rate_limit is None else rate_limit
        self._app_limit = limits.APP_LIMIT if rate_limit is None else rate_limit
        self._principals: dict[tuple[int, bytes], Principal] = {}
        database.bell.listen(self._forget)

    def _forget(self, rings: list[Ring]) -> None:
        if any(ring[0] in ("credentials", "everything") for ring in rings):
            self._principals.clear()

    async def principal(self, account: Account, header: bytes) -> Principal:
        """Who an `Authorization` header is; 401 when nobody."""
        found = self._principals.get((account.id, header))
        if found is None or not self._database.bell.hears or _over(found):
            found = await self._find(account, header)
            if len(self._principals) >= MOST_KEPT:
                self._principals.clear()
            self._principals[account.id, header] = found
        return found

    async def _find(self, account: Account, header: bytes) -> Principal:
        scheme, _, rest = header.partition(b" ")
        if scheme.lower() == b"basic":
            return await self._basic(account, rest.strip())
        if scheme.lower() == b"bearer":
            return await self._bearer(account, rest.strip())
        raise errors.Unauthorized

    async def _basic(self, account: Account, encoded: bytes) -> Principal:
        try:
            email, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise errors.Unauthorized from None
        if "\0" in email or not key:
            raise errors.Unauthorized
        found = await credentials.find_key(self._database, account.id, email, key)
        if found is None:
            raise errors.Unauthorized
        name = "key:" + str(found.key_id)
        actor = Actor("user", found.user_id, found.role)
        return Principal(actor, name, self._key_limit, name, _own(found.window))

    async def _bearer(self, account: Account, token: bytes) -> Principal:
        """An app, with the role of who let it in and the scopes it was given."""
        found = await tokens.find(self._database, account.id, token.decode("latin-1"), clock.now())
        if found is None:
            raise errors.Unauthorized
        actor = Actor("user", found.user_id, found.role, client_id=found.app_id, scopes=found.scopes)
        name = "app:" + found.app_id
        # An app has one bucket in each account, however many tokens it holds.
        bucket = "app:" + str(account.id) + ":" + found.app_id
        return Principal(actor, bucket, self._app_limit, name, _own(found.window), found.expires_datetime)


def _own(window: int) -> float | None:
    return None if window == limits.WINDOW else float(window)


def _over(principal: Principal) -> bool:
    return principal.until is not None and principal.until <= clock.now()
