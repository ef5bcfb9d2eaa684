"""The lane of macros' calls to the outside: each is claimed, made in no transaction, and written down; then the next.

See `desk.macros.outside` for what comes before and after.
"""

import json
from typing import Any
from urllib.parse import urlencode

import structlog

from polus.channels import outgoing
from polus.channels.outgoing import Call
from polus.desk.accounts import Book
from polus.desk.actions import Outcome
from polus.desk.macros import outside
from polus.desk.macros.outside import Errand
from polus.store.database import Database
from polus.store.presence import Presence
from polus.store.queue import Key, Lane
from polus.store.work import SYSTEM, Account, Work, writing

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
MOST_BODY = 2048  # bytes of an answer that are kept

log = structlog.get_logger(__name__)


class Outside:
    """Calls of all accounts."""

    def __init__(self, database: Database, book: Book, presence: Presence) -> None:
        self._database, self._book, self._presence = database, book, presence

    def lane(self, width: int = 4) -> Lane:
        """For `store.queue`."""
        return Lane("outside_actions", self.look, self.run, width)

    async def look(self, db: Any, most: int) -> list[Key]:
        """Applications that can go on."""
        return await outside.due(db, most)

    async def run(self, key: Key) -> bool:
        """One call of one application, or what comes after the last."""
        # Who cannot be seen to live must not claim: others would take the call for lost.
        if not self._presence.here.is_set():
            return False
        account = await self._book.account(key[0])
        async with (
            self._presence.claiming(outside.LET_GO, *key),
            writing(self._database, account, SYSTEM) as work,
        ):
            taken = await outside.take(work, key[1], self._presence.number)
        if isinstance(taken, bool):
            return taken
        outcome, response = await self._call(taken)
        await self._write_down(account, key[1], taken, outcome, response)
        return True

    async def _call(self, errand: Errand) -> tuple[Outcome, dict[str, Any] | None]:
        try:
            answer = await outgoing.send(request(errand.arguments), self._database.allowed, most=MOST_BODY)
        except (outgoing.Failed, ValueError) as failed:
            return Outcome("error", str(failed)), None
        response = {
            "status_code": answer.status,
            "body": answer.body.decode(errors="replace").replace("\0", ""),
        }
        if answer.good:
            return Outcome("success"), response
        return Outcome("error", f"answered {answer.status}"), response

    async def _write_down(
        self, account: Account, id_: int, errand: Errand, outcome: Outcome, response: dict[str, Any] | None
    ) -> None:
        async def settle(work: Work) -> None:
            await outside.settle(work, id_, self._presence.number, errand.place, outcome, response)

        await self._presence.write_down(account, settle, outside=id_)


def request(arguments: dict[str, Any]) -> Call:
    """The call that filled arguments ask for. Raises ValueError with what is wrong."""
    url, method = arguments.get("url"), str(arguments.get("method") or "GET").upper()
    if not isinstance(url, str) or not url.strip():
        raise ValueError("url: missing")
    if method not in METHODS:
        raise ValueError("method: not one of " + ", ".join(METHODS))
    headers = _texts(arguments.get("headers"))
    params = _texts(arguments.get("params"))
    form = arguments.get("json", arguments.get("form"))
    kind = str(arguments.get("content_type") or (JSON if "json" in arguments else FORM))
    if method in ("GET", "HEAD"):
        return Call(method=method, url=url.strip(), headers=headers, params=params | _texts(form))
    body = _body(form, kind)
    if body is not None:
        headers.setdefault("Content-Type", kind)
    return Call(method=method, url=url.strip(), headers=headers, params=params, body=body)


def _texts(given: Any) -> dict[str, str]:
    if not isinstance(given, dict):
        return {}
    return {str(key): _text(value) for key, value in given.items() if value is not None}


def _text(value: Any) -> str:
    if isinstance(value, bool | dict | list):
        return json.dumps(value)
    return str(value)


def _body(form: Any, kind: str) -> bytes | None:
    if form is None:
        return None
    if isinstance(form, str):
        return form.encode()
    if JSON in kind or not isinstance(form, dict):
        return json.dumps(form).encode()
    return urlencode(_texts(form)).encode()
