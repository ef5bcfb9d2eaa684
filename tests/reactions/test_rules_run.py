"""Rules at work: when they run, what they see, what they do, and where they stop."""

import json
from typing import Any

import pytest

from polus.desk.accounts import Book
from polus.desk.rules import live
from polus.desk.rules.causes import Phase
from polus.reactions import rules as reaction
from polus.reactions.outbox import Outbox
from polus.reactions.table import REACTIONS, Reaction
from polus.store import work as works
from polus.store.queue import Queue
from polus.store.work import SYSTEM, Subscription, writing
from tests import make
from tests.world import World

ALL = ",".join(reaction.ON)


class Shop:
    """A shop whose rules run when the test says so."""

    def __init__(self, world: World) -> None:
        self.world = world
        listed = Reaction("rules", reaction.ON, reaction.run, when=reaction.when)
        self._outbox = Outbox(world.database, [listed], Book(world.database, "http://helpdesk.example"))

    async def rule(self, code: str, on: str = "ticket-created", **more: Any) -> int:
        body = {"name": "R", "code": code, "event_types": on, **more}
        made = await self.world.leo.post("/api/rules", body)
        assert made.status == 201, made.raw
        return made.json["id"]  # type: ignore[no-any-return]

    async def run(self) -> None:
        await Queue(self.world.database, self._outbox.lane()).drain()
        left = await self.world.rows("select error from outbox where account_id = $1")
        assert [row[0] for row in left] == []

    async def ticket(self, **more: Any) -> dict[str, Any]:
        """A new ticket after the rules ran."""
        made = await make.ticket(self.world, **more)
        await self.run()
        return await self.see(made["id"])

    async def see(self, ticket_id: int) -> dict[str, Any]:
        return (await self.world.ada.get(f"/api/tickets/{ticket_id}")).json  # type: ignore[no-any-return]

    async def change(self, ticket_id: int, **given: Any) -> dict[str, Any]:
        changed = await self.world.leo.put(f"/api/tickets/{ticket_id}", given)
        assert changed.status == 202, changed.raw
        await self.run()
        return await self.see(ticket_id)

    async def say(self, ticket_id: int, body: dict[str, Any]) -> dict[str, Any]:
        said = await self.world.lia.post(f"/api/tickets/{ticket_id}/messages", body)
        assert said.status == 201, said.raw
        await self.run()
        return await self.see(ticket_id)

    async def runs(self) -> list[tuple[int, str, str, int]]:
        """(rule, trigger, status, depth) of the runs told so far."""
        return [
            (rule_id, data["event_type"], data["status"], data["depth"])
            for _, _, rule_id, data in await self.world.events("rule-executed")
        ]

    async def actions(self) -> list[tuple[str, str, str | None]]:
        """(action, status, reason) of the actions told so far."""
        return [
            (data["name"], data["status"], data["reason"])
            for _, _, _, data in await self.world.events("action-executed")
        ]


@pytest.fixture
async def shop(world: World, monkeypatch: pytest.MonkeyPatch) -> Shop:
    for kind in reaction.ON:
        known = works.subscriptions.get(kind, ())
        monkeypatch.setitem(
            works.subscriptions, kind, (*known, Subscription("rules", reaction.when, once=True))
        )
    await make.address(world)
    return Shop(world)


def tags(ticket: dict[str, Any]) -> list[str]:
    return [tag["name"] for tag in ticket["tags"]]


async def test_a_rule_sees_what_was_written_and_acts(shop: Shop) -> None:
    code = """
if (containsAny(message.body_text, ['PARCEL']) && eq(message.from_agent, false)) {
  Action('addTags', { tags: 'wismo, {{ticket.customer.firstname}}' });
  if (contains(ticket.tags.name, 'wismo')) Action('setPriority', { priority: 'high' });
} else Action('setStatus', { status: 'closed' });
"""
    rule_id = await shop.rule(code)
    ticket = await shop.ticket()
    assert (tags(ticket), ticket["priority"], ticket["status"]) == (["Mia", "wismo"], "high", "open")
    other = await make.ticket(shop.world, messages=[make.mail("Hello")])
    await shop.run()
    assert (await shop.see(other["id"]))["status"] == "closed"
    first, _ = await shop.world.events("rule-executed")
    assert first[1:3] == ("Rule", rule_id)
    assert {
        key: first[3][key] for key in ("ticket_id", "message_id", "event_type", "depth", "status", "actions")
    } == {
        "ticket_id": ticket["id"],
        "message_id": ticket["messages"][0]["id"],
        "event_type": "ticket-created",
        "depth": 0,
        "status": "success",
        "actions": [
            {"name": "addTags", "status": "success", "reason": None},
            {"name": "setPriority", "status": "success", "reason": None},
        ],
    }
    told = (await shop.world.events("action-executed"))[0]
    assert told[1:3] == ("Ticket", ticket["id"])
    assert told[3]["arguments"] == {"tags": "wismo, Mia"}
    assert told[3]["rule_id"] == rule_id
    # What a rule changed says so, names nobody, and belongs to the same chain.
    rows = await shop.world.rows(
        "select data, user_id, depth, context from events where account_id = $1 and type = 'ticket-tags-added'"
    )
    assert json.loads(rows[0]["data"])["rule_id"] == rule_id
    assert (rows[0]["user_id"], rows[0]["depth"]) == (None, 1)
    begun = await shop.world.rows(
        "select context from events where account_id = $1 and type = 'ticket-created' order by id"
    )
    assert rows[0]["context"] == begun[0]["context"]


async def test_what_is_false_leaves_no_trace(shop: Shop) -> None:
    await shop.rule("if (eq(ticket.status, 'closed')) Action('deleteTicket')")
    await shop.rule("Action('deleteTicket')", deactivated_datetime="2026-01-01T00:00:00")
    await shop.rule("Action('deleteTicket')", "ticket-assigned")
    ticket = await shop.ticket()
    assert ticket["trashed_datetime"] is None
    assert await shop.runs() == []


async def test_triggers_and_priorities_give_the_order(shop: Shop) -> None:
    late = await shop.rule("Action('addTags', {tags: 'late'})", "ticket-created", priority=-5)
    update = await shop.rule("Action('addTags', {tags: 'update'})", "ticket-updated", priority=900)
    message = await shop.rule("Action('addTags', {tags: 'message'})", "ticket-message-created", priority=900)
    early = await shop.rule("Action('addTags', {tags: 'early'})", "ticket-created", priority=5)
    assigned = await shop.rule("Action('addTags', {tags: 'assigned'})", "ticket-assigned", priority=900)
    ticket = await shop.ticket(assignee_user={"id": shop.world.leo.user_id})
    assert [run[0] for run in await shop.runs()] == [early, late, message, update, assigned, update]
    assert [run[3] for run in await shop.runs()] == [0, 0, 0, 0, 0, 1]
    assert len(tags(ticket)) == 5


async def test_a_rule_runs_once_for_each_message(shop: Shop) -> None:
    code = "Action('addInternalNote', {body_text: 'Seen {{message.body_text}}'})"
    rule_id = await shop.rule(
        "if (neq(message.channel, 'internal-note')) " + code,
        "ticket-created,ticket-message-created,ticket-updated",
    )
    ticket = await shop.ticket(messages=[make.mail("one"), make.mail("two")])
    notes = [one for one in ticket["messages"] if one["channel"] == "internal-note"]
    assert [one["body_text"] for one in notes] == ["Seen one", "Seen two"]
    assert {(one["via"], one["rule_id"], one["sender"]["name"]) for one in notes} == {
        ("rule", rule_id, "Polus Bot")
    }
    ticket = await shop.say(ticket["id"], make.mail("three"))
    notes = [one for one in ticket["messages"] if one["channel"] == "internal-note"]
    assert [one["body_text"] for one in notes] == ["Seen one", "Seen two", "Seen three"]


async def test_a_rule_does_not_answer_itself_and_chains_end(shop: Shop) -> None:
    ping = await shop.rule("Action('addInternalNote', {body_text: 'ping'})", "ticket-message-created")
    pong = await shop.rule("Action('addInternalNote', {body_text: 'pong'})", "ticket-message-created")
    ticket = await shop.ticket()
    said = [one["body_text"] for one in ticket["messages"][1:]]
    assert sorted(said) == ["ping", "ping", "pong", "pong"]
    assert [run[0] for run in await shop.runs()] == [pong, ping, ping, pong]


async def test_too_deep_is_cut(shop: Shop) -> None:
    for number in range(8):
        await shop.rule(
            f"if (contains(message.body_text, 'step{number}') || (eq(message.from_agent, false) && {'true' if not number else 'false'}))"
            f" Action('addInternalNote', {{body_text: 'step{number + 1}'}})",
            "ticket-message-created",
        )
    ticket = await shop.ticket()
    assert [one["body_text"] for one in ticket["messages"][1:]] == [f"step{n}" for n in range(1, 7)]
    runs = await shop.runs()
    assert [run[3] for run in runs if run[2] == "success"] == [0, 1, 2, 3, 4, 5]
    assert {run[3] for run in runs if run[2] == "loop"} == {6}


async def test_what_rules_change_calls_for_updates_once(shop: Shop) -> None:
    await shop.rule("Action('setStatus', {status: 'closed'})", "ticket-message-created")
    flip = await shop.rule(
        "if (eq(ticket.status, 'open')) Action('setStatus', {status: 'closed'})"
        " else Action('setStatus', {status: 'open'})",
        "ticket-updated",
    )
    ticket = await make.ticket(shop.world)
    await shop.run()
    assert [run for run in await shop.runs() if run[0] == flip] == [
        (flip, "ticket-updated", "success", 0),
        (flip, "ticket-updated", "success", 1),
    ]
    assert (await shop.see(ticket["id"]))["status"] == "closed"


@pytest.mark.parametrize(
    ("given", "fires"),
    [
        ({"status": "closed"}, True),
        ({"priority": "high"}, True),
        ({"spam": True}, True),
        ({"tags": [{"name": "x"}]}, True),
        ({"meta": {"a": 1}}, False),
        ({"external_id": "E"}, False),
        ({"language": "fr"}, False),
        ({"is_unread": True}, False),
    ],
)
async def test_which_changes_are_updates(shop: Shop, given: Any, fires: bool) -> None:
    ticket = await shop.ticket()
    await shop.rule("Action('addTags', {tags: 'fired'})", "ticket-updated")
    changed = await shop.change(ticket["id"], **given)
    assert ("fired" in tags(changed)) == fires
    assert len(await shop.runs()) == int(fires)


async def test_several_changes_of_one_call_are_one_update(shop: Shop) -> None:
    ticket = await shop.ticket()
    await shop.rule("Action('addInternalNote', {body_text: 'n'})", "ticket-updated")
    changed = await shop.change(ticket["id"], status="closed", tags=[{"name": "x"}], priority="low")
    assert [one["channel"] for one in changed["messages"]] == ["email", "internal-note"]


async def test_imported_messages_call_nothing(shop: Shop) -> None:
    await shop.rule("Action('deleteTicket')", ALL)
    imported = await make.ticket(shop.world, imported=True)
    await shop.run()
    assert (await shop.see(imported["id"]))["trashed_datetime"] is None
    assert await shop.runs() == []


async def test_actions_on_the_ticket(shop: Shop) -> None:
    world = shop.world
    team = (await world.leo.post("/api/teams", {"name": "T"})).json["id"]
    definition = {"data_type": "text", "input_settings": {"input_type": "input"}}
    fields = {}
    for kind in ("Ticket", "Customer"):
        body = {"object_type": kind, "label": "F", "definition": definition}
        fields[kind] = (await world.leo.post("/api/custom-fields", body)).json["id"]
    await shop.rule(f"""
Action('setSubject', {{subject: 'About {{{{ticket.customer.name}}}}'}});
Action('setAssignee', {{assignee_user: {{id: {world.lia.user_id}}}}});
Action('setTeamAssignee', {{assignee_team: {{id: {team}}}}});
Action('setCustomFieldValue', {{custom_field_id: {fields["Ticket"]}, value: 'a {{{{ticket.id}}}}'}});
Action('setCustomerCustomFieldValue', {{custom_field_id: {fields["Customer"]}, value: 'b'}});
Action('setTags', {{tags: 'one, two'}});
Action('removeTags', {{tags: 'two,none'}});
Action('excludeFromCSAT'); Action('excludeFromAutoMerge');
Action('snoozeTicket', {{snooze_timedelta: '2d'}});
Action('facebookLikeComment');
Action('setTags', {{tags: 'one'}});
""")
    await shop.rule("Action('addTags', {tags: 'taken'})", "ticket-assigned")
    ticket = await shop.ticket(tags=[{"name": "old"}])
    assert ticket["subject"] == "About Mia Meyer"
    assert (ticket["assignee_user_id"], ticket["assignee_team_id"]) == (world.lia.user_id, team)
    assert ticket["custom_fields"][str(fields["Ticket"])]["value"] == f"a {ticket['id']}"
    values = (await world.ada.get(f"/api/customers/{ticket['customer']['id']}/custom-fields")).json["data"]
    assert [one["value"] for one in values] == ["b"]
    assert (tags(ticket), ticket["status"]) == (["one", "taken"], "closed")
    assert ticket["snooze_datetime"] is not None
    assert [(name, reason) for name, status, reason in await shop.actions() if status == "skipped"] == [
        ("facebookLikeComment", "no such integration"),
        ("setTags", "nothing to change"),
    ]
    excluded = await world.events("ticket-excluded-from-csat", "ticket-excluded-from-auto-merge")
    assert [event[2] for event in excluded] == [ticket["id"]] * 2


async def test_a_failing_action_leaves_the_others(shop: Shop) -> None:
    user = (await shop.world.rows("select bot_id from accounts where id = $1"))[0][0]
    rule_id = await shop.rule(f"""
Action('setAssignee', {{assignee_user: {{id: {user}}}}});
Action('setSubject', {{subject: '{{{{ticket.nothing}}}}'}});
Action('snoozeTicket', {{snooze_datetime: '2020-01-01'}});
Action('addTags', {{tags: 'fine'}});
""")
    ticket = await shop.ticket()
    assert tags(ticket) == ["fine"]
    assert await shop.actions() == [
        ("setAssignee", "error", "assignee_user: a bot"),
        ("setSubject", "error", "subject: empty"),
        ("snoozeTicket", "error", "snooze_datetime: Must be in the future."),
        ("addTags", "success", None),
    ]
    assert await shop.runs() == [(rule_id, "ticket-created", "partial", 0)]


async def test_a_rule_that_keeps_failing_is_switched_off(shop: Shop) -> None:
    rule_id = await shop.rule(
        "Action('setSubject', {subject: '{{ticket.nothing}}'})", "ticket-message-created"
    )
    ticket = await shop.ticket()
    for _ in range(8):
        await shop.say(ticket["id"], make.note())
    assert (await shop.world.oda.get(f"/api/rules/{rule_id}")).json["deactivated_datetime"] is None
    await shop.say(ticket["id"], make.note())
    await shop.say(ticket["id"], make.note())
    assert (await shop.world.oda.get(f"/api/rules/{rule_id}")).json["deactivated_datetime"] is not None
    assert await shop.world.events("rule-deactivated") == [
        ("rule-deactivated", "Rule", rule_id, {"reason": "It failed ten times in a row."})
    ]
    mails = await shop.world.rows("select recipient, subject, body_text from notices where account_id = $1")
    assert [row["recipient"] for row in mails] == [shop.world.ada.email]
    assert mails[0]["subject"].startswith("Rule switched off: ")
    assert f"/settings/rules/{rule_id}\n" in mails[0]["body_text"]
    assert len(await shop.runs()) == 10
    path = f"/api/rules/{rule_id}"
    assert (await shop.world.leo.put(path, {"deactivated_datetime": None})).status == 202
    assert (await shop.world.rows("select failures from rules where account_id = $1"))[0][0] == 0


async def test_too_many_steps_undo_the_run(shop: Shop) -> None:
    many = "||".join(["contains(message.body_text, 'nowhere')"] * 200)
    rule_id = await shop.rule("Action('addTags', {tags: 'x'}); if (" + many + ") Action('deleteTicket')")
    other = await shop.rule("Action('addTags', {tags: 'y'})", priority=-1)
    ticket = await shop.ticket(messages=[make.mail("a" * 900_000)])
    assert tags(ticket) == ["y"]
    assert await shop.runs() == [
        (rule_id, "ticket-created", "limit", 0),
        (other, "ticket-created", "success", 0),
    ]


async def test_a_reply_goes_to_the_customer(shop: Shop) -> None:
    rule_id = await shop.rule(
        "Action('replyToTicket', {body_html: '<b>Hi</b> {{ticket.customer.firstname}}'})"
    )
    ticket = await shop.ticket()
    reply = ticket["messages"][1]
    assert (reply["via"], reply["rule_id"], reply["channel"], reply["public"]) == (
        "rule",
        rule_id,
        "email",
        True,
    )
    assert (reply["body_html"], reply["body_text"]) == ("<b>Hi</b> Mia", "Hi Mia")
    assert reply["source"]["to"] == [{"name": "Mia Meyer", "address": "mia@example.com"}]
    assert reply["receiver"]["id"] == ticket["customer"]["id"]
    # Within five minutes there is no second one, whatever the ticket.
    second = await shop.ticket()
    assert len(second["messages"]) == 1
    assert (await shop.actions())[1] == ("replyToTicket", "skipped", "rate")
    await shop.world.rows(
        "update messages set created_datetime = created_datetime - interval '6 minutes'"
        " where account_id = $1 and rule_id is not null returning id"
    )
    assert len((await shop.ticket())["messages"]) == 2


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (make.mail(headers={"Auto-Submitted": "auto-replied"}), "automatic-mail"),
        (make.mail(headers={"PRECEDENCE": "bulk"}), "automatic-mail"),
        (make.mail(headers={"Return-Path": "<>"}), "automatic-mail"),
        (make.mail(meta={"automatic": "x-autoreply"}), "automatic-mail"),
        (make.mail(created_datetime="2020-01-01T00:00:00"), "stale"),
        (make.mail(channel="api", via="api"), "api-channel"),
        (make.mail(channel="chat"), "no-target"),
        (make.answer(), "agent-message"),
    ],
)
async def test_what_gets_no_automatic_reply(shop: Shop, message: Any, reason: str) -> None:
    await shop.rule("Action('replyToTicket', {body_text: 'Hi'})")
    ticket = await shop.ticket(messages=[message])
    assert len(ticket["messages"]) == 1
    assert await shop.actions() == [("replyToTicket", "skipped", reason)]


async def test_who_asks_for_the_answer_elsewhere_is_answered_there(shop: Shop) -> None:
    """A shop's form writes itself, and names the customer in Reply-To."""
    await shop.rule("Action('replyToTicket', {body_text: 'Hi'})")
    ticket = await shop.ticket(messages=[make.mail(meta={"reply_to": "kim@example.com"})])
    assert [one["address"] for one in ticket["messages"][1]["source"]["to"]] == ["kim@example.com"]


async def test_a_machine_gets_no_reply_by_its_address(shop: Shop) -> None:
    await shop.rule("Action('replyToTicket', {body_text: 'Hi'})")
    mail = make.mail()
    mail["source"]["from"]["address"] = "NoReply@example.com"
    await shop.ticket(messages=[mail])
    assert await shop.actions() == [("replyToTicket", "skipped", "automatic-mail")]


async def test_a_list_is_answered_to_the_sender_alone(shop: Shop) -> None:
    await shop.rule("Action('replyToTicket', {body_text: 'Hi'})")
    mail = make.mail(headers={"List-Id": "<news.example.com>"})
    mail["source"]["cc"] = [{"name": "", "address": "list@example.com"}]
    ticket = await shop.ticket(messages=[mail])
    source = ticket["messages"][1]["source"]
    assert [one["address"] for one in source["to"]] == ["mia@example.com"]
    assert "cc" not in source


async def test_mails_to_others_are_notices_and_a_note(shop: Shop) -> None:
    await shop.rule(
        "Action('sendEmail', {to: 'boss@shop.example, nonsense', subject: 'Look {{ticket.id}}', body_text: 'At this'})"
    )
    ticket = await shop.ticket()
    note = ticket["messages"][1]
    assert (note["channel"], note["public"]) == ("internal-note", False)
    assert note["body_text"] == f"To: boss@shop.example\nSubject: Look {ticket['id']}\n\nAt this"
    rows = await shop.world.rows("select recipient, subject, body_text from notices where account_id = $1")
    assert [tuple(row) for row in rows] == [("boss@shop.example", f"Look {ticket['id']}", "At this")]


async def test_mails_to_the_customer_are_messages(shop: Shop) -> None:
    code = "Action('sendEmail', {to: ['{{ticket.customer.email}}'], subject: 'Yours', body_text: 'Hello'});"
    await shop.rule(code + code + "Action('sendEmail', {to: 'nobody', subject: 's', body_text: 'b'})")
    ticket = await shop.ticket()
    assert [(one["channel"], one["subject"]) for one in ticket["messages"][1:]] == [("email", "Yours")]
    assert [(status, reason) for _, status, reason in await shop.actions()] == [
        ("success", None),
        ("skipped", "rate"),
        ("error", "no valid address"),
    ]


async def test_a_macro_is_applied(shop: Shop) -> None:
    def action(name: str, **arguments: Any) -> dict[str, Any]:
        return {"name": name, "title": name, "arguments": arguments}

    steps = [
        action("setResponseText", body_text="Hi {{ticket.customer.firstname}}"),
        action("addTags", tags="macro"),
        action("http", url="https://example.com"),
        action("setSubject", subject=""),
    ]
    macro = (await shop.world.leo.post("/api/macros", {"name": "M", "actions": steps})).json["id"]
    await shop.rule(f"Action('applyMacro', {{macro: {macro}}})")
    ticket = await shop.ticket()
    assert tags(ticket) == ["macro"]
    assert ticket["messages"][1]["body_text"] == "Hi Mia"
    assert await shop.actions() == [
        ("setResponseText", "success", None),
        ("addTags", "success", None),
        ("http", "skipped", "not done by rules"),
        ("setSubject", "error", "subject: empty"),
        ("applyMacro", "success", None),
    ]
    assert (await shop.world.oda.get(f"/api/macros/{macro}")).json["usage"] == 1
    applied = await shop.world.events("macro-applied")
    assert [(event[2], event[3]["ticket_id"]) for event in applied] == [(macro, ticket["id"])]


async def test_rules_of_a_deleted_ticket_do_nothing(shop: Shop) -> None:
    await shop.rule("Action('addTags', {tags: 'x'})")
    made = await make.ticket(shop.world)
    assert (await shop.world.leo.delete(f"/api/tickets/{made['id']}")).status == 204
    await shop.run()
    assert await shop.runs() == []


async def test_a_crash_repeats_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.rule("Action('addInternalNote', {body_text: 'once'})")
    ticket = await make.ticket(shop.world)
    flush = works.Work.flush

    async def dies(work: works.Work) -> None:
        raise ConnectionError("the process is gone")

    monkeypatch.setattr(works.Work, "flush", dies)
    with pytest.raises(AssertionError):
        await shop.run()
    monkeypatch.setattr(works.Work, "flush", flush)
    assert len((await shop.see(ticket["id"]))["messages"]) == 1
    await shop.world.rows("update outbox set due_datetime = now() where account_id = $1 returning 1")
    await shop.run()
    await shop.run()
    assert len((await shop.see(ticket["id"]))["messages"]) == 2


async def test_an_answered_survey_calls_its_rules(shop: Shop) -> None:
    ticket = await shop.ticket()
    await shop.rule(
        "if (lte(ticket.satisfaction_survey.score, 2)) Action('setPriority', {priority: 'critical'})",
        "satisfaction-survey-responded",
    )
    body = {"ticket_id": ticket["id"], "customer_id": ticket["customer"]["id"], "score": 1}
    assert (await shop.world.lia.post("/api/satisfaction-surveys", body)).status == 201
    await shop.run()
    assert (await shop.see(ticket["id"]))["priority"] == "critical"


async def test_a_chain_asks_only_for_rules_when_none_is_called(shop: Shop) -> None:
    async with writing(shop.world.database, shop.world.account, SYSTEM) as work:
        await live.follow(work, 1, [Phase("ticket-created")])
    assert await shop.runs() == []


async def test_a_reply_is_queued_for_delivery(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in {kind for listed in REACTIONS for kind in listed.on}:
        monkeypatch.setitem(
            works.subscriptions,
            kind,
            tuple(Subscription(one.name, one.when, one.once) for one in REACTIONS if kind in one.on),
        )
    await shop.rule("Action('replyToTicket', {body_text: 'Hi'})")
    ticket = await make.ticket(shop.world)
    database = shop.world.database
    await Queue(
        database, Outbox(database, REACTIONS, Book(database, "http://helpdesk.example")).lane()
    ).drain()
    rows = await shop.world.rows("select message_id, recipients from deliveries where account_id = $1")
    reply = (await shop.see(ticket["id"]))["messages"][1]
    assert [(row["message_id"], row["recipients"]) for row in rows] == [(reply["id"], ["mia@example.com"])]


async def test_a_message_is_what_each_rule_was_called_for(shop: Shop) -> None:
    await shop.rule(
        "if (contains(message.body_text, 'two')) Action('addTags', {tags: 'two'})", "ticket-message-created"
    )
    await shop.rule(
        "if (contains(message.body_text, 'one')) Action('addTags', {tags: 'one'})", "ticket-message-created"
    )
    await shop.rule(
        "if (contains(message.body_text, 'two')) Action('addTags', {tags: 'newest'})", "ticket-updated"
    )
    ticket = await shop.ticket(messages=[make.mail("one"), make.mail("two"), make.mail("three")])
    assert tags(ticket) == ["one", "two"]
