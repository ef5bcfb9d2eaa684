"""Snoozed tickets whose time has come wake up: open again, unassigned from nobody, told by their own event."""

from typing import Any

from polus.desk.tickets import happenings, tickets
from polus.store.work import Work

# Which accounts have a ticket to wake; the worker opens one `work` per account.
DUE_ACCOUNTS = """
select distinct account_id from tickets where snooze_datetime is not null and snooze_datetime <= $1 limit 100
"""
DUE = """
select id from tickets where account_id = $1 and snooze_datetime <= $2 and merged_into_id is null
order by snooze_datetime limit $3 for update skip locked
"""


async def due_accounts(db: Any, now: Any) -> list[int]:
    """The accounts that have a ticket to wake."""
    return [row["account_id"] for row in await db.fetch(DUE_ACCOUNTS, now)]


async def wake(work: Work, most: int = 100) -> int:
    """Wake at most `most` tickets of the account; how many. Events ticket-self-unsnoozed, ticket-reopened."""
    rows = await work.db.fetch(DUE, work.account.id, work.now, most)
    for row in rows:
        old = await tickets.lock(work, row["id"])
        new = {**old, "status": "open", "closed_datetime": None, "snooze_datetime": None}
        happenings.record(work, row["id"], "ticket-self-unsnoozed")
        await tickets.write(work, row["id"], old, new)
    return len(rows)
