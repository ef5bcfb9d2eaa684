"""Files: whole or not at all, found under their names only, in a folder and in an S3-compatible store alike."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from aiohttp import web

from polus.base.settings import Misconfigured
from polus.store import files
from polus.store.files import Files, TooLarge

SMALL = b"Hello, world!"
BIG = bytes(range(256)) * 4 * 1024 * 13  # 13 MiB: three parts


async def chunks(data: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


class Bucket:
    """As much of S3 as an upload, a download and a deletion need."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.requests: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        key, query = request.match_info["key"], request.query
        self.requests.append(request.method)
        assert "AWS4-HMAC-SHA256" in request.headers["Authorization"]
        if "uploadId" in query or "uploads" in query:
            return await self.upload(request, key)
        if request.method == "PUT":
            self.objects[key] = await request.read()
            return web.Response(headers={"ETag": '"1"'})
        if request.method == "DELETE":
            self.objects.pop(key, None)
            return web.Response(status=204)
        if key not in self.objects:
            return web.Response(status=404)
        return self.send(request, self.objects[key])

    async def upload(self, request: web.Request, key: str) -> web.Response:
        query = request.query
        if "uploads" in query:
            self.uploads[key] = {}
            answer = f"<Bucket>b</Bucket><Key>{escape(key)}</Key><UploadId>u</UploadId>"
            return self.xml("InitiateMultipartUploadResult", answer)
        if request.method == "PUT":
            self.uploads[key][int(query["partNumber"])] = await request.read()
            return web.Response(headers={"ETag": f'"{query["partNumber"]}"'})
        parts = self.uploads.pop(key)
        if request.method == "DELETE":
            return web.Response(status=204)
        self.objects[key] = b"".join(parts[number] for number in sorted(parts))
        return self.xml("CompleteMultipartUploadResult", '<ETag>"1"</ETag>')

    async def list(self, request: web.Request) -> web.Response:
        prefix, after = request.query["prefix"], request.query.get("continuation-token", "")
        names = sorted(name for name in self.objects if name.startswith(prefix) and name > after)
        found = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>2026-08-26T12:30:00.000Z</LastModified>"
            f"<ETag>1</ETag><Size>{len(self.objects[name])}</Size></Contents>"
            for name in names[:2]
        )
        more = f"<NextContinuationToken>{escape(names[1])}</NextContinuationToken>" if names[2:] else ""
        told = f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>"
        return self.xml("ListBucketResult", f"<Name>bucket</Name><KeyCount>2</KeyCount>{told}{more}{found}")

    def xml(self, name: str, inner: str) -> web.Response:
        return web.Response(text=f"<{name}>{inner}</{name}>", content_type="application/xml")

    def send(self, request: web.Request, data: bytes) -> web.Response:
        headers = {"ETag": '"1"', "Last-Modified": "Wed, 26 Aug 2026 12:30:00 GMT"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        if not wanted:
            return web.Response(body=data, headers=headers)
        start, end = int(wanted[1]), int(wanted[2]) + 1
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        return web.Response(status=206, body=data[start:end], headers=headers)


@pytest.fixture
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bucket]:
    made = Bucket()
    application = web.Application(client_max_size=100 << 20)
    application.router.add_route("*", "/bucket/{key:.+}", made.answer)
    application.router.add_get("/bucket", made.list)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield made
    await runner.cleanup()


@pytest.fixture(params=["folder", "s3"])
async def place(request: pytest.FixtureRequest, tmp_path: Path, bucket: Bucket) -> Files:
    """The same promises hold for both."""
    if request.param == "s3":
        return files.opened("s3://bucket/prefix")
    return files.opened((tmp_path / "made later" / "files").as_uri())


@pytest.mark.parametrize("data", [b"", SMALL, BIG[: 1 << 20], BIG], ids=["empty", "small", "1 MiB", "13 MiB"])
async def test_what_is_put_is_got(place: Files, data: bytes) -> None:
    stored = await place.put(chunks(data), limit=len(data))
    assert (stored.size, stored.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert stored.head == data[:512]
    assert await place.read(stored.name, limit=len(data)) == data
    assert (await place.get(stored.name)).size == len(data)


async def test_ranges(place: Files) -> None:
    stored = await place.put(chunks(SMALL), limit=100)
    for start, stop in [(0, 5), (7, None), (7, 1000), (12, 13), (13, None), (50, 60)]:
        reading = await place.get(stored.name, start=start, stop=stop)
        assert reading.size == len(SMALL)
        assert b"".join([chunk async for chunk in reading.stream]) == SMALL[start:stop]


@pytest.mark.parametrize("data", [SMALL, BIG], ids=["small", "13 MiB"])
async def test_what_is_too_large_leaves_nothing(
    place: Files, data: bytes, tmp_path: Path, bucket: Bucket
) -> None:
    with pytest.raises(TooLarge):
        await place.put(chunks(data), limit=len(data) - 1)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not bucket.objects
    assert not bucket.uploads


async def test_a_stream_that_breaks_leaves_nothing(place: Files, tmp_path: Path, bucket: Bucket) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        async for chunk in chunks(BIG[: 7 << 20]):
            yield chunk
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await place.put(breaking(), limit=len(BIG))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not bucket.objects
    assert not bucket.uploads


async def test_reading_is_bounded(place: Files) -> None:
    stored = await place.put(chunks(SMALL), limit=100)
    with pytest.raises(TooLarge):
        await place.read(stored.name, limit=5)


async def test_delete(place: Files) -> None:
    stored = await place.put(chunks(SMALL), limit=100)
    await place.delete(stored.name)
    with pytest.raises(FileNotFoundError):
        await place.get(stored.name)
    await place.delete(stored.name)


async def test_the_parts_of_a_folder_hold_all_its_names_and_no_others(place: Files) -> None:
    assert [one async for page in place.listed("7", 0) for one in page] == []
    stored = [(await place.put(chunks(SMALL), limit=100, folder="7")).name for _ in range(4)]
    part = int(stored[0][2:4], 16)
    expected = {name for name in stored if name[2:4] == stored[0][2:4]}
    await place.put(chunks(SMALL), limit=100, folder="77")
    found = [one async for page in place.listed("7", part) for one in page]
    assert {name for name, _ in found} == expected
    assert all(at.tzinfo is not None for _, at in found)


async def test_a_part_of_several_pages_in_an_object_store(bucket: Bucket) -> None:
    names = [f"7/ab/{number:032x}" for number in range(5)]
    bucket.objects = dict.fromkeys(["prefix/" + name for name in names], b"x")
    found = [one async for page in files.opened("s3://bucket/prefix").listed("7", 0xAB) for one in page]
    assert [name for name, _ in found] == names


@pytest.mark.parametrize(
    "name", ["", "../secret.key", "files/../../x", "/etc/passwd", "files/ab/" + "A" * 32]
)
async def test_names_not_made_here_are_not_found(place: Files, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        await place.get(name)
    with pytest.raises(FileNotFoundError):
        await place.get(name, start=1)


async def test_names_are_never_used_twice(place: Files) -> None:
    stored = await asyncio.gather(*(place.put(chunks(SMALL), limit=100, folder="7") for _ in range(5)))
    assert len({one.name for one in stored}) == 5
    assert all(one.name.startswith("7/") for one in stored)


def test_a_place_that_cannot_be_is_misconfiguration() -> None:
    with pytest.raises(Misconfigured) as caught:
        files.opened("s3://")
    assert caught.value.code == "files-unusable"
