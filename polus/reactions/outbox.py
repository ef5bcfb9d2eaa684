"""Runs the reactions that events still owe, in one transaction with their done-marks: a ticket's one after another.

The outbox row is the job. What a ticket owes is done in one transaction, which deletes the rows: done and marked are one
commit, and a process that is killed leaves the rows as if they had never been touched. Why so: docs/decisions/0063-lines.md.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from polus.base import figures
from polus.desk import accounts
from polus.reactions.event import Event
from polus.reactions.table import Reaction
from polus.store.database import Database
from polus.store.pool import BROKEN
from polus.store.queue import Key, Lane, Precedence
from polus.store.work import DEEPEST, SYSTEM, Account, Cause, Work, writing

# One ticket's reactions run in the order of its events. One that failed and waits for its next attempt (f) holds up
# only its own kind: a broken rule must not keep the answer from being sent. Reactions that this version does not know are
# left to the version that does: while one is replaced by the other, both are at work. `offset 0`: each row is held against
# its own ticket's, not against a list of all that is owed.
_DUE = """
select account_id, ticket_id, event_id, reaction from outbox o
where due_datetime <= now() and {mine} and not exists (
  select from outbox e
  where e.account_id = o.account_id and e.ticket_id = o.ticket_id and e.reaction = any($2)
    and (e.event_id, e.reaction) < (o.event_id, o.reaction)
    and e.due_datetime < 'infinity'
    and (e.reaction = o.reaction or not exists (
      select from outbox f
      where f.account_id = e.account_id and f.ticket_id = e.ticket_id and f.reaction = e.reaction
        and f.event_id <= e.event_id and f.attempts > 0 and f.due_datetime < 'infinity'))
  offset 0)
order by due_datetime, event_id limit $1
"""
DUE = _DUE.replace("{mine}", "reaction = any($2)")
# Answers have an index of their own: what else is owed, however much, is not looked through for them.
ANSWERS = ["deliver"]
DUE_ANSWERS = _DUE.replace("{mine}", "reaction = 'deliver'")

# Whoever holds the first has the line; he waits for what an earlier holder still has of the others.
_LINE = """
with first as (
  select from outbox where account_id = $1 and event_id = $2 and reaction = $3 for update skip locked
)
select o.ctid, o.event_id, o.reaction, o.attempts > 0 as failed, o.due_datetime <= now() as due, e.id, e.context, e.type,
  e.object_id, e.ticket_id, e.user_id, e.depth, e.data::text as data, e.created_datetime
from outbox o left join lateral (
  select * from events n where n.account_id = o.account_id and n.id = o.event_id offset 0
) e on true
where o.account_id = $1 and {which} and exists (select from first) order by o.event_id, o.reaction
"""
# Plans are made while the tables are nearly empty and are used when they are full: `+ 0` leaves them no way but by the
# ticket, `offset 0` none but by each event.
# From the first on, but for kinds of which one waits that failed before it.
_BEHIND = """o.ticket_id = $4 and o.reaction = any($5) and (o.event_id + 0, o.reaction) >= ($2, $3)
  and o.due_datetime < 'infinity' and o.reaction <> all (array(
    select f.reaction from outbox f
    where f.account_id = $1 and f.ticket_id = $4 and (f.event_id + 0, f.reaction) < ($2, $3) and f.attempts > 0
      and f.due_datetime > now() and f.due_datetime < 'infinity'))
"""
LINE = _LINE.replace("{which}", _BEHIND) + " limit $6 for update of o"
ALONE = _LINE.replace("{which}", "o.event_id = $2 and o.reaction = $3")

# They are locked, so they lie where they lay.
DONE = "delete from outbox where ctid = any($1::tid[])"

FAILED = """
update outbox set attempts = attempts + 1, error = $4,
  due_datetime = coalesce(now() + make_interval(secs => ($5::float8[])[attempts + 1]), 'infinity')
where account_id = $1 and event_id = $2 and reaction = $3
returning due_datetime = 'infinity'
"""

# Seconds until the next attempt. After the last one the row stays, for people to see.
BACKOFF = [1.0, 5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 10800.0, 21600.0]
# A reaction only works in our own database; one that takes longer hangs.
LONGEST = 50.0
# Rows of one ticket that are looked at together.
MOST = 20
MOST_ERROR = 2_000

log = structlog.get_logger(__name__)


class Outbox:
    """The lane of the reactions."""

    def __init__(self, database: Database, reactions: Sequence[Reaction], book: accounts.Book) -> None:
        self._database = database
        self._reactions: Mapping[str, Reaction] = {reaction.name: reaction for reaction in reactions}
        self._book = book
        self._answers = list(self._reactions) == ANSWERS

    def lane(self, width: int = 4, precedence: Precedence | None = None) -> Lane:
        """For `store.queue`. Answers go first of those that share a precedence."""
        first, back = (precedence, None) if self._answers else (None, precedence)
        return Lane("outbox", self.look, self.run, width, goes_first=first, stands_back=back)

    async def look(self, db: Any, most: int) -> list[Key]:
        """The reactions that are due, at most one of each ticket."""
        due = DUE_ANSWERS if self._answers else DUE
        return [tuple(row) for row in await db.fetch(due, most, list(self._reactions))]

    async def run(self, key: Key) -> bool:
        """Do what a ticket owes. When one reaction fails all are undone; it is written into its row and comes again later,
        and the others are found at the next look."""
        account_id, ticket_id, event_id, name = key
        account = await self._book.account(account_id)
        # The one at work is who fails.
        at_work: list[tuple[int, str]] = [(event_id, name)]
        try:
            done = await self._line(account, ticket_id, at_work)
        except BROKEN:
            # That is not the reaction's fault: the rows stay as they were.
            raise
        except Exception as error:
            event_id, name = at_work[-1]
            # When it is the database that is away, this raises too, and the row stays as it was.
            given_up = await self._failed(account_id, event_id, name, error)
            figures.reactions.labels(name, "failed").inc()
            log.exception("reaction failed", reaction=name, event_id=event_id, given_up=given_up)
            return True
        for one in done:
            figures.reactions.labels(one, "done").inc()
        return bool(done)

    async def _line(
        self, account: Account, ticket_id: int | None, at_work: list[tuple[int, str]]
    ) -> list[str]:
        """Do the line that begins with the one at work; the names of what was done, none when somebody else has it."""
        first = at_work[0]
        async with writing(self._database, account, SYSTEM, by_keys=True) as work:
            if ticket_id is None:
                rows = await work.db.fetch(ALONE, account.id, *first)
            else:
                rows = await work.db.fetch(LINE, account.id, *first, ticket_id, list(self._reactions), MOST)
            rows = in_turn(rows)
            for row in rows:
                at_work.append((row["event_id"], row["reaction"]))
                async with asyncio.timeout(LONGEST):
                    await self._react(work, row)
                    await work.flush()
            if rows:
                await work.db.execute(DONE, [row["ctid"] for row in rows])
        return [row["reaction"] for row in rows]

    async def _react(self, work: Work, row: Any) -> None:
        reaction = self._reactions[row["reaction"]]
        if row["id"] is None:
            log.warning("the event is past its retention", reaction=reaction.name, event_id=row["event_id"])
        elif row["depth"] >= DEEPEST and not reaction.last:
            log.warning("a chain of causes ends here", reaction=reaction.name, event_id=row["event_id"])
        else:
            work.turn(Cause(row["id"], row["context"], row["depth"] + 1))
            await reaction.run(work, _event(row))

    async def _failed(self, account_id: int, event_id: int, name: str, error: Exception) -> bool:
        text = f"{type(error).__name__}: {error}"[:MOST_ERROR].replace("\0", "")
        async with self._database.pool.acquire() as db:
            return bool(await db.fetchval(FAILED, account_id, event_id, name, text, BACKOFF))


def in_turn(rows: Sequence[Any]) -> list[Any]:
    """Of a ticket's rows in their order those whose turn it is, as `DUE` would find them one after the other."""
    found, waiting = [], set[str]()
    for row in rows:
        if row["reaction"] in waiting:
            continue
        if row["due"]:
            found.append(row)
        elif row["failed"]:
            waiting.add(row["reaction"])
        else:
            break
    return found


def _event(row: Any) -> Event:
    data = None if row["data"] is None else msgspec.json.decode(row["data"])
    return Event(
        row["id"],
        row["type"],
        row["object_id"],
        row["ticket_id"],
        row["user_id"],
        row["depth"],
        data,
        row["created_datetime"],
    )
