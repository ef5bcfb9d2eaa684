"""How far each folder of a mailbox is fetched, and the mails that bring it further: one transaction with the journal.

A position moves only from where its holder thinks it is, while the mailbox is his: whatever dies or is overtaken in
between, a mail is neither passed over nor kept twice.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import clock
from polus.channels.email import addresses, headers, journal
from polus.channels.email.imap import Opened
from polus.channels.email.journal import Fetched, Mailbox
from polus.desk.mail_servers import Server
from polus.store.database import Database

# A folder that was numbered anew is looked at from some days before it was last up to date: clocks differ, and SINCE
# means days. What was fetched before is known by its digest, and by its Message-ID when that is gone.
OVERLAP = datetime.timedelta(days=3)
STUBBORN = 3  # refusals after which a mail that the server does not hand over is noted and passed over
HEAD = 65_536
WITHHELD = "the mail server does not hand over mail %d of folder %s: %s"

HOLD = """
select 1 from mail_servers where account_id = $1 and integration_id = $2 and way = 'in' and worker = $3
  and updated_datetime = $4 for update
"""
ALL = """
select name, uid_validity, last_uid, since, seen_datetime, history_since, history_uid, history_top
from mail_folders where account_id = $1 and integration_id = $2 order by place
"""
BEGIN = """
update mail_folders set uid_validity = $4, last_uid = $5, since = $6, stuck_uid = null, stuck = 0,
  history_uid = case when history_since is not null and (history_top is null or history_uid < history_top) then 0
    else history_uid end,
  history_top = case when history_since is not null and (history_top is null or history_uid < history_top) then $7
    else history_top end
where account_id = $1 and integration_id = $2 and name = $3
"""
ADVANCE = """
update mail_folders set last_uid = $6
where account_id = $1 and integration_id = $2 and name = $3 and uid_validity = $4 and last_uid = $5 returning 1
"""
ADVANCE_HISTORY = """
update mail_folders set history_uid = $6, history_count = history_count + $7
where account_id = $1 and integration_id = $2 and name = $3 and uid_validity = $4 and history_uid = $5 returning 1
"""
SEEN = """
update mail_folders set seen_datetime = $5, since = null, stuck_uid = null, stuck = 0
where account_id = $1 and integration_id = $2 and name = $3 and last_uid = $4
"""
STUCK = """
update mail_folders set stuck = case when stuck_uid = $4 then stuck + 1 else 1 end, stuck_uid = $4
where account_id = $1 and integration_id = $2 and name = $3 returning stuck
"""


class Lost(Exception):
    """The mailbox is another worker's now, or its settings are others."""


class Folder(msgspec.Struct):
    """A folder and where it stands. All None: not looked at yet."""

    name: str
    uid_validity: int | None
    last_uid: int | None
    since: datetime.date | None
    seen_datetime: datetime.datetime | None
    history_since: datetime.date | None
    history_uid: int | None
    history_top: int | None

    @property
    def has_history(self) -> bool:
        """Whether older mails are still to be fetched."""
        return (
            self.history_since is not None
            and self.history_uid is not None
            and self.history_top is not None
            and self.history_uid < self.history_top
        )


class Held(msgspec.Struct, frozen=True):
    """A mailbox that is this worker's: its server, as its settings were then, and the worker's number."""

    database: Database
    server: Server
    worker: int

    @property
    def key(self) -> tuple[int, int]:
        return self.server.account_id, self.server.integration_id


async def read(held: Held) -> list[Folder]:
    """The folders in their order. Raises Lost when the mailbox is not ours any more."""
    async with held.database.pool.acquire() as db, db.transaction():
        await _hold(db, held)
        return [Folder(**row) for row in await db.fetch(ALL, *held.key)]


async def begin(held: Held, folder: Folder, opened: Opened) -> None:
    """At the first look, from now on; at a new numbering, from some days before the folder was last up to date."""
    last, since = opened.top, None
    if folder.uid_validity is not None:
        last, since = 0, ((folder.seen_datetime or clock.now()) - OVERLAP).date()
    async with held.database.pool.acquire() as db, db.transaction():
        await _hold(db, held)
        await db.execute(BEGIN, *held.key, folder.name, opened.uid_validity, last, since, opened.top)
    folder.uid_validity, folder.last_uid, folder.since = opened.uid_validity, last, since


async def advance(held: Held, folder: Folder, mails: Sequence[Fetched], upto: int) -> None:
    """Journal mails and move on to `upto`, both or neither. Raises Lost."""
    await _move(held, ADVANCE, (folder.name, folder.uid_validity, folder.last_uid, upto), mails)
    folder.last_uid = upto


async def advance_history(held: Held, folder: Folder, mails: Sequence[Fetched], upto: int) -> None:
    """The same for mails that were there before we came."""
    place = (folder.name, folder.uid_validity, folder.history_uid, upto, len(mails))
    await _move(held, ADVANCE_HISTORY, place, mails)
    folder.history_uid = upto


async def _move(held: Held, statement: str, place: tuple[Any, ...], mails: Sequence[Fetched]) -> None:
    async with held.database.pool.acquire() as db, db.transaction():
        await _hold(db, held)
        await journal.keep(db, Mailbox(*held.key), held.server.address, mails)
        if not await db.fetchval(statement, *held.key, *place):
            raise Lost
    if mails:
        held.database.ring(("work", "mails"))


async def seen(held: Held, folder: Folder) -> None:
    """Everything in it is journalled, as of now."""
    async with held.database.pool.acquire() as db:
        await db.execute(SEEN, *held.key, folder.name, folder.last_uid, clock.now())


async def stuck(held: Held, folder: Folder, uid: int, said: str, *, history: bool) -> Fetched | None:
    """The server does not hand a mail over; after some times, the note that stands for it in the journal."""
    async with held.database.pool.acquire() as db:
        times = await db.fetchval(STUCK, *held.key, folder.name, uid)
    if times is None or times < STUBBORN:
        return None
    place = f"{folder.name} {folder.uid_validity} {uid}"
    return Fetched("", place.encode(), None, history, WITHHELD % (uid, folder.name, said))


def sender(raw: bytes) -> str:
    """Whose mail it is, for the journal's order: by its Return-Path, else by its From; `""` when neither names one."""
    head = raw[:HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    fields = {name.lower(): value for name, value in reversed(headers.split(head)[0])}
    for name in ("return-path", "from"):
        found = addresses.read(headers.decode(fields.get(name, b"")))
        if found:
            return found[0].address
    return ""


async def _hold(db: Any, held: Held) -> None:
    if not await db.fetchval(HOLD, *held.key, held.worker, held.server.updated):
        raise Lost
