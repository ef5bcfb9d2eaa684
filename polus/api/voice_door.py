"""Where the provider of telephone numbers asks what to do: `POST /hooks/voice/{token}/{step}`, answered in TwiML.

Outside `/api`: the signature is the credential.
"""

from typing import Any

import structlog
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from polus.base import errors
from polus.channels import twilio
from polus.channels.voice import flow, numbers
from polus.channels.voice.heard import Heard
from polus.channels.voice.numbers import Number
from polus.desk.accounts import Book
from polus.store import deadlocks
from polus.store.database import Database
from polus.store.work import SYSTEM, writing

PREFIX = numbers.PREFIX
MOST_BYTES = 64 * 1024

log = structlog.get_logger(__name__)


class VoiceDoor:
    """The ASGI application behind `/hooks/voice/`."""

    def __init__(self, database: Database, base_url: str) -> None:
        self._database = database
        self._book = Book(database, base_url)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request; nothing is stored for one that is not signed."""
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ClientDisconnect:
            answer = Response(status_code=400)
        except errors.NotFound:
            answer = Response(status_code=404)
        except Exception:
            log.exception("a call's step failed", step=request.scope["path"].rpartition("/")[2])
            answer = Response(status_code=500)
        answer.headers["Cache-Control"] = "no-store"
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            return Response(status_code=405, headers={"Allow": "POST"})
        token, _, step = request.scope["path"].removeprefix(PREFIX).partition("/")
        # PostgreSQL has no place for that character, so no token has it.
        if "\0" in token:
            return Response(status_code=404)
        async with self._database.pool.acquire() as db:
            number = await numbers.by_token(db, token)
        if number is None:
            return Response(status_code=404)
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                return Response(status_code=413)
        account = await self._book.account(number.account_id)
        if not self._is_signed(number, account.base_url, request, bytes(body)):
            return Response(status_code=403)
        try:
            given = dict(twilio.fields(bytes(body)))
        except ValueError:
            return Response(status_code=400)
        query = QueryParams(request.scope["query_string"])

        async def take() -> str:
            async with writing(self._database, account, SYSTEM) as work:
                answer = await flow.take(Heard(work, number, given, query), step)
                await numbers.heard(work, number)
            return answer

        # A caller who is answered with an error is cut off: what met somebody who changed the same ticket is done again.
        return Response(await deadlocks.outlived(take), media_type=twilio.XML)

    def _is_signed(self, number: Number, base_url: str, request: Request, body: bytes) -> bool:
        try:
            token = number.credentials(self._database.vault).auth_token
        except ValueError:
            log.error("credentials of a number cannot be opened", integration=number.id)
            return False
        target = request.scope["path"]
        if query := request.scope["query_string"].decode("latin-1"):
            target += "?" + query
        headers = dict(request.headers)
        return twilio.is_signed(token, headers, twilio.addresses(base_url, headers, target), body)
