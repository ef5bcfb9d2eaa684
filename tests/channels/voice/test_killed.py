"""Workers that are killed in the middle of what they ask the provider: a recording is kept once, nobody is called twice."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest

from tests.channels import dying
from tests.channels.voice import exchange as exchanges
from tests.channels.voice.exchange import AUDIO, MIA, Exchange
from tests.channels.voice.test_outgoing import messages, order, ticket, voicemail
from tests.channels.wires import Break, Open, Wire
from tests.world import World

pytestmark = pytest.mark.thorough


@pytest.fixture
async def exchange(world: World) -> AsyncIterator[Exchange]:
    async with exchanges.opened(world) as opened:
        await world.rows("delete from voice_orders where $1 > 0 returning 1")
        yield opened


async def wired(exchange: Exchange, wire: Open) -> Wire:
    """The provider's API, at the other end of a wire."""
    way = await wire(int(urlsplit(exchange.peer.url).port or 0))
    exchange.peer.url = way.url
    await exchange.look()
    return way


async def killed(exchange: Exchange, way: Wire, at: Break) -> None:
    way.breaks = [at]
    await dying.killed(exchange.world.database, "voice_orders", at.reached)
    [row] = await exchange.world.rows("select state from voice_orders where account_id = $1")
    assert row["state"] == "taken"
    await exchange.work()
    assert len(exchange.peer.got) <= 1, "nobody else has it before its lease is over"


async def test_kill_9_while_a_recording_is_fetched(world: World, exchange: Exchange, wire: Open) -> None:
    way = await wired(exchange, wire)
    recording_id = await voicemail(exchange)
    await killed(exchange, way, Break("down", AUDIO[500:600], "stall"))
    path = f"/api/phone/voice-call-recordings/{recording_id}"
    assert (await world.leo.get(path)).json["url"] is None
    await exchange.earlier(301)
    await exchange.work()
    assert (await world.leo.get(path)).json["url"] is not None
    assert [got[0] for got in exchange.peer.got] == ["GET", "GET"]
    [file] = await world.rows("select size from files where account_id = $1")
    assert file["size"] == len(AUDIO)
    place = Path(str(world.database.files._store.prefix)) / str(world.account.id)  # type: ignore[attr-defined]
    assert len([one for one in place.rglob("*") if one.is_file()]) == 1, "nothing of the first attempt stays"
    assert await world.rows("select 1 from voice_orders where account_id = $1") == []


@pytest.mark.parametrize(("way_of", "words", "asked"), [("up", b"Timeout=30", 0), ("down", b'"sid"', 1)])
async def test_kill_9_while_a_call_is_asked_for(
    world: World, exchange: Exchange, wire: Open, way_of: Literal["up", "down"], words: bytes, asked: int
) -> None:
    way = await wired(exchange, wire)
    await exchange.at_work(world.leo)
    ticket_id = await ticket(world)
    call_id = await order(world, ticket_id, world.leo)
    await killed(exchange, way, Break(way_of, words, "stall"))
    await exchange.earlier(61)
    await exchange.work()
    assert len(exchange.peer.got) == asked, "it is asked for once, whatever became of it"
    assert "not known whether" in (await messages(world, ticket_id))[-1]["last_sending_error"]["error"]
    assert (await exchange.the_call())["status"] == "failed"
    assert await world.rows("select 1 from voice_orders where account_id = $1") == []
    # Should the telephone ring all the same, it does not lead to the customer any more; and the agent may try again.
    late = exchange.number.address(exchange.base_url, "bridge") + f"?call={call_id}"
    assert [
        verb.tag for verb in await exchange.ask(late, exchange.form(exchange.peer.sid, "in-progress"))
    ] == ["Hangup"]
    await order(world, ticket_id, world.leo)
    await exchange.work()
    assert len(exchange.peer.got) == asked + 1


async def test_a_call_that_rang_though_the_worker_died_goes_on(
    world: World, exchange: Exchange, wire: Open
) -> None:
    way = await wired(exchange, wire)
    await exchange.look(accept=False)
    await exchange.at_work(world.leo)
    call_id = await order(world, await ticket(world), world.leo)
    await killed(exchange, way, Break("down", b"HTTP/1.1", "stall"))
    bridge = exchange.number.address(exchange.base_url, "bridge") + f"?call={call_id}"
    dial = (await exchange.ask(bridge, exchange.form(exchange.peer.sid, "in-progress"))).find("Dial")
    assert dial is not None
    assert dial.findtext("Number") == MIA
    await exchange.earlier(61)
    await exchange.work()
    call: Any = await exchange.the_call()
    assert (call["external_id"], call["status"]) == (exchange.peer.sid, "connected")
    assert await world.rows("select 1 from voice_orders where account_id = $1") == []
