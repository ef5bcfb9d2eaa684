"""Who is calling: the actor from the credentials. Found once, kept until they change; the account is `desk.hosts`'."""

import base64
import binascii

import msgspec

from polus.api import limits
from polus.base import errors
from polus.desk import credentials
from polus.store.bell import Ring
from polus.store.database import Database
from polus.store.work import Account, Actor

MOST_KEPT = 10_000


class Principal(msgspec.Struct, frozen=True):
    """An authenticated caller, and the bucket its requests are counted in."""

    actor: Actor
    bucket: str
    limit: int


class Authentication:
    """Looks credentials up and remembers them; rings of `credentials` make it forget."""

    def __init__(self, database: Database, *, rate_limit: int | None) -> None:
        self._database = database
        self._key_limit = limits.KEY_LIMIT if rate_limit is None else rate_limit
        self._principals: dict[tuple[int, bytes], Principal] = {}
        database.bell.listen(self._forget)

    def _forget(self, rings: list[Ring]) -> None:
        if any(ring[0] in ("credentials", "everything") for ring in rings):
            self._principals.clear()

    async def principal(self, account: Account, header: bytes) -> Principal:
        """Who an `Authorization` header is; 401 when nobody."""
        found = self._principals.get((account.id, header))
        if found is None or not self._database.bell.hears:
            found = await self._basic(account, header)
            if len(self._principals) >= MOST_KEPT:
                self._principals.clear()
            self._principals[account.id, header] = found
        return found

    async def _basic(self, account: Account, header: bytes) -> Principal:
        scheme, _, encoded = header.partition(b" ")
        if scheme.lower() != b"basic":
            raise errors.Unauthorized
        try:
            email, _, key = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise errors.Unauthorized from None
        if "\0" in email or not key:
            raise errors.Unauthorized
        found = await credentials.find_key(self._database, account.id, email, key)
        if found is None:
            raise errors.Unauthorized
        return Principal(
            Actor("user", found.user_id, found.role), "key:" + str(found.key_id), self._key_limit
        )
