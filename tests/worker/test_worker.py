"""The worker as a whole: what must happen by itself does, and it ends in peace."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from polus import worker as workers
from polus.base.settings import Settings
from polus.store import presence
from polus.store import work as works
from polus.store.database import Database
from polus.worker import Worker
from tests import make
from tests.channels.email import office as offices
from tests.channels.email.office import mail
from tests.world import World


@pytest.fixture
async def worker(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Worker]:
    monkeypatch.setattr(works, "subscriptions", {})
    settings = Settings(data=tmp_path, base_url="http://helpdesk.example", secret_key="k" * 32)
    async with workers.working(settings, database) as working:
        yield working
    async with database.pool.acquire() as db:
        await db.execute("delete from chores")


async def _until(world: World, sql: str) -> None:
    """Until the statement finds something; the worker is at it by itself."""
    async with asyncio.timeout(60):
        while not await world.rows(sql):
            await asyncio.sleep(0.01)


async def test_a_mail_is_processed_and_an_answer_leaves(worker: Worker, world: World) -> None:
    office = await offices.opened(world)
    await office.write(mail())
    await _until(world, "select 1 from mails where account_id = $1 and state = 'delivered'")
    (row,) = await world.rows("select * from mails where account_id = $1")
    await office.answer(row["ticket_id"])
    # There is no relay, and the agent is told so.
    await _until(world, "select 1 from messages where account_id = $1 and failed_datetime is not null")


@pytest.mark.thorough
async def test_snoozed_tickets_wake_up(worker: Worker, world: World) -> None:
    ticket = await make.ticket(world)
    await world.rows(
        "update tickets set status = 'closed', closed_datetime = now(), snooze_datetime = now() + interval '0.1 s'"
        " where account_id = $1 returning 1"
    )
    await _until(world, "select 1 from tickets where account_id = $1 and status = 'open'")
    told = [kind for kind, *_ in await world.events("ticket-self-unsnoozed", "ticket-reopened")]
    assert sorted(told) == ["ticket-reopened", "ticket-self-unsnoozed"]
    assert (await world.lia.get(f"/api/tickets/{ticket['id']}")).json["snooze_datetime"] is None


async def test_it_is_seen_to_live_and_to_be_gone(database: Database, worker: Worker) -> None:
    async with database.pool.acquire() as db:
        assert await presence.anybody(db)
        await worker.close()
        # Of a worker that another test killed PostgreSQL hears in a moment.
        async with asyncio.timeout(60):
            while await presence.anybody(db):
                await asyncio.sleep(0.01)
