"""What apps tell the statistics of what they did: `/api/_polus/reporting/facts` (reference: Statistics 5)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from polus.api.fields import Channel, CurrencyCode, Free, Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk.statistics import app_facts
from polus.store.work import Work

TAG = "Reporting Statistics"
MOST = 500
LARGEST_AMOUNT = 10**12
YEAR = 366 * 86_400
Kind = Literal[tuple(app_facts.KINDS)]  # type: ignore[valid-type]
Name = Annotated[str, Meta(min_length=1, max_length=255)]
Slug = Annotated[str, Meta(pattern="^[a-z0-9_-]{1,64}$")]
Names = Annotated[list[Name], Meta(max_length=100)]
Amount = Annotated[float, Meta(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
Score = Annotated[int, Meta(ge=1, le=5)]


class Resource(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What an answer was made from."""

    source_id: Name
    source_set_id: Name | None = None


class Fact(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One thing that happened. Which members a `kind` has, the documentation tells."""

    kind: Kind  # type: ignore[valid-type]
    external_id: Name
    datetime: When | None = None
    ticket_id: Id | None = None
    customer_id: Id | None = None
    channel: Channel | None = None
    store_integration_id: Id | None = None
    ai_agent_role: Literal["support", "sales"] | None = None
    engagement_type: Slug | None = None
    meta: Free | None = None
    outcome: Literal["automated", "handover", "dropped"] | None = None
    feature: (
        Literal["ai-agent", "flow", "order-management", "article-recommendation", "autoresponder"] | None
    ) = None
    order_management_type: Literal["track", "cancel", "return", "report-issue"] | None = None
    flow_id: Name | None = None
    intent: Name | None = None
    ai_outcome: Name | None = None
    resources: Annotated[list[Resource], Meta(max_length=100)] | None = None
    interaction_id: Name | None = None
    product_id: Name | None = None
    product_variant_ids: Names | None = None
    times: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    attributed_revenue: Amount | None = None
    currency: CurrencyCode | None = None
    code_offered: Name | None = None
    code_used: Name | None = None
    amount: Amount | None = None
    order_id: Name | None = None
    total_amount: Amount | None = None
    total_amount_usd: Amount | None = None
    product_ids: Names | None = None
    purchase_time: Annotated[int, Meta(ge=0, le=YEAR)] | None = None
    resource_type: Name | None = None
    resource_source_id: Name | None = None
    resource_source_set_id: Name | None = None
    resource_version: Name | None = None
    scorer_user_id: Id | None = None
    resolution_completeness: bool | None = None
    communication_skills: Score | None = None
    language_proficiency: Score | None = None
    accuracy: Score | None = None
    efficiency: Score | None = None
    internal_compliance: Score | None = None
    brand_voice: Score | None = None


class FactsInput(msgspec.Struct, forbid_unknown_fields=True):
    """What happened."""

    facts: Annotated[list[Fact], Meta(min_length=1, max_length=MOST)]


class Recorded(msgspec.Struct):
    """What became of one of them."""

    kind: Kind  # type: ignore[valid-type]
    external_id: str
    status: Literal["created", "updated"]


class FactsRecorded(msgspec.Struct):
    """The same for all, in their order."""

    data: list[Recorded]


class FactsRemoval(msgspec.Struct, forbid_unknown_fields=True):
    """Facts of one kind."""

    kind: Kind  # type: ignore[valid-type]
    external_ids: Annotated[list[Name], Meta(min_length=1, max_length=MOST)]


@operation(
    "POST", "/api/_polus/reporting/facts", id="create-reporting-facts", scope="tickets:write", role="basic-agent",
    body=FactsInput, answer=FactsRecorded, status=201, tag=TAG,
)  # fmt: skip
async def record(work: Work, call: Call[NoQuery, FactsInput]) -> bytes:
    """Record what an app did.

    Told again with the same kind and external id, a fact replaces the one before.
    """
    data = await app_facts.record(work, [wire.given(fact) for fact in call.body.facts])
    return wire.encode({"data": data}).encode()


@operation(
    "DELETE", "/api/_polus/reporting/facts", id="delete-reporting-facts", scope="tickets:write", role="basic-agent",
    body=FactsRemoval, status=204, tag=TAG,
)  # fmt: skip
async def remove(work: Work, call: Call[NoQuery, FactsRemoval]) -> None:
    """Take back what was recorded by the same app or user."""
    await app_facts.remove(work, call.body.kind, call.body.external_ids)
