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
from polus.desk import changes
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

ADDRESS = """
select meta->>'address' from integrations where account_id = $1 and id = $2 and type = 'email'
"""
SERVER = """
select s.account_id, s.integration_id, s.way, i.meta->>'address' as address, i.name, s.host, s.port, s.security,
  s.username, s.auth, s.secret, s.token_url, s.scope, s.tagged, s.updated_datetime
from mail_servers s join integrations i on i.account_id = s.account_id and i.id = s.integration_id
where s.account_id = $1 and s.integration_id = $2 and s.way = $3
"""
LOGIN = """
select way, username, auth, secret, token_url, scope from mail_servers
where account_id = $1 and integration_id = $2 and way = 'in'
"""
TAGGED = "select tagged from mail_servers where account_id = $1 and integration_id = $2 and way = 'in'"
# A change is tried at once, and what went wrong before says nothing about it.
SAVE = """
insert into mail_servers (account_id, integration_id, way, host, port, security, username, auth, secret, token_url,
  scope, tagged, created_datetime, updated_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
on conflict (account_id, integration_id, way) do update set host = $4, port = $5, security = $6, username = $7,
  auth = $8, secret = $9, token_url = $10, scope = $11, tagged = $12, access_token = null, access_until = null,
  refreshing_until = null, state = 'new', error_code = null, error = null, error_facts = null, error_datetime = null, failures = 0,
  due_datetime = now(), updated_datetime = $13
"""
# Another server numbers its mails anew, whatever it is called: where we were in the old one says nothing.
FORGET_FOLDERS = (
    "delete from mail_folders where account_id = $1 and integration_id = $2 and not name = any($3)"
)
PLACE_FOLDERS = """
insert into mail_folders (account_id, integration_id, name, place)
select $1, $2, name, place from unnest($3::text[]) with ordinality as f (name, place)
on conflict (account_id, integration_id, name) do update set place = excluded.place, stuck_uid = null, stuck = 0
"""
REMOVE = "delete from mail_servers where account_id = $1 and integration_id = $2 and way = $3 returning host"
STATES = """
select s.way, s.host, s.port, s.security, s.username, s.auth, s.token_url, s.scope, s.tagged, s.state,
  s.active_datetime, s.error_code, s.error_facts::text as error_facts, s.error_datetime,
  s.secret is not null as has_secret
from mail_servers s where s.account_id = $1 and s.integration_id = $2
"""
FOLDERS_OF = """
select name, last_uid, seen_datetime, history_since, history_uid, history_top, history_count from mail_folders
where account_id = $1 and integration_id = $2 order by place
"""
HISTORY = """
update mail_folders set history_since = $3, history_uid = 0, history_top = last_uid, history_count = 0
where account_id = $1 and integration_id = $2 returning name
"""
NO_HISTORY = """
update mail_folders set history_since = null, history_uid = null, history_top = null
where account_id = $1 and integration_id = $2 and history_since is not null returning name
"""


class Login(msgspec.Struct, frozen=True):
    """How to log in. `way`: in which row its access token is kept. `secret` is empty when it cannot be read any more."""

    way: str
    username: str
    auth: str
    secret: dict[str, str]
    token_url: str
    scope: str

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


async def folders(work: Work, integration_id: int) -> list[Any]:
    """The mailbox's folders in their order: name, how far each is, and how far its history is."""
    return list(await work.db.fetch(FOLDERS_OF, work.account.id, integration_id))


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
    moved = old is None or (old.host, old.login.username) != (wanted.host, wanted.username)
    kept = {} if moved or old is None or old.login.auth != wanted.auth else old.login.secret
    secret = {name: wanted.secret.get(name) or kept.get(name, "") for name in SECRETS.get(wanted.auth, ())}
    await _check(work, integration_id, way, wanted, secret)
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
    )
    if way == "in":
        keep = [] if moved else list(wanted.folders)
        await work.db.execute(FORGET_FOLDERS, work.account.id, integration_id, keep)
        await work.db.execute(PLACE_FOLDERS, work.account.id, integration_id, list(wanted.folders))
    _tell(work, integration_id, way, old, wanted)


async def remove(work: Work, integration_id: int, way: str) -> None:
    """Fetch no more, or send through the installation's relay again. 404. Event integration-updated."""
    host = await work.db.fetchval(REMOVE, work.account.id, integration_id, way)
    if host is None:
        raise errors.NotFound
    work.record("integration-updated", "Integration", integration_id, {f"mail_{way}": [host, None]})
    work.ring("work", "mailboxes")


async def fetch_history(work: Work, integration_id: int, since: datetime.date | None) -> None:
    """Take in the mails that the folders had before, of this day and later, as closed tickets; None: stop that. 404.

    Asked for again it begins anew; what is here already is not taken in twice. Event integration-updated.
    """
    statement = (NO_HISTORY, ()) if since is None else (HISTORY, (since,))
    if not await work.db.fetch(statement[0], work.account.id, integration_id, *statement[1]):
        raise errors.NotFound
    work.record(
        "integration-updated", "Integration", integration_id, {"history": [None, since and str(since)]}
    )
    work.ring("work", "mailboxes")


def _tell(work: Work, integration_id: int, way: str, old: Server | None, wanted: Wanted) -> None:
    facts = ("host", "port", "security", "tagged")
    before = {name: old and getattr(old, name) for name in facts}
    before |= {"username": old and old.login.username, "auth": old and old.login.auth}
    after = {name: getattr(wanted, name) for name in before}
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
    if wanted.auth == "oauth2":
        try:
            aim = outbound.target(wanted.token_url)
            await outbound.check(wanted.token_url, work.database.allowed)
            if aim.scheme != "https" and not is_local(aim.host or ""):
                problems["token_url"] = [NEEDS_HTTPS]
        except outbound.Unresolved:
            pass
        except outbound.Refused as refused:
            problems["token_url"] = [str(refused)]
    return problems


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
    return Login(row["way"], row["username"], row["auth"], secret, row["token_url"] or "", row["scope"] or "")


def place(account_id: int, integration_id: int, way: str) -> str:
    """Where the secrets of a row belong; see `base.crypto.Vault`."""
    return f"mail_servers/{account_id}/{integration_id}/{way}"
