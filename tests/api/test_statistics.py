"""`/api/stats/{name}` and `/download`."""

import datetime
import json
from typing import Any

import pytest

from polus.base import clock
from polus.desk.statistics import legacy
from tests.api.test_reporting import shop
from tests.world import World

PERIOD = {"start_datetime": "2026-03-02T00:00:00+01:00", "end_datetime": "2026-03-09T00:00:00+01:00"}


async def ask(world: World, name: str, **filters: Any) -> Any:
    answer = await world.oda.post(f"/api/stats/{name}", {"filters": {"period": PERIOD, **filters}})
    assert answer.status == 201, answer.raw
    return answer.json["data"]


async def sheet(world: World, name: str) -> Any:
    return await world.oda.post(f"/api/stats/{name}/download", {"filters": {"period": PERIOD}})


def values(told: Any) -> list[list[Any]]:
    return [[cell["value"] for cell in line] for line in told["data"]["lines"]]


async def test_periods_keep_their_offset(world: World) -> None:
    answer = await world.oda.post("/api/stats/overview", {"filters": {"period": PERIOD}})
    assert answer.json["meta"] == {
        **PERIOD,
        "previous_start_datetime": "2026-02-23T00:00:00+01:00",
        "previous_end_datetime": "2026-03-02T00:00:00+01:00",
    }
    now = datetime.datetime(2026, 3, 9, 12, tzinfo=datetime.UTC)
    with clock.turned(to=now):
        usual = (await world.oda.post("/api/stats/overview", {"filters": {}})).json["meta"]
    length = datetime.datetime.fromisoformat(usual["end_datetime"]) - datetime.datetime.fromisoformat(
        usual["start_datetime"]
    )
    assert length == datetime.timedelta(days=7)


async def test_figures(world: World) -> None:
    await shop(world)
    assert await ask(world, "total-tickets-created") == {
        "data": {"value": 3, "delta": None},
        "label": "Tickets created",
    }
    overview = await ask(world, "overview")
    assert [(one["name"], one["type"], one["value"]) for one in overview["data"]] == [
        ("total-tickets-created", "number", 3),
        ("total-tickets-replied", "number", 2),
        ("total-tickets-closed", "number", 2),
        ("total-messages-sent", "number", 2),
        ("total-messages-received", "number", 3),
        ("median-first-response-time", "duration", 5400),
        ("median-resolution-time", "duration", 7200),
        ("total-one-touch-tickets", "number", 1),
    ]
    assert (await ask(world, "total-tickets-created", channels=["chat"]))["data"]["value"] == 1
    assert (await ask(world, "total-tickets-created", score=[4, 5]))["data"]["value"] == 1
    assert (await ask(world, "total-tickets-created", agents=[]))["data"]["value"] == 3
    assert (await ask(world, "total-tickets-created", campaigns=["spring"]))["data"]["value"] == 0
    surveys = await ask(world, "satisfaction-surveys")
    assert [(one["name"], one["value"]) for one in surveys["data"]] == [
        ("surveys-sent", 1), ("response-rate", 100), ("average-rating", 4),
        ("1", 0), ("2", 0), ("3", 0), ("4", 100), ("5", 0),
    ]  # fmt: skip


async def test_growth_is_told_in_percent(world: World) -> None:
    await shop(world)
    later = {"start_datetime": "2026-03-04T00:00:00Z", "end_datetime": "2026-03-06T00:00:00Z"}
    told = await ask(world, "total-tickets-created", period=later)
    assert told["data"] == {"value": 1, "delta": -50}


async def test_lines(world: World) -> None:
    await shop(world)
    told = await ask(world, "support-volume")
    monday = int(datetime.datetime(2026, 3, 1, 23, tzinfo=datetime.UTC).timestamp())
    assert told == {
        "data": {
            "axes": {"x": [monday + day * 86400 for day in range(7)], "y": []},
            "lines": [
                {"name": "created", "data": [1, 1, 1, 0, 0, 0, 0]},
                {"name": "replied", "data": [1, 1, 0, 0, 0, 0, 0]},
                {"name": "closed", "data": [1, 0, 1, 0, 0, 0, 0]},
            ],
        },
        "label": "Support volume",
        "legend": {"axes": {"x": "Creation date", "y": "Number of tickets"}},
    }
    times = await ask(world, "first-response-time")
    assert [line["name"] for line in times["data"]["lines"]] == ["50%", "90%"]
    assert times["data"]["lines"][1]["data"][:3] == [3600, 7200, None]
    channels = await ask(world, "tickets-created-per-channel-per-day")
    assert {line["name"]: sum(line["data"]) for line in channels["data"]["lines"]} == {"email": 2, "chat": 1}
    agents = await ask(world, "tickets-closed-per-agent-per-day")
    assert [(line["name"], line["data"]) for line in agents["data"]["lines"]] == [
        ("Leo Agent", [1, 0, 1, 0, 0, 0, 0])
    ]
    assert (await ask(world, "revenue-per-day"))["data"]["lines"] == []


async def test_orders_after_an_answer_are_revenue(world: World) -> None:
    await shop(world)
    orders = [
        # Answered on Monday at 11 and Tuesday at 12, Berlin's time; the last hour of Tuesday there is Tuesday.
        {"created_at": "2026-03-03T22:30:00Z", "total_price": "10.50", "currency": "EUR"},
        {"created_at": "2026-03-03T23:30:00Z", "total_price": "4", "currency": "eur"},
        {"created_at": "2026-03-07T09:00:00+01:00", "total_price": "7", "currency": "USD"},
        {"created_at": "2026-03-08T12:00:00Z", "total_price": "99", "currency": "EUR"},
        {"created_at": "2026-03-02T09:00:00Z", "total_price": "99", "currency": "EUR"},
        {"created_at": "soon", "total_price": "99", "currency": "EUR"},
        {"created_at": "2026-03-04T09:00:00Z", "total_price": "NaN", "currency": "EUR"},
    ]
    kept = json.dumps({"7": {"orders": orders}, "8": "nothing", "9": {"orders": {}}})
    await world.rows("update customers set integrations = $2::jsonb where account_id = $1 returning id", kept)
    lines = (await ask(world, "revenue-per-day"))["data"]["lines"]
    assert lines == [
        {"name": "EUR", "data": [0, 10.5, 4, 0, 0, 0, 0]},
        {"name": "USD", "data": [0, 0, 0, 0, 0, 7, 0]},
    ]
    assert (await ask(world, "revenue-per-day", channels=["chat"]))["data"]["lines"] == []
    text = (await sheet(world, "revenue-per-day")).raw.decode().split("\r\n")
    assert text[:3] == ["date,EUR,USD", "2026-03-02,0,0", "2026-03-03,10.5,0"]


async def test_tables(world: World) -> None:
    ids = await shop(world)
    hours = values(await ask(world, "tickets-created-per-hour-per-weekday"))
    assert [line[0] for line in hours][:2] == ["Monday", "Tuesday"]
    assert [sum(line[1:]) for line in hours] == [1, 1, 1, 0, 0, 0, 0]
    assert hours[0][1 + 10] == 1
    channels = await ask(world, "tickets-created-per-channel")
    assert channels["data"]["axes"]["x"] == [
        {"name": "channel", "type": "string"},
        {"name": "total", "type": "number"},
        {"name": "percentage", "type": "percent"},
    ]
    assert values(channels) == [["email", 2, 66.67], ["chat", 1, 33.33]]
    tag = (await world.oda.get("/api/tags")).json["data"][0]["id"]
    assert values(await ask(world, "tickets-per-tag")) == [[{"id": tag, "name": "late"}, 1, 33.33]]
    leo = {"id": world.leo.user_id, "name": "Leo Agent"}
    assert values(await ask(world, "tickets-closed-per-agent")) == [[leo, 2, 100]]
    assert values(await ask(world, "messages-sent-per-macro")) == []
    await world.rows(
        "with m as (insert into macros (account_id, name, created_datetime, updated_datetime)"
        " values ($1, 'Sorry', now(), now()) returning id) update messages set macros ="
        " (select jsonb_build_array(jsonb_build_object('id', id, 'name', 'Sorry')) from m)"
        " where account_id = $1 and from_agent and ticket_id = $2 returning id",
        ids["a"],
    )
    ((macro, count, percent),) = values(await ask(world, "messages-sent-per-macro"))
    assert (macro["name"], count, percent) == ("Sorry", 1, 50)
    latest = values(await ask(world, "latest-satisfaction-surveys"))
    assert latest == [[ids["a"], "Mia Meyer", leo, 4, None, "2026-03-05T00:00:00+00:00"]]


async def test_sheets(world: World) -> None:
    await shop(world)
    await world.rows(
        "update users set name = '=cmd()' where account_id = $1 and name = 'Leo Agent' returning id"
    )
    volume = await sheet(world, "support-volume")
    assert volume.status == 201
    assert volume.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert volume.headers["Content-Disposition"] == (
        'attachment; filename="support-volume_2026-03-02_2026-03-09.csv"'
    )
    assert volume.raw.decode().split("\r\n")[:2] == ["date,created,replied,closed", "2026-03-02,1,1,1"]
    metric = await sheet(world, "total-tickets-created")
    assert metric.raw == b"metric,value,delta\r\ntotal-tickets-created,3,\r\n"
    overview = (await sheet(world, "overview")).raw.decode().split("\r\n")
    assert overview[6] == "median-first-response-time,5400,"
    agents = (await sheet(world, "tickets-closed-per-agent")).raw.decode()
    assert agents == f"agent_id,agent,closed,percentage\r\n{world.leo.user_id},'=cmd(),2,100\r\n"


@pytest.mark.parametrize("name", legacy.STATISTICS)
async def test_every_statistic_answers_an_empty_account(world: World, name: str) -> None:
    assert set(await ask(world, name)) >= {"data", "label"}
    assert (await sheet(world, name)).status == 201


async def test_what_is_wrong_is_told(world: World) -> None:
    for path in ("/api/stats/self-service-overview", "/api/stats/self-service-overview/download"):
        answer = await world.oda.post(path, {"filters": {}})
        assert (answer.status, answer.json) == (
            400,
            {"error": {"msg": 'Statistic "self-service-overview" does not exist'}},
        )
    for filters, told in (
        ({"teams": [1]}, {"teams": ["No such field"]}),
        ({"agents": ["bob"]}, {"agents": {"0": ["Not a valid integer."]}}),
        ({"period": {"start_datetime": "2026-03-02"}}, {"period": {"end_datetime": ["Missing data for required field."]}}),
        ({"period": {**PERIOD, "start_datetime": "soon"}}, {"period": {"start_datetime": ["Not a valid datetime."]}}),
        ({"period": {**PERIOD, "start_datetime": "2026-04-01"}}, {"period": {"end_datetime": ["Must be after start_datetime."]}}),
    ):  # fmt: skip
        answer = await world.oda.post("/api/stats/overview", {"filters": filters})
        assert (answer.status, answer.json["error"]["data"]) == (400, {"filters": told})
    answer = await world.oda.post(
        "/api/stats/overview", {"filters": {"period": {**PERIOD, "start_datetime": "2025-03-01"}}}
    )
    assert answer.json == {"error": {"msg": "Maximum allowed period size is 366 days"}}
    assert (await world.oda.post("/api/stats/overview", {})).status == 400
