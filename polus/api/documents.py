"""What the API says of itself, at `/openapi.json` for programs and at `/docs` for people; written when first asked for."""

import asyncio
import functools
import gzip
import hashlib
from typing import NamedTuple

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from polus.api import openapi, pages
from polus.api.operation import Operation

PREFIX = "/docs"
DOCUMENT = "/openapi.json"
# Nothing but our own style and script, nothing around the page, nothing sent.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
FOREVER = "public, max-age=31536000, immutable"


class Asset(NamedTuple):
    """Bytes as they are and packed, their type, and how long a browser may keep them."""

    plain: bytes
    packed: bytes
    kind: str
    kept: str


def _asset(plain: bytes, kind: str, kept: str = "no-cache") -> Asset:
    return Asset(plain, gzip.compress(plain, 6, mtime=0), kind, kept)


class Documents:
    """The ASGI application behind `/openapi.json` and `/docs`."""

    def __init__(self, operations: list[Operation], base_url: str = "") -> None:
        self._operations = operations
        self._base_url = base_url

    def owns(self, path: str) -> bool:
        """Whether a path is one of its own."""
        return path in (DOCUMENT, PREFIX) or path.startswith(PREFIX + "/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD."""
        # The first one takes a second to write.
        response = await asyncio.to_thread(self._answer, scope)
        await response(scope, receive, send)

    def _answer(self, scope: Scope) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return Response(status_code=405, headers={"Allow": "GET, HEAD"})
        asset = self._found(scope["path"].rstrip("/"))
        if asset is None:
            return Response("Not found.\n", 404, media_type="text/plain")
        headers = {
            "Content-Type": asset.kind,
            "Cache-Control": asset.kept,
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept-Encoding",
        }
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"})
        return Response(asset.plain, headers=headers)

    def _found(self, path: str) -> Asset | None:
        if path == DOCUMENT:
            return self._document
        if path == PREFIX:
            return self._page
        return next((asset for name, asset in _statics().values() if name == path), None)

    @functools.cached_property
    def _document(self) -> Asset:
        return _asset(
            msgspec.json.encode(openapi.document(self._operations, self._base_url)), "application/json"
        )

    @functools.cached_property
    def _page(self) -> Asset:
        style, script = _statics()["docs.css"][0], _statics()["docs.js"][0]
        document = openapi.document(self._operations, self._base_url)
        return _asset(pages.page(document, style=style, script=script).encode(), "text/html; charset=utf-8")


@functools.cache
def _statics() -> dict[str, tuple[str, Asset]]:
    """Style and script, each under an address that changes with its bytes."""
    made = {}
    for name, kind in (
        ("docs.css", "text/css; charset=utf-8"),
        ("docs.js", "text/javascript; charset=utf-8"),
    ):
        plain = (pages.STATIC / name).read_bytes()
        made[name] = (
            f"{PREFIX}/{hashlib.sha256(plain).hexdigest()[:16]}/{name}",
            _asset(plain, kind, FOREVER),
        )
    return made
