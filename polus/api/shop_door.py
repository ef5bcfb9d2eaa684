"""Where shops send their webhooks: `POST /hooks/shopify/{token}`. Outside `/api`: the signature is the credential."""

from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from polus.channels.shops import journal
from polus.desk.shops import shops
from polus.store.database import Database

PREFIX = shops.PREFIX


class ShopDoor:
    """The ASGI application behind `/hooks/shopify/`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one webhook: 200 when it is safe."""
        request = Request(scope, receive)
        status = 405
        if request.method == "POST":
            status = await self._taken(request)
        await Response(status_code=status, headers={"Cache-Control": "no-store"})(scope, receive, send)

    async def _taken(self, request: Request) -> int:
        token = request.scope["path"].removeprefix(PREFIX)
        body = bytearray()
        try:
            async for part in request.stream():
                body += part
                if len(body) > journal.MOST_BYTES:
                    return 413
            await journal.accept(self._database, token, request.headers, bytes(body))
        except journal.Refused as refused:
            return refused.status
        except ClientDisconnect:
            return 400
        return 200
