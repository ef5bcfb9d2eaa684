"""`DELETE /api/customers`: the person is gone from the records, the conversation stays."""

import asyncio
import json
from typing import Any

from polus.desk.customers import erasing
from tests import make
from tests.world import World

SHOWN = {
    "email": None,
    "name": "Deleted customer",
    "firstname": "Deleted",
    "lastname": "customer",
    "meta": {"deleted": True},
}


async def test_a_customer_without_tickets_is_gone(world: World) -> None:
    made = await make.customer(world, **make.ANN)
    path = f"/api/customers/{made['id']}/"
    answer = await world.leo.delete(path)
    assert (answer.status, answer.raw) == (204, b"")
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("PUT", {}), ("DELETE", None)):
        assert (await world.leo.send(method, path, body)).status == 404
    assert (await world.oda.get("/api/customers")).json["data"] == []
    assert (await world.oda.get("/api/customers", external_id="C-7")).json["data"] == []
    assert await world.rows("select 1 from customer_channels where account_id = $1") == []
    assert await world.rows("select 1 from customer_words where account_id = $1") == []
    row = dict((await world.rows("select * from customers where account_id = $1"))[0])
    left = json.dumps(row, default=str)
    assert not any(word in left for word in ("ann@shop", "Lee", "tea", "Paris", "C-7", "two", "vip"))
    # All identifiers are free again, the id is not.
    again = await make.customer(world, **make.ANN)
    assert again["id"] > made["id"]
    assert await world.events() == [
        ("customer-created", "Customer", made["id"], None),
        ("customer-deleted", "Customer", made["id"], {"name": "Ann van Lee"}),
        ("customer-created", "Customer", again["id"], {"name": "Ann van Lee"}),
    ]


async def test_tickets_stay_and_name_nobody(world: World) -> None:
    headers = {
        "From": '"Meyer, Mia" <MIA@example.com>, Bob <bob@shop.example>',
        "Received": "for <help@shop.example> from mia@example.com; today",
        "X-Other": "joamia@example.com mia@example.com.au",
        "Subject": "about Mia",
        "References": ["<1@example.com>", "mia@example.com"],
    }
    mail = make.mail("I am mia@example.com", subject="Mia here", headers=headers)
    mail["source"]["extra"] = {"phone": "0049 30 1234", "list": ["mia@example.com", 5]}
    ticket = await make.ticket(
        world,
        messages=[mail],
        customer={"email": "mia@example.com", "name": "Mia Meyer", "phone": "+49 30 1234", "note": "n"},
    )
    mia = ticket["customer"]["id"]
    assert (await world.leo.delete(f"/api/customers/{mia}")).status == 204

    answer = await world.oda.get(f"/api/tickets/{ticket['id']}")
    shown = answer.json
    full = {
        "channels": [],
        "data": None,
        "customer": None,
        "integrations": {},
        "external_id": None,
        "note": None,
    }
    assert shown["customer"] == {"id": mia, **SHOWN, **full, "external_data": {}, "ecommerce_data": {}}
    message = shown["messages"][0]
    assert message["sender"] == {"id": mia, **SHOWN}
    stand_in = f"deleted-{mia}@customer.invalid"
    assert message["source"] == {
        "type": "email",
        "from": {"name": "Deleted customer", "address": stand_in},
        "to": [{"name": "Help", "address": "help@shop.example"}],
        "extra": {"phone": "", "list": [stand_in, 5]},
    }
    assert (message["body_text"], message["subject"]) == ("I am mia@example.com", "Mia here")
    listed = (await world.oda.get("/api/messages", ticket_id=ticket["id"])).json["data"][0]
    assert listed["headers"] == {
        "From": f"{stand_in}, Bob <bob@shop.example>",
        "Received": f"for <help@shop.example> from {stand_in}; today",
        "X-Other": "joamia@example.com mia@example.com.au",
        "Subject": "about Mia",
        "References": ["<1@example.com>", stand_in],
    }
    item = (await world.oda.get("/api/tickets")).json["data"][0]
    assert item["customer"] == {"id": mia, **SHOWN}
    for channel in ("email", "phone"):
        assert shown["reply_options"].get(channel, {}).get("answerable") is not True
    # The address makes a new customer, the old id is none.
    again = await make.ticket(world)
    assert again["customer"]["id"] != mia
    answer = await world.lia.post("/api/tickets", {"messages": [make.mail()], "customer": {"id": mia}})
    assert (answer.status, answer.json["error"]["data"]) == (400, {"customer": {"id": ["Does not exist."]}})


async def test_addresses_go_from_wherever_the_customer_wrote_or_was_written_to(world: World) -> None:
    ticket = await make.ticket(world, customer={"email": "bob@shop.example"})
    path = f"/api/tickets/{ticket['id']}/messages"
    incoming = await world.lia.post(path, make.mail(sender={"email": "mia@example.com"}))
    outgoing = await world.lia.post(
        path,
        make.answer(
            sent_datetime="2026-01-01T00:00:00Z",
            receiver={"email": "mia@example.com"},
            source={
                "type": "email",
                "from": {"address": "help@shop.example"},
                "to": [{"address": "Mia@example.com"}],
            },
        ),
    )
    assert outgoing.status == 201, outgoing.raw
    mia = incoming.json["sender"]["id"]
    # Also those that the customer had before.
    await world.lia.put(
        f"/api/customers/{mia}", {"channels": [{"type": "email", "address": "new@example.com"}]}
    )
    await world.leo.delete(f"/api/customers/{mia}")
    messages = (await world.oda.get("/api/messages", ticket_id=ticket["id"])).json["data"]
    assert (
        "mia@"
        not in json.dumps([m["source"] for m in messages if m["id"] != ticket["messages"][0]["id"]]).lower()
    )
    assert messages[0]["source"]["to"][0]["address"] == f"deleted-{mia}@customer.invalid"


async def test_many_are_deleted_at_once(world: World) -> None:
    ids = [(await make.customer(world, email=f"c{n}@shop.example"))["id"] for n in range(4)]
    await world.leo.put("/api/customers/merge", {}, source_id=ids[0], target_id=ids[1])
    answer = await world.leo.delete("/api/customers", {"ids": [ids[0], ids[2], ids[3], ids[2], 2**62]})
    assert (answer.status, answer.raw) == (204, b"")
    left = (await world.oda.get("/api/customers")).json["data"]
    assert [customer["id"] for customer in left] == [ids[1]]
    assert [event[2] for event in await world.events("customer-deleted")] == [ids[2], ids[3]]
    bodies: list[tuple[Any, Any]] = [
        ({}, {"ids": ["Missing data for required field."]}),
        ({"ids": []}, {"ids": ["Shorter than minimum length 1."]}),
        ({"ids": list(range(1, 102))}, {"ids": ["Longer than maximum length 100."]}),
        ({"ids": ["x"]}, {"ids": {"0": ["Not a valid integer."]}}),
        (None, {"ids": ["Missing data for required field."]}),
    ]
    for body, data in bodies:
        answer = await world.leo.delete("/api/customers", body)
        assert (answer.status, answer.json["error"]["data"]) == (400, data)
    assert (await world.leo.delete("/api/customers", {"ids": [str(ids[1])]})).status == 204
    assert (await world.leo.delete("/api/customers", {"ids": list(range(2**61, 2**61 + 100))})).status == 204


async def test_many_messages_are_rewritten_in_batches(world: World, monkeypatch: Any) -> None:
    ticket = await make.ticket(world, messages=[make.mail(str(n)) for n in range(7)])
    monkeypatch.setattr(erasing, "BATCH", 3)
    await world.leo.delete(f"/api/customers/{ticket['customer']['id']}")
    sources = await world.rows("select source::text from messages where account_id = $1")
    assert len(sources) == 7
    assert not any("mia@" in source[0] for source in sources)


async def test_a_ticket_that_comes_meanwhile_has_a_customer(world: World) -> None:
    made = await make.customer(world, email="mia@example.com")
    results = await asyncio.gather(
        *(make.ticket(world) for _ in range(3)),
        world.leo.delete(f"/api/customers/{made['id']}"),
        *(make.ticket(world) for _ in range(3)),
    )
    assert results[3].status == 204
    for ticket in (await world.oda.get("/api/tickets")).json["data"]:
        if ticket["customer"]["id"] == made["id"]:
            assert ticket["customer"] == {"id": made["id"], **SHOWN}
    left = await world.rows(
        "select m.id from messages m join tickets t on t.account_id = m.account_id and t.id = m.ticket_id"
        " where m.account_id = $1 and t.customer_id = $2 and m.source::text like '%mia@%'",
        made["id"],
    )
    assert left == []
