"""The lane of mailboxes: each is one worker's at a time, which keeps a connection to it and fetches what is new.

New mails come first, history in small steps between them. A mailbox that cannot be reached is tried again, ever more
seldom; why stands in its row (`desk.mail_servers`). Fetched mails go the listener's way: `receive` takes them in.
"""

import asyncio
from typing import Any

import structlog

from polus.base import clock, wire
from polus.channels.email import folders, imap, listener
from polus.channels.email.folders import Folder, Held, Lost
from polus.channels.email.imap import Conversation, Listed, Withheld
from polus.channels.email.journal import Fetched
from polus.channels.email.troubles import Trouble
from polus.desk import accounts, mail_servers
from polus.store.bell import Ring
from polus.store.database import Database
from polus.store.pool import AWAY
from polus.store.presence import FREE, Presence
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, reading

WIDTH = 200  # mailboxes that one worker keeps connections to
BATCH = 50  # mails in one transaction
BATCH_BYTES = 16 * 1024 * 1024
WINDOW = 1_000  # numbers that are asked for at once; more while nothing is found
WIDEST = 65_536
LOOK = 60.0  # seconds between looks at folders that do not tell of news by themselves
RENEW = 240.0  # seconds after which IDLE is begun anew; servers and routers forget who is silent for long
MOST_WAITING = (
    500  # mails of history that wait to be taken in; the next ones are fetched when there are fewer
)
PAUSE = 2.0  # seconds to the next look whether there are
BACKOFF = (1.0, 5.0, 15.0, 60.0, 120.0, 300.0, 600.0, 900.0)
LASTING = 300.0  # seconds at least after what trying again does not cure
TROUBLED = 3  # connections that broke before a mailbox counts as troubled
TOO_LARGE = "larger than %d MB; it is still in the mailbox, in folder %s"

DUE = (
    """
select s.account_id, s.integration_id from mail_servers s
join integrations i on i.account_id = s.account_id and i.id = s.integration_id
join accounts a on a.id = s.account_id
where s.way = 'in' and s.due_datetime <= now() and i.deactivated_datetime is null and a.deactivated_datetime is null
  and """
    + FREE.replace("worker", "s.worker").replace("claimed_datetime", "s.claimed_datetime")
    + " order by s.due_datetime limit $1"
)
CLAIM = (
    """
update mail_servers set worker = $3, claimed_datetime = clock_timestamp() where ctid = (
  select ctid from mail_servers where account_id = $1 and integration_id = $2 and way = 'in' and due_datetime <= now()
    and """
    + FREE
    + """ for update skip locked)
returning 1
"""
)
ACTIVE = """
select 1 from mail_servers s join integrations i on i.account_id = s.account_id and i.id = s.integration_id
join accounts a on a.id = s.account_id
where s.account_id = $1 and s.integration_id = $2 and s.way = 'in' and s.worker = $3
  and i.deactivated_datetime is null and a.deactivated_datetime is null
"""
RELEASE = """
update mail_servers set worker = null, claimed_datetime = null
where account_id = $1 and integration_id = $2 and way = 'in' and worker = $3
"""
WELL = """
update mail_servers set state = case when $5::text is null then 'well' else 'trouble' end, active_datetime = $4::timestamptz,
  failures = 0, error_code = $5, error_facts = $6::jsonb, error = $7, error_datetime = case when $5::text is not null then $4 end
where account_id = $1 and integration_id = $2 and way = 'in' and worker = $3
"""
TROUBLE = """
update mail_servers set failures = failures + 1, error_code = $4, error_facts = $5::jsonb, error = $11, error_datetime = $6,
  state = case when $7::bool or failures + 1 >= $9::int then 'trouble' else state end,
  due_datetime = now() + make_interval(secs =>
    greatest(($8::float8[])[least(failures + 1, cardinality($8))], case when $7 then $10::float8 else 0 end))
where account_id = $1 and integration_id = $2 and way = 'in' and worker = $3
"""
WAITING = """
select count(*) from (
  select from mails where account_id = $1 and state = 'received' and history limit $2) as few
"""

log = structlog.get_logger(__name__)


class Mailboxes:
    """The lane; see `store.queue`. `close` lets every mailbox go, so that another worker may have it at once."""

    def __init__(self, database: Database, book: accounts.Book, presence: Presence) -> None:
        self._database = database
        self._book = book
        self._presence = presence
        self._stirred: set[asyncio.Event] = set()
        self._closing = False
        self._deaf = database.bell.listen(self._heard)

    def lane(self, width: int = WIDTH) -> Lane:
        """For `store.queue`."""
        return Lane("mailboxes", self.look, self.run, width)

    def close(self) -> None:
        """End all conversations soon."""
        if not self._closing:
            self._deaf()
        self._closing = True
        for event in self._stirred:
            event.set()

    def _heard(self, rings: list[Ring]) -> None:
        if any(ring == ("work", "mailboxes") or ring[0] == "everything" for ring in rings):
            for event in self._stirred:
                event.set()

    async def look(self, db: Any, most: int) -> list[Key]:
        """The mailboxes that nobody has and that may be tried."""
        return [] if self._closing else [tuple(row) for row in await db.fetch(DUE, most)]

    async def run(self, key: Key) -> bool:
        """Stay with one mailbox until it is lost, its settings change or the worker stops."""
        # Who cannot be seen to live must not claim: others would take it for dead and fetch as well.
        if self._closing or not self._presence.here.is_set():
            return False
        async with self._presence.claiming(RELEASE, *key), self._database.pool.acquire() as db:
            if not await db.fetchval(CLAIM, *key, self._presence.number):
                return False
        stirred = asyncio.Event()
        self._stirred.add(stirred)
        try:
            await self._stay(key, stirred)
        finally:
            self._stirred.discard(stirred)
            await self._presence.let_go(RELEASE, *key)
        return True

    async def _stay(self, key: Key, stirred: asyncio.Event) -> None:
        account = await self._book.account(key[0])
        async with reading(self._database, account, SYSTEM) as work:
            server = await mail_servers.get(work, key[1], "in")
        if server is None:
            return
        held = Held(self._database, server, self._presence.number)
        visit = Visit(held, Conversation(server), stirred)
        try:
            await visit.begin()
            while not self._closing and self._presence.here.is_set() and await self._active(held):
                stirred.clear()
                await visit.turn()
        except Lost:
            return
        except Trouble as trouble:
            await self._note(held, trouble)
        except AWAY:
            raise
        except Exception as error:
            log.exception("mailbox failed", id=key[1])
            await self._note(held, Trouble("odd", host=server.host, said=type(error).__name__))
        finally:
            await visit.end()

    async def _active(self, held: Held) -> bool:
        async with self._database.pool.acquire() as db:
            return await db.fetchval(ACTIVE, *held.key, held.worker) is not None

    async def _note(self, held: Held, trouble: Trouble) -> None:
        log.info("mailbox", id=held.key[1], trouble=trouble.code)
        facts = wire.jsonb(trouble.facts)
        told = (
            trouble.code,
            facts,
            clock.now(),
            trouble.lasts,
            list(BACKOFF),
            TROUBLED,
            LASTING,
            str(trouble),
        )
        async with self._database.pool.acquire() as db:
            await db.execute(TROUBLE, *held.key, held.worker, *told)


class Visit:
    """One connection to a mailbox, as long as it lasts."""

    def __init__(self, held: Held, conversation: Conversation, stirred: asyncio.Event) -> None:
        self._held = held
        self._talk = conversation
        self._stirred = stirred
        self._window: dict[str, int] = {}

    async def begin(self) -> None:
        """Connect and log in."""
        await self._talk.open(self._held.database)

    async def end(self) -> None:
        """Hang up."""
        await self._talk.close()

    async def turn(self) -> None:
        """Fetch what is new everywhere, say how it went, then some history; without any, wait for news."""
        trouble = None
        found = await folders.read(self._held)
        # The first folder is opened last, so that it is the one that tells of news.
        for folder in reversed(found):
            try:
                await self._catch_up(folder)
            except Trouble as given:
                # One folder that is missing does not keep the others from being fetched.
                if not given.code.startswith("folder"):
                    raise
                trouble = given
        await self._well(trouble)
        past = [folder for folder in found if folder.has_history]
        if past and await self._room():
            await self._history(past[0])
            return
        seconds = RENEW if len(found) == 1 else LOOK
        await self._talk.wait(PAUSE if past else seconds, self._stirred)

    async def _well(self, trouble: Trouble | None) -> None:
        code, facts = (trouble.code, wire.jsonb(trouble.facts)) if trouble else (None, None)
        async with self._held.database.pool.acquire() as db:
            told = (clock.now(), code, facts, trouble and str(trouble))
            await db.execute(WELL, *self._held.key, self._held.worker, *told)

    async def _room(self) -> bool:
        async with self._held.database.pool.acquire() as db:
            waiting: int = await db.fetchval(WAITING, self._held.key[0], MOST_WAITING)
        return waiting < MOST_WAITING

    async def _catch_up(self, folder: Folder) -> None:
        opened = await self._talk.examine(folder.name)
        if folder.uid_validity != opened.uid_validity or (folder.last_uid or 0) > opened.top:
            await folders.begin(self._held, folder, opened)
        while folder.last_uid is not None and folder.last_uid < opened.top:
            uids, upto = await self._some(folder, folder.last_uid, opened.top, folder.since)
            mails, upto = await self._fetch(folder, uids, upto, history=False)
            await folders.advance(self._held, folder, mails, upto)
        await folders.seen(self._held, folder)

    async def _history(self, folder: Folder) -> None:
        """One step."""
        opened = await self._talk.examine(folder.name)
        if (
            opened.uid_validity != folder.uid_validity
            or folder.history_uid is None
            or folder.history_top is None
        ):
            return
        uids, upto = await self._some(folder, folder.history_uid, folder.history_top, folder.history_since)
        mails, upto = await self._fetch(folder, uids, upto, history=True)
        await folders.advance_history(self._held, folder, mails, upto)

    async def _some(self, folder: Folder, after: int, top: int, since: Any) -> tuple[list[int], int]:
        """The next numbers that there are, and up to where that is all. Numbers may have wide gaps."""
        window = self._window.get(folder.name, WINDOW)
        last = min(after + window, top)
        uids = await self._talk.search(after + 1, last, since)
        self._window[folder.name] = WINDOW if uids else min(2 * window, WIDEST)
        return (uids[:BATCH], uids[BATCH - 1]) if len(uids) > BATCH else (uids, last)

    async def _fetch(
        self, folder: Folder, uids: list[int], upto: int, *, history: bool
    ) -> tuple[list[Fetched], int]:
        """The mails of a batch, as many as there is room for, and up to where they are all."""
        mails: list[Fetched] = []
        size, before = 0, 0
        for listed in await self._talk.sizes(uids) if uids else ():
            if mails and size + listed.size > BATCH_BYTES:
                return mails, before
            mail = await self._mail(folder, listed, history=history)
            if mail is not None:
                mails.append(mail)
                size += len(mail.raw)
            before = listed.uid
        return mails, upto

    async def _mail(self, folder: Folder, listed: Listed, *, history: bool) -> Fetched | None:
        try:
            if listed.size > listener.SIZE:
                head = await self._talk.raw(listed.uid, "HEADER") or b""
                said = TOO_LARGE % (listener.SIZE >> 20, folder.name)
                return Fetched(folders.sender(head), head[: imap.MOST_BYTES], listed.dated, history, said)
            raw = await self._talk.raw(listed.uid)
        except Withheld as withheld:
            noted = await folders.stuck(self._held, folder, listed.uid, str(withheld), history=history)
            if noted is None:
                raise
            return noted
        return None if raw is None else Fetched(folders.sender(raw), raw, listed.dated, history)
