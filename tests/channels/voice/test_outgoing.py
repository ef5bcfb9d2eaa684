"""Calls that agents order, and recordings: asked of the provider once, kept as private files, deleted for good."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from polus.base import clock, errors
from polus.desk import files
from polus.desk.voice import orders
from polus.store.work import Actor, writing
from tests import make
from tests.channels.voice import exchange as exchanges
from tests.channels.voice.exchange import AUDIO, MIA, OURS, Exchange
from tests.world import Client, World


@pytest.fixture
async def exchange(world: World) -> AsyncIterator[Exchange]:
    async with exchanges.opened(world) as opened:
        yield opened


async def ticket(world: World, *, phone: str = "+49 170 1234567") -> int:
    """A ticket of Mia's, who wrote a mail and has a telephone."""
    made = await make.ticket(world)
    customer = made["customer"]["id"]
    if phone:
        channels = [
            {"type": "phone", "address": phone},
            {"type": "email", "address": made["customer"]["email"]},
        ]
        changed = await world.ada.put(f"/api/customers/{customer}", {"channels": channels})
        assert changed.status == 202, changed.raw
    return made["id"]  # type: ignore[no-any-return]


async def order(world: World, ticket_id: int, client: Client) -> int:
    async with writing(world.database, world.account, Actor("user", client.user_id, "agent")) as work:
        return await orders.call(work, ticket_id)


async def messages(world: World, ticket_id: int) -> list[Any]:
    return (await world.leo.get(f"/api/tickets/{ticket_id}")).json["messages"]  # type: ignore[no-any-return]


async def test_an_agent_calls_back_from_a_ticket(world: World, exchange: Exchange) -> None:
    await exchange.look(record=True)
    await exchange.at_work(world.leo)
    ticket_id = await ticket(world)
    call_id = await order(world, ticket_id, world.leo)
    with pytest.raises(errors.Conflict, match="has not ended"):
        await order(world, ticket_id, world.leo)
    await exchange.work()
    [(method, path, asked)] = exchange.peer.got
    assert (method, path, asked["To"], asked["From"]) == (
        "POST", "Calls.json", exchange.telephone(world.leo), OURS,
    )  # fmt: skip
    sid = exchange.peer.sid
    assert (await exchange.the_call())["external_id"] == sid

    def mine(status: str, **more: str) -> dict[str, str]:
        return exchange.form(sid, status, Direction="outbound-api", From=OURS, To=asked["To"], **more)

    await exchange.ask(asked["StatusCallback"], mine("ringing", SequenceNumber="1"))
    gather = (await exchange.ask(asked["Url"], mine("in-progress"))).find("Gather")
    assert gather is not None
    dial = (await exchange.ask(gather.attrib["action"], mine("in-progress", Digits="1"))).find("Dial")
    assert dial is not None
    number = dial.find("Number")
    assert number is not None
    assert number.text == MIA
    assert (dial.get("callerId"), dial.get("record")) == (OURS, "record-from-answer-dual")
    told = await exchange.ask(number.attrib["url"], exchange.form(exchange.sid(), "in-progress"))
    assert told.findtext("Say") == "This call is recorded."
    await exchange.leg(dial, sid, "in-progress")
    await exchange.over(dial, sid, "completed", DialCallDuration="77")
    await exchange.hang_up(sid, 90)
    recorded = {"RecordingSid": "RE" + "5" * 32, "RecordingDuration": "77", "RecordingStatus": "completed"}
    await exchange.ask(dial.attrib["recordingStatusCallback"], exchange.form(sid, "completed", **recorded))
    call = await exchange.the_call()
    assert {
        "id": call_id, "direction": "outbound", "status": "completed", "termination_status": "answered",
        "initiated_by_agent_id": world.leo.user_id, "last_answered_by_agent_id": None, "phone_number_source": OURS,
        "phone_number_destination": MIA, "ticket_id": ticket_id, "has_call_recording": True, "queue_id": None,
        "duration": 90,
    }.items() <= call.items()  # fmt: skip
    assert await exchange.kinds(call_id) == [
        "outgoing-phone-call", "phone-call-agent-dialed", "outgoing-phone-call-connected", "phone-call-answered",
        "phone-call-conversation-started", "completed-phone-call", "call-recording",
    ]  # fmt: skip
    [mail, message] = await messages(world, ticket_id)
    assert (message["channel"], message["from_agent"], message["sender"]["id"]) == (
        "phone",
        True,
        world.leo.user_id,
    )
    assert message["source"]["to"] == [{"name": mail["sender"]["name"], "address": MIA}]
    assert message["sent_datetime"] is not None
    assert message["failed_datetime"] is None
    assert await world.rows("select 1 from voice_lines where account_id = $1") == []


@pytest.mark.parametrize(("outcome", "status", "termination"), [
    ("busy", "busy", "missed"), ("no-answer", "no-answer", "missed"), ("failed", "failed", None), ("canceled", "canceled", "cancelled"),
])  # fmt: skip
async def test_the_customer_is_not_reached(
    world: World, exchange: Exchange, outcome: str, status: str, termination: str | None
) -> None:
    await exchange.look(accept=False)
    await exchange.at_work(world.leo)
    call_id = await order(world, await ticket(world), world.leo)
    # The agent picks up before the provider's answer to our request is here.
    sid = exchange.peer.sid
    bridge = exchange.number.address(exchange.base_url, "bridge") + f"?call={call_id}"
    dial = (await exchange.ask(bridge, exchange.form(sid, "in-progress"))).find("Dial")
    assert dial is not None
    await exchange.work()
    await exchange.over(dial, sid, outcome)
    call = await exchange.the_call()
    assert (call["external_id"], call["status"], call["termination_status"]) == (sid, status, termination)


async def test_the_agent_does_not_pick_up(world: World, exchange: Exchange) -> None:
    await exchange.at_work(world.leo)
    await order(world, await ticket(world), world.leo)
    await exchange.work()
    asked = exchange.peer.got[0][2]
    await exchange.ask(
        asked["StatusCallback"], exchange.form(exchange.peer.sid, "no-answer", CallDuration="0")
    )
    call = await exchange.the_call()
    assert (call["status"], call["termination_status"]) == ("no-answer", "cancelled")
    # Too late: his telephone must not reach the customer any more.
    late = await exchange.ask(asked["Url"], exchange.form(exchange.peer.sid, "in-progress"))
    assert [verb.tag for verb in late] == ["Hangup"]


async def test_why_it_was_not_called_is_told(world: World, exchange: Exchange) -> None:
    await exchange.at_work(world.leo)
    ticket_id = await ticket(world)
    exchange.peer.status, exchange.peer.said = 400, "Number <b>not</b> verified"
    await order(world, ticket_id, world.leo)
    await exchange.work()
    call = await exchange.the_call()
    assert (call["status"], call["termination_status"]) == ("failed", None)
    message = (await messages(world, ticket_id))[-1]
    assert message["last_sending_error"] == {
        "error": "<p>The provider did not make the call: Number &lt;b&gt;not&lt;/b&gt; verified</p>"
    }
    # The provider is away.
    await exchange.look()
    async with writing(world.database, world.account, Actor("system")) as work:
        await work.db.execute(
            "update voice_numbers set api = 'http://127.0.0.1:9' where account_id = $1", work.account.id
        )
    await order(world, ticket_id, world.leo)
    await exchange.work()
    message = (await messages(world, ticket_id))[-1]
    assert "lets nobody connect" in message["last_sending_error"]["error"]
    assert len([kind for kind, *_ in await world.events("ticket-message-failed")]) == 2
    # A worker that died: it is not asked for again, for the telephone may have rung.
    await order(world, ticket_id, world.leo)
    await world.rows("update voice_orders set state = 'taken' where account_id = $1")
    before = len(exchange.peer.got)
    await exchange.work()
    message = (await messages(world, ticket_id))[-1]
    assert "not known" in message["last_sending_error"]["error"]
    assert len(exchange.peer.got) == before
    # Nobody got to it in time.
    await order(world, ticket_id, world.leo)
    await exchange.earlier(120)
    await exchange.work()
    assert "within a minute" in (await messages(world, ticket_id))[-1]["last_sending_error"]["error"]
    assert await world.rows("select 1 from voice_orders where account_id = $1") == []


async def test_what_is_missing_is_told(world: World, exchange: Exchange) -> None:
    ticket_id = await ticket(world)
    with pytest.raises(errors.Conflict, match="in your profile"):
        await order(world, ticket_id, world.leo)
    await exchange.at_work(world.leo)
    with pytest.raises(errors.NotFound):
        await order(world, ticket_id + 999, world.leo)
    await world.ada.put(
        f"/api/integrations/{exchange.number.id}", {"deactivated_datetime": "2026-01-01T00:00:00Z"}
    )
    with pytest.raises(errors.Conflict, match="No telephone number of this helpdesk"):
        await order(world, ticket_id, world.leo)
    unknown = await ticket(world, phone="")
    await world.rows("delete from customer_channels where account_id = $1 and type = 'phone'")
    with pytest.raises(errors.Conflict, match="customer has no telephone"):
        await order(world, unknown, world.leo)
    assert await world.rows("select 1 from voice_calls where account_id = $1") == []


async def voicemail(exchange: Exchange) -> int:
    """Somebody left a message; the recording's id."""
    sid = exchange.sid()
    await exchange.call(sid)
    form = exchange.form(sid, "completed", RecordingSid="RE" + sid[2:], RecordingDuration="9")
    await exchange.ask("voicemail", form)
    call = await exchange.the_call()
    listed = (await exchange.world.leo.get("/api/phone/voice-call-recordings", call_id=call["id"])).json[
        "data"
    ]
    return listed[0]["id"]  # type: ignore[no-any-return]


async def bytes_of(world: World) -> int:
    return len(await world.rows("select 1 from files where account_id = $1"))


async def test_a_recording_is_kept_and_deleted(world: World, exchange: Exchange) -> None:
    recording_id = await voicemail(exchange)
    path = f"/api/phone/voice-call-recordings/{recording_id}"
    assert (await world.leo.get(path)).json["url"] is None
    await exchange.work()
    recording = (await world.leo.get(path)).json
    place = "/" + recording["url"].split("/", 3)[3]
    found = await world.leo.get(place)
    stored = await world.leo.http.get(
        found.headers["Location"].replace(found.headers["Location"].split("/files/")[0], world.leo.url)
    )
    assert (await stored.read(), stored.headers["Content-Type"]) == (AUDIO, "audio/mpeg")
    # Who may not listen is told no address.
    private = (await world.bea.get(path)).json
    assert (private["url"], private["error_code"]) == (None, "RECORDING_IS_PRIVATE")
    body = {"summary": "Wants her parcel by Friday."}
    assert (
        await world.leo.post(f"/api/_polus/voice-call-recordings/{recording_id}/summaries", body)
    ).status == 201
    [summary] = (await exchange.the_call())["summaries"]
    assert (summary["recording_id"], summary["summary"]) == (recording_id, body["summary"])
    [row] = await world.rows("select key from files where account_id = $1")
    assert (await world.leo.delete(path)).status == 403
    assert (await world.ada.delete(path)).status == 204
    assert (await world.ada.delete(path)).status == 204
    gone = (await world.ada.get(path)).json
    assert (gone["url"], gone["deleted_by_user_id"]) == (None, world.ada.user_id)
    assert (await world.leo.get(place)).status == 404
    async with world.database.pool.acquire() as db, db.transaction():
        await files.remove_unused(db, world.database.files, clock.now())
    with pytest.raises(FileNotFoundError):
        await world.database.files.size(row["key"])
    await exchange.work()
    assert exchange.peer.got[-1][:2] == ("DELETE", f"Recordings/{recording['external_id']}.json")
    assert await world.rows("select 1 from voice_orders where account_id = $1") == []


async def test_a_recording_that_cannot_be_fetched(world: World, exchange: Exchange, monkeypatch: Any) -> None:
    recording_id = await voicemail(exchange)
    exchange.peer.status = 503
    await exchange.work()
    [row] = await world.rows("select state, attempts, error from voice_orders where account_id = $1")
    assert tuple(row) == ("waiting", 1, "The answer was 503.")
    exchange.peer.status, exchange.peer.audio = 0, b"ID3" + b"x" * 2000
    monkeypatch.setattr(files, "FILE_LIMIT", 1000)
    await exchange.earlier(60)
    await exchange.work()
    [row] = await world.rows("select state, attempts from voice_orders where account_id = $1")
    assert row["attempts"] == 2
    # Deleted while it was on its way: nothing stays.
    assert (await world.ada.delete(f"/api/phone/voice-call-recordings/{recording_id}")).status == 204
    [row] = await world.rows("select kind from voice_orders where account_id = $1")
    assert row["kind"] == "erase"
    assert await bytes_of(world) == 0
