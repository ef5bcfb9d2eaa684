"""Request bodies as they come in: bounded while they stream, unpacked when they are gzipped."""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from polus.base import errors

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]

JSON_LIMIT = 32 * 1024 * 1024
# What is unpacked at once of a gzipped body: a small body that unpacks to gigabytes costs no more memory.
UNPACKED_AT_ONCE = 256 * 1024

NOT_JSON = "The request body is not valid JSON."
CUT_OFF = "The request body ended too early."
NOT_GZIP = "The request body is not valid gzip."


class Unsupported(errors.Refusal):
    """415."""

    status = 415

    def __init__(self) -> None:
        super().__init__("Unsupported media type.")


def header(scope: Scope, name: bytes) -> bytes:
    """The last header of that name; empty when absent."""
    value: bytes = b""
    for key, given in scope["headers"]:
        if key == name:
            value = given
    return value


def media_type(scope: Scope) -> bytes:
    """The content type without its parameters, in lower case."""
    return header(scope, b"content-type").split(b";", 1)[0].strip().lower()


async def json(scope: Scope, receive: Receive) -> bytes:
    """The whole body, at most 32 MiB also after unpacking; 415 when it is given as something else than JSON."""
    raw = b"".join([chunk async for chunk in chunks(scope, receive, JSON_LIMIT)])
    kind = media_type(scope)
    # A missing content type with a JSON text is read as JSON.
    if raw and kind and kind != b"application/json" and not kind.endswith(b"+json"):
        raise Unsupported
    return raw


async def chunks(scope: Scope, receive: Receive, limit: int, overhead: int = 0) -> AsyncIterator[bytes]:
    """The body piece by piece; 413 as soon as it is, or says that it will be, longer than `limit` and `overhead`."""
    announced = header(scope, b"content-length")
    if announced.isdigit() and int(announced[:20]) > limit + overhead:
        raise errors.TooLarge(limit)
    encoding = header(scope, b"content-encoding").strip().lower()
    if encoding not in (b"", b"identity", b"gzip"):
        raise Unsupported
    size = 0
    async for chunk in _unpacked(receive) if encoding == b"gzip" else _plain(receive):
        size += len(chunk)
        if size > limit + overhead:
            raise errors.TooLarge(limit)
        if chunk:
            yield chunk


async def _plain(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise errors.Invalid({}, CUT_OFF)
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _unpacked(receive: Receive) -> AsyncIterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    given = False
    try:
        async for chunk in _plain(receive):
            given = given or bool(chunk)
            while chunk:
                yield unpacker.decompress(chunk, UNPACKED_AT_ONCE)
                chunk = unpacker.unconsumed_tail
    except zlib.error:
        raise errors.Invalid({}, NOT_GZIP) from None
    # An empty body is none, whatever it is said to be packed with.
    if given and (not unpacker.eof or unpacker.unused_data):
        raise errors.Invalid({}, NOT_GZIP)
