"""`/api/satisfaction-surveys`."""

from typing import Any

import pytest

from tests import make
from tests.world import World

PATH = "/api/satisfaction-surveys"


async def ids(world: World) -> dict[str, int]:
    ticket = await make.ticket(world)
    return {"ticket_id": ticket["id"], "customer_id": ticket["customer"]["id"]}


async def test_a_survey_is_made_and_answered(world: World) -> None:
    given = await ids(world)
    made = await world.lia.post(PATH, {**given, "meta": {"from": "shop"}})
    assert made.status == 201, made.raw
    survey = made.json
    assert (survey["score"], survey["scored_datetime"], survey["meta"]) == (None, None, {"from": "shop"})
    assert survey["uri"] == f"{PATH}/{survey['id']}/"
    scored = await world.lia.put(f"{PATH}/{survey['id']}", {**survey, "score": 5, "body_text": "thanks"})
    assert (scored.status, scored.json["score"]) == (202, 5)
    assert scored.json["scored_datetime"] is not None
    assert (await world.oda.get(f"{PATH}/{survey['id']}/")).json == scored.json
    ticket = (await world.oda.get(f"/api/tickets/{given['ticket_id']}")).json
    assert ticket["satisfaction_survey"] == {k: v for k, v in scored.json.items() if k != "uri"}
    again = await world.lia.put(f"{PATH}/{survey['id']}", {"score": 4})
    assert again.json["score"] == 4
    data = {"ticket_id": given["ticket_id"], "score": 5}
    kind = "satisfaction-survey-responded"
    assert await world.events(kind) == [(kind, "SatisfactionSurvey", survey["id"], data)]
    assert (await world.lia.delete(f"{PATH}/{survey['id']}")).status == 405


async def test_one_for_each_ticket_and_it_outlives_it(world: World) -> None:
    given = await ids(world)
    survey = (await world.lia.post(PATH, {**given, "score": 1, "sent_datetime": "2026-01-01"})).json
    assert (await world.lia.post(PATH, given)).status == 409
    await world.leo.delete(f"/api/tickets/{given['ticket_id']}")
    assert (await world.oda.get(f"{PATH}/{survey['id']}")).json["ticket_id"] == given["ticket_id"]
    other = (await world.lia.post(PATH, await ids(world))).json
    assert [s["id"] for s in await world.oda.walk(PATH, limit=1)] == [other["id"], survey["id"]]
    listed = (await world.oda.get(PATH, ticket_id=given["ticket_id"])).json
    assert [s["id"] for s in listed["data"]] == [survey["id"]]
    assert "total_resources" not in listed["meta"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"score": 0}, "score"),
        ({"score": 6}, "score"),
        ({"body_text": "x" * 1001}, "body_text"),
        ({"ticket_id": 999999}, "ticket_id"),
        ({"customer_id": 999999}, "customer_id"),
        ({"ticket_id": None}, "ticket_id"),
        ({"colour": 1}, "colour"),
    ],
)
async def test_what_is_wrong_is_told(world: World, change: Any, field: str) -> None:
    given = await ids(world)
    refused = await world.lia.post(PATH, {**given, **change})
    assert (refused.status, list(refused.json["error"]["data"])) == (400, [field])
    survey = (await world.lia.post(PATH, {**given, "body_text": "x" * 1000})).json
    changed = await world.lia.put(f"{PATH}/{survey['id']}", change)
    assert (changed.status, list(changed.json["error"]["data"])) == (400, [field])
    assert (await world.oda.post(PATH, given)).status == 403


async def test_surveys_and_calls_follow_a_merged_customer(world: World) -> None:
    given = await ids(world)
    survey = (await world.lia.post(PATH, given)).json
    target = (await world.lia.post("/api/customers", {"email": "new@example.com"})).json["id"]
    await world.rows(
        "insert into voice_calls (account_id, integration_id, external_id, provider, status, direction, customer_id,"
        " phone_number_source, phone_number_destination, created_datetime)"
        " values ($1, 1, 'CA1', 'twilio', 'completed', 'inbound', $2, '+331', '+332', now())",
        given["customer_id"],
    )
    merged = await world.bea.put("/api/customers/merge", {}, source_id=given["customer_id"], target_id=target)
    assert merged.status == 202, merged.raw
    assert (await world.oda.get(f"{PATH}/{survey['id']}")).json["customer_id"] == target
    await world.leo.delete(f"/api/customers/{target}")
    [call] = (await world.oda.get("/api/phone/voice-calls")).json["data"]
    numbers = (call["customer_id"], call["phone_number_source"], call["phone_number_destination"])
    assert numbers == (target, "", "+332")
