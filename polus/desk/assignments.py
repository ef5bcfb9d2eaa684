"""What becomes of tickets when the user or team they are assigned to goes."""

from typing import Any

from polus.store.work import Work

# Closed tickets keep their agent: they tell who did the work.
LEAVE_USER = """
update tickets set assignee_user_id = null, updated_datetime = $3
where account_id = $1 and assignee_user_id = $2 and merged_into_id is null
  and (status = 'open' or snooze_datetime is not null)
returning id
"""

LEAVE_TEAM = """
update tickets set assignee_team_id = null, updated_datetime = $3
where account_id = $1 and assignee_team_id = $2 and merged_into_id is null
returning id
"""


async def leave_user(work: Work, user_id: int) -> None:
    """Take the user's open and snoozed tickets away. Events ticket-updated and ticket-unassigned for each."""
    tickets = await work.db.fetch(LEAVE_USER, work.account.id, user_id, work.now)
    _record(work, tickets, "assignee_user_id", user_id, "ticket-unassigned")


async def leave_team(work: Work, team_id: int) -> None:
    """Take all of the team's tickets away. Events ticket-updated and ticket-team-unassigned for each."""
    tickets = await work.db.fetch(LEAVE_TEAM, work.account.id, team_id, work.now)
    _record(work, tickets, "assignee_team_id", team_id, "ticket-team-unassigned")


def _record(work: Work, tickets: list[Any], field: str, value: int, kind: str) -> None:
    for ticket in tickets:
        ticket_id = ticket["id"]
        work.record("ticket-updated", "Ticket", ticket_id, {field: [value, None]}, ticket_id=ticket_id)
        work.record(kind, "Ticket", ticket_id, {field: value}, ticket_id=ticket_id)
