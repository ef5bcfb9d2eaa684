"""Files that others offer at an address, fetched through the guard and put into the store, whole or not at all."""

from collections.abc import AsyncIterator

from polus.base import errors
from polus.channels import outgoing
from polus.channels.outgoing import Call, Opened
from polus.desk import files
from polus.desk.files import Kept
from polus.store.database import Database
from polus.store.work import Account

SECONDS = 60.0
HOPS = 3
# What waiting may cure.
AWAY = frozenset((408, 425, 429))
TOO_LARGE = "The file is larger than {limit} MB."


class Unfetched(Exception):
    """There is no file; the text says why, for people. `again`: another attempt may do."""

    def __init__(self, said: str, *, again: bool) -> None:
        super().__init__(said)
        self.again = again


async def fetch(
    database: Database, account: Account, call: Call, name: str, *, limit: int, seconds: float = SECONDS
) -> Kept:
    """The file at the address of a GET, at most `limit` bytes; its row is the caller's to write. Raises Unfetched.

    Takes no transaction: call it outside of one.
    """
    try:
        async with outgoing.opened(call, database.allowed, seconds=seconds, hops=HOPS) as answer:
            if not answer.good:
                again = answer.status >= 500 or answer.status in AWAY
                raise Unfetched(f"The answer was {answer.status}.", again=again)
            return await _stored(database, account, answer, name, limit)
    except outgoing.Failed as failed:
        raise Unfetched(str(failed), again=True) from None
    except errors.TooLarge:
        raise Unfetched(TOO_LARGE.format(limit=limit // (1024 * 1024)), again=False) from None


async def _stored(database: Database, account: Account, answer: Opened, name: str, limit: int) -> Kept:
    broken: list[Exception] = []

    async def watched() -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.stream:
                yield chunk
        except Exception as error:
            broken.append(error)
            raise

    try:
        return await files.keep(database.files, account, name, answer.content_type, watched(), limit=limit)
    except Exception:
        # The store wraps what a stream raises; `outgoing.opened` knows it only as it was.
        if broken:
            raise broken[0] from None
        raise
