"""`/api/tickets`: what an API client sees, what is stored, what is told."""

import asyncio
import datetime
from typing import Any

import aiohttp
import pytest

from tests import make
from tests import world as worlds
from tests.world import World

SOON = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)).isoformat()


def kinds(events: list[Any]) -> list[str]:
    return [event[0] for event in events]


async def test_a_ticket_needs_only_a_message(world: World) -> None:
    made = await world.lia.post("/api/tickets", {"messages": [make.mail(subject="Parcel")]})
    assert made.status == 201
    ticket = made.json
    assert ticket["uri"] == f"/api/tickets/{ticket['id']}/"
    assert (ticket["status"], ticket["priority"], ticket["channel"], ticket["via"]) == (
        "open",
        "normal",
        "email",
        "api",
    )
    assert (ticket["subject"], ticket["from_agent"], ticket["is_unread"]) == ("Parcel", False, True)
    assert ticket["customer"]["email"] == "mia@example.com"
    assert (ticket["customer"]["firstname"], ticket["customer"]["lastname"]) == ("Mia", "Meyer")
    assert ticket["requester"] == ticket["customer"]
    assert ticket["events"] == []
    assert "custom_fields" not in ticket
    [message] = ticket["messages"]
    assert message["sender"]["id"] == ticket["customer"]["id"]
    assert message["receiver"] is None
    assert message["sent_datetime"] == message["created_datetime"] == ticket["last_message_datetime"]
    assert message["attachments"] is None
    assert "headers" not in message
    assert kinds(await world.events()) == ["customer-created", "ticket-created", "ticket-message-created"]

    read = (await world.oda.get(f"/api/tickets/{ticket['id']}")).json
    assert "macros" in message
    assert "macros" not in read["messages"][0]
    assert read["customer"]["ecommerce_data"] == {}


async def test_a_customer_is_found_again_by_address(world: World) -> None:
    first = await make.ticket(world)
    second = await make.ticket(world, customer={"email": "MIA@Example.com"})
    assert first["customer"]["id"] == second["customer"]["id"]
    assert len(await world.rows("select 1 from customers where account_id = $1")) == 1


async def test_two_at_once_make_one_customer(world: World) -> None:
    made = await asyncio.gather(*(make.ticket(world) for _ in range(6)))
    assert len({ticket["customer"]["id"] for ticket in made}) == 1


async def test_everything_given_is_stored(world: World) -> None:
    team = (
        await world.rows(
            "insert into teams (account_id, name, created_datetime) values ($1, 'Returns', now()) returning id"
        )
    )[0][0]
    body = {
        "messages": [
            make.mail("one", created_datetime="2026-01-01T10:00:00Z"),
            make.note("two", created_datetime="2026-01-02T10:00:00+02:00"),
        ],
        "customer": {"email": "mia@example.com"},
        "external_id": "x-1",
        "priority": "high",
        "channel": "my-channel",
        "subject": "All of it",
        "meta": {"a": [1, {"b": None}]},
        "tags": [{"name": "later"}, {"name": "VIP"}],
        "assignee_user": {"id": world.leo.user_id},
        "assignee_team": {"id": team},
        "language": "fr",
        "spam": False,
        "created_datetime": "2026-01-01",
    }
    made = (await world.lia.post("/api/tickets", body)).json
    assert made["external_id"] == "x-1"
    assert made["priority"] == "high"
    assert made["channel"] == "my-channel"
    assert made["meta"] == {"a": [1, {"b": None}]}
    assert [tag["name"] for tag in made["tags"]] == ["VIP", "later"]
    assert made["tags"][1]["decoration"] == {}
    assert made["assignee_user"]["id"] == made["assignee_user_id"] == world.leo.user_id
    assert made["assignee_team"] == {"id": team, "name": "Returns", "decoration": None}
    assert made["created_datetime"] == "2026-01-01T00:00:00+00:00"
    assert [m["body_text"] for m in made["messages"]] == ["one", "two"]
    assert made["last_message_datetime"] == "2026-01-01T10:00:00+00:00"  # a note does not count
    assert made["messages"][1]["public"] is False
    assert made["messages"][1]["sender"]["id"] == world.lia.user_id
    listed = (await world.oda.get("/api/tickets", external_id="x-1")).json["data"]
    assert [(t["excerpt"], t["messages_count"]) for t in listed] == [("two", 2)]
    assert kinds(await world.events()) == [
        "customer-created",
        "tag-created",
        "ticket-created",
        "ticket-message-created",
        "ticket-message-created",
        "ticket-tags-added",
        "ticket-assigned",
        "ticket-team-assigned",
    ]


@pytest.mark.parametrize(
    ("body", "data"),
    [
        ({}, {"messages": ["Missing data for required field."]}),
        ({"messages": []}, {"messages": ["Shorter than minimum length 1."]}),
        ({"messages": [make.mail()] * 501}, {"messages": ["Longer than maximum length 500."]}),
        (
            {"messages": [make.mail()], "subject": "x" * 999, "colour": 1},
            {"subject": ["Longer than maximum length 998."], "colour": ["No such field"]},
        ),
        (
            {"messages": [make.mail(), {"from_agent": False}]},
            {"messages": {"1": {"channel": ["Missing data for required field."]}}},
        ),
        (
            {"messages": [{"channel": "api"}]},
            {"messages": {"0": {"from_agent": ["Missing data for required field."]}}},
        ),
        (
            {"messages": [make.mail("x" * 1_048_577)]},
            {"messages": {"0": {"body_text": ["Longer than maximum length 1048576."]}}},
        ),
        (
            {"messages": [make.mail()], "assignee_user": {"id": 999999999}},
            {"assignee_user": {"id": ["Does not exist."]}},
        ),
        (
            {"messages": [{"channel": "api", "from_agent": False}]},
            {"customer": ["Missing data for required field."]},
        ),
        (
            {"messages": [make.mail()], "snooze_datetime": "2020-01-01"},
            {"snooze_datetime": ["Must be in the future."]},
        ),
        ({"messages": [make.mail()], "tags": [{"name": "a,b"}]}, {"tags": ["May not contain a comma."]}),
        (
            {"messages": [make.note(from_agent=False)], "customer": {"email": "a@b.example"}},
            {"messages": {"0": {"from_agent": ["An internal note is always from an agent."]}}},
        ),
    ],
)
async def test_what_is_wrong_is_told_and_nothing_is_stored(world: World, body: Any, data: Any) -> None:
    answer = await world.lia.post("/api/tickets", body)
    assert answer.status == 400
    assert answer.json == {"error": {"msg": "Failed to create ticket", "data": data}}
    assert await world.rows("select 1 from tickets where account_id = $1") == []
    assert await world.rows("select 1 from customers where account_id = $1") == []
    assert await world.events() == []


async def test_limits_are_inclusive(world: World) -> None:
    body = {"messages": [make.mail("y" * 1_048_576)] + [make.note("n")] * 499, "subject": "x" * 998}
    made = await world.lia.post("/api/tickets", body)
    assert made.status == 201
    assert len(made.json["messages"]) == 500


async def test_closing_and_reopening(world: World) -> None:
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}"
    closed = await world.lia.put(path, {"status": "closed"})
    assert closed.status == 202
    assert closed.json["closed_datetime"] is not None
    again = await world.lia.put(path, {"status": "closed"})
    assert again.json["closed_datetime"] == closed.json["closed_datetime"]
    assert again.json["updated_datetime"] == closed.json["updated_datetime"]
    opened = (await world.lia.put(path, {"status": "open"})).json
    assert (opened["status"], opened["closed_datetime"]) == ("open", None)
    assert kinds(await world.events("ticket-closed", "ticket-reopened", "ticket-updated")) == [
        "ticket-updated",
        "ticket-closed",
        "ticket-updated",
        "ticket-reopened",
    ]


async def test_snoozing_closes_until_its_time(world: World) -> None:
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}"
    snoozed = (await world.lia.put(path, {"snooze_datetime": SOON})).json
    assert snoozed["status"] == "closed"
    assert snoozed["snooze_datetime"] is not None
    assert kinds(await world.events())[-3:] == ["ticket-updated", "ticket-closed", "ticket-snoozed"]
    [told] = await world.events("ticket-snoozed")
    assert told[3] == {"snooze_datetime": snoozed["snooze_datetime"]}
    woken = (await world.lia.put(path, {"snooze_datetime": None})).json
    assert (woken["status"], woken["snooze_datetime"], woken["closed_datetime"]) == ("open", None, None)
    assert (await world.lia.put(path, {"snooze_datetime": "2020-01-01"})).status == 400


async def test_a_get_body_can_be_sent_back_and_changes_nothing(world: World) -> None:
    ticket = await make.ticket(world, tags=[{"name": "VIP"}])
    path = f"/api/tickets/{ticket['id']}"
    before = (await world.lia.get(path)).json
    await world.rows("delete from events where account_id = $1")
    answer = await world.lia.put(path, before)
    assert answer.status == 202, answer.raw
    assert answer.json["updated_datetime"] == before["updated_datetime"]
    assert await world.events() == []


async def test_each_change_is_told(world: World) -> None:
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}"
    await world.rows("delete from events where account_id = $1")
    await world.lia.put(path, {"subject": "New", "assignee_user": {"id": world.leo.user_id}})
    await world.lia.put(
        path, {"assignee_user": None, "spam": True, "trashed_datetime": "2026-01-01T00:00:00Z"}
    )
    await world.lia.put(path, {"tags": [{"name": "VIP"}]})
    events = {event[0]: event[3] for event in await world.events()}
    assert events["ticket-subject-updated"] == {"subject": [None, "New"]}
    assert events["ticket-assigned"] == {"assignee_user_id": world.leo.user_id}
    assert events["ticket-unassigned"] == {"assignee_user_id": world.leo.user_id}
    assert events["ticket-marked-spam"] is None
    assert events["ticket-trashed"] is None
    assert [tag["name"] for tag in events["ticket-tags-added"]["tags"]] == ["VIP"]


async def test_unread_is_each_ones_own(world: World) -> None:
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}"
    assert (await world.oda.put(path, {"is_unread": False})).json["is_unread"] is False
    assert (await world.leo.get(path)).json["is_unread"] is True
    await world.lia.post(path + "/messages", make.mail("and another thing"))
    assert (await world.oda.get(path)).json["is_unread"] is True
    assert (await world.oda.put(path, {"status": "closed"})).status == 403


async def test_lists_filter_and_walk(world: World) -> None:
    made = [await make.ticket(world, customer={"email": f"c{n % 2}@example.com"}) for n in range(5)]
    ids = [ticket["id"] for ticket in made]
    assert [t["id"] for t in await world.oda.walk("/api/tickets", limit=2)] == ids[::-1]
    assert [
        t["id"] for t in await world.oda.walk("/api/tickets", limit=2, order_by="updated_datetime:asc")
    ] == ids
    first = made[0]["customer"]["id"]
    assert [t["id"] for t in await world.oda.walk("/api/tickets", customer_id=first)] == ids[::-2]
    chosen = (await world.oda.get("/api/tickets", ticket_ids=[ids[0], ids[3]])).json["data"]
    assert [t["id"] for t in chosen] == [ids[3], ids[0]]
    comma = (await world.oda.get("/api/tickets", ticket_ids=f"{ids[0]},{ids[3]}")).json["data"]
    assert comma == chosen
    await world.lia.put(f"/api/tickets/{ids[2]}", {"trashed_datetime": "2026-02-01"})
    assert len((await world.oda.get("/api/tickets")).json["data"]) == 5
    assert ids[2] not in [
        t["id"] for t in (await world.oda.get("/api/tickets", trashed="False")).json["data"]
    ]
    for wrong in ({"status": "open"}, {"limit": 101}, {"view_id": 1}, {"cursor": "x"}, {"ticket_ids": "a"}):
        answer = await world.oda.get("/api/tickets", **wrong)
        assert answer.status == 400, wrong


async def test_deleting_is_for_good(world: World) -> None:
    ticket = await make.ticket(world, subject="Bye")
    path = f"/api/tickets/{ticket['id']}"
    assert (await world.bea.delete(path)).status == 403
    gone = await world.leo.delete(path)
    assert (gone.status, gone.raw) == (204, b"")
    assert (await world.leo.get(path)).status == 404
    assert (await world.leo.delete(path)).status == 404
    assert await world.rows("select 1 from messages where account_id = $1") == []
    data = {"subject": "Bye", "customer_id": ticket["customer"]["id"]}
    assert await world.events("ticket-deleted") == [("ticket-deleted", "Ticket", ticket["id"], data)]


async def test_tags_of_a_ticket(world: World) -> None:
    ticket = await make.ticket(world)
    path = f"/api/tickets/{ticket['id']}/tags"
    added = await world.lia.post(path, {"names": ["new", "VIP"]})
    assert (added.status, added.raw, added.headers["Content-Length"]) == (201, b"", "0")
    tags = (await world.oda.get(path)).json
    assert list(tags) == ["data"]
    assert [tag["name"] for tag in tags["data"]] == ["VIP", "new"]
    assert (await world.lia.put(path, {"ids": [tags["data"][1]["id"]]})).status == 202
    assert [t["name"] for t in (await world.oda.get(path)).json["data"]] == ["new"]
    assert (await world.lia.delete(path, {"names": ["new", "nowhere"], "ids": [999999]})).status == 204
    assert (await world.lia.put(path, {})).status == 202
    assert (await world.lia.post(path, {})).status == 400
    unknown = await world.lia.post(path, {"ids": [999999]})
    assert (unknown.status, unknown.json["error"]["data"]) == (400, {"ids": ["Does not exist."]})
    nameless = await world.lia.put(
        f"/api/tickets/{ticket['id']}", {"tags": [{"name": "new"}, {}], "spam": True}
    )
    told = {"tags": {"1": {"name": ["Missing data for required field."]}}}
    assert (nameless.status, nameless.json["error"]["data"]) == (400, told)
    assert kinds(await world.events("ticket-tags-added", "ticket-tags-removed")) == [
        "ticket-tags-added",
        "ticket-tags-removed",
        "ticket-tags-removed",
    ]


async def test_another_account_sees_nothing(
    world: World, database: Any, http: aiohttp.ClientSession, url: str
) -> None:
    ticket = await make.ticket(world)
    other = await worlds.make(database, http, url)
    path = f"/api/tickets/{ticket['id']}"
    for answer in (
        await other.ada.get(path),
        await other.ada.put(path, {"status": "closed"}),
        await other.ada.delete(path),
        await other.ada.get(path + "/messages"),
        await other.ada.post(path + "/messages", make.note()),
        await other.ada.get(path + f"/messages/{ticket['messages'][0]['id']}"),
        await other.ada.post(path + "/tags", {"names": ["x"]}),
    ):
        assert answer.status == 404
    assert (await other.ada.get("/api/tickets")).json["data"] == []
    assert (await world.oda.get(path)).json["status"] == "open"


async def test_an_envelope_overwrites_nothing_of_a_known_customer(world: World) -> None:
    first = await make.ticket(world)
    mail = make.mail(source={"type": "email", "from": {"name": "mm77", "address": "mia@example.com"}})
    second = (await world.lia.post("/api/tickets", {"messages": [mail]})).json
    await world.lia.post(f"/api/tickets/{first['id']}/messages", mail)
    assert second["customer"]["id"] == first["customer"]["id"]
    assert (await world.oda.get(f"/api/customers/{first['customer']['id']}")).json["name"] == "Mia Meyer"


async def test_every_null_that_is_allowed_is_taken(world: World) -> None:
    ticket = await make.ticket(world, subject="x")
    nullable = (
        "external_id from_agent assignee_user assignee_team language subject meta opened_datetime"
        " last_received_message_datetime last_message_datetime updated_datetime closed_datetime trashed_datetime"
        " snooze_datetime"
    ).split()
    answer = await world.lia.put(f"/api/tickets/{ticket['id']}", dict.fromkeys(nullable))
    assert answer.status == 202, answer.raw
    assert (answer.json["subject"], answer.json["last_message_datetime"]) == (None, None)
    for field in ("status", "priority", "channel", "via", "spam", "is_unread", "customer", "tags"):
        refused = await world.lia.put(f"/api/tickets/{ticket['id']}", {field: None})
        assert (refused.status, refused.json["error"]["data"]) == (400, {field: ["Field may not be null."]})
