"""A provider that answers whatever a test wants, and keeps what it was asked."""

import asyncio
from typing import Any

from aiohttp import web


class Rogue:
    """`published`, `given`, `keys` and `told` are its document, its answer at the token endpoint, its keys, and what it
    tells of people: objects are sent as JSON, bytes as
    they are; a number is a status. At the path `slow` it answers only when all is `over`."""

    def __init__(self) -> None:
        self.url = ""
        self.published: Any = None
        self.given: Any = None
        self.status = 200
        self.keys: Any = None
        self.told: Any = None
        self.asked: list[dict[str, str]] = []
        self.slow = ""
        self.over = asyncio.Event()

    def document(self, **changed: Any) -> dict[str, Any]:
        """An honest one."""
        return {
            "issuer": self.url,
            "authorization_endpoint": self.url + "/authorize",
            "token_endpoint": self.url + "/token",
            "jwks_uri": self.url + "/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        } | changed

    async def answer(self, request: web.Request) -> web.Response:
        if request.path.endswith("/token"):
            self.asked.append({name: str(value) for name, value in (await request.post()).items()})
        if request.path == self.slow:
            await self.over.wait()
        if request.path.endswith("/token"):
            return _said(self.given, self.status)
        if request.path.endswith("/keys"):
            return _said(self.keys, 200)
        if request.path == "/userinfo":
            return _said(self.told, 200)
        return _said(self.document() if self.published is None else self.published, 200)


def _said(what: Any, status: int) -> web.Response:
    if isinstance(what, bytes):
        return web.Response(body=what, status=status)
    if isinstance(what, int):
        return web.Response(status=what, headers={"Location": "http://169.254.169.254/"})
    return web.json_response(what, status=status)
