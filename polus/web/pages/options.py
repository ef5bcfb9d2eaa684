"""What several pages offer to choose from: roles, time zones, days, languages."""

from functools import cache

from polus.base import names
from polus.web import render
from polus.web.visits import LANGUAGES, Visit

Options = list[tuple[str, str]]

ROLES = ("admin", "agent", "basic-agent", "lite-agent", "observer-agent")


@cache
def zones() -> tuple[str, ...]:
    """The time zones by their names, without those that only stand for others."""
    return (
        "UTC",
        *sorted(zone for zone in names.TIMEZONES if "/" in zone and not zone.startswith(("Etc/", "US/"))),
    )


def roles(visit: Visit) -> list[tuple[str, str, str]]:
    """Each role with its name and what it may do."""
    _ = visit.gettext
    return [
        ("admin", _("Administrator"), _("Everything, also users and the account.")),
        ("agent", _("Lead agent"), _("All work on tickets, and macros, tags, teams, views and rules.")),
        ("basic-agent", _("Agent"), _("All work on tickets and customers.")),
        ("lite-agent", _("Lite agent"), _("Answers and changes tickets; deletes nothing.")),
        ("observer-agent", _("Observer"), _("Reads everything and writes internal notes.")),
    ]


def role_names(visit: Visit) -> dict[str, str]:
    return {key: name for key, name, _about in roles(visit)}


def days(visit: Visit) -> Options:
    """Days of the week as the setting writes them: `1,2,3,4,5`."""
    _ = visit.gettext
    return [
        ("1,2,3,4,5", _("Monday to Friday")),
        ("1,2,3,4,5,6", _("Monday to Saturday")),
        ("1,2,3,4,5,6,7", _("Every day")),
        ("6,7", _("Saturday and Sunday")),
        ("1", _("Monday")),
        ("2", _("Tuesday")),
        ("3", _("Wednesday")),
        ("4", _("Thursday")),
        ("5", _("Friday")),
        ("6", _("Saturday")),
        ("7", _("Sunday")),
    ]


def languages() -> Options:
    """The languages of the interface, each by its own name."""
    return [(code, render.own_name(code).capitalize()) for code in LANGUAGES]


def all_languages(visit: Visit) -> Options:
    """Every language that a ticket or macro can have, by its name in the reader's."""
    here = visit.here()
    named = ((code, render.language_name(code, here)) for code in names.LANGUAGES)
    return sorted(((code, name) for code, name in named if name != code), key=lambda pair: pair[1].lower())
