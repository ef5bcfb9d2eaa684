"""What one type of job does: found out what to work through, work through some of it, say what came of it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk import files, notices
from polus.desk.jobs import tables
from polus.store.work import Work

ADD_PARTS = """
insert into job_parts (account_id, job_id, position, text)
select $1, $2, position, text from unnest($3::bigint[], $4::text[]) as p (position, text)
"""
PARTS = "select text from job_parts where account_id = $1 and job_id = $2 order by position"
SOME_PARTS = """
select position, text from job_parts where account_id = $1 and job_id = $2 and position = any($3::bigint[])
"""
EMAIL = "select email from users where account_id = $1 and id = $2"
SUBJECT = "Your export is ready"
TEXT = "The file that you asked for is kept for 30 days. You must be logged in to fetch it:\n\n"
# A result is the job's own text; it may be larger than what people upload.
RESULT_LIMIT = 512 * files.MIB
HEADER = -1


class Job(msgspec.Struct):
    """A job at work. `plan` is what `begin` wants to remember, `position` how many items are done."""

    id: int
    type: str
    params: dict[str, Any]
    plan: Any
    position: int


# What went wrong with single items: what it is of (a ticket's or row's number) and why.
Failures = dict[int, str]


class Kind(msgspec.Struct, frozen=True):
    """`begin` gives the items and the plan; `step` does some items; `end` gives what `info` says of the result.

    Each runs in a transaction that also writes down how far the job is. A Refusal ends the job for good. `least` items
    cost little more than one: on a machine that is busy, fewer at a time would only take longer altogether.
    """

    begin: Callable[[Work, Job], Awaitable[tuple[list[int], Any]]]
    step: Callable[[Work, Job, Sequence[int]], Awaitable[Failures]]
    end: Callable[[Work, Job], Awaitable[dict[str, Any]]]
    least: int = 1


async def nothing(_work: Work, _job: Job) -> dict[str, Any]:
    """The end of jobs that leave no file."""
    return {}


async def keep(work: Work, job: Job, parts: dict[int, str]) -> None:
    """Put pieces of text aside until the job ends."""
    await work.db.execute(ADD_PARTS, work.account.id, job.id, list(parts), list(parts.values()))


async def kept(work: Work, job: Job, positions: Sequence[int]) -> dict[int, str]:
    """Pieces that were put aside."""
    rows = await work.db.fetch(SOME_PARTS, work.account.id, job.id, list(positions))
    return {row["position"]: row["text"] for row in rows}


async def head(work: Work, job: Job, columns: Sequence[str]) -> None:
    """Begin the table of a result."""
    await keep(work, job, {HEADER: tables.MARK + tables.lines([columns])})


async def result(work: Work, job: Job) -> dict[str, Any]:
    """The end of exports: what was put aside becomes a private file, removed after 30 days unless something uses it."""

    async def stream() -> Any:
        async for row in work.db.cursor(PARTS, work.account.id, job.id):
            yield row["text"].encode()

    name = job.type + "-" + str(job.id) + ".csv"
    store = work.database.files
    file = await files.keep(store, work.account, name, "text/csv", stream(), limit=RESULT_LIMIT)
    try:
        made = msgspec.json.decode((await files.add(work, "attachment", [file]))[0])
    except BaseException:
        await store.delete(file.key)
        raise
    path = _path(work, made["url"])
    await _notify(work, path)
    return {"file_url": path, "file_name": name}


async def _notify(work: Work, path: str) -> None:
    """Tell who asked for the file where it is."""
    email = await work.db.fetchval(EMAIL, work.account.id, work.actor.user_id)
    if email is not None:
        await notices.add(work, email, SUBJECT, TEXT + work.account.home + path + "\n")


def _path(work: Work, url: str) -> str:
    """The address without the host: the worker does not know under which name it is looked at."""
    placed = files.placed(work.account, url)
    if placed is None:
        raise errors.NotFound
    return "/api/" + placed[0] + "/download/" + work.account.hash + "/" + placed[1]
