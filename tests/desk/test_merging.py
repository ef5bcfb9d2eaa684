"""Merging tickets, and waking snoozed ones: verbs that no operation of the API calls yet."""

import datetime

import pytest

from polus.base import clock, errors
from polus.desk.tickets import merging, snoozing
from polus.store.work import SYSTEM, writing
from tests import make
from tests.world import World


async def merge(world: World, source_id: int, into: int) -> None:
    async with writing(world.database, world.account, SYSTEM) as work:
        await merging.merge(work, source_id, into)


async def test_a_merged_ticket_lives_on_in_the_other(world: World) -> None:
    first = await make.ticket(world, tags=[{"name": "VIP"}], channel="chat")
    second = await make.ticket(
        world, messages=[make.mail("the second")], tags=[{"name": "late"}, {"name": "VIP"}]
    )
    await merge(world, first["id"], second["id"])
    answer = await world.oda.get(f"/api/tickets/{first['id']}/?relationships=custom_fields")
    assert (answer.status, answer.raw) == (301, b"")
    assert answer.headers["Location"] == f"/api/tickets/{second['id']}/?relationships=custom_fields"
    nested = await world.lia.post(f"/api/tickets/{first['id']}/messages", make.note())
    assert (nested.status, nested.headers["Location"]) == (301, f"/api/tickets/{second['id']}/messages")
    wrong = await world.lia.put(f"/api/tickets/{first['id']}", {"status": 1})
    assert wrong.status == 301

    merged = (await world.oda.get(f"/api/tickets/{second['id']}")).json
    assert [m["body_text"] for m in merged["messages"]] == ["Where is my parcel?", "the second"]
    assert [tag["name"] for tag in merged["tags"]] == ["VIP", "late"]
    assert merged["channel"] == "chat"
    listed = (await world.oda.get("/api/tickets")).json["data"]
    assert [(t["id"], t["messages_count"], t["excerpt"]) for t in listed] == [(second["id"], 2, "the second")]
    data = {"source_id": first["id"], "target_id": second["id"]}
    assert await world.events("ticket-merged") == [("ticket-merged", "Ticket", second["id"], data)]


async def test_chains_are_flat_and_end_with_the_survivor(world: World) -> None:
    a, b, c = [(await make.ticket(world))["id"] for _ in range(3)]
    await merge(world, a, b)
    await merge(world, b, c)
    assert (await world.oda.get(f"/api/tickets/{a}")).headers["Location"] == f"/api/tickets/{c}"
    with pytest.raises(errors.Merged):
        await merge(world, a, c)
    with pytest.raises(errors.Invalid):
        await merge(world, c, c)
    await world.leo.delete(f"/api/tickets/{c}")
    assert (await world.oda.get(f"/api/tickets/{a}")).status == 404


async def test_a_snoozed_ticket_wakes_at_its_time(world: World) -> None:
    ticket = await make.ticket(world)
    tomorrow = clock.now() + datetime.timedelta(days=1)
    await world.lia.put(f"/api/tickets/{ticket['id']}", {"snooze_datetime": tomorrow.isoformat()})
    async with writing(world.database, world.account, SYSTEM) as work:
        assert await snoozing.wake(work) == 0
    await world.rows("delete from events where account_id = $1")
    with clock.turned(by=datetime.timedelta(days=1, seconds=1)):
        async with world.database.pool.acquire() as db:
            assert world.account.id in await snoozing.due_accounts(db, clock.now())
        async with writing(world.database, world.account, SYSTEM) as work:
            assert await snoozing.wake(work) == 1
    woken = (await world.oda.get(f"/api/tickets/{ticket['id']}")).json
    assert (woken["status"], woken["snooze_datetime"], woken["closed_datetime"]) == ("open", None, None)
    assert [event[0] for event in await world.events()] == [
        "ticket-self-unsnoozed",
        "ticket-updated",
        "ticket-reopened",
    ]
