"""`/api/reporting/stats`."""

import json
from pathlib import Path
from typing import Any

import pytest

from polus.desk.statistics import scopes
from tests import make
from tests import world as worlds
from tests.world import World

PERIOD = [
    {"member": "periodStart", "operator": "afterDate", "values": ["2026-03-02"]},
    {"member": "periodEnd", "operator": "beforeDate", "values": ["2026-03-09T00:00:00"]},
]
VALID = "periodStart, periodEnd, agentId, teamId, agentIdFromTeamId, channel, integrationId, storeId"


def query(scope: str, **more: Any) -> dict[str, Any]:
    filters = PERIOD + more.pop("filters", [])
    return {"query": {"scope": scope, "timezone": "Europe/Berlin", "filters": filters, **more}}


async def ask(world: World, scope: str, **more: Any) -> Any:
    answer = await world.oda.post("/api/reporting/stats", query(scope, **more))
    assert answer.status == 201, answer.raw
    return answer.json["data"]


async def shop(world: World) -> dict[str, int]:
    """A week in March: three tickets of Mia's, moved there in time.

    a: asked on Monday at 10, answered by Leo at 11, closed at 12; a tag; a survey scored 4.
    b: asked on Tuesday at 10, answered after 2 hours by Lia; open. c: asked on Wednesday on chat, closed untouched.
    """
    await make.address(world, f"help@{world.account.domain}.example")
    a = await make.ticket(world, tags=[{"name": "late"}], assignee_user={"id": world.leo.user_id})
    b = await make.ticket(world)
    c = await make.ticket(world, channel="chat")
    for who, ticket in ((world.leo, a), (world.lia, b)):
        said = await who.post(
            f"/api/tickets/{ticket['id']}/messages", make.answer(sender={"id": who.user_id})
        )
        assert said.status == 201, said.raw
    for ticket in (a, c):
        await world.leo.put(f"/api/tickets/{ticket['id']}", {"status": "closed"})
    survey = {"ticket_id": a["id"], "customer_id": a["customer"]["id"]}
    await world.lia.post("/api/satisfaction-surveys", survey)
    for ticket, day, hours in ((a, "2026-03-02", 1), (b, "2026-03-03", 2), (c, "2026-03-04", 0)):
        await world.rows(MOVE, ticket["id"], f"{day}T09:00:00+00:00", str(hours))
        await world.rows(MOVE_EVENTS, ticket["id"], f"{day}T09:00:00+00:00")
        await world.rows(MOVE_TICKET, ticket["id"], f"{day}T09:00:00+00:00")
    await world.rows(
        "update satisfaction_surveys set score = 4, sent_datetime = '2026-03-03T00:00Z',"
        " scored_datetime = '2026-03-05T00:00Z' where account_id = $1 returning id"
    )
    await make.facts(world)
    return {"a": a["id"], "b": b["id"], "c": c["id"]}


MOVE = """
update messages set created_datetime = case when from_agent then $3::text::timestamptz + ($4 || ' hours')::interval
  else $3::text::timestamptz end, sent_datetime = case when from_agent then
  $3::text::timestamptz + ($4 || ' hours')::interval end
where account_id = $1 and ticket_id = $2 returning id
"""
MOVE_EVENTS = """
update events set created_datetime = $3::text::timestamptz + case type when 'ticket-closed' then interval '2 hours'
  else interval '0' end where account_id = $1 and object_type = 'Ticket' and object_id = $2 returning id
"""
MOVE_TICKET = """
update tickets set created_datetime = $3::text::timestamptz, updated_datetime = now(),
  closed_datetime = case when status = 'closed' then $3::text::timestamptz + interval '2 hours' end
where account_id = $1 and id = $2 returning id
"""


async def test_tickets_and_messages_are_counted(world: World) -> None:
    ids = await shop(world)
    leo, lia = world.leo.user_id, world.lia.user_id
    assert await ask(world, "tickets-created") == [{"ticketCount": 3}]
    assert await ask(world, "tickets-created", dimensions=["channel"]) == [
        {"channel": "chat", "ticketCount": 1},
        {"channel": "email", "ticketCount": 2},
    ]
    assert await ask(world, "tickets-closed", dimensions=["ticketId", "agentId"]) == [
        {"ticketId": ids["a"], "agentId": leo, "ticketCount": 1},
        {"ticketId": ids["c"], "agentId": leo, "ticketCount": 1},
    ]
    assert await ask(world, "tickets-open", dimensions=["ticketId"]) == [
        {"ticketId": ids["b"], "ticketCount": 1}
    ]
    assert await ask(world, "workload-tickets") == [{"ticketCount": 1}]
    assert await ask(world, "tickets-replied", dimensions=["agentId"], order=[["agentId", "desc"]]) == [
        {"agentId": max(leo, lia), "ticketCount": 1},
        {"agentId": min(leo, lia), "ticketCount": 1},
    ]
    assert await ask(world, "one-touch-tickets", dimensions=["ticketId"]) == [
        {"ticketId": ids["a"], "ticketCount": 1}
    ]
    assert await ask(world, "zero-touch-tickets", dimensions=["ticketId"]) == [
        {"ticketId": ids["c"], "ticketCount": 1}
    ]
    assert await ask(world, "messages-sent") == [{"messagesCount": 2}]
    assert await ask(world, "messages-received") == [{"messagesCount": 3}]
    assert await ask(world, "messages-per-ticket") == [{"averageMessagesCount": 1.5}]


async def test_times_are_seconds(world: World) -> None:
    ids = await shop(world)
    first = {"medianFirstResponseTime": 5400, "averageFirstResponseTime": 5400}
    assert await ask(world, "first-response-time") == [first]
    assert await ask(world, "human-first-response-time") == [first]
    assert await ask(
        world, "first-response-time", dimensions=["ticketId"], measures=["medianFirstResponseTime"]
    ) == [
        {"ticketId": ids["a"], "medianFirstResponseTime": 3600},
        {"ticketId": ids["b"], "medianFirstResponseTime": 7200},
    ]
    assert await ask(world, "response-time") == [{"medianResponseTime": 5400}]
    assert await ask(world, "resolution-time") == [
        {"medianResolutionTime": 7200, "averageResolutionTime": 7200}
    ]


async def test_surveys_tags_and_values(world: World) -> None:
    ids = await shop(world)
    assert await ask(world, "satisfaction-surveys") == [
        {
            "scoredSurveysCount": 1,
            "averageSurveyScore": 4,
            "satisfactionScore": 100,
            "responseRate": 100,
            "sentSurveysCount": 1,
        }
    ]
    tags = (await world.oda.get("/api/tags")).json["data"]
    assert await ask(world, "tags", dimensions=["tagId"]) == [{"tagId": tags[0]["id"], "ticketCount": 1}]
    field = await world.leo.post(
        "/api/custom-fields",
        {
            "object_type": "Ticket",
            "label": "Reason",
            "definition": {"data_type": "text", "input_settings": {"input_type": "input"}},
        },
    )
    await world.lia.put(f"/api/tickets/{ids['a']}/custom-fields/{field.json['id']}", "Late::Lost")
    await world.rows(MOVE_EVENTS, ids["a"], "2026-03-06T09:00:00+00:00")
    await make.facts(world)
    by = [{"member": "customFieldId", "operator": "one-of", "values": [str(field.json["id"])]}]
    assert await ask(world, "ticket-fields", filters=by, dimensions=["customFieldValue"]) == [
        {"customFieldValue": "Late::Lost", "ticketCount": 1}
    ]
    assert await ask(world, "ticket-fields", filters=by, time_dimensions=[
        {"dimension": "updatedDatetime", "granularity": "week"}
    ]) == [{"updatedDatetime": "2026-03-02T00:00:00+01:00", "ticketCount": 1}]  # fmt: skip
    for values, count in ((["Late"], 1), (["Late::Lost"], 1), (["Lat"], 0)):
        value = {"custom_field_id": field.json["id"], "operator": "one-of", "values": values}
        narrowed = [{"member": "customFields", "values": [value]}]
        assert await ask(world, "tickets-created", filters=narrowed) == [{"ticketCount": count}]


async def test_filters_narrow(world: World) -> None:
    ids = await shop(world)
    tag = (await world.oda.get("/api/tags")).json["data"][0]["id"]
    team = await world.leo.post("/api/teams", {"name": "Night", "members": [{"id": world.lia.user_id}]})
    for one, count in (
        ({"member": "channel", "operator": "one-of", "values": ["email"]}, 2),
        ({"member": "channel", "operator": "not-one-of", "values": ["email"]}, 1),
        ({"member": "channel", "operator": "one-of", "values": []}, 3),
        ({"member": "agentId", "operator": "one-of", "values": [str(world.leo.user_id)]}, 1),
        ({"member": "agentId", "operator": "set", "values": []}, 1),
        ({"member": "agentId", "operator": "set", "values": ["false"]}, 2),
        ({"member": "agentId", "operator": "not-one-of", "values": [world.leo.user_id]}, 2),
        ({"member": "score", "operator": "one-of", "values": [4, 5]}, 1),
        ({"member": "accuracy", "operator": "one-of", "values": [4]}, 0),
        ({"member": "storeId", "operator": "not-one-of", "values": [4]}, 3),
        ({"member": "tags", "values": [{"operator": "one-of", "values": [tag, 99]}]}, 1),
        ({"member": "tags", "values": [{"operator": "all-of", "values": [tag, 99]}]}, 0),
        ({"member": "tags", "values": [{"operator": "all-of", "values": [tag, tag]}]}, 1),
        ({"member": "tags", "values": [{"operator": "not-one-of", "values": [tag]}]}, 2),
        ({"member": "channel", "operator": "all-of", "values": ["chat"]}, 1),
    ):
        assert await ask(world, "tickets-created", filters=[one]) == [{"ticketCount": count}], one
    by_team = {"member": "agentIdFromTeamId", "operator": "one-of", "values": [team.json["id"]]}
    assert await ask(world, "messages-sent", filters=[by_team]) == [{"messagesCount": 1}]
    await world.leo.put(f"/api/tickets/{ids['a']}", {"spam": True})
    assert await ask(world, "tickets-created") == [{"ticketCount": 2}]


async def test_buckets_have_no_gaps(world: World) -> None:
    await shop(world)
    days = [{"dimension": "createdDatetime", "granularity": "day"}]
    rows = await ask(world, "tickets-created", time_dimensions=days)
    assert [row["ticketCount"] for row in rows] == [1, 1, 1, 0, 0, 0, 0]
    assert rows[0]["createdDatetime"] == "2026-03-02T00:00:00+01:00"
    assert await ask(world, "tickets-created", time_dimensions=days, dimensions=["channel"]) == [
        {"channel": "email", "createdDatetime": "2026-03-02T00:00:00+01:00", "ticketCount": 1},
        {"channel": "email", "createdDatetime": "2026-03-03T00:00:00+01:00", "ticketCount": 1},
        {"channel": "chat", "createdDatetime": "2026-03-04T00:00:00+01:00", "ticketCount": 1},
    ]
    snapshots = await ask(
        world, "tickets-open", time_dimensions=[{"dimension": "periodStart", "granularity": "day"}]
    )
    assert [row["ticketCount"] for row in snapshots] == [0, 1, 1, 1, 1, 1, 1]
    closed = await ask(
        world, "tickets-closed", time_dimensions=[{"dimension": "createdDatetime", "granularity": "month"}]
    )
    assert closed == [{"createdDatetime": "2026-03-01T00:00:00+01:00", "ticketCount": 2}]
    first = await ask(
        world,
        "first-response-time",
        measures=["medianFirstResponseTime"],
        time_dimensions=[{"dimension": "periodStart", "granularity": "day"}],
    )
    assert [row["medianFirstResponseTime"] for row in first] == [3600, 7200, None, None, None, None, None]


async def test_days_of_changing_clocks_have_their_hours(world: World) -> None:
    body = query("messages-sent", time_dimensions=[{"dimension": "sentDatetime", "granularity": "hour"}])
    for day, after, hours in (("2026-03-29", "2026-03-30", 23), ("2025-10-26", "2025-10-27", 25)):
        body["query"]["filters"] = [
            {"member": "periodStart", "operator": "inDateRange", "values": [day, after]}
        ]
        rows = (await world.oda.post("/api/reporting/stats", body, limit=100)).json["data"]
        assert len({row["sentDatetime"] for row in rows}) == hours


async def test_pages(world: World) -> None:
    await shop(world)
    body = query("tickets-created", dimensions=["ticketId"], order=[["ticketId", "desc"]])
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (
            await world.oda.post(
                "/api/reporting/stats", body, limit=2, **({"cursor": cursor} if cursor else {})
            )
        ).json
        assert (page["object"], page["uri"]) == ("list", "/api/reporting/stats")
        assert page["meta"] | {"prev_cursor": 0, "next_cursor": 0} == {
            "scope": "tickets-created", "total": 3, "offset": len(seen), "limit": 2, "prev_cursor": 0, "next_cursor": 0,
        }  # fmt: skip
        assert (page["meta"]["prev_cursor"] is None) == (not seen)
        seen += [row["ticketId"] for row in page["data"]]
        cursor = page["meta"]["next_cursor"]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 3
    for cursor in ("x", "!!!", "WyJwcmV2IiwgMV0="):
        assert (await world.oda.post("/api/reporting/stats", body, cursor=cursor)).status == 400
    assert (await world.oda.post("/api/reporting/stats", body, limit=10_001)).status == 400


@pytest.mark.thorough
@pytest.mark.parametrize("name", scopes.table())
async def test_every_scope_answers_with_everything_it_knows(world: World, name: str) -> None:
    scope = scopes.table()[name]
    needed = (
        [{"member": "customFieldId", "operator": "one-of", "values": [1]}] if name == "ticket-fields" else []
    )
    (row,) = await ask(world, name, filters=needed)
    assert row == {measure.name: measure.empty for measure in scope.measures.values()}
    for dimension in scope.dimensions:
        assert await ask(world, name, filters=needed, dimensions=[dimension]) == []
    for time in scope.times:
        times = [{"dimension": time, "granularity": "week"}]
        assert len(await ask(world, name, filters=needed, time_dimensions=times)) <= 1
    for member, kind in scope.members.items():
        for operator in scopes.OPERATORS[kind]:
            values: list[Any] = {"date": ["2026-03-01", "2026-03-02"], "flag": ["true"]}.get(kind, [1])
            values = values[:1] if operator in ("afterDate", "beforeDate") else values
            values = [] if operator == "set" else values
            one = {"member": member, "operator": operator, "values": values}
            await ask(world, name, filters=[*needed, one])


ATTEND = """
with present as (insert into presences values ($1, $2, '2026-03-02T08:00Z', '2026-03-02T09:00Z')),
promised as (insert into ticket_slas (account_id, ticket_id, metric, policy_id, attached_datetime, target_seconds,
  within_hours, achieved_datetime) values ($1, $3, 'resolution', 1, '2026-03-02T09:00Z', 60, false, '2026-03-02T09:00Z'))
insert into handlings values ($1, $3, $2, '2026-03-02T10:00Z', '2026-03-02T10:05Z') returning user_id
"""


# What an app may tell of tickets a, b and c; all kinds.
TOLD: list[dict[str, Any]] = [
    {"kind": "interaction", "outcome": "automated", "feature": "ai-agent", "ticket_id": "a"},
    {"kind": "interaction", "outcome": "automated", "feature": "ai-agent", "ticket_id": "c", "ai_agent_role": "sales"},
    {"kind": "interaction", "outcome": "handover", "feature": "ai-agent", "ticket_id": "b"},
    {"kind": "interaction", "outcome": "dropped", "feature": "flow", "flow_id": "f"},
    {"kind": "recommendation", "interaction_id": "1", "product_id": "p", "ticket_id": "c"},
    {"kind": "discount", "code_offered": "A", "ticket_id": "c"},
    {"kind": "order", "order_id": "7", "total_amount": 9.5, "currency": "EUR", "product_ids": ["p"]},
    {"kind": "resource-use", "interaction_id": "1", "resource_type": "article", "resource_source_id": "x"},
    {"kind": "qa-review", "ticket_id": "a", "accuracy": 4},
]  # fmt: skip


def told(ids: dict[str, int]) -> dict[str, Any]:
    """The body that tells it."""
    facts = []
    for place, one in enumerate(TOLD):
        fact = {**one, "external_id": str(place), "datetime": "2026-03-04T12:00:00Z"}
        facts.append(fact | ({"ticket_id": ids[one["ticket_id"]]} if "ticket_id" in one else {}))
    return {"facts": facts}


@pytest.mark.thorough
async def test_every_dimension_of_filled_scopes_works(world: World) -> None:
    ids = await shop(world)
    assert (await world.bea.post("/api/_polus/reporting/facts", told(ids))).status == 201
    await world.rows(ATTEND, world.leo.user_id, ids["a"])
    await world.rows(
        "insert into voice_calls (account_id, integration_id, external_id, provider, status, direction,"
        " created_datetime, duration, last_answered_by_agent_id, termination_status)"
        " values ($1, 1, 'CA1', 'twilio', 'completed', 'inbound', '2026-03-03T10:00Z', 60, $2, 'answered') returning id",
        world.leo.user_id,
    )
    await world.rows(
        "insert into voice_call_events (account_id, type, call_id, user_id, created_datetime) select $1,"
        " 'phone-call-answered', id, $2, '2026-03-03T10:00:10Z' from voice_calls where account_id = $1 returning id",
        world.leo.user_id,
    )
    for name, scope in scopes.table().items():
        for dimension in scope.dimensions if name != "ticket-fields" else ():
            rows = await ask(world, name, dimensions=[dimension])
            assert rows, (name, dimension)
            assert all(dimension in row for row in rows), (name, dimension)
    assert await ask(
        world, "voice-calls", dimensions=["callDirection", "duration"], measures=["inboundCallsCount"]
    ) == [{"callDirection": "inbound", "duration": 60, "inboundCallsCount": 1}]
    assert await ask(
        world,
        "voice-calls",
        dimensions=["createdDatetime"],
        measures=["voiceCallsCount"],
        time_dimensions=[{"dimension": "createdDatetime", "granularity": "day"}],
        order=[["createdDatetime", "desc"]],
    ) == [
        {
            "createdDatetime": "2026-03-03T10:00:00+00:00",
            "createdDatetime.day": "2026-03-03T00:00:00+01:00",
            "voiceCallsCount": 1,
        }
    ]
    by = [{"member": "isAnsweredByAgent", "operator": "one-of", "values": ["true"]}]
    assert await ask(world, "voice-calls", filters=by, measures=["inboundAnsweredCallsCount"]) == [
        {"inboundAnsweredCallsCount": 1}
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"measures": ["x"]}, {"measures": ["Unknown measure 'x' for scope 'tickets-created'. Valid measures: ticketCount."]}),
        ({"dimensions": ["score"]}, {"dimensions": [
            "Unknown dimension 'score' for scope 'tickets-created'. Valid dimensions: ticketId, agentId, channel,"
            " integrationId, storeId."]}),
        ({"timezone": "Mars/Base"}, {"timezone": ["Not a valid choice."]}),
        ({"time_dimensions": [{"dimension": "sentDatetime", "granularity": "day"}]}, {"time_dimensions": [
            "Unknown time dimension 'sentDatetime' for scope 'tickets-created'. Valid time dimensions:"
            " createdDatetime, periodStart."]}),
        ({"order": [["agentId", "asc"]]}, {"order": [
            "Unknown order name 'agentId' for scope 'tickets-created'. Valid order names: ticketCount."]}),
        ({"filters": [{"member": "agentId", "operator": "contains", "values": ["1"]}]}, {"filters": {"2": [
            "Operator 'contains' is not allowed for 'agentId'. Valid operators: one-of, not-one-of, set."]}}),
        ({"filters": [{"member": "agentId", "operator": "one-of", "values": ["bob"]}]},
         {"filters": {"2": ["Not a valid integer."]}}),
        ({"filters": [{"member": "tags", "values": ["1"]}]}, {"filters": {"2": ["Invalid type."]}}),
        ({"measures": "ticketCount"}, {"measures": ["Invalid type."]}),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told_with_what_would_be_right(world: World, change: Any, told: Any) -> None:
    answer = await world.oda.post("/api/reporting/stats", query("tickets-created", **change))
    assert (answer.status, answer.json["error"]) == (400, {"msg": "Invalid query", "data": {"query": told}})


async def test_scope_and_period_are_needed(world: World) -> None:
    answer = await world.oda.post("/api/reporting/stats", query("revenue"))
    (told,) = answer.json["error"]["data"]["query"]["scope"]
    assert told == f"Unknown scope 'revenue'. Valid scopes: {', '.join(scopes.table())}."
    for filters, said in (
        (PERIOD[:1], ["Filters periodStart and periodEnd are required."]),
        (
            [{**PERIOD[0], "values": ["2026-03-10"]}, PERIOD[1]],
            ["The end of the period must be after its start."],
        ),
        ([{**PERIOD[0], "values": ["yesterday"]}, PERIOD[1]], {"0": ["Not a valid datetime."]}),
        ([PERIOD[0], {**PERIOD[1], "values": ["9999-12-31"]}], {"1": ["Not a valid datetime."]}),
    ):
        body = {"query": {"scope": "tags", "timezone": "UTC", "filters": filters}}
        refused = await world.oda.post("/api/reporting/stats", body)
        assert refused.json["error"]["data"] == {"query": {"filters": said}}
    for begin, status in (("2025-03-08", 201), ("2025-03-07", 400)):
        body = {
            "query": {
                "scope": "tags",
                "timezone": "UTC",
                "filters": [{**PERIOD[0], "values": [begin]}, PERIOD[1]],
            }
        }
        answer = await world.oda.post("/api/reporting/stats", body)
        assert answer.status == status
    assert json.loads(answer.raw)["error"] == {"msg": "Maximum allowed period size is 366 days"}
    fields = await world.oda.post("/api/reporting/stats", query("ticket-fields"))
    told = fields.json["error"]["data"]["query"]["filters"]
    assert told == ["Filter customFieldId is required for scope ticket-fields."]
    assert (await world.oda.post("/api/reporting/stats", {})).json["error"]["data"] == {
        "query": ["Missing data for required field."]
    }


async def test_other_accounts_are_not_counted(world: World, database: Any, http: Any, url: str) -> None:
    other = await worlds.make(database, http, url)
    await shop(other)
    for name, scope in scopes.table().items():
        needed = (
            [{"member": "customFieldId", "operator": "one-of", "values": [1]}]
            if name == "ticket-fields"
            else []
        )
        (row,) = await ask(world, name, filters=needed)
        assert row == {measure.name: measure.empty for measure in scope.measures.values()}


def test_the_documentation_tells_what_is_computed() -> None:
    text = (Path(__file__).parents[2] / "docs/resources/statistics.md").read_text()
    for scope in scopes.table().values():
        computed, missing = (
            " ".join(f"`{m.name}`" for m in scope.measures.values() if bool(m.how) == how)
            for how in (True, False)
        )
        assert f"| `{scope.name}` | {computed} | {missing} |" in text, scope.name
