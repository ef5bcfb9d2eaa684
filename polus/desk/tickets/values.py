"""Values of custom fields on tickets."""

from polus.desk import custom_fields
from polus.desk.field_values import Owner
from polus.desk.tickets import happenings, tickets

# `prediction` is null until a classifier is there to guess.
ITEM = (
    "json_build_object('field', "
    + custom_fields.WIRE_WITH_REQUIREMENT
    + ", 'prediction', null, 'value', e.value->'value')"
)

OWNER = Owner(
    "Ticket",
    "tickets",
    ITEM,
    tickets.require,
    lambda work, ticket_id, data: happenings.record(work, ticket_id, "ticket-updated", data),
)
