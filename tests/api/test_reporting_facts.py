"""`/api/_polus/reporting/facts`."""

import datetime
from typing import Any

from polus.base import clock
from polus.desk import users
from polus.store.work import SYSTEM, writing
from tests import make
from tests import world as worlds
from tests.world import World

PATH = "/api/_polus/reporting/facts"
STORED = "select kind, external_id, ticket_id, customer_id, channel, data::text from app_facts where account_id = $1 order by id"
ORDER = {"kind": "order", "external_id": "o1", "order_id": "100", "total_amount": 12.5, "currency": "EUR"}
TALK = {"kind": "interaction", "external_id": "t1", "outcome": "automated", "feature": "ai-agent"}


async def count(world: World, scope: str, **more: Any) -> Any:
    days = [(clock.now() + datetime.timedelta(days=days)).isoformat() for days in (-30, 30)]
    period = {"member": "periodStart", "operator": "inDateRange", "values": days}
    query = {"scope": scope, "timezone": "UTC", "filters": [period], **more}
    return (await world.oda.post("/api/reporting/stats", {"query": query})).json["data"]


async def test_what_is_told_is_kept_and_may_be_told_better(world: World) -> None:
    ticket = await make.ticket(world, channel="chat")
    told = {**TALK, "ticket_id": ticket["id"], "intent": "order/status", "engagement_type": "cart"}
    answer = await world.bea.post(PATH, {"facts": [told, ORDER]})
    assert (answer.status, answer.json) == (201, {"data": [
        {"kind": "interaction", "external_id": "t1", "status": "created"},
        {"kind": "order", "external_id": "o1", "status": "created"},
    ]})  # fmt: skip
    rows = [tuple(row) for row in await world.rows(STORED)]
    assert rows[0] == (
        "interaction", "t1", ticket["id"], ticket["customer"]["id"], None,
        '{"intent": "order/status", "feature": "ai-agent", "outcome": "automated", "engagement_type": "cart"}',
    )  # fmt: skip
    (found,) = await count(world, "overall-automated-interactions", dimensions=["channel"])
    assert found == {"channel": "chat", "automatedInteractionsCount": 1}
    better = await world.bea.post(PATH, {"facts": [{**ORDER, "total_amount": 20}]})
    assert better.json["data"][0]["status"] == "updated"
    (sold,) = await count(world, "ai-sales-agent-orders-performance", measures=["totalSalesAmount"])
    assert sold == {"totalSalesAmount": 20}
    # Another user's fact is another fact, and nobody else takes it back.
    assert (await world.leo.post(PATH, {"facts": [ORDER]})).json["data"][0]["status"] == "created"
    gone = await world.leo.delete(PATH, {"kind": "order", "external_ids": ["o1", "o9"]})
    assert gone.status == 204
    assert [(row["kind"], row["external_id"]) for row in await world.rows(STORED)] == [
        ("interaction", "t1"), ("order", "o1"),
    ]  # fmt: skip
    await world.leo.put(f"/api/tickets/{ticket['id']}", {"spam": True})
    assert await count(world, "overall-automated-interactions") == [{"automatedInteractionsCount": 0}]


async def test_what_is_wrong_is_told_and_nothing_is_kept(world: World) -> None:
    other = {"kind": "interaction", "external_id": "t2", "feature": "ai-agent"}
    for fact, told in (
        (other, {"outcome": ["Missing data for required field."]}),
        ({**ORDER, "code_offered": "A"}, {"code_offered": ["No such field"]}),
        ({**ORDER, "moon": 1}, {"moon": ["No such field"]}),
        ({**ORDER, "total_amount": "much"}, {"total_amount": ["Not a valid number."]}),
        ({**ORDER, "kind": "moon"}, {"kind": ["Not a valid choice."]}),
        ({**ORDER, "datetime": "2099-01-01"}, {"datetime": ["Must not be in the future."]}),
        ({**ORDER, "ticket_id": 9}, {"ticket_id": ["Does not exist."]}),
        ({**ORDER, "customer_id": 99, "store_integration_id": 9}, {
            "customer_id": ["Does not exist."], "store_integration_id": ["Does not exist."]}),
        (TALK, {"external_id": ["May not be given twice."]}),
    ):  # fmt: skip
        answer = await world.bea.post(PATH, {"facts": [TALK, fact]})
        assert (answer.status, answer.json["error"]["data"]) == (400, {"facts": {"1": told}}), answer.raw
    for body in ({"facts": []}, {"facts": [TALK] * 501}, {}):
        assert (await world.bea.post(PATH, body)).status == 400
    assert (await world.bea.delete(PATH, {"kind": "order", "external_ids": []})).status == 400
    assert (await world.lia.post(PATH, {"facts": [TALK]})).status == 403
    assert await world.rows(STORED) == []


async def test_another_accounts_tickets_are_unknown(world: World, database: Any, http: Any, url: str) -> None:
    other = await worlds.make(database, http, url)
    ticket = None
    for _ in range(2):
        ticket = await make.ticket(other)
    assert ticket is not None
    answer = await world.bea.post(PATH, {"facts": [{**TALK, "ticket_id": ticket["id"]}]})
    assert answer.json["error"]["data"] == {"facts": {"0": {"ticket_id": ["Does not exist."]}}}


async def test_what_bots_do_is_seen_without_being_told(world: World) -> None:
    async with writing(world.database, world.account, SYSTEM) as work:
        bot = await users.create(work, f"bot@{world.account.domain}.example", "Bot", "bot")
    await make.address(world, f"help@{world.account.domain}.example")
    closed, given, later = [await make.ticket(world, assignee_user={"id": bot}) for _ in range(3)]
    for ticket in (closed, given):
        said = await world.leo.post(
            f"/api/tickets/{ticket['id']}/messages",
            make.answer(sender={"id": bot}, sent_datetime=ticket["created_datetime"]),
        )
        assert said.status == 201, said.raw
    await world.leo.put(f"/api/tickets/{closed['id']}", {"status": "closed"})
    await world.leo.put(f"/api/tickets/{given['id']}", {"assignee_user": {"id": world.bea.user_id}})
    team = (await world.ada.post("/api/teams", {"name": "North"})).json["id"]
    await world.leo.put(f"/api/tickets/{later['id']}", {"assignee_team": {"id": team}})
    assert await count(world, "ai-agent-automated-interactions", dimensions=["ticketId"]) == [
        {"ticketId": closed["id"], "automatedInteractionsCount": 1}
    ]
    assert await count(world, "handover-interactions", dimensions=["ticketId"]) == [
        {"ticketId": ticket["id"], "handoverInteractionsCount": 1} for ticket in (given, later)
    ]
    # Who knows better is believed.
    told = {**TALK, "ticket_id": closed["id"], "outcome": "dropped", "feature": "flow"}
    await world.bea.post(PATH, {"facts": [told]})
    assert await count(world, "ai-agent-automated-interactions") == [{"automatedInteractionsCount": 0}]
