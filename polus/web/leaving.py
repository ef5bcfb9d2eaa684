"""To another site and on: where a form of ours leads to a page of somebody else.

Browsers hold our policy (`form-action 'self'`) against every step after a form is sent. So a page of ours comes between.
"""

from urllib.parse import urlsplit

from starlette.responses import Response

from polus.web.visits import Visit, told_to_go


def to(visit: Visit, address: str, name: str) -> Response:
    """Send the browser to an address that a provider of that name published."""
    if visit.partial:
        return told_to_go(address)
    host = urlsplit(address).netloc
    return visit.page("leaving.html", visit.here(), address=address, name=name, host=host)
