"""Merging: a ticket becomes part of another one and answers 301 from then on."""

from polus.base import errors
from polus.desk.tickets import happenings, labels, messages, tickets
from polus.store.work import Work

MOVE_MESSAGES = "update messages set ticket_id = $3 where account_id = $1 and ticket_id = $2"
MOVE_TAGS = """
insert into ticket_tags (account_id, ticket_id, tag_id)
select account_id, $3, tag_id from ticket_tags where account_id = $1 and ticket_id = $2 on conflict do nothing
"""
DROP_TAGS = "delete from ticket_tags where account_id = $1 and ticket_id = $2"
# A ticket has one survey: the survivor keeps its own.
MOVE_SURVEY = """
update satisfaction_surveys set ticket_id = $3 where account_id = $1 and ticket_id = $2
  and not exists (select from satisfaction_surveys where account_id = $1 and ticket_id = $3)
"""
# What was promised for the source is kept, or not, by the survivor.
DROP_TARGETS = "delete from ticket_slas where account_id = $1 and ticket_id = $2"
# What was planned in the source is sent in the survivor.
MOVE_PLANNED = "update planned set ticket_id = $3 where account_id = $1 and ticket_id = $2"
MOVE_CALLS = "update voice_calls set ticket_id = $3 where account_id = $1 and ticket_id = $2"
# Chains are kept flat: whoever was merged into the source now lives on in the target.
POINT = """
update tickets set merged_into_id = $3, updated_datetime = $4
where account_id = $1 and (id = $2 or merged_into_id = $2)
"""
# The channel of the older one, the later of each datetime, all integrations, unread when either was.
JOIN = """
update tickets t set
  channel = case when s.created_datetime < t.created_datetime then s.channel else t.channel end,
  last_message_datetime = greatest(t.last_message_datetime, s.last_message_datetime),
  last_received_message_datetime = greatest(t.last_received_message_datetime, s.last_received_message_datetime),
  integration_ids = array(select distinct unnest(t.integration_ids || s.integration_ids) order by 1),
  unread_datetime = greatest(t.unread_datetime, s.unread_datetime),
  updated_datetime = $4
from tickets s where s.account_id = $1 and s.id = $2 and t.account_id = $1 and t.id = $3
"""


async def merge(work: Work, source_id: int, into: int) -> None:
    """Move the source's messages and tags into `into`; the source answers 301. 400 for itself, 404, 301.

    Event ticket-merged on the survivor.
    """
    if source_id == into:
        raise errors.one("source_id", "A ticket cannot be merged into itself.")
    # Locked in one order, so that two merges at once cannot wait for each other.
    for ticket_id in sorted((source_id, into)):
        await tickets.lock(work, ticket_id)
    before = await labels.named(work, into)
    await work.db.execute(MOVE_MESSAGES, work.account.id, source_id, into)
    await work.db.execute(MOVE_TAGS, work.account.id, source_id, into)
    await work.db.execute(DROP_TAGS, work.account.id, source_id)
    await work.db.execute(MOVE_SURVEY, work.account.id, source_id, into)
    await work.db.execute(DROP_TARGETS, work.account.id, source_id)
    await work.db.execute(MOVE_PLANNED, work.account.id, source_id, into)
    await work.db.execute(MOVE_CALLS, work.account.id, source_id, into)
    await work.db.execute(JOIN, work.account.id, source_id, into, work.now)
    await work.db.execute(POINT, work.account.id, source_id, into, work.now)
    await messages.resummarise(work, into)
    await messages.resummarise(work, source_id)
    happenings.record(work, into, "ticket-merged", {"source_id": source_id, "target_id": into})
    added = {name: tag for name, tag in (await labels.named(work, into)).items() if name not in before}
    if added:
        happenings.tagged(work, into, "ticket-tags-added", added)
    work.ring("ticket", work.account.id, source_id)
