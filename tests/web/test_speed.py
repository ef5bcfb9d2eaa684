"""How fast the inbox feels in a browser with many tickets: printed, not judged, because the machine decides.

`POLUS_TEST_TICKETS=100000` for the real size.
"""

import os
import statistics
import sys
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests import make
from tests import world as worlds
from tests.web.conftest import Enter

TICKETS = int(os.environ.get("POLUS_TEST_TICKETS", "500"))
MANY = """
insert into tickets (account_id, status, channel, via, from_agent, customer_id, subject, created_datetime, updated_datetime,
  processed_datetime, last_message_datetime, unread_datetime)
select $1, case when n % 10 = 0 then 'open' else 'closed' end, 'email', 'email', false, t.customer_id, 'Copy ' || n, now(),
  now(), now(), now() - n * interval '1 minute', now()
from tickets t, generate_series(1, $3::int) n where t.account_id = $1 and t.id = $2
"""
WORDS = """
insert into messages (account_id, ticket_id, channel, via, from_agent, public, source, sender_id, body_text, stripped_text,
  created_datetime, processed_datetime, sent_datetime)
select $1, t.id, 'email', 'email', false, true, '{"type": "email"}', t.customer_id, 'Where is my parcel?', 'Where is my parcel?',
  now(), now(), now() from tickets t where t.account_id = $1 and t.status = 'open' and t.subject like 'Copy%'
"""
# From the key's event to the frame after the one in which the ticket was put into the page.
PRESS = """() => new Promise((done) => {
  const at = performance.now();
  setTimeout(() => done(NaN), 10000);
  document.addEventListener("polus:opened", () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - at))), { once: true });
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
})"""
OPEN = """(id) => new Promise((done) => {
  const at = performance.now();
  setTimeout(() => done(NaN), 10000);
  document.addEventListener("polus:opened", () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - at))), { once: true });
  document.querySelector(`#t-${id} a`).click();
})"""
PAINT = """() => ({ paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  weight: [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].reduce((sum, one) => sum + one.encodedBodySize, 0),
  shift: window.shifted ?? 0 })"""
WATCH = """new PerformanceObserver((list) => { for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted = (window.shifted ?? 0) + one.value; }).observe({ type: "layout-shift", buffered: true })"""


async def middle(page: Page, script: str, arguments: list[Any], rest: int) -> float:
    found = []
    for argument in arguments:
        found.append(await page.evaluate(script, argument))
        await page.wait_for_timeout(rest)
    return statistics.median(found)


@pytest.mark.slow
async def test_speed(enter: Enter, shop: worlds.World, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    made = await make.ticket(shop)
    for sql, more in ((MANY, (made["id"], TICKETS)), (WORDS, ())):
        async with shop.database.pool.acquire() as db:
            await db.execute(sql, shop.account.id, *more)
    async with shop.database.pool.acquire() as db:
        await db.execute("analyze tickets, messages")
    page = await enter()
    first = await page.evaluate(PAINT)
    await page.reload()
    await page.wait_for_load_state("networkidle")
    await page.evaluate(WATCH)
    warm = await page.evaluate(PAINT)
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator(".thread")).to_be_visible()
    await page.wait_for_timeout(400)
    near = await middle(page, PRESS, [None] * 15, 300)
    rows = await page.locator("#rows > .row").evaluate_all("rows => rows.map((row) => row.id.slice(2))")
    far = await middle(page, OPEN, [rows[-n] for n in (1, 5, 9, 13)], 300)
    live = await page.evaluate("performance.timeOrigin + performance.now()")
    await shop.leo.post(f"/api/tickets/{rows[-13]}/messages", make.note("Live"))
    await expect(page.locator(".message.note")).to_be_visible()
    live = await page.evaluate("performance.timeOrigin + performance.now()") - live
    shift = (await page.evaluate(PAINT))["shift"]
    assert first["weight"] < 250_000
    assert shift < 0.001
    said = (
        f"first paint {first['paint']:.0f} ms, again {warm['paint']:.0f} ms; weight {first['weight'] / 1000:.0f} kB; "
        f"next ticket {near:.0f} ms fetched ahead, {far:.0f} ms not; live after {live:.0f} ms; layout shift {shift:.3f}"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{TICKETS} tickets: {said}\n")
