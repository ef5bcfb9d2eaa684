"""The full pages that the rail leads to beside the inbox: one row for each."""

from typing import NamedTuple


class Place(NamedTuple):
    """A page, or a family of pages, with its name and icon. Texts are translated where they are shown."""

    path: str
    title: str
    icon: str


def N_(text: str) -> str:
    """Marks a text for the catalogue that is translated later."""
    return text


PLACES = (
    Place("/customers", N_("Customers"), "users-round"),
    Place("/statistics", N_("Statistics"), "chart-column"),
    Place("/settings", N_("Settings"), "settings"),
)
"""In the order of the rail, under the inbox's views."""
