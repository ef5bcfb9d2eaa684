"""From the journal to the ticket: every mail ends in a named state, and what follows from it is in the tables."""

import asyncio
import datetime
import email
import re
from email.mime.image import MIMEImage
from email.utils import format_datetime
from typing import Any

import asyncpg
import pytest

from polus.base import clock
from polus.channels.email import arrivals, journal, receive, threading
from polus.desk.tickets import merging
from polus.store.queue import Queue
from polus.store.work import SYSTEM, writing
from tests.channels.email import office as offices
from tests.channels.email.office import Office, mail
from tests.world import World


@pytest.fixture
async def office(world: World) -> Office:
    return await offices.opened(world)


async def test_a_mail_becomes_a_ticket(office: Office) -> None:
    raw = mail(
        "Where is my order?\n\n-- \nJane Doe\nGreen Street 1",
        to=f"Shop <{office.address}>",
        cc="Bob <bob@customer.example>",
        subject="Order 1001",
        message_id="<1@customer.example>",
        date=format_datetime(datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=2)),
    )
    row = await office.deliver(raw)
    assert (row["state"], row["reason"]) == ("delivered", None)
    assert row["processed_datetime"] is not None
    ticket = await office.ticket(row["ticket_id"])
    assert (ticket["status"], ticket["channel"], ticket["via"], ticket["from_agent"], ticket["subject"]) == (
        "open", "email", "email", False, "Order 1001",
    )  # fmt: skip
    assert (ticket["customer"]["email"], ticket["customer"]["name"]) == ("jane@customer.example", "Jane Doe")
    message = await office.message(row)
    assert message["message_id"] == "<1@customer.example>"
    assert message["source"] == {
        "type": "email",
        "from": {"name": "Jane Doe", "address": "jane@customer.example"},
        "to": [{"name": "Shop", "address": office.address}],
        "cc": [{"name": "Bob", "address": "bob@customer.example"}],
    }
    assert message["stripped_text"] == "Where is my order?"
    assert message["stripped_signature"] == "-- \nJane Doe\nGreen Street 1"
    assert message["body_text"].endswith("Green Street 1")
    assert message["headers"]["Subject"] == "Order 1001"
    assert message["integration_id"] == office.integration_id
    assert (message["public"], message["attachments"]) == (True, None)
    assert message["sent_datetime"] < message["created_datetime"]
    assert [kind for kind, *_ in await office.world.events()] == [
        "customer-created", "ticket-created", "ticket-message-created",
    ]  # fmt: skip


async def test_copies_are_one_message_also_at_the_same_moment(office: Office) -> None:
    raw = mail(message_id="<2@customer.example>")
    ids = [await office.write(raw) for _ in range(4)]
    rows = await asyncio.gather(*(office.process(mail_id) for mail_id in ids))
    states = sorted(row["state"] for row in rows)
    assert states == ["delivered", "duplicate", "duplicate", "duplicate"]
    assert len({(row["ticket_id"], row["message_id"]) for row in rows}) == 1
    nameless = [await office.deliver(mail("No id")) for _ in range(2)]
    assert [row["state"] for row in nameless] == ["delivered", "duplicate"]
    other = await office.deliver(mail("No id, other words"))
    assert other["state"] == "delivered"


async def test_an_answer_finds_its_ticket(office: Office) -> None:
    first = await office.deliver(mail(message_id="<3@customer.example>"))
    by_customer = mail("One more thing", message_id="<4@x.example>", in_reply_to="<3@customer.example>")
    by_references = mail("And another", references="<nobody@knows.example> <4@x.example>")
    rows = [await office.deliver(raw) for raw in (by_customer, by_references)]
    assert {row["ticket_id"] for row in rows} == {first["ticket_id"]}
    ticket = await office.ticket(first["ticket_id"])
    assert len(ticket["messages"]) == 3


async def test_an_answer_to_us_finds_its_ticket_when_its_sender_takes_part(office: Office) -> None:
    first = await office.deliver(mail())
    own = f"<{first['ticket_id']}-1@{office.address.partition('@')[2]}>"
    await office.answer(first["ticket_id"], message_id=own, sent_datetime="2026-01-01T00:00:00Z")
    answer = await office.deliver(mail("Thanks", in_reply_to=own))
    assert answer["ticket_id"] == first["ticket_id"]
    # Ids of ours can be guessed. A stranger who does gets a ticket of his own ...
    guessed = mail("Send me her address", sender="Eve <eve@evil.example>", in_reply_to=own)
    stranger = await office.deliver(guessed, sender="eve@evil.example")
    assert stranger["state"] == "delivered"
    assert stranger["ticket_id"] != first["ticket_id"]
    # ... also when he names the customer in Reply-To: the answer would have gone to him who wrote ...
    named = mail("And?", sender="Eve <eve@evil.example>", in_reply_to=own, reply_to="jane@customer.example")
    assert (await office.deliver(named, sender="eve@evil.example"))["ticket_id"] != first["ticket_id"]
    # ... and whoever holds the token of the reply address is no stranger.
    key = office.world.database.secret_key.encode()
    token = threading.reply_address(office.address, key, office.world.account.id, first["ticket_id"])
    for raw, to in (
        (mail("From my other address", sender="j@d.example", to=token), office.address),
        (mail("Bcc", sender="j2@d.example", to="undisclosed"), token),
        (mail("Both", sender="j3@d.example", in_reply_to=own), token),
    ):
        assert (await office.deliver(raw, to=to))["ticket_id"] == first["ticket_id"]
    forged = re.sub(r"\+t(.)", lambda found: "+t" + ("b" if found[1] == "a" else "a"), token)
    assert (await office.deliver(mail("Forged", sender="e@f.example", to=forged)))["ticket_id"] != first[
        "ticket_id"
    ]


async def test_a_merged_ticket_leads_to_the_one_it_lives_on_as(office: Office) -> None:
    one = await office.deliver(mail(message_id="<5@customer.example>"))
    two = await office.deliver(mail("Again", message_id="<6@customer.example>"))
    await _merge(office, one["ticket_id"], two["ticket_id"])
    answer = await office.deliver(mail("?", in_reply_to="<5@customer.example>"))
    assert answer["ticket_id"] == two["ticket_id"]


async def test_an_answer_to_a_deleted_ticket_opens_one(office: Office) -> None:
    first = await office.deliver(mail(message_id="<7@customer.example>"))
    assert (await office.world.ada.delete(f"/api/tickets/{first['ticket_id']}")).status == 204
    again = await office.deliver(mail("?", in_reply_to="<7@customer.example>"))
    assert again["state"] == "delivered"
    assert again["ticket_id"] != first["ticket_id"]


async def test_an_answer_reopens_a_closed_ticket(office: Office) -> None:
    first = await office.deliver(mail(message_id="<8@customer.example>"))
    await office.world.ada.put(f"/api/tickets/{first['ticket_id']}", {"status": "closed"})
    await office.deliver(mail("Not done", in_reply_to="<8@customer.example>"))
    assert (await office.ticket(first["ticket_id"]))["status"] == "open"
    assert [kind for kind, *_ in await office.world.events("ticket-reopened")] == ["ticket-reopened"]


async def test_auto_merge_joins_the_open_ticket_of_the_same_customer(office: Office) -> None:
    await office.setting("auto-merge", {"tickets": {"enabled": True, "merging_window_days": 5}})
    first = await office.deliver(mail("One"))
    second = await office.deliver(mail("Two"))
    stranger = await office.deliver(mail("Three", sender="x@y.example"))
    assert first["ticket_id"] == second["ticket_id"] != stranger["ticket_id"]
    await office.world.rows(
        "insert into events (account_id, context, type, object_type, object_id, ticket_id, created_datetime)"
        " values ($1, gen_random_uuid(), 'ticket-excluded-from-auto-merge', 'Ticket', $2, $2, now()) returning id",
        first["ticket_id"],
    )
    assert (await office.deliver(mail("Four")))["ticket_id"] not in (
        first["ticket_id"],
        stranger["ticket_id"],
    )


async def test_files_are_kept_privately_and_pictures_stay_in_the_text(office: Office) -> None:
    picture = b"\x89PNG\r\n\x1a\n" + b"p" * 100
    raw = mail(
        html='<p>See <img src="cid:pic@1"></p>', files=[("bill.pdf", "application/pdf", b"%PDF-1.4 x")]
    )
    message = _with_picture(raw, picture)
    row = await office.deliver(message)
    told = await office.message(row)
    (listed,) = told["attachments"]
    assert (listed["name"], listed["content_type"], listed["size"]) == ("bill.pdf", "application/pdf", 10)
    assert "/api/attachment/download/" in listed["url"]
    assert "cid:" not in told["body_html"]
    source = re.search(r'src="([^"]+)"', told["body_html"])
    assert source is not None
    for url, content in ((listed["url"], b"%PDF-1.4 x"), (source[1], picture)):
        path = "/api/" + url.split("/api/", 1)[1]
        answer = await office.world.leo.get(path)
        assert answer.status == 307
        link = answer.headers["location"]
        async with office.world.leo.http.get(
            office.world.leo.url + "/files/" + link.split("/files/", 1)[1]
        ) as file:
            assert await file.read() == content
    rows = await office.world.rows("select referenced_datetime from files where account_id = $1")
    assert all(row["referenced_datetime"] for row in rows)


async def test_our_own_users_may_write_to_the_helpdesk(office: Office) -> None:
    row = await office.deliver(mail(sender=f"Leo <{office.world.leo.email}>"))
    assert row["state"] == "delivered"
    message = await office.message(row)
    assert message["sender"]["email"] == office.world.leo.email
    assert message["sender"]["id"] != office.world.leo.user_id


async def test_the_answer_goes_to_reply_to_but_never_to_ourselves(office: Office) -> None:
    form = mail(sender="Web form <form@shop.example>", reply_to="kim@customer.example")
    ticket = await office.ticket((await office.deliver(form))["ticket_id"])
    assert ticket["customer"]["email"] == "kim@customer.example"
    assert ticket["messages"][0]["meta"] == {"reply_to": "kim@customer.example"}
    trick = mail("Round", sender="Tim <tim@customer.example>", reply_to=office.address)
    ticket = await office.ticket((await office.deliver(trick))["ticket_id"])
    assert ticket["customer"]["email"] == "tim@customer.example"


@pytest.mark.parametrize(
    ("raw", "state", "reason"),
    [
        (mail(auto_submitted="auto-replied", subject="Away"), "delivered", "auto-replied"),
        (b"", "parked", "no mail: it is empty"),
        (b"hello\r\n", "parked", "no mail: it has no header"),
        (b"Subject: no sender\r\n\r\nx", "delivered", None),
        (mail(list_id="<list.example>", precedence="list"), "delivered", "list"),
    ],
)
async def test_each_ends_in_a_named_state(office: Office, raw: bytes, state: str, reason: str | None) -> None:
    row = await office.deliver(raw)
    assert (row["state"], row["reason"]) == (state, reason)
    if reason == "auto-replied":
        assert (await office.message(row))["meta"] == {"automatic": reason}, "rules heed it"


async def test_our_own_mails_that_come_back_are_no_tickets(office: Office) -> None:
    raw = mail(sender=f"Support <{office.address}>", x_polus_loop=office.world.account.hash)
    row = await office.deliver(raw)
    assert (row["state"], row["reason"], row["ticket_id"]) == ("loop", "own-mark", None)
    assert await office.world.events() == []


async def test_nobody_to_answer_to(office: Office) -> None:
    row = await office.deliver(b"Subject: x\r\n\r\ny", sender="")
    assert (row["state"], row["reason"]) == ("parked", "it names nobody who could be answered")
    # Put right by hand, it can be tried again.
    await office.world.rows(
        "update mails set envelope_from = 'a@b.example' where account_id = $1 returning 1"
    )
    assert await receive_again(office, row["id"]) == "delivered"


def bounce(message_id: str, status: str, diagnostic: str, action: str = "failed") -> bytes:
    return f"""From: MAILER-DAEMON@relay.example
To: support@shop.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b

I'm sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.example

Final-Recipient: rfc822; jane@customer.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {diagnostic}

--b
Content-Type: message/rfc822

From: support@shop.example
Message-ID: {message_id}

On its way.
--b--
""".replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    ("status", "action", "failed", "retriable"),
    [("5.1.1", "failed", True, False), ("4.4.1", "failed", True, True), ("4.4.1", "delayed", False, True)],
)
async def test_a_bounce_marks_the_message_that_bounced(
    office: Office, status: str, action: str, failed: bool, retriable: bool
) -> None:
    first = await office.deliver(mail())
    sent = await office.answer(
        first["ticket_id"],
        message_id=f"<{status}{action}@shop.example>",
        sent_datetime="2026-01-01T00:00:00Z",
    )
    raw = bounce(sent["message_id"], status, "550 <No such user> here", action)
    row = await office.deliver(raw, sender="")
    assert (row["state"], row["reason"]) == ("bounce", action)
    assert (row["ticket_id"], row["message_id"]) == (first["ticket_id"], sent["id"])
    message = await office.message(row)
    assert message["sent_datetime"] == "2026-01-01T00:00:00+00:00"
    assert (message["failed_datetime"] is not None, message["is_retriable"]) == (failed, retriable)
    events = await office.world.events("ticket-message-failed")
    if failed:
        assert "jane@customer.example" in message["last_sending_error"]["error"]
        assert "&lt;No such user&gt;" in message["last_sending_error"]["error"]
        assert [(kind, object_id) for kind, _, object_id, _ in events] == [
            ("ticket-message-failed", sent["id"])
        ]
    else:
        assert events == []
    ticket = await office.ticket(first["ticket_id"])
    assert len(ticket["messages"]) == 2


async def test_a_bounce_of_somebody_elses_mail_is_ignored(office: Office) -> None:
    row = await office.deliver(bounce("<stranger@spam.example>", "5.1.1", "no"), sender="")
    assert (row["state"], row["ticket_id"]) == ("ignored", None)


async def test_a_failure_comes_again_and_is_parked_in_the_end(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("broken\0 inside")

    mail_id = await office.write(mail())
    with monkeypatch.context() as patch:
        patch.setattr(arrivals, "settle", broken)
        row = await office.process(mail_id)
        assert (row["state"], row["attempts"], row["reason"]) == (
            "received",
            1,
            "RuntimeError: broken inside",
        )
        assert row["due_datetime"] - row["received_datetime"] > datetime.timedelta(seconds=1)
        for _ in receive.BACKOFF:
            row = await office.process(mail_id)
    assert (row["state"], row["reason"]) == ("parked", "RuntimeError: broken inside")
    assert await receive_again(office, mail_id) == "delivered"


async def test_a_database_that_ends_is_not_the_mails_fault(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(*_: Any) -> Any:
        raise asyncpg.AdminShutdownError("terminating connection due to administrator command")

    mail_id = await office.write(mail())
    with monkeypatch.context() as patch:
        patch.setattr(arrivals, "settle", ended)
        with pytest.raises(asyncpg.AdminShutdownError):
            await office.process(mail_id)
    row = await office.row(mail_id)
    assert (row["state"], row["reason"]) == ("received", None)
    assert row["due_datetime"] <= clock.now()
    assert (await office.process(mail_id))["state"] == "delivered"


async def test_a_mail_that_kills_the_process_is_parked(office: Office) -> None:
    mail_id = await office.write(mail())
    await office.world.rows("update mails set attempts = 6 where account_id = $1 returning 1")
    row = await office.process(mail_id)
    assert (row["state"], row["reason"]) == ("parked", "every attempt ended the process")


async def test_a_mail_that_takes_too_long_to_read_is_parked(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receive, "READING_PATIENCE", 0.0)
    row = await office.deliver(mail())
    assert (row["state"], row["reason"]) == ("parked", "reading it took too long")


async def test_what_was_stored_is_removed_when_the_mail_fails(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[str] = []
    delete = office.world.database.files.delete

    async def broken(*_: Any) -> Any:
        raise RuntimeError

    async def noted(name: str) -> None:
        kept.append(name)
        await delete(name)

    monkeypatch.setattr(arrivals.inbound, "accept", broken)
    monkeypatch.setattr(office.world.database.files, "delete", noted)
    row = await office.deliver(mail(files=[("a.txt", "text/plain", b"one"), ("b.txt", "text/plain", b"two")]))
    assert row["state"] == "received"
    assert len(kept) == 2
    assert await office.world.rows("select 1 from files where account_id = $1") == []


async def test_a_senders_mails_keep_their_order(office: Office) -> None:
    raws = [mail(f"Part {number}", message_id=f"<p{number}@x.example>") for number in range(6)]
    for raw in raws:
        await office.write(raw)
    await Queue(office.world.database, office.receiver.lane()).drain()
    rows = await office.world.rows("select * from messages where account_id = $1 order by id")
    assert [row["body_text"] for row in rows] == [f"Part {number}" for number in range(6)]


async def receive_again(office: Office, mail_id: int) -> str:
    assert await journal.replay(office.world.database, mail_id) == office.world.account.id
    return (await office.process(mail_id))["state"]  # type: ignore[no-any-return]


async def _merge(office: Office, source: int, into: int) -> None:
    async with writing(office.world.database, office.world.account, SYSTEM) as work:
        await merging.merge(work, source, into)


def _with_picture(raw: bytes, picture: bytes) -> bytes:
    message = email.message_from_bytes(raw)
    part = MIMEImage(picture, "png")
    part["Content-ID"] = "<pic@1>"
    part.add_header("Content-Disposition", "inline", filename="pic.png")
    message.attach(part)
    return message.as_bytes()


async def test_a_late_answer_opens_a_ticket_when_the_setting_says_so(office: Office) -> None:
    await office.world.ada.post(
        "/api/account/settings",
        {"type": "auto-split", "data": {"email": {"enabled": True, "split_after_days": 3}}},
    )
    first = await office.deliver(mail(message_id="<late@customer.example>"))
    await office.world.ada.put(f"/api/tickets/{first['ticket_id']}", {"status": "closed"})
    soon = await office.deliver(mail("Thanks", in_reply_to="<late@customer.example>"))
    assert soon["ticket_id"] == first["ticket_id"]
    await office.world.ada.put(f"/api/tickets/{first['ticket_id']}", {"status": "closed"})
    await office.world.rows(
        "update tickets set last_message_datetime = now() - interval '4 days' where account_id = $1 and id = $2"
        " returning 1",
        first["ticket_id"],
    )
    late = await office.deliver(mail("One more thing", in_reply_to="<late@customer.example>"))
    assert late["ticket_id"] != first["ticket_id"]
    told = await office.world.events("ticket-split")
    assert [(e[2], e[3]) for e in told] == [(late["ticket_id"], {"split_from": first["ticket_id"]})]
