"""Why a ticket looks as it does: every change that nobody made by hand, with the rule that made it and what it answered."""

import datetime
from collections.abc import Iterator
from typing import Any

import msgspec

from polus.desk.tickets import tickets
from polus.store.work import Work

# What rules and the helpdesk itself did, the newest first, and the event that it was an answer to. What customers do has
# no cause, and what agents do has a user.
EVENTS = """
select e.id, e.type, e.object_id, e.data::text as data, e.created_datetime, (e.data->>'rule_id')::bigint as rule_id,
  r.name as rule, c.type as trigger
from events e
left join rules r on r.account_id = e.account_id and r.id = (e.data->>'rule_id')::bigint
left join events c on c.account_id = e.account_id and c.id = e.cause_id
where e.account_id = $1 and e.ticket_id = $2 and e.user_id is null and e.cause_id is not null
  and e.type = any($3::text[])
order by e.id desc limit $4
"""
MOST = 200
TYPES = (
    "ticket-updated",
    "ticket-tags-added",
    "ticket-tags-removed",
    "ticket-message-created",
    "ticket-excluded-from-csat",
    "ticket-excluded-from-auto-merge",
    "ticket-merged",
)


class Why(msgspec.Struct, frozen=True):
    """One change. `field`: a field of the ticket (`custom_fields.12`), `tags`, `message` (its id is `new`), or what the
    ticket was kept out of. `rule_id`: None when a setting of the helpdesk did it; `rule`: its name, None when it is
    deleted. `trigger`: the kind of event that it answers.
    """

    event_id: int
    datetime: datetime.datetime
    field: str
    old: Any
    new: Any
    rule_id: int | None
    rule: str | None
    trigger: str | None


async def changes(work: Work, ticket_id: int) -> list[Why]:
    """The newest changes first, at most 200 events' worth; 404, 301."""
    await tickets.require(work, ticket_id)
    rows = await work.db.fetch(EVENTS, work.account.id, ticket_id, list(TYPES), MOST)
    return [
        Why(row["id"], row["created_datetime"], field, old, new, row["rule_id"], row["rule"], row["trigger"])
        for row in rows
        for field, old, new in _parts(row)
    ]


def _parts(row: Any) -> Iterator[tuple[str, Any, Any]]:
    """(field, old, new) of one event."""
    data = msgspec.json.decode(row["data"] or "{}")
    kind = row["type"]
    if kind == "ticket-updated":
        yield from _fields(data)
    elif kind in ("ticket-tags-added", "ticket-tags-removed"):
        names = [tag["name"] for tag in data["tags"]]
        yield ("tags", None, names) if kind.endswith("added") else ("tags", names, None)
    elif kind == "ticket-message-created":
        yield "message", None, row["object_id"]
    else:
        yield kind.removeprefix("ticket-"), None, None


def _fields(data: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for field, change in data.items():
        if field == "custom_fields":
            for id_, (old, new) in change.items():
                yield f"custom_fields.{id_}", old, new
        elif isinstance(change, list) and len(change) == 2:
            yield field, change[0], change[1]
        elif change is True:
            yield field, None, None
