"""Jobs that change tickets: by a change, by a macro, or for good."""

import uuid
from collections.abc import Sequence
from typing import Any

from polus.base import errors
from polus.desk.jobs import changes_of_tickets, kinds, selecting
from polus.desk.jobs.kinds import Failures, Job, Kind
from polus.desk.macros import answers, macros
from polus.desk.tickets import bulk
from polus.store.work import Work

LEAST = 25
NO_MACRO = "The macro is archived or gone."


async def begin(work: Work, job: Job) -> tuple[list[int], Any]:
    """The tickets."""
    return await selecting.tickets(work, job.params), None


async def update(work: Work, job: Job, ids: Sequence[int]) -> Failures:
    """Change some tickets."""
    return await bulk.update(work, ids, changes_of_tickets.change(job.params["updates"]))


async def delete(work: Work, _job: Job, ids: Sequence[int]) -> Failures:
    """Delete some tickets for good."""
    return await bulk.delete(work, ids)


async def apply(work: Work, job: Job, ids: Sequence[int]) -> Failures:
    """Apply the macro to some tickets, each whole or not at all."""
    macro = await macros.active(work, job.params["macro_id"])
    if macro is None:
        raise errors.Invalid({}, NO_MACRO)
    close = bool(job.params.get("apply_and_close"))
    failed: Failures = {}
    for ticket_id in ids:
        work.context = uuid.uuid4()
        try:
            async with work.attempt():
                await answers.apply(work, ticket_id, macro, job_id=job.id, close=close)
        except errors.Merged:
            failed[ticket_id] = bulk.MERGED
        except errors.NotFound:
            failed[ticket_id] = bulk.GONE
        except errors.Refusal as refusal:
            failed[ticket_id] = bulk.said(refusal)
    return failed


UPDATE = Kind(begin, update, kinds.nothing, least=LEAST)
DELETE = Kind(begin, delete, kinds.nothing, least=LEAST)
APPLY = Kind(begin, apply, kinds.nothing)
