"""Service levels of tickets: attached, kept, broken, paused, told; through the API and the worker."""

import asyncio
import datetime
from typing import Any

import pytest

from polus.base import clock
from polus.desk.accounts import Book
from polus.due import Due
from polus.reactions import table
from polus.reactions.outbox import Outbox
from polus.store import work as works
from polus.store.queue import Queue
from polus.store.work import Subscription
from tests import make
from tests.world import World

SLAS = [reaction for reaction in table.REACTIONS if reaction.name == "slas"]
HOUR = datetime.timedelta(hours=1)
ALWAYS = {"within_business_hours": False}


@pytest.fixture(autouse=True)
def _subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    for reaction in SLAS:
        for kind in reaction.on:
            monkeypatch.setitem(
                works.subscriptions, kind, (Subscription(reaction.name, reaction.when, reaction.once),)
            )


async def _react(world: World) -> None:
    book = Book(world.database, "http://helpdesk.example")
    await Queue(world.database, Outbox(world.database, SLAS, book).lane()).drain()


async def _late(world: World) -> None:
    book = Book(world.database, "http://helpdesk.example")
    await Queue(world.database, Due(world.database, book, "slas").lane()).drain()


async def _policy(world: World, **given: Any) -> dict[str, Any]:
    answer = await world.ada.post("/api/_polus/sla-policies", {"name": "Policy", **given})
    assert answer.status == 201, answer.raw
    return answer.json  # type: ignore[no-any-return]


async def _slas(world: World, ticket_id: int) -> dict[str, Any]:
    listed = (await world.oda.get(f"/api/_polus/tickets/{ticket_id}/slas")).json["data"]
    return {one["metric"]: one for one in listed}


async def _states(world: World, ticket_id: int) -> list[str]:
    return [one["status"] for one in (await _slas(world, ticket_id)).values()]


async def test_the_first_policy_that_covers_a_new_ticket_is_attached(world: World) -> None:
    early = await make.ticket(world)
    everything = await _policy(world, resolution_seconds=7200, **ALWAYS)
    chat = await _policy(world, channels=["chat"], priorities=["high", "critical"], first_response_seconds=60)
    await world.ada.put(f"/api/_polus/sla-policies/{chat['id']}", {"position": 0})
    await _policy(world, position=0, first_response_seconds=1, deactivated_datetime="2026-01-01T00:00:00")
    mail, urgent = await make.ticket(world), await make.ticket(world, channel="chat", priority="high")
    old = await make.ticket(world, imported=True)
    await _react(world)
    (found,) = (await _slas(world, mail["id"])).values()
    created = datetime.datetime.fromisoformat(mail["created_datetime"])
    assert (found["metric"], found["policy_id"], found["status"]) == (
        "resolution",
        everything["id"],
        "pending",
    )
    assert datetime.datetime.fromisoformat(found["due_datetime"]) == created + 2 * HOUR
    assert [one["policy_id"] for one in (await _slas(world, urgent["id"])).values()] == [chat["id"]]
    assert await _states(world, early["id"]) == await _states(world, old["id"]) == []
    told = await world.events("ticket-sla-policy-assigned")
    assert sorted((e[2], e[3]["policy_id"]) for e in told) == [
        (mail["id"], everything["id"]),
        (urgent["id"], chat["id"]),
    ]


async def test_answering_and_closing_in_time_keeps_both_promises(world: World) -> None:
    await make.address(world)
    await _policy(world, first_response_seconds=3600, resolution_seconds=7200, **ALWAYS)
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}"
    await world.lia.post(path + "/messages", make.note())
    await world.lia.post(path + "/messages", make.mail("Hello?"))
    await _react(world)
    assert await _states(world, ticket["id"]) == ["pending", "pending"]
    await world.lia.post(path + "/messages", make.answer(sender={"id": world.lia.user_id}))
    await _react(world)
    assert await _states(world, ticket["id"]) == ["achieved", "pending"]
    await world.lia.put(path, {"status": "closed"})
    await _react(world)
    assert await _states(world, ticket["id"]) == ["achieved", "achieved"]
    await world.lia.put(path, {"status": "open"})
    await _react(world)
    assert await _states(world, ticket["id"]) == ["achieved", "pending"]
    kinds = [(e[0], e[3]["metric"]) for e in await world.events("ticket-sla-achieved", "ticket-sla-breached")]
    assert kinds == [("ticket-sla-achieved", "first-response"), ("ticket-sla-achieved", "resolution")]


async def test_what_runs_out_is_noted_once_however_many_workers_there_are(world: World) -> None:
    policy = await _policy(world, first_response_seconds=3600, **ALWAYS)
    tickets = [await make.ticket(world) for _ in range(3)]
    await _react(world)
    await _late(world)
    assert await world.events("ticket-sla-breached") == []
    due = (await _slas(world, tickets[0]["id"]))["first-response"]["due_datetime"]
    with clock.turned(by=HOUR * 2):
        await asyncio.gather(_late(world), _late(world), _late(world))
    found = (await _slas(world, tickets[0]["id"]))["first-response"]
    assert (found["status"], found["breached_datetime"]) == ("breached", due)
    told = sorted(await world.events("ticket-sla-breached"), key=lambda event: event[2])
    assert [(e[2], e[3]) for e in told] == [
        (ticket["id"], {"policy_id": policy["id"], "metric": "first-response", "due_datetime": told[place][3]["due_datetime"]})
        for place, ticket in enumerate(tickets)
    ]  # fmt: skip
    # The policy's end takes nothing back.
    await world.ada.delete(f"/api/_polus/sla-policies/{policy['id']}")
    assert await _states(world, tickets[0]["id"]) == ["breached"]


async def test_snoozed_trashed_and_merged_tickets_break_nothing(world: World) -> None:
    await _policy(world, resolution_seconds=3600, **ALWAYS)
    snoozed, trashed, merged = [(await make.ticket(world))["id"] for _ in range(3)]
    await _react(world)
    later = (clock.now() + HOUR * 5).isoformat()
    await world.lia.put(f"/api/tickets/{snoozed}", {"snooze_datetime": later})
    await world.lia.put(f"/api/tickets/{trashed}", {"trashed_datetime": clock.now().isoformat()})
    await world.bea.post(f"/api/_polus/tickets/{snoozed}/merge", {"source_id": merged})
    await _react(world)
    with clock.turned(by=HOUR * 2):
        await _late(world)
        assert [one["paused"] for one in (await _slas(world, snoozed)).values()] == [True]
        assert await _states(world, trashed) == ["pending"]
        assert await world.events("ticket-sla-breached") == []
    await world.lia.put(f"/api/tickets/{trashed}", {"trashed_datetime": None})
    await _react(world)
    found = (await _slas(world, trashed))["resolution"]
    assert datetime.datetime.fromisoformat(found["due_datetime"]) > clock.now() + HOUR * 0.9


async def test_policies_are_checked_and_told(world: World) -> None:
    path = "/api/_polus/sla-policies"
    nothing = await world.ada.post(path, {"name": "Nothing"})
    assert list(nothing.json["error"]["data"]) == ["first_response_seconds"]
    assert (await world.leo.post(path, {"name": "x", "resolution_seconds": 60})).status == 403
    one = await _policy(world, resolution_seconds=60, priorities=["low", "critical", "low"])
    assert (one["position"], one["priorities"]) == (1, ["low", "critical"])
    changed = await world.ada.put(f"{path}/{one['id']}", {**one, "name": "Slow", "resolution_seconds": None})
    assert changed.status == 400
    changed = await world.ada.put(f"{path}/{one['id']}", {"name": "Slow"})
    assert (changed.status, changed.json["name"]) == (202, "Slow")
    assert [p["name"] for p in (await world.oda.get(path)).json["data"]] == ["Slow"]
    assert (await world.ada.delete(f"{path}/{one['id']}")).status == 204
    assert [e[3]["sla_policy"] for e in await world.events("account-updated")] == [
        {"id": one["id"], "created": "Policy"},
        {"id": one["id"], "name": ["Policy", "Slow"]},
        {"id": one["id"], "deleted": "Slow"},
    ]
