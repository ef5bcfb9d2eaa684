"""Tells open pages which tickets changed, by server-sent events fed from the store's bell.

A page hears a ticket's number and nothing else; it fetches what it shows with its own rights. What was missed while
the connection was down is made up by the page, which fetches everything when it is back.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator

import msgspec
from starlette.responses import Response, StreamingResponse

from polus.base import clock
from polus.desk import presence
from polus.store.bell import Ring
from polus.store.database import Database
from polus.web import session, streams
from polus.web.visits import Visit

QUIET = 20.0
"""Seconds of silence after which a comment is sent: proxies keep the connection, and a closed one is noticed."""

MOST_WAITING = 500
"""Tickets one page has not been told of yet; beyond, it is told to fetch everything."""

SIGN_OF_LIFE = 60.0
"""Seconds after which it is written down again that somebody has a page open."""

HELLO = b"retry: 2000\n: hello\n\n"
STILL_HERE = b": .\n\n"
EVERYTHING = b"event: everything\ndata: {}\n\n"
LIST = b"event: list\ndata: {}\n\n"
BYE = b"event: bye\ndata: {}\n\n"
STREAM = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Listener:
    """One open page."""

    __slots__ = ("bell", "check", "everything", "listed", "over", "people", "tickets", "typing", "user_id")

    def __init__(self, user_id: int) -> None:
        self.user_id = user_id
        self.bell = asyncio.Event()
        self.tickets: dict[int, None] = {}
        self.people: dict[int, None] = {}
        self.typing: dict[int, None] = {}
        self.everything = False
        self.listed = False
        self.check = False
        self.over = False

    def told(self) -> bytes:
        """What has happened since the last call, as events."""
        self.bell.clear()
        tickets, self.tickets = self.tickets, {}
        people, self.people = self.people, {}
        typing, self.typing = self.typing, {}
        if self.everything:
            self.everything = False
            return EVERYTHING
        listed, self.listed = self.listed and not tickets, False
        changes = [b"event: people\ndata: " + msgspec.json.encode({"id": id}) + b"\n\n" for id in people]
        changes += [b"event: typing\ndata: " + msgspec.json.encode({"id": id}) + b"\n\n" for id in typing]
        changes += [b"event: ticket\ndata: " + msgspec.json.encode({"id": id}) + b"\n\n" for id in tickets]
        return (LIST if listed else b"") + b"".join(changes)


class Live:
    """The open pages of one process, by account."""

    def __init__(self, database: Database) -> None:
        self._listeners: defaultdict[int, set[Listener]] = defaultdict(set)
        self._closing = asyncio.Event()
        database.bell.listen(self._hear)

    def _hear(self, rings: list[Ring]) -> None:
        for ring in rings:
            match ring:
                case ("ticket", int(account), int(ticket)):
                    for listener in self._listeners.get(account, ()):
                        self._tell(listener, ticket)
                case ("presence", int(account), int(ticket)):
                    for listener in self._listeners.get(account, ()):
                        if len(listener.people) < MOST_WAITING:
                            listener.people[ticket] = None
                        listener.bell.set()
                case ("customer-typing", int(account), int(ticket)):
                    for listener in self._listeners.get(account, ()):
                        if len(listener.typing) < MOST_WAITING:
                            listener.typing[ticket] = None
                        listener.bell.set()
                case ("read", int(account), int(user), _):
                    for listener in self._listeners.get(account, ()):
                        if listener.user_id == user:
                            listener.listed = True
                            listener.bell.set()
                case ("sessions" | "credentials", int(account)):
                    for listener in self._listeners.get(account, ()):
                        listener.check = True
                        listener.bell.set()
                case ("everything",):
                    for listener in self._all():
                        listener.everything = True
                        listener.bell.set()

    def _tell(self, listener: Listener, ticket: int) -> None:
        if len(listener.tickets) < MOST_WAITING:
            listener.tickets[ticket] = None
        else:
            listener.everything = True
        listener.bell.set()

    def _all(self) -> list[Listener]:
        return [listener for pages in self._listeners.values() for listener in pages]

    def hang_up(self) -> None:
        """End all streams; pages connect again by themselves."""
        for listener in self._all():
            listener.over = True
            listener.bell.set()

    def close(self) -> None:
        """End all streams and begin no more: the server is stopping."""
        self._closing.set()
        self.hang_up()

    async def stream(self, visit: Visit) -> Response:
        """`GET /live`. Who is not logged in is told so in the stream: a script cannot read a refused one's status."""
        return StreamingResponse(self._told(visit), media_type="text/event-stream", headers=STREAM)

    async def _told(self, visit: Visit) -> AsyncIterator[bytes]:
        if visit.session is None:
            yield BYE
            return
        pages, listener = self._listeners[visit.account.id], Listener(visit.person.user_id)
        pages.add(listener)
        signed = float("-inf")
        try:
            yield HELLO
            while not (listener.over or self._closing.is_set()):
                if time.monotonic() - signed >= SIGN_OF_LIFE:
                    signed = time.monotonic()
                    await presence.seen(visit.house.database, visit.account.id, listener.user_id, clock.now())
                quiet = not await streams.rung(listener.bell, QUIET)
                if (quiet or listener.check) and await session.known(visit) is None:
                    yield BYE
                    return
                listener.check = False
                yield listener.told() or STILL_HERE
        finally:
            pages.discard(listener)
            if not pages:
                self._listeners.pop(visit.account.id, None)
