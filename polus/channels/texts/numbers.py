"""Numbers that texts come to and go out from: integrations of type sms or whatsapp, each with a provider.

Their webhook's address holds a token that follows from the installation's secret, so it is stored nowhere.
"""

import secrets as random
from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from polus.base import addresses, crypto, errors, outbound, wire
from polus.base.crypto import Vault
from polus.channels import twilio
from polus.channels.texts.by_http import Http
from polus.channels.texts.by_twilio import Twilio
from polus.channels.texts.providers import CHANNELS, Channel, Number, Provider, Settings
from polus.desk.tickets import drafts
from polus.store.database import Database
from polus.store.work import Account, Work

PREFIX = "/hooks/texts/"
PROVIDERS: Mapping[str, Provider] = {"twilio": Twilio(), "http": Http()}
NAME_LENGTH = 100
TROUBLE_LENGTH = 500

NOT_A_NUMBER = "Not a telephone number with its country: +4930123456."
NOT_A_SID = "An account SID is AC and 32 digits or letters from a to f."
NO_TOKEN = "Give the auth token."  # noqa: S105
TAKEN = "This number is there already."

ADD = """
with made as (
  insert into integrations (account_id, type, name, meta, user_id, created_datetime, updated_datetime)
  values ($1, $2, $3, $4, $5, $6, $6) returning id
)
insert into text_numbers (account_id, integration_id, channel, address, provider, settings, secret)
select $1, id, $2, $7, $8, $9, $10 from made returning integration_id
"""
_NUMBER = """
select n.account_id, n.integration_id as id, i.name, n.channel, n.address, n.provider, n.settings::text as settings,
  n.secret, i.deactivated_datetime is not null as off, n.received_datetime, n.sent_datetime, n.trouble,
  n.trouble_datetime, n.tested_address, n.tested_datetime, n.tested_error, exists (select from text_tests t
    where t.account_id = n.account_id and t.integration_id = n.integration_id) as testing,
  (select count(*) from text_arrivals a where a.account_id = n.account_id and a.integration_id = n.integration_id
    and a.state = 'parked') as parked
from text_numbers n join integrations i on i.account_id = n.account_id and i.id = n.integration_id
where n.account_id = $1
"""
ALL = _NUMBER + " order by n.channel, n.integration_id"
GET = _NUMBER + " and n.integration_id = $2"
IN_USE = (
    _NUMBER
    + " and n.integration_id = $2 and i.deactivated_datetime is null"
    + " and exists (select from accounts a where a.id = n.account_id and a.deactivated_datetime is null)"
)
OF_CHANNEL = _NUMBER + " and n.channel = $2 and i.deactivated_datetime is null order by n.integration_id"
CHANGE = "update integrations set name = $3, updated_datetime = $4 where account_id = $1 and id = $2"
SETTINGS = """
update text_numbers set settings = $3, secret = $4, trouble = null where account_id = $1 and integration_id = $2
"""
RECEIVED = """
update text_numbers set received_datetime = greatest(received_datetime, $3)
where account_id = $1 and integration_id = $2
"""
WELL = """
update text_numbers set sent_datetime = greatest(sent_datetime, $3), trouble = null
where account_id = $1 and integration_id = $2
"""
TROUBLED = """
update text_numbers set trouble = $3, trouble_datetime = now() where account_id = $1 and integration_id = $2
"""
AGAIN = """
update text_arrivals set state = 'received', attempts = 0, due_datetime = now(), worker = null
where account_id = $1 and integration_id = $2 and state = 'parked'
"""
TEST = """
insert into text_tests as t (account_id, integration_id, address, created_datetime, due_datetime)
values ($1, $2, $3, $4, $4) on conflict (account_id, integration_id) do update
set address = excluded.address, attempts = 0, due_datetime = excluded.due_datetime where t.worker is null
"""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator enters for a number. `secret` empty: the one before stays, or the provider needs none."""

    name: str = ""
    channel: str = "sms"
    address: str = ""
    provider: str = "twilio"
    settings: Settings = Settings()
    secret: str = ""


class Shown(msgspec.Struct, frozen=True):
    """A number and how it fares, for its page. `secret` is there for the generic provider alone, which must know it."""

    id: int
    name: str
    channel: str
    address: str
    provider: str
    settings: Settings
    secret: str
    webhook: str
    off: bool
    facts: Any


async def add(work: Work, given: Given) -> int:
    """A new number; its integration's id. 400; 409 when it is there. Event integration-created."""
    address = addresses.e164(given.address)
    problems = await _problems(work, given, address, first=True)
    if problems:
        raise errors.Invalid(problems)
    secret = given.secret or random.token_hex(32)
    try:
        async with work.attempt():
            number_id: int = await work.db.fetchval(
                ADD,
                work.account.id,
                given.channel,
                given.name.strip()[:NAME_LENGTH] or address,
                wire.encode({"address": address, "provider": given.provider}),
                work.actor.user_id,
                work.now,
                address,
                given.provider,
                wire.encode(msgspec.to_builtins(given.settings)),
                _sealed(work.database.vault, work.account.id, secret),
            )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"address": [TAKEN]}) from None
    work.record("integration-created", "Integration", number_id, {"name": given.name or address})
    return number_id


async def change(work: Work, number_id: int, given: Given) -> None:
    """Change name, settings and secret; number, channel and provider stay. 404, 400. Event integration-updated."""
    row = await _row(work, number_id)
    given = msgspec.structs.replace(given, channel=row["channel"], provider=row["provider"])
    problems = await _problems(work, given, row["address"], first=False)
    if problems:
        raise errors.Invalid(problems)
    sealed = _sealed(work.database.vault, work.account.id, given.secret) if given.secret else row["secret"]
    name = given.name.strip()[:NAME_LENGTH] or row["name"]
    await work.db.execute(CHANGE, work.account.id, number_id, name, work.now)
    settings = wire.encode(msgspec.to_builtins(given.settings))
    await work.db.execute(SETTINGS, work.account.id, number_id, settings, sealed)
    changed = {"name": [row["name"], name]} if name != row["name"] else {"settings": True}
    work.record("integration-updated", "Integration", number_id, changed)


async def _problems(work: Work, given: Given, address: str, *, first: bool) -> dict[str, list[str]]:
    settings, problems = given.settings, dict[str, list[str]]()
    if given.channel not in CHANNELS:
        problems["channel"] = [errors.NOT_CHOICE]
    if given.provider not in PROVIDERS:
        problems["provider"] = [errors.NOT_CHOICE]
    if not address:
        problems["address"] = [NOT_A_NUMBER]
    for name in ("help_text", "stop_text"):
        if len(getattr(settings, name)) > drafts.TEXT_LENGTH:
            problems[name] = [errors.too_long(drafts.TEXT_LENGTH)]
    if given.provider == "twilio":
        if not twilio.SID.fullmatch(settings.account_sid) or settings.account_sid[:2] != "AC":
            problems["account_sid"] = [NOT_A_SID]
        if first and not given.secret:
            problems["secret"] = [NO_TOKEN]
        await _check(work, settings.api or twilio.API, "api", problems)
    elif given.provider == "http":
        await _check(work, settings.url, "url", problems)
    return problems


async def _check(work: Work, url: str, name: str, problems: dict[str, list[str]]) -> None:
    try:
        await outbound.check(url, work.database.allowed)
    except outbound.Refused as refused:
        # The provider's own address needs no resolver to be right.
        if url != twilio.API:
            problems[name] = [str(refused)]


async def all_of(work: Work) -> list[Shown]:
    """The account's numbers, those that are off too."""
    return [_shown(work, row) for row in await work.db.fetch(ALL, work.account.id)]


async def get(work: Work, number_id: int) -> Shown:
    """The number with that id; 404."""
    return _shown(work, await _row(work, number_id))


async def of_channel(work: Work, channel: str) -> list[Any]:
    """Rows (id, address, name, …) of the numbers in use of one channel, the oldest first."""
    return list(await work.db.fetch(OF_CHANNEL, work.account.id, channel))


async def opened(work: Work, number_id: int) -> Number:
    """The number as its provider is spoken to. ValueError says why that cannot be: it is gone, off, or sealed."""
    row = await work.db.fetchrow(IN_USE, work.account.id, number_id)
    if row is None:
        raise ValueError("The number that it would be sent from is not connected any more.")
    return _opened(work.database.vault, row)


async def by_token(database: Database, token: str) -> Number | None:
    """The number in use whose webhook ends so. None when it is nobody's."""
    account_id, _, rest = token.partition("-")
    number_id, _, _mac = rest.partition("-")
    if not (account_id.isdecimal() and number_id.isdecimal() and len(token) < 100):
        return None
    if not crypto.equal(token, token_of(database, int(account_id), int(number_id))):
        return None
    async with database.pool.acquire() as db:
        row = await db.fetchrow(IN_USE, int(account_id), int(number_id))
    try:
        return None if row is None else _opened(database.vault, row)
    except ValueError:
        return None


def token_of(database: Database, account_id: int, number_id: int) -> str:
    """What a number's webhook ends with."""
    mac = crypto.derived(database.secret_key, f"texts {account_id} {number_id}")[:32]
    return f"{account_id}-{number_id}-{mac}"


def webhook(database: Database, account: Account, number_id: int) -> str:
    """The address to be told to the provider."""
    return account.home + PREFIX + token_of(database, account.id, number_id)


async def received(work: Work, number_id: int) -> None:
    """Something came in."""
    await work.db.execute(RECEIVED, work.account.id, number_id, work.now)


async def well(work: Work, number_id: int) -> None:
    """Something went out."""
    await work.db.execute(WELL, work.account.id, number_id, work.now)


async def troubled(work: Work, number_id: int, said: str) -> None:
    """Something went wrong; the number's page says so until something goes out."""
    await work.db.execute(TROUBLED, work.account.id, number_id, said[:TROUBLE_LENGTH])


async def test(work: Work, number_id: int, address: str) -> None:
    """Send a text to see whether the number works; its page tells what came of it. 404; 400 on `to`."""
    row = await _row(work, number_id)
    to = addresses.e164(address, row["address"])
    if not to:
        raise errors.one("to", NOT_A_NUMBER)
    await work.db.execute(TEST, work.account.id, number_id, to, work.now)
    work.ring("work", "text_tests")


async def again(work: Work, number_id: int) -> None:
    """Try once more to take what could not be taken. 404."""
    await _row(work, number_id)
    await work.db.execute(AGAIN, work.account.id, number_id)
    work.ring("work", "texts")


async def _row(work: Work, number_id: int) -> Any:
    row = await work.db.fetchrow(GET, work.account.id, number_id)
    if row is None:
        raise errors.NotFound
    return row


def _shown(work: Work, row: Any) -> Shown:
    readable = row["provider"] == "http"
    try:
        secret = _opened(work.database.vault, row).secret if readable else ""
    except ValueError:
        secret = ""
    return Shown(
        row["id"],
        row["name"],
        row["channel"],
        row["address"],
        row["provider"],
        msgspec.json.decode(row["settings"], type=Settings),
        secret,
        webhook(work.database, work.account, row["id"]),
        row["off"],
        row,
    )


def _opened(vault: Vault, row: Any) -> Number:
    channel: Channel = row["channel"]
    return Number(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        channel=channel,
        address=row["address"],
        provider=row["provider"],
        settings=msgspec.json.decode(row["settings"], type=Settings),
        secret=vault.open(row["secret"], _place(row["account_id"])),
    )


def _sealed(vault: Vault, account_id: int, secret: str) -> str:
    return vault.seal(secret, _place(account_id))


def _place(account_id: int) -> str:
    return f"texts/{account_id}"
