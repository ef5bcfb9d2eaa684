"""Asks the provider for what was ordered: to call, to hand out a recording, to delete one.

An order is taken in one transaction and ended in another, for nothing waits for the outside in one. A call is asked for
once: when the worker dies meanwhile, nobody knows whether a telephone rings, and the agent is told so.
"""

from html import escape

import structlog

from polus.base import clock
from polus.channels import fetching, outgoing, twilio
from polus.channels.fetching import Unfetched
from polus.channels.twilio import Credentials, Reply
from polus.channels.voice import numbers
from polus.channels.voice.numbers import Number
from polus.desk import files
from polus.desk.accounts import Book
from polus.desk.voice import lines, orders, phones, recordings
from polus.desk.voice.orders import Order
from polus.store.database import Database
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, Account, Work, reading, writing

LATE = "It was not called, for nobody got to it within a minute. Try again."
UNKNOWN = "It is not known whether it was called: the server stopped meanwhile. Try again."
NO_PHONE = "Your telephone number is not known any more."
GONE = "The telephone number was removed."
SEALED = "The credentials of the number cannot be read. Give them again in its settings."
FAILED = "The provider did not make the call: {said}"
NAMES = {"voicemail": "voicemail", "call-recording": "call"}
RING_SECONDS = "30"

log = structlog.get_logger(__name__)


class Orders:
    """The lane of what is to be asked."""

    def __init__(self, database: Database, book: Book) -> None:
        self._database = database
        self._book = book

    def lane(self) -> Lane:
        """For `store.queue`."""
        return Lane("voice_orders", self.look, self.run, width=4)

    async def look(self, db: object, most: int) -> list[Key]:
        """What is due."""
        return await orders.due(db, clock.now(), most)

    async def run(self, key: Key) -> bool:
        """One order."""
        account = await self._book.account(key[0])
        async with writing(self._database, account, SYSTEM) as work:
            order = await orders.take(work, key[1])
        if order is None:
            return False
        try:
            number, credentials = await self._asked(account, order)
        except ValueError as error:
            await self._failed(account, order, str(error), again=False)
            return True
        if order.kind == "dial":
            await self._dial(account, order, number, credentials)
        elif order.kind == "fetch":
            await self._fetch(account, order, credentials)
        else:
            await self._erase(account, order, credentials)
        return True

    async def _asked(self, account: Account, order: Order) -> tuple[Number, Credentials]:
        """Whom to ask; ValueError with what is told."""
        async with reading(self._database, account, SYSTEM) as work:
            found = [one for one in await numbers.all_of(work) if one.id == order.integration_id]
        if not found:
            raise ValueError(GONE)
        try:
            return found[0], found[0].credentials(self._database.vault)
        except ValueError:
            raise ValueError(SEALED) from None

    async def _dial(self, account: Account, order: Order, number: Number, credentials: Credentials) -> None:
        if order.again or clock.now() - order.created_datetime > orders.PATIENCE:
            await self._failed(account, order, UNKNOWN if order.again else LATE, again=False)
            return
        async with reading(self._database, account, SYSTEM) as work:
            own = await _telephone(work, order)
        if own is None:
            await self._failed(account, order, NO_PHONE, again=False)
            return

        def url(step: str) -> str:
            return number.address(account.base_url, step) + f"?call={order.call_id}"

        given = [
            ("To", own),
            ("From", number.number),
            ("Url", url("bridge")),
            ("Method", "POST"),
            ("StatusCallback", url("status")),
            ("StatusCallbackMethod", "POST"),
            *[("StatusCallbackEvent", one) for one in ("initiated", "ringing", "answered", "completed")],
            ("Timeout", RING_SECONDS),
        ]
        try:
            reply = await twilio.ask(credentials, self._database.allowed, "POST", "Calls.json", given)
        except outgoing.Failed as failed:
            await self._failed(account, order, str(failed), again=False)
            return
        await self._dialled(account, order, reply)

    async def _dialled(self, account: Account, order: Order, reply: Reply) -> None:
        if not reply.good:
            await self._failed(account, order, reply.said, again=False)
            return
        async with writing(self._database, account, SYSTEM) as work:
            line = await lines.by_id(work, order.integration_id, order.call_id)
            if line is not None:
                await lines.named(work, line, str(reply.data.get("sid", ""))[:64])
                if line.status == "queued":
                    await lines.move(work, line, "dialling", line.initiated_by_agent_id)
            await orders.done(work, order)

    async def _fetch(self, account: Account, order: Order, credentials: Credentials) -> None:
        path = f"Recordings/{order.recording}.mp3"
        if order.recording is None or not twilio.SID.fullmatch(order.recording):
            await self._failed(account, order, "Not a recording's name.", again=False)
            return
        name = f"{NAMES[order.type or 'voicemail']}-{order.call_id}.mp3"
        try:
            kept = await fetching.fetch(
                self._database, account, twilio.call(credentials, "GET", path), name, limit=files.FILE_LIMIT
            )
        except Unfetched as unfetched:
            # The file may be ready a moment after it was announced.
            await self._failed(account, order, str(unfetched), again=unfetched.again or order.attempts < 3)
            return
        wanted = False
        try:
            async with writing(self._database, account, SYSTEM) as work:
                wanted = order.recording_id is not None and await recordings.keep(
                    work, order.recording_id, kept
                )
                await orders.done(work, order)
        finally:
            if not wanted:
                await self._database.files.delete(kept.key)

    async def _erase(self, account: Account, order: Order, credentials: Credentials) -> None:
        path = f"Recordings/{order.recording}.json"
        if order.recording is None or not twilio.SID.fullmatch(order.recording):
            async with writing(self._database, account, SYSTEM) as work:
                await orders.done(work, order)
            return
        try:
            reply = await twilio.ask(credentials, self._database.allowed, "DELETE", path)
        except outgoing.Failed as failed:
            await self._failed(account, order, str(failed), again=True)
            return
        if reply.good or reply.status == 404:
            async with writing(self._database, account, SYSTEM) as work:
                await orders.done(work, order)
        else:
            await self._failed(account, order, reply.said, again=True)

    async def _failed(self, account: Account, order: Order, said: str, *, again: bool) -> None:
        log.info("an order of a call failed", kind=order.kind, id=order.id, said=said)
        async with writing(self._database, account, SYSTEM) as work:
            if order.kind != "dial":
                await orders.failed(work, order, said, again=again)
                return
            line = await lines.by_id(work, order.integration_id, order.call_id)
            if line is not None and line.state == "dialling":
                told = said if said in (LATE, UNKNOWN, NO_PHONE) else FAILED.format(said=said)
                await lines.fail(work, line, "<p>" + escape(told) + "</p>")
            await orders.done(work, order)


async def _telephone(work: Work, order: Order) -> str | None:
    """The number of the agent who ordered the call."""
    user_id = await lines.caller(work, order.call_id)
    return None if user_id is None else await phones.get(work, user_id)
