"""`/api/tags`: answers, rows, events."""

import asyncio

from tests import make
from tests.world import World


async def test_a_tag_is_created_read_renamed_and_deleted(world: World) -> None:
    made = await world.leo.post("/api/tags", {"name": " VIPs ", "description": "big spenders"})
    assert made.status == 201
    tag = made.json
    assert (tag["name"], tag["description"], tag["usage"]) == ("VIPs", "big spenders", 0)
    assert len(tag["decoration"]["color"]) == 7
    assert (await world.leo.get(f"/api/tags/{tag['id']}/")).json == tag

    renamed = await world.leo.put(f"/api/tags/{tag['id']}", {**tag, "name": "vips"})
    assert renamed.status == 202
    assert renamed.json == {**tag, "name": "vips"}

    gone = await world.leo.delete(f"/api/tags/{tag['id']}/")
    assert (gone.status, gone.raw, gone.headers["Content-Length"]) == (204, b"", "0")
    assert (await world.leo.get(f"/api/tags/{tag['id']}")).status == 404
    assert await world.events() == [
        ("tag-created", "Tag", tag["id"], {"name": "VIPs"}),
        ("tag-renamed", "Tag", tag["id"], {"name": ["VIPs", "vips"]}),
        ("tag-updated", "Tag", tag["id"], {"name": ["VIPs", "vips"]}),
        ("tag-deleted", "Tag", tag["id"], {"name": "vips"}),
    ]


async def test_names_are_unique_exactly(world: World) -> None:
    assert (await world.leo.post("/api/tags", {"name": "Late"})).status == 201
    assert (await world.leo.post("/api/tags", {"name": "late"})).status == 201
    again = await world.leo.post("/api/tags", {"name": "Late"})
    assert again.status == 409
    assert again.json == {
        "error": {"msg": "The resource already exists.", "data": {"name": ["Already in use."]}}
    }


async def test_all_problems_of_a_body_are_told_together(world: World) -> None:
    answer = await world.leo.post("/api/tags", {"decoration": {"color": "red"}, "colour": 1})
    assert answer.status == 400
    assert answer.json == {
        "error": {
            "msg": "Failed to create tag",
            "data": {
                "name": ["Missing data for required field."],
                "colour": ["No such field"],
                "decoration": {"color": ["Not a valid color."]},
            },
        }
    }
    assert await world.events() == []


async def test_lists_walk_in_both_directions(world: World) -> None:
    for name in ("a", "b", "c", "d"):
        await world.leo.post("/api/tags", {"name": name})
    for order in ("name:asc", "name:desc", "created_datetime:asc", "usage:desc,name:desc", "usage"):
        whole = (await world.oda.get("/api/tags", limit=100, order_by=order)).json["data"]
        assert await world.oda.walk("/api/tags", limit=2, order_by=order) == whole
        first = (await world.oda.get("/api/tags", limit=4, order_by=order)).json
        second = (
            await world.oda.get("/api/tags", limit=4, order_by=order, cursor=first["meta"]["next_cursor"])
        ).json
        back = (
            await world.oda.get("/api/tags", limit=4, order_by=order, cursor=second["meta"]["prev_cursor"])
        ).json
        assert back["data"] == first["data"]
        assert back["meta"]["prev_cursor"] is None
        assert first["meta"]["total_resources"] is None


async def test_merging_deletes_the_sources(world: World) -> None:
    ids = [(await world.leo.post("/api/tags", {"name": n})).json["id"] for n in ("x", "y", "z")]
    answer = await world.leo.put(f"/api/tags/{ids[0]}/merge", {"source_tags_ids": ids[1:]})
    assert (answer.status, answer.json["id"]) == (202, ids[0])
    assert (await world.leo.get(f"/api/tags/{ids[1]}")).status == 404
    assert (await world.events("tag-merged")) == [("tag-merged", "Tag", ids[0], {"source_tags_ids": ids[1:]})]


async def test_who_may(world: World) -> None:
    refused = await world.bea.post("/api/tags", {"name": "mine"})
    assert refused.status == 403
    assert refused.json["error"]["msg"] == "You do not have the permission to perform this action."
    assert (await world.oda.get("/api/tags")).status == 200


async def speakers(world: World, name: str) -> dict[str, str]:
    """A macro, a rule and a view that speak of a tag; their paths."""
    action = {"name": "addTags", "title": "Tag", "arguments": {"tags": f"{name}, other"}}
    macro = await world.leo.post("/api/macros", {"name": "M", "actions": [action]})
    code = f"if (containsAny(ticket.tags.name, ['{name}'])) {{ Action('removeTags', {{tags: '{name}'}}); }}"
    rule = await world.leo.post("/api/rules", {"name": "R", "code": code, "event_types": "ticket-created"})
    view = await world.leo.post(
        "/api/views", {"slug": "v", "filters": f"containsAny(ticket.tags.name, ['{name}'])"}
    )
    made = {"macros": macro, "rules": rule, "views": view}
    assert {answer.status for answer in made.values()} == {201}, [a.raw for a in made.values()]
    return {kind: f"/api/{kind}/{answer.json['id']}" for kind, answer in made.items()}


async def test_a_new_name_is_written_everywhere(world: World) -> None:
    late, slow = [(await world.leo.post("/api/tags", {"name": n})).json["id"] for n in ("late", "slow")]
    paths = await speakers(world, "late")
    assert (await world.leo.put(f"/api/tags/{late}", {"name": "delayed"})).status == 202
    for name in ("delayed", "slow"):
        macro, rule, view = [(await world.leo.get(path)).json for path in paths.values()]
        assert macro["actions"][0]["arguments"]["tags"] == f"{name}, other"
        assert rule["code"].count(f"'{name}'") == 2
        assert view["filters"] == f"containsAny(ticket.tags.name, ['{name}'])"
        assert view["filters_ast"]["body"][0]["expression"]["arguments"][1]["elements"][0]["value"] == name
        assert view["deactivated_datetime"] is None
        if name == "delayed":
            merged = await world.leo.put(f"/api/tags/{slow}/merge", {"source_tags_ids": [late]})
            assert merged.status == 202, merged.raw


async def test_a_tag_that_is_used_stays(world: World) -> None:
    late, free = [(await world.leo.post("/api/tags", {"name": n})).json["id"] for n in ("late", "free")]
    await speakers(world, "late")
    refused = await world.leo.delete("/api/tags", {"ids": [free, late]})
    assert refused.status == 409
    assert refused.json["error"] == {
        "msg": "The resource is used and cannot be deleted.",
        "data": {"rules": ["R"], "macros": ["M"]},
    }
    assert (await world.leo.delete(f"/api/tags/{late}")).status == 409
    assert (await world.leo.get(f"/api/tags/{free}")).status == 200
    assert (await world.leo.delete(f"/api/tags/{free}")).status == 204
    assert await world.events("view-deactivated") == []


async def test_a_rule_gets_the_new_name_though_something_else_it_names_is_gone(world: World) -> None:
    tag = (await world.leo.post("/api/tags", {"name": "late"})).json["id"]
    team = (await world.leo.post("/api/teams", {"name": "Night"})).json["id"]
    code = f"if (eq(ticket.assignee_team.id, {team})) Action('addTags', {{tags: 'late'}})"
    rule = (await world.leo.post("/api/rules", {"name": "R", "code": code})).json["id"]
    assert (await world.leo.delete(f"/api/teams/{team}")).status == 204
    assert (await world.leo.put(f"/api/tags/{tag}", {"name": "delayed"})).status == 202
    assert (await world.oda.get(f"/api/rules/{rule}")).json["code"] == code.replace("late", "delayed")


async def test_tagging_merging_and_deleting_meet_without_errors(world: World) -> None:
    """Those who lose the race are told so (404, 409); nobody meets a 500, and no ticket keeps a tag that is gone."""
    tickets = [(await make.ticket(world))["id"] for _ in range(4)]
    for turn in range(6):
        names = [f"tag {turn} {n}" for n in range(3)]
        ids = [(await world.leo.post("/api/tags", {"name": name})).json["id"] for name in names]
        answers = await asyncio.gather(
            *(world.leo.post(f"/api/tickets/{ticket}/tags", {"ids": ids}) for ticket in tickets),
            *(world.leo.put(f"/api/tickets/{ticket}", {"tags": [{"name": names[1]}]}) for ticket in tickets),
            world.ada.put(f"/api/tags/{ids[0]}/merge", {"source_tags_ids": ids[1:]}),
            world.ada.delete(f"/api/tags/{ids[1]}"),
            world.ada.put(f"/api/tags/{ids[0]}/merge", {"source_tags_ids": [ids[2]]}),
        )
        assert {answer.status for answer in answers} <= {200, 201, 202, 204, 400, 404, 409}
    lost = "select 1 from ticket_tags g where account_id = $1 and not exists (select from tags t where t.account_id = $1 and t.id = g.tag_id)"
    assert await world.rows(lost) == []
