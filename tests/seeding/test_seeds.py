"""A seeded shop: the same each time, and in every column as if people had written and agents had answered."""

import collections
import datetime
from typing import Any

import pytest

from polus.base import errors
from polus.desk import tags
from polus.desk.customers import channels, customers
from polus.desk.tickets import messages
from polus.seeding import seeds
from polus.store import pool
from polus.store.database import Database
from polus.store.work import SYSTEM, writing
from tests.world import World, make

pytestmark = pytest.mark.thorough

UNTIL = datetime.datetime(2026, 3, 4, 15, tzinfo=datetime.UTC)
# What a ticket repeats of its messages, as lists show it.
REPEATED = (
    "subject", "excerpt", "messages_count", "last_sent_message_not_delivered", "last_message_datetime",
    "last_received_message_datetime", "from_agent", "channel", "integrations", "created_datetime",
)  # fmt: skip
# Whatever differs between two accounts that were seeded alike.
IDS = {"account_id", "id", "ticket_id", "customer_id", "user_id", "tag_id", "sender_id", "receiver_id",
       "integration_id", "integration_ids", "assignee_user_id", "assignee_team_id"}  # fmt: skip
TABLES = "customers customer_channels customer_words tickets messages ticket_tags ticket_reads".split()


async def sow(world: World, count: int, seed: int = 1) -> seeds.Seeded:
    heard: list[int] = []
    seeded = await seeds.sow(world.database, world.account, count, seed=seed, until=UNTIL, told=heard.append)
    assert heard[-1] == count
    assert heard == sorted(heard)
    return seeded


async def stored(world: World, table: str) -> collections.Counter[str]:
    """The rows of a table without their ids, and without what names the account."""
    rows = await world.rows("select * from " + table + " where account_id = $1")
    return collections.Counter(
        str([(name, str(value)) for name, value in row.items() if name not in IDS]).replace(
            world.account.domain, "acme"
        )
        for row in rows
    )


async def test_the_same_seed_makes_the_same_shop(
    world: World, database: Database, http: Any, url: str
) -> None:
    others = [await make(database, http, url) for _ in range(2)]
    told = [await sow(world, 40), await sow(others[0], 40), await sow(others[1], 40, seed=2)]
    for table in TABLES:
        first, second, third = [await stored(shop, table) for shop in (world, *others)]
        assert first == second, table
        assert table == "ticket_tags" or first != third, table
    assert (told[0].tickets, told[0].messages, told[0].account) == (40, 120, world.account.domain)
    assert (
        told[0].customers == (await world.rows("select count(*) from customers where account_id = $1"))[0][0]
    )


async def test_tickets_repeat_what_the_verbs_would_have_computed(world: World) -> None:
    await sow(world, 120)
    everything = "select * from tickets where account_id = $1 order by id"
    before = await world.rows(everything)
    usage = await world.rows("select id, usage from tags where account_id = $1 order by id")
    async with writing(world.database, world.account, SYSTEM) as work:
        for row in before:
            await messages.resummarise(work, row["id"])
        await tags.recount(work.db)
    assert await world.rows(everything) == before
    assert await world.rows("select id, usage from tags where account_id = $1 order by id") == usage
    assert sum(row["usage"] for row in usage) > 100

    shown = {ticket["id"]: ticket for ticket in await world.oda.walk("/api/tickets", limit=100)}
    assert len(shown) == 120
    for ticket_id in list(shown)[::4]:
        made = await _again(world, (await world.oda.get(f"/api/tickets/{ticket_id}")).json)
        (copy,) = (await world.oda.get("/api/tickets", ticket_ids=str(made))).json["data"]
        assert {key: copy[key] for key in REPEATED} == {key: shown[ticket_id][key] for key in REPEATED}


async def _again(world: World, ticket: dict[str, Any]) -> int:
    """The ticket written once more through the API, as an import."""
    sent = (
        "channel via from_agent source subject body_text body_html stripped_text stripped_html integration_id"
    )
    sent += " created_datetime sent_datetime failed_datetime last_sending_error message_id"
    body = {
        "customer": {"id": ticket["customer"]["id"]},
        "channel": ticket["channel"],
        "created_datetime": ticket["created_datetime"],
        "messages": [
            {key: message[key] for key in sent.split()}
            | {"sender": {"id": message["sender"]["id"]}}
            | ({"receiver": {"id": message["receiver"]["id"]}} if message["receiver"] else {})
            for message in ticket["messages"]
        ],
    }
    made = await world.ada.post("/api/tickets", body)
    assert made.status == 201, made.raw
    return made.json["id"]  # type: ignore[no-any-return]


async def test_customers_are_found_as_if_they_had_been_made_one_by_one(world: World) -> None:
    await sow(world, 150)
    words = "select customer_id, word, main from customer_words where account_id = $1 order by 1, 2"
    before = await world.rows(words)
    keys = (
        "select id, customer_id, type, address, key, preferred from customer_channels where account_id = $1"
    )
    async with writing(world.database, world.account, SYSTEM) as work:
        for row in await world.rows("select id, name from customers where account_id = $1"):
            await customers.index(work, row["id"], row["name"], await channels.read(work, row["id"]))
    assert await world.rows(words) == before
    kinds = set()
    for row in await world.rows(keys):
        channel = channels.of(row["type"], row["address"])
        assert (channel.key, row["preferred"]) == (row["key"], True)
        kinds.add(row["type"])
    assert kinds == {"email", "phone"}
    (somebody,) = await world.rows("select name, email from customers where account_id = $1 limit 1")
    found = await world.leo.post("/api/search", {"type": "customer", "query": somebody["email"]})
    assert found.json["data"][0]["name"] == somebody["name"]


async def test_a_shop_has_something_of_everything(world: World) -> None:
    await sow(world, 600)
    (row,) = await world.rows(
        """select count(*) filter (where status = 'open') as open, count(*) filter (where status = 'closed') as closed,
        count(*) filter (where spam) as spam, count(*) filter (where trashed_datetime is not null) as trashed,
        count(*) filter (where snooze_datetime > $2 and status = 'closed') as snoozed,
        count(*) filter (where assignee_user_id is null) as unassigned, count(distinct assignee_user_id) as agents,
        count(distinct assignee_team_id) as teams, count(distinct language) as languages,
        count(distinct channel) as channels, count(distinct customer_id) as customers,
        count(*) filter (where created_datetime > $2 - interval '90 days') as fresh,
        count(*) filter (where created_datetime < $2 - interval '1 year') as old,
        max(greatest(created_datetime, updated_datetime, closed_datetime, last_message_datetime)) as last,
        min(created_datetime) as first
        from tickets where account_id = $1""",
        UNTIL,
    )
    assert all(row[kind] > 1 for kind in ("open", "closed", "spam", "trashed", "snoozed", "unassigned"))
    assert (row["agents"], row["teams"], row["languages"], row["channels"]) == (8, 3, 9, 4)
    assert row["fresh"] > row["old"] > 50
    assert UNTIL - datetime.timedelta(days=1) < row["last"] <= UNTIL
    assert row["first"] < UNTIL - datetime.timedelta(days=700)
    assert 150 < row["customers"] < 300
    counted = await world.rows(
        "select ticket_id, count(*), array_agg(id order by id) = array_agg(id order by created_datetime) as ordered"
        " from messages where account_id = $1 group by 1"
    )
    assert {(r["count"], r["ordered"]) for r in counted} == {(3, True)}
    assert await world.events("ticket-created") == []


async def test_an_account_can_be_seeded_again(world: World) -> None:
    await sow(world, 30)
    people = await world.rows("select id from users where account_id = $1")
    await sow(world, 30)
    assert len(await world.oda.walk("/api/tickets")) == 60
    assert await world.rows("select id from users where account_id = $1") == people


async def test_two_seedings_at_once_are_refused(world: World, database: Database) -> None:
    other = await pool.connect(database.url, "another seed")
    await other.execute(seeds.LOCK, world.account.id)
    with pytest.raises(errors.Conflict, match="already"):
        await sow(world, 10)
    await other.close()
