"""What is due by the clock, account by account: snoozed tickets, waiting ones, broken promises, surveys.

Finding the accounts costs one look at an index; the work on one account is a transaction of its own, in small steps.
"""

import datetime
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from polus.base import clock
from polus.desk import surveying
from polus.desk.accounts import Book
from polus.desk.slas import targets
from polus.desk.tickets import assigning, snoozing
from polus.desk.views import counting
from polus.store.database import Database
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, Work, writing


class Task(msgspec.Struct, frozen=True):
    """`accounts(db, now)`: those that have something due, at most a hundred. `step(work)` does some of one account's
    and says how much; 0: there was nothing that could be done."""

    accounts: Callable[[Any, datetime.datetime], Awaitable[Sequence[int]]]
    step: Callable[[Work], Awaitable[int]]


TASKS = {
    "snoozed": Task(snoozing.due_accounts, snoozing.wake),
    "assignments": Task(assigning.accounts, assigning.place),
    "slas": Task(targets.late_accounts, targets.breach),
    "counts": Task(counting.due_accounts, counting.refresh),
    "surveys": Task(surveying.due_accounts, surveying.send),
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
        return Lane(self._name, self.look, self.run, width=1)

    async def look(self, db: Any, _most: int) -> list[Key]:
        """The accounts that have something due."""
        return [(account_id,) for account_id in await self._task.accounts(db, clock.now())]

    async def run(self, key: Key) -> bool:
        """Some of one account's; False, that is not again at once, when nothing could be done."""
        account = await self._book.account(key[0])
        async with writing(self._database, account, SYSTEM) as work:
            return await self._task.step(work) > 0
