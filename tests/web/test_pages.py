"""The workspace without script: what the pages show, and what each form changes, as answers, rows and events."""

import io
import json
import re
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from PIL import Image

from polus.desk import inbox as views
from polus.store.work import SYSTEM, writing
from polus.web.site import Site
from tests import make
from tests import world as worlds
from tests.web.conftest import Browser

HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>'


@pytest.fixture
async def ada(browser: Browser, shop: worlds.World) -> Browser:
    """The administrator, logged in."""
    await browser.log_in(shop.ada.email)
    return browser


@pytest.fixture
async def oda(browser: Browser, shop: worlds.World) -> Browser:
    """The observer, logged in."""
    await browser.log_in(shop.oda.email)
    return browser


async def act(browser: Browser, ticket: Any, name: str, fields: dict[str, Any], **headers: str) -> Any:
    """Send a form of the ticket's page."""
    csrf = await browser.token()
    return await browser.post(f"/tickets/{ticket['id']}/{name}", {"csrf": csrf, "view": "open"} | fields, **headers)  # fmt: skip


async def column(shop: worlds.World, ticket: Any, name: str) -> Any:
    rows = await shop.rows("select * from tickets where account_id = $1 and id = $2", ticket["id"])
    return rows[0][name]


def listed(page: str) -> list[int]:
    """The tickets of the page's list, in order."""
    return [int(number) for number in re.findall(r'<li class="row[^"]*" id="t-(\d+)"', page)]


async def test_the_inbox_begins_with_what_is_open(ada: Browser, shop: worlds.World) -> None:
    assert (await ada.get("/")).headers["location"] == "/inbox/open"
    assert (await ada.get("/inbox")).headers["location"] == "/inbox/open"
    first, second = await make.ticket(shop, subject="First"), await make.ticket(shop, subject="Second")
    page = (await ada.get("/inbox/open")).text
    assert listed(page) == [second["id"], first["id"]]
    assert "Mia Meyer" in page
    assert "Where is my parcel?" in page
    assert (await ada.get("/inbox/nonsense")).status == 404


async def test_numbers_and_names_that_nothing_can_have(ada: Browser, shop: worlds.World) -> None:
    ticket = (await make.ticket(shop))["id"]
    far = 2**63
    for path in (
        f"/inbox/open/{far}",
        f"/inbox/open/{far}/ticket",
        f"/tickets/{far}",
        f"/tickets/{ticket}/messages/{far}/html",
        "/attachments/attachment/%00",
        "/attachments/%00/x",
        "/inbox/%00",
    ):
        assert (await ada.get(path)).status == 404, path
    csrf = {"csrf": await ada.token()}
    for path in (
        f"/tickets/{far}/status",
        f"/tickets/{far}/messages",
        f"/tickets/{ticket}/messages/{far}/resend",
        f"/customers/{far}/note",
    ):
        assert (await ada.post(path, csrf)).status == 404, path


async def test_each_view_holds_its_tickets(ada: Browser, shop: worlds.World) -> None:
    made = {name: (await make.ticket(shop, subject=name))["id"] for name in ("plain", "mine", "closed", "snoozed", "spam", "trash")}  # fmt: skip
    for name, change in {
        "mine": {"assignee_user": {"id": shop.ada.user_id}},
        "closed": {"status": "closed"},
        "snoozed": {"snooze_datetime": "2100-01-01T00:00:00"},
        "spam": {"spam": True},
        "trash": {"trashed_datetime": "2026-01-01T00:00:00"},
    }.items():
        assert (await shop.ada.put(f"/api/tickets/{made[name]}", change)).status == 202
    held = {
        "all": {"plain", "mine", "closed", "snoozed"},
        "open": {"plain", "mine"},
        "mine": {"mine"},
        "unassigned": {"plain"},
        "snoozed": {"snoozed"},
        "closed": {"closed", "snoozed"},
        "spam": {"spam"},
        "trash": {"trash"},
    }
    assert set(held) == set(views.VIEWS)
    for view, names in held.items():
        page = (await ada.get(f"/inbox/{view}")).text
        assert set(listed(page)) == {made[name] for name in names}, view
        count = re.search(rf'id="v-{view}".*?<span class="count">(\d*)', page, re.DOTALL)
        assert count
        assert count[1] == str(len(names)), view


async def test_pages_of_a_view_neither_lose_nor_repeat(ada: Browser, shop: worlds.World) -> None:
    made = [(await make.ticket(shop))["id"] for _ in range(4)]
    noted = [(await make.ticket(shop, messages=[make.note()]))["id"] for _ in range(3)]
    wanted = [*reversed(made), *reversed(noted)]
    await shop.rows("update tickets set last_message_datetime = null where account_id = $1 and id = any($2)", noted)  # fmt: skip
    page = (await ada.get("/inbox/open/list?shown=1")).text
    assert listed(page) == wanted, "never less than a page"
    for size in (1, 2, 3, 6, 7):
        found, cursor = [], None
        while True:
            part = await _page(shop, cursor, size)
            found += part[0]
            cursor = part[1]
            if cursor is None:
                break
        assert found == wanted, size
    assert (await ada.get("/inbox/open/older?cursor=nonsense")).status == 400
    assert (await ada.get("/inbox/open/older?cursor=99999999999999999999999-1")).status == 400


async def _page(shop: worlds.World, cursor: str | None, size: int) -> tuple[list[int], str | None]:
    from_there = views.place(cursor) if cursor else None
    actor = SYSTEM
    async with writing(shop.database, shop.account, actor) as work:
        work.actor = type(actor)("user", shop.ada.user_id, "admin")
        page = await views.page(work, "open", from_there, size)
    return [int(re.search(r'"id" : (\d+)', text)[1]) for text in page.tickets], page.next_cursor  # type: ignore[index]


async def test_a_ticket_with_all_that_belongs_to_it(ada: Browser, shop: worlds.World) -> None:
    await make.ticket(shop, subject="The older one")
    ticket = await make.ticket(shop, subject="A parcel", tags=[{"name": "VIP"}])
    path = f"/api/tickets/{ticket['id']}"
    assert (await shop.lia.post(path + "/messages", make.note("Be careful"))).status == 201
    assert (await shop.lia.put(path, {"status": "closed"})).status == 202
    page = (await ada.get(f"/inbox/all/{ticket['id']}")).text
    assert "<title>A parcel · #" in page
    for shown in ("Where is my parcel?", "Be careful", "Internal note", "VIP", "mia@example.com", "The older one", "closed the ticket", "Reopen"):  # fmt: skip
        assert shown in page, shown
    assert (await ada.get(f"/tickets/{ticket['id']}")).headers["location"] == f"/inbox/all/{ticket['id']}"


async def test_opening_reads_fetching_ahead_does_not(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)

    async def unread() -> bool:
        return (await shop.ada.get(f"/api/tickets/{ticket['id']}")).json["is_unread"]  # type: ignore[no-any-return]

    assert (await ada.get(f"/inbox/open/{ticket['id']}/ticket", HX_Request="true")).status == 200
    assert await unread()
    await ada.get(f"/inbox/open/{ticket['id']}")
    assert not await unread()
    assert await column(shop, ticket, "opened_datetime")
    answer = await act(ada, ticket, "read", {"is_unread": "true"})
    assert answer.headers["location"] == "/inbox/open"
    assert await unread()
    await act(ada, ticket, "read", {"is_unread": "false"}, HX_Request="true")
    assert not await unread()


@pytest.mark.parametrize(
    "name,fields,field,value,events",
    [
        ("status", {"status": "closed"}, "status", "closed", ["ticket-closed"]),
        ("subject", {"subject": "  New\n words "}, "subject", "New words", ["ticket-subject-updated"]),
        ("priority", {"priority": "critical"}, "priority", 4, ["ticket-updated"]),
        ("spam", {"spam": "true"}, "spam", True, ["ticket-marked-spam"]),
    ],
)
async def test_forms_change_what_they_say(ada: Browser, shop: worlds.World, name: str, fields: Any, field: str, value: Any, events: list[str]) -> None:  # fmt: skip
    ticket = await make.ticket(shop)
    answer = await act(ada, ticket, name, fields)
    assert (answer.status, answer.headers["location"]) == (303, f"/inbox/open/{ticket['id']}")
    assert await column(shop, ticket, field) == value
    assert set(events) <= {event[0] for event in await shop.events()}
    actors = await shop.rows("select user_id from events where account_id = $1 and type = $2", events[0])
    assert [row[0] for row in actors] == [shop.ada.user_id]


async def test_reopen_snooze_wake(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop, status="closed")
    await act(ada, ticket, "status", {"status": "open"})
    assert await column(shop, ticket, "status") == "open"
    await act(ada, ticket, "snooze", {"until": "2100-03-01T09:00"})
    assert (await column(shop, ticket, "snooze_datetime")).isoformat() == "2100-03-01T09:00:00+00:00"
    page = (await ada.get(f"/inbox/snoozed/{ticket['id']}")).text
    assert "Snoozed until" in page
    await act(ada, ticket, "snooze", {"until": ""})
    assert await column(shop, ticket, "snooze_datetime") is None
    assert await column(shop, ticket, "status") == "open"
    for wrong in ("2020-01-01T00:00", "soon"):
        answer = await act(ada, ticket, "snooze", {"until": wrong})
        assert answer.status == 422
        assert 'class="banner bad"' in answer.text


async def test_assign_to_people_and_teams(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    [team] = await shop.rows("insert into teams (account_id, name, created_datetime) values ($1, 'Returns', now()) returning id")  # fmt: skip
    await act(ada, ticket, "assignee", {"assignee_user": str(shop.leo.user_id)})
    await act(ada, ticket, "team", {"assignee_team": str(team[0])})
    page = (await ada.get(f"/inbox/open/{ticket['id']}")).text
    assert re.search(r'id="assign-menu".*?Leo Agent', page, re.DOTALL)
    assert re.search(r'id="team-menu".*?Returns', page, re.DOTALL)
    await act(ada, ticket, "assignee", {"assignee_user": ""})
    assert await column(shop, ticket, "assignee_user_id") is None
    assert (await act(ada, ticket, "assignee", {"assignee_user": "99999999"})).status == 422
    assert (await act(ada, ticket, "assignee", {"assignee_user": "x"})).status == 422


async def test_tags_go_on_and_off(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    await act(ada, ticket, "tags/add", {"tag": "brand new <b>"})
    assert "brand new &lt;b&gt;" in (await ada.get(f"/inbox/open/{ticket['id']}")).text
    assert (await act(ada, ticket, "tags/add", {"tag": "a, b"})).status == 422
    await act(ada, ticket, "tags/remove", {"tag": "brand new <b>"})
    assert await shop.rows("select * from ticket_tags where account_id = $1") == []
    suggested = (await ada.get("/suggest/tags?tag=REF")).text
    assert "REFUND" in suggested
    assert "VIP" not in suggested
    assert "REFUND" not in (await ada.get("/suggest/tags?tag=%25")).text


async def test_trash_and_back(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    await act(ada, ticket, "trash", {"trash": "true"})
    assert await column(shop, ticket, "trashed_datetime")
    await act(ada, ticket, "trash", {"trash": "false"})
    assert await column(shop, ticket, "trashed_datetime") is None


async def test_an_answer_goes_out(ada: Browser, shop: worlds.World) -> None:
    integration = await make.address(shop, f"help@{shop.account.domain}.example")
    ticket = await make.ticket(shop, subject="Parcel")
    form = {"mode": "reply", "to": "Mia <mia@example.com>; boss@example.com", "cc": "third@example.com", "bcc": "", "body": "It left.\n\n<b>Bye</b>", "then": "close"}  # fmt: skip
    answer = await act(ada, ticket, "messages", form)
    assert answer.status == 303
    messages = (await shop.ada.get("/api/messages", ticket_id=ticket["id"])).json["data"]
    sent = messages[0]
    assert (sent["from_agent"], sent["channel"], sent["via"]) == (True, "email", "helpdesk")
    assert sent["subject"] == "Re: Parcel"
    assert sent["body_text"] == "It left.\n\n<b>Bye</b>"
    assert "&lt;b&gt;Bye&lt;/b&gt;" in sent["body_html"]
    assert [a["address"] for a in sent["source"]["to"]] == ["mia@example.com", "boss@example.com"]
    assert sent["source"]["cc"][0]["address"] == "third@example.com"
    assert sent["source"]["from"]["address"] == f"help@{shop.account.domain}.example"
    assert sent["integration_id"] == integration
    assert sent["sender"]["id"] == shop.ada.user_id
    assert await column(shop, ticket, "status") == "closed"
    kinds = [event[0] for event in await shop.events()]
    assert kinds.count("ticket-message-created") == 2
    assert "ticket-closed" in kinds
    page = (await ada.get(f"/inbox/closed/{ticket['id']}")).text
    assert "Sending…" in page
    assert "&lt;b&gt;Bye&lt;/b&gt;" in page


async def test_what_cannot_be_sent_is_kept_and_told(ada: Browser, shop: worlds.World) -> None:
    await make.address(shop)
    ticket = await make.ticket(shop)
    wrong = {
        "Say whom it shall go to.": {"to": " , ", "body": "Kept words"},
        "“nobody” is not an e-mail address.": {"to": "mia@example.com, nobody", "body": "Kept words"},
        "“x@y” is not an e-mail address.": {"to": "mia@example.com", "bcc": "x@y", "body": "Kept words"},
        "Write something first.": {"to": "kept@example.com", "body": "  \n"},
    }
    for said, fields in wrong.items():
        for headers in ({}, {"HX_Request": "true"}):
            answer = await act(ada, ticket, "messages", {"mode": "reply"} | fields, **headers)
            assert answer.status == (200 if headers else 422)
            assert answer.headers.get("polus-refused") == ("1" if headers else None)
            assert said in answer.text
            assert ("Kept words" in answer.text) or ("kept@example.com" in answer.text)
            assert answer.headers.get("hx-retarget") == (f"#composer-{ticket['id']}" if headers else None)
    assert await shop.rows("select * from messages where account_id = $1 and from_agent") == []


async def test_without_a_connected_address_only_notes(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    assert (
        "No e-mail address of this helpdesk is connected"
        in (await ada.get(f"/inbox/open/{ticket['id']}")).text
    )
    answer = await act(ada, ticket, "messages", {"mode": "reply", "to": "mia@example.com", "body": "Hi"})
    assert answer.status == 422
    assert "No connected e-mail address to send from." in answer.text


def png() -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (600, 400), "#3357c4").save(drawn, "PNG")
    return drawn.getvalue()


def parts(fields: dict[str, str], *given: tuple[str, bytes]) -> aiohttp.FormData:
    form = aiohttp.FormData(quote_fields=False)
    for name, value in fields.items():
        form.add_field(name, value)
    for name, data in given:
        form.add_field("attachments", io.BytesIO(data), filename=name)
    return form


async def test_files_go_along_and_are_seen(ada: Browser, shop: worlds.World) -> None:
    await make.address(shop)
    ticket = await make.ticket(shop)
    fields = {
        "csrf": await ada.token(),
        "view": "open",
        "mode": "reply",
        "to": "mia@example.com",
        "body": "See here",
    }
    path = f"/tickets/{ticket['id']}/messages"
    answer = await ada.send(
        "POST", path, parts(fields, ("box.png", png()), ("../<b>.txt", b"words"), ("", b""))
    )
    assert answer.status == 303
    [message] = await shop.rows("select * from messages where account_id = $1 and from_agent")
    listed = json.loads(message["attachments"])
    assert [(file["name"], file["content_type"]) for file in listed] == [("box.png", "image/png"), ("<b>.txt", "text/plain")]  # fmt: skip
    page = (await ada.get(f"/inbox/open/{ticket['id']}")).text
    assert "&lt;b&gt;.txt" in page
    picture, words = re.findall(r'class="attachment[^"]*" href="([^"]+)"', page)
    assert f'<img src="{picture}?format=240x160"' in page
    for address, size, kind in ((picture, len(png()), "image/png"), (words, 5, "text/plain")):
        moved = await ada.get(address)
        assert moved.status == 307
        found = await ada.get(urlsplit(moved.headers["location"]).path)
        assert (len(found.raw), found.headers["content-type"].split(";")[0]) == (size, kind)
        assert found.headers["x-content-type-options"] == "nosniff"
    small = await ada.get((await ada.get(picture + "?format=240x160")).headers["location"].split(ada.host)[1])
    assert Image.open(io.BytesIO(small.raw)).size[0] <= 240
    assert (await ada.get(picture + "?format=huge")).status == 404
    ada.cookies.clear()
    assert (await ada.get(picture)).headers["location"].startswith("/login")


async def test_too_many_or_too_large_files_send_nothing(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    fields = {"csrf": await ada.token(), "view": "open", "mode": "note", "body": "Kept words"}
    path = f"/tickets/{ticket['id']}/messages"
    for given, said in (
        ([(f"{n}.txt", b"x") for n in range(11)], "At most 10 files."),
        ([("large.bin", b"x" * (20 * 1024 * 1024 + 1))], "A file may have 20 MB at most."),
    ):
        answer = await ada.send("POST", path, parts(fields, *given))
        assert answer.status == 422
        assert said in answer.text
        assert "Kept words" in answer.text
    assert await shop.rows("select * from files where account_id = $1") == []
    assert len(await shop.rows("select * from messages where account_id = $1")) == 1


async def test_pictures_inside_a_mail_are_fetched_from_us(ada: Browser, shop: worlds.World) -> None:
    form = aiohttp.FormData()
    form.add_field("file", png(), filename="logo.png")
    async with ada.http.post(ada.url + "/api/upload", data=form, headers=shop.ada.headers) as answer:
        [file] = await answer.json()
    mail = make.mail("x", body_html=f'<p style="color:red">Logo</p><img src="{file["url"]}">')
    ticket = await make.ticket(shop, messages=[mail])
    page = (await ada.get(f"/inbox/open/{ticket['id']}")).text
    assert "Pictures from outside" not in page
    frame = (await ada.get(f"/tickets/{ticket['id']}/messages/{ticket['messages'][0]['id']}/html")).text
    [address] = re.findall(r'<img[^>]* src="(/attachments/attachment/[^"]+)"', frame)
    assert (await ada.get(address)).status == 307


async def test_notes(oda: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    answer = await act(oda, ticket, "messages", {"mode": "note", "body": "Only for us", "then": ""})
    assert answer.status == 303
    [note] = await shop.rows("select * from messages where account_id = $1 and channel = 'internal-note'")
    assert (note["public"], note["sender_id"], note["body_text"]) == (False, shop.oda.user_id, "Only for us")


async def test_observers_only_look_and_note(oda: Browser, shop: worlds.World) -> None:
    await make.address(shop)
    ticket = await make.ticket(shop)
    for name, fields in {
        "status": {"status": "closed"},
        "tags/add": {"tag": "x"},
        "messages": {"mode": "reply", "to": "mia@example.com", "body": "Hi"},
    }.items():
        assert (await act(oda, ticket, name, fields)).status == 403, name
    closing = await act(oda, ticket, "messages", {"mode": "note", "body": "Hi", "then": "close"})
    assert closing.status == 403
    assert await column(shop, ticket, "status") == "open"
    assert len(await shop.rows("select * from messages where account_id = $1")) == 1


async def test_forged_forms_change_nothing(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    for fields, headers in (
        ({"csrf": "wrong"}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Sec_Fetch_Site": "same-site"}),
    ):
        assert (await act(ada, ticket, "status", {"status": "closed"} | fields, **headers)).status == 403
    ada.cookies.clear()
    answer = await ada.post(f"/tickets/{ticket['id']}/status", {"status": "closed"})
    assert answer.headers["location"].startswith("/login")
    assert await column(shop, ticket, "status") == "open"


async def test_other_shops_do_not_exist(ada: Browser, shop: worlds.World, database: Any, http: Any, house: tuple[str, Site]) -> None:  # fmt: skip
    other = await worlds.make(database, http, house[0])
    ticket = await make.ticket(other)
    message = ticket["messages"][0]["id"]
    for path in (f"/inbox/open/{ticket['id']}", f"/inbox/open/{ticket['id']}/ticket", f"/tickets/{ticket['id']}/messages/{message}/html"):  # fmt: skip
        answer = await ada.get(path)
        assert answer.status == (200 if path.endswith("/ticket") else 404), path
        assert "Where is my parcel?" not in answer.text
    for name, fields in {
        "status": {"status": "closed"},
        "messages": {"mode": "note", "body": "x"},
        "read": {},
    }.items():
        assert (await act(ada, ticket, name, fields)).status == 404, name
    customer = ticket["customer"]["id"]
    csrf = await ada.token()
    assert (await ada.post(f"/customers/{customer}/note", {"csrf": csrf, "note": "x"})).status == 404


async def test_the_note_about_a_customer(ada: Browser, shop: worlds.World) -> None:
    ticket = await make.ticket(shop)
    customer = ticket["customer"]["id"]
    form = {"csrf": await ada.token(), "note": "Calls <late>", "ticket": str(ticket["id"]), "view": "open"}
    answer = await ada.post(f"/customers/{customer}/note", form)
    assert answer.headers["location"] == f"/inbox/open/{ticket['id']}"
    assert "Calls &lt;late&gt;" in (await ada.get(f"/inbox/open/{ticket['id']}")).text


async def test_hostile_mail_is_words(ada: Browser, shop: worlds.World) -> None:
    mail = make.mail(HOSTILE, body_html=f"<p>Hello</p>{HOSTILE}<a href='javascript:alert(3)'>x</a><img src='https://spy.example/p.gif'><form action=/logout><button>b</button></form>")  # fmt: skip
    ticket = await make.ticket(shop, subject=HOSTILE, messages=[mail], customer={"email": "evil@example.com", "name": HOSTILE}, tags=[{"name": HOSTILE}])  # fmt: skip
    page = (await ada.get(f"/inbox/open/{ticket['id']}")).text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    address = f"/tickets/{ticket['id']}/messages/{ticket['messages'][0]['id']}/html"
    assert f'src="{address}"' in page
    frame = await ada.get(address)
    for word in ("<script", "onerror", "javascript:", "<form", ' src="https://spy'):
        assert word not in frame.text, word
    policy = frame.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-same-origin allow-popups")
    assert "spy.example" not in policy
    assert ' src="https://spy' in (await ada.get(address + "?images=1")).text


async def test_merged_tickets_lead_to_their_survivor(ada: Browser, shop: worlds.World) -> None:
    gone, kept = await make.ticket(shop), await make.ticket(shop)
    await shop.rows("update tickets set merged_into_id = $2 where account_id = $1 and id = $3", kept["id"], gone["id"])  # fmt: skip
    assert (await ada.get(f"/inbox/open/{gone['id']}")).headers["location"] == f"/inbox/open/{kept['id']}"
    assert (await ada.get(f"/inbox/open/{gone['id']}/ticket")).headers[
        "location"
    ] == f"/inbox/open/{kept['id']}/ticket"
    assert (await act(ada, gone, "status", {"status": "closed"})).headers[
        "location"
    ] == f"/inbox/open/{kept['id']}"


async def test_resending_a_failed_message(ada: Browser, shop: worlds.World) -> None:
    await make.address(shop)
    ticket = await make.ticket(shop)
    path = f"/api/tickets/{ticket['id']}/messages"
    failed = (await shop.lia.post(path, make.answer(source={"type": "email", "to": [{"address": "mia@example.com"}]}, failed_datetime="2026-01-01T00:00:00"))).json  # fmt: skip
    page = (await ada.get(f"/inbox/open/{ticket['id']}")).text
    assert "Not delivered" in page
    assert "Send again" in page
    await act(ada, ticket, f"messages/{failed['id']}/resend", {})
    assert (await shop.lia.get(f"{path}/{failed['id']}")).json["failed_datetime"] is None
    assert "ticket-message-updated" in [event[0] for event in await shop.events()]
