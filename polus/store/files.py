"""Bytes of uploaded and received files, in a local folder or an object store, under random names.

Who may read a file, what it is called for people and its type are rows elsewhere; here are only bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec
import obstore
from obstore.store import LocalStore, ObjectStore, S3Store, from_url

from polus.base import media
from polus.base.settings import Misconfigured

if TYPE_CHECKING:  # the library has these names for type checkers only
    from obstore import GetResult
    from obstore.store import ClientConfig, RetryConfig

_WHOLE = 1 << 20  # up to here a file is written by one request, beyond in parts
_PART = 5 << 20  # the smallest part S3 takes
_PAGE = 1000
_OWNER = "polus-owner"
_NAME = re.compile(r"[a-z0-9_-]{1,40}/[0-9a-f]{2}/[0-9a-f]{32}")


class TooLarge(Exception):
    """The stream is longer than allowed; nothing was stored."""


class Stored(msgspec.Struct, frozen=True):
    """What was written. `head` are the first bytes, for telling the type."""

    name: str
    size: int
    sha256: str
    head: bytes


class Reading(msgspec.Struct, frozen=True):
    """An opened file: its whole size and the wanted part of its bytes."""

    size: int
    stream: AsyncIterator[bytes]


class _Measured:
    """Passes a stream through, measuring it."""

    def __init__(self, stream: AsyncIterable[bytes], limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._hash = hashlib.sha256()
        self.size = 0
        self.head = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self.size += len(chunk)
            if self.size > self._limit:
                raise TooLarge
            self._hash.update(chunk)
            if len(self.head) < media.HEAD:
                self.head += chunk[: media.HEAD - len(self.head)]
            yield bytes(chunk)

    def sha256(self) -> str:
        return self._hash.hexdigest()


class Files:
    """One place for files. Names are made here and are the only way to the bytes."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, stream: AsyncIterable[bytes], *, limit: int, folder: str = "files") -> Stored:
        """Stores the stream whole or not at all; durable when this returns. Raises TooLarge over `limit` bytes."""
        random = secrets.token_hex(16)
        name = _known(f"{folder}/{random[:2]}/{random}")
        measured = _Measured(stream, limit)
        chunks = aiter(measured)
        start = await _first(chunks, _WHOLE)
        if len(start) < _WHOLE:
            await obstore.put_async(self._store, name, start, use_multipart=False)
        else:
            await self._put_parts(name, start, chunks, measured, limit)
        await self._sync(name)
        return Stored(name=name, size=measured.size, sha256=measured.sha256(), head=measured.head)

    async def _put_parts(
        self, name: str, start: bytes, chunks: AsyncIterator[bytes], measured: _Measured, limit: int
    ) -> None:
        try:
            await obstore.put_async(
                self._store, name, _chained(start, chunks), chunk_size=_PART, max_concurrency=2
            )
        except Exception as error:
            # The store aborts the upload, but wraps what the stream raised.
            if measured.size > limit:
                raise TooLarge from error
            raise

    async def get(self, name: str, *, start: int = 0, stop: int | None = None) -> Reading:
        """Bytes `start` up to and without `stop`. FileNotFoundError when it is not there.

        A range that begins at or after the end has no bytes.
        """
        if start == 0 and stop is None:
            whole = await obstore.get_async(self._store, _known(name))
            return Reading(size=whole.meta["size"], stream=_plain(whole))
        meta = await obstore.head_async(self._store, _known(name))
        end = meta["size"] if stop is None else min(stop, meta["size"])
        if start >= end:
            return Reading(size=meta["size"], stream=_nothing())
        found = await obstore.get_async(self._store, name, options={"range": (start, end)})
        return Reading(size=meta["size"], stream=_plain(found))

    async def size(self, name: str) -> int:
        """How many bytes it has. FileNotFoundError when it is not there."""
        return (await obstore.head_async(self._store, _known(name)))["size"]

    async def read(self, name: str, *, limit: int) -> bytes:
        """The whole file in memory. Raises TooLarge."""
        reading = await self.get(name)
        if reading.size > limit:
            raise TooLarge
        return b"".join([chunk async for chunk in reading.stream])

    async def delete(self, name: str) -> None:
        """Afterwards it is not there; whether it was does not matter."""
        try:
            await obstore.delete_async(self._store, _known(name))
        except FileNotFoundError:
            return

    async def listed(self, folder: str, shard: int) -> AsyncIterator[list[tuple[str, datetime]]]:
        """Names and times of writing of one of a folder's 256 parts, in pages of at most a thousand."""
        prefix = f"{folder}/{shard:02x}/"
        async for page in obstore.list(self._store, prefix=prefix, chunk_size=_PAGE):
            yield [(one["path"], one["last_modified"]) for one in page if _NAME.fullmatch(one["path"])]

    async def claimed(self, owner: str) -> bool:
        """Whether nobody else keeps files here: the first who asks has the place, until its mark `polus-owner` is removed."""
        try:
            found = await obstore.get_async(self._store, _OWNER)
        except FileNotFoundError:
            await obstore.put_async(self._store, _OWNER, owner.encode())
            return True
        return bytes(await found.bytes_async()) == owner.encode()

    async def _sync(self, name: str) -> None:
        """A local file must survive a power cut as the row that names it does."""
        if isinstance(self._store, LocalStore) and self._store.prefix is not None:
            await asyncio.to_thread(_sync, Path(self._store.prefix) / name)


def opened(url: str) -> Files:
    """The place named by POLUS_FILES_URL. Object stores read their access from the provider's own variables."""
    try:
        if urlsplit(url).scheme == "file":
            return Files(LocalStore(unquote(urlsplit(url).path), mkdir=True, automatic_cleanup=False))
        # An object store in the house may well speak plain HTTP; its address says so.
        client: ClientConfig = {"timeout": "60s", "allow_http": True}
        retry: RetryConfig = {"max_retries": 4, "retry_timeout": timedelta(seconds=30)}
        if urlsplit(url).scheme == "s3":
            # Plain DELETE: not every store that speaks S3 knows deletion in bulk.
            return Files(
                S3Store.from_url(url, disable_bulk_delete=True, client_options=client, retry_config=retry)
            )
        return Files(from_url(url, config={}, client_options=client, retry_config=retry))
    except Exception as error:
        raise Misconfigured(
            "files-unusable",
            f"Files cannot be stored there: {type(error).__name__}.",
            "Check POLUS_FILES_URL and the provider's variables for access (AWS_…, GOOGLE_…, AZURE_…).",
        ) from error


def _known(name: str) -> str:
    """Names come from rows; one that this module did not make must not reach the file system."""
    if not _NAME.fullmatch(name):
        raise FileNotFoundError(name)
    return name


async def _first(chunks: AsyncIterator[bytes], wanted: int) -> bytes:
    parts, size = [], 0
    async for chunk in chunks:
        parts.append(chunk)
        size += len(chunk)
        if size >= wanted:
            break
    return b"".join(parts)


async def _chained(start: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield start
    async for chunk in rest:
        yield chunk


async def _plain(found: GetResult) -> AsyncIterator[bytes]:
    async for chunk in found.stream(min_chunk_size=256 * 1024):
        yield bytes(chunk)


async def _nothing() -> AsyncIterator[bytes]:
    no_chunks: tuple[bytes, ...] = ()
    for chunk in no_chunks:
        yield chunk


def _sync(path: Path) -> None:
    for target in (path, path.parent):
        fd = os.open(target, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
