"""`/api/integrations`."""

import json
from typing import Any

import pytest

from polus.base.crypto import Vault
from polus.desk import integrations
from tests import make
from tests.world import World

URL = "https://93.184.216.34/hook"
OFF = {
    "ticket-created": False,
    "ticket-updated": False,
    "ticket-message-created": False,
    "ticket-self-unsnoozed": False,
    "ticket-message-failed": False,
    "ticket-assignment-updated": False,
    "ticket-status-updated": False,
    "ticket-handed-over": False,
}
SECRET = "s3cret-of-the-shop"


async def create(world: World, **http: Any) -> Any:
    made = await world.ada.post(
        "/api/integrations", {"name": "Orders", "type": "http", "http": {"url": URL, **http}}
    )
    assert made.status == 201, made.raw
    return made.json


async def test_an_integration_is_made_and_read(world: World) -> None:
    made = await create(world)
    assert made["http"] == {
        "id": made["id"],
        "url": URL,
        "method": "GET",
        "request_content_type": "application/json",
        "response_content_type": "application/json",
        "form": None,
        "triggers": OFF,
        "oauth2": None,
    }
    assert {
        k: made[k] for k in ("uri", "user", "managed", "meta", "application_id", "business_hours_id")
    } == {
        "uri": f"/api/integrations/{made['id']}/",
        "user": {"id": world.ada.user_id},
        "managed": False,
        "meta": {},
        "application_id": None,
        "business_hours_id": None,
    }
    assert (await world.oda.get(f"/api/integrations/{made['id']}/")).json == made
    assert await world.events() == [("integration-created", "Integration", made["id"], {"name": "Orders"})]
    assert (await world.leo.post("/api/integrations", {"name": "x", "type": "http"})).status == 403


async def test_secrets_are_kept_and_never_told(world: World) -> None:
    made = await create(world, headers={"Authorization": "Bearer " + SECRET}, hmac_secret=SECRET)
    path = f"/api/integrations/{made['id']}"
    assert not {"headers", "hmac_secret"} & made["http"].keys()
    assert await _secrets(world) == (SECRET, {"Authorization": "Bearer " + SECRET})
    # In the database they are sealed: for this account, with the installation's secret.
    (row,) = await world.rows("select http::text from integrations where account_id = $1")
    assert SECRET not in row[0]
    http = json.loads(row[0])
    for vault, account_id in ((Vault("z" * 32), world.account.id), (world.database.vault, 0)):
        with pytest.raises(ValueError, match="another secret"):
            integrations.opened(vault, account_id, http)
    # What was read can be written back: secrets stay.
    assert (await world.ada.put(path, made)).json == made
    kept = await world.ada.put(path, {"http": {"url": URL, "method": "POST"}})
    assert await _secrets(world) == (SECRET, {"Authorization": "Bearer " + SECRET})
    changed = await world.ada.put(path, {"http": {"headers": {"X-Key": SECRET}, "hmac_secret": ""}})
    assert (kept.status, changed.status) == (202, 202)
    assert await _secrets(world) == (None, {"X-Key": SECRET})
    await world.ada.put(path, {"http": {"headers": None, "form": {"token": SECRET}}})
    rows = await world.rows("select http->'headers' from integrations where account_id = $1")
    assert rows[0][0] == "null"
    events = await world.events("integration-updated")
    assert [event[3] for event in events] == [
        {"http": {"method": ["GET", "POST"]}},
        {"http": {"headers": True, "hmac_secret": True}},
        {"http": {"headers": True, "form": True}},
    ]
    assert SECRET not in str(await world.events())


async def _secrets(world: World) -> tuple[Any, Any]:
    """HMAC secret and headers of the shop's only integration, as its calls send them."""
    (row,) = await world.rows("select http::text from integrations where account_id = $1")
    http = integrations.opened(world.database.vault, world.account.id, json.loads(row[0]))
    return http["hmac_secret"], http["headers"]


async def test_secrets_of_another_key_can_be_replaced(world: World) -> None:
    made = await create(world, headers={"X-Key": SECRET})
    foreign = Vault("z" * 32).seal("{}", "integrations/1")
    await world.rows(
        "update integrations set http = http || jsonb_build_object('headers', $2::text) where account_id = $1",
        foreign,
    )
    path = f"/api/integrations/{made['id']}"
    assert (await world.ada.put(path, {"http": {"headers": {"X-Key": "new"}}})).status == 202
    assert await _secrets(world) == (None, {"X-Key": "new"})


async def test_triggers_merge_and_take_their_former_names(world: World) -> None:
    made = await create(world, triggers={"ticket_created": True, "ticket_assignee_updated": True})
    on = {**OFF, "ticket-created": True, "ticket-assignment-updated": True}
    assert made["http"]["triggers"] == on
    path = f"/api/integrations/{made['id']}"
    changed = await world.ada.put(path, {"http": {"triggers": {"ticket-message-created": True}}})
    assert changed.json["http"]["triggers"] == {**on, "ticket-message-created": True}
    off = await world.ada.put(path, {"http": {"url": URL, "triggers": {"ticket_created": False}}})
    assert off.json["http"]["triggers"] == {**on, "ticket-created": False, "ticket-message-created": True}


async def test_it_is_switched_off_and_on(world: World) -> None:
    made = await create(world)
    path = f"/api/integrations/{made['id']}"
    off = await world.ada.put(path, {"deactivated_datetime": "2026-01-02T03:04:05Z"})
    assert off.json["deactivated_datetime"] == "2026-01-02T03:04:05+00:00"
    on = await world.ada.put(path, {"deactivated_datetime": None, "name": "Orders 2"})
    assert (on.json["deactivated_datetime"], on.json["name"]) == (None, "Orders 2")
    same = await world.ada.put(path, {"deactivated_datetime": None})
    assert same.json["updated_datetime"] == on.json["updated_datetime"]
    assert [event[0] for event in await world.events()][1:] == [
        "integration-updated",
        "integration-deactivated",
        "integration-updated",
        "integration-reactivated",
    ]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"name": "a", "type": "http"}, {"http": {"url": ["Missing data for required field."]}}),
        ({"name": "a", "type": "http", "http": {}}, {"http": {"url": ["Missing data for required field."]}}),
        ({"type": "http", "http": {"url": URL}}, {"name": ["Missing data for required field."]}),
        ({"name": "a", "type": "shopify", "http": {"url": URL}}, {"type": ["Not a valid choice."]}),
        ({"name": "a", "type": "http", "http": {"url": URL}, "business_hours_id": 9},
         {"business_hours_id": ["Does not exist."]}),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told(world: World, body: Any, told: Any) -> None:
    answer = await world.ada.post("/api/integrations", body)
    assert (answer.status, answer.json["error"]["data"]) == (400, told)
    assert await world.events() == []


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"method": "TRACE"}, {"method": ["Not a valid choice."]}),
        ({"headers": {"Bad Name": "x"}}, {"headers": {"Bad Name": ["Not a valid header name."]}}),
        ({"headers": {"X-Number": 5}}, {"headers": {"X-Number": ["Not a valid string."]}}),
        ({"form": [1]}, {"form": ["Invalid type."]}),
        ({"form": {"a": "\0"}}, {"form": ["Not a valid string."]}),
        ({"form": {"a": "x" * 262_144}}, {"form": ["Longer than maximum length 262144."]}),
        ({"triggers": {"ticket-exploded": True}}, {"triggers": {"ticket-exploded": ["No such field"]}}),
        ({"url": "ftp://93.184.216.34/"}, {"url": ["Not a valid URL."]}),
        ({"url": "http://127.0.0.1/"}, {"url": ["The host must resolve to public addresses."]}),
        ({"url": "http://localhost:8000/"}, {"url": ["The host must resolve to public addresses."]}),
        ({"url": "http://0x7f.1/"}, {"url": ["The host must resolve to public addresses."]}),
        ({"url": "http://169.254.169.254/"}, {"url": ["The host must resolve to public addresses."]}),
        ({"url": "http://[::ffff:10.0.0.1]/"}, {"url": ["The host must resolve to public addresses."]}),
    ],
)
async def test_calls_are_checked_when_made_and_when_changed(world: World, given: Any, told: Any) -> None:
    body = {"name": "a", "type": "http", "http": {"url": URL, **given}}
    answer = await world.ada.post("/api/integrations", body)
    assert (answer.status, answer.json["error"]["data"]) == (400, {"http": told})
    made = await create(world)
    changed = await world.ada.put(f"/api/integrations/{made['id']}", {"http": given})
    assert (changed.status, changed.json["error"]["data"]) == (400, {"http": told})
    assert (await world.oda.get(f"/api/integrations/{made['id']}")).json == made


async def test_allowed_and_variable_hosts_pass(world: World) -> None:
    for url in (
        "https://hooks.test/a",
        "http://10.9.1.1:8080/",
        "https://{{ticket.customer.data.shop}}.example/orders",
        "https://93.184.216.34/{{ticket.id}}?mail={{ticket.customer.email}}",
    ):
        made = await create(world, url=url)
        assert made["http"]["url"] == url


async def test_native_types_are_listed_and_only_their_own_is_changed(world: World) -> None:
    made = await create(world)
    rows = await world.rows(
        "insert into integrations (account_id, type, name, meta, created_datetime, updated_datetime)"
        " values ($1, 'shopify', 'Shop', '{\"shop_name\": \"acme\"}', now(), now()) returning id"
    )
    number = rows[0][0]
    shop = (await world.oda.get(f"/api/integrations/{number}")).json
    assert ("http" in shop, shop["meta"], shop["user"]) == (False, {"shop_name": "acme"}, None)
    listed = (await world.oda.get("/api/integrations")).json
    assert [one["id"] for one in listed["data"]] == [number, made["id"]]
    assert "total_resources" not in listed["meta"]
    assert (await world.oda.get("/api/integrations", type="shopify")).json["data"] == [shop]
    assert (await world.oda.get("/api/integrations", type="self_service")).status == 400
    assert [
        one["id"]
        for one in await world.oda.walk("/api/integrations", limit=1, order_by="created_datetime:asc")
    ] == [
        made["id"],
        number,
    ]
    path = f"/api/integrations/{number}"
    renamed = await world.ada.put(path, {**shop, "name": "Acme"})
    assert (renamed.status, renamed.json["name"]) == (202, "Acme")
    refused = await world.ada.put(path, {"http": {"url": URL}})
    assert list(refused.json["error"]["data"]) == ["http"]
    refused = await world.ada.put(path, {"type": "http"})
    assert list(refused.json["error"]["data"]) == ["type"]


async def test_an_account_has_as_many_as_it_may(world: World) -> None:
    made = await world.ada.post("/api/account/settings", {"type": "limits", "data": {"max_integrations": 1}})
    assert made.status == 201, made.raw
    await create(world)
    over = await world.ada.post("/api/integrations", {"name": "b", "type": "http", "http": {"url": URL}})
    assert over.status == 409
    assert len((await world.oda.get("/api/integrations")).json["data"]) == 1


async def test_deleting_cleans_up(world: World) -> None:
    made = await create(world)
    number = made["id"]
    widget = await world.leo.post(
        "/api/widgets",
        {"type": "http", "integration_id": number, "template": {"type": "wrapper", "widgets": []}},
    )
    assert widget.status == 201
    ticket = await make.ticket(world)
    await world.rows(
        "update customers set integrations = jsonb_build_object($2::text, '{}'::jsonb, '0', '{}'::jsonb)"
        " where account_id = $1 returning id",
        str(number),
    )
    view = await _view(world, number)
    kept = await create(world)
    other = await _view(world, kept["id"])
    assert (await world.leo.delete(f"/api/integrations/{number}")).status == 403
    assert (await world.ada.delete(f"/api/integrations/{number}/")).status == 204
    assert (await world.ada.delete(f"/api/integrations/{number}")).status == 404
    assert (await world.oda.get(f"/api/widgets/{widget.json['id']}")).status == 404
    customer = (await world.oda.get(f"/api/customers/{ticket['customer']['id']}")).json
    assert customer["integrations"] == {"0": {}}
    off = await world.rows("select id from views where account_id = $1 and deactivated_datetime is not null")
    assert [row[0] for row in off] == [view]
    assert other != view
    kinds = ("view-deactivated", "widget-deleted", "integration-deleted")
    assert await world.events(*kinds) == [
        ("widget-deleted", "Widget", widget.json["id"], None),
        ("integration-deleted", "Integration", number, {"name": "Orders"}),
        ("view-deactivated", "View", view, {"reason": f"Integration {number} was deleted."}),
    ]


async def _view(world: World, integration_id: int) -> int:
    filters = f"containsAny(ticket.integrations.id, [{integration_id}])"
    made = await world.leo.post("/api/views", {"slug": "shop", "filters": filters})
    assert made.status == 201, made.raw
    return int(made.json["id"])


async def test_what_is_used_is_not_deleted(world: World) -> None:
    made = await create(world)
    number = made["id"]
    path = f"/api/integrations/{number}"
    user = await world.ada.post(
        "/api/integrations",
        {
            "name": "Uses",
            "type": "http",
            "http": {"url": URL, "form": {"id": f"{{{{ticket.customer.integrations[{number}].id}}}}"}},
        },
    )
    for name, condition in (
        ("Reads", f"isNotEmpty(ticket.customer.integrations[{number}].orders)"),
        ("Looks", f"containsAny(ticket.integrations.id, [{number}])"),
    ):
        code = f"if ({condition}) {{ Action('setPriority', {{priority: 'high'}}); }}"
        rule = {"name": name, "code": code, "event_types": "ticket-created"}
        made_rule = await world.leo.post("/api/rules", rule)
        assert made_rule.status == 201, made_rule.raw
    text = f'{{{{ticket.customer.integrations["{number}"].x}}}}'
    await world.rows(
        "insert into macros (account_id, name, actions, created_datetime, updated_datetime)"
        " values ($1, 'Tells', $2, now(), now()) returning id",
        json.dumps([{"name": "setResponseText", "arguments": {"body_text": text}}]),
    )
    refused = await world.ada.delete(path)
    assert refused.status == 409
    assert refused.json["error"]["data"] == {
        "integrations": ["Uses"],
        "macros": ["Tells"],
        "rules": ["Reads", "Looks"],
    }
    assert (await world.ada.delete(f"/api/integrations/{user.json['id']}")).status == 204
    assert await world.events("integration-deleted") != []
    assert (await world.oda.get(path)).json == made
