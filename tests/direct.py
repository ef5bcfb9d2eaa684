"""Calls the application itself, without a server: for what depends on the process the application is in."""

import json
from typing import Any


class Reply:
    """What the application sent; header names as they are usually written."""

    def __init__(self, sent: list[Any]) -> None:
        self.status: int = sent[0]["status"]
        self.headers = {key.decode().title(): value.decode() for key, value in sent[0]["headers"]}
        self.body: bytes = sent[1]["body"]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(
    application: Any, headers: dict[str, str], method: str, path: str, query: str = "", body: bytes = b""
) -> Reply:
    """One request and its answer."""
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return Reply(sent)
