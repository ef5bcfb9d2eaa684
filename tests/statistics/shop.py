"""A shop whose figures were computed by hand: a table of tickets with all that happened to them at fixed times.

Times are UTC, in March 2026, as day-hour:minute; days of 20 and more are in February. The period is the week from Monday
2 March to Sunday 8 March in Berlin, which is an hour ahead: from 1-23:00 to 8-23:00.
"""

import datetime
import itertools
import json
from typing import Any

from tests.world import World

# c customer · l Leo, b Bea, x a bot (answers) · m Leo with the macro Sorry · n note · r message of a rule · i imported answer of Leo's
# =l assigned to Leo · =- to nobody · C:l closed by Leo, C by nobody · Z:l snoozed · O reopened · #late tagged ·
# ?Late a value of the field Reason
#
# number | channel | store | team | what happened | how it ended, where that is special
TICKETS = """
 1 | email | 7 | North | 2-09:00 c =l, 2-09:05 #late, 2-10:00 m, 2-10:30 ?Late, 2-12:00 C:l |
 2 | email |   |       | 2-09:30 c, 2-09:40 b, 2-10:00 c, 2-10:30 b, 2-11:00 C:b, 2-11:30 #late, 3-10:00 ?Late::Lost |
 3 | chat  |   | South | 2-14:00 c, 2-14:05 x, 2-14:06 C |
 4 | chat  | 7 | South | 3-08:00 c =x, 3-08:02 x, 3-08:10 =l, 3-08:30 l, 3-09:00 C:l |
 5 | email |   |       | 3-09:00 c, 3-09:10 n, 3-09:20 r, 3-09:50 C:b |
 6 | email |   | North | 3-10:00 c, 3-11:00 l, 3-12:00 C:l, 4-09:00 c O, 4-10:00 l, 4-10:30 ?None, 4-11:00 C:l |
 7 | email |   |       | 4-10:00 l, 4-12:00 c, 4-13:00 l, 4-14:00 C:l |
 8 | email |   |       | 4-10:00 c, 4-11:00 i, 4-12:00 l |
 9 | email |   |       | 5-09:00 c, 5-09:30 =b |
10 | chat  |   |       | 5-10:00 c, 5-10:01 l, 5-10:02 Z:l |
11 | email |   |       | 5-11:00 c, 5-12:00 C:l, 6-12:00 O |
12 | email |   |       | 5-12:00 c, 5-12:10 l #late, 5-13:00 C:l | spam
13 | email |   |       | 5-12:00 c, 5-12:10 l, 5-13:00 C:l | trashed
14 | email |   |       | 5-12:00 c, 5-12:10 l | merged
15 | phone |   | North | 27-10:00 c #late, 2-10:00 l, 2-10:30 C:l |
16 | email |   |       | 20-09:00 c, 20-10:00 l, 21-09:00 C:l, 6-09:00 c O, 6-09:30 b, 6-10:00 C:b |
17 | email |   |       | 8-22:30 c, 8-23:30 l |
18 | email |   |       | 1-22:59 c, 1-23:00 l |
19 | email |   |       | 8-22:59 c |
20 | chat  |   |       | 6-10:00 c, 6-10:01 x, 6-10:02 c, 6-10:04 x, 6-10:10 b, 6-10:20 C:x |
21 | email |   |       | 6-11:00 c, 6-11:30 l | came closed 6-12:00
22 | email |   |       | 7-09:00 c =l, 7-09:30 =b, 7-10:00 b, 7-11:00 C:l |
23 | email |   |       | 7-10:00 c, 7-10:30 C:l, 7-11:00 l |
24 | email |   |       | 7-12:00 c, 7-12:01 #late #lost, 7-12:30 c, 7-13:00 l |
"""
# ticket, sent, scored, score
SURVEYS = """
1 3-12:00 4-12:00 4 Fast and friendly, thank you
2 3-12:00 - -
6 5-12:00 5-13:00 2 It took two attempts, and a day
12 6-12:00 6-13:00 1
15 28-12:00 3-10:00 5 Great!
16 - 7-10:00 5
"""
# ticket, who had it in front of him, from, to
HANDLINGS = """
1 l 2-09:50 2-10:00
1 l 2-11:50 2-12:10
2 b 2-09:30 2-09:35
2 l 2-09:40 2-09:41
6 l 3-10:50 3-10:55
6 l 4-09:50 4-09:55
11 l 5-11:50 5-11:52
"""
PRESENCES = """
l 2-08:00 2-12:00
l 3-22:30 3-23:30
b 8-22:00 9-01:00
"""
# ticket, when the policy was attached, metric, what became of it
TARGETS = """
1 2-09:00 first-response achieved
1 2-09:00 resolution achieved
2 2-09:30 first-response achieved
2 2-09:30 resolution breached
3 2-14:00 first-response achieved
3 2-14:00 resolution running
12 5-12:00 resolution breached
"""
# direction, begin, how it ended, seconds, who answered, ticket; then what happened: seconds after the begin, what, who
CALLS = """
inbound 3-10:00 answered 320 l 15 | 2 phone-call-enqueued -, 5 phone-call-ringing l, 20 phone-call-answered l, 320 completed-phone-call -
inbound 3-11:00 missed 40 - - | 10 phone-call-ringing b, 30 missed-phone-call b, 40 completed-phone-call -
inbound 3-12:00 abandoned 20 - - |
inbound 4-12:00 cancelled 5 - - |
inbound 4-13:00 callback-requested 50 - - |
outbound 5-10:00 answered 110 l - | 4 phone-call-answered l, 10 outgoing-phone-call-connected l, 110 completed-phone-call -
inbound 5-11:00 answered 60 b - | 0 declined-phone-call l, 10 phone-call-answered b, 40 phone-call-transfer-initiated b, 60 completed-phone-call -
"""
# When Leo's page gave its last sign, and since when a caller waits.
LAST_SIGN, WAITS = "2-11:55", "9-10:00"
# What apps told: kind, its id, when, ticket; then what else. Store 7 is a shop.
APPS = """
interaction i1 2-14:20 3 | outcome automated, feature ai-agent, ai_agent_role support, intent order/status, resources a b
interaction i2 5-09:10 9 | outcome handover, feature ai-agent, ai_agent_role sales, ai_outcome Handover
interaction i3 6-09:00 - | outcome automated, feature flow, flow_id f1, channel email, store_integration_id 7
interaction i4 6-09:30 - | outcome dropped, feature flow, flow_id f1, channel chat, store_integration_id 7
interaction i5 7-08:00 10 | outcome automated, feature ai-agent, ai_agent_role sales, engagement_type cart
interaction i6 7-08:00 12 | outcome automated, feature ai-agent
interaction i7 20-10:00 16 | outcome automated, feature ai-agent, ai_agent_role support
recommendation r1 7-08:00 10 | interaction_id i5, product_id p1, times 2, attributed_revenue 30, currency EUR
recommendation r2 7-08:01 10 | interaction_id i5, product_id p2
discount d1 7-08:02 10 | code_offered A, code_used A, amount 5, currency EUR
discount d2 7-08:03 10 | code_offered B
order o1 8-08:00 10 | order_id 100, total_amount 50, currency EUR, product_ids p1
order o2 8-09:00 10 | order_id 100, total_amount 60, currency EUR, product_ids p1
order o3 8-10:00 - | order_id 101, total_amount 40, currency EUR, total_amount_usd 44, purchase_time 3600, channel chat
resource-use u1 2-14:04 3 | interaction_id i1, resource_type article, resource_source_id a, resource_version 1
resource-use u2 3-10:00 1 | interaction_id i9, resource_type article, resource_source_id c
qa-review q1 5-10:00 1 | resolution_completeness true, communication_skills 4, accuracy 5
qa-review q2 6-10:00 1 | resolution_completeness false, communication_skills 3, accuracy 4, scorer_user_id b
qa-review q3 4-10:00 2 | resolution_completeness true, communication_skills 5
"""
CLOSING = {"C": "ticket-closed", "Z": "ticket-snoozed", "O": "ticket-reopened"}

_calls = itertools.count(1)


def at(time: str) -> datetime.datetime | None:
    """`2-09:00`."""
    if time == "-":
        return None
    day, _, hour = time.partition("-")
    month = 2 if int(day) >= 20 else 3
    return datetime.datetime.fromisoformat(f"2026-{month:02}-{int(day):02}T{hour}:00+00:00")


def lines(table: str) -> list[list[str]]:
    return [line.split() for line in table.strip().splitlines()]


class Builder:
    """Writes the tables' rows as the verbs would have, at their times."""

    def __init__(self, world: World, bot: int, field: int, macro: int) -> None:
        self.world = world
        leo = world.leo.user_id
        self.people = {"l": leo, "b": world.bea.user_id, "x": bot, "i": leo, "m": leo}
        self.field, self.macro = field, macro
        self.tickets: dict[str, int] = {}
        self.tags: dict[str, int] = {}
        self.teams: dict[str, int] = {}

    async def one(self, sql: str, *given: Any) -> Any:
        return (await self.world.rows(sql, *given))[0][0]

    async def ticket(self, number: str, channel: str, store: str, team: str, story: str, end: str) -> None:
        steps = [(at(words[0]), words[1:]) for part in story.split(",") if (words := part.split())]
        came = at(end.split()[-1]) if end.startswith("came closed") else None
        self.tickets[number] = ticket = await self.one(
            TICKET, channel, int(store) if store else None, await self.team(team), steps[0][0],
            "closed" if came else "open", came, int(number),
        )  # fmt: skip
        for moment, codes in steps:
            for code in codes:
                await self.happen(ticket, channel, moment, code)
        if end in ENDS:
            kind, change = ENDS[end]
            await self.world.rows(change, ticket)
            if kind:
                await self.event(ticket, at("9-00:00"), kind)

    async def team(self, name: str) -> int | None:
        if name and name not in self.teams:
            self.teams[name] = await self.one(TEAM, name)
        return self.teams.get(name)

    async def happen(self, ticket: int, channel: str, moment: Any, code: str) -> None:
        rest = code[1:]
        if code[0] in "clbxnrim":
            await self.say(ticket, channel, moment, code)
        elif code[0] in CLOSING:
            await self.world.rows(STATE, ticket, "open" if code[0] == "O" else "closed", moment)
            await self.event(ticket, moment, CLOSING[code[0]], who=self.people.get(rest[1:]))
        elif code[0] == "=":
            who = self.people.get(rest)
            await self.world.rows(ASSIGN, ticket, who)
            await self.event(ticket, moment, "ticket-assigned", {"assignee_user_id": who})
        elif code[0] == "#":
            if rest not in self.tags:
                self.tags[rest] = await self.one(TAG, rest)
            await self.world.rows(LABEL, ticket, self.tags[rest])
            await self.event(
                ticket, moment, "ticket-tags-added", {"tags": [{"id": self.tags[rest], "name": rest}]}
            )
        else:
            await self.world.rows(VALUE, ticket, str(self.field), rest)
            await self.event(
                ticket, moment, "ticket-updated", {"custom_fields": {str(self.field): [None, rest]}}
            )

    async def say(self, ticket: int, channel: str, moment: Any, code: str) -> None:
        by_agent = code != "c"
        await self.world.rows(
            MESSAGE, ticket, code != "n", "internal-note" if code == "n" else channel,
            "rule" if code == "r" else "helpdesk", by_agent, self.people.get(code), code == "i", moment,
            json.dumps([{"id": self.macro}] if code == "m" else []),
        )  # fmt: skip

    async def event(
        self, ticket: int, moment: Any, kind: str, data: Any = None, who: int | None = None
    ) -> None:
        await self.world.rows(EVENT, kind, ticket, who, None if data is None else json.dumps(data), moment)

    async def surveys(self) -> None:
        for ticket, sent, scored, score, *words in lines(SURVEYS):
            value = None if score == "-" else int(score)
            text = " ".join(words) or None
            await self.world.rows(SURVEY, self.tickets[ticket], at(sent), at(scored), value, text)

    async def signals(self) -> None:
        for ticket, who, begin, end in lines(HANDLINGS):
            await self.world.rows(HANDLING, self.tickets[ticket], self.people[who], at(begin), at(end))
        for who, begin, end in lines(PRESENCES):
            await self.world.rows(PRESENCE, self.people[who], at(begin), at(end))
        await self.world.rows(SEEN, self.people["l"], at(LAST_SIGN))

    async def targets(self) -> None:
        for ticket, moment, metric, end in lines(TARGETS):
            done = {end: at("4-00:00")}
            await self.world.rows(
                TARGET, self.tickets[ticket], metric, at(moment), done.get("achieved"), done.get("breached")
            )

    async def calls(self) -> None:
        for line in CALLS.strip().splitlines():
            call, _, story = line.partition("|")
            direction, begin, end, seconds, who, ticket = call.split()
            began = at(begin)
            assert began is not None
            made = await self.one(
                CALL, str(next(_calls)), direction, began, int(seconds), end, self.people.get(who),
                self.tickets.get(ticket),
            )  # fmt: skip
            for after, kind, whose in (part.split() for part in story.split(",") if part.strip()):
                moment = began + datetime.timedelta(seconds=int(after))
                await self.world.rows(HAPPENING, kind, made, self.people.get(whose), moment)
        call = await self.one(CALL, str(next(_calls)), "inbound", at(WAITS), None, None, None, None)
        await self.world.rows(WAITING, call, at(WAITS))

    async def apps(self) -> None:
        await self.world.rows(SHOP)
        facts = []
        for line in APPS.strip().splitlines():
            head, _, rest = line.partition("|")
            kind, name, time, ticket = head.split()
            moment = at(time)
            assert moment is not None
            fact = {"kind": kind, "external_id": name, "datetime": moment.isoformat()}
            fact |= {} if ticket == "-" else {"ticket_id": self.tickets[ticket]}
            facts.append(fact | dict(self.told(part.split()) for part in rest.split(",")))
        answer = await self.world.bea.post("/api/_polus/reporting/facts", {"facts": facts})
        assert answer.status == 201, answer.raw

    def told(self, words: list[str]) -> tuple[str, Any]:
        name, *values = words
        if name == "resources":
            return name, [{"source_id": value} for value in values]
        if name == "product_ids":
            return name, values
        return name, self.people[values[0]] if name == "scorer_user_id" else values[0]


SHOP = """
insert into integrations (account_id, id, type, name, created_datetime, updated_datetime)
values ($1, 7, 'http', 'Shop', now(), now()) returning 1
"""
TICKET = """
insert into tickets (account_id, channel, via, customer_id, store_id, assignee_team_id, created_datetime, status,
  closed_datetime, unread_datetime, processed_datetime, updated_datetime)
values ($1, $2, 'api', $8, $3, $4, $5, $6, $7, $5, $5, $5) returning id
"""
TEAM = "insert into teams (account_id, name, created_datetime) values ($1, $2, now()) returning id"
TAG = "insert into tags (account_id, name, created_datetime) values ($1, $2, now()) returning id"
LABEL = "insert into ticket_tags values ($1, $2, $3) returning 1"
VALUE = """
update tickets set custom_fields = custom_fields || jsonb_build_object($3::text, jsonb_build_object('value', $4::text))
where account_id = $1 and id = $2 returning 1
"""
STATE = """
update tickets set status = $3, closed_datetime = case $3 when 'closed' then $4::timestamptz end
where account_id = $1 and id = $2 returning 1
"""
ASSIGN = "update tickets set assignee_user_id = $3 where account_id = $1 and id = $2 returning 1"
MESSAGE = """
insert into messages (account_id, ticket_id, public, channel, via, source, from_agent, sender_id, imported,
  created_datetime, processed_datetime, sent_datetime, macros)
values ($1, $2, $3, $4, $5, '{}', $6, $7, $8, $9, $9, $9, $10::jsonb) returning id
"""
EVENT = """
insert into events (account_id, context, type, object_type, object_id, ticket_id, user_id, data, created_datetime)
values ($1, gen_random_uuid(), $2, 'Ticket', $3, $3, $4, $5, $6) returning id
"""
SURVEY = """
insert into satisfaction_surveys (account_id, ticket_id, customer_id, sent_datetime, scored_datetime, score,
  body_text, created_datetime) values ($1, $2, 1, $3, $4, $5, $6, now()) returning id
"""
HANDLING = "insert into handlings values ($1, $2, $3, $4, $5) returning 1"
PRESENCE = "insert into presences values ($1, $2, $3, $4) returning 1"
SEEN = "insert into user_presence (account_id, user_id, seen_datetime) values ($1, $2, $3) returning 1"
WAITING = """
insert into voice_lines (account_id, call_id, integration_id, state, since, queued_datetime, heard_datetime)
values ($1, $2, 1, 'waiting', $3, $3, now()) returning 1
"""
TARGET = """
insert into ticket_slas (account_id, ticket_id, metric, policy_id, attached_datetime, target_seconds, within_hours,
  achieved_datetime, breached_datetime) values ($1, $2, $3, 31, $4, 60, false, $5, $6) returning 1
"""
CALL = """
insert into voice_calls (account_id, integration_id, external_id, provider, status, direction, created_datetime,
  started_datetime, duration, termination_status, last_answered_by_agent_id, ticket_id)
values ($1, 1, $2, 'twilio', 'completed', $3, $4, $4, $5, $6, $7, $8) returning id
"""
HAPPENING = """
insert into voice_call_events (account_id, type, call_id, user_id, created_datetime) values ($1, $2, $3, $4, $5)
returning id
"""
USER = """
insert into users (account_id, email, name, role, created_datetime, updated_datetime)
values ($1, 'bot', 'Bot', 'bot', now(), now()) returning id
"""
ENDS = {
    "spam": (
        "ticket-marked-spam",
        "update tickets set spam = true where account_id = $1 and id = $2 returning 1",
    ),
    "trashed": (
        "ticket-trashed",
        "update tickets set trashed_datetime = now() where account_id = $1 and id = $2 returning 1",
    ),
    "merged": ("", "update tickets set merged_into_id = 1 where account_id = $1 and id = $2 returning 1"),
}


async def build(world: World) -> Builder:
    """The shop of the tables."""
    definition = {"data_type": "text", "input_settings": {"input_type": "input"}}
    body = {"object_type": "Ticket", "label": "Reason", "definition": definition}
    field = (await world.leo.post("/api/custom-fields", body)).json["id"]
    macro = (await world.leo.post("/api/macros", {"name": "Sorry"})).json["id"]
    builder = Builder(world, (await world.rows(USER))[0][0], field, macro)
    for line in TICKETS.strip().splitlines():
        await builder.ticket(*(cell.strip() for cell in line.split("|")))
    await builder.surveys()
    await builder.signals()
    await builder.targets()
    await builder.calls()
    await builder.apps()
    return builder
