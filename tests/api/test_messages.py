"""`/api/tickets/{id}/messages` and `/api/messages`."""

from typing import Any

import pytest

from tests import make
from tests.world import World


async def test_a_note_needs_hardly_anything(world: World) -> None:
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}/messages"
    made = await world.oda.post(
        path, {"channel": "internal-note", "body_text": "psst", "body": "extra keys pass"}
    )
    assert made.status == 201
    note = made.json
    assert (note["public"], note["from_agent"], note["source"]) == (False, True, {"type": "internal-note"})
    assert note["sender"]["id"] == world.oda.user_id
    assert note["receiver"] is None
    assert note["headers"] is None
    assert (await world.oda.get(f"{path}/{note['id']}")).json == note
    after = (await world.lia.get(f"/api/tickets/{ticket['id']}")).json
    assert after["last_message_datetime"] == ticket["last_message_datetime"]
    assert (await world.oda.post(path, make.answer())).status == 403


async def test_an_answer_waits_to_be_sent(world: World) -> None:
    await make.address(world)
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}/messages"
    made = await world.lia.post(path, make.answer(sender={"id": world.lia.user_id}))
    assert made.status == 201, made.raw
    answer = made.json
    assert answer["sent_datetime"] is None
    assert answer["failed_datetime"] is None
    assert answer["receiver"]["id"] == ticket["customer"]["id"]
    assert answer["source"]["from"]["address"] == f"help@{world.account.domain}.example"
    assert answer["source"]["to"] == [{"name": "Mia Meyer", "address": "mia@example.com"}]
    assert answer["integration_id"] is not None


async def test_an_answer_needs_an_address(world: World) -> None:
    ticket = await make.ticket(world)
    answer = await world.lia.post(f"/api/tickets/{ticket['id']}/messages", make.answer())
    assert answer.status == 400
    assert answer.json["error"]["data"] == {"source": {"from": ["No connected e-mail address to send from."]}}
    stored = await world.lia.post(
        f"/api/tickets/{ticket['id']}/messages", make.answer(sent_datetime="2026-01-01T00:00:00Z")
    )
    assert (stored.status, stored.json["sent_datetime"]) == (201, "2026-01-01T00:00:00+00:00")


async def test_a_customers_message_reopens(world: World) -> None:
    ticket = await make.ticket(world, assignee_user={"id": world.leo.user_id})
    path = f"/api/tickets/{ticket['id']}"
    await world.lia.put(path, {"status": "closed"})
    await world.rows("delete from events where account_id = $1")
    await world.lia.post(path + "/messages", make.mail("still nothing"))
    after = (await world.lia.get(path)).json
    assert (after["status"], after["closed_datetime"], after["assignee_user"]) == ("open", None, None)
    assert [event[0] for event in await world.events()] == [
        "ticket-message-created",
        "ticket-updated",
        "ticket-reopened",
        "ticket-unassigned",
    ]
    await world.lia.put(path, {"spam": True, "status": "closed"})
    await world.lia.post(path + "/messages", make.mail("buy now"))
    assert (await world.lia.get(path)).json["status"] == "closed"


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (
            make.note(sender={"id": 999999999}),
            {"sender": ["The sender of an agent's message must be a user."]},
        ),
        (
            make.mail(sender={"id": 999999999}),
            {"sender": ["The sender of a customer's message must be a customer."]},
        ),
        (make.note(from_agent=False), {"from_agent": ["An internal note is always from an agent."]}),
        (make.mail(mention_ids=[1]), {"mention_ids": ["Only internal notes mention users."]}),
        (make.note(mention_ids=[999999999]), {"mention_ids": ["Does not exist."]}),
        ({"channel": "UPPER", "from_agent": True}, {"channel": ["Not a valid choice."]}),
        (make.mail(source={"type": "pigeon"}), {"source": {"type": ["Not a valid choice."]}}),
        (make.mail(via="pigeon"), {"via": ["Not a valid choice."]}),
        (
            make.mail(attachments=[{"url": "https://x.example/a", "name": "a"}]),
            {"attachments": {"0": {"content_type": ["Missing data for required field."]}}},
        ),
    ],
)
async def test_what_is_wrong_is_told(world: World, body: Any, data: Any) -> None:
    ticket = await make.ticket(world)
    answer = await world.lia.post(f"/api/tickets/{ticket['id']}/messages", body)
    assert answer.status == 400
    assert answer.json == {"error": {"msg": "Failed to create ticket message", "data": data}}
    assert len(await world.rows("select 1 from messages where account_id = $1")) == 1


async def test_a_custom_channel_is_sent_at_once(world: World) -> None:
    ticket = await make.ticket(world)
    made = await world.lia.post(
        f"/api/tickets/{ticket['id']}/messages",
        {"channel": "pigeon-post", "from_agent": True, "source": {"type": "pigeon-post"}, "body_text": "coo"},
    )
    assert made.status == 201
    assert made.json["sent_datetime"] is not None
    assert made.json["sender"]["name"] == "Polus Bot"


async def test_correcting_a_message(world: World) -> None:
    ticket = await make.ticket(world)
    message = ticket["messages"][0]
    path = f"/api/tickets/{ticket['id']}/messages/{message['id']}"
    given = {"channel": "email", "from_agent": False, "body_text": "corrected"}
    changed = await world.lia.put(path, given)
    assert changed.status == 202
    assert changed.json["body_text"] == "corrected"
    assert changed.json["source"] == message["source"]
    assert (await world.oda.get("/api/tickets")).json["data"][0]["excerpt"] == "corrected"
    assert (await world.lia.put(path, {**given, "channel": "chat"})).status == 400
    missing = await world.lia.put(path, {"body_text": "x"})
    assert set(missing.json["error"]["data"]) == {"channel", "from_agent"}
    told = await world.events("ticket-message-updated")
    assert [event[2] for event in told] == [message["id"]]


async def test_deleting_a_message_recounts(world: World) -> None:
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}/messages"
    note = (await world.oda.post(path, make.note("oops"))).json
    assert (await world.bea.delete(f"{path}/{ticket['messages'][0]['id']}")).status == 403
    assert (await world.oda.delete(f"{path}/{note['id']}")).status == 204
    row = (await world.oda.get("/api/tickets")).json["data"][0]
    assert (row["messages_count"], row["excerpt"]) == (1, "Where is my parcel?")
    assert (await world.leo.delete(f"{path}/{ticket['messages'][0]['id']}")).status == 204
    row = (await world.oda.get("/api/tickets")).json["data"][0]
    assert (row["messages_count"], row["excerpt"]) == (0, None)
    assert row["last_message_datetime"] == ticket["last_message_datetime"]
    assert (await world.leo.delete(f"{path}/{note['id']}")).status == 404


async def test_lists_of_messages(world: World) -> None:
    ticket = await make.ticket(world)
    other = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}/messages"
    for number in range(4):
        await world.oda.post(path, make.note(str(number)))
    everything = await world.oda.walk("/api/messages", limit=2)
    assert len(everything) == 6
    of_one = await world.oda.walk(
        "/api/messages", ticket_id=ticket["id"], order_by="created_datetime:asc", limit=2
    )
    assert [m["body_text"] for m in of_one] == ["Where is my parcel?", "0", "1", "2", "3"]
    assert other["id"] not in {m["ticket_id"] for m in of_one}

    second = (await world.oda.get(path, page=2, per_page=2)).json
    assert [m["body_text"] for m in second["data"]] == ["1", "2"]
    meta = second["meta"]
    assert (meta["page"], meta["per_page"], meta["item_count"], meta["nb_pages"]) == (2, 2, 5, 3)
    assert meta["current_page"] == f"/api/tickets/{ticket['id']}/messages/?page=2"
    assert meta["next_page"].endswith("?page=3")
    assert "next_page" not in (await world.oda.get(path, page=3, per_page=2)).json["meta"]
    assert await world.oda.walk(path, limit=2) == of_one
