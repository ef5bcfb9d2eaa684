"""What happened to a ticket in one transaction calls the account's rules: once, in the documented phases."""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.desk.rules import causes, live
from polus.desk.rules.causes import Happened
from polus.reactions.event import Event
from polus.store.work import Work

ON = causes.ON

# All that was recorded of the ticket by the same transaction: they share its moment and its context.
TOGETHER = """
select g.id, g.type, g.object_id, g.data::text as data from events e
join events g on g.account_id = e.account_id and g.ticket_id = e.ticket_id and g.context = e.context
  and g.created_datetime = e.created_datetime and g.type = any($3::text[])
  and (g.data is null or not g.data ? 'rule_id')
where e.account_id = $1 and e.id = $2 order by g.id
"""
IMPORTED = """
select t.imported is true as ticket, array(select m.id from messages m
  where m.account_id = $1 and m.id = any($3::bigint[]) and m.imported is true) as messages
from tickets t where t.account_id = $1 and t.id = $2 and t.merged_into_id is null
"""


def when(data: Mapping[str, Any]) -> bool:
    """What rules do themselves is followed up within their chain."""
    return "rule_id" not in data


async def run(work: Work, event: Event) -> None:
    """Follow up all that its transaction did to the ticket; the first event does, for the others as well."""
    if event.ticket_id is None:
        return
    rows = await work.db.fetch(TOGETHER, work.account.id, event.id, list(ON))
    if not rows or rows[0]["id"] != event.id:
        return
    happened = [
        Happened(row["type"], row["object_id"], msgspec.json.decode(row["data"] or "null")) for row in rows
    ]
    messages = [one.object_id for one in happened if one.type == "ticket-message-created"]
    imported = await work.db.fetchrow(IMPORTED, work.account.id, event.ticket_id, messages)
    if imported is None:
        return
    phases = causes.phases(happened, imported["messages"], ticket_imported=imported["ticket"])
    await live.follow(work, event.ticket_id, phases)
