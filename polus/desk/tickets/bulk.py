"""Many tickets changed or deleted at once: the same rules, rows and events as one by one, by a few statements for all.

The pure parts (lifecycle, labels, field values, happenings) are those of single changes; a test holds both together.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors, wire
from polus.desk import field_values
from polus.desk.field_values import Wanted
from polus.desk.tickets import happenings, labels, lifecycle, people, tickets, values
from polus.store.work import Work

GONE = "Does not exist."
MERGED = "Is part of another ticket."

# In the order of ids, so that two who do this at once wait for each other instead of locking each other out.
LOCK = (
    "select id, custom_fields, "
    + tickets.OWN
    + " from tickets where account_id = $1 and id = any($2::bigint[]) order by id for update"
)
COLUMNS = (
    "id bigint, external_id text, status text, priority smallint, channel text, via text, from_agent boolean,"
    " spam boolean, customer_id bigint, assignee_user_id bigint, assignee_team_id bigint, language text,"
    " subject text, meta jsonb, opened_datetime timestamptz, last_received_message_datetime timestamptz,"
    " last_message_datetime timestamptz, updated_datetime timestamptz, closed_datetime timestamptz,"
    " trashed_datetime timestamptz, snooze_datetime timestamptz, custom_fields jsonb"
)
UPDATE = (
    "update tickets t set "
    + ", ".join(name + " = g." + name for name in (*tickets.MUTABLE, "custom_fields"))
    + " from json_to_recordset($2::json) as g ("
    + COLUMNS
    + ") where t.account_id = $1 and t.id = g.id"
)
LABELS = """
select l.ticket_id, g.id, g.name from ticket_tags l join tags g on g.account_id = l.account_id and g.id = l.tag_id
where l.account_id = $1 and l.ticket_id = any($2::bigint[]) order by g.name
"""
PUT_ON = """
insert into ticket_tags (account_id, ticket_id, tag_id)
select $1, ticket_id, tag_id from unnest($2::bigint[], $3::bigint[]) as g (ticket_id, tag_id) on conflict do nothing
"""
TAKE_OFF = """
delete from ticket_tags where account_id = $1
  and (ticket_id, tag_id) in (select * from unnest($2::bigint[], $3::bigint[]))
"""
READ = """
insert into ticket_reads (account_id, ticket_id, user_id, read_datetime)
select $1, id, $3, greatest(unread_datetime, $4) from tickets where account_id = $1 and id = any($2::bigint[])
on conflict (account_id, ticket_id, user_id) do update set read_datetime = excluded.read_datetime
"""
UNREAD = "delete from ticket_reads where account_id = $1 and ticket_id = any($2::bigint[]) and user_id = $3"
DELETE = """
with gone as (
  delete from tickets where account_id = $1 and (id = any($2::bigint[]) or merged_into_id = any($2::bigint[]))
  returning id, subject, customer_id
)
select id, subject, customer_id from gone where id = any($2::bigint[]) order by id
"""


class Change(msgspec.Struct, kw_only=True, frozen=True):
    """What is to be changed, in this order: columns by name (as for `tickets.update`), whether the actor has read it,
    the whole set of tags, tags more and fewer, all values of custom fields, or (`fill`) those that are empty."""

    columns: Mapping[str, Any]
    is_unread: bool | None = None
    tag_ids: Sequence[int] = ()
    tag_names: Sequence[str] | None = None
    add_tags: Sequence[str] = ()
    remove_tags: Sequence[str] = ()
    fields: Sequence[Wanted] | None = None
    fill: Sequence[Wanted] = ()


class _Steps(msgspec.Struct):
    """What a change means, once everything it names was looked up."""

    change: Change
    nobody: dict[str, Any]
    exactly: dict[str, int]
    more: dict[str, int]
    fields: dict[int, Any]


class _Ticket:
    """One ticket on its way: as it was, as it will be, and what is to be told of it."""

    def __init__(self, ticket_id: int, row: Any, labelled: dict[str, int]) -> None:
        columns = dict(row)
        fields = msgspec.json.decode(columns.pop("custom_fields"))
        self.id = ticket_id
        self.old = {**tickets.state(columns), "custom_fields": fields}
        self.new = dict(self.old)
        self.was_labelled = labelled
        self.labels = dict(labelled)
        self.told: list[Callable[[], object]] = []

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.told) or self.new != self.old


async def update(work: Work, ticket_ids: Sequence[int], change: Change) -> dict[int, str]:
    """Change tickets; of each that could not be changed, why. 400 when the change itself is impossible."""
    rows = {row["id"]: row for row in await work.db.fetch(LOCK, work.account.id, list(ticket_ids))}
    failed = _missing(ticket_ids, rows)
    living = [ticket_id for ticket_id in ticket_ids if ticket_id not in failed]
    steps = await _steps(work, change, [rows[ticket_id] for ticket_id in living])
    labelled = await _labelled(work, living, change)
    done: list[_Ticket] = []
    for ticket_id in living:
        # The change of each ticket begins a chain of causes of its own.
        work.context = uuid.uuid4()
        ticket = _Ticket(ticket_id, rows[ticket_id], labelled.get(ticket_id, {}))
        try:
            _apply(work, ticket, steps)
        except errors.Refusal as refusal:
            failed[ticket_id] = said(refusal)
            continue
        for tell in ticket.told:
            tell()
        done.append(ticket)
    await _write(work, [ticket for ticket in done if ticket.changed])
    await _mark(work, [ticket.id for ticket in done], change.is_unread)
    return failed


async def delete(work: Work, ticket_ids: Sequence[int]) -> dict[int, str]:
    """Delete tickets for good, with all that is theirs; of each that could not be deleted, why."""
    rows = {row["id"]: row for row in await work.db.fetch(LOCK, work.account.id, list(ticket_ids))}
    failed = _missing(ticket_ids, rows)
    living = [ticket_id for ticket_id in ticket_ids if ticket_id not in failed]
    for row in await work.db.fetch(DELETE, work.account.id, living):
        work.context = uuid.uuid4()
        data = {"subject": row["subject"], "customer_id": row["customer_id"]}
        happenings.record(work, row["id"], "ticket-deleted", data)
    return failed


def said(refusal: errors.Refusal) -> str:
    """A refusal as one sentence: its own, or the first message of its fields, with their path."""
    path: list[str] = []
    data: Any = refusal.data
    while isinstance(data, Mapping) and data:
        key = next(iter(data))
        path.append(str(key))
        data = data[key]
    message = str(data[0]) if isinstance(data, list) and data else refusal.msg
    return ": ".join([".".join(path), message]) if path and not refusal.msg else message


def _missing(ticket_ids: Sequence[int], rows: Mapping[int, Any]) -> dict[int, str]:
    failed = {ticket_id: GONE for ticket_id in ticket_ids if ticket_id not in rows}
    return failed | {key: MERGED for key, row in rows.items() if row["merged_into_id"] is not None}


async def _steps(work: Work, change: Change, rows: Sequence[Any]) -> _Steps:
    """Look up, once for all tickets, whom and what the change names; 400 for tags and fields that cannot be."""
    assignees = {key: value for key, value in change.columns.items() if key.startswith("assignee_")}
    nobody: dict[str, Any] = {}
    try:
        await people.require_assignees(work, assignees)
    except errors.Invalid as invalid:
        nobody = {key + "_id": message for key, message in (invalid.data or {}).items()}
    exactly = await labels.find(work, change.tag_ids, change.tag_names or ())
    more = await labels.find(work, (), change.add_tags)
    ids = {item.id for item in (*(change.fields or ()), *change.fill)}
    if change.fields is not None:
        ids |= {int(key) for row in rows for key in msgspec.json.decode(row["custom_fields"])}
    fields = await field_values.fields_of(work, "Ticket", list(ids)) if ids else {}
    return _Steps(change, nobody, exactly, more, fields)


async def _labelled(work: Work, ticket_ids: Sequence[int], change: Change) -> dict[int, dict[str, int]]:
    """The tags that tickets have, by name; nothing is read when the change is about none."""
    found: dict[int, dict[str, int]] = {}
    if change.tag_names is not None or change.add_tags or change.remove_tags:
        for row in await work.db.fetch(LABELS, work.account.id, ticket_ids):
            found.setdefault(row["ticket_id"], {})[row["name"]] = row["id"]
    return found


def _apply(work: Work, ticket: _Ticket, steps: _Steps) -> None:
    """All steps of the change on one ticket, in memory; raises what the single change would."""
    change = steps.change
    _change_columns(work, ticket, steps)
    if change.tag_names is not None:
        _relabel(work, ticket, *labels.differing(ticket.labels, steps.exactly, keep=False))
    if change.add_tags:
        _relabel(work, ticket, *labels.differing(ticket.labels, steps.more, keep=True))
    if change.remove_tags:
        off = {name: tag for name, tag in ticket.labels.items() if name in change.remove_tags}
        _relabel(work, ticket, {}, off)
    if change.fields is not None:
        _change_fields(work, ticket, steps, change.fields, replace=True)
    elif change.fill:
        empty = [item for item in change.fill if _is_empty(ticket, item.id)]
        _change_fields(work, ticket, steps, empty, replace=False)


def _change_columns(work: Work, ticket: _Ticket, steps: _Steps) -> None:
    given, old = steps.change.columns, ticket.old
    wrong = {
        key.removesuffix("_id"): message for key, message in steps.nobody.items() if given[key] != old[key]
    }
    if wrong:
        raise errors.Invalid(wrong)
    new = {**old, **lifecycle.after(old, given, work.now)}
    if tickets.differs(old, new, work.now):
        ticket.new = new
        # As it is now: what tags and fields do to it later is told by themselves.
        told = dict(new)
        ticket.told.append(lambda: tickets.tell(work, ticket.id, old, told))


def _relabel(work: Work, ticket: _Ticket, new: Mapping[str, int], off: Mapping[str, int]) -> None:
    if not new and not off:
        return
    kept = {name: tag for name, tag in ticket.labels.items() if name not in off}
    ticket.labels = dict(sorted({**kept, **new}.items()))
    ticket.new["updated_datetime"] = work.now
    ticket.told.append(lambda: labels.tell(work, ticket.id, new, off))


def _is_empty(ticket: _Ticket, field_id: int) -> bool:
    return ticket.old["custom_fields"].get(str(field_id), {}).get("value") in (None, "")


def _change_fields(
    work: Work, ticket: _Ticket, steps: _Steps, wanted: Sequence[Wanted], *, replace: bool
) -> None:
    old = ticket.old["custom_fields"]
    try:
        new = field_values.applied(steps.fields, old, wanted, replace=replace)
    except errors.Invalid as invalid:
        raise errors.Invalid({"custom_fields": invalid.data}) from None
    found = field_values.differences(old, new)
    if found:
        ticket.new |= {"custom_fields": new, "updated_datetime": work.now}
        ticket.told.append(lambda: values.tell(work, ticket.id, {"custom_fields": found}))


async def _write(work: Work, changed: Sequence[_Ticket]) -> None:
    if not changed:
        return
    rows = [
        {"id": ticket.id, "custom_fields": ticket.new["custom_fields"]}
        | {name: ticket.new[name] for name in tickets.MUTABLE}
        | {"priority": tickets.PRIORITIES[ticket.new["priority"]]}
        for ticket in changed
    ]
    await work.db.execute(UPDATE, work.account.id, wire.encode(rows))
    for statement, links in ((TAKE_OFF, _links(changed, off=True)), (PUT_ON, _links(changed, off=False))):
        if links:
            await work.db.execute(statement, work.account.id, *zip(*links, strict=True))


def _links(changed: Sequence[_Ticket], *, off: bool) -> list[tuple[int, int]]:
    """(ticket, tag) of what is to go, or of what is to come."""
    pairs = []
    for ticket in changed:
        before, after = set(ticket.was_labelled.values()), set(ticket.labels.values())
        pairs += [(ticket.id, tag) for tag in sorted(before - after if off else after - before)]
    return pairs


async def _mark(work: Work, ticket_ids: Sequence[int], is_unread: bool | None) -> None:
    user_id = work.actor.user_id
    if is_unread is None or user_id is None or not ticket_ids:
        return
    if is_unread:
        await work.db.execute(UNREAD, work.account.id, ticket_ids, user_id)
    else:
        await work.db.execute(READ, work.account.id, ticket_ids, user_id, work.now)
    for ticket_id in ticket_ids:
        work.ring("read", work.account.id, user_id, ticket_id)
