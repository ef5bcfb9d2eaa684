"""What the clock brings: snoozed tickets wake once, whatever breaks in between; a survey's mail as it leaves."""

import asyncio
import datetime
import email
import email.policy

import pytest

from polus.base import clock
from polus.channels.email.notices import Notices
from polus.desk import notices
from polus.desk.accounts import Book
from polus.desk.tickets import snoozing
from polus.due import Due
from polus.store.queue import Queue
from polus.store.work import SYSTEM, reading, writing
from tests import make
from tests.world import World

HOUR = datetime.timedelta(hours=1)


async def _wake(world: World, workers: int = 1) -> None:
    book = Book(world.database, "http://helpdesk.example")
    lanes = [Queue(world.database, Due(world.database, book, "snoozed").lane()) for _ in range(workers)]
    await asyncio.gather(*(lane.drain() for lane in lanes))


async def _dying(world: World) -> None:
    async with writing(world.database, world.account, SYSTEM) as work:
        assert await snoozing.wake(work) == 3
        await work.flush()
        raise ConnectionAbortedError


async def test_snoozed_tickets_wake_once_also_when_a_worker_dies_at_it(world: World) -> None:
    tickets = [(await make.ticket(world))["id"] for _ in range(3)]
    until = (clock.now() + HOUR).isoformat()
    for ticket_id in tickets:
        await world.lia.put(f"/api/tickets/{ticket_id}", {"snooze_datetime": until})
    await _wake(world)
    assert await world.events("ticket-self-unsnoozed") == []
    with clock.turned(by=HOUR * 2):
        # Whatever ends a worker before its commit ends its transaction too.
        with pytest.raises(ConnectionAbortedError):
            await _dying(world)
        assert await world.events("ticket-self-unsnoozed") == []
        await _wake(world, workers=3)
        await _wake(world)
    woken = [event[2] for event in await world.events("ticket-self-unsnoozed")]
    assert sorted(woken) == tickets
    for ticket_id in tickets:
        seen = (await world.oda.get(f"/api/tickets/{ticket_id}")).json
        assert (seen["status"], seen["snooze_datetime"], seen["closed_datetime"]) == ("open", None, None)


async def test_a_notice_about_a_ticket_comes_from_its_address_and_answers_go_into_it(world: World) -> None:
    await make.address(world, f"old@{world.account.domain}.example")
    used = await make.address(world, f"help@{world.account.domain}.example")
    ticket = await make.ticket(world)
    await world.rows(
        "update tickets set integration_ids = array[$3::bigint] where account_id = $1 and id = $2 returning 1",
        ticket["id"],
        used,
    )
    async with writing(world.database, world.account, SYSTEM) as work:
        notice_id = await notices.add(
            work,
            "mia@example.com",
            "How did we do?",
            "Rate us",
            ticket_id=ticket["id"],
            body_html="<p>Rate us</p>",
        )
    async with reading(world.database, world.account, SYSTEM) as work:
        letter = await Notices().letter(work, (world.account.id, notice_id))
    sent = email.message_from_bytes(letter.raw, policy=email.policy.default)
    address = f"help@{world.account.domain}.example"
    assert address in sent["From"]
    local = address.partition("@")[0]
    assert f"{local}+t" in sent["Reply-To"]
    assert sent["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in sent.walk() if not part.is_multipart()] == [
        "text/plain",
        "text/html",
    ]
    await world.rows("delete from notices where account_id = $1 returning 1")
