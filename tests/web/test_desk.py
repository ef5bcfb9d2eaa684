"""Around the thread: who else is there, the bulk bar and its jobs, the search box, fields, merging, splitting."""

import asyncio
import csv
import io
import json
import re
from typing import Any

import pytest

from polus.desk.accounts import Book
from polus.reactions.jobs import Jobs
from polus.store.queue import Queue
from tests import make
from tests import world as worlds
from tests.web.conftest import Browser

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
async def ada(browser: Browser, shop: worlds.World) -> Browser:
    """The administrator, logged in."""
    await browser.log_in(shop.ada.email)
    return browser


async def act(browser: Browser, path: str, fields: dict[str, Any], **headers: str) -> Any:
    return await browser.post(path, {"csrf": await browser.token(), "view": "open"} | fields, **headers)


async def get(shop: worlds.World, ticket: int) -> Any:
    return (await shop.ada.get(f"/api/tickets/{ticket}")).json


async def test_who_else_is_at_a_ticket(browser: Browser, ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    await act(ada, f"/tickets/{ticket}/look", {"writing": "true"})
    assert json.loads((await ada.get(f"/people?ids={ticket},x,{10**30}")).text) == {}, "oneself is no news"
    browser.cookies.clear()
    await browser.log_in(shop.oda.email)
    seen = json.loads((await browser.get(f"/people?ids={ticket}")).text)
    assert seen == {str(ticket): [{"id": shop.ada.user_id, "name": "Ada Agent", "writing": True}]}
    await shop.rows("update onlookers set seen_datetime = now() - interval '1 minute' where account_id = $1 returning user_id")  # fmt: skip
    assert json.loads((await browser.get(f"/people?ids={ticket}")).text) == {}
    await act(browser, f"/tickets/{ticket}/look", {"writing": "false"})
    await act(browser, f"/tickets/{ticket}/leave", {})
    assert [row["user_id"] for row in await shop.rows("select * from onlookers where account_id = $1")] == [shop.ada.user_id]  # fmt: skip


async def test_two_who_wait_for_each_other_are_no_error(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    await act(ada, f"/tickets/{ticket}/look", {"writing": "true"})
    waits = "select true from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))"
    async with shop.database.pool.acquire() as db:
        async with db.transaction():
            # Else PostgreSQL may undo this one.
            await db.execute("set local deadlock_timeout = '60s'")
            await db.execute("update handlings set ends = ends where account_id = $1", shop.account.id)
            going = asyncio.create_task(act(ada, f"/tickets/{ticket}/leave", {}))
            while not await db.fetchval(waits):
                assert not going.done()
                await asyncio.sleep(0.01)
            await db.execute("delete from onlookers where account_id = $1", shop.account.id)
        assert (await going).status == 204
        assert await db.fetchval("select count(*) from handlings where account_id = $1", shop.account.id) == 1


@pytest.mark.parametrize(
    "fields,column,value",
    [
        ({"action": "status", "value": "closed"}, "status", "closed"),
        ({"action": "spam", "value": "true"}, "spam", True),
        ({"action": "priority", "value": "high"}, "priority", "high"),
    ],
)
async def test_few_are_changed_at_once(ada: Browser, shop: worlds.World, fields: Any, column: str, value: Any) -> None:  # fmt: skip
    made = [(await make.ticket(shop))["id"] for _ in range(3)]
    answer = await act(ada, "/bulk", fields | {"ids": f"{made[0]},{made[1]},{10**12}"})
    told = json.loads(answer.text)
    assert told["text"] == "2 tickets changed."
    assert len(told["failed"]) == 1
    assert [(await get(shop, one))[column] == value for one in made] == [True, True, False]


async def test_more_ways_to_change_many(ada: Browser, shop: worlds.World) -> None:
    made = [(await make.ticket(shop))["id"] for _ in range(3)]
    ids = ",".join(map(str, made))
    for fields in (
        {"action": "tag", "value": "fresh"},
        {"action": "assignee_user", "value": str(shop.leo.user_id)},
        {"action": "snooze", "value": "2100-01-01T09:00"},
        {"action": "trash", "value": "true"},
    ):
        assert (
            json.loads((await act(ada, "/bulk", fields | {"ids": ids})).text)["text"] == "3 tickets changed."
        )
    after = await get(shop, made[2])
    assert [tag["name"] for tag in after["tags"]] == ["fresh"]
    assert after["assignee_user"]["id"] == shop.leo.user_id
    assert after["snooze_datetime"]
    assert after["trashed_datetime"]
    for wrong in ({"action": "nonsense"}, {"action": "snooze", "value": "then"}, {"action": "merge", "value": ""}):  # fmt: skip
        refused = await act(ada, "/bulk", wrong | {"ids": str(made[0])})
        assert (refused.status, refused.headers["polus-refused"]) == (200, "1"), wrong
        assert json.loads(refused.text)["error"]
    await act(ada, "/bulk", {"action": "merge", "value": "", "ids": ids})
    assert len((await get(shop, made[0]))["messages"]) == 3


async def test_a_whole_view_is_changed_by_a_job_that_tells(ada: Browser, shop: worlds.World) -> None:
    for _ in range(27):
        await make.ticket(shop)
    started = json.loads((await act(ada, "/bulk", {"action": "status", "value": "closed", "all": "1"})).text)
    job = started["job"]
    waiting = (await ada.get(f"/jobs/{job}/progress")).text
    assert "Waiting to begin" in waiting
    assert 'hx-trigger="load' in waiting
    await Queue(shop.database, Jobs(shop.database, Book(shop.database, "")).lane()).drain()
    done = (await ada.get(f"/jobs/{job}/progress")).text
    assert "27 of 27" in done
    assert "hx-trigger" not in done
    assert (await shop.rows("select count(*) from tickets where account_id = $1 and status = 'open'"))[0][0] == 0  # fmt: skip
    table = list(csv.reader(io.StringIO((await ada.get(f"/jobs/{job}/result.csv")).text)))
    assert table == [["ticket_id", "error"]]
    for _ in range(27):
        await make.ticket(shop)
    job = json.loads((await act(ada, "/bulk", {"action": "status", "value": "closed", "all": "1"})).text)[
        "job"
    ]
    assert "Cancelled" in (await act(ada, f"/jobs/{job}/cancel", {})).text
    assert (await shop.rows("select count(*) from tickets where account_id = $1 and status = 'open'"))[0][0] == 27  # fmt: skip


async def test_what_was_guessed_is_corrected(ada: Browser, shop: worlds.World) -> None:
    """Intents are rejected and added by message, the language by ticket; neither is news of the ticket."""
    made = await make.ticket(shop)
    ticket, message = made["id"], made["messages"][0]["id"]
    guessed = '[{"name": "refund/request", "rejected": false, "is_user_feedback": false}]'
    await shop.rows("update messages set intents = $3 where account_id = $1 and id = $2 returning id", message, guessed)  # fmt: skip
    assert "refund › request" in (await ada.get(f"/inbox/open/{ticket}")).text
    base = f"/tickets/{ticket}/messages/{message}/intents"
    assert (
        "refund › request"
        not in (await act(ada, base + "/reject", {"intent": "refund/request"}, hx_request="true")).text
    )
    assert (
        "order › cancel"
        in (await act(ada, base + "/add", {"intent": "order/cancel"}, hx_request="true")).text
    )
    refused = await act(ada, base + "/add", {"intent": "nonsense"}, hx_request="true")
    assert refused.headers["polus-refused"] == "1"
    await act(ada, f"/tickets/{ticket}/language", {"language": "sv"})
    after = await get(shop, ticket)
    assert after["language"] == "sv"
    assert after["messages"][0]["intents"] == [
        {"name": "refund/request", "rejected": True, "is_user_feedback": False},
        {"name": "order/cancel", "rejected": False, "is_user_feedback": True},
    ]


async def test_closing_many_asks_for_what_must_be_filled(ada: Browser, shop: worlds.World) -> None:
    """Tickets without it stay open and are named; the fields are filled for all, what a ticket has already stays."""
    choice = {"data_type": "text", "input_settings": {"input_type": "dropdown", "choices": ["Lost", "Late"]}}
    number = {"data_type": "number", "input_settings": {"input_type": "input_number", "max": 9}}
    fields = [
        (await shop.ada.post("/api/custom-fields", {"object_type": "Ticket", "label": label, "required": True, "definition": kind})).json["id"]
        for label, kind in (("Reason", choice), ("Items", number))
    ]  # fmt: skip
    one, two, three = [(await make.ticket(shop, subject=f"Parcel {n}"))["id"] for n in range(3)]
    whole = [{"id": fields[0], "value": "Lost"}, {"id": fields[1], "value": 3}]
    await shop.ada.put(f"/api/tickets/{one}", {"custom_fields": whole})
    await shop.ada.put(f"/api/tickets/{two}", {"custom_fields": whole[:1]})
    asked = {"action": "status", "value": "closed", "ids": f"{one},{two},{three}"}
    told = json.loads((await act(ada, "/bulk", asked)).text)
    assert told["text"] == "1 ticket changed."
    assert "2 tickets stay open" in told["panel"]
    assert f'data-ticket="{three}"' in told["panel"]
    assert [(await get(shop, id_))["status"] for id_ in (one, two, three)] == ["closed", "open", "open"]

    form = {"ids": f"{two},{three}", f"field-{fields[0]}": "Late", f"field-{fields[1]}": "12"}
    refused = (await act(ada, "/bulk/fill", form)).text
    assert 'aria-invalid="true"' in refused
    assert 'value="12"' in refused
    assert (await get(shop, two))["status"] == "open"
    half = (await act(ada, "/bulk/fill", form | {f"field-{fields[0]}": "", f"field-{fields[1]}": "2"})).text
    assert "1 ticket stays open" in half
    assert (await get(shop, two))["status"] == "closed"
    done = (await act(ada, "/bulk/fill", form | {f"field-{fields[1]}": "4"})).text
    assert "1 ticket changed." in done
    values = [(await get(shop, id_))["custom_fields"] for id_ in (two, three)]
    assert [[fields_[str(id_)]["value"] for id_ in fields] for fields_ in values] == [
        ["Lost", 2],
        ["Late", 4],
    ]


ORDERED = """
update customers set integrations = '{"7": {"orders": [{"name": "#SH-4710"}, {"name": "#SH-4711"}]}, "8": {"orders": 3}}'
where account_id = $1 and email = 'ann@shop.example' returning id
"""


async def test_the_search_box(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop, subject=f"Lantern {HOSTILE}"))["id"]
    other = (await make.ticket(shop, customer={"email": "ann@shop.example", "name": "Ann Lee"}))["id"]
    await shop.rows(ORDERED)
    await make.customer(shop, name="Bob", channels=[{"type": "phone", "address": "+49 30 123456"}])
    for asked, found in {
        "lantern": ticket,
        f"#{ticket}": ticket,
        str(other): other,
        "ann@shop.example": other,
        "Ann Le": other,
        "#SH-4711": other,
        "sh-4711": other,
        "parcel": other,
    }.items():
        page = (await ada.get(f"/search/offer?q={asked.replace('#', '%23').replace(' ', '+')}")).text
        assert f'href="/inbox/all/{found}"' in page, asked
    page = (await ada.get("/search/offer?q=lantern")).text
    assert "<mark>Lantern</mark> &lt;img src=x" in page
    long = "I waited for three whole weeks and nobody told me where it was, so I want my <b>Zeppelin</b> refunded"
    await shop.lia.post(f"/api/tickets/{other}/messages", make.mail(body_text=long, stripped_text=long))
    await shop.ada.post(f"/api/tickets/{other}/messages", make.note("Later words"))
    page = (await ada.get("/search/offer?q=zeppel")).text
    assert "… told me where it was, so I want my &lt;b&gt;<mark>Zeppel</mark>in&lt;/b&gt; refunded" in page
    page = (await ada.get("/search?q=030123456")).text
    assert re.search(r'href="/customers/\d+"><bdi class="cut">Bob', page)
    assert "Nothing found." in (await ada.get("/search?q=xyzzy")).text
    assert (await ada.get("/search/offer?q=%00")).status == 200


async def field(shop: worlds.World, kind: str, **more: Any) -> int:
    definition = {
        "data_type": "text",
        "input_settings": {"input_type": "dropdown", "choices": ["A::One", "B"]},
    }
    made = await shop.ada.post("/api/custom-fields", {"object_type": kind, "label": f"{kind} {HOSTILE}", "definition": definition, **more})  # fmt: skip
    assert made.status == 201, made.raw
    return made.json["id"]  # type: ignore[no-any-return]


async def test_fields_are_filled_and_some_must_be(ada: Browser, shop: worlds.World) -> None:
    await make.address(shop)
    made = await make.ticket(shop)
    ticket, customer = made["id"], made["customer"]["id"]
    own, his = await field(shop, "Ticket", required=True), await field(shop, "Customer")
    page = (await ada.get(f"/inbox/open/{ticket}")).text
    assert "Ticket &lt;img src=x" in page
    assert "Customer &lt;img src=x" in page
    for path, fields in (
        ("status", {"status": "closed"}),
        ("messages", {"mode": "reply", "to": "mia@example.com", "body": "Hi", "then": "close"}),
    ):
        refused = await act(ada, f"/tickets/{ticket}/{path}", fields)
        assert refused.status == 422
        assert re.search(rf'id="field-{own}-{ticket}".*?Must be filled before the ticket is closed', refused.text, re.DOTALL)  # fmt: skip
    assert (await get(shop, ticket))["status"] == "open"
    wrong = await act(ada, f"/tickets/{ticket}/fields/{own}", {"value": "Z"})
    assert wrong.status == 422
    assert f'id="ef-{own}"' in wrong.text
    await act(ada, f"/tickets/{ticket}/fields/{own}", {"value": "A::One"})
    await act(ada, f"/customers/{customer}/fields/{his}", {"value": "B", "ticket": str(ticket)})
    assert (await get(shop, ticket))["custom_fields"][str(own)]["value"] == "A::One"
    assert (await shop.ada.get(f"/api/customers/{customer}")).json["custom_fields"][str(his)]["value"] == "B"
    await act(ada, f"/tickets/{ticket}/status", {"status": "closed"})
    assert (await get(shop, ticket))["status"] == "closed"


async def test_merging_and_splitting_by_hand(ada: Browser, shop: worlds.World) -> None:
    one, two = (await make.ticket(shop))["id"], (await make.ticket(shop))["id"]
    wrong = await act(ada, f"/tickets/{one}/merge", {"source": "999999"})
    assert (wrong.status, "There is no ticket #999999." in wrong.text) == (422, True)
    await act(ada, f"/tickets/{one}/merge", {"source": "999999", "number": f"#{two}"})
    both = await get(shop, one)
    assert len(both["messages"]) == 2
    assert (await ada.get(f"/inbox/open/{two}")).headers["location"] == f"/inbox/open/{one}"
    out = await act(ada, f"/tickets/{one}/messages/{both['messages'][1]['id']}/split", {})
    made = int(out.headers["location"].rsplit("/", 1)[1])
    assert len((await get(shop, made))["messages"]) == 1
    last = await act(ada, f"/tickets/{made}/messages/{both['messages'][1]['id']}/split", {})
    assert last.status == 422


async def test_the_same_person_is_suggested_and_merged(ada: Browser, shop: worlds.World) -> None:
    made = await make.ticket(shop)
    twin = await make.customer(shop, name="mia meyer", email="mia@other.example")
    page = (await ada.get(f"/inbox/open/{made['id']}")).text
    assert "The same person?" in page
    assert "mia@other.example" in page
    await act(ada, f"/customers/{made['customer']['id']}/merge", {"source": str(twin["id"]), "ticket": str(made["id"])})  # fmt: skip
    after = (await shop.ada.get(f"/api/customers/{made['customer']['id']}")).json
    assert {channel["address"] for channel in after["channels"]} == {"mia@example.com", "mia@other.example"}
    assert "The same person?" not in (await ada.get(f"/inbox/open/{made['id']}")).text


async def test_a_finished_view_says_what_was_done(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop, assignee_user={"id": shop.ada.user_id}))["id"]
    await make.ticket(shop)
    await act(ada, f"/tickets/{ticket}/status", {"status": "closed"})
    page = (await ada.get("/inbox/mine")).text
    assert "Today you closed 1 ticket and sent 0 messages." in page
    assert 'data-go="unassigned"' in page


async def test_what_a_rule_did_says_so(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    rule = (await shop.rows("insert into rules (account_id, name, code, code_ast, priority, created_datetime, updated_datetime) values ($1, 'Urgent <b>', '', '{}', 1, now(), now()) returning id"))[0][0]  # fmt: skip
    await shop.rows("update tickets set priority = 4 where account_id = $1 and id = $2 returning id", ticket)
    await shop.rows("insert into events (account_id, context, type, object_type, object_id, data, ticket_id, cause_id, depth, created_datetime) select $1, gen_random_uuid(), 'ticket-updated', 'Ticket', $2, jsonb_build_object('priority', jsonb_build_array('normal', 'critical'), 'rule_id', $3::bigint), $2, (select max(id) from events), 1, now() returning id", ticket, rule)  # fmt: skip
    page = (await ada.get(f"/inbox/open/{ticket}")).text
    assert re.search(r'title="Priority · Set by Urgent &lt;b&gt;, ', page)
    await act(ada, f"/tickets/{ticket}/priority", {"priority": "low"})
    assert "Set by Urgent" not in (await ada.get(f"/inbox/open/{ticket}")).text


async def test_a_chat_is_answered_where_it_was_held(ada: Browser, shop: worlds.World) -> None:
    mail = make.mail("Hello?", channel="chat", via="chat", source={"type": "chat", "from": {"name": "Mia", "address": "x"}, "to": []})  # fmt: skip
    ticket = (await make.ticket(shop, channel="chat", messages=[mail], customer={"name": "Visitor", "channels": [{"type": "phone", "address": "+4930123"}]}))["id"]  # fmt: skip
    page = (await ada.get(f"/inbox/open/{ticket}")).text
    assert '<input type="hidden" name="channel" value="chat">' in page
    answer = await act(ada, f"/tickets/{ticket}/messages", {"mode": "reply", "channel": "chat", "body": "Hi there"})  # fmt: skip
    assert answer.status == 303
    said = (await get(shop, ticket))["messages"][-1]
    assert (said["channel"], said["body_text"], said["from_agent"]) == ("chat", "Hi there", True)
