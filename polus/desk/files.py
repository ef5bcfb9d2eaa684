"""Files of an account: what they are called, who may fetch them, and when those that nobody used go.

Their bytes lie in `store.files` and are put there before a transaction begins; here are their rows.
"""

import datetime
import re
import uuid
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote, unquote, urlsplit

import msgspec
import structlog

from polus.base import errors, media, pictures
from polus.base.crypto import Signer
from polus.desk import redaction
from polus.store.database import Database
from polus.store.files import Files, TooLarge
from polus.store.work import Account, Work

Type = Literal["attachment", "public_attachment", "profile_picture", "widget_picture"]
TYPES: tuple[Type, ...] = ("attachment", "public_attachment", "profile_picture", "widget_picture")
PICTURES = frozenset(("profile_picture", "widget_picture"))
# Whoever has the address may fetch these.
PUBLIC = frozenset(("public_attachment", "profile_picture", "widget_picture"))
# The least role that may upload each.
ROLES: Mapping[Type, str] = {
    "attachment": "observer-agent",
    "profile_picture": "observer-agent",
    "public_attachment": "basic-agent",
    "widget_picture": "admin",
}

MIB = 1024 * 1024
FILE_LIMIT = 20 * MIB
PICTURE_LIMIT = 5 * MIB
MOST_FILES = 10
REQUEST_LIMIT = 60 * MIB
NAME_LENGTH = 255
LABEL_LENGTH = 100
# Where bytes are fetched with a signed link, and how long that works.
PREFIX = "/files/"
SECONDS = 300
EXTENSION_LENGTH = 20

NOT_A_PICTURE = "Not a picture in PNG, JPEG, GIF or WebP of at most 5 MiB."

ADDRESS = re.compile(r"/+api/+([a-z_]+)/+download/+([A-Za-z0-9]+)/+([^/]+)/*")
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")

WIRE = """
json_build_object('content_type', content_type, 'name', name, 'size', size,
  'url', $2 || '/api/' || type || '/download/' || $3 || '/' || resource_name)::text
"""

INSERT = (
    """
with given as (
  select * from unnest($5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[]) with ordinality
    as g (resource_name, name, content_type, size, key, position)
), made as (
  insert into files (account_id, type, resource_name, name, content_type, size, key, user_id, created_datetime,
    referenced_datetime)
  select $1, $4, resource_name, name, content_type, size, key, $10, $11, case when $12 then $11::timestamptz end
  from given
  returning resource_name, name, content_type, size, type
)
select """
    + WIRE
    + " from made join (select resource_name, position from given) as g using (resource_name) order by position"
)

FIND = """
select name, content_type, size, key, type, resource_name from files
where account_id = $1 and (type, resource_name) in (select * from unnest($2::text[], $3::text[]))
"""

REFERENCE = """
update files set referenced_datetime = $4
where account_id = $1 and referenced_datetime is null
  and (type, resource_name) in (select * from unnest($2::text[], $3::text[]))
"""

# At once nobody finds it any more; the row waits for the removal of unused files to take the bytes.
RELEASE = """
update files set referenced_datetime = null, created_datetime = '-infinity', type = 'attachment',
  resource_name = 'released-' || gen_random_uuid()
where account_id = $1 and (type, resource_name) in (select * from unnest($2::text[], $3::text[]))
"""

# The rows stay locked while their bytes are removed: who wants to use one meanwhile waits and finds it gone.
UNUSED = """
select account_id, id, key from files
where referenced_datetime is null and type = 'attachment' and created_datetime < $1::timestamptz - interval '30 days'
order by created_datetime limit $2 for update skip locked
"""
REMOVE = "delete from files where (account_id, id) in (select * from unnest($1::bigint[], $2::bigint[]))"

# A process that was killed between storing bytes and giving them a row leaves bytes that no row names.
STRAY_AGE = datetime.timedelta(days=1)
SWEEP_SECONDS = 300
PARTS = 256
ACCOUNTS = "select id, created_datetime from accounts order by id"
# A copy that was dumped and restored is another database.
OWNER = """
select c.system_identifier || '-' || d.oid from pg_control_system() c, pg_database d where d.datname = current_database()
"""
# Of all accounts: what any row names stays.
UNNAMED = "select key from unnest($1::text[]) as k (key) where not exists (select 1 from files f where f.key = k.key)"

log = structlog.get_logger(__name__)


class Kept(msgspec.Struct, frozen=True):
    """Bytes that are in the store and have no row yet: `add` gives them one, or delete `key`."""

    name: str
    content_type: str
    size: int
    key: str


class Found(msgspec.Struct, frozen=True):
    """A file of this account. `key` is its name in the store."""

    name: str
    content_type: str
    size: int
    key: str


async def keep(
    store: Files,
    account: Account,
    name: str,
    claimed: str | None,
    stream: AsyncIterable[bytes],
    *,
    limit: int = FILE_LIMIT,
) -> Kept:
    """Put bytes into the store and tell their type; 413 over `limit`. Takes no transaction: call it before one."""
    name = clean_name(name)
    try:
        stored = await store.put(stream, limit=limit, folder=str(account.id))
    except TooLarge:
        raise errors.TooLarge(limit) from None
    return Kept(name, media.content_type(stored.head, claimed, name), stored.size, stored.name)


async def keep_picture(store: Files, account: Account, name: str, stream: AsyncIterable[bytes]) -> Kept:
    """The same for pictures alone; 400 on `name` for anything else."""
    try:
        kept = await keep(store, account, name, None, stream, limit=PICTURE_LIMIT)
    except errors.TooLarge:
        raise errors.one(name, NOT_A_PICTURE) from None
    try:
        picture = await pictures.checked(await store.read(kept.key, limit=PICTURE_LIMIT))
    except BaseException as error:
        await store.delete(kept.key)
        if isinstance(error, pictures.NotAPicture):
            raise errors.one(name, NOT_A_PICTURE) from None
        raise
    return msgspec.structs.replace(kept, content_type=picture.content_type)


async def add(work: Work, type: Type, kept: Sequence[Kept], *, referenced: bool = False) -> list[str]:
    """Give stored bytes their rows; their wire forms in the same order. `referenced`: a message uses them already."""
    if not kept:
        return []
    names = await redaction.names(work, [file.name for file in kept])
    rows = await work.db.fetch(
        INSERT,
        work.account.id,
        work.account.base_url,
        work.account.hash,
        type,
        list(map(resource_name, names)),
        names,
        [file.content_type for file in kept],
        [file.size for file in kept],
        [file.key for file in kept],
        work.actor.user_id,
        work.now,
        referenced,
    )
    return [row[0] for row in rows]


async def get(work: Work, type: str, name: str) -> Found:
    """The file of that type and resource name; 404."""
    found = await _find(work, [(type, name)])
    if not found:
        raise errors.NotFound
    return next(iter(found.values()))


async def find(work: Work, urls: Iterable[str]) -> dict[str, Found]:
    """Those of the addresses that are files of this account; others (of other hosts, gone ones) are left out."""
    places = {url: place for url in urls if (place := placed(work.account, url))}
    found = await _find(work, list(places.values()))
    return {url: found[place] for url, place in places.items() if place in found}


async def _find(work: Work, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Found]:
    if not places:
        return {}
    types, names = zip(*places, strict=True)
    rows = await work.db.fetch(FIND, work.account.id, types, names)
    return {
        (row["type"], row["resource_name"]): Found(row["name"], row["content_type"], row["size"], row["key"])
        for row in rows
    }


def settled(account: Account, url: str) -> str:
    """A file's address as it is stored in a message: at the account's home, whatever host an outsider named."""
    place = placed(account, url)
    return f"{account.home}/api/{place[0]}/download/{account.hash}/{place[1]}" if place else url


async def reference(work: Work, urls: Iterable[str]) -> None:
    """Mark the files behind addresses as used, so that they are kept; addresses of other hosts are passed over."""
    places = {place for url in urls if (place := placed(work.account, url))}
    if places:
        types, names = zip(*sorted(places), strict=True)
        await work.db.execute(REFERENCE, work.account.id, types, names, work.now)


async def release(work: Work, url: str) -> None:
    """Let a file go: from now on nobody finds it, and its bytes are removed with the unused ones."""
    place = placed(work.account, url)
    if place:
        await work.db.execute(RELEASE, work.account.id, [place[0]], [place[1]])


async def remove_unused(db: Any, store: Files, now: Any, batch: int = 100) -> int:
    """Delete private files that nothing has used in 30 days, of all accounts; how many. 0: none is left.

    Inside the caller's transaction. When that fails, some rows have lost their bytes, and the next run removes them.
    """
    rows = await db.fetch(UNUSED, now, batch)
    for row in rows:
        await store.delete(row["key"])
    await db.execute(REMOVE, [row["account_id"] for row in rows], [row["id"] for row in rows])
    return len(rows)


async def remove_strays(db: Any, store: Files, now: datetime.datetime, most: int = 100) -> int:
    """Delete bytes older than a day that no row names, in the part of each account's folder whose turn it is.

    The clock says whose turn it is, so nothing is remembered; all parts have had theirs after 21 hours. Answers how
    many went when that were `most`, and some may be left; else 0.
    """
    if not await store.claimed(await db.fetchval(OWNER)):
        log.warning("the place of files is another database's, so nothing is removed from it")
        return 0
    part = int(now.timestamp()) // SWEEP_SECONDS % PARTS
    removed = 0
    for account in await db.fetch(ACCOUNTS):
        async for page in store.listed(str(account["id"]), part):
            # Bytes from before the account are of another database that was here before: not ours to delete.
            old = [name for name, at in page if account["created_datetime"] < at < now - STRAY_AGE]
            # No row can come between this look and the deletion: a name is random and never given twice, rows never
            # take a name from other rows, and `add` follows `keep` in one request or fetch, which ends in minutes.
            strays = await db.fetch(UNNAMED, old) if old else []
            for row in strays[: most - removed]:
                await store.delete(row["key"])
            removed += min(len(strays), most - removed)
            if removed == most:
                return removed
    return 0


class Pass(msgspec.Struct, array_like=True, frozen=True):
    """What a token lets its holder read. `size`: `WxH` of a small version, or empty."""

    key: str
    content_type: str
    name: str
    size: str


def link(work: Work, found: Found, size: str = "", *, seconds: int = SECONDS) -> str:
    """The address of a file's bytes for the next five minutes, or as long as is said."""
    given = Pass(found.key, found.content_type, found.name, size if _is_picture(found) else "")
    token = signer(work.database).sign(msgspec.json.encode(given).decode(), seconds)
    return work.account.base_url + PREFIX + token + "/" + quote(found.name, safe="")


def _is_picture(found: Found) -> bool:
    return found.content_type.startswith("image/")


def signer(database: Database) -> Signer:
    """Makes and reads the tokens of links."""
    return Signer(database.secret_key, "file")


def placed(account: Account, url: str) -> tuple[str, str] | None:
    """Type and resource name of an address, when it is one of this account's files under whatever host name."""
    try:
        path = unquote(urlsplit(url).path)
    except ValueError:
        return None
    match = ADDRESS.fullmatch(path)
    if match is None or match[2] != account.hash or match[1] not in TYPES or "\0" in path:
        return None
    return match[1], match[3]


def clean_name(name: str) -> str:
    """A file's name for people: no folders, no control characters, at most 255 characters, never empty."""
    name = CONTROL.sub("", name).replace("\\", "/").rsplit("/", 1)[-1].strip()
    if len(name) > NAME_LENGTH:
        stem, dot, extension = name.rpartition(".")
        extension = dot + extension if dot and len(extension) <= EXTENSION_LENGTH else ""
        name = (stem if extension else name)[: NAME_LENGTH - len(extension)] + extension
    return name or "file"


def resource_name(name: str) -> str:
    """The last part of a new address: `{label}-{uuid4}.{ext}`."""
    label, dot, extension = name.rpartition(".")
    if not dot or not label or not re.fullmatch("[A-Za-z0-9]{1,20}", extension):
        label, extension = name, ""
    label = UNSAFE.sub("-", label)[:LABEL_LENGTH].strip(".-") or "file"
    return label + "-" + str(uuid.uuid4()) + ("." + extension if extension else "")


def disposition(name: str, content_type: str) -> str:
    """`Content-Disposition` for bytes of that type: shown are pictures, sounds, films and PDF, all else is saved."""
    way = "inline" if media.is_inline(content_type) else "attachment"
    plain = UNSAFE.sub("_", name) or "file"
    return way + '; filename="' + plain + "\"; filename*=UTF-8''" + quote(name, safe="")
