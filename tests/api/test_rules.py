"""`/api/rules`."""

import asyncio
from typing import Any

import pytest

from tests import make
from tests.world import World

CODE = """
if (containsAny(message.body_text, ['refund']) && eq(message.from_agent, false)) {
  // money first
  Action('addTags', { tags: 'refund, "odd"' });
} else Action("setStatus", {"status": "closed"})
"""
GONE = 999_999_999


async def rule(world: World, name: str = "Refunds", **more: Any) -> Any:
    made = await world.leo.post("/api/rules", {"name": name, "code": CODE, **more})
    assert made.status == 201, made.raw
    return made.json


async def test_a_rule_is_made_changed_and_deleted(world: World) -> None:
    made = await rule(world, event_types="ticket-created", code_ast={"type": "Lie"})
    path = f"/api/rules/{made['id']}"
    assert made == {
        **made,
        "uri": path + "/",
        "name": "Refunds",
        "description": None,
        "type": "user",
        "code": CODE,
        "event_types": "ticket-created",
        "priority": 1,
        "settings": None,
        "deactivated_datetime": None,
    }
    assert (await world.oda.get(path)).json == made
    # What was read can be sent back.
    same = await world.leo.put(path, made)
    assert (same.status, same.json) == (202, made)
    changed = await world.leo.put(path, {"description": "For June", "priority": "-3", "name": " Returns "})
    assert changed.status == 202
    assert changed.json == {
        **made,
        "description": "For June",
        "priority": -3,
        "name": "Returns",
        "updated_datetime": changed.json["updated_datetime"],
    }
    assert changed.json["updated_datetime"] > made["updated_datetime"]
    assert (await world.leo.delete(path)).status == 204
    assert (await world.oda.get(path)).status == 404
    assert (await world.leo.delete(path)).status == 404
    assert await world.events() == [
        ("rule-created", "Rule", made["id"], {"name": "Refunds"}),
        (
            "rule-updated",
            "Rule",
            made["id"],
            {"description": [None, "For June"], "priority": [1, -3], "name": ["Refunds", "Returns"]},
        ),
        ("rule-deleted", "Rule", made["id"], {"name": "Returns"}),
    ]


async def test_the_tree_has_the_documented_form(world: World) -> None:
    made = await world.leo.post("/api/rules", {"name": "Tree", "code": "\nAction('deleteTicket');"})
    start, end = {"line": 2, "column": 0}, {"line": 2, "column": 22}
    inner = {"start": {"line": 2, "column": 7}, "end": {"line": 2, "column": 21}}
    callee = {
        "type": "Identifier",
        "name": "Action",
        "loc": {"start": start, "end": {"line": 2, "column": 6}},
    }
    literal = {"type": "Literal", "value": "deleteTicket", "raw": "'deleteTicket'", "loc": inner}
    place = {"start": start, "end": end}
    expression = {"type": "CallExpression", "callee": callee, "arguments": [literal], "loc": place}
    assert made.json["code_ast"] == {
        "type": "Program",
        "body": [{"type": "ExpressionStatement", "expression": expression, "loc": place}],
        "sourceType": "script",
        "loc": {"start": start, "end": {"line": 2, "column": 23}},
    }
    assert list(made.json["code_ast"]) == ["type", "body", "sourceType", "loc"]
    new = await world.leo.put(f"/api/rules/{made.json['id']}", {"code": "Action('excludeFromCSAT')"})
    assert new.json["code_ast"]["body"][0]["expression"]["arguments"][0]["value"] == "excludeFromCSAT"
    changes = (await world.events("rule-updated"))[0][3]
    assert changes == {"code": ["\nAction('deleteTicket');", "Action('excludeFromCSAT')"]}


async def test_long_code_is_kept_with_its_deep_tree(world: World) -> None:
    code = "if (" + " || ".join(["eq(ticket.spam,true)"] * 400) + ") Action('deleteTicket')"
    made = await rule(world, code=code)
    assert (await world.leo.put(f"/api/rules/{made['id']}", made)).json == made
    too_long = await world.leo.post("/api/rules", {"name": "Long", "code": CODE + " " * 65_536})
    assert too_long.json["error"]["data"] == {"code": ["Expression too long."]}


async def test_the_longest_chain_is_stored(world: World) -> None:
    code = "if (" + " || ".join(["eq(ticket.spam, true)"] * 2_000) + ") Action('deleteTicket')"
    # Its tree is nested deeper than Python's own reader goes, so the answer is not decoded here.
    async with world.leo.http.post(
        world.leo.url + "/api/rules", json={"name": "Long", "code": code}, headers=world.leo.headers
    ) as response:
        assert response.status == 201
    rows = await world.rows(
        "select code, code_ast::jsonb #>> '{body,0,test,operator}' from rules where account_id = $1"
    )
    assert [tuple(row) for row in rows] == [(code, "||")]


async def test_when_it_runs_is_one_text(world: World) -> None:
    given = " ticket-updated ,ticket-created,, ticket-updated"
    assert (await rule(world, event_types=given))["event_types"] == "ticket-updated,ticket-created"
    made = await rule(world, event_types=["ticket-assigned", "satisfaction-survey-responded"])
    assert made["event_types"] == "ticket-assigned,satisfaction-survey-responded"
    for nothing in ("", " , ", [], None):
        assert (await rule(world, event_types=nothing))["event_types"] is None
    path = f"/api/rules/{made['id']}"
    assert (await world.leo.put(path, {"event_types": ""})).json["event_types"] is None


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({"name": "x"}, {"code": ["Missing data for required field."]}),
        ({"code": CODE}, {"name": ["Missing data for required field."]}),
        ({"name": "  ", "code": CODE}, {"name": ["Shorter than minimum length 1."]}),
        ({"name": "n" * 256, "code": CODE}, {"name": ["Longer than maximum length 255."]}),
        (
            {"name": "x", "code": CODE, "description": "d" * 1025},
            {"description": ["Longer than maximum length 1024."]},
        ),
        (
            {"name": "x", "code": CODE, "event_types": "ticket-created,ticket-eaten"},
            {"event_types": ["Not a valid choice."]},
        ),
        ({"name": "x", "code": CODE, "event_types": [1]}, {"event_types": ["Not a valid string."]}),
        ({"name": "x", "code": CODE, "priority": 1.5}, {"priority": ["Not a valid integer."]}),
        (
            {"name": "x", "code": CODE, "type": "system", "odd": 1},
            {"type": ["No such field"], "odd": ["No such field"]},
        ),
        (
            {"name": "x", "code": ""},
            {"code": ["Syntax error at line 1, column 0: unexpected end of text. Expected a statement."]},
        ),
        ({"name": "x", "code": "Action('a', {})"}, {"code": ["Unknown action 'a' at line 1, column 0."]}),
        (
            {"name": "x", "code": "while (true) {}"},
            {
                "code": [
                    "Syntax error at line 1, column 0: unexpected 'while'. Expected if, Action, '{' or ';'."
                ]
            },
        ),
        (
            {"name": "x", "code": "if (eq(ticket.colour, 1) || is(ticket.id, 1)) Action('http')"},
            {
                "code": [
                    "Unknown field 'ticket.colour' at line 1, column 7.",
                    "Unknown function 'is' at line 1, column 28.",
                    "Action 'http' cannot be used in a rule.",
                ]
            },
        ),
    ],
)
async def test_what_is_wrong_is_told(world: World, body: Any, problems: Any) -> None:
    answer = await world.leo.post("/api/rules", body)
    assert (answer.status, answer.json["error"]["msg"]) == (400, "Failed to create rule")
    assert answer.json["error"]["data"] == problems
    assert (await world.oda.get("/api/rules")).json["data"] == []
    assert await world.events() == []


async def test_what_code_names_must_be_there(world: World) -> None:
    code = f"""
if (eq(ticket.assignee_user.id, {GONE}) && eq(ticket.assignee_team.id, '{GONE}') && eq(ticket.tags.id, {GONE})
  && eq(message.integration_id, {GONE}) && contains(ticket.custom_fields[{GONE}].value, "x")
  && contains(ticket.tags.name, "not yet")) {{
  Action('applyMacro', {{macro: '{GONE}'}}); Action('addTags', {{tags: 'nor this'}});
}}"""
    answer = await world.leo.post("/api/rules", {"name": "Gone", "code": code})
    assert answer.status == 400
    assert answer.json["error"]["data"]["code"] == [
        f"{kind} {GONE} does not exist."
        for kind in ("User", "Team", "Tag", "Integration", "Custom field", "Macro")
    ]
    # A rule that is off may wait for them; only its grammar is looked at.
    off = await world.leo.post(
        "/api/rules", {"name": "Gone", "code": code, "deactivated_datetime": "2026-01-01T00:00:00"}
    )
    assert (off.status, off.json["code"]) == (201, code)
    path = f"/api/rules/{off.json['id']}"
    on = await world.leo.put(path, {"deactivated_datetime": None})
    assert (on.status, list(on.json["error"]["data"])) == (400, ["code"])
    assert (await world.oda.get(path)).json == off.json
    bad = await world.leo.put(path, {"code": "if"})
    assert (bad.status, bad.json["error"]["msg"]) == (400, "Failed to update rule")


async def test_a_tree_alone_is_refused(world: World) -> None:
    made = await rule(world)
    answer = await world.leo.put(f"/api/rules/{made['id']}", {"code_ast": made["code_ast"]})
    assert (answer.status, list(answer.json["error"]["data"])) == (400, ["code_ast"])


async def test_switching_off_and_on(world: World) -> None:
    made = await rule(world)
    path = f"/api/rules/{made['id']}"
    await world.rows(
        "update rules set deactivation_reason = 'It failed.', deactivated_datetime = now()"
        " where account_id = $1 returning 1"
    )
    on = await world.leo.put(path, {"deactivated_datetime": None})
    assert (on.status, on.json["deactivated_datetime"]) == (202, None)
    assert (await world.rows("select deactivation_reason from rules where account_id = $1"))[0][0] is None
    off = await world.leo.put(path, {"deactivated_datetime": "2026-02-03T04:05:06"})
    assert off.json["deactivated_datetime"] == "2026-02-03T04:05:06+00:00"
    kinds = [event[0] for event in await world.events()]
    assert kinds == ["rule-created", "rule-updated", "rule-reactivated", "rule-updated", "rule-deactivated"]


async def test_only_so_many_are_active(world: World) -> None:
    made = await world.ada.post("/api/account/settings", {"type": "limits", "data": {"max_active_rules": 2}})
    assert made.status == 201, made.raw
    off = await rule(world, deactivated_datetime="2026-01-01T00:00:00")
    answers = await asyncio.gather(
        *(world.leo.post("/api/rules", {"name": str(n), "code": CODE}) for n in range(4))
    )
    assert sorted(answer.status for answer in answers) == [201, 201, 409, 409]
    refused = await world.leo.put(f"/api/rules/{off['id']}", {"deactivated_datetime": None})
    assert refused.status == 409
    assert refused.json["error"] == {"msg": "The limit of 2 active rules is reached.", "data": {"limit": 2}}
    await rule(world, "Another that is off", deactivated_datetime="2026-01-01T00:00:00")
    found = (await world.oda.get("/api/rules")).json["data"]
    assert sorted(item["priority"] for item in found) == [1, 2, 3, 4]
    one = next(item for item in found if item["deactivated_datetime"] is None)
    assert (await world.leo.put(f"/api/rules/{one['id']}", {"name": "Still fine"})).status == 202


async def test_without_a_setting_seventy_are_active(world: World) -> None:
    await world.rows(
        "insert into rules (account_id, name, code, code_ast, priority, created_datetime, updated_datetime)"
        " select $1, 'r', $2, '{}', n, now(), now() from generate_series(1, 69) n returning id",
        CODE,
    )
    await rule(world)
    assert (await world.leo.post("/api/rules", {"name": "x", "code": CODE})).status == 409


async def test_priorities(world: World) -> None:
    ids = [(await rule(world, str(n)))["id"] for n in range(3)]
    before = {item["id"]: item for item in (await world.oda.get("/api/rules")).json["data"]}
    wanted = [{"id": ids[0], "priority": "9"}, {"id": ids[1], "priority": 2}]
    refused = await world.leo.post(
        "/api/rules/priorities", {"priorities": [*wanted, {"id": GONE, "priority": 1}]}
    )
    assert refused.status == 400
    assert refused.json["error"]["data"] == {"priorities": {"2": {"id": ["Does not exist."]}}}
    for body in (wanted, {}, {"priorities": wanted, "more": 1}, {"priorities": {}}):
        assert (await world.leo.post("/api/rules/priorities", body)).status == 400
    assert (await world.bea.post("/api/rules/priorities", {"priorities": wanted})).status == 403
    assert {item["id"]: item for item in (await world.oda.get("/api/rules")).json["data"]} == before
    answer = await world.leo.post("/api/rules/priorities", {"priorities": wanted})
    assert answer.status == 202
    assert [(item["id"], item["priority"]) for item in answer.json] == [(ids[1], 2), (ids[2], 3), (ids[0], 9)]
    assert answer.json[0] == before[ids[1]]
    assert answer.json[1] == before[ids[2]]
    assert answer.json[2]["updated_datetime"] > before[ids[0]]["updated_datetime"]
    assert await world.events("rule-priority-updated") == [
        ("rule-priority-updated", "Rule", ids[0], {"priority": [1, 9]})
    ]
    highest = await rule(world, "far", priority=2**63 - 1)
    assert (await rule(world, "next"))["priority"] == highest["priority"]


async def test_rules_are_listed_page_by_page(world: World) -> None:
    ids = [(await rule(world, str(n)))["id"] for n in range(5)]
    assert [item["id"] for item in await world.oda.walk("/api/rules", limit=2)] == ids[::-1]
    ascending = await world.oda.walk("/api/rules", limit=2, order_by="created_datetime:asc")
    assert [item["id"] for item in ascending] == ids
    await world.rows(
        "insert into rules (account_id, name, code, code_ast, priority, created_datetime, updated_datetime,"
        " deactivated_datetime) select $1, 'r', $2, '{}', n, now(), now(), now() from generate_series(1, 100) n"
        " returning id",
        CODE,
    )
    page = (await world.oda.get("/api/rules")).json
    assert (page["uri"], len(page["data"])) == ("/api/rules?", 100)
    assert page["meta"]["next_cursor"]
    for query in ({"limit": 101}, {"limit": 0}, {"order_by": "priority:asc"}, {"odd": 1}):
        assert (await world.oda.get("/api/rules", **query)).status == 400


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ("Action('deleteTicket')", "abc"),
        ("if (true) {}", ""),
        ("if (eq(ticket.status, 'closed')) Action('deleteTicket')", "b"),
        ("if (eq(ticket.status, 'closed')) {} else Action('deleteTicket')", "ac"),
        (
            "if (eq(ticket.status, 'closed')) {} else if (eq(ticket.priority, 'high')) Action('deleteTicket')",
            "c",
        ),
        (
            "if (neq(ticket.status, 'closed')) { if (eq(ticket.priority, 'high')) Action('deleteTicket') }"
            " else if (contains(ticket.subject, 'B')) Action('deleteTicket')",
            "bc",
        ),
        (
            "if (!eq(ticket.customer.email, 'mia@example.com') || isEmpty(ticket.subject)) Action('deleteTicket')",
            "",
        ),
        (
            "if (eq(ticket.status, 'closed')) {} if (contains(ticket.tags.name, 't')) Action('deleteTicket')",
            "a",
        ),
    ],
)
async def test_tickets_that_a_rule_is_for(world: World, code: str, wanted: str) -> None:
    await make.ticket(world, subject="a", tags=[{"name": "t"}])
    await make.ticket(world, subject="b", status="closed")
    await make.ticket(world, subject="c", priority="high")
    made = await rule(world, code=code)
    found = await world.oda.walk("/api/tickets", rule_id=made["id"], limit=2, order_by="created_datetime:asc")
    assert "".join(one["subject"] for one in found) == wanted


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("containsAny(message.body_text, ['second'])", "a"),
        ("contains(message.body_text, 'first')", "b"),
        ("contains(ticket.first_message.body_text, 'first')", "ab"),
        ("contains(ticket.messages.body_text, 'The second one')", "a"),
        ("contains(message.body_text, 'only html')", "c"),
        ("eq(message.from_agent, true)", "a"),
        ("eq(message.public, false)", "a"),
        ("endsWith(message.sender.email, '@example.com')", "bc"),
        ("contains(message.sender.name, 'Agent')", "a"),
        ("eq(message.channel, 'email') && isEmpty(message.receiver.id)", "bc"),
        ("contains(message.source.from.address, 'mia@')", "b"),
        ("!contains(message.body_text, 'first') && isEmpty(message.failed_datetime)", "ac"),
        ("ltTimedelta(message.created_datetime, '1d') && eq(ticket.last_message.from_agent, false)", "bc"),
    ],
)
async def test_tickets_that_a_rule_of_messages_is_for(world: World, condition: str, wanted: str) -> None:
    """The newest message stands for the one that would set the rule off."""
    mail = {"body_text": "The first one", "source": {"type": "email", "from": {"address": "mia@example.com"}}}
    one = await make.ticket(world, subject="a", messages=[make.mail() | mail])
    await world.leo.post(f"/api/tickets/{one['id']}/messages", make.note("The second one"))
    await make.ticket(world, subject="b", messages=[make.mail() | mail])
    html = {"body_text": None, "body_html": "<p>Only HTML</p>", "source": {"type": "email"}}
    await make.ticket(world, subject="c", messages=[make.mail() | html])
    made = await rule(world, code=f"if ({condition}) Action('addTags', {{tags: 'x'}})")
    found = await world.oda.walk("/api/tickets", rule_id=made["id"], limit=2, order_by="created_datetime:asc")
    assert "".join(one["subject"] for one in found) == wanted


async def test_what_no_list_can_be_asked(world: World) -> None:
    made = await rule(world, code="if (eq(message.meta.quick, true)) Action('deleteTicket')")
    refused = await world.oda.get("/api/tickets", rule_id=made["id"])
    assert refused.status == 400
    assert refused.json["error"] == {
        "msg": "Invalid query parameters",
        "data": {"rule_id": ["No list can be asked for 'eq' of 'message.meta.quick'."]},
    }
    many = await rule(
        world, code="if (" + "||".join(["eq(ticket.spam,true)"] * 201) + ") Action('deleteTicket')"
    )
    hours = await rule(world, code="if (duringBusinessHours(ticket.created_datetime)) Action('deleteTicket')")
    for number in (many["id"], hours["id"], GONE):
        assert (await world.oda.get("/api/tickets", rule_id=number)).status == 400
