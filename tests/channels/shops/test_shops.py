"""Shops: webhooks are held against their signature, journalled, and kept with the customer they are about."""

import base64
import hashlib
import hmac
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from polus.api.shop_door import ShopDoor
from polus.channels.shops import journal
from polus.channels.shops.journal import Arrivals
from polus.desk.accounts import Book
from polus.desk.shops import commerce, exports, shapes
from polus.reactions import table
from polus.reactions.outbox import Outbox
from polus.store.queue import Queue
from polus.store.work import SYSTEM, writing
from tests import make
from tests.world import World

SECRET = "shpss_0123456789"
CUSTOMER = {
    "id": 207119551, "email": "Mia@example.com", "first_name": "Mia", "last_name": "Meyer", "phone": None, "currency": "EUR",
    "orders_count": 1, "total_spent": "199.65", "updated_at": "2026-03-01T10:00:00-05:00", "created_at": "2026-01-01T10:00:00-05:00",
    "addresses": [{"id": 1, "address1": "Chestnut Street 92", "city": "Louisville", "zip": "40202", "country_code": "US", "default": True}],
    "admin_graphql_api_id": "gid://shopify/Customer/207119551",
}  # fmt: skip


def order(number: int = 1001, **more: Any) -> dict[str, Any]:
    return {
        "id": 820982911946154500 + number, "name": f"#{number}", "order_number": number, "email": "mia@example.com", "currency": "EUR",
        "created_at": f"2026-03-{number - 1000:02}T10:00:00-05:00", "updated_at": "2026-03-20T10:00:00-05:00",
        "total_price": "199.65", "subtotal_price": "190.00", "total_tax": "9.65", "total_discounts": "0.00",
        "financial_status": "paid", "fulfillment_status": None, "cancelled_at": None, "customer": CUSTOMER,
        "line_items": [{"id": 466, "title": "Rain jacket", "quantity": 2, "price": "95.00", "fulfillable_quantity": 1, "grams": 200}],
        "shipping_lines": [{"title": "Post", "price": "5.00"}], "discount_codes": [{"code": "SPRING"}],
        "fulfillments": [{"id": 5, "tracking_url": "https://post.example/5", "tracking_number": "5"}], "client_details": {"ip": "1.2.3.4"},
        **more,
    }  # fmt: skip


class Shop:
    """A connected shop and the worker that takes what it sends."""

    def __init__(self, world: World, made: Any) -> None:
        self.world = world
        self.id: int = made["integration_id"]
        self.uuid: str = made["uuid"]
        self.token = made["webhook_url"].rsplit("/", 1)[1]

    async def send(
        self, topic: str, body: Any, *, secret: str = SECRET, name: str = "", token: str = ""
    ) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
        headers = {"x-shopify-topic": topic, "x-shopify-hmac-sha256": signature}
        headers |= {"x-shopify-webhook-id": name} if name else {}
        await journal.accept(self.world.database, token or self.token, headers, raw)

    async def take(self) -> None:
        await Queue(
            self.world.database, Arrivals(self.world.database, Book(self.world.database, "")).lane()
        ).drain()

    async def customer(self) -> Any:
        rows = await self.world.rows(
            "select id from customers where account_id = $1 and email = 'mia@example.com'"
        )
        return (await self.world.lia.get(f"/api/customers/{rows[0][0]}")).json if rows else None

    async def states(self) -> list[str]:
        rows = await self.world.rows("select state from shop_arrivals where account_id = $1 order by id")
        return [row["state"] for row in rows]


@pytest.fixture
async def shop(world: World) -> Shop:
    body = {"name": "North", "domain": "North.myshopify.com", "secret": SECRET}
    made = await world.ada.post("/api/_polus/shops", body)
    assert made.status == 201, made.raw
    return Shop(world, made.json)


async def test_a_shop_is_connected_once_and_its_secret_stays_inside(world: World, shop: Shop) -> None:
    listed = (await world.ada.get("/api/_polus/shops")).json["data"]
    assert [(one["name"], one["domain"], one["has_secret"]) for one in listed] == [
        ("North", "north.myshopify.com", True)
    ]
    again = await world.ada.post("/api/_polus/shops", {"name": "x", "domain": "north.myshopify.com"})
    assert (again.status, again.json["error"]["data"]) == (
        409,
        {"domain": ["The shop is connected already."]},
    )
    assert (await world.ada.post("/api/_polus/shops", {"name": "x", "domain": "no domain"})).status == 400
    assert (await world.leo.get("/api/_polus/shops")).status == 403
    integration = (await world.ada.get(f"/api/integrations/{shop.id}")).json
    assert (integration["type"], integration["meta"]["shop_domain"]) == ("shopify", "North.myshopify.com")
    assert SECRET not in str(
        [tuple(row) for row in await world.rows("select * from shops where account_id = $1")]
    )
    assert SECRET not in str(await world.events()) + str(listed)


async def test_what_is_not_from_the_shop_is_refused(world: World, shop: Shop) -> None:
    with pytest.raises(journal.Refused, match="401"):
        await shop.send("orders/create", order(), secret="another")
    with pytest.raises(journal.Refused, match="404"):
        await shop.send("orders/create", order(), token="nobody")
    await world.ada.put(f"/api/_polus/shops/{shop.id}", {"secret": None})
    with pytest.raises(journal.Refused, match="401"):
        await shop.send("orders/create", order())
    await world.ada.put(f"/api/integrations/{shop.id}", {"deactivated_datetime": "2026-01-01T00:00:00Z"})
    with pytest.raises(journal.Refused, match="404"):
        await shop.send("orders/create", order())
    assert await shop.states() == []


async def test_the_door_takes_posts_only_and_not_too_much(shop: Shop) -> None:
    door = ShopDoor(shop.world.database)

    async def asked(method: str, body: bytes, **headers: str) -> int:
        given = [{"type": "http.request", "body": body, "more_body": False}]
        told: list[Any] = []

        async def receive() -> Any:
            return given.pop(0)

        async def send(message: Any) -> None:
            told.append(message)

        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": method, "path": "/hooks/shopify/" + shop.token, "headers": raw}
        await door(scope, receive, send)
        return told[0]["status"]  # type: ignore[no-any-return]

    body = json.dumps(CUSTOMER).encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    assert await asked("GET", b"") == 405
    assert await asked("POST", body) == 401
    assert await asked("POST", b"x" * (journal.MOST_BYTES + 1)) == 413
    assert (
        await asked("POST", body, x_shopify_hmac_sha256=signature, x_shopify_topic="customers/create") == 200
    )
    assert await shop.states() == ["received"]


async def test_customers_and_orders_are_kept_with_the_customer(shop: Shop) -> None:
    await shop.send("customers/create", CUSTOMER)
    await shop.send("orders/create", order(1001), name="w1")
    await shop.send("orders/create", order(1001), name="w1")  # sent twice
    await shop.send("orders/create", order(1003), name="w2")
    await shop.send(
        "orders/updated", order(1001, fulfillment_status="fulfilled", updated_at="2026-03-21T10:00:00-05:00")
    )
    await shop.send("orders/updated", order(1001, updated_at="2026-03-02T10:00:00-05:00"))  # overtaken
    await shop.take()
    assert await shop.states() == ["taken"] * 5
    customer = await shop.customer()
    assert customer["name"] == "Mia Meyer"
    kept = customer["integrations"][str(shop.id)]
    assert kept["__integration_type__"] == "shopify"
    assert [one["name"] for one in kept["orders"]] == ["#1003", "#1001"]
    assert kept["orders"][1]["fulfillment_status"] == "fulfilled"
    assert not {"client_details", "admin_graphql_api_id"} & (
        kept["orders"][0].keys() | kept["customer"].keys()
    )
    block = customer["ecommerce_data"][shop.uuid]
    assert (block["store"]["type"], block["store"]["helpdesk_integration_id"]) == ("shopify", shop.id)
    assert (block["shopper"]["external_id"], block["shopper"]["helpdesk_customer_id"]) == (
        "207119551",
        customer["id"],
    )
    assert [one["status"] for one in block["orders"]] == ["awaiting_fulfillment", "completed"]
    assert (block["orders"][0]["total_amount"], block["orders"][0]["currency"]) == (199.65, "EUR")
    assert block["orders"][0]["line_items"][0]["fulfilled_quantity"] == 1
    assert block["addresses"][0]["line_1"] == "Chestnut Street 92"
    await shop.send(
        "orders/cancelled",
        order(1003, cancelled_at="2026-03-22T10:00:00Z", updated_at="2026-03-22T10:00:00Z"),
    )
    await shop.send("orders/delete", {"id": order(1001)["id"], "customer": {"id": CUSTOMER["id"]}})
    await shop.take()
    orders = (await shop.customer())["ecommerce_data"][shop.uuid]["orders"]
    assert [(one["name"], one["status"]) for one in orders] == [("#1003", "canceled")]


async def test_the_same_person_by_another_address_is_the_same_customer(shop: Shop) -> None:
    await shop.send("customers/create", CUSTOMER)
    await shop.take()
    await shop.send(
        "customers/update", {**CUSTOMER, "email": "new@example.com", "updated_at": "2026-04-01T00:00:00Z"}
    )
    await shop.take()
    kept = (await shop.customer())["integrations"][str(shop.id)]
    assert kept["customer"]["email"] == "new@example.com"
    rows = await shop.world.rows("select 1 from customers where account_id = $1")
    assert len(rows) == 1


async def test_what_says_nothing_is_ignored_and_holds_nothing_up(shop: Shop) -> None:
    for topic, body in (("orders/create", b"no json"), ("orders/create", {}), ("app/uninstalled", {"id": 1}),
                        ("customers/redact", []), ("customers/create", {"id": 1, "email": "no address"})):  # fmt: skip
        await shop.send(topic, body)
    await shop.send("customers/create", CUSTOMER)
    await shop.take()
    assert await shop.states() == ["ignored"] * 5 + ["taken"]


async def test_tickets_rules_and_templates_know_the_shop(shop: Shop, subscribed: None) -> None:
    world = shop.world
    await shop.send("orders/create", order())
    await shop.take()
    rule = {
        "name": "Big orders", "event_types": "ticket-created",
        "code": "if (eq(ticket.customer.integrations.shopify.orders[0].financial_status, 'paid')) "
                "{ Action('replyToTicket', {body_text: 'About {{ticket.customer.integrations.shopify.orders[0].name}}'}); "
                "Action('addTags', {tags: 'paid'}); }",
    }  # fmt: skip
    assert (await world.leo.post("/api/rules", rule)).status == 201
    await make.address(world)
    ticket = await make.ticket(world)
    database = world.database
    await Queue(
        database, Outbox(database, table.REACTIONS, Book(database, "http://d.example")).lane()
    ).drain()
    found = (await world.lia.get(f"/api/tickets/{ticket['id']}")).json
    assert [tag["name"] for tag in found["tags"]] == ["paid"]
    assert found["messages"][-1]["body_text"] == "About #1001"
    (row,) = await world.rows("select store_id from tickets where account_id = $1")
    assert row["store_id"] == shop.id


async def test_a_removed_shop_takes_its_data_with_it(shop: Shop) -> None:
    await shop.send("orders/create", order())
    await shop.take()
    assert (await shop.world.ada.delete(f"/api/integrations/{shop.id}")).status == 204
    customer = await shop.customer()
    assert (customer["integrations"], customer["ecommerce_data"]) == ({}, {})


ORDERS_CSV = """Name,Email,Financial Status,Currency,Subtotal,Shipping,Taxes,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,Billing Name,Billing City,Id,Discount Code
#1001,mia@example.com,paid,EUR,190.00,5.00,9.65,204.65,2026-03-01 10:00:00 +0100,2,Rain jacket,95.00,Mia Meyer,Berlin,8209,SPRING
#1001,mia@example.com,,,,,,,,1,Socks,5.00,,,,
#1002,bea@example.com,refunded,EUR,1,1,1,3,2026-03-02 10:00:00 +0100,1,"Hat, red",1.00,Bea,Bonn,8210,
"""
CUSTOMERS_CSV = """Customer ID,First Name,Last Name,Email,Accepts Email Marketing,Default Address City,Phone,Total Spent,Total Orders,Tags,Note
'207119551,Mia,Meyer,mia@example.com,yes,Berlin,'+49301234,204.65,1,vip,
"""


def test_exports_are_read() -> None:
    first, second = list(exports.table(io.StringIO(ORDERS_CSV)))
    assert first[0] == "orders/updated"
    assert [one["title"] for one in first[1]["line_items"]] == ["Rain jacket", "Socks"]
    assert (first[1]["id"], first[1]["created_at"]) == (8209, "2026-03-01T10:00:00+01:00")
    assert second[1]["line_items"][0]["title"] == "Hat, red"
    ((topic, person),) = exports.table(io.StringIO(CUSTOMERS_CSV))
    assert (topic, person["id"], person["phone"], person["accepts_marketing"]) == (
        "customers/update", 207119551, "+49301234", True,
    )  # fmt: skip
    lines = (
        json.dumps(order())
        + "\n\n"
        + json.dumps(CUSTOMER)
        + "\n"
        + json.dumps({"topic": "orders/delete", "body": {"id": 1}})
    )
    assert [topic for topic, _ in exports.lines(io.StringIO(lines))] == [
        "orders/updated",
        "customers/update",
        "orders/delete",
    ]
    for wrong in ("[]", "{", "7"):
        with pytest.raises(exports.Unreadable, match="Line 1"):
            list(exports.lines(io.StringIO(wrong)))
    with pytest.raises(exports.Unreadable):
        list(exports.table(io.StringIO("a,b\n1,2\n")))


JSON = some.recursive(
    some.none() | some.booleans() | some.floats(allow_nan=False) | some.integers() | some.text(max_size=5),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(sorted(shapes.ORDER | shapes.CUSTOMER | shapes.LINE)), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
STORE = {"uuid": "12345678-1234-1234-1234-123456789012", "created_datetime": "2026-01-01T00:00:00+00:00"}


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(
    some.dictionaries(some.sampled_from(sorted(shapes.ORDER | {"customer"})), JSON, max_size=6),
    some.dictionaries(some.sampled_from(sorted(shapes.CUSTOMER)), JSON, max_size=6),
)
def test_nothing_that_a_shop_says_breaks_it(ordered: Any, person: Any) -> None:
    shapes.reference({**ordered, "customer": person})
    shapes.reference(person)
    kept = {
        "customer": shapes.newer({}, shapes.customer(person)),
        "orders": shapes.with_order([], shapes.order(ordered)),
    }
    commerce.told(STORE, 7, kept)
    commerce.currencies(kept)


async def test_an_error_of_ours_is_parked_after_some_attempts(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.send("orders/create", order())

    def broken(*_: Any) -> Any:
        raise RuntimeError("bug")

    monkeypatch.setattr(commerce, "told", broken)
    for _ in range(len(journal.BACKOFF) + 1):
        await shop.take()
        await shop.world.rows(
            "update shop_arrivals set due_datetime = now() where account_id = $1 and due_datetime is not null returning 1"
        )
    assert await shop.states() == ["parked"]
    async with writing(shop.world.database, shop.world.account, SYSTEM) as work:
        assert (
            await work.db.fetchval("select error from shop_arrivals where account_id = $1", work.account.id)
            == "RuntimeError: bug"
        )
