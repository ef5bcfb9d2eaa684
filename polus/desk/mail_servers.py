"""The mail servers of an e-mail address: the mailbox that is fetched (`in`), the server its mails are handed to (`out`).

Kept here with their secrets sealed, which nobody is shown again; spoken to in `channels.email`. How each is doing stands
in its row of `mail_servers`: `state`, `active_datetime`, `error_code`, `error_facts`, `error_datetime`, `failures`.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, outbound, wire
from polus.base.crypto import Vault
from polus.desk import changes, mail_folders
from polus.store.work import Work

SECURITIES = ("tls", "starttls", "none")
AUTHS = {"in": ("password", "oauth2"), "out": ("password", "oauth2", "same", "none")}
SECRETS = {"password": ("password",), "oauth2": ("client_id", "client_secret", "refresh_token")}
# What an OAuth2 client may go without: programs that cannot keep a secret have none.
OPTIONAL = frozenset(("client_secret",))
MOST_FOLDERS = 20
LONGEST = 4096  # characters of one secret
LONGEST_NAME = 255
CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
NEEDS_HTTPS = "The token endpoint must begin with https://"
NO_MAILBOX = "There is no mailbox whose login could be used."
FOLDERS = "At most 20 folders are possible."
CONNECT_AGAIN = "For another server or user name press Connect again."

ADDRESS = """
select meta->>'address' from integrations where account_id = $1 and id = $2 and type = 'email'
"""
SERVER = """
select s.account_id, s.integration_id, s.way, i.meta->>'address' as address, i.name, s.host, s.port, s.security,
  s.username, s.auth, s.secret, s.provider, s.token_url, s.scope, s.tagged, s.updated_datetime
from mail_servers s join integrations i on i.account_id = s.account_id and i.id = s.integration_id
where s.account_id = $1 and s.integration_id = $2 and s.way = $3
"""
LOGIN = """
select way, username, auth, secret, provider, token_url, scope from mail_servers
where account_id = $1 and integration_id = $2 and way = 'in'
"""
TAGGED = "select tagged from mail_servers where account_id = $1 and integration_id = $2 and way = 'in'"
# A change is tried at once, and what went wrong before says nothing about it.
SAVE = """
insert into mail_servers (account_id, integration_id, way, host, port, security, username, auth, secret, token_url,
  scope, tagged, created_datetime, updated_datetime, provider, access_token, access_until)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16)
on conflict (account_id, integration_id, way) do update set host = $4, port = $5, security = $6, username = $7,
  auth = $8, secret = $9, token_url = $10, scope = $11, tagged = $12, provider = $14,
  access_token = $15, access_until = $16, refreshing_until = null, state = 'new', error_code = null, error = null, error_facts = null, error_datetime = null, failures = 0,
  due_datetime = now(), updated_datetime = $13
"""
DISCONNECT = """
update mail_servers set secret = null, access_token = null, access_until = null, refreshing_until = null,
  updated_datetime = $4, due_datetime = now()
where account_id = $1 and integration_id = $2 and way = $3 and provider is not null returning provider
"""
REMOVE = "delete from mail_servers where account_id = $1 and integration_id = $2 and way = $3 returning host"
STATES = """
select s.way, s.host, s.port, s.security, s.username, s.auth, s.provider, s.token_url, s.scope, s.tagged, s.state,
  s.active_datetime, s.error_code, s.error_facts::text as error_facts, s.error_datetime,
  s.secret is not null as has_secret
from mail_servers s where s.account_id = $1 and s.integration_id = $2
"""


class Login(msgspec.Struct, frozen=True):
    """How to log in. `way`: in which row its access token is kept. `secret` is empty when it cannot be read any more."""

    way: str
    username: str
    auth: str
    secret: dict[str, str]
    token_url: str
    scope: str
    # Where it was connected; empty: filled in by hand.
    provider: str = ""

    def __repr__(self) -> str:
        return f"Login({self.way!r}, {self.username!r}, {self.auth!r})"


class Server(msgspec.Struct, frozen=True):
    """A mail server of an address, with how to log in there."""

    account_id: int
    integration_id: int
    way: str
    address: str
    host: str
    port: int
    security: str
    login: Login
    tagged: bool
    updated: datetime.datetime


class Consent(msgspec.Struct, frozen=True):
    """What a provider gave for a mailbox. `method`: how its token endpoint is told who we are (`channels.openid`)."""

    provider: str
    refresh_token: str
    method: str
    access_token: str
    until: datetime.datetime

    def __repr__(self) -> str:
        return f"Consent({self.provider!r})"


class Wanted(msgspec.Struct, frozen=True):
    """What somebody filled in. A secret that is left empty stays as it is."""

    host: str
    port: int
    security: str
    username: str
    auth: str
    secret: dict[str, str]
    token_url: str = ""
    scope: str = ""
    tagged: bool = False
    folders: Sequence[str] = ()


async def get(work: Work, integration_id: int, way: str) -> Server | None:
    """The server, to be spoken to; None when the address has none of its own."""
    row = await work.db.fetchrow(SERVER, work.account.id, integration_id, way)
    if row is None:
        return None
    login = row
    if row["auth"] == "same":
        login = await work.db.fetchrow(LOGIN, work.account.id, integration_id)
        if login is None:
            login = {**row, "secret": None}
    return Server(
        row["account_id"],
        integration_id,
        way,
        row["address"],
        row["host"],
        row["port"],
        row["security"],
        _login(work.database.vault, work.account.id, integration_id, login),
        row["tagged"],
        row["updated_datetime"],
    )


async def takes_tags(work: Work, integration_id: int) -> bool:
    """Whether mail to address+anything arrives: at our own listener always, in a mailbox when its provider does so."""
    tagged = await work.db.fetchval(TAGGED, work.account.id, integration_id)
    return tagged is not False


async def states(work: Work, integration_id: int) -> dict[str, dict[str, Any]]:
    """By way: what was filled in but for the secrets, and how it is doing. 404 when it is no e-mail address."""
    await address(work, integration_id)
    rows = await work.db.fetch(STATES, work.account.id, integration_id)
    found: dict[str, dict[str, Any]] = {row["way"]: dict(row) for row in rows}
    for state in found.values():
        state["error_facts"] = msgspec.json.decode(state["error_facts"] or "{}")
    return found


async def address(work: Work, integration_id: int) -> str:
    """The address of an e-mail integration; 404."""
    found = await work.db.fetchval(ADDRESS, work.account.id, integration_id)
    if found is None:
        raise errors.NotFound
    return found  # type: ignore[no-any-return]


async def save(work: Work, integration_id: int, way: str, wanted: Wanted) -> None:
    """Keep what was filled in; it is tried at once. 404, 400. Event integration-updated, without the secrets.

    A secret that was given for one host and name is never kept for another: whoever may change the settings must not
    be able to have it sent elsewhere.
    """
    await address(work, integration_id)
    old = await get(work, integration_id, way)
    moved = _moved(old, wanted)
    provider = ""
    if old is not None and old.login.provider and wanted.auth == "oauth2" and not any(wanted.secret.values()):
        if moved:
            raise errors.one("auth", CONNECT_AGAIN)
        provider, secret = old.login.provider, old.login.secret
        wanted = msgspec.structs.replace(wanted, token_url=old.login.token_url, scope=old.login.scope)
    else:
        kept = {} if moved or old is None or old.login.auth != wanted.auth else old.login.secret
        secret = {
            name: wanted.secret.get(name) or kept.get(name, "") for name in SECRETS.get(wanted.auth, ())
        }
    await _check(work, integration_id, way, wanted, {} if provider else secret)
    await _store(work, integration_id, way, old, wanted, secret, provider)


async def check(work: Work, integration_id: int, way: str, wanted: Wanted) -> None:
    """Whether what was filled in could be kept once a provider gives its consent. 404, 400."""
    await address(work, integration_id)
    await _check(work, integration_id, way, wanted, {})


async def connect(work: Work, integration_id: int, way: str, wanted: Wanted, consent: Consent) -> None:
    """Keep what was filled in together with a provider's consent; it is tried at once. 404, 400.

    Event integration-updated, without the secrets.
    """
    await check(work, integration_id, way, wanted)
    old = await get(work, integration_id, way)
    secret = {"refresh_token": consent.refresh_token, "method": consent.method}
    sealed = work.database.vault.seal(consent.access_token, place(work.account.id, integration_id, way))
    access = (sealed, consent.until)
    await _store(work, integration_id, way, old, wanted, secret, consent.provider, access)


async def disconnect(work: Work, integration_id: int, way: str) -> None:
    """Forget what a provider gave; the rest stays, to be connected again. 404. Event integration-updated."""
    found = await work.db.fetchval(DISCONNECT, work.account.id, integration_id, way, work.now)
    if found is None:
        raise errors.NotFound
    work.record("integration-updated", "Integration", integration_id, {f"mail_{way}_provider": [found, None]})
    work.ring("work", "mailboxes")


async def remove(work: Work, integration_id: int, way: str) -> None:
    """Fetch no more, or send through the installation's relay again. 404. Event integration-updated."""
    host = await work.db.fetchval(REMOVE, work.account.id, integration_id, way)
    if host is None:
        raise errors.NotFound
    work.record("integration-updated", "Integration", integration_id, {f"mail_{way}": [host, None]})
    work.ring("work", "mailboxes")


def _moved(old: Server | None, wanted: Wanted) -> bool:
    return old is None or (old.host, old.login.username) != (wanted.host, wanted.username)


async def _store(
    work: Work,
    integration_id: int,
    way: str,
    old: Server | None,
    wanted: Wanted,
    secret: dict[str, str],
    provider: str,
    access: tuple[str | None, datetime.datetime | None] = (None, None),
) -> None:
    sealed = work.database.vault.seal(wire.encode(secret), place(work.account.id, integration_id, way))
    await work.db.execute(
        SAVE,
        work.account.id,
        integration_id,
        way,
        wanted.host,
        wanted.port,
        wanted.security,
        wanted.username,
        wanted.auth,
        sealed if secret else None,
        wanted.token_url or None,
        wanted.scope or None,
        wanted.tagged,
        work.now,
        provider or None,
        *access,
    )
    if way == "in":
        keep = [] if _moved(old, wanted) else wanted.folders
        await mail_folders.place(work, integration_id, wanted.folders, keep)
    _tell(work, integration_id, way, old, wanted, provider)


def _tell(
    work: Work, integration_id: int, way: str, old: Server | None, wanted: Wanted, provider: str
) -> None:
    facts = ("host", "port", "security", "tagged")
    before = {name: old and getattr(old, name) for name in facts}
    before |= {"username": old and old.login.username, "auth": old and old.login.auth}
    after = {name: getattr(wanted, name) for name in before}
    before["provider"], after["provider"] = (old and old.login.provider) or None, provider or None
    changed: dict[str, Any] = {
        f"mail_{way}_{name}": pair for name, pair in changes.between(before, after).items()
    }
    if any(wanted.secret.values()):
        changed[f"mail_{way}_secret"] = True
    work.record("integration-updated", "Integration", integration_id, changed)
    work.ring("work", "mailboxes")


async def _check(
    work: Work, integration_id: int, way: str, wanted: Wanted, secret: Mapping[str, str]
) -> None:
    problems: dict[str, list[str]] = {}
    if wanted.security not in SECURITIES:
        problems["security"] = [errors.NOT_CHOICE]
    if wanted.auth not in AUTHS[way]:
        problems["auth"] = [errors.NOT_CHOICE]
    if not 0 < wanted.port < 65536:
        problems["port"] = [errors.too_big(65535)]
    if wanted.auth in SECRETS and not wanted.username:
        problems["username"] = [errors.REQUIRED]
    for name, value in secret.items():
        if not value and name not in OPTIONAL:
            problems[name] = [errors.REQUIRED]
        elif len(value) > LONGEST:
            problems[name] = [errors.too_long(LONGEST)]
    # A line end would begin another command of IMAP or SMTP.
    given = {"username": wanted.username, "scope": wanted.scope, "folders": "".join(wanted.folders), **secret}
    for name, value in given.items():
        if CONTROL.search(value):
            problems[name] = [errors.WRONG_TYPE]
    if wanted.auth == "same" and await work.db.fetchval(LOGIN, work.account.id, integration_id) is None:
        problems["auth"] = [NO_MAILBOX]
    if way == "in" and not wanted.folders:
        problems["folders"] = [errors.REQUIRED]
    elif len(wanted.folders) > MOST_FOLDERS:
        problems["folders"] = [FOLDERS]
    elif any(len(name) > LONGEST_NAME for name in wanted.folders):
        problems["folders"] = [errors.too_long(LONGEST_NAME)]
    problems |= await _unreachable(work, wanted)
    # Of a provider it was looked at by who read it in the provider's document.
    if wanted.auth == "oauth2" and secret:
        problems |= await _odd_endpoint(work, wanted.token_url)
    if problems:
        raise errors.Invalid(problems)


async def _unreachable(work: Work, wanted: Wanted) -> dict[str, list[str]]:
    """What may not be dialled. A name that is not known is stored: the test says so, and it may be known soon."""
    problems: dict[str, list[str]] = {}
    try:
        host = outbound.host_of(wanted.host)
        await outbound.addresses(host, wanted.port, work.database.allowed)
    except outbound.Unresolved:
        pass
    except outbound.Refused as refused:
        problems["host"] = [str(refused)]
    return problems


async def _odd_endpoint(work: Work, url: str) -> dict[str, list[str]]:
    try:
        aim = outbound.target(url)
        await outbound.check(url, work.database.allowed)
    except outbound.Unresolved:
        return {}
    except outbound.Refused as refused:
        return {"token_url": [str(refused)]}
    if aim.scheme != "https" and not is_local(aim.host or ""):
        return {"token_url": [NEEDS_HTTPS]}
    return {}


def is_local(host: str) -> bool:
    """Whether what is said to that host stays on this machine."""
    given = outbound.literal(host) if host else None
    return host == "localhost" or (given is not None and given.is_loopback)


def _login(vault: Vault, account_id: int, integration_id: int, row: Any) -> Login:
    secret: dict[str, str] = {}
    if row["secret"] is not None:
        try:
            opened = vault.open(row["secret"], place(account_id, integration_id, row["way"]))
            secret = msgspec.json.decode(opened, type=dict[str, str])
        except ValueError:
            secret = {}  # sealed with another secret key: it has to be given anew
    return Login(
        row["way"],
        row["username"],
        row["auth"],
        secret,
        row["token_url"] or "",
        row["scope"] or "",
        row["provider"] or "",
    )


def place(account_id: int, integration_id: int, way: str) -> str:
    """Where the secrets of a row belong; see `base.crypto.Vault`."""
    return f"mail_servers/{account_id}/{integration_id}/{way}"
