"""The bytes of files, for whoever holds a link that is signed and not older than five minutes: `/files/{token}/{name}`.

Outside `/api`: no credentials, no limit, no account. Everything that is served stands in the token.
"""

import re
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from polus.base import pictures
from polus.desk import files
from polus.store.database import Database
from polus.store.files import TooLarge

PREFIX = files.PREFIX
RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
# What people sent is never a page of ours: nothing in it runs, nothing in it is loaded.
POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
# The reader of PDF that browsers bring along does not work in a sandbox. It is the only thing that is shown without one:
# whatever else people sent has an origin of its own, which is not the workspace's.
POLICY_OF_PDF = (
    "default-src 'none'; img-src 'self'; media-src 'self'; object-src 'self'; style-src 'unsafe-inline'"
)
PDF = "application/pdf"
NOT_FOUND = "This link does not work any more."

log = structlog.get_logger(__name__)


class Downloads:
    """The ASGI application behind `/files/`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._signer = files.signer(database)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer GET and HEAD."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except FileNotFoundError:
            response = Response(NOT_FOUND, 404, media_type="text/plain")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return Response("Method not allowed.", 405, {"Allow": "GET, HEAD"}, media_type="text/plain")
        token = request.scope["path"].split(files.PREFIX, 1)[-1].split("/", 1)[0]
        signed = self._signer.read(token)
        if signed is None:
            raise FileNotFoundError
        given = msgspec.json.decode(signed, type=files.Pass)
        if given.size:
            small = await self._thumbnail(given)
            if small is not None:
                return _described(
                    Response(small.data, media_type=small.content_type), given.name, small.content_type
                )
        return await self._bytes(given, request.headers.get("range", ""), request.method == "HEAD")

    async def _thumbnail(self, given: files.Pass) -> pictures.Picture | None:
        """The small version; None when these bytes cannot be drawn, and then they are served as they are."""
        width, height = pictures.wanted_size(given.size)
        try:
            data = await self._database.files.read(given.key, limit=files.FILE_LIMIT)
            return await pictures.thumbnail(data, width, height)
        except (pictures.NotAPicture, TooLarge):
            return None

    async def _bytes(self, given: files.Pass, wanted: str, is_head: bool) -> Response:
        store = self._database.files
        size = await store.size(given.key)
        match = RANGE.fullmatch(wanted)
        start, stop = _span(match, size) if match else (0, size)
        if match and start >= stop:
            return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
        headers = {
            "Content-Type": given.content_type,
            "Content-Length": str(stop - start),
            "Accept-Ranges": "bytes",
        }
        if match:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        status = 206 if match else 200
        if is_head:
            response = Response(status_code=status, headers=headers)
        else:
            reading = await (store.get(given.key, start=start, stop=stop) if match else store.get(given.key))
            response = StreamingResponse(reading.stream, status, headers)
        return _described(response, given.name, given.content_type)


def _span(match: re.Match[str], size: int) -> tuple[int, int]:
    """First byte and the one behind the last; empty when nothing of it is there."""
    first, last = match[1], match[2]
    if not first:
        return (max(0, size - int(last)), size) if last and int(last) else (size, size)
    return int(first), min(size, int(last) + 1) if last else size


def _described(response: Response, name: str, content_type: str) -> Response:
    told = files.disposition(name, content_type)
    response.headers["Content-Disposition"] = told
    is_pdf = content_type.partition(";")[0].strip().lower() == PDF
    response.headers["Content-Security-Policy"] = POLICY_OF_PDF if is_pdf else POLICY
    response.headers["Cache-Control"] = "private, max-age=" + str(files.SECONDS)
    return response
