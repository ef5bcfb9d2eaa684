"""`/api/jobs`, and what the worker makes of them."""

import asyncio
import csv
import datetime
import io
import json
from typing import Any

import pytest

from polus.base import clock
from polus.desk.accounts import Book
from polus.desk.jobs import running
from polus.reactions.jobs import Jobs
from polus.store.queue import Queue
from tests import make
from tests.world import Client, World

SCHEDULE = "2040-01-01T00:00:00+00:00"


async def work(world: World) -> None:
    """Let the worker do all that is due."""
    await Queue(
        world.database, Jobs(world.database, Book(world.database, "http://polus.example")).lane()
    ).drain()


async def job(world: World, type: str, params: Any, *, by: Client | None = None, **more: Any) -> Any:
    made = await (by or world.leo).post("/api/jobs", {"type": type, "params": params, **more})
    assert made.status == 201, made.raw
    return made.json


async def look(world: World, made: Any) -> Any:
    found = await world.oda.get(f"/api/jobs/{made['id']}")
    assert found.status == 202
    return found.json


async def done(world: World, type: str, params: Any, *, by: Client | None = None) -> Any:
    """A job that ran, and its end."""
    made = await job(world, type, params, by=by)
    await work(world)
    return await look(world, made)


async def table(world: World, ended: Any) -> list[dict[str, str]]:
    """The rows of an export's file."""
    assert ended["status"] == "done", ended
    there = await world.oda.get(ended["info"]["file_url"])
    assert there.status == 307
    location = there.headers["Location"]
    path = location[location.index("/files/") :]
    async with world.oda.http.get(world.oda.url + path, headers={"Host": world.oda.host}) as response:
        raw = await response.read()
        assert response.status == 200
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


async def stored(
    world: World, sql: str = "select id, status from tickets where account_id = $1 order by id"
) -> Any:
    return [tuple(row) for row in await world.rows(sql)]


async def tickets(world: World, count: int = 2, **more: Any) -> list[int]:
    return [(await make.ticket(world, **more))["id"] for _ in range(count)]


async def test_a_job_is_asked_for_runs_and_ends(world: World) -> None:
    first, second = await tickets(world)
    made = await job(
        world,
        "updateTicket",
        {
            "ticket_ids": [first, second, first, second + 1000],
            "updates": {"status": "closed", "add_tags": ["x"]},
        },
        meta={"note": 1},
    )
    assert made == {
        "id": made["id"],
        "uri": f"/api/jobs/{made['id']}/",
        "type": "updateTicket",
        "status": "pending",
        "params": {
            "ticket_ids": [first, second, first, second + 1000],
            "updates": {"status": "closed", "add_tags": ["x"]},
        },
        "info": {},
        "meta": {"note": 1},
        "user_id": world.leo.user_id,
        "created_datetime": made["created_datetime"],
        **dict.fromkeys(
            [
                "scheduled_datetime",
                "started_datetime",
                "ended_datetime",
                "failed_datetime",
                "locked_datetime",
                "cancel_requested_datetime",
                "cancelled_datetime",
            ]
        ),
    }
    await world.rows("delete from events where account_id = $1 returning 1")
    await work(world)
    ended = await look(world, made)
    assert ended["status"] == "done"
    assert ended["info"] == {
        "progress_count": 3,
        "total_count": 3,
        "error_count": 1,
        "errors": [{"id": second + 1000, "msg": "Does not exist."}],
    }
    assert None not in (ended["started_datetime"], ended["ended_datetime"])
    assert ended["locked_datetime"] is None
    assert await stored(world) == [(first, "closed"), (second, "closed")]
    kinds = [(kind, key) for kind, _, key, _ in await world.events() if kind != "tag-created"]
    each = ["ticket-updated", "ticket-closed", "ticket-tags-added", "ticket-updated"]
    assert kinds == [(kind, first) for kind in each] + [(kind, second) for kind in each]
    rows = await world.rows("select user_id, object_id, context from events where account_id = $1")
    assert {row["user_id"] for row in rows} == {world.leo.user_id}
    contexts = {row["object_id"]: row["context"] for row in rows}
    assert contexts[first] != contexts[second]
    assert (await world.oda.get("/api/jobs", type="updateTicket", status="done")).json["data"] == [ended]
    assert (await world.oda.get("/api/jobs", status="running")).json["data"] == []


async def test_who_may_ask_for_what(world: World) -> None:
    [ticket] = await tickets(world, 1)
    change = {"type": "updateTicket", "params": {"ticket_ids": [ticket], "updates": {"spam": True}}}
    delete = {"type": "deleteTicket", "params": {"ticket_ids": [ticket]}}
    assert (await world.lia.post("/api/jobs", change)).status == 403
    assert (await world.bea.post("/api/jobs", change)).status == 201
    assert (await world.bea.post("/api/jobs", delete)).status == 403
    assert (await world.bea.post("/api/jobs", {"type": "exportMacro", "params": {}})).status == 403
    made = await job(world, "deleteTicket", {"ticket_ids": [ticket]}, scheduled_datetime=None)
    assert (await world.bea.delete(f"/api/jobs/{made['id']}")).status == 403


@pytest.mark.parametrize(
    ("type", "params", "field"),
    [
        ("updateTicket", {"ticket_ids": [1]}, "updates"),
        ("updateTicket", {"updates": {"spam": True}}, "ticket_ids"),
        ("updateTicket", {"ticket_ids": [1], "updates": {"messages": []}}, "updates"),
        # The workspace's own.
        ("updateTicket", {"ticket_ids": [1], "updates": {"fill_custom_fields": []}}, "updates"),
        ("updateTicket", {"ticket_ids": [1], "updates": {"customer": {"id": 1}}}, "updates"),
        ("updateTicket", {"ticket_ids": [1], "updates": {"status": "ajar"}}, "updates"),
        ("updateTicket", {"ticket_ids": [1], "updates": {"assignee_user": {"id": 99999999}}}, "updates"),
        ("updateTicket", {"ticket_ids": [1], "updates": {"tags": [{"id": 99999999}]}}, "updates"),
        ("updateTicket", {"ticket_ids": [1], "updates": {"snooze_datetime": "2020-01-01"}}, "updates"),
        (
            "updateTicket",
            {"ticket_ids": [1], "updates": {"custom_fields": [{"id": 9999999, "value": 1}]}},
            "updates",
        ),
        ("deleteTicket", {"ticket_ids": [1], "updates": {}}, "updates"),
        ("deleteTicket", {}, "ticket_ids"),
        ("deleteTicket", {"start_datetime": "2020-01-01"}, "ticket_ids"),
        ("deleteTicket", {"ticket_ids": [0]}, "ticket_ids"),
        ("deleteTicket", {"view_id": 99999999}, "view_id"),
        ("deleteTicket", {"view": {"filters": "eq(ticket.colour, 1)"}}, "view"),
        ("deleteTicket", {"view": {"filters": "eq(ticket"}}, "view"),
        ("deleteTicket", {"view": {"filters": "eq(ticket.assignee_user.id, 99999999)"}}, "view"),
        ("deleteTicket", {"view": {"filters_ast": {}}}, "view"),
        ("deleteTicket", {"view": {"colour": 1}}, "view"),
        ("applyMacro", {"ticket_ids": [1]}, "macro_id"),
        ("applyMacro", {"ticket_ids": [1], "macro_id": 99999999}, "macro_id"),
        ("exportTicket", {}, "ticket_ids"),
        ("exportTicket", {"start_datetime": "2021-01-01", "end_datetime": "2021-01-01"}, "end_datetime"),
        ("exportMacro", {"ticket_ids": [1]}, "ticket_ids"),
        ("importMacro", {}, "url"),
        ("importMacro", {"url": "https://elsewhere.example/a.csv"}, "url"),
        ("exportTicketDrilldown", {}, "context"),
        ("exportTicketDrilldown", {"context": {"metric": "mood"}}, "context"),
        ("exportTicketDrilldown", {"context": {"filters": [{"member": "moon", "values": []}]}}, "context"),
        ("exportTicketDrilldown", {"context": {"scope": "tags", "filters": []}}, "context"),
        ("exportTicketDrilldown", {"context": {"scope": "moods", "filters": 7}}, "context"),
        ("exportMacro", {"colour": 1}, "colour"),
    ],
)
async def test_what_is_wrong_is_told(world: World, type: str, params: Any, field: str) -> None:
    refused = await world.leo.post("/api/jobs", {"type": type, "params": params})
    assert refused.status == 400
    assert refused.json["error"]["msg"] == "Failed to create job"
    assert list(refused.json["error"]["data"]["params"]) == [field]


async def test_an_archived_macro_is_refused(world: World) -> None:
    [ticket] = await tickets(world, 1)
    macro = (await world.leo.post("/api/macros", {"name": "x"})).json["id"]
    await world.leo.put("/api/macros/archive", {"ids": [macro]})
    body = {"type": "applyMacro", "params": {"ticket_ids": [ticket], "macro_id": macro}}
    refused = await world.leo.post("/api/jobs", body)
    assert refused.json["error"]["data"] == {"params": {"macro_id": ["The macro is archived."]}}


async def test_schedule_and_cancel(world: World) -> None:
    [ticket] = await tickets(world, 1)
    params = {"ticket_ids": [ticket], "updates": {"spam": True}}
    soon = (await world.rows("select wire(now() + interval '59 minutes') as t, $1::bigint"))[0]["t"]
    late = (await world.rows("select wire(now() + interval '61 minutes') as t, $1::bigint"))[0]["t"]
    body = {"type": "updateTicket", "params": params}
    refused = await world.leo.post("/api/jobs", {**body, "scheduled_datetime": late})
    assert refused.json["error"]["data"] == {"scheduled_datetime": ["At most 60 minutes ahead."]}
    made = await job(world, "updateTicket", params, scheduled_datetime=soon)
    assert (made["status"], made["scheduled_datetime"]) == ("scheduled", soon)
    await work(world)
    path = f"/api/jobs/{made['id']}"
    assert (await look(world, made))["status"] == "scheduled"
    changed = await world.leo.put(
        path, {**made, "params": {**params, "updates": {"spam": False}}, "meta": {"a": 1}}
    )
    assert (changed.status, changed.json["params"]["updates"]) == (202, {"spam": False})
    assert (await world.leo.put(path, {"status": "done"})).status == 400
    assert (await world.leo.put(path, {"params": {"ticket_ids": [ticket]}})).status == 400
    assert (await world.leo.delete(path)).status == 204
    ended = await look(world, made)
    assert ended["status"] == "canceled"
    assert ended["cancel_requested_datetime"] == ended["cancelled_datetime"] == ended["ended_datetime"]
    assert (await world.leo.delete(path)).status == 204
    assert await look(world, made) == ended
    assert (await world.leo.put(path, {"params": params})).status == 409
    assert (await world.leo.put(path, {"scheduled_datetime": None})).status == 409
    assert (await world.leo.put(path, {"meta": {"b": 2}})).json["meta"] == {"b": 2}
    assert (await world.leo.put(path, {"status": "pending"})).status == 400
    assert (await world.leo.get("/api/jobs/99999999")).status == 404
    assert (await world.leo.delete("/api/jobs/99999999")).status == 404
    assert (await world.leo.put("/api/jobs/99999999", {"status": 7})).status == 404


async def test_a_scheduled_job_starts_now_when_it_is_told(world: World) -> None:
    [ticket] = await tickets(world, 1)
    soon = (await world.rows("select wire(now() + interval '9 minutes') as t, $1::bigint"))[0]["t"]
    params = {"ticket_ids": [ticket], "updates": {"spam": True}}
    made = await job(world, "updateTicket", params, scheduled_datetime=soon)
    assert (await world.leo.put(f"/api/jobs/{made['id']}", {"status": "pending"})).json["status"] == "pending"
    await work(world)
    assert (await look(world, made))["status"] == "done"


async def test_cancelling_while_it_runs_stops_after_the_step_at_hand(world: World) -> None:
    ids = await tickets(world, 3)
    made = await job(world, "updateTicket", {"ticket_ids": ids, "updates": {"status": "closed"}})
    lane = Jobs(world.database, Book(world.database, "http://polus.example"), turn=0)
    key = (world.account.id, made["id"])
    lane._sizes[key] = 1
    await lane.run(key)
    await lane.run(key)
    running_ = await look(world, made)
    assert (running_["status"], running_["info"]["progress_count"]) == ("running", 1)
    assert running_["locked_datetime"] is not None
    assert (await world.leo.put(f"/api/jobs/{made['id']}", {"params": made["params"]})).status == 202
    stopped = await world.leo.put(f"/api/jobs/{made['id']}", {"status": "canceled"})
    assert stopped.json["status"] == "cancel_requested"
    await work(world)
    ended = await look(world, made)
    assert (ended["status"], ended["locked_datetime"]) == ("canceled", None)
    assert ended["cancelled_datetime"] == ended["ended_datetime"]
    assert [status for _, status in await stored(world)] == ["closed", "open", "open"]


async def test_two_of_an_account_run_at_a_time(world: World) -> None:
    ids = await tickets(world, 2)
    params = {"ticket_ids": ids, "updates": {"spam": True}}
    made = [await job(world, "updateTicket", params) for _ in range(3)]
    lane = Jobs(world.database, Book(world.database, "http://polus.example"), turn=0)
    for one in made:
        await lane.run((world.account.id, one["id"]))
    assert [(await look(world, one))["status"] for one in made] == ["running", "running", "pending"]
    async with world.database.pool.acquire() as db:
        assert [key for key in await running.due(db, 9) if key[0] == world.account.id] == [
            (world.account.id, one["id"]) for one in made[:2]
        ]
    await work(world)
    assert [(await look(world, one))["status"] for one in made] == ["done"] * 3


async def test_a_run_that_fails_comes_again_and_at_last_gives_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    [ticket] = await tickets(world, 1)
    made = await job(world, "updateTicket", {"ticket_ids": [ticket], "updates": {"spam": True}})

    async def break_down(*_: Any) -> Any:
        raise RuntimeError

    whole = running.KINDS["updateTicket"]
    broken = running.Kind(whole.begin, break_down, whole.end)
    monkeypatch.setitem(running.KINDS, "updateTicket", broken)  # type: ignore[arg-type]
    waits = []
    for _ in range(4):
        await work(world)
        seen = await look(world, made)
        waits.append((seen["status"], await stored(world, "select attempts from jobs where account_id = $1")))
        await world.rows("update jobs set due_datetime = now() where account_id = $1 returning 1")
    assert waits == [
        ("errored", [(1,)]),
        ("errored", [(2,)]),
        ("errored", [(3,)]),
        ("fatal_errored", [(3,)]),
    ]
    ended = await look(world, made)
    assert None not in (ended["failed_datetime"], ended["ended_datetime"])
    assert ended["locked_datetime"] is None
    assert await stored(world, "select spam from tickets where account_id = $1") == [(False,)]


async def test_an_errored_job_goes_on_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = await tickets(world, 2)
    made = await job(world, "updateTicket", {"ticket_ids": ids, "updates": {"add_tags": ["once"]}})
    lane = Jobs(world.database, Book(world.database, "http://polus.example"), turn=0)
    key = (world.account.id, made["id"])
    lane._sizes[key] = 1
    await lane.run(key)
    await lane.run(key)
    await world.rows(
        "update jobs set status = 'errored', failed_datetime = now() where account_id = $1 returning 1"
    )
    assert (await world.leo.put(f"/api/jobs/{made['id']}", {"status": "pending"})).json["status"] == "pending"
    await work(world)
    assert (await look(world, made))["info"]["progress_count"] == 2
    assert [key for _, _, key, _ in await world.events("ticket-tags-added")] == ids


async def test_two_workers_do_each_ticket_once(world: World) -> None:
    ids = await tickets(world, 8)
    made = await job(world, "updateTicket", {"ticket_ids": ids, "updates": {"add_tags": ["once"]}})
    lanes = [Jobs(world.database, Book(world.database, "http://polus.example"), turn=0) for _ in range(2)]
    key = (world.account.id, made["id"])
    while (await look(world, made))["status"] != "done":
        for lane in lanes:
            lane._sizes[key] = 1
        await asyncio.gather(*(lane.run(key) for lane in lanes))
    assert sorted(key for _, _, key, _ in await world.events("ticket-tags-added")) == ids
    assert (await look(world, made))["info"]["progress_count"] == 8


async def test_an_errored_export_that_is_cancelled_leaves_nothing(world: World) -> None:
    made = await job(world, "exportTicket", {"ticket_ids": await tickets(world, 2)})
    lane = Jobs(world.database, Book(world.database, "http://polus.example"), turn=0)
    await lane.run((world.account.id, made["id"]))
    await world.rows("update jobs set status = 'errored' where account_id = $1 returning 1")
    assert (await world.leo.delete(f"/api/jobs/{made['id']}")).status == 204
    assert await stored(world, "select count(*) from job_parts where account_id = $1") == [(0,)]
    assert await stored(world, "select status, items from jobs where account_id = $1") == [("canceled", None)]


async def test_a_creator_who_is_gone_ends_the_job(world: World) -> None:
    [ticket] = await tickets(world, 1)
    made = await job(world, "deleteTicket", {"ticket_ids": [ticket]})
    assert (await world.ada.delete(f"/api/users/{world.leo.user_id}")).status == 204
    await work(world)
    ended = await look(world, made)
    assert ended["status"] == "fatal_errored"
    assert ended["info"]["errors"] == [{"id": None, "msg": "Who asked for it is no active user any more."}]
    assert len(await stored(world)) == 1


async def test_tickets_are_deleted_for_good(world: World) -> None:
    first, second, kept = await tickets(world, 3)
    ended = await done(world, "deleteTicket", {"ticket_ids": [first, second, kept + 999]})
    assert (ended["info"]["progress_count"], ended["info"]["error_count"]) == (3, 1)
    assert await stored(world) == [(kept, "open")]
    customer = (await world.oda.get(f"/api/tickets/{kept}")).json["customer"]["id"]
    assert await world.events("ticket-deleted") == [
        ("ticket-deleted", "Ticket", key, {"subject": None, "customer_id": customer})
        for key in (first, second)
    ]


async def test_views_select_tickets(world: World) -> None:
    first, second = await tickets(world)
    spam = (await make.ticket(world, spam=True))["id"]
    await world.lia.put(
        f"/api/tickets/{first}", {"priority": "high", "assignee_user": {"id": world.leo.user_id}}
    )
    filters = "eq(ticket.assignee_user.id, '{{current_user.id}}')"
    ended = await done(world, "updateTicket", {"view": {"filters": filters}, "updates": {"status": "closed"}})
    assert ended["info"]["total_count"] == 1
    assert await stored(world) == [(first, "closed"), (second, "open"), (spam, "open")]
    ended = await done(world, "updateTicket", {"view": {}, "updates": {"language": "fr"}})
    assert ended["info"]["total_count"] == 2
    searched = {"view": {"search": '"my parcel" -lamp'}, "updates": {"language": "nl"}}
    assert (await done(world, "updateTicket", searched))["info"]["total_count"] == 2
    never = {"view": {}, "end_datetime": "2001-01-01", "updates": {"language": "de"}}
    assert (await done(world, "updateTicket", never))["info"]["total_count"] == 0


async def test_stored_views_are_those_that_the_creator_sees(world: World) -> None:
    first, second = await tickets(world)
    await world.lia.put(f"/api/tickets/{first}", {"subject": "Parcel"})
    insert = (
        "insert into views (account_id, slug, filters, filters_ast, visibility, owner_id, deactivated_datetime,"
        " created_datetime) values ($1, 'a', $2, '{}', $3, $4, $5, now()) returning id"
    )
    filters = "containsAll(ticket.subject, ['parcel'])"
    [public] = await world.rows(insert, filters, "public", None, None)
    [private] = await world.rows(insert, filters, "private", world.ada.user_id, None)
    [shared] = await world.rows(insert, filters, "shared", None, None)
    change = {"updates": {"status": "closed"}}
    for view, by, status in (
        (public, world.bea, 201),
        (private, world.leo, 400),
        (private, world.ada, 201),
        (shared, world.bea, 400),
        (shared, world.leo, 201),
    ):
        body = {"type": "updateTicket", "params": {"view_id": view[0], **change}}
        assert (await by.post("/api/jobs", body)).status == status
    await work(world)
    assert await stored(world) == [(first, "closed"), (second, "open")]
    await world.rows("update views set deactivated_datetime = now() where account_id = $1 returning 1")
    refused = await world.leo.post(
        "/api/jobs", {"type": "updateTicket", "params": {"view_id": public[0], **change}}
    )
    assert refused.json["error"]["data"] == {"params": {"view_id": ["The view is deactivated."]}}


async def test_tickets_are_exported(world: World) -> None:
    field = {
        "object_type": "Ticket",
        "label": "Reason",
        "definition": {"data_type": "text", "input_settings": {"input_type": "input"}},
    }
    reason = (await world.ada.post("/api/custom-fields", field)).json["id"]
    first = await make.ticket(
        world,
        subject='=1+1, "really"',
        tags=[{"name": "b"}, {"name": "a"}],
        custom_fields=[{"id": reason, "value": "Lost"}],
    )
    second = await make.ticket(world)
    rows = await table(
        world, await done(world, "exportTicket", {"ticket_ids": [second["id"], first["id"], 10**9]})
    )
    assert [int(row["id"]) for row in rows] == [second["id"], first["id"]]
    row = rows[1]
    assert row["subject"] == '\'=1+1, "really"'
    assert (row["tags"], row["spam"], row["priority"], row["messages_count"]) == (
        "a, b",
        "false",
        "normal",
        "1",
    )
    assert (row["customer_email"], row["assignee_team"]) == ("mia@example.com", "")
    assert row["created_datetime"] == first["created_datetime"]
    assert row["field: Reason"] == "Lost"
    assert list(row)[-3:] == ["survey_score", "survey_comment", "field: Reason"]
    since = await done(world, "exportTicket", {"start_datetime": second["created_datetime"]})
    assert [int(row["id"]) for row in await table(world, since)] == [second["id"]]
    assert await stored(world, "select count(*) from job_parts where account_id = $1") == [(0,)]
    assert since["info"]["file_name"].endswith(".csv")
    notices = await world.rows("select recipient, body_text from notices where account_id = $1")
    assert [notice["recipient"] for notice in notices] == [world.leo.email] * 2
    assert since["info"]["file_url"] in notices[1]["body_text"]


async def test_tickets_behind_a_figure_are_exported(world: World) -> None:
    first = await make.ticket(world, channel="email")
    second = await make.ticket(world, channel="chat", messages=[make.mail(), make.mail()])
    context = {
        "channel_connection_external_ids": ["12"],
        "metric": "messagesCount",
        "filters": [
            {"member": "channel", "operator": "one-of", "values": ["email"]},
            {"member": "periodStart", "operator": "afterDate", "values": ["2020-01-01T00:00:00Z"]},
        ],
    }
    rows = await table(world, await done(world, "exportTicketDrilldown", {"context": context}))
    assert [(int(row["ticket_id"]), row["metric_value"]) for row in rows] == [(first["id"], "1")]
    for metric in ("surveyScore", "resolutionTime", "firstResponseTime"):
        rows = await table(world, await done(world, "exportTicketDrilldown", {"context": {"metric": metric}}))
        assert [row["metric_value"] for row in rows] == ["", ""]
    asked = {
        "scope": "messages-received",
        "metric": "messagesCount",
        "timezone": "Europe/Berlin",
        "filters": [{"member": "channel", "operator": "one-of", "values": ["email"]}],
    }
    interval = {"start_datetime": first["created_datetime"], "end_datetime": "2099-01-01T00:00:00"}
    refused = await world.leo.post(
        "/api/jobs", {"type": "exportTicketDrilldown", "params": {"context": asked, **interval}}
    )
    assert refused.json["error"]["data"]["params"]["context"] == ["Maximum allowed period size is 366 days"]
    interval["end_datetime"] = clock.text(clock.now() + datetime.timedelta(days=1))
    rows = await table(world, await done(world, "exportTicketDrilldown", {"context": asked, **interval}))
    # Of the second one's messages those that came by e-mail, as both did.
    told = {int(row["ticket_id"]): row["metric_value"] for row in rows}
    assert told == {first["id"]: "1", second["id"]: "2"}
    empty = await done(world, "exportConvertCampaignSalesDrilldown", {"context": {}})
    assert await table(world, empty) == []


async def upload(world: World, text: str) -> str:
    boundary = "xxBOUNDARYxx"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="m.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\n{text}\r\n--{boundary}--\r\n"
    ).encode()
    made = await world.leo.send(
        "POST",
        "/api/upload",
        body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        type="attachment",
    )
    assert made.status == 201, made.raw
    return made.json[0]["url"]  # type: ignore[no-any-return]


async def test_macros_go_out_and_come_in_again(world: World) -> None:
    actions = [
        {"name": "setResponseText", "title": "A", "type": "user", "arguments": {"body_text": "=Hi, you"}},
        {"name": "addTags", "title": "T", "type": "user", "arguments": {"tags": "a, b"}},
        {
            "name": "setAssignee",
            "title": "U",
            "type": "user",
            "arguments": {"assignee_user": {"id": world.leo.user_id}},
        },
        {"name": "setAssignee", "title": "U", "type": "user", "arguments": {"assignee_user": "x"}},
    ]
    made = await world.leo.post("/api/macros", {"name": "Out", "external_id": "M1", "actions": actions[:3]})
    rows = await table(world, await done(world, "exportMacro", {}))
    [row] = [row for row in rows if row["external_id"] == "M1"]
    assert (row["name"], row["tags"], row["body_text"]) == ("Out", "a, b", "'=Hi, you")
    assert row["assignee_user_email"] == world.leo.email
    assert json.loads(row["actions"]) == actions[:3]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(row))
    writer.writeheader()
    writer.writerow({**row, "name": "Changed"})
    simple = {
        "name": "New",
        "body_text": "'+1",
        "tags": "c",
        "status": "closed",
        "language": "fr-FR",
        "subject": "S",
    }
    writer.writerow({**simple, "assignee_user_email": world.leo.email.upper()})
    writer.writerow({"body_text": "nameless"})
    writer.writerow({"name": "bad", "actions": "[1]"})
    writer.writerow({"name": "bad", "intent": "tea"})
    writer.writerow({"name": "bad", "assignee_team": "Nobody"})
    ended = await done(world, "importMacro", {"url": await upload(world, out.getvalue())})
    assert ended["info"] == {
        "progress_count": 6,
        "total_count": 6,
        "error_count": 4,
        "errors": [
            {"id": 3, "msg": "name: Missing."},
            {"id": 4, "msg": "actions: Not a list of actions with name, title and arguments."},
            {"id": 5, "msg": "intent: Not a valid choice."},
            {"id": 6, "msg": "assignee_team: Does not exist."},
        ],
    }
    changed = (await world.oda.get(f"/api/macros/{made.json['id']}")).json
    assert (changed["name"], changed["actions"]) == ("Changed", actions[:3])
    [new] = (await world.oda.get("/api/macros", search="new +1")).json["data"]
    assert new["language"] == "fr"
    assert [(action["name"], action["arguments"]) for action in new["actions"]] == [
        ("setResponseText", {"body_text": "+1"}),
        ("addTags", {"tags": "c"}),
        ("setStatus", {"status": "closed"}),
        ("setSubject", {"subject": "S"}),
        ("setAssignee", {"assignee_user": {"id": world.leo.user_id}}),
    ]
    assert len(await world.events("macro-created")) == 2


@pytest.mark.parametrize("text", ["a,b\n1,2\n", 'name\n"unclosed', "name,\x00\nx,y\n"])
async def test_a_file_that_is_no_table_ends_the_import(world: World, text: str) -> None:
    ended = await done(world, "importMacro", {"url": await upload(world, text)})
    assert ended["status"] in ("fatal_errored", "done")
    assert await world.events("macro-created") == [] or ended["status"] == "done"
