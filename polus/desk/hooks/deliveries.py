"""Deliveries: the calls that HTTP integrations owe, have made and failed to make, and their log. Making the calls is
left to `channels.http`.
"""

import datetime
from collections.abc import Sequence
from typing import Any, NamedTuple

from polus.base import errors
from polus.desk import integrations, listings
from polus.desk.hooks import documents
from polus.desk.listings import Listed
from polus.store.paging import Order, Statement
from polus.store.work import Work

TEST = "test"
KEPT = 100  # of each integration
DAYS = 30
# Longer than that nobody waits for a receiver that cannot be reached.
PATIENCE = datetime.timedelta(days=3)
NOT_HTTP = "Only integrations of type http are called."
IS_OFF = "The integration is switched off."
NO_TICKET = "There is no ticket to test with."
MOST_REPLAYED = 10_000

# In the order of the triggers; of one trigger, in that of the integrations.
ADD = """
insert into http_deliveries (account_id, integration_id, trigger, ticket_id, customer_id, message_id, user_id,
  document_id, created_datetime, due_datetime)
select $1, i.id, g.trigger, $4, $5, g.message_id, $6, $7, $8, $8
from unnest($2::text[], $3::bigint[]) with ordinality as g (trigger, message_id, position)
join integrations i on i.account_id = $1 and i.type = 'http' and i.deactivated_datetime is null
  and i.http->'triggers'->g.trigger = 'true'::jsonb
order by g.position, i.id
"""
ANY = """
select 1 from integrations i where i.account_id = $1 and i.type = 'http' and i.deactivated_datetime is null
  and exists (select from jsonb_each(i.http->'triggers') as e (key, value)
    where e.key = any($2) and e.value = 'true'::jsonb) limit 1
"""
INTEGRATION = "select type, deactivated_datetime from integrations where account_id = $1 and id = $2"
NEWEST_TICKET = """
select id from tickets where account_id = $1 and merged_into_id is null and trashed_datetime is null
order by created_datetime desc, id desc limit 1
"""
ADD_TEST = """
insert into http_deliveries (account_id, integration_id, trigger, ticket_id, customer_id, user_id, document_id,
  created_datetime, due_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $8) returning id
"""
# Its id and place in the line stay. One that waits or is being sent is left alone.
AGAIN = """
update http_deliveries set state = 'waiting', due_datetime = $3, tries = 0, error = null
where account_id = $1 and integration_id = $2 and state <> 'waiting' and id in (
  select id from http_deliveries where account_id = $1 and integration_id = $2 and state <> 'waiting'
    and ($4::bigint[] is null or id = any($4)) and ($5::timestamptz is null or created_datetime >= $5)
    and ($6::timestamptz is null or created_datetime <= $6) and ($7::text is null or state = $7)
  order by id limit $8)
"""

COMMON = """'id', d.id, 'delivery_id', d.uuid, 'integration_id', d.integration_id, 'trigger', d.trigger,
  'ticket_id', d.ticket_id, 'state', d.state, 'attempts', d.attempts, 'method', d.request->>'method',
  'url', d.request->>'url', 'status', d.status, 'duration', d.duration, 'error', d.error,
  'created_datetime', wire_json(d.created_datetime), 'sent_datetime', wire_json(d.sent_datetime),
  'due_datetime', wire_json(d.due_datetime)"""
LIST = "select {sort}, d.id, json_build_object(" + COMMON + ")::text from http_deliveries d"
GET = (
    "select json_build_object("
    + COMMON
    + """, 'request', d.request, 'answer', d.answer, 'history', d.history)::text from http_deliveries d
where d.account_id = $1 and d.integration_id = $2 and d.id = $3
"""
)

# The newest of each integration stay, none longer than its days, and what waits in any case.
REMOVE = """
delete from http_deliveries where ctid = any(array(
  select d.ctid from integrations i cross join lateral (
    select ctid, created_datetime, row_number() over (order by id desc) as place from http_deliveries
    where account_id = i.account_id and integration_id = i.id and state <> 'waiting' order by id desc) d
  where i.type = 'http' and (d.place > $1 or d.created_datetime < $2) limit $3))
"""
REMOVE_DOCUMENTS = """
delete from http_documents where ctid = any(array(
  select o.ctid from http_documents o where o.created_datetime < $1 and not exists (
    select from http_deliveries d where d.account_id = o.account_id and d.document_id = o.id) limit $2))
"""
GIVE_UP = """
update http_deliveries set state = 'failed', due_datetime = null, error = $2 where ctid = any(array(
  select d.ctid from integrations i join http_deliveries d on d.account_id = i.account_id and d.integration_id = i.id
  where i.type = 'http' and i.deactivated_datetime is not null and d.due_datetime is not null
    and d.created_datetime < $1 limit $3))
"""


class Fired(NamedTuple):
    """A trigger, and the message that it tells of."""

    trigger: str
    message_id: int | None = None


async def wanted(work: Work, triggers: Sequence[str]) -> bool:
    """Whether an integration of the account wants to hear of one of them."""
    return await work.db.fetchval(ANY, work.account.id, list(triggers)) is not None


async def add(work: Work, ticket_id: int, fired: Sequence[Fired], user_id: int | None) -> None:
    """Have all integrations that want to know called after the commit, in this order. `user_id`: who acted."""
    document = await documents.store(work, ticket_id, user_id)
    if document is None:
        return
    await work.db.execute(
        ADD,
        work.account.id,
        [one.trigger for one in fired],
        [one.message_id for one in fired],
        ticket_id,
        document.customer_id,
        user_id,
        document.id,
        work.now,
    )
    work.ring("work", "http")


async def probe(work: Work, integration_id: int, ticket_id: int | None = None) -> str:
    """Call it once about a ticket, the newest by default; the delivery's wire form. 404, 400."""
    await _require(work, integration_id)
    if ticket_id is None:
        ticket_id = await work.db.fetchval(NEWEST_TICKET, work.account.id)
    document = None if ticket_id is None else await documents.store(work, ticket_id, work.actor.user_id)
    if document is None:
        raise errors.one("ticket_id", NO_TICKET)
    delivery_id: int = await work.db.fetchval(
        ADD_TEST,
        work.account.id,
        integration_id,
        TEST,
        ticket_id,
        document.customer_id,
        work.actor.user_id,
        document.id,
        work.now,
    )
    work.ring("work", "http")
    return await get(work, integration_id, delivery_id)


async def replay(
    work: Work,
    integration_id: int,
    ids: Sequence[int] | None = None,
    *,
    since: datetime.datetime | None = None,
    until: datetime.datetime | None = None,
    state: str | None = None,
) -> int:
    """Send deliveries again, with the ids that they have: those named, or those of a time; how many. 404, 400.

    They are filled from the same document, with the integration as it is now. At most 10,000 at a time, the oldest.
    """
    await _require(work, integration_id)
    told = await work.db.execute(
        AGAIN, work.account.id, integration_id, work.now, ids, since, until, state, MOST_REPLAYED
    )
    work.ring("work", "http")
    return int(told.rpartition(" ")[2])


async def get(work: Work, integration_id: int, delivery_id: int) -> str:
    """The delivery's wire form with request and answer, secrets left out; 404."""
    answer = await work.db.fetchval(GET, work.account.id, integration_id, delivery_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def browse(work: Work, integration_id: int, state: str = "", cursor: str = "") -> Listed:
    """A page of the log, the newest first; of one state when it is given."""
    statement = Statement(work.account.id)
    statement.where("d.account_id = $1")
    statement.where("d.integration_id = $?", integration_id)
    if state:
        statement.where("d.state = $?", state)
    order = Order((("d.id", "number"),), True)
    return await listings.browse(work, LIST, statement, order, cursor=cursor, limit=30, id_column="d.id")


async def require_integration(work: Work, integration_id: int) -> None:
    """404 unless the integration is there."""
    await integrations.require(work, integration_id)


async def remove_old(db: Any, now: datetime.datetime, most: int = 1000) -> int:
    """Shorten the logs and give up what waits for integrations that stay off; how many rows."""
    given_up = await db.execute(GIVE_UP, now - PATIENCE, IS_OFF, most)
    removed = await db.execute(REMOVE, KEPT, now - datetime.timedelta(days=DAYS), most)
    documents = await db.execute(REMOVE_DOCUMENTS, now - datetime.timedelta(minutes=10), most)
    return sum(int(told.rpartition(" ")[2]) for told in (given_up, removed, documents))


async def _require(work: Work, integration_id: int) -> None:
    row = await work.db.fetchrow(INTEGRATION, work.account.id, integration_id)
    if row is None:
        raise errors.NotFound
    if row["type"] != "http":
        raise errors.one("type", NOT_HTTP)
    if row["deactivated_datetime"] is not None:
        raise errors.one("deactivated_datetime", IS_OFF)
