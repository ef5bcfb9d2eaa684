"""Settings: every channel of the account and how it fares: state, last words each way, what waits, what went wrong."""

import datetime
from typing import NamedTuple

from starlette.responses import Response

from polus.base import clock
from polus.channels import states
from polus.channels.states import State
from polus.web import routes
from polus.web.pages import shell
from polus.web.places import N_
from polus.web.visits import Visit

PATH = "/settings/channel-states"
ROLE = "admin"


class Kind(NamedTuple):
    """What people call a type of integration. `page` is where one is set up, `test` where a test is asked for."""

    title: str
    icon: str
    page: str = ""
    test: str = ""


KINDS = {
    "email": Kind(N_("E-mail"), "at-sign", "/settings/channels", "/settings/channels/{id}/test"),
    "gorgias_chat": Kind(N_("Chat"), "message-circle", "/settings/chats/{id}"),
    "self_service": Kind(N_("Contact form"), "clipboard-list", "/settings/contact-forms/{id}"),
    "phone": Kind(N_("Telephone"), "phone", "/settings/voice/{id}", "/settings/voice/{id}/test"),
    "sms": Kind(N_("SMS"), "message-square", "/settings/texts/{id}"),
    "whatsapp": Kind(N_("WhatsApp"), "message-square", "/settings/texts/{id}"),
    "http": Kind(
        N_("HTTP integration"), "webhook", "/settings/integrations/{id}", "/settings/integrations/{id}/test"
    ),
    "shopify": Kind(N_("Shop"), "shopping-bag", "/settings/integrations"),
}
"""One line for each type of integration; what is not named here is shown by its type."""

# The word of a state, its badge and icon. What needs somebody stands first.
WORDS = {
    "failing": (N_("Fails"), "bad", "triangle-alert"),
    "late": (N_("Late"), "bad", "clock"),
    "well": (N_("Works"), "good", "circle-check"),
    "new": (N_("Nothing yet"), "", "circle-dot"),
    "off": (N_("Off"), "", "power"),
}


class Line(NamedTuple):
    """One channel as the page shows it; moments as texts of the wire."""

    name: str
    kind: Kind
    page: str
    test: str
    word: str
    heard: str | None
    said: str | None
    since: str | None
    error: str
    failed: str | None


async def page(visit: Visit) -> Response:
    async with visit.reading() as work:
        found = await states.of_account(work)
        lines = [_line(state, state.word(work.now)) for state in found]
    lines.sort(key=lambda line: list(WORDS).index(line.word))
    return await shell.settings(visit, PATH, "settings/channel_states.html", lines=lines, words=WORDS)


def _line(state: State, word: str) -> Line:
    kind = KINDS.get(state.type, Kind(state.type, "plug"))
    since = min((way.since for way in (state.heard, state.said) if way.since), default=None)
    failed = [way for way in (state.heard, state.said) if way.error_datetime]
    wrong = max(failed, key=lambda way: str(way.error_datetime), default=None)
    return Line(
        state.address or state.name,
        kind,
        kind.page.format(id=state.id),
        "" if state.off else kind.test.format(id=state.id),
        word,
        _told(state.heard.latest),
        _told(state.said.latest),
        _told(since),
        wrong.error if wrong else "",
        _told(wrong.error_datetime if wrong else None),
    )


def _told(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else clock.text(moment)


ROUTES = (routes.get(PATH, page, ROLE),)
