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

READER = "observer-agent"

ROWS: tuple[Row, ...] = (
    Row(
        "channels",
        N_("All channels"),
        "/settings/channel-states",
        "activity",
        "admin",
        N_(
            "Whether customers' words come in and answers go out: last activity, what waits, what went wrong."
        ),
    ),
    Row(
        "channels",
        N_("Chats"),
        "/settings/chats",
        "message-circle",
        "admin",
        N_("Let visitors of your shop write to you from its pages, and answer them from the inbox."),
    ),
    Row(
        "you",
        N_("Profile"),
        "/settings/profile",
        "user-round",
        READER,
        N_("Your name, language, signature and password, and where you are logged in."),
    ),
    Row(
        "you",
        N_("Two-factor log-in"),
        "/settings/two-factor",
        "shield-check",
        READER,
        N_("A code from your phone is asked for beside the password."),
    ),
    Row(
        "team",
        N_("Account"),
        "/settings/account",
        "building-2",
        "admin",
        N_("When your shop is at work, and in which time zone."),
    ),
    Row(
        "team",
        N_("Access"),
        "/settings/access",
        "lock",
        "admin",
        N_("How people log in, whether with a second factor, and who may join."),
    ),
    Row(
        "team",
        N_("Providers"),
        "/settings/providers",
        "key-round",
        "admin",
        N_("Google, Microsoft or a provider of your own: for mailboxes, and for logging in."),
    ),
    Row(
        "team",
        N_("Users"),
        "/settings/users",
        "users",
        "admin",
        N_("Who works here, and what each may do."),
    ),
    Row(
        "team",
        N_("Teams"),
        "/settings/teams",
        "users-round",
        "agent",
        N_("Groups that tickets are given to."),
    ),
    Row(
        "channels",
        N_("E-mail addresses"),
        "/settings/channels",
        "at-sign",
        "admin",
        N_("Where customers write to, and where answers are sent from."),
    ),
    Row(
        "channels",
        N_("Signing of mails"),
        "/settings/signing",
        "key-round",
        "admin",
        N_("Receivers know by a signature (DKIM) that a mail is yours, so it is not taken for spam."),
    ),
    Row(
        "channels",
        N_("Trust and privacy"),
        "/settings/trust",
        "shield-check",
        "admin",
        N_("Card numbers, forged senders and spam: what is done with them before you read them."),
    ),
    Row(
        "tickets",
        N_("Views"),
        "/settings/views",
        "list-filter",
        READER,
        N_("Lists of tickets in the rail: which tickets, in which order, for whom."),
    ),
    Row(
        "tickets",
        N_("Macros"),
        "/settings/macros",
        "zap",
        "agent",
        N_("Answers that you give often, with what is to happen to the ticket."),
    ),
    Row(
        "channels",
        N_("Contact forms"),
        "/settings/contact-forms",
        "clipboard-list",
        "admin",
        N_("A page on which customers write to you, with the fields that you need of them."),
    ),
    Row(
        "channels",
        N_("Voice"),
        "/settings/voice",
        "phone",
        "admin",
        N_("Telephone numbers: what callers hear, whose telephones ring, voicemail and recordings."),
    ),
    Row(
        "channels",
        N_("SMS and WhatsApp"),
        "/settings/texts",
        "message-square",
        "admin",
        N_("Numbers that customers send texts to, and that you answer from."),
    ),
    Row(
        "apps",
        N_("Integrations"),
        "/settings/integrations",
        "webhook",
        "admin",
        N_("Call other systems when something happens to a ticket, and connect your shop."),
    ),
    Row(
        "apps",
        N_("Widgets"),
        "/settings/widgets",
        "layout-grid",
        "agent",
        N_("What stands beside a ticket about its customer."),
    ),
    Row(
        "tickets",
        N_("Tags"),
        "/settings/tags",
        "tag",
        "agent",
        N_("Words on tickets, for rules, views and statistics. Merge those that mean the same."),
    ),
    Row(
        "tickets",
        N_("Custom fields"),
        "/settings/fields",
        "text-cursor-input",
        "agent",
        N_("What you want to know of each ticket and customer."),
    ),
    Row(
        "tickets",
        N_("Satisfaction survey"),
        "/settings/survey",
        "smile",
        "admin",
        N_("Customers rate your answers: when they are asked, and in which words."),
    ),
    Row(
        "automation",
        N_("Rules"),
        "/settings/rules",
        "bot",
        "agent",
        N_("What happens by itself when a ticket comes or changes, from top to bottom."),
    ),
    Row(
        "apps",
        N_("Import and export"),
        "/settings/import-export",
        "arrow-left-right",
        "agent",
        N_("Macros and tickets as tables, in and out."),
    ),
    Row(
        "automation",
        N_("Assignment and merging"),
        "/settings/automation",
        "zap",
        "admin",
        N_("Who gets tickets, which are joined, and what customers' words say."),
    ),
    Row(
        "automation",
        N_("Service levels"),
        "/settings/slas",
        "timer",
        "admin",
        N_("How soon customers are answered, by channel and priority."),
    ),
    Row(
        "automation",
        N_("Try a template"),
        "/settings/template",
        "braces",
        "lite-agent",
        N_("A text with variables, filled for a ticket. Nothing is sent."),
    ),
    Row(
        "system",
        N_("Jobs"),
        "/settings/jobs",
        "activity",
        "basic-agent",
        N_("Work on many tickets at once, exports and imports: how far they are and what came out."),
    ),
    Row(
        "system",
        N_("Audit log"),
        "/settings/audit",
        "history",
        "admin",
        N_("Who did what when, for twelve months."),
    ),
    Row(
        "system",
        N_("System health"),
        "/settings/system",
        "heart-pulse",
        "admin",
        N_("Whether everything works, and what waits to be done."),
    ),
    Row(
        "apps",
        N_("Apps"),
        "/settings/apps",
        "puzzle",
        "admin",
        N_("Programs of others that may act in this helpdesk: what they may do, and when they last did."),
    ),
    Row(
        "apps",
        N_("API keys"),
        "/settings/api-keys",
        "key-round",
        "admin",
        N_("For programs of your own. A key may do what its owner may, and is shown once."),
    ),
    Row(
        "apps",
        N_("API usage"),
        "/settings/api-usage",
        "gauge",
        "admin",
        N_("How many requests each key and app makes, and how many were refused because they were too many."),
    ),
    Row(
        "apps",
        N_("Developers"),
        "/settings/developers",
        "square-terminal",
        "admin",
        N_("Write an app: register it, try it here, and hand it in for everybody."),
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
