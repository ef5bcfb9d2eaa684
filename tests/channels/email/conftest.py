"""Servers of others that several tests of mail meet, and an office that knows them."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.channels.email import fetching, peers
from tests.channels.email import office as offices
from tests.channels.email.fetching import Post
from tests.channels.email.peers import Dovecot, Postfix
from tests.channels.email.sink import Sink
from tests.channels.email.tokens import Tokens
from tests.world import World


@pytest.fixture(scope="session")
async def dovecot() -> AsyncIterator[Dovecot]:
    async with peers.dovecot() as running:
        yield running


@pytest.fixture(scope="session")
async def postfix_sink() -> AsyncIterator[Sink]:
    """Where Postfix hands on what it took."""
    sink = Sink()
    await sink.open()
    yield sink
    await sink.close()


@pytest.fixture(scope="session")
async def postfix(dovecot: Dovecot, postfix_sink: Sink) -> AsyncIterator[Postfix]:
    async with peers.postfix(dovecot, postfix_sink.port) as running:
        yield running


@pytest.fixture
async def post(
    world: World, dovecot: Dovecot, monkeypatch: pytest.MonkeyPatch, subscribed: None
) -> AsyncIterator[Post]:
    """An office whose mailbox is `support`; nothing of other tests waits to be sent."""
    monkeypatch.setattr(world.database, "allowed", fetching.LOOPBACK)
    monkeypatch.setenv("SSL_CERT_FILE", str(dovecot.folder / "cert.pem"))
    for table in ("outbox", "deliveries"):
        await world.rows(f"delete from {table} where $1 > 0 returning 1")
    yield Post(await offices.opened(world), dovecot, "support")
    for table in ("mail_servers", "deliveries"):
        await world.rows(f"delete from {table} where account_id = $1 returning 1")


@pytest.fixture
async def tokens(post: Post) -> AsyncIterator[Tokens]:
    """The endpoint that gives access tokens, and tells Dovecot whose they are."""
    made = Tokens(post.user)
    app = web.Application()
    app.router.add_post("/token", made.token)
    app.router.add_get("/tokeninfo", made.info)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", post.dovecot.tokens).start()
    yield made
    await runner.cleanup()
