"""Telephone numbers at a provider: integrations of type phone, their texts and queue, their credentials, their addresses.

What happens when somebody calls one is left to `flow`.
"""

import datetime
import secrets
from typing import Any

import asyncpg
import msgspec

from polus.base import errors, outbound, wire
from polus.base.crypto import Vault
from polus.channels import twilio
from polus.channels.twilio import Credentials
from polus.desk import business_hours
from polus.desk.voice import phones
from polus.store.work import Work

TYPE = "phone"
PREFIX = "/hooks/voice/"
NAME_LENGTH = 100
TEXT_LENGTH = 1000
LONGEST_WAIT = 3600
TAKEN = "The number is connected already."
NOT_MUSIC = "An address like https://shop.example/music.mp3."
NOT_SID = "AC and 32 characters of 0-9 and a-f."
# What the provider's voices speak.
LANGUAGES = (
    "en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "it-IT", "nl-NL", "pt-PT", "pt-BR", "pl-PL", "da-DK", "sv-SE", "nb-NO",
    "fi-FI", "ja-JP",
)  # fmt: skip

ADD = """
with made as (
  insert into integrations (account_id, type, name, meta, user_id, created_datetime, updated_datetime)
  values ($1, 'phone', $2, $3, $4, $5, $5) returning id
)
insert into voice_numbers (account_id, integration_id, token, number, account_sid, auth_token, api)
select $1, id, $6, $7, $8, $9, $10 from made returning integration_id
"""
# With the hours of its own, else those of the account.
_NUMBER = """
select distinct on (v.account_id, v.integration_id) v.account_id, v.integration_id as id, i.name, v.number, v.token,
  v.account_sid, v.auth_token, v.api, v.heard_datetime, i.meta->'voice' as look,
  i.deactivated_datetime is not null as off, h.data as hours
from voice_numbers v join integrations i on i.account_id = v.account_id and i.id = v.integration_id
left join account_settings h on h.account_id = i.account_id and h.type = 'business-hours'
  and h.id = coalesce(i.business_hours_id, h.id)
"""
_ORDER = " order by v.account_id, v.integration_id, h.id"
GET = _NUMBER + " where v.account_id = $1 and v.integration_id = $2" + _ORDER
ALL = _NUMBER + " where v.account_id = $1" + _ORDER
BY_TOKEN = (
    _NUMBER
    + " join accounts a on a.id = v.account_id where v.token = $1 and a.deactivated_datetime is null"
    + _ORDER
)
CHANGE = """
with changed as (
  update integrations set name = $3, meta = $4, updated_datetime = $5 where account_id = $1 and id = $2
)
update voice_numbers set account_sid = $6, auth_token = $7, api = $8 where account_id = $1 and integration_id = $2
"""
# Not at each of them: calls at once would wait for one another.
HEARD = """
update voice_numbers set heard_datetime = $3 where account_id = $1 and integration_id = $2
  and (heard_datetime is null or heard_datetime < $3::timestamptz - interval '1 minute')
"""
TEAM = "select exists (select from teams where account_id = $1 and id = $2)"


class Look(msgspec.Struct, kw_only=True):
    """What an administrator chooses. `team_id`: whose telephones ring, None those of all; `wait`: seconds in the queue
    at most, `ring`: seconds that one telephone rings. Texts that are empty are not spoken. `always`: whatever the hours."""

    language: str = "en-US"
    always: bool = False
    greeting: str = ""
    hold: str = "Please hold the line. Somebody will be with you soon."
    music: str = ""
    team_id: int | None = None
    wait: int = 180
    ring: int = 20
    accept: bool = True
    closed: str = "Thank you for calling. We are closed at the moment."
    unanswered: str = "Nobody can take your call at the moment."
    voicemail: bool = True
    voicemail_text: str = "Please leave a message after the tone, and hang up."
    record: bool = False
    announcement: str = "This call is recorded."


class Account(msgspec.Struct, kw_only=True):
    """Whose number it is at the provider. `auth_token` empty: the one that is known."""

    account_sid: str
    auth_token: str = ""
    api: str = twilio.API


class Number(msgspec.Struct, frozen=True, kw_only=True):
    """One of an account. `off`: nobody is let in."""

    account_id: int
    id: int
    name: str
    number: str
    token: str
    account_sid: str
    auth_token: str
    api: str
    heard_datetime: datetime.datetime | None
    look: Look
    off: bool
    hours: str | None

    def is_open(self, now: datetime.datetime) -> bool:
        """Whether it is answered, by the business hours; without any always."""
        if self.look.always:
            return True
        given = business_hours.parsed(msgspec.json.decode(self.hours or "{}"))
        return given is None or not given.spans or given.contains(now)

    def credentials(self, vault: Vault) -> Credentials:
        """What the provider is asked with. ValueError when they were sealed with another secret key."""
        token = vault.open(self.auth_token, _place(self.account_id))
        return Credentials(self.account_sid, token, self.api)

    def address(self, base_url: str, step: str) -> str:
        """What the provider calls at that step."""
        return base_url + PREFIX + self.token + "/" + step


async def add(work: Work, name: str, number: str, account: Account) -> int:
    """Connect a number; the integration's id. 400 by field, 409 when it is connected. Event integration-created."""
    dialled = phones.dialled(number)
    problems = _account_problems(work, account)
    if dialled is None:
        problems["number"] = [phones.NOT_PHONE]
    if not account.auth_token:
        problems["auth_token"] = [errors.REQUIRED]
    if problems:
        raise errors.Invalid(problems)
    name = name.strip()[:NAME_LENGTH] or str(dialled)
    try:
        async with work.attempt():
            integration_id: int = await work.db.fetchval(
                ADD,
                work.account.id,
                name,
                wire.encode({"address": dialled, "voice": Look()}),
                work.actor.user_id,
                work.now,
                secrets.token_urlsafe(18),
                dialled,
                account.account_sid,
                work.database.vault.seal(account.auth_token, _place(work.account.id)),
                account.api.rstrip("/"),
            )
    except asyncpg.UniqueViolationError:
        raise errors.Conflict({"number": [TAKEN]}) from None
    work.record("integration-created", "Integration", integration_id, {"name": name})
    return integration_id


async def change(work: Work, number: Number, name: str, look: Look, account: Account) -> None:
    """Change all but the number itself. 400 by field. Event integration-updated."""
    problems = await _problems(work, look) | _account_problems(work, account)
    if problems:
        raise errors.Invalid(problems)
    name = name.strip()[:NAME_LENGTH] or number.name
    place = _place(work.account.id)
    token = work.database.vault.seal(account.auth_token, place) if account.auth_token else number.auth_token
    await work.db.execute(
        CHANGE,
        work.account.id,
        number.id,
        name,
        wire.encode({"address": number.number, "voice": look}),
        work.now,
        account.account_sid,
        token,
        account.api.rstrip("/"),
    )
    work.record("integration-updated", "Integration", number.id, {"name": [number.name, name]})


async def _problems(work: Work, look: Look) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: [errors.too_long(TEXT_LENGTH)]
        for name in ("greeting", "hold", "closed", "unanswered", "voicemail_text", "announcement", "music")
        if len(getattr(look, name)) > TEXT_LENGTH
    }
    if look.music and not look.music.startswith("https://"):
        found["music"] = [NOT_MUSIC]
    if look.language not in LANGUAGES:
        found["language"] = [errors.NOT_CHOICE]
    if not 0 <= look.wait <= LONGEST_WAIT:
        found["wait"] = [errors.too_big(LONGEST_WAIT)]
    if not 5 <= look.ring <= 60:
        found["ring"] = [errors.too_big(60) if look.ring > 60 else errors.too_small(5)]
    if look.team_id is not None and not await work.db.fetchval(TEAM, work.account.id, look.team_id):
        found["team_id"] = [errors.MISSING_OBJECT]
    return found


def _account_problems(work: Work, account: Account) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not twilio.SID.fullmatch(account.account_sid):
        found["account_sid"] = [NOT_SID]
    if not _is_api(work, account.api):
        found["api"] = [errors.NOT_URL]
    return found


def _is_api(work: Work, url: str) -> bool:
    """Whether credentials may go there: encrypted, or to what the installation says is of its own house."""
    try:
        aim = outbound.target(url)
    except outbound.Refused:
        return False
    if aim.host is None or aim.scheme == "https":
        return aim.host is not None
    place, allowed = outbound.literal(aim.host), work.database.allowed
    inside = place is not None and not outbound.public(place) and allowed.address(place)
    return inside or allowed.host(aim.host)


async def get(work: Work, integration_id: int) -> Number:
    """The number of that integration, also when it is off; 404."""
    row = await work.db.fetchrow(GET, work.account.id, integration_id)
    if row is None:
        raise errors.NotFound
    return _number(row)


async def all_of(work: Work) -> list[Number]:
    """The account's, those that are off too."""
    return [_number(row) for row in await work.db.fetch(ALL, work.account.id)]


async def by_token(db: Any, token: str) -> Number | None:
    """Whose address that is, in whichever account."""
    row = await db.fetchrow(BY_TOKEN, token)
    return None if row is None else _number(row)


async def heard(work: Work, number: Number) -> None:
    """The provider has called one of its addresses."""
    await work.db.execute(HEARD, work.account.id, number.id, work.now)


def _number(row: Any) -> Number:
    look = msgspec.json.decode(row["look"] or "{}", type=Look)
    return Number(**{**row, "look": look})


def _place(account_id: int) -> str:
    return "voice/" + str(account_id)
