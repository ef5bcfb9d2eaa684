"""The menu of the settings: one row for each page. Whoever builds a page adds its row here."""

from collections.abc import Callable
from typing import NamedTuple

from polus.store.work import Actor
from polus.web.places import N_


class Row(NamedTuple):
    """A page of the settings. `role` is the least that sees it in the menu; its routes ask for the same or more."""

    section: str
    title: str
    path: str
    icon: str
    role: str
    about: str
    """One sentence: what the page is for. It stands under the title."""


SECTIONS = {
    "you": N_("You"),
    "team": N_("Helpdesk and team"),
    "channels": N_("Channels"),
    "tickets": N_("Tickets"),
    "automation": N_("Automation"),
    "apps": N_("Apps and data"),
    "system": N_("System"),
}
"""In their order."""

ROWS: tuple[Row, ...] = (
    Row(
        "channels",
        N_("Chats"),
        "/settings/chats",
        "message-circle",
        "admin",
        N_("Let visitors of your shop write to you from its pages, and answer them from the inbox."),
    ),
    Row(
        "tickets",
        N_("Tags"),
        "/settings/tags",
        "tag",
        "agent",
        N_("Words on tickets, for rules, views and statistics. Merge those that mean the same."),
    ),
)


def visible(actor: Actor) -> dict[str, list[Row]]:
    """The rows that somebody may see, by section; sections without any are left out."""
    found = {key: [row for row in ROWS if row.section == key and actor.may(row.role)] for key in SECTIONS}
    return {key: rows for key, rows in found.items() if rows}


def row(path: str) -> Row:
    """KeyError for a path that the menu does not have."""
    for one in ROWS:
        if one.path == path:
            return one
    raise KeyError(path)


def titles(gettext: Callable[[str], str]) -> dict[str, str]:
    """Names of the sections in the reader's language."""
    return {key: gettext(title) for key, title in SECTIONS.items()}
