"""What a macro does to tickets when a job applies it."""

from typing import Any

from polus.desk.accounts import Book
from polus.reactions.outside import Outside
from polus.store.presence import Presence
from polus.store.queue import Queue
from tests import make
from tests.api.test_jobs import done, job, look, work
from tests.world import World


def action(name: str, **arguments: Any) -> dict[str, Any]:
    return {"name": name, "title": name, "arguments": arguments}


async def macro(world: World, *actions: Any) -> int:
    made = await world.leo.post("/api/macros", {"name": "M", "actions": list(actions)})
    assert made.status == 201, made.raw
    return made.json["id"]  # type: ignore[no-any-return]


async def applied(world: World, ticket_ids: list[int], *actions: Any, **more: Any) -> Any:
    params = {"ticket_ids": ticket_ids, "macro_id": await macro(world, *actions), **more}
    ended = await done(world, "applyMacro", params, by=world.bea)
    assert ended["status"] == "done", ended
    return ended


async def outcomes(world: World) -> list[tuple[str, str, str | None]]:
    found = [data for *_, data in await world.events("action-executed")]
    return [(one["name"], one["status"], one["reason"]) for one in found]


async def test_the_answer_is_filled_and_sent(world: World) -> None:
    await make.address(world)
    ticket = await make.ticket(world, subject="Parcel", messages=[make.mail("Hi <b>", subject="Where?")])
    text = "Hi {{ticket.customer.firstname}}{{ticket.customer.data.x}}, {{current_user.firstname}}"
    file = {"url": "https://x.example/a.pdf", "name": "a.pdf", "content_type": "application/pdf"}
    ended = await applied(
        world,
        [ticket["id"]],
        action("setResponseText", body_text="never said"),
        action(
            "setResponseText",
            body_text=text,
            body_html="<p>{{message.body_text}}</p><script>x</script>",
            cc="c@d.example",
        ),
        action("addAttachments", attachments=[file, "junk"]),
        apply_and_close=True,
    )
    assert ended["info"]["error_count"] == 0
    found = (await world.oda.get(f"/api/tickets/{ticket['id']}")).json
    sent = found["messages"][-1]
    assert found["status"] == "closed"
    assert sent["body_text"] == "Hi Mia, Bea"
    assert sent["body_html"] == "<p>Hi &lt;b&gt;</p>"
    assert (sent["channel"], sent["via"], sent["from_agent"], sent["public"]) == (
        "email",
        "helpdesk",
        True,
        True,
    )
    assert sent["sender"]["id"] == world.bea.user_id
    assert sent["subject"] == "Re: Where?"
    assert [one["address"] for one in sent["source"]["to"]] == ["mia@example.com"]
    assert [one["address"] for one in sent["source"]["cc"]] == ["c@d.example"]
    assert [one["name"] for one in sent["attachments"]] == ["a.pdf"]
    assert await outcomes(world) == [
        ("setResponseText", "success", None),
        ("addAttachments", "success", None),
    ]
    macro_id = ended["params"]["macro_id"]
    assert await world.events("macro-applied") == [
        (
            "macro-applied",
            "Macro",
            macro_id,
            {"ticket_id": ticket["id"], "rule_id": None, "job_id": ended["id"], "message_id": sent["id"]},
        )
    ]
    [event] = [
        data for *_, data in await world.events("action-executed") if data["name"] == "setResponseText"
    ]
    assert event["arguments"]["body_text"] == "Hi Mia, Bea"
    assert (await world.oda.get(f"/api/macros/{macro_id}")).json["usage"] == 1
    assert [row["uses"] for row in await world.rows("select uses from macro_uses where account_id = $1")] == [
        1
    ]


async def test_actions_change_the_ticket(world: World) -> None:
    ticket = (await make.ticket(world, tags=[{"name": "old"}]))["id"]
    ended = await applied(
        world,
        [ticket],
        action("addTags", tags="a, {{ticket.customer.firstname}}"),
        action("ADDTAGS", tags=["a"]),
        action("removeTags", tags="old"),
        action("removeTags", tags="never"),
        action("setSubject", subject="For {{ticket.customer.name}}\n"),
        action("setPriority", priority="low"),
        action("setPriority", priority="high"),
        action("setAssignee", assignee_user={"id": "{{current_user.id}}"}),
        action("setTeamAssignee", assignee_team=None),
        action("addInternalNote", body_text="note of {{current_user.name}}"),
        action("snoozeTicket", snooze_timedelta="1d 2h"),
        action("excludeFromCSAT"),
        action("excludeFromAutoMerge"),
        action("excludeFromAutoMerge"),
        action("sendPigeon", to="x"),
        action("facebookLikeComment"),
    )
    assert ended["info"]["error_count"] == 0
    found = (await world.oda.get(f"/api/tickets/{ticket}")).json
    assert sorted(tag["name"] for tag in found["tags"]) == ["Mia", "a"]
    assert (found["subject"], found["priority"], found["assignee_user"]["id"]) == (
        "For Mia Meyer",
        "high",
        world.bea.user_id,
    )
    assert (found["status"], found["snooze_datetime"] is not None) == ("closed", True)
    note = found["messages"][-1]
    assert (note["channel"], note["body_text"], note["sender"]["id"]) == (
        "internal-note",
        "note of Bea Agent",
        world.bea.user_id,
    )
    assert await outcomes(world) == [
        ("addTags", "success", None),
        ("ADDTAGS", "skipped", "nothing to change"),
        ("removeTags", "success", None),
        ("removeTags", "skipped", "nothing to change"),
        ("setSubject", "success", None),
        ("setPriority", "success", None),
        ("setAssignee", "success", None),
        ("setTeamAssignee", "skipped", "nothing to change"),
        ("addInternalNote", "success", None),
        ("snoozeTicket", "success", None),
        ("excludeFromCSAT", "success", None),
        ("excludeFromAutoMerge", "success", None),
        ("sendPigeon", "skipped", "unknown action"),
        ("facebookLikeComment", "skipped", "no such integration"),
    ]
    assert len(await world.events("ticket-excluded-from-csat")) == 1


async def test_wrong_arguments_are_told_and_stop_nothing(world: World) -> None:
    ticket = (await make.ticket(world, status="closed"))["id"]
    await applied(
        world,
        [ticket],
        action("addTags", tags={"a": 1}),
        action("setTags", tags=""),
        action("setSubject", subject="{{nothing}}"),
        action("setPriority", priority="sky"),
        action("setAssignee", assignee_user={"id": 10**12}),
        action("setTeamAssignee"),
        action("snoozeTicket", snooze_datetime="2001-01-01"),
        action("setCustomFieldValue", custom_field_id="x", value=1),
        action("setCustomFieldValue", custom_field_id=10**12, value=1),
        action("setCustomerCustomFieldValue", custom_field_id=10**12, value=[]),
        action("addInternalNote"),
        action("forwardMessage", to="nobody"),
        action("setStatus", status="open"),
    )
    assert await outcomes(world) == [
        ("addTags", "error", "tags: not a text of tag names with commas between them"),
        ("setTags", "skipped", "nothing to change"),
        ("setSubject", "error", "subject: empty"),
        ("setPriority", "error", "priority: not one of low, normal, high, critical"),
        ("setAssignee", "error", "assignee_user.id: Does not exist."),
        ("setTeamAssignee", "error", "assignee_team: not null or an object with an id"),
        ("snoozeTicket", "error", "snooze_datetime: Must be in the future."),
        ("setCustomFieldValue", "error", "custom_field_id: not an id"),
        ("setCustomFieldValue", "error", "value.id: Does not exist."),
        ("setCustomerCustomFieldValue", "error", "value: not a text, a number, true, false or null"),
        ("addInternalNote", "error", "body_text: empty"),
        ("forwardMessage", "error", "to: no address"),
        ("setStatus", "success", None),
    ]
    found = (await world.oda.get(f"/api/tickets/{ticket}")).json
    assert (found["status"], len(found["messages"])) == ("open", 1)


async def test_field_values_and_forwarding(world: World) -> None:
    await make.address(world)
    definition = {"data_type": "text", "input_settings": {"input_type": "input"}}
    ids = []
    for kind in ("Ticket", "Customer"):
        body = {"object_type": kind, "label": "L", "definition": definition}
        ids.append((await world.ada.post("/api/custom-fields", body)).json["id"])
    ticket = await make.ticket(world, messages=[make.mail("Broken <cup>", subject="Cup")])
    await applied(
        world,
        [ticket["id"]],
        action("setCustomFieldValue", custom_field_id=ids[0], value="{{ticket.id}}"),
        action("setCustomerCustomFieldValue", custom_field_id=ids[1], value="x"),
        action("forwardMessage", to="depot@x.example, second@x.example", body_text="Please look"),
    )
    assert [status for _, status, _ in await outcomes(world)] == ["success"] * 3
    found = (await world.oda.get(f"/api/tickets/{ticket['id']}")).json
    assert found["custom_fields"][str(ids[0])]["value"] == str(ticket["id"])
    values = (await world.oda.get(f"/api/customers/{ticket['customer']['id']}/custom-fields")).json
    assert [item["value"] for item in values["data"]] == ["x"]
    sent = found["messages"][-1]
    assert sent["subject"] == "Fwd: Cup"
    assert [one["address"] for one in sent["source"]["to"]] == ["depot@x.example", "second@x.example"]
    assert sent["body_text"].startswith(
        "Please look\n\n---------- Forwarded message ----------\nFrom: Mia Meyer"
    )
    assert "Broken <cup>" in sent["body_text"]
    assert "Broken &lt;cup&gt;" in sent["body_html"]


async def test_where_no_answer_can_go_the_rest_is_done(world: World) -> None:
    noted = (await make.ticket(world, messages=[make.note()], customer={"email": "mia@example.com"}))["id"]
    unsent = (await make.ticket(world))["id"]
    await applied(
        world,
        [noted, unsent],
        action("setResponseText", body_text="Hello"),
        action("addAttachments", attachments=[]),
        action("setStatus", status="closed"),
    )
    assert await outcomes(world) == [
        ("setResponseText", "skipped", "no-target"),
        ("addAttachments", "skipped", "no answer to attach to"),
        ("setStatus", "success", None),
        ("setResponseText", "error", "source.from: No connected e-mail address to send from."),
        ("addAttachments", "skipped", "no answer to attach to"),
        ("setStatus", "success", None),
    ]


async def test_actions_to_the_outside_that_fail_leave_the_ticket_alone(world: World) -> None:
    ticket = (await make.ticket(world))["id"]
    outside = action("shopifyRefund", order="1")
    params = {
        "ticket_ids": [ticket, ticket + 10_000],
        "macro_id": await macro(world, action("setStatus", status="closed"), outside),
    }
    ended = await done(world, "applyMacro", params)
    assert ended["info"]["errors"] == [{"id": ticket + 10_000, "msg": "Does not exist."}]
    assert await world.events("action-executed", "ticket-updated") == []
    presence = Presence(world.database)
    await presence.open()
    await Queue(world.database, Outside(world.database, Book(world.database, ""), presence).lane()).drain()
    await presence.close()
    assert await outcomes(world) == [("shopifyRefund", "error", "not connected")]
    assert (await world.oda.get(f"/api/tickets/{ticket}")).json["status"] == "open"
    assert await world.rows("select 1 from outside_actions where account_id = $1") == []


async def test_a_macro_archived_meanwhile_ends_the_job(world: World) -> None:
    ticket = (await make.ticket(world))["id"]
    made = await job(world, "applyMacro", {"ticket_ids": [ticket], "macro_id": await macro(world)})
    await world.leo.put("/api/macros/archive", {"ids": [made["params"]["macro_id"]]})
    await work(world)
    ended = await look(world, made)
    assert ended["status"] == "fatal_errored"
    assert ended["info"]["errors"] == [{"id": None, "msg": "The macro is archived or gone."}]
