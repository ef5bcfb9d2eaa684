"""Views: saved filters with an order, seen by everybody, by some, or by one. What they show is in `items`."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import changes, filters, listings
from polus.desk.listings import Listed
from polus.lang import parse, rewrite, tree
from polus.store.paging import Order, Statement
from polus.store.work import Work

MOST_SHARED = 500
MOST_PRIVATE = 20
SYSTEM_PROTECTED = "System views cannot be deleted."
SYSTEM_FIXED = "Of system views only fields, order_by, order_dir and decoration can be changed."
OF_SYSTEM = frozenset(("fields", "order_by", "order_dir", "decoration"))
TICKET_ORDERS = frozenset(
    "created_datetime updated_datetime last_message_datetime last_received_message_datetime closed_datetime"
    " snooze_datetime priority".split()
)
CUSTOMER_ORDERS = frozenset(("created_datetime", "updated_datetime", "name", "email"))

WIRE = """
json_build_object('id', v.id, 'uri', '/api/views/' || v.id || '/', 'category', v.category, 'name', v.name,
  'slug', v.slug, 'type', v.type, 'visibility', v.visibility,
  'shared_with_users', coalesce((select json_agg(json_build_object('id', u.id, 'name', u.name, 'meta', u.meta)
      order by s.position) from view_users s join users u on u.account_id = s.account_id and u.id = s.user_id
    where s.account_id = v.account_id and s.view_id = v.id), '[]'::json),
  'shared_with_teams', coalesce((select json_agg(json_build_object('id', g.id, 'name', g.name,
      'decoration', g.decoration) order by s.position) from view_teams s
      join teams g on g.account_id = s.account_id and g.id = s.team_id
    where s.account_id = v.account_id and s.view_id = v.id), '[]'::json),
  'fields', v.fields, 'filters', v.filters, 'filters_ast', v.filters_ast, 'order_by', v.order_by,
  'order_dir', v.order_dir, 'search', v.search, 'section_id', v.section_id, 'decoration', v.decoration,
  'created_datetime', wire(v.created_datetime), 'deactivated_datetime', wire(v.deactivated_datetime))::text
"""
# `$2` is the asking user, `$3` whether he is a lead agent or admin. Another one's private view is not even named.
VISIBLE = """
(v.visibility = 'public' or (v.visibility = 'private' and v.owner_id = $2) or (v.visibility = 'shared' and ($3::boolean
  or exists (select from view_users s where s.account_id = v.account_id and s.view_id = v.id and s.user_id = $2)
  or exists (select from view_teams s join team_members m on m.account_id = s.account_id and m.team_id = s.team_id
    where s.account_id = v.account_id and s.view_id = v.id and m.user_id = $2))))
"""
LIST = "select {sort}, v.id, " + WIRE + " from views v"
BY_NAME = Order((("v.name", "text"),), False)
GET = "select " + WIRE + " from views v where v.account_id = $1 and v.id = $4 and " + VISIBLE
READ = (
    """
select v.category, v.name, v.slug, v.type, v.visibility, v.fields, v.filters, v.filters_ast, v.order_by, v.order_dir,
  v.search, v.section_id, v.decoration, v.deactivated_datetime, v.owner_id,
  array(select user_id from view_users s where s.account_id = v.account_id and s.view_id = v.id order by position)
    as shared_with_users,
  array(select team_id from view_teams s where s.account_id = v.account_id and s.view_id = v.id order by position)
    as shared_with_teams
from views v where v.account_id = $1 and v.id = $4 and """
    + VISIBLE
)
FIELDS = (
    "name slug type visibility fields filters filters_ast order_by order_dir search section_id decoration"
    " deactivated_datetime owner_id"
).split()
INSERT = """
insert into views (account_id, name, slug, type, visibility, fields, filters, filters_ast, order_by, order_dir, search,
  section_id, decoration, deactivated_datetime, owner_id, created_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) returning id
"""
UPDATE = """
update views set name = $3, slug = $4, type = $5, visibility = $6, fields = $7, filters = $8, filters_ast = $9,
  order_by = $10, order_dir = $11, search = $12, section_id = $13, decoration = $14, deactivated_datetime = $15,
  owner_id = $16
where account_id = $1 and id = $2
"""
DELETE = "delete from views where account_id = $1 and id = $2"
SHARE = """
with users_gone as (delete from view_users where account_id = $1 and view_id = $2 and not user_id = any($3::bigint[])),
teams_gone as (delete from view_teams where account_id = $1 and view_id = $2 and not team_id = any($4::bigint[])),
users_in as (
  insert into view_users (account_id, view_id, user_id, position)
  select $1, $2, id, place from unnest($3::bigint[]) with ordinality as g (id, place)
  on conflict (account_id, view_id, user_id) do update set position = excluded.position
)
insert into view_teams (account_id, view_id, team_id, position)
select $1, $2, id, place from unnest($4::bigint[]) with ordinality as g (id, place)
on conflict (account_id, view_id, team_id) do update set position = excluded.position
"""
PEOPLE = """
select array(select id from users where account_id = $1 and id = any($2::bigint[]) and deleted_datetime is null) as users,
  array(select id from teams where account_id = $1 and id = any($3::bigint[])) as teams
"""
# The account's row is the place in the queue: two who create at once must not both see room for one more.
COUNT = """
with held as (select id from accounts where id = $1 for update)
select count(v.id) from held left join views v on v.account_id = held.id and v.category = 'user'
  and case when $2::bigint is null then v.visibility <> 'private' else v.visibility = 'private' and v.owner_id = $2 end
"""
NEW: dict[str, Any] = {
    "name": "",
    "type": "ticket-list",
    "visibility": "public",
    "fields": [],
    "filters": "",
    "order_by": "updated_datetime",
    "order_dir": "desc",
    "search": None,
    "section_id": None,
    "decoration": None,
    "deactivated_datetime": None,
    "owner_id": None,
    "shared_with_users": [],
    "shared_with_teams": [],
}


def sees(work: Work) -> tuple[int | None, bool]:
    """The parameters `$2` and `$3` of `VISIBLE`."""
    return work.actor.user_id, work.actor.may("agent")


async def get(work: Work, view_id: int) -> str:
    """The view's wire form; 404 when it is not there or not for the actor."""
    answer = await work.db.fetchval(GET, work.account.id, *sees(work), view_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def browse(work: Work, cursor: str = "") -> Listed:
    """The views of tickets that the actor may see, by name."""
    statement = Statement(work.account.id, *sees(work))
    statement.where("v.account_id = $1")
    statement.where("v.type = 'ticket-list'")
    statement.where(VISIBLE)
    return await listings.browse(work, LIST, statement, BY_NAME, cursor=cursor, id_column="v.id")


async def require(work: Work, view_id: int) -> None:
    """404 unless the view is there and for the actor."""
    await get(work, view_id)


async def read(work: Work, view_id: int, *, lock: bool = False) -> dict[str, Any]:
    """The view's columns as they are, with `lock` until the end of the transaction; 404."""
    sql = READ + (" for update of v" if lock else "")
    row = await work.db.fetchrow(sql, work.account.id, *sees(work), view_id)
    if row is None:
        raise errors.NotFound
    decoration = row["decoration"]
    return {**row, "decoration": None if decoration is None else msgspec.json.decode(decoration)}


def _rights(work: Work, view: Mapping[str, Any]) -> None:
    """Private views are their owner's, all others need a lead agent."""
    if view["visibility"] == "private":
        if view["owner_id"] != work.actor.user_id:
            raise errors.NotFound
    else:
        work.actor.require("agent")


async def _completed(work: Work, new: dict[str, Any], checking: bool) -> dict[str, Any]:
    """`new` with owner, sharing and tree settled; 400 with all that is wrong."""
    problems: dict[str, Any] = {}
    if new["type"] != "ticket-list" and new.get("category") != "system":
        problems["type"] = ["Only ticket lists can be made."]
    allowed = CUSTOMER_ORDERS if new["type"] == "customer-list" else TICKET_ORDERS
    if new["order_by"] not in allowed:
        problems["order_by"] = [errors.NOT_CHOICE]
    if len(set(new["fields"])) < len(new["fields"]):
        problems["fields"] = ["Each field may be listed once."]
    _settle(work, new)
    if new["visibility"] == "shared" and not (new["shared_with_users"] or new["shared_with_teams"]):
        problems["shared_with_users"] = ["A shared view needs users or teams."]
    row = await work.db.fetchrow(PEOPLE, work.account.id, new["shared_with_users"], new["shared_with_teams"])
    for kind in ("users", "teams"):
        if set(new["shared_with_" + kind]) - set(row[kind]):
            problems["shared_with_" + kind] = [errors.MISSING_OBJECT]
    if checking:
        try:
            checked = await filters.check(work, new["filters"], customers=new["type"] == "customer-list")
            new["filters_ast"] = checked.ast
        except errors.Invalid as invalid:
            problems.update(invalid.data or {})
    if problems:
        raise errors.Invalid(problems)
    return new


def _settle(work: Work, new: dict[str, Any]) -> None:
    """A private view belongs to the first of its users, by default to who made it; others belong to nobody."""
    if new["visibility"] == "private":
        if not new["shared_with_users"] and work.actor.user_id is not None:
            new["shared_with_users"] = [work.actor.user_id]
        new["owner_id"] = next(iter(new["shared_with_users"]), None)
    else:
        new["owner_id"] = None
        if new["visibility"] == "public":
            new["shared_with_users"], new["shared_with_teams"] = [], []


async def _room(work: Work, new: Mapping[str, Any]) -> None:
    limit = MOST_SHARED if new["owner_id"] is None else MOST_PRIVATE
    if await work.db.fetchval(COUNT, work.account.id, new["owner_id"]) >= limit:
        raise errors.Conflict({"limit": limit}, f"The limit of {limit} views is reached.")


def _values(new: Mapping[str, Any]) -> list[Any]:
    return [wire.jsonb(new[name]) if name == "decoration" else new[name] for name in FIELDS]


async def _share(work: Work, view_id: int, new: Mapping[str, Any]) -> None:
    await work.db.execute(
        SHARE, work.account.id, view_id, list(new["shared_with_users"]), list(new["shared_with_teams"])
    )


async def create(work: Work, given: Mapping[str, Any]) -> int:
    """A new view's id; 400, 403, 409 over the limit. Event view-created."""
    new = {**NEW, **given, "category": "user"}
    new = await _completed(work, new, checking=True)
    _rights(work, {**new, "owner_id": work.actor.user_id if new["owner_id"] else None})
    await _room(work, new)
    view_id: int = await work.db.fetchval(INSERT, work.account.id, *_values(new), work.now)
    await _share(work, view_id, new)
    work.record("view-created", "View", view_id, {"name": new["name"]})
    return view_id


async def update(work: Work, view_id: int, given: Mapping[str, Any]) -> None:
    """Change a view; filters that pass again switch a deactivated one on. 404, 403, 400, 409. Event view-updated."""
    old = await read(work, view_id, lock=True)
    _rights(work, old)
    new = {**old, **given}
    if old["category"] == "system" and any(new[key] != old[key] for key in set(given) - OF_SYSTEM):
        raise errors.Forbidden(SYSTEM_FIXED)
    checking = "filters" in given
    new = await _completed(work, new, checking=checking)
    if checking:
        new["deactivated_datetime"] = None
    _rights(work, new)
    ignored = {"filters_ast": None, "owner_id": None}
    changed = changes.between({**old, **ignored}, {**new, **ignored})
    if not changed:
        return
    if new["owner_id"] != old["owner_id"]:
        await _room(work, new)
    await work.db.execute(UPDATE, work.account.id, view_id, *_values(new))
    await _share(work, view_id, new)
    work.record("view-updated", "View", view_id, changed)


async def delete(work: Work, view_id: int) -> None:
    """Delete a view; 404, 403 for system views and without the right. Event view-deleted."""
    old = await read(work, view_id, lock=True)
    if old["category"] == "system":
        raise errors.Forbidden(SYSTEM_PROTECTED)
    _rights(work, old)
    await work.db.execute(DELETE, work.account.id, view_id)
    work.record("view-deleted", "View", view_id, {"name": old["name"]})


DELETE_PRIVATE = """
delete from views where account_id = $1 and owner_id = $2 and visibility = 'private' returning id, name
"""


async def delete_private(work: Work, user_id: int) -> None:
    """Delete the views of somebody who goes. Event view-deleted each."""
    for row in await work.db.fetch(DELETE_PRIVATE, work.account.id, user_id):
        work.record("view-deleted", "View", row["id"], {"name": row["name"]})


# Views whose text may name something: the text is looked through only for these.
CANDIDATES = """
select id, filters, type from views
where account_id = $1 and deactivated_datetime is null and filters <> '' and category = 'user' for update
"""
DEACTIVATE = "update views set deactivated_datetime = $3 where account_id = $1 and id = any($2::bigint[])"


async def deactivate(work: Work, kind: str, keys: Sequence[int | str]) -> None:
    """Switch off the views whose filters name one of these things (`kind` as `lang` says: Tag, User, Team, Integration),
    because it is going. Event view-deactivated."""
    wanted = {(kind, str(key)) for key in keys}
    found = []
    for row in await work.db.fetch(CANDIDATES, work.account.id):
        customers = row["type"] == "customer-list"
        references = (await filters.meaning(work, row["filters"], customers=customers)).references
        if any((reference.kind, str(reference.key)) in wanted for reference in references):
            found.append(row["id"])
    if found:
        await work.db.execute(DEACTIVATE, work.account.id, found, work.now)
    for view_id in found:
        reason = kind + " " + ", ".join(str(key) for key in keys) + " was deleted."
        work.record("view-deactivated", "View", view_id, {"reason": reason})


RENAME = "update views set filters = $3, filters_ast = $4 where account_id = $1 and id = $2"


async def rename_tags(work: Work, renamed: Mapping[str, str]) -> None:
    """Write the new names of tags into the filters that have the old ones. Event view-updated."""
    for row in await work.db.fetch(CANDIDATES, work.account.id):
        text = rewrite.code(row["filters"], parse.filters(row["filters"]), renamed)
        if text != row["filters"]:
            ast = tree.encode(parse.filters(text))
            await work.db.execute(RENAME, work.account.id, row["id"], text, ast)
            work.record("view-updated", "View", row["id"], {"filters": [row["filters"], text]})
