"""`/api/events`: what is told, to whom, how it is found, and when it is gone."""

import datetime
from typing import Any

import pytest

from polus.api.events import ORDERS, ObjectType
from polus.base import clock
from polus.desk import events
from polus.store.work import Actor, reading
from tests.world import World

SEED = """
insert into events (account_id, context, type, object_type, object_id, user_id, data, created_datetime)
select $1, gen_random_uuid(), case when n % 50 = 0 then 'ticket-closed' when n % 100 = 25 then 'macro-created' else 'ticket-created' end,
  case when n % 100 = 25 then 'Macro' else 'Ticket' end, n % 1000, case when n % 3 = 0 then 7 when n % 40 = 1 then 8 end,
  null, $2::timestamptz - n * interval '1 minute'
from generate_series(1, $3::int) as n
"""


async def test_an_event_tells_who_did_what_to_which_thing(world: World) -> None:
    tag = (await world.leo.post("/api/tags", {"name": "late"})).json
    answer = await world.ada.get("/api/events")
    assert answer.status == 200
    assert answer.json["uri"] == "/api/events?"
    assert set(answer.json["meta"]) == {"prev_cursor", "next_cursor"}
    (event,) = answer.json["data"]
    assert event == {
        "id": event["id"],
        "context": event["context"],
        "created_datetime": tag["created_datetime"],
        "data": {"name": "late"},
        "object_id": tag["id"],
        "object_type": "Tag",
        "type": "tag-created",
        "user_id": world.leo.user_id,
        "uri": f"/api/events/{event['id']}/",
    }
    assert len(event["context"]) == 36
    assert (await world.leo.get(event["uri"])).json == event


async def test_one_request_is_one_context(world: World) -> None:
    tag = (await world.leo.post("/api/tags", {"name": "a"})).json
    await world.leo.put(f"/api/tags/{tag['id']}", {"name": "b"})
    told = (await world.leo.get("/api/events", order_by="created_datetime:asc")).json["data"]
    assert [event["type"] for event in told] == ["tag-created", "tag-renamed", "tag-updated"]
    assert told[1]["context"] == told[2]["context"] != told[0]["context"]


async def test_filters_narrow_alone_and_together(world: World) -> None:
    now = clock.now()
    await world.rows(SEED, now, 400)

    async def found(**query: Any) -> list[Any]:
        return await world.leo.walk("/api/events", limit=37, **query)

    everything = await found()
    assert len(everything) == 400
    assert everything == sorted(everything, key=lambda e: (e["created_datetime"], e["id"]), reverse=True)
    assert await found(order_by="created_datetime:asc") == everything[::-1]
    assert await found(order_by="created_datetime") == everything

    def those(test: Any) -> list[Any]:
        return [event for event in everything if test(event)]

    assert await found(object_type="Macro") == those(lambda e: e["object_type"] == "Macro") != []
    assert await found(object_id=50) == those(lambda e: e["object_id"] == 50) != []
    assert await found(**{"types[]": "ticket-closed"}) == those(lambda e: e["type"] == "ticket-closed") != []
    assert await found(types="ticket-closed,ticket-created,macro-created") == everything
    assert (
        await found(
            types=["ticket-closed", "ticket-created", "macro-created"], order_by="created_datetime:asc"
        )
        == everything[::-1]
    )
    assert await found(user_ids=7) == those(lambda e: e["user_id"] == 7) != []
    assert await found(**{"user_ids[]": [7, 8, 8]}) == those(lambda e: e["user_id"] in (7, 8)) != []
    assert await found(user_ids=[7, 8], types=["ticket-closed", "tag-created"]) == those(
        lambda e: e["user_id"] in (7, 8) and e["type"] == "ticket-closed"
    )
    assert await found(user_ids=[7, 8], object_id=1) == those(
        lambda e: e["user_id"] in (7, 8) and e["object_id"] == 1
    )
    moment = everything[100]["created_datetime"]
    assert await found(**{"created_datetime[gte]": moment}) == everything[:101]
    assert await found(**{"created_datetime[gt]": moment}) == everything[:100]
    assert await found(**{"created_datetime[lte]": moment, "types": "ticket-closed"}) == those(
        lambda e: e["created_datetime"] <= moment and e["type"] == "ticket-closed"
    )
    assert await found(**{"created_datetime[lt]": moment, "created_datetime[gt]": moment}) == []


async def test_walking_back_over_several_types(world: World) -> None:
    await world.rows(SEED, clock.now(), 120)
    query = {"types": ["ticket-closed", "ticket-created"], "limit": 50}
    first = (await world.leo.get("/api/events", **query)).json
    second = (await world.leo.get("/api/events", cursor=first["meta"]["next_cursor"], **query)).json
    back = (await world.leo.get("/api/events", cursor=second["meta"]["prev_cursor"], **query)).json
    assert back["data"] == first["data"]
    assert back["meta"]["prev_cursor"] is None


@pytest.mark.parametrize(
    "query, where",
    [
        ({"types": "macro-applied"}, {"types": {"0": ["Not a valid choice."]}}),
        ({"object_type": "Order"}, {"object_type": ["Not a valid choice."]}),
        ({"object_id": "x"}, {"object_id": ["Not a valid integer."]}),
        ({"user_ids": "1,x"}, {"user_ids": {"1": ["Not a valid integer."]}}),
        ({"created_datetime[gte]": "soon"}, {"created_datetime": {"gte": ["Not a valid datetime."]}}),
        ({"created_datetime[near]": "2026-01-01"}, {"created_datetime": {"near": ["No such field"]}}),
        ({"created_datetime": "2026-01-01"}, {"created_datetime": ["Invalid type."]}),
        ({"order_by": "id"}, {"order_by": ["Not a valid choice."]}),
        ({"page": 2}, {"page": ["No such field"]}),
        ({"limit": 101}, {"limit": ["Must be less than or equal to 100."]}),
    ],
)
async def test_wrong_filters(world: World, query: dict[str, Any], where: Any) -> None:
    answer = await world.leo.get("/api/events", **query)
    assert answer.status == 400
    assert answer.json == {"error": {"msg": "Invalid query parameters", "data": where}}


async def test_only_lead_agents_read_events(world: World) -> None:
    await world.leo.post("/api/tags", {"name": "x"})
    ((event_id,),) = await world.rows("select id from events where account_id = $1")
    for person in (world.oda, world.lia, world.bea):
        assert (await person.get("/api/events")).status == 403
        assert (await person.get(f"/api/events/{event_id}")).status == 403
        assert (await person.get("/api/events/999999999")).status == 403
    assert (await world.leo.get("/api/events/999999999")).status == 404


async def test_events_of_more_than_twelve_months_are_not_shown_and_then_removed(world: World) -> None:
    now = clock.now()
    old, young = now - datetime.timedelta(days=367), now - datetime.timedelta(days=364)
    for moment in (old, old, old, young):
        await world.rows(
            "insert into events (account_id, context, type, object_type, object_id, created_datetime)"
            " values ($1, gen_random_uuid(), 'tag-created', 'Tag', 1, $2)",
            moment,
        )
    ids = [row["id"] for row in await world.rows("select id from events where account_id = $1 order by id")]
    shown = (await world.leo.get("/api/events")).json["data"]
    assert [event["id"] for event in shown] == ids[3:]
    assert (await world.leo.get(f"/api/events/{ids[0]}")).status == 404
    assert (await world.leo.get(f"/api/events/{ids[3]}")).status == 200

    # A reaction that still has to happen keeps its event.
    await world.rows(
        "insert into outbox (account_id, event_id, reaction) values ($1, $2, 'somebody')", ids[1]
    )
    async with world.database.pool.acquire() as db, db.transaction():
        removed = [await events.remove_old(db, now, batch=1)]
        while removed[-1]:
            removed.append(await events.remove_old(db, now, batch=1000))
    left = [row["id"] for row in await world.rows("select id from events where account_id = $1 order by id")]
    assert left == [ids[1], ids[3]]
    await world.rows("delete from outbox where account_id = $1")


async def test_every_filter_reads_an_index_of_its_own(world: World) -> None:
    await world.rows(SEED, clock.now(), 20_000)
    async with world.database.pool.acquire() as db:
        await db.execute("analyze events")
    wanted = {
        "events_created": {},
        "events_object_type": {"object_type": "Macro"},
        "events_object": {"object_id": 50},
        "events_type": {"types": ["ticket-closed", "ticket-created"]},
        "events_user": {"user_ids": [7, 8]},
    }
    for index, filters in wanted.items():
        async with reading(world.database, world.account, Actor("user", role="agent")) as work:
            select, statement, outer = events.listing(work, **filters)  # type: ignore[arg-type]
            tail = statement.page(ORDERS["created_datetime:desc"], None, 30, "id")
            sql = (
                select.replace("{sort}", "created_datetime")
                + tail
                + outer.replace("{order}", statement.order)
            )
            plan = "\n".join(row[0] for row in await work.db.fetch("explain " + sql, *statement.parameters))
        assert index in plan, plan
        assert "Seq Scan" not in plan, plan


def test_every_kind_belongs_to_a_type_of_the_wire() -> None:
    assert {kind.object_type for kind in events.KINDS.values()} <= set(ObjectType.__args__)  # type: ignore[attr-defined]
    assert all(kind.meaning.endswith(".") for kind in events.KINDS.values())
