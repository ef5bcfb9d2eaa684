"""The rows of the pages' route tables: which address leads to which page, by which method, for whom.

`site.py` makes the routes of them. Each module of `pages/` lists its own as `ROUTES`.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.responses import Response

from polus.web.visits import Visit

Page = Callable[[Visit], Awaitable[Response]]

ANYBODY = ""
READER = "observer-agent"


class At(NamedTuple):
    """An address and its page; `role` is the least that somebody logged in must have, ANYBODY needs no login."""

    path: str
    page: Page
    method: str
    role: str


def get(path: str, page: Page, role: str = READER) -> At:
    """A page to look at: for everybody who is logged in, unless it says another role."""
    return At(path, page, "GET", role)


def post(path: str, page: Page, role: str = READER) -> At:
    """Where a form goes. Behind the login its token was checked before the page is called."""
    return At(path, page, "POST", role)
