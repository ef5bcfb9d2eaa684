"""Mailboxes of a real Dovecot are fetched: every mail once, whatever is cut, killed or numbered anew in between."""

import datetime
from collections.abc import AsyncIterator

import pytest

from tests.channels.email import fetching, peers
from tests.channels.email import office as offices
from tests.channels.email.fetching import Post
from tests.channels.email.office import mail
from tests.channels.email.peers import Dovecot
from tests.world import World

pytestmark = peers.needs_dovecot


@pytest.fixture(scope="module")
async def dovecot() -> AsyncIterator[Dovecot]:
    async with peers.dovecot() as running:
        yield running


@pytest.fixture
async def post(world: World, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch) -> Post:
    monkeypatch.setattr(world.database, "allowed", fetching.LOOPBACK)
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.folder / "cert.pem"))
    return Post(await offices.opened(world), dovecot, world.account.domain)


def letter(number: int, text: str = "Where is my order?", **more: str) -> bytes:
    return mail(text, subject=f"Order {number}", message_id=f"<{number}@customer.example>", **more)


async def test_new_mails_of_several_folders_become_tickets(post: Post) -> None:
    post.put(letter(1))
    post.put(letter(2), into="Orders")
    await post.save(host="localhost", port=post.dovecot.imaps, security="tls", folders=("INBOX", "Orders"))
    async with fetching.worker(post.world):
        await post.looked()
        assert await post.mails() == [], "what was there before is left alone"
        post.put(letter(3, sender="Ann <ann@customer.example>"), into="Orders")
        post.put(letter(4))  # of this one IDLE tells
        await post.fetched(2)

        async def delivered() -> bool:
            return len(await post.mails("delivered")) == 2

        await fetching.until(delivered)
    found = {
        row["envelope_from"]: await post.office.ticket(row["ticket_id"]) for row in await post.mails()
    }
    assert found["ann@customer.example"]["subject"] == "Order 3"
    assert found["jane@customer.example"]["subject"] == "Order 4"
    state = await post.state()
    assert (state["state"], state["error_code"], state["worker"]) == ("well", None, None)
    with post.dovecot.client(post.user) as client:
        client.select_folder("INBOX", readonly=True)
        assert client.search(["SEEN"]) == [], "nothing in the mailbox changes"
