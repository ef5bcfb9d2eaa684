"""What a macro's actions say on the chips of the composer, in the agent's language."""

from collections.abc import Mapping
from typing import Any

from polus.web import render
from polus.web.render import Here, Wire

LONGEST = 120


def said(here: Here, action: Wire) -> str:
    """One action in a few words; the name of one that nobody knows here."""
    _ = render.catalogue(here.language).gettext
    name, given = str(action.get("name") or ""), action.get("arguments") or {}
    told = {
        "addtags": lambda: _("Add the tags %(what)s") % {"what": joined(given.get("tags"))},
        "removetags": lambda: _("Remove the tags %(what)s") % {"what": joined(given.get("tags"))},
        "settags": lambda: _("Set the tags to %(what)s") % {"what": joined(given.get("tags"))},
        "setstatus": lambda: (
            _("Close the ticket") if given.get("status") == "closed" else _("Open the ticket")
        ),
        "setsubject": lambda: _("Change the subject to %(what)s") % {"what": given.get("subject")},
        "setpriority": lambda: _("Priority: %(what)s") % {"what": given.get("priority")},
        "setassignee": lambda: _("Assign to %(what)s") % {"what": called(given.get("assignee_user"), here)},
        "setteamassignee": lambda: _("Team: %(what)s") % {"what": called(given.get("assignee_team"), here)},
        "snoozeticket": lambda: (
            _("Snooze: %(what)s") % {"what": given.get("snooze_timedelta") or given.get("snooze_datetime")}
        ),
        "addinternalnote": lambda: _("Add a note"),
        "setcustomfieldvalue": lambda: _("Set a ticket field to %(what)s") % {"what": given.get("value")},
        "setcustomercustomfieldvalue": lambda: (
            _("Set a customer field to %(what)s") % {"what": given.get("value")}
        ),
        "forwardmessage": lambda: _("Forward to %(what)s") % {"what": joined(given.get("to"))},
        "http": lambda: _("Call %(what)s") % {"what": action.get("title") or given.get("url") or ""},
        "excludefromautomerge": lambda: _("Never merge by itself"),
        "excludefromcsat": lambda: _("Send no survey"),
        "setresponsetext": lambda: _("Answer"),
        "addattachments": lambda: _("Attach files"),
    }.get(name.lower())
    text = told() if told else str(action.get("title") or name)
    return text[:LONGEST]


def joined(given: Any) -> str:
    """Names of a comma text or a list."""
    return ", ".join(str(one) for one in given) if isinstance(given, list) else str(given or "")


def called(given: Any, here: Here) -> str:
    """Who is meant by `{id, name}`."""
    _ = render.catalogue(here.language).gettext
    if not isinstance(given, Mapping):
        return _("nobody")
    return str(given.get("name") or "#" + str(given.get("id") or ""))
