"""`/api/phone/…`: what the voice channel wrote is read, and recordings are deleted."""

from typing import Any

from polus.base import clock
from polus.desk import files
from tests.api.test_files import form, upload
from tests.world import World


async def call(world: World, number: int, **more: Any) -> int:
    rows = await world.rows(
        "insert into voice_calls (account_id, integration_id, ticket_id, external_id, provider, status, direction,"
        " created_datetime) values ($1, 1, $3, 'CA' || $2::int, 'twilio', 'completed', 'inbound',"
        " '2026-01-01'::timestamptz + $2::int * interval '1 minute') returning id",
        number,
        more.get("ticket_id"),
    )
    return rows[0][0]  # type: ignore[no-any-return]


async def event(world: World, call_id: int, number: int) -> int:
    rows = await world.rows(
        "insert into voice_call_events (account_id, type, call_id, meta, created_datetime) values"
        " ($1, 'phone-call-ringing', $2, '{\"n\": 1}', '2026-01-01'::timestamptz + $3::int * interval '1 second')"
        " returning id",
        call_id,
        number,
    )
    return rows[0][0]  # type: ignore[no-any-return]


async def recording(world: World, call_id: int, url: str) -> int:
    rows = await world.rows(
        "insert into voice_call_recordings (account_id, call_id, external_id, url, duration, type, created_datetime)"
        " values ($1, $2, 'RE1', $3, 12, 'voicemail', '2026-01-01') returning id",
        call_id,
        url,
    )
    return rows[0][0]  # type: ignore[no-any-return]


async def test_calls_are_listed_newest_first(world: World) -> None:
    ids = [await call(world, number, ticket_id=number % 2 + 1) for number in range(5)]
    assert [c["id"] for c in await world.oda.walk("/api/phone/voice-calls", limit=2)] == ids[::-1]
    of_one = (await world.oda.get("/api/phone/voice-calls", ticket_id=1)).json
    assert [c["id"] for c in of_one["data"]] == [ids[4], ids[2], ids[0]]
    assert set(of_one["meta"]) == {"prev_cursor", "next_cursor"}
    one = (await world.oda.get(f"/api/phone/voice-calls/{ids[0]}/")).json
    assert (one["external_id"], one["summaries"], one["duration"]) == ("CA0", [], None)
    assert (await world.oda.get("/api/phone/voice-calls", order_by="id")).status == 400
    assert (await world.oda.get("/api/phone/voice-calls/999999")).status == 404


async def test_events_are_listed_oldest_first(world: World) -> None:
    first, second = await call(world, 1), await call(world, 2)
    ids = [await event(world, first, number) for number in range(3)]
    other = await event(world, second, 0)
    assert [
        e["id"] for e in await world.oda.walk("/api/phone/voice-call-events", call_id=first, limit=2)
    ] == ids
    assert len((await world.oda.get("/api/phone/voice-call-events")).json["data"]) == 4
    one = (await world.oda.get(f"/api/phone/voice-call-events/{other}")).json
    assert (one["account_id"], one["meta"]) == (world.account.id, {"n": 1})


async def test_a_recording_is_private_and_can_be_deleted(world: World) -> None:
    [file] = (await upload(world.leo, form(("voice.mp3", "voice.mp3", b"ID3 not really music")))).json
    url = file["url"]
    number = await recording(world, await call(world, 1), url)
    path = f"/api/phone/voice-call-recordings/{number}"
    assert (await world.leo.get("/api/" + url.split("/api/")[1])).status == 307
    heard = (await world.leo.get(path)).json
    assert (heard["url"], "error_code" in heard) == (url, False)
    private = (await world.bea.get(path)).json
    assert (private["url"], private["error_code"]) == (None, "RECORDING_IS_PRIVATE")
    assert (await world.leo.delete(path)).status == 403
    assert (await world.ada.delete(path)).status == 204
    assert (await world.ada.delete(path)).status == 204
    gone = (await world.leo.get(path)).json
    assert (gone["url"], gone["deleted_by_user_id"]) == (None, world.ada.user_id)
    assert gone["deleted_datetime"] is not None
    assert (await world.leo.get("/api/" + url.split("/api/")[1])).status == 404
    assert len((await world.oda.get("/api/phone/voice-call-recordings")).json["data"]) == 1
    async with world.database.pool.acquire() as db, db.transaction():
        assert await files.remove_unused(db, world.database.files, clock.now()) > 0
    assert await world.rows("select 1 from files where account_id = $1") == []
    assert (await world.ada.delete("/api/phone/voice-call-recordings/999999")).status == 404
