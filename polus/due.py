"""What is due by the clock: snoozed tickets, waiting ones, broken promises, surveys, planned messages, unseen chats, calls.

Finding what is due costs one look at an index; each of it is a transaction of its own, in small steps.
"""

import datetime
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from polus.base import clock
from polus.channels.chat import mails
from polus.desk import planned, surveying
from polus.desk.accounts import Book
from polus.desk.slas import targets
from polus.desk.tickets import assigning, snoozing
from polus.desk.views import counting
from polus.desk.voice import lines
from polus.store.database import Database
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, writing

Accounts = Callable[[Any, datetime.datetime], Awaitable[Sequence[int]]]


class Task(msgspec.Struct, frozen=True):
    """`look(db, now, most)`: the keys of what is due, each beginning with its account. `step(work, *rest of the key)` does
    some of one and says how much; 0 or False: there was nothing that could be done."""

    look: Callable[[Any, datetime.datetime, int], Awaitable[Sequence[Key]]]
    step: Callable[..., Awaitable[int]]
    width: int = 1


def by_account(accounts: Accounts) -> Callable[[Any, datetime.datetime, int], Awaitable[Sequence[Key]]]:
    """For tasks whose steps find their rows themselves: `accounts(db, now)` are those that have something due."""

    async def look(db: Any, now: datetime.datetime, _most: int) -> list[Key]:
        return [(account_id,) for account_id in await accounts(db, now)]

    return look


TASKS = {
    "snoozed": Task(by_account(snoozing.due_accounts), snoozing.wake),
    "assignments": Task(by_account(assigning.accounts), assigning.place),
    "slas": Task(by_account(targets.late_accounts), targets.breach),
    "counts": Task(by_account(counting.due_accounts), counting.refresh),
    "surveys": Task(by_account(surveying.due_accounts), surveying.send),
    "planned": Task(planned.due, planned.send, width=2),
    "chats": Task(mails.due, mails.send),
    "calls": Task(lines.silent, lines.give_up),
}


class Due:
    """The lane of one task."""

    def __init__(self, database: Database, book: Book, name: str) -> None:
        self._database = database
        self._book = book
        self._name = name
        self._task = TASKS[name]

    def lane(self) -> Lane:
        """For `store.queue`."""
        return Lane(self._name, self.look, self.run, self._task.width)

    async def look(self, db: Any, most: int) -> Sequence[Key]:
        """What is due."""
        return await self._task.look(db, clock.now(), most)

    async def run(self, key: Key) -> bool:
        """Some of it; False, that is not again at once, when nothing could be done."""
        account_id, *rest = key
        account = await self._book.account(account_id)
        async with writing(self._database, account, SYSTEM) as work:
            return await self._task.step(work, *rest) > 0
