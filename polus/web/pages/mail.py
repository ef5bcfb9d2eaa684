"""A message's HTML in its own document, long texts as they are, and the files that came with messages."""

import re
from html import escape, unescape

import msgspec
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from polus.base import errors, pictures
from polus.base import html as cleaner
from polus.desk import files
from polus.desk.tickets import messages
from polus.web import frames, routes
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
    safe = own_files(safe, visit)
    images = "images" in query
    if not images:
        safe, _ = cleaner.block_remote(safe)
    return frames.answer(safe, message["subject"] or "", images=images)


async def text(visit: Visit) -> Response:
    """The whole text of a message that is too long for the thread."""
    message = await _message(visit)
    return PlainTextResponse(message["body_text"] or "")


PICTURE = re.compile(r'(<img\b[^<>]*?\bsrc=")([^"]*)(")')


def own_files(safe: str, visit: Visit) -> str:
    """Pictures that lie with us are fetched from us, with the agent's session: they came with the mail."""

    def ours(found: re.Match[str]) -> str:
        placed = files.placed(visit.account, unescape(found[2]))
        return found[1] + escape("/attachments/" + "/".join(placed)) + found[3] if placed else found[0]

    return PICTURE.sub(ours, safe)


async def attachment(visit: Visit) -> Response:
    """`/attachments/{type}/{name}`: a file of the account; `?format=WxH` of a picture a small version."""
    params, size = visit.request.path_params, visit.request.query_params.get("format", "")
    if size:
        try:
            pictures.wanted_size(size)
        except ValueError:
            raise errors.NotFound from None
    async with visit.reading() as work:
        found = await files.get(work, params["type"], params["name"])
        return RedirectResponse(files.link(work, found, size), 307)


ROUTES = (
    routes.get("/tickets/{ticket:int}/messages/{message:int}/html", html),
    routes.get("/tickets/{ticket:int}/messages/{message:int}/text", text),
    routes.get("/attachments/{type}/{name}", attachment),
)
