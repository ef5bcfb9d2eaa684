"""Settings: the mailbox of an address, which is fetched, and the mail server that sends for it; each with its test."""

import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from starlette.responses import Response

from polus.base import clock
from polus.channels.email import probes, troubles
from polus.desk import mail_folders, mail_servers
from polus.desk.mail_servers import Wanted
from polus.store.work import Work
from polus.web import routes
from polus.web.pages import forms, mailbox_consents, shell
from polus.web.pages.forms import Form
from polus.web.places import N_
from polus.web.visits import Visit

MENU = "/settings/channels"
PATH = "/settings/channels/{channel:int}/mailbox"
SENDING = "/settings/channels/{channel:int}/sending"
ROLE = "admin"
NOT_DATE = N_("Please enter a date.")
FIELDS = ("host", "port", "security", "username", "auth", "token_url", "scope", "tagged")

TITLES = {"in": N_("Mailbox of %(address)s"), "out": N_("Sending from %(address)s")}
ABOUT = {
    "in": N_("Mails are fetched from this mailbox by IMAP and become tickets. Nothing in it is changed."),
    "out": N_(
        "Answers are handed to this mail server, instead of the one that the installation sends through."
    ),
}
# The word of a state, and its badge and icon.
WORDS = {
    "new": (N_("Not tried yet"), "", "circle-dot"),
    "well": (N_("Works"), "good", "circle-check"),
    "trouble": (N_("Fails"), "bad", "triangle-alert"),
}
GOOGLE = {"auth": "oauth2", "token_url": "https://oauth2.googleapis.com/token", "scope": ""}
MICROSOFT = {"auth": "oauth2", "token_url": "https://login.microsoftonline.com/common/oauth2/v2.0/token"}
OUTLOOK = "https://outlook.office.com/"


class Preset(NamedTuple):
    """What a provider's customers would have to look up."""

    name: str
    servers: dict[str, dict[str, str]]


PRESETS = {
    "google": Preset(
        "Google",
        {
            "in": {"host": "imap.gmail.com", "port": "993", "security": "tls", "tagged": "1"} | GOOGLE,
            "out": {"host": "smtp.gmail.com", "port": "465", "security": "tls"} | GOOGLE,
        },
    ),
    "microsoft": Preset(
        "Microsoft 365",
        {
            "in": {"host": "outlook.office365.com", "port": "993", "security": "tls"}
            | {**MICROSOFT, "scope": OUTLOOK + "IMAP.AccessAsUser.All offline_access"},
            "out": {"host": "smtp.office365.com", "port": "587", "security": "starttls"}
            | {**MICROSOFT, "scope": OUTLOOK + "SMTP.Send offline_access"},
        },
    ),
}
EMPTY = {
    "in": {"port": "993", "security": "tls", "auth": "password", "folders": "INBOX"},
    "out": {"port": "587", "security": "starttls", "auth": "password"},
}


def _way(visit: Visit) -> str:
    return "out" if "/sending" in visit.request.url.path else "in"


async def page(visit: Visit) -> Response:
    """What is stored, or for a new one what a provider's customers need."""
    way, channel = _way(visit), visit.request.path_params["channel"]
    async with visit.reading() as work:
        address = await mail_servers.address(work, channel)
        stored = (await mail_servers.states(work, channel)).get(way)
        names = [row["name"] for row in await mail_folders.listed(work, channel)]
    preset = PRESETS.get(visit.request.query_params.get("preset", ""))
    filled: dict[str, Any] = EMPTY[way] | {"username": address}
    if preset is not None:
        filled |= preset.servers[way]
    elif stored is not None:
        filled = {name: stored[name] for name in FIELDS} | {"folders": "\n".join(names)}
    return await shown(visit, Form.of(visit, filled))


async def shown(visit: Visit, form: Form) -> Response:
    _, way, channel = visit.gettext, _way(visit), visit.request.path_params["channel"]
    async with visit.reading() as work:
        address = await mail_servers.address(work, channel)
        stored = await mail_servers.states(work, channel)
        folders = [_folder(row) for row in await mail_folders.listed(work, channel)]
        offers = await mailbox_consents.offers(work)
    state = stored.get(way)
    facts: dict[str, Any] = {
        "way": way,
        "base": f"{MENU}/{channel}/{'mailbox' if way == 'in' else 'sending'}",
        "state": state,
        "word": WORDS[state["state"]] if state else None,
        "wrong": _wrong(visit, state),
        "active": _told(state["active_datetime"]) if state else None,
        "folders": folders if way == "in" else [],
        "presets": {name: preset.name for name, preset in PRESETS.items()},
        "offers": offers,
        "connected": offers.get(state["provider"] or "") if state else None,
        "has_mailbox": "in" in stored,
        "title": _(TITLES[way]) % {"address": address},
        "about": _(ABOUT[way]),
        "back": (MENU, _("E-mail addresses")),
    }
    return await shell.settings(visit, MENU, "settings/mailbox.html", form=form, **facts)


async def save(visit: Visit) -> Response:
    """Keep what was filled in; or take it along to a provider, whose consent is needed first."""
    form, way, channel = Form.sent(visit), _way(visit), visit.request.path_params["channel"]
    connect = form.text("connect")
    if connect in PRESETS:
        # A provider's consent is for its own servers.
        form.values |= {name: [value] for name, value in PRESETS[connect].servers[way].items()}
    wanted = _wanted(form, way)

    async def change(work: Work) -> None:
        await mail_servers.save(work, channel, way, wanted)

    if connect:
        gone = await mailbox_consents.leave(visit, form, channel, way, connect, wanted)
    else:
        said = visit.gettext("Saved. Press Test to see whether it works.")
        gone = forms.done(visit, visit.request.url.path, said) if await form.write(change) else None
    if gone is not None:
        return gone
    # Typed again rather than sent back.
    for name in wanted.secret:
        form.values.pop(name, None)
    return await shown(visit, form)


def _wanted(form: Form, way: str) -> Wanted:
    return Wanted(
        host=form.text("host", required=True, longest=253),
        port=form.number("port", required=True, least=1, most=65535) or 0,
        security=form.choice("security", mail_servers.SECURITIES),
        username=form.text("username", longest=320),
        auth=form.choice("auth", mail_servers.AUTHS[way]),
        # Not stripped: a blank may be part of a password.
        secret={name: form.value(name) for names in mail_servers.SECRETS.values() for name in names},
        token_url=form.text("token_url", longest=2000),
        scope=form.text("scope", longest=2000),
        tagged=form.checked("tagged"),
        folders=[name for line in form.value("folders").splitlines() if (name := line.strip())],
    )


async def test(visit: Visit) -> Response:
    """Connect and log in now, and say in plain words what is wrong."""
    way, channel = _way(visit), visit.request.path_params["channel"]
    host = urlsplit(visit.account.base_url).hostname or "localhost"
    trouble = await probes.test(visit.house.database, visit.account, channel, way, host)
    back = visit.request.url.path.removesuffix("/test")
    if trouble is not None:
        return forms.done(visit, back, troubles.told(trouble.code, trouble.facts, visit.gettext), bad=True)
    said = {
        "in": visit.gettext("It works: the mailbox can be opened, with all its folders."),
        "out": visit.gettext("It works: the server takes mails from this address."),
    }
    return forms.done(visit, back, said[way])


async def remove(visit: Visit) -> Response:
    form, way, channel = Form.sent(visit), _way(visit), visit.request.path_params["channel"]

    async def change(work: Work) -> None:
        await mail_servers.remove(work, channel, way)

    said = {
        "in": visit.gettext("Nothing is fetched any more. Tickets stay."),
        "out": visit.gettext("Answers go through the installation’s mail server again."),
    }
    return await forms.ended(form, change, MENU, said[way])


async def history(visit: Visit) -> Response:
    """Fetch the mails that were there before; without a date stop that."""
    form, channel = Form.sent(visit), visit.request.path_params["channel"]
    back = visit.request.url.path.removesuffix("/history")
    since: datetime.date | None = None
    if not form.checked("stop"):
        try:
            since = datetime.date.fromisoformat(form.text("since"))
        except ValueError:
            return forms.done(visit, back, visit.gettext(NOT_DATE), bad=True)

    async def change(work: Work) -> None:
        await mail_folders.fetch_history(work, channel, since)

    said = (
        visit.gettext("Older mails are being fetched.")
        if since
        else visit.gettext("No older mails are fetched.")
    )
    return await forms.ended(form, change, back, said)


def _wrong(visit: Visit, state: Any) -> str:
    if state is None or state["error_code"] not in troubles.SENTENCES:
        return ""
    return troubles.told(state["error_code"], state["error_facts"], visit.gettext)


def _folder(row: Any) -> dict[str, Any]:
    """A folder as the page shows it, with how much of its history has been gone through, in percent."""
    told: dict[str, Any] = {"name": row["name"], "seen": _told(row["seen_datetime"]), "past": None}
    if row["history_since"] is not None and row["history_top"] is not None:
        part = row["history_uid"] / row["history_top"] if row["history_top"] else 1
        told |= {"past": int(100 * part), "count": row["history_count"], "since": str(row["history_since"])}
    return told


def _told(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else clock.text(moment)


ROUTES = (
    routes.get(PATH, page, ROLE),
    routes.post(PATH, save, ROLE),
    routes.post(PATH + "/test", test, ROLE),
    routes.post(PATH + "/remove", remove, ROLE),
    routes.post(PATH + "/history", history, ROLE),
    routes.get(SENDING, page, ROLE),
    routes.post(SENDING, save, ROLE),
    routes.post(SENDING + "/test", test, ROLE),
    routes.post(SENDING + "/remove", remove, ROLE),
)
