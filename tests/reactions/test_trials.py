"""The time machine: a recorded history played again gives exactly the recorded executions, and drafts what they would."""

import datetime
import json
import random
from typing import Any

import asyncpg
import msgspec
import pytest

from polus.desk.rules import active, histories, needs, sights, trials
from polus.desk.rules.active import Active
from polus.desk.rules.trials import Draft, Part, Row
from polus.lang import bind, fields, parse
from polus.lang.sight import Sight
from polus.store.work import SYSTEM, looking
from tests import make
from tests.reactions.test_rules_run import ALL, Shop, shop  # noqa: F401
from tests.world import World

DAY = datetime.timedelta(days=1)


async def tried(world: World, *drafts: Draft, **more: Any) -> list[Part]:
    """All of the last day."""
    async with looking(world.database, world.account, SYSTEM) as work:
        given = await trials.cast(work, drafts)
        now = work.now
        return [part async for part in trials.play(work, given, now - DAY, now, **more)]


def rows(parts: list[Part]) -> list[Row]:
    return [row for part in parts for row in part.rows]


RULES = (
    # Each kind of action, seen by the statements after it, by later rules, and one level deeper.
    (
        "if (eq(message.from_agent, false)) { Action('addTags', {tags: 'seen, {{ticket.customer.firstname}}'});"
        " if (contains(ticket.tags.name, 'seen')) Action('setPriority', {priority: 'high'}); }",
        "ticket-created",
    ),
    (
        "if (contains(message.body_text, 'refund') && eq(message.from_agent, false))"
        " { Action('replyToTicket', {body_text: 'We look into {{ticket.subject}}, {{ticket.customer.name}}.'});"
        " Action('setStatus', {status: 'closed'}); }",
        "ticket-message-created",
    ),
    ("if (eq(ticket.status, 'closed')) Action('removeTags', {tags: 'seen'})", "ticket-updated"),
    ("Action('addTags', {tags: 'assigned'})", "ticket-assigned"),
    (
        "if (contains(message.body_text, 'note')) Action('addInternalNote', {body_text: 'Look: {{message.body_text}}'});"
        "if (gt(ticket.messages_count, 3)) Action('setSubject', {subject: 'Long {{ticket.messages_count}}'})",
        "ticket-message-created",
    ),
    (
        "if (eq(ticket.priority, 'low')) { Action('setAssignee', {assignee_user: {id: LIA}});"
        " Action('setCustomFieldValue', {custom_field_id: FIELD, value: 'p {{ticket.priority}}'});"
        " Action('setCustomerCustomFieldValue', {custom_field_id: OTHER, value: '1'}); }",
        "ticket-updated",
    ),
    (
        "if (contains(message.body_text, 'macro') && eq(message.via, 'email')) Action('applyMacro', {macro: MACRO})",
        ALL,
    ),
    (
        "if (contains(message.body_text, 'boss')) Action('sendEmail', {to: 'boss@shop.example', subject: 'S',"
        " body_text: 'B {{ticket.id}}'}); if (contains(message.body_text, 'error'))"
        " { Action('setSubject', {subject: '{{ticket.nothing}}'}); Action('excludeFromCSAT'); }",
        "ticket-message-created",
    ),
    (
        "if (contains(ticket.customer.email, 'mia') && isEmpty(ticket.snooze_datetime) && contains(ticket.subject, 'nap'))"
        " Action('snoozeTicket', {snooze_timedelta: '1d'})",
        "ticket-updated",
    ),
    ("if (eq(ticket.spam, true)) Action('deleteTicket')", "ticket-updated"),
    (
        "if (contains(message.body_text, 'mine')) Action('sendEmail', {to: '{{ticket.customer.email}}', subject: 'Yours',"
        " body_text: 'b'})",
        "ticket-message-created",
    ),
)


async def people(shop: Shop) -> dict[str, str]:  # noqa: F811
    world, definition = shop.world, {"data_type": "text", "input_settings": {"input_type": "input"}}
    made = {}
    for name, kind in (("FIELD", "Ticket"), ("OTHER", "Customer")):
        body = {"object_type": kind, "label": "F", "definition": definition}
        made[name] = str((await world.leo.post("/api/custom-fields", body)).json["id"])
    steps = [
        {"name": "addTags", "title": "t", "arguments": {"tags": "macro"}},
        {
            "name": "setResponseText",
            "title": "t",
            "arguments": {"body_text": "Dear {{ticket.customer.name}}"},
        },
        {"name": "http", "title": "t", "arguments": {"url": "https://x.example"}},
        {"name": "addInternalNote", "title": "t", "arguments": {"body_text": "noted"}},
    ]
    macro = await world.leo.post("/api/macros", {"name": "M", "actions": steps})
    return made | {"MACRO": str(macro.json["id"]), "LIA": str(world.lia.user_id)}


async def happen(shop: Shop) -> None:  # noqa: F811
    """A history of everything that calls rules, by chance."""
    dice, ids = random.Random(7), list[int]()
    words = ("parcel", "refund", "note", "macro", "boss", "error", "mine", "hello")
    for turn in range(14):
        ticket = await shop.ticket(
            subject=dice.choice(("a nap", "Where", "Help")),
            messages=[make.mail(" ".join(dice.sample(words, 2)))],
            customer={"email": f"mia{turn % 9}@example.com", "name": "Mia Meyer"},
            **dice.choice(
                ({}, {"tags": [{"name": "seen"}]}, {"assignee_user": {"id": shop.world.leo.user_id}})
            ),
        )
        ids.append(ticket["id"])
        at = dice.choice(ids)
        for _ in range(3):
            change = dice.choice(
                (
                    {"priority": "low"},
                    {"status": "open"},
                    {"status": "closed", "tags": [{"name": "x"}]},
                    {"spam": True},
                    {"assignee_user": None},
                    {"trashed_datetime": None},
                    {"subject": "a nap"},
                )
            )
            await shop.change(at, **change)
        await shop.say(at, dice.choice((make.mail, make.note))(" ".join(dice.sample(words, 3))))


def executed(data: Any) -> Any:
    return {key: value for key, value in data.items() if key != "duration_ms"}


@pytest.mark.thorough
async def test_a_recorded_history_gives_exactly_the_recorded_executions(shop: Shop) -> None:  # noqa: F811
    put = await people(shop)
    for place, (code, on) in enumerate(RULES):
        for name, value in put.items():
            code = code.replace(name, value)
        await shop.rule(code, on, priority=dice_place(place))
    await happen(shop)
    recorded = [(rule_id, executed(data)) for _, _, rule_id, data in await shop.world.events("rule-executed")]
    acted = [data for *_, data in await shop.world.events("action-executed")]
    parts = await tried(shop.world)
    found = rows(parts)
    assert [row for row in found if row.changed] == []
    assert len(recorded) > 60
    told = [
        (row.rule_id, row.ticket_id, row.message_id, row.event_type, row.depth, row.status, row.steps)
        for row in found
    ]
    assert told == [
        (
            rule_id,
            data["ticket_id"],
            data["message_id"],
            data["event_type"],
            data["depth"],
            data["status"],
            data["steps"],
        )
        for rule_id, data in recorded
    ]
    assert [action for row in found for action in row.actions] == [
        {key: one[key] for key in ("name", "arguments", "status", "reason")} for one in acted
    ]
    statuses = {(one["name"], one["status"], one["reason"]) for one in acted}
    assert {("replyToTicket", "skipped", "rate"), ("http", "skipped", "not done by rules")} <= statuses
    assert {one["name"] for one in acted} >= {
        "snoozeTicket",
        "sendEmail",
        "applyMacro",
        "deleteTicket",
        "setSubject",
    }


def dice_place(place: int) -> int:
    """Neither the order of writing nor its reverse."""
    return (place * 7) % 11


async def test_a_draft_shows_what_it_would_have_done(shop: Shop) -> None:  # noqa: F811
    other = await shop.rule("Action('setPriority', {priority: 'low'}); Action('removeTags', {tags: 'vip'})")
    ticket = await shop.ticket(subject="Refund please", tags=[{"name": "vip"}])
    await shop.change(ticket["id"], subject="Something else", status="closed")
    await shop.ticket(subject="Hello")
    before = await shop.world.rows("select (select count(*) from events where account_id = $1) as n")
    code = "if (contains(ticket.subject, 'refund') && eq(ticket.status, 'open')) {"
    code += " Action('setPriority', {priority: 'high'}); Action('addTags', {tags: 'vip, money'}); }"
    parts = await tried(shop.world, Draft(code=code, event_types=["ticket-created"]))
    [row] = rows(parts)
    assert (row.ticket_id, row.subject, row.rule_id, row.changed) == (ticket["id"], "Refund please", 0, True)
    assert [(one["name"], one["status"]) for one in row.actions] == [
        ("setPriority", "success"),
        ("addTags", "success"),
    ]
    assert row.live_actions == []
    assert [(one.rule_id, one.kind, one.field, one.ours, one.theirs) for one in row.conflicts] == [
        (other, "value", "priority", "high", "low"),
        (other, "tag", "vip", "added", "removed"),
    ]
    assert sum(part.chains for part in parts) == 3
    assert await shop.world.rows("select (select count(*) from events where account_id = $1) as n") == before
    assert [tag["name"] for tag in (await shop.see(ticket["id"]))["tags"]] == []


async def test_a_changed_rule_tells_what_it_no_longer_does(shop: Shop) -> None:  # noqa: F811
    rule = await shop.rule("Action('addTags', {tags: 'x'})")
    one = await shop.rule("Action('replyToTicket', {body_text: 'one'})")
    two = await shop.rule("Action('replyToTicket', {body_text: 'two'})")
    await shop.ticket()
    [silent] = rows(await tried(shop.world, Draft(id=rule, code="if (false) Action('addTags', {tags: 'x'})")))
    assert (silent.status, silent.actions, silent.changed) == ("silent", [], True)
    assert [action["name"] for action in silent.live_actions] == ["addTags"]
    [same] = rows(await tried(shop.world, Draft(id=rule)))
    assert (same.changed, same.conflicts) == (False, [])
    [row] = rows(await tried(shop.world, Draft(id=one)))
    assert [(found.rule_id, found.kind) for found in row.conflicts] == [(two, "reply")]
    assert row.actions[0]["reason"] == "rate"


async def test_a_trial_cannot_write(shop: Shop) -> None:  # noqa: F811
    world = shop.world
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with looking(world.database, world.account, SYSTEM) as work:
            await work.db.execute("delete from tickets where account_id = $1", world.account.id)


async def test_pages_of_history_belong_together(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    for number in range(5):
        await shop.ticket(subject=str(number), messages=[make.mail("a"), make.mail("b")])
    draft = Draft(code="Action('addTags', {tags: 'x'})", event_types=["ticket-message-created"])
    whole = rows(await tried(shop.world, draft))
    monkeypatch.setattr(trials, "EVENTS", 3)
    parts = await tried(shop.world, draft)
    assert rows(parts) == whole
    assert len(whole) == 10
    assert len(parts) > 4
    only = rows(await tried(shop.world, draft, ticket_ids=[whole[0].ticket_id]))
    assert only == whole[:2]
    assert json.dumps(whole[0].actions)


async def test_a_screened_ticket_reads_like_the_whole_one(shop: Shop) -> None:  # noqa: F811
    """Whatever field the language gets, the screening must fetch it too."""
    world = shop.world
    put = await people(shop)
    ticket = await shop.ticket(
        subject="Everything",
        external_id="E1",
        priority="high",
        language="fr",
        meta={"a": {"b": 1}},
        tags=[{"name": "x"}, {"name": "y"}],
        assignee_user={"id": world.lia.user_id},
        customer={"email": "mia@example.com", "name": "Mia Meyer", "external_id": "C1", "note": "n"},
        messages=[
            make.mail(headers={"X-A": "1"}, external_id="M1", meta={"current_page": "p"}),
            make.note(mention_ids=[world.leo.user_id]),
            make.mail(
                attachments=[{"url": "https://x.example/a", "name": "a", "content_type": "text/plain"}]
            ),
        ],
    )
    await world.leo.put(f"/api/tickets/{ticket['id']}/custom-fields/{put['FIELD']}", "v")
    survey = {"ticket_id": ticket["id"], "customer_id": ticket["customer"]["id"], "score": 4}
    await world.lia.post("/api/satisfaction-surveys", survey)
    intents = '[{"name": "refund/status", "rejected": false}]'
    sql = "update messages set intents = $2, sentiments = array['urgent'] where account_id = $1 returning id"
    await world.rows(sql, intents)
    sql = """update customers set integrations = '{"9": {"__integration_type__": "shopify", "orders": [1]}}', data = '[1]',
      language = 'fr', timezone = 'UTC' where account_id = $1 returning id"""
    await world.rows(sql)
    async with looking(world.database, world.account, SYSTEM) as work:
        definitions = await active.known(work, ["custom_fields"])
        code = " ".join(f"if (isNotEmpty({path})) Action('deleteTicket');" for path in paths(put))
        meaning = bind.rule(parse.code(code), dict(definitions)).accept()
        rule = Active(1, meaning, frozenset())
        [row] = await work.db.fetch(needs.statement([rule]), world.account.id, [ticket["id"]])
        whole = (await sights.states(work, [ticket["id"]]))[ticket["id"]]
        past = json.loads(row["wire"])
        histories.dress(past, await histories.faces(work))
        lean = msgspec.structs.replace(whole, ticket=past)
        empty = []
        for condition in needs.conditions(meaning.statements):
            read = [
                condition.found.read(Sight(one.ticket, one.message(None), now=work.now))
                for one in (lean, whole)
            ]
            assert read[0] == read[1], condition.path
            if not read[1] and read[1] is not False:
                empty.append(condition.path)
    assert len(empty) < 75, empty


def paths(put: dict[str, str]) -> list[str]:
    """Every field that rules know, on the newest message and on the last ones of the ticket."""
    found = []
    for root, rows in (
        ("ticket", fields.TICKET),
        ("ticket.customer", fields.CUSTOMER),
        ("message", fields.MESSAGE),
        ("ticket.messages[0]", fields.MESSAGE),
        ("ticket.messages", fields.MESSAGE),
    ):
        for row in rows:
            if "R" not in row.places or (root == "ticket.messages" and "[" in row.path):
                continue
            number = put["FIELD" if root == "ticket" else "OTHER"]
            path = row.path.replace("[]", "").replace("[ID]", f"[{number}]").replace('["Name"]', '["X-A"]')
            found.append(root + "." + path.removesuffix("…"))
    return found
