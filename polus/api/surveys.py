"""Satisfaction surveys: `/api/satisfaction-surveys`."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import Free, Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.base import wire
from polus.desk import surveys
from polus.store.paging import Statement
from polus.store.work import Work

TAG = "Satisfaction surveys"
READ_ONLY = ("id", "uri")
Score = Annotated[int, Meta(ge=1, le=5)]
Comment = Annotated[str, Meta(max_length=1000)]


class SatisfactionSurveyCreate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A new survey."""

    ticket_id: Id
    customer_id: Id
    score: Score | None = None
    body_text: Comment | None = None
    meta: Free | None = None
    created_datetime: When | None = None
    should_send_datetime: When | None = None
    sent_datetime: When | None = None
    scored_datetime: When | None = None


class SatisfactionSurveyUpdate(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Changes of a survey."""

    ticket_id: Id | UnsetType = UNSET
    customer_id: Id | UnsetType = UNSET
    score: Score | None | UnsetType = UNSET
    body_text: Comment | None | UnsetType = UNSET
    meta: Free | None | UnsetType = UNSET
    created_datetime: When | None | UnsetType = UNSET
    should_send_datetime: When | None | UnsetType = UNSET
    sent_datetime: When | None | UnsetType = UNSET
    scored_datetime: When | None | UnsetType = UNSET


class TicketSatisfactionSurvey(msgspec.Struct):
    """The survey inside its ticket."""

    id: int
    customer_id: int
    ticket_id: int
    score: Score | None
    body_text: str | None
    meta: dict[str, Any] | None
    created_datetime: When | None
    scored_datetime: When | None
    sent_datetime: When | None
    should_send_datetime: When | None


class SatisfactionSurvey(TicketSatisfactionSurvey):
    """A survey as answered."""

    uri: str


class SatisfactionSurveyList(msgspec.Struct):
    """A page of surveys."""

    object: Literal["list"]
    uri: str
    data: list[SatisfactionSurvey]
    meta: lists.MetaCursors


class SurveyQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which surveys, in which order."""

    order_by: Literal["created_datetime:asc", "created_datetime:desc"] = "created_datetime:desc"
    ticket_id: Annotated[Id | UnsetType, Meta(description="Only the survey of this ticket.")] = UNSET


ORDERS = lists.orders(created_datetime=("s.created_datetime", "datetime"))


@operation(
    "GET",
    "/api/satisfaction-surveys",
    id="list-satisfaction-surveys",
    scope="satisfaction_survey:read",
    query=SurveyQuery,
    answer=SatisfactionSurveyList,
    tag=TAG,
)
async def list_(work: Work, call: Call[SurveyQuery, None]) -> bytes:
    """List satisfaction surveys."""
    statement = Statement(work.account.id)
    statement.where("s.account_id = $1")
    if call.query.ticket_id is not UNSET:
        statement.where("s.ticket_id = $?", call.query.ticket_id)
    order = ORDERS[call.query.order_by]
    return await lists.page(work, call, surveys.LIST, statement, order, id_column="s.id")


@operation(
    "POST",
    "/api/satisfaction-surveys",
    id="create-satisfaction-survey",
    scope="satisfaction_survey:write",
    role="lite-agent",
    body=SatisfactionSurveyCreate,
    answer=SatisfactionSurvey,
    status=201,
    tag=TAG,
)
async def create(work: Work, call: Call[NoQuery, SatisfactionSurveyCreate]) -> bytes:
    """Create a satisfaction survey.

    A ticket has one at most. Without `should_send_datetime` the helpdesk never sends it.
    """
    return (await surveys.create(work, wire.given(call.body))).encode()


@operation(
    "GET",
    "/api/satisfaction-surveys/{id}",
    id="get-satisfaction-survey",
    scope="satisfaction_survey:read",
    answer=SatisfactionSurvey,
    tag=TAG,
)
async def get(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a satisfaction survey."""
    return (await surveys.get(work, call.id)).encode()


@operation(
    "PUT",
    "/api/satisfaction-surveys/{id}",
    id="update-satisfaction-survey",
    scope="satisfaction_survey:write",
    role="lite-agent",
    body=SatisfactionSurveyUpdate,
    ignored=READ_ONLY,
    answer=SatisfactionSurvey,
    status=202,
    subject=surveys.require,
    tag=TAG,
)
async def update(work: Work, call: Call[NoQuery, SatisfactionSurveyUpdate]) -> bytes:
    """Update a satisfaction survey.

    Its ticket and customer stay what they were.
    """
    return (await surveys.update(work, call.id, wire.given(call.body))).encode()
