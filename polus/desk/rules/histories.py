"""What happened to tickets, read back from events: the causes that called rules, and the ticket as it was at each.

Rebuilt from before-values: status, subject, priority, spam, customer, assignees, trash, snooze, closing, tags, ticket
fields, and which messages there were. Everything else is as it is today.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from polus.base import clock
from polus.desk.rules import causes
from polus.desk.rules.causes import Happened, Phase
from polus.desk.tickets import drafts
from polus.store.work import Work

Json = dict[str, Any]

# A page of what calls rules, by the clock; in a transaction all has one moment, so no page may end within one.
PAGE = """
select id, ticket_id, created_datetime from events
where account_id = $1 and created_datetime >= $2 and created_datetime < $3 and (created_datetime, id) > ($4, $5)
  and type = any($6::text[]) and ticket_id is not null and (data is null or not data ? 'rule_id')
  and ($8::bigint[] is null or ticket_id = any($8))
order by created_datetime, id limit $7
"""
REST = """
select id, ticket_id, created_datetime from events
where account_id = $1 and created_datetime = $2 and id > $3 and type = any($4::text[]) and ticket_id is not null
  and (data is null or not data ? 'rule_id') and ($5::bigint[] is null or ticket_id = any($5))
order by id
"""
# All that happened to these tickets from there on until today.
LATER = """
select id, ticket_id, type, object_id, context, created_datetime, cause_id, data::text as data,
  coalesce(data ? 'rule_id', false) as by_rule
from events where account_id = $1 and ticket_id = any($2::bigint[]) and id >= $3 and type = any($4::text[])
order by ticket_id, id
"""
TAGGED, UNTAGGED, EXECUTED = "ticket-tags-added", "ticket-tags-removed", "action-executed"
TYPES = [*causes.ON, TAGGED, UNTAGGED, EXECUTED]

PEOPLE = """
select u.id, json_build_object('id', u.id, 'email', u.email, 'name', u.name, 'firstname', firstname(u.name),
  'lastname', lastname(u.name), 'meta', u.meta, 'bio', u.bio)::text as wire from users u where u.account_id = $1
"""
TEAMS = """
select g.id, json_build_object('id', g.id, 'name', g.name, 'decoration', g.decoration)::text as wire
from teams g where g.account_id = $1
"""


class Cause(msgspec.Struct):
    """One thing from outside that called rules. `first`: its first event; `happened`: all of them; `at`: when.

    `cut`: the ticket is wanted as it was before the event of this id. `now`: when its rules ran. `written`: the messages
    that rules then wrote, `live`: the actions that they then did, in order, as events tell them.
    """

    first: int
    ticket_id: int
    at: datetime.datetime
    happened: list[Happened]
    cut: int
    now: datetime.datetime
    written: list[int]
    live: list[Json]


class Page(msgspec.Struct):
    """Causes by the clock, the later events of each ticket, and where the next page begins; None after the last."""

    causes: list[Cause]
    later: dict[int, list[Any]]
    position: tuple[datetime.datetime, int] | None


class Faces(msgspec.Struct, frozen=True):
    """The users and teams of the account, as tickets show them. `tags`: the ids of names that were looked up already."""

    users: Mapping[int, Json]
    teams: Mapping[int, Json]
    tags: dict[str, int | None] = msgspec.field(default_factory=dict)


async def faces(work: Work) -> Faces:
    """Everybody, deleted ones included."""
    people, teams = [
        {row["id"]: msgspec.json.decode(row["wire"]) for row in await work.db.fetch(sql, work.account.id)}
        for sql in (PEOPLE, TEAMS)
    ]
    return Faces(people, teams)


async def page(
    work: Work,
    start: datetime.datetime,
    end: datetime.datetime,
    position: tuple[datetime.datetime, int] | None,
    most: int,
    ticket_ids: Sequence[int] | None,
) -> Page:
    """About `most` events that called rules from `start` on, before `end`, behind `position`."""
    account, kinds, only = work.account.id, list(causes.ON), None if ticket_ids is None else list(ticket_ids)
    at, after = position or (start, 0)
    rows = await work.db.fetch(PAGE, account, start, end, at, after, kinds, most, only)
    if not rows:
        return Page([], {}, None)
    last = None
    if len(rows) == most:
        rows += await work.db.fetch(REST, account, rows[-1]["created_datetime"], rows[-1]["id"], kinds, only)
        last = (rows[-1]["created_datetime"], rows[-1]["id"])
    ids = {row["id"] for row in rows}
    found = await work.db.fetch(LATER, account, list({row["ticket_id"] for row in rows}), min(ids), TYPES)
    later: dict[int, list[Any]] = {}
    for row in found:
        later.setdefault(row["ticket_id"], []).append(row)
    told = [cause for events in later.values() for cause in _causes(events, ids)]
    return Page(sorted(told, key=lambda cause: (cause.at, cause.first)), later, last)


def _causes(events: Sequence[Any], ids: set[int]) -> list[Cause]:
    """The causes among a ticket's events whose first event is one of `ids`."""
    groups: dict[Any, list[Any]] = {}
    followed: dict[int, list[Any]] = {}
    for event in events:
        if event["by_rule"] and event["cause_id"] is not None:
            followed.setdefault(event["cause_id"], []).append(event)
        elif event["type"] in causes.ON:
            groups.setdefault((event["context"], event["created_datetime"]), []).append(event)
    return [
        _cause(group, followed.get(group[0]["id"], ())) for group in groups.values() if group[0]["id"] in ids
    ]


def _cause(group: Sequence[Any], chain: Sequence[Any]) -> Cause:
    first = group[0]
    return Cause(
        first=first["id"],
        ticket_id=first["ticket_id"],
        at=first["created_datetime"],
        # Of the others it is enough that they happened.
        happened=[
            Happened(one["type"], one["object_id"], _data(one) if one["type"] == "ticket-updated" else None)
            for one in group
        ],
        cut=chain[0]["id"] if chain else group[-1]["id"] + 1,
        now=chain[0]["created_datetime"] if chain else first["created_datetime"],
        written=[one["object_id"] for one in chain if one["type"] == "ticket-message-created"],
        live=[_data(one) for one in chain if one["type"] == EXECUTED],
    )


def _data(event: Any) -> Any:
    return None if event["data"] is None else msgspec.json.decode(event["data"])


def phases(cause: Cause, ticket: Json) -> list[Phase]:
    """The triggers that the cause called, as it was done live; `ticket` may be that of today."""
    imported = [message["id"] for message in ticket["messages"] if message["imported"]]
    return causes.phases(cause.happened, imported, ticket_imported=bool(ticket["imported"]))


class _Past:
    """What is taken back from a ticket."""

    def __init__(self, ticket: Json) -> None:
        self.values: Json = {}
        self.fields: dict[str, Any] = {}
        self.tags: dict[str, Json] | None = None
        self.unwritten: set[int] = set()
        self._ticket = ticket

    def undo(self, event: Any) -> None:
        """Take back one event, the newest first."""
        kind = event["type"]
        if kind == "ticket-message-created":
            self.unwritten.add(event["object_id"])
        elif kind in (TAGGED, UNTAGGED):
            self._labels(_data(event)["tags"], off=kind == TAGGED)
        elif kind == "ticket-updated" and event["data"] is not None:
            self._columns(_data(event))

    def _labels(self, tags: Sequence[Json], *, off: bool) -> None:
        if self.tags is None:
            self.tags = {tag["name"]: tag for tag in self._ticket.get("tags") or ()}
        for tag in tags:
            if off:
                self.tags.pop(tag["name"], None)
            else:
                self.tags[tag["name"]] = {**tag, "decoration": {}}

    def _columns(self, data: Json) -> None:
        for name, change in data.items():
            if name == "custom_fields":
                self.fields |= {key: pair[0] for key, pair in change.items()}
            elif isinstance(change, list):
                self.values[name] = change[0]


def rebuild(ticket: Json, events: Sequence[Any], cause: Cause, known: Faces) -> Json:
    """The ticket as it was when the rules of `cause` were about to run; `ticket` and its parts stay as they are."""
    past = _Past(ticket)
    for event in reversed(events):
        if event["id"] < cause.cut:
            break
        past.undo(event)
    was = {**ticket, **past.values}
    if past.tags is not None:
        was["tags"] = [past.tags[name] for name in sorted(past.tags)]
    if past.fields:
        was["custom_fields"] = _fields(ticket.get("custom_fields") or {}, past.fields)
    dress(was, known)
    if past.values.get("customer_id") not in (None, ticket["customer"]["id"]):
        was["customer"] = {"id": past.values["customer_id"]}
    _messages(was, past.unwritten)
    _moments(was, cause)
    return was


def _fields(now: Mapping[str, Any], past: Mapping[str, Any]) -> Json:
    found = {**now, **{key: {"id": int(key), "value": value} for key, value in past.items()}}
    return {key: field for key, field in found.items() if field["value"] is not None}


def dress(was: Json, known: Faces) -> None:
    """Show the assignees that are named by id."""
    user, team = was["assignee_user_id"], was["assignee_team_id"]
    was["assignee_user"] = None if user is None else known.users.get(user, {"id": user})
    was["assignee_team"] = None if team is None else known.teams.get(team, {"id": team})


def _messages(was: Json, unwritten: set[int]) -> None:
    """The messages of that time, and what the ticket repeats of them."""
    if unwritten:
        was["messages"] = [message for message in was["messages"] if message["id"] not in unwritten]
        heard = [one for one in was["messages"] if one["channel"] != drafts.NOTE]
        was["last_message_datetime"] = max((one["created_datetime"] for one in heard), default=None)
        received = [one["created_datetime"] for one in heard if not one["from_agent"]]
        was["last_received_message_datetime"] = max(received, default=None)


def _moments(was: Json, cause: Cause) -> None:
    """What had not happened yet."""
    now = clock.text(cause.now)
    was["updated_datetime"] = clock.text(cause.at)
    # Moments of one zone can be compared as they are written.
    if (was.get("opened_datetime") or "") > now:
        was["opened_datetime"] = None
    survey = was.get("satisfaction_survey")
    if survey is not None:
        was["satisfaction_survey"] = _survey(survey, now)


def _survey(survey: Json, now: str) -> Json | None:
    def after(name: str) -> bool:
        return (survey.get(name) or "") > now

    if after("created_datetime"):
        return None
    if after("scored_datetime"):
        return {**survey, "score": None, "body_text": None, "scored_datetime": None}
    return survey
