"""Service levels: `/api/_polus/sla-policies`, and the targets of a ticket."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import When
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk.slas import policies, targets
from polus.desk.tickets import tickets
from polus.store.work import Work

TAG = "SLA policies"
READ_ONLY = ("id", "uri", "created_datetime", "updated_datetime")
Name = Annotated[str, Meta(min_length=1, max_length=policies.NAME_LENGTH)]
Seconds = Annotated[int, Meta(ge=1, le=policies.LONGEST)]
Position = Annotated[int, Meta(ge=0, le=1_000_000)]
Channels = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=50)]
Priority = Literal["critical", "high", "normal", "low"]
Priorities = Annotated[list[Priority], Meta(max_length=4)]


class SlaPolicyCreate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new policy. Empty lists cover every channel and priority; at least one of the two targets is needed."""

    name: Name
    position: Position | UnsetType = UNSET
    channels: Channels = []
    priorities: Priorities = []
    first_response_seconds: Seconds | None = None
    resolution_seconds: Seconds | None = None
    within_business_hours: bool = True
    deactivated_datetime: When | None = None


class SlaPolicyUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of a policy."""

    name: Name | UnsetType = UNSET
    position: Position | UnsetType = UNSET
    channels: Channels | UnsetType = UNSET
    priorities: Priorities | UnsetType = UNSET
    first_response_seconds: Seconds | None | UnsetType = UNSET
    resolution_seconds: Seconds | None | UnsetType = UNSET
    within_business_hours: bool | UnsetType = UNSET
    deactivated_datetime: When | None | UnsetType = UNSET


class SlaPolicy(msgspec.Struct):
    """A policy as answered."""

    id: int
    uri: str
    name: str
    position: int
    channels: list[str]
    priorities: list[Priority]
    first_response_seconds: int | None
    resolution_seconds: int | None
    within_business_hours: bool
    created_datetime: When
    updated_datetime: When
    deactivated_datetime: When | None


class SlaPolicyList(msgspec.Struct):
    """All policies, in the order in which they are tried."""

    data: list[SlaPolicy]


class TicketSla(msgspec.Struct):
    """One target of a ticket. `paused`: its clock stands still, and there is no `due_datetime`."""

    ticket_id: int
    metric: Literal["first-response", "resolution"]
    policy_id: int
    policy_name: str | None
    status: Literal["pending", "achieved", "breached"]
    target_seconds: int
    within_business_hours: bool
    paused: bool
    attached_datetime: When
    due_datetime: When | None
    achieved_datetime: When | None
    breached_datetime: When | None


class TicketSlaList(msgspec.Struct):
    """The targets of a ticket."""

    data: list[TicketSla]


@operation(
    "GET", "/api/_polus/sla-policies", id="list-sla-policies", scope="account:read", answer=SlaPolicyList, tag=TAG
)  # fmt: skip
async def list_(work: Work, call: Call[NoQuery, None]) -> bytes:
    """List SLA policies.

    All of them, in the order in which they are tried.
    """
    return lists.data(await policies.listed(work))


@operation(
    "POST", "/api/_polus/sla-policies", id="create-sla-policy", scope="account:write", role="admin",
    body=SlaPolicyCreate, answer=SlaPolicy, status=201, tag=TAG,
)  # fmt: skip
async def create(work: Work, call: Call[NoQuery, SlaPolicyCreate]) -> bytes:
    """Create an SLA policy.

    It applies to tickets that come from now on.
    """
    policy_id = await policies.create(work, wire.given(call.body))
    return (await policies.get(work, policy_id)).encode()


@operation(
    "GET", "/api/_polus/sla-policies/{id}", id="get-sla-policy", scope="account:read", answer=SlaPolicy, tag=TAG
)  # fmt: skip
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get an SLA policy."""
    return (await policies.get(work, call.id)).encode()


@operation(
    "PUT", "/api/_polus/sla-policies/{id}", id="update-sla-policy", scope="account:write", role="admin",
    body=SlaPolicyUpdate, ignored=READ_ONLY, answer=SlaPolicy, status=202, subject=policies.require, tag=TAG,
)  # fmt: skip
async def update(work: Work, call: Call[NoQuery, SlaPolicyUpdate]) -> bytes:
    """Update an SLA policy.

    Tickets keep the targets they have.
    """
    await policies.update(work, call.id, wire.given(call.body))
    return (await policies.get(work, call.id)).encode()


@operation(
    "DELETE", "/api/_polus/sla-policies/{id}", id="delete-sla-policy", scope="account:write", role="admin",
    status=204, tag=TAG,
)  # fmt: skip
async def delete(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete an SLA policy.

    Tickets keep the targets they have.
    """
    await policies.delete(work, call.id)


@operation(
    "GET", "/api/_polus/tickets/{id}/slas", id="list-ticket-slas", scope="tickets:read", answer=TicketSlaList,
    redirects=True, tag=TAG,
)  # fmt: skip
async def of_ticket(work: Work, call: Call[NoQuery, None]) -> bytes:
    """List the targets of a ticket.

    None, when no policy covered it when it was created.
    """
    await tickets.require(work, call.id)
    return lists.data(await targets.of(work, [call.id]))
