"""Changing tickets at once and one by one gives the same rows and the same events."""

import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from polus.base import errors
from polus.desk.field_values import Wanted
from polus.desk.jobs import changes_of_tickets
from polus.desk.tickets import bulk, labels, tickets
from polus.desk.tickets import values as ticket_values
from polus.store.work import NO_CAUSE, Actor, Work, writing
from tests import make
from tests.world import World

NOW = datetime.datetime(2030, 5, 1, 12, tzinfo=datetime.UTC)
TAGS = ("a", "b", "c", "d")
TICKETS = """
select external_id, status, priority, channel, via, from_agent, spam, customer_id, assignee_user_id, assignee_team_id,
  language, subject, meta, custom_fields, opened_datetime, last_message_datetime, updated_datetime, closed_datetime,
  trashed_datetime, snooze_datetime,
  (select array_agg(g.name order by g.name) from ticket_tags l join tags g on g.id = l.tag_id
    where l.ticket_id = t.id) as tags,
  exists (select from ticket_reads r where r.ticket_id = t.id and r.read_datetime >= t.unread_datetime) as read
from tickets t where account_id = $1 order by id
"""
EVENTS = """
select type, object_type, object_id, data, ticket_id, user_id
from events where account_id = $1 and type <> 'tag-created' order by object_id, id
"""


def updates(field: int, person: int) -> Any:
    """What an updateTicket job may be asked for."""
    names = some.lists(some.sampled_from(TAGS), max_size=3, unique=True)
    moments = some.sampled_from([None, "2031-01-01T00:00:00+00:00", "2020-01-01T00:00:00+00:00"])
    choices: dict[str, Any] = {
        "status": some.sampled_from(["open", "closed"]),
        "priority": some.sampled_from(["low", "high"]),
        "spam": some.booleans(),
        "is_unread": some.booleans(),
        "subject": some.sampled_from([None, "Parcel", "x" * 998]),
        "meta": some.sampled_from([None, {"a": [1]}]),
        "language": some.sampled_from([None, "fr"]),
        "assignee_user": some.sampled_from([None, {"id": person}, {"id": 10**12}]),
        "snooze_datetime": moments,
        "closed_datetime": moments,
        "trashed_datetime": moments,
        "updated_datetime": moments,
        "tags": names.map(lambda found: [{"name": name} for name in found]),
        "add_tags": names,
        "remove_tags": names,
        "custom_fields": some.sampled_from([[], [{"id": field, "value": "x"}], [{"id": field, "value": 7}]]),
    }
    return some.fixed_dictionaries({}, optional=choices)


async def one_by_one(work: Work, ids: list[int], change: bulk.Change) -> dict[int, str]:
    """The same as `bulk.update`, by the verbs of single tickets."""
    failed = {}
    for ticket_id in ids:
        try:
            async with work.attempt():
                await _one(work, ticket_id, change)
        except errors.Refusal as refusal:
            failed[ticket_id] = bulk.said(refusal)
    return failed


async def _one(work: Work, ticket_id: int, change: bulk.Change) -> None:
    unread = {} if change.is_unread is None else {"is_unread": change.is_unread}
    await tickets.update(work, ticket_id, {**change.columns, **unread})
    if change.tag_names is not None:
        await labels.replace(work, ticket_id, change.tag_ids, change.tag_names)
    if change.add_tags:
        await labels.add(work, ticket_id, [], change.add_tags)
    if change.remove_tags:
        await labels.remove(work, ticket_id, [], change.remove_tags)
    if change.fields is not None:
        fields = [Wanted(item.id, item.value, item.place) for item in change.fields]
        try:
            await ticket_values.OWNER.write(work, ticket_id, fields, replace=True)
        except errors.Invalid as invalid:
            raise errors.Invalid({"custom_fields": invalid.data}) from None


async def outcome(world: World, way: Any, ids: list[int], change: bulk.Change) -> Any:
    """What one way answers, stores and tells; nothing of it stays."""
    actor = Actor("user", world.leo.user_id, "agent")
    async with world.database.pool.acquire() as db:
        undone = db.transaction()
        await undone.start()
        work = Work(world.database, db, world.account, actor, NO_CAUSE)
        work.now = NOW
        failed = await way(work, ids, change)
        await work.flush()
        rows = [tuple(row) for row in await db.fetch(TICKETS, world.account.id)]
        events = [tuple(row) for row in await db.fetch(EVENTS, world.account.id)]
        await undone.rollback()
    return failed, rows, events


@pytest.fixture
async def desk(world: World) -> tuple[int, list[int]]:
    """A field and tickets in several states."""
    definition = {"data_type": "text", "input_settings": {"input_type": "input"}}
    body = {"object_type": "Ticket", "label": "L", "definition": definition}
    field: int = (await world.ada.post("/api/custom-fields", body)).json["id"]
    for name in TAGS:
        await world.leo.post("/api/tags", {"name": name})
    ids = [
        (await make.ticket(world))["id"],
        (await make.ticket(world, tags=[{"name": "a"}, {"name": "b"}], status="closed"))["id"],
        (await make.ticket(world, spam=True, custom_fields=[{"id": field, "value": "y"}]))["id"],
        (await make.ticket(world, imported=True, assignee_user={"id": world.bea.user_id}))["id"],
    ]
    await world.lia.put(f"/api/tickets/{ids[0]}", {"snooze_datetime": "2031-02-01"})
    await world.rows("delete from events where account_id = $1 returning 1")
    return field, ids


@pytest.mark.thorough
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=some.data())
async def test_at_once_is_as_one_by_one(
    world: World, desk: tuple[int, list[int]], data: some.DataObject
) -> None:
    field, ids = desk
    change = changes_of_tickets.change(data.draw(updates(field, world.leo.user_id)))
    assert await outcome(world, bulk.update, ids, change) == await outcome(world, one_by_one, ids, change)


async def test_the_events_of_each_ticket_are_a_chain_of_their_own(world: World) -> None:
    ids = [(await make.ticket(world))["id"] for _ in range(2)]
    async with writing(world.database, world.account, Actor("user", world.leo.user_id, "agent")) as work:
        await bulk.update(work, ids, bulk.Change(columns={"status": "closed"}))
    rows = await world.rows(
        "select object_id, context from events where account_id = $1 and type in ('ticket-updated', 'ticket-closed')"
    )
    assert len(rows) == 4
    assert len({(row["object_id"], row["context"]) for row in rows}) == 2
