"""One change to the tickets that an agent has selected: at once when they are few, else by a job that tells how far it is.

The changes are shaped as a job's `updates`; what they do to a ticket is in `tickets.bulk`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import inbox, ticket_forms
from polus.desk.jobs import changes_of_tickets, jobs, selecting
from polus.desk.ticket_forms import Lacking
from polus.desk.tickets import bulk, merging
from polus.desk.views import rails
from polus.store.work import Work

FEW = 25
"""So many tickets are changed while the agent waits."""

IDS = "select t.id from tickets t where t.account_id = $1 and $2::bigint is not null and {view} order by t.id limit $3"
VIEWS = {key: IDS.replace("{view}", view) for key, view in inbox.VIEWS.items()}


class Outcome(msgspec.Struct, frozen=True):
    """What came of it: how many were changed and why others were not, or the job that does it.

    `lacking`: those that stay open because fields that must be filled are empty.
    """

    done: int = 0
    failed: dict[int, str] = {}
    job_id: int | None = None
    lacking: Sequence[Lacking] = ()


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
    lacking = await ticket_forms.lacking(work, ids) if updates.get("status") == "closed" else []
    left = {ticket.id for ticket in lacking}
    ids = [ticket_id for ticket_id in ids if ticket_id not in left]
    outcome = await _change(work, ids, updates) if ids else Outcome()
    return msgspec.structs.replace(outcome, lacking=lacking)


async def _change(work: Work, ids: Sequence[int], updates: Mapping[str, Any]) -> Outcome:
    if len(ids) > FEW:
        return await _job(work, "updateTicket", {"ticket_ids": ids, "updates": dict(updates)})
    failed = await bulk.update(work, ids, changes_of_tickets.change(updates))
    return Outcome(len(ids) - len(failed), failed)


async def fill_and_close(work: Work, ticket_ids: Sequence[int], written: Mapping[int, str]) -> Outcome:
    """Write what was typed into the required fields that are empty, and close the tickets; 400 on the field's id.

    A ticket that would still lack something stays as it is and is told as lacking. What a ticket has already is left
    alone.
    """
    typed = {field_id: text for field_id, text in written.items() if text.strip()}
    lacking = await ticket_forms.lacking(work, ticket_ids)
    needed = {field_id for ticket in lacking for field_id in ticket.fields}
    values = await ticket_forms.read(
        work, "Ticket", {field_id: text for field_id, text in typed.items() if field_id in needed}
    )
    whole = [ticket.id for ticket in lacking if ticket.fields.keys() <= typed.keys()]
    left = [ticket for ticket in lacking if ticket.id not in set(whole)]
    if not whole:
        return Outcome(lacking=left)
    outcome = await _change(work, whole, {"status": "closed", changes_of_tickets.FILL: values})
    return msgspec.structs.replace(outcome, lacking=left)


async def apply(work: Work, ticket_ids: Sequence[int], macro_id: int) -> Outcome:
    """Apply a macro to them, always by a job: each answer is a mail of its own."""
    return await _job(
        work, "applyMacro", {"ticket_ids": list(dict.fromkeys(ticket_ids)), "macro_id": macro_id}
    )


async def merge(work: Work, ticket_ids: Sequence[int]) -> Outcome:
    """Merge them into the oldest; 400 for fewer than two or very many, 403."""
    work.actor.require("basic-agent")
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
