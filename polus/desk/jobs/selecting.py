"""Which tickets a job is about: ids, a stored view or a view given in the job, perhaps within an interval."""

import datetime
from collections.abc import Collection, Mapping
from typing import Any

from polus.base import clock, errors
from polus.lang import bind, parse, sql
from polus.lang.bind import Reading
from polus.lang.nodes import Filter, Reference
from polus.lang.refused import Refused
from polus.lang.vocabulary import Definition
from polus.store.work import Work

MOST = 50_000
TOO_MANY = "A job can work on at most 50000 tickets."
SWITCHED_OFF = "The view is deactivated."
OF_CUSTOMERS = "The view is of customers."
AST_ALONE = "Needs filters; a tree alone is not read."
NO_SEARCH = "Jobs take filters only."
BACKWARDS = "Must be later than start_datetime."

FIELDS = """
select id, object_type, definition->>'data_type' as data_type,
  definition->'input_settings'->>'input_type' as input_type
from custom_fields where account_id = $1
"""
# Of what filters name: what is there. Tags are named by name or by id.
THERE = """
select 'Tag' as kind, name as key from tags where account_id = $1 and name = any($2::text[])
union all select 'Tag', id::text from tags where account_id = $1 and id::text = any($2::text[])
union all select 'User', id::text from users
  where account_id = $1 and id::text = any($2::text[]) and deleted_datetime is null
union all select 'Team', id::text from teams where account_id = $1 and id::text = any($2::text[])
union all select 'Integration', id::text from integrations where account_id = $1 and id::text = any($2::text[])
union all select 'Custom field', id::text from custom_fields where account_id = $1 and id::text = any($2::text[])
"""
# A view that the user does not see is not there.
VIEW = """
select v.type, v.filters, v.search, v.deactivated_datetime from views v
where v.account_id = $1 and v.id = $2 and (v.visibility = 'public'
  or (v.visibility = 'private' and v.owner_id = $3)
  or (v.visibility = 'shared' and ($4
    or exists (select from view_users s where s.account_id = v.account_id and s.view_id = v.id and s.user_id = $3)
    or exists (select from view_teams s join team_members m on m.account_id = s.account_id
      and m.team_id = s.team_id where s.account_id = v.account_id and s.view_id = v.id and m.user_id = $3))))
"""
CALLER = """
select id, email, name, firstname(name) as firstname, lastname(name) as lastname, language, timezone
from users where account_id = $1 and id = $2
"""
SELECT = "select t.id from tickets t where t.account_id = $1 and t.merged_into_id is null and "
BETWEEN = (
    " and ($2::timestamptz is null or t.created_datetime >= $2)"
    " and ($3::timestamptz is null or t.created_datetime < $3) order by t.id limit $4"
)


async def problems(work: Work, params: Mapping[str, Any]) -> dict[str, Any]:
    """What is wrong with the view and the interval of `params`; empty when nothing is."""
    start, end = moment(params.get("start_datetime")), moment(params.get("end_datetime"))
    if start and end and end <= start:
        return {"end_datetime": [BACKWARDS]}
    try:
        await _filter(work, params, strict=True)
    except errors.Invalid as invalid:
        return dict(invalid.data or {})
    return {}


def moment(given: Any) -> datetime.datetime | None:
    """A datetime of `params`."""
    return clock.parse(given) if isinstance(given, str) else given


async def tickets(work: Work, params: Mapping[str, Any]) -> list[int]:
    """The ids of the tickets of `params`, each once; 400 when there are too many or the view is gone."""
    if params.get("ticket_ids") is not None:
        return list(dict.fromkeys(params["ticket_ids"]))
    found = await _filter(work, params, strict=False)
    text, values = sql.Where("true", [])
    if found is not None:
        caller = await work.db.fetchrow(CALLER, work.account.id, work.actor.user_id)
        text, values = sql.where(found, dict(caller or {}), work.now, taken=4)
    start, end = moment(params.get("start_datetime")), moment(params.get("end_datetime"))
    rows = await work.db.fetch(SELECT + text + BETWEEN, work.account.id, start, end, MOST + 1, *values)
    if len(rows) > MOST:
        raise errors.Invalid({}, TOO_MANY)
    return [row["id"] for row in rows]


async def _filter(work: Work, params: Mapping[str, Any], *, strict: bool) -> Filter | None:
    """The checked filter of a view; None when no view is given. `strict`: all that it names must be there."""
    if params.get("view_id") is not None:
        filters = await _stored(work, params["view_id"])
        return await bound(work, filters, strict=False)
    view = params.get("view")
    if view is None:
        return None
    if view.get("filters") is None and view.get("filters_ast") is not None:
        raise errors.Invalid({"view": {"filters_ast": [AST_ALONE]}})
    if view.get("search"):
        raise errors.Invalid({"view": {"search": [NO_SEARCH]}})
    try:
        return await bound(work, view.get("filters") or "", strict=strict)
    except Refused as refused:
        raise errors.Invalid({"view": {"filters": refused.messages}}) from None


async def _stored(work: Work, view_id: int) -> str:
    """The filters of a view that the actor sees; 400 on `view_id`."""
    lead = work.actor.may("agent")
    row = await work.db.fetchrow(VIEW, work.account.id, view_id, work.actor.user_id, lead)
    if row is None:
        raise errors.one("view_id", errors.MISSING_OBJECT)
    if row["deactivated_datetime"] is not None:
        raise errors.one("view_id", SWITCHED_OFF)
    if row["type"] != "ticket-list":
        raise errors.one("view_id", OF_CUSTOMERS)
    if row["search"]:
        raise errors.one("view_id", NO_SEARCH)
    return row["filters"]  # type: ignore[no-any-return]


async def bound(work: Work, filters: str, *, strict: bool) -> Filter:
    """The meaning of a ticket filter. Raises Refused."""
    rows = await work.db.fetch(FIELDS, work.account.id)
    definitions = {
        row["id"]: Definition(row["object_type"], row["data_type"], row["input_type"]) for row in rows
    }
    reading: Reading[Filter] = bind.filters(parse.filters(filters), definitions)
    return reading.accept(await _missing(work, reading.references) if strict else ())


async def _missing(work: Work, named: Collection[Reference]) -> list[Reference]:
    if not named:
        return []
    rows = await work.db.fetch(THERE, work.account.id, [str(one.key) for one in named])
    there = {(row["kind"], row["key"]) for row in rows}
    return [one for one in named if (one.kind, str(one.key)) not in there]
