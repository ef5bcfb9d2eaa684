"""Jobs: work on many tickets or macros at once, done in the background. Here they are asked for, watched and cancelled.

What the types do, step by step, is `steps`; `reactions.jobs` runs them.
"""

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import files, listings
from polus.desk.jobs import changes_of_tickets, drilldowns, selecting
from polus.desk.listings import Listed
from polus.desk.macros import macros
from polus.store.paging import Order, Statement
from polus.store.work import Work

AHEAD = datetime.timedelta(minutes=60)
TOO_FAR = "At most 60 minutes ahead."
NOT_USED = "Not used by jobs of this type."
STARTED = "The job has already started."
NO_SUCH_MOVE = "A job of this status cannot become that."
NOT_A_FILE = "Not the address of an uploaded file."
ARCHIVED = "The macro is archived."

SELECTORS = ("ticket_ids", "view_id", "view")
INTERVAL = ("start_datetime", "end_datetime")


class Type(msgspec.Struct, frozen=True):
    """What a type takes and who may ask for it. `tickets`: it works on selected tickets."""

    role: str
    takes: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    tickets: bool = False
    interval: bool = False


def _on_tickets(role: str, *needs: str, more: tuple[str, ...] = (), interval: bool = False) -> Type:
    return Type(role, frozenset((*SELECTORS, *INTERVAL, *needs, *more)), needs, True, interval)


TYPES: dict[str, Type] = {
    "applyMacro": _on_tickets("basic-agent", "macro_id", more=("apply_and_close",)),
    "updateTicket": _on_tickets("basic-agent", "updates"),
    "deleteTicket": _on_tickets("agent"),
    "exportTicket": _on_tickets("agent", interval=True),
    "importMacro": Type("agent", frozenset(("url",)), ("url",)),
    "exportMacro": Type("agent"),
    "exportTicketDrilldown": Type("agent", frozenset(("context", *INTERVAL)), ("context",)),
    "exportConvertCampaignSalesDrilldown": Type("agent", frozenset(("context", *INTERVAL)), ("context",)),
}

# wire: the datetime is spelled with two l, the status with one
WIRE = """
json_build_object('id', j.id, 'uri', '/api/jobs/' || j.id || '/', 'type', j.type, 'status', j.status,
  'params', j.params, 'info', j.info, 'meta', j.meta, 'user_id', j.user_id,
  'created_datetime', wire(j.created_datetime), 'scheduled_datetime', wire(j.scheduled_datetime),
  'started_datetime', wire(j.started_datetime), 'ended_datetime', wire(j.ended_datetime),
  'failed_datetime', wire(j.failed_datetime), 'locked_datetime', wire(j.locked_datetime),
  'cancel_requested_datetime', wire(j.cancel_requested_datetime),
  'cancelled_datetime', wire(j.cancelled_datetime))::text
"""
LIST = "select {sort}, j.id, " + WIRE + " from jobs j"
NEWEST = Order((("j.created_datetime", "datetime"),), True)
GET = "select " + WIRE + " from jobs j where j.account_id = $1 and j.id = $2"
INSERT = (
    """
insert into jobs as j (account_id, type, status, params, meta, user_id, due_datetime, created_datetime,
  scheduled_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning """
    + WIRE
)
LOCK = """
select type, status, params, meta, scheduled_datetime, due_datetime, ended_datetime, cancel_requested_datetime,
  cancelled_datetime
from jobs where account_id = $1 and id = $2 for update
"""
UPDATE = (
    """
with gone as (
  delete from job_parts where account_id = $1 and job_id = $2 and $8::timestamptz is not null
)
update jobs as j set status = $3, params = $4, meta = $5, scheduled_datetime = $6, due_datetime = $7,
  ended_datetime = $8, cancel_requested_datetime = $9, cancelled_datetime = $10,
  items = case when $8::timestamptz is null then items end, plan = case when $8::timestamptz is null then plan end
where j.account_id = $1 and j.id = $2 returning """
    + WIRE
)
CHANGEABLE = ("scheduled", "pending")
WAITING = ("scheduled", "pending", "errored")


async def get(work: Work, job_id: int) -> str:
    """The job's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, job_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def browse(work: Work, cursor: str = "") -> Listed:
    """Jobs, the newest first."""
    statement = Statement(work.account.id)
    statement.where("j.account_id = $1")
    return await listings.browse(work, LIST, statement, NEWEST, cursor=cursor, id_column="j.id")


async def require(work: Work, job_id: int) -> None:
    """404 unless the job is there."""
    await get(work, job_id)


async def create(
    work: Work,
    type: str,
    params: Mapping[str, Any],
    meta: Mapping[str, Any] | None,
    scheduled: datetime.datetime | None,
) -> str:
    """A new job's wire form; 403 for the role that its type needs, 400 on `params` or `scheduled_datetime`."""
    work.actor.require(TYPES[type].role)
    await check(work, type, params)
    status, due = _when(work, scheduled)
    answer: str = await work.db.fetchval(
        INSERT,
        work.account.id,
        type,
        status,
        wire.encode(params),
        wire.jsonb(meta),
        work.actor.user_id,
        due,
        work.now,
        scheduled,
    )
    work.ring("work", "jobs")
    return answer


def _when(work: Work, scheduled: datetime.datetime | None) -> tuple[str, datetime.datetime]:
    if scheduled is None or scheduled <= work.now:
        return "pending", work.now
    if scheduled > work.now + AHEAD:
        raise errors.one("scheduled_datetime", TOO_FAR)
    return "scheduled", scheduled


async def check(work: Work, type: str, params: Mapping[str, Any]) -> None:
    """400 on `params` unless a job of this type can be done with them now."""
    kind = TYPES[type]
    problems: dict[str, Any] = {key: [NOT_USED] for key in params if key not in kind.takes}
    problems |= {key: [errors.REQUIRED] for key in kind.needs if params.get(key) is None}
    selected = any(params.get(name) is not None for name in SELECTORS)
    if kind.tickets and not selected:
        between = any(params.get(name) is not None for name in INTERVAL)
        if not (kind.interval and between):
            problems["ticket_ids"] = [errors.REQUIRED]
    if not problems:
        problems = await _dangling(work, params)
    if problems:
        raise errors.Invalid({"params": problems})


async def _dangling(work: Work, params: Mapping[str, Any]) -> dict[str, Any]:
    """What the params name that is not there, or that no job can do."""
    problems: dict[str, Any] = {}
    if "macro_id" in params and await macros.active(work, params["macro_id"]) is None:
        there = await macros.exists(work, params["macro_id"])
        problems["macro_id"] = [ARCHIVED if there else errors.MISSING_OBJECT]
    if "url" in params and not await files.find(work, [params["url"]]):
        problems["url"] = [NOT_A_FILE]
    if "updates" in params:
        problems |= await changes_of_tickets.problems(work, params["updates"])
    if "context" in params:
        problems |= drilldowns.problems(params)
    if params.get("ticket_ids") is None:
        problems |= await selecting.problems(work, params)
    return problems


async def update(work: Work, job_id: int, given: Mapping[str, Any]) -> str:
    """Change a job or move its status; 404, 400, 409 when it has started and `params` or the schedule change."""
    row = await work.db.fetchrow(LOCK, work.account.id, job_id)
    if row is None:
        raise errors.NotFound
    work.actor.require(TYPES[row["type"]].role)
    new = dict(row)
    new["params"] = msgspec.json.decode(row["params"])
    new["meta"] = None if row["meta"] is None else msgspec.json.decode(row["meta"])
    if "meta" in given:
        new["meta"] = given["meta"]
    _move(work, new, given.get("status", row["status"]))
    for name in ("params", "scheduled_datetime"):
        if name in given and given[name] != new[name]:
            if row["status"] not in CHANGEABLE:
                raise errors.Conflict(None, STARTED)
            new[name] = given[name]
            if name == "params":
                await check(work, row["type"], given["params"])
            elif new["status"] in CHANGEABLE:
                new["status"], new["due_datetime"] = _when(work, given[name])
    return await _write(work, job_id, new)


def _move(work: Work, new: dict[str, Any], status: str) -> None:
    """Change the status as the reference lets people do; 400 for any other move."""
    old = new["status"]
    if status == old:
        return
    if status == "pending" and old in ("scheduled", "errored"):
        new |= {"status": "pending", "due_datetime": work.now}
    elif status in ("cancel_requested", "canceled") and old in (*WAITING, "running", "cancel_requested"):
        _cancel(work, new)
    else:
        raise errors.one("status", NO_SUCH_MOVE)


def _cancel(work: Work, new: dict[str, Any]) -> None:
    if new["status"] in WAITING:
        moments = ("cancel_requested_datetime", "cancelled_datetime", "ended_datetime")
        new |= {"status": "canceled", **dict.fromkeys(moments, work.now)}
    elif new["status"] == "running":
        # Whoever runs it stops after what is at hand.
        new |= {"status": "cancel_requested", "cancel_requested_datetime": work.now}


async def cancel(work: Work, job_id: int) -> None:
    """Cancel a job; it stays readable, and what it has done is not undone. An ended one stays as it is. 404."""
    row = await work.db.fetchrow(LOCK, work.account.id, job_id)
    if row is None:
        raise errors.NotFound
    work.actor.require(TYPES[row["type"]].role)
    new = dict(row)
    _cancel(work, new)
    if new["status"] != row["status"]:
        new["params"] = msgspec.json.decode(row["params"])
        new["meta"] = None if row["meta"] is None else msgspec.json.decode(row["meta"])
        await _write(work, job_id, new)


async def _write(work: Work, job_id: int, new: Mapping[str, Any]) -> str:
    work.ring("work", "jobs")
    return await work.db.fetchval(  # type: ignore[no-any-return]
        UPDATE,
        work.account.id,
        job_id,
        new["status"],
        wire.encode(new["params"]),
        wire.jsonb(new["meta"]),
        new["scheduled_datetime"],
        new["due_datetime"],
        new["ended_datetime"],
        new["cancel_requested_datetime"],
        new["cancelled_datetime"],
    )
