"""Rules: what is to be done by itself when something happens to a ticket. Running them is left to the reactions."""

from collections.abc import Mapping, Sequence
from typing import Any

from polus.base import errors
from polus.desk import changes
from polus.desk.rules import codes
from polus.store.work import Work

NAME_LENGTH = 255
MOST_ACTIVE = 70
HIGHEST = 2**63 - 1
# In the documented order: of what happens at once, the first of these comes first.
TRIGGERS = (
    "satisfaction-survey-responded",
    "ticket-self-unsnoozed",
    "ticket-created",
    "ticket-message-created",
    "ticket-updated",
    "ticket-assigned",
)
ONLY_WITH_CODE = "It is made from code; send code."

WIRE = """
json_build_object('id', r.id, 'uri', '/api/rules/' || r.id || '/', 'name', r.name, 'description', r.description,
  'type', 'user', 'code', r.code, 'code_ast', r.code_ast, 'event_types', r.event_types, 'priority', r.priority,
  'settings', r.settings, 'created_datetime', wire(r.created_datetime), 'updated_datetime', wire(r.updated_datetime),
  'deactivated_datetime', wire(r.deactivated_datetime))::text
"""
LIST = "select {sort}, r.id, " + WIRE + " from rules r"
GET = "select " + WIRE + " from rules r where r.account_id = $1 and r.id = $2"
# The reverse of the order in which they run.
ALL = "select " + WIRE + " from rules r where r.account_id = $1 order by r.priority, r.id desc"
# Two who create at once must not both see room for one more, nor take the same place: the account's row is the queue.
# A statement of its own: one statement sees what was there before it waited.
QUEUE = "select id from accounts where id = $1 for update"
ROOM = """
select count(*) filter (where deactivated_datetime is null) as active, max(priority) as highest,
  (select (data->>'max_active_rules')::bigint from account_settings where account_id = $1 and type = 'limits') as most
from rules where account_id = $1
"""
OVERVIEW = """
select id, name, description, event_types, priority, code, deactivated_datetime, deactivation_reason, failures,
  created_datetime, updated_datetime
from rules where account_id = $1 order by priority desc, id
"""
ONE = OVERVIEW.replace("where account_id = $1", "where account_id = $1 and id = $2")
INSERT = (
    """
insert into rules as r (account_id, name, description, code, code_ast, names, event_types, priority,
  deactivated_datetime, created_datetime, updated_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) returning r.id, """
    + WIRE
)
LOCK = """
select name, description, code, event_types, priority, deactivated_datetime from rules
where account_id = $1 and id = $2 for update
"""
UPDATE = (
    """
update rules as r set name = $3, description = $4, event_types = $5, priority = $6, deactivation_reason = case
    when deactivated_datetime is not distinct from $7 then deactivation_reason end,
  failures = case when deactivated_datetime is not distinct from $7 then failures else 0 end,
  deactivated_datetime = $7, code = $8, code_ast = coalesce($9, code_ast), names = coalesce($10, names),
  updated_datetime = $11
where r.account_id = $1 and r.id = $2 returning """
    + WIRE
)
DELETE = "delete from rules where account_id = $1 and id = $2 returning name"
# In the order of ids, so that two who do this at once wait for each other instead of locking each other out.
LOCK_MANY = """
select id, priority from rules where account_id = $1 and id = any($2::bigint[]) order by id for update
"""
PRIORITISE = """
update rules r set priority = g.priority, updated_datetime = $4
from unnest($2::bigint[], $3::bigint[]) as g (id, priority) where r.account_id = $1 and r.id = g.id
"""


async def get(work: Work, rule_id: int) -> str:
    """The rule's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, rule_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def one(work: Work, rule_id: int) -> dict[str, Any]:
    """One of `overview`; 404."""
    row = await work.db.fetchrow(ONE, work.account.id, rule_id)
    if row is None:
        raise errors.NotFound
    return dict(row)


async def move(work: Work, rule_id: int, *, up: bool) -> None:
    """Let a rule run one place earlier or later; 404. Events rule-priority-updated of those whose place is another."""
    order = [row["id"] for row in await work.db.fetch(OVERVIEW, work.account.id)]
    if rule_id not in order:
        raise errors.NotFound
    place = order.index(rule_id)
    order.remove(rule_id)
    order.insert(max(place - 1, 0) if up else place + 1, rule_id)
    # Anew from the top, so that rules of equal priority change places too.
    await prioritise(work, [(id_, len(order) - at) for at, id_ in enumerate(order)])


async def overview(work: Work) -> list[dict[str, Any]]:
    """All rules in the order in which they run, with why Polus switched one off."""
    return [dict(row) for row in await work.db.fetch(OVERVIEW, work.account.id)]


async def require(work: Work, rule_id: int) -> None:
    """404 unless the rule is there."""
    await get(work, rule_id)


def _stored(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as it is stored; 400 for a name that is blank, or for a tree that comes alone."""
    stored = dict(given)
    problems = {}
    if "name" in stored:
        stored["name"] = stored["name"].strip()
        if not stored["name"]:
            problems["name"] = [errors.too_short(1)]
    if "code_ast" in stored and "code" not in stored:
        problems["code_ast"] = [ONLY_WITH_CODE]
    if problems:
        raise errors.Invalid(problems)
    stored.pop("code_ast", None)
    if "event_types" in stored:
        stored["event_types"] = stored["event_types"] or None
    return stored


async def _room(work: Work, *, active: bool) -> int:
    """The priority of a new rule, above all others; 409 when it is `active` and one too many."""
    await work.db.execute(QUEUE, work.account.id)
    row = await work.db.fetchrow(ROOM, work.account.id)
    most = MOST_ACTIVE if row["most"] is None else row["most"]
    if active and row["active"] >= most:
        raise errors.Conflict({"limit": most}, f"The limit of {most} active rules is reached.")
    return min((row["highest"] or 0) + 1, HIGHEST)


async def create(work: Work, given: Mapping[str, Any]) -> str:
    """A new rule's wire form; 400, 409 over the limit of active ones. Event rule-created."""
    new = {"description": None, "event_types": None, "deactivated_datetime": None, **_stored(given)}
    active = new["deactivated_datetime"] is None
    code = await codes.check(work, new["code"], active=active)
    priority = await _room(work, active=active)
    row = await work.db.fetchrow(
        INSERT,
        work.account.id,
        new["name"],
        new["description"],
        new["code"],
        code.ast,
        code.names,
        new["event_types"],
        new.get("priority", priority),
        new["deactivated_datetime"],
        work.now,
    )
    work.record("rule-created", "Rule", row[0], {"name": new["name"]})
    return row[1]  # type: ignore[no-any-return]


async def update(work: Work, rule_id: int, given: Mapping[str, Any], *, reworded: bool = False) -> str:
    """Change a rule; 404, 400, 409. Events rule-updated, and rule-deactivated or rule-reactivated.

    `reworded`: the code says the same in other words, so what else it names may be gone meanwhile.
    """
    row = await work.db.fetchrow(LOCK, work.account.id, rule_id)
    if row is None:
        raise errors.NotFound
    old = dict(row)
    new = {**old, **_stored(given)}
    changed = changes.between(old, new)
    active, was = new["deactivated_datetime"] is None, old["deactivated_datetime"] is None
    code = await _new_code(work, old, new, reworded=reworded)
    if not changed:
        return await get(work, rule_id)
    if active and not was:
        await _room(work, active=True)
    answer = await work.db.fetchval(
        UPDATE,
        work.account.id,
        rule_id,
        new["name"],
        new["description"],
        new["event_types"],
        new["priority"],
        new["deactivated_datetime"],
        new["code"],
        code and code.ast,
        code and code.names,
        work.now,
    )
    work.record("rule-updated", "Rule", rule_id, changed)
    if active != was:
        work.record("rule-reactivated" if active else "rule-deactivated", "Rule", rule_id)
    return answer  # type: ignore[no-any-return]


async def _new_code(
    work: Work, old: Mapping[str, Any], new: Mapping[str, Any], *, reworded: bool
) -> codes.Code | None:
    """What a change makes of the code; None when nothing about it is new.

    A rule keeps its name changeable when somebody that its code names has been deleted meanwhile.
    """
    active = new["deactivated_datetime"] is None
    if new["code"] == old["code"] and not (active and old["deactivated_datetime"] is not None):
        return None
    return await codes.check(work, new["code"], active=active and not reworded)


async def delete(work: Work, rule_id: int) -> None:
    """Delete a rule; 404. Event rule-deleted."""
    name = await work.db.fetchval(DELETE, work.account.id, rule_id)
    if name is None:
        raise errors.NotFound
    work.record("rule-deleted", "Rule", rule_id, {"name": name})


async def prioritise(work: Work, wanted: Sequence[tuple[int, int]]) -> list[str]:
    """Give rules (id, priority) their places; the wire forms of all rules, the last to run first. 400 by place.

    Event rule-priority-updated of each rule whose priority is another one now.
    """
    places = dict(wanted)
    rows = await work.db.fetch(LOCK_MANY, work.account.id, list(places))
    old = {row["id"]: row["priority"] for row in rows}
    unknown = {
        str(place): {"id": [errors.MISSING_OBJECT]} for place, (id_, _) in enumerate(wanted) if id_ not in old
    }
    if unknown:
        raise errors.Invalid({"priorities": unknown})
    moved = {id_: priority for id_, priority in places.items() if old[id_] != priority}
    await work.db.execute(PRIORITISE, work.account.id, list(moved), list(moved.values()), work.now)
    for id_, priority in moved.items():
        work.record("rule-priority-updated", "Rule", id_, {"priority": [old[id_], priority]})
    return [row[0] for row in await work.db.fetch(ALL, work.account.id)]
