"""Widgets: how the data of integrations is shown beside a ticket or customer. Templates are kept as they were given.

Which data a widget shows is said here, what becomes of it by `widget_trees`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import changes, listings, widget_trees
from polus.desk.listings import Listed
from polus.desk.widget_trees import Node
from polus.store.paging import Order, Statement
from polus.store.work import Work

TYPES = (
    "http", "custom", "customer_external_data", "standalone", "shopify", "magento2", "bigcommerce", "woocommerce", "recharge",
    "smile", "stripe", "klaviyo", "yotpo",
)  # fmt: skip
CONTEXTS = ("ticket", "customer", "user")
NOT_A_TEMPLATE = 'The root must be {"type": "wrapper", "widgets": […]}.'
ONLY_HTTP = "Only widgets of type http have an integration."

WIRE = """
json_build_object('id', w.id, 'uri', '/api/widgets/' || w.id || '/', 'type', w.type, 'context', w.context,
  'integration_id', w.integration_id, 'app_id', w.app_id, 'order', w."order", 'template', w.template,
  'created_datetime', wire(w.created_datetime), 'updated_datetime', wire(w.updated_datetime),
  'deactivated_datetime', wire(w.deactivated_datetime))::text
"""
LIST = "select {sort}, w.id, " + WIRE + " from widgets w"
GET = "select " + WIRE + " from widgets w where w.account_id = $1 and w.id = $2"
INSERT = (
    """
insert into widgets as w (account_id, type, context, integration_id, app_id, "order", template, deactivated_datetime,
  created_datetime, updated_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) returning w.id, """
    + WIRE
)
LOCK = """
select type, context, integration_id, app_id, "order", template, deactivated_datetime from widgets
where account_id = $1 and id = $2 for update
"""
UPDATE = (
    """
update widgets as w set type = $3, context = $4, integration_id = $5, app_id = $6, "order" = $7, template = $8,
  deactivated_datetime = $9, updated_datetime = $10
where w.account_id = $1 and w.id = $2 returning """
    + WIRE
)
DELETE = "delete from widgets where account_id = $1 and id = $2 returning type"
# Held, so that the integration cannot go between the look and the write.
INTEGRATION = "select id from integrations where account_id = $1 and id = $2 and type = 'http' for key share"
SHOWN = """
select w.id, w.type, w.integration_id, w.app_id, w.template::text as template, w.context,
  w.deactivated_datetime is null as active
from widgets w where w.account_id = $1 order by w."order", w.id limit 100
"""
NAMES = "select id, name from integrations where account_id = $1 and id = any($2::bigint[])"
ZONE = "select data->>'timezone' from account_settings where account_id = $1 and type = 'business-hours'"
FIELDS = ("type", "context", "integration_id", "app_id", "order", "template", "deactivated_datetime")


async def get(work: Work, widget_id: int) -> str:
    """The widget's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, widget_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def browse(work: Work, cursor: str = "") -> Listed:
    """A page of the account's widgets, in the order in which they are shown."""
    statement = Statement(work.account.id)
    statement.where("w.account_id = $1")
    order = Order((('w."order"', "number"),), False)
    return await listings.browse(work, LIST, statement, order, cursor=cursor, limit=100, id_column="w.id")


async def require(work: Work, widget_id: int) -> None:
    """404 unless the widget is there."""
    await get(work, widget_id)


async def _check(work: Work, new: Mapping[str, Any]) -> None:
    problems = {}
    template = new["template"]
    if template.get("type") != "wrapper" or not isinstance(template.get("widgets"), list):
        problems["template"] = [NOT_A_TEMPLATE]
    integration = new["integration_id"]
    if integration is not None:
        if new["type"] != "http":
            problems["integration_id"] = [ONLY_HTTP]
        elif await work.db.fetchval(INTEGRATION, work.account.id, integration) is None:
            problems["integration_id"] = [errors.MISSING_OBJECT]
    if problems:
        raise errors.Invalid(problems)


def _values(new: Mapping[str, Any]) -> list[Any]:
    return [wire.encode(new[name]) if name == "template" else new[name] for name in FIELDS]


async def create(work: Work, given: Mapping[str, Any]) -> str:
    """A new widget's wire form; 400. An app's call makes it the app's own. Event widget-created."""
    new = {
        "context": "ticket",
        "integration_id": None,
        "app_id": None,
        "order": 0,
        "deactivated_datetime": None,
    }
    new |= dict(given)
    if new["type"] == "customer_external_data" and new["app_id"] is None:
        new["app_id"] = work.actor.client_id
    await _check(work, new)
    row = await work.db.fetchrow(INSERT, work.account.id, *_values(new), work.now)
    work.record("widget-created", "Widget", row[0])
    return row[1]  # type: ignore[no-any-return]


async def update(work: Work, widget_id: int, given: Mapping[str, Any]) -> str:
    """Change a widget; 404, 400. Event widget-updated."""
    row = await work.db.fetchrow(LOCK, work.account.id, widget_id)
    if row is None:
        raise errors.NotFound
    old = {**row, "template": msgspec.json.decode(row["template"])}
    new = {**old, **given}
    changed = changes.between(old, new)
    if not changed:
        return await get(work, widget_id)
    await _check(work, new)
    if "template" in changed:
        changed["template"] = True
    answer = await work.db.fetchval(UPDATE, work.account.id, widget_id, *_values(new), work.now)
    work.record("widget-updated", "Widget", widget_id, changed)
    return answer  # type: ignore[no-any-return]


async def delete(work: Work, widget_id: int) -> None:
    """Delete a widget; 404. Event widget-deleted."""
    if await work.db.fetchval(DELETE, work.account.id, widget_id) is None:
        raise errors.NotFound
    work.record("widget-deleted", "Widget", widget_id)


class Pane(msgspec.Struct, frozen=True):
    """One widget with data to show; `source` is the name of the integration that the data is from, where several are."""

    widget_id: int | None
    source: str
    nodes: tuple[Node, ...]


Json = dict[str, Any]


def sources(
    kind: str, integration_id: int | None, app_id: str | None, customer: Json
) -> list[tuple[str, Any]]:
    """What of a customer (in the form of a ticket's customer) a widget shows: (integration id or "", data)."""
    held = customer.get("integrations") or {}
    if kind == "http":
        data = held.get(str(integration_id))
        return [] if data is None else [(str(integration_id), data)]
    if kind == "customer_external_data" and app_id:
        data = (customer.get("external_data") or {}).get(app_id)
        return [] if data is None else [("", data)]
    if kind in ("customer_external_data", "custom"):
        return [] if customer.get("data") is None else [("", customer["data"])]
    if kind == "standalone":
        return [("", {})]
    ids = sorted((one for one in held if one.isdigit()), key=int)
    return [(one, held[one]) for one in ids if _type(held[one]) == kind]


async def shown(work: Work, customer: Json, contexts: Sequence[str], around: Json) -> list[Pane]:
    """The account's widgets of these contexts, filled with a customer's data; those without data are left out.

    `around`: what links may name besides the data, such as `ticket`. Shops without a widget show their orders.
    """
    rows = await work.db.fetch(SHOWN, work.account.id)
    chosen = [
        (row["id"], row["type"], row["integration_id"], row["app_id"], msgspec.json.decode(row["template"]))
        for row in rows
        if row["active"] and row["context"] in contexts
    ]
    if "shopify" not in {row["type"] for row in rows}:
        chosen.append((None, "shopify", None, None, widget_trees.ORDERS))
    found = [
        (widget_id, source, template, data)
        for widget_id, kind, integration_id, app_id, template in chosen
        for source, data in sources(kind, integration_id, app_id, customer)
    ]
    if not found:
        return []
    named = {int(source) for _, source, _, _ in found if source}
    names = {row["id"]: row["name"] for row in await work.db.fetch(NAMES, work.account.id, list(named))}
    zone = await work.db.fetchval(ZONE, work.account.id) or "UTC"
    several = len(named) > 1
    panes = [
        Pane(
            widget_id,
            names.get(int(source), "") if source and several else "",
            widget_trees.draw(template, data, around, zone),
        )
        for widget_id, source, template, data in found
    ]
    return [pane for pane in panes if pane.nodes]


def _type(data: Any) -> Any:
    return data.get("__integration_type__") if isinstance(data, dict) else None
