"""How fast the inbox feels in a browser with many tickets: printed, not judged, because the machine decides.

`POLUS_TEST_TICKETS=100000` for the real size.
"""

import datetime
import os
import statistics
import sys
from typing import Any

import pytest
from playwright.async_api import Page, expect

from polus.desk import inbox
from polus.seeding import seeds
from tests import make
from tests import world as worlds
from tests.web.conftest import Enter

TICKETS = int(os.environ.get("POLUS_TEST_TICKETS", "500"))
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


# What a fragment takes, its network and parsing left out: the server on the same machine.
FETCH = """async (path) => { const at = performance.now(); await (await fetch(path, { headers: { "HX-Request": "true" } })).text(); return performance.now() - at; }"""


async def middle(page: Page, script: str, arguments: list[Any], rest: int) -> float:
    found = []
    for argument in arguments:
        found.append(await page.evaluate(script, argument))
        await page.wait_for_timeout(rest)
    return statistics.median(found)


async def fragments(page: Page, ticket: str) -> dict[str, float]:
    """Milliseconds of each view's list, of the counts of own views and of a ticket."""
    paths = [f"/inbox/{view}/list" for view in inbox.VIEWS]
    paths += ["/inbox/open/shelves", f"/inbox/open/{ticket}/ticket"]
    return {path: min([await page.evaluate(FETCH, path) for _ in range(3)]) for path in paths}


@pytest.mark.slow
async def test_speed(enter: Enter, shop: worlds.World, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.datetime.now(datetime.UTC)
    await seeds.sow(shop.database, shop.account, TICKETS, seed=1, until=now, told=lambda _: None)
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
    near = await middle(page, PRESS, [None] * 5, 300)
    rows = await page.locator("#rows > .row").evaluate_all("rows => rows.map((row) => row.id.slice(2))")
    far = await middle(page, OPEN, [rows[-n] for n in (1, 13)], 300)
    live = await page.evaluate("performance.timeOrigin + performance.now()")
    await shop.leo.post(f"/api/tickets/{rows[-13]}/messages", make.note("Live"))
    await expect(page.locator(".message.note", has_text="Live")).to_be_visible()
    live = await page.evaluate("performance.timeOrigin + performance.now()") - live
    shift = (await page.evaluate(PAINT))["shift"]
    took = await fragments(page, rows[0])
    slowest = max(took, key=lambda path: took[path])
    assert first["weight"] < 250_000
    assert shift < 0.001
    said = (
        f"first paint {first['paint']:.0f} ms, again {warm['paint']:.0f} ms; weight {first['weight'] / 1000:.0f} kB; "
        f"next ticket {near:.0f} ms fetched ahead, {far:.0f} ms not; live after {live:.0f} ms; layout shift {shift:.3f}; "
        f"slowest fragment {slowest} {took[slowest]:.0f} ms"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{TICKETS} tickets: {said}\n")
