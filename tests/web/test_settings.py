"""The settings: what their forms change, and what is said beside a field that is wrong."""

import json
import re
from typing import Any

import aiohttp
import pytest
from playwright.async_api import expect

from polus.web.pages import settings_menu
from polus.web.site import PAGES, Site
from tests import world as worlds
from tests.web.conftest import Browser, Enter, addressed

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
async def ada(browser: Browser, shop: worlds.World) -> Browser:
    """The administrator, logged in."""
    await browser.log_in(shop.ada.email)
    return browser


async def fill(browser: Browser, path: str, fields: dict[str, Any], **headers: str) -> Any:
    """Send a form of the settings."""
    return await browser.post(path, {"csrf": await browser.token("/settings")} | fields, **headers)


def beside(page: str, field: str) -> str:
    """The sentence beside a field."""
    found = re.search(rf'id="e-{re.escape(field)}".*?<span>(.*?)</span>', page, re.DOTALL)
    return found[1] if found else ""


def test_the_menu_leads_to_pages_of_the_same_role() -> None:
    gets = {at.path: at.role for module in PAGES for at in module.ROUTES if at.method == "GET"}
    assert {row.path: row.role for row in settings_menu.ROWS} == {
        row.path: gets.get(row.path) for row in settings_menu.ROWS
    }
    assert {row.section for row in settings_menu.ROWS} <= set(settings_menu.SECTIONS)


def test_no_address_has_two_pages() -> None:
    taken = [(at.path, at.method) for module in PAGES for at in module.ROUTES]
    assert sorted(place for place in set(taken) if taken.count(place) > 1) == []


async def test_who_may_see_which_settings(ada: Browser, shop: worlds.World) -> None:
    start = (await ada.get("/settings")).text
    for row in settings_menu.ROWS:
        assert f'href="{row.path}"' in start, row.path
        page = await ada.get(row.path)
        assert page.status == 200, row.path
        assert re.search(rf'href="{row.path}" aria-current="page"', page.text), row.path
    ada.cookies.clear()
    await ada.log_in(shop.oda.email)
    start = (await ada.get("/settings")).text
    for row in settings_menu.ROWS:
        allowed = row.role == "observer-agent"
        assert (f'href="{row.path}"' in start) == allowed, row.path
        assert (await ada.get(row.path)).status == (200 if allowed else 403), row.path


async def test_tags(ada: Browser, shop: worlds.World) -> None:
    wrong = await fill(ada, "/settings/tags", {"name": "a,b", "description": HOSTILE})
    assert wrong.status == 422
    assert beside(wrong.text, "name") == "A comma is not possible here."
    assert HOSTILE not in wrong.text
    assert "&lt;img src=x" in wrong.text, "what was typed is kept"
    made = await fill(ada, "/settings/tags", {"name": "late", "description": "Not here yet"})
    assert (made.status, made.headers["location"]) == (303, "/settings/tags")
    page = await ada.get("/settings/tags")
    assert "The tag was added." in page.text
    assert "The tag was added." not in (await ada.get("/settings/tags")).text, "said once"
    [[tag_id]] = await shop.rows("select id from tags where account_id = $1 and name = 'late'")
    taken = await fill(ada, f"/settings/tags/{tag_id}", {"name": "VIP"})
    assert (taken.status, beside(taken.text, "name")) == (422, "This is in use already. Choose another.")
    fields = {"name": "too late", "decoration.color": "#ff0000"}
    assert (await fill(ada, f"/settings/tags/{tag_id}", fields)).status == 303
    [[name, decoration]] = await shop.rows("select name, decoration from tags where account_id = $1 and id = $2", tag_id)  # fmt: skip
    assert (name, json.loads(decoration)) == ("too late", {"color": "#ff0000"})
    lost = await fill(ada, f"/settings/tags/{tag_id}/merge", {"into": "nothing"})
    assert (lost.status, beside(lost.text, "into")) == (422, "This does not exist any more.")
    assert (await fill(ada, f"/settings/tags/{tag_id}/merge", {"into": "VIP"})).status == 303
    assert await shop.rows("select 1 from tags where account_id = $1 and id = $2", tag_id) == []
    assert [kind for kind, *_ in await shop.events("tag-merged")] == ["tag-merged"]


async def test_forms_in_a_browser(enter: Enter, shop: worlds.World) -> None:
    page = await enter(at="/settings")
    await page.locator("#content").get_by_role("link", name="Tags").click()
    await page.get_by_label("Name").fill("a,b")
    await page.get_by_role("button", name="Add tag").click()
    await expect(page.get_by_role("alert").first).to_have_text("A comma is not possible here.")
    await expect(page.get_by_label("Name")).to_be_focused()
    await expect(page.get_by_label("Name")).to_have_value("a,b")
    await page.get_by_label("Name").fill("ab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".page-notice[role=status]")).to_have_text("The tag was added.")
    await page.get_by_role("link", name="Edit ab").click()
    await page.locator("summary", has_text="Delete").click()
    await page.get_by_role("button", name="Delete the tag").click()
    await expect(page.locator(".page-notice[role=status]")).to_have_text("The tag was deleted.")
    assert await shop.rows("select 1 from tags where account_id = $1 and name = 'ab'") == []


async def test_users_are_invited_by_hand_while_no_mail_can_leave(
    ada: Browser, shop: worlds.World, house: tuple[str, Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house[1], "relayed", False)
    assert "cannot be sent yet" not in (await ada.get("/inbox/open")).text, (
        "there is no address to answer from"
    )
    address = await addressed(shop)
    [[channel]] = await shop.rows("select id from integrations where account_id = $1")
    for page in ("/inbox/open", "/settings", "/settings/users", "/settings/channels"):
        assert "Answers by e-mail cannot be sent yet" in (await ada.get(page)).text, page
    guest = Browser(ada.http, ada.url, ada.host)
    await guest.log_in(shop.oda.email)
    assert "cannot be sent yet" not in (await guest.get("/inbox/open")).text, "she cannot set it up"
    guest.cookies.clear()

    tested = await fill(ada, f"/settings/channels/{channel}/test", {})
    assert "No mail was sent" in (await ada.get(tested.headers["location"])).text
    assert await shop.rows("select 1 from notices where account_id = $1") == []

    made = await fill(ada, "/settings/users/new", {"name": "Zoe", "email": "zoe@shop.example", "role": "agent"})  # fmt: skip
    page = made.headers["location"]
    said = (await ada.get(page)).text
    assert "No mail was sent" in said
    link = re.search(r'<code class="secret">https?://[^/]+(/login/welcome/[^<]+)</code>', said)[1]  # type: ignore[index]
    chosen = {"csrf": await guest.token(link), "password": "a password of mine"}
    assert (await guest.post(link, chosen)).headers["location"] == "/inbox"
    [known] = await shop.rows("select password_hash, email_proven_datetime from users where account_id = $1 and email = 'zoe@shop.example'")  # fmt: skip
    assert (known["password_hash"] is not None, known["email_proven_datetime"]) == (True, None)
    assert "/login/welcome/" not in (await ada.get(page)).text

    server = "insert into mail_servers (account_id, integration_id, way, host, port, security, auth, created_datetime, updated_datetime) values ($1, $2, 'out', 'mail.example', 587, 'tls', 'none', now(), now()) returning 1"  # fmt: skip
    await shop.rows(server, channel)
    assert "cannot be sent yet" not in (await ada.get("/inbox/open")).text
    again = await fill(ada, f"/settings/channels/{channel}/test", {})
    assert f"on its way to {address}" in (await ada.get(again.headers["location"])).text


async def test_users(ada: Browser, shop: worlds.World) -> None:
    wrong = await fill(ada, "/settings/users/new", {"name": "", "email": "nobody", "role": "king"})
    assert wrong.status == 422
    assert beside(wrong.text, "name") == "This is needed."
    assert beside(wrong.text, "email") == "This is not an e-mail address."
    assert beside(wrong.text, "role") == "This cannot be chosen here."
    made = await fill(ada, "/settings/users/new", {"name": "Zoe", "email": "zoe@shop.example", "role": "agent"})  # fmt: skip
    assert made.status == 303
    [[zoe]] = await shop.rows("select id from users where account_id = $1 and email = 'zoe@shop.example'")
    assert [event for event, *_ in await shop.events("user-created", "user-invited")] == ["user-created", "user-invited"]  # fmt: skip
    page = f"/settings/users/{zoe}"
    taken = {"name": "Zoe", "email": shop.leo.email, "role": "agent"}
    assert beside((await fill(ada, page, taken)).text, "email").startswith("This is in use already")
    assert (await fill(ada, page, {"name": "Zoe Z", "email": "zoe@shop.example", "role": "lite-agent"})).status == 303  # fmt: skip
    assert (await shop.ada.get(f"/api/users/{zoe}")).json["role"] == {"name": "lite-agent"}
    # Whoever is deactivated is out at once: sessions and keys.
    leo = f"/settings/users/{shop.leo.user_id}"
    assert (await shop.leo.get("/api/users/0")).status == 200
    assert (await fill(ada, leo + "/switch", {"active": ""})).status == 303
    assert (await shop.leo.get("/api/users/0")).status == 401
    assert "Deactivated" in (await ada.get(leo)).text
    assert (await fill(ada, leo + "/switch", {"active": "1"})).status == 303
    assert (await shop.leo.get("/api/users/0")).status == 200
    mine = await fill(ada, f"/settings/users/{shop.ada.user_id}/switch", {"active": ""})
    assert mine.status == 422
    assert "You cannot deactivate yourself." in mine.text
    assert (await fill(ada, page + "/delete", {})).headers["location"] == "/settings/users"
    assert (await shop.ada.get(f"/api/users/{zoe}")).status == 404


async def test_teams(ada: Browser, shop: worlds.World) -> None:
    assert beside((await fill(ada, "/settings/teams/new", {"name": ""})).text, "name") == "This is needed."
    fields = {"name": "Returns", "members": str(shop.leo.user_id), "decoration.emoji": "📦"}
    assert (await fill(ada, "/settings/teams/new", fields)).status == 303
    [team] = (await shop.ada.get("/api/teams")).json["data"]
    assert ([member["id"] for member in team["members"]], team["decoration"]) == ([shop.leo.user_id], {"emoji": "📦"})  # fmt: skip
    page = f"/settings/teams/{team['id']}"
    assert re.search(rf'value="{shop.leo.user_id}" checked', (await ada.get(page)).text)
    assert (await fill(ada, page, {"name": "Refunds"})).status == 303
    changed = (await shop.ada.get(f"/api/teams/{team['id']}")).json
    assert (changed["name"], changed["members"]) == ("Refunds", [])
    assert (await fill(ada, page + "/delete", {})).status == 303
    assert (await shop.ada.get("/api/teams")).json["data"] == []


async def test_business_hours(ada: Browser, shop: worlds.World) -> None:
    fields = {
        "timezone": "Europe/Paris",
        "business_hours.0.days": "1,2,3,4,5",
        "business_hours.0.from_time": "9am",
    }
    wrong = await fill(ada, "/settings/account", fields | {"business_hours.0.to_time": "24:00"})
    assert beside(wrong.text, "business_hours.0.from_time") == "Write a time such as 09:00."
    # A button adds a row without saving anything, and keeps what was typed.
    more = await fill(ada, "/settings/account", fields | {"form-add": "business_hours"})
    assert (more.status, more.text.count('name="business_hours.1.days"')) == (200, 1)
    assert 'value="9am"' in more.text
    fewer = await fill(ada, "/settings/account", fields | {"form-remove": "business_hours.0"})
    assert 'name="business_hours.0.days"' not in fewer.text.split("<template>")[0]
    fields |= {"business_hours.0.from_time": "09:00", "business_hours.0.to_time": "24:00"}
    assert (await fill(ada, "/settings/account", fields)).status == 303
    setting = (await shop.ada.get("/api/account/settings", type="business-hours")).json["data"][0]["data"]
    assert setting == {
        "timezone": "Europe/Paris",
        "business_hours": [{"days": "1,2,3,4,5", "from_time": "09:00", "to_time": "24:00"}],
    }


async def test_views(ada: Browser, shop: worlds.World) -> None:
    fields = {"name": "Late", "visibility": "public", "order_by": "updated_datetime", "order_dir": "desc", "mode": "rows"}  # fmt: skip
    row = {"filters.0.path": "ticket.status", "filters.0.operator": "eq", "filters.0.values": "nothing"}
    wrong = await fill(ada, "/settings/views/new", fields | row)
    assert wrong.status == 422
    assert beside(wrong.text, "rows")
    row["filters.0.values"] = "open"
    rows = row | {"filters.3.path": "ticket.tags.name", "filters.3.operator": "containsAny", "filters.3.values": "VIP, o'clock"}  # fmt: skip
    said = await fill(ada, "/settings/views/new", fields | rows | {"form-look": "1"})
    assert "Tickets where the status is open and the tags include any of" in said.text
    assert (await fill(ada, "/settings/views/new", fields | rows)).status == 303
    [view] = [one for one in (await shop.ada.get("/api/views")).json["data"] if one["name"] == "Late"]
    assert (
        view["filters"] == "eq(ticket.status, 'open') && containsAny(ticket.tags.name, ['VIP', 'o\\'clock'])"
    )
    page = (await ada.get(f"/settings/views/{view['id']}")).text
    assert 'value="VIP, o&#39;clock"' in page
    code = "eq(ticket.status, 'open') || isEmpty(ticket.tags)"
    assert beside((await fill(ada, f"/settings/views/{view['id']}", fields | {"mode": "code", "code": "eq("})).text, "code")  # fmt: skip
    assert (await fill(ada, f"/settings/views/{view['id']}", fields | {"mode": "code", "code": code})).status == 303  # fmt: skip
    assert (await shop.ada.get(f"/api/views/{view['id']}")).json["filters"] == code
    assert re.search(r'value="code" checked', (await ada.get(f"/settings/views/{view['id']}")).text), "rows cannot say it"  # fmt: skip
    listed = (await ada.get("/settings/views")).text
    shown = listed.split(f'/settings/views/{view["id"]}"')[1].split("</tr>")[0]
    assert "Tickets where the status is open or the tags are empty" in shown
    assert shown.index("Tickets where") < shown.index("<summary>Code</summary>") < shown.index("isEmpty(")
    assert (await fill(ada, f"/settings/views/{view['id']}/delete", {})).status == 303


async def test_sections_of_views(ada: Browser, shop: worlds.World) -> None:
    path = "/settings/views/sections"
    wrong = await fill(ada, path, {"sections.0.name": "", "sections.1.name": "Returns"})
    assert beside(wrong.text, "sections.0.name") == "This is needed."
    fields = {"sections.0.name": "Returns", "sections.0.emoji": "📦", "sections.1.name": "Wholesale"}
    assert (await fill(ada, path, fields)).status == 303
    rows = await shop.rows("select id, name from view_sections where account_id = $1 order by id")
    first, second = (row["id"] for row in rows)
    view = {"name": "Late", "slug": "late", "filters": "", "section_id": second}
    made = (await shop.ada.post("/api/views", view)).json
    page = (await ada.get("/settings")).text
    assert "Wholesale" in page.split('id="shelves"')[1]
    # The other way round, and one is gone: its view stands under none.
    fields = {"sections.0.id": str(first), "sections.0.name": "Refunds"}
    assert (await fill(ada, path, fields)).status == 303
    assert (await shop.ada.get(f"/api/views/{made['id']}")).json["section_id"] is None
    assert [row["name"] for row in await shop.rows("select name from view_sections where account_id = $1")] == ["Refunds"]  # fmt: skip
    assert (await fill(ada, path, {"sections.0.id": str(second), "sections.0.name": "x"})).status == 404


async def test_macros(ada: Browser, shop: worlds.World) -> None:
    odd = {"name": "http", "title": "Call", "type": "user", "arguments": {"url": "https://shop.example"}}
    rich = {"name": "setResponseText", "title": "Answer", "type": "user", "arguments": {"body_text": "Hi", "body_html": "<b>Hi</b>"}}  # fmt: skip
    made = (await shop.ada.post("/api/macros", {"name": "Rich", "actions": [rich, odd]})).json
    page = f"/settings/macros/{made['id']}"
    raw = json.dumps(odd)
    fields = {"name": "Rich", "answer": "Hi", "actions.0.name": "json", "actions.0.value": raw}
    more = {"actions.1.name": "setAssignee", "actions.1.value": "who@nowhere.example"}
    wrong = await fill(ada, page, fields | more)
    assert beside(wrong.text, "actions.1.value") == "This does not exist any more."
    more["actions.1.value"] = shop.leo.email
    tags = {"actions.2.name": "addTags", "actions.2.value": "VIP, late"}
    assert (await fill(ada, page, fields | more | tags)).status == 303
    actions = (await shop.ada.get(f"/api/macros/{made['id']}")).json["actions"]
    assert actions[0]["arguments"] == rich["arguments"], "the text is the same, so its HTML stays"
    assert actions[1] == odd
    assert [action["arguments"] for action in actions[2:]] == [{"assignee_user": {"id": shop.leo.user_id}}, {"tags": "VIP, late"}]  # fmt: skip
    again = (await ada.get(page)).text
    for value in (f'value="{shop.leo.email}"', 'value="VIP, late"', "&#34;http&#34;"):
        assert value in again, value
    assert (await fill(ada, page, {"name": "Rich", "answer": "Hello <you>"})).status == 303
    [answer] = (await shop.ada.get(f"/api/macros/{made['id']}")).json["actions"]
    assert answer["arguments"]["body_text"] == "Hello <you>"
    assert "&lt;you&gt;" in answer["arguments"]["body_html"]
    assert (await fill(ada, page + "/archive", {"away": "1"})).status == 303
    assert (await shop.ada.get(f"/api/macros/{made['id']}")).json["archived_datetime"]
    assert (await fill(ada, page + "/delete", {})).status == 303
    assert (await shop.ada.get(f"/api/macros/{made['id']}")).status == 404


async def test_custom_fields(ada: Browser, shop: worlds.World) -> None:
    fields = {"object_type": "Ticket", "label": "Reason", "shape": "choice", "choices": "Late\nLate"}
    wrong = await fill(ada, "/settings/fields/new", fields)
    assert beside(wrong.text, "choices") == "Each choice may be listed once."
    assert (await fill(ada, "/settings/fields/new", fields | {"choices": "Late\n\nBroken::Glass", "required": "1"})).status == 303  # fmt: skip
    [field] = (await shop.ada.get("/api/custom-fields", object_type="Ticket")).json["data"]
    assert field["definition"]["input_settings"]["choices"] == ["Late", "Broken::Glass"]
    assert field["required"] is True
    page = f"/settings/fields/{field['id']}"
    assert (await fill(ada, page, {"label": "Why", "choices": "Late", "priority": "7"})).status == 303
    changed = (await shop.ada.get(f"/api/custom-fields/{field['id']}")).json
    assert (changed["label"], changed["priority"], changed["required"]) == ("Why", 7, False)
    assert (await fill(ada, page + "/archive", {"away": "1"})).status == 303
    assert (await shop.ada.get("/api/custom-fields", object_type="Ticket")).json["data"] == []
    assert (await fill(ada, page + "/archive", {"away": ""})).status == 303


async def test_survey_channels_jobs_and_audit(ada: Browser, shop: worlds.World) -> None:
    lost = await fill(ada, "/settings/survey", {"survey_email_text": "Hi", "survey_interval": "2"})
    assert "satisfaction_survey_url" in beside(lost.text, "survey_email_text")
    fields = {"survey_email_text": "Hi {{satisfaction_survey_url}}", "survey_interval": "3", "send_survey_for_email": "1"}  # fmt: skip
    assert (await fill(ada, "/settings/survey", fields)).status == 303
    setting = (await shop.ada.get("/api/account/settings", type="satisfaction-surveys")).json["data"][0][
        "data"
    ]
    assert (setting["survey_interval"], setting["send_survey_for_email"], setting["send_survey_for_chat"]) == (3, True, False)  # fmt: skip

    assert beside((await fill(ada, "/settings/channels", {"address": "none"})).text, "address")
    address = f"help@{shop.account.domain}.example"
    assert (await fill(ada, "/settings/channels", {"address": address, "name": "Help"})).status == 303
    assert beside((await fill(ada, "/settings/channels", {"address": address})).text, "address").startswith("This is in use")  # fmt: skip
    [[channel]] = await shop.rows("select id from integrations where account_id = $1")
    assert (await fill(ada, f"/settings/channels/{channel}/test", {})).status == 303
    [notice] = await shop.rows("select recipient, body_text from notices where account_id = $1")
    assert notice["recipient"] == address
    assert (await fill(ada, f"/settings/channels/{channel}/delete", {})).status == 303
    assert await shop.rows("select 1 from integrations where account_id = $1") == []

    assert (await fill(ada, "/settings/import-export/export", {"kind": "exportMacro"})).status == 303
    assert (await fill(ada, "/settings/import-export/export", {"kind": "exportTicket"})).status == 422
    form = aiohttp.FormData({"csrf": await ada.token("/settings")})
    form.add_field("file", b"name,body_text\nHello,Hi", filename="macros.csv")
    assert (await ada.send("POST", "/settings/import-export/import", form)).status == 303
    jobs = (await shop.ada.get("/api/jobs")).json["data"]
    assert {job["type"] for job in jobs} == {"exportMacro", "importMacro"}
    assert (await fill(ada, f"/settings/jobs/{jobs[0]['id']}/cancel", {})).status == 303
    assert (await shop.ada.get(f"/api/jobs/{jobs[0]['id']}")).json["status"] == "canceled"
    assert (await ada.get(f"/settings/jobs/{jobs[0]['id']}/file")).status == 404

    audit = (await ada.get("/settings/audit?type=integration-created")).text
    assert audit.count('<code class="small muted">integration-created') == 1
    assert "Ada Agent" in audit
    assert "Nothing like that happened" in (await ada.get(f"/settings/audit?user={shop.lia.user_id}")).text


async def test_a_view_by_rows_in_a_browser(enter: Enter, shop: worlds.World) -> None:
    page = await enter(at="/settings/views/new")
    await page.get_by_label("Name").fill("VIPs")
    await page.get_by_role("button", name="Add a condition").click()
    row = page.locator(".form-row").nth(1)
    await row.get_by_label("Field").select_option("ticket.tags.name")
    await row.get_by_label("Comparison").select_option("contains")
    await expect(page.get_by_text("Not saved yet")).to_be_visible()
    await page.get_by_role("button", name="Save").click()
    await expect(row.get_by_role("alert")).to_have_text("This is needed.")
    await expect(row.get_by_label("Value")).to_be_focused()
    await row.get_by_label("Value").fill("VIP")
    await page.get_by_role("button", name="Add a condition").click()
    await page.locator(".form-row").nth(2).get_by_role("button", name="Remove").click()
    await page.get_by_role("button", name="In plain words").click()
    await expect(page.locator(".reading")).to_contain_text("the tags include “VIP”")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#shelves")).to_contain_text("VIPs")
    assert len(await shop.rows("select 1 from views where account_id = $1 and name = 'VIPs'")) == 1


async def test_settings_without_script(enter: Enter, shop: worlds.World) -> None:
    page = await enter(at="/settings/account", java_script_enabled=False)
    await page.get_by_role("button", name="Add hours").click()
    row = page.locator(".form-row").nth(1)
    await row.get_by_label("Days").select_option("6,7")
    await row.get_by_label("From").fill("10:00")
    await row.get_by_label("Until").fill("12:00")
    await page.locator(".form-row").nth(0).get_by_role("button", name="Remove").click()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(".page-notice[role=status]")).to_have_text("Saved.")
    setting = (await shop.ada.get("/api/account/settings", type="business-hours")).json["data"][0]["data"]
    assert setting["business_hours"] == [{"days": "6,7", "from_time": "10:00", "to_time": "12:00"}]
    await page.goto(f"http://{shop.ada.host}/settings/users/{shop.lia.user_id}")
    await page.locator("summary", has_text="Deactivate").click()
    await page.get_by_role("button", name="Deactivate the user").click()
    await expect(page.get_by_text("Deactivated: this user cannot log in.")).to_be_visible()


async def test_what_the_rail_remembers(enter: Enter, shop: worlds.World) -> None:
    page = await enter(at="/settings/profile")
    await page.locator("#me summary").click()
    await page.get_by_role("button", name="Away: no tickets for me").click()
    await expect(page.locator("#me .presence")).to_have_class(re.compile("away"))
    await page.get_by_label("Dark").check()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.locator("#keys-device").uncheck()
    await page.reload()
    await expect(page.locator("#me .presence")).to_have_class(re.compile("away"))
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert await page.evaluate("localStorage.getItem('keys')") == "off"
