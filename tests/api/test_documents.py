"""`/docs` and `/openapi.json`: complete, offline, and nothing on the page that a strict policy forbids."""

import gzip
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from polus.api import pages
from polus.api.documents import Documents
from polus.api.table import OPERATIONS
from tests import direct, proof

DOCUMENTS = Documents(OPERATIONS, "https://help.example")


class Page(HTMLParser):
    """Ids, addresses and scripts of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        self.attributes |= set(given)
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[name] for name in ("href", "src") if name in given]
        if tag not in ("meta", "link", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def get(path: str, method: str = "GET", **headers: str) -> direct.Reply:
    return await direct.ask(DOCUMENTS, headers, method, path)


async def test_the_page_shows_every_operation_and_schema() -> None:
    answer = await get("/docs")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    page = Page(answer.body.decode())
    assert page.open == []
    assert len(set(page.ids)) == len(page.ids)
    schemas = proof.ours()["components"]["schemas"]
    assert {operation.id for operation in OPERATIONS} | {"schema-" + name for name in schemas} <= set(
        page.ids
    )
    lost = {address for address in page.addresses if address.startswith("#") and address[1:] not in page.ids}
    assert lost == set()


async def test_the_page_needs_nobody_and_runs_nothing_of_others() -> None:
    answer = await get("/docs/")
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    html = answer.body.decode()
    page = Page(html)
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert re.findall(r"<(?:script|style)(?![^>]*src=)[^>]*>", html) == []
    outside = {address for address in page.addresses if not address.startswith(("#", "/", "data:,"))}
    assert outside == set()
    for address in {address for address in page.addresses if address.startswith("/docs/")}:
        asset = await get(address)
        assert asset.status == 200
        assert "immutable" in asset.headers["Cache-Control"]
        assert b"http" not in asset.body


async def test_the_document_is_served_packed_or_plain() -> None:
    plain, packed = await get("/openapi.json"), await get("/openapi.json", **{"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == plain.body
    assert plain.json["servers"] == [{"url": "https://help.example"}]
    assert {**plain.json, "servers": 0} == {**proof.ours(), "servers": 0}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("HEAD", "/docs", 200),
        ("POST", "/docs", 405),
        ("DELETE", "/openapi.json", 405),
        ("GET", "/docs/../secret.key", 404),
        ("GET", "/docs/0000000000000000/docs.css", 404),
        ("GET", "/docs/docs.html", 404),
    ],
)
async def test_other_requests(method: str, path: str, status: int) -> None:
    answer = await get(path, method)
    assert answer.status == status
    assert DOCUMENTS.owns(path)
    assert not DOCUMENTS.owns("/docsx")


def test_texts_cannot_bring_markup_along() -> None:
    assert pages.inline("<b> **<i>** `<u>`") == (
        "&lt;b&gt; <strong>&lt;i&gt;</strong> <code>&lt;u&gt;</code>"
    )
    assert "&lt;script&gt;" in pages.kind_of({"enum": ["<script>"]})


def test_calls_can_be_pasted_into_a_shell() -> None:
    body = {"example": {"name": "it's"}}
    assert pages.curl("POST", "/api/tags", "application/json", body, "/") == (
        "curl -u $EMAIL:$KEY -X POST \"https://helpdesk.example/api/tags\" -H 'Content-Type: application/json' \\\n"
        "  -d '{\"name\": \"it'\\''s\"}'"
    )
