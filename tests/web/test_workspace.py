"""The workspace in a real browser: an agent's work, live, by mouse and keyboard, and without script."""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Browser as Chromium
from playwright.async_api import Route, expect

from tests import make, waits
from tests import world as worlds
from tests.channels.email import office as offices
from tests.web.conftest import PASSWORD, Enter, send_planned

HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'


async def column(shop: worlds.World, ticket: Any, name: str) -> Any:
    rows = await shop.rows("select * from tickets where account_id = $1 and id = $2", ticket["id"])
    return rows[0][name]


async def test_a_day_with_one_ticket(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    page = await enter()
    await expect(page.get_by_text("All done")).to_be_visible()
    ticket = await make.ticket(shop, subject="Where is it?")
    row = page.locator(f"#t-{ticket['id']}")
    await expect(row).to_contain_text("Mia Meyer")
    await expect(page.locator("#v-open .count")).to_contain_text("1")

    await row.get_by_role("link").click()
    await expect(page.locator(".message.in .text")).to_have_text("Where is my parcel?")
    await expect(page).to_have_url(re.compile(f"/inbox/open/{ticket['id']}$"))
    await expect(page).to_have_title(re.compile(r"^Where is it\? · #"))
    await expect(row).not_to_have_class(re.compile("unread"))

    await page.locator("#assign-menu summary").click()
    await page.locator("#assign-menu").get_by_role("button", name="Me", exact=True).click()
    await expect(page.locator("#assign-menu summary")).to_contain_text("Ada Agent")
    await expect(page.locator("#v-mine .count")).to_contain_text("1")

    await page.locator("#tag-menu summary").click()
    await page.locator("#tag-name").fill("ref")
    await page.locator("#tag-suggestions").get_by_role("button", name="REFUND").click()
    await expect(page.locator(".ticket-head .tag")).to_contain_text("REFUND")
    await expect(row).to_contain_text("REFUND")

    await page.get_by_text("Note", exact=True).click()
    await page.get_by_label("Message", exact=True).fill("Ask the warehouse")
    await page.get_by_role("button", name="Add note", exact=True).click()
    await expect(page.locator(".message.note")).to_contain_text("Ask the warehouse")
    await expect(page.get_by_label("Message", exact=True)).to_have_text("")

    await page.get_by_text("Reply", exact=True).click()
    await page.get_by_label("Message", exact=True).fill("It is on its way.\n\nAda")
    await page.get_by_role("button", name="Send & close").click()
    await expect(page.locator(".message.out")).to_contain_text("It is on its way.")
    await expect(page.locator(".message.planned")).to_contain_text("then the ticket is closed")
    assert await column(shop, ticket, "status") == "open", "it can still be undone"
    await send_planned(shop)
    await expect(page.locator(".message.out .delivery")).to_contain_text("Sending…")
    await expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    await expect(row).to_have_class(re.compile("left")), "stays, dimmed, until the agent moves on"
    assert await column(shop, ticket, "status") == "closed"

    await page.get_by_role("button", name="Reopen").click()
    await expect(page.get_by_role("button", name="Close", exact=True)).to_be_visible()
    await expect(row).not_to_have_class(re.compile("left"))
    await page.locator("#snooze-menu summary").click()
    await page.get_by_role("button", name="Tomorrow morning").click()
    await expect(page.get_by_text("Snoozed until")).to_be_visible()
    await expect(page.locator("#v-snoozed .count")).to_contain_text("1")
    assert await column(shop, ticket, "snooze_datetime")


async def test_logging_in(chromium: Chromium, shop: worlds.World) -> None:
    context = await chromium.new_context()
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await page.goto(f"http://{shop.ada.host}/inbox/mine")
    await page.get_by_label("E-mail address").fill(shop.ada.email)
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    await expect(page.get_by_label("E-mail address")).to_have_value(shop.ada.email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(re.compile("/inbox/mine$"))
    await expect(page.locator("#me summary")).to_contain_text("Ada Agent")
    await context.close()
    assert said == [], "a refused login is no error of the page"


async def test_by_keyboard_alone(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    old, middle, new = [await make.ticket(shop, subject=name) for name in ("Old", "Middle", "New")]
    page = await enter()
    press = page.keyboard.press
    await press("j")
    await expect(page.locator(f"#t-{new['id']} a")).to_be_focused()
    await press("j")
    await press("Enter")
    await expect(page.locator(f"#thread-{middle['id']}")).to_be_visible()
    await press("j")
    await expect(page.locator(f"#thread-{old['id']}")).to_be_visible()
    await press("k")
    await expect(page.locator(f"#thread-{middle['id']}")).to_be_visible()

    await press("e")
    await expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    await press("e")
    await expect(page.get_by_role("button", name="Close", exact=True)).to_be_visible()
    await press("Shift+E")
    await expect(page.locator(f"#thread-{old['id']}")).to_be_visible()
    assert await column(shop, middle, "status") == "closed"

    await press("n")
    await page.keyboard.type("jkeu stay letters here")
    await press("Control+Enter")
    await expect(page.locator(".message.note")).to_contain_text("jkeu stay letters here")
    await waits.until(lambda: _is(shop, old, "status", "closed"))
    await page.locator("body").click(position={"x": 5, "y": 300})
    await press("u")
    await expect(page).to_have_url(re.compile("/inbox/open$"))
    await press("g")
    await press("c")
    await expect(page).to_have_url(re.compile("/inbox/closed$"))
    await expect(page.locator("#rows > .row")).to_have_count(2)
    await press("?")
    await expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    await press("Escape")
    await press("Control+k")
    await page.keyboard.type("go to mine")
    await press("Enter")
    await expect(page).to_have_url(re.compile("/inbox/mine$"))
    await expect(page.get_by_text("All done")).to_be_visible()


async def _is(shop: worlds.World, ticket: Any, name: str, value: Any) -> bool:
    return bool(await column(shop, ticket, name) == value)


async def test_two_tabs_see_the_same(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    ticket = await make.ticket(shop)
    at = f"/inbox/open/{ticket['id']}"
    one, other = await enter(at=at), await enter(shop.oda.email, at=at)
    await expect(other.locator("#mode-reply")).to_be_disabled()
    await other.get_by_label("Message", exact=True).fill("half a no")
    await one.get_by_label("Message", exact=True).fill("Hello from one")
    await one.get_by_role("button", name="Send", exact=True).click()
    await expect(other.locator(".message.out")).to_contain_text("Hello from one")
    (
        await expect(other.get_by_label("Message", exact=True)).to_have_text("half a no"),
        "what one writes is not touched",
    )
    await expect(other.get_by_label("Message", exact=True)).to_be_focused()
    await other.get_by_label("Message", exact=True).fill("half a note, whole now")
    await other.get_by_role("button", name="Add note").click()
    await expect(one.locator(".message.note")).to_contain_text("half a note, whole now")
    await one.get_by_label("Subject").fill("A better subject")
    await one.get_by_label("Subject").press("Enter")
    await expect(other.locator(f"#t-{ticket['id']}")).to_contain_text("A better subject")
    await expect(other.locator("h1.subject")).to_have_text("A better subject")


async def test_a_customer_writes_meanwhile(enter: Enter, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    page = await enter(at=f"/inbox/open/{ticket['id']}")
    await page.locator(".message-to summary").first.click()
    await shop.lia.post(f"/api/tickets/{ticket['id']}/messages", make.mail("One more thing"))
    await expect(page.locator(".message.in")).to_have_count(2)
    await expect(page.locator(".message.in").last).to_contain_text("One more thing")
    await expect(page.locator(".message-to[open]")).to_have_count(1), "what was opened stays open"
    await expect(page.locator("#said")).to_have_text("New message in this ticket")


async def test_a_mail_arrives(enter: Enter, shop: worlds.World) -> None:
    """As SMTP took it: it stands in the list of a page that was open, and opens with its text."""
    office = await offices.opened(shop)
    page = await enter()
    await expect(page.get_by_text("All done")).to_be_visible()
    raw = offices.mail("Where is my hat?", to=office.address, subject="A hat", message_id="<hat@shop>")
    ticket = (await office.deliver(raw))["ticket_id"]
    await expect(page.locator(f"#t-{ticket}")).to_contain_text("A hat")
    await expect(page.locator("#v-open .count")).to_contain_text("1")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await expect(page.locator(".message.in .text")).to_have_text("Where is my hat?")


async def test_a_draft_is_there_however_soon_one_is_back(enter: Enter, shop: worlds.World) -> None:
    """What was asked for before the draft was saved, and comes after it, is not what is shown."""
    await make.address(shop)
    first, second = await make.ticket(shop, subject="One"), await make.ticket(shop, subject="Two")
    page = await enter(at=f"/inbox/open/{first['id']}")
    asked, back, saved = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def ticket(route: Route) -> None:
        cookies = "; ".join(f"{one['name']}={one['value']}" for one in await page.context.cookies())
        sent = {"Host": shop.ada.host, "Cookie": cookies, "HX-Request": "true"}
        async with shop.ada.http.get(
            f"{shop.ada.url}/inbox/open/{first['id']}/ticket", headers=sent
        ) as answer:
            said = await answer.text()
        asked.set()
        await saved.wait()
        await route.fulfill(body=said, content_type="text/html")

    async def draft(route: Route) -> None:
        await back.wait()
        await route.continue_()

    await page.route(f"**/inbox/open/{first['id']}/ticket", ticket)
    await page.route(f"**/tickets/{first['id']}/draft", draft)
    await page.get_by_label("Message", exact=True).fill("Not yet finished")
    await page.locator(f"#t-{second['id']} a").click()
    await expect(page.locator(f"#thread-{second['id']}")).to_be_visible()
    await page.go_back()
    await asked.wait()
    back.set()
    await page.wait_for_function("() => !Object.keys(localStorage).some((name) => name.startsWith('draft-'))")
    saved.set()
    await expect(page.locator(f"#thread-{first['id']}")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_have_text("Not yet finished")


async def test_what_was_written_outlives_the_page(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    first, second = await make.ticket(shop, subject="One"), await make.ticket(shop, subject="Two")
    page = await enter(at=f"/inbox/open/{first['id']}")
    await page.get_by_label("Message", exact=True).fill("Not yet finished")
    await page.get_by_label("To", exact=True).fill("other@example.com")
    await page.locator(f"#t-{second['id']} a").click()
    await expect(page.locator(f"#thread-{second['id']}")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_have_text("")
    await page.go_back()
    await expect(page.locator(f"#thread-{first['id']}")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_have_text("Not yet finished")
    await page.reload()
    await expect(page.get_by_label("Message", exact=True)).to_have_text("Not yet finished")
    await expect(page.locator(".recipients .tag")).to_have_text([re.compile("mia@example.com"), re.compile("other@example.com")])  # fmt: skip
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".message.out")).to_contain_text("Not yet finished")
    assert await shop.rows("select * from unfinished where account_id = $1") == []
    await page.reload()
    await expect(page.get_by_label("Message", exact=True)).to_have_text("")


async def test_a_late_answer_does_not_come_between(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    first, second = await make.ticket(shop, subject="One"), await make.ticket(shop, subject="Two")
    page = await enter(at=f"/inbox/open/{first['id']}")
    moved = asyncio.Event()

    async def slowly(route: Any) -> None:
        await moved.wait()
        await route.continue_()

    await page.route("**/messages", slowly)
    await page.get_by_label("Message", exact=True).fill("Sent while moving on")
    await page.get_by_role("button", name="Send", exact=True).click()
    await page.locator(f"#t-{second['id']} a").click()
    await expect(page.locator(f"#thread-{second['id']}")).to_be_visible()
    await page.get_by_label("Message", exact=True).fill("Meant for Two")
    async with page.expect_response("**/messages"):
        moved.set()
    await send_planned(shop)
    await expect(page.locator(f"#t-{first['id']}")).to_contain_text("Sent while moving on")
    await expect(page.locator(f"#thread-{second['id']}")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_have_text("Meant for Two")
    await page.locator(f"#t-{first['id']} a").click()
    await expect(page.locator(".message.out")).to_contain_text("Sent while moving on")
    await expect(page.get_by_label("Message", exact=True)).to_have_text("")


async def test_wrong_input_is_told_beside_the_field(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    ticket = await make.ticket(shop)
    page = await enter(at=f"/inbox/open/{ticket['id']}")
    await page.get_by_label("To", exact=True).fill("nobody")
    await page.get_by_label("Message", exact=True).fill("Hello")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("alert")).to_have_text("“nobody” is not an e-mail address.")
    await expect(page.get_by_label("Message", exact=True)).to_have_text("Hello")
    await page.get_by_role("button", name="Remove nobody").click()
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".message.out")).to_contain_text("Hello")
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_files_by_button_drop_and_paste(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    ticket = await make.ticket(shop)
    page = await enter(at=f"/inbox/open/{ticket['id']}")
    await page.locator('input[type="file"]').set_input_files({"name": "one.txt", "mimeType": "text/plain", "buffer": b"1"})  # fmt: skip
    await page.evaluate("""() => {
      const box = new DataTransfer();
      box.items.add(new File(["2"], "two.txt", {type: "text/plain"}));
      document.querySelector("#ticket").dispatchEvent(new DragEvent("drop", {dataTransfer: box, bubbles: true, cancelable: true}));
    }""")
    await page.get_by_label("Message", exact=True).evaluate("""text => {
      const box = new DataTransfer();
      box.items.add(new File(["3"], "three.txt", {type: "text/plain"}));
      text.dispatchEvent(new ClipboardEvent("paste", {clipboardData: box, bubbles: true, cancelable: true}));
    }""")
    await expect(page.locator(".composer-files .tag")).to_have_count(3)
    await page.get_by_role("button", name="Remove two.txt").click()
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("alert")).to_have_text("Write something first.")
    await expect(page.locator(".composer-files .tag")).to_have_count(2), "files outlive a refusal"
    await page.get_by_label("Message", exact=True).fill("See here")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".message.planned")).to_contain_text("2 files")
    await send_planned(shop)
    await expect(page.locator(".message.out .attachment")).to_have_text([re.compile("one.txt"), re.compile("three.txt")])  # fmt: skip
    await expect(page.locator(".composer-files .tag")).to_have_count(0)


async def test_without_script(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    ticket = await make.ticket(shop, subject="No script")
    page = await enter(java_script_enabled=False)
    await page.get_by_role("link", name=re.compile("No script")).click()
    await expect(page.locator(".message.in .text")).to_have_text("Where is my parcel?")
    await page.get_by_label("Message", exact=True).fill("An answer")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.locator(".message.out")).to_contain_text("An answer")
    await page.get_by_text("Note", exact=True).click()
    await page.get_by_label("Message", exact=True).fill("A note")
    await page.get_by_role("button", name="Add note", exact=True).click()
    await expect(page.locator(".message.note")).to_contain_text("A note")
    await page.locator("#assign-menu summary").click()
    await page.locator("#assign-menu").get_by_role("button", name="Leo Agent").click()
    await expect(page.locator("#assign-menu summary")).to_contain_text("Leo Agent")
    await page.locator("#tag-menu summary").click()
    await page.locator("#tag-name").fill("by hand")
    await page.locator("#tag-menu").get_by_role("button", name="Add").click()
    await expect(page.locator(".ticket-head .tag")).to_contain_text("by hand")
    await page.locator("#snooze-menu summary").click()
    await page.get_by_role("button", name="Next Monday").click()
    await expect(page.get_by_text("Snoozed until")).to_be_visible()
    await page.get_by_role("button", name="Reopen").click()
    await page.get_by_role("button", name="Close", exact=True).click()
    await expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    assert await column(shop, ticket, "status") == "closed"


async def test_hostile_mail_runs_nothing_and_calls_nobody(enter: Enter, shop: worlds.World) -> None:
    mail = make.mail(HOSTILE, body_html=f'<p style="color:red">Hi</p>{HOSTILE}<img src="http://spy.localhost:1/p.gif"><iframe src="javascript:top.document.title=\'owned\'"></iframe><svg onload="top.document.title=1"></svg><a href="javascript:alert(1)">x</a><style>@import "http://spy.localhost:1/x.css";</style>')  # fmt: skip
    ticket = await make.ticket(shop, subject=HOSTILE, messages=[mail], customer={"email": "evil@example.com", "name": HOSTILE}, tags=[{"name": HOSTILE}])  # fmt: skip
    page = await enter()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.locator(f"#t-{ticket['id']} a").click()
    frame = page.frame_locator("iframe.mail-frame")
    await expect(frame.locator("p").first).to_have_text("Hi")
    await expect(page.get_by_label("Subject")).to_have_value(HOSTILE)
    await expect(page.locator(".customer-title h2")).to_have_text(HOSTILE)
    await expect(page).to_have_title(re.compile(re.escape("<img src=x")))
    height = await page.locator("iframe.mail-frame").evaluate("frame => [frame.clientHeight, frame.contentDocument.documentElement.scrollHeight]")  # fmt: skip
    assert height[0] == height[1], "as high as the mail"
    await expect(page.get_by_text("Pictures from outside are not loaded.")).to_be_visible()
    assert not [url for url in asked if "spy" in url]
    assert all(url.startswith(f"http://{shop.ada.host}/") for url in asked)


async def test_pictures_are_loaded_when_asked_for(enter: Enter, shop: worlds.World) -> None:
    pixel = f"http://{shop.ada.host}/favicon.ico"
    mail = make.mail("x", body_html=f'<p style="color:red">Look</p><img src="{pixel}?beacon" alt="Beacon">')
    ticket = await make.ticket(shop, messages=[mail])
    page = await enter()
    asked: list[str] = []
    await page.context.route("**/favicon.ico?beacon", lambda route: _seen(route, asked))
    await page.locator(f"#t-{ticket['id']} a").click()
    await expect(page.frame_locator("iframe.mail-frame").locator("p")).to_have_text("Look")
    assert asked == []
    await page.get_by_role("link", name="Show pictures").click()
    await waits.until(lambda: _any(asked))
    await expect(page.get_by_text("Pictures from outside")).to_be_hidden()


async def _seen(route: Any, asked: list[str]) -> None:
    asked.append(route.request.url)
    await route.fulfill(
        status=200, content_type="image/svg+xml", body="<svg xmlns='http://www.w3.org/2000/svg'/>"
    )


async def _any(found: list[str]) -> bool:
    return bool(found)


async def test_connection_lost_and_found(enter: Enter, shop: worlds.World, house: Any) -> None:
    page = await enter()
    house[1].live.hang_up()
    await expect(page.locator("#live")).to_have_class(re.compile("lost"))
    ticket = await make.ticket(shop)
    await expect(page.locator("#live")).not_to_have_class(re.compile("lost"))
    await expect(page.locator(f"#t-{ticket['id']}")).to_be_visible()


async def test_logged_out_elsewhere(enter: Enter, shop: worlds.World) -> None:
    page = await enter()
    other = await page.context.new_page()
    await other.goto(f"http://{shop.ada.host}/inbox/open")
    await other.locator("#me summary").click()
    await other.get_by_role("button", name="Log out").click()
    await expect(other.get_by_role("button", name="Log in")).to_be_visible()
    await expect(page.get_by_text("You are logged out.")).to_be_visible()


async def test_theme_and_width_are_remembered(enter: Enter, shop: worlds.World) -> None:
    page = await enter()
    await page.locator("#me summary").click()
    await page.get_by_role("button", name="Dark").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    handle = await page.locator("#divider").bounding_box()
    assert handle
    await page.mouse.move(handle["x"] + 4, 400)
    await page.mouse.down()
    await page.mouse.move(handle["x"] + 84, 400)
    await page.mouse.up()
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    width = await page.locator(".list-pane").evaluate("pane => pane.offsetWidth")
    assert width == pytest.approx(400, abs=2)


async def test_a_phone_shows_one_pane(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    ticket = await make.ticket(shop)
    await shop.ada.post("/api/tags", {"name": "parcels"})
    page = await enter(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    await expect(page.locator("#rail")).to_be_hidden()
    await page.locator(f"#t-{ticket['id']} .avatar").first.tap(force=True)
    await page.locator("[data-bulk-ask=tag]").tap()
    await page.locator("#ask-input").fill("parcels")
    await expect(page.locator("#tags-known option")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.locator(f"#t-{ticket['id']} .tag")).to_have_text("parcels")
    await page.locator(f"#t-{ticket['id']} a").click()
    await expect(page.locator(".message.in")).to_be_visible()
    await expect(page.locator("#list")).to_be_hidden()
    await page.locator("#bottom-bar").get_by_role("link", name="Customer").click()
    await expect(page.locator("#customer h2")).to_have_text("Mia Meyer")
    await page.locator("#bottom-bar").get_by_role("link", name="Views").click()
    await page.locator("#v-all").click()
    await expect(page.locator(f"#t-{ticket['id']}")).to_be_visible()
    wide = await page.evaluate("document.documentElement.scrollWidth")
    assert wide == 390, "nothing sticks out"
