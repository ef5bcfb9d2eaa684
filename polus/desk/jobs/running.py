"""How a job goes on: each step is one transaction that does some items and writes down how far the job is.

So no item is done twice, however a run ends, and cancelling waits for one step at most. Whoever has the row locked is
at work on the job; the lock ends with the process.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from polus.base import errors, wire
from polus.desk.jobs import drilldowns, macro_files, ticket_exports, ticket_work
from polus.desk.jobs.kinds import Job, Kind
from polus.desk.tickets.bulk import said
from polus.store.work import Actor, Work

KINDS: Mapping[str, Kind] = {
    "applyMacro": ticket_work.APPLY,
    "updateTicket": ticket_work.UPDATE,
    "deleteTicket": ticket_work.DELETE,
    "exportTicket": ticket_exports.EXPORT,
    "importMacro": macro_files.IMPORT,
    "exportMacro": macro_files.EXPORT,
    "exportTicketDrilldown": drilldowns.DRILLDOWN,
    "exportConvertCampaignSalesDrilldown": ticket_exports.SALES,
}
MOST_RUNNING = 2
MOST_ERRORS = 20
# Seconds until a run that failed as a whole begins again; after the last one it has failed for good.
BACKOFF = (60, 300, 900)
# Reactions to what large jobs do wait about as long as the job takes: they would take its time, and that of people.
A_SECOND = 1000
NO_CREATOR = "Who asked for it is no active user any more."

# Jobs wait for one of the account's two places; the one that waited longest since its last step comes first.
DUE = """
select j.account_id, j.id from jobs j
where j.due_datetime <= now() and j.status in ('scheduled', 'pending', 'errored', 'running', 'cancel_requested')
  and (j.status <> 'pending' or (select count(*) from jobs r
    where r.account_id = j.account_id and r.status in ('running', 'cancel_requested')) < $2)
order by j.due_datetime, j.id limit $1
"""
TAKE = """
select id, type, status, params, info, plan, position, attempts, user_id, coalesce(cardinality(items), 0) as total,
  items[(position + 1)::int : (position + $3)::int] as batch
from jobs
where account_id = $1 and id = $2 and due_datetime <= now()
  and status in ('scheduled', 'pending', 'errored', 'running', 'cancel_requested')
for update skip locked
"""
# One at a time decides whether an account has a place free.
ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended('polus jobs', $1))"
RUNNING = """
select count(*) from jobs where account_id = $1 and status in ('running', 'cancel_requested')
"""
WAIT = "update jobs set status = 'pending' where account_id = $1 and id = $2"
START = """
update jobs set status = 'running', items = $3, plan = $4, info = $5, started_datetime = coalesce(started_datetime, $6),
  locked_datetime = $6, due_datetime = $6
where account_id = $1 and id = $2
"""
RESUME = """
update jobs set status = 'running', locked_datetime = $3, due_datetime = $3 where account_id = $1 and id = $2
"""
ADVANCE = """
update jobs set position = position + $3, info = $4, attempts = 0, locked_datetime = $5, due_datetime = $5
where account_id = $1 and id = $2
"""
END = """
update jobs set status = $3, info = $4, ended_datetime = $5, locked_datetime = null, items = null, plan = null,
  cancelled_datetime = case when $3 = 'canceled' then $5::timestamptz else cancelled_datetime end,
  failed_datetime = case when $3 = 'fatal_errored' then $5::timestamptz else failed_datetime end
where account_id = $1 and id = $2
"""
FAILED = """
update jobs set status = 'errored', attempts = attempts + 1, failed_datetime = $3::timestamptz, locked_datetime = null,
  due_datetime = $3::timestamptz + make_interval(secs => ($4::float8[])[attempts + 1])
where account_id = $1 and id = $2 and attempts < cardinality($4::float8[])
  and status in ('scheduled', 'pending', 'errored', 'running')
returning id
"""
INFO = "select info from jobs where account_id = $1 and id = $2 and ended_datetime is null for update"
NO_PARTS = "delete from job_parts where account_id = $1 and job_id = $2"
CREATOR = "select role from users where account_id = $1 and id = $2 and active and deleted_datetime is null"


class Done(NamedTuple):
    """Whether the job was there to be taken, how many items were done, whether it is at its end, and how many items
    the next step should have at least."""

    taken: bool
    items: int = 0
    over: bool = False
    least: int = 1


async def due(db: Any, most: int) -> Sequence[tuple[int, int]]:
    """(account, job) of the jobs that can go on now, of all accounts."""
    return [(row["account_id"], row["id"]) for row in await db.fetch(DUE, most, MOST_RUNNING)]


async def advance(work: Work, job_id: int, size: int) -> Done:
    """One step of at most `size` items. Raises Refusal when the job can never be done."""
    row = await work.db.fetchrow(TAKE, work.account.id, job_id, size)
    if row is None:
        return Done(False)
    info = msgspec.json.decode(row["info"])
    if row["status"] == "cancel_requested":
        await _end(work, job_id, "canceled", info)
        return Done(True, over=True)
    await _act_as(work, row["user_id"])
    work.later = row["total"] // A_SECOND
    params = msgspec.json.decode(row["params"])
    plan = None if row["plan"] is None else msgspec.json.decode(row["plan"])
    job = Job(job_id, row["type"], params, plan, row["position"])
    if row["status"] != "running":
        await _start(work, job, begun="total_count" in info)
        return Done(True)
    kind = KINDS[row["type"]]
    batch = row["batch"] or []
    if batch:
        _count(info, len(batch), await kind.step(work, job, batch))
        await work.db.execute(ADVANCE, work.account.id, job_id, len(batch), wire.encode(info), work.now)
    if row["position"] + len(batch) < row["total"]:
        return Done(True, len(batch), least=kind.least)
    await _end(work, job_id, "done", info | await kind.end(work, job))
    return Done(True, len(batch), over=True)


async def _act_as(work: Work, user_id: int) -> None:
    """Whatever the job does is done by who asked for it."""
    role = await work.db.fetchval(CREATOR, work.account.id, user_id)
    if role is None:
        raise errors.Invalid({}, NO_CREATOR)
    work.actor = Actor("user", user_id, role)


async def _start(work: Work, job: Job, *, begun: bool) -> None:
    """Take one of the account's places, or wait for one; find out what there is to do, once."""
    await work.db.execute(ONE_AT_A_TIME, work.account.id)
    if await work.db.fetchval(RUNNING, work.account.id) >= MOST_RUNNING:
        await work.db.execute(WAIT, work.account.id, job.id)
    elif begun:
        await work.db.execute(RESUME, work.account.id, job.id, work.now)
    else:
        items, plan = await KINDS[job.type].begin(work, job)
        info = {"progress_count": 0, "total_count": len(items), "error_count": 0, "errors": []}
        await work.db.execute(
            START, work.account.id, job.id, items, wire.jsonb(plan), wire.encode(info), work.now
        )


def _count(info: dict[str, Any], done: int, failures: Mapping[int, str]) -> None:
    info["progress_count"] += done
    info["error_count"] += len(failures)
    told = [{"id": key, "msg": message} for key, message in failures.items()]
    info["errors"] = (info["errors"] + told)[:MOST_ERRORS]


async def _end(work: Work, job_id: int, status: str, info: Mapping[str, Any]) -> None:
    await work.db.execute(NO_PARTS, work.account.id, job_id)
    await work.db.execute(END, work.account.id, job_id, status, wire.encode(info), work.now)
    # Another one may have waited for the place.
    work.ring("work", "jobs")


async def failed(work: Work, job_id: int) -> bool:
    """A step failed as a whole and left no trace: the job comes again later, or has failed for good (False)."""
    row = await work.db.fetchval(FAILED, work.account.id, job_id, work.now, [float(s) for s in BACKOFF])
    if row is not None:
        return True
    await fatal(work, job_id, "It failed again and again.")
    return False


async def fatal(work: Work, job_id: int, reason: str) -> None:
    """The job can never be done."""
    raw = await work.db.fetchval(INFO, work.account.id, job_id)
    if raw is None:
        return
    info = msgspec.json.decode(raw)
    known = info.get("errors", [])
    info["errors"] = [*known[: MOST_ERRORS - 1], {"id": None, "msg": reason}]
    info["error_count"] = info.get("error_count", 0) + 1
    await _end(work, job_id, "fatal_errored", info)


def reason(refusal: errors.Refusal) -> str:
    """Why a job can never be done, in a sentence."""
    return said(refusal)
