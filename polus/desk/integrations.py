"""Integrations: what an account is connected to. Made here: e-mail addresses, and HTTP calls to other systems.

The calls themselves are left to `channels`. Headers and the HMAC secret of a call are stored sealed and never shown.
"""

import re
from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from polus.base import errors, outbound, wire
from polus.base.crypto import Vault
from polus.desk import changes, listings
from polus.desk.listings import Listed
from polus.store.paging import Order, Statement
from polus.store.work import Work

BY_HAND = "Somebody switched it."
TRIGGERS = (
    "ticket-created",
    "ticket-updated",
    "ticket-message-created",
    "ticket-self-unsnoozed",
    "ticket-message-failed",
    "ticket-assignment-updated",
    "ticket-status-updated",
    "ticket-handed-over",
)
# wire: "ticket_assignee_updated" is taken for the trigger that is now called ticket-assignment-updated
FORMER = {"ticket_assignee_updated": "ticket-assignment-updated"}
HTTP: dict[str, Any] = {
    "url": "",
    "method": "GET",
    "request_content_type": "application/json",
    "response_content_type": "application/json",
    "headers": None,
    "form": None,
    "hmac_secret": None,
    "triggers": dict.fromkeys(TRIGGERS, False),
}
SECRET = frozenset(("headers", "hmac_secret", "form"))
SEALED = ("headers", "hmac_secret")
ONLY_HTTP = "Only integrations of type http have it."
TOO_MANY = "The account has as many integrations as it may have."

_COMMON = """'id', i.id, 'uri', '/api/integrations/' || i.id || '/', 'type', i.type, 'name', i.name,
  'description', i.description, 'managed', i.managed, 'application_id', i.application_id,
  'business_hours_id', i.business_hours_id, 'user', case when i.user_id is not null then
    json_build_object('id', i.user_id) end, 'meta', i.meta, 'created_datetime', wire(i.created_datetime),
  'updated_datetime', wire(i.updated_datetime), 'deactivated_datetime', wire(i.deactivated_datetime)"""
# Named one by one, so that what is added to the stored object later is not shown by chance.
_HTTP = """json_build_object('id', i.id, 'url', i.http->'url', 'method', i.http->'method',
  'request_content_type', i.http->'request_content_type', 'response_content_type', i.http->'response_content_type',
  'form', i.http->'form', 'triggers', i.http->'triggers', 'oauth2', null)"""
WIRE = (
    "(case when i.http is not null then json_build_object("
    + _COMMON
    + ", 'http', "
    + _HTTP
    + ") else json_build_object("
    + _COMMON
    + ") end)::text"
)
LIST = "select {sort}, i.id, " + WIRE + " from integrations i"
GET = "select " + WIRE + " from integrations i where i.account_id = $1 and i.id = $2"

HOLD_ADDRESS = "select pg_advisory_xact_lock(hashtextextended('address ' || $1, 0))"
ADD_EMAIL = """
insert into integrations (account_id, type, name, meta, created_datetime, updated_datetime)
select $1, 'email', $2, $3, $4, $4 where not exists (
  select from mail_aliases where lower(address) = $5) returning id
"""
EMAILS = """
select id, name, meta->>'address' as address from integrations
where account_id = $1 and type = 'email' and deactivated_datetime is null order by id
"""

# Held, so that two at once do not both become the last one allowed.
LIMIT = """
select data->'max_integrations' from account_settings where account_id = $1 and type = 'limits'
  and data ? 'max_integrations' for update
"""
COUNT = "select count(*) from integrations where account_id = $1"
INSERT = (
    """
insert into integrations as i (account_id, type, name, description, http, business_hours_id, deactivated_datetime,
  application_id, user_id, created_datetime, updated_datetime)
values ($1, 'http', $2, $3, $4, $5, $6, $7, $8, $9, $9) returning i.id, """
    + WIRE
)
READ = """
select type, name, description, http, business_hours_id, deactivated_datetime from integrations
where account_id = $1 and id = $2
"""
LOCK = READ + " for update"
UPDATE = (
    """
update integrations as i set name = $3, description = $4, http = $5, business_hours_id = $6,
  deactivated_datetime = $7, updated_datetime = $8
where i.account_id = $1 and i.id = $2 returning """
    + WIRE
)
HOURS = "select id from account_settings where account_id = $1 and id = $2 and type = 'business-hours' for key share"

# A path into a customer's data, `customer.integrations[42]`, in code, in the texts of macros, in calls.
_PATH = r"""~ ('integrations\s*\[[\s"''\\]*' || $2::bigint || '[\s"''\\]*\]')"""
USERS = (
    """
select 'rules' as kind, name, id from rules where account_id = $1
  and ('Integration:' || $2::bigint = any(names) or code """
    + _PATH
    + """)
union all select 'macros', name, id from macros where account_id = $1 and (
  jsonb_path_exists(actions, '$.** ? (@.integration_id == $id || @.integration_id == $text)',
    jsonb_build_object('id', $2::bigint, 'text', $2::bigint::text)) or actions::text """
    + _PATH
    + ")\nunion all select 'integrations', name, id from integrations where account_id = $1 and id <> $2"
    + " and http::text "
    + _PATH
    + "\norder by kind, id"
)
# What is sealed can only be read here.
HEADERS = """
select name, http->>'headers' as headers from integrations
where account_id = $1 and id <> $2 and http->>'headers' is not null order by id
"""
# Whoever changes where or whether it is called wants it to be tried now.
AFRESH = """
update http_lines set troubles = 0, resume_datetime = null, failures = 0 where account_id = $1 and integration_id = $2
"""
OFF = """
update integrations set deactivated_datetime = $3, updated_datetime = $3
where account_id = $1 and id = $2 and deactivated_datetime is null returning name
"""
DELETE_WIDGETS = "delete from widgets where account_id = $1 and integration_id = $2 returning id"
FORGET = """
update customers set integrations = integrations - $2::bigint::text, ecommerce_data = ecommerce_data - array(
  select uuid::text from shops where account_id = $1 and integration_id = $2)
where account_id = $1 and integrations ? $2::bigint::text
"""
DELETE = "delete from integrations where account_id = $1 and id = $2"


async def add_email(work: Work, address: str, name: str) -> int:
    """Connect an e-mail address at which the account receives and from which it sends; the integration's id.

    409 when the address is connected already, in whichever account of the installation.
    """
    address = address.lower()
    meta = wire.encode({"address": address})
    await work.db.execute(HOLD_ADDRESS, address)
    try:
        integration_id: int = await work.db.fetchval(
            ADD_EMAIL, work.account.id, name, meta, work.now, address
        )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"address": [errors.IN_USE]}) from None
    if integration_id is None:
        raise errors.Conflict({"address": [errors.IN_USE]})
    work.record("integration-created", "Integration", integration_id, {"name": name})
    return integration_id


async def emails(work: Work) -> list[Any]:
    """The account's addresses in use: id, name, address, the oldest first."""
    return list(await work.db.fetch(EMAILS, work.account.id))


async def get(work: Work, integration_id: int) -> str:
    """The integration's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, integration_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def browse(work: Work, cursor: str = "", limit: int = 50) -> Listed:
    """A page of those of type http, the newest first."""
    statement = Statement(work.account.id)
    statement.where("i.account_id = $1")
    statement.where("i.type = $?", "http")
    order = Order((("i.created_datetime", "datetime"),), True)
    return await listings.browse(work, LIST, statement, order, cursor=cursor, limit=limit, id_column="i.id")


async def require(work: Work, integration_id: int) -> None:
    """404 unless the integration is there."""
    await get(work, integration_id)


async def create(work: Work, given: Mapping[str, Any]) -> str:
    """A new integration of type http; its wire form. 400; 409 at the account's limit. Event integration-created."""
    http = _merged(HTTP, given["http"])
    await _check_url(work, http["url"])
    hours = given.get("business_hours_id")
    await _check_hours(work, hours)
    await _check_limit(work)
    row = await work.db.fetchrow(
        INSERT,
        work.account.id,
        given["name"],
        given.get("description"),
        wire.jsonb(_sealed(work, http)),
        hours,
        given.get("deactivated_datetime"),
        work.actor.client_id,
        work.actor.user_id,
        work.now,
    )
    work.record("integration-created", "Integration", row[0], {"name": given["name"]})
    return row[1]  # type: ignore[no-any-return]


async def update(work: Work, integration_id: int, given: Mapping[str, Any]) -> str:
    """Change an integration; its wire form. 404, 400. Of `http` only what is given changes, of the triggers too.

    Events integration-updated, and -deactivated or -reactivated when it was switched off or on.
    """
    before = await _read(work, READ, integration_id)
    url = given.get("http", {}).get("url")
    # The resolver is asked before anything is locked: it may take seconds.
    if url is not None and before["http"] is not None and url != before["http"]["url"]:
        await _check_url(work, url)
    old = await _read(work, LOCK, integration_id)
    new = _changed(old, given)
    changed = changes.between(old, new)
    if not changed:
        return await get(work, integration_id)
    if "business_hours_id" in changed:
        await _check_hours(work, new["business_hours_id"])
    if "http" in changed:
        changed["http"] = changes.between(old["http"], new["http"], SECRET)
    answer = await work.db.fetchval(
        UPDATE,
        work.account.id,
        integration_id,
        new["name"],
        new["description"],
        wire.jsonb(_sealed(work, new["http"])),
        new["business_hours_id"],
        new["deactivated_datetime"],
        work.now,
    )
    work.record("integration-updated", "Integration", integration_id, changed)
    if new["deactivated_datetime"] is None and {"http", "deactivated_datetime"} & changed.keys():
        await work.db.execute(AFRESH, work.account.id, integration_id)
        work.ring("work", "http")
    was, is_off = old["deactivated_datetime"] is not None, new["deactivated_datetime"] is not None
    if was != is_off:
        kind = "integration-deactivated" if is_off else "integration-reactivated"
        work.record(kind, "Integration", integration_id, {"name": new["name"], "reason": BY_HAND})
    return answer  # type: ignore[no-any-return]


async def delete(work: Work, integration_id: int) -> None:
    """Remove an integration. 404; 409 while rules, macros or other integrations name it, with their names.

    Its widgets go, customers lose its data; tickets and messages keep the id. Views: see `desk.removals`.
    """
    row = await _read(work, LOCK, integration_id)
    users: dict[str, list[str]] = {}
    for kind, name, _ in await work.db.fetch(USERS, work.account.id, integration_id):
        users.setdefault(kind, []).append(name)
    await _find_in_headers(work, integration_id, users)
    if users:
        raise errors.InUse(users)
    for (widget_id,) in await work.db.fetch(DELETE_WIDGETS, work.account.id, integration_id):
        work.record("widget-deleted", "Widget", widget_id)
    await work.db.execute(FORGET, work.account.id, integration_id)
    await work.db.execute(DELETE, work.account.id, integration_id)
    work.record("integration-deleted", "Integration", integration_id, {"name": row["name"]})


async def switch_off(work: Work, integration_id: int, reason: str) -> bool:
    """Stop calling it; whether it was on. Event integration-deactivated with the reason."""
    name = await work.db.fetchval(OFF, work.account.id, integration_id, work.now)
    if name is not None:
        data = {"name": name, "reason": reason}
        work.record("integration-deactivated", "Integration", integration_id, data)
    return name is not None


def opened(vault: Vault, account_id: int, http: dict[str, Any]) -> dict[str, Any]:
    """A stored call with its secrets as they are sent. ValueError when they were sealed with another secret key."""
    headers, secret = (http.get(name) for name in SEALED)
    place = _place(account_id)
    return http | {
        "headers": headers and msgspec.json.decode(vault.open(headers, place)),
        "hmac_secret": secret and vault.open(secret, place),
    }


def _sealed(work: Work, http: dict[str, Any] | None) -> dict[str, Any] | None:
    if http is None:
        return None
    vault, place = work.database.vault, _place(work.account.id)
    headers, secret = (http.get(name) for name in SEALED)
    return http | {
        "headers": headers and vault.seal(wire.encode(headers), place),
        "hmac_secret": secret and vault.seal(secret, place),
    }


def _place(account_id: int) -> str:
    return "integrations/" + str(account_id)


def _readable(work: Work, http: dict[str, Any]) -> dict[str, Any]:
    """The stored call; secrets that nobody can read any more count as none, so that new ones can be given."""
    try:
        return opened(work.database.vault, work.account.id, http)
    except ValueError:
        return http | dict.fromkeys(SEALED)


async def _find_in_headers(work: Work, integration_id: int, users: dict[str, list[str]]) -> None:
    pattern = re.compile(r"integrations\s*\[[\s\"'\\]*" + str(integration_id) + r"[\s\"'\\]*\]")
    for name, headers in await work.db.fetch(HEADERS, work.account.id, integration_id):
        if pattern.search(wire.encode(_readable(work, {"headers": headers})["headers"])):
            users.setdefault("integrations", []).append(name)


async def _read(work: Work, statement: str, integration_id: int) -> dict[str, Any]:
    row = await work.db.fetchrow(statement, work.account.id, integration_id)
    if row is None:
        raise errors.NotFound
    http = None if row["http"] is None else _readable(work, msgspec.json.decode(row["http"]))
    return {**row, "http": http}


def _changed(old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("type", old["type"]) != old["type"]:
        raise errors.one("type", "Must be " + old["type"] + ", the type of this integration.")
    new = {**old, **given}
    if "http" in given:
        if old["type"] != "http":
            raise errors.one("http", ONLY_HTTP)
        new["http"] = _merged({**HTTP, **old["http"]}, given["http"])
    return new


def _merged(old: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The stored call with what is given; triggers by their present names, an empty secret as none."""
    new = {**old, **given}
    new["triggers"] = {**old["triggers"], **_triggers(given.get("triggers", {}))}
    new["hmac_secret"] = new["hmac_secret"] or None
    return new


def _triggers(given: Mapping[str, bool]) -> dict[str, bool]:
    return {FORMER.get(name, name.replace("_", "-")): value for name, value in given.items()}


async def _check_url(work: Work, url: str) -> None:
    try:
        await outbound.check(url, work.database.allowed)
    except outbound.Refused as refusal:
        raise errors.Invalid({"http": {"url": [str(refusal)]}}) from None


async def _check_hours(work: Work, hours: int | None) -> None:
    if hours is not None and await work.db.fetchval(HOURS, work.account.id, hours) is None:
        raise errors.one("business_hours_id", errors.MISSING_OBJECT)


async def _check_limit(work: Work) -> None:
    limit = await work.db.fetchval(LIMIT, work.account.id)
    if limit is not None and await work.db.fetchval(COUNT, work.account.id) >= int(limit):
        raise errors.Conflict({"type": [TOO_MANY]}, TOO_MANY)
