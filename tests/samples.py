"""A shop with one of everything, and for each operation one right call of it by somebody of the least role.

What must hold for all operations alike (rights, walls, statements, examples) is tested with these.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from polus.api.operation import Operation
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
TEXT = {"data_type": "text", "input_settings": {"input_type": "input"}}


class Sample(NamedTuple):
    """`ids` name the things in the path, in their order; `body` is made from the shop's things.

    A value of `query` that is a thing's name stands for its id.
    """

    ids: tuple[str, ...] = ()
    body: Callable[[Things], Any] | None = None
    query: dict[str, Any] = {}  # noqa: RUF012 - never changed
    headers: dict[str, str] = {}  # noqa: RUF012


def _note(_: Things) -> Any:
    return make.note("Sugar is out, see " + MARK + ".")


SAMPLES: dict[str, Sample] = {
    "get-account": Sample(),
    "list-account-settings": Sample(),
    "create-account-setting": Sample(
        body=lambda _: {"type": "in-ticket-suggestion", "data": {"is_demo_hidden": True}}
    ),
    "update-account-setting": Sample(
        ("setting",), lambda _: {"type": "views-visibility", "data": {"hidden_views": []}}
    ),
    "list-events": Sample(query={"types": ["tag-created", "team-created"]}),
    "get-event": Sample(("event",)),
    "upload-files": Sample(body=lambda _: UPLOAD, headers=MULTIPART),
    "download-file": Sample(("file_type", "hash", "resource_name")),
    "list-tags": Sample(query={"search": MARK}),
    "create-tag": Sample(body=lambda _: {"name": "urgent", "description": "today"}),
    "delete-tags": Sample(body=lambda things: {"ids": [things["tag"], things["tag2"]]}),
    "get-tag": Sample(("tag",)),
    "update-tag": Sample(("tag",), lambda _: {"name": "sweets"}),
    "delete-tag": Sample(("tag",)),
    "merge-tags": Sample(("tag",), lambda things: {"source_tags_ids": [things["tag2"]]}),
    "list-teams": Sample(),
    "create-team": Sample(body=lambda things: {"name": "Night shift", "members": [{"id": things["user"]}]}),
    "get-team": Sample(("team",)),
    "update-team": Sample(
        ("team",), lambda things: {"name": "Day shift", "members": [{"id": things["user"]}]}
    ),
    "delete-team": Sample(("team",)),
    "list-users": Sample(),
    "create-user": Sample(
        body=lambda _: {"name": "Ida Island", "email": "ida@shop.example", "role": {"name": "agent"}}
    ),
    "get-user": Sample(("user",)),
    "update-user": Sample(("me",), lambda _: {"bio": "Answers on Mondays."}),
    "delete-user": Sample(("user",)),
    "list-custom-fields": Sample(query={"object_type": "Ticket"}),
    "create-custom-field": Sample(
        body=lambda _: {"object_type": "Customer", "label": "Shoe size", "definition": TEXT}
    ),
    "update-custom-fields": Sample(body=lambda things: [{"id": things["field"], "priority": 7}]),
    "get-custom-field": Sample(("field",)),
    "update-custom-field": Sample(("field",), lambda _: {"description": "Why they write."}),
    "list-customers": Sample(query={"email": "mia@example.com"}),
    "create-customer": Sample(body=lambda _: {"name": "Nora North", "email": "nora@example.com"}),
    "get-customer": Sample(("customer",)),
    "update-customer": Sample(("customer",), lambda _: {"note": "Likes sugar."}),
    "delete-customer": Sample(("customer2",)),
    "delete-customers": Sample(body=lambda things: {"ids": [things["customer2"]]}),
    "merge-customers": Sample(
        body=lambda _: {"name": "Mia Meyer"}, query={"source_id": "customer2", "target_id": "customer"}
    ),
    "update-customer-data": Sample(("customer",), lambda _: {"data": {"points": 12}}),
    "list-customer-custom-fields-values": Sample(("customer",)),
    "update-customer-custom-field-values": Sample(
        ("customer",), lambda things: [{"id": things["field2"], "value": "blue"}]
    ),
    "update-customer-custom-field-value": Sample(("customer", "field2"), lambda _: "green"),
    "delete-customer-custom-field-value": Sample(("customer", "field2")),
    "list-ticket-custom-fields": Sample(("ticket",)),
    "update-ticket-custom-fields": Sample(
        ("ticket",), lambda things: [{"id": things["field"], "value": "late"}]
    ),
    "update-ticket-custom-field": Sample(("ticket", "field"), lambda _: "lost"),
    "delete-ticket-custom-field": Sample(("ticket", "field")),
    "list-tickets": Sample(query={"limit": 10}),
    "create-ticket": Sample(body=lambda _: {"messages": [make.mail()], "subject": "A parcel"}),
    "get-ticket": Sample(("ticket",)),
    "update-ticket": Sample(("ticket",), lambda _: {"is_unread": False}),
    "delete-ticket": Sample(("ticket",)),
    "list-ticket-tags": Sample(("ticket",)),
    "create-ticket-tags": Sample(("ticket",), lambda things: {"ids": [things["tag2"]]}),
    "update-ticket-tags": Sample(("ticket",), lambda things: {"ids": [things["tag2"]]}),
    "delete-ticket-tags": Sample(("ticket",), lambda things: {"ids": [things["tag"]]}),
    "list-messages": Sample(),
    "list-ticket-messages": Sample(("ticket",)),
    "create-ticket-message": Sample(("ticket",), _note),
    "get-ticket-message": Sample(("ticket", "note")),
    "update-ticket-message": Sample(("ticket", "note"), _note),
    "delete-ticket-message": Sample(("ticket", "note")),
}


async def fill(world: World) -> Things:
    """One of everything, all carrying MARK; ids by what they are of. May be done again: then there is more."""
    ada, leo, lia = world.ada, world.leo, world.lia
    again = (await world.rows("select count(*) from tags where account_id = $1"))[0][0]
    things: Things = {"me": 0, "hash": world.account.hash, "file_type": "attachment"}
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
