"""The page at /docs: everything of the OpenAPI document is on it, its links lead somewhere, nothing is fetched."""

import base64
import hashlib
import re
from html.parser import HTMLParser

from polus.api import documentation, openapi
from polus.api.table import OPERATIONS

VOID = {"meta", "br", "!doctype"}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert tag not in ("script", "link", "img", "iframe")
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if given.get("href"):
            self.links.append(str(given["href"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_all_operations_and_objects_are_told() -> None:
    document = openapi.document(OPERATIONS, "https://shop.example")
    page = Page(documentation.page(document).decode())
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    for operation in OPERATIONS:
        assert operation.id in page.ids
        assert operation.path in page.words
    for name in document["components"]["schemas"]:
        assert "object-" + name in page.ids
    inside = {link[1:] for link in page.links if link.startswith("#")}
    assert inside <= set(page.ids)
    assert set(page.links) - {"#" + one for one in inside} == {"openapi.json"}


def test_its_only_style_is_its_own() -> None:
    text = documentation.page(openapi.document(OPERATIONS)).decode()
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in documentation.POLICY
    assert "style=" not in text


def test_what_a_document_says_stays_text() -> None:
    evil = "<script>alert(1)</script> `<b>` **<i>**"
    document = {
        "info": {"title": evil, "version": "1", "description": evil},
        "tags": [{"name": "T", "description": evil}],
        "paths": {
            "/x": {
                "get": {
                    "operationId": "x", "tags": ["T"], "summary": evil, "description": evil,
                    "parameters": [{"name": "n", "in": "query", "schema": {"enum": [evil]}, "description": evil}],
                    "responses": {"200": {"description": evil}},
                }
            }
        },
        "components": {"schemas": {}, "responses": {}},
    }  # fmt: skip
    Page(documentation.page(document).decode())
