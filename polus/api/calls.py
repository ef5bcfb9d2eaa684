"""Voice: `/api/phone/…`: calls, what happened in them, their recordings."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api import lists
from polus.api.fields import NO_LENGTH, Id, When
from polus.api.operation import Call, NoQuery, operation
from polus.desk import calls
from polus.desk.voice import recordings
from polus.store.paging import Order, Statement
from polus.store.work import Work

TAG = "Voice"


class VoiceCallSummary(msgspec.Struct, kw_only=True):
    """What was said in a recording, in short."""

    id: int
    recording_id: int
    summary: str
    created_datetime: When


class VoiceCall(msgspec.Struct, kw_only=True):
    """A telephone call."""

    id: int
    integration_id: int
    ticket_id: int | None
    phone_number_id: int | None
    external_id: str
    provider: str
    status: Literal[
        "answered",
        "connected",
        "in-progress",
        "initiated",
        "queued",
        "ringing",
        "ending",
        "busy",
        "canceled",
        "completed",
        "failed",
        "no-answer",
        "missed",
    ]
    direction: Literal["inbound", "outbound"]
    phone_number_source: str | None
    country_source: str | None
    phone_number_destination: str | None
    country_destination: str | None
    duration: int | None
    started_datetime: When | None
    created_datetime: When
    updated_datetime: When | None
    initiated_by_agent_id: int | None
    last_answered_by_agent_id: int | None
    last_rang_agent_id: int | None
    customer_id: int | None
    has_voicemail: bool | None
    has_call_recording: bool | None
    summaries: list[VoiceCallSummary]
    termination_status: Literal["answered", "cancelled", "missed", "abandoned", "callback-requested"] | None
    queue_id: int | None
    status_in_queue: str | None
    answered_by_external_number: str | None
    answered_by_external_customer_id: int | None
    monitoring_status: Literal["listening", "whispering", "none"] | None
    last_monitoring_agent_id: int | None


class VoiceCallList(msgspec.Struct):
    """A page of calls."""

    object: Literal["list"]
    uri: str
    data: list[VoiceCall]
    meta: lists.MetaCursors


class VoiceCallEvent(msgspec.Struct, kw_only=True):
    """Something that happened in a call."""

    id: int
    type: Literal[
        "phone-call-answered",
        "phone-call-ringing",
        "phone-call-dial-failed",
        "phone-call-agent-dialed",
        "incoming-phone-call",
        "outgoing-phone-call",
        "completed-phone-call",
        "call-recording",
        "missed-phone-call",
        "declined-phone-call",
        "call-ending-triggered",
        "voicemail-recording",
        "phone-call-conversation-started",
        "phone-call-forwarded-to-external-number",
        "phone-call-forwarded-to-gorgias-number",
        "phone-call-forwarded",
        "message-played",
        "outgoing-phone-call-connected",
        "child-call-not_answered",
        "phone-call-transfer-initiated",
        "phone-call-transfer-failed",
        "phone-call-enqueued",
        "phone-call-enqueue-skipped",
        "phone-call-dequeued",
        "phone-call-wrap-up-started",
        "phone-call-wrap-up-ended",
        "ivr-menu-presented",
        "ivr-option-selected",
        "phone-call-deflected-to-sms",
        "customer-field-conditional-evaluated",
        "monitoring-started",
        "monitoring-ended",
        "monitoring-updated",
    ]
    account_id: int
    call_id: int
    user_id: int | None
    customer_id: int | None
    created_datetime: When
    meta: dict[str, Any] | None


class VoiceCallEventList(msgspec.Struct):
    """A page of what happened in calls."""

    object: Literal["list"]
    uri: str
    data: list[VoiceCallEvent]
    meta: lists.MetaCursors


class VoiceCallRecording(msgspec.Struct, kw_only=True):
    """The recording of a call, or a message on the answering machine."""

    id: int
    call_id: int
    external_id: str
    url: str | None
    duration: int | None
    type: Literal["call-recording", "voicemail"]
    created_datetime: When
    deleted_datetime: When | None
    deleted_by_user_id: int | None
    error_code: Literal["RECORDING_IS_PRIVATE"] | None | UnsetType = UNSET
    transcription_status: (
        Literal[
            "requested",
            "completed",
            "failed",
            "recording_too_short",
            "recording_too_long",
            "low_quality_transcription",
        ]
        | None
    )


class VoiceCallRecordingList(msgspec.Struct):
    """A page of recordings."""

    object: Literal["list"]
    uri: str
    data: list[VoiceCallRecording]
    meta: lists.MetaCursors


class CallsQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """Which calls."""

    ticket_id: Annotated[Id | UnsetType, Meta(description="Only calls of this ticket.")] = UNSET


class OfCallQuery(lists.Cursor, forbid_unknown_fields=True, kw_only=True):
    """What of which call."""

    call_id: Annotated[Id | UnsetType, Meta(description="Only what belongs to this call.")] = UNSET


@operation(
    "GET",
    "/api/phone/voice-calls",
    id="list-voice-calls",
    scope="tickets:read",
    query=CallsQuery,
    answer=VoiceCallList,
    tag=TAG,
)
async def list_calls(work: Work, call: Call[CallsQuery, None]) -> bytes:
    """List voice calls, newest first."""
    statement = Statement(work.account.id)
    statement.where("c.account_id = $1")
    if call.query.ticket_id is not UNSET:
        statement.where("c.ticket_id = $?", call.query.ticket_id)
    order = Order((("c.created_datetime", "datetime"),), True)
    return await lists.page(work, call, calls.LIST_CALLS, statement, order, id_column="c.id")


@operation(
    "GET", "/api/phone/voice-calls/{id}", id="get-voice-call", scope="tickets:read", answer=VoiceCall, tag=TAG
)
async def get_call(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a voice call."""
    return (await calls.get(work, call.id)).encode()


@operation(
    "GET",
    "/api/phone/voice-call-events",
    id="list-voice-call-events",
    scope="tickets:read",
    query=OfCallQuery,
    answer=VoiceCallEventList,
    tag=TAG,
)
async def list_events(work: Work, call: Call[OfCallQuery, None]) -> bytes:
    """List what happened in voice calls, oldest first."""
    statement = Statement(work.account.id)
    statement.where("e.account_id = $1")
    if call.query.call_id is not UNSET:
        statement.where("e.call_id = $?", call.query.call_id)
    order = Order((("e.created_datetime", "datetime"),), False)
    return await lists.page(work, call, calls.LIST_EVENTS, statement, order, id_column="e.id")


@operation(
    "GET",
    "/api/phone/voice-call-events/{id}",
    id="get-voice-call-event",
    scope="tickets:read",
    answer=VoiceCallEvent,
    tag=TAG,
)
async def get_event(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get something that happened in a voice call."""
    return (await calls.get_event(work, call.id)).encode()


@operation(
    "GET",
    "/api/phone/voice-call-recordings",
    id="list-voice-call-recordings",
    scope="tickets:read",
    query=OfCallQuery,
    answer=VoiceCallRecordingList,
    tag=TAG,
)
async def list_recordings(work: Work, call: Call[OfCallQuery, None]) -> bytes:
    """List voice call recordings, newest first."""
    statement = Statement(work.account.id, calls.hears(work))
    statement.where("r.account_id = $1")
    if call.query.call_id is not UNSET:
        statement.where("r.call_id = $?", call.query.call_id)
    order = Order((("r.created_datetime", "datetime"),), True)
    return await lists.page(work, call, calls.LIST_RECORDINGS, statement, order, id_column="r.id")


@operation(
    "GET",
    "/api/phone/voice-call-recordings/{id}",
    id="get-voice-call-recording",
    scope="tickets:read",
    answer=VoiceCallRecording,
    tag=TAG,
)
async def get_recording(work: Work, call: Call[NoQuery, None]) -> bytes:
    """Get a voice call recording."""
    return (await calls.get_recording(work, call.id)).encode()


@operation(
    "DELETE",
    "/api/phone/voice-call-recordings/{id}",
    id="delete-voice-call-recording",
    scope="tickets:write",
    role="admin",
    status=204,
    tag=TAG,
)
async def delete_recording(work: Work, call: Call[NoQuery, None]) -> None:
    """Delete a voice call recording.

    The audio is gone; that there was a recording stays readable.
    """
    await calls.delete_recording(work, call.id)


class SummaryInput(msgspec.Struct, forbid_unknown_fields=True):
    """What was said, in short."""

    summary: Annotated[
        str, Meta(min_length=1, max_length=recordings.SUMMARY_LENGTH, extra_json_schema=NO_LENGTH)
    ]


@operation(
    "POST",
    "/api/_polus/voice-call-recordings/{id}/summaries",
    id="create-voice-call-summary",
    scope="tickets:write",
    role="agent",
    body=SummaryInput,
    answer=VoiceCall,
    status=201,
    subject=calls.require_recording,
    tag=TAG,
)
async def summarise(work: Work, call: Call[NoQuery, SummaryInput]) -> bytes:
    """Sum up a voice call recording.

    It stands in `summaries` of the call, in place of the recording's former summary.
    """
    return (await calls.get(work, await recordings.summarise(work, call.id, call.body.summary))).encode()
