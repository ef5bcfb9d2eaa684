"""Customers: `/api/customers`."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import customer_types as types
from polus.api import fields, lists
from polus.api.fields import IdParameter, LanguageCode, TimezoneName, Whole
from polus.api.operation import Call, NoQuery, Reply, operation
from polus.base import errors, wire
from polus.desk.customers import channels, customers, erasing, merging
from polus.store.paging import Statement
from polus.store.work import Work

ORDERS = lists.orders(
    created_datetime=("c.created_datetime", "datetime"), updated_datetime=("c.updated_datetime", "datetime")
)
OrderBy = Literal[
    "created_datetime:asc", "created_datetime:desc", "updated_datetime:asc", "updated_datetime:desc"
]
FILTERS = (
    ("email", customers.BY_EMAIL),
    ("name", customers.BY_NAME),
    ("external_id", customers.BY_EXTERNAL_ID),
    ("language", customers.BY_LANGUAGE),
    ("timezone", customers.BY_TIMEZONE),
)
NOTHING_KNOWN = "None of these fields of a customer can be changed."


class CustomerQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which customers, in which order."""

    email: Annotated[str, Meta(description="The customer of this e-mail address, in any case.")] = ""
    external_id: Annotated[str, Meta(description="The customer of this id in another system.")] = ""
    name: Annotated[str, Meta(description="Customers of exactly this name, in any case.")] = ""
    language: Annotated[LanguageCode | UnsetType, Meta(description="Customers of this language.")] = UNSET
    timezone: Annotated[TimezoneName | UnsetType, Meta(description="Customers of this time zone.")] = UNSET
    view_id: Annotated[Whole | UnsetType, Meta(description="Only customers that this view shows now.")] = (
        UNSET
    )
    channel_type: Annotated[str, Meta(description="Customers with an address of this type.")] = ""
    channel_address: Annotated[
        str, Meta(description="The customer of this address; telephone numbers are compared by their digits.")
    ] = ""
    order_by: Annotated[OrderBy, Meta(description="What comes first.")] = "created_datetime:desc"


class CustomerGetQuery(msgspec.Struct, forbid_unknown_fields=True):
    """What to tell besides."""

    relationships: Annotated[
        list[Literal["custom_fields"]] | UnsetType,
        Meta(description="`custom_fields`: tell the definition of each field beside its value."),
    ] = UNSET


class MergeQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which customer becomes part of which."""

    source_id: Annotated[IdParameter, Meta(description="The customer that becomes part of the other.")]
    target_id: Annotated[IdParameter, Meta(description="The customer that stays.")]


def _given(body: types.CustomerInput | None) -> dict[str, Any]:
    """The fields that were sent; 400 when `data` is beyond the bounds of free JSON."""
    given = wire.given(body) if body is not None else {}
    if "data" in given:
        _bounded(given["data"])
    return given


def _bounded(data: Any) -> None:
    try:
        fields.free(data)
    except fields.Fault as fault:
        raise errors.one("data", str(fault)) from None


def _by_channel(statement: Statement, kind: str, address: str) -> None:
    if kind and address:
        statement.where(customers.BY_CHANNEL, kind, channels.of(kind, address).key)
    elif kind:
        statement.where(customers.BY_CHANNEL_TYPE, kind)
    elif address:
        keys = [channels.of("phone", address).key, channels.of("", address).key]
        statement.where(customers.BY_CHANNEL_ADDRESS, keys, keys, channels.PHONES)


@operation(
    "GET",
    "/api/customers",
    id="list-customers",
    scope="customers:read",
    query=CustomerQuery,
    answer=types.CustomerList,
    tag="Customers",
)
async def list_(work: Work, call: Call[CustomerQuery, None]) -> bytes:
    """List customers.

    Filters are exact; e-mail and name are compared without case, telephone numbers by their digits.
    """
    query = call.query
    if query.view_id is not UNSET:
        raise errors.Invalid({"view_id": [errors.MISSING_OBJECT]}, "Invalid query parameters")
    statement = Statement(work.account.id)
    statement.where(customers.LISTED)
    for name, condition in FILTERS:
        value = getattr(query, name)
        if value:
            statement.where(condition, str(value))
    _by_channel(statement, query.channel_type, query.channel_address)
    order = ORDERS[query.order_by]
    return await lists.page(work, call, customers.LIST, statement, order, id_column="c.id")


@operation(
    "POST",
    "/api/customers",
    id="create-customer",
    scope="customers:write",
    role="lite-agent",
    body=types.CustomerInput,
    answer=types.Customer,
    status=201,
    tag="Customers",
)
async def create(work: Work, call: Call[NoQuery, types.CustomerInput]) -> bytes:
    """Create a customer.

    Everything is optional. The first address of its type is the preferred one.
    """
    customer_id = await customers.create(work, _given(call.body))
    return (await customers.get(work, customer_id, detail=False)).encode()


@operation(
    "GET",
    "/api/customers/{id}",
    id="get-customer",
    scope="customers:read",
    query=CustomerGetQuery,
    # wire: one client repeats the path's id: GET /api/customers/7/?id=7
    answer=types.CustomerDetail,
    redirects=True,
    tag="Customers",
)
async def get(work: Work, call: Call[CustomerGetQuery, None]) -> bytes:
    """Get a customer."""
    with_fields = call.query.relationships is not UNSET
    return (await customers.get(work, call.id, with_fields=with_fields)).encode()


@operation(
    "PUT",
    "/api/customers/{id}",
    id="update-customer",
    scope="customers:write",
    role="lite-agent",
    body=types.CustomerInput,
    # wire: unknown keys are ignored here, and only here
    lenient=True,
    answer=types.Customer,
    status=202,
    subject=customers.require,
    redirects=True,
    tag="Customers",
)
async def update(work: Work, call: Call[NoQuery, types.CustomerInput]) -> bytes:
    """Update a customer.

    `channels` replaces all addresses; a new `email` becomes the preferred e-mail address, the old one stays. Unknown
    fields are ignored, but one known field is needed.
    """
    given = _given(call.body)
    if not given:
        await customers.require(work, call.id)
        raise errors.Invalid({"body": [NOTHING_KNOWN]})
    await customers.update(work, call.id, given)
    return (await customers.get(work, call.id, detail=False)).encode()


@operation(
    "DELETE",
    "/api/customers/{id}",
    id="delete-customer",
    scope="customers:write",
    role="agent",
    status=204,
    redirects=True,
    tag="Customers",
)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a customer.

    The customer is erased for good. Tickets stay, without name and addresses.
    """
    await customers.require(work, call.id)
    await erasing.erase(work, [call.id])


@operation(
    "DELETE",
    "/api/customers",
    id="delete-customers",
    scope="customers:write",
    role="agent",
    body=types.CustomerIds,
    status=204,
    tag="Customers",
)
async def delete_many(work: Work, call: Call[NoQuery, types.CustomerIds]) -> None:
    """Delete several customers.

    Unknown and merged ids are passed over.
    """
    await erasing.erase(work, call.body.ids)


@operation(
    "PUT",
    "/api/customers/merge",
    id="merge-customers",
    scope="customers:write",
    role="basic-agent",
    query=MergeQuery,
    body=types.CustomerInput,
    body_required=False,
    answer=types.CustomerDetail,
    status=202,
    statuses=(404,),
    redirects=True,
    tag="Customers",
)
async def merge(work: Work, call: Call[MergeQuery, types.CustomerInput | None]) -> bytes | Reply:
    """Merge two customers.

    The source becomes part of the target, with its tickets, messages and addresses. Fields of the body win over both.
    The source's id answers 301 afterwards.
    """
    query, given = call.query, _given(call.body)
    pair = await merging.survivors(work, query.source_id, query.target_id)
    if pair != (query.source_id, query.target_id):
        location = call.scope["path"] + "?" + urlencode({"source_id": pair[0], "target_id": pair[1]})
        return Reply(status=301, headers=((b"location", location.encode()),))
    await merging.merge(work, *pair, given)
    return (await customers.get(work, query.target_id)).encode()


@operation(
    "PUT",
    "/api/customers/{customer_id}/data",
    id="update-customer-data",
    scope="customers:write",
    role="lite-agent",
    body=types.CustomerDataInput,
    status=202,
    subject=customers.require,
    redirects=True,
    tag="Customers",
)
async def update_data(work: Work, call: Call[NoQuery, types.CustomerDataInput]) -> None:
    """Overwrite a customer's data.

    Data with a `version` older than what is stored is let go without an error. When an app calls, it is also kept as
    the app's own (`external_data`).
    """
    body = call.body
    await customers.require(work, call.id)
    _bounded(body.data)
    await customers.save_data(work, call.id, body.data, wire.plain(body.version))
