"""What customers look like in bodies and answers."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.custom_field_types import FieldEntry
from polus.api.fields import (
    NO_COUNT,
    NO_LENGTH,
    Body,
    Channel,
    Email,
    Free,
    Id,
    LanguageCode,
    TimezoneName,
    When,
)
from polus.api.shopper_types import ShopperEcommerceData
from polus.desk.customers.channels import ADDRESS_LENGTH, MOST
from polus.desk.customers.customers import NAME_LENGTH

Name = Annotated[str, Meta(max_length=NAME_LENGTH, extra_json_schema=NO_LENGTH)]
ExternalId = Annotated[str, Meta(max_length=255, extra_json_schema=NO_LENGTH)]
Address = Annotated[str, Meta(max_length=ADDRESS_LENGTH, extra_json_schema=NO_LENGTH)]


class CustomerChannelInput(msgspec.Struct):
    """An address. wire: a whole channel may be sent back, its other keys pass."""

    type: Channel
    address: Address
    preferred: bool = False


class CustomerInput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new customer or changes of one; what is absent stays."""

    external_id: ExternalId | None | UnsetType = UNSET
    email: Email | None | UnsetType = UNSET
    name: Name | None | UnsetType = UNSET
    channels: (
        Annotated[list[CustomerChannelInput], Meta(max_length=MOST, extra_json_schema=NO_COUNT)] | UnsetType
    ) = UNSET
    language: LanguageCode | None | UnsetType = UNSET
    timezone: TimezoneName | None | UnsetType = UNSET
    note: Body | None | UnsetType = UNSET
    meta: Free | None | UnsetType = UNSET
    data: Any = UNSET


class CustomerDataInput(msgspec.Struct, forbid_unknown_fields=True):
    """Any JSON. `version` says of when it is; data older than what is stored is let go."""

    data: Any
    version: When | None = None


class CustomerIds(msgspec.Struct, forbid_unknown_fields=True):
    """Which customers to delete."""

    ids: Annotated[list[Id], Meta(min_length=1, max_length=100, extra_json_schema=NO_COUNT)]


class CustomerReference(msgspec.Struct):
    """The customer an address belongs to."""

    id: int
    name: str | None


class CustomerChannel(msgspec.Struct):
    """An address of a customer."""

    id: int
    type: str
    address: str
    preferred: bool
    created_datetime: When
    updated_datetime: When
    deleted_datetime: When | None
    user: CustomerReference
    customer: CustomerReference


class CustomerListItem(msgspec.Struct, kw_only=True):
    """A customer as lists show him."""

    id: int
    external_id: str | None
    active: bool
    email: str | None
    name: str | None
    firstname: str
    lastname: str
    language: LanguageCode | None
    timezone: TimezoneName | None
    created_datetime: When
    updated_datetime: When
    meta: dict[str, Any] | None
    data: Any
    note: str | None
    custom_fields: dict[str, FieldEntry]


class CustomerList(msgspec.Struct):
    """A page of customers."""

    object: Literal["list"]
    uri: str
    data: list[CustomerListItem]
    meta: lists.MetaCursors


class Customer(CustomerListItem, kw_only=True):
    """A customer with all addresses."""

    channels: list[CustomerChannel]
    customer: None
    integrations: dict[str, Any]


class CustomerDetail(Customer, kw_only=True):
    """A customer with what apps and shops know of him."""

    external_data: dict[str, Any]
    ecommerce_data: dict[str, ShopperEcommerceData]


class CustomerInShort(msgspec.Struct):
    """Whose ticket it is."""

    id: int
    email: str | None
    name: str | None
    firstname: str
    lastname: str
    meta: dict[str, Any] | None


class TicketCustomer(CustomerInShort, kw_only=True):
    """Whose ticket it is, with all addresses."""

    channels: list[CustomerChannel]
    data: Any
    customer: None
    integrations: dict[str, Any]
    external_id: str | None
    note: str | None
    external_data: dict[str, Any] | UnsetType = UNSET
    ecommerce_data: dict[str, ShopperEcommerceData] | UnsetType = UNSET
