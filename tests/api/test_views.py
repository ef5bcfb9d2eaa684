"""`/api/views`, and what views show."""

import datetime
import itertools
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests import make
from tests.world import World

OPEN = {"slug": "o", "filters": "eq(ticket.status, 'open')"}


async def view(world: World, **body: Any) -> dict[str, Any]:
    made = await world.leo.post("/api/views", {"slug": "s", **body})
    assert made.status == 201, made.raw
    return made.json  # type: ignore[no-any-return]


async def shown(world: World, **wanted: Any) -> list[int]:
    answer = await world.leo.put("/api/views/0/items", {"view": wanted})
    assert answer.status == 202, answer.raw
    return [item["id"] for item in answer.json["data"]]


async def test_an_account_begins_with_eight_views(world: World) -> None:
    listed = (await world.oda.get("/api/views")).json
    assert [v["slug"] for v in listed["data"]] == [
        "all-customers", "spam", "trash", "closed", "snoozed", "all", "unassigned", "inbox",
    ]  # fmt: skip
    assert listed["meta"]["total_resources"] is None
    inbox = listed["data"][-1]
    assert inbox["filters"] == (
        'eq(ticket.assignee_user.id, "{{current_user.id}}") && eq(ticket.status, "open")'
    )
    assert inbox["filters_ast"]["body"][0]["expression"]["type"] == "LogicalExpression"
    assert list(inbox["filters_ast"]) == ["type", "body", "sourceType", "loc"]
    path = f"/api/views/{inbox['id']}"
    assert (await world.ada.delete(path)).json["error"]["msg"] == "System views cannot be deleted."
    assert (await world.ada.put(path, {"name": "x"})).status == 403
    changed = await world.ada.put(path, {**inbox, "order_dir": "asc", "fields": ["id"]})
    assert (changed.status, changed.json["order_dir"]) == (202, "asc")


async def test_a_view_is_made_changed_and_deleted(world: World) -> None:
    made = await view(
        world, name="Late", **{**OPEN, "slug": "late"}, fields=["id", "tags"], decoration={"emoji": "🐢"}
    )
    assert (made["visibility"], made["order_by"], made["order_dir"]) == ("public", "updated_datetime", "desc")
    path = f"/api/views/{made['id']}"
    assert (await world.oda.get(path + "/")).json == made
    changed = await world.leo.put(path, {**made, "name": "Later", "search": "parcel"})
    assert (changed.status, changed.json["name"], changed.json["search"]) == (202, "Later", "parcel")
    assert (await world.bea.put(path, {"name": "mine"})).status == 403
    assert (await world.leo.delete(path + "/")).status == 204
    assert (await world.leo.get(path)).status == 404
    assert await world.events() == [
        ("view-created", "View", made["id"], {"name": "Late"}),
        ("view-updated", "View", made["id"], {"name": ["Late", "Later"], "search": [None, "parcel"]}),
        ("view-deleted", "View", made["id"], {"name": "Later"}),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slug": None}, "slug"),
        ({"filters": "eq(ticket.status 'open')"}, "filters"),
        ({"filters": "eq(ticket.colour, 'red')"}, "filters"),
        ({"filters": "eq(ticket.assignee_user.id, 999999)"}, "filters"),
        ({"filters": "Action('deleteTicket')"}, "filters"),
        ({"type": "customer-list"}, "type"),
        ({"order_by": "colour"}, "order_by"),
        ({"fields": ["id", "id"]}, "fields"),
        ({"fields": ["colour"]}, "fields"),
        ({"visibility": "shared"}, "shared_with_users"),
        ({"visibility": "shared", "shared_with_users": [999999]}, "shared_with_users"),
        ({"shared_with_teams": list(range(1, 102))}, "shared_with_teams"),
    ],
)
async def test_what_is_wrong_is_told(world: World, body: Any, field: str) -> None:
    answer = await world.leo.post("/api/views", {"slug": "s", **body})
    assert (answer.status, list(answer.json["error"]["data"])) == (400, [field])
    assert await world.events() == []


async def test_who_sees_a_view(world: World) -> None:
    shared = await view(world, visibility="shared", shared_with_users=[world.bea.user_id])
    private = await world.bea.post("/api/views", {"slug": "mine", "visibility": "private"})
    assert private.status == 201
    assert [u["id"] for u in private.json["shared_with_users"]] == [world.bea.user_id]
    assert (await world.bea.post("/api/views", {"slug": "all"})).status == 403
    for client, sees_shared, sees_private in (
        (world.bea, True, True),
        (world.oda, False, False),
        (world.leo, True, False),
        (world.ada, True, False),
    ):
        ids = [v["id"] for v in (await client.get("/api/views", category="user")).json["data"]]
        assert (shared["id"] in ids, private.json["id"] in ids) == (sees_shared, sees_private)
        assert (await client.get(f"/api/views/{private.json['id']}")).status == (200 if sees_private else 404)
        assert (await client.get(f"/api/views/{shared['id']}/items")).status == (200 if sees_shared else 404)
    assert (await world.ada.delete(f"/api/views/{private.json['id']}")).status == 404
    assert (await world.bea.delete(f"/api/views/{private.json['id']}")).status == 204


async def test_twenty_private_views_are_enough(world: World) -> None:
    for _ in range(20):
        assert (await world.oda.post("/api/views", {"slug": "x", "visibility": "private"})).status == 201
    refused = await world.oda.post("/api/views", {"slug": "x", "visibility": "private"})
    assert (refused.status, refused.json["error"]["data"]) == (409, {"limit": 20})


async def test_items_walk_both_ways_with_nulls_last(world: World) -> None:
    made = [await make.ticket(world, subject=str(n)) for n in range(7)]
    ids = [ticket["id"] for ticket in made]
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    for number in (0, 3, 5):
        when = (later + datetime.timedelta(hours=number)).isoformat()
        await world.lia.put(f"/api/tickets/{ids[number]}", {"snooze_datetime": when})
    everything = await view(world, order_by="created_datetime")
    path = f"/api/views/{everything['id']}/items"
    for order, expected in (
        ("snooze_datetime:asc", [ids[0], ids[3], ids[5], ids[1], ids[2], ids[4], ids[6]]),
        ("snooze_datetime:desc", [ids[5], ids[3], ids[0], ids[6], ids[4], ids[2], ids[1]]),
        ("created_datetime:desc", ids[::-1]),
        ("priority:asc", ids),
    ):
        whole = (await world.oda.get(path, order_by=order)).json
        assert [t["id"] for t in whole["data"]] == expected
        assert set(whole["meta"].values()) == {None}
        pages, query = [], {"limit": "2", "order_by": order}
        link: str | None = path
        while link is not None:
            page = (await world.oda.get(urlsplit(link).path, **{**query, **_query(link)})).json
            pages.append([t["id"] for t in page["data"]])
            last, link = page, page["meta"]["next_items"]
        assert list(itertools.chain(*pages)) == expected
        back, link = [pages[-1]], last["meta"]["prev_items"]
        while link is not None:
            page = (await world.oda.get(urlsplit(link).path, **{**query, **_query(link)})).json
            back.append([t["id"] for t in page["data"]])
            link = page["meta"]["prev_items"]
        assert list(itertools.chain(*reversed(back))) == expected
    assert "summary" not in page["data"][0]


def _query(link: str) -> dict[str, str]:
    return {key: value[0] for key, value in parse_qs(urlsplit(link).query).items()}


async def test_links_are_as_connectors_read_them(world: World) -> None:
    for _ in range(3):
        await make.ticket(world)
    made = await view(world)
    meta = (await world.oda.get(f"/api/views/{made['id']}/items", limit=1)).json["meta"]
    start = f"/api/views/{made['id']}/items/?direction=next&ignored_item="
    assert meta["next_items"].startswith(start)
    assert list(_query(meta["next_items"])) == ["direction", "ignored_item", "cursor"]
    assert _query(meta["next_items"])["cursor"] == meta["next_cursor"]
    assert (meta["prev_items"], meta["prev_cursor"]) == (None, None)
    for cursor in ("x", "WyJuZXh0IiwgIjEiXQ==", "MTIzLXRydWU="):
        assert (await world.oda.get(f"/api/views/{made['id']}/items", cursor=cursor)).status == 400
    assert (await world.oda.get("/api/views/0/items")).status == 404


async def test_ad_hoc_views_filter_and_search(world: World) -> None:
    first = await make.ticket(world, messages=[make.mail("The blue kettle leaks")], subject="Warranty")
    second = await make.ticket(
        world, customer={"email": "zoe@elsewhere.example", "name": "Zoë Ångström"}, tags=[{"name": "VIP"}]
    )
    one, two = first["id"], second["id"]
    assert await shown(world, filters="containsAny(ticket.tags.name, ['VIP'])") == [two]
    assert await shown(world, filters="eq(ticket.customer.email, 'mia@example.com')") == [one]
    for words, expected in (
        ("kettle", [one]),
        ("blue ket", [one]),
        ("warr", [one]),
        ('"blue kettle"', [one]),
        ('"kettle blue"', []),
        ("parcel -vip", []),
        ("vip", [two]),
        ("angstrom", [two]),
        ("zoe@elsewhere.example", [two]),
        (str(one), [one]),
        ("kettle zoe", []),
        ("'); drop table tickets; --", []),
    ):
        assert await shown(world, search=words, order_by="created_datetime") == expected, words
    await world.lia.put(f"/api/tickets/{one}", {"trashed_datetime": "2026-01-01"})
    await world.lia.put(f"/api/tickets/{two}", {"spam": True})
    assert await shown(world, filters="") == []
    assert await shown(world, filters="isNotEmpty(ticket.trashed_datetime)") == [one]
    assert await shown(world, filters="eq(ticket.spam, true)") == [two]
    wrong = await world.leo.put("/api/views/0/items", {"view": {"filters": "eq("}})
    assert (wrong.status, list(wrong.json["error"]["data"]["view"])) == (400, ["filters"])


async def test_current_user_and_lists_of_tickets(world: World) -> None:
    mine = await make.ticket(world, assignee_user={"id": world.leo.user_id})
    await make.ticket(world)
    inbox = (await world.leo.get("/api/views")).json["data"][-1]
    items = (await world.leo.get(f"/api/views/{inbox['id']}/items")).json["data"]
    assert [t["id"] for t in items] == [mine["id"]]
    assert (await world.oda.get(f"/api/views/{inbox['id']}/items")).json["data"] == []
    listed = (await world.leo.get("/api/tickets", view_id=inbox["id"])).json["data"]
    assert [t["id"] for t in listed] == [mine["id"]]
    assert (await world.leo.get("/api/tickets", view_id=999999)).status == 400
    everybody = (await world.oda.get("/api/views")).json["data"][0]
    [customer] = (await world.oda.get(f"/api/views/{everybody['id']}/items")).json["data"]
    assert customer["email"] == "mia@example.com"


async def test_tickets_of_a_view_come_in_its_order(world: World) -> None:
    """As the view shows them, unless the caller orders otherwise; tickets without a value come last."""
    made = [
        (await make.ticket(world, subject=subject, priority=priority))["id"]
        for subject, priority in (("a", "low"), ("b", "critical"), ("c", "normal"))
    ]
    note = {"messages": [make.note("n")], "customer": {"email": "mia@example.com"}}
    made.append((await world.leo.post("/api/tickets", note)).json["id"])
    for by, way, wanted in (
        ("priority", "desc", [1, 3, 2, 0]),
        ("priority", "asc", [0, 2, 3, 1]),
        ("last_message_datetime", "desc", [2, 1, 0, 3]),
        ("last_message_datetime", "asc", [0, 1, 2, 3]),
    ):
        shown_ = await view(world, order_by=by, order_dir=way)
        ids = [made[place] for place in wanted]
        walked = await world.oda.walk("/api/tickets", view_id=shown_["id"], limit=2)
        assert [one["id"] for one in walked] == ids, (by, way)
        listed = (await world.oda.get("/api/tickets", view_id=shown_["id"])).json
        assert ("custom_fields" in listed["data"][0], listed["meta"]["total_resources"]) == (True, None)
        asked = await world.oda.get("/api/tickets", view_id=shown_["id"], order_by="created_datetime:asc")
        assert [one["id"] for one in asked.json["data"]] == made
    wrong = await world.oda.get("/api/tickets", view_id=shown_["id"], cursor="x")
    assert (wrong.status, wrong.json["error"]["msg"]) == (400, "Invalid cursor")


async def test_a_view_that_names_what_goes_is_switched_off(world: World) -> None:
    tag = (await world.leo.post("/api/tags", {"name": "gone"})).json
    made = await view(world, filters="containsAny(ticket.tags.name, ['gone'])")
    other = await view(world, filters="eq(ticket.status, 'open')")
    assert (await world.leo.delete(f"/api/tags/{tag['id']}")).status == 204
    off = (await world.leo.get(f"/api/views/{made['id']}")).json
    assert off["deactivated_datetime"] is not None
    assert (await world.leo.get(f"/api/views/{other['id']}")).json["deactivated_datetime"] is None
    await make.ticket(world)
    empty = (await world.leo.get(f"/api/views/{made['id']}/items")).json
    assert (empty["data"], set(empty["meta"].values())) == ([], {None})
    assert (await world.leo.get("/api/tickets", view_id=made["id"])).status == 400
    kinds = [event[0] for event in await world.events("view-deactivated")]
    assert kinds == ["view-deactivated"]
    on = await world.leo.put(f"/api/views/{made['id']}", {"filters": "eq(ticket.status, 'open')"})
    assert on.json["deactivated_datetime"] is None
