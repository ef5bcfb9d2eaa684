"""Renders the templates with the examples and takes pictures of them: `python -m tests.web.gallery OUT [scene…]`.

For looking at, not for proving: the browser tests drive the real server.
"""

import asyncio
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import uvicorn
from playwright.async_api import Browser, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from polus.desk.outlets import Outlets
from polus.web import assets, frames, render, senders, timelines
from tests.web import examples as ex

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HTMX = "{}"
Facts = dict[str, Any]


def inbox(view: str = "open", **more: Any) -> Facts:
    chosen = next(v for v in ex.VIEW_LIST if v["key"] == view)
    facts: Facts = {
        "view": chosen, "views": ex.VIEW_LIST, "shelves": ex.SHELVES, "tickets": {"data": ex.ROWS, "meta": {"next_cursor": "abc"}}, "selected": None, "ticket": None,
        "problem": None, "pane": "list", "htmx_config": HTMX, "notice": None, "errors": {}, "draft": None, "planned": [], "newer": [], "then": "", "bulk_people": ex.PEOPLE, "bulk_teams": ex.TEAMS, "bulk_snoozes": [], "intents_known": ["refund/request"], "forms": {"Ticket": [], "Customer": []}, "missing": {}, "wrong": {}, "whys": {}, "alike": [], "outlets": None,
    }  # fmt: skip
    return facts | more


def opened(base: Facts, messages: list[Facts], events: list[Facts] | None = None, **more: Any) -> Facts:
    ticket = ex.full(base, messages)
    snoozes = [{"name": n, "until": ex.NOW + timedelta(hours=h)} for n, h in (("Later today", 3), ("Tomorrow morning", 18), ("Next week", 90))]  # fmt: skip
    facts = inbox(
        ticket=ticket, selected=ticket["id"], pane="ticket", timeline=timelines.groups(ticket, events or []), bodies=timelines.bodies(ticket, "hash"), files={"/files/2": assets.url("favicon.svg")},
        names={"users": {p["id"]: p["name"] for p in ex.PEOPLE}, "teams": {t["id"]: t["name"] for t in ex.TEAMS}, "rules": {}}, people=ex.PEOPLE, teams=ex.TEAMS,
        snoozes=snoozes, customer=ex.customer(ticket["customer"]), others=ex.ROWS[4:9], others_more=True,
        reply={"answerable": True, "reason": None, "to": ticket["customer"]["email"], "from_address": "support@shop.example", "copies": True, "senders": [], "all": "", "last": 9, "channels": ["chat", "email"]},
        panes=ex.PANES, checks={message["id"]: senders.told(message, str) for message in messages},
    )  # fmt: skip
    return facts | more


def many() -> list[Facts]:
    return [
        ex.message(n, ex.MARIE, f"Message number {n}", created_datetime=ex.stamp(hours=50 - n))
        for n in range(1, 41)
    ]


SCENES: dict[str, tuple[str, Any]] = {
    "login": ("login.html", lambda: {"failure": None, "step": "", "errors": {"email": "", "password": "", "code": ""}, "email": "", "next": "/inbox", "offers": {"google": "Google"}}),
    "login-failed": ("login.html", lambda: {"failure": "The e-mail address or the password is wrong.", "step": "", "errors": {"email": "", "password": "Please enter your password."}, "email": "anna@shop.example", "next": "/inbox", "offers": {}}),
    "login-code": ("login.html", lambda: {"failure": None, "step": "token", "errors": {"email": "", "password": "", "code": "This code is not right, or was used already."}, "email": "anna@shop.example", "next": "/inbox", "offers": {}}),
    "error": ("error.html", lambda: {"title": "This page does not exist", "body": "The ticket may have been deleted, or the address is wrong.", "request_id": "6f1c2a"}),
    "list": ("inbox.html", inbox),
    "empty": ("inbox.html", lambda: inbox(tickets={"data": [], "meta": {"next_cursor": None}}, outlets=Outlets([(1, "support@shop.example")], False))),
    "empty-spam": ("inbox.html", lambda: inbox("spam", tickets={"data": [], "meta": {"next_cursor": None}})),
    "missing": ("inbox.html", lambda: inbox(problem={"title": "Ticket #999 does not exist", "body": "It may have been deleted."}, pane="ticket")),
    "ticket": ("inbox.html", lambda: opened(ex.ROWS[0], ex.CONVERSATION, ex.EVENTS)),
    "customer": ("inbox.html", lambda: opened(ex.ROWS[0], ex.CONVERSATION, ex.EVENTS, pane="customer")),
    "rail": ("inbox.html", lambda: opened(ex.ROWS[0], ex.CONVERSATION, ex.EVENTS, pane="rail")),
    "hard": ("inbox.html", lambda: opened(ex.ROWS[1], [ex.message(1, ex.LONG, "word " * 700)], ex.EVENTS)),
    "rtl": ("inbox.html", lambda: opened(ex.ROWS[2], [ex.message(1, ex.RTL, "مرحبا، لم يصل الطرد بعد.\nOrder #10432 أريد أن أعرف متى سيصل.")])),
    "many": ("inbox.html", lambda: opened(ex.ROWS[9], many())),
    "failed-reply": ("inbox.html", lambda: opened(ex.ROWS[0], ex.CONVERSATION[:2], draft={"mode": "reply", "to": "nobody@", "cc": "x@y.example", "bcc": "", "body": "Hello"}, errors={"to": "“nobody@” is not an e-mail address."}, notice={"bad": True, "text": "The message was not sent."})),
    "note": ("inbox.html", lambda: opened(ex.ROWS[3], ex.CONVERSATION[:2], draft={"mode": "note"}, reply={"answerable": False, "reason": "This customer has no e-mail address.", "to": "", "from_address": None, "copies": False, "senders": [], "all": "", "last": 0, "channels": []})),
}  # fmt: skip


async def scene(request: Request) -> Response:
    template, facts = SCENES[request.path_params["name"]]
    page = render.text(template, ex.here(request.query_params.get("theme", "system")), **facts())
    return HTMLResponse(page, headers={"content-security-policy": POLICY})


async def frame(request: Request) -> Response:
    found = next(m for m in ex.CONVERSATION if m["id"] == request.path_params["message"])
    return frames.answer(found["body_html"], "Mail", "images" in request.query_params)


async def fragment(request: Request) -> Response:
    facts = opened(ex.ROWS[request.path_params["ticket"] - 1], ex.CONVERSATION, ex.EVENTS)
    return HTMLResponse(render.text("fragments/ticket.html", ex.here(), **facts))


async def nothing(request: Request) -> Response:
    return Response(status_code=204)


app = Starlette(routes=[Mount("/static", app=assets.serve), Route("/scene/{name}", scene), Route("/live", nothing), Route("/inbox/{view}/{ticket:int}/ticket", fragment), Route("/tickets/{ticket:int}/messages/{message:int}/html", frame)])  # fmt: skip


async def shoot(browser: Browser, port: int, out: Path, names: list[str]) -> None:
    for width, height in ((1440, 900), (1024, 768), (390, 844)):
        for theme in ("light", "dark"):
            context = await browser.new_context(
                viewport={"width": width, "height": height}, color_scheme=theme
            )  # type: ignore[arg-type]
            page = await context.new_page()
            page.on("console", lambda said: sys.stderr.write(f"console: {said.text}\n"))
            for name in names:
                await page.goto(f"http://127.0.0.1:{port}/scene/{name}")
                await page.wait_for_load_state("networkidle")
                await page.screenshot(path=out / f"{name}-{width}-{theme}.png")
            await context.close()


async def main(out: Path, names: list[str]) -> None:
    server = uvicorn.Server(uvicorn.Config(app, port=8977, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        await shoot(browser, 8977, out, names or list(SCENES))
    server.should_exit = True


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
