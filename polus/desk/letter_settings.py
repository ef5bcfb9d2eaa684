"""What an account wants done with mails and words: card numbers blotted out, senders checked, filters believed."""

import re
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import changes
from polus.store.work import Work

GET = """
select redact_cards, check_senders, trusted_servers, spam_headers from letter_settings where account_id = $1
"""
PUT = """
insert into letter_settings (account_id, redact_cards, check_senders, trusted_servers, spam_headers)
values ($1, $2, $3, $4, $5)
on conflict (account_id) do update set redact_cards = excluded.redact_cards,
  check_senders = excluded.check_senders, trusted_servers = excluded.trusted_servers,
  spam_headers = excluded.spam_headers
"""
REDACTS = "select redact_cards from letter_settings where account_id = $1"

MOST_SERVERS = 20
SERVER = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?")
NOT_SERVER = "Not the name of a server."


class LetterSettings(msgspec.Struct, frozen=True):
    """As an account has them that never changed them. `trusted_servers`: the names by which mail servers in front of us
    sign their `Authentication-Results`, in lower case."""

    redact_cards: bool = True
    check_senders: bool = True
    trusted_servers: tuple[str, ...] = ()
    spam_headers: bool = True


DEFAULTS = LetterSettings()


async def get(work: Work) -> LetterSettings:
    """The account's."""
    row = await work.db.fetchrow(GET, work.account.id)
    return LetterSettings() if row is None else LetterSettings(row[0], row[1], tuple(row[2]), row[3])


async def put(work: Work, new: LetterSettings) -> None:
    """Change them; 400 on `trusted_servers`. Event account-updated with what changed."""
    names = tuple(dict.fromkeys(name.strip().lower() for name in new.trusted_servers if name.strip()))
    if len(names) > MOST_SERVERS:
        raise errors.one("trusted_servers", f"At most {MOST_SERVERS}.")
    if not all(map(SERVER.fullmatch, names)):
        raise errors.one("trusted_servers", NOT_SERVER)
    new = msgspec.structs.replace(new, trusted_servers=names)
    changed = changes.between(_plain(await get(work)), _plain(new), ("trusted_servers",))
    if not changed:
        return
    await work.db.execute(
        PUT, work.account.id, new.redact_cards, new.check_senders, list(names), new.spam_headers
    )
    work.record("account-updated", "Account", work.account.id, changed)


def _plain(settings: LetterSettings) -> dict[str, Any]:
    return msgspec.structs.asdict(settings) | {"trusted_servers": list(settings.trusted_servers)}


async def redacts(work: Work) -> bool:
    """Whether card numbers are blotted out."""
    found = await work.db.fetchval(REDACTS, work.account.id)
    return True if found is None else bool(found)
