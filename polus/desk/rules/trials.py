"""Rules tried on history: which tickets they would have touched, what they would have done, with whom they disagree.

Each recorded cause is played again as one chain, by the code that runs rules live (`chains`), on a copy of the ticket
as it was then (`histories`, `rehearsals`). Most tickets are only screened: read as far as the rules ask. Nothing is
changed: the caller's transaction (`store.work.looking`) refuses writes.
"""

import datetime
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from polus.base import errors
from polus.desk.rules import active, codes, conflicts, histories, needs, sights
from polus.desk.rules.active import Active
from polus.desk.rules.causes import Phase
from polus.desk.rules.chains import Chain
from polus.desk.rules.conflicts import Conflict
from polus.desk.rules.histories import Cause, Faces, Json
from polus.desk.rules.rehearsals import Acted, Ran, Rehearsal
from polus.desk.rules.rules import HIGHEST
from polus.desk.rules.sights import State
from polus.lang import run
from polus.lang.sight import Exhausted, Meter, Sight
from polus.store.work import Work

SECONDS = 5.0  # for one answer
LAST = 2**63 - 1
EVENTS = 1_500  # that call rules, read at a time
MOST_DAYS = 90
# What a draft without an id goes by.
DRAFT = 0

STORED = """
select id, name, code, string_to_array(event_types, ',') as event_types, priority from rules
where account_id = $1 and id = any($2::bigint[])
"""

Position = tuple[datetime.datetime, int]


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A rule to be tried: `id` of a stored one, which the other fields change; or `code` of one that is not stored."""

    id: int | None = None
    name: str | None = None
    code: str | None = None
    event_types: Sequence[str] | None = None
    priority: int | None = None
    deactivated: bool = False


class Cast(msgspec.Struct, frozen=True):
    """The rules of a trial in their order, and the ids of those that are tried."""

    rules: list[Active]
    tried: frozenset[int]
    names: Mapping[int, str]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a tried rule. `status` `silent`: it did something then and would do nothing now."""

    ticket_id: int
    subject: str | None
    message_id: int | None
    event_id: int
    event_type: str
    datetime: datetime.datetime
    rule_id: int
    depth: int
    status: str
    steps: int
    actions: list[Json]
    live_actions: list[Json]
    changed: bool
    conflicts: list[Conflict]
    approximate: list[str]


class Part(msgspec.Struct):
    """What a stretch of history came to. `position`: where to go on; None at the end."""

    rows: list[Row]
    chains: int
    tickets: set[int]
    position: Position | None


async def cast(work: Work, drafts: Sequence[Draft]) -> Cast:
    """The active rules with the drafts put in; without drafts all of them are tried. 400 on `rules`."""
    rules = {rule.id: rule for rule in await active.rules(work)}
    tried: list[int] = []
    for place, draft in enumerate(drafts):
        try:
            rule = await _drafted(work, draft, DRAFT - place, list(rules.values()))
        except errors.Invalid as invalid:
            raise errors.Invalid({"rules": {str(place): invalid.data}}) from None
        rules.pop(rule.id, None)
        if not draft.deactivated:
            rules[rule.id] = rule
        tried.append(rule.id)
    ordered = sorted(rules.values(), key=lambda rule: (-rule.priority, rule.id < 1, abs(rule.id)))
    return Cast(ordered, frozenset(tried or rules), {rule.id: rule.name for rule in ordered})


async def _drafted(work: Work, draft: Draft, nameless: int, others: Sequence[Active]) -> Active:
    stored = None
    if draft.id is not None:
        stored = next(iter(await work.db.fetch(STORED, work.account.id, [draft.id])), None)
        if stored is None:
            raise errors.one("id", errors.MISSING_OBJECT)
    code = draft.code if draft.code is not None else stored and stored["code"]
    triggers = draft.event_types if draft.event_types is not None else stored and stored["event_types"]
    if not code:
        raise errors.one("code", errors.REQUIRED)
    if not triggers:
        raise errors.one("event_types", errors.REQUIRED)
    await codes.check(work, code, active=True)
    meaning = active.meaning(code, await active.known(work, [code]))
    assert meaning is not None, "it was checked"
    priority = draft.priority if draft.priority is not None else stored and stored["priority"]
    if priority is None:
        priority = min(max((rule.priority for rule in others), default=0) + 1, HIGHEST)
    name = draft.name or (stored["name"] if stored else "draft")
    id_ = nameless if draft.id is None else draft.id
    return Active(id_, meaning, frozenset(triggers), name, priority)


async def play(
    work: Work,
    given: Cast,
    start: datetime.datetime,
    end: datetime.datetime,
    *,
    position: Position | None = None,
    ticket_ids: Sequence[int] | None = None,
) -> AsyncIterator[Part]:
    """The history from `start` to `end`, by the clock, one part after the other."""
    trial = _Trial(work, given, await histories.faces(work))
    while True:
        page = await histories.page(work, start, end, position, EVENTS, ticket_ids)
        part = await trial.part(page)
        yield part
        position = page.position
        if position is None:
            return


async def some(
    work: Work,
    given: Cast,
    start: datetime.datetime,
    end: datetime.datetime,
    *,
    position: Position | None = None,
    ticket_ids: Sequence[int] | None = None,
    limit: int,
    seconds: float = SECONDS,
) -> Part:
    """About `limit` rows, or what some seconds suffice for; what belongs to one moment is never parted."""
    whole, begun = Part([], 0, set(), position), time.monotonic()
    async for part in play(work, given, start, end, position=position, ticket_ids=ticket_ids):
        whole.chains += part.chains
        whole.tickets |= part.tickets
        whole.rows += part.rows
        whole.position = part.position
        if len(whole.rows) >= limit or time.monotonic() - begun > seconds:
            break
    kept = _moment_after(whole.rows, limit)
    if kept < len(whole.rows):
        del whole.rows[kept:]
        whole.position = (whole.rows[-1].datetime, LAST)
    return whole


def _moment_after(rows: Sequence[Row], limit: int) -> int:
    """How many rows are kept, so that the last one's moment is whole."""
    kept = min(limit, len(rows))
    while 0 < kept < len(rows) and rows[kept].datetime == rows[kept - 1].datetime:
        kept += 1
    return kept


class _Trial:
    """One cast on many tickets."""

    def __init__(self, work: Work, given: Cast, known: Faces) -> None:
        self._work, self._cast, self._known = work, given, known
        self._screen = needs.statement(given.rules)
        self._approximate = {rule.id: needs.approximate(rule) for rule in given.rules}
        # By trigger, in order.
        self._called = {
            trigger: [rule for rule in given.rules if trigger in rule.triggers]
            for trigger in {trigger for rule in given.rules for trigger in rule.triggers}
        }
        self._hours: State | None = None

    async def part(self, page: histories.Page) -> Part:
        """What the rules make of a page of causes."""
        ids = list({cause.ticket_id for cause in page.causes})
        if not ids:
            return Part([], 0, set(), page.position)
        tickets = await self._screened(ids)
        hits = [
            cause
            for cause in page.causes
            if cause.ticket_id in tickets
            and (await self._acts(cause, tickets[cause.ticket_id], page) or cause.live)
        ]
        states = await sights.states(self._work, list({cause.ticket_id for cause in hits})) if hits else {}
        rows: list[Row] = []
        for cause in hits:
            if cause.ticket_id in states:
                events = page.later[cause.ticket_id]
                rows += await self._rows(cause, states[cause.ticket_id], events)
        return Part(rows, len(page.causes), set(ids), page.position)

    async def _screened(self, ticket_ids: Sequence[int]) -> dict[int, Json]:
        rows = await self._work.db.fetch(self._screen, self._work.account.id, ticket_ids)
        return {row["id"]: msgspec.json.decode(row["wire"]) for row in rows}

    async def _acts(self, cause: Cause, ticket: Json, page: histories.Page) -> bool:
        """Whether any rule reaches an action: only then anything can follow."""
        called = [phase for phase in histories.phases(cause, ticket) if phase.trigger in self._called]
        if not called:
            return False
        past = histories.rebuild(ticket, page.later[cause.ticket_id], cause, self._known)
        sights_of: dict[int | None, Sight] = {}
        for phase in called:
            for rule in self._called[phase.trigger]:
                sight = sights_of.get(phase.message_id)
                if sight is None:
                    sight = sights_of[phase.message_id] = await self._sight(past, phase, cause)
                sight.meter = Meter()
                try:
                    if next(run.reached(rule.code, sight), None) is not None:
                        return True
                except Exhausted:
                    return True
        return False

    async def _sight(self, ticket: Json, phase: Phase, cause: Cause) -> Sight:
        if self._hours is None:
            # The same of all tickets; any one tells.
            found = await sights.states(self._work, [cause.ticket_id])
            self._hours = next(iter(found.values()))
        state = State(ticket, self._hours.hours, self._hours.zone, self._hours.bot_id)
        return Sight(ticket, state.message(phase.message_id), now=cause.now, hours=state.hours)

    async def _rows(self, cause: Cause, state: State, events: Sequence[Any]) -> list[Row]:
        """The runs of the tried rules in this chain."""
        past = histories.rebuild(state.ticket, events, cause, self._known)
        stage = Rehearsal(self._work, msgspec.structs.replace(state, ticket=past), cause, self._known)
        await Chain(stage, self._cast.rules).play(histories.phases(cause, past))
        acted: dict[int, list[Acted]] = {}
        for ran in stage.runs:
            acted.setdefault(ran.rule_id, []).extend(ran.acted)
        rows = [
            self._row(cause, past, ran, conflicts.of(ran.rule_id, acted))
            for ran in stage.runs
            if ran.rule_id in self._cast.tried
        ]
        return rows + [
            self._silent(cause, past, rule_id, message_id)
            for rule_id, message_id in _silent(cause, stage.runs)
            if rule_id in self._cast.tried
        ]

    def _row(self, cause: Cause, ticket: Json, ran: Ran, found: list[Conflict]) -> Row:
        message_id = ran.data["message_id"]
        then = _live(cause, ran.rule_id, message_id)
        now = [_said(msgspec.structs.asdict(one)) for one in ran.acted]
        return Row(
            ticket_id=cause.ticket_id,
            subject=ticket["subject"],
            message_id=message_id if message_id is None or message_id > 0 else None,
            event_id=cause.first,
            event_type=ran.data["event_type"],
            datetime=cause.at,
            rule_id=ran.rule_id,
            depth=ran.data["depth"],
            status=ran.data["status"],
            steps=ran.data["steps"],
            actions=now,
            live_actions=then,
            changed=now != then,
            conflicts=found,
            approximate=self._approximate[ran.rule_id],
        )

    def _silent(self, cause: Cause, ticket: Json, rule_id: int, message_id: int | None) -> Row:
        return Row(
            ticket_id=cause.ticket_id,
            subject=ticket["subject"],
            message_id=message_id,
            event_id=cause.first,
            event_type=cause.happened[0].type,
            datetime=cause.at,
            rule_id=rule_id,
            depth=0,
            status="silent",
            steps=0,
            actions=[],
            live_actions=_live(cause, rule_id, message_id),
            changed=True,
            conflicts=[],
            approximate=self._approximate.get(rule_id, []),
        )


def _said(action: Mapping[str, Any]) -> Json:
    """An action as both a trial and the events tell it; long texts as events cut them."""
    arguments = {
        key: value[:1_000] if isinstance(value, str) else value for key, value in action["arguments"].items()
    }
    return {
        "name": action["name"],
        "arguments": arguments,
        "status": action["status"],
        "reason": action["reason"],
    }


def _live(cause: Cause, rule_id: int, message_id: int | None) -> list[Json]:
    return [_said(one) for one in cause.live if one["rule_id"] == rule_id and one["message_id"] == message_id]


def _silent(cause: Cause, runs: Sequence[Ran]) -> list[tuple[int, int | None]]:
    """(rule, message) of runs that did something then and would do nothing now."""
    now = {(ran.rule_id, ran.data["message_id"]) for ran in runs}
    then = dict.fromkeys((one["rule_id"], one["message_id"]) for one in cause.live)
    return [key for key in then if key not in now]
