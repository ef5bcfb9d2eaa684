"""What a rule sees: the ticket in its full wire form with what only rules ask for, and the hours that apply."""

from collections.abc import Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import business_hours
from polus.desk.tickets import projections, tickets
from polus.lang.hours import Hours
from polus.store.work import Work

Json = dict[str, Any]

# The integrations in the order in which messages came through them.
EXTRAS = """
select json_build_object(
  'integrations', coalesce((select json_agg(json_build_object('id', i.id, 'type', i.type, 'name', i.name,
      'address', i.meta->>'address') order by array_position(t.integration_ids, i.id))
    from integrations i where i.account_id = t.account_id and i.id = any(t.integration_ids)), '[]'::json),
  'store', case when t.store_id is not null then json_build_object('id', t.store_id) end,
  'customer', (select json_build_object('language', c.language, 'timezone', c.timezone,
      'created_datetime', wire(c.created_datetime), 'updated_datetime', wire(c.updated_datetime),
      'custom_fields', c.custom_fields)
    from customers c where c.account_id = t.account_id and c.id = t.customer_id),
  'messages', coalesce((select json_object_agg(m.id, json_build_object('headers', m.headers,
      'sentiments', (select coalesce(json_agg(json_build_object('name', s)), '[]') from unnest(m.sentiments) g (s)),
      'mention_ids',
      coalesce((select json_agg(n.user_id order by n.user_id) from message_mentions n
        where n.account_id = m.account_id and n.message_id = m.id), '[]'::json)))
    from messages m where m.account_id = t.account_id and m.ticket_id = t.id), '{}'::json),
  'business_hours', (select s.data from account_settings s
    where s.account_id = t.account_id and s.type = 'business-hours'),
  'bot_id', a.bot_id)::text
from tickets t join accounts a on a.id = t.account_id where t.account_id = $1 and t.id = $2
"""

# The same of many: each by its own plan, as one is.
MANY = (
    "select g.id, f.custom_fields, f.wire, e.extras from unnest($3::bigint[]) as g (id) cross join lateral ("
    + projections.FULL.replace("t.id = $3", "t.id = g.id and t.merged_into_id is null offset 0")
    + ") f cross join lateral ("
    + EXTRAS.replace("'bot_id', a.bot_id)::text", "'bot_id', a.bot_id)::text as extras").replace(
        "t.id = $2", "t.id = g.id"
    )
    + ") e"
)


class State(msgspec.Struct):
    """One moment of a ticket. `zone`: the account's time zone."""

    ticket: Json
    hours: Hours | None
    zone: str
    bot_id: int

    def message(self, message_id: int | None) -> Json | None:
        """That message, the newest when none is named; None when it is gone or there is none."""
        messages: list[Json] = self.ticket["messages"]
        if message_id is None:
            return messages[-1] if messages else None
        return next((one for one in messages if one["id"] == message_id), None)


async def state(work: Work, ticket_id: int) -> State:
    """The ticket as it is now; 404, 301."""
    ticket = msgspec.json.decode(await tickets.get(work, ticket_id))
    text = await work.db.fetchval(EXTRAS, work.account.id, ticket_id)
    if text is None:
        raise errors.NotFound
    return _state(ticket, msgspec.json.decode(text))


async def states(work: Work, ticket_ids: Sequence[int]) -> dict[int, State]:
    """Many tickets at once; those that are gone or part of others are left out."""
    found = {}
    for row in await work.db.fetch(MANY, work.account.id, None, list(ticket_ids)):
        found[row["id"]] = _state(
            msgspec.json.decode(projections.full(row)), msgspec.json.decode(row["extras"])
        )
    return found


def _state(ticket: Json, extras: Json) -> State:
    ticket |= {"integrations": extras["integrations"], "store": extras["store"]}
    if ticket["customer"] is not None:
        ticket["customer"] |= extras["customer"] or {}
    for message in ticket["messages"]:
        message |= extras["messages"].get(str(message["id"]), {})
    setting = extras["business_hours"] or {}
    return State(
        ticket, business_hours.parsed(setting), str(setting.get("timezone") or "UTC"), extras["bot_id"]
    )
