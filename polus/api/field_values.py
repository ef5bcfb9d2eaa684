"""Values of custom fields: `/api/tickets/{ticket_id}/custom-fields` and `/api/customers/{customer_id}/custom-fields`."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, UnsetType

from polus.api import lists
from polus.api.custom_field_types import FieldValue, ValueField
from polus.api.custom_fields import CustomField
from polus.api.fields import NO_COUNT, Id
from polus.api.operation import Call, NoQuery, operation
from polus.base import errors
from polus.desk.customers import values as customer_values
from polus.desk.field_values import Owner, Wanted
from polus.desk.tickets import values as ticket_values
from polus.store.work import Work

TAG = "Custom fields"


class FieldValueInput(msgspec.Struct):
    """A value and the field it is of. wire: what else a listed value holds may be sent back."""

    id: Id
    value: FieldValue


class FieldValueObject(msgspec.Struct):
    """A value that comes as an object."""

    value: FieldValue
    id: Id | UnsetType = msgspec.UNSET


class TicketFieldValue(msgspec.Struct):
    """A ticket's value with its field."""

    field: ValueField
    prediction: Any
    value: FieldValue
    id: int | UnsetType | None = msgspec.UNSET


class TicketFieldValues(msgspec.Struct):
    """All values of a ticket."""

    data: list[TicketFieldValue]


class CustomerFieldValue(msgspec.Struct):
    """A customer's value with its field."""

    field: CustomField
    value: FieldValue


class CustomerFieldValues(msgspec.Struct):
    """All values of a customer."""

    data: list[CustomerFieldValue]


Inputs = Annotated[list[FieldValueInput], Meta(max_length=100, extra_json_schema=NO_COUNT)]
Single = FieldValueObject | str | int | float | bool | None


def wanted(items: list[FieldValueInput]) -> list[Wanted]:
    """The values of a request, each with its place in it."""
    return [Wanted(item.id, item.value, str(place)) for place, item in enumerate(items)]


async def _write_one(work: Work, owner: Owner, call: Call[NoQuery, Single]) -> bytes:
    """Write the value that came raw, as `{value}` or as `{id, value}`."""
    owner_id, field_id = call.ids
    body = call.body
    value = body.value if isinstance(body, FieldValueObject) else body
    if isinstance(body, FieldValueObject) and body.id not in (msgspec.UNSET, field_id):
        raise errors.one("id", "Differs from the path.")
    try:
        await owner.write(work, owner_id, [Wanted(field_id, value, "place")], replace=False)
    except errors.Invalid as invalid:
        found = (invalid.data or {}).get("place", {})
        if found.get("id") == [errors.MISSING_OBJECT]:
            raise errors.NotFound from None
        raise errors.Invalid(found) from None
    await work.flush()
    answer = await owner.one(work, owner_id, field_id)
    return (answer if answer is not None else await owner.empty(work, field_id)).encode()


@operation(
    "GET",
    "/api/tickets/{ticket_id}/custom-fields",
    id="list-ticket-custom-fields",
    scope="tickets:read",
    answer=TicketFieldValues,
    redirects=True,
    tag=TAG,
)
async def list_of_ticket(work: Work, call: Call[NoQuery, None]) -> bytes:
    """List the values of a ticket's custom fields.

    Only fields with a value, archived ones included.
    """
    return lists.data(await ticket_values.OWNER.list(work, call.id))


@operation(
    "PUT",
    "/api/tickets/{ticket_id}/custom-fields",
    id="update-ticket-custom-fields",
    scope="tickets:write",
    role="lite-agent",
    body=Inputs,
    answer=TicketFieldValues,
    redirects=True,
    subject=ticket_values.OWNER.require,
    tag=TAG,
)
async def replace_of_ticket(work: Work, call: Call[NoQuery, list[FieldValueInput]]) -> bytes:
    """Replace the values of a ticket's custom fields.

    Values that are not named go; those the system manages stay.
    """
    await ticket_values.OWNER.write(work, call.id, wanted(call.body), replace=True)
    return lists.data(await ticket_values.OWNER.list(work, call.id))


@operation(
    "PUT",
    "/api/tickets/{ticket_id}/custom-fields/{id}",
    id="update-ticket-custom-field",
    scope="tickets:write",
    role="lite-agent",
    body=Single,
    answer=TicketFieldValue,
    redirects=True,
    subject=ticket_values.OWNER.require,
    tag=TAG,
)
async def update_of_ticket(work: Work, call: Call[NoQuery, Single]) -> bytes:
    """Set the value of one custom field of a ticket.

    The body is the bare value, `{"value": …}` or `{"id": …, "value": …}`; null takes the value away.
    """
    return await _write_one(work, ticket_values.OWNER, call)


@operation(
    "DELETE",
    "/api/tickets/{ticket_id}/custom-fields/{id}",
    id="delete-ticket-custom-field",
    scope="tickets:write",
    role="lite-agent",
    status=204,
    redirects=True,
    tag=TAG,
)
async def delete_of_ticket(work: Work, call: Call[NoQuery, None]) -> None:
    """Take the value of a custom field off a ticket."""
    await ticket_values.OWNER.delete(work, *call.ids)


@operation(
    "GET",
    "/api/customers/{customer_id}/custom-fields",
    id="list-customer-custom-fields-values",
    scope="customers:read",
    answer=CustomerFieldValues,
    redirects=True,
    tag=TAG,
)
async def list_of_customer(work: Work, call: Call[NoQuery, None]) -> bytes:
    """List the values of a customer's custom fields."""
    return lists.data(await customer_values.OWNER.list(work, call.id))


@operation(
    "PUT",
    "/api/customers/{customer_id}/custom-fields",
    id="update-customer-custom-field-values",
    scope="customers:write",
    role="lite-agent",
    body=Inputs,
    answer=CustomerFieldValues,
    redirects=True,
    subject=customer_values.OWNER.require,
    tag=TAG,
)
async def update_several_of_customer(work: Work, call: Call[NoQuery, list[FieldValueInput]]) -> bytes:
    """Set values of a customer's custom fields.

    Values that are not named stay. Answered with all values of the customer.
    """
    await customer_values.OWNER.write(work, call.id, wanted(call.body), replace=False)
    return lists.data(await customer_values.OWNER.list(work, call.id))


@operation(
    "PUT",
    "/api/customers/{customer_id}/custom-fields/{id}",
    id="update-customer-custom-field-value",
    scope="customers:write",
    role="lite-agent",
    body=Single,
    answer=CustomerFieldValue,
    redirects=True,
    subject=customer_values.OWNER.require,
    tag=TAG,
)
async def update_of_customer(work: Work, call: Call[NoQuery, Single]) -> bytes:
    """Set the value of one custom field of a customer.

    The body is the bare value, `{"value": …}` or `{"id": …, "value": …}`; null takes the value away.
    """
    return await _write_one(work, customer_values.OWNER, call)


@operation(
    "DELETE",
    "/api/customers/{customer_id}/custom-fields/{id}",
    id="delete-customer-custom-field-value",
    scope="customers:write",
    role="lite-agent",
    status=204,
    redirects=True,
    tag=TAG,
)
async def delete_of_customer(work: Work, call: Call[NoQuery, None]) -> None:
    """Take the value of a custom field off a customer."""
    await customer_values.OWNER.delete(work, *call.ids)
