"""What people call the channels; the wire's words are their slugs."""

from collections.abc import Callable, Iterable

from polus.web.places import N_

NAMES = {
    "email": N_("E-mail"),
    "chat": N_("Chat"),
    "contact_form": N_("Contact form"),
    "help-center": N_("Help centre"),
    "phone": N_("Telephone"),
    "sms": N_("SMS"),
    "whatsapp": N_("WhatsApp"),
    "facebook": N_("Facebook comments"),
    "facebook-messenger": N_("Messenger"),
    "instagram-comment": N_("Instagram comments"),
    "instagram-direct-message": N_("Instagram"),
    "twitter": N_("X posts"),
    "twitter-direct-message": N_("X messages"),
    "aircall": N_("Aircall"),
    "api": N_("API"),
}


def name(slug: str | None) -> str:
    """The name before it is translated; a slug that nobody named is its own."""
    return NAMES.get(slug or "", slug or "")


def named(slugs: Iterable[str], gettext: Callable[[str], str]) -> list[tuple[str, str]]:
    """Slugs with their names, for a list to choose from."""
    return [(slug, gettext(name(slug))) for slug in slugs]
