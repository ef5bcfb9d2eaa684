"""Two answers to one person do not overtake each other, and nobody else waits for one that does not get through."""

import asyncio
from datetime import timedelta
from typing import Any

from aiohttp import web

from polus.store.queue import Queue
from tests.channels.texts.office import THEIRS, Got, Texts

OTHER = "+14155550199"


async def two(texts: Texts) -> tuple[int, int]:
    """Tickets of two people."""
    await texts.number()
    return await texts.say(), await texts.say(sid="SM" + "2" * 32, From=OTHER)


async def spoken(texts: Texts, ticket_id: int, *words: str) -> None:
    for one in words:
        await texts.answer(ticket_id, body_text=one)
    await texts.react()


def said(texts: Texts) -> list[str]:
    return [got.form["Body"] for got in texts.peer.got]


async def test_an_answer_waits_for_the_one_before_it(texts: Texts) -> None:
    mine, others = await two(texts)
    first = asyncio.Event()

    def answer(got: Got) -> str | None:
        first.set()
        return "hold" if got.form["Body"] == "One" else None

    texts.peer.answer = answer
    await spoken(texts, mine, "One", "Two", "Three")
    await spoken(texts, others, "Hello", "again")
    lanes = [Queue(texts.world.database, texts.sender().lane()) for _ in range(2)]
    working = [asyncio.create_task(lane.drain()) for lane in lanes]
    async with asyncio.timeout(20):
        while said(texts)[-1:] != ["again"]:
            await asyncio.sleep(0.01)
    assert sorted(said(texts)) == ["Hello", "One", "again"], "others do not wait"
    texts.peer.released.set()
    await asyncio.gather(*working)
    await texts.work()
    assert [one for one in said(texts) if one[0] in "OT"] == ["One", "Two", "Three"]


async def test_one_that_fails_holds_up_its_own_line_only_and_not_for_ever(texts: Texts) -> None:
    mine, others = await two(texts)
    refused = {"One"}

    def answer(got: Got) -> Any:
        return web.Response(status=503) if got.form["Body"] in refused else None

    async def later(minutes: int) -> None:
        await texts.world.rows(
            "update text_deliveries set due_datetime = due_datetime - $2::interval, claimed_datetime = claimed_datetime -"
            " $2::interval, created_datetime = created_datetime - $2::interval where account_id = $1 returning 1",
            timedelta(minutes=minutes),
        )  # fmt: skip
        texts.peer.got.clear()
        await texts.work()

    texts.peer.answer = answer
    await spoken(texts, mine, "One", "Two")
    await spoken(texts, others, "Hello")
    await texts.work()
    assert sorted(said(texts)) == ["Hello", "One"]
    # A provider that is away for a moment: the order stays.
    refused.clear()
    await later(1)
    assert said(texts) == ["One", "Two"]
    # One that is away for long: what comes later makes the first be tried before its time, and goes after it ...
    refused |= {"Three", "Four"}
    await spoken(texts, mine, "Three")
    await texts.work()
    await later(1)
    await later(5)
    await spoken(texts, mine, "Four")
    await later(11)
    assert said(texts) == ["Three", "Four"]
    [third, _] = await texts.world.rows(
        "select attempts, due_datetime > now() as waits from text_deliveries where account_id = $1 order by message_id"
    )
    assert (third["attempts"], third["waits"]) == (3, True), "what was tried before its time is not counted"
    refused.clear()
    await later(1)
    assert said(texts) == ["Three", "Four"]
    # ... unless it is the first alone that does not get through.
    refused.add("Five")
    await spoken(texts, mine, "Five", "Six")
    await texts.work()
    await later(1)
    assert said(texts) == ["Five"]
    await later(11)
    assert said(texts) == ["Five", "Six"]
    assert await texts.world.rows("select 1 from text_deliveries where account_id = $1") != []


async def test_a_refusal_for_good_lets_the_next_one_go(texts: Texts) -> None:
    mine, _ = await two(texts)
    texts.peer.answer = lambda got: web.Response(status=400) if got.form["Body"] == "One" else None
    await spoken(texts, mine, "One", "Two")
    await texts.work()
    assert said(texts) == ["One", "Two"]
    assert {got.form["To"] for got in texts.peer.got} == {THEIRS}
