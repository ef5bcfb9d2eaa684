"""Which account a host name means, looked up once and kept until credentials ring. Doors ask first thing."""

from polus.desk import accounts, credentials
from polus.store.bell import Ring
from polus.store.database import Database
from polus.store.work import Account

MOST_KEPT = 10_000


class UnknownAccount(Exception):
    """The host name is no account's: 404 with a plain HTML page."""


class Hosts:
    """The accounts of one installation by host name. `base_url` is the installation's own address, if it has one."""

    def __init__(self, database: Database, base_url: str = "") -> None:
        self._database = database
        self._base_url = base_url
        self._own = _name(base_url.split("://", 1)[-1].split("/")[0])
        self._accounts: dict[tuple[str, str], Account] = {}
        database.bell.listen(self._forget)

    def _forget(self, rings: list[Ring]) -> None:
        if any(ring[0] in ("credentials", "everything") for ring in rings):
            self._accounts.clear()

    async def account(self, host: str, scheme: str) -> Account:
        """The account of the host's first label, or the default one; raises UnknownAccount.

        An installation with one account serves it under every name. With several, an address that is no account's
        name (an IP address, localhost, the host of the base URL) means the oldest one.
        """
        scheme = self._scheme(host, scheme)
        found = self._accounts.get((host, scheme))
        if found is None or not self._database.bell.hears:
            found = await self._find(host, scheme)
            if len(self._accounts) < MOST_KEPT:
                self._accounts[host, scheme] = found
        return found

    def _scheme(self, host: str, scheme: str) -> str:
        """The base URL's for its host and those below it: a proxy that ends TLS may stand where we cannot know it."""
        if not self._base_url.startswith("https://"):
            return scheme
        return "https" if ("." + _name(host)).endswith("." + self._own) else scheme

    async def _find(self, host: str, scheme: str) -> Account:
        name = _name(host)
        label = name.split(".", 1)[0].lower()
        row = await credentials.find_account(self._database, label)
        if row is None:
            row = await credentials.default_account(self._database)
            if row is None or not (row["accounts"] == 1 or self._is_ours(name, label)):
                raise UnknownAccount
        base = scheme + "://" + host if host else self._base_url
        return Account(row["id"], row["domain"], row["hash"], base, accounts.home(self._base_url, row))

    def _is_ours(self, name: str, label: str) -> bool:
        plain = label == "localhost" or name.replace(".", "").isdigit() or name.startswith("[") or not name
        return plain or (bool(self._own) and name == self._own)


def _name(host: str) -> str:
    """Without the port."""
    return host.rsplit(":", 1)[0] if not host.endswith("]") else host
