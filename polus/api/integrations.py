"""Integrations: `/api/integrations`."""

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import fields, lists
from polus.api.fields import NO_LENGTH, Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import errors, wire
from polus.desk import integrations, removals
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Integrations"
READ_ONLY = ("id", "uri", "user", "meta", "managed", "application_id", "created_datetime", "updated_datetime")
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
NOT_HEADER = "Not a valid header name."

Type = Literal[
    "aircall", "alloy", "app", "bigcommerce", "ecom", "email", "facebook", "gmail", "gorgias_chat", "http", "klaviyo",
    "magento2", "outlook", "phone", "recharge", "self_service", "shopify", "smile", "smooch", "smooch_inside", "sms",
    "twitter", "whatsapp", "yotpo", "zendesk",
]  # fmt: skip
Listed = Literal[
    "email", "gmail", "outlook", "app", "aircall", "facebook", "gorgias_chat", "phone", "sms", "twitter", "yotpo",
    "whatsapp", "http", "shopify", "recharge", "smile", "smooch_inside", "smooch", "magento2", "zendesk", "klaviyo",
    "bigcommerce", "alloy", "ecom",
]  # fmt: skip
Method = Literal["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]
RequestContent = Literal["application/json", "application/x-www-form-urlencoded"]
ResponseContent = Literal["application/json"]
Name = Annotated[str, Meta(min_length=1, max_length=256, extra_json_schema=NO_LENGTH)]
Description = Annotated[str, Meta(max_length=1024, extra_json_schema=NO_LENGTH)]
Address = Annotated[str, Meta(max_length=8192, extra_json_schema=NO_LENGTH)]
Secret = Annotated[str, Meta(max_length=1024, extra_json_schema=NO_LENGTH)]


class TriggersInput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a call is made after; the former names with underscores are taken too."""

    created: bool | UnsetType = msgspec.field(default=UNSET, name="ticket-created")
    updated: bool | UnsetType = msgspec.field(default=UNSET, name="ticket-updated")
    message_created: bool | UnsetType = msgspec.field(default=UNSET, name="ticket-message-created")
    self_unsnoozed: bool | UnsetType = msgspec.field(default=UNSET, name="ticket-self-unsnoozed")
    message_failed: bool | UnsetType = msgspec.field(default=UNSET, name="ticket-message-failed")
    assignment_updated: bool | UnsetType = msgspec.field(default=UNSET, name="ticket-assignment-updated")
    status_updated: bool | UnsetType = msgspec.field(default=UNSET, name="ticket-status-updated")
    handed_over: bool | UnsetType = msgspec.field(default=UNSET, name="ticket-handed-over")
    ticket_created: bool | UnsetType = UNSET
    ticket_updated: bool | UnsetType = UNSET
    ticket_message_created: bool | UnsetType = UNSET
    ticket_self_unsnoozed: bool | UnsetType = UNSET
    ticket_message_failed: bool | UnsetType = UNSET
    ticket_assignment_updated: bool | UnsetType = UNSET
    ticket_status_updated: bool | UnsetType = UNSET
    ticket_handed_over: bool | UnsetType = UNSET
    ticket_assignee_updated: bool | UnsetType = UNSET


class HttpOptions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How another system is called. `headers` and `hmac_secret` are kept and never shown again."""

    method: Method | UnsetType = UNSET
    request_content_type: RequestContent | UnsetType = UNSET
    response_content_type: ResponseContent | UnsetType = UNSET
    headers: dict[str, Any] | None | UnsetType = UNSET
    form: Any = UNSET
    hmac_secret: Secret | None | UnsetType = UNSET
    triggers: TriggersInput | UnsetType = UNSET
    # What answers carry besides may come back with them.
    id: Any = UNSET
    oauth2: Any = UNSET


class HttpInput(HttpOptions, forbid_unknown_fields=True, kw_only=True):
    """A new call."""

    url: Address


class HttpUpdate(HttpOptions, forbid_unknown_fields=True, kw_only=True):
    """Changes of a call: what is not sent stays."""

    url: Address | UnsetType = UNSET


class IntegrationCreate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new integration."""

    name: Name
    type: Literal["http"]
    http: HttpInput | UnsetType = UNSET
    description: Description | None = None
    managed: bool = False
    business_hours_id: Id | None = None
    deactivated_datetime: When | None = None


class IntegrationUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of an integration."""

    name: Name | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    http: HttpUpdate | UnsetType = UNSET
    description: Description | None | UnsetType = UNSET
    business_hours_id: Id | None | UnsetType = UNSET
    deactivated_datetime: When | None | UnsetType = UNSET


class Triggers(msgspec.Struct, kw_only=True):
    """What a call is made after."""

    created: bool = msgspec.field(name="ticket-created")
    updated: bool = msgspec.field(name="ticket-updated")
    message_created: bool = msgspec.field(name="ticket-message-created")
    self_unsnoozed: bool = msgspec.field(name="ticket-self-unsnoozed")
    message_failed: bool = msgspec.field(name="ticket-message-failed")
    assignment_updated: bool = msgspec.field(name="ticket-assignment-updated")
    status_updated: bool = msgspec.field(name="ticket-status-updated")
    handed_over: bool = msgspec.field(name="ticket-handed-over")


class Http(msgspec.Struct, kw_only=True):
    """A call as answered, without its secrets."""

    id: int
    url: str
    method: Method
    request_content_type: RequestContent
    response_content_type: ResponseContent
    form: Any
    triggers: Triggers
    oauth2: dict[str, Any] | None


class Creator(msgspec.Struct):
    """Who made it."""

    id: int


class Integration(msgspec.Struct, kw_only=True):
    """An integration as answered; `http` only for that type."""

    id: int
    uri: str
    type: Type
    name: str
    description: str | None
    managed: bool
    application_id: str | None
    business_hours_id: int | None
    user: Creator | None
    meta: dict[str, Any]
    created_datetime: When
    updated_datetime: When
    deactivated_datetime: When | None
    http: Http | None | UnsetType = UNSET


class IntegrationList(msgspec.Struct):
    """A page of integrations."""

    object: Literal["list"]
    uri: str
    data: list[Integration]
    meta: lists.MetaCursors


class IntegrationQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which integrations, in which order."""

    order_by: Literal["created_datetime:asc", "created_datetime:desc"] = "created_datetime:desc"
    type: Annotated[Listed | UnsetType, Meta(description="Only integrations of this type.")] = UNSET


ORDERS = lists.orders(created_datetime=("i.created_datetime", "datetime"))


def _given(body: IntegrationCreate | IntegrationUpdate) -> dict[str, Any]:
    """What was sent, its free parts checked."""
    given = wire.given(body)
    given.pop("managed", None)
    if "http" in given:
        http = given["http"] = {k: v for k, v in given["http"].items() if k not in ("id", "oauth2")}
        problems = {name: _problem(name, http[name]) for name in ("form", "headers") if name in http}
        found = {name: told for name, told in problems.items() if told}
        if found:
            raise errors.Invalid({"http": found})
    return given


def _problem(name: str, value: Any) -> Any:
    if not isinstance(value, (dict, str)) and value is not None:
        return [errors.WRONG_TYPE]
    try:
        fields.free(value)
    except fields.Fault as fault:
        return [str(fault)]
    if name == "form" or not isinstance(value, dict):
        return None
    wrong = {key: [NOT_HEADER] for key in value if not HEADER.fullmatch(key)}
    return wrong | {key: [errors.NOT_STRING] for key, text in value.items() if not isinstance(text, str)}


@operation(
    "GET",
    "/api/integrations",
    id="list-integrations",
    scope="integrations:read",
    query=IntegrationQuery,
    answer=IntegrationList,
    tag=TAG,
)
async def list_(work: Work, call: Call[IntegrationQuery, None]) -> bytes:
    """List integrations.

    All that the account is connected to, the addresses and channels too.
    """
    statement = Statement(work.account.id)
    statement.where("i.account_id = $1")
    if call.query.type is not UNSET:
        statement.where("i.type = $?", call.query.type)
    order = ORDERS[call.query.order_by]
    return await lists.page(work, call, integrations.LIST, statement, order, id_column="i.id")


@operation(
    "POST",
    "/api/integrations",
    id="create-integration",
    scope="integrations:write",
    role="admin",
    body=IntegrationCreate,
    answer=Integration,
    status=201,
    tag=TAG,
)
async def create(work: Work, call: Call[NoQuery, IntegrationCreate]) -> bytes:
    """Create an integration.

    Only those of type http are made here. The host of the address must be public, unless a variable is part of it.
    """
    given = _given(call.body)
    if "http" not in given:
        raise errors.Invalid({"http": {"url": [errors.REQUIRED]}})
    return (await integrations.create(work, given)).encode()


@operation(
    "GET",
    "/api/integrations/{id}",
    id="get-integration",
    scope="integrations:read",
    answer=Integration,
    tag=TAG,
)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get an integration."""
    return (await integrations.get(work, call.id)).encode()


@operation(
    "PUT",
    "/api/integrations/{id}",
    id="update-integration",
    scope="integrations:write",
    role="admin",
    body=IntegrationUpdate,
    ignored=READ_ONLY,
    answer=Integration,
    status=202,
    subject=integrations.require,
    tag=TAG,
)
async def update(work: Work, call: Call[NoQuery, IntegrationUpdate]) -> bytes:
    """Update an integration.

    What is not sent stays, inside `http` and its triggers too. `deactivated_datetime` switches it off, null on again.
    """
    return (await integrations.update(work, call.id, _given(call.body))).encode()


@operation(
    "DELETE",
    "/api/integrations/{id}",
    id="delete-integration",
    scope="integrations:write",
    role="admin",
    status=204,
    tag=TAG,
)
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete an integration.

    Refused while rules, macros or other integrations name it. Views that name it are switched off.
    """
    await removals.remove_integration(work, call.id)
