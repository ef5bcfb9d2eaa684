"""The helpdesks beside this one that a browser has logged in to, for the switch above the views.

Only the browser knows them, by a cookie for the name that all of them stand below. Asking the database who else knows an
e-mail address would look over the wall between accounts.
"""

import re

from starlette.requests import Request
from starlette.responses import Response

from polus.store.work import Account

COOKIE = "polus_helpdesks"
MOST = 10
SECONDS = 365 * 24 * 3600
# Between them in the cookie; no name holds it.
GAP = "."
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def above(request: Request, account: Account) -> str:
    """The name that the helpdesk's host stands below, with several beside each other; `""` when it stands alone."""
    label, _, rest = (request.url.hostname or "").partition(".")
    return rest if label == account.domain and GAP in rest else ""


def others(request: Request, account: Account) -> list[tuple[str, str]]:
    """Name and address of each; what is in a cookie may come from anybody, so a name that cannot be one is left out."""
    shared = above(request, account)
    if not shared:
        return []
    port = f":{request.url.port}" if request.url.port else ""
    scheme = account.base_url.partition("://")[0]
    return [(name, f"{scheme}://{name}.{shared}{port}/inbox") for name in _known(request, account)]


def keep(request: Request, account: Account, answer: Response, *, logged_in: bool) -> None:
    """Let the browser know this helpdesk as well, or not any more."""
    shared = above(request, account)
    if not shared:
        return
    names = ([account.domain] if logged_in else []) + _known(request, account)
    answer.set_cookie(
        COOKIE,
        GAP.join(names[:MOST]),
        max_age=SECONDS if names else 0,
        domain=shared,
        secure=account.base_url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


def _known(request: Request, account: Account) -> list[str]:
    names = dict.fromkeys(request.cookies.get(COOKIE, "").split(GAP))
    return [name for name in names if NAME.fullmatch(name) and name != account.domain][:MOST]
