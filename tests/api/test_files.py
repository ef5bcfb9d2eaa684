"""Uploads and downloads: what is stored, who fetches it, what is refused, and when it goes."""

import asyncio
import datetime
import gzip
import io
import re
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from PIL import Image

from polus.base import clock
from polus.desk import files
from polus.store.files import Files
from polus.store.work import SYSTEM, reading, writing
from tests import world as worlds
from tests.world import Answer, Client, World

MIB = 1024 * 1024
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n"
BOUNDARY = "frontier-7"
MULTIPART = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def png(width: int = 40, height: int = 20, color: Any = (200, 30, 30)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height), color).save(written, "PNG")
    return written.getvalue()


def form(*parts: tuple[str, str | None, bytes], content_type: str | None = None) -> bytes:
    """A multipart body of (field, file name, bytes)."""
    body = b""
    for field, filename, data in parts:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"'
        head += f'; filename="{filename}"' if filename is not None else ""
        head += f"\r\nContent-Type: {content_type}" if content_type else ""
        body += head.encode() + b"\r\n\r\n" + data + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


async def upload(client: Client, body: bytes, headers: Any = None, **query: Any) -> Answer:
    return await client.send("POST", "/api/upload", body, headers={**MULTIPART, **(headers or {})}, **query)


async def fetch(client: Client, url: str, **headers: str) -> tuple[int, Any, bytes]:
    """Follow the signed hop without credentials."""
    assert urlsplit(url).netloc == client.host
    async with client.http.get(
        client.url + urlsplit(url).path, headers=headers, allow_redirects=False
    ) as response:
        return response.status, response.headers, await response.read()


def stored_bytes(store: Files) -> set[str]:
    root = store._store.prefix  # type: ignore[attr-defined]
    return {str(path) for path in root.rglob("*") if path.is_file()}


async def test_an_attachment_comes_back_as_it_was(world: World) -> None:
    answer = await upload(
        world.oda, form(("Invoice März 2026.pdf", "x.bin", PDF), ("notes", "n.txt", b"hello"))
    )
    assert answer.status == 201
    first, second = answer.json
    assert first == {
        "content_type": "application/pdf",
        "name": "Invoice März 2026.pdf",
        "size": len(PDF),
        "url": first["url"],
    }
    assert (second["name"], second["content_type"], second["size"]) == ("notes", "text/plain", 5)
    assert re.fullmatch(
        rf"http://{re.escape(world.oda.host)}/api/attachment/download/{world.account.hash}/"
        r"Invoice-M-rz-2026-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.pdf",
        first["url"],
    )

    redirect = await world.lia.get(urlsplit(first["url"]).path)
    assert (redirect.status, redirect.raw) == (307, b"")
    status, headers, body = await fetch(world.lia, redirect.headers["Location"])
    assert (status, body) == (200, PDF)
    assert headers["Content-Type"] == "application/pdf"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == (
        "inline; filename=\"Invoice_M_rz_2026.pdf\"; filename*=UTF-8''Invoice%20M%C3%A4rz%202026.pdf"
    )
    ((user_id, referenced),) = await world.rows(
        "select user_id, referenced_datetime from files where account_id = $1 and name like 'Inv%'"
    )
    assert (user_id, referenced) == (world.oda.user_id, None)


@pytest.mark.parametrize(
    "field, filename, name",
    [
        ("file", "a.txt", "a.txt"),
        ("files", "a.txt", "a.txt"),
        ("file[0]", "a.txt", "a.txt"),
        ("upload", "C:\\Users\\me\\a.txt", "a.txt"),
        ("../../etc/passwd", "a.txt", "passwd"),
        ("report.txt", "", "report.txt"),
        ("file", "", "file"),
        ("\u202egnp.exe", "a", "gnp.exe"),
        ("x" * 300 + ".txt", "a", "x" * 251 + ".txt"),
    ],
)
async def test_the_name_of_a_file(world: World, field: str, filename: str, name: str) -> None:
    (file,) = (await upload(world.leo, form((field, filename, b"text")))).json
    assert file["name"] == name
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,160}", file["url"].rsplit("/", 1)[1])


async def test_values_between_the_files_and_empty_files(world: World) -> None:
    answer = await upload(world.leo, form(("comment", None, b"x" * 1000), ("empty.txt", "e", b"")))
    assert answer.status == 201
    assert [(file["name"], file["size"]) for file in answer.json] == [("empty.txt", 0)]


async def test_a_stream_without_a_length_and_a_gzipped_body(world: World) -> None:
    body = form(("a.bin", "a", bytes(range(256)) * 4000))

    async def slowly() -> Any:
        for start in range(0, len(body), 10_007):
            yield body[start : start + 10_007]

    sent = {**world.leo.headers, **MULTIPART}
    async with world.leo.http.post(world.leo.url + "/api/upload", data=slowly(), headers=sent) as response:
        assert response.status == 201
        ((file,),) = (await response.json(),)
    assert file["size"] == 1_024_000
    packed = await upload(world.leo, gzip.compress(body), {"Content-Encoding": "gzip"})
    assert packed.json[0]["size"] == 1_024_000


@pytest.mark.parametrize(
    "kind, person, status",
    [
        ("attachment", "oda", 201),
        ("profile_picture", "oda", 201),
        ("public_attachment", "lia", 403),
        ("public_attachment", "bea", 201),
        ("widget_picture", "leo", 403),
        ("widget_picture", "ada", 201),
        ("invoice", "ada", 400),
    ],
)
async def test_who_may_upload_what(world: World, kind: str, person: str, status: int) -> None:
    answer = await upload(world.people[person], form(("p.png", "p.png", png())), type=kind)
    assert answer.status == status


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", PDF, png()[:60], b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
async def test_pictures_must_be_pictures(world: World, data: bytes) -> None:
    before = stored_bytes(world.database.files)
    answer = await upload(
        world.leo, form(("me.png", "x", png()), ("you.png", "x", data)), type="profile_picture"
    )
    assert answer.status == 400
    assert answer.json["error"] == {
        "msg": "Failed to upload files",
        "data": {"you.png": ["Not a picture in PNG, JPEG, GIF or WebP of at most 5 MiB."]},
    }
    assert stored_bytes(world.database.files) == before
    assert await world.rows("select 1 from files where account_id = $1") == []


async def test_limits_hold_while_the_bytes_come_in(world: World) -> None:
    before = stored_bytes(world.database.files)
    large = await upload(world.leo, form(("small.txt", "s", b"s"), ("large.bin", "l", bytes(20 * MIB + 1))))
    assert (large.status, large.json["error"]) == (
        413,
        {"msg": "The request is too large.", "data": {"limit": 20 * MIB}},
    )
    exact = await upload(world.leo, form(("exact.bin", "e", bytes(20 * MIB))))
    assert exact.status == 201
    many = await upload(world.leo, form(*((f"{n}.txt", "x", b"x") for n in range(11))))
    assert (many.status, many.json["error"]["data"]) == (413, {"files": 10})
    ten = await upload(world.leo, form(*((f"{n}.txt", "x", b"x") for n in range(10))))
    assert ten.status == 201
    picture = await upload(world.leo, form(("p.png", "p", png() + bytes(5 * MIB))), type="profile_picture")
    assert picture.status == 400
    assert len(stored_bytes(world.database.files) - before) == 11


async def test_together_at_most_sixty_mebibytes(world: World) -> None:
    part = bytes(16 * MIB)
    answer = await upload(world.leo, form(*((f"{n}.bin", "x", part) for n in range(4))))
    assert (answer.status, answer.json["error"]["data"]) == (413, {"limit": 60 * MIB})
    assert await world.rows("select 1 from files where account_id = $1") == []


@pytest.mark.parametrize(
    "body, headers, status, msg",
    [
        (b"", {}, 400, "The request body is not valid multipart/form-data."),
        (b"rubbish", {}, 400, "The request body is not valid multipart/form-data."),
        (form(("a", "a", b"x"))[:-12], {}, 400, "The request body is not valid multipart/form-data."),
        (f"--{BOUNDARY}--\r\n".encode(), {}, 400, "Failed to upload files"),
        (form(("a", None, b"x")), {}, 400, "Failed to upload files"),
        (form(("a", "a", b"x")), {"Content-Type": "multipart/form-data"}, 400, "The request body is not valid multipart/form-data."),
        (b"{}", {"Content-Type": "application/json"}, 415, "Unsupported media type."),
        (form(("a", "a", b"x")), {"Content-Encoding": "br"}, 415, "Unsupported media type."),
        (b"\x1f\x8b\x08nonsense", {"Content-Encoding": "gzip"}, 400, "The request body is not valid gzip."),
    ],
)  # fmt: skip
async def test_bodies_that_are_none(world: World, body: bytes, headers: Any, status: int, msg: str) -> None:
    answer = await upload(world.leo, body, headers)
    assert (answer.status, answer.json["error"]["msg"]) == (status, msg)


async def test_a_sender_that_goes_away_leaves_nothing(world: World) -> None:
    before = stored_bytes(world.database.files)

    async def broken() -> Any:
        yield form(("a.txt", "a", b"x" * 100), ("b.bin", "b", bytes(MIB)))[: MIB // 2]
        raise ConnectionResetError

    with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
        await world.leo.http.post(
            world.leo.url + "/api/upload", data=broken(), headers={**world.leo.headers, **MULTIPART}
        )
    for _ in range(100):
        if stored_bytes(world.database.files) == before:
            break
        await world.oda.get("/api/tags")
    assert stored_bytes(world.database.files) == before
    assert await world.rows("select 1 from files where account_id = $1") == []


async def test_private_and_public(world: World, database: Any, http: Any, url: str) -> None:
    other = await worlds.make(database, http, url)
    (private,) = (await upload(world.ada, form(("a.png", "a", png())))).json
    (public,) = (await upload(world.ada, form(("b.png", "b", png())), type="public_attachment")).json
    private_path, public_path = urlsplit(private["url"]).path, urlsplit(public["url"]).path

    async def anybody(path: str, host: str = world.ada.host) -> int:
        async with http.get(url + path, headers={"Host": host}, allow_redirects=False) as response:
            return int(response.status)

    assert await anybody(private_path) == 401
    assert await anybody(public_path) == 307
    assert await anybody(public_path + "/") == 307
    assert await anybody(public_path.replace("public_attachment", "profile_picture")) == 404
    assert await anybody(public_path, other.ada.host) == 404
    # Neither a type that is none nor the other account's credentials say more than "not found".
    assert await anybody(private_path.replace("attachment", "secrets")) == 401
    assert (await world.oda.get(private_path.replace("attachment", "secrets"))).status == 404
    assert (await other.ada.get(private_path)).status == 404
    assert (await other.ada.get(private_path.replace(world.account.hash, other.account.hash))).status == 404
    assert (await world.oda.get(private_path.replace(".png", ".gif"))).status == 404
    assert (await world.oda.get(private_path + "%00")).status == 404


async def test_a_signed_address_works_for_five_minutes_and_for_one_file(world: World) -> None:
    (file,) = (await upload(world.ada, form(("page.html", "a", b"<script>alert(1)</script>")))).json
    assert file["content_type"] == "text/html"
    location = (await world.ada.get(urlsplit(file["url"]).path)).headers["Location"]
    status, headers, body = await fetch(world.ada, location)
    assert (status, body) == (200, b"<script>alert(1)</script>")
    assert headers["Content-Disposition"].startswith("attachment; ")
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Content-Type"] == "text/html"
    token = location.split("/files/")[1].split("/")[0]
    for wrong in (token[:-2] + "AA", token.split(".")[0], "x", ""):
        assert (await fetch(world.ada, location.replace(token, wrong)))[0] == 404
    for age, wanted in ((290, 200), (301, 404)):
        with clock.turned(by=datetime.timedelta(seconds=-age)):
            async with reading(world.database, world.account, SYSTEM) as work:
                found = (await files.find(work, [file["url"]]))[file["url"]]
                location = files.link(work, found)
        assert (await fetch(world.ada, location))[0] == wanted


async def test_parts_of_a_file(world: World) -> None:
    data = bytes(range(256)) * 10
    (file,) = (await upload(world.ada, form(("a.bin", "a", data)))).json
    location = (await world.ada.get(urlsplit(file["url"]).path)).headers["Location"]
    for wanted, start, stop in (
        ("bytes=0-9", 0, 10),
        ("bytes=2550-", 2550, 2560),
        ("bytes=-3", 2557, 2560),
        ("bytes=2000-9999", 2000, 2560),
    ):
        status, headers, body = await fetch(world.ada, location, Range=wanted)
        assert (status, body) == (206, data[start:stop])
        assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/2560"
    for wanted in ("bytes=2560-", "bytes=-0", "bytes=9-3"):
        status, headers, _ = await fetch(world.ada, location, Range=wanted)
        assert (status, headers["Content-Range"]) == (416, "bytes */2560")
    assert (await fetch(world.ada, location, Range="lines=1-2"))[0] == 200


async def test_small_versions_of_pictures(world: World) -> None:
    (file,) = (await upload(world.ada, form(("big.png", "b", png(400, 200))))).json
    path = urlsplit(file["url"]).path
    location = (await world.ada.get(path, format="100x100")).headers["Location"]
    status, headers, body = await fetch(world.ada, location)
    assert status == 200
    with Image.open(io.BytesIO(body)) as small:
        assert small.size == (100, 50)
    assert headers["Content-Type"] in ("image/png", "image/jpeg")
    for wrong in ("100", "0x5", "9999x9999", "axb", "100x100x100"):
        assert (await world.ada.get(path, format=wrong)).status == 400
    (text,) = (await upload(world.ada, form(("a.txt", "b", b"no picture")))).json
    location = (await world.ada.get(urlsplit(text["url"]).path, format="9x9")).headers["Location"]
    assert (await fetch(world.ada, location))[2] == b"no picture"


async def test_files_that_nothing_uses_go_after_thirty_days(world: World) -> None:
    async def one(name: str, **query: Any) -> str:
        return str(
            (await upload(world.ada, form((name, "x", b"bytes of " + name.encode())), **query)).json[0]["url"]
        )

    used, unused = await one("used.txt"), await one("unused.txt")
    public = await one("public.txt", type="public_attachment")
    async with writing(world.database, world.account, SYSTEM) as work:
        await files.reference(
            work,
            [used.replace("localhost", "example.org"), "https://elsewhere.example/x.png", "http://[", ""],
        )
        found = await files.find(work, [used, unused, "https://elsewhere.example/x.png"])
        assert {url: file.name for url, file in found.items()} == {used: "used.txt", unused: "unused.txt"}

    later = clock.now() + datetime.timedelta(days=31)
    before = stored_bytes(world.database.files)
    async with world.database.pool.acquire() as db, db.transaction():
        # Of all accounts, so of those of other tests, too.
        while await files.remove_unused(db, world.database.files, later - datetime.timedelta(days=2)):
            pass
    assert (await world.ada.get(urlsplit(unused).path)).status == 307
    async with world.database.pool.acquire() as db, db.transaction():
        while await files.remove_unused(db, world.database.files, later, batch=1):
            pass
    assert (await world.ada.get(urlsplit(unused).path)).status == 404
    for url in (used, public):
        assert (await world.ada.get(urlsplit(url).path)).status == 307
    assert len(before - stored_bytes(world.database.files)) >= 1


async def test_two_uploads_at_once_do_not_mix(world: World) -> None:
    bodies = [form((f"{n}.txt", "x", bytes([65 + n]) * 300_000)) for n in range(4)]
    answers = await asyncio.gather(*(upload(world.leo, body) for body in bodies))
    for n, answer in enumerate(answers):
        location = (await world.leo.get(urlsplit(answer.json[0]["url"]).path)).headers["Location"]
        assert (await fetch(world.leo, location))[2] == bytes([65 + n]) * 300_000
