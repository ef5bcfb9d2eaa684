"""Merging and splitting tickets through the API."""

from tests import make
from tests.world import World


async def test_a_message_about_something_else_becomes_a_ticket(world: World) -> None:
    tickets = await make.ticket(
        world,
        subject="Parcel",
        assignee_user={"id": world.leo.user_id},
        priority="high",
        tags=[{"name": "late"}],
    )
    old = tickets["id"]
    added = await world.lia.post(
        f"/api/tickets/{old}/messages", make.mail("And my refund?", subject="Refund")
    )
    note = await world.lia.post(f"/api/tickets/{old}/messages", make.note("Two things."))
    await world.rows("delete from events where account_id = $1 returning 1")
    answer = await world.bea.post(
        f"/api/_polus/tickets/{old}/split", {"message_ids": [note.json["id"], added.json["id"]]}
    )
    assert answer.status == 201, answer.raw
    new = answer.json
    assert (new["subject"], new["status"], new["priority"], new["channel"]) == (
        "Refund",
        "open",
        "high",
        "email",
    )
    assert new["assignee_user"]["id"] == world.leo.user_id
    assert new["customer"]["email"] == "mia@example.com"
    assert [m["body_text"] for m in new["messages"]] == ["And my refund?", "Two things."]
    listed = {t["id"]: t for t in (await world.oda.get("/api/tickets")).json["data"]}
    assert (listed[old]["messages_count"], listed[old]["excerpt"]) == (1, "Where is my parcel?")
    assert (listed[new["id"]]["messages_count"], listed[new["id"]]["excerpt"]) == (2, "Two things.")
    assert listed[new["id"]]["last_received_message_datetime"] == added.json["created_datetime"]
    assert listed[old]["last_message_datetime"] == tickets["messages"][0]["created_datetime"]
    rows = await world.rows("select split_from from tickets where account_id = $1 and id = $2", new["id"])
    assert rows[0]["split_from"] == old
    assert [(kind, ticket) for kind, _, ticket, _ in await world.events()] == [
        ("ticket-created", new["id"]),
        ("ticket-split", new["id"]),
        ("ticket-assigned", new["id"]),
        ("ticket-updated", old),
    ]


async def test_what_cannot_be_split(world: World) -> None:
    one, two = await make.ticket(world), await make.ticket(world)
    path = f"/api/_polus/tickets/{one['id']}/split"
    everything = await world.bea.post(path, {"message_ids": [one["messages"][0]["id"]]})
    assert everything.json["error"]["data"] == {"message_ids": ["At least one message stays."]}
    foreign = await world.bea.post(path, {"message_ids": [two["messages"][0]["id"]]})
    assert foreign.json["error"]["data"] == {"message_ids": {"0": ["Does not exist."]}}
    assert (await world.lia.post(path, {"message_ids": [1]})).status == 403
    assert (await world.bea.post("/api/_polus/tickets/1/split", {"message_ids": [1]})).status == 404


async def test_merging_keeps_the_survivors_survey_or_takes_the_others(world: World) -> None:
    one, two, three = [await make.ticket(world) for _ in range(3)]
    for ticket, score in ((one, 5), (two, 1)):
        body = {"ticket_id": ticket["id"], "customer_id": ticket["customer"]["id"], "score": score}
        assert (await world.lia.post("/api/satisfaction-surveys", body)).status == 201
    path = f"/api/_polus/tickets/{three['id']}/merge"
    for source, score in ((one, 5), (two, 5)):
        answer = await world.bea.post(path, {"source_id": source["id"]})
        assert (answer.status, answer.json["satisfaction_survey"]["score"]) == (201, score)
    assert len(answer.json["messages"]) == 3
    again = await world.bea.post(path, {"source_id": one["id"]})
    assert again.json["error"]["data"] == {"source_id": ["Does not exist."]}
