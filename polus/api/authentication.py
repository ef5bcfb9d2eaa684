"""Who is calling: the account from the host name, the actor from the credentials. Found once, kept until they change."""

import base64
import binascii
from typing import Any

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


class UnknownAccount(Exception):
    """The host name is no account's: 404 with a plain HTML page."""


class Authentication:
    """Looks credentials up and remembers them; rings of `credentials` make it forget."""

    def __init__(self, database: Database, *, rate_limit: int | None, base_url: str) -> None:
        self._database = database
        self._key_limit = limits.KEY_LIMIT if rate_limit is None else rate_limit
        self._base_url = base_url
        self._accounts: dict[tuple[str, str], Account] = {}
        self._principals: dict[tuple[int, bytes], Principal] = {}
        database.bell.listen(self._forget)

    def _forget(self, rings: list[Ring]) -> None:
        if any(ring[0] in ("credentials", "everything") for ring in rings):
            self._accounts.clear()
            self._principals.clear()

    async def account(self, host: str, scheme: str) -> Account:
        """The account a host name means: the one of its first label, or the default one.

        An installation with one account serves it under every name. With several, an address that is no account's
        name (an IP address, localhost, the host of the base URL) means the oldest one.
        """
        found = self._accounts.get((host, scheme))
        if found is None or not self._database.bell.hears:
            found = await self._account(host, scheme)
            if len(self._accounts) < MOST_KEPT:
                self._accounts[host, scheme] = found
        return found

    async def _account(self, host: str, scheme: str) -> Account:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        label = name.split(".", 1)[0].lower()
        row = await credentials.find_account(self._database, label)
        if row is None:
            row = await credentials.default_account(self._database)
            plain = (
                label == "localhost" or name.replace(".", "").isdigit() or name.startswith("[") or not name
            )
            ours = (
                self._base_url and name == self._base_url.split("://", 1)[-1].split("/")[0].rsplit(":", 1)[0]
            )
            if row is None or not (row["accounts"] == 1 or plain or ours):
                raise UnknownAccount
        base = scheme + "://" + host if host else self._base_url
        return Account(row["id"], row["domain"], row["hash"], base)

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


def header(scope: Any, name: bytes) -> bytes:
    """The last header of that name; empty when absent."""
    value = b""
    for key, given in scope["headers"]:
        if key == name:
            value = given
    return value
