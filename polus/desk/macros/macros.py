"""Macros: prepared answers with what else is to be done. Kept as they are given; `applying` carries them out."""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import clock, errors, wire
from polus.desk import changes, files
from polus.desk.macros import wording
from polus.store.work import Work

NAME_LENGTH = 256
# `relevance` looks so far back.
RECENT = datetime.timedelta(days=90)
USED = "The macro is used by rules."

WIRE = """
json_build_object('id', m.id, 'uri', '/api/macros/' || m.id || '/', 'external_id', m.external_id, 'name', m.name,
  'intent', m.intent, 'language', m.language, 'usage', m.usage, 'actions', m.actions,
  'created_datetime', wire(m.created_datetime), 'updated_datetime', wire(m.updated_datetime),
  'archived_datetime', wire(m.archived_datetime))::text
"""

GET = "select " + WIRE + " from macros m where m.account_id = $1 and m.id = $2"

INSERT = (
    """
insert into macros as m (account_id, external_id, name, intent, language, actions, words, tags, created_datetime,
  updated_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) returning m.id, """
    + WIRE
)
LOCK = """
select external_id, name, intent, language, actions from macros where account_id = $1 and id = $2 for update
"""
UPDATE = (
    """
update macros as m set external_id = $3, name = $4, intent = $5, language = $6, actions = $7, words = $8, tags = $9,
  updated_datetime = $10
where m.account_id = $1 and m.id = $2 returning """
    + WIRE
)
FIELDS = ("external_id", "name", "intent", "language", "actions")

DELETE = "delete from macros where account_id = $1 and id = $2 returning name"

# Also rules that are switched off: they would be broken when they are switched on again.
NAMING = """
select g.id, r.name from unnest($2::bigint[]) as g (id)
join rules r on r.account_id = $1 and r.names @> array['Macro:' || g.id]
order by g.id, r.id
"""

# In the order of ids, so that two who do this at once wait for each other instead of locking each other out.
LOCK_MANY = """
select id, archived_datetime from macros where account_id = $1 and id = any($2::bigint[]) order by id for update
"""
ARCHIVE = """
update macros set archived_datetime = $3, updated_datetime = $4 where account_id = $1 and id = any($2::bigint[])
"""

# The counter of the day is kept only as long as `relevance` looks at it.
USE = """
with used as (
  update macros set usage = usage + $3 where account_id = $1 and id = $2 returning id
), old as (
  delete from macro_uses where account_id = $1 and macro_id = $2 and day < $4::date - 90
)
insert into macro_uses (account_id, macro_id, day, uses) select $1, id, $4, $3 from used
on conflict (account_id, macro_id, day) do update set uses = macro_uses.uses + excluded.uses
"""

ACTIVE = (
    "select id, name, actions from macros where account_id = $1 and id = $2 and archived_datetime is null"
)


async def get(work: Work, macro_id: int) -> str:
    """The macro's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, macro_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def require(work: Work, macro_id: int) -> None:
    """404 unless the macro is there."""
    await get(work, macro_id)


async def exists(work: Work, macro_id: int) -> bool:
    """Whether the macro is there, archived or not."""
    return await work.db.fetchval(GET, work.account.id, macro_id) is not None


async def active(work: Work, macro_id: int) -> Any:
    """(id, name, actions) of a macro that can be applied; None when it is archived or not there."""
    row = await work.db.fetchrow(ACTIVE, work.account.id, macro_id)
    return None if row is None else {**row, "actions": msgspec.json.decode(row["actions"])}


def _values(new: Mapping[str, Any]) -> list[Any]:
    actions = new["actions"]
    return [
        *(new[name] for name in FIELDS[:-1]),
        wire.encode(actions),
        wording.searchable(new["name"], actions),
        wording.tags(actions),
    ]


async def _keep_files(work: Work, actions: Sequence[Mapping[str, Any]]) -> None:
    """The files that answers carry stay as long as anybody may want them."""
    urls = [
        file["url"]
        for arguments in wording.arguments_of(actions, "addattachments")
        if isinstance(arguments.get("attachments"), list)
        for file in arguments["attachments"]
        if isinstance(file, dict) and isinstance(file.get("url"), str)
    ]
    await files.reference(work, urls)


async def create(work: Work, given: Mapping[str, Any]) -> tuple[int, str]:
    """A new macro's id and wire form. Event macro-created."""
    new = {"external_id": None, "intent": None, "language": None, "actions": [], **given}
    row = await work.db.fetchrow(INSERT, work.account.id, *_values(new), work.now)
    await _keep_files(work, new["actions"])
    work.record("macro-created", "Macro", row[0], {"name": new["name"]})
    return row[0], row[1]


async def update(work: Work, macro_id: int, given: Mapping[str, Any]) -> str:
    """Change a macro; `actions` are replaced as a whole. 404. Event macro-updated."""
    row = await work.db.fetchrow(LOCK, work.account.id, macro_id)
    if row is None:
        raise errors.NotFound
    old = {**row, "actions": msgspec.json.decode(row["actions"])}
    new = {**old, **given}
    changed = changes.between(old, new)
    if not changed:
        return await get(work, macro_id)
    if "actions" in changed:
        changed["actions"] = True
        await _keep_files(work, new["actions"])
    answer = await work.db.fetchval(UPDATE, work.account.id, macro_id, *_values(new), work.now)
    work.record("macro-updated", "Macro", macro_id, changed)
    return answer  # type: ignore[no-any-return]


async def naming(work: Work, macro_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of the rules that apply each of the macros, also of rules that are switched off."""
    found: dict[int, list[str]] = {}
    for row in await work.db.fetch(NAMING, work.account.id, macro_ids):
        found.setdefault(row["id"], []).append(row["name"])
    return found


async def delete(work: Work, macro_id: int) -> None:
    """Delete a macro; 404, 409 while a rule applies it. Event macro-deleted."""
    if await work.db.fetchrow(LOCK, work.account.id, macro_id) is None:
        raise errors.NotFound
    rules = await naming(work, [macro_id])
    if rules:
        raise errors.InUse({"rules": rules[macro_id]})
    name = await work.db.fetchval(DELETE, work.account.id, macro_id)
    work.record("macro-deleted", "Macro", macro_id, {"name": name})


async def archive(work: Work, macro_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Put macros away: `{id, status, error}` of each, in the order given. Events macro-updated."""
    found = await _archived(work, macro_ids)
    rules = await naming(work, list(found))
    answers: list[dict[str, Any]] = []
    done: list[int] = []
    for macro_id in macro_ids:
        error = None
        if macro_id not in found:
            status = "not_found"
        elif found[macro_id] is not None:
            status = "already_archived"
        elif macro_id in rules:
            status = "macro_used"
            error = {"msg": USED, "data": {"rules": rules[macro_id]}}
        else:
            status = "archived"
            found[macro_id] = work.now
            done.append(macro_id)
            work.record(
                "macro-updated", "Macro", macro_id, {"archived_datetime": [None, clock.text(work.now)]}
            )
        answers.append({"id": macro_id, "status": status, "error": error})
    await work.db.execute(ARCHIVE, work.account.id, done, work.now, work.now)
    return answers


async def unarchive(work: Work, macro_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Take macros out again: `{id, status}` of each, in the order given. Events macro-updated."""
    found = await _archived(work, macro_ids)
    answers: list[dict[str, Any]] = []
    done: list[int] = []
    for macro_id in macro_ids:
        if macro_id not in found:
            status = "not_found"
        elif found[macro_id] is None:
            status = "already_not_archived"
        else:
            status = "unarchived"
            moment = clock.text(found[macro_id])
            work.record("macro-updated", "Macro", macro_id, {"archived_datetime": [moment, None]})
            found[macro_id] = None
            done.append(macro_id)
        answers.append({"id": macro_id, "status": status})
    await work.db.execute(ARCHIVE, work.account.id, done, None, work.now)
    return answers


async def _archived(work: Work, macro_ids: Sequence[int]) -> dict[int, Any]:
    rows = await work.db.fetch(LOCK_MANY, work.account.id, macro_ids)
    return {row["id"]: row["archived_datetime"] for row in rows}


async def used(work: Work, macro_id: int, times: int = 1) -> None:
    """Count that the macro was applied to `times` tickets."""
    await work.db.execute(USE, work.account.id, macro_id, times, work.now.date())
