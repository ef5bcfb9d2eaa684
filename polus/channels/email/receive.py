"""Brings every journalled mail to its state: read, judged, taken in as a message, or put where people see why not.

One mail is one transaction, from locking its row to writing its state: a process that is killed leaves the row as it
was, and the next one begins anew. A mail that cannot be processed is parked and never blocks another.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import structlog

from polus.base import errors, figures
from polus.channels.email import arrivals, authentication, parse
from polus.channels.email.arrivals import Envelope, Settled
from polus.channels.email.authentication import Brought
from polus.channels.email.mails import Mail, Unreadable
from polus.desk import accounts, letter_settings, redaction
from polus.desk.files import Kept
from polus.desk.letter_settings import LetterSettings
from polus.store.database import Database
from polus.store.pool import BROKEN
from polus.store.queue import Key, Lane
from polus.store.work import Account, Actor, Work, reading, writing

# A sender's mails are taken in the order of their arrival, so that an answer does not overtake what it answers.
# One that failed and waits for its next attempt is stepped over. What a mailbox held before waits for what is new.
DUE = """
select account_id, id from mails m where state = 'received' and due_datetime <= now() and not exists (
  select from mails e where e.account_id = m.account_id and e.envelope_from = m.envelope_from
    and e.state = 'received' and e.id < m.id and e.due_datetime <= now())
order by history, id limit $1
"""

# Counted in a transaction of its own: a mail that kills the process is known by it. Who has the row locked works on it.
BEGIN = """
update mails set attempts = attempts + 1 where ctid = (
  select ctid from mails where account_id = $1 and id = $2 and state = 'received' for update skip locked)
returning attempts
"""
# Losing this count in a crash of PostgreSQL does no harm, waiting for the disk would.
UNHURRIED = "set local synchronous_commit = off"

PEEK = """
select integration_id, envelope_from, envelope_to, raw, peer, helo, history,
  coalesce(dated_datetime, received_datetime) as received_datetime from mails
where account_id = $1 and id = $2 and state = 'received'
"""
TAKE = "select 1 from mails where account_id = $1 and id = $2 and state = 'received' for update skip locked"

SETTLE = """
update mails set state = $3, reason = $4, ticket_id = $5, message_id = $6, processed_datetime = $7,
  raw = case when $8 then '' else raw end
where account_id = $1 and id = $2 and state = 'received'
"""
PARK = """
update mails set state = 'parked', reason = $3, processed_datetime = now()
where account_id = $1 and id = $2 and state = 'received'
"""
LATER = """
update mails set due_datetime = now() + make_interval(secs => $3), reason = $4
where account_id = $1 and id = $2 and state = 'received'
"""

BACKOFF = (1.0, 5.0, 30.0, 120.0, 600.0)
READING_PATIENCE = 20.0  # seconds; reading takes linear time, so only the largest mails come near
CHECKING_PATIENCE = 10.0  # the check itself gives up earlier, if its thread is not held up
PATIENCE = 50.0
CUSTOMER = Actor("customer")

log = structlog.get_logger(__name__)


class _Looked(msgspec.Struct, frozen=True):
    """A mail of the journal before it is settled: read, or why it cannot be."""

    envelope: Envelope
    unreadable: str
    mail: Mail | None = None


class Receiver:
    """The lane of the journal."""

    def __init__(self, database: Database, book: accounts.Book) -> None:
        self._database = database
        self._book = book
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="mail")
        # Those wait for the DNS, and must not keep others from being read.
        self._asking = ThreadPoolExecutor(max_workers=4, thread_name_prefix="mail-senders")

    def lane(self, width: int = 3) -> Lane:
        """For `store.queue`."""
        return Lane("mails", self.look, self.run, width)

    async def look(self, db: Any, most: int) -> list[Key]:
        """The mails that are due, the oldest of each sender."""
        return [tuple(row) for row in await db.fetch(DUE, most)]

    async def run(self, key: Key) -> bool:
        """Bring one mail to its state; when that fails, later again, and in the end it is parked."""
        async with self._database.pool.acquire() as db, db.transaction():
            await db.execute(UNHURRIED)
            attempts = await db.fetchval(BEGIN, *key)
        if attempts is None:
            return False
        if attempts > len(BACKOFF) + 1:
            await self._park(key, "every attempt ended the process")
            return True
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._settle(key)
        except BROKEN:
            # That is not the mail's fault: the row stays as it was.
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, this mail comes later or is parked
            await self._put_off(key, attempts, error)
            return True

    async def _settle(self, key: Key) -> bool:
        account = await self._book.account(key[0])
        looked = await self._looked(account, key)
        if looked is None:
            return False
        kept: list[Kept] = []
        async with writing(self._database, account, CUSTOMER) as work:
            if not await work.db.fetchval(TAKE, *key):
                return False
            try:
                settled = await self._process(work, looked, kept)
                forget = settled.state != "parked" and await _has_cards(work, looked.mail)
                await work.db.execute(SETTLE, *key, *msgspec.structs.astuple(settled), work.now, forget)
            except BaseException:
                # Not after a commit that failed: it may have happened, only its answer was lost.
                await self._forget(kept)
                raise
        figures.mails.labels(settled.state).inc()
        waited = (work.now - looked.envelope.received).total_seconds()
        figures.received.labels("email").observe(max(waited, 0.0))
        log.info("mail", id=key[1], state=settled.state, ticket=settled.ticket_id, reason=settled.reason)
        return True

    async def _looked(self, account: Account, key: Key) -> _Looked | None:
        """The mail read and its sender checked, before anything is locked: the DNS may take seconds."""
        async with reading(self._database, account, CUSTOMER) as work:
            row = await work.db.fetchrow(PEEK, *key)
            wanted = await letter_settings.get(work)
        if row is None:
            return None
        try:
            mail = await self._read(row["raw"])
        except Unreadable as error:
            return _Looked(arrivals.envelope(row), str(error))
        given = arrivals.envelope(row, wanted, await self._checked(row, mail, wanted))
        return _Looked(given, "", mail)

    async def _checked(self, row: Any, mail: Mail, wanted: LetterSettings) -> dict[str, Any] | None:
        """What speaks for the sender; None when nobody asks or there is nothing to look at."""
        told = authentication.told(mail, wanted.trusted_servers)
        brought = Brought(row["peer"], row["helo"] or "", row["envelope_from"])
        if told is not None or not wanted.check_senders:
            return told
        if not authentication.is_checkable(row["raw"], brought):
            return None
        loop = asyncio.get_running_loop()
        asked = (self._database.names, row["raw"], mail, brought)
        try:
            async with asyncio.timeout(CHECKING_PATIENCE):
                return await loop.run_in_executor(self._asking, authentication.check, *asked)
        except Exception as error:  # noqa: BLE001 - a mail is never lost or late because its sender cannot be checked
            log.warning("a sender was not checked", error=repr(error))
            return None

    async def _process(self, work: Work, looked: _Looked, kept: list[Kept]) -> Settled:
        if looked.mail is None:
            return Settled("parked", looked.unreadable)
        try:
            # A savepoint: what a refusal leaves half done is undone, and the mail is parked all the same.
            async with work.db.transaction():
                return await arrivals.settle(work, looked.envelope, looked.mail, kept)
        except errors.Refusal as refusal:
            await self._forget(kept)
            return Settled("parked", f"refused: {refusal.msg} {refusal.data or ''}".strip()[:500])

    async def _read(self, raw: bytes) -> Mail:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(READING_PATIENCE):
                return await loop.run_in_executor(self._threads, parse.parse, raw)
        except TimeoutError:
            raise Unreadable("reading it took too long") from None

    async def _forget(self, kept: list[Kept]) -> None:
        while kept:
            await self._database.files.delete(kept.pop().key)

    async def _put_off(self, key: Key, attempts: int, error: Exception) -> None:
        said = f"{type(error).__name__}: {error}"[:500].replace("\0", "")
        if attempts > len(BACKOFF):
            await self._park(key, said)
        else:
            async with self._database.pool.acquire() as db:
                await db.execute(LATER, *key, BACKOFF[attempts - 1], said)
        log.warning("mail failed", id=key[1], attempts=attempts, exc_info=error)

    async def _park(self, key: Key, reason: str) -> None:
        async with self._database.pool.acquire() as db:
            await db.execute(PARK, *key, reason)
        figures.mails.labels("parked").inc()


async def _has_cards(work: Work, mail: Mail | None) -> bool:
    """Whether the raw mail must not be kept: a card number that was blotted out of the message stands in it."""
    if mail is None:
        return False
    said = {"subject": mail.subject, "body_text": mail.body_text, "body_html": mail.body_html}
    named = {f"name {place}": file.name for place, file in enumerate(mail.attachments)}
    return bool(await redaction.values(work, {**said, **named}))
