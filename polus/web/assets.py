"""The workspace's own files (styles, scripts, icons), held in memory and served for a year.

Their address carries one digest over all of them, so modules and styles may name each other by relative paths.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

ROOT = Path(__file__).parent / "static"
PREFIX = "/static"
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
}
FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    plain: bytes
    packed: bytes
    kind: str


@cache
def files() -> dict[str, Asset]:
    found = (path for path in sorted(ROOT.rglob("*")) if path.suffix in KINDS)
    return {path.relative_to(ROOT).as_posix(): read(path) for path in found}


def read(path: Path) -> Asset:
    plain = path.read_bytes()
    return Asset(plain, gzip.compress(plain, 9, mtime=0), KINDS[path.suffix])


@cache
def digest() -> str:
    whole = hashlib.sha256()
    for name, asset in files().items():
        whole.update(name.encode() + b"\0" + asset.plain)
    return whole.hexdigest()[:16]


def url(name: str) -> str:
    """Address of a file of `static/`; KeyError when there is no such file, so that a typing error shows in tests."""
    if name not in files():
        raise KeyError(name)
    return f"{PREFIX}/{digest()}/{name}"


async def serve(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI application under `/static`. An old digest answers 404: the page that named it is stale."""
    await answer(scope)(scope, receive, send)


def answer(scope: Scope) -> Response:
    named, _, name = scope["path"].removeprefix(f"{PREFIX}/").partition("/")
    asset = files().get(name) if named == digest() else None
    if asset is None:
        return Response("Not found", 404, media_type="text/plain")
    if scope["method"] not in ("GET", "HEAD"):
        return Response(status_code=405, headers={"allow": "GET, HEAD"})
    headers = {"cache-control": FOREVER, "vary": "accept-encoding", "x-content-type-options": "nosniff"}
    if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
        return Response(asset.packed, headers=headers | {"content-encoding": "gzip"}, media_type=asset.kind)
    return Response(asset.plain, headers=headers, media_type=asset.kind)
