"""What is computed from customers' words lands on tickets and messages, and nowhere else."""

from typing import Any

import pytest

from polus.desk.accounts import Book
from polus.reactions import table
from polus.reactions.outbox import Outbox
from polus.store import work as works
from polus.store.queue import Queue
from polus.store.work import Subscription
from tests import make
from tests.world import World

ANALYSE = [reaction for reaction in table.REACTIONS if reaction.name == "analyse"]
FRENCH = "Bonjour, je n'ai toujours pas reçu ma commande, c'est inadmissible. Pouvez-vous me répondre ?"
FOUND = [{"name": "shipping/status", "rejected": False, "is_user_feedback": False}]


@pytest.fixture(autouse=True)
def _subscribed(monkeypatch: pytest.MonkeyPatch) -> None:
    (analyse,) = ANALYSE
    monkeypatch.setitem(works.subscriptions, analyse.on[0], (Subscription(analyse.name, analyse.when),))


async def _react(world: World) -> None:
    book = Book(world.database, "http://helpdesk.example")
    await Queue(world.database, Outbox(world.database, ANALYSE, book).lane()).drain()


async def _ticket(world: World, ticket_id: int) -> dict[str, Any]:
    return (await world.oda.get(f"/api/tickets/{ticket_id}")).json  # type: ignore[no-any-return]


async def _switch(world: World, **parts: bool) -> None:
    given = {"detect_language": True, "detect_intents": True, "detect_sentiments": True, **parts}
    assert (await world.ada.put("/api/_polus/analysis", given)).status == 202


async def test_the_language_is_the_tickets_and_the_customers(world: World) -> None:
    ticket = await make.ticket(world, messages=[make.mail("ok")])
    await _react(world)
    assert (await _ticket(world, ticket["id"]))["language"] is None
    await world.lia.post(f"/api/tickets/{ticket['id']}/messages", make.mail(FRENCH))
    before = await _ticket(world, ticket["id"])
    await world.rows(
        "delete from events where account_id = $1 and type <> 'ticket-message-created' returning 1"
    )
    await _react(world)
    after = await _ticket(world, ticket["id"])
    assert (after["language"], after["messages"][1]["intents"]) == ("fr", [])
    assert after["updated_datetime"] == before["updated_datetime"]
    customer = await world.oda.get(f"/api/customers/{ticket['customer']['id']}")
    assert customer.json["language"] == "fr"
    assert [event[0] for event in await world.events()] == ["ticket-message-created"] * 2
    # What was set is never changed by later words.
    await world.lia.post(
        f"/api/tickets/{ticket['id']}/messages",
        make.mail("Where is my parcel? I have been waiting for weeks now."),
    )
    await _react(world)
    assert (await _ticket(world, ticket["id"]))["language"] == "fr"


async def test_intents_and_sentiments_when_they_are_wanted(world: World) -> None:
    assert (await world.oda.get("/api/_polus/analysis")).json == {
        "detect_language": True, "detect_intents": False, "detect_sentiments": False,
    }  # fmt: skip
    await _switch(world)
    ticket = await make.ticket(world, messages=[make.mail(FRENCH)])
    await _react(world)
    (message,) = (await _ticket(world, ticket["id"]))["messages"]
    assert message["intents"] == FOUND
    rows = await world.rows(
        "select sentiments from messages where account_id = $1 and id = $2", message["id"]
    )
    assert rows[0]["sentiments"] == ["negative"]
    told = await world.events("account-updated")
    assert told[0][3]["analysis"]["detect_intents"] is True


async def test_what_is_not_looked_at(world: World) -> None:
    await _switch(world)
    api = await make.ticket(world, messages=[make.mail(FRENCH, via="api")])
    old = await make.ticket(world, messages=[make.mail(FRENCH)], imported=True)
    note = await make.ticket(world, messages=[make.mail("ok"), make.note(FRENCH)])
    await _switch(world, detect_language=False, detect_intents=False)
    off = await make.ticket(world, messages=[make.mail(FRENCH)])
    await _react(world)
    for ticket in (api, old, note, off):
        seen = await _ticket(world, ticket["id"])
        assert seen["language"] is None
        assert [message["intents"] for message in seen["messages"]] == [[] for _ in seen["messages"]]


async def test_an_app_may_know_better(world: World) -> None:
    ticket = await make.ticket(world, messages=[make.mail(FRENCH)], language="de")
    path = f"/api/_polus/messages/{ticket['messages'][0]['id']}/analysis"
    answer = await world.lia.post(
        path, {"language": "fr", "intents": ["shipping/status"], "sentiments": ["urgent"]}
    )
    assert (answer.status, answer.raw) == (201, b"")
    seen = await _ticket(world, ticket["id"])
    assert (seen["language"], seen["messages"][0]["intents"]) == ("fr", FOUND)
    wrong = await world.lia.post(path, {"intents": ["love"]})
    assert wrong.status == 400
    assert (await world.oda.post(path, {})).status == 403
    assert (await world.lia.post("/api/_polus/messages/1/analysis", {})).status == 404
