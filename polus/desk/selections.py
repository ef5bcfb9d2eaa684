"""One change to the tickets that an agent has selected: at once when they are few, else by a job that tells how far it is.

The changes are shaped as a job's `updates`; what they do to a ticket is in `tickets.bulk`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import inbox
from polus.desk.jobs import changes_of_tickets, jobs, selecting
from polus.desk.tickets import bulk, merging
from polus.desk.views import rails
from polus.store.work import Work

FEW = 25
"""So many tickets are changed while the agent waits."""

IDS = "select t.id from tickets t where t.account_id = $1 and $2::bigint is not null and {view} order by t.id limit $3"
VIEWS = {key: IDS.replace("{view}", view) for key, view in inbox.VIEWS.items()}


class Outcome(msgspec.Struct, frozen=True):
    """What came of it: how many were changed and why others were not, or the job that does it."""

    done: int = 0
    failed: dict[int, str] = {}
    job_id: int | None = None


async def of_view(work: Work, key: str) -> list[int]:
    """All tickets of a view; 404; 400 when there are more than a job can take."""
    if key.isdecimal():
        return await selecting.tickets(work, {"view_id": rails.identifier(key)})
    if key not in VIEWS:
        raise errors.NotFound
    rows = await work.db.fetch(VIEWS[key], work.account.id, work.actor.user_id, selecting.MOST + 1)
    if len(rows) > selecting.MOST:
        raise errors.Invalid({}, selecting.TOO_MANY)
    return [row["id"] for row in rows]


async def change(work: Work, ticket_ids: Sequence[int], updates: Mapping[str, Any]) -> Outcome:
    """Change them; 400 when the change itself is impossible, 403."""
    ids = list(dict.fromkeys(ticket_ids))
    if len(ids) > FEW:
        return await _job(work, "updateTicket", {"ticket_ids": ids, "updates": dict(updates)})
    failed = await bulk.update(work, ids, changes_of_tickets.change(updates))
    return Outcome(len(ids) - len(failed), failed)


async def apply(work: Work, ticket_ids: Sequence[int], macro_id: int) -> Outcome:
    """Apply a macro to them, always by a job: each answer is a mail of its own."""
    return await _job(
        work, "applyMacro", {"ticket_ids": list(dict.fromkeys(ticket_ids)), "macro_id": macro_id}
    )


async def merge(work: Work, ticket_ids: Sequence[int]) -> Outcome:
    """Merge them into the oldest; 400 for fewer than two or very many."""
    ids = sorted(set(ticket_ids))
    if not 2 <= len(ids) <= FEW:
        raise errors.one("ids", "Choose two or more tickets, at most " + str(FEW) + ".")
    failed: dict[int, str] = {}
    for source in ids[1:]:
        try:
            async with work.attempt():
                await merging.merge(work, source, ids[0])
        except errors.Merged:
            failed[source] = bulk.MERGED
        except errors.NotFound:
            failed[source] = bulk.GONE
        except errors.Refusal as refusal:
            failed[source] = bulk.said(refusal)
    return Outcome(len(ids) - len(failed), failed)


async def _job(work: Work, type: str, params: dict[str, Any]) -> Outcome:
    made = msgspec.json.decode(await jobs.create(work, type, params, None, None))
    return Outcome(job_id=made["id"])
