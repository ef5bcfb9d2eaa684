"""`/api/macros`."""

from typing import Any

import pytest

from tests import make
from tests.world import World

SEEDS = ["Ask for the order number", "Thank and close"]


def answer(text: str, **more: Any) -> dict[str, Any]:
    return {"name": "setResponseText", "title": "Answer", "arguments": {"body_text": text, **more}}


def tag(names: Any) -> dict[str, Any]:
    return {"name": "addTags", "title": "Tag", "arguments": {"tags": names}}


async def macro(world: World, name: str = "Refund", **more: Any) -> Any:
    made = await world.leo.post("/api/macros", {"name": name, **more})
    assert made.status == 201, made.raw
    return made.json


async def rule(world: World, code: str, name: str = "Night shift", *, off: bool = False) -> None:
    body = {"name": name, "code": code, "deactivated_datetime": "2026-01-01T00:00:00" if off else None}
    assert (await world.leo.post("/api/rules", body)).status == 201


async def names(world: World, **query: Any) -> list[str]:
    found = [item["name"] for item in await world.oda.walk("/api/macros", **query)]
    return [name for name in found if name not in SEEDS]


async def test_a_new_account_has_two_macros(world: World) -> None:
    found = (await world.oda.get("/api/macros", order_by="name")).json
    assert [item["name"] for item in found["data"]] == SEEDS
    assert found["meta"] == {"prev_cursor": None, "next_cursor": None}


async def test_a_macro_is_made_changed_and_deleted(world: World) -> None:
    odd = {
        "name": "sendPigeon",
        "title": "Coo",
        "type": "system",
        "description": None,
        "arguments": {"to": [1, None]},
    }
    body = {
        "name": "Refund",
        "external_id": "M-1",
        "intent": "refund/request",
        "language": "en-GB",
        "actions": [answer("Your money is on its way."), odd],
    }
    made = await macro(world, **{key: value for key, value in body.items() if key != "name"})
    path = f"/api/macros/{made['id']}"
    assert made == {
        **body,
        "language": "en",
        "id": made["id"],
        "uri": path + "/",
        "usage": 0,
        "archived_datetime": None,
        "created_datetime": made["created_datetime"],
        "updated_datetime": made["created_datetime"],
        "actions": [{**answer("Your money is on its way."), "type": "user"}, odd],
    }
    assert (await world.oda.get(path)).json == made
    changed = await world.leo.put(path, {**made, "name": "Money", "actions": []})
    assert (changed.status, changed.json["name"], changed.json["actions"]) == (202, "Money", [])
    same = await world.leo.put(path, {"name": "Money"})
    assert same.json["updated_datetime"] == changed.json["updated_datetime"]
    assert (await world.bea.put(path, {"name": "x"})).status == 403
    assert (await world.leo.delete(path)).status == 204
    assert (await world.leo.delete(path)).status == 404
    assert (await world.leo.put(path, {"colour": "red"})).status == 404
    assert await world.events() == [
        ("macro-created", "Macro", made["id"], {"name": "Refund"}),
        ("macro-updated", "Macro", made["id"], {"name": ["Refund", "Money"], "actions": True}),
        ("macro-deleted", "Macro", made["id"], {"name": "Money"}),
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, {"name": ["Missing data for required field."]}),
        ({"name": ""}, {"name": ["Shorter than minimum length 1."]}),
        ({"name": "x" * 257}, {"name": ["Longer than maximum length 256."]}),
        ({"name": "x", "intent": "tea"}, {"intent": ["Not a valid choice."]}),
        ({"name": "x", "language": "tlh"}, {"language": ["Not a valid choice."]}),
        ({"name": "x", "usage": 3}, {"usage": ["No such field"]}),
        (
            {"name": "x", "actions": [{"name": "http", "color": 1}]},
            {
                "actions": {
                    "0": {
                        "color": ["No such field"],
                        "title": ["Missing data for required field."],
                        "arguments": ["Missing data for required field."],
                    }
                }
            },
        ),
        (
            {"name": "x", "actions": [{"name": "a", "title": "b", "arguments": []}]},
            {"actions": {"0": {"arguments": ["Invalid type."]}}},
        ),
        (
            {"name": "x", "actions": [answer("y" * 262_144)]},
            {"actions": {"0": {"arguments": ["Longer than maximum length 262144."]}}},
        ),
    ],
)
async def test_what_is_wrong_is_told(world: World, body: Any, problem: Any) -> None:
    refused = await world.leo.post("/api/macros", body)
    assert refused.status == 400
    assert refused.json["error"] == {"msg": "Failed to create macro", "data": problem}
    assert await world.events() == []


async def test_a_name_may_be_as_long_as_it_may_and_taken(world: World) -> None:
    await macro(world, "x" * 256, actions=[answer("y" * 262_000)])
    await macro(world, "x" * 256)
    assert len(await names(world)) == 2


async def test_orders(world: World) -> None:
    for name, language in (("b", "fr"), ("c", None), ("a", "de")):
        await macro(world, name, language=language)
    await world.rows(
        "update macros set usage = length(name) where account_id = $1 and name <> 'b' returning 1"
    )
    expected = {
        "name": "abc",
        "name:desc": "cba",
        "language": "cab",
        "language:desc": "bac",
        "created_datetime": "acb",
        "created_datetime:asc": "bca",
        "updated_datetime": "acb",
        "usage": "acb",
        "usage:asc": "bca",
    }
    for order, wanted in expected.items():
        for limit in (1, 2, 30):
            assert "".join(await names(world, order_by=order, limit=limit)) == wanted, order
    assert "".join(await names(world)) == "acb"


async def test_search_by_words(world: World) -> None:
    await macro(world, "Où est ma commande ?", actions=[answer("Votre colis arrive.")])
    await macro(world, "Refund: no", actions=[answer("", body_html="<p>Sorry, <b>no</b> money-back!</p>")])
    assert await names(world, search="OU EST") == ["Où est ma commande ?"]
    assert await names(world, search="coli") == ["Où est ma commande ?"]
    assert await names(world, search="¿no?!! money... ba") == ["Refund: no"]
    assert await names(world, search="mone back") == []
    assert len(await names(world, search="?!")) == 2


async def test_tags_and_languages(world: World) -> None:
    await macro(world, "a", actions=[tag("VIP, refund")], language="fr")
    await macro(world, "b", actions=[tag(["VIP"]), {**tag("late"), "name": "ADDTAGS"}])
    await macro(world, "c", actions=[{**tag("VIP"), "name": "removeTags"}, tag(7)], language="de")
    assert await names(world, tags=["VIP"], order_by="name") == ["a", "b"]
    assert await names(world, tags="VIP,refund") == ["a"]
    assert await names(world, tags=["VIP", "late"]) == ["b"]
    assert await names(world, tags=["vip"]) == []
    assert await names(world, languages="fr", order_by="name") == ["a"]
    assert await names(world, languages=["fr", "de"], order_by="name") == ["a", "c"]
    assert await names(world, languages="null") == ["b"]
    assert await names(world, languages=["", "de"], order_by="name") == ["b", "c"]


async def test_archiving_and_taking_out_again(world: World) -> None:
    first, used = (await macro(world, "a"))["id"], (await macro(world, "b"))["id"]
    await rule(world, f'if (eq(ticket.status, "open")) {{ Action("APPLYMACRO", {{macro: {used}}}); }}')
    gone = used + 10_000
    done = await world.leo.put("/api/macros/archive", {"ids": [first, used, gone, first]})
    assert done.status == 207
    assert done.json["data"] == [
        {"id": first, "status": "archived", "error": None},
        {
            "id": used,
            "status": "macro_used",
            "error": {"msg": "The macro is used by rules.", "data": {"rules": ["Night shift"]}},
        },
        {"id": gone, "status": "not_found", "error": None},
        {"id": first, "status": "already_archived", "error": None},
    ]
    moment = (await world.oda.get(f"/api/macros/{first}")).json["archived_datetime"]
    assert moment is not None
    assert await names(world) == ["b"]
    assert await names(world, archived="true") == ["a"]
    assert sorted(await names(world, archived="null")) == ["a", "b"]
    back = await world.leo.put("/api/macros/unarchive", {"ids": [used, first, gone]})
    assert back.status == 207
    assert back.json["data"] == [
        {"id": used, "status": "already_not_archived"},
        {"id": first, "status": "unarchived"},
        {"id": gone, "status": "not_found"},
    ]
    assert await world.events("macro-updated") == [
        ("macro-updated", "Macro", first, {"archived_datetime": [None, moment]}),
        ("macro-updated", "Macro", first, {"archived_datetime": [moment, None]}),
    ]
    for path in ("archive", "unarchive"):
        for ids in ([], list(range(1, 32))):
            assert (await world.leo.put("/api/macros/" + path, {"ids": ids})).status == 400
        assert (await world.bea.put("/api/macros/" + path, {"ids": [first]})).status == 403


@pytest.mark.parametrize(
    "code",
    [
        'Action("applyMacro", {macro: %d});',
        "Action('applyMacro', {'macro_id': '%d'});",
        'if (eq(ticket.spam, true)) { } else { Action("addTags", {tags: "a"}); Action("applyMacro", {macro: %d}) }',
    ],
)
async def test_a_macro_that_a_rule_applies_stays(world: World, code: str) -> None:
    made, other = await macro(world), await macro(world, "Other")
    await rule(world, code % other["id"])
    await rule(world, code % made["id"], "Second", off=True)
    refused = await world.leo.delete(f"/api/macros/{made['id']}")
    assert refused.status == 409
    assert refused.json["error"] == {
        "msg": "The resource is used and cannot be deleted.",
        "data": {"rules": ["Second"]},
    }


async def test_relevance_is_computed_from_what_the_customer_wrote(world: World) -> None:
    ticket = await make.ticket(
        world, language="fr", subject="Parcel", messages=[make.mail("My refund please")]
    )
    plain = await macro(world, "Hours", actions=[answer("We are open from nine to five.")])
    words = await macro(world, "Refund", actions=[answer("Your refund is on its way, please wait.")])
    french = await macro(world, "Bonjour", language="fr")
    german = await macro(world, "Hallo", language="de")
    intent = await macro(world, "Damage", language="de", intent="order/damaged")
    await world.rows(
        'update messages set intents = \'[{"name": "order/damaged", "rejected": false}]\''
        " where account_id = $1 returning 1"
    )
    query = {"order_by": "relevance", "ticket_id": ticket["id"]}
    expected = [intent, words, french, plain, german]
    for limit in (1, 3, 30):
        assert await names(world, limit=limit, **query) == [item["name"] for item in expected]
    assert await names(world, **{**query, "order_by": "relevance:asc"}) == [item["name"] for item in expected]
    assert await names(world, search="we are op", **query) == ["Hours"]
    await world.rows(
        "insert into macro_uses (account_id, macro_id, day, uses) values ($1, $2, current_date, 9),"
        " ($1, $3, current_date - 100, 99) returning 1",
        plain["id"],
        german["id"],
    )
    assert (await names(world, **query))[2:] == ["Hours", "Bonjour", "Hallo"]


async def test_another_message_and_rejected_intents(world: World) -> None:
    ticket = await make.ticket(world, messages=[make.mail("tracking number"), make.mail("opening hours")])
    old, new = sorted(message["id"] for message in ticket["messages"])
    await macro(world, "tracking number", intent="refund/status")
    await macro(world, "opening hours")
    await world.rows(
        'update messages set intents = \'[{"name": "refund/status", "rejected": true}]\''
        " where account_id = $1 returning 1"
    )
    query = {"order_by": "relevance", "ticket_id": ticket["id"]}
    assert (await names(world, **query))[0] == "opening hours"
    assert (await names(world, message_id=old, **query))[0] == "tracking number"
    assert (await names(world, message_id=new, **query))[0] == "opening hours"


async def test_predictions_come_first_and_are_not_repeated(world: World) -> None:
    ticket = await make.ticket(world, messages=[make.mail("where is my tracking number")])
    for name in ("a", "b", "tracking number", "c"):
        await macro(world, name)
    query = {"ticket_id": ticket["id"], "number_predictions": 1, "order_by": "name:desc"}
    for limit in (1, 2, 30):
        assert await names(world, limit=limit, **query) == ["tracking number", "c", "b", "a"]
    page = (await world.oda.get("/api/macros", limit=2, **query)).json
    behind = (await world.oda.get("/api/macros", limit=2, cursor=page["meta"]["next_cursor"], **query)).json
    back = (await world.oda.get("/api/macros", limit=2, cursor=behind["meta"]["prev_cursor"], **query)).json
    assert back["data"] == page["data"]
    assert page["meta"]["prev_cursor"] is None


async def test_ranking_needs_a_ticket(world: World) -> None:
    ticket = await make.ticket(world)
    other = await make.ticket(world)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"order_by": "relevance"}, "order_by"),
        ({"number_predictions": 1}, "number_predictions"),
        ({"number_predictions": 11, "ticket_id": ticket["id"]}, "number_predictions"),
        ({"message_id": 1}, "message_id"),
        ({"message_id": 1, "ticket_id": ticket["id"]}, "message_id"),
        ({"order_by": "relevance", "ticket_id": 10**15}, "ticket_id"),
        (
            {"order_by": "relevance", "ticket_id": ticket["id"], "message_id": other["messages"][0]["id"]},
            "message_id",
        ),
        ({"order_by": "usage:up"}, "order_by"),
        ({"archived": "perhaps"}, "archived"),
    ]
    for query, field in wrong:
        refused = await world.oda.get("/api/macros", **query)
        assert refused.status == 400, query
        assert refused.json["error"]["msg"] == "Invalid query parameters"
        assert list(refused.json["error"]["data"]) == [field]


async def test_attachments_of_macros_are_kept(world: World) -> None:
    url = f"http://x/api/attachment/download/{world.account.hash}/a-1.txt"
    await world.rows(
        "insert into files (account_id, type, resource_name, name, content_type, size, key, created_datetime)"
        " values ($1, 'attachment', 'a-1.txt', 'a.txt', 'text/plain', 1, 'k', now()) returning id"
    )
    attach = {
        "name": "addAttachments",
        "title": "",
        "arguments": {"attachments": [{"url": url, "name": "a.txt", "content_type": "text/plain"}]},
    }
    await macro(world, actions=[attach, {**attach, "arguments": {"attachments": "?"}}])
    assert (await world.rows("select referenced_datetime from files where account_id = $1"))[0][0] is not None


async def test_messages_written_with_macros_count(world: World) -> None:
    one, two, gone = (await macro(world, "a"))["id"], (await macro(world, "b"))["id"], 10**12
    note = make.note(macros=[{"id": one}, {"id": two}])
    ticket = await make.ticket(world, messages=[make.mail(), note])
    added = await world.lia.post(f"/api/tickets/{ticket['id']}/messages", make.note(macros=[{"id": one}]))
    assert added.status == 201
    await world.lia.post(
        f"/api/tickets/{ticket['id']}/messages", make.note(macros=[{"id": one}], imported=True)
    )
    usage = {item["name"]: item["usage"] for item in (await world.oda.get("/api/macros")).json["data"]}
    assert (usage["a"], usage["b"]) == (2, 1)
    cause = {"ticket_id": ticket["id"], "rule_id": None, "job_id": None}
    first = max(message["id"] for message in ticket["messages"])
    assert await world.events("macro-applied") == [
        ("macro-applied", "Macro", one, {**cause, "message_id": first}),
        ("macro-applied", "Macro", two, {**cause, "message_id": first}),
        ("macro-applied", "Macro", one, {**cause, "message_id": added.json["id"]}),
    ]
    await world.leo.put("/api/macros/archive", {"ids": [two]})
    wrong = make.note(macros=[{"id": one}, {"id": two}, {"id": gone}])
    problem = {"macros": {"1": {"id": ["The macro is archived."]}, "2": {"id": ["Does not exist."]}}}
    refused = await world.lia.post(f"/api/tickets/{ticket['id']}/messages", wrong)
    assert refused.json["error"] == {"msg": "Failed to create ticket message", "data": problem}
    refused = await world.lia.post("/api/tickets", {"messages": [make.mail(), wrong]})
    assert refused.json["error"]["data"] == {"messages": {"1": problem}}
