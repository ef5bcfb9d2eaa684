"""The lane of HTTP integrations: each one's deliveries are a line, worked through a few at a time by one worker.

A ticket's deliveries follow one another. A receiver that is away holds up its own line only, which is tried now and
then. Whoever dies in between leaves the rows as they were: what was cut off comes again with the same id.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec
import structlog

from polus.base import clock
from polus.channels.http import outcomes, requests
from polus.channels.http.dialling import Caller, Outcome
from polus.channels.http.outcomes import Done, Line, Waiting
from polus.channels.http.requests import Facts, Request
from polus.desk import accounts, integrations
from polus.store.database import Database
from polus.store.presence import FREE, Presence
from polus.store.queue import Key, Lane
from polus.store.work import Account, Work

WIDTH = 48  # lines at a time
# Of one target (scheme, host and port as they are written), so that one that is slow leaves places to the others.
TARGET_LINES = 4
LINE_CALLS = 4  # of one integration at a time
TURN = 5.0  # seconds after which a turn begins no more calls
MOST_DOCUMENTS = 32 * 1024 * 1024  # characters kept at hand

_FREE = FREE.replace("worker", "s.worker").replace("claimed_datetime", "s.claimed_datetime")
# Jumps from line to line along the index; those that were served longest ago come first, of each target only a few.
LOOK = (
    """
with recursive lines as (
  (select account_id, integration_id from http_deliveries where due_datetime is not null
    order by account_id, integration_id limit 1)
  union all
  select n.account_id, n.integration_id from lines l cross join lateral (
    select d.account_id, d.integration_id from http_deliveries d
    where d.due_datetime is not null and (d.account_id, d.integration_id) > (l.account_id, l.integration_id)
    order by d.account_id, d.integration_id limit 1) n
), due as (
  select l.account_id, l.integration_id, s.claimed_datetime,
    coalesce(lower(substring(i.http->>'url' from '^\\s*[A-Za-z]+://[^/?#]*')), '') as target
  from lines l join integrations i on i.account_id = l.account_id and i.id = l.integration_id
  left join http_lines s on s.account_id = l.account_id and s.integration_id = l.integration_id
  where i.deactivated_datetime is null and (s.resume_datetime is null or s.resume_datetime <= $2)
    and """
    + _FREE
    + """
    and exists (select from http_deliveries d where d.account_id = l.account_id
      and d.integration_id = l.integration_id and d.due_datetime <= $2)
), ranked as (
  select *, row_number() over (partition by target order by claimed_datetime nulls first, integration_id) as place
  from due
)
select account_id, integration_id, target from ranked where place <= $3
order by claimed_datetime nulls first, account_id, integration_id limit $1
"""
)
CLAIM = (
    """
insert into http_lines as s (account_id, integration_id, worker, claimed_datetime)
values ($1, $2, $3, clock_timestamp())
on conflict (account_id, integration_id) do update set worker = $3, claimed_datetime = clock_timestamp()
where (s.resume_datetime is null or s.resume_datetime <= $4) and """
    + _FREE
    + """
returning s.troubles, s.width, s.failures, s.used_date
"""
)
# Those of a ticket whose first one waits for its next attempt wait with it.
BATCH = """
select d.id, d.uuid, d.trigger, d.ticket_id, d.customer_id, d.message_id, d.user_id, d.document_id,
  d.created_datetime, d.attempts, d.tries, d.history::text as history
from http_deliveries d
where d.account_id = $1 and d.integration_id = $2 and d.due_datetime <= $3 and not exists (
  select from http_deliveries e where e.account_id = d.account_id and e.integration_id = d.integration_id
    and e.ticket_id = d.ticket_id and e.id < d.id and e.due_datetime > $3)
order by d.id limit $4
"""
CONFIGURED = """
select i.http::text as http, (select s.data->>'timezone' from account_settings s
  where s.account_id = i.account_id and s.type = 'business-hours') as zone
from integrations i where i.account_id = $1 and i.id = $2 and i.deactivated_datetime is null
"""
DOCUMENTS = "select id, body from http_documents where account_id = $1 and id = any($2::bigint[])"
RELEASE = """
update http_lines set worker = null where account_id = $1 and integration_id = $2 and worker = $3
"""

BROKEN = "The call could not be made: {kind}."
UNREADABLE = "The secrets of this integration were stored with another secret key; give them anew."

log = structlog.get_logger(__name__)

Json = dict[str, Any]


class Turn(msgspec.Struct):
    """What one worker took from one line at a time, and what has become of it so far."""

    account: Account
    integration_id: int
    line: Line
    deliveries: list[Waiting]
    http: Json
    zone: str
    documents: dict[int, Json]
    begun: float
    done: list[Done] = []

    @property
    def over(self) -> bool:
        """Whether nothing more should be begun."""
        return self.line.resume is not None or time.monotonic() - self.begun > TURN


class Lines:
    """The lane; see `store.queue`."""

    def __init__(
        self, database: Database, book: accounts.Book, presence: Presence, caller: Caller | None = None
    ) -> None:
        self._database = database
        self._book = book
        self._presence = presence
        self._caller = caller or Caller(database.allowed)
        self._busy: Counter[str] = Counter()
        self._kept: OrderedDict[tuple[int, int], tuple[int, Json]] = OrderedDict()
        self._size = 0

    def lane(self, width: int = WIDTH) -> Lane:
        """For `store.queue`."""
        return Lane("http", self.look, self.run, width)

    async def open(self) -> None:
        """Be ready to call."""
        await self._caller.open()

    async def close(self) -> None:
        """Let the connections go."""
        await self._caller.close()

    async def look(self, db: Any, most: int) -> Sequence[Key]:
        """The lines that have something due, as far as their targets have places."""
        room = Counter[str]()
        found = []
        for row in await db.fetch(LOOK, most, clock.now(), TARGET_LINES):
            target = row["target"]
            if self._busy[target] + room[target] < TARGET_LINES:
                room[target] += 1
                found.append(tuple(row))
        return found

    async def run(self, key: Key) -> bool:
        """One turn of one line."""
        account_id, integration_id, target = key
        # Who cannot be seen to live must not claim: others would take it for dead and call as well.
        if not self._presence.here.is_set() or self._busy[target] >= TARGET_LINES:
            return False
        self._busy[target] += 1
        try:
            account = await self._book.account(account_id)
            async with self._presence.claiming(RELEASE, account_id, integration_id):
                turn = await self._take(account, integration_id)
            if turn is None:
                return False
            try:
                await self._work_through(turn)
            finally:
                await self._write_down(turn)
            return True
        finally:
            self._busy[target] -= 1
            self._busy += Counter()

    async def _take(self, account: Account, integration_id: int) -> Turn | None:
        """Claim the line and read what is due in it; None when there is nothing to be had."""
        key = (account.id, integration_id)
        now = clock.now()
        async with self._database.pool.acquire() as db:
            try:
                claimed = await db.fetchrow(CLAIM, *key, self._presence.number, now)
            except asyncpg.ForeignKeyViolationError:
                return None
            if claimed is None:
                return None
            line = Line(**claimed)
            rows = await db.fetch(BATCH, *key, now, line.width)
            configured = await db.fetchrow(CONFIGURED, *key)
            if not rows or configured is None:
                await db.execute(RELEASE, *key, self._presence.number)
                return None
            deliveries = [Waiting(**row) for row in rows]
            documents = await self._documents(db, account.id, {one.document_id for one in deliveries})
        http = msgspec.json.decode(configured["http"])
        zone = configured["zone"] or "UTC"
        return Turn(account, integration_id, line, deliveries, http, zone, documents, time.monotonic())

    async def _documents(self, db: Any, account_id: int, ids: set[int]) -> dict[int, Json]:
        """The documents, read once for all integrations that are told the same."""
        missing = [one for one in ids if (account_id, one) not in self._kept]
        found = {one: self._kept[account_id, one][1] for one in ids if (account_id, one) in self._kept}
        if missing:
            for document_id, body in await db.fetch(DOCUMENTS, account_id, missing):
                found[document_id] = msgspec.json.decode(body)
                self._keep((account_id, document_id), len(body), found[document_id])
        return found

    def _keep(self, key: tuple[int, int], size: int, document: Json) -> None:
        if key in self._kept:
            return
        self._kept[key] = (size, document)
        self._size += size
        while self._size > MOST_DOCUMENTS:
            self._size -= self._kept.popitem(last=False)[1][0]

    async def _work_through(self, turn: Turn) -> None:
        """Some tickets at a time, each ticket's deliveries one after another."""
        tickets: dict[Any, list[Waiting]] = {}
        for one in turn.deliveries:
            tickets.setdefault(one.ticket_id or -one.id, []).append(one)
        try:
            turn.http = integrations.opened(self._database.vault, turn.account.id, turn.http)
        except ValueError:
            turn.done = [self._refused(one, UNREADABLE) for one in turn.deliveries]
            for done in turn.done:
                outcomes.learn(turn.line, done)
            return
        waiting = iter(tickets.values())
        calls = min(LINE_CALLS, turn.line.width, len(tickets))
        async with asyncio.TaskGroup() as group:
            for _ in range(calls):
                group.create_task(self._share(turn, waiting))
        if turn.line.troubles == 0:
            turn.line.width = min(turn.line.width * 2, outcomes.WIDEST)

    async def _share(self, turn: Turn, waiting: Any) -> None:
        for deliveries in waiting:
            for one in deliveries:
                if turn.over:
                    return
                done = await self._attempt(turn, one)
                turn.done.append(done)
                outcomes.learn(turn.line, done)
                if done.state == "waiting":
                    break

    async def _attempt(self, turn: Turn, delivery: Waiting) -> Done:
        sent = clock.now()
        request = None
        try:
            request = self._composed(turn, delivery)
            outcome = await self._caller.call(request)
        except ValueError as error:
            outcome = Outcome(0, error=str(error))
        except Exception as error:
            log.exception("call not made", delivery=str(delivery.uuid))
            outcome = Outcome(0, error=BROKEN.format(kind=type(error).__name__))
        return outcomes.judge(delivery, request, outcome, sent)

    def _composed(self, turn: Turn, delivery: Waiting) -> Request:
        facts = Facts(
            turn.integration_id,
            delivery.uuid,
            delivery.trigger,
            delivery.attempts + 1,
            delivery.created_datetime,
            delivery.user_id,
            delivery.message_id,
            turn.zone,
        )
        return requests.compose(turn.http, facts, turn.documents[delivery.document_id])

    def _refused(self, delivery: Waiting, said: str) -> Done:
        return outcomes.judge(delivery, None, Outcome(0, error=said), clock.now())

    async def _write_down(self, turn: Turn) -> None:
        """Whatever the database does: what was called must not be called again because of it."""

        async def settle(work: Work) -> None:
            if await outcomes.mine(work, turn.integration_id, self._presence.number):
                await outcomes.settle(work, turn.integration_id, turn.line, turn.done)

        await self._presence.write_down(turn.account, settle, integration=turn.integration_id)
