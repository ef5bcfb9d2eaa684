"""Custom fields: `/api/custom-fields`."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.custom_field_types import Definition, Managed, Requirement
from polus.api.fields import NO_COUNT, NO_LENGTH, Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk import custom_fields
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Custom fields"
ObjectType = Literal["Ticket", "Customer"]
Label = Annotated[str, Meta(min_length=1, max_length=255)]
Description = Annotated[str, Meta(max_length=1024)]
Priority = Annotated[int, Meta(ge=0, le=5000)]
ExternalId = Annotated[str, Meta(max_length=255, extra_json_schema=NO_LENGTH)]
READ_ONLY = ("id", "created_datetime", "updated_datetime")


class CustomFieldCreate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new custom field."""

    object_type: ObjectType
    label: Label
    definition: Definition
    external_id: ExternalId | None = None
    description: Description | None = None
    priority: Priority | None | UnsetType = UNSET
    required: bool | UnsetType = UNSET
    requirement_type: Requirement | UnsetType = UNSET
    managed_type: Managed | None = None
    deactivated_datetime: When | None = None


class CustomFieldUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of a custom field."""

    object_type: ObjectType | UnsetType = UNSET
    label: Label | UnsetType = UNSET
    definition: Definition | UnsetType = UNSET
    external_id: ExternalId | None | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    priority: Priority | None | UnsetType = UNSET
    required: bool | UnsetType = UNSET
    requirement_type: Requirement | UnsetType = UNSET
    managed_type: Managed | None | UnsetType = UNSET
    deactivated_datetime: When | None | UnsetType = UNSET


class CustomFieldUpdateItem(CustomFieldUpdate, forbid_unknown_fields=True, kw_only=True):
    """Changes of one of several custom fields."""

    id: Id
    created_datetime: When | None | UnsetType = UNSET
    updated_datetime: When | None | UnsetType = UNSET


class CustomField(msgspec.Struct, kw_only=True):
    """A custom field as answered."""

    id: int
    external_id: str | None
    object_type: ObjectType
    label: str
    description: str | None
    priority: int
    required: bool
    managed_type: Managed | None
    definition: Definition
    created_datetime: When
    updated_datetime: When
    deactivated_datetime: When | None
    requirement_type: Requirement | UnsetType = UNSET


class CustomFieldList(msgspec.Struct):
    """A page of custom fields."""

    object: Literal["list"]
    uri: str
    data: list[CustomField]
    meta: lists.MetaTotal


class CustomFieldQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which fields, in which order."""

    object_type: Annotated[ObjectType, Meta(description="Fields of tickets or of customers.")]
    search: Annotated[str, Meta(description="Part of the label, in any case.")] = ""
    archived: Annotated[
        bool | UnsetType, Meta(description="True: only archived fields; else only active ones.")
    ] = UNSET
    order_by: Literal["priority:asc", "priority:desc"] = "priority:desc"


ORDERS = lists.orders(priority=("f.priority", "number"))


@operation(
    "GET",
    "/api/custom-fields",
    id="list-custom-fields",
    scope="custom_fields:read",
    query=CustomFieldQuery,
    answer=CustomFieldList,
    tag=TAG,
)
async def list_(work: Work, call: Call[CustomFieldQuery, None]) -> bytes:
    """List custom fields."""
    statement = Statement(work.account.id)
    statement.where("f.account_id = $1")
    statement.where("f.object_type = $?", call.query.object_type)
    archived = call.query.archived is True
    statement.where(custom_fields.ARCHIVED if archived else custom_fields.IN_USE)
    if call.query.search:
        statement.where("position(lower($?::text) in lower(f.label)) > 0", call.query.search)
    order = ORDERS[call.query.order_by]
    return await lists.page(work, call, custom_fields.LIST, statement, order, id_column="f.id", total=True)


@operation(
    "POST",
    "/api/custom-fields",
    id="create-custom-field",
    scope="custom_fields:write",
    role="agent",
    body=CustomFieldCreate,
    answer=CustomField,
    status=201,
    tag=TAG,
)
async def create(work: Work, call: Call[NoQuery, CustomFieldCreate]) -> bytes:
    """Create a custom field.

    At most 25 fields of tickets and 25 of customers are active at a time.
    """
    return (await custom_fields.create(work, wire.given(call.body))).encode()


@operation(
    "PUT",
    "/api/custom-fields",
    id="update-custom-fields",
    scope="custom_fields:write",
    role="agent",
    body=Annotated[
        list[CustomFieldUpdateItem], Meta(min_length=1, max_length=100, extra_json_schema=NO_COUNT)
    ],
    answer=list[CustomField],
    tag=TAG,
)
async def update_many(work: Work, call: Call[NoQuery, list[CustomFieldUpdateItem]]) -> bytes:
    """Update several custom fields.

    All or none; answered in the order of the request.
    """
    items = [
        {key: value for key, value in wire.given(item).items() if key not in READ_ONLY or key == "id"}
        for item in call.body
    ]
    return ("[" + ",".join(await custom_fields.update_many(work, items)) + "]").encode()


@operation(
    "GET",
    "/api/custom-fields/{id}",
    id="get-custom-field",
    scope="custom_fields:read",
    answer=CustomField,
    tag=TAG,
)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a custom field."""
    return (await custom_fields.get(work, call.id)).encode()


@operation(
    "PUT",
    "/api/custom-fields/{id}",
    id="update-custom-field",
    scope="custom_fields:write",
    role="agent",
    body=CustomFieldUpdate,
    ignored=READ_ONLY,
    answer=CustomField,
    subject=custom_fields.require,
    tag=TAG,
)
async def update(work: Work, call: Call[NoQuery, CustomFieldUpdate]) -> bytes:
    """Update a custom field.

    What kind of values it holds stays as it was made; `deactivated_datetime` archives it, null takes it back.
    """
    return (await custom_fields.update(work, call.id, wire.given(call.body))).encode()
