"""`work`: the context of one transaction, handed down explicitly. Only doors make one; verbs receive it.

What happened is recorded as events, written in the same transaction. An event is one fact with four uses: the audit
log, the outbox that reactions are fed from, the hint for live pages, the raw material of statistics.
"""

import datetime
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec

from polus.base import clock, errors, wire
from polus.store.database import Database

RANK = {
    "observer-agent": 1,
    "lite-agent": 2,
    "basic-agent": 3,
    "agent": 4,
    "admin": 5,
    "bot": 6,
    "internal-agent": 6,
}

# A chain of events that cause each other ends here: rules cannot loop for ever.
DEEPEST = 8


class Subscription(NamedTuple):
    """A reaction that must follow a kind of event; `when` its data says so, always without one. `once`: all that one
    transaction does to a ticket is one thing to it, and it is owed for the first event alone."""

    reaction: str
    when: Callable[[Mapping[str, Any]], bool] | None = None
    once: bool = False


# kind of event -> the reactions that must follow. Filled by `reactions.table` when a program is composed.
subscriptions: dict[str, tuple[Subscription, ...]] = {}


class Account(msgspec.Struct, frozen=True):
    """The account a request belongs to. `base_url` is its address as the caller sees it, without a final slash.

    The caller says it, in the header Host, so it is good for answers to him only. What others will read names `home`.
    """

    id: int
    domain: str
    hash: str
    base_url: str
    own_url: str = ""

    @property
    def home(self) -> str:
        """Its address as the installation knows it, without a final slash: for mails, and for what is stored."""
        return self.own_url or self.base_url


class Actor(msgspec.Struct, frozen=True):
    """Who acts. `user_id` is None for customers, rules and the system; `scopes` None means all of the role's."""

    kind: str
    user_id: int | None = None
    role: str = "internal-agent"
    client_id: str | None = None
    rule_id: int | None = None
    scopes: frozenset[str] | None = None

    def may(self, role: str) -> bool:
        """Whether the actor's role is at least `role`."""
        return RANK[self.role] >= RANK[role]

    def require(self, role: str) -> None:
        """403 unless the actor's role is at least `role`."""
        if not self.may(role):
            raise errors.Forbidden

    def require_scope(self, scope: str) -> None:
        """403 unless the actor has no scopes at all (an API key) or this one."""
        if self.scopes is not None and not self.scopes & {scope, "write:all"}:
            msg = "The access token does not have the required scope: " + scope + "."
            raise errors.Forbidden(msg, {"scope": [scope]})


SYSTEM = Actor("system")


class Cause(msgspec.Struct, frozen=True):
    """The event that led here."""

    event_id: int | None = None
    context: uuid.UUID | None = None
    depth: int = 0


NO_CAUSE = Cause()

EVENTS = """
with given as (
  select nextval(pg_get_serial_sequence('events', 'id')) as id, type, object_type, object_id, data, ticket_id, context,
    position
  from unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::uuid[]) with ordinality
    as g (type, object_type, object_id, data, ticket_id, context, position)
  order by position
), written as (
  insert into events (account_id, id, context, type, object_type, object_id, user_id, data, ticket_id, cause_id,
    depth, created_datetime)
  select $1, id, context, type, object_type, object_id, $8, data::jsonb, ticket_id, $9, $10, $11 from given
)
insert into outbox (account_id, event_id, reaction, ticket_id, due_datetime)
select $1, given.id, s.reaction, given.ticket_id, now() + make_interval(secs => $14)
from given join unnest($12::bigint[], $13::text[]) as s (position, reaction) using (position)
"""


class Work:
    """One transaction's connection, account, actor and moment, and the events recorded in it."""

    __slots__ = (
        "_events",
        "_owed",
        "account",
        "actor",
        "cause",
        "context",
        "database",
        "db",
        "later",
        "now",
        "rings",
    )

    def __init__(self, database: Database, db: Any, account: Account, actor: Actor, cause: Cause) -> None:
        self.database = database
        self.db = db
        self.account = account
        self.actor = actor
        self.cause = cause
        # Groups events that belong together; whoever does several things that do not gives each its own.
        self.context = cause.context or uuid.uuid4()
        # Frozen once: all rows of one change carry one time.
        self.now: datetime.datetime = clock.now()
        # Seconds that the reactions to what happens here stand back behind those to other things.
        self.later = 0.0
        self.rings: list[tuple[str | int, ...]] = []
        self._events: list[tuple[str, str, int, str | None, int | None, uuid.UUID]] = []
        # (place of the event, counted from 1, reaction, whether once for all events of the ticket)
        self._owed: list[tuple[int, str, bool]] = []

    def record(
        self,
        kind: str,
        object_type: str,
        object_id: int,
        data: Mapping[str, Any] | None = None,
        *,
        ticket_id: int | None = None,
    ) -> None:
        """Write an event with this transaction. `ticket_id` puts it in that ticket's line of reactions.

        What a rule does carries its id.
        """
        if self.actor.rule_id is not None:
            data = {**(data or {}), "rule_id": self.actor.rule_id}
        encoded = None if data is None else wire.encode(wire.told(data))
        self._events.append((kind, object_type, object_id, encoded, ticket_id, self.context))
        for reaction, when, once in subscriptions.get(kind, ()):
            if when is None or when(data or {}):
                self._owed.append((len(self._events), reaction, once))
        if ticket_id is not None:
            self.ring("ticket", self.account.id, ticket_id)

    def ring(self, *ring: str | int) -> None:
        """Tell other processes after the commit; see `store.bell`."""
        self.rings.append(ring)

    def follow(self, cause: Cause) -> None:
        """Everything recorded from now on is a consequence of `cause`."""
        self.cause = cause
        self.context = cause.context or self.context

    def turn(self, cause: Cause) -> None:
        """Another change begins in the same transaction, a consequence of `cause`: with a moment of its own. What was
        recorded before was flushed."""
        self.follow(cause)
        self.now = clock.now()

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """A part that may fail alone: an exception undoes its rows and its events, and goes on up.

        Nothing in it may `flush`: that would make events of what came before part of it.
        """
        events, owed, rings = len(self._events), len(self._owed), len(self.rings)
        try:
            async with self.db.transaction():
                yield
        except BaseException:
            del self._events[events:], self._owed[owed:], self.rings[rings:]
            raise

    async def flush(self) -> None:
        """Write the recorded events now, in one statement; the door calls it before it commits."""
        if not self._events:
            return
        events, self._events = self._events, []
        owed, self._owed = _distinct(self._owed, events), []
        kinds, types, ids, data, tickets, contexts = zip(*events, strict=True)
        await self.db.execute(
            EVENTS,
            self.account.id,
            kinds,
            types,
            ids,
            data,
            tickets,
            contexts,
            self.actor.user_id,
            self.cause.event_id,
            self.cause.depth,
            self.now,
            [position for position, _ in owed],
            [reaction for _, reaction in owed],
            self.later,
        )
        if owed:
            self.ring("work", "outbox")


def _distinct(owed: list[tuple[int, str, bool]], events: list[Any]) -> list[tuple[int, str]]:
    """(place, reaction) of what is owed; of those that follow a ticket's events together, the first."""
    seen: set[tuple[str, int, uuid.UUID]] = set()
    found = []
    for position, reaction, once in owed:
        ticket_id, context = events[position - 1][4:]
        if once and ticket_id is not None:
            if (reaction, ticket_id, context) in seen:
                continue
            seen.add((reaction, ticket_id, context))
        found.append((position, reaction))
    return found


PLAN_ONCE = "set local plan_cache_mode = force_generic_plan"


@asynccontextmanager
async def writing(
    database: Database, account: Account, actor: Actor, cause: Cause = NO_CAUSE, *, by_keys: bool = False
) -> AsyncIterator[Work]:
    """One transaction: commits at the end with its events, rolls back on any exception, then rings.

    `by_keys`: its statements find their rows by keys alone, so that one plan is right for all of them. PostgreSQL would
    else plan many anew each time, which costs more than running them (a third of what follows a message of chat).
    """
    async with database.pool.acquire() as db:
        work = Work(database, db, account, actor, cause)
        async with db.transaction():
            if by_keys:
                await db.execute(PLAN_ONCE)
            yield work
            await work.flush()
    if work.rings:
        database.ring(*work.rings)


@asynccontextmanager
async def reading(database: Database, account: Account, actor: Actor) -> AsyncIterator[Work]:
    """A connection without a transaction: one statement sees one moment, which is all an answer needs."""
    async with database.pool.acquire() as db:
        yield Work(database, db, account, actor, NO_CAUSE)


@asynccontextmanager
async def frozen(work: Work) -> AsyncIterator[None]:
    """On a connection of `reading`: one moment throughout, and the database refuses every write."""
    async with work.db.transaction(isolation="repeatable_read", readonly=True):
        yield


@asynccontextmanager
async def looking(database: Database, account: Account, actor: Actor) -> AsyncIterator[Work]:
    """A transaction that sees one moment throughout and in which the database refuses every write."""
    async with reading(database, account, actor) as work, frozen(work):
        yield work
