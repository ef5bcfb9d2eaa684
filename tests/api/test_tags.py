"""`/api/tags`: answers, rows, events."""

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
