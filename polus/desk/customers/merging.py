"""Two customers who are one: the source's tickets, messages, addresses and data move to the target, and its id leads
there from then on.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk.customers import channels, customers
from polus.store.work import Work

SAME = "A customer cannot be merged into itself."
OVERLAP = "Both customers have data of the same integration, app or store."
# Filled from the source where the target has nothing.
TEXTS = ("name", "language", "timezone", "note", "external_id")
OBJECTS = ("meta", "data")
# By key; no key may be on both.
MAPS = ("integrations", "external_data", "ecommerce_data")

# In the order of ids, so that two merges of the same pair wait for each other instead of deadlocking.
LOCK = """
select id, merged_into_id from customers where account_id = $1 and id = any($2::bigint[]) and deleted_datetime is null
order by id for update
"""

READ = """
select id, external_id, email, name, language, timezone, note, meta, data, data_version, integrations, external_data,
  ecommerce_data, custom_fields
from customers where account_id = $1 and id = $2
"""

# What keeps unique things must be free before the target takes them.
EMPTY = """
update customers set merged_into_id = $2, active = false, external_id = null, email = null, name = null,
  language = null, timezone = null, note = null, meta = null, data = null, data_version = null, integrations = '{}',
  external_data = '{}', ecommerce_data = '{}', custom_fields = '{}', updated_datetime = $4
where account_id = $1 and (id = $3 or merged_into_id = $3)
"""

JOIN = """
update customers set integrations = $3, external_data = $4, ecommerce_data = $5, custom_fields = $6,
  data_version = $7, updated_datetime = $8
where account_id = $1 and id = $2
returning name
"""

MOVE_CHANNELS = """
update customer_channels ch set customer_id = $2, updated_datetime = $4,
  preferred = preferred and not exists (
    select from customer_channels o where o.account_id = $1 and o.customer_id = $2 and o.type = ch.type
      and o.preferred and o.deleted_datetime is null
  )
where account_id = $1 and customer_id = $3
"""

FORGET_WORDS = "delete from customer_words where account_id = $1 and customer_id = $2"

MOVE_TICKETS = """
update tickets set customer_id = $2 where account_id = $1 and customer_id = $3 and merged_into_id is null returning id
"""

MOVE_SENDERS = """
update messages set sender_id = $2 where account_id = $1 and sender_id = $3 and not from_agent
"""

MOVE_RECEIVERS = "update messages set receiver_id = $2 where account_id = $1 and receiver_id = $3"

MOVE_SURVEYS = "update satisfaction_surveys set customer_id = $2 where account_id = $1 and customer_id = $3"

MOVE_CALLS = "update voice_calls set customer_id = $2 where account_id = $1 and customer_id = $3"

MOVE_FACTS = "update app_facts set customer_id = $2 where account_id = $1 and customer_id = $3"


async def survivors(work: Work, source_id: int, target_id: int) -> tuple[int, int]:
    """The two, locked, or whom they were merged into; 404, 400 when they are the same."""
    rows = await work.db.fetch(LOCK, work.account.id, [source_id, target_id])
    living = {row["id"]: row["merged_into_id"] or row["id"] for row in rows}
    if source_id not in living or target_id not in living:
        raise errors.NotFound
    if source_id == target_id:
        raise errors.Invalid({"source_id": [SAME]}, "Invalid query parameters")
    return living[source_id], living[target_id]


async def merge(work: Work, source_id: int, target_id: int, given: Mapping[str, Any]) -> None:
    """Make the source part of the target; what is `given` wins over both. 400, 409.

    Both must be locked by `survivors` in this transaction.
    """
    source, target = await _read(work, source_id), await _read(work, target_id)
    _unlike(source, target)
    await work.db.execute(EMPTY, work.account.id, target_id, source_id, work.now)
    await work.db.execute(MOVE_CHANNELS, work.account.id, target_id, source_id, work.now)
    await customers.change(work, target, {**_filled(source, target), **given})
    await _join(work, source, target, given)
    await work.db.execute(FORGET_WORDS, work.account.id, source_id)
    await _move(work, source_id, target_id)
    work.record("customer-merged", "Customer", target_id, {"source_id": source_id, "target_id": target_id})


async def _read(work: Work, customer_id: int) -> dict[str, Any]:
    row = await work.db.fetchrow(READ, work.account.id, customer_id)
    maps = {key: msgspec.json.decode(row[key]) for key in (*MAPS, "custom_fields")}
    return {**customers.state(row), **maps}


def _unlike(source: Mapping[str, Any], target: Mapping[str, Any]) -> None:
    """409 when both have data of the same integration, app or store."""
    both = {key: sorted(source[key].keys() & target[key].keys()) for key in MAPS}
    data = {key: shared for key, shared in both.items() if shared}
    if data:
        raise errors.Conflict(data, OVERLAP)


def _filled(source: Mapping[str, Any], target: Mapping[str, Any]) -> dict[str, Any]:
    """What the target takes of the source's fields."""
    filled = {key: source[key] for key in TEXTS if not target[key] and source[key]}
    for key in OBJECTS:
        if isinstance(source[key], dict) and isinstance(target[key], dict):
            filled[key] = {**source[key], **target[key]}
        elif target[key] is None and source[key] is not None:
            filled[key] = source[key]
    return filled


async def _join(
    work: Work, source: Mapping[str, Any], target: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    versions = [row["data_version"] for row in (source, target) if row["data_version"]]
    name = await work.db.fetchval(
        JOIN,
        work.account.id,
        target["id"],
        *(wire.encode({**source[key], **target[key]}) for key in (*MAPS, "custom_fields")),
        work.now if "data" in given else max(versions, default=None),
        work.now,
    )
    await customers.index(work, target["id"], name, await channels.read(work, target["id"]))


async def _move(work: Work, source_id: int, target_id: int) -> None:
    # The tickets first: a message that is being added to one of them holds it, and is seen by what follows.
    tickets = await work.db.fetch(MOVE_TICKETS, work.account.id, target_id, source_id)
    for statement in (MOVE_SENDERS, MOVE_RECEIVERS, MOVE_SURVEYS, MOVE_CALLS, MOVE_FACTS):
        await work.db.execute(statement, work.account.id, target_id, source_id)
    for ticket in tickets:
        work.ring("ticket", work.account.id, ticket["id"])
