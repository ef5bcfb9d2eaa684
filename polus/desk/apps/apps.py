"""Apps and their versions, as those who write them see them: registered, edited, given a new secret, removed.

What others see is decided in `reviews`; what an app is let do in an account, in `connections`.
"""

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from polus.base import crypto, errors, pictures
from polus.store.work import Work

CLIENT_ID = re.compile(r"[0-9a-f]{24}")
LONGEST_NAME = 60
LONGEST_TAGLINE = 140
LONGEST_DESCRIPTION = 5000
LONGEST_URL = 2000
MOST_REDIRECTS = 20
MOST_APPS = 100
ICON_BYTES = 2 * 1024 * 1024
ICON_SIDE = 128

NOT_SECURE = "Must begin with https:// (http:// only for this computer: localhost, 127.0.0.1)."
NOT_PLAIN = "Must have no user, password or #fragment."
IN_REVIEW = "This version is being reviewed. Take it back to change it."
NOT_A_PICTURE = "Not a picture (PNG, JPEG, GIF or WebP)."
TOO_MANY = "The account has as many apps as it may have."
APPROVED = "An app that was approved cannot be deleted: others may use it."

FIELDS = ("name", "tagline", "description", "app_url", "redirect_urls")
_VERSION = """v.number as version, v.status, v.name, v.tagline, v.description, v.app_url, v.redirect_urls, v.checklist,
  v.test_instructions, v.test_account, v.reason, v.icon is not null as has_icon, v.created_datetime,
  v.updated_datetime, v.submitted_datetime, v.reviewed_datetime"""
_NEWEST = """
from apps a cross join lateral (
  select * from app_versions where app_id = a.id order by number desc limit 1) v
"""
LIST = (
    "select a.id, "
    + _VERSION
    + ", exists (select from app_versions o where o.app_id = a.id and o.status = 'approved') as published"
    + _NEWEST
    + "where a.account_id = $1 order by v.name, a.id"
)
GET = (
    "select a.id, "
    + _VERSION
    + ", exists (select from app_versions o where o.app_id = a.id and o.status = 'approved') as published"
    + _NEWEST
    + "where a.account_id = $1 and a.id = $2"
)
# The app's row is held: versions are made by one at a time.
LOCK = "select id from apps where account_id = $1 and id = $2 for update"
VERSIONS = (
    "select " + _VERSION + " from app_versions v join apps a on a.id = v.app_id"
    " where a.account_id = $1 and a.id = $2 order by v.number desc"
)
# As the account may see it: the newest of all in the writer's own, the newest approved one elsewhere.
VISIBLE = (
    "select a.id, a.account_id = $1 as own, a.secret_hash, "
    + _VERSION
    + """ from apps a cross join lateral (
  select * from app_versions o where o.app_id = a.id and (a.account_id = $1 or o.status = 'approved')
  order by o.number desc limit 1) v
where a.id = $2"""
)
ICON = """
select v.icon from apps a cross join lateral (
  select icon from app_versions o where o.app_id = a.id and (a.account_id = $1 or $3 or o.status = 'approved')
  order by o.number desc limit 1) v
where a.id = $2
"""
COUNT = "select count(*) from apps where account_id = $1"
INSERT = """
with app as (
  insert into apps (id, account_id, secret_hash, created_datetime) values ($2, $1, $3, $4) returning id
)
insert into app_versions (app_id, number, name, tagline, description, app_url, redirect_urls, created_datetime,
  updated_datetime)
select id, 1, $5, $6, $7, $8, $9, $4, $4 from app
"""
# The next version begins as a copy of the one that was decided over.
OPEN = """
insert into app_versions (app_id, number, name, tagline, description, icon, app_url, redirect_urls, checklist,
  test_instructions, test_account, created_datetime, updated_datetime)
select app_id, number + 1, name, tagline, description, icon, app_url, redirect_urls, checklist, test_instructions,
  test_account, $3, $3
from app_versions where app_id = $1 and number = $2
"""
UPDATE = """
update app_versions set name = $3, tagline = $4, description = $5, app_url = $6, redirect_urls = $7,
  icon = coalesce($8, icon), updated_datetime = $9
where app_id = $1 and number = $2
"""
SET_SECRET = "update apps set secret_hash = $3 where account_id = $1 and id = $2"  # noqa: S105
DELETE = "delete from apps where account_id = $1 and id = $2"


async def listing(work: Work) -> list[Any]:
    """The apps that this account's people wrote, each with its newest version and whether others see one."""
    return list(await work.db.fetch(LIST, work.account.id))


async def get(work: Work, app_id: str) -> Any:
    """An app of this account with its newest version; 404."""
    row = await work.db.fetchrow(GET, work.account.id, app_id)
    if row is None:
        raise errors.NotFound
    return row


async def versions(work: Work, app_id: str) -> list[Any]:
    """All versions of an app of this account, the newest first."""
    return list(await work.db.fetch(VERSIONS, work.account.id, app_id))


async def visible(work: Work, app_id: str) -> Any:
    """The app as this account may see and connect it, wherever it was written; None when it may not."""
    if not CLIENT_ID.fullmatch(app_id):
        return None
    return await work.db.fetchrow(VISIBLE, work.account.id, app_id)


async def icon(work: Work, app_id: str, *, reviewing: bool = False) -> bytes:
    """The picture of the app as the account sees it, a PNG or JPEG; 404. Reviewers see the newest."""
    found: bytes | None = await work.db.fetchval(ICON, work.account.id, app_id, reviewing)
    if found is None:
        raise errors.NotFound
    return found


async def register(work: Work, given: Mapping[str, Any]) -> tuple[str, str]:
    """A new app: its client id and its client secret, which is shown this once. 400; 409 at the limit.

    Event app-registered.
    """
    work.actor.require("admin")
    fields = _checked(given)
    if await work.db.fetchval(COUNT, work.account.id) >= MOST_APPS:
        raise errors.Conflict({"name": [TOO_MANY]}, TOO_MANY)
    app_id, secret = secrets.token_hex(12), crypto.new_api_key()
    await work.db.execute(
        INSERT, work.account.id, app_id, crypto.digest(secret), work.now, *(fields[name] for name in FIELDS)
    )
    tell(work, "app-registered", {"app_id": app_id, "name": fields["name"]})
    return app_id, secret


async def update(work: Work, app_id: str, given: Mapping[str, Any], icon: bytes | None = None) -> None:
    """Change the version being written; of an approved app that is a new one. 400, 404; 409 during a review.

    `icon`: a picture as `small_icon` makes them. Event app-updated.
    """
    work.actor.require("admin")
    fields = _checked(given)
    version = await edit(work, app_id)
    values = [fields[name] for name in FIELDS]
    await work.db.execute(UPDATE, app_id, version, *values, icon, work.now)
    tell(work, "app-updated", {"app_id": app_id, "name": fields["name"], "version": version})


async def edit(work: Work, app_id: str) -> int:
    """The number of the version that may be changed, made when there is none. 404; 409 during a review."""
    await hold(work, app_id)
    newest = await get(work, app_id)
    if newest["status"] == "submitted":
        raise errors.Conflict(None, IN_REVIEW)
    version: int = newest["version"]
    if newest["status"] in ("approved", "recalled"):
        await work.db.execute(OPEN, app_id, version, work.now)
        version += 1
    return version


async def hold(work: Work, app_id: str) -> None:
    """Lock an app of this account; 404."""
    if await work.db.fetchval(LOCK, work.account.id, app_id) is None:
        raise errors.NotFound


def tell(work: Work, kind: str, data: Mapping[str, Any]) -> None:
    """Record an event about an app. Apps have no numbers, and the wire has no type for them: it is told of the account."""
    work.record(kind, "Account", work.account.id, data)


async def rotate_secret(work: Work, app_id: str) -> str:
    """A new client secret, shown this once; the old one stops at once, tokens live on. 404.

    Event app-secret-rotated.
    """
    work.actor.require("admin")
    await hold(work, app_id)
    secret = crypto.new_api_key()
    await work.db.execute(SET_SECRET, work.account.id, app_id, crypto.digest(secret))
    tell(work, "app-secret-rotated", {"app_id": app_id})
    return secret


async def remove(work: Work, app_id: str) -> None:
    """Delete an app that was never approved; its tokens with it. 404, 409. Event app-deleted."""
    work.actor.require("admin")
    await hold(work, app_id)
    row = await get(work, app_id)
    if row["published"]:
        raise errors.Conflict(None, APPROVED)
    await work.db.execute(DELETE, work.account.id, app_id)
    work.ring("credentials", work.account.id)
    tell(work, "app-deleted", {"app_id": app_id, "name": row["name"]})


async def small_icon(data: bytes) -> bytes:
    """An uploaded picture as it is kept: made anew, at most 128 pixels wide and high. 400. Outside any transaction."""
    if len(data) > ICON_BYTES:
        raise errors.TooLarge(ICON_BYTES)
    try:
        return (await pictures.thumbnail(data, ICON_SIDE, ICON_SIDE)).data
    except pictures.NotAPicture:
        raise errors.one("icon", NOT_A_PICTURE) from None


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a version as they are stored; all wrong ones are told at once."""
    fields: dict[str, Any] = {name: str(given.get(name) or "").strip() for name in FIELDS[:-1]}
    addresses = [line.strip() for line in _lines(given.get("redirect_urls") or ()) if line.strip()]
    fields["redirect_urls"] = list(dict.fromkeys(addresses))
    wrong: dict[str, list[str]] = {}
    for name, most in (
        ("name", LONGEST_NAME),
        ("tagline", LONGEST_TAGLINE),
        ("description", LONGEST_DESCRIPTION),
    ):
        if len(fields[name]) > most:
            wrong[name] = [errors.too_long(most)]
    if not fields["name"]:
        wrong["name"] = [errors.REQUIRED]
    if problem := _problem(fields["app_url"]):
        wrong["app_url"] = [problem]
    if not addresses:
        wrong["redirect_urls"] = [errors.REQUIRED]
    elif len(addresses) > MOST_REDIRECTS:
        wrong["redirect_urls"] = [errors.too_long(MOST_REDIRECTS)]
    elif problems := [f"{url[:200]}: {problem}" for url in addresses if (problem := _problem(url))]:
        wrong["redirect_urls"] = problems
    if wrong:
        raise errors.Invalid(wrong, "Failed to save the app")
    return fields


def _lines(given: str | Sequence[str]) -> Sequence[str]:
    return given.splitlines() if isinstance(given, str) else given


def _problem(url: str) -> str | None:
    """Why people may not be sent there with a code; None when they may."""
    if not url:
        return errors.REQUIRED
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return errors.NOT_URL
    if not host or len(url) > LONGEST_URL or not url.isprintable() or " " in url or "\\" in url:
        return errors.NOT_URL
    if parts.username is not None or parts.password is not None or "#" in url:
        return NOT_PLAIN
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return None
    return NOT_SECURE


def is_loopback(host: str) -> bool:
    """Whether a name can only mean the computer that asks."""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
