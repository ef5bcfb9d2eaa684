"""The journal of incoming mail: raw mails, safe in the database before anybody is told that they arrived.

Every row ends in exactly one named state; what brings it there is left to `receive`.
"""

import datetime
import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import clock, text
from polus.store.database import Database

MOST_HELO = 255
MOST_ADDRESS = 320  # characters: 64 before the @, 255 after it

# The address as it is written, else without its plus part: `help+anything@shop.example` arrives at `help@shop.example`.
MAILBOX = """
select i.account_id, i.id as integration_id
from unnest($1::text[]) with ordinality as asked (address, position)
join lateral (
  select account_id, id from integrations where type = 'email' and lower(meta->>'address') = asked.address
  union all select account_id, integration_id from mail_aliases where lower(address) = asked.address
) found on true
join integrations i on i.account_id = found.account_id and i.id = found.id
join accounts a on a.id = i.account_id
where i.deactivated_datetime is null and a.deactivated_datetime is null
order by asked.position limit 1
"""

INSERT = """
insert into mails (account_id, integration_id, envelope_from, envelope_to, raw, size, received_datetime, peer,
  helo)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id
"""


class Mailbox(msgspec.Struct, frozen=True):
    """Where an address leads: an e-mail integration of an account."""

    account_id: int
    integration_id: int


async def mailbox(database: Database, address: str) -> Mailbox | None:
    """Whose address it is; None when nobody's. Case does not matter, a part after `+` neither."""
    address = text.clean(address).lower()
    local, at, domain = address.rpartition("@")
    if not at or len(address) > MOST_ADDRESS:
        return None
    asked = [address, local.partition("+")[0] + "@" + domain]
    async with database.pool.acquire(timeout=30) as db:
        row = await db.fetchrow(MAILBOX, asked)
    return None if row is None else Mailbox(**row)


async def write(
    database: Database,
    sender: str,
    recipients: Sequence[tuple[str, Mailbox]],
    raw: bytes,
    *,
    peer: str | None = None,
    helo: str = "",
) -> list[tuple[int, int]]:
    """Keep a mail, once for each account it is for; committed when this returns the rows' (account id, id).

    `recipients` are the envelope's addresses as given, each with where it leads. The first one of an account decides
    through which of its integrations the mail came. `peer` is the address of whoever delivered it over SMTP.
    """
    accounts: dict[int, list[tuple[str, Mailbox]]] = {}
    for address, box in recipients:
        accounts.setdefault(box.account_id, []).append((text.clean(address), box))
    now = clock.now()
    written = []
    async with database.pool.acquire(timeout=30) as db, db.transaction():
        for account_id, given in accounts.items():
            row: Any = await db.fetchval(
                INSERT,
                account_id,
                given[0][1].integration_id,
                text.clean(sender)[:MOST_ADDRESS],
                [address for address, _ in given],
                raw,
                len(raw),
                now,
                peer,
                text.clean(helo)[:MOST_HELO] or None,
            )
            written.append((account_id, row))
    database.ring(("work", "mails"))
    return written


KEEP = """
insert into mails (account_id, integration_id, envelope_from, envelope_to, raw, size, received_datetime, digest,
  dated_datetime, history, state, reason, processed_datetime)
select $1::bigint, $2::bigint, $3, $4::text[], $5::bytea, $6::int, $7::timestamptz, $8::bytea, $9::timestamptz, $10::bool,
  case when $11::text is null then 'received' else 'parked' end, $11, case when $11 is not null then $7 end
where not exists (select from mails where account_id = $1 and integration_id = $2 and digest = $8)
"""


class Fetched(msgspec.Struct, frozen=True):
    """A mail out of a mailbox. `dated`: when that server got it. `history`: it was there before we came.

    `parked`: why it cannot become a message; `raw` is then what there is of it.
    """

    sender: str
    raw: bytes
    dated: datetime.datetime | None
    history: bool = False
    parked: str | None = None


async def keep(db: Any, box: Mailbox, address: str, mails: Sequence[Fetched]) -> None:
    """Journal what was fetched, with the transaction of `db`; what is here already is not kept twice."""
    now = clock.now()
    for mail in mails:
        await db.execute(
            KEEP,
            box.account_id,
            box.integration_id,
            text.clean(mail.sender)[:MOST_ADDRESS],
            [address],
            mail.raw,
            len(mail.raw),
            now,
            hashlib.sha256(mail.raw).digest(),
            mail.dated,
            mail.history,
            mail.parked,
        )


REPLAY = """
update mails set state = 'received', reason = null, attempts = 0, due_datetime = now(), processed_datetime = null
where id = $1 and state in ('parked', 'loop', 'ignored', 'bounce') and raw <> '' returning account_id
"""
REMOVE_OLD = """
delete from mails where (account_id, id) in (
  select account_id, id from mails
  where processed_datetime < $1::timestamptz - interval '90 days' and state <> 'parked'
  order by processed_datetime limit $2)
"""


async def replay(database: Database, mail_id: int) -> int | None:
    """Let a mail that became no message be processed again; its account's id, None when there is no such mail, or its
    bytes were removed because a card number was in it."""
    async with database.pool.acquire() as db:
        account_id: int | None = await db.fetchval(REPLAY, mail_id)
    database.ring(("work", "mails"))
    return account_id


async def remove_old(db: Any, now: Any, batch: int = 500) -> int:
    """Delete raw mails settled more than 90 days ago, of all accounts; how many. Parked ones stay."""
    done: str = await db.execute(REMOVE_OLD, now, batch)
    return int(done.rsplit(" ", 1)[1])
