"""Counts of views: fresh where they are cheap, as last counted where they are costly, made in the background."""

import datetime
from typing import Any

import pytest

from polus.base import clock
from polus.desk import presence
from polus.desk.accounts import Book
from polus.desk.views import counting
from polus.due import Due
from polus.store.queue import Queue
from polus.store.work import Actor, reading
from tests import make
from tests.world import World

MINUTE = datetime.timedelta(minutes=1)


async def _view(world: World, name: str, filters: str, **more: Any) -> int:
    made = await world.leo.post("/api/views", {"slug": name, "name": name, "filters": filters, **more})
    assert made.status == 201, made.raw
    return made.json["id"]  # type: ignore[no-any-return]


async def _counts(world: World, name: str = "leo") -> dict[int, int]:
    client = world.people[name]
    async with reading(world.database, world.account, Actor("user", client.user_id, "agent")) as work:
        return await counting.counts(work)


async def _background(world: World, *, later: datetime.timedelta = datetime.timedelta()) -> None:
    with clock.turned(by=later):
        await presence.seen(world.database, world.account.id, world.leo.user_id, clock.now())
        book = Book(world.database, "http://helpdesk.example")
        await Queue(world.database, Due(world.database, book, "counts").lane()).drain()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine counts slowly."""
    monkeypatch.setattr(counting, "UNKNOWN", 30.0)


async def _costly(world: World, view_id: int) -> None:
    """What was measured is the machine's mood: the view costs much, the others nothing."""
    await world.rows("update view_counts set taken_ms = 0 where account_id = $1 returning 1")
    await world.rows(
        "update view_counts set taken_ms = 1000, due_datetime = now() + interval '1 minute'"
        " where account_id = $1 and view_id = $2 returning 1",
        view_id,
    )


async def test_cheap_counts_are_fresh_and_costly_ones_come_from_the_background(world: World) -> None:
    cheap = await _view(world, "cheap", "eq(ticket.status, 'open')")
    costly = await _view(world, "costly", "contains(ticket.subject, 'parcel')")
    mine = await _view(world, "mine", "eq(ticket.assignee_user.id, '{{current_user.id}}')")
    await make.ticket(world, subject="Parcel", assignee_user={"id": world.leo.user_id})
    # Nobody has counted yet.
    assert await _counts(world) == {cheap: 1, costly: 1, mine: 1}
    await _background(world)
    rows = await world.rows("select view_id, user_id, count from view_counts where account_id = $1")
    assert {tuple(row) for row in rows} == {(cheap, 0, 1), (costly, 0, 1), (mine, world.leo.user_id, 1)}
    await _costly(world, costly)
    await make.ticket(world, subject="Another parcel")
    assert await _counts(world) == {cheap: 2, costly: 1, mine: 1}
    assert await _counts(world, "bea") == {cheap: 2, costly: 1, mine: 0}
    await _background(world)
    assert (await _counts(world))[costly] == 1
    await _background(world, later=MINUTE * 6)
    assert (await _counts(world))[costly] == 2


async def test_what_did_not_change_is_not_counted_again_and_another_filter_is(world: World) -> None:
    view = await _view(world, "loud", "eq(ticket.priority, 'high')")
    await make.ticket(world)
    await _background(world)
    await world.rows("update view_counts set count = 7, taken_ms = 1000 where account_id = $1 returning 1")
    await _background(world, later=MINUTE)
    assert await _counts(world) == {view: 7}
    await _background(world, later=MINUTE * 6)
    assert await _counts(world) == {view: 0}
    await world.leo.put(f"/api/views/{view}", {"filters": "eq(ticket.status, 'open')"})
    assert await _counts(world) == {view: 1}
    await _background(world)
    assert await _counts(world) == {view: 1}


async def test_nobody_there_nothing_is_counted(world: World) -> None:
    await _view(world, "open", "eq(ticket.status, 'open')")
    book = Book(world.database, "http://helpdesk.example")
    await Queue(world.database, Due(world.database, book, "counts").lane()).drain()
    assert await world.rows("select 1 from view_counts where account_id = $1") == []


async def test_pages_of_costly_views_stay_exact(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "COSTLY", 0.0)
    view = await _view(world, "costly", "contains(ticket.subject, 'parcel')")
    stays, leaves = [await make.ticket(world, subject=f"Parcel {n}") for n in range(2)]
    other = await make.ticket(world, subject="Else")
    await world.rows(
        "update tickets set updated_datetime = now() - interval '1 day' where account_id = $1 returning 1"
    )
    await _background(world)
    rows = await world.rows("select ids from view_counts where account_id = $1 and view_id = $2", view)
    assert sorted(rows[0]["ids"]) == [stays["id"], leaves["id"]]
    await world.lia.put(f"/api/tickets/{leaves['id']}", {"subject": "No more"})
    await world.lia.put(f"/api/tickets/{other['id']}", {"subject": "A parcel too"})
    new = await make.ticket(world, subject="New parcel")
    listed = [t["id"] for t in (await world.leo.get(f"/api/views/{view}/items")).json["data"]]
    assert listed == [new["id"], other["id"], stays["id"]]
