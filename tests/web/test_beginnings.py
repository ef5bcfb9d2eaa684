"""A ticket that an agent opens: a mail to a customer by keyboard, a note about one, what is refused, what is sent twice."""

import uuid
from typing import Any

from playwright.async_api import expect

from tests import make
from tests import world as worlds
from tests.web.conftest import Browser, Enter

BILL = {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 bill"}


async def test_a_mail_to_a_customer_by_keyboard(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    await make.customer(shop, name="Omar Reid", email="omar@example.com")
    page = await enter()
    press, words = page.keyboard.press, page.keyboard.type
    await press("c")
    await page.wait_for_url("**/tickets/new")
    await words("omar")
    await expect(page.locator(".offers button")).to_contain_text("omar@example.com")
    await press("ArrowDown")
    await press("Enter")
    await expect(page.locator(".line .tag")).to_contain_text("omar@example.com")
    await words("nobody")
    await page.get_by_label("Subject").fill("It arrived")
    await press("Enter")
    await words("Dear Omar, come and see.")
    await page.locator('input[type="file"]').set_input_files([BILL])  # type: ignore[list-item]
    await expect(page.locator(".composer-files a")).to_have_text("bill.pdf")
    await press("Control+Enter")
    await expect(page.get_by_text("“nobody” is not an e-mail address.")).to_be_visible()
    await expect(page.locator(".editor")).to_have_text("Dear Omar, come and see.")
    await expect(page.locator(".composer-files a")).to_have_text("bill.pdf")
    await press("Backspace")
    await expect(page.locator(".line .tag")).to_have_count(1)
    await press("Control+Enter")
    await expect(page.locator(".message.out .attachment")).to_contain_text("bill.pdf")
    (ticket,) = (await shop.ada.get("/api/tickets")).json["data"]
    (message,) = (await shop.ada.get("/api/messages", ticket_id=ticket["id"])).json["data"]
    assert (ticket["subject"], ticket["status"], ticket["from_agent"], ticket["via"]) == ("It arrived", "open", True, "helpdesk")  # fmt: skip
    assert ticket["customer"]["email"] == "omar@example.com"
    assert ticket["assignee_user"]["id"] == shop.ada.user_id
    assert [to["address"] for to in message["source"]["to"]] == ["omar@example.com"]
    assert len(await shop.events("ticket-created")) == len(await shop.events("ticket-message-created")) == 1


async def test_a_note_about_somebody(browser: Browser, shop: worlds.World) -> None:
    await browser.log_in(shop.ada.email)

    async def send(**fields: Any) -> Any:
        return await browser.post("/tickets/new", {"csrf": await browser.token(), "mode": "note"} | fields)

    empty = await send()
    assert (empty.status, empty.text.count("This is needed.")) == (422, 1)
    for wrong, said in (
        ({"to": "", "subject": "Call", "body": "x"}, "This is needed."),
        ({"to": "999", "subject": "Call", "body": "x"}, "This does not exist any more."),
        ({"to": "z@new.example", "subject": "Call"}, "Write something first."),
    ):
        refused = await send(**wrong)
        assert (refused.status, said in refused.text) == (422, True)
    assert await shop.rows("select * from tickets where account_id = $1") == []
    mark = uuid.uuid4().hex
    call = {"to": "z@new.example", "subject": "Call", "body": "She rang.", "tags": "phone, vip", "then": "close", "mark": mark}  # fmt: skip
    first, again = await send(**call), await send(**call)
    (ticket,) = (await shop.ada.get("/api/tickets")).json["data"]
    assert first.headers["location"] == again.headers["location"] == f"/inbox/closed/{ticket['id']}"
    assert ticket["status"] == "closed"
    assert sorted(tag["name"] for tag in ticket["tags"]) == ["phone", "vip"]
    (message,) = (await shop.ada.get("/api/messages", ticket_id=ticket["id"])).json["data"]
    assert (message["channel"], message["public"], message["body_text"]) == (
        "internal-note",
        False,
        "She rang.",
    )
    by_number = await send(to=str(ticket["customer"]["id"]), subject="Again", body="x")
    assert by_number.status == 303
    browser.cookies.clear()
    await browser.log_in(shop.oda.email)
    assert (await browser.get("/tickets/new")).status == 403
