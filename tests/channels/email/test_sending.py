"""An agent's answer leaves the house: written for the customer's mail program, sent once, failures told."""

import asyncio
import datetime
import email.utils
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from polus.base.settings import Relay
from polus.channels import sending
from polus.channels.email import listener as listeners
from polus.channels.email import relay
from polus.channels.email.deliveries import Deliveries
from polus.channels.email.notices import Notices
from polus.channels.sending import BACKOFF, Sender
from polus.desk.accounts import Book
from polus.reactions import table as reactions
from polus.reactions.outbox import Outbox
from polus.store import cluster as clusters
from polus.store import database as databases
from polus.store import pool
from polus.store import presence as presences
from polus.store import queue as queues
from polus.store.database import Database
from polus.store.presence import Presence
from polus.store.queue import Queue
from polus.store.server import Server
from tests import certificates
from tests.channels.email import office as offices
from tests.channels.email.office import Office, mail
from tests.channels.email.sink import Sink, Taken
from tests.store.wires import Wire
from tests.world import World

DELIVERIES = "select * from deliveries where account_id = $1"


class Exit:
    """The worker's lanes that lead outside, worked through when the test says so."""

    def __init__(self, office: Office, presence: Presence, sink: Sink) -> None:
        self.office = office
        self.presence = presence
        self.sink = sink
        self.relay: Relay | None = sink.relay()

    async def work(self) -> None:
        database = self.office.world.database
        await Queue(database, Outbox(database, reactions.REACTIONS, self.book()).lane()).drain()
        for errand in (Deliveries(), Notices()):
            await Queue(database, self.sender(errand).lane()).drain()

    def sender(
        self, errand: Any = None, presence: Presence | None = None, database: Database | None = None
    ) -> Sender:
        return Sender(
            database or self.office.world.database, self.book(), presence or self.presence, errand or Deliveries(),
            relay.courier(self.relay, "helpdesk.example"),
        )  # fmt: skip

    def book(self) -> Book:
        return Book(self.office.world.database, "http://helpdesk.example")

    async def due(self) -> list[Any]:
        return await self.office.world.rows(DELIVERIES)

    async def hurry(self) -> None:
        await self.office.world.rows(
            "update deliveries set due_datetime = now() where account_id = $1 returning 1"
        )

    async def message(self, sent: Any) -> Any:
        answer = await self.office.world.ada.get(f"/api/tickets/{sent['ticket_id']}/messages/{sent['id']}")
        return answer.json

    @property
    def only(self) -> Taken:
        (taken,) = self.sink.taken
        return taken


@pytest.fixture
async def office(world: World) -> Office:
    return await offices.opened(world)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink = Sink()
    await sink.open()
    yield sink
    await sink.close()


@pytest.fixture
async def exit(office: Office, sink: Sink, subscribed: None) -> AsyncIterator[Exit]:
    # What other tests left unsent is not this test's.
    for table in ("outbox", "deliveries", "notices"):
        await office.world.rows(f"delete from {table} where $1 > 0 returning 1")
    presence = Presence(office.world.database)
    await presence.open()
    yield Exit(office, presence, sink)
    await presence.close()
    await office.world.rows("delete from deliveries where account_id = $1 returning 1")


async def ticket(office: Office, **more: Any) -> int:
    raw = mail(
        **{"subject": "Order 1001", "message_id": "<1@customer.example>", "to": office.address, **more}
    )
    row = await office.deliver(raw)
    return row["ticket_id"]  # type: ignore[no-any-return]


async def test_an_answer_is_sent_from_the_address_the_customer_wrote_to(exit: Exit) -> None:
    office = exit.office
    ticket_id = await ticket(office)
    sent = await office.answer(ticket_id, body_html="<p>On its <b>way</b>.</p>")
    assert sent["sent_datetime"] is None
    await exit.work()
    domain = office.address.partition("@")[2]
    taken = exit.only
    assert taken.recipients == ["jane@customer.example"]
    head = taken.mail
    assert head["From"] == f"Support <{office.address}>"
    assert head["To"] == "Jane Doe <jane@customer.example>"
    assert head["Subject"] == "Re: Order 1001"
    assert head["Message-ID"] == f"<{ticket_id}-{sent['id']}@{domain}>"
    assert head["In-Reply-To"] == "<1@customer.example>"
    assert head["References"] == "<1@customer.example>"
    assert head["Auto-Submitted"] is None
    assert head["List-Unsubscribe"] is None
    assert email.utils.parsedate_to_datetime(head["Date"]).isoformat()[:19] == sent["created_datetime"][:19]
    assert taken.text().strip() == "On its way."
    assert "<b>way</b>" in taken.text("html")
    assert max(map(len, taken.raw.split(b"\r\n"))) <= 998
    message = await exit.message(sent)
    assert message["sent_datetime"] is not None
    assert (message["failed_datetime"], message["last_sending_error"], message["is_retriable"]) == (
        None, None, True,
    )  # fmt: skip
    assert message["message_id"] == head["Message-ID"]
    assert await exit.due() == []

    # The customer answers, to the address with the token, from a program that forgets References.
    reply_to = email.utils.parseaddr(head["Reply-To"])[1]
    assert reply_to.startswith(office.address.partition("@")[0] + "+t")
    answer = await office.deliver(
        mail("Thanks!", to=reply_to, sender="J. <private@other.example>"), to=reply_to
    )
    assert answer["ticket_id"] == ticket_id


async def test_carbon_copies_stand_in_the_mail_and_blind_ones_only_on_the_envelope(exit: Exit) -> None:
    ticket_id = await ticket(exit.office)
    source = {
        "from": {"address": exit.office.address, "name": "Ann at Shop"},
        "to": [{"address": "jane@customer.example", "name": "Jane"}],
        "cc": [{"address": "bob@customer.example", "name": None}],
        "bcc": [{"address": "boss@shop.example", "name": "Boss"}],
    }
    await exit.office.answer(ticket_id, subject="Your order\r\nX-Evil: 1", source=source)
    await exit.work()
    taken = exit.only
    assert taken.recipients == ["jane@customer.example", "bob@customer.example", "boss@shop.example"]
    assert b"boss@shop.example" not in taken.raw
    assert taken.mail["Cc"] == "bob@customer.example"
    assert taken.mail["From"] == f"Ann at Shop <{exit.office.address}>"
    assert taken.mail["X-Evil"] is None


async def test_files_travel_along_and_pictures_stay_where_they_are(exit: Exit) -> None:
    office = exit.office
    row = await office.deliver(
        mail(files=[("bill.pdf", "application/pdf", b"%PDF-1.4"), ("p.gif", "image/gif", b"GIF89a")])
    )
    listed = (await office.message(row))["attachments"]
    other = {"url": "https://cdn.example/manual.pdf", "name": "manual.pdf", "content_type": "application/pdf"}
    await office.answer(
        row["ticket_id"],
        body_html=f'<p>Look: <img src="{listed[1]["url"]}"></p>',
        attachments=[{key: listed[0][key] for key in ("url", "name", "content_type", "size")}, other],
    )
    await exit.work()
    parts = {part.get_content_type(): part for part in exit.only.mail.walk()}
    assert parts["application/pdf"].get_content() == b"%PDF-1.4"
    assert parts["application/pdf"].get_filename() == "bill.pdf"
    assert parts["image/gif"].get_content() == b"GIF89a"
    assert f'src="cid:{parts["image/gif"]["Content-ID"].strip("<>")}"' in exit.only.text("html")
    assert "https://cdn.example/manual.pdf" in exit.only.text("html")
    assert "manual.pdf: https://cdn.example/manual.pdf" in exit.only.text()


async def test_what_is_not_to_be_sent_is_not(exit: Exit) -> None:
    office = exit.office
    ticket_id = await ticket(office)
    await office.answer(ticket_id, sent_datetime="2026-01-01T00:00:00Z")
    await office.answer(ticket_id, channel="internal-note")
    await office.answer(ticket_id, channel="api")
    gone = await office.answer(ticket_id)
    await office.world.ada.delete(f"/api/tickets/{ticket_id}/messages/{gone['id']}")
    body = {
        "channel": "email",
        "from_agent": False,
        "body_text": "from a customer",
        "sender": {"email": "j@x.example"},
    }
    await office.world.leo.post(f"/api/tickets/{ticket_id}/messages", body)
    await exit.work()
    assert exit.sink.taken == []
    assert await exit.due() == []


async def test_a_refusal_for_good_is_told_and_can_be_put_right(exit: Exit) -> None:
    exit.sink.refusals["jane@customer.example"] = "550 5.1.1 <jane> unknown & gone"
    sent = await exit.office.answer(await ticket(exit.office))
    await exit.work()
    message = await exit.message(sent)
    assert message["sent_datetime"] is None
    assert message["failed_datetime"] is not None
    assert message["is_retriable"] is False
    assert "5.1.1 &lt;jane&gt; unknown &amp; gone" in message["last_sending_error"]["error"]
    (event,) = await exit.office.world.events("ticket-message-failed")
    assert event[2] == sent["id"]
    assert await exit.due() == []
    # Corrected, it is sent again, as the same mail.
    exit.sink.refusals.clear()
    body = {"channel": "email", "from_agent": True, "body_text": "On its way, really."}
    path = f"/api/tickets/{sent['ticket_id']}/messages/{sent['id']}"
    assert (await exit.office.world.leo.put(path, body)).status == 202
    await exit.work()
    assert exit.only.mail["Message-ID"] == message["message_id"]
    assert (await exit.message(sent))["sent_datetime"] is not None
    assert (await exit.message(sent))["failed_datetime"] is None


@pytest.mark.parametrize(("code", "failed"), [(b"550", True), (b"450", False)])
async def test_a_refusal_in_no_known_writing_is_written_down_all_the_same(
    exit: Exit, code: bytes, failed: bool
) -> None:
    exit.sink.refusals["jane@customer.example"] = code + b" Empf\xe4nger \0 unbekannt"
    sent = await exit.office.answer(await ticket(exit.office))
    await exit.work()
    message = await exit.message(sent)
    assert (message["failed_datetime"] is not None) is failed
    told = message["last_sending_error"]["error"] if failed else (await exit.due())[0]["error"]
    assert "Empf\ufffdnger  unbekannt" in told
    assert failed or (await exit.due())[0]["worker"] is None


@pytest.mark.parametrize("trouble", ["recipient", "sender", "data", "closed", "hangs up"])
async def test_a_temporary_failure_comes_again_as_the_same_bytes(exit: Exit, trouble: str) -> None:
    sink = exit.sink
    sent = await exit.office.answer(await ticket(exit.office), body_html="<p>x</p>")
    if trouble == "recipient":
        sink.refusals["jane@customer.example"] = "451 4.7.1 greylisted"
    elif trouble == "sender":
        sink.on_sender = "421 4.3.2 shutting down"
    elif trouble == "data":
        sink.on_data = "452 4.3.1 disk full"
    elif trouble == "closed":
        await sink.close()
    else:
        sink.on_data = ""
    await exit.work()
    (row,) = await exit.due()
    assert row["attempts"] == 1
    assert row["worker"] is None
    assert row["error"]
    wait = (row["due_datetime"] - datetime.datetime.now(datetime.UTC)).total_seconds()
    assert BACKOFF[0] - 30 < wait <= BACKOFF[0]
    assert (await exit.message(sent))["failed_datetime"] is None
    sink.refusals.clear()
    sink.on_data, sink.on_sender = "250 taken", "250 ok"
    if trouble == "closed":
        await sink.open()
    await exit.work()
    assert len(sink.taken) == (1 if trouble == "hangs up" else 0)
    await exit.hurry()
    await exit.work()
    assert (await exit.message(sent))["sent_datetime"] is not None
    # The server that hung up had taken it: the one case of a mail sent twice, and then it is the same mail.
    assert len({taken.raw for taken in sink.taken}) == 1


async def test_after_three_days_it_has_failed_but_may_be_tried_again(exit: Exit) -> None:
    exit.sink.on_data = "451 later"
    sent = await exit.office.answer(await ticket(exit.office))
    for _ in range(len(BACKOFF) + 1):
        await exit.hurry()
        await exit.work()
    assert sum(BACKOFF) > 2.9 * 86400
    message = await exit.message(sent)
    assert message["failed_datetime"] is not None
    assert (message["is_retriable"], message["sent_datetime"]) == (True, None)
    assert "451 later" in message["last_sending_error"]["error"]
    assert await exit.due() == []


async def test_of_several_recipients_each_gets_what_can_be_had(exit: Exit) -> None:
    source = {"to": [{"address": f"{name}@c.example"} for name in ("good", "gone", "slow")]}
    exit.sink.refusals |= {"gone@c.example": "550 no", "slow@c.example": "450 later"}
    sent = await exit.office.answer(await ticket(exit.office), source=source)
    await exit.work()
    message = await exit.message(sent)
    assert message["sent_datetime"] is not None
    assert "550 no" in message["last_sending_error"]["error"]
    (row,) = await exit.due()
    assert row["recipients"] == ["slow@c.example"]
    exit.sink.refusals.clear()
    await exit.hurry()
    await exit.work()
    assert [taken.recipients for taken in exit.sink.taken] == [["good@c.example"], ["slow@c.example"]]
    assert await exit.due() == []


async def test_without_a_relay_the_agent_is_told(exit: Exit) -> None:
    exit.relay = None
    sent = await exit.office.answer(await ticket(exit.office))
    await exit.work()
    message = await exit.message(sent)
    assert "POLUS_SMTP_URL" in message["last_sending_error"]["error"]
    assert message["is_retriable"] is True


async def test_what_a_living_worker_sends_no_other_sends_and_a_dead_ones_claim_is_free_at_once(
    exit: Exit,
) -> None:
    database = exit.office.world.database
    exit.sink.hold = asyncio.Event()
    sent = await exit.office.answer(await ticket(exit.office))
    await Queue(database, Outbox(database, reactions.REACTIONS, exit.book()).lane()).drain()
    first = Presence(database)
    await first.open()
    key = (exit.office.world.account.id, sent["id"])
    sending_it = asyncio.create_task(exit.sender(presence=first).run(key))
    await exit.sink.arrived.wait()
    assert await exit.sender().run(key) is False
    # The worker dies in the middle of sending: nobody waits for a lease.
    sending_it.cancel()
    await asyncio.gather(sending_it, return_exceptions=True)
    assert await exit.sender().run(key) is False
    await first.close()
    exit.sink.hold.set()
    assert await exit.sender().run(key) is True
    assert (await exit.message(sent))["sent_datetime"] is not None


async def test_a_database_that_ends_before_anything_is_sent_puts_nothing_off(
    exit: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "AGAIN", 0.0)
    opened = sending.reading
    errors = [asyncpg.InternalClientError("another operation is in progress")]

    def ended(*arguments: Any) -> Any:
        if errors:
            raise errors.pop()
        return opened(*arguments)

    monkeypatch.setattr(sending, "reading", ended)
    sent = await exit.office.answer(await ticket(exit.office))
    await exit.work()
    assert errors == []
    assert len(exit.sink.taken) == 1
    assert (await exit.message(sent))["sent_datetime"] is not None


async def test_an_outcome_is_written_down_whatever_the_database_says(
    exit: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presences, "AGAIN", 0.0)
    opened = presences.writing
    errors = [
        OSError("connection refused"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.InternalClientError("another operation is in progress"),
        asyncpg.TooManyConnectionsError("too many clients already"),
    ]

    def refused(*arguments: Any) -> Any:
        if errors:
            raise errors.pop()
        return opened(*arguments)

    sent = await exit.office.answer(await ticket(exit.office))
    monkeypatch.setattr(presences, "writing", refused)
    await exit.work()
    assert errors == []
    assert len(exit.sink.taken) == 1
    assert (await exit.message(sent))["sent_datetime"] is not None
    assert await exit.due() == []


async def test_a_lost_presence_stops_claiming_and_comes_back(
    exit: Exit, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = exit.office.world.database
    connect, reachable = pool.connect, asyncio.Event()

    async def connect_later(*arguments: Any) -> Any:
        await reachable.wait()
        return await connect(*arguments)

    monkeypatch.setattr(pool, "connect", connect_later)
    sent = await exit.office.answer(await ticket(exit.office))
    await Queue(database, Outbox(database, reactions.REACTIONS, exit.book()).lane()).drain()
    key = (exit.office.world.account.id, sent["id"])
    pid = exit.presence._connection.get_server_pid()
    await exit.office.world.rows("select pg_terminate_backend($2, 5000) where $1 > 0", pid)
    assert not exit.presence.here.is_set()
    assert await exit.sender().run(key) is False
    reachable.set()
    await asyncio.wait_for(exit.presence.here.wait(), 30)
    assert await exit.sender().run(key) is True
    assert len(exit.sink.taken) == 1


async def test_the_relay_is_spoken_to_in_secret_when_it_can(exit: Exit, tmp_path: Path) -> None:
    cert, key = certificates.make(tmp_path, "relay.example")
    exit.sink.tls = listeners.tls_context(cert, key)
    exit.sink.password = "s3cret"
    exit.relay = exit.sink.relay(user="shop", password="wrong")
    letter = relay.Letter("a@b.example", ["c@d.example"], b"Subject: x\r\n\r\ny\r\n")
    # A self-signed certificate proves nothing, so the password stays here.
    outcome = await relay.send(exit.relay, letter, "helpdesk.example")
    assert (outcome.sent, outcome.later) == (False, ("c@d.example",))
    assert "ertificate" in outcome.said
    exit.sink.password = None
    outcome = await relay.send(exit.sink.relay(), letter, "helpdesk.example")
    assert outcome.sent
    assert (
        await relay.send(
            exit.sink.relay(), relay.Letter("a@b.example", ["jürgen@d.example"], letter.raw), "h"
        )
    ).sent


async def test_a_wrong_password_is_no_fault_of_the_mail(exit: Exit) -> None:
    exit.sink.password = "s3cret"
    letter = relay.Letter("a@b.example", ["c@d.example"], b"Subject: x\r\n\r\ny\r\n")
    outcome = await relay.send(exit.sink.relay(user="shop", password="wrong"), letter, "h")
    assert (outcome.sent, outcome.never, outcome.later) == (False, (), ("c@d.example",))
    assert outcome.said.startswith("535")
    assert (await relay.send(exit.sink.relay(user="shop", password="s3cret"), letter, "h")).sent


async def test_an_invitation_is_a_mail_of_the_helpdesk_itself(exit: Exit) -> None:
    body = {"email": "new@shop.example", "name": "New One", "role": {"name": "agent"}}
    assert (await exit.office.world.ada.post("/api/users", body)).status == 201
    await exit.work()
    taken = exit.only
    assert taken.recipients == ["new@shop.example"]
    assert taken.mail["Auto-Submitted"] == "auto-generated"
    assert "Ada Agent invited you" in taken.text()
    assert re.search(r"http://(\S+\.)?helpdesk\.example/login/welcome/\S{40,}\s", taken.text())
    assert await exit.office.world.rows("select 1 from notices where account_id = $1") == []


async def test_a_claim_that_was_made_and_not_heard_of_is_let_go(exit: Exit, server: Server) -> None:
    sent = await exit.office.answer(await ticket(exit.office))
    await Queue(exit.office.world.database, Outbox(exit.office.world.database, reactions.REACTIONS, exit.book()).lane()).drain()  # fmt: skip
    wire = Wire(server.host)
    await wire.open()
    name = urlsplit(exit.office.world.database.url).path[1:]
    async with databases.opened(
        clusters.url(wire.folder, name), files=exit.office.world.database.files, secret_key="k" * 32
    ) as far:
        presence = Presence(far)
        await presence.open()
        await Queue(far, exit.sender(presence=presence, database=far).lane()).drain()
        await presence.close()
    await wire.close()
    assert not wire.armed, "the claim was cut off"
    assert exit.only.mail["Message-ID"] == (await exit.message(sent))["message_id"]
    assert await exit.due() == []


async def test_answers_of_one_ticket_keep_their_order_over_a_refusal_for_now(exit: Exit) -> None:
    """Later ones wait for the one that was put off."""
    mine = await ticket(exit.office)
    for words in ("One", "Two", "Three"):
        await exit.office.answer(mine, words)
    exit.sink.refusals["jane@customer.example"] = "451 4.7.1 later"
    await exit.work()
    assert exit.sink.taken == []
    assert sorted(row["attempts"] for row in await exit.due()) == [0, 0, 1], "only the first was tried"
    exit.sink.refusals.clear()
    await exit.office.world.rows(
        "update deliveries set due_datetime = due_datetime - interval '1 minute', claimed_datetime = claimed_datetime -"
        " interval '1 minute' where account_id = $1 returning 1"
    )
    await exit.work()
    assert [taken.text().split()[0] for taken in exit.sink.taken] == ["One", "Two", "Three"]
    assert await exit.due() == []
