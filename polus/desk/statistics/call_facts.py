"""What is counted of calls, straight from them and what happened in them; see `facts` for what statements are given."""

# Talk time runs from the answer to the end, waiting time from the queue (else the start) to the answer or the end.
CALLS = """
select c.ticket_id, coalesce(c.last_answered_by_agent_id,
    case when c.direction = 'outbound' then c.initiated_by_agent_id end) as agent_id,
  t.assignee_team_id as team_id, 'phone' as channel, c.integration_id, t.store_id, c.created_datetime as moment,
  c.created_datetime as created, c.id as item,
  array[c.last_answered_by_agent_id, c.initiated_by_agent_id, c.last_rang_agent_id] as agents, c.direction || ' ' || coalesce(c.termination_status, '') as kind,
  case when c.direction = 'inbound' and c.termination_status is not null then e.waited end as waited,
  case when c.termination_status = 'answered' or e.answered is not null then e.talked end as talked,
  jsonb_strip_nulls(jsonb_build_object('queueId', e.queue_id, 'queueName',
    (select i.name from integrations i where i.account_id = $1 and i.id = e.queue_id), 'customerId', c.customer_id,
    'createdDatetime', wire(c.created_datetime), 'status', c.status, 'duration', c.duration,
    'source', c.phone_number_source, 'destination', c.phone_number_destination, 'callDirection', c.direction,
    'talkTime', case when c.termination_status = 'answered' or e.answered is not null then round(e.talked / 1000000.0) end,
    'waitTime', case when c.direction = 'inbound' and c.termination_status is not null then round(e.waited / 1000000.0) end,
    'voicemailAvailable', c.has_voicemail, 'callRecordingAvailable', c.has_call_recording,
    'displayStatus', coalesce(c.termination_status, case c.status when 'failed' then 'failed' else 'in-progress' end),
    'callTerminationStatus', c.termination_status, 'isPossibleSpam', false,
    'isAnsweredByAgent', c.last_answered_by_agent_id is not null)) as more
from voice_calls c left join tickets t on t.account_id = c.account_id and t.id = c.ticket_id
cross join lateral (
  select happened.answered, happened.queue_id,
    microseconds(coalesce(happened.answered, ended.at) - coalesce(happened.queued, c.started_datetime, c.created_datetime))
      as waited,
    microseconds(ended.at - coalesce(happened.answered, c.started_datetime, c.created_datetime)) as talked
  from (
    select coalesce(min(v.created_datetime) filter (where v.type = 'outgoing-phone-call-connected'),
        min(v.created_datetime) filter (where v.type = 'phone-call-answered')) as answered,
      min(v.created_datetime) filter (where v.type in ('phone-call-enqueued', 'phone-call-ringing')) as queued,
      coalesce(c.queue_id, min((v.meta->>'queue_id')::bigint) filter (where v.type = 'phone-call-enqueued')) as queue_id,
      max(v.created_datetime) filter (where v.type = 'completed-phone-call') as completed
    from voice_call_events v where v.account_id = c.account_id and v.call_id = c.id
  ) happened cross join lateral (
    select coalesce(happened.completed,
      coalesce(c.started_datetime, c.created_datetime) + make_interval(secs => c.duration)) as at
  ) ended
) e
where c.account_id = $1 and c.created_datetime >= $2 and c.created_datetime < $3
"""

# What agents did with calls.
HAPPENINGS = """
select c.ticket_id, e.user_id as agent_id, t.assignee_team_id as team_id, 'phone' as channel, c.integration_id,
  t.store_id, e.created_datetime as moment, c.created_datetime as created, c.id as item,
  jsonb_strip_nulls(jsonb_build_object('createdDatetime', wire(e.created_datetime), 'status', k.status,
    'transferType', case when e.type = 'phone-call-transfer-initiated' then coalesce(e.meta->>'transfer_type',
      case when e.meta ? 'agent_id' then 'agent' when e.meta ? 'queue_id' then 'queue' else 'external' end) end,
    'transferTargetAgentId', e.meta->'agent_id', 'transferTargetExternalNumber', e.meta->'external_number',
    'transferTargetQueueId', e.meta->'queue_id', 'assignedAgentId', t.assignee_user_id, 'customerId', c.customer_id,
    'duration', c.duration, 'source', c.phone_number_source, 'destination', c.phone_number_destination,
    'callDirection', c.direction, 'voicemailAvailable', c.has_voicemail, 'callRecordingAvailable', c.has_call_recording,
    'displayStatus', coalesce(c.termination_status, case c.status when 'failed' then 'failed' else 'in-progress' end),
    'transferredCalls', e.type = 'phone-call-transfer-initiated', 'declinedCalls', e.type = 'declined-phone-call')) as more
from voice_call_events e
join (values ('phone-call-ringing', 'ringing'), ('phone-call-answered', 'answered'), ('declined-phone-call', 'declined'),
  ('missed-phone-call', 'missed'), ('phone-call-transfer-initiated', 'transferred')) as k (type, status) on k.type = e.type
join voice_calls c on c.account_id = e.account_id and c.id = e.call_id
left join tickets t on t.account_id = c.account_id and t.id = c.ticket_id
where e.account_id = $1 and e.created_datetime >= $2 and e.created_datetime < $3 and e.user_id is not null
"""

FACTS: dict[str, str] = {"calls": CALLS, "call_happenings": HAPPENINGS}
