"""What HTTP integrations called, and calling again: `/api/_polus/integrations/{id}/deliveries`, `…/replay`, `…/test`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import errors, wire
from polus.desk.hooks import deliveries
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Integrations"
State = Literal["waiting", "delivered", "failed"]
NOT_BOTH = "Name deliveries, or a time."


class Delivery(msgspec.Struct, kw_only=True):
    """A call and how it stands. `delivery_id` is what the receiver knows it by; `duration` is in milliseconds."""

    id: int
    delivery_id: str
    integration_id: int
    trigger: str
    ticket_id: int | None
    state: State
    attempts: int
    method: str | None
    url: str | None
    status: int | None
    duration: int | None
    error: str | None
    created_datetime: When
    sent_datetime: When | None
    due_datetime: When | None


class Sent(msgspec.Struct, kw_only=True):
    """The last attempt's request: secrets masked, the body cut; `size` is the body's in bytes."""

    method: str
    url: str
    headers: dict[str, str]
    body: str
    size: int


class Attempt(msgspec.Struct, kw_only=True):
    """One of the last ten attempts."""

    datetime: When
    status: int | None
    duration: int
    error: str | None


class DeliveryDetail(Delivery, kw_only=True):
    """The same with what was sent and what came back, its first 2,048 characters."""

    request: Sent | None
    answer: str | None
    history: list[Attempt]


class DeliveryList(msgspec.Struct):
    """A page of deliveries."""

    object: Literal["list"]
    uri: str
    data: list[Delivery]
    meta: lists.MetaCursors


class DeliveryQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which deliveries, in which order."""

    order_by: Literal["id:asc", "id:desc"] = "id:desc"
    state: Annotated[State | UnsetType, Meta(description="Only deliveries of this state.")] = UNSET


class TestInput(msgspec.Struct, forbid_unknown_fields=True):
    """The ticket to be told about; the newest by default."""

    ticket_id: Id | None = None


class ReplayInput(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Deliveries by their ids, or those of a time, of one state when it is named."""

    ids: Annotated[list[Id], Meta(min_length=1, max_length=100)] | None = None
    from_datetime: When | None = None
    to_datetime: When | None = None
    state: Literal["delivered", "failed"] | None = None


class Replayed(msgspec.Struct):
    """How many deliveries go out again."""

    replayed: int


ORDERS = lists.orders(id=("d.id", "number"))


@operation(
    "GET", "/api/_polus/integrations/{id}/deliveries", id="list-deliveries", scope="integrations:read", role="admin",
    query=DeliveryQuery, answer=DeliveryList, tag=TAG,
)  # fmt: skip
async def list_(work: Work, call: Call[DeliveryQuery, None]) -> bytes:
    """List an integration's deliveries.

    The newest 100 are kept for 30 days, and what still waits.
    """
    await deliveries.require_integration(work, call.id)
    statement = Statement(work.account.id)
    statement.where("d.account_id = $1")
    statement.where("d.integration_id = $?", call.id)
    if call.query.state is not UNSET:
        statement.where("d.state = $?", call.query.state)
    return await lists.page(
        work, call, deliveries.LIST, statement, ORDERS[call.query.order_by], id_column="d.id"
    )


@operation(
    "GET", "/api/_polus/integrations/{integration_id}/deliveries/{id}", id="get-delivery", scope="integrations:read",
    role="admin", answer=DeliveryDetail, tag=TAG,
)  # fmt: skip
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a delivery with its request and answer."""
    return (await deliveries.get(work, *call.ids)).encode()


@operation(
    "POST", "/api/_polus/integrations/{id}/test", id="test-integration", scope="integrations:write", role="admin",
    body=TestInput, body_required=False, answer=DeliveryDetail, status=202, subject=deliveries.require_integration,
    tag=TAG,
)  # fmt: skip
async def test(work: Work, call: Call[NoQuery, TestInput | None]) -> bytes:
    """Call an integration once.

    The call is made in the background with the event `test`; its delivery tells what came of it.
    """
    return (await deliveries.probe(work, call.id, call.body.ticket_id if call.body else None)).encode()


@operation(
    "POST", "/api/_polus/integrations/{id}/replay", id="replay-deliveries", scope="integrations:write", role="admin",
    body=ReplayInput, answer=Replayed, status=202, subject=deliveries.require_integration, tag=TAG,
)  # fmt: skip
async def replay(work: Work, call: Call[NoQuery, ReplayInput]) -> bytes:
    """Send deliveries again.

    They keep their ids, so a receiver can tell what it knows. Deliveries that wait are left as they are.
    """
    body: Any = call.body
    if (body.ids is None) == (body.from_datetime is None and body.to_datetime is None):
        raise errors.one("ids", NOT_BOTH)
    number = await deliveries.replay(
        work, call.id, body.ids, since=body.from_datetime, until=body.to_datetime, state=body.state
    )
    return wire.encode({"replayed": number}).encode()
