"""Taking persons out of the records: the customer's row is emptied, his tickets stay and name nobody.

Texts of messages stay as they are: who wants them gone deletes the tickets first.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import wire
from polus.desk.customers.standins import NAME, StandIns
from polus.store.work import Work

# Messages changed at once: bounds the memory that one erasure takes.
BATCH = 500

LOCK = """
select id, name from customers
where account_id = $1 and id = any($2::bigint[]) and merged_into_id is null and deleted_datetime is null
order by id for update
"""

# Removed addresses too: messages may still name them.
FORMER = "select customer_id, type, key from customer_channels where account_id = $1 and customer_id = any($2::bigint[])"

MESSAGES = """
with theirs as (
  select m.id from tickets t join messages m on m.account_id = t.account_id and m.ticket_id = t.id
  where t.account_id = $1 and t.customer_id = any($2::bigint[]) and t.merged_into_id is null
  union select id from messages where account_id = $1 and sender_id = any($2::bigint[]) and not from_agent
  union select id from messages where account_id = $1 and receiver_id = any($2::bigint[])
)
select id, source, headers from messages
where account_id = $1 and id in (select id from theirs where id > $3) order by id limit $4 for no key update
"""

REWRITE = """
update messages m set source = g.source::jsonb, headers = g.headers::jsonb
from unnest($2::bigint[], $3::text[], $4::text[]) as g (id, source, headers)
where m.account_id = $1 and m.id = g.id
"""

# With whom numbers of ours speak goes with them; that somebody said STOP stays: it is a number that asked for peace.
FORGET_CHANNELS = """
with theirs as (
  delete from customer_channels where account_id = $1 and customer_id = any($2::bigint[]) returning type, key
), numbers as (
  select '+' || key as address from theirs where type in ('phone', 'sms', 'whatsapp')
), spoken as (
  delete from text_people where account_id = $1 and address in (select address from numbers)
)
delete from text_arrivals where account_id = $1 and address in (select address from numbers) and due_datetime is null
"""

FORGET_WORDS = "delete from customer_words where account_id = $1 and customer_id = any($2::bigint[])"

# The customer's own number of a call: the caller's of one that came in, the called one of the others.
FORGET_NUMBERS = """
update voice_calls set
  phone_number_source = case when direction = 'inbound' then '' else phone_number_source end,
  phone_number_destination = case when direction = 'outbound' then '' else phone_number_destination end
where account_id = $1 and customer_id = any($2::bigint[])
"""

# Old events quote names, notes and addresses.
FORGET_EVENTS = """
update events set data = null
where account_id = $1 and object_type = 'Customer' and data is not null and object_id in (
  select unnest($2::bigint[])
  union all select id from customers where account_id = $1 and merged_into_id = any($2::bigint[])
)
"""

# The row keeps what is to be shown, so no projection has to know. Who was merged into an erased customer leads
# nowhere any more.
EMPTY = """
update customers set active = false, external_id = null, email = null, name = $3, language = null, timezone = null,
  note = null, meta = '{"deleted": true}', data = null, data_version = null, integrations = '{}',
  external_data = '{}', ecommerce_data = '{}', custom_fields = '{}', updated_datetime = $4, deleted_datetime = $4
where account_id = $1 and (id = any($2::bigint[]) or merged_into_id = any($2::bigint[]))
"""

TICKETS = "select id from tickets where account_id = $1 and customer_id = any($2::bigint[]) and merged_into_id is null"


async def erase(work: Work, customer_ids: Sequence[int]) -> None:
    """Erase these customers for good; unknown, merged and erased ids are passed over."""
    rows = await work.db.fetch(LOCK, work.account.id, customer_ids)
    if not rows:
        return
    ids = [row["id"] for row in rows]
    former = await work.db.fetch(FORMER, work.account.id, ids)
    if former:
        await _rewrite(work, ids, StandIns(former))
    for statement in (FORGET_CHANNELS, FORGET_WORDS, FORGET_NUMBERS, FORGET_EVENTS):
        await work.db.execute(statement, work.account.id, ids)
    await work.db.execute(EMPTY, work.account.id, ids, NAME, work.now)
    for ticket in await work.db.fetch(TICKETS, work.account.id, ids):
        work.ring("ticket", work.account.id, ticket["id"])
    for row in rows:
        work.record("customer-deleted", "Customer", row["id"], {"name": row["name"]})


async def _rewrite(work: Work, ids: Sequence[int], stand_ins: StandIns) -> None:
    last = 0
    while True:
        messages = await work.db.fetch(MESSAGES, work.account.id, ids, last, BATCH)
        changed: tuple[list[int], list[str], list[str | None]] = ([], [], [])
        for message_id, source_text, headers_text in messages:
            source, headers = _decoded(source_text), _decoded(headers_text)
            new_source, new_headers = stand_ins.source(source), stand_ins.headers(headers)
            if (new_source, new_headers) != (source, headers):
                changed[0].append(message_id)
                changed[1].append(wire.encode(new_source))
                changed[2].append(wire.jsonb(new_headers))
        if changed[0]:
            await work.db.execute(REWRITE, work.account.id, *changed)
        if len(messages) < BATCH:
            return
        last = messages[-1][0]


def _decoded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
