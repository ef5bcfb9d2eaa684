"""A shop with one of everything, and for each operation one right call of it by somebody of the least role.

What must hold for all operations alike (rights, walls, statements, examples) is tested with these.
"""

import datetime
from collections.abc import Callable
from typing import Any, NamedTuple

from polus.api import table
from polus.api.operation import Operation
from polus.base import clock
from tests import make
from tests.world import Answer, Client, World

BOUNDARY = "sample"
MULTIPART = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY}
UPLOAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="notes.txt"; filename="notes.txt"\r\n'
    f"Content-Type: text/plain\r\n\r\nCall back on Monday.\r\n--{BOUNDARY}--\r\n"
).encode()

# What the filled shop's things are called: must never show up in another shop's answers.
MARK = "Marzipan"

Things = dict[str, Any]
TEMPLATE = {"type": "wrapper", "widgets": [{"type": "card", "path": "orders", "title": MARK, "widgets": []}]}
# A public address, so that no name is resolved.
HOOK = {"url": "https://93.184.216.34/hook", "triggers": {"ticket-created": True}}
# Written by the voice channel alone.
CALL = """
with call as (
  insert into voice_calls (account_id, integration_id, ticket_id, external_id, provider, status, direction,
    created_datetime) values ($1, 1, $2, 'CA' || $3::bigint, 'twilio', 'completed', 'inbound', now()) returning id
), event as (
  insert into voice_call_events (account_id, type, call_id, created_datetime)
  select $1, 'phone-call-ringing', id, now() from call returning id
), recording as (
  insert into voice_call_recordings (account_id, call_id, external_id, url, duration, type, created_datetime)
  select $1, id, 'RE' || $3::bigint, 'https://calls.example/1.mp3', 12, 'voicemail', now() from call returning id
)
select call.id, event.id, recording.id from call, event, recording
"""
# How often a shop was filled; users who are deleted stay as rows.
FILLED = "select count(*) from users where account_id = $1 and name = $2"
ACTION = {"name": "setResponseText", "title": "Answer", "arguments": {"body_text": "It is on its way."}}
TEXT = {"data_type": "text", "input_settings": {"input_type": "input"}}

WEEK = [
    {"member": "periodStart", "operator": "afterDate", "values": ["2026-03-02"]},
    {"member": "periodEnd", "operator": "beforeDate", "values": ["2026-03-09"]},
]


class Sample(NamedTuple):
    """`ids` name the things in the path, in their order; `body` is made from the shop's things.

    A value of `query` that is a thing's name stands for its id. `statements`: how many the operation runs, begin and
    commit not counted; more is a decision, not an accident.
    """

    statements: int
    ids: tuple[str, ...] = ()
    body: Callable[[Things], Any] | None = None
    query: dict[str, Any] = {}  # noqa: RUF012 - never changed
    headers: dict[str, str] = {}  # noqa: RUF012


def _note(_: Things) -> Any:
    return make.note("Sugar is out, see " + MARK + ".")


def _code(things: Things) -> str:
    team = things["team"]
    return f"if (isEmpty(ticket.tags)) {{ Action('setTeamAssignee', {{assignee_team: {{id: {team}}}}}); }}"


def _interaction(things: Things) -> Any:
    more = {"outcome": "automated", "feature": "ai-agent", "intent": MARK}
    return {"kind": "interaction", "external_id": "talk-1", "ticket_id": things["ticket"], **more}


SAMPLES: dict[str, Sample] = {
    "list-views": Sample(1, query={"category": "system"}),
    "create-view": Sample(
        6, body=lambda _: {"slug": "mine", "visibility": "private", "filters": "eq(ticket.status, 'open')"}
    ),
    "get-view": Sample(1, ("view",)),
    "update-view": Sample(6, ("own_view",), lambda _: {"name": "Mine"}),
    "delete-view": Sample(3, ("own_view",)),
    "list-view-items": Sample(3, ("view",)),
    "update-view-items": Sample(2, ("view",), lambda _: {"view": {"search": MARK}}),
    "get-account": Sample(1),
    "list-account-settings": Sample(1),
    "create-account-setting": Sample(
        2, body=lambda _: {"type": "in-ticket-suggestion", "data": {"is_demo_hidden": True}}
    ),
    "update-account-setting": Sample(
        3, ("setting",), lambda _: {"type": "views-visibility", "data": {"hidden_views": []}}
    ),
    "list-events": Sample(1, query={"types": ["tag-created", "team-created"]}),
    "get-event": Sample(1, ("event",)),
    "upload-files": Sample(1, body=lambda _: UPLOAD, headers=MULTIPART),
    "download-file": Sample(1, ("file_type", "hash", "resource_name")),
    "list-tags": Sample(1, query={"search": MARK}),
    "create-tag": Sample(2, body=lambda _: {"name": "urgent", "description": "today"}),
    "delete-tags": Sample(7, body=lambda things: {"ids": [things["tag"], things["tag2"]]}),
    "get-tag": Sample(1, ("tag",)),
    "update-tag": Sample(8, ("tag",), lambda _: {"name": "sweets"}),
    "delete-tag": Sample(7, ("tag",)),
    "merge-tags": Sample(13, ("tag",), lambda things: {"source_tags_ids": [things["tag2"]]}),
    "list-teams": Sample(1),
    "create-team": Sample(
        4, body=lambda things: {"name": "Night shift", "members": [{"id": things["user"]}]}
    ),
    "get-team": Sample(1, ("team",)),
    "update-team": Sample(
        5, ("team",), lambda things: {"name": "Day shift", "members": [{"id": things["user"]}]}
    ),
    "delete-team": Sample(4, ("team",)),
    "list-users": Sample(1),
    "create-user": Sample(
        4, body=lambda _: {"name": "Ida Island", "email": "ida@shop.example", "role": {"name": "agent"}}
    ),
    "get-user": Sample(1, ("user",)),
    "update-user": Sample(3, ("me",), lambda _: {"bio": "Answers on Mondays."}),
    "delete-user": Sample(7, ("user",)),
    "list-presence": Sample(1),
    "update-presence": Sample(5, ("me",), lambda _: {"available": False}),
    "list-custom-fields": Sample(1, query={"object_type": "Ticket"}),
    "create-custom-field": Sample(
        4, body=lambda _: {"object_type": "Customer", "label": "Shoe size", "definition": TEXT}
    ),
    "update-custom-fields": Sample(4, body=lambda things: [{"id": things["field"], "priority": 7}]),
    "get-custom-field": Sample(1, ("field",)),
    "update-custom-field": Sample(4, ("field",), lambda _: {"description": "Why they write."}),
    "list-customers": Sample(1, query={"email": "mia@example.com"}),
    "create-customer": Sample(4, body=lambda _: {"name": "Nora North", "email": "nora@example.com"}),
    "get-customer": Sample(1, ("customer",)),
    "update-customer": Sample(5, ("customer",), lambda _: {"note": "Likes sugar."}),
    "delete-customer": Sample(11, ("customer2",)),
    "delete-customers": Sample(10, body=lambda things: {"ids": [things["customer2"]]}),
    "merge-customers": Sample(
        18, body=lambda _: {"name": "Mia Meyer"}, query={"source_id": "customer2", "target_id": "customer"}
    ),
    "update-customer-data": Sample(3, ("customer",), lambda _: {"data": {"points": 12}}),
    "list-customer-custom-fields-values": Sample(2, ("customer",)),
    "update-customer-custom-field-values": Sample(
        7, ("customer",), lambda things: [{"id": things["field2"], "value": "blue"}]
    ),
    "update-customer-custom-field-value": Sample(6, ("customer", "field2"), lambda _: "green"),
    "delete-customer-custom-field-value": Sample(7, ("customer", "field2")),
    "list-ticket-custom-fields": Sample(2, ("ticket",)),
    "update-ticket-custom-fields": Sample(
        7, ("ticket",), lambda things: [{"id": things["field"], "value": "late"}]
    ),
    "update-ticket-custom-field": Sample(6, ("ticket", "field"), lambda _: "lost"),
    "delete-ticket-custom-field": Sample(7, ("ticket", "field")),
    "list-macros": Sample(1, query={"search": MARK}),
    "create-macro": Sample(2, body=lambda _: {"name": "Refund", "actions": [ACTION]}),
    "get-macro": Sample(1, ("macro",)),
    "update-macro": Sample(3, ("macro",), lambda _: {"name": "Sorry"}),
    "delete-macro": Sample(4, ("macro",)),
    "bulk-archive-macros": Sample(4, body=lambda things: {"ids": [things["macro"]]}),
    "bulk-unarchive-macros": Sample(2, body=lambda things: {"ids": [things["macro"]]}),
    "list-jobs": Sample(1, query={"type": "exportMacro"}),
    "create-job": Sample(
        1,
        body=lambda things: {
            "type": "updateTicket",
            "params": {"ticket_ids": [things["ticket"]], "updates": {"status": "closed"}},
        },
    ),
    "get-job": Sample(1, ("job",)),
    "update-job": Sample(2, ("job",), lambda _: {"meta": {"asked": "by phone"}}),
    "cancel-job": Sample(2, ("job",)),
    "list-integrations": Sample(1, query={"type": "http"}),
    "create-integration": Sample(3, body=lambda _: {"name": "Stock", "type": "http", "http": HOOK}),
    "get-integration": Sample(1, ("integration",)),
    "update-integration": Sample(4, ("integration",), lambda _: {"name": "Shelves"}),
    "delete-integration": Sample(8, ("integration",)),
    "list-shops": Sample(1),
    "create-shop": Sample(
        5, body=lambda things: {"name": "West", "domain": f"west{things['shop']}.example", "secret": "s"}
    ),
    "update-shop": Sample(3, ("shop",), lambda _: {"secret": "other"}),
    "list-deliveries": Sample(2, ("integration",)),
    "get-delivery": Sample(1, ("integration", "delivery")),
    "test-integration": Sample(6, ("integration",), lambda _: {}),
    "replay-deliveries": Sample(2, ("integration",), lambda things: {"ids": [things["delivery"]]}),
    "list-widgets": Sample(1),
    "create-widget": Sample(
        3, body=lambda things: {"type": "http", "integration_id": things["integration"], "template": TEMPLATE}
    ),
    "get-widget": Sample(1, ("widget",)),
    "update-widget": Sample(4, ("widget",), lambda _: {"order": 3}),
    "delete-widget": Sample(2, ("widget",)),
    "list-rules": Sample(1),
    "create-rule": Sample(
        5, body=lambda things: {"name": "Sweets", "code": _code(things), "event_types": "ticket-created"}
    ),
    "update-rules-priorities": Sample(
        4, body=lambda things: {"priorities": [{"id": things["rule"], "priority": 40}]}
    ),
    "get-rule": Sample(1, ("rule",)),
    "update-rule": Sample(6, ("rule",), lambda things: {"code": _code(things), "deactivated_datetime": None}),
    "delete-rule": Sample(2, ("rule",)),
    "try-rules": Sample(
        5,
        body=lambda _: {
            "start_datetime": "2026-01-01T00:00:00+00:00",
            "end_datetime": "2026-03-01T00:00:00+00:00",
            "rules": [{"code": "Action('addTags', {tags: 'x'})", "event_types": "ticket-created"}],
        },
    ),
    "list-satisfaction-surveys": Sample(1),
    "create-satisfaction-survey": Sample(
        2, body=lambda things: {"ticket_id": things["ticket2"], "customer_id": things["customer"]}
    ),
    "get-satisfaction-survey": Sample(1, ("survey",)),
    "update-satisfaction-survey": Sample(3, ("survey",), lambda _: {"score": 5}),
    "get-legacy-statistic": Sample(4, ("statistic",), lambda _: {"filters": {}}),
    "download-legacy-statistic": Sample(4, ("statistic",), lambda _: {"filters": {}}),
    "search-metric-cards": Sample(0, query={"q": "answer"}),
    "get-metric-card": Sample(0, ("slug",)),
    "create-metric-card-feedback": Sample(1, ("slug",), lambda _: {"rating": "up"}),
    "list-metric-card-feedback": Sample(1, query={"slug": "open-tickets"}),
    "create-reporting-facts": Sample(2, body=lambda things: {"facts": [_interaction(things)]}),
    "delete-reporting-facts": Sample(1, body=lambda _: {"kind": "interaction", "external_ids": ["talk-1"]}),
    "get-statistic": Sample(
        2, body=lambda _: {"query": {"scope": "tickets-created", "timezone": "UTC", "filters": WEEK}}
    ),
    "search": Sample(1, body=lambda _: {"type": "tag", "query": MARK}),
    "list-voice-calls": Sample(1, query={"ticket_id": "ticket"}),
    "get-voice-call": Sample(1, ("call",)),
    "list-voice-call-events": Sample(1, query={"call_id": "call"}),
    "get-voice-call-event": Sample(1, ("call_event",)),
    "list-voice-call-recordings": Sample(1, query={"call_id": "call"}),
    "get-voice-call-recording": Sample(1, ("recording",)),
    "delete-voice-call-recording": Sample(1, ("recording",)),
    "create-voice-call-summary": Sample(
        3, ("recording",), lambda _: {"summary": MARK + " shall come by Friday."}
    ),
    "list-tickets": Sample(1, query={"limit": 10}),
    "create-ticket": Sample(4, body=lambda _: {"messages": [make.mail()], "subject": "A parcel"}),
    "get-ticket": Sample(1, ("ticket",)),
    "update-ticket": Sample(3, ("ticket",), lambda _: {"is_unread": False}),
    "delete-ticket": Sample(3, ("ticket",)),
    "list-ticket-tags": Sample(2, ("ticket",)),
    "create-ticket-tags": Sample(7, ("ticket",), lambda things: {"ids": [things["tag2"]]}),
    "update-ticket-tags": Sample(7, ("ticket",), lambda things: {"ids": [things["tag2"]]}),
    "delete-ticket-tags": Sample(5, ("ticket",), lambda things: {"ids": [things["tag"]]}),
    "merge-tickets": Sample(20, ("ticket",), lambda things: {"source_id": things["ticket2"]}),
    "split-ticket": Sample(11, ("ticket",), lambda things: {"message_ids": [things["note"]]}),
    "get-analysis-options": Sample(1),
    "update-analysis-options": Sample(
        3, body=lambda _: {"detect_language": True, "detect_intents": True, "detect_sentiments": False}
    ),
    "create-message-analysis": Sample(
        4, ("message",), lambda _: {"language": "fr", "intents": ["refund/request"]}
    ),
    "try-template": Sample(
        2, body=lambda things: {"template": "{{ticket.subject}}", "ticket_id": things["ticket"]}
    ),
    "list-sla-policies": Sample(1),
    "create-sla-policy": Sample(4, body=lambda _: {"name": "Fast", "first_response_seconds": 3600}),
    "get-sla-policy": Sample(1, ("sla_policy",)),
    "update-sla-policy": Sample(4, ("sla_policy",), lambda _: {"priorities": ["high"]}),
    "delete-sla-policy": Sample(2, ("sla_policy",)),
    "list-ticket-slas": Sample(2, ("ticket",)),
    "list-messages": Sample(1),
    "list-ticket-messages": Sample(1, ("ticket",)),
    "create-ticket-message": Sample(7, ("ticket",), _note),
    "get-ticket-message": Sample(1, ("ticket", "note")),
    "update-ticket-message": Sample(6, ("ticket", "note"), _note),
    "delete-ticket-message": Sample(5, ("ticket", "note")),
}

OPERATIONS = [operation for operation in table.OPERATIONS if operation.id in SAMPLES]


async def fill(world: World) -> Things:
    """One of everything, all carrying MARK; ids by what they are of. May be done again: then there is more."""
    world = world.near()
    ada, leo, lia = world.ada, world.leo, world.lia
    again = (await world.rows(FILLED, "Uma " + MARK))[0][0]
    things: Things = {
        "me": 0,
        "hash": world.account.hash,
        "file_type": "attachment",
        "slug": "open-tickets",
        "statistic": "tickets-created-per-channel",
    }
    for name in ("tag", "tag2"):
        things[name] = _made(await leo.post("/api/tags", {"name": f"{MARK} {name} {again}"}))["id"]
    user = {
        "name": "Uma " + MARK,
        "email": f"uma{again}@{world.account.domain}.example",
        "role": {"name": "agent"},
    }
    things["user"] = _made(await ada.post("/api/users", user))["id"]
    team = {"name": MARK + " team", "members": [{"id": things["user"]}]}
    things["team"] = _made(await leo.post("/api/teams", team))["id"]
    uploaded = await lia.send("POST", "/api/upload", UPLOAD, headers=MULTIPART)
    things["file"] = uploaded.json[0]["url"]
    things["resource_name"] = things["file"].rsplit("/", 1)[1]
    await make.address(world, f"help{again}@{world.account.domain}.example")
    ticket = await make.ticket(
        world,
        subject=MARK + " is late",
        tags=[{"name": f"{MARK} tag {again}"}],
        assignee_user={"id": things["user"]},
    )
    things |= {
        "ticket": ticket["id"],
        "message": ticket["messages"][0]["id"],
        "customer": ticket["customer"]["id"],
    }
    note = await world.oda.post(f"/api/tickets/{things['ticket']}/messages", make.note(MARK + " again"))
    things["note"] = _made(note)["id"]
    for name, object_type, label in (("field", "Ticket", "Reason"), ("field2", "Customer", "Colour")):
        body = {"object_type": object_type, "label": f"{MARK} {label} {again}", "definition": TEXT}
        things[name] = _made(await leo.post("/api/custom-fields", body))["id"]
    await lia.put(f"/api/tickets/{things['ticket']}/custom-fields/{things['field']}", MARK)
    await lia.put(f"/api/customers/{things['customer']}/custom-fields/{things['field2']}", MARK)
    customer = {"name": "Noa " + MARK, "email": f"noa{again}@example.com"}
    things["customer2"] = _made(await lia.post("/api/customers", customer))["id"]
    things["macro"] = _made(await leo.post("/api/macros", {"name": f"{MARK} {again}", "actions": [ACTION]}))[
        "id"
    ]
    ticket2 = await make.ticket(world, subject=MARK + " is broken")
    things["ticket2"] = ticket2["id"]
    integration = {"name": MARK + " stock", "type": "http", "http": HOOK}
    things["integration"] = _made(await ada.post("/api/integrations", integration))["id"]
    shop = {"name": MARK + " shop", "domain": f"north{again}.example"}
    things["shop"] = _made(await ada.post("/api/_polus/shops", shop))["integration_id"]
    tested = await ada.post(f"/api/_polus/integrations/{things['integration']}/test", {})
    things["delivery"] = tested.json["id"]
    widget = {"type": "http", "integration_id": things["integration"], "template": TEMPLATE}
    things["widget"] = _made(await leo.post("/api/widgets", widget))["id"]
    rule = {
        "name": MARK + " rule",
        "code": f"if (isNotEmpty(ticket.tags)) {{ Action('addTags', {{tags: '{MARK} tag2'}}); }}",
        "event_types": "ticket-updated",
        "deactivated_datetime": "2026-01-01T00:00:00",
    }
    things["rule"] = _made(await leo.post("/api/rules", rule))["id"]
    survey = {"ticket_id": things["ticket"], "customer_id": things["customer"]}
    things["survey"] = _made(await lia.post("/api/satisfaction-surveys", survey))["id"]
    soon = (clock.now() + datetime.timedelta(minutes=30)).isoformat()
    job: Things = {"type": "updateTicket", "scheduled_datetime": soon, "meta": {"note": MARK}}
    job["params"] = {"ticket_ids": [things["ticket"]], "updates": {"subject": MARK}}
    things["job"] = _made(await world.bea.post("/api/jobs", job))["id"]
    things["call"], things["call_event"], things["recording"] = (
        await world.rows(CALL, things["ticket"], again)
    )[0]
    policy = {"name": MARK, "channels": ["fax"], "resolution_seconds": 7200}
    things["sla_policy"] = _made(await ada.post("/api/_polus/sla-policies", policy))["id"]
    view = {"slug": MARK, "name": MARK, "filters": "isNotEmpty(ticket.subject)"}
    things["view"] = _made(await leo.post("/api/views", view))["id"]
    things["own_view"] = _made(await world.oda.post("/api/views", {**view, "visibility": "private"}))["id"]
    things["setting"] = (
        await world.rows(
            "select id from account_settings where account_id = $1 and type = 'views-visibility'"
        )
    )[0]["id"]
    things["event"] = (await world.rows("select min(id) from events where account_id = $1"))[0][0]
    return things


def _made(answer: Answer) -> Any:
    assert answer.status == 201, answer.raw
    return answer.json


def path(operation: Operation, things: Things) -> str:
    """The operation's path with the ids of these things."""
    names = iter(SAMPLES[operation.id].ids)
    return "/".join(
        str(things[next(names)]) if segment.startswith("{") else segment
        for segment in operation.path.split("/")
    )


def parts(operation: Operation, things: Things) -> tuple[Any, dict[str, str], dict[str, Any]]:
    """Body, headers and query of the sample call, made from these things."""
    sample = SAMPLES[operation.id]
    query = {
        key: things.get(value, value) if isinstance(value, str) else value
        for key, value in sample.query.items()
    }
    return sample.body(things) if sample.body else None, sample.headers, query


async def call(client: Client, operation: Operation, at: str, things: Things) -> Answer:
    """The sample call of the operation at a path, the rest made from the things."""
    body, headers, query = parts(operation, things)
    return await client.send(operation.method, at, body, headers=headers, **query)
