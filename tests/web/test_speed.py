"""How fast the inbox feels in a browser with many tickets, and a helpdesk in processes of its own, as people run it.

Printed, and judged only where no machine decides. `POLUS_TEST_TICKETS=100000` for the real size.
"""

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import Page, expect

from polus.desk import inbox
from tests import make
from tests.cli.programs import Installation, Serving

TICKETS = int(os.environ.get("POLUS_TEST_TICKETS", "300"))
REAL = TICKETS > 1000
"""Whether it is to be measured; else that it can be is all that is asked."""
TIMES = 5 if REAL else 1
REST = 300 if REAL else 0  # milliseconds between two presses
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
    return {path: min([await page.evaluate(FETCH, path) for _ in range(TIMES)]) for path in paths}


# When a note with that text is on the screen: milliseconds since the epoch. Asking again and again would round it up.
SEEN = """(text) => new Promise((done) => {
  setTimeout(() => done(NaN), 15000);
  const watch = new MutationObserver(() => {
    if (![...document.querySelectorAll(".message.note")].some((one) => one.textContent.includes(text))) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.timeOrigin + performance.now())));
  });
  watch.observe(document.getElementById("ticket"), { childList: true, subtree: true, characterData: true });
  window.watching = text;
})"""


@asynccontextmanager
async def desk(chromium: Chromium, cookies: Any = ()) -> AsyncIterator[Page]:
    """A browser that has nothing of the helpdesk kept but, perhaps, its cookies."""
    context = await chromium.new_context(viewport={"width": 1440, "height": 900})
    await context.add_cookies(cookies)
    page = await context.new_page()
    page.set_default_timeout(40_000)
    yield page
    await context.close()


async def paints(chromium: Chromium, address: str, cookies: Any) -> list[dict[str, float]]:
    """What the first load took in browsers that were never there, several times."""
    found = []
    for _ in range(TIMES):
        async with desk(chromium, cookies) as page:
            await page.goto(address)
            await page.wait_for_load_state("networkidle")
            found.append(await page.evaluate(PAINT))
    return found


async def lives(page: Page, http: Any, first: dict[str, str], address: str) -> float:
    """From before a note is sent, so before its commit, until it is on the screen of who has the ticket open."""
    headers = {"Authorization": aiohttp.encode_basic_auth(first["email"], first["key"])}
    found = []
    for text in [f"Live {n}." for n in range(TIMES)]:
        seen = asyncio.create_task(page.evaluate(SEEN, text))
        await page.wait_for_function("(text) => window.watching === text", arg=text)
        began = time.time() * 1000
        async with http.post(address, json=make.note(text), headers=headers) as answer:
            assert answer.status == 201
        found.append(await seen - began)
    return statistics.median(found)


@pytest.mark.slow
async def test_speed(
    chromium: Chromium, http: Any, tmp_path: Path, empty_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Installation(tmp_path / "data", empty_url, {"POLUS_RATE_LIMIT": "0"})
    async with here.serving() as serving:
        await here.quickly("seed", "--tickets", str(TICKETS), "--seed", "1")
        said = await measured(chromium, http, serving)
    with capsys.disabled():
        sys.stdout.write(f"\n{TICKETS} tickets: {said}\n")


async def measured(chromium: Chromium, http: Any, serving: Serving) -> str:
    first = serving.told["first"]
    async with desk(chromium) as page:
        await page.goto(serving.url + "/login")
        await page.fill("[name=email]", first["email"])
        await page.fill("[name=password]", first["password"])
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/inbox/**")
        cold = await paints(chromium, serving.url + "/inbox/open", await page.context.cookies())
        await page.reload()
        await page.wait_for_load_state("networkidle")
        await page.evaluate(WATCH)
        warm = await page.evaluate(PAINT)
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(page.locator(".thread")).to_be_visible()
        await page.wait_for_timeout(400)
        near = await middle(page, PRESS, [None] * TIMES, REST)
        rows = await page.locator("#rows > .row").evaluate_all("rows => rows.map((row) => row.id.slice(2))")
        far = await middle(page, OPEN, [rows[-n] for n in (1, 5, 9, 13)][:TIMES], REST)
        live = await lives(page, http, first, f"{serving.url}/api/tickets/{rows[-13]}/messages")
        shift = (await page.evaluate(PAINT))["shift"]
        took = await fragments(page, rows[0])
    slowest = max(took, key=lambda path: took[path])
    painted = sorted(one["paint"] for one in cold)
    assert cold[0]["weight"] < 250_000
    assert shift < 0.001
    return (
        f"first paint {statistics.median(painted):.0f} ms ({painted[0]:.0f} to {painted[-1]:.0f}), again {warm['paint']:.0f} ms; "
        f"weight {cold[0]['weight'] / 1000:.0f} kB; next ticket {near:.0f} ms fetched ahead, {far:.0f} ms not; "
        f"live after {live:.0f} ms; layout shift {shift:.3f}; slowest fragment {slowest} {took[slowest]:.0f} ms"
    )
