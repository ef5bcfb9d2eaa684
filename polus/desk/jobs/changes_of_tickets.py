"""The `updates` of a job as a change of tickets, and whether it can be done at all."""

from collections.abc import Mapping
from typing import Any

from polus.base import clock, errors
from polus.desk import field_values
from polus.desk.field_values import Wanted
from polus.desk.tickets import labels, lifecycle, people
from polus.desk.tickets.bulk import Change
from polus.store.work import Work

FILL = "fill_custom_fields"
"""Values for fields that are empty: the workspace's own key, which the API refuses."""

# Keys of `updates` that are no columns.
APART = ("is_unread", "tags", "custom_fields", "add_tags", "remove_tags", FILL)


def change(updates: Mapping[str, Any]) -> Change:
    """`updates`, shaped as the body of PUT ticket, as `tickets.bulk` takes it."""
    columns = {key: _column(key, value) for key, value in updates.items() if key not in APART}
    for name in ("assignee_user", "assignee_team"):
        if name in columns:
            columns[name + "_id"] = (columns.pop(name) or {}).get("id")
    tags = updates.get("tags")
    return Change(
        columns=columns,
        is_unread=updates.get("is_unread"),
        tag_ids=[tag["id"] for tag in tags or () if "id" in tag],
        tag_names=None if tags is None else [tag["name"] for tag in tags if "id" not in tag],
        add_tags=updates.get("add_tags", ()),
        remove_tags=updates.get("remove_tags", ()),
        fields=_wanted(updates.get("custom_fields")),
        fill=_wanted(updates.get(FILL)) or (),
    )


def _column(key: str, value: Any) -> Any:
    return clock.parse(value) if key.endswith("_datetime") and isinstance(value, str) else value


def _wanted(given: Any) -> list[Wanted] | None:
    if given is None:
        return None
    items = list(given.values()) if isinstance(given, Mapping) else given
    return [Wanted(item["id"], item.get("value"), str(place)) for place, item in enumerate(items)]


async def problems(work: Work, updates: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong with the change for whatever ticket: `{"updates": …}`, or nothing."""
    wanted = change(updates)
    old = {"status": "open", "snooze_datetime": None, "closed_datetime": None, "imported": False}
    try:
        lifecycle.after(old, wanted.columns, work.now)
        await people.require_assignees(work, wanted.columns)
        await labels.find(work, wanted.tag_ids, ())
        await _try_fields(work, wanted)
    except errors.Invalid as invalid:
        return {"updates": dict(invalid.data or {})}
    return {}


async def _try_fields(work: Work, wanted: Change) -> None:
    try:
        await field_values.changed(work, "Ticket", {}, wanted.fields or (), replace=True)
    except errors.Invalid as invalid:
        raise errors.Invalid({"custom_fields": invalid.data}) from None
