"""Widgets: how the data of integrations is shown beside a ticket or customer. Templates are kept as they were given."""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import changes
from polus.store.work import Work

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
FIELDS = ("type", "context", "integration_id", "app_id", "order", "template", "deactivated_datetime")


async def get(work: Work, widget_id: int) -> str:
    """The widget's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, widget_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


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
