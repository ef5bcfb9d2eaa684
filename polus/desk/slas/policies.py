"""SLA policies: how soon customers are to be answered, by channel and priority. What comes of them is in `targets`."""

from collections.abc import Mapping
from typing import Any

from polus.base import errors
from polus.desk import changes
from polus.desk.tickets.tickets import PRIORITIES, WORDS
from polus.store.work import Work

NAME_LENGTH = 256
MOST = 50
"""Policies of an account."""
LONGEST = 90 * 86_400
"""Seconds of a target."""
TOO_MANY = "An account has at most 50 SLA policies."
NO_TARGET = "Give at least one of first_response_seconds and resolution_seconds."

WIRE = """
json_build_object('id', id, 'uri', '/api/_polus/sla-policies/' || id || '/', 'name', name, 'position', position,
  'channels', channels,
  'priorities', array(select (array['low', 'normal', 'high', 'critical'])[p] from unnest(priorities) as g (p)),
  'first_response_seconds', first_response_seconds, 'resolution_seconds', resolution_seconds,
  'within_business_hours', within_hours, 'created_datetime', wire(created_datetime),
  'updated_datetime', wire(updated_datetime), 'deactivated_datetime', wire(deactivated_datetime))::text
"""
LIST = "select " + WIRE + " from sla_policies where account_id = $1 order by position, id"
GET = "select " + WIRE + " from sla_policies where account_id = $1 and id = $2"
# Who counts holds the others up.
COUNT = """
select count(p.id), coalesce(max(p.position), 0) from (select id from accounts where id = $1 for update) a
left join sla_policies p on p.account_id = a.id
"""
INSERT = """
insert into sla_policies (account_id, name, position, channels, priorities, first_response_seconds,
  resolution_seconds, within_hours, deactivated_datetime, created_datetime, updated_datetime)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) returning id
"""
LOCK = """
select name, position, channels, priorities, first_response_seconds, resolution_seconds,
  within_hours as within_business_hours, deactivated_datetime
from sla_policies where account_id = $1 and id = $2 for update
"""
UPDATE = """
update sla_policies set name = $3, position = $4, channels = $5, priorities = $6, first_response_seconds = $7,
  resolution_seconds = $8, within_hours = $9, deactivated_datetime = $10, updated_datetime = $11
where account_id = $1 and id = $2
"""
DELETE = "delete from sla_policies where account_id = $1 and id = $2 returning name"
FIELDS = (
    "name",
    "position",
    "channels",
    "priorities",
    "first_response_seconds",
    "resolution_seconds",
    "within_business_hours",
    "deactivated_datetime",
)


async def listed(work: Work) -> list[str]:
    """The wire forms of all, in the order in which they are tried."""
    return [row[0] for row in await work.db.fetch(LIST, work.account.id)]


async def get(work: Work, policy_id: int) -> str:
    """The policy's wire form; 404."""
    answer = await work.db.fetchval(GET, work.account.id, policy_id)
    if answer is None:
        raise errors.NotFound
    return answer  # type: ignore[no-any-return]


async def require(work: Work, policy_id: int) -> None:
    """404 unless the policy is there."""
    await get(work, policy_id)


async def create(work: Work, given: Mapping[str, Any]) -> int:
    """A new policy, the last one unless `position` says otherwise; its id. 400; 409 when there are too many.

    Tickets that are there already are not touched. Event account-updated.
    """
    count, last = await work.db.fetchrow(COUNT, work.account.id)
    if count >= MOST:
        raise errors.Conflict({"name": [TOO_MANY]}, TOO_MANY)
    new = {
        "channels": [],
        "priorities": [],
        "first_response_seconds": None,
        "resolution_seconds": None,
        "within_business_hours": True,
        "deactivated_datetime": None,
        "position": last + 1,
        **given,
    }
    policy_id: int = await work.db.fetchval(INSERT, work.account.id, *_stored(new), work.now)
    _tell(work, policy_id, {"created": new["name"]})
    return policy_id


async def update(work: Work, policy_id: int, given: Mapping[str, Any]) -> None:
    """Change a policy; what it promised already stays promised. 404, 400. Event account-updated."""
    row = await work.db.fetchrow(LOCK, work.account.id, policy_id)
    if row is None:
        raise errors.NotFound
    old = {**row, "priorities": [WORDS[number] for number in row["priorities"]]}
    new = {**old, **given}
    stored = _stored(new)
    found = changes.between(old, new)
    if found:
        await work.db.execute(UPDATE, work.account.id, policy_id, *stored, work.now)
        _tell(work, policy_id, found)


async def delete(work: Work, policy_id: int) -> None:
    """Remove a policy; what it promised already stays promised. 404. Event account-updated."""
    name = await work.db.fetchval(DELETE, work.account.id, policy_id)
    if name is None:
        raise errors.NotFound
    _tell(work, policy_id, {"deleted": name})


def _stored(new: Mapping[str, Any]) -> list[Any]:
    if new["first_response_seconds"] is None and new["resolution_seconds"] is None:
        raise errors.one("first_response_seconds", NO_TARGET)
    numbers = sorted({PRIORITIES[word] for word in new["priorities"]})
    channels = list(dict.fromkeys(new["channels"]))
    columns = {**new, "channels": channels, "priorities": numbers}
    return [columns[name] for name in FIELDS]


def _tell(work: Work, policy_id: int, data: Mapping[str, Any]) -> None:
    """wire: no kind of event is about policies; they belong to the account."""
    work.record("account-updated", "Account", work.account.id, {"sla_policy": {"id": policy_id, **data}})
