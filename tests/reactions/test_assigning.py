"""Tickets of teams find their agents: the setting `ticket-assignment`, through the API and the worker."""

import asyncio
import datetime
from typing import Any

import pytest

from polus.base import clock
from polus.desk import presence
from polus.desk.accounts import Book
from polus.due import Due
from polus.reactions import table
from polus.reactions.outbox import Outbox
from polus.store import work as works
from polus.store.queue import Queue
from polus.store.work import Subscription
from tests import make
from tests.world import World

ASSIGN = [reaction for reaction in table.REACTIONS if reaction.name == "assign"]
OWNER = "select assignee_user_id from tickets where account_id = $1 and id = $2"


@pytest.fixture
def subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    for reaction in ASSIGN:
        for kind in reaction.on:
            monkeypatch.setitem(works.subscriptions, kind, (Subscription(reaction.name),))


async def _react(world: World) -> None:
    book = Book(world.database, "http://helpdesk.example")
    await Queue(world.database, Outbox(world.database, ASSIGN, book).lane()).drain()


async def _wait(world: World) -> None:
    book = Book(world.database, "http://helpdesk.example")
    await Queue(world.database, Due(world.database, book, "assignments").lane()).drain()


async def _set(world: World, **data: Any) -> None:
    rows = await world.rows(
        "select id from account_settings where account_id = $1 and type = 'ticket-assignment'"
    )
    given = {"auto_assign_to_teams": True, "assignment_channels": ["email", "chat"], **data}
    body = {"type": "ticket-assignment", "data": given}
    answer = await world.ada.put(f"/api/account/settings/{rows[0]['id']}", body)
    assert answer.status == 200, answer.raw


async def _team(world: World, *names: str) -> int:
    members = [{"id": world.people[name].user_id} for name in names]
    answer = await world.leo.post("/api/teams", {"name": "Returns", "members": members})
    return answer.json["id"]  # type: ignore[no-any-return]


async def _come(world: World, *names: str) -> None:
    for name in names:
        await presence.seen(world.database, world.account.id, world.people[name].user_id, clock.now())


async def _owner(world: World, ticket_id: int) -> str | None:
    user_id = (await world.rows(OWNER, ticket_id))[0][0]
    return next((name for name, one in world.people.items() if one.user_id == user_id), None)


async def test_a_teams_ticket_goes_to_the_present_member_with_the_fewest(
    world: World, subscribed: None
) -> None:
    team = await _team(world, "leo", "bea", "lia", "oda")
    await _set(world)
    await _come(world, "leo", "bea", "oda")
    await make.ticket(world, assignee_user={"id": world.leo.user_id})
    one = await make.ticket(world, assignee_team={"id": team})
    other = await make.ticket(world, assignee_team={"id": team})
    third = await make.ticket(world)
    await _react(world)
    # Bea had none; then both have one, and Leo stands first; the observer and the absent get nothing. Which ticket is
    # looked at first is nobody's promise.
    owners = {t["id"]: await _owner(world, t["id"]) for t in (one, other, third)}
    assert sorted(owners.values(), key=str) == [None, "bea", "leo"]
    assert owners[third["id"]] is None
    told = {e[2]: e[3]["assignee_user_id"] for e in await world.events("ticket-assigned") if e[2] in owners}
    assert told == {id_: world.people[name].user_id for id_, name in owners.items() if name}
    await world.leo.put(f"/api/tickets/{third['id']}", {"assignee_team": {"id": team}})
    await _react(world)
    assert await _owner(world, third["id"]) == "bea"


async def test_nothing_is_given_when_the_setting_is_off_or_not_for_the_channel(
    world: World, subscribed: None
) -> None:
    team = await _team(world, "leo")
    await _come(world, "leo")
    ticket = await make.ticket(world, assignee_team={"id": team})
    await _react(world)
    await _set(world, assignment_channels=["chat"])
    await _react(world)
    await _wait(world)
    assert await _owner(world, ticket["id"]) is None


async def test_who_has_enough_gets_no_more_until_he_has_room(world: World, subscribed: None) -> None:
    team = await _team(world, "leo")
    await _set(world, max_user_non_chat_ticket=2, max_user_chat_ticket=1)
    await _come(world, "leo")
    mails = [await make.ticket(world, assignee_team={"id": team}) for _ in range(3)]
    chat = await make.ticket(world, assignee_team={"id": team}, channel="chat")
    # Each ticket in a transaction of its own, several at once: nobody gets more than he may.
    await asyncio.gather(_react(world), _react(world), _wait(world))
    await _react(world)
    owners = [await _owner(world, ticket["id"]) for ticket in mails]
    assert sorted(owners, key=str) == [None, "leo", "leo"]
    assert await _owner(world, chat["id"]) == "leo"
    done, waits = mails[owners.index("leo")]["id"], mails[owners.index(None)]["id"]
    await world.leo.put(f"/api/tickets/{done}", {"status": "closed"})
    await _wait(world)
    assert await _owner(world, waits) == "leo"
    assigned = [e[2] for e in await world.events("ticket-assigned")]
    assert sorted(assigned) == sorted({*assigned})


async def test_capacity_may_be_exceeded_when_the_setting_says_so(world: World, subscribed: None) -> None:
    team = await _team(world, "leo")
    await _set(world, max_user_non_chat_ticket=1, can_exceed_max_agent_capacity=True)
    await _come(world, "leo")
    tickets = [await make.ticket(world, assignee_team={"id": team}) for _ in range(2)]
    await _react(world)
    assert [await _owner(world, ticket["id"]) for ticket in tickets] == ["leo", "leo"]


async def test_tickets_wait_for_somebody_to_come(world: World, subscribed: None) -> None:
    team = await _team(world, "leo", "bea")
    await _set(world)
    ticket = await make.ticket(world, assignee_team={"id": team})
    await _react(world)
    await _wait(world)
    assert await _owner(world, ticket["id"]) is None
    with clock.turned(by=datetime.timedelta(minutes=-6)):
        await _come(world, "leo")
    await _come(world, "bea")
    answer = await world.bea.put("/api/_polus/presence/0", {"available": False})
    assert answer.json | {"seen_datetime": ""} == {
        "user_id": world.bea.user_id, "available": False, "present": True, "seen_datetime": "",
    }  # fmt: skip
    await _wait(world)
    assert await _owner(world, ticket["id"]) is None
    await world.leo.put(f"/api/_polus/presence/{world.bea.user_id}", {"available": True})
    await _wait(world)
    assert await _owner(world, ticket["id"]) == "bea"


async def test_a_customers_answer_takes_a_chat_from_an_agent_who_is_away(world: World) -> None:
    chat = await make.ticket(world, channel="chat", assignee_user={"id": world.leo.user_id})
    mailed = await make.ticket(world, assignee_user={"id": world.leo.user_id})
    here = await make.ticket(world, channel="chat", assignee_user={"id": world.bea.user_id})
    await _come(world, "bea")
    for ticket in (chat, mailed, here):
        answer = await world.lia.post(f"/api/tickets/{ticket['id']}/messages", make.mail("Still there?"))
        assert answer.status == 201
    assert [await _owner(world, t["id"]) for t in (chat, mailed, here)] == [None, "leo", "bea"]
    assert [e[2] for e in await world.events("ticket-unassigned")] == [chat["id"]]


async def test_who_may_say_it_of_whom(world: World) -> None:
    refused = await world.lia.put(f"/api/_polus/presence/{world.leo.user_id}", {"available": False})
    unknown = await world.leo.put("/api/_polus/presence/1", {"available": False})
    assert (refused.status, unknown.status) == (403, 404)
    listed = (await world.oda.get("/api/_polus/presence")).json["data"]
    assert [one["user_id"] for one in listed] == sorted(one.user_id for one in world.people.values())
