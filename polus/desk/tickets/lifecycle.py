"""Open, closed, snoozed: what a change of one means for the others. Pure; the reference's state rules."""

import datetime
from collections.abc import Mapping
from typing import Any

from polus.base import errors

PAST = "Must be in the future."


def after(old: Mapping[str, Any], given: Mapping[str, Any], now: datetime.datetime) -> dict[str, Any]:
    """`given` completed by what it implies for status, closed_datetime and snooze_datetime; 400 for a past snooze."""
    # A null `updated_datetime` says no more than none.
    new = {key: value for key, value in given.items() if key != "updated_datetime" or value is not None}
    snooze = given.get("snooze_datetime")
    if snooze is not None:
        if snooze <= now and not old["imported"]:
            raise errors.one("snooze_datetime", PAST)
        # A snoozed ticket counts as closed until its time.
        new["status"] = "closed"
    elif "snooze_datetime" in given and old["snooze_datetime"] is not None and "status" not in given:
        new["status"] = "open"
    status = new.get("status", old["status"])
    if status == "open":
        if "status" in new:
            new |= {"closed_datetime": None, "snooze_datetime": None}
    elif "status" in new:
        new.setdefault("closed_datetime", old["closed_datetime"] or now)
        if snooze is None:
            new["snooze_datetime"] = None
    return new


def on_customer_message(old: Mapping[str, Any], unassign_on_reply: bool) -> dict[str, Any]:
    """What a customer's message does: it re-opens a closed or snoozed ticket, a spam ticket stays as it is."""
    if old["status"] == "open" or old["spam"]:
        return {}
    new: dict[str, Any] = {"status": "open", "closed_datetime": None, "snooze_datetime": None}
    if unassign_on_reply and old["snooze_datetime"] is None:
        new["assignee_user_id"] = None
    return new
