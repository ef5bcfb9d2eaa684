"""A message's HTML in its own document, and long texts as they are."""

import msgspec
from starlette.responses import PlainTextResponse, Response

from polus.base import html as cleaner
from polus.desk.tickets import messages
from polus.web import frames
from polus.web.render import Wire
from polus.web.visits import Visit


async def _message(visit: Visit) -> Wire:
    params = visit.request.path_params
    async with visit.reading() as work:
        found: Wire = msgspec.json.decode(await messages.get(work, params["ticket"], params["message"]))
    return found


async def html(visit: Visit) -> Response:
    """For the frame of a message; `?images=1` with pictures from outside, `?full=1` with what the sender quoted."""
    message = await _message(visit)
    query = visit.request.query_params
    whole = message["body_html"] or ""
    shown = whole if "full" in query else message["stripped_html"] or whole
    # Sanitised when it was taken in, unless a program brought it: what is shown is sanitised in any case.
    safe = cleaner.sanitise(shown)
    images = "images" in query
    if not images:
        safe, _ = cleaner.block_remote(safe)
    return frames.answer(safe, message["subject"] or "", images=images)


async def text(visit: Visit) -> Response:
    """The whole text of a message that is too long for the thread."""
    message = await _message(visit)
    return PlainTextResponse(message["body_text"] or "")
