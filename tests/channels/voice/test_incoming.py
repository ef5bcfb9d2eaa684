"""Calls that come in: answered, missed, outside the hours, too long in the queue; and whatever the provider says twice."""

import asyncio
import datetime
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from polus.base import clock
from polus.desk.accounts import Book
from polus.desk.voice import lines
from polus.due import Due
from polus.store.queue import Queue
from tests.channels.voice import exchange as exchanges
from tests.channels.voice.exchange import MIA, OURS, Exchange
from tests.world import World

ALWAYS_CLOSED = {
    "timezone": "UTC",
    "business_hours": [{"days": "1", "from_time": "03:00", "to_time": "03:01"}],
}


@pytest.fixture
async def exchange(world: World) -> AsyncIterator[Exchange]:
    async with exchanges.opened(world) as opened:
        yield opened


async def test_a_call_rings_an_agent_who_takes_it(world: World, exchange: Exchange) -> None:
    await exchange.at_work(world.leo)
    sid = exchange.sid()
    answer = await exchange.call(sid)
    assert exchange.greeted == ["Welcome to the shop."]
    dial = answer.find("Dial")
    assert dial is not None
    assert (dial.findtext("Number"), dial.get("timeout")) == (exchange.telephone(world.leo), "20")
    assert dial.get("record") is None
    ringing = await exchange.the_call()
    assert (ringing["status"], ringing["last_rang_agent_id"]) == ("ringing", world.leo.user_id)
    told = await exchange.pick_up(dial, sid)
    assert [verb.tag for verb in told] == []
    talking = await exchange.the_call()
    assert (talking["status"], talking["status_in_queue"]) == ("in-progress", "answered")
    assert [verb.tag for verb in await exchange.over(dial, sid, "completed", DialCallDuration="40")] == [
        "Hangup"
    ]
    await exchange.hang_up(sid, 63)
    call = await exchange.the_call()
    ticket = (await world.leo.get(f"/api/tickets/{call['ticket_id']}")).json
    assert {key: call[key] for key in ("status", "direction", "termination_status", "duration", "provider")} == {
        "status": "completed", "direction": "inbound", "termination_status": "answered", "duration": 63,
        "provider": "twilio",
    }  # fmt: skip
    assert (call["external_id"], call["phone_number_source"], call["phone_number_destination"]) == (
        sid,
        MIA,
        OURS,
    )
    assert (call["country_source"], call["country_destination"]) == ("DE", "DE")
    assert (call["last_answered_by_agent_id"], call["customer_id"]) == (
        world.leo.user_id,
        ticket["customer"]["id"],
    )
    assert (call["integration_id"], call["queue_id"]) == (exchange.number.id, exchange.number.id)
    assert (call["has_voicemail"], call["has_call_recording"], call["summaries"]) == (False, False, [])
    assert await exchange.events(call["id"]) == [
        ("incoming-phone-call", None),
        ("message-played", None),
        ("phone-call-enqueued", None),
        ("phone-call-agent-dialed", world.leo.user_id),
        ("phone-call-ringing", world.leo.user_id),
        ("phone-call-answered", world.leo.user_id),
        ("phone-call-dequeued", world.leo.user_id),
        ("phone-call-conversation-started", world.leo.user_id),
        ("completed-phone-call", world.leo.user_id),
    ]
    assert (ticket["channel"], ticket["via"], ticket["assignee_user"]["id"]) == (
        "phone",
        "phone",
        world.leo.user_id,
    )
    [message] = ticket["messages"]
    assert (ticket["subject"], message["body_text"]) == ("Incoming call", "Incoming call")
    assert message["source"] == {
        "type": "phone", "from": {"name": MIA, "address": MIA}, "to": [{"name": "Shop", "address": OURS}],
    }  # fmt: skip
    assert (message["from_agent"], message["integration_id"]) == (False, exchange.number.id)
    told_kinds = [kind for kind, *_ in await world.events() if "call" in kind]
    assert told_kinds == ["incoming-phone-call", "phone-call-answered", "completed-phone-call"]
    assert await world.rows("select 1 from voice_lines where account_id = $1") == []


async def test_nobody_picks_up_and_the_next_one_is_rung(world: World, exchange: Exchange) -> None:
    await exchange.look(wait=60)
    await exchange.at_work(world.leo, world.bea)
    sid = exchange.sid()
    first = (await exchange.call(sid)).find("Dial")
    assert first is not None
    assert first.findtext("Number") == exchange.telephone(world.leo)
    second = (await exchange.over(first, sid, "no-answer")).find("Dial")
    assert second is not None
    assert second.findtext("Number") == exchange.telephone(world.bea)
    # 2 declines, as hanging up does: the provider calls that leg completed.
    await exchange.pick_up(second, sid, "2")
    waiting = await exchange.over(second, sid, "completed", DialCallDuration="3")
    assert [verb.tag for verb in waiting] == ["Say", "Pause", "Redirect"]
    assert (await exchange.the_call())["status_in_queue"] == "waiting"
    await exchange.earlier(50)
    redirect = waiting.findtext("Redirect") or ""
    # Who missed it is tried again, who declined is not.
    third = (await exchange.ask(redirect, exchange.form(sid, "in-progress"))).find("Dial")
    assert third is not None
    assert third.findtext("Number") == exchange.telephone(world.leo)
    await exchange.earlier(20)
    left = await exchange.over(third, sid, "no-answer")
    assert [verb.tag for verb in left] == ["Say", "Say", "Record", "Hangup"]
    await exchange.hang_up(sid)
    call = await exchange.the_call()
    assert (call["status"], call["termination_status"], call["status_in_queue"]) == (
        "missed",
        "missed",
        "timed-out",
    )
    events = await exchange.events(call["id"])
    assert [pair for pair in events if pair[0] in ("missed-phone-call", "declined-phone-call")] == [
        ("missed-phone-call", world.leo.user_id),
        ("declined-phone-call", world.bea.user_id),
        ("missed-phone-call", world.leo.user_id),
        ("missed-phone-call", None),
    ]


async def test_outside_the_hours_a_message_is_taken(world: World, exchange: Exchange) -> None:
    await exchange.look(closed="We are closed & asleep <until 9>.", voicemail_text="Speak after the tone.")
    await exchange.at_work(world.leo)
    await world.rows(
        "update account_settings set data = $2 where account_id = $1 and type = 'business-hours'",
        json.dumps(ALWAYS_CLOSED),
    )
    sid = exchange.sid()
    answer = await exchange.call(sid)
    assert [verb.text for verb in answer.iter("Say")] == [
        "We are closed & asleep <until 9>.",
        "Speak after the tone.",
    ]
    record = answer.find("Record")
    assert record is not None
    left = {
        "RecordingSid": "RE" + "7" * 32,
        "RecordingDuration": "9",
        "RecordingUrl": "https://evil.example/x",
    }
    # The news of the recording comes first, twice, and again with the end of the recording.
    for _ in range(2):
        form = exchange.form(sid, "completed", RecordingStatus="completed", **left)
        await exchange.ask(record.attrib["recordingStatusCallback"], form)
    await exchange.ask(record.attrib["action"], exchange.form(sid, "completed", **left))
    await exchange.hang_up(sid, 20)
    call = await exchange.the_call()
    assert (call["termination_status"], call["has_voicemail"], call["duration"]) == ("missed", True, 20)
    kinds = await exchange.kinds(call["id"])
    assert kinds.count("voicemail-recording") == 1
    assert "phone-call-enqueued" not in kinds
    await exchange.work()
    listed = (await world.leo.get("/api/phone/voice-call-recordings", call_id=call["id"])).json["data"]
    [recording] = listed
    assert (recording["type"], recording["duration"], recording["deleted_datetime"]) == ("voicemail", 9, None)
    assert [got[:2] for got in exchange.peer.got] == [("GET", f"Recordings/RE{'7' * 32}.mp3")]
    ticket = (await world.leo.get(f"/api/tickets/{call['ticket_id']}")).json
    assert (ticket["status"], ticket["assignee_user"]) == ("open", None)


async def test_without_voicemail_the_caller_is_told(world: World, exchange: Exchange) -> None:
    await exchange.look(voicemail=False, unanswered="Nobody is here.", greeting="")
    sid = exchange.sid()
    # Nobody is there who could take it: waiting is of no use.
    answer = await exchange.call(sid)
    assert [(verb.tag, verb.text) for verb in answer] == [("Say", "Nobody is here."), ("Hangup", None)]
    await exchange.hang_up(sid)
    call = await exchange.the_call()
    assert call["termination_status"] == "missed"
    assert "phone-call-enqueue-skipped" in await exchange.kinds(call["id"])


async def test_who_hangs_up_early(world: World, exchange: Exchange) -> None:
    await exchange.at_work(world.leo)
    ringing = exchange.sid()
    dial = (await exchange.call(ringing)).find("Dial")
    assert dial is not None
    waiting = exchange.sid()
    hold = await exchange.call(waiting, From="anonymous")
    assert [verb.tag for verb in hold] == ["Say", "Pause", "Redirect"]
    await exchange.hang_up(waiting, 5)
    call = await exchange.the_call()
    assert (call["termination_status"], call["status_in_queue"], call["phone_number_source"]) == (
        "abandoned", "abandoned", "",
    )  # fmt: skip
    # During the greeting nobody was rung yet.
    early = exchange.sid()
    greeting = await exchange.ask("incoming", exchange.form(early, "ringing"))
    assert [verb.tag for verb in greeting] == ["Say", "Redirect"]
    await exchange.hang_up(early, 2)
    call = await exchange.the_call()
    assert (call["status"], call["termination_status"], call["status_in_queue"]) == (
        "canceled",
        "cancelled",
        None,
    )
    # Also when the provider tells of the leg first.
    await exchange.over(dial, ringing, "canceled", CallStatus="completed")
    await exchange.hang_up(ringing, 8)
    calls = (await world.leo.get("/api/phone/voice-calls")).json["data"]
    assert [(one["termination_status"], one["duration"]) for one in calls] == [
        ("cancelled", 2), ("abandoned", 5), ("abandoned", 8),
    ]  # fmt: skip
    # The agent who picks up now is told by nobody.
    number = dial.find("Number")
    assert number is not None
    late = await exchange.ask(number.attrib["url"], exchange.form("CA1", "in-progress"))
    assert [verb.tag for verb in late] == ["Hangup"]
    assert [verb.tag for verb in await exchange.ask("wait", exchange.form(waiting, "completed"))] == [
        "Hangup"
    ]


async def test_who_waits_longest_is_served_first(world: World, exchange: Exchange) -> None:
    await exchange.look(team_id=(await team(world, world.bea, world.leo)))
    await exchange.at_work(world.bea, world.leo, world.ada)
    sids = [exchange.sid() for _ in range(4)]
    dials = [(await exchange.call(sid)).find("Dial") for sid in sids]
    numbers = [None if dial is None else dial.findtext("Number") for dial in dials]
    # In the team's order; who is not in it is not rung.
    assert numbers == [exchange.telephone(world.bea), exchange.telephone(world.leo), None, None]
    bea = dials[0]
    assert bea is not None
    await exchange.pick_up(bea, sids[0])
    await exchange.over(bea, sids[0], "completed", DialCallDuration="9")
    await exchange.hang_up(sids[0])
    later = await exchange.ask("wait", exchange.form(sids[3], "in-progress"))
    assert later.find("Dial") is None
    sooner = (await exchange.ask("wait", exchange.form(sids[2], "in-progress"))).find("Dial")
    assert sooner is not None
    assert sooner.findtext("Number") == exchange.telephone(world.bea)


async def team(world: World, *people: Any) -> int:
    body = {"name": "Voices", "members": [{"id": one.user_id} for one in people]}
    return (await world.ada.post("/api/teams", body)).json["id"]  # type: ignore[no-any-return]


async def test_what_is_said_twice_counts_once(world: World, exchange: Exchange) -> None:
    await exchange.at_work(world.leo)
    sid = exchange.sid()
    both = await asyncio.gather(exchange.call(sid), exchange.call(sid))
    dials = [answer.find("Dial") for answer in both]
    assert [dial is not None and dial.findtext("Number") for dial in dials] == [
        exchange.telephone(world.leo)
    ] * 2
    dial = dials[0]
    assert dial is not None
    for _ in range(2):
        await exchange.pick_up(dial, sid)
    for _ in range(2):
        await exchange.over(dial, sid, "completed", DialCallDuration="4")
        await exchange.hang_up(sid, 10)
    assert [verb.tag for verb in await exchange.call(sid)] == ["Hangup"]
    assert len((await world.leo.get("/api/phone/voice-calls")).json["data"]) == 1
    assert len((await world.leo.get("/api/tickets")).json["data"]) == 1
    kinds = await exchange.kinds((await exchange.the_call())["id"])
    assert len(kinds) == len(set(kinds)) == 9


async def test_news_in_another_order(world: World, exchange: Exchange) -> None:
    """Without a key to press the news that the agent has picked up comes by itself, perhaps after the end."""
    await exchange.look(accept=False)
    await exchange.at_work(world.leo)
    sid = exchange.sid()
    dial = (await exchange.call(sid)).find("Dial")
    assert dial is not None
    await exchange.hang_up(sid, 30)
    assert (await exchange.the_call())["termination_status"] == "abandoned"
    await exchange.leg(
        dial, sid, "in-progress", SequenceNumber="2", Timestamp="Thu, 26 Nov 2020 20:00:00 +0000"
    )
    await exchange.leg(dial, sid, "ringing", SequenceNumber="1", Timestamp="nonsense")
    await exchange.over(dial, sid, "completed", DialCallDuration="20", CallStatus="completed")
    call = await exchange.the_call()
    assert (call["status"], call["termination_status"], call["last_answered_by_agent_id"]) == (
        "completed", "answered", world.leo.user_id,
    )  # fmt: skip
    sid = exchange.sid()
    dial = (await exchange.call(sid)).find("Dial")
    assert dial is not None
    await exchange.over(dial, sid, "completed", DialCallDuration="20")
    await exchange.hang_up(sid, 30)
    assert (await exchange.the_call())["termination_status"] == "answered"


async def test_a_provider_who_has_gone_silent(world: World, exchange: Exchange) -> None:
    await exchange.at_work(world.leo)
    sid = exchange.sid()
    await exchange.call(sid)
    lane = Due(world.database, Book(world.database, exchanges.BASE), "calls").lane()
    await Queue(world.database, lane).drain()
    assert (await exchange.the_call())["termination_status"] is None
    await exchange.earlier(700)
    await Queue(world.database, lane).drain()
    call = await exchange.the_call()
    assert (call["termination_status"], call["duration"]) == ("abandoned", None)
    assert not await lines.silent(world.database.pool, clock.now(), 10)
    await exchange.hang_up(sid, 12)
    assert (await exchange.the_call())["duration"] == 12


async def test_who_does_not_know_the_secret_is_refused(
    world: World, other: World, exchange: Exchange
) -> None:
    sid = exchange.sid()
    form = exchange.form(sid, "ringing")
    assert (await exchange.post("incoming", form, token="wrong")).status == 403
    assert (await exchange.post("incoming", form, headers={"X-Twilio-Signature": ""})).status == 403
    assert (await exchange.post("nowhere", form)).status == 404
    strange = exchange.number.address(exchange.base_url, "incoming").replace(exchange.number.token, "x" * 24)
    assert (await exchange.post(strange, form)).status == 404
    assert (await exchange.post("incoming", form | {"x": "y" * 70_000})).status == 413
    for table in ("voice_calls", "voice_lines", "tickets", "customers"):
        assert await world.rows(f"select 1 from {table} where account_id = $1") == []
    # Another shop's number, and its own calls: walls.
    async with exchanges.opened(other) as theirs:
        await theirs.call(theirs.sid())
        call_id = (await theirs.the_call())["id"]
        gone = await exchange.ask(
            f"{exchange.number.address(exchange.base_url, 'rung')}?call={call_id}&agent=1", form
        )
        assert [verb.tag for verb in gone] == ["Hangup"]
        assert (await theirs.the_call())["termination_status"] is None
        assert (await world.leo.get(f"/api/phone/voice-calls/{call_id}")).status == 404
        assert (await world.leo.get("/api/phone/voice-calls")).json["data"] == []


async def test_a_number_that_is_off_lets_nobody_in(world: World, exchange: Exchange) -> None:
    await world.ada.put(
        f"/api/integrations/{exchange.number.id}", {"deactivated_datetime": "2026-01-01T00:00:00Z"}
    )
    assert [verb.tag for verb in await exchange.call(exchange.sid())] == ["Reject"]
    assert await world.rows("select 1 from voice_calls where account_id = $1") == []


async def test_calls_are_counted(world: World, exchange: Exchange) -> None:
    await exchange.at_work(world.leo)
    sid = exchange.sid()
    dial = (await exchange.call(sid)).find("Dial")
    assert dial is not None
    await exchange.earlier(5)
    await exchange.pick_up(dial, sid)
    await exchange.earlier(30)
    await exchange.over(dial, sid, "completed", DialCallDuration="30")
    await exchange.hang_up(exchange.sid())
    await exchange.look(voicemail=False)
    sid = exchange.sid()
    await exchange.call(sid)
    await exchange.hang_up(sid)
    now = clock.now()
    filters = [
        {
            "member": "periodStart",
            "operator": "afterDate",
            "values": [(now - datetime.timedelta(1)).isoformat()],
        },
        {
            "member": "periodEnd",
            "operator": "beforeDate",
            "values": [(now + datetime.timedelta(1)).isoformat()],
        },
    ]
    measures = [
        "voiceCallsCount", "inboundCallsCount", "inboundAnsweredCallsCount", "inboundAbandonedCallsCount",
        "averageTalkTimeInSeconds", "averageWaitTimeInSeconds",
    ]  # fmt: skip
    query = {"scope": "voice-calls", "measures": measures, "filters": filters, "timezone": "UTC"}
    answer = await world.leo.post("/api/reporting/stats", {"query": query})
    [row] = answer.json["data"]
    assert [row[name] for name in measures[:4]] == [2, 2, 1, 1]
    assert 29 < row["averageTalkTimeInSeconds"] < 32
    query = {
        "scope": "voice-agent-events",
        "measures": ["voiceCallsCount"],
        "filters": filters,
        "timezone": "UTC",
    }
    answer = await world.leo.post("/api/reporting/stats", {"query": query})
    assert answer.json["data"][0]["voiceCallsCount"] == 1
