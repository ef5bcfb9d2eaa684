"""The wire to a provider breaks in the middle of a request and of an answer: no text is lost, and only one that the provider
took, and could not say so, goes again."""

from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from polus.channels import twilio
from polus.channels.texts import by_http
from tests.channels.texts.office import OURS, PICTURE, THEIRS, Texts
from tests.channels.wires import Break, Open

Way = Literal["up", "down"]
HOWS: tuple[Literal["cut", "reset", "stall"], ...] = ("cut", "reset", "stall")
# Of the request its head and its body; of the answer its head and its body.
ASKED: list[tuple[Way, bytes]] = [
    ("up", b"Accept"),
    ("up", b"my+way"),
    ("down", b"HTTP/1.1 2"),
    ("down", b'"sid"'),
]
GATE: list[tuple[Way, bytes]] = [
    ("up", b"Accept"),
    ("up", b"my way"),
    ("down", b"HTTP/1.1 2"),
    ("down", b'"id"'),
]


def breaks(steps: list[tuple[Way, bytes]], way: Way) -> list[Break]:
    return [Break(*step, how) for step in steps for how in HOWS if step[0] == way]


@pytest.mark.parametrize("provider", ["twilio", "http"])
async def test_a_wire_that_breaks_in_the_middle(
    texts: Texts, wire: Open, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio, "SECONDS", 0.3)
    monkeypatch.setattr(by_http, "SECONDS", 0.3)
    steps = ASKED if provider == "twilio" else GATE
    way = await wire(int(urlsplit(texts.peer.url).port or 0))
    texts.peer.url = way.url
    await texts.number(provider=provider)
    customer = {"channels": [{"type": "phone", "address": THEIRS}]}
    note = {"channel": "internal-note", "via": "api", "from_agent": True, "body_text": "Tell her.",
            "sender": {"id": texts.world.ada.user_id}}  # fmt: skip
    opened = await texts.world.ada.post(
        "/api/tickets", {"customer": customer, "channel": "sms", "messages": [note]}
    )
    assert opened.status == 201, opened.raw
    ticket_id = opened.json["id"]

    async def attempts(way_of: Way) -> int:
        """Until it is sent; how often the provider had it then."""
        way.breaks, before = breaks(steps, way_of), len(texts.peer.got)
        made = await texts.answer(ticket_id, body_text="on my way")
        broken = 0
        while way.breaks:
            first = way.breaks[0]
            await texts.work()
            assert first.reached.is_set()
            broken += 1
            [row] = await texts.world.rows(
                "select attempts, worker, error from text_deliveries where account_id = $1"
            )
            assert (row["attempts"], row["worker"]) == (broken, None)
            assert "broke off" in row["error"] or "within 0.3 seconds" in row["error"], "in words"
            assert (await texts.message(made))["sent_datetime"] is None
            await texts.hurry()
        await texts.work()
        assert await texts.world.rows("select 1 from text_deliveries where account_id = $1") == []
        assert (await texts.message(made))["sent_datetime"] is not None
        return len(texts.peer.got) - before

    assert await attempts("up") == 1, "of half a request nothing is sent"
    # The stated case, as often as it happens; a gateway knows it again by its key.
    assert await attempts("down") == 7
    if provider == "http":
        assert len({got.json["key"] for got in texts.peer.got[1:]}) == 1
    assert len(await texts.world.rows("select 1 from text_states where account_id = $1")) == 2


@pytest.mark.parametrize("how", HOWS[:2])
async def test_a_file_whose_wire_breaks_comes_whole_or_later(texts: Texts, wire: Open, how: Any) -> None:
    way = await wire(int(urlsplit(texts.peer.url).port or 0))
    texts.peer.url = way.url
    await texts.number()
    texts.peer.files["/media"] = lambda: web.Response(body=PICTURE, content_type="image/png")
    form = {"MessageSid": "MM" + "1" * 32, "From": THEIRS, "To": OURS, "Body": "", "NumMedia": "1",
            "MediaUrl0": way.url + "/media"}  # fmt: skip
    for _ in range(2):  # the provider did not hear our 200 the first time
        assert (await texts.twilio(form)).status == 200
    way.breaks = [Break("down", b"IDAT", how), *[Break("down", b"HTTP/1.1", how) for _ in range(2)]]
    for _ in range(2):
        await texts.take()
        assert await texts.world.rows("select 1 from messages where account_id = $1") == []
        await texts.hurry("text_arrivals")
    await texts.take()
    [row] = await texts.world.rows("select attachments from messages where account_id = $1")
    assert row["attachments"].count('"url"') == 1
    [file] = await texts.world.rows("select size from files where account_id = $1")
    assert file["size"] == len(PICTURE)
