"""Tickets: opened, read, changed, deleted. Their messages are in `messages`, their tags in `labels`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import redaction
from polus.desk.customers import references
from polus.desk.tickets import happenings, lifecycle, people, projections
from polus.store.work import Work

PRIORITIES = {"low": 1, "normal": 2, "high": 3, "critical": 4}
WORDS = {number: word for word, number in PRIORITIES.items()}

REQUIRE = "select merged_into_id from tickets where account_id = $1 and id = $2"

OWN = """
external_id, status, priority, channel, via, from_agent, spam, imported, customer_id, assignee_user_id,
  assignee_team_id, language, subject, meta, opened_datetime, last_received_message_datetime, last_message_datetime,
  updated_datetime, closed_datetime, trashed_datetime, snooze_datetime, merged_into_id, unread_datetime
"""
LOCK = "select " + OWN + " from tickets where account_id = $1 and id = $2 for update"

UPDATE = """
update tickets set external_id = $3, status = $4, priority = $5, channel = $6, via = $7, from_agent = $8, spam = $9,
  customer_id = $10, assignee_user_id = $11, assignee_team_id = $12, language = $13, subject = $14, meta = $15,
  opened_datetime = $16, last_received_message_datetime = $17, last_message_datetime = $18, updated_datetime = $19,
  closed_datetime = $20, trashed_datetime = $21, snooze_datetime = $22
where account_id = $1 and id = $2
"""
MUTABLE = [
    "external_id",
    "status",
    "priority",
    "channel",
    "via",
    "from_agent",
    "spam",
    "customer_id",
    "assignee_user_id",
    "assignee_team_id",
    "language",
    "subject",
    "meta",
    "opened_datetime",
    "last_received_message_datetime",
    "last_message_datetime",
    "updated_datetime",
    "closed_datetime",
    "trashed_datetime",
    "snooze_datetime",
]

DELETE = """
with gone as (delete from tickets where account_id = $1 and (id = $2 or merged_into_id = $2)
  returning id, subject, customer_id)
select subject, customer_id from gone where id = $2
"""

READ = """
insert into ticket_reads (account_id, ticket_id, user_id, read_datetime)
select $1, id, $3, greatest(unread_datetime, $4) from tickets where account_id = $1 and id = $2
on conflict (account_id, ticket_id, user_id) do update set read_datetime = excluded.read_datetime
"""
UNREAD = "delete from ticket_reads where account_id = $1 and ticket_id = $2 and user_id = $3"
OPENED = """
update tickets set opened_datetime = $3 where account_id = $1 and id = $2 and opened_datetime is null
"""

LIST = "select {sort}, t.id, " + projections.COMPACT_LIST + " from tickets t"


async def require(work: Work, ticket_id: int) -> None:
    """404 unless the ticket is there, 301 when it was merged."""
    row = await work.db.fetchrow(REQUIRE, work.account.id, ticket_id)
    there(row)


def there(row: Any) -> Any:
    """`row` when it is a living ticket; 404, 301."""
    if row is None:
        raise errors.NotFound
    if row["merged_into_id"] is not None:
        raise errors.Merged(row["merged_into_id"])
    return row


async def get(work: Work, ticket_id: int, *, with_fields: bool = False) -> str:
    """The ticket's full wire form as GET answers it, `with_fields` with the definitions of its values; 404, 301."""
    sql = projections.FULL_WITH_FIELDS if with_fields else projections.FULL
    row = await work.db.fetchrow(sql, work.account.id, work.actor.user_id, ticket_id)
    return projections.full(there(row))


async def get_changed(work: Work, ticket_id: int) -> str:
    """The full wire form as POST and PUT answer it."""
    row = await work.db.fetchrow(projections.FULL_CHANGED, work.account.id, work.actor.user_id, ticket_id)
    return projections.full(there(row))


async def lock(work: Work, ticket_id: int) -> dict[str, Any]:
    """The ticket's own columns, locked until the end of the transaction; 404, 301."""
    return state(there(await work.db.fetchrow(LOCK, work.account.id, ticket_id)))


def state(row: Any) -> dict[str, Any]:
    """The columns of `OWN` as rules and events speak of them."""
    found = dict(row)
    found["priority"] = WORDS[found["priority"]]
    found["meta"] = None if found["meta"] is None else msgspec.json.decode(found["meta"])
    return found


async def update(work: Work, ticket_id: int, given: Mapping[str, Any]) -> None:
    """Change a ticket; `given` holds columns by name, `customer` a reference, `is_unread` for the actor.

    404, 301, 400. A write that changes nothing leaves no event and no new `updated_datetime`.
    """
    given = dict(given)
    given |= await redaction.values(work, {"subject": given.get("subject")})
    old = await lock(work, ticket_id)
    await people.require_assignees(
        work, {key: given[key] for key in given if key.startswith("assignee_") and given[key] != old[key]}
    )
    if "customer" in given:
        given["customer_id"] = await references.find_or_create(work, given.pop("customer"))
    unread = given.pop("is_unread", None)
    new = {**old, **lifecycle.after(old, given, work.now)}
    await write(work, ticket_id, old, new)
    if unread is not None and work.actor.user_id is not None:
        await mark(work, ticket_id, unread=unread)


async def write(work: Work, ticket_id: int, old: Mapping[str, Any], new: dict[str, Any]) -> bool:
    """Store what differs between the locked `old` and `new`, with its events; whether anything did."""
    if not differs(old, new, work.now):
        return False
    stored = {**new, "priority": PRIORITIES[new["priority"]]}
    stored["meta"] = None if new["meta"] is None else wire.encode(new["meta"])
    await work.db.execute(UPDATE, work.account.id, ticket_id, *(stored[name] for name in MUTABLE))
    tell(work, ticket_id, old, new)
    return True


def differs(old: Mapping[str, Any], new: dict[str, Any], now: Any) -> bool:
    """Whether there is anything to store; then `new` has a new `updated_datetime`."""
    if all(new[name] == old[name] for name in MUTABLE):
        return False
    if new["updated_datetime"] == old["updated_datetime"]:
        new["updated_datetime"] = now
    return True


def tell(work: Work, ticket_id: int, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Record what turned `old` into `new`; that it changed at all is no change of its own."""
    ignored = {"updated_datetime": None}
    happenings.changed(work, ticket_id, {**old, **ignored}, {**new, **ignored})


async def mark(work: Work, ticket_id: int, *, unread: bool) -> None:
    """Read or unread for the acting user; nobody else sees a difference, and no event is written."""
    if unread:
        await work.db.execute(UNREAD, work.account.id, ticket_id, work.actor.user_id)
    else:
        await work.db.execute(READ, work.account.id, ticket_id, work.actor.user_id, work.now)
    # Only his own pages need to know: every ticket opened would else make all pages of the account fetch.
    work.ring("read", work.account.id, work.actor.user_id or 0, ticket_id)


async def opened(work: Work, ticket_id: int) -> None:
    """The acting user opened it in the workspace: read for him, and `opened_datetime` when he is the first."""
    await work.db.execute(OPENED, work.account.id, ticket_id, work.now)
    await mark(work, ticket_id, unread=False)


async def delete(work: Work, ticket_id: int) -> None:
    """Delete for good, with messages, tag links and the tickets merged into it; 404, 301."""
    await require(work, ticket_id)
    row = await work.db.fetchrow(DELETE, work.account.id, ticket_id)
    if row is None:
        raise errors.NotFound
    happenings.record(
        work, ticket_id, "ticket-deleted", {"subject": row["subject"], "customer_id": row["customer_id"]}
    )
