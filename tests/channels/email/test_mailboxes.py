"""Mailboxes of a real Dovecot are fetched: every mail once, whatever is cut, killed or numbered anew in between."""

import datetime
import signal
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from polus.channels.email import mailboxes
from polus.desk import mail_folders
from polus.store import queue
from polus.store.work import SYSTEM, writing
from tests import waits
from tests.channels.email import fetching, peers
from tests.channels.email import office as offices
from tests.channels.email.fetching import Post
from tests.channels.email.office import mail
from tests.channels.email.peers import Dovecot
from tests.channels.wires import Break, Open
from tests.world import World

pytestmark = peers.needs_dovecot


@pytest.fixture
async def post(world: World, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    monkeypatch.setattr(world.database, "allowed", fetching.LOOPBACK)
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.folder / "cert.pem"))
    yield Post(await offices.opened(world), dovecot, world.account.domain)
    await world.rows("delete from mail_servers where account_id = $1 returning 1")


# Bytes of a connection's answers: in the greeting, the log-in, the choice of a folder, and in mails.
LENGTHS = (300, 700, 2_000, 30_000, 60_000, 61_000, 100_000, 150_000)


def letter(number: int, text: str = "Where is my order?", **more: str) -> bytes:
    raw = mail(text, subject=f"Order {number}", message_id=f"<{number}@customer.example>", **more)
    return raw.replace(b"\n", b"\r\n")


async def test_new_mails_of_several_folders_become_tickets(post: Post, wire: Open) -> None:
    post.put(letter(1))
    post.put(letter(2), into="Orders")
    way = await wire(post.dovecot.imaps)
    await post.save(host="localhost", port=way.port, security="tls", folders=("INBOX", "Orders"))
    async with fetching.worker(post.world), fetching.worker(post.world):
        await post.looked()
        assert await post.mails() == [], "what was there before is left alone"
        post.put(letter(3, sender="Ann <ann@customer.example>"), into="Orders")
        post.put(letter(4))  # of this one IDLE tells
        await post.fetched(2)

        async def delivered() -> bool:
            return len(await post.mails("delivered")) == 2

        await waits.until(delivered)
    assert way.connections == 1, "one worker has it"
    found = {row["envelope_from"]: await post.office.ticket(row["ticket_id"]) for row in await post.mails()}
    assert found["ann@customer.example"]["subject"] == "Order 3"
    assert found["jane@customer.example"]["subject"] == "Order 4"
    state = await post.state()
    assert (state["state"], state["error_code"], state["worker"]) == ("well", None, None)
    with post.dovecot.client(post.user) as client:
        client.select_folder("INBOX", readonly=True)
        assert client.search(["SEEN"]) == [], "nothing in the mailbox changes"


async def test_history_is_fetched_on_request_as_closed_tickets(post: Post) -> None:
    old = datetime.datetime(2024, 5, 1, 12, 0, tzinfo=datetime.UTC)
    post.put(*(letter(number) for number in range(10)), dated=old)
    newer = datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC)
    numbers = range(10, 70)
    post.put(*(letter(number, sender=f"{number}@customer.example") for number in numbers), dated=newer)
    answer = letter(70, in_reply_to="<10@customer.example>", sender="10@customer.example")
    post.put(answer, dated=newer + datetime.timedelta(days=1))
    await post.save()
    async with fetching.worker(post.world):
        await post.looked()
        assert await post.mails() == []
        async with writing(post.world.database, post.world.account, SYSTEM) as work:
            await mail_folders.fetch_history(work, post.office.integration_id, datetime.date(2026, 1, 1))
        post.put(letter(500, sender="new@customer.example"))

        async def settled() -> bool:
            return len(await post.mails("delivered")) == 62

        await waits.until(settled)
        await post.looked()
    tickets = await post.world.rows(
        "select status, imported, created_datetime, subject, messages_count from tickets where account_id = $1 order by id"
    )
    past = [row for row in tickets if row["imported"]]
    assert len(past) == 60
    assert {row["status"] for row in past} == {"closed"}
    assert {row["created_datetime"] for row in past} == {newer}
    assert [row["messages_count"] for row in past if row["subject"] == "Order 10"] == [2]
    [fresh] = [row for row in tickets if not row["imported"]]
    assert (fresh["subject"], fresh["status"]) == ("Order 500", "open")
    place = await post.folder()
    assert (place["history_uid"], place["history_top"], place["history_count"]) == (71, 71, 61)


async def test_a_folder_that_is_numbered_anew_loses_and_doubles_nothing(post: Post) -> None:
    mails = [letter(number) for number in range(5)]
    await post.save(folders=("Orders",))
    post.put(letter(99), into="Orders")
    async with fetching.worker(post.world):
        await post.looked()
        post.put(*mails[:4], into="Orders")
        await post.fetched(4)
    before = await post.folder("Orders")
    # As after a move to another machine: the same mails with other numbers, and one that came meanwhile.
    with post.dovecot.client(post.user) as client:
        client.delete_folder("Orders")
    post.put(*reversed(mails), into="Orders")
    async with fetching.worker(post.world):
        found = await post.fetched(5)
    after = await post.folder("Orders")
    assert before["uid_validity"] != after["uid_validity"]
    assert sorted(bytes(row["raw"]) for row in found) == sorted(mails)


async def test_a_wire_that_is_cut_again_and_again_loses_and_doubles_nothing(
    post: Post, wire: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailboxes, "BACKOFF", (0.01,))
    monkeypatch.setattr(mailboxes, "BATCH", 5)
    monkeypatch.setattr(queue, "POLL", 0.05)
    way = await wire(post.dovecot.imap)
    await post.save()
    async with fetching.worker(post.world, receives=False):
        await post.looked()
    await post.save(port=way.port)
    sent = []
    hows: tuple[Literal["cut"], Literal["reset"]] = ("cut", "reset")
    for how in hows:
        way.connections = 0
        way.breaks = [Break("down", how=how, after=length) for length in LENGTHS]
        mails = [letter(len(sent) + number, text="long " * 4000) for number in range(12)]
        sent += mails
        post.put(*mails)
        async with fetching.worker(post.world, receives=False):
            found = await post.fetched(len(sent))
        assert way.connections > 4
    assert [bytes(row["raw"]) for row in found] == sent


@pytest.mark.slow
async def test_a_worker_that_is_killed_while_it_fetches_loses_and_doubles_nothing(
    post: Post, wire: Open
) -> None:
    way = await wire(post.dovecot.imap)
    way.breaks = [Break("down", after=20_000), Break("down", after=90_000)]
    await post.save()
    async with fetching.worker(post.world, receives=False):
        await post.looked()
    await post.save(port=way.port)
    mails = [letter(number, text="long " * 3000) for number in range(15)]
    post.put(*mails)
    for killed in (True, True, False):
        process = await fetching.process(post.world.database.url)
        way.then = process.kill
        if not killed:
            found = await post.fetched(15)
            process.terminate()
        assert await process.wait() == (-signal.SIGKILL if killed else 0)
    assert way.connections == 3
    assert [bytes(row["raw"]) for row in found] == mails
