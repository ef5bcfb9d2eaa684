"""What happened to a ticket in one transaction calls the account's rules: once, in the documented phases."""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.desk.rules import chains
from polus.desk.rules.chains import Phase
from polus.reactions.event import Event
from polus.store.work import Work

ON = (
    "ticket-created",
    "ticket-message-created",
    "ticket-updated",
    "ticket-assigned",
    "ticket-self-unsnoozed",
    "satisfaction-survey-responded",
)
# What must change for `ticket-updated`; other fields are not for rules.
HEEDED = frozenset(
    "status subject priority spam customer_id assignee_user_id assignee_team_id trashed_datetime snooze_datetime"
    " custom_fields".split()
)

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
    kinds = {row["type"] for row in rows}
    messages = [row["object_id"] for row in rows if row["type"] == "ticket-message-created"]
    imported = await work.db.fetchrow(IMPORTED, work.account.id, event.ticket_id, messages)
    if imported is None or (imported["ticket"] and "ticket-created" in kinds):
        return
    messages = [message_id for message_id in messages if message_id not in imported["messages"]]
    updated = bool(messages) or "ticket-created" in kinds
    updated = updated or (not imported["messages"] and any(_heeded(row) for row in rows))
    await chains.follow(work, event.ticket_id, phases(kinds, messages, updated=updated))


def _heeded(row: Any) -> bool:
    """Whether it is a `ticket-updated` that rules hear of. One without data tells of tags."""
    if row["type"] != "ticket-updated":
        return False
    return row["data"] is None or not HEEDED.isdisjoint(msgspec.json.decode(row["data"]))


def phases(kinds: set[str], messages: list[int], *, updated: bool) -> list[Phase]:
    """The triggers in the documented order. Of a survey's answer there is nothing more to tell."""
    found = []
    if "satisfaction-survey-responded" in kinds:
        return [Phase("satisfaction-survey-responded")]
    if "ticket-self-unsnoozed" in kinds:
        found.append(Phase("ticket-self-unsnoozed"))
    if "ticket-created" in kinds:
        found.append(Phase("ticket-created", messages[0] if messages else None))
    found += [Phase("ticket-message-created", message_id) for message_id in messages]
    if updated:
        found.append(Phase("ticket-updated", messages[-1] if messages else None))
    if "ticket-assigned" in kinds:
        found.append(Phase("ticket-assigned"))
    return found
