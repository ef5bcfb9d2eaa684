"""Voice calls, what happened in them, and their recordings: read, and recordings deleted. The voice channel writes them."""

from typing import Any

from polus.base import errors
from polus.desk import files
from polus.store.work import Work

CALL = """
json_build_object('id', c.id, 'integration_id', c.integration_id, 'ticket_id', c.ticket_id,
  'phone_number_id', c.phone_number_id, 'external_id', c.external_id, 'provider', c.provider, 'status', c.status,
  'direction', c.direction, 'phone_number_source', c.phone_number_source, 'country_source', c.country_source,
  'phone_number_destination', c.phone_number_destination, 'country_destination', c.country_destination,
  'duration', c.duration, 'started_datetime', wire(c.started_datetime), 'created_datetime', wire(c.created_datetime),
  'updated_datetime', wire(c.updated_datetime), 'initiated_by_agent_id', c.initiated_by_agent_id,
  'last_answered_by_agent_id', c.last_answered_by_agent_id, 'last_rang_agent_id', c.last_rang_agent_id,
  'customer_id', c.customer_id, 'has_voicemail', c.has_voicemail, 'has_call_recording', c.has_call_recording,
  'summaries', c.summaries, 'termination_status', c.termination_status, 'queue_id', c.queue_id,
  'status_in_queue', c.status_in_queue, 'answered_by_external_number', c.answered_by_external_number,
  'answered_by_external_customer_id', c.answered_by_external_customer_id,
  'monitoring_status', c.monitoring_status, 'last_monitoring_agent_id', c.last_monitoring_agent_id)::text
"""
EVENT = """
json_build_object('id', e.id, 'type', e.type, 'account_id', e.account_id, 'call_id', e.call_id, 'user_id', e.user_id,
  'customer_id', e.customer_id, 'created_datetime', wire(e.created_datetime), 'meta', e.meta)::text
"""
# `$2`: whether private recordings are told to the caller. wire: `error_code` is absent unless there is one
RECORDING = """
(jsonb_build_object('id', r.id, 'call_id', r.call_id, 'external_id', r.external_id,
  'url', case when $2::boolean then r.url end, 'duration', r.duration, 'type', r.type,
  'created_datetime', wire(r.created_datetime), 'deleted_datetime', wire(r.deleted_datetime),
  'deleted_by_user_id', r.deleted_by_user_id, 'transcription_status', r.transcription_status)
  || case when $2::boolean or r.deleted_datetime is not null then '{}'::jsonb
     else '{"error_code": "RECORDING_IS_PRIVATE"}'::jsonb end)::text
"""

LIST_CALLS = "select {sort}, c.id, " + CALL + " from voice_calls c"
GET_CALL = "select " + CALL + " from voice_calls c where c.account_id = $1 and c.id = $2"
LIST_EVENTS = "select {sort}, e.id, " + EVENT + " from voice_call_events e"
GET_EVENT = "select " + EVENT + " from voice_call_events e where e.account_id = $1 and e.id = $2"
LIST_RECORDINGS = "select {sort}, r.id, " + RECORDING + " from voice_call_recordings r"
GET_RECORDING = "select " + RECORDING + " from voice_call_recordings r where r.account_id = $1 and r.id = $3"

# What a connected provider keeps of it is deleted there, too; it is fetched no more.
DELETE = """
with gone as (
  update voice_call_recordings set deleted_datetime = $3, deleted_by_user_id = $4, url = null
  from (select id, url from voice_call_recordings where account_id = $1 and id = $2 for update) as before
  where account_id = $1 and voice_call_recordings.id = $2 and deleted_datetime is null
  returning voice_call_recordings.call_id, before.url
), fetched as (
  delete from voice_orders where account_id = $1 and recording_id = $2 and exists (select from gone)
), ordered as (
  insert into voice_orders (account_id, kind, call_id, recording_id, created_datetime, due_datetime)
  select $1, 'erase', c.id, $2, $3, $3 from gone join voice_calls c on c.account_id = $1 and c.id = gone.call_id
  where exists (select from voice_numbers v where v.account_id = $1 and v.integration_id = c.integration_id)
)
select c.ticket_id, gone.url from gone join voice_calls c on c.account_id = $1 and c.id = gone.call_id
"""
EXISTS = "select exists (select from voice_call_recordings where account_id = $1 and id = $2)"


def hears(work: Work) -> bool:
    """Whether the actor may listen: recordings are private, and open to lead agents and admins."""
    return work.actor.may("agent")


async def _found(answer: Any) -> str:
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def get(work: Work, call_id: int) -> str:
    """A call's wire form; 404."""
    return await _found(await work.db.fetchval(GET_CALL, work.account.id, call_id))


async def get_event(work: Work, event_id: int) -> str:
    """The wire form of something that happened in a call; 404."""
    return await _found(await work.db.fetchval(GET_EVENT, work.account.id, event_id))


async def get_recording(work: Work, recording_id: int) -> str:
    """A recording's wire form; 404."""
    return await _found(await work.db.fetchval(GET_RECORDING, work.account.id, hears(work), recording_id))


async def require_recording(work: Work, recording_id: int) -> None:
    """404 unless the recording is there."""
    if not await work.db.fetchval(EXISTS, work.account.id, recording_id):
        raise errors.NotFound


async def delete_recording(work: Work, recording_id: int) -> None:
    """Mark a recording deleted and let its audio go; again is fine. 404."""
    row = await work.db.fetchrow(DELETE, work.account.id, recording_id, work.now, work.actor.user_id)
    if row is None:
        await require_recording(work, recording_id)
        return
    if row["url"] is not None:
        await files.release(work, row["url"])
    work.ring("work", "voice_orders")
    if row["ticket_id"] is not None:
        work.ring("ticket", work.account.id, row["ticket_id"])
