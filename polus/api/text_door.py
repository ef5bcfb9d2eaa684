"""Where providers of texts send their webhooks: `POST /hooks/texts/{token}`, and below it what became of one of ours.

Outside `/api`: the signature is the credential.
"""

from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from polus.channels import twilio
from polus.channels.texts import journal, numbers
from polus.channels.texts import providers as given
from polus.store.database import Database

PREFIX = numbers.PREFIX
LONGEST_ABOUT = 64


class TextDoor:
    """The ASGI application behind `/hooks/texts/`. `base_url`: the installation's own address."""

    def __init__(self, database: Database, base_url: str) -> None:
        self._database = database
        self._base_url = base_url

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one webhook: 200 when it is safe."""
        request = Request(scope, receive)
        try:
            if request.method != "POST":
                raise journal.Refused(405)
            body, kind = await self._taken(request)
            answer = Response(body, headers={"Content-Type": kind})
        except journal.Refused as refused:
            answer = Response(status_code=refused.status)
        except ClientDisconnect:
            answer = Response(status_code=400)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        await answer(scope, receive, send)

    async def _taken(self, request: Request) -> tuple[bytes, str]:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > journal.MOST_BYTES:
                raise journal.Refused(413)
        token, _, about = request.scope["path"].removeprefix(PREFIX).partition("/")
        headers = dict(request.headers.items())
        target = (request.scope.get("raw_path") or request.scope["path"].encode()).decode("latin-1")
        query = request.scope["query_string"].decode("latin-1")
        urls = twilio.addresses(self._base_url, headers, target + ("?" + query if query else ""))
        webhook = given.Request(headers=headers, urls=urls, body=bytes(body))
        return await journal.accept(self._database, token, about[:LONGEST_ABOUT], webhook)
