"""Teams: groups of users that tickets are given to. Names need not be unique."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import assignments, changes, listings
from polus.desk.listings import Listed
from polus.store.paging import Order, Statement
from polus.store.work import Work

NAME_LENGTH = 256
MEMBERS = 1000

WIRE = """
json_build_object('id', id, 'uri', '/api/teams/' || id || '/', 'name', name, 'description', description,
  'decoration', decoration, 'members', coalesce((
    select json_agg(json_build_object('id', u.id, 'name', u.name, 'email', u.email, 'meta', u.meta) order by m.position)
    from team_members m join users u on u.account_id = m.account_id and u.id = m.user_id
    where m.account_id = teams.account_id and m.team_id = teams.id), '[]'),
  'created_datetime', wire(created_datetime))::text
"""

LIST = "select {sort}, id, " + WIRE + " from teams"

BY_NAME = Order((("name", "text"),), False)

GET = "select " + WIRE + " from teams where account_id = $1 and id = $2"

INSERT = """
with team as (
  insert into teams (account_id, name, description, decoration, created_datetime) values ($1, $2, $3, $4, $5)
  returning id
), joined as (
  insert into team_members (account_id, team_id, user_id, position)
  select $1, team.id, user_id, position from team, unnest($6::bigint[]) with ordinality as g (user_id, position)
)
select id from team
"""

LOCK = """
select name, description, decoration, array(select user_id from team_members m
  where m.account_id = $1 and m.team_id = $2 order by position) as members
from teams where account_id = $1 and id = $2 for update
"""

UPDATE = """
with team as (
  update teams set name = $3, description = $4, decoration = $5 where account_id = $1 and id = $2
), left_behind as (
  delete from team_members where account_id = $1 and team_id = $2 and not user_id = any($6::bigint[])
)
insert into team_members as m (account_id, team_id, user_id, position)
select $1, $2, user_id, position from unnest($6::bigint[]) with ordinality as g (user_id, position)
on conflict (account_id, team_id, user_id) do update set position = excluded.position
  where m.position <> excluded.position
"""

DELETE = "delete from teams where account_id = $1 and id = $2 returning name"

# Locked, so that nobody who is being deleted at this moment becomes a member.
FIND_MEMBERS = """
select id, lower(email) as email from users
where account_id = $1 and deleted_datetime is null and (id = any($2::bigint[]) or lower(email) = any($3::text[]))
for share
"""


async def get(work: Work, team_id: int) -> str:
    """The team's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, team_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def browse(work: Work, cursor: str = "", limit: int = 50) -> Listed:
    """Teams by name."""
    statement = Statement(work.account.id)
    statement.where("account_id = $1")
    return await listings.browse(work, LIST, statement, BY_NAME, cursor=cursor, limit=limit)


async def require(work: Work, team_id: int) -> None:
    """404 unless the team is there."""
    await get(work, team_id)


async def create(
    work: Work,
    name: str,
    description: str | None = None,
    decoration: Mapping[str, Any] | None = None,
    members: Sequence[Mapping[str, Any]] = (),
) -> str:
    """A new team's wire form. 400 on members who are nobody."""
    found = await _members(work, members)
    team_id = await work.db.fetchval(
        INSERT, work.account.id, name, description, _json(decoration), work.now, found
    )
    work.record("team-created", "Team", team_id, {"name": name})
    return await get(work, team_id)


async def update(work: Work, team_id: int, given: Mapping[str, Any]) -> str:
    """Change a team; members are replaced as a whole. The wire form. 404, 400."""
    row = await work.db.fetchrow(LOCK, work.account.id, team_id)
    if row is None:
        raise errors.NotFound
    decoration = row["decoration"]
    old = {**row, "decoration": None if decoration is None else msgspec.json.decode(decoration)}
    new = {**old, **given}
    if "members" in given:
        new["members"] = await _members(work, given["members"])
    changed = changes.between(old, new)
    if changed:
        await work.db.execute(
            UPDATE,
            work.account.id,
            team_id,
            new["name"],
            new["description"],
            _json(new["decoration"]),
            new["members"],
        )
        work.record("team-updated", "Team", team_id, changed)
    return await get(work, team_id)


async def delete(work: Work, team_id: int) -> None:
    """Dissolve a team: its tickets are nobody's of a team, its members stay users. 404."""
    name = await work.db.fetchval(DELETE, work.account.id, team_id)
    if name is None:
        raise errors.NotFound
    await assignments.leave_team(work, team_id)
    work.record("team-deleted", "Team", team_id, {"name": name})


async def _members(work: Work, given: Sequence[Mapping[str, Any]]) -> list[int]:
    """The ids of users named by `id` or else by `email`, each once, in the order given; 400."""
    if not given:
        return []
    wanted: list[int | str] = [member.get("id") or (member.get("email") or "").lower() for member in given]
    ids, emails = (
        [key for key in wanted if isinstance(key, int)],
        [key for key in wanted if isinstance(key, str)],
    )
    rows = await work.db.fetch(FIND_MEMBERS, work.account.id, ids, emails)
    known: dict[int | str, int] = {row[field]: row["id"] for row in rows for field in ("id", "email")}
    problems = {
        str(place): {"email": [errors.MISSING_OBJECT]}
        if isinstance(key, str) and key
        else {"id": [errors.MISSING_OBJECT if key else errors.REQUIRED]}
        for place, key in enumerate(wanted)
        if key not in known
    }
    if problems:
        raise errors.Invalid({"members": problems})
    return list(dict.fromkeys(known[key] for key in wanted))


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else wire.encode(value)
