"""What clients may rely on below the operations: paths, methods, headers, sizes, packings, and bytes that are none."""

import asyncio
import gzip
import json
import re
import uuid
import zlib
from typing import Any

import pytest

from polus.api.app import Api
from polus.api.table import OPERATIONS
from polus.store import database as databases
from tests import direct
from tests.world import Client, World

MIB = 1024 * 1024


async def raw(
    client: Client, head: str, body: bytes = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as no client library would; the first answer."""
    host, port = client.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    given = {**client.headers, "Connection": "close", **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = [head, *(f"{name}: {value}" for name, value in given.items() if value)]
    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    top, _, rest = answer.partition(b"\r\n\r\n")
    status, *pairs = top.decode("latin-1").split("\r\n")
    return int(status.split()[1]), {k.lower(): v for k, v in (pair.split(": ", 1) for pair in pairs)}, rest


async def tag(world: World, name: str = "slow") -> Any:
    return (await world.leo.post("/api/tags", {"name": name})).json


@pytest.mark.parametrize("form", ["/api/tags{}", "/api/tags{}/", "//api//tags{}", "/api///tags/{}//"])
async def test_slashes_do_not_matter_and_nothing_redirects(world: World, form: str) -> None:
    made = await world.leo.post(form.format("").replace("tags/", "tags"), {"name": "x"})
    assert made.status == 201
    one = form.format(f"/{made.json['id']}")
    assert (await world.leo.get(one)).json == made.json
    assert (await world.leo.put(one, {"name": "y"})).status == 202
    assert (await world.leo.delete(one)).status == 204


@pytest.mark.parametrize(
    "path",
    ["/api/Tags", "/api", "/api/", "/api/tags/1/x", "/api/tickets/search", "/api/ta%67s/%2e"],
)
async def test_paths_that_are_none(world: World, path: str) -> None:
    status, _, body = await raw(world.ada, f"GET {path} HTTP/1.1")
    assert (status, json.loads(body)["error"]["msg"]) == (404, "Resource not found.")


@pytest.mark.parametrize(
    "written",
    ["0", "-1", "+1", "01x", "1.0", "1e3", "%201", "９", "9223372036854775808", "9" * 400, "%00", "1%00"],
)
async def test_ids_that_are_none(world: World, written: str) -> None:
    for path in ("/api/tags/", "/api/tickets/", "/api/customers/", "/api/events/"):
        assert (await world.ada.send("GET", path + written)).status == 404, path
    assert (await world.ada.send("GET", "/api/tickets/1/messages/" + written)).status == 404


async def test_users_say_so_when_an_id_is_none(world: World) -> None:
    answer = await world.ada.get("/api/users/me")
    assert (answer.status, answer.json["error"]["msg"]) == (400, "pk is not a valid integer.")


async def test_head_is_get_without_the_body(world: World) -> None:
    await tag(world)
    plain = {"Accept-Encoding": "identity"}
    got = await world.leo.send("GET", "/api/tags", headers=plain)
    head = await world.leo.send("HEAD", "/api/tags", headers=plain)
    assert (head.status, head.raw) == (200, b"")
    assert head.headers["Content-Length"] == str(len(got.raw))
    assert head.headers["Content-Type"] == "application/json"
    assert (await world.leo.send("HEAD", "/api/tags/999999")).status == 404
    assert (await world.leo.send("HEAD", "/api/tags/merge")).status == 404


async def test_options_names_the_methods(world: World) -> None:
    answer = await world.leo.send("OPTIONS", "/api/tags")
    assert (answer.status, answer.raw) == (204, b"")
    assert answer.headers["Allow"] == "DELETE, GET, POST, HEAD, OPTIONS"
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert (await world.leo.send("OPTIONS", "/api/nothing")).status == 404


@pytest.mark.parametrize(
    "method, path, allowed",
    [
        ("PATCH", "/api/tags/1", "DELETE, GET, PUT, HEAD, OPTIONS"),
        ("POST", "/api/tags/1", "DELETE, GET, PUT, HEAD, OPTIONS"),
        ("DELETE", "/api/users", "GET, POST, HEAD, OPTIONS"),
        ("DELETE", "/api/custom-fields/1", "GET, PUT, HEAD, OPTIONS"),
        ("HEAD", "/api/upload", "POST, OPTIONS"),
        ("GET", "/api/search", "POST, OPTIONS"),
        ("BREW", "/api/tags", "DELETE, GET, POST, HEAD, OPTIONS"),
    ],
)
async def test_other_methods_are_not_allowed(world: World, method: str, path: str, allowed: str) -> None:
    if method == "BREW":
        status, headers, _ = await raw(world.leo, "BREW /api/tags HTTP/1.1")
        # The parser of HTTP knows no such word at all.
        assert status == 400 or headers["allow"] == allowed
        return
    answer = await world.leo.send(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    if method != "HEAD":
        assert answer.json == {"error": {"msg": "The specified HTTP method is not allowed."}}


async def test_each_answer_names_its_request_and_is_not_kept(world: World) -> None:
    first, second = await world.leo.get("/api/tags"), await world.leo.get("/api/nothing")
    ids = {uuid.UUID(answer.headers["X-Request-Id"]) for answer in (first, second)}
    assert len(ids) == 2
    for answer in (first, second):
        assert answer.headers["Cache-Control"] == "no-store"
        assert re.fullmatch(r"polus-\d+\.\d+\.\d+.*", answer.headers["X-Gorgias-Release"])
        assert "ETag" not in answer.headers


async def test_empty_answers_say_that_they_are(world: World) -> None:
    made = await tag(world)
    status, headers, body = await raw(world.leo, f"DELETE /api/tags/{made['id']} HTTP/1.1")
    assert (status, headers["content-length"], body) == (204, "0", b"")
    assert "content-type" not in headers


async def test_long_answers_are_packed_for_who_takes_it(world: World) -> None:
    for number in range(12):
        await tag(world, f"tag number {number}")
    for accepted, packed in (
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("deflate, gzip; q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("identity", False),
        ("x-gzip-like", False),
    ):
        status, headers, body = await raw(world.leo, "GET /api/tags HTTP/1.1", Accept_Encoding=accepted)
        assert status == 200
        assert (headers.get("content-encoding") == "gzip") == packed, accepted
        data = gzip.decompress(body) if packed else body
        assert len(json.loads(data)["data"]) >= 12
        assert int(headers["content-length"]) == len(body)
    _, headers, _ = await raw(world.leo, "GET /api/nothing HTTP/1.1", Accept_Encoding="gzip")
    assert "content-encoding" not in headers


async def test_packed_bodies_are_unpacked(world: World) -> None:
    body = json.dumps({"name": "packed"}).encode()
    answer = await world.leo.send(
        "POST", "/api/tags", gzip.compress(body), headers={"Content-Encoding": "gzip"}
    )
    assert (answer.status, answer.json["name"]) == (201, "packed")
    for broken in (b"not gzip", gzip.compress(body)[:-4], gzip.compress(body) + b"x", zlib.compress(body)):
        answer = await world.leo.send("POST", "/api/tags", broken, headers={"Content-Encoding": "gzip"})
        assert (answer.status, answer.json["error"]["msg"]) == (400, "The request body is not valid gzip.")
    answer = await world.leo.send("POST", "/api/tags", body, headers={"Content-Encoding": "br"})
    assert answer.status == 415
    empty = await world.leo.send("POST", "/api/tags", b"", headers={"Content-Encoding": "gzip"})
    assert empty.json["error"]["data"] == {"name": ["Missing data for required field."]}


async def test_bodies_that_are_too_large(world: World) -> None:
    limit = {"error": {"msg": "The request is too large.", "data": {"limit": 32 * MIB}}}
    # Told by the length alone, before a byte of it.
    status, _, body = await raw(
        world.leo, "POST /api/tags HTTP/1.1", Content_Length=str(33 * MIB), Content_Type="application/json"
    )
    assert (status, json.loads(body)) == (413, limit)
    packed = gzip.compress(b'{"name": "' + b"x" * (40 * MIB) + b'"}', 1)
    assert len(packed) < MIB
    answer = await world.leo.send("POST", "/api/tags", packed, headers={"Content-Encoding": "gzip"})
    assert (answer.status, answer.json) == (413, limit)

    async def endless() -> Any:
        for _ in range(34):
            yield b" " * MIB

    headers = {**world.leo.headers, "Content-Type": "application/json"}
    async with world.leo.http.post(world.leo.url + "/api/tags", data=endless(), headers=headers) as streamed:
        assert (streamed.status, await streamed.json()) == (413, limit)
    huge_number = str(10**30)
    status, _, _ = await raw(world.leo, "POST /api/tags HTTP/1.1", Content_Length=huge_number)
    assert status in (400, 413)


@pytest.mark.parametrize(
    "kind, status",
    [
        ("application/json", 201),
        ("APPLICATION/JSON; charset=UTF-8", 201),
        ("application/vnd.api+json", 201),
        ("", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/xml", 415),
    ],
)
async def test_content_types(world: World, kind: str, status: int) -> None:
    body = b'{"name": "typed"}'
    got, _, answer = await raw(
        world.leo, "POST /api/tags HTTP/1.1", body, Content_Type=kind, Content_Length=str(len(body))
    )
    assert got == status
    if status == 415:
        assert json.loads(answer) == {"error": {"msg": "Unsupported media type."}}


async def test_reads_and_deletions_may_carry_what_they_like(world: World) -> None:
    made = await tag(world)
    typed = {"Content-Type": "application/json", "Accept": "text/csv"}
    assert (await world.leo.send("GET", "/api/tags", headers=typed)).status == 200
    assert (await world.leo.send("GET", "/api/tags", b"{}", headers=typed)).status == 200
    assert (await world.leo.send("DELETE", f"/api/tags/{made['id']}", b"{}", headers=typed)).status == 204


NOT_JSON = "The request body is not valid JSON."


@pytest.mark.parametrize(
    "body, msg, data",
    [
        (b"{", NOT_JSON, None),
        (b"{'name': 1}", NOT_JSON, None),
        (b'{"name": "x"} {}', NOT_JSON, None),
        (b'{"name": NaN}', NOT_JSON, None),
        (b'{"name": "\xff"}', NOT_JSON, None),
        (b'{"name": "\xed\xa0\x80"}', NOT_JSON, None),
        (b'\xef\xbb\xbf{"name": "bom"}', NOT_JSON, None),
        ('{"name": "x"}'.encode("utf-16"), NOT_JSON, None),
        (b"\x00", NOT_JSON, None),
        (b"[" * 100_000, NOT_JSON, None),
        (b"[" * 5_000 + b"]" * 5_000, None, None),
        (b'{"name": "a\\u0000b"}', "Failed to create tag", {"name": ["Not a valid string."]}),
        (b'{"na\\u0000me": "b"}', "Failed to create tag", None),
        (b'{"name": "\\ud800"}', None, None),
        (b"[]", "Failed to create tag", {"body": ["Invalid type."]}),
        (b"null", "Failed to create tag", None),
        (b'"text"', "Failed to create tag", None),
        (b"12", "Failed to create tag", None),
        (b"", "Failed to create tag", {"name": ["Missing data for required field."]}),
        (b'{"name": 1e999}', None, None),
        (b'{"name": ' + b"9" * 5000 + b"}", None, None),
    ],
)
async def test_bodies_that_are_none(world: World, body: bytes, msg: str | None, data: Any) -> None:
    answer = await world.leo.send("POST", "/api/tags", body)
    assert answer.status == 400
    assert msg is None or answer.json["error"]["msg"] == msg
    assert data is None or answer.json["error"]["data"] == data
    assert await world.events() == []


@pytest.mark.parametrize(
    "value", ["1e99", "9" * 400, "-" + "9" * 30, "1.5", "true", '"x"', "null", "[]", "{}", '" 5"']
)
async def test_numbers_that_are_none(world: World, value: str) -> None:
    made = await tag(world)
    body = b'{"ids": [' + value.encode() + b"]}"
    answer = await world.leo.send("DELETE", "/api/tags", body)
    assert answer.status == 400
    assert list(answer.json["error"]["data"]["ids"]) == ["0"]
    assert (await world.leo.get(f"/api/tags/{made['id']}")).status == 200


@pytest.mark.parametrize(
    "query, wrong",
    [
        ("limit=%00", "limit"),
        ("limit=" + "9" * 400, "limit"),
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("limit=", "limit"),
        ("order_by=id%3Aasc", "order_by"),
        ("order_by=%ff%fe", "order_by"),
        ("search=%00", "search"),
        ("cursor=%00", "cursor"),
        ("cursor=bm8=", "cursor"),
        ("status=open", "status"),
        ("page=1", "page"),
        ("limit[gte]=1", "limit[gte]"),
        ("a=b&" * 50, "a"),
    ],
)
async def test_query_parameters_that_are_none(world: World, query: str, wrong: str) -> None:
    answer = await world.leo.send("GET", "/api/tags?" + query)
    assert answer.status == 400
    assert wrong in answer.json["error"]["data"]


async def test_more_query_than_anybody_needs(world: World) -> None:
    status, _, _ = await raw(world.leo, "GET /api/tags?" + "search=a&" * 2000 + " HTTP/1.1")
    assert status in (400, 414)
    status, _, _ = await raw(world.leo, "GET /api/tags?search=" + "a" * 30_000 + " HTTP/1.1")
    assert status in (200, 400, 414)


@pytest.mark.parametrize(
    "query",
    ["order_by=name:asc", "order_by=name%3Aasc", "order_by=name:desc&order_by=name:asc", "limit=5&limit=2"],
)
async def test_the_last_of_repeated_values_counts(world: World, query: str) -> None:
    for name in ("b", "a"):
        await tag(world, name)
    answer = await world.leo.send("GET", "/api/tags?" + query)
    names = [item["name"] for item in answer.json["data"]]
    assert len(names) == 2 if "limit" in query else names == sorted(names)


async def test_brackets_and_booleans_in_every_form(world: World) -> None:
    await tag(world)
    for query in (
        "created_datetime[gte]=2020-01-01",
        "created_datetime%5Bgte%5D=2020-01-01T00:00:00Z",
        "types[]=tag-created",
        "types%5B%5D=tag-created&types%5B%5D=tag-deleted",
        "types=tag-created,tag-deleted",
        "created_datetime[gte]=2020-01-01&created_datetime[lt]=2999-01-01 00:00:00%2B02:00".replace(
            " ", "%20"
        ),
    ):
        answer = await world.leo.send("GET", "/api/events?" + query)
        assert (answer.status, len(answer.json["data"])) == (200, 1), query
    for mixed in (
        "created_datetime=x&created_datetime[gte]=2020-01-01",
        "created_datetime[gte]=2020-01-01&created_datetime=x",
    ):
        assert (await world.leo.send("GET", "/api/events?" + mixed)).status == 400
    for yes in ("true", "True", "1", "TRUE"):
        assert (
            await world.leo.send("GET", "/api/custom-fields?object_type=Ticket&archived=" + yes)
        ).status == 200
    assert (await world.leo.send("GET", "/api/custom-fields?object_type=Ticket&archived=maybe")).status == 400


async def test_the_path_s_id_may_stand_in_the_query_of_a_read_again(world: World) -> None:
    made = await tag(world)
    assert (await world.leo.get(f"/api/tags/{made['id']}/", id=made["id"])).json == made
    assert (await world.leo.send("PUT", f"/api/tags/{made['id']}/?id=1", {"name": "x"})).status == 400


async def test_the_address_of_a_list_is_told_as_it_was_sent(world: World) -> None:
    for sent, told in (
        ("/api/tags", "/api/tags?"),
        ("/api//tags/?", "/api/tags?"),
        ("/api/tags?limit=30", "/api/tags?limit=30"),
        ("/api/tags?search=a%20b&order_by=name:asc", "/api/tags?search=a+b&order_by=name%3Aasc"),
    ):
        assert (await world.leo.send("GET", sent)).json["uri"] == told


async def test_an_unknown_host_is_told_in_html(world: World, other: World) -> None:
    for host in (
        "nobody.localhost",
        "nobody.example.org:8000",
        "shop1",
        "\u00e9.example".encode("idna").decode(),
    ):
        for method in ("GET", "POST", "OPTIONS"):
            answer = await world.ada.send(method, "/api/tags", headers={"Host": host})
            assert answer.status == 404
            assert answer.headers["Content-Type"].startswith("text/html")
            assert b"<h1>" in answer.raw


async def test_hosts_that_are_none(world: World) -> None:
    for host in ("", "[::1]", "a" * 5000, "x\x00y"):
        status, _, _ = await raw(world.ada, "GET /api/tags HTTP/1.1", Host=host)
        assert status in (400, 401, 404)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic Og==",
        "Basic YQ==",
        "Bearer abc",
        "Digest x",
        "Basic " + "QQ==" * 2000,
        "\u00ff",
    ],
)
async def test_credentials_that_are_none(world: World, given: str) -> None:
    status, headers, body = await raw(world.ada, "GET /api/tags HTTP/1.1", Authorization=given)
    assert (status, json.loads(body)) == (401, {"error": {"msg": "Unauthorized."}})
    assert headers["www-authenticate"] == 'Basic realm="Polus API"'


async def test_a_key_belongs_to_its_owner_s_address(world: World) -> None:
    upper = Client(world.ada.http, world.ada.url, world.ada.host, world.ada.email.upper(), world.ada.key, 0)
    assert (await upper.get("/api/users/0")).json["email"] == world.ada.email
    mixed = Client(world.ada.http, world.ada.url, world.ada.host, world.leo.email, world.ada.key, 0)
    assert (await mixed.get("/api/users/0")).status == 401


async def test_a_sender_that_goes_away_changes_nothing(world: World) -> None:
    host, port = world.leo.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    lines = [
        "POST /api/tags HTTP/1.1",
        *(f"{k}: {v}" for k, v in world.leo.headers.items()),
        "Content-Length: 100",
    ]
    writer.write("\r\n".join(lines).encode() + b'\r\n\r\n{"name": "half"')
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    names = [item["name"] for item in (await world.leo.get("/api/tags")).json["data"]]
    assert "half" not in names
    assert await world.events() == []


async def test_several_requests_on_one_connection_keep_their_order(world: World) -> None:
    made = await tag(world)
    host, port = world.leo.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = "".join(f"{k}: {v}\r\n" for k, v in world.leo.headers.items())
    one = f"GET /api/tags/{made['id']} HTTP/1.1\r\n{head}\r\n"
    last = f"GET /api/nothing HTTP/1.1\r\n{head}Connection: close\r\n\r\n"
    writer.write((one * 5 + last).encode())
    answers = (await reader.read()).split(b"HTTP/1.1 ")[1:]
    writer.close()
    await writer.wait_closed()
    assert [int(answer[:3]) for answer in answers] == [200] * 5 + [404]


async def test_a_database_that_is_away_is_told_as_such(world: World, database_url: str) -> None:
    async with databases.opened(database_url) as gone:
        application = Api(gone, OPERATIONS)
        headers = world.oda.headers
        assert (await direct.ask(application, headers, "GET", "/api/tags")).status == 200
    answer = await direct.ask(application, headers, "GET", "/api/tags")
    assert (answer.status, answer.json) == (503, {"error": {"msg": "An external service had an issue."}})
