"""The server process: HTTP (API, workspace, documents, health, figures) and SMTP, on sockets that its parent opened.

`App` says which address belongs to whom; `main` is the process. Background work is another process: `worker`.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import urlsplit

import structlog
import uvicorn
import uvloop

from polus import children, installation
from polus.api import downloads, shop_door, text_door, voice_door
from polus.api.app import Api, Receive, Scope, Send
from polus.api.documents import Documents
from polus.api.downloads import Downloads
from polus.api.shop_door import ShopDoor
from polus.api.table import OPERATIONS
from polus.api.text_door import TextDoor
from polus.api.voice_door import VoiceDoor
from polus.base import figures, log
from polus.base.settings import Settings
from polus.channels.email import listener as listeners
from polus.channels.email.listener import Listener
from polus.heads import Bounded
from polus.health import Doctor
from polus.oauth.door import Door
from polus.reactions import table as reactions
from polus.store.database import Database
from polus.web.site import Site

PATIENCE = 15  # seconds that requests at hand may take when the server stops
CONNECTIONS = 10  # to PostgreSQL, per process

JSON = b"application/json"
POLICY = b"default-src 'none'; frame-ancestors 'none'"

logger = structlog.get_logger(__name__)


class App:
    """The root of all addresses. `/api` is the API's, a few documents are here."""

    def __init__(self, settings: Settings, database: Database, listener: Listener | None) -> None:
        self.api = Api(
            database,
            OPERATIONS,
            rate_limit=settings.rate_limit,
            base_url=settings.base_url,
            seen=figures.request,
        )
        self.downloads = Downloads(database)
        self.shops = ShopDoor(database)
        self.voice = VoiceDoor(database, settings.base_url)
        self.texts = TextDoor(database, settings.base_url)
        self.oauth = Door(database, settings.base_url)
        self.site = Site(
            database,
            base_url=settings.base_url,
            cache=settings.data / "cache" / "pages",
            relayed=settings.relay() is not None,
        )
        self.doctor = Doctor(database, listener)
        self.site.examine = self._examine
        self.documents = Documents(OPERATIONS, settings.base_url)

    async def _examine(self) -> dict[str, bool]:
        """Whether each part works, for the workspace's page of it."""
        health = await self.doctor.look()
        return {name: getattr(health, name) for name in health.__struct_fields__}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request."""
        path: str = scope["path"]
        if path.startswith("/api/") or path == "/api":
            await self.api(scope, receive, send)
        elif path == "/health":
            health = await self.doctor.look()
            await _answer(scope, send, 200 if health.well else 503, JSON, health.body())
        elif path == "/metrics":
            told = await self.doctor.figures()
            await _answer(scope, send, 200, figures.CONTENT_TYPE.encode(), told)
        elif self.documents.owns(path):
            await self.documents(scope, receive, send)  # type: ignore[arg-type]
        elif self.oauth.owns(path):
            await self.oauth(scope, receive, send)  # type: ignore[arg-type]
        elif path.startswith(shop_door.PREFIX):
            await self.shops(scope, receive, send)
        elif path.startswith(voice_door.PREFIX):
            await self.voice(scope, receive, send)
        elif path.startswith(text_door.PREFIX):
            await self.texts(scope, receive, send)
        elif path.startswith(downloads.PREFIX):
            await self.downloads(scope, receive, send)
        else:
            await self.site(scope, receive, send)  # type: ignore[arg-type]

    async def close(self) -> None:
        """Answers that would never end, end; what was counted is written down."""
        self.site.close()
        await self.api.tallies.write()


async def _answer(scope: Scope, send: Send, status: int, kind: bytes, body: bytes) -> None:
    headers = [
        (b"content-security-policy", POLICY),
        (b"content-type", kind),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if scope["method"] not in ("GET", "HEAD"):
        status, body, headers = 405, b"", [(b"allow", b"GET, HEAD"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


class _Http(uvicorn.Server):
    """uvicorn without signals of its own: the process has one place that hears them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(
    settings: Settings, database: Database, http: Sequence[socket.socket], smtp: Sequence[socket.socket]
) -> AsyncIterator[App]:
    """HTTP and SMTP on the sockets for the time of a block; at its end what was begun is finished."""
    reactions.subscribe()
    tls = None
    if settings.tls_cert is not None and settings.tls_key is not None:
        tls = listeners.tls_context(settings.tls_cert, settings.tls_key)
    listener = Listener(database, urlsplit(settings.base_url).hostname or "localhost", tls=tls)
    app = App(settings, database, listener)
    server = _Http(_config(app, tls))
    await listener.open(smtp)
    running = asyncio.create_task(server.serve(sockets=list(http)))
    try:
        yield app
    finally:
        await listener.close()
        await app.close()
        server.should_exit = True
        await running


def _config(app: App, tls: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Bounded,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=PATIENCE,
        ssl_context_factory=None if tls is None else lambda _config, _make: tls,
    )


async def _run(order: children.Order) -> None:
    settings = order.settings
    async with (
        installation.opened(settings, "polus server", CONNECTIONS) as database,
        serving(settings, database, children.sockets(order.http), children.sockets(order.smtp)),
    ):
        children.ready()
        await children.stop_asked()
        logger.info("the server stops")


def main() -> None:
    """A child of `processes`."""
    order = children.received()
    log.configure()
    uvloop.run(_run(order))
    log.flush()


if __name__ == "__main__":
    main()
