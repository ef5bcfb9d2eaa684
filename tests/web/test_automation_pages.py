"""The settings' pages of what happens by itself: assignment and merging, service levels, trying a template."""

import json
import re
from typing import Any

import pytest

from tests import make
from tests import world as worlds
from tests.web.conftest import Browser


@pytest.fixture
async def ada(browser: Browser, shop: worlds.World) -> Browser:
    """The administrator, logged in."""
    await browser.log_in(shop.ada.email)
    return browser


async def fill(browser: Browser, path: str, fields: dict[str, Any]) -> Any:
    """Send a form of the settings."""
    return await browser.post(path, {"csrf": await browser.token("/settings")} | fields)


async def stored(shop: worlds.World, kind: str) -> Any:
    rows = await shop.rows("select data from account_settings where account_id = $1 and type = $2", kind)
    return json.loads(rows[0]["data"]) if rows else None


async def test_what_happens_by_itself_is_chosen_on_one_page(ada: Browser, shop: worlds.World) -> None:
    path = "/settings/automation"
    page = (await ada.get(path)).text
    assert re.search(r'name="unassign_on_reply"[^>]* checked', page)
    assert not re.search(r'name="detect_intents"[^>]* checked', page)
    fields = {
        "auto_assign_to_teams": "1",
        "assignment_channels": "email",
        "max_user_chat_ticket": "",
        "max_user_non_chat_ticket": "9",
        "merge.tickets.enabled": "1",
        "merge.tickets.merging_window_days": "3",
        "detect_language": "1",
        "detect_intents": "1",
    }
    assert (await fill(ada, path, fields)).status == 303
    assert await stored(shop, "ticket-assignment") == {
        "auto_assign_to_teams": True,
        "assignment_channels": ["email"],
        "max_user_chat_ticket": None,
        "max_user_non_chat_ticket": 9,
        "can_exceed_max_agent_capacity": False,
        "unassign_on_reply": False,
        "auto_assign_ticket_to_responding_agent": False,
        "unassign_on_user_unavailability": [],
    }
    assert await stored(shop, "auto-merge") == {"tickets": {"enabled": True, "merging_window_days": 3}}
    assert await stored(shop, "auto-split") is None
    options = (await shop.ada.get("/api/_polus/analysis")).json
    assert options == {"detect_language": True, "detect_intents": True, "detect_sentiments": False}
    wrong = await fill(ada, path, fields | {"merge.tickets.merging_window_days": ""})
    assert wrong.status == 422
    assert "Nothing was saved" in wrong.text
    late = {"split.email.enabled": "1", "split.email.split_after_days": "8"}
    await fill(ada, path, fields | late)
    assert await stored(shop, "auto-split") == {"email": {"enabled": True, "split_after_days": 8}}


async def test_service_levels_are_made_changed_and_deleted(ada: Browser, shop: worlds.World) -> None:
    path = "/settings/slas"
    assert "No service levels yet" in (await ada.get(path)).text
    assert (await ada.get(path + "/new")).status == 200
    nothing = await fill(ada, path + "/new", {"name": "Fast"})
    assert (nothing.status, "at least one of the two" in nothing.text) == (422, True)
    made = {"name": "<b>Fast</b>", "channels": "chat, sms", "priorities": "high", "first_response": "30", "within_business_hours": "1"}  # fmt: skip
    assert (await fill(ada, path + "/new", made)).status == 303
    (policy,) = (await shop.ada.get("/api/_polus/sla-policies")).json["data"]
    assert (policy["channels"], policy["priorities"]) == (["chat", "sms"], ["high"])
    assert (policy["first_response_seconds"], policy["resolution_seconds"]) == (1800, None)
    listed = (await ada.get(path)).text
    assert "&lt;b&gt;Fast" in listed
    assert "30 minutes" in listed
    one = f"{path}/{policy['id']}"
    assert 'value="30"' in (await ada.get(one)).text
    changed = {"name": "Slow", "resolution": "2880", "position": "4"}
    assert (await fill(ada, one, changed)).status == 303
    (policy,) = (await shop.ada.get("/api/_polus/sla-policies")).json["data"]
    assert (policy["name"], policy["channels"], policy["resolution_seconds"]) == ("Slow", [], 172_800)
    assert policy["deactivated_datetime"] is not None
    assert "2 days" in (await ada.get(path)).text
    assert (await fill(ada, one + "/delete", {})).status == 303
    assert (await shop.ada.get("/api/_polus/sla-policies")).json["data"] == []
    assert (await ada.get(one)).status == 404


async def test_a_template_is_tried_on_a_ticket(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop, subject="<i>Parcel</i>")
    path = "/settings/template"
    assert (await ada.get(f"{path}?ticket={ticket['id']}")).status == 200
    fields = {
        "template": "{{ticket.subject}} {{ticket.nothing | shout}}",
        "ticket_id": str(ticket["id"]),
        "target": "html",
    }
    page = await fill(ada, path, fields)
    assert page.status == 200
    assert "&amp;lt;i&amp;gt;Parcel" in page.text
    assert "Unknown filter:" in page.text
    assert "<i>Parcel" not in page.text
    missing = await fill(ada, path, fields | {"ticket_id": "999999999"})
    assert missing.status == 422


async def test_list_and_ticket_show_what_is_late_or_due(ada: Browser, shop: worlds.World) -> None:
    late, due, kept = [(await make.ticket(shop, subject=f"Number {n}"))["id"] for n in range(3)]
    for ticket_id, moments in (
        (late, "now() - interval '1 hour', null, now() - interval '1 hour'"),
        (due, "now() + interval '1 hour', null, null"),
        (kept, "now() + interval '1 hour', now(), null"),
    ):
        await shop.rows(
            "insert into ticket_slas (account_id, ticket_id, metric, policy_id, attached_datetime, target_seconds,"
            " within_hours, due_datetime, achieved_datetime, breached_datetime)"
            " values ($1, $2, 'first-response', 1, now(), 3600, false, " + moments + ") returning 1",
            ticket_id,
        )
    rows = re.findall(r'<li class="row.*?</li>', (await ada.get("/inbox/open")).text, re.DOTALL)
    marked = {re.search(r'id="t-(\d+)"', row)[1]: row for row in rows}  # type: ignore[index]
    assert "First answer: late" in marked[str(late)]
    assert 'title="First answer: ' in marked[str(due)]
    assert "First answer" not in marked[str(kept)]
    assert "First answer: late" in (await ada.get(f"/inbox/open/{late}")).text
