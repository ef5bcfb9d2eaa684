"""An agent's day in a real browser: working through a view by keyboard, two agents on one ticket, many at once."""

import asyncio
import re
from typing import Any

from playwright.async_api import Page, expect

from polus.desk.accounts import Book
from polus.reactions.jobs import Jobs
from polus.store.queue import Queue
from tests import make
from tests import world as worlds
from tests.web.axe import violations
from tests.web.conftest import Enter, send_planned

BILL = {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 bill"}
MACRO = [
    {"name": "setResponseText", "title": "", "type": "user", "arguments": {"body_text": "Hello {{ticket.customer.firstname}}, it left.", "body_html": "<p>Hello <b>{{ticket.customer.firstname}}</b>, it left.</p>"}},
    {"name": "addTags", "title": "", "type": "user", "arguments": {"tags": "shipping"}},
    {"name": "setPriority", "title": "", "type": "user", "arguments": {"priority": "low"}},
]  # fmt: skip


def message(page: Page) -> Any:
    return page.get_by_label("Message", exact=True)


async def test_working_through_a_view_by_keyboard(enter: Enter, shop: worlds.World) -> None:
    """Reply with a macro and a file, undo, send, close and go on, note with mention, schedule."""
    await make.address(shop)
    await shop.ada.post("/api/macros", {"name": "Parcel left", "actions": MACRO})
    one, two, three = [(await make.ticket(shop, subject=f"Parcel {n}"))["id"] for n in (1, 2, 3)]
    page = await enter()
    press, words = page.keyboard.press, page.keyboard.type
    await press("j")
    await press("Enter")
    await expect(page.locator(f"#thread-{three}")).to_be_visible()

    await press("m")
    await words("left")
    await expect(page.locator(".macro-offers .macro")).to_have_text(["Parcel left"])
    await press("Enter")
    await expect(message(page)).to_have_text("Hello Mia, it left.")
    await expect(page.locator(".composer-actions .cut")).to_have_text(["Add the tags shipping", "Priority: low"])  # fmt: skip
    await page.get_by_role("button", name="Remove Priority: low").press("Enter")
    await page.locator('.composer input[type="file"]').set_input_files([BILL])  # type: ignore[list-item]
    await expect(page.locator(".composer-files a")).to_have_text("bill.pdf")
    await message(page).focus()
    await press("Control+End")
    await words(" Ada")
    await press("Control+Enter")
    await expect(page.locator(".planned")).to_contain_text("Hello Mia, it left. Ada")
    await expect(message(page)).to_have_text("")

    await press("Escape")
    await press("z")
    await expect(message(page)).to_have_text("Hello Mia, it left. Ada")
    await expect(page.locator(".editor b")).to_have_text("Mia")
    await expect(page.locator(".composer-files a")).to_have_text("bill.pdf")
    await expect(page.locator(".composer-actions .cut")).to_have_text("Add the tags shipping")
    await expect(page.locator(".planned")).to_have_count(0)
    assert await shop.rows("select * from planned where account_id = $1") == []
    await press("Control+Enter")
    await expect(page.locator(".planned")).to_be_visible()
    await send_planned(shop)
    await expect(page.locator(".message.out .attachment")).to_contain_text("bill.pdf")
    await expect(page.locator(".ticket-head .tag")).to_contain_text("shipping")
    await expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    await expect(page.locator(f"#t-{three}")).to_have_class(re.compile("left"))

    await press("Escape")
    await press("j")
    await expect(page.locator(f"#thread-{two}")).to_be_visible()
    await press("n")
    await words("@le")
    await expect(page.locator("#mentions [role=option]")).to_have_text("Leo Agent")
    await press("Enter")
    await words("please look")
    await page.get_by_role("button", name="Add note", exact=True).press("Enter")
    await expect(page.locator(".message.note")).to_contain_text("@Leo Agent please look")
    named = await shop.rows("select user_id from message_mentions where account_id = $1")
    assert [row[0] for row in named] == [shop.leo.user_id]
    await press("Escape")
    await press("r")
    await words("See you next week")
    await page.locator("[id^=send-menu] summary").press("Enter")
    await page.get_by_role("button", name=re.compile("^In one week")).last.press("Enter")
    await expect(page.locator(".planned .badge.accent")).to_be_visible()
    (row,) = await shop.rows("select chosen, due_datetime > now() + interval '6 days' as far from planned where account_id = $1")  # fmt: skip
    assert (row["chosen"], row["far"]) == (True, True)
    await press("Escape")
    await press("Shift+E")
    await expect(page.locator(f"#thread-{one}")).to_be_visible()
    await press("z")
    await expect(page.locator(f"#t-{two}")).not_to_have_class(re.compile("left"))
    await press("/")
    await words("parcel 2")
    await expect(page.locator("#found mark").first).to_have_text("Parcel")
    await press("ArrowDown")
    await press("Enter")
    await expect(page.locator(f"#thread-{two}")).to_be_visible()


async def test_two_agents_on_one_ticket(enter: Enter, shop: worlds.World) -> None:
    """Each sees the other, and a reply that did not see the newest message is stopped."""
    await make.address(shop)
    made = await make.ticket(shop)
    at = f"/inbox/open/{made['id']}"
    ada, oda = await enter(at=at), await enter(shop.oda.email, at=at)
    await expect(ada.locator(".people")).to_have_text("Oda Agent is looking")
    await message(oda).press_sequentially("I do")
    await expect(ada.locator(".people")).to_have_text("Oda Agent is writing")
    await expect(ada.locator(f"#t-{made['id']} .row-people")).to_have_text("Oda Agent is writing")

    await message(ada).press_sequentially("My answer")
    await message(oda).press_sequentially(" this one")
    await oda.get_by_role("button", name="Add note").click()
    await expect(ada.locator(".message.note")).to_contain_text("I do this one")
    await ada.get_by_role("button", name="Send", exact=True).click()
    await expect(ada.locator("#stopped")).to_contain_text("I do this one")
    await expect(message(ada)).to_have_text("My answer")
    assert await shop.rows("select * from planned where account_id = $1") == []
    await ada.get_by_role("button", name="Edit", exact=True).click()
    await expect(ada.locator("#stopped")).to_have_count(0)
    await shop.leo.post(f"/api/tickets/{made['id']}/messages", make.note("Wait"))
    await expect(ada.locator(".message.note").last).to_contain_text("Wait")
    await ada.get_by_role("button", name="Send", exact=True).click()
    await expect(ada.locator("#stopped")).to_contain_text("Wait")
    await ada.get_by_role("button", name="Send anyway").click()
    await expect(ada.locator(".planned")).to_contain_text("My answer")
    await oda.goto(f"http://{shop.ada.host}/inbox/closed")
    await expect(ada.locator(".people")).to_have_text("")


async def test_merging_by_hand_and_a_field_that_must_be_filled(enter: Enter, shop: worlds.World) -> None:
    definition = {
        "data_type": "text",
        "input_settings": {"input_type": "dropdown", "choices": ["Lost", "Late"]},
    }
    await shop.ada.post("/api/custom-fields", {"object_type": "Ticket", "label": "Reason", "required": True, "definition": definition})  # fmt: skip
    one, two = (await make.ticket(shop, subject="One"))["id"], (await make.ticket(shop, subject="Two"))["id"]
    page = await enter(at=f"/inbox/open/{one}")
    await page.locator(f"#more-{one} summary").click()
    await page.get_by_role("radio", name=re.compile("^Two")).check()
    await page.get_by_role("button", name="Merge", exact=True).click()
    await expect(page.locator(".message.in")).to_have_count(2)
    await expect(page.locator(f"#t-{two}")).to_have_count(0)
    await page.keyboard.press("e")
    await expect(page.get_by_text("Must be filled before the ticket is closed.")).to_be_visible()
    # What others do meanwhile arrives, and takes nothing of it away.
    await shop.leo.post(f"/api/tickets/{one}/messages", make.note("Look at the field"))
    await expect(page.locator(".message", has_text="Look at the field")).to_be_visible()
    await expect(page.get_by_text("Must be filled before the ticket is closed.")).to_be_visible()
    await expect(page.get_by_text("Fill in the marked fields before you close the ticket.")).to_be_visible()
    await page.get_by_label(re.compile("^Reason")).select_option("Late")
    await expect(page.get_by_text("Must be filled before the ticket is closed.")).to_have_count(0)
    await page.locator("#toggle-status").click()
    await expect(page.get_by_role("button", name="Reopen")).to_be_visible()
    message = page.locator(".message.in").last
    await message.hover()
    await message.locator(".message-menu summary").click()
    await message.get_by_role("button", name="Make it a ticket of its own").click()
    await expect(page).to_have_url(re.compile(rf"/inbox/open/(?!{one}$)\d+$"))
    await expect(page.locator(".message.in")).to_have_count(1)


MANY = """
insert into tickets (account_id, status, channel, via, from_agent, customer_id, subject, created_datetime, updated_datetime,
  processed_datetime,
  last_message_datetime, unread_datetime)
select $1, 'open', 'email', 'email', false, t.customer_id, 'Copy ' || n, now(), now(), now(), now() - n * interval '1 minute', now()
from tickets t, generate_series(1, $2::int) n where t.account_id = $1 and t.id = $3 returning id
"""


FILLED = """
select status, e.value->>'value', count(*) from tickets t, jsonb_each(t.custom_fields) e where t.account_id = $1 group by 1, 2
"""


async def test_closing_five_hundred(enter: Enter, shop: worlds.World) -> None:
    made = await make.ticket(shop)
    await shop.rows(MANY, 499, made["id"])
    page = await enter()
    await page.locator("#rows .row").first.hover()
    await page.locator("#rows .row-check").first.click()
    await page.locator("#rows .row-check").nth(3).click(modifiers=["Shift"])
    await expect(page.locator("#bulk-count")).to_have_text("4 selected")
    await page.get_by_role("button", name="All of this view").click()
    await expect(page.locator("#bulk-count")).to_contain_text("500")
    await page.locator("#bulk").get_by_role("button", name="Close", exact=True).click()
    await expect(page.locator(".job")).to_contain_text("Waiting to begin")
    lane = Jobs(shop.database, Book(shop.database, "")).lane()
    working = asyncio.create_task(Queue(shop.database, lane).drain())
    await expect(page.locator(".job")).to_contain_text("500 of 500", timeout=60_000)
    await expect(page.locator(".job-head b")).to_have_text("Done")
    await working
    assert (await shop.rows("select count(*) from tickets where account_id = $1 and status = 'open'"))[0][0] == 0  # fmt: skip
    await page.get_by_role("button", name="Close", exact=True).last.click()
    await expect(page.locator(".job")).to_have_count(0)
    await expect(page.get_by_text("Today you closed 500 tickets")).to_be_visible()


async def test_closing_many_with_a_field_to_fill(enter: Enter, shop: worlds.World) -> None:
    definition = {"data_type": "text", "input_settings": {"input_type": "dropdown", "choices": ["Lost"]}}
    await shop.ada.post("/api/custom-fields", {"object_type": "Ticket", "label": "Reason", "required": True, "definition": definition})  # fmt: skip
    made = await make.ticket(shop)
    await shop.rows(MANY, 129, made["id"])
    page = await enter()
    await page.locator("#rows .row").first.hover()
    await page.locator("#rows .row-check").first.click()
    await page.get_by_role("button", name="All of this view").click()
    await page.locator("#bulk").get_by_role("button", name="Close", exact=True).click()
    await expect(page.locator("#lacking")).to_contain_text("130 tickets stay open")
    assert await violations(page) == []
    await page.locator("#lacking").get_by_label("Reason").select_option("Lost")
    await page.get_by_role("button", name="Fill in and close").click()
    await expect(page.locator("#lacking")).to_have_count(0)
    await expect(page.locator(".job")).to_contain_text("Waiting to begin")
    await Queue(shop.database, Jobs(shop.database, Book(shop.database, "")).lane()).drain()
    await expect(page.locator(".job")).to_contain_text("130 of 130")
    await expect(page.locator("#rows .row")).to_have_count(0)
    filled = await shop.rows(FILLED)
    assert [tuple(row) for row in filled] == [("closed", "Lost", 130)]


async def test_offline_and_back_without_losing_a_word(enter: Enter, shop: worlds.World) -> None:
    await make.address(shop)
    made = await make.ticket(shop)
    page = await enter(at=f"/inbox/open/{made['id']}")
    await message(page).press_sequentially("Written on the train")
    await expect(page.locator("[data-draft]")).to_have_text("Draft saved")
    await page.context.set_offline(True)
    await message(page).press_sequentially(" in a tunnel")
    await expect(page.locator("[data-draft]")).to_have_text("Kept on this device")
    await page.context.set_offline(False)
    await page.reload()
    await expect(message(page)).to_have_text("Written on the train in a tunnel")
    await expect(page.locator("[data-draft]")).to_have_text("Draft saved")
    (row,) = await shop.rows("select content->>'body' as body from unfinished where account_id = $1")
    assert row["body"] == "Written on the train in a tunnel"
