"""What happened to a ticket in one transaction is told to the HTTP integrations: each trigger once, in table order."""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.desk.hooks import deliveries
from polus.desk.hooks.deliveries import Fired
from polus.desk.integrations import TRIGGERS
from polus.reactions.event import Event
from polus.store.work import Work

ON = (
    "ticket-created",
    "ticket-updated",
    "ticket-message-created",
    "ticket-message-failed",
    "ticket-self-unsnoozed",
)
ASSIGNMENT = ("assignee_user_id", "assignee_team_id")

# All that the same transaction recorded of the ticket, and whether it is imported.
TOGETHER = """
select g.id, g.type, g.object_id, g.user_id, g.data::text as data,
  (t.imported is true or coalesce((select m.imported from messages m
    where m.account_id = g.account_id and m.id = g.object_id and g.object_type = 'TicketMessage'), false)) as imported
from events e
join events g on g.account_id = e.account_id and g.ticket_id = e.ticket_id and g.context = e.context
  and g.created_datetime = e.created_datetime and g.type = any($3::text[])
join tickets t on t.account_id = e.account_id and t.id = e.ticket_id
where e.account_id = $1 and e.id = $2 order by g.id
"""
BOTS = """
select u.id from users u where u.account_id = $1 and u.id = any($2::bigint[]) and u.role = 'bot'
"""
ASSIGNEE = "select assignee_user_id from tickets where account_id = $1 and id = $2"


async def run(work: Work, event: Event) -> None:
    """Put the calls in line; the transaction's first event does, for the others as well."""
    if event.ticket_id is None or not await deliveries.wanted(work, TRIGGERS):
        return
    rows = await work.db.fetch(TOGETHER, work.account.id, event.id, list(ON))
    if not rows or rows[0]["id"] != event.id:
        return
    told = [row for row in rows if not row["imported"]]
    if told and (fired := await _fired(work, event.ticket_id, told)):
        await deliveries.add(work, event.ticket_id, fired, event.user_id)


async def _fired(work: Work, ticket_id: int, rows: list[Any]) -> list[Fired]:
    """The triggers in the documented order."""
    kinds: dict[str, list[int]] = {}
    changed: dict[str, Any] = {}
    for row in rows:
        kinds.setdefault(row["type"], []).append(row["object_id"])
        if row["type"] == "ticket-updated" and row["data"]:
            changed |= msgspec.json.decode(row["data"])
    created = "ticket-created" in kinds
    messages = kinds.get("ticket-message-created", [])
    fired = [Fired("ticket-created")] if created else []
    # A message moves the ticket's times; at its birth there is nothing to update.
    if not created and ("ticket-updated" in kinds or messages):
        fired.append(Fired("ticket-updated", messages[-1] if messages else None))
    fired += [Fired("ticket-message-created", message_id) for message_id in messages]
    if "ticket-self-unsnoozed" in kinds:
        fired.append(Fired("ticket-self-unsnoozed"))
    fired += [Fired("ticket-message-failed", one) for one in kinds.get("ticket-message-failed", [])]
    if any(name in changed for name in ASSIGNMENT):
        fired.append(Fired("ticket-assignment-updated"))
    if "status" in changed:
        fired.append(Fired("ticket-status-updated"))
    if await _handed_over(work, ticket_id, changed):
        fired.append(Fired("ticket-handed-over"))
    return fired


async def _handed_over(work: Work, ticket_id: int, changed: Mapping[str, Any]) -> bool:
    """Whether the ticket was a bot's, and now is a human's or a team's."""
    users, team = changed.get("assignee_user_id"), changed.get("assignee_team_id")
    if users is None and (team is None or team[1] is None):
        return False
    now = await work.db.fetchval(ASSIGNEE, work.account.id, ticket_id)
    before, after = users or (now, now)
    bots = {row["id"] for row in await work.db.fetch(BOTS, work.account.id, [before, after])}
    to_human = after is not None and after not in bots
    return before in bots and (to_human or (team is not None and team[1] is not None))
