"""Recordings of calls and voicemails: noted, their audio kept as private files, summed up. They are read in `desk.calls`."""

import datetime
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import calls, files
from polus.desk.files import Kept
from polus.desk.voice import lines
from polus.desk.voice.lines import Line
from polus.store.work import Work

SUMMARY_LENGTH = 10_000

ADD = """
insert into voice_call_recordings (account_id, call_id, external_id, duration, type, created_datetime)
values ($1, $2, $3, $4, $5, $6) on conflict (account_id, call_id, external_id) do nothing returning id
"""
FLAG = """
update voice_calls set has_voicemail = has_voicemail or $3 = 'voicemail',
  has_call_recording = has_call_recording or $3 = 'call-recording', updated_datetime = $4
where account_id = $1 and id = $2
"""
ORDER = """
insert into voice_orders (account_id, kind, call_id, recording_id, created_datetime, due_datetime)
values ($1, 'fetch', $2, $3, $4, $4)
"""
KEPT = "update voice_call_recordings set url = $3 where account_id = $1 and id = $2"
OF_RECORDING = """
select r.call_id, c.ticket_id, r.url is null and r.deleted_datetime is null as wanted
from voice_call_recordings r join voice_calls c on c.account_id = r.account_id and c.id = r.call_id
where r.account_id = $1 and r.id = $2 for update
"""
# A recording has one summary; another one takes its place.
SUMMARISE = """
update voice_calls set updated_datetime = $5, summaries = (
    select coalesce(jsonb_agg(s order by s->'id'), '[]') from jsonb_array_elements(summaries) s
    where s->>'recording_id' <> $3::bigint::text)
  || jsonb_build_object('id', $3::bigint, 'recording_id', $3::bigint, 'summary', $4::text,
    'created_datetime', wire($5::timestamptz))
where account_id = $1 and id = $2
"""
OF_MESSAGES = (
    "select c.id, c.message_id, "
    + calls.CALL
    + """ as call, u.name as agent, coalesce((select json_agg(json_build_object('id', r.id, 'type', r.type, 'url', r.url,
    'duration', r.duration, 'deleted', r.deleted_datetime is not null, 'error', o.error, 'parked', o.state = 'parked')
    order by r.id) from voice_call_recordings r
  left join voice_orders o on o.account_id = r.account_id and o.recording_id = r.id and o.kind = 'fetch'
  where r.account_id = c.account_id and r.call_id = c.id), '[]')::text as recordings
from voice_calls c left join users u on u.account_id = c.account_id
  and u.id = coalesce(c.last_answered_by_agent_id, c.initiated_by_agent_id)
where c.account_id = $1 and c.message_id = any($2::bigint[])
"""
)


async def note(
    work: Work, line: Line, kind: str, external_id: str, duration: int, at: datetime.datetime | None = None
) -> None:
    """There is a recording at the provider: written down once, and fetched soon. Events voicemail-recording or
    call-recording. `kind`: the wire's `type`."""
    moment = min(max(at or work.now, line.created_datetime), work.now)
    values = (line.call_id, external_id, duration, kind, moment)
    recording_id = await work.db.fetchval(ADD, work.account.id, *values)
    if recording_id is None:
        return
    await work.db.execute(FLAG, work.account.id, line.call_id, kind, work.now)
    await work.db.execute(ORDER, work.account.id, line.call_id, recording_id, work.now)
    event = "voicemail-recording" if kind == "voicemail" else kind
    meta = {"recording_id": recording_id}
    await lines.happened(work, line, event, key=f"recording {external_id}", at=at, meta=meta)
    work.ring("work", "voice_orders")


async def keep(work: Work, recording_id: int, kept: Kept) -> bool:
    """Its audio is in the store from now on; False when it was deleted meanwhile: nobody wants these bytes."""
    row = await work.db.fetchrow(OF_RECORDING, work.account.id, recording_id)
    if row is None or not row["wanted"]:
        return False
    [stored] = await files.add(work, "attachment", [kept], referenced=True)
    url = msgspec.json.decode(stored)["url"]
    await work.db.execute(KEPT, work.account.id, recording_id, url)
    if row["ticket_id"] is not None:
        work.ring("ticket", work.account.id, row["ticket_id"])
    return True


async def summarise(work: Work, recording_id: int, text: str) -> int:
    """What was said in a recording, in short: shown with the call. The call's id. 404; 400 on `summary`."""
    text = text.strip()
    if not text or len(text) > SUMMARY_LENGTH:
        found = errors.too_long(SUMMARY_LENGTH) if text else errors.REQUIRED
        raise errors.one("summary", found)
    row = await work.db.fetchrow(OF_RECORDING, work.account.id, recording_id)
    if row is None:
        raise errors.NotFound
    await work.db.execute(SUMMARISE, work.account.id, row["call_id"], recording_id, text, work.now)
    if row["ticket_id"] is not None:
        work.ring("ticket", work.account.id, row["ticket_id"])
    return row["call_id"]  # type: ignore[no-any-return]


async def shown(work: Work, message_ids: list[int]) -> dict[int, dict[str, Any]]:
    """The calls that messages stand for, by message: the wire's call with `agent` and `recordings`.

    Who may not listen is told no address.
    """
    hears = calls.hears(work)
    found: dict[int, dict[str, Any]] = {}
    for row in await work.db.fetch(OF_MESSAGES, work.account.id, message_ids):
        kept = msgspec.json.decode(row["recordings"])
        for one in kept:
            one["private"] = not hears
            one["url"] = one["url"] if hears else None
        found[row["message_id"]] = msgspec.json.decode(row["call"]) | {
            "agent": row["agent"],
            "recordings": kept,
        }
    return found
