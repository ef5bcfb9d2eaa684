"""`polus mail`: files taken in as SMTP takes mails in, mails processed again, and the servers of an address tried."""

import asyncio
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from polus import founding, screen
from polus.base import errors
from polus.base.settings import Misconfigured, Settings
from polus.channels.email import journal, parse, probes
from polus.channels.email.journal import Mailbox
from polus.channels.email.mails import Unreadable
from polus.channels.email.receive import Receiver
from polus.desk import mail_folders, mail_servers
from polus.desk.accounts import Book
from polus.reactions import table as reactions
from polus.store.database import Database
from polus.store.queue import Key
from polus.store.work import SYSTEM, reading, writing

ROW = "select state, reason, ticket_id, message_id from mails where account_id = $1 and id = $2"
# Where a mail goes that names none of our addresses: the only account's oldest one.
ONLY = """
select i.account_id, i.id as integration_id, i.meta->>'address' as address from integrations i
where i.type = 'email' and i.deactivated_datetime is null
  and i.account_id = (select min(id) from accounts) and (select count(*) from accounts) = 1
order by i.id limit 1
"""
AGAIN = 0.1  # seconds between looks at a mail that another worker has


class Told(msgspec.Struct, frozen=True):
    """What became of one mail."""

    id: int
    file: str
    state: str
    reason: str | None
    ticket_id: int | None
    message_id: int | None


async def take(settings: Settings, files: Sequence[Path], to: Sequence[str], as_json: bool) -> int:
    """Journal the files and process them; 1 when one was parked."""
    reactions.subscribe()
    async with founding.current(settings) as database:
        receiver = Receiver(database, Book(database, settings.base_url))
        found = []
        for file in files:
            raw = await asyncio.to_thread(_read, file)
            keys = await _journalled(database, raw, to)
            found += [await _processed(database, receiver, key, str(file)) for key in keys]
    return _say(found, as_json)


async def replay(settings: Settings, ids: Sequence[int], as_json: bool) -> int:
    """Process mails again; 1 when one was parked again."""
    reactions.subscribe()
    async with founding.current(settings) as database:
        receiver = Receiver(database, Book(database, settings.base_url))
        found = []
        for mail_id in ids:
            account_id = await journal.replay(database, mail_id)
            if account_id is None:
                raise errors.one("id", f"{mail_id}: there is no such mail, or it is a message already.")
            found.append(await _processed(database, receiver, (account_id, mail_id), ""))
    return _say(found, as_json)


async def test(settings: Settings, address: str, as_json: bool) -> int:
    """Try the mailbox and the sending of an address, and say what is wrong; 1 when something is."""
    found: dict[str, str] = {}
    async with founding.current(settings) as database:
        box = await _box(database, address)
        account = await Book(database, settings.base_url).account(box.account_id)
        async with reading(database, account, SYSTEM) as work:
            ways = await mail_servers.states(work, box.integration_id)
        host = urlsplit(settings.base_url).hostname or "localhost"
        for way in sorted(ways):
            trouble = await probes.test(database, account, box.integration_id, way, host)
            found[way] = str(trouble or "")
    if as_json:
        screen.say_json(
            {"address": address, **{way: {"works": not said, "said": said} for way, said in found.items()}}
        )
    else:
        for way, said in found.items():
            screen.say(f"{'Mailbox' if way == 'in' else 'Sending'}: {said or 'works.'}")
        if not found:
            screen.say(f"{address} has no mail servers of its own.")
    return int(any(found.values()))


async def history(settings: Settings, address: str, moment: datetime.datetime | None, as_json: bool) -> None:
    """Have the mails of a day and later fetched that the mailbox held before, by the worker; None: stop that."""
    since = moment.date() if moment else None
    async with founding.current(settings) as database:
        box = await _box(database, address)
        account = await Book(database, settings.base_url).account(box.account_id)
        async with writing(database, account, SYSTEM) as work:
            await mail_folders.fetch_history(work, box.integration_id, since)
    if as_json:
        screen.say_json({"address": address, "since": since and str(since)})
    else:
        screen.say(f"Mails since {since} are being fetched." if since else "No older mails are fetched.")


async def _box(database: Database, address: str) -> Mailbox:
    box = await journal.mailbox(database, address)
    if box is None:
        raise errors.one("address", f"{address}: there is no such mailbox here.")
    return box


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Misconfigured(
            "file-unreadable", f"{file} cannot be read: {error.strerror}.", "Name a readable file."
        ) from error


async def _journalled(database: Database, raw: bytes, to: Sequence[str]) -> list[Key]:
    sender, named = "", list(to)
    try:
        mail = parse.parse(raw)
    except Unreadable:
        # It is parked like any other, so that it can be looked at.
        mail = None
    if mail is not None:
        sender = mail.from_.address if mail.from_ else ""
        named = named or [one.address for one in (*mail.delivered_to, *mail.to, *mail.cc, *mail.bcc)]
    boxes: list[tuple[str, Mailbox]] = []
    for address in named:
        box = await journal.mailbox(database, address)
        if box is not None:
            boxes.append((address, box))
        elif to:
            raise errors.one("to", f"{address}: there is no such mailbox here.")
    return await journal.write(database, sender, boxes or [await _only(database)], raw)


async def _only(database: Database) -> tuple[str, Mailbox]:
    async with database.pool.acquire() as db:
        row = await db.fetchrow(ONLY)
    if row is None:
        raise Misconfigured(
            "mailbox-unclear", "The mail names none of our addresses.", "Name one with --to; see `polus check`."
        )  # fmt: skip
    return row["address"], Mailbox(row["account_id"], row["integration_id"])


async def _processed(database: Database, receiver: Receiver, key: Key, file: str) -> Told:
    """The mail's end; a worker beside us may be quicker, then this waits for it."""
    while True:
        await receiver.run(key)
        async with database.pool.acquire() as db:
            row: Any = await db.fetchrow(ROW, *key)
        # A failure that will be tried again is told as it is: received, with its reason.
        if row["state"] != "received" or row["reason"]:
            return Told(key[1], file, **row)
        await asyncio.sleep(AGAIN)


def _say(found: Sequence[Told], as_json: bool) -> int:
    if as_json:
        screen.say_json(found)
    else:
        for told in found:
            place = f" in ticket {told.ticket_id}" if told.ticket_id else ""
            why = f": {told.reason}" if told.reason else ""
            screen.say(f"mail {told.id} {told.file} {told.state}{place}{why}".replace("  ", " "))
    return int(any(told.state in ("parked", "received") for told in found))
