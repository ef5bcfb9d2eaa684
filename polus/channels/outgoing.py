"""One HTTP call to the outside: dialled only where `base.outbound` lets it, in bounded time, its answer cut.

Who is called, when, and what an answer means is left to the callers.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urljoin

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult

from polus import __version__
from polus.base import outbound
from polus.base.outbound import Allowed, Resolve

SECONDS = 5.0
# Not for a caller to say.
RESERVED = frozenset(("host", "content-length", "transfer-encoding", "connection"))
REDIRECTS = frozenset((301, 302, 303, 307, 308))
CHUNK = 64 * 1024
WORDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorCertificateError, "its certificate is not valid"),
    (aiohttp.ClientSSLError, "no encrypted connection can be made"),
    (aiohttp.ClientConnectorDNSError, "its name is not known"),
    (aiohttp.ClientConnectorError, "it lets nobody connect"),
    (aiohttp.ClientPayloadError, "the connection broke off"),
    (aiohttp.ServerDisconnectedError, "the connection broke off"),
    (aiohttp.ClientOSError, "the connection broke off"),
    (aiohttp.ClientResponseError, "what it answers is not HTTP"),
)
USER_AGENT = "Polus/" + __version__


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent. `body` None: none."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    params: Mapping[str, str] = {}
    body: bytes | None = None


class Answered(msgspec.Struct, frozen=True):
    """What came back: the status, the content type, and the first bytes of the body."""

    status: int
    content_type: str
    body: bytes

    @property
    def good(self) -> bool:
        """Whether it is a 2xx; a redirect is a failure, for it is not followed."""
        return 200 <= self.status < 300


class Failed(Exception):
    """No answer came; the text says why, for people."""


class Guard(AbstractResolver):
    """Resolves names to addresses that outgoing HTTP may reach, and to those that were checked: a second answer of the
    DNS cannot lead elsewhere. Raises `outbound.Refused` for all else."""

    def __init__(self, allowed: Allowed, resolver: Resolve = outbound.resolve) -> None:
        self._allowed = allowed
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await outbound.addresses(outbound.host_of(host), port, self._allowed, self._resolver)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


class Opened(msgspec.Struct, frozen=True):
    """An answer whose body is still to be read."""

    status: int
    content_type: str
    stream: AsyncIterator[bytes]

    @property
    def good(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300


async def send(call: Call, allowed: Allowed, *, seconds: float = SECONDS, most: int = 2048) -> Answered:
    """The answer, with at most `most` bytes of its body. Raises Failed; redirects are not followed."""
    async with opened(call, allowed, seconds=seconds) as answer:
        body = b""
        async for chunk in answer.stream:
            body += chunk
            if len(body) >= most:
                break
        return Answered(answer.status, answer.content_type, body[:most])


@asynccontextmanager
async def opened(
    call: Call, allowed: Allowed, *, seconds: float = SECONDS, hops: int = 0
) -> AsyncIterator[Opened]:
    """The answer for the time of a block, which must be over in `seconds`. Raises Failed, in the block too.

    At most `hops` redirects of a GET are followed, each held against `allowed`; another host is told no headers.
    """
    try:
        async with asyncio.timeout(seconds), AsyncExitStack() as stack:
            while True:
                answer = await stack.enter_async_context(_asked(call, allowed))
                if not (hops and answer.status in REDIRECTS and answer.headers.get("Location")):
                    break
                call, hops = _followed(call, answer.headers["Location"]), hops - 1
                await stack.aclose()
            yield Opened(answer.status, answer.content_type, answer.content.iter_chunked(CHUNK))
    except outbound.Refused as refused:
        raise Failed(str(refused)) from None
    except TimeoutError:
        raise Failed(f"no answer within {seconds:g} seconds") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Failed(_in_words(error)) from None


def _in_words(error: Exception) -> str:
    """What happened, for people who know neither the library nor its names."""
    said = next((words for kind, words in WORDS if isinstance(error, kind)), "")
    return said or "no answer: " + type(error).__name__


def _followed(call: Call, location: str) -> Call:
    """What comes after a redirect."""
    url = urljoin(call.url, location)
    same = outbound.target(url) == outbound.target(call.url)
    return Call(method=call.method, url=url, headers=call.headers if same else {})


@asynccontextmanager
async def _asked(call: Call, allowed: Allowed) -> AsyncIterator[aiohttp.ClientResponse]:
    aim = outbound.target(call.url)
    # aiohttp asks no resolver about an address that is none but digits.
    if aim.host is None:
        raise outbound.Refused(outbound.NOT_HTTP)
    await outbound.addresses(aim.host, aim.port, allowed)
    headers = {name: value for name, value in call.headers.items() if name.lower() not in RESERVED}
    headers.setdefault("User-Agent", USER_AGENT)
    connector = aiohttp.TCPConnector(resolver=Guard(allowed), limit=1, force_close=True)
    options: dict[str, Any] = {"allow_redirects": False, "auto_decompress": True}
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.request(
            call.method,
            call.url,
            headers=headers,
            params=dict(call.params) or None,
            data=call.body,
            **options,
        ) as answer,
    ):
        yield answer
