"""The lane of planned messages: sends what is due, one transaction each."""

from collections.abc import Sequence
from typing import Any

from polus.desk import planned
from polus.desk.accounts import Book
from polus.store.database import Database
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, writing


class Planned:
    """Planned messages of all accounts."""

    def __init__(self, database: Database, book: Book) -> None:
        self._database = database
        self._book = book

    def lane(self) -> Lane:
        """For `store.queue`."""
        return Lane("planned", self.look, self.run, width=2)

    async def look(self, db: Any, most: int) -> Sequence[Key]:
        """What is due."""
        return await planned.due(db, most)

    async def run(self, key: Key) -> bool:
        """Send one."""
        account = await self._book.account(key[0])
        async with writing(self._database, account, SYSTEM) as work:
            return await planned.send(work, key[1])
