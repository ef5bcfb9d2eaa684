"""Rules tried on history: `/api/_polus/rules/dry-run`."""

import base64
import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from polus.api.fields import EventTypes, Id, When, Whole
from polus.api.operation import Call, NoQuery, operation
from polus.base import clock, errors, wire
from polus.desk.rules import trials
from polus.desk.rules.trials import Draft, Position
from polus.store.work import Work, frozen

TAG = "Rules"
MOST_DAYS = 90
MOST_RULES = 20


class RuleDraft(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A rule to be tried: a stored one by its `id`, with what is to be different, or one that is not stored by its `code`."""

    id: Id | UnsetType = UNSET
    name: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    event_types: EventTypes | UnsetType = UNSET
    priority: Whole | UnsetType = UNSET
    deactivated_datetime: When | None = None


class RuleDryRun(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What is tried on which stretch of history."""

    start_datetime: When
    end_datetime: When
    rules: Annotated[
        list[RuleDraft],
        Meta(
            max_length=MOST_RULES,
            description="Tried beside the active rules; none: those themselves are tried.",
        ),
    ] = []
    ticket_ids: Annotated[list[Id], Meta(max_length=100)] | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=1000, description="About how many rows.")] = 100
    cursor: str | None = None


class TriedAction(msgspec.Struct):
    """One action with its arguments filled."""

    name: str
    arguments: dict[str, Any]
    status: str
    reason: str | None


class TriedConflict(msgspec.Struct):
    """What another rule wanted otherwise: the `value` of a field, a `tag`, or to `reply` as well."""

    rule_id: int
    rule_name: str
    kind: str
    field: str
    ours: Any
    theirs: Any


class TriedRun(msgspec.Struct, kw_only=True):
    """One run: `actions` as they would be done, `live_actions` as they were. `status` `silent`: it would do nothing now.

    `rule_id` is 0 (-1, -2 …) for drafts without one.
    """

    ticket_id: int
    subject: str | None
    message_id: int | None
    event_id: int
    event_type: str
    datetime: When
    rule_id: int
    depth: int
    status: str
    steps: int
    actions: list[TriedAction]
    live_actions: list[TriedAction]
    changed: bool
    conflicts: list[TriedConflict]
    approximate: Annotated[
        list[str], Meta(description="Paths that it asked for and that were taken as they are today.")
    ]


class TriedMeta(msgspec.Struct):
    """How far the history was played. `truncated`: there is more, behind `next_cursor`."""

    next_cursor: str | None
    examined_chains: int
    examined_tickets: int
    matched_runs: int
    truncated: bool


class TriedRuns(msgspec.Struct):
    """Runs by the clock."""

    data: list[TriedRun]
    meta: TriedMeta


@operation(
    "POST",
    "/api/_polus/rules/dry-run",
    id="try-rules",
    scope="rules:read",
    role="agent",
    body=RuleDryRun,
    answer=TriedRuns,
    status=201,
    writes=False,
    tag=TAG,
)
async def dry_run(work: Work, call: Call[NoQuery, RuleDryRun]) -> bytes:
    """Try rules on history.

    Plays every recorded cause again with the active rules and the given ones, as it would run live, and changes nothing.
    At most 90 days; an answer covers what five seconds suffice for, `meta.next_cursor` leads on.
    """
    body = call.body
    start, end = body.start_datetime, body.end_datetime
    if end <= start or end - start > datetime.timedelta(days=MOST_DAYS):
        raise errors.one("end_datetime", "Must be after start_datetime, by at most 90 days.")
    position = _position(body.cursor) if body.cursor else None
    only = None if body.ticket_ids is UNSET else body.ticket_ids
    async with frozen(work):
        given = await trials.cast(work, [_draft(one) for one in body.rules])
        part = await trials.some(
            work, given, start, end, position=position, ticket_ids=only, limit=body.limit
        )
    return wire.encode(wire.told(answer(given, part))).encode()


def answer(given: trials.Cast, part: trials.Part) -> dict[str, Any]:
    """What is told of a part of history."""
    rows = []
    for row in part.rows:
        conflicts = [
            {**msgspec.structs.asdict(one), "rule_name": given.names.get(one.rule_id, "")}
            for one in row.conflicts
        ]
        rows.append({**msgspec.structs.asdict(row), "conflicts": conflicts})
    return {
        "data": rows,
        "meta": {
            "next_cursor": _cursor(part.position),
            "examined_chains": part.chains,
            "examined_tickets": len(part.tickets),
            "matched_runs": len(rows),
            "truncated": part.position is not None,
        },
    }


def _draft(given: RuleDraft) -> Draft:
    found = wire.given(given)
    types = found.pop("event_types", None)
    deactivated = found.pop("deactivated_datetime", None) is not None
    return Draft(event_types=types.split(",") if types else None, deactivated=deactivated, **found)


def _cursor(position: Position | None) -> str | None:
    if position is None:
        return None
    return base64.urlsafe_b64encode(f"{clock.text(position[0])} {position[1]}".encode()).decode()


def _position(cursor: str) -> Position:
    try:
        moment, _, id_ = base64.urlsafe_b64decode(cursor.encode()).decode().partition(" ")
        return clock.parse(moment), int(id_)
    except ValueError:
        raise errors.one("cursor", "Not a cursor of this list.") from None
