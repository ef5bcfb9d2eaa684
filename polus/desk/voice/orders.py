"""What the provider is to be asked to do, as rows: ring an agent and then his customer, hand out a recording, delete one.

Asking is `channels.voice.orders`; here are the rows, and how each asking ends for the call.
"""

import datetime
import secrets
from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import errors
from polus.desk.tickets import messages
from polus.desk.tickets.drafts import Draft
from polus.desk.voice import lines, phones
from polus.desk.voice.lines import Begun
from polus.store.queue import Key
from polus.store.work import Work

# An agent who ordered a call sits there for so long and waits for his telephone to ring.
PATIENCE = datetime.timedelta(seconds=60)
# Who took an order and said nothing for so long is dead; an agent waits for his telephone meanwhile.
LEASES = {"dial": datetime.timedelta(minutes=1)}
LEASE = datetime.timedelta(minutes=5)
# Seconds to the next attempt of what may be tried again; after the last it is parked.
BACKOFF = (10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0)

# Without the number: words stay when a customer is erased.
SAID = "Outgoing call"
NO_PHONE = "Give your telephone number in your profile first: it rings, and then your customer is called."
NO_NUMBER = "The customer has no telephone number that can be called."
NO_LINE = "No telephone number of this helpdesk is connected, or it is switched off."
BUSY = "Another call of yours has not ended yet."

CUSTOMER = """
select t.customer_id, c.name, (select h.address from customer_channels h where h.account_id = t.account_id
  and h.customer_id = t.customer_id and h.type = 'phone' and h.deleted_datetime is null
  order by h.preferred desc, h.id limit 1) as number
from tickets t join customers c on c.account_id = t.account_id and c.id = t.customer_id
where t.account_id = $1 and t.id = $2 and t.merged_into_id is null
"""
# The number that the customer called last, else the oldest.
OURS = """
select v.integration_id, v.number, i.name from voice_numbers v
join integrations i on i.account_id = v.account_id and i.id = v.integration_id
where v.account_id = $1 and i.deactivated_datetime is null and ($3::bigint is null or v.integration_id = $3)
order by (select max(c.created_datetime) from voice_calls c where c.account_id = v.account_id
  and c.integration_id = v.integration_id and c.ticket_id = $2) desc nulls last, v.integration_id limit 1
"""
CONNECTED = """
select exists (select from voice_numbers v join integrations i on i.account_id = v.account_id and i.id = v.integration_id
  where v.account_id = $1 and i.deactivated_datetime is null)
"""
# Pressed twice: only one call.
TALKS = "select exists (select from voice_lines where account_id = $1 and agent_id = $2)"
TURN = "select pg_advisory_xact_lock(hashtextextended('voice', $1))"
ORDER = """
insert into voice_orders (account_id, kind, call_id, created_datetime, due_datetime) values ($1, 'dial', $2, $3, $3)
"""
DUE = """
select account_id, id from voice_orders where due_datetime <= $2 and state <> 'parked' order by due_datetime limit $1
"""
TAKE = """
select o.id, o.kind, o.state, o.attempts, o.created_datetime, o.call_id, o.recording_id, c.integration_id,
  r.external_id as recording, r.type
from voice_orders o join voice_calls c on c.account_id = o.account_id and c.id = o.call_id
left join voice_call_recordings r on r.account_id = o.account_id and r.id = o.recording_id
where o.account_id = $1 and o.id = $2 and o.due_datetime <= $3 and o.state <> 'parked' for update of o skip locked
"""
HOLD = "update voice_orders set state = 'taken', due_datetime = $3 where account_id = $1 and id = $2"
DONE = "delete from voice_orders where account_id = $1 and id = $2"
LATER = """
update voice_orders set state = $3, attempts = attempts + 1, error = $4, due_datetime = $5
where account_id = $1 and id = $2
"""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """An order that somebody has taken. `again`: who had it before died, and nobody knows how far he came."""

    id: int
    kind: str
    call_id: int
    integration_id: int
    recording_id: int | None
    recording: str | None
    type: str | None
    attempts: int
    created_datetime: datetime.datetime
    again: bool


async def call(work: Work, ticket_id: int, integration_id: int | None = None) -> int:
    """Call the ticket's customer back: the actor's own telephone rings, then his customer's. The call's id.

    404; 409 with what is missing. The ticket gets a message that stands for the call. Event outgoing-phone-call.
    """
    agent_id = work.actor.user_id
    own = await phones.get(work, agent_id) if agent_id is not None else None
    if own is None or agent_id is None:
        raise errors.Conflict(None, NO_PHONE)
    customer = await work.db.fetchrow(CUSTOMER, work.account.id, ticket_id)
    if customer is None:
        raise errors.NotFound
    theirs = phones.dialled(customer["number"] or "")
    if theirs is None:
        raise errors.Conflict(None, NO_NUMBER)
    ours = await work.db.fetchrow(OURS, work.account.id, ticket_id, integration_id)
    if ours is None:
        raise errors.Conflict(None, NO_LINE)
    # The ticket first, then the turn: in the order of a call that comes in.
    message_id = await messages.add(work, ticket_id, _message(work, agent_id, customer, ours, theirs))
    await work.db.execute(TURN, work.account.id)
    if await work.db.fetchval(TALKS, work.account.id, agent_id):
        raise errors.Conflict(None, BUSY)
    line = await lines.begin(
        work,
        Begun(
            integration_id=ours["integration_id"],
            external_id=lines.UNNAMED + secrets.token_hex(8),
            direction="outbound",
            source=ours["number"],
            destination=theirs,
            ticket_id=ticket_id,
            message_id=message_id,
            customer_id=customer["customer_id"],
            agent_id=agent_id,
        ),
    )
    await work.db.execute(ORDER, work.account.id, line.call_id, work.now)
    work.ring("work", "voice_orders")
    return line.call_id


def _message(work: Work, agent_id: int, customer: Any, ours: Any, theirs: str) -> Draft:
    return Draft(
        channel="phone",
        via="phone",
        from_agent=True,
        sender={"id": agent_id},
        source={
            "type": "phone",
            "from": {"name": ours["name"], "address": ours["number"]},
            "to": [{"name": customer["name"], "address": theirs}],
        },
        integration_id=ours["integration_id"],
        body_text=SAID,
        stripped_text=SAID,
        sent_datetime=work.now,
    )


async def possible(work: Work, customer: Mapping[str, Any]) -> bool:
    """Whether the account has a telephone, and the customer (in the wire's form) too."""
    listed = [one for one in customer["channels"] if one["type"] == "phone" and not one["deleted_datetime"]]
    return bool(listed) and bool(await work.db.fetchval(CONNECTED, work.account.id))


async def due(db: Any, now: datetime.datetime, most: int) -> list[Key]:
    """The orders, of all accounts, that wait to be carried out."""
    return [(row[0], row[1]) for row in await db.fetch(DUE, most, now)]


async def take(work: Work, order_id: int) -> Order | None:
    """The order, ours for its lease from the commit on; None when it is somebody else's or gone."""
    row = await work.db.fetchrow(TAKE, work.account.id, order_id, work.now)
    if row is None:
        return None
    await work.db.execute(HOLD, work.account.id, order_id, work.now + LEASES.get(row["kind"], LEASE))
    known = {name: row[name] for name in Order.__struct_fields__ if name != "again"}
    return Order(**known, again=row["state"] == "taken")


async def done(work: Work, order: Order) -> None:
    """It needs nothing more."""
    await work.db.execute(DONE, work.account.id, order.id)


async def failed(work: Work, order: Order, said: str, *, again: bool) -> None:
    """It did not work: later again, if waiting may cure it, else parked with what was said."""
    again = again and order.attempts < len(BACKOFF)
    due_at = work.now + datetime.timedelta(seconds=BACKOFF[order.attempts] if again else 0)
    state = "waiting" if again else "parked"
    await work.db.execute(LATER, work.account.id, order.id, state, said[:500], due_at)
