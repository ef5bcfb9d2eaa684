"""What providers of texts send: held against their signature, written down, then answered; taken in the background.

Of one person one after the other. Files that come with a text are fetched before it is taken, outside of a transaction.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import structlog

from polus.base import clock
from polus.channels.texts import arrivals, media, numbers
from polus.channels.texts.providers import Arrived, Number, Reported, Request
from polus.desk.accounts import Book
from polus.desk.files import Kept
from polus.store.database import Database
from polus.store.pool import AWAY
from polus.store.presence import FREE, Presence
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, Account, Work, reading, writing

MOST_BYTES = 1024 * 1024
DAYS = 14  # that what was taken is kept
NOT_OURS = "A text to {to} came to the address of this number. Give that number an address of its own."

ADD = """
insert into text_arrivals (account_id, integration_id, external_id, address, about, body, received_datetime,
  due_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $7) on conflict (account_id, integration_id, external_id) do nothing
"""
TROUBLED = numbers.TROUBLED
LOOK = (
    """
select account_id, id from text_arrivals a where due_datetime <= now() and """
    + FREE
    + """
  and not exists (select from text_arrivals e where e.account_id = a.account_id
    and e.integration_id = a.integration_id and e.address = a.address and e.id < a.id and e.due_datetime is not null)
order by due_datetime limit $1
"""
)
CLAIM = (
    """
update text_arrivals set worker = $3, claimed_datetime = clock_timestamp() where ctid = (
  select ctid from text_arrivals where account_id = $1 and id = $2 and due_datetime <= now() and """
    + FREE
    + """ for update skip locked)
returning integration_id, about, body, attempts, received_datetime
"""
)
LET_GO = "update text_arrivals set worker = null where account_id = $1 and id = $2 and worker = $3"
MINE = "select 1 from text_arrivals where account_id = $1 and id = $2 and worker = $3 for update"
DONE = """
update text_arrivals set state = $3, due_datetime = null, worker = null, error = null where account_id = $1 and id = $2
"""
LATER = """
update text_arrivals set worker = null, attempts = attempts + 1, error = $4,
  due_datetime = now() + make_interval(secs => $5), state = case when $5::float8 is null then 'parked' else state end
where account_id = $1 and id = $2 and worker = $3
"""
REMOVE_OLD = """
delete from text_arrivals where ctid = any(array(
  select ctid from text_arrivals where received_datetime < $1 and due_datetime is null and state <> 'parked' limit $2))
"""
BACKOFF = (5.0, 30.0, 120.0, 600.0, 3600.0)

log = structlog.get_logger(__name__)


class Refused(Exception):
    """Not taken; `status` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


async def accept(database: Database, token: str, about: str, request: Request) -> tuple[bytes, str]:
    """Write down what came to a number's address, once; what to answer. `about`: of our text that it is about.

    Raises Refused: 404 for no number, 403 for a wrong signature, 400 for what is not as published.
    """
    number = await numbers.by_token(database, token)
    if number is None:
        raise Refused(404)
    provider = numbers.PROVIDERS[number.provider]
    if not provider.signed(number, request):
        raise Refused(403)
    try:
        body = request.body.decode().replace("\0", "")
        given = provider.read(number, request.body)
    except ValueError:
        raise Refused(400) from None
    if given is not None:
        await _write(database, number, given, about, body)
    return provider.answer()


async def _write(
    database: Database, number: Number, given: Arrived | Reported, about: str, body: str
) -> None:
    key = (number.account_id, number.id)
    # A text that was sent has several conditions, and each is told once.
    external = given.id if isinstance(given, Arrived) else f"{given.id} {about} {given.condition}"
    async with database.pool.acquire() as db:
        if isinstance(given, Arrived) and given.to != number.address:
            await db.execute(TROUBLED, *key, NOT_OURS.format(to=given.to))
            raise Refused(400)
        await db.execute(ADD, *key, external.replace("\0", ""), given.address, about, body, clock.now())
    database.ring(("work", "texts"))


class Arrivals:
    """The lane of what providers sent."""

    def __init__(self, database: Database, book: Book, presence: Presence) -> None:
        self._database, self._book, self._presence = database, book, presence

    def lane(self) -> Lane:
        """For `store.queue`. Wide, because files may be slow."""
        return Lane("texts", self.look, self.run, width=8)

    async def look(self, db: Any, most: int) -> list[Key]:
        """What is due and nobody's, of each person the first."""
        return [tuple(row) for row in await db.fetch(LOOK, most)]

    async def run(self, key: Key) -> bool:
        """Take one."""
        if not self._presence.here.is_set():
            return False
        account = await self._book.account(key[0])
        async with self._presence.claiming(LET_GO, *key), self._database.pool.acquire() as db:
            row = await db.fetchrow(CLAIM, *key, self._presence.number)
        if row is None:
            return False
        try:
            await self._take(account, key, row)
        except media.Later as later:
            await self._put_off(key, BACKOFF[row["attempts"]], str(later))
        except AWAY as error:
            await self._put_off(key, 0.0, repr(error))
        except Exception as error:
            log.exception("text not taken", id=key[1])
            attempts = row["attempts"]
            seconds = BACKOFF[attempts] if attempts < len(BACKOFF) else None
            await self._put_off(key, seconds, f"{type(error).__name__}: {error}")
        return True

    async def _take(self, account: Account, key: Key, row: Any) -> None:
        async with reading(self._database, account, SYSTEM) as work:
            number = await _number(work, row["integration_id"])
        given = None
        if number is not None:
            given = numbers.PROVIDERS[number.provider].read(number, row["body"].encode())
        kept: Sequence[Kept] = ()
        lost: Sequence[str] = ()
        if number is not None and isinstance(given, Arrived):
            patient = row["attempts"] < media.ATTEMPTS
            kept, lost = await media.fetched(self._database, account, number, given, patient=patient)
        used = False
        try:
            async with writing(self._database, account, SYSTEM) as work:
                if await work.db.fetchval(MINE, *key, self._presence.number) is None:
                    return
                if number is not None and isinstance(given, Arrived):
                    used = await arrivals.take(work, number, given, kept, lost, row["received_datetime"])
                elif number is not None and isinstance(given, Reported):
                    used = await arrivals.report(work, number, given, row["about"])
                await work.db.execute(DONE, *key, "taken" if used else "ignored")
        except AWAY:
            # It may be committed, and then the bytes are somebody's.
            kept = ()
            raise
        except Exception:
            used = False
            raise
        finally:
            for file in () if used else kept:
                await self._database.files.delete(file.key)

    async def _put_off(self, key: Key, seconds: float | None, said: str) -> None:
        """Let the row go; without `seconds` people must look at it. A claim of the living would hold for ever."""
        await self._presence.let_go(LATER, *key, more=(said[:500].replace("\0", ""), seconds))


async def remove_old(db: Any, now: datetime.datetime, most: int = 1000) -> int:
    """Remove what was taken long ago; how many rows. Parked ones stay."""
    told = await db.execute(REMOVE_OLD, now - datetime.timedelta(days=DAYS), most)
    return int(told.rpartition(" ")[2])


async def _number(work: Work, number_id: int) -> Number | None:
    """None when it is gone or off by now."""
    try:
        return await numbers.opened(work, number_id)
    except ValueError:
        return None
