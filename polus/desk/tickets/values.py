"""Values of custom fields on tickets."""

from collections.abc import Mapping
from typing import Any

from polus.desk import custom_fields
from polus.desk.field_values import Owner
from polus.desk.tickets import happenings, tickets
from polus.store.work import Work

# `prediction` is null until a classifier is there to guess.
ITEM = (
    "json_build_object('field', "
    + custom_fields.WIRE_WITH_REQUIREMENT
    + ", 'prediction', null, 'value', e.value->'value')"
)


def tell(work: Work, ticket_id: int, data: Mapping[str, Any]) -> None:
    """Record that values changed."""
    happenings.record(work, ticket_id, "ticket-updated", data)


OWNER = Owner("Ticket", "tickets", ITEM, tickets.require, tell)
