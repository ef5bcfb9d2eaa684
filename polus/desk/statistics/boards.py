"""The numbers of the workspace's pages of statistics: figures with the period before, lines by day, tables by group.

A page asks for a board by name and shows it; every number is one that reporting would answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from polus.base import errors
from polus.desk.statistics import asked as asking
from polus.desk.statistics import families, legacy, reports, scopes, sources
from polus.desk.statistics.asked import Asked
from polus.desk.statistics.conditions import Filter
from polus.desk.statistics.reports import Query
from polus.desk.statistics.sources import Behind, Part
from polus.store.work import Work

Figures = Mapping[str, Any]
MOST_ROWS = 100


def N_(text: str) -> str:
    """Marks a text for the catalogue; it is translated where it is shown."""
    return text


class Number(NamedTuple):
    """What is measured. `type`: number, duration, percent, score."""

    title: str
    scope: str
    measure: str
    type: str = "number"


class Line(NamedTuple):
    """Numbers by day (by week or month when the period is long)."""

    title: str
    numbers: tuple[Number, ...]


class Table(NamedTuple):
    """Numbers by group, the largest of the first one first. `by` is a dimension of all their scopes."""

    title: str
    by: str
    head: str
    numbers: tuple[Number, ...]


class Board(NamedTuple):
    """A page."""

    title: str
    about: str
    icon: str
    numbers: tuple[Number, ...] = ()
    lines: tuple[Line, ...] = ()
    tables: tuple[Table, ...] = ()


CREATED = Number(N_("Tickets created"), "tickets-created", "ticketCount")
CLOSED = Number(N_("Tickets closed"), "tickets-closed", "ticketCount")
OPEN = Number(N_("Open tickets"), "tickets-open", "ticketCount")
REPLIED = Number(N_("Tickets replied"), "tickets-replied", "ticketCount")
SENT = Number(N_("Messages sent"), "messages-sent", "messagesCount")
RECEIVED = Number(N_("Messages received"), "messages-received", "messagesCount")
FIRST = Number(N_("First response"), "first-response-time", "medianFirstResponseTime", "duration")
RESPONSE = Number(N_("Response time"), "response-time", "medianResponseTime", "duration")
RESOLUTION = Number(N_("Resolution time"), "resolution-time", "medianResolutionTime", "duration")
ONE_TOUCH = Number(N_("One-touch tickets"), "one-touch-tickets", "ticketCount")
HANDLE = Number(N_("Handle time"), "ticket-handle-time", "averageHandleTime", "duration")
ONLINE = Number(N_("Online time"), "online-time", "onlineTime", "duration")
RATING = Number(N_("Average rating"), "satisfaction-surveys", "averageSurveyScore", "score")
CONTENT = Number(N_("Satisfied"), "satisfaction-surveys", "satisfactionScore", "percent")
SURVEYS = Number(N_("Surveys sent"), "satisfaction-surveys", "sentSurveysCount")
SCORED = Number(N_("Ratings"), "satisfaction-surveys", "scoredSurveysCount")
ANSWERED = Number(N_("Response rate"), "satisfaction-surveys", "responseRate", "percent")
KEPT = Number(N_("Targets met"), "ticket-sla", "slaAchievementRate", "percent")
PROMISED = Number(N_("Tickets with targets"), "ticket-sla", "ticketCount")
TAGGED = Number(N_("Tickets"), "tags", "ticketCount")
VALUED = Number(N_("Tickets"), "ticket-fields", "ticketCount")
CALLS = Number(N_("Calls"), "voice-calls", "voiceCallsCount")
INBOUND = Number(N_("Inbound calls"), "voice-calls", "inboundCallsCount")
OUTBOUND = Number(N_("Outbound calls"), "voice-calls", "outboundCallsCount")
TAKEN = Number(N_("Answered"), "voice-calls", "inboundAnsweredCallsCount")
MISSED = Number(N_("Missed"), "voice-calls", "inboundMissedCallsCount")
ABANDONED = Number(N_("Abandoned"), "voice-calls", "inboundAbandonedCallsCount")
TALK = Number(N_("Talk time"), "voice-calls", "averageTalkTimeInSeconds", "duration")
RATE = Number(N_("Automation rate"), "overall-automation-rate", "automationRate", "percent")
AUTOMATED = Number(N_("Automated"), "overall-automated-interactions", "automatedInteractionsCount")
HANDED = Number(N_("Passed on"), "handover-interactions", "handoverInteractionsCount")
COVERAGE = Number(N_("Covered by AI agents"), "ai-agent-coverage-rate", "coverageRate", "percent")
SAVED = Number(N_("Time saved"), "overall-time-saved-by-agent", "averageTimeSavedByAgent", "duration")
WAIT = Number(N_("Waiting time"), "voice-calls", "averageWaitTimeInSeconds", "duration")

AGENT, CHANNEL = N_("Agent"), N_("Channel")
BOARDS: dict[str, Board] = {
    "overview": Board(
        N_("Overview"), N_("What came in, what went out, and how long it took."), "gauge",
        (CREATED, CLOSED, OPEN, REPLIED, RECEIVED, SENT, FIRST, RESOLUTION, ONE_TOUCH, RATING),
        (Line(N_("Tickets created and closed"), (CREATED, CLOSED)), Line(N_("Messages"), (RECEIVED, SENT))),
        (Table(N_("By channel"), "channel", CHANNEL, (CREATED, CLOSED, FIRST)),),
    ),
    "agents": Board(
        N_("Agents"), N_("Who did what, and how fast."), "users",
        (CLOSED, REPLIED, SENT, FIRST, RESPONSE, HANDLE),
        (Line(N_("Messages sent"), (SENT,)),),
        (Table(N_("By agent"), "agentId", AGENT, (CLOSED, REPLIED, SENT, FIRST, RESPONSE, RESOLUTION, HANDLE, ONLINE, RATING)),),
    ),
    "channels": Board(
        N_("Channels"), N_("Where customers write."), "message-circle", (CREATED, RECEIVED, SENT),
        (Line(N_("Tickets created"), (CREATED,)),),
        (Table(N_("By channel"), "channel", CHANNEL, (CREATED, CLOSED, RECEIVED, SENT, FIRST, RESOLUTION, RATING)),),
    ),
    "tags": Board(
        N_("Tags"), N_("What tickets are about, by when a tag was put on."), "tag", (TAGGED,),
        (Line(N_("Tickets tagged"), (TAGGED,)),), (Table(N_("By tag"), "tagId", N_("Tag"), (TAGGED,)),),
    ),
    "fields": Board(
        N_("Ticket fields"), N_("The values of one field, by when they were set."), "clipboard-list", (VALUED,),
        (Line(N_("Tickets"), (VALUED,)),), (Table(N_("By value"), "customFieldValue", N_("Value"), (VALUED,)),),
    ),
    "satisfaction": Board(
        N_("Satisfaction"), N_("What customers say when they are asked."), "smile",
        (RATING, CONTENT, SCORED, SURVEYS, ANSWERED), (Line(N_("Average rating"), (RATING,)),),
        (
            Table(N_("By score"), "surveyScore", N_("Score"), (SCORED,)),
            Table(N_("By agent"), "agentId", AGENT, (SCORED, RATING, CONTENT, ANSWERED)),
        ),
    ),
    "sla": Board(
        N_("Service levels"), N_("Whether what was promised was kept."), "timer", (KEPT, PROMISED),
        (Line(N_("Targets met"), (KEPT,)),),
        (
            Table(N_("By state"), "status", N_("State"), (PROMISED,)),
            Table(N_("By channel"), "channel", CHANNEL, (PROMISED, KEPT)),
        ),
    ),
    "automation": Board(
        N_("Automation"), N_("What automation, rules and macros did for agents."), "zap",
        (RATE, AUTOMATED, HANDED, COVERAGE, SAVED, CLOSED, ONE_TOUCH),
        (Line(N_("Automated and passed on"), (AUTOMATED, HANDED)),),
        (Table(N_("By feature"), "automationFeatureType", N_("Feature"), (AUTOMATED, SAVED)),),
    ),
    "voice": Board(
        N_("Voice"), N_("Calls, and how they ended."), "phone",
        (CALLS, INBOUND, OUTBOUND, TAKEN, MISSED, ABANDONED, TALK, WAIT),
        (Line(N_("Calls"), (INBOUND, OUTBOUND)),),
        (Table(N_("By agent"), "agentId", AGENT, (CALLS, TAKEN, OUTBOUND, TALK)),),
    ),
}  # fmt: skip


def texts() -> Iterator[str]:
    """All that pages say of boards, for the catalogue."""
    for board in BOARDS.values():
        yield from (board.title, board.about)
        yield from (number.title for number in board.numbers)
        for line in board.lines:
            yield line.title
            yield from (number.title for number in line.numbers)
        for table in board.tables:
            yield from (table.title, table.head)
            yield from (number.title for number in table.numbers)


@dataclass(frozen=True, slots=True)
class Shown:
    """A number of the period, and by how many percent it has grown since the period before."""

    number: Number
    value: Any
    before: Any
    delta: float | None


def kept(scope: str, filters: Sequence[Filter]) -> tuple[Filter, ...]:
    """The filters that a scope knows: calls know no stores, presence knows agents only."""
    known = scopes.table()[scope]
    return tuple(
        one
        for one in filters
        if one.member in known.members
        or (one.member == "storeId" and "storeIntegrationId" in known.members)
        or (one.member == "tags" and known.tags)
        or (one.member == "customFields" and known.custom_fields)
    )


def narrowed(asked: Asked, scope: str) -> Asked:
    """What is asked, with the filters that the scope knows."""
    return replace(asked, filters=kept(scope, asked.filters))


async def figures(work: Work, asked: Asked, numbers: Sequence[Number]) -> list[Shown]:
    """The numbers of the period and of the one before: a statement for each scope and period."""
    now = await values(work, asked, numbers)
    before = await values(work, asked.before, numbers)
    return [compared(number, now[number], before[number]) for number in numbers]


def compared(number: Number, now: Any, before: Any) -> Shown:
    return Shown(number, now, before, legacy.delta(now, before))


async def values(work: Work, asked: Asked, numbers: Sequence[Number]) -> dict[Number, Any]:
    """The numbers of a period."""
    found: dict[Number, Any] = {}
    together: dict[str, list[tuple[Number, Query]]] = {}
    for number in numbers:
        asks = query(asked, number, "")
        family = families.of(asks)
        if family is not None:
            together.setdefault(family, []).append((number, asks))
    for members in together.values():
        told = await families.values(work, [asks for _, asks in members])
        found |= {number: value for (number, _), value in zip(members, told, strict=True)}
    alone = [number for number in numbers if number not in found]
    for scope in dict.fromkeys(number.scope for number in alone):
        of_scope = [number for number in alone if number.scope == scope]
        (row,) = await asking.rows(work, narrowed(asked, scope), scope, *(one.measure for one in of_scope))
        found |= {number: row[number.measure] for number in of_scope}
    return found


async def line(work: Work, asked: Asked, wanted: Line, step: str) -> tuple[list[str], list[list[Any]]]:
    """The begins of the buckets, and each number's value in them."""
    begins: list[str] = []
    values = []
    for number in wanted.numbers:
        found = await reports.rows(work, query(asked, number, step))
        begins = [row[_time(number.scope)] for row in found]
        values.append([row[number.measure] for row in found])
    return begins, values


def query(asked: Asked, number: Number, step: str) -> Query:
    """What a number asks of reporting."""
    return asking.query(narrowed(asked, number.scope), number.scope, number.measure, step=step)


def _time(scope: str) -> str:
    return asking.placing(scopes.table()[scope])


Groups = dict[Any, dict[Number, Any]]


async def table(work: Work, asked: Asked, wanted: Table) -> list[tuple[Any, list[Any]]]:
    """(group, numbers), the largest first; the groups of any number are there."""
    return listed(wanted, await groups(work, asked, wanted.by, wanted.numbers))


async def groups(work: Work, asked: Asked, by: str, numbers: Sequence[Number]) -> Groups:
    """The numbers of each group."""
    found: Groups = {}
    for scope in dict.fromkeys(number.scope for number in numbers):
        of_scope = [number for number in numbers if number.scope == scope]
        measures = [number.measure for number in of_scope]
        for row in await asking.rows(work, narrowed(asked, scope), scope, *measures, by=[by]):
            found.setdefault(row[by], {}).update({one: row[one.measure] for one in of_scope})
    return found


def listed(wanted: Table, groups: Groups) -> list[tuple[Any, list[Any]]]:
    """The rows of a table."""
    rows = [(group, [values.get(number) for number in wanted.numbers]) for group, values in groups.items()]
    return sorted(rows, key=lambda row: (-(row[1][0] or 0), row[0] is None, str(row[0])))[:MOST_ROWS]


async def behind(
    work: Work,
    asked: Asked,
    scope: str,
    measure: str,
    most: int,
    part: Part = sources.WHOLE,
    step: str = "day",
) -> Behind:
    """The tickets behind a number, or a part of it, with each one's share of it; 404 for a number that there is not."""
    known = scopes.table().get(scope)
    if known is None or measure not in known.measures or not known.facts:
        raise errors.NotFound
    asks = asking.query(narrowed(asked, scope), scope, measure, step=step)
    return await sources.behind(work, asks, most, part)
