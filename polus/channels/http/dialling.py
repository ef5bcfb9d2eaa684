"""Makes one call: to public addresses only, within five seconds, without following redirects, reading one MiB at most.

Never raises for anything a receiver can do. Addresses are checked where they are dialled: what the resolver of the
connector returned is what is connected to, so a name cannot change its mind in between.
"""

import asyncio
import time
from typing import Any

import aiohttp
import msgspec

from polus.base import outbound
from polus.base.outbound import Allowed, Resolve
from polus.channels.http.requests import Request
from polus.channels.outgoing import Guard

SECONDS = 5.0
MOST_ANSWER = 1_048_576
KEEP_ALIVE = 4.0  # seconds; receivers that close earlier than that cost an attempt

NO_ANSWER = "There was no answer within 5 seconds."
CLOSED = "The connection was closed without an answer."
NO_NAME = "The name of the host could not be resolved to public addresses."
# What waiting may cure: the receiver is away or has too much to do.
AWAY = frozenset((408, 425, 429, 502, 503, 504))


class Outcome(msgspec.Struct, frozen=True):
    """What became of an attempt. `status` is None when there was no answer, and `error` says why.

    `away`: it met nobody who could answer, which says nothing about the call; `again`: another attempt may do.
    """

    milliseconds: int
    status: int | None = None
    error: str | None = None
    away: bool = False
    again: bool = False
    retry_after: float = 0.0
    content_type: str = ""
    body: bytes = b""
    cut: bool = False

    @property
    def well(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class Caller:
    """Makes calls; holds the connections that receivers keep open."""

    def __init__(self, allowed: Allowed, resolver: Resolve = outbound.resolve) -> None:
        self._allowed = allowed
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Within the event loop that calls are made in."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=Guard(self._allowed, self._resolver),
                use_dns_cache=False,
                limit=0,
                keepalive_timeout=KEEP_ALIVE,
            ),
            # One integration's cookies are no other's.
            cookie_jar=aiohttp.DummyCookieJar(),
            # What is not unpacked cannot burst.
            auto_decompress=False,
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def close(self) -> None:
        """Let all connections go."""
        if self._session is not None:
            await self._session.close()

    async def call(self, request: Request) -> Outcome:
        """One attempt."""
        begun = time.monotonic()
        found = await self._attempt(request)
        return msgspec.structs.replace(found, milliseconds=int((time.monotonic() - begun) * 1000))

    async def _attempt(self, request: Request) -> Outcome:
        try:
            async with asyncio.timeout(SECONDS):
                await self._check(request)
                return await self._exchange(request)
        except TimeoutError:
            return Outcome(0, error=NO_ANSWER, away=True, again=True)
        except outbound.Unresolved:
            return Outcome(0, error=NO_NAME, away=True, again=True)
        except outbound.Refused as refused:
            return Outcome(0, error=str(refused))
        except (aiohttp.InvalidURL, ValueError):
            return Outcome(0, error=outbound.NOT_HTTP)
        except (aiohttp.ClientError, OSError) as error:
            return Outcome(0, error=_said(error), away=True, again=True)

    async def _check(self, request: Request) -> None:
        """What the connector would take for an address without asking the resolver, and all that is no HTTP."""
        aim = outbound.target(str(request.url))
        host = request.url.host
        if aim.host is None or host is None or outbound.host_of(host) != aim.host:
            raise outbound.Refused(outbound.NOT_HTTP)
        if outbound.literal(aim.host) is not None:
            await outbound.addresses(aim.host, aim.port, self._allowed)

    async def _exchange(self, request: Request) -> Outcome:
        assert self._session is not None
        async with self._session.request(
            request.method,
            request.url,
            headers={"Accept-Encoding": "identity", **request.headers},
            data=request.body or None,
            allow_redirects=False,
        ) as response:
            body = await _read(response)
            status = response.status
            away = status in AWAY
            return Outcome(
                0,
                status=status,
                away=away,
                again=away or status >= 500,
                retry_after=_seconds(response.headers.get("Retry-After")),
                content_type=response.headers.get("Content-Type", "")[:200],
                body=body[:MOST_ANSWER],
                cut=len(body) > MOST_ANSWER or "Content-Encoding" in response.headers,
            )


async def _read(response: Any) -> bytes:
    """The answer's body, one byte more than is kept when it is longer."""
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > MOST_ANSWER:
            break
    return b"".join(parts)[: MOST_ANSWER + 1]


def _seconds(given: str | None) -> float:
    return float(given) if given and given.isascii() and given.isdigit() and len(given) < 8 else 0.0


def _said(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "The receiver's certificate is not valid."
    if isinstance(error, aiohttp.ClientConnectorError):
        return "The connection failed: " + (error.os_error.strerror or "unreachable") + "."
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return CLOSED
    return "The answer was no HTTP: " + type(error).__name__ + "."
