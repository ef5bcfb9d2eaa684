"""Pages let nobody do what the API refuses to his role; each case is refused by both."""

import re
from typing import Any

import aiohttp

from polus.base import crypto, wire
from polus.web.site import Site
from tests import make
from tests import world as worlds
from tests.web.conftest import PASSWORD, Browser

CALL = {"name": "http", "title": "Call", "type": "user", "arguments": {"method": "GET", "url": "https://elsewhere.example/"}}  # fmt: skip
CLOSE = {"name": "setStatus", "title": "Close", "type": "user", "arguments": {"status": "closed"}}


async def logged_in(
    http: aiohttp.ClientSession, house: tuple[str, Site], shop: worlds.World, who: worlds.Client
) -> Browser:
    hashed = await crypto.hash_password(PASSWORD)
    await shop.rows("update users set password_hash = $3 where account_id = $1 and id = $2 returning id", who.user_id, hashed)  # fmt: skip
    browser = Browser(http, house[0], who.host)
    assert (await browser.log_in(who.email)).status == 303
    return browser


async def two_tickets(shop: worlds.World) -> list[int]:
    given = {"messages": [make.mail("Hello"), make.mail("Still there?")], "customer": {"email": "mia@example.com"}}  # fmt: skip
    return [(await shop.ada.post("/api/tickets", given)).json["id"] for _ in range(2)]


async def test_lite_agents_neither_merge_nor_split(
    http: aiohttp.ClientSession, house: tuple[str, Site], shop: worlds.World
) -> None:
    first, second = await two_tickets(shop)
    [message] = await shop.rows("select id from messages where account_id = $1 and ticket_id = $2 order by id limit 1", first)  # fmt: skip
    lite = await logged_in(http, house, shop, shop.lia)
    page = (await lite.get(f"/inbox/all/{first}")).text
    csrf = {"csrf": page.split('name="csrf" value="')[1].split('"')[0], "view": "all"}
    assert "/merge" not in page
    assert "/split" not in page
    assert (await shop.lia.post(f"/api/_polus/tickets/{first}/merge", {"source_id": second})).status == 403
    merged = await lite.post(f"/tickets/{first}/merge", csrf | {"source": str(second)})
    split = await lite.post(f"/tickets/{first}/messages/{message['id']}/split", csrf)
    pressed = await lite.post(f"/tickets/{first}/press", csrf | {"button": "x.y"})
    assert (merged.status, split.status, pressed.status) == (403, 403, 403)
    bulk = await lite.post("/bulk", csrf | {"action": "merge", "ids": f"{first},{second}"})
    assert bulk.headers["polus-refused"] == "1"
    assert await shop.events("ticket-merged", "ticket-split") == []
    assert (await shop.bea.post(f"/api/_polus/tickets/{first}/merge", {"source_id": second})).status == 201


async def test_actions_of_a_message_need_the_role_that_they_need_elsewhere(
    http: aiohttp.ClientSession, house: tuple[str, Site], shop: worlds.World
) -> None:
    """Whoever may only write notes had tickets closed, and calls made, by a note."""
    ticket, _ = await two_tickets(shop)

    async def noted(who: worlds.Client, *actions: Any) -> int:
        return (await who.post(f"/api/tickets/{ticket}/messages", make.note("Look.") | {"actions": actions})).status  # fmt: skip

    assert (await noted(shop.oda, CLOSE), await noted(shop.oda, CALL)) == (403, 403)
    assert (await noted(shop.lia, CLOSE, CALL), await noted(shop.oda)) == (403, 201)
    opened = {"messages": [make.note("Look.") | {"actions": [CALL]}], "customer": {"email": "m@example.com"}}
    assert (await shop.lia.post("/api/tickets", opened)).status == 403
    for who, action in ((shop.oda, CLOSE), (shop.lia, CALL)):
        browser = await logged_in(http, house, shop, who)
        token = await browser.token(f"/inbox/all/{ticket}")
        chip = wire.encode(action)
        note = {"csrf": token, "mode": "note", "body": "Look.", "chip": chip, "view": "all"}
        sent = await browser.post(f"/tickets/{ticket}/messages", note)
        assert sent.status == 422
        assert "Your role may not have these actions done." in sent.text
    [row] = await shop.rows("select status from tickets where account_id = $1 and id = $2", ticket)
    assert row["status"] == "open"
    assert await shop.rows("select id from outside_actions where account_id = $1") == []
    assert (await noted(shop.lia, CLOSE), await noted(shop.bea, CALL)) == (201, 201)
    await shop.rows("delete from outside_actions where account_id = $1 returning id")


async def test_only_views_of_ones_own_are_offered_for_a_change(
    http: aiohttp.ClientSession, house: tuple[str, Site], shop: worlds.World
) -> None:
    own = {"name": "Mine alone", "slug": "mine-alone", "type": "ticket-list", "visibility": "private", "filters": "", "order_by": "updated_datetime", "order_dir": "desc", "fields": []}  # fmt: skip
    view = (await shop.oda.post("/api/views", own)).json["id"]
    oda = await logged_in(http, house, shop, shop.oda)
    shown = set(re.findall(r'href="/settings/views/(\d+)"', (await oda.get("/settings/views")).text))
    assert shown == {str(view)}
    refused = [one["id"] for one in (await shop.ada.get("/api/views")).json["data"]]
    csrf = await oda.token("/settings")
    assert {(await oda.post(f"/settings/views/{one}", {"csrf": csrf, "name": "x", "mode": "code"})).status for one in refused[:2]} == {403}  # fmt: skip
