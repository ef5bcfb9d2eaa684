"""What the menus and the rail offer, in the agent's language and time: views, moments to snooze until."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import cache

from polus.desk import inbox
from polus.desk.views import counting, rails
from polus.web import render
from polus.web.render import Here

LANGUAGES = (
    "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "he", "hi", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "nb",
    "nl", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "th", "tr", "uk", "vi", "zh",
)  # fmt: skip
"""Those that a menu offers to choose from by hand; by the API a ticket may have any."""
MORNING = time(9)
EVENING = time(18)


@dataclass(frozen=True, slots=True)
class Entry:
    """A view in the rail."""

    key: str
    name: str
    icon: str
    count: int
    more: bool = False
    emoji: str = ""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Views that people made, under one heading."""

    name: str
    emoji: str
    views: list[Entry]


@dataclass(frozen=True, slots=True)
class Snooze:
    """A moment to snooze until."""

    name: str
    until: datetime


def views(here: Here, counts: Mapping[str, int]) -> list[Entry]:
    """The rail's views in their order; every key of `inbox.VIEWS` has its name here."""
    _ = render.catalogue(here.language).gettext
    looks = {
        "all": (_("All"), "layers"),
        "open": (_("Open"), "inbox"),
        "mine": (_("Mine"), "user-round"),
        "unassigned": (_("Unassigned"), "user-x"),
        "snoozed": (_("Snoozed"), "alarm-clock"),
        "closed": (_("Closed"), "circle-check"),
        "spam": (_("Spam"), "octagon-alert"),
        "trash": (_("Trash"), "trash-2"),
    }
    return [
        Entry(key, *looks[key], min(counts.get(key, 0), most), counts.get(key, 0) > most)
        for key, most in inbox.CEILINGS.items()
    ]


def own(view: rails.View, counts: Mapping[int, int]) -> Entry:
    """A view that somebody made, as the rail shows it."""
    count = counts.get(view.id, 0)
    return Entry(
        str(view.id),
        view.name,
        "list-filter",
        min(count, counting.COUNTED),
        count > counting.COUNTED,
        view.emoji,
    )


def shelves(here: Here, sections: list[rails.Section], counts: Mapping[int, int]) -> list[Shelf]:
    """The rail below the inbox's own views."""
    _ = render.catalogue(here.language).gettext
    names = {"shared": _("Shared views"), "private": _("My views")}
    return [
        Shelf(
            names.get(section.kind, section.name),
            section.emoji,
            [own(view, counts) for view in section.views],
        )
        for section in sections
    ]


def snoozes(here: Here) -> list[Snooze]:
    """This evening while it is still to come, tomorrow, Monday, in a week: mornings and evenings where the agent is."""
    _ = render.catalogue(here.language).gettext
    now = here.now.astimezone(here.zone)
    offers = [
        (_("In one hour"), now + timedelta(hours=1)),
        (_("Tomorrow morning"), at(now + timedelta(days=1), MORNING)),
        (_("Next Monday"), at(now + timedelta(days=7 - now.weekday()), MORNING)),
        (_("In one week"), at(now + timedelta(days=7), MORNING)),
    ]
    if now < at(now, EVENING) - timedelta(hours=1):
        offers.insert(1, (_("This evening"), at(now, EVENING)))
    return [Snooze(name, until.replace(second=0, microsecond=0)) for name, until in offers]


def at(day: datetime, clock: time) -> datetime:
    """That time on that day; the wall's time, also over a change of the clocks."""
    return datetime.combine(day.date(), clock, day.tzinfo)


def read(value: str, here: Here) -> datetime | None:
    """A moment as `snoozes` or `<input type=datetime-local>` send it: without an offset, the agent's own time."""
    try:
        given = datetime.fromisoformat(value)
    except ValueError:
        return None
    return given if given.tzinfo else given.replace(tzinfo=here.zone)


def languages(here: Here, current: str | None) -> list[tuple[str, str]]:
    """What a ticket may be written in, by name; with the one it has, whichever that is."""
    named = _languages(here.language)
    if current and current not in LANGUAGES:
        return [(current, render.language_name(current, here)), *named]
    return list(named)


@cache
def _languages(reader: str) -> tuple[tuple[str, str], ...]:
    here = replace(render.NOBODY, language=reader)
    named = ((code, render.language_name(code, here)) for code in LANGUAGES)
    return tuple(sorted(named, key=lambda pair: pair[1].lower()))
