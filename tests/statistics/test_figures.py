"""Every figure of every scope whose source Polus has, over the shop that was computed by hand."""

import collections
import datetime
import random
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from polus.desk.statistics import boards, families, queries, readings, reports, scopes, sources
from polus.desk.statistics.asked import Asked
from polus.desk.statistics.conditions import Filter
from polus.desk.statistics.reports import Zone
from polus.store.work import SYSTEM, reading
from tests.statistics import shop
from tests.world import World

pytestmark = pytest.mark.thorough

PERIOD = [{"member": "periodStart", "operator": "inDateRange", "values": ["2026-03-02", "2026-03-09"]}]

# What is asked: scope, then dimension if any; and what is answered: the measures in the scope's order.
FIGURES: dict[str, list[Any]] = {
    "tickets-created": [18],
    "tickets-closed": [14],
    "tickets-open": [7],
    "tickets-replied": [16],
    "one-touch-tickets": [6],
    "zero-touch-tickets": [2],
    # 4, 2, 5 and 5; of three that were sent, two came back
    "satisfaction-surveys": [4, 4, 75, 66.67, 3],
    # 120 360 1200 1800 3000 3600 3600 | 5400 7200 7200 10800 90000 261000 1213200
    "resolution-time": [4500, 114891.43],
    "messages-sent": [23],
    # 60 60 60 120 300 600 1800 | 3600 3600 3600 3600 3600 7200 259200
    "first-response-time": [2700, 20528.57],
    # 60 60 600 600 1200 1800 | 3600 | 3600 3600 3600 3600 7200 259200
    "human-first-response-time": [3600, 22209.23],
    # 60 60 60 120 120 300 600 1800 1800 | 1800 3600 (7 times) 259200
    "response-time": [1800],
    # 37 messages of 14 tickets
    "messages-per-ticket": [2.64],
    # 1200 and 360 and 600 seconds of three tickets
    "ticket-handle-time": [720, 2160],
    "online-time": [21600],
    "tags": [3],
    "ticket-fields": [3],
    "messages-received": [23],
    "workload-tickets": [7],
    # talked 300, 100, 50; waited 18, 30, 20, 5, 50, 10
    "voice-calls": [7, 150, 22.17, 6, 1, 2, 4, 1, 1, 1, 1, None, 0, 0],
    "voice-agent-events": [5],
    # one kept, one broken, one undecided
    "ticket-sla": [3, 50],
    # Leo's and Bea's newest reviews: 3 and 5
    "auto-qa": [50, 4, None, 4, None, None, None, 2],
    # of ticket 1 only somebody told what he thinks of it
    "knowledge-insights": [4, 2, 2],
    # order 100 as it was told last, 25 hours after they talked; and 101
    "ai-sales-agent-orders-performance": [2, 100, 44, 50, 50, 46800, 46800],
    "ai-sales-agent-discounts": [2, 1, 5, 5, 50],
    "ai-sales-agent-activity": [15, 2, 3],
    # i1 i3 i5, of these and i2, the hand-over of 4, and 13 tickets that humans answered
    "overall-automation-rate": [16.67],
    "ai-agent-automated-interactions": [2],
    "overall-automated-interactions": [3],
    "handover-interactions": [2],
    "ai-sales-agent-buy-through-rate": [100, 50],
    # i5, of i2 and i5
    "ai-sales-agent-conversion-rate": [50],
    # 3 4 9 10 of 18
    "ai-agent-coverage-rate": [22.22],
    "ai-agent-success-rate": [50, 4],
    # i3 saved what ticket 1 took, of the same channel and shop
    "overall-time-saved-by-agent": [1200, 1200],
    "ai-agent-time-saved": [0, 0],
    "ai-agent-ticket-fields": [4],
    # of tickets 3 and 10: 360 120; of humans': 1200 3600 3600 5400 7200 7200 10800 90000 261000 1213200
    "overall-decrease-in-resolution-time": [160080, 6960],
    "ai-agent-decrease-in-resolution-time": [160080, 6960],
    "flow-dataset": [1, 0],
    # of ticket 16, in which it took part in February
    "ai-agent-csat": [5, 5],
    # 300 60; 60 600 1800 3600 (5 times) 7200 259200
    "overall-decrease-in-first-response-time": [28506, 3420],
    "ai-agent-decrease-in-first-response-time": [28506, 3420],
    "voice-calls-summary": [6, 1, 2, 1, 1, 1, 4, 1, 150, 22.17, None, 0, 0],
}
LEO, BEA, BOT = "l", "b", "x"
GROUPED: dict[tuple[str, str], dict[Any, list[Any]]] = {
    ("tickets-created", "channel"): {"email": [14], "chat": [4]},
    ("tickets-created", "agentId"): {LEO: [2], BEA: [2], None: [14]},
    ("tickets-created", "storeId"): {7: [2], None: [16]},
    ("tickets-closed", "agentId"): {LEO: [7], BEA: [4], BOT: [1], None: [2]},
    ("tickets-open", "agentId"): {BEA: [1], None: [6]},
    ("tickets-replied", "agentId"): {LEO: [11], BEA: [4], BOT: [3]},
    ("one-touch-tickets", "channel"): {"email": [3], "chat": [2], "phone": [1]},
    ("messages-sent", "agentId"): {LEO: [14], BEA: [5], BOT: [4]},
    ("messages-received", "agentId"): {LEO: [2], BOT: [1], None: [20]},
    ("messages-received", "channel"): {"email": [18], "chat": [5]},
    ("first-response-time", "agentId"): {
        # 60 60 1800 3600 3600 | 3600 3600 7200 259200 … of Leo's
        LEO: [3600, 31413.33], BEA: [2100, 2100], BOT: [120, 160],
    },
    ("human-first-response-time", "channel"): {
        "email": [3600, 3073.33], "chat": [600, 620], "phone": [259200, 259200],
    },
    ("response-time", "agentId"): {LEO: [3600], BEA: [1800], BOT: [120]},
    ("satisfaction-surveys", "surveyScore"): {
        2: [1, 2, 0, 100, 1], 4: [1, 4, 100, 100, 1], 5: [2, 5, 100, None, 0], None: [0, None, None, 0, 1],
    },
    ("satisfaction-surveys", "agentId"): {
        LEO: [2, 3, 50, 100, 2], BEA: [1, 5, 100, 0, 1], None: [1, 5, 100, None, 0],
    },
    ("ticket-handle-time", "agentId"): {LEO: [620, 1860], BEA: [300, 300]},
    ("online-time", "agentId"): {LEO: [18000], BEA: [3600]},
    ("tags", "tagId"): {"late": [3], "lost": [1]},
    ("ticket-fields", "customFieldValue"): {"Late": [1], "Late::Lost": [1], "None": [1]},
    ("workload-tickets", "channel"): {"email": [7]},
    ("ticket-sla", "status"): {"achieved": [1, 100], "breached": [1, 0], "pending": [1, None]},
    ("auto-qa", "agentId"): {LEO: [0, 3, None, 4, None, None, None, 1], BEA: [100, 5, None, None, None, None, None, 1]},
    ("auto-qa", "ticketQAScorerUserId"): {
        "b": [0, 3, None, 4, None, None, None, 1], None: [100, 5, None, None, None, None, None, 1],
    },
    ("overall-automation-rate", "channel"): {"chat": [50], "email": [7.69], "phone": [0]},
    ("overall-automation-rate", "automationFeatureType"): {"ai-agent": [11.11], "flow": [5.56]},
    ("handover-interactions", "aiAgentRole"): {"sales": [1], None: [1]},
    ("ai-agent-coverage-rate", "aiAgentRole"): {"support": [5.56], "sales": [11.11], None: [5.56]},
    ("ai-agent-success-rate", "resourceSourceId"): {"a": [100, 1], "b": [100, 1], None: [33.33, 3]},
    ("ai-agent-ticket-fields", "aiOutcomeCustomField"): {"Handover": [1], None: [3]},
    ("ai-sales-agent-orders-performance", "orderId"): {
        "100": [1, 60, 0, 60, 60, 90000, 90000], "101": [1, 40, 44, 40, 40, 3600, 3600],
    },
    ("ai-agent-decrease-in-resolution-time", "aiAgentRole"): {"support": [159960, 6840], "sales": [160200, 7080]},
    ("ai-agent-csat", "aiAgentRole"): {"support": [5, 5]},
    ("flow-dataset", "flowId"): {"f1": [1, 0]},
    ("voice-calls-summary", "filteringAgentId"): {
        LEO: [2, 1, 2, 0, 0, 0, 0, 0, 150, 14, None, 0, 0], BEA: [2, 0, 1, 0, 0, 1, 1, 0, 50, 20, None, 0, 0],
        None: [3, 0, 0, 1, 1, 0, 3, 1, None, 25, None, 0, 0],
    },
    ("voice-agent-events", "status"): {
        "ringing": [2], "answered": [3], "declined": [1], "missed": [1], "transferred": [1],
    },
}  # fmt: skip
# By local day, Monday first.
DAYS: dict[str, list[Any]] = {
    "tickets-created": [3, 3, 2, 3, 2, 3, 2],
    "tickets-closed": [4, 2, 2, 1, 3, 2, 0],
    "tickets-open": [1, 1, 2, 3, 4, 5, 7],
    "messages-sent": [6, 3, 5, 1, 5, 3, 0],
    "messages-received": [4, 3, 3, 3, 4, 4, 2],
    "online-time": [14400, 1800, 1800, 0, 0, 0, 3600],
    "workload-tickets": [1, 1, 2, 3, 4, 5, 7],
}


@pytest.fixture
async def built(world: World) -> shop.Builder:
    return await shop.build(world)


# Counts of which a fact belongs to one group only, and what the others are counted with.
ADDING = {
    "tickets-created": "ticketCount", "tickets-closed": "ticketCount", "tickets-open": "ticketCount",
    "one-touch-tickets": "ticketCount", "zero-touch-tickets": "ticketCount", "messages-sent": "messagesCount",
    "messages-received": "messagesCount", "satisfaction-surveys": "scoredSurveysCount", "ticket-handle-time": "handleTime",
    "workload-tickets": "ticketCount", "ticket-sla": "ticketCount", "voice-calls": "voiceCallsCount",
    "ticket-fields": "ticketCount", "auto-qa": "ticketCount", "overall-automated-interactions": "automatedInteractionsCount",
    "ai-agent-automated-interactions": "automatedInteractionsCount", "flow-dataset": "dropOffCount",
    "handover-interactions": "handoverInteractionsCount", "ai-agent-ticket-fields": "ticketCount",
    "ai-sales-agent-orders-performance": "totalSalesAmount", "ai-sales-agent-activity": "timesRecommended",
    "overall-time-saved-by-agent": "averageTimeSavedByAgent", "ai-sales-agent-discounts": "offeredDiscountCodesCount",
    "knowledge-insights": "interactionsCount", "voice-calls-summary": "inboundVoiceCallsCount",
}  # fmt: skip
# Snapshots: of a day, not of what happened in it.
STANDING = ("tickets-open", "workload-tickets")


async def ask(built: shop.Builder, scope: str, filters: Any = (), **more: Any) -> list[dict[str, Any]]:
    needed = [{"member": "customFieldId", "operator": "one-of", "values": [built.field]}]
    given = [*PERIOD, *filters, *(needed if scope == "ticket-fields" else [])]
    query = {"scope": scope, "timezone": "Europe/Berlin", "filters": given, **more}
    answer = await built.world.oda.post("/api/reporting/stats", {"query": query}, limit=10_000)
    assert answer.status == 201, answer.raw
    return answer.json["data"]  # type: ignore[no-any-return]


async def test_every_figure_is_what_was_computed_by_hand(built: shop.Builder) -> None:
    people = {number: name for name, number in built.people.items() if name not in "im"}
    named = {
        "agentId": people,
        "filteringAgentId": people,
        "ticketQAScorerUserId": people,
        "tagId": {number: name for name, number in built.tags.items()},
    }
    found: dict[Any, Any] = {}
    for name, scope in scopes.table().items():
        if scope.facts:
            (row,) = await ask(built, name)
            found[name] = [row[measure] for measure in scope.measures]
    for name, by in GROUPED:
        rows = await ask(built, name, dimensions=[by])
        found[name, by] = {
            named.get(by, {}).get(row[by], row[by]): [
                row[measure] for measure in scopes.table()[name].measures
            ]
            for row in rows
        }
    for name in DAYS:
        times = [{"dimension": "periodStart", "granularity": "day"}]
        rows = await ask(built, name, time_dimensions=times)
        found[name, "day"] = [row[next(iter(scopes.table()[name].measures))] for row in rows]
    expected = {**FIGURES, **GROUPED, **{(name, "day"): days for name, days in DAYS.items()}}
    differing = [(key, found[key], expected[key]) for key in expected if found[key] != expected[key]]
    assert not differing, "\n".join(map(str, differing))
    assert set(found) == set(expected)


async def test_a_figure_that_nothing_can_be_computed_from_is_one(built: shop.Builder) -> None:
    assert await ask(built, "voice-calls", measures=["slaAchievementRate"]) == [{"slaAchievementRate": None}]


async def test_parts_make_up_the_whole(built: shop.Builder) -> None:
    for name, measure in ADDING.items():
        scope = scopes.table()[name]
        [[whole]] = [list(row.values()) for row in await ask(built, name, measures=[measure])]
        assert whole, name
        for dimension in scope.dimensions:
            if dimension == "filteringAgentId":
                # Two agents were rung by the last call.
                continue
            rows = await ask(built, name, measures=[measure], dimensions=[dimension])
            assert sum(row[measure] for row in rows) == whole, (name, dimension)
        placing = "periodStart" if "periodStart" in scope.times else scope.times[0]
        for step in ("hour", "day", "week", "month") if name not in STANDING else ():
            times = [{"dimension": placing, "granularity": step}]
            rows = await ask(built, name, measures=[measure], time_dimensions=times)
            assert sum(row[measure] for row in rows) == whole, (name, step)
        for one, other in halves(built):
            member = one["member"]
            if (
                member in scope.members
                or (member == "tags" and scope.tags)
                or (member == "customFields" and scope.custom_fields)
            ):
                parts = [await ask(built, name, [half], measures=[measure]) for half in (one, other)]
                assert parts[0][0][measure] + parts[1][0][measure] == whole, (name, one)


def halves(built: shop.Builder) -> list[tuple[Any, Any]]:
    """Filters, each with the one that lets through what it keeps back."""
    leo, team, late, field = built.people["l"], built.teams["North"], built.tags["late"], built.field
    simple: dict[str, Any] = {
        "agentId": leo,
        "teamId": team,
        "channel": "email",
        "storeId": 7,
        "score": 4,
        "integrationId": 1,
        "storeIntegrationId": 7,
        "automationFeatureType": "ai-agent",
        "aiAgentRole": "sales",
        "engagementType": "cart",
        "currency": "EUR",
        "orderId": "100",
        "productId": "p1",
        "resourceSourceId": "a",
        "status": "achieved",
        "communicationSkills": 3,
        "resolutionCompleteness": 1,
        "ticketQAScorerUserId": built.people["b"],
        "callTerminationStatus": "missed",
        "waitTime": 30,
        "agentIdFromTeamId": team,
    }
    pairs = [
        [{"member": name, "operator": operator, "values": [value]} for operator in ("one-of", "not-one-of")]
        for name, value in simple.items()
    ]
    pairs += [
        [{"member": name, "operator": "set", "values": [value]} for value in ("true", "false")]
        for name in simple
    ]
    pairs.append(
        [{"member": "tags", "values": [{"operator": o, "values": [late]}]} for o in ("one-of", "not-one-of")]
    )
    pairs.append([
        {"member": "customFields", "values": [{"custom_field_id": field, "operator": o, "values": ["Late"]}]}
        for o in ("one-of", "not-one-of")
    ])  # fmt: skip
    return [(one, other) for one, other in pairs]


async def test_a_ticket_that_was_answered_often_counts_once(built: shop.Builder) -> None:
    def only(member: str, *values: Any) -> dict[str, Any]:
        return {"member": member, "operator": "one-of", "values": list(values)}

    leo, bea, north = built.people["l"], built.people["b"], built.teams["North"]
    narrowings = (
        [],
        [only("agentId", leo)],
        [only("agentId", leo, bea)],
        [only("channel", "chat")],
        [only("teamId", north)],
    )
    days = [{"dimension": "periodStart", "granularity": "day"}]
    for filters in narrowings:
        for by in ([], ["channel"], ["agentId"]):
            rows = await ask(built, "tickets-replied", filters, dimensions=[*by, "ticketId"])
            groups = collections.Counter(row[by[0]] if by else None for row in rows)
            found = await ask(built, "tickets-replied", filters, dimensions=by)
            assert {row[by[0]] if by else None: row["ticketCount"] for row in found} == groups
            each = await ask(
                built, "tickets-replied", filters, dimensions=[*by, "ticketId"], time_dimensions=days
            )
            per_day = collections.Counter((row["periodStart"], row[by[0]] if by else None) for row in each)
            found = await ask(built, "tickets-replied", filters, dimensions=by, time_dimensions=days)
            counted = {
                (row["periodStart"], row[by[0]] if by else None): row["ticketCount"]
                for row in found
                if row["ticketCount"]
            }
            assert counted == per_day, (filters, by)


async def test_behind_each_figure_are_its_tickets(built: shop.Builder) -> None:
    behind = {
        "tickets-closed": ("ticketCount", "1 2 3 4 5 6 7 10 15 16 20 21 22 23"),
        "tickets-open": ("ticketCount", "8 9 11 17 18 19 24"),
        "one-touch-tickets": ("ticketCount", "1 3 10 15 21 22"),
        "tickets-replied": ("ticketCount", "1 2 3 4 6 7 8 10 15 16 18 20 21 22 23 24"),
        "satisfaction-surveys": ("scoredSurveysCount", "1 6 15 16"),
        "ticket-handle-time": ("averageHandleTime", "1 2 6"),
        "first-response-time": ("medianFirstResponseTime", "1 2 3 4 6 8 10 15 18 20 21 22 23 24"),
    }
    for name, (measure, numbers) in behind.items():
        given = {"scope": name, "timezone": "Europe/Berlin", "measures": [measure], "filters": PERIOD}
        async with reading(built.world.database, built.world.account, SYSTEM) as work:
            found = (await sources.behind(work, queries.read(given), 1000)).tickets
        assert [ticket for ticket, _ in found] == [built.tickets[number] for number in numbers.split()], name
    assert dict(found)[built.tickets["15"]] == 259200


async def test_figures_asked_together_are_those_asked_alone(built: shop.Builder) -> None:
    leo = {"member": "agentId", "operator": "one-of", "values": [built.people["l"]]}
    for filters in ([], [leo]):
        asked = []
        for scope in scopes.table().values():
            for name, measure in scope.measures.items():
                if (scope.facts, measure.how) in families.FIGURES:
                    given = {"scope": scope.name, "timezone": "UTC", "measures": [name]}
                    asked.append(queries.read({**given, "filters": [*PERIOD, *filters]}))
        assert {(query.kind, query.measures[0].how) for query in asked} == set(families.FIGURES)
        async with reading(built.world.database, built.world.account, SYSTEM) as work:
            alone = [(await reports.rows(work, query))[0][query.measures[0].name] for query in asked]
            for family in (families.CLOSES, families.ANSWERS):
                members = [place for place, query in enumerate(asked) if families.of(query) == family]
                values = await families.values(work, [asked[place] for place in members])
                assert values == [alone[place] for place in members]


async def test_pages_read_together_show_what_each_part_shows_alone(built: shop.Builder) -> None:
    zone = Zone("Europe/Berlin", ZoneInfo("Europe/Berlin"))
    begin = datetime.datetime(2026, 3, 1, 23, tzinfo=datetime.UTC)
    filters = (Filter("channel", "one-of", ("email",)), Filter("agentId", "one-of", (built.people["l"],)))
    field = Filter("customFieldId", "one-of", (built.field,))
    async with reading(built.world.database, built.world.account, SYSTEM) as work:
        for narrowing in ((), filters):
            asked = Asked(begin, begin + datetime.timedelta(days=7), zone, (*narrowing, field))
            for board in boards.BOARDS.values():
                together = await readings.shown(work, asked, board, "day")
                assert together == readings.Content(
                    await boards.figures(work, asked, board.numbers),
                    [await boards.line(work, asked, one, "day") for one in board.lines],
                    [await boards.table(work, asked, one) for one in board.tables],
                ), board.title


ANSWER = """
insert into fact_messages (account_id, ticket_id, message_id, incoming, moment, written, agent_id, channel,
  message_channel, created, response, first_response, human)
select $1, place, place, false, moment, moment, agent, channel, channel, moment, response, nullif(response, 7), true
from unnest($2::int[], $3::int[], $4::text[], $5::bigint[]) with ordinality as g (hour, agent, channel, response, place)
cross join lateral (select timestamptz '2026-03-02T00:00Z' + hour * interval '1 hour' as moment) m returning 1
"""


async def test_medians_of_pages_are_those_of_all_values(world: World) -> None:
    lot = random.Random(5)
    zone = Zone("Asia/Kathmandu", ZoneInfo("Asia/Kathmandu"))
    begin = datetime.datetime(2026, 3, 1, 18, 15, tzinfo=datetime.UTC)
    asked = Asked(begin, begin + datetime.timedelta(days=7), zone, ())
    for count in (1, 2, 3, 40, 41):
        # Groups of very different values and sizes; some values come often, some answers have none.
        agents = [lot.choice([1, 2, 2, 2, 3]) for _ in range(count)]
        values = [lot.choice([7, lot.randrange(10**6), agent * 10**9, None]) for agent in agents]
        channels = [lot.choice(["email", "chat"]) for _ in agents]
        hours = [lot.randrange(168) for _ in agents]
        await world.rows("delete from fact_messages where account_id = $1 returning 1")
        await world.rows(ANSWER, hours, agents, channels, values)
        async with reading(world.database, world.account, SYSTEM) as work:
            for name in ("overview", "agents", "channels"):
                board = boards.BOARDS[name]
                together = await readings.shown(work, asked, board, "day")
                assert together.figures == await boards.figures(work, asked, board.numbers)
                assert together.lines == [await boards.line(work, asked, one, "day") for one in board.lines]
                assert together.tables == [await boards.table(work, asked, one) for one in board.tables]


COMPARED = (
    "ai-agent-coverage-rate", "overall-decrease-in-first-response-time", "ai-agent-decrease-in-first-response-time",
    "overall-decrease-in-resolution-time", "ai-agent-decrease-in-resolution-time",
)  # fmt: skip


async def test_what_is_compared_at_once_is_what_is_compared_apart(built: shop.Builder) -> None:
    # Told of another channel and store than the ticket's.
    await built.world.rows(
        "update app_facts set channel = 'sms', store_id = 8 where account_id = $1 and ticket_id = $2 returning 1",
        built.tickets["3"],
    )
    # Narrows automation's part alone, and nothing of it: whoever asks so is answered from both apart.
    every = Filter("automationFeatureType", "one-of", ("ai-agent", "flow"))
    for name in COMPARED:
        for dimensions in ([], ["channel"], ["storeIntegrationId"]):
            for days in ([], [{"dimension": "eventDatetime", "granularity": "day"}]):
                if not set(dimensions) <= set(scopes.table()[name].dimensions):
                    continue
                query = queries.read({
                    "scope": name, "timezone": "Europe/Berlin", "filters": PERIOD, "dimensions": dimensions,
                    "time_dimensions": days,
                })  # fmt: skip
                async with reading(built.world.database, built.world.account, SYSTEM) as work:
                    once = await reports.rows(work, query)
                    apart = await reports.rows(work, replace(query, filters=(every,)))
                assert once == apart, (name, dimensions, days)
